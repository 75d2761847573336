"""What counts as a failure: the rules of ``--fail-on`` and of a dataset's policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pypedream_dagster.delta.failures import failures
from pypedream_dagster.delta.model import (
    ColumnDelta,
    ColumnStats,
    DatasetDelta,
    ExpectationDelta,
    ExpectationOutcome,
    ExpectationResult,
    RowCounts,
    SchemaDelta,
)
from pypedream_dagster.graph.model import DeltaPolicy

SAME = DatasetDelta("d", "n", "b", "h", "compared", "unchanged", rows=RowCounts(100, 100, 0, 0, 0, 100))
ROWS = replace(SAME, verdict="changed", rows=RowCounts(base=100, head=101, added=3, removed=2, changed=5, unchanged=93))
KEYLESS = replace(SAME, verdict="changed", rows=RowCounts(base=100, head=100, added=4, removed=4, unchanged=96))
FROM_NOTHING = replace(SAME, verdict="changed", rows=RowCounts(base=0, head=7, added=7, changed=0))
COLUMNS = replace(SAME, verdict="changed", schema=SchemaDelta(added=("new",), removed=("old",)))
NEW = replace(COLUMNS, status="base_missing", rows=RowCounts(head=7, added=7, changed=0))
GONE = replace(COLUMNS, status="head_missing", rows=RowCounts(base=100, removed=100, changed=0))
UNREADABLE = DatasetDelta("d", "n", "b", "h", "unreadable", "not_compared", error="x.parquet: broken")
NOWHERE = DatasetDelta("d", "n", "b", "h", "both_missing", "not_compared")


def nulls(base: float, head: float) -> DatasetDelta:
    stats = [ColumnStats(round(100 * fraction), fraction) for fraction in (base, head)]
    return replace(SAME, columns={"c": ColumnDelta("compared", base=stats[0], head=stats[1])})


def suite(*outcomes: ExpectationOutcome, error: str | None = None) -> DatasetDelta:
    results = tuple(ExpectationResult("expect_x", "c", outcome, True, False, "", "3 wrong") for outcome in outcomes)
    return replace(SAME, expectations=ExpectationDelta("d", results, error))


def texts(delta: DatasetDelta, fail_on: Any = "policy", **policy: Any) -> list[str]:
    return [failure.text for failure in failures(delta, fail_on, DeltaPolicy(**policy))]


@pytest.mark.parametrize("delta", [SAME, ROWS, KEYLESS, COLUMNS, NEW, GONE, UNREADABLE, NOWHERE, suite("regression")])
def test_nothing_fails_unasked(delta: DatasetDelta) -> None:
    assert not failures(delta, None, DeltaPolicy(max_added_fraction=0))


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (SAME, []),
        (ROWS, ["rows differ: 3 added, 2 removed, 5 changed"]),
        (COLUMNS, ["its columns differ: new added; old removed"]),
        (NEW, ["it is new: main has no such data", "rows differ: 7 added"]),
        (GONE, ["the branch has no such data"]),
        (UNREADABLE, ["it could not be compared: x.parquet: broken"]),
        (NOWHERE, ["it could not be compared: both missing"]),
        (suite("passed", "fixed", "failed_on_both", "not_run"), []),
        (suite("regression"), ["expect_x of c no longer holds: 3 wrong"]),
        (suite(error="no JSON"), ["its expectations could not run: no JSON"]),
    ],
)
def test_any_difference(delta: DatasetDelta, words: list[str]) -> None:
    assert texts(delta, "any") == words


@pytest.mark.parametrize("delta", [SAME, ROWS, KEYLESS, COLUMNS, NEW, FROM_NOTHING, suite("failed_on_both", "not_run")])
def test_the_default_policy_lets_data_change(delta: DatasetDelta) -> None:
    assert not failures(delta, "policy", None)


@pytest.mark.parametrize("delta", [GONE, UNREADABLE, NOWHERE, suite("regression"), suite(error="no JSON")])
def test_what_no_policy_allows(delta: DatasetDelta) -> None:
    assert len(failures(delta, "policy", None)) == 1
    generous = DeltaPolicy(max_added_fraction=9, max_removed_fraction=1, max_changed_fraction=1)
    assert len(failures(delta, "policy", generous)) == 1


@pytest.mark.parametrize(
    ("delta", "policy", "words"),
    [
        (ROWS, {"max_added_fraction": 0.03, "max_removed_fraction": 0.02, "max_changed_fraction": 0.05}, []),
        (ROWS, {"max_added_fraction": 0.029}, ["3 rows added, 3.00% of main's 100; the policy allows 2.90%"]),
        (ROWS, {"max_removed_fraction": 0}, ["2 rows removed, 2.00% of main's 100; the policy allows 0.00%"]),
        (ROWS, {"max_changed_fraction": 0.01}, ["5 rows changed, 5.00% of main's 100; the policy allows 1.00%"]),
        (FROM_NOTHING, {"max_added_fraction": 0.5}, ["7 rows added, where main has none; the policy allows 50.00%"]),
        (KEYLESS, {"max_changed_fraction": 0.04}, []),
        (
            COLUMNS,
            {"allow_schema_change": False},
            ["its columns differ: new added; old removed; the policy allows no change"],
        ),
        (NEW, {"allow_schema_change": False}, ["it is new: main has no such data to hold its limits to"]),
        (NEW, {"max_removed_fraction": 0}, ["it is new: main has no such data to hold its limits to"]),
        (NEW, {"max_null_fraction_increase": 0, "allow_expectation_regressions": True}, []),
        (nulls(0.1, 0.1), {"max_null_fraction_increase": 0}, []),
        (nulls(0.5, 0.1), {"max_null_fraction_increase": 0}, []),
        (
            nulls(0.1, 0.25),
            {"max_null_fraction_increase": 0.1},
            ["c is NULL in 25.00% of the rows, 10.00% on main: over 10.00% more"],
        ),
        (suite("regression"), {"allow_expectation_regressions": True}, []),
    ],
)
def test_thresholds(delta: DatasetDelta, policy: dict[str, Any], words: list[str]) -> None:
    assert texts(delta, **policy) == words


def test_without_a_key_changes_cannot_hide_as_removed_and_added() -> None:
    (text,) = texts(KEYLESS, max_changed_fraction=0.03)
    assert text.startswith("4 rows may have changed, 4.00% of main's 100; the policy allows 3.00%")
    assert "primary_key" in text
