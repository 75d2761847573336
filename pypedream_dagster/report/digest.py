"""What of a delta a reader needs first: which columns are notable, and the totals of a branch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pypedream_dagster.delta.model import BranchDelta, ColumnDelta, DatasetDelta


@dataclass(frozen=True, slots=True)
class Totals:
    """A branch's datasets by verdict, and its rows by outcome."""

    datasets: int
    changed: int
    unchanged: int
    not_compared: int
    regressions: int
    added_rows: int
    removed_rows: int
    changed_rows: int


def totals(delta: BranchDelta) -> Totals:
    """Add up a branch."""
    verdicts = [dataset.verdict for dataset in delta.datasets]
    return Totals(
        datasets=len(verdicts),
        changed=verdicts.count("changed"),
        unchanged=verdicts.count("unchanged"),
        not_compared=verdicts.count("not_compared"),
        regressions=sum(regressions(dataset) for dataset in delta.datasets),
        added_rows=sum(dataset.rows.added for dataset in delta.datasets),
        removed_rows=sum(dataset.rows.removed for dataset in delta.datasets),
        changed_rows=sum(dataset.rows.changed or 0 for dataset in delta.datasets),
    )


def regressions(dataset: DatasetDelta) -> int:
    """Return how many expectations main's data meets and the branch's does not."""
    return len(dataset.expectations.regressions) if dataset.expectations else 0


def has_rows(dataset: DatasetDelta) -> bool:
    """Tell whether row counts mean anything for the dataset."""
    return dataset.status in {"compared", "identical"} or bool(dataset.rows.base or dataset.rows.head)


def notable_columns(dataset: DatasetDelta) -> dict[str, ColumnDelta]:
    """Return the columns that differ: those with changed cells first, then those whose statistics moved."""
    changed = dataset.changed_columns
    moved = {
        name: column
        for name, column in dataset.columns.items()
        if name not in changed and column.role in {"key", "compared"} and _moved(column)
    }
    return {**changed, **moved}


def quiet_columns(dataset: DatasetDelta) -> dict[str, ColumnDelta]:
    """Return all the columns that are not notable, in the dataset's order."""
    notable = notable_columns(dataset)
    return {name: column for name, column in dataset.columns.items() if name not in notable}


def _moved(column: ColumnDelta) -> bool:
    # Sums of floats depend on the order of the rows, so a mean moves a little without any change.
    if column.base is None or column.head is None:
        return False
    base, head = column.base, column.head
    return base.nulls != head.nulls or base.min != head.min or base.max != head.max


def schema_lines(dataset: DatasetDelta) -> list[tuple[str, str, str]]:
    """Return the schema's changes as (sign, column, what happened); none where one side has no data at all."""
    if dataset.status in {"base_missing", "head_missing"}:
        return []
    schema = dataset.schema
    types = {column.name: column.type for column in (*schema.base, *schema.head)}
    lines = [("+", name, f"added, {types.get(name, '?')}") for name in schema.added]
    lines += [("-", name, f"removed, was {types.get(name, '?')}") for name in schema.removed]
    lines += [
        ("~", name, f"{change.base} → {change.head}, compared as {change.compared_as}")
        for name, change in schema.retyped.items()
    ]
    lines += [("~", base, f"now written {head}") for base, head in schema.recased.items()]
    lines += [("~", name, "at another place in the order") for name in schema.reordered]
    return lines


def cut(items: Sequence[object], limit: int) -> int:
    """Return how many items a limit leaves out."""
    return max(0, len(items) - limit)
