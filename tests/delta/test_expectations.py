"""Suites on base and head."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.expectation_draft import draft_suite
from pypedream_dagster.delta.expectations import (
    Expectation,
    Suite,
    read_suite,
    run_suite,
    with_expectations,
)
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


def test_a_broken_suite_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "flights.json"
    path.write_text('{"expectations": 3}')
    with pytest.raises(DeltaError, match=r"flights\.json is no Great Expectations suite"):
        read_suite(path)
    delta = with_expectations(compare(BASE, HEAD), path, BASE, HEAD)
    assert delta.expectations is not None
    assert "flights.json" in (delta.expectations.error or "")


def test_a_missing_side(tmp_path: Path) -> None:
    suite = Suite("s", (Expectation("expect_table_row_count_to_equal", {"value": 3}),))
    nothing = Side(str(tmp_path))
    assert run_suite(suite, BASE, nothing).results[0].outcome == "not_run"
    assert run_suite(suite, nothing, HEAD).results[0].outcome == "passed"
    with pytest.raises(DeltaError, match="holds no data"):
        draft_suite(nothing, "s")
