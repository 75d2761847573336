"""What a comparison asks of an engine: open the sides, compare what is left of them, describe columns.

One instance serves one comparison, as a context manager. The rest (listing, pairing, identical files, the choice
of the key, the result's form) is the same for all engines and lies in `delta.compare`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import TracebackType
from typing import Protocol, TypeVar

from pypedream_dagster.delta.engines.outcome import Outcome
from pypedream_dagster.delta.model import ColumnStats, EngineName
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.rules import Format
from pypedream_dagster.delta.source import AnySide, DataFile

_T = TypeVar("_T")


class RepeatedKeysError(Exception):
    """A key value occurs more than once on a side."""


class Engine(Protocol):
    """One comparison's engine."""

    @property
    def name(self) -> EngineName:
        """What the delta calls it."""

    def __enter__(self) -> Engine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def open(
        self, side: AnySide, files: tuple[DataFile, ...], format_: Format, partition_types: Mapping[str, str]
    ) -> Table:
        """A side as a table.

        Raises:
            UnreadableError: a file cannot be read; the message names it.
        """

    def typed_alike(self, base: Table, head: Table) -> tuple[Table, Table]:
        """Both sides with the same types for what text leaves open, such as the columns of CSV.

        Raises:
            UnreadableError: a file cannot be read; the message names it.
        """

    def restrict(self, table: Table, files: tuple[DataFile, ...]) -> Table:
        """The same table with some of its files only, in the schema of all; rows counted anew."""

    def guarded(self, tables: tuple[Table, Table], action: Callable[[], _T]) -> _T:
        """The action's result.

        Raises:
            UnreadableError: a file of the tables cannot be read, or the engine's limits do not suffice.
        """

    def key_candidates(self, base: Table, head: Table, pairing: Pairing) -> Iterable[tuple[Pair, ...]]:
        """Columns, or combinations of some, that may identify the rows, best first."""

    def compare_by_inferred(self, base: Table, head: Table, pairing: Pairing) -> Outcome:
        """The outcome by a key that was inferred.

        Raises:
            RepeatedKeysError: it is no key.
        """

    def compare(self, base: Table, head: Table, pairing: Pairing) -> Outcome:
        """The outcome: by key, by multisets per key where it repeats, by whole rows where there is none."""

    def describe(self, table: Table, names: Collection[str]) -> dict[str, ColumnStats]:
        """Statistics of the named columns."""
