"""Compares one dataset's base with its head: the one entry to the delta engine.

    list files → one side missing? → read schemas → pair columns → strike identical files → choose a key
    → engine → statistics → `DatasetDelta`

A dataset that cannot be compared is reported in the delta's status; only rules that make no sense raise.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, assert_never

from pypedream_dagster.delta.assemble import Inputs, assemble, one_sided, partitions
from pypedream_dagster.delta.engines.engine import Engine, RepeatedKeysError
from pypedream_dagster.delta.engines.outcome import Outcome
from pypedream_dagster.delta.identity import without_identical
from pypedream_dagster.delta.model import DatasetDelta, Key, Reading, Status
from pypedream_dagster.delta.pairing import Pair, Pairing, pair_columns
from pypedream_dagster.delta.reading import Table, partition_types
from pypedream_dagster.delta.rules import CompareRules, EngineChoice
from pypedream_dagster.delta.source import AnySide, DataFile, Frame, Side, UnreadableError, detect_format
from pypedream_dagster.delta.tables import TABLE_FORMATS, files_of, resolved


def compare(
    base: AnySide,
    head: AnySide,
    rules: CompareRules | None = None,
    *,
    engine: EngineChoice = "auto",
    name: str = "",
    node: str = "",
    spark: Any = None,
) -> DatasetDelta:
    """Compare a dataset's base with its head.

    Args:
        base: main's side.
        head: the branch's side.
        rules: how to compare; the default infers a key.
        engine: `auto` is DuckDB.
        name: what to call the dataset; the head's last folder if not given.
        node: the node that writes it.
        spark: the SparkSession for engine `spark`; None takes the active one, or starts Spark on this machine.

    Raises:
        DeltaError: the rules do not fit the data (an unknown column, a tolerance on text), or there is no Spark.
    """
    rules = rules or CompareRules()
    started = time.perf_counter()
    empty = DatasetDelta(
        name or base.uri.rstrip("/").rsplit("/", 1)[-1], node, base.uri, head.uri, "unreadable", "not_compared"
    )
    try:
        sides = [resolved(side, rules) for side in (base, head)]
        if engine == "spark" and any(isinstance(side, Side) and side.format in TABLE_FORMATS for side in sides):
            raise UnreadableError(f"{base.uri} or {head.uri} is a Delta or Iceberg table", hint="use engine duckdb")
        delta = _Comparison(sides[0], sides[1], rules).run(empty, _engine(engine, rules, spark))
    except UnreadableError as error:
        delta = replace(empty, error=str(error))
    return replace(delta, seconds=round(time.perf_counter() - started, 3))


def _engine(choice: EngineChoice, rules: CompareRules, spark: Any) -> Engine:
    match choice:
        case "auto" | "duckdb":
            from pypedream_dagster.delta.engines.duckdb.engine import DuckDB

            return DuckDB(rules)
        case "pandas":
            from pypedream_dagster.delta.engines.pandas_engine import Pandas

            return Pandas(rules)
        case "spark":
            from pypedream_dagster.delta.engines.spark.engine import Spark
            from pypedream_dagster.delta.engines.spark.session import local_session

            return Spark(rules, spark or local_session())
        case _:
            assert_never(choice)


@dataclass(frozen=True, slots=True)
class _Comparison:
    base: AnySide
    head: AnySide
    rules: CompareRules

    def run(self, empty: DatasetDelta, prepared: Engine) -> DatasetDelta:
        base, head = (self._listed(side) for side in (self.base, self.head))
        status = self._missing(base, head)
        if status == "both_missing":
            return replace(empty, status=status)
        with prepared as engine:
            types = partition_types(base, head)
            if status is not None:
                side, files = (self.head, head) if status == "base_missing" else (self.base, base)
                table = self._open(engine, side, files, types)
                return one_sided(empty, status, table, self.rules, engine.name)
            opened = (self._open(engine, self.base, base, types), self._open(engine, self.head, head, types))
            opened = engine.typed_alike(*opened)
            return engine.guarded(opened, lambda: self._compared(engine, *opened, empty))

    def _compared(self, engine: Engine, base: Table, head: Table, empty: DatasetDelta) -> DatasetDelta:
        pairing = pair_columns(base.columns, head.columns, self.rules).in_sql(base.sql_names, head.sql_names)
        left_base, left_head, reading = self._without_identical(engine, base, head)
        is_identical = bool(reading.identical_files) and not left_base.files and not left_head.files
        # Of all files: what is unique in those that differ may repeat in the others.
        candidates = engine.key_candidates(base, head, pairing) if self._is_key_wanted(pairing, is_identical) else ()
        pairing, key, outcome = self._outcome(engine, left_base, left_head, pairing, candidates, is_identical)
        inputs = Inputs(base, head, left_base, left_head, pairing, key, outcome, reading, self.rules)
        delta = replace(empty, engine=engine.name)
        delta = replace(delta, partitions=partitions(left_base.files, left_head.files, base.files, head.files))
        return assemble(delta, engine, inputs, is_identical=is_identical)

    def _listed(self, side: AnySide) -> tuple[DataFile, ...]:
        return () if isinstance(side, Frame) else files_of(side)

    def _missing(self, base: tuple[DataFile, ...], head: tuple[DataFile, ...]) -> Status | None:
        has_base = isinstance(self.base, Frame) or bool(base)
        has_head = isinstance(self.head, Frame) or bool(head)
        match has_base, has_head:
            case True, True:
                return None
            case True, False:
                return "head_missing"
            case False, True:
                return "base_missing"
            case _:
                return "both_missing"

    def _open(self, engine: Engine, side: AnySide, files: tuple[DataFile, ...], types: dict[str, str]) -> Table:
        if isinstance(side, Frame):
            return engine.open(side, (), "parquet", types)
        return engine.open(side, files, detect_format(side, files), types)

    def _without_identical(self, engine: Engine, base: Table, head: Table) -> tuple[Table, Table, Reading]:
        sizes = [sum(file.size_bytes for file in table.files) for table in (base, head)]
        reading = Reading(len(base.files), len(head.files), sizes[0], sizes[1], bytes_read=sum(sizes))
        if not (self.rules.skip_identical_files and isinstance(base.side, Side) and isinstance(head.side, Side)):
            return base, head, reading
        if base.columns != head.columns or base.format != head.format or base.format in TABLE_FORMATS:
            return base, head, reading
        left = without_identical(base.side, head.side, base.files, head.files)
        struck = sum(file.size_bytes for file in left.identical)
        reading = replace(
            reading, identical_files=len(left.identical), identical_bytes=struck, bytes_read=sum(sizes) - 2 * struck
        )
        return engine.restrict(base, left.base), engine.restrict(head, left.head), reading

    def _is_key_wanted(self, pairing: Pairing, is_identical: bool) -> bool:
        return not (pairing.key or self.rules.key or not self.rules.infer_key or is_identical)

    def _outcome(
        self,
        engine: Engine,
        base: Table,
        head: Table,
        pairing: Pairing,
        candidates: Iterable[tuple[Pair, ...]],
        is_identical: bool,
    ) -> tuple[Pairing, Key, Outcome]:
        if not self._is_key_wanted(pairing, is_identical):
            columns = tuple(pair.name for pair in pairing.key)
            return pairing, Key(columns, "declared" if columns else "none"), engine.compare(base, head, pairing)
        for pairs in candidates:
            columns = tuple(pair.name for pair in pairs)
            keyed = pairing.with_key(columns)
            try:
                outcome = engine.compare_by_inferred(base, head, keyed)
            except RepeatedKeysError:
                continue
            what = "this column is" if len(columns) == 1 else "these columns together are"
            return keyed, Key(columns, "inferred", note=f"no key is declared; {what} unique on both sides"), outcome
        note = "no key is declared, and no column or few columns identify the rows"
        return pairing, Key(note=note), engine.compare(base, head, pairing)
