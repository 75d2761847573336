"""The default engine: DuckDB on this machine, within a memory limit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from pypedream_dagster.delta.engines.duckdb.keyed import compare_keyed
from pypedream_dagster.delta.engines.duckdb.multiset import compare_multisets
from pypedream_dagster.delta.engines.engine import RepeatedKeysError
from pypedream_dagster.delta.engines.outcome import Outcome
from pypedream_dagster.delta.inference import infer_key
from pypedream_dagster.delta.model import ColumnStats, EngineName
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Reader, Table
from pypedream_dagster.delta.rules import CompareRules, Format
from pypedream_dagster.delta.source import AnySide, DataFile, UnreadableError
from pypedream_dagster.delta.statistics import describe

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_T = TypeVar("_T")


class DuckDB:
    """DuckDB reads, compares and describes."""

    def __init__(self, rules: CompareRules) -> None:
        self.rules = rules
        self.reader = Reader(rules, copies_remote=True)
        self._has_struck = False

    def __enter__(self) -> DuckDB:
        self.reader.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reader.__exit__(kind, error, trace)

    @property
    def name(self) -> EngineName:
        """See `Engine.name`."""
        return "duckdb"

    @property
    def connection(self) -> DuckDBPyConnection:
        """The connection of this comparison."""
        return self.reader.connection

    def open(
        self, side: AnySide, files: tuple[DataFile, ...], format_: Format, partition_types: Mapping[str, str]
    ) -> Table:
        """See `Engine.open`."""
        return self.reader.open(side, files, format_, partition_types)

    def typed_alike(self, base: Table, head: Table) -> tuple[Table, Table]:
        """See `Engine.typed_alike`."""
        return self.reader.typed_alike(base, head)

    def restrict(self, table: Table, files: tuple[DataFile, ...]) -> Table:
        """See `Engine.restrict`."""
        self._has_struck = self._has_struck or files != table.files
        return self.reader.restrict(table, files)

    def guarded(self, tables: tuple[Table, Table], action: Callable[[], _T]) -> _T:
        """See `Engine.guarded`."""
        import duckdb
        import pyarrow as pa

        try:
            return action()
        except duckdb.OutOfMemoryException as error:
            limit = self.rules.memory_limit_bytes // 1024**2
            raise UnreadableError(
                f"{tables[1].side.uri}: the comparison does not fit into {limit} MiB",
                hint="raise the memory limit",
            ) from error
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            for table in tables:
                self.reader.blame(table, error)
            raise

    def key_candidates(self, base: Table, head: Table, pairing: Pairing) -> Iterable[tuple[Pair, ...]]:
        """See `Engine.key_candidates`."""
        return infer_key(self.connection, self._scannable(base), self._scannable(head), pairing)

    def compare_by_inferred(self, base: Table, head: Table, pairing: Pairing) -> Outcome:
        """See `Engine.compare_by_inferred`; that no key repeats is proven on the way."""
        self._fetch(base, head)
        return compare_keyed(self.connection, base, head, pairing, self.rules)

    def compare(self, base: Table, head: Table, pairing: Pairing) -> Outcome:
        """See `Engine.compare`."""
        self._fetch(base, head)
        if not pairing.key:
            return compare_multisets(self.connection, base, head, pairing, self.rules)
        try:
            return compare_keyed(self.connection, base, head, pairing, self.rules)
        except RepeatedKeysError:
            return compare_multisets(self.connection, base, head, pairing, self.rules)

    def describe(self, table: Table, names: Collection[str]) -> dict[str, ColumnStats]:
        """See `Engine.describe`."""
        return describe(self.connection, self.reader.to_describe(table, len(names)), names) if names else {}

    def _scannable(self, table: Table) -> Table:
        """The table for scans of a few columns, without fetching files for it that nothing else will need."""
        if not self._has_struck:
            self._fetch(table)
        return self.reader.to_describe(table, columns=1)

    def _fetch(self, *tables: Table) -> None:
        for table in tables:
            self.reader.fetch(table)
