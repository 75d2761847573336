"""Puts what was found into a `DatasetDelta`."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace

from pypedream_dagster.delta.engines.engine import Engine
from pypedream_dagster.delta.engines.outcome import CellCounts, Outcome
from pypedream_dagster.delta.model import (
    Column,
    ColumnDelta,
    ColumnStats,
    DatasetDelta,
    EngineName,
    Key,
    PartitionDelta,
    PartitionStatus,
    Reading,
    RowCounts,
    SchemaDelta,
    Status,
    Verdict,
)
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import DataFile

_SMALL_BYTES = 256 * 1024**2


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything found: both sides whole, what was left of them to compare, and the outcome of comparing that."""

    base: Table
    head: Table
    left_base: Table
    left_head: Table
    pairing: Pairing
    key: Key
    outcome: Outcome
    reading: Reading
    rules: CompareRules


def assemble(delta: DatasetDelta, engine: Engine, inputs: Inputs, *, is_identical: bool) -> DatasetDelta:
    """The delta of two sides that could be compared."""
    struck = inputs.base.rows - inputs.left_base.rows
    found = inputs.outcome.rows
    rows = replace(found, base=inputs.base.rows, head=inputs.head.rows, unchanged=found.unchanged + struck)
    schema = inputs.pairing.schema
    is_changed = bool(rows.added or rows.removed or rows.changed) or schema.is_changed
    verdict: Verdict = "changed" if is_changed else "unchanged"
    key = replace(
        inputs.key, base_duplicates=inputs.outcome.base_duplicates, head_duplicates=inputs.outcome.head_duplicates
    )
    return replace(
        delta,
        status="identical" if is_identical else "compared",
        verdict=verdict,
        schema=schema,
        rows=rows,
        key=key,
        columns=_columns(engine, inputs),
        samples=inputs.outcome.samples,
        reading=inputs.reading,
        ignored_columns=tuple(pair.name for pair in inputs.pairing.pairs if pair.role == "ignored"),
        volatile_columns=tuple(pair.name for pair in inputs.pairing.pairs if pair.role == "volatile"),
        tolerated_columns=tuple(pair.name for pair in inputs.pairing.pairs if pair.tolerance),
        notes=_notes(inputs),
        identity=_identity(inputs, is_identical),
    )


def one_sided(
    delta: DatasetDelta, status: Status, table: Table, rules: CompareRules, engine: EngineName
) -> DatasetDelta:
    """The delta of a dataset that only one side has: all its rows and columns are added or removed."""
    names = tuple(name for name, _ in table.columns)
    columns = tuple(Column(name, type_.name) for name, type_ in table.columns)
    changed = 0 if rules.key else None
    size = sum(file.size_bytes for file in table.files)
    if status == "base_missing":
        schema = SchemaDelta(added=names, head=columns)
        rows = RowCounts(head=table.rows, added=table.rows, changed=changed)
        reading = Reading(head_files=len(table.files), head_bytes=size)
    else:
        schema = SchemaDelta(removed=names, base=columns)
        rows = RowCounts(base=table.rows, removed=table.rows, changed=changed)
        reading = Reading(base_files=len(table.files), base_bytes=size)
    return replace(
        delta,
        status=status,
        verdict="changed",
        schema=schema,
        rows=rows,
        reading=reading,
        engine=engine,
        key=Key(rules.key, "declared") if rules.key else Key(),
    )


def partitions(
    left_base: tuple[DataFile, ...],
    left_head: tuple[DataFile, ...],
    base: tuple[DataFile, ...],
    head: tuple[DataFile, ...],
) -> tuple[PartitionDelta, ...]:
    """The Hive partitions in which a file is not the same on both sides, by name."""
    differing = {file.partition_name for file in (*left_base, *left_head) if file.partition}
    ours, theirs = _sizes_by_partition(base), _sizes_by_partition(head)
    found = []
    for name in sorted(differing, key=_natural_order):
        mine, yours = ours[name], theirs[name]
        status: PartitionStatus = "touched" if mine and yours else "removed" if mine else "added"
        found.append(PartitionDelta(name, status, len(mine), len(yours), sum(mine), sum(yours)))
    return tuple(found)


