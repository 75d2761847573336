"""The engine on Spark: on this machine, or on Glue's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from pypedream_dagster.delta.engines.outcome import Outcome
from pypedream_dagster.delta.engines.spark.inference import key_candidates
from pypedream_dagster.delta.engines.spark.keyed import Keyed
from pypedream_dagster.delta.engines.spark.multiset import Multisets
from pypedream_dagster.delta.engines.spark.reading import SparkReader
from pypedream_dagster.delta.engines.spark.statistics import describe
from pypedream_dagster.delta.model import ColumnStats, EngineName, RowCounts, Samples
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.rules import CompareRules, Format
from pypedream_dagster.delta.source import AnySide, DataFile, UnreadableError

_T = TypeVar("_T")

_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.variable.substitute": "false",
}


class Spark:
    """Spark reads, compares and describes."""

    def __init__(self, rules: CompareRules, session: Any) -> None:
        self._rules = rules
        self._session = session.newSession()
        for name, value in _SETTINGS.items():
            self._session.conf.set(name, value)
        self._reader = SparkReader(self._session, rules)

    def __enter__(self) -> Spark:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()

    @property
    def name(self) -> EngineName:
        """See `Engine.name`."""
        return "spark"

    def open(
        self, side: AnySide, files: tuple[DataFile, ...], format_: Format, partition_types: Mapping[str, str]
    ) -> Table:
        """See `Engine.open`."""
        return self._reader.open(side, files, format_, partition_types)

    def typed_alike(self, base: Table, head: Table) -> tuple[Table, Table]:
        """See `Engine.typed_alike`."""
        return self._reader.typed_alike(base, head)

    def restrict(self, table: Table, files: tuple[DataFile, ...]) -> Table:
        """See `Engine.restrict`."""
        return self._reader.restrict(table, files)

    def guarded(self, tables: tuple[Table, Table], action: Callable[[], _T]) -> _T:
        """See `Engine.guarded`."""
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            return action()
        except UnreadableError:
            raise
        except (PySparkException, Py4JError) as error:
            for table in tables:
                self._reader.blame(table, error)
            raise

    def key_candidates(self, base: Table, head: Table, pairing: Pairing) -> Iterable[tuple[Pair, ...]]:
        """See `Engine.key_candidates`."""
        return key_candidates(self._session, base, head, pairing)

    def compare_by_inferred(self, base: Table, head: Table, pairing: Pairing) -> Outcome:
        """See `Engine.compare_by_inferred`; candidates are unique for certain."""
        return self.compare(base, head, pairing)

    def compare(self, base: Table, head: Table, pairing: Pairing) -> Outcome:
        """See `Engine.compare`."""
        if not base.rows and not head.rows:
            limit = self._rules.sample_rows
            return Outcome(RowCounts(changed=0 if pairing.key else None), samples=Samples(limit=limit))
        if not pairing.key:
            return Multisets(self._reader, base, head, pairing).outcome()
        keyed = Keyed(self._reader, base, head, pairing)
        delta = keyed.delta()
        if delta.is_unique:
            return keyed.outcome(delta)
        duplicates = (delta.base_duplicates, delta.head_duplicates)
        return Multisets(self._reader, base, head, pairing, duplicates).outcome()

    def describe(self, table: Table, names: Collection[str]) -> dict[str, ColumnStats]:
        """See `Engine.describe`."""
        return describe(self._session, table, names)
