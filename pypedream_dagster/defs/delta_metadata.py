"""A delta as Dagster's metadata: tables that its UI draws, and numbers that it plots over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dagster import MetadataValue, TableColumn, TableMetadataValue, TableRecord, TableSchema

from pypedream_dagster.defs.metadata import Metadata
from pypedream_dagster.delta.model import BranchDelta, Cell, ColumnDelta, DatasetDelta
from pypedream_dagster.report import digest, wording

_COLUMNS_SHOWN = 20  # Dagster shows tables at their full length
_ROWS_SHOWN = 100
_SAMPLES_SHOWN = 5
_CELLS_SHOWN = 6
_TEXT_CHARACTERS = 200
_VALUE_CHARACTERS = 100

_Value = str | int | float


def schema_metadata(delta: DatasetDelta) -> Metadata:
    """Return both sides' columns, those that differ first, and how many do."""
    schema = delta.schema
    found: Metadata = {
        "columns_added": len(schema.added),
        "columns_removed": len(schema.removed),
        "columns_retyped": len(schema.retyped),
        "columns_renamed": len(schema.recased),
    }
    if rows := list(_schema_rows(delta)):
        rows.sort(key=lambda row: not row[-1])
        found["schema"] = _table(("column", "main", "branch", "change"), rows)
    return found


def _schema_rows(delta: DatasetDelta) -> Iterator[tuple[str, str, str, str]]:
    schema = delta.schema
    base = {column.name: column.type for column in schema.base}
    head = {column.name: column.type for column in schema.head}
    said = {name: what for _, name, what in digest.schema_lines(delta)}
    renamed = set(schema.recased.values())
    for name in dict.fromkeys((*base, *head)):
        if name not in base and name in renamed:
            continue  # it has its row under main's name
        yield name, base.get(name, ""), head.get(schema.recased.get(name, name), ""), said.get(name, "")


def row_metadata(delta: DatasetDelta) -> Metadata:
    """Return the row counts, what comparing took, and the columns that differ, the most changed first."""
    rows = delta.rows
    found: Metadata = {
        "rows_base": rows.base,
        "rows_head": rows.head,
        "rows_added": rows.added,
        "rows_removed": rows.removed,
        "rows_unchanged": rows.unchanged,
        "key": wording.key(delta),
        "engine": delta.engine,
        "seconds": round(delta.seconds, 3),
        "bytes_read": delta.reading.bytes_read,
        "files_identical": delta.reading.identical_files,
    }
    if rows.changed is not None:
        found["rows_changed"] = rows.changed
    if notable := digest.notable_columns(delta):
        names = ("column", "type", "changed", "of rows", "nulls main", "nulls branch", "mean main", "mean branch")
        rows_of_columns = [_column_row(delta, name, column) for name, column in notable.items()]
        found["columns"] = _table(names, rows_of_columns, _COLUMNS_SHOWN)
    if samples := list(_sample_rows(delta)):
        found["samples"] = _table(("outcome", "row", "column", "main", "branch"), samples)
    return found


def _sample_rows(delta: DatasetDelta) -> Iterator[tuple[str, str, str, str, str]]:
    samples = delta.samples
    for changed in samples.changed[:_SAMPLES_SHOWN]:
        for name, after in list(changed.after.items())[:_CELLS_SHOWN]:
            before = changed.before.get(name)
            yield "changed", _row_text(changed.key), name, *wording.change(before, after, _VALUE_CHARACTERS)
    for outcome, rows in (("added", samples.added), ("removed", samples.removed)):
        for row in rows[:_SAMPLES_SHOWN]:
            yield outcome, _row_text(row), "", "", ""


def _row_text(row: Mapping[str, Cell]) -> str:
    more = digest.cut(list(row), _CELLS_SHOWN)
    cells = [f"{name}={wording.cell(value, 40)}" for name, value in list(row.items())[:_CELLS_SHOWN]]
    return ", ".join(cells) + (f" and {more} more" if more else "")


def _column_row(delta: DatasetDelta, name: str, column: ColumnDelta) -> tuple[_Value, ...]:
    paired = (delta.rows.changed or 0) + delta.rows.unchanged
    sides = (column.base, column.head)
    return (
        name,
        column.head_type or column.base_type or "",
        column.changed if column.changed is not None else "",
        wording.ratio(column.changed, paired) if column.changed else "",
        *(wording.share(side.null_fraction) if side else "" for side in sides),
        *(wording.figure(side.mean) if side and side.mean is not None else "" for side in sides),
    )


def expectation_metadata(delta: DatasetDelta) -> Metadata:
    """Return each expectation's outcome, regressions first, and how many hold."""
    results = digest.expectations(delta)
    if not results:
        return {}
    rows = [
        (
            wording.expectation_outcome(result.outcome),
            result.expectation,
            result.column or "",
            result.arguments,
            result.base_observed,
            result.head_observed,
        )
        for result in results
    ]
    return {
        "regressions": digest.regressions(delta),
        "failed_on_both": sum(result.outcome == "failed_on_both" for result in results),
        "holding": sum(result.outcome in {"passed", "fixed"} for result in results),
        "results": _table(("outcome", "expectation", "column", "asks for", "main", "branch"), rows),
    }


def branch_metadata(delta: BranchDelta) -> Metadata:
    """Return a branch's datasets by verdict, its rows by outcome, and its datasets, what needs a look first."""
    sums = digest.totals(delta)
    names = ("dataset", "node", "verdict", "main", "branch", "added", "removed", "changed", "key")
    found: Metadata = {
        "verdict": wording.verdict(delta.verdict),
        "datasets_changed": sums.changed,
        "datasets_unchanged": sums.unchanged,
        "datasets_not_compared": sums.not_compared,
        "regressions": sums.regressions,
        "rows_added": sums.added_rows,
        "rows_removed": sums.removed_rows,
        "rows_changed": sums.changed_rows,
    }
    if delta.datasets:
        found["datasets"] = _table(names, [_dataset_row(dataset) for _, dataset in digest.by_weight(delta)])
    return found


def _dataset_row(dataset: DatasetDelta) -> tuple[_Value, ...]:
    rows = dataset.rows
    is_counted = digest.has_rows(dataset)
    counts: tuple[_Value, ...] = (rows.base, rows.head, rows.added, rows.removed, rows.changed or 0)
    return (
        dataset.dataset,
        dataset.node,
        wording.verdict(dataset.verdict) if is_counted else wording.status(dataset),
        *(counts if is_counted else ("",) * len(counts)),
        wording.key(dataset) if is_counted else "",
    )


def _table(names: Sequence[str], rows: Sequence[Sequence[_Value]], limit: int = _ROWS_SHOWN) -> TableMetadataValue:
    records = [
        TableRecord({name: _shown(value) for name, value in zip(names, row, strict=True)}) for row in rows[:limit]
    ]
    if more := digest.cut(rows, limit):
        blank: dict[str, _Value] = dict.fromkeys(names, "")
        records.append(TableRecord({**blank, names[0]: f"and {more:,} more"}))
    return MetadataValue.table(records, TableSchema([TableColumn(name, "string") for name in names]))


def _shown(value: _Value) -> _Value:
    return wording.visible(value, _TEXT_CHARACTERS) if isinstance(value, str) else value