def _sizes_by_partition(files: tuple[DataFile, ...]) -> defaultdict[str, list[int]]:
    sizes: defaultdict[str, list[int]] = defaultdict(list)
    for file in files:
        sizes[file.partition_name].append(file.size_bytes)
    return sizes


def _natural_order(name: str) -> list[tuple[str, int]]:
    """Return a key that sorts ``month=2`` before ``month=10``."""
    return [(text, int(digits or 0)) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", name)]


def _columns(engine: Engine, inputs: Inputs) -> dict[str, ColumnDelta]:
    base_stats, head_stats = _statistics(engine, inputs)
    columns = {
        pair.name: _column(pair, inputs, base_stats.get(pair.name), head_stats.get(pair.head_name))
        for pair in inputs.pairing.pairs
    }
    for column in inputs.pairing.schema.base:
        if column.name in inputs.pairing.schema.removed:
            columns[column.name] = ColumnDelta("removed", base_type=column.type, base=base_stats.get(column.name))
    for column in inputs.pairing.schema.head:
        if column.name in inputs.pairing.schema.added:
            stats = head_stats.get(column.name)
            columns[column.name] = ColumnDelta("added", head_type=column.type, head=stats)
    return columns


def _column(pair: Pair, inputs: Inputs, base: ColumnStats | None, head: ColumnStats | None) -> ColumnDelta:
    is_counted = inputs.outcome.rows.changed is not None and pair.role in ("compared", "volatile")
    cells = inputs.outcome.cells.get(pair.name, CellCounts())
    return ColumnDelta(
        role=pair.role,
        base_type=pair.base_type.name,
        head_type=pair.head_type.name,
        changed=cells.changed if is_counted else 0 if pair.role == "key" else None,
        tolerance=pair.tolerance,
        within_tolerance=cells.within_tolerance,
        base_nulled=cells.base_nulled,
        head_filled=cells.head_filled,
        mean_shift=cells.mean_shift,
        largest_shift=cells.largest_shift,
        base=base,
        head=head,
    )


def _statistics(engine: Engine, inputs: Inputs) -> tuple[dict[str, ColumnStats], dict[str, ColumnStats]]:
    base, head, rules = inputs.base, inputs.head, inputs.rules
    ignored = {name for pair in inputs.pairing.pairs if pair.role == "ignored" for name in (pair.name, pair.head_name)}
    ours = {name for name, _ in base.columns} - ignored
    theirs = {name for name, _ in head.columns} - ignored
    size = inputs.reading.base_bytes + inputs.reading.head_bytes
    chosen = rules.statistics
    if chosen == "auto":
        chosen = "all" if size <= _SMALL_BYTES else "changed"
    if chosen == "none":
        return {}, {}
    if chosen == "changed":
        changed = [pair for pair in inputs.pairing.pairs if _is_changed(inputs.outcome, pair)]
        ours &= {pair.name for pair in changed}
        theirs &= {pair.head_name for pair in changed}
    return engine.describe(base, ours), engine.describe(head, theirs)


def _is_changed(outcome: Outcome, pair: Pair) -> bool:
    return outcome.cells.get(pair.name, CellCounts()).changed > 0 or pair.base_type != pair.head_type


def _notes(inputs: Inputs) -> tuple[str, ...]:
    notes = list(inputs.pairing.notes)
    if inputs.key.columns and inputs.reading.identical_files:
        notes.append("repeated keys were not looked for in files that are identical on both sides")
    if inputs.outcome.base_duplicates or inputs.outcome.head_duplicates:
        notes.append("key values repeat: rows were compared as multisets per key")
    return tuple(notes)


def _identity(inputs: Inputs, is_identical: bool) -> str:
    if is_identical:
        return "the files of both sides are byte-identical"
    if inputs.rules.exact:
        return "rows compared value by value"
    return "rows compared by 64-bit hashes of their values: a difference escapes with probability 2^-64 per row"
