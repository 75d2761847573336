"""Suites on base and head."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.expectations import gx
from pypedream_dagster.delta.expectations.draft import draft_suite
from pypedream_dagster.delta.expectations.suite import (
    Expectation,
    Suite,
    find_suite,
    read_suite,
    run_suite,
    with_expectations,
)
from pypedream_dagster.delta.model import ExpectationResult
from pypedream_dagster.delta.source import Frame, Side
from pypedream_dagster.errors import DeltaError

BASE = Frame(
    pa.table({"id": [1, 2, 3], "x": [1.0, 2.0, None], "s": ["a", "b", "bb"], "day": ["2020-01-01"] * 3, "y": [0, 3, 9]})
)
HEAD = Frame(
    pa.table({"id": [1, 1, 3], "x": [1.0, None, None], "s": ["a", "c", "b"], "day": ["2020-01-01"] * 3, "y": [0, 3, 9]})
)


def outcome(type_: str, **arguments: Any) -> str:
    (result,) = run_suite(Suite("s", (Expectation(type_, arguments),)), BASE, HEAD).results
    return result.outcome


@pytest.mark.parametrize(
    ("expected", "type_", "arguments"),
    [
        ("regression", "expect_column_values_to_be_unique", {"column": "id"}),
        ("failed_on_both", "expect_column_values_to_not_be_null", {"column": "x"}),
        ("regression", "expect_column_values_to_not_be_null", {"column": "x", "mostly": 0.5}),
        ("fixed", "expect_column_value_lengths_to_be_between", {"column": "s", "max_value": 1}),
        ("regression", "expect_column_values_to_be_in_set", {"column": "s", "value_set": ["a", "b", "bb"]}),
        ("regression", "expect_column_values_to_not_be_in_set", {"column": "s", "value_set": ["c"]}),
        ("passed", "expect_column_values_to_be_between", {"column": "x", "min_value": 1, "max_value": 2}),
        ("failed_on_both", "expect_column_values_to_be_between", {"column": "x", "min_value": 1, "strict_min": True}),
        ("passed", "expect_table_row_count_to_equal", {"value": 3}),
        ("failed_on_both", "expect_table_row_count_to_be_between", {"min_value": 4}),
        ("failed_on_both", "expect_column_to_exist", {"column": "none"}),
        ("failed_on_both", "expect_column_values_to_not_be_null", {"column": "none"}),
        ("regression", "expect_column_values_to_match_regex", {"column": "s", "regex": "^[ab]"}),
        ("regression", "expect_column_max_to_be_between", {"column": "x", "min_value": 2}),
        ("passed", "expect_column_mean_to_be_between", {"column": "y", "min_value": 4, "max_value": 4}),
        ("regression", "expect_column_distinct_values_to_equal_set", {"column": "s", "value_set": ["a", "b", "bb"]}),
        ("regression", "expect_compound_columns_to_be_unique", {"column_list": ["id", "day"]}),
        ("passed", "expect_table_columns_to_match_set", {"column_set": ["day", "id", "s", "x", "y"]}),
        ("failed_on_both", "expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "y", "column_B": "id"}),
    ],
)
def test_outcomes(expected: str, type_: str, arguments: dict[str, Any]) -> None:
    assert outcome(type_, **arguments) == expected


def both(base: dict[str, Any], head: dict[str, Any], type_: str, **arguments: Any) -> ExpectationResult:
    suite = Suite("s", (Expectation(type_, arguments),))
    (result,) = run_suite(suite, Frame(pa.table(base)), Frame(pa.table(head))).results
    return result


def test_a_column_without_a_past() -> None:
    """What fails on a column that main lacks is the branch's doing; a column that both lack is the suite's."""
    not_null = "expect_column_values_to_not_be_null"
    base, full, holey = {"a": [1]}, {"a": [1], "b": [2]}, {"a": [1], "b": pa.array([None], pa.int64())}
    assert both(base, full, not_null, column="b").outcome == "fixed"
    assert both(base, holey, not_null, column="b").outcome == "regression"
    assert both(full, base, not_null, column="b").outcome == "regression"
    assert both(base, base, not_null, column="b").outcome == "failed_on_both"
    assert both(base, base, not_null, column="b").head_observed == "no column 'b'"


@pytest.mark.parametrize(
    ("type_", "arguments", "seen"),
    [
        ("expect_column_values_to_not_be_null", {"column": "x", "mostly": 0}, "3 of 3 unexpected"),
        ("expect_column_sum_to_be_between", {"column": "x", "min_value": 0}, "0"),
        ("expect_column_values_to_be_in_set", {"column": "x", "value_set": [1]}, "all 0 as expected"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["x", "y"]}, "all 0 as expected"),
        ("expect_column_proportion_of_unique_values_to_be_between", {"column": "x", "max_value": 0}, "0"),
    ],
)
def test_nothing_but_missing_values(type_: str, arguments: dict[str, Any], seen: str) -> None:
    nothing = {"x": pa.array([math.nan, None, math.nan]), "y": pa.array([None] * 3, pa.string())}
    result = both(nothing, nothing, type_, **arguments)
    assert (result.outcome, result.head_observed.split(".")[0]) == ("passed", seen)


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [(r"^\d+$", 3), (r"^\w+$", 5), ("e$", 1), (r"(.)\1", 1), ("^(?!a)", 5), (r"\s", 2), ("é", 1)],
)
def test_patterns_are_pythons(pattern: str, matching: int) -> None:
    values = ["12", "٣", "é", "a-b", "aa", "12\n", "x e", None]
    found = sum(re.search(pattern, value) is not None for value in values if value is not None)
    assert found == matching
    table = {"s": values}
    result = both(table, table, "expect_column_values_to_match_regex", column="s", regex=pattern)
    assert result.head_observed == f"{7 - matching} of 7 unexpected"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_large_data_is_not_brought_into_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    rare = {"column": "s", "strftime_format": "%Y"}
    rows = {"s": ["2020"] * 1000}
    assert both(rows, rows, "expect_column_values_to_match_strftime_format", **rare).outcome == "passed"
    monkeypatch.setattr(gx, "MOST_BYTES", 5000)
    result = both(rows, rows, "expect_column_values_to_match_strftime_format", **rare)
    assert result.outcome == "not_run"
    assert "more than 0 MiB of data in memory" in result.head_observed
    monkeypatch.setattr(gx, "MOST_ROWS", 999)
    result = both(rows, rows, "expect_column_values_to_match_strftime_format", **rare)
    assert result.head_observed == ("not run: Great Expectations would need 1,000 rows in memory; 999 are the most")
    # What needs the columns' names alone is asked whatever the size.
    assert both(rows, rows, "expect_table_column_count_to_equal", value=1).outcome == "passed"
    # A head that grew too large is no regression.
    assert both({"s": ["2020"]}, rows, "expect_column_values_to_match_strftime_format", **rare).outcome == "not_run"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_suites_that_make_no_sense_say_why() -> None:
    numbers, texts = {"a": [1, 2]}, {"a": ["x", "y"]}
    unknown = both(numbers, numbers, "expect_the_impossible", column="a")
    assert (unknown.outcome, "expect_the_impossible" in unknown.head_observed) == ("not_run", True)
    foreign = both(numbers, numbers, "expect_column_values_to_not_be_null", column="a", colour="red")
    assert (foreign.outcome, "colour" in foreign.head_observed) == ("not_run", True)
    huge = both(numbers, numbers, "expect_column_values_to_be_in_set", column="a", value_set=[1, 2, 10**400])
    assert huge.outcome in {"passed", "not_run"}
    between = {"column": "a", "min_value": 0}
    retyped = both(numbers, texts, "expect_column_values_to_be_between", **between)
    assert retyped.outcome == "regression"  # it can no longer be asked of what the branch made of the column
    assert retyped.head_observed.startswith("Great Expectations raised: ")
    never = both(texts, texts, "expect_column_values_to_be_between", **between)
    assert never.outcome == "not_run"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_sql_does_not_know_goes_to_great_expectations() -> None:
    found = outcome("expect_column_values_to_match_strftime_format", column="day", strftime_format="%Y-%m-%d")
    assert found == "passed"
    lookahead = outcome("expect_column_values_to_match_regex", column="s", regex="^(?!c)")
    assert lookahead == "regression"
    assert outcome("expect_the_impossible", column="s") == "not_run"


def test_suites_are_read_and_attached(tmp_path: Path) -> None:
    path = tmp_path / "flights.json"
    path.write_text(json.dumps(draft_suite(BASE, "flights")))
    delta = with_expectations(compare(BASE, HEAD), path, BASE, HEAD)
    assert delta.expectations is not None
    assert delta.expectations.error is None
    assert read_suite(path).name == "flights"
    assert not delta.expectations.old_failures
    assert all(result.base_success for result in delta.expectations.results)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        '{"name": "x"}',
        '{"expectations": 3}',
        '{"expectations": [3]}',
        '{"expectations": [{"kwargs": {}}]}',
        '{"expectations": [{"type": 7}]}',
        '{"expectations": [{"type": "expect_x", "kwargs": [1]}]}',
        "[" * 100_000,
    ],
)
def test_a_broken_suite_is_reported(tmp_path: Path, text: str) -> None:
    path = tmp_path / "flights.json"
    path.write_text(text)
    with pytest.raises(DeltaError, match=r"flights\.json is no Great Expectations suite"):
        read_suite(path)
    delta = with_expectations(compare(BASE, HEAD), path, BASE, HEAD)
    assert delta.verdict == "changed"
    assert delta.expectations is not None
    assert "flights.json" in (delta.expectations.error or "")


def test_suites_of_older_versions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "flights.json"
    old = {"expectation_type": "expect_column_to_exist", "kwargs": {"column": "id"}, "meta": {}}
    document = {"expectation_suite_name": "old", "expectations": [old], "data_asset_type": None}
    path.write_text(json.dumps(document), encoding="utf-8-sig")
    assert read_suite(path) == Suite("old", (Expectation("expect_column_to_exist", {"column": "id"}),))


def test_the_suite_of_a_node_comes_before_that_of_the_name(tmp_path: Path) -> None:
    assert find_suite(tmp_path, "clean", "flights") is None
    (tmp_path / "flights.json").write_text("{}")
    assert find_suite(tmp_path, "clean", "flights") == tmp_path / "flights.json"
    (tmp_path / "clean.flights.json").write_text("{}")
    assert find_suite(tmp_path, "clean", "flights") == tmp_path / "clean.flights.json"
    assert find_suite(tmp_path, "other", "flights") == tmp_path / "flights.json"


def test_a_missing_side(tmp_path: Path) -> None:
    suite = Suite("s", (Expectation("expect_table_row_count_to_equal", {"value": 3}),))
    nothing = Side(str(tmp_path))
    assert run_suite(suite, BASE, nothing).results[0].outcome == "not_run"
    assert run_suite(suite, nothing, HEAD).results[0].outcome == "passed"
    with pytest.raises(DeltaError, match="holds no data"):
        draft_suite(nothing, "s")
