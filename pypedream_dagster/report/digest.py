"""What of a delta a reader needs first: which datasets and columns are notable, and the totals of a branch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pypedream_dagster.delta.model import (
    BranchDelta,
    ColumnDelta,
    ColumnStats,
    DatasetDelta,
    ExpectationOutcome,
    ExpectationResult,
)
from pypedream_dagster.report import wording

_LEAST_SHIFT = 0.005
"""Standard deviations by which a mean moves before it is notable; less is shown as 0."""

_OUTCOMES: tuple[ExpectationOutcome, ...] = ("regression", "not_run", "failed_on_both", "fixed", "passed")


@dataclass(frozen=True, slots=True)
class Totals:
    """A branch's datasets by verdict, its rows by outcome, and its expectations that fail anew."""

    datasets: int
    changed: int
    unchanged: int
    not_compared: int
    regressions: int
    with_regressions: int
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
        with_regressions=sum(regressions(dataset) > 0 for dataset in delta.datasets),
        added_rows=sum(dataset.rows.added for dataset in delta.datasets),
        removed_rows=sum(dataset.rows.removed for dataset in delta.datasets),
        changed_rows=sum(dataset.rows.changed or 0 for dataset in delta.datasets),
    )


def by_weight(delta: BranchDelta) -> list[tuple[int, DatasetDelta]]:
    """Return the datasets with their places in the pipeline, from 1: what needs a look first, then what changed."""
    return sorted(enumerate(delta.datasets, start=1), key=lambda item: weight(item[1]))


def weight(dataset: DatasetDelta) -> int:
    """Return 0 for a dataset that needs a look (not compared, or expectations fail anew), 1 changed, 2 unchanged."""
    if (
        dataset.verdict == "not_compared"
        or regressions(dataset)
        or (dataset.expectations and dataset.expectations.error)
    ):
        return 0
    return 1 if dataset.verdict == "changed" else 2


def regressions(dataset: DatasetDelta) -> int:
    """Return how many expectations main's data meets and the branch's does not."""
    return len(dataset.expectations.regressions) if dataset.expectations else 0


def has_rows(dataset: DatasetDelta) -> bool:
    """Tell whether row counts mean anything for the dataset."""
    return dataset.status in {"compared", "identical"} or bool(dataset.rows.base or dataset.rows.head)


def notable_columns(dataset: DatasetDelta) -> dict[str, ColumnDelta]:
    """Return the columns that differ: the most changed first, then those whose statistics moved, the furthest first."""
    changed = dataset.changed_columns
    if not (dataset.rows.base and dataset.rows.head):
        return changed  # nothing moved: it came, or it went
    moved = {
        name: column
        for name, column in dataset.columns.items()
        if name not in changed and column.role in {"key", "compared"} and _moved(column)
    }
    return {**changed, **dict(sorted(moved.items(), key=lambda item: -abs(mean_shift(item[1]) or 0.0)))}


def named_columns(dataset: DatasetDelta) -> list[str]:
    """Return the columns that a line about the dataset names: those with changed cells, or without a key that moved."""
    return list(notable_columns(dataset) if dataset.rows.changed is None else dataset.changed_columns)


def quiet_columns(dataset: DatasetDelta) -> dict[str, ColumnDelta]:
    """Return all the columns that are not notable, in the dataset's order."""
    notable = notable_columns(dataset)
    return {name: column for name, column in dataset.columns.items() if name not in notable}


def _moved(column: ColumnDelta) -> bool:
    # Sums of floats depend on the order of the rows, so a mean moves a little without any change.
    if column.base is None or column.head is None:
        return False
    base, head = column.base, column.head
    shift = mean_shift(column)
    return (
        (base.nulls, base.min, base.max) != (head.nulls, head.min, head.max)
        or any(new_values(column))
        or (shift is not None and abs(shift) >= _LEAST_SHIFT)
    )


def mean_shift(column: ColumnDelta) -> float | None:
    """Return how far the mean moved in units of main's standard deviation; None where that has no meaning."""
    base, head = column.base, column.head
    if base is None or head is None or base.mean is None or head.mean is None or not base.stddev:
        return None
    shift = (head.mean - base.mean) / base.stddev
    return shift if math.isfinite(shift) else None


def new_values(column: ColumnDelta) -> tuple[list[str], list[str]]:
    """Return the values that only main and that only the branch has; none where they are not all known."""
    base, head = shares(column.base), shares(column.head)
    if not base or not head:
        return [], []
    return [value for value in base if value not in head], [value for value in head if value not in base]


def shares(side: ColumnStats | None) -> dict[str, float]:
    """Return each value's share of a side's rows, the most frequent first; empty where values were not counted."""
    if side is None:
        return {}
    rows = side.nulls + sum(item.count for item in side.values)
    return {wording.cell(item.value): item.count / rows for item in side.values}


def expectations(dataset: DatasetDelta) -> list[ExpectationResult]:
    """Return the results in the order of interest: regressions first, what holds last."""
    results = dataset.expectations.results if dataset.expectations else ()
    return sorted(results, key=lambda result: _OUTCOMES.index(result.outcome))


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
