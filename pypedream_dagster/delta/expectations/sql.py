"""Common expectations of Great Expectations evaluated as SQL aggregates, over all rows and without importing it.

Importing Great Expectations takes seconds, and its own engines would hold a whole dataset in pandas; its suites'
format and the meaning of its expectations are kept: what its pandas engine would say of the same rows, NaN counting
as missing. An expectation becomes a `Plan`, and all plans on a table are asked in as few scans as possible. What has
no plan (a type that is not in `PLANNERS`, arguments that SQL cannot say or that fit no column of that type, a
``row_condition``) goes to Great Expectations itself (`gx.py`).

Where Great Expectations' pandas engine raises for want of a type of pandas' (decimals with NULLs in a mean, dates
with NULLs in a pair), the aggregate says what holds.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pypedream_dagster.delta.engines.duckdb.query import one_row
from pypedream_dagster.delta.expectations import figures, values
from pypedream_dagster.delta.expectations.plan import Arguments, Observed, Plan, Question, UnsaidError
from pypedream_dagster.delta.reading import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_AT_ONCE = 100


def evaluate(
    connection: DuckDBPyConnection, table: Table, asked: Sequence[tuple[str, Arguments]]
) -> list[Observed | None]:
    """Evaluate expectations, given as types and arguments; None for those that SQL cannot say.

    A column that is not there fails its expectation.
    """
    plans = [_planned(Question(connection, table, _given(arguments)), type_) for type_, arguments in asked]
    found: list[Observed | None] = [plan if isinstance(plan, Observed) else None for plan in plans]
    open_ = [(index, plan) for index, plan in enumerate(plans) if isinstance(plan, Plan)]
    shared = [(index, plan) for index, plan in open_ if plan.source is None]
    groups = [shared[start : start + _AT_ONCE] for start in range(0, len(shared), _AT_ONCE)]
    for group in [*groups, *([one] for one in open_ if one[1].source is not None)]:
        for index, outcome in _asked(connection, table, group):
            found[index] = outcome
    return found


def _given(arguments: Arguments) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def _planned(question: Question, type_: str) -> Plan | Observed | None:
    planner, known = PLANNERS.get(type_, (None, frozenset()))
    if planner is None or not set(question.arguments) <= known:
        return None
    try:
        return planner(question)
    except (UnsaidError, OverflowError):  # a number that no double holds is one of those things
        return None
    except KeyError as missing:
        return Observed(False, f"no column {missing}", fault="absent")


def _asked(
    connection: DuckDBPyConnection, table: Table, group: list[tuple[int, Plan]]
) -> Iterator[tuple[int, Observed | None]]:
    import duckdb

    asked = ", ".join(expression for _, plan in group for expression in plan.ask)
    try:
        row = one_row(connection, f"SELECT {asked} FROM {group[0][1].source or table.sql}")
    except (
        duckdb.OutOfRangeException,  # such as the deviation of numbers whose squares overflow
        duckdb.ConversionException,  # such as a day that no timestamp in nanoseconds reaches
        duckdb.BinderException,
        duckdb.InvalidInputException,
    ):
        if len(group) == 1:
            yield group[0][0], None
            return
        for one in group:
            yield from _asked(connection, table, [one])
        return
    for index, plan in group:
        answer, row = row[: len(plan.ask)], row[len(plan.ask) :]
        yield index, plan.conclude(answer)


_BOUNDS = ("min_value", "max_value", "strict_min", "strict_max")
_SET, _PAIR = ("column", "value_set"), ("column_A", "column_B", "ignore_row_if", "mostly")

Planner = Callable[[Question], Plan | Observed]


def _known(planner: Planner, *arguments: str) -> tuple[Planner, frozenset[str]]:
    return planner, frozenset(arguments)


PLANNERS: Mapping[str, tuple[Planner, frozenset[str]]] = {
    "expect_column_values_to_not_be_null": _known(values.not_null, "column", "mostly"),
    "expect_column_values_to_be_null": _known(values.null, "column", "mostly"),
    "expect_column_values_to_be_between": _known(values.values_between, "column", "mostly", *_BOUNDS),
    "expect_column_values_to_be_in_set": _known(values.in_set(negated=False), *_SET, "mostly"),
    "expect_column_values_to_not_be_in_set": _known(values.in_set(negated=True), *_SET, "mostly"),
    "expect_column_values_to_match_regex": _known(values.regex(negated=False), "column", "regex", "mostly"),
    "expect_column_values_to_not_match_regex": _known(values.regex(negated=True), "column", "regex", "mostly"),
    "expect_column_value_lengths_to_be_between": _known(values.lengths, "column", "mostly", *_BOUNDS),
    "expect_column_value_lengths_to_equal": _known(values.length, "column", "value", "mostly"),
    "expect_column_values_to_be_unique": _known(values.unique, "column", "mostly"),
    "expect_compound_columns_to_be_unique": _known(values.compound_unique, "column_list", "ignore_row_if", "mostly"),
    "expect_column_min_to_be_between": _known(figures.extreme("min"), "column", *_BOUNDS),
    "expect_column_max_to_be_between": _known(figures.extreme("max"), "column", *_BOUNDS),
    "expect_column_mean_to_be_between": _known(figures.figure("avg({})"), "column", *_BOUNDS),
    "expect_column_median_to_be_between": _known(figures.figure("median({})"), "column", *_BOUNDS),
    "expect_column_sum_to_be_between": _known(figures.figure("coalesce(sum({}), 0)"), "column", *_BOUNDS),
    "expect_column_stdev_to_be_between": _known(figures.figure("stddev_samp({})"), "column", *_BOUNDS),
    "expect_column_unique_value_count_to_be_between": _known(figures.distinct_count, "column", *_BOUNDS),
    "expect_column_proportion_of_unique_values_to_be_between": _known(
        figures.proportion("count(DISTINCT {0}) / nullif(count({0}), 0)"), "column", *_BOUNDS
    ),
    "expect_column_proportion_of_non_null_values_to_be_between": _known(
        figures.proportion("count({}) / nullif(count(*), 0)"), "column", *_BOUNDS
    ),
    "expect_column_distinct_values_to_be_in_set": _known(values.distinct_values("in"), *_SET),
    "expect_column_distinct_values_to_contain_set": _known(values.distinct_values("contain"), *_SET),
    "expect_column_distinct_values_to_equal_set": _known(values.distinct_values("equal"), *_SET),
    "expect_table_row_count_to_be_between": _known(figures.row_count, *_BOUNDS),
    "expect_table_row_count_to_equal": _known(figures.row_count_equal, "value"),
    "expect_column_to_exist": _known(figures.exists, "column"),
    "expect_table_columns_to_match_set": _known(figures.columns_in_set, "column_set", "exact_match"),
    "expect_table_columns_to_match_ordered_list": _known(figures.columns_in_order, "column_list"),
    "expect_column_pair_values_a_to_be_greater_than_b": _known(values.pair(">"), *_PAIR, "or_equal"),
    "expect_column_pair_values_to_be_equal": _known(values.pair("="), *_PAIR),
}
