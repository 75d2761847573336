"""Common expectations of Great Expectations evaluated as SQL aggregates, over all rows and without importing it.

Importing Great Expectations takes seconds, and its own engines would hold a whole dataset in pandas; its suites'
format and the meaning of its expectations are kept. What is not in `EVALUATORS`, or cannot be said in SQL (a
pattern that RE2 does not know), goes to Great Expectations itself (`expectation_gx.py`).
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/sql.py
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pypedream_dagster.delta.engines.outcome import to_cell
from pypedream_dagster.delta.engines.query import one_row
from pypedream_dagster.delta.engines.sql import identifier, literal
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.types import ColumnType

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Observed:
    """Whether an expectation held, and what was seen, in a few words."""

    success: bool
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """One expectation to be asked of one table."""

    connection: DuckDBPyConnection
    table: Table
    arguments: Arguments

    def column(self, argument: str = "column") -> tuple[str, ColumnType]:
        """The quoted column that an argument names, and its type.

        Raises:
            KeyError: the table has no such column.
        """
        name = str(self.arguments[argument])
        return identifier(name), dict(self.table.columns)[name]

    def ask(self, expression: str) -> Any:
        """The value of one aggregate over the table."""
        return one_row(self.connection, f"SELECT {expression} FROM {self.table.sql}")[0]


def evaluate(question: Question, expectation: str) -> Observed | None:
    """Evaluate an expectation; None if SQL cannot. A column that is not there fails it."""
    evaluator = EVALUATORS.get(expectation)
    if evaluator is None:
        return None
    try:
        return evaluator(question)
    except KeyError as missing:
        return Observed(False, f"no column {missing}")


def _share(question: Question, unexpected: str, of: str) -> Observed:
    """A map expectation: at least ``mostly`` of the values must be as expected."""
    wrong, total = one_row(
        question.connection,
        f"SELECT count(*) FILTER (({unexpected}) AND ({of})), count(*) FILTER ({of}) FROM {question.table.sql}",
    )
    return _mostly(question, int(wrong), int(total))


def _mostly(question: Question, wrong: int, total: int) -> Observed:
    mostly = float(question.arguments.get("mostly") or 1.0)
    success = total == 0 or (total - wrong) / total >= mostly
    return Observed(success, f"{wrong:,} of {total:,} unexpected" if wrong else f"all {total:,} as expected")


def _not_null(question: Question) -> Observed:
    value, _ = question.column()
    return _share(question, f"{value} IS NULL", "true")


def _null(question: Question) -> Observed:
    value, _ = question.column()
    return _share(question, f"{value} IS NOT NULL", "true")


def _values_between(question: Question) -> Observed:
    value, type_ = question.column()
    return _share(question, f"NOT ({_bounds(question, value, type_)})", f"{value} IS NOT NULL")


def _bounds(question: Question, value: str, type_: ColumnType | None) -> str:
    least, most = question.arguments.get("min_value"), question.arguments.get("max_value")
    above = ">" if question.arguments.get("strict_min") else ">="
    below = "<" if question.arguments.get("strict_max") else "<="
    parts = [f"{value} {above} {_literal(least, type_)}"] if least is not None else []
    parts += [f"{value} {below} {_literal(most, type_)}"] if most is not None else []
    return " AND ".join(parts) or "true"


def _in_set(*, negated: bool) -> Callable[[Question], Observed]:
    def of(question: Question) -> Observed:
        value, type_ = question.column()
        wanted = _set(question, type_)
        return _share(question, f"{value} {'IN' if negated else 'NOT IN'} ({wanted})", f"{value} IS NOT NULL")

    return of


def _set(question: Question, type_: ColumnType) -> str:
    return ", ".join(_literal(item, type_) for item in question.arguments.get("value_set") or ()) or "NULL"


def _regex(*, negated: bool) -> Callable[[Question], Observed]:
    def of(question: Question) -> Observed:
        value, _ = question.column()
        matches = f"regexp_matches(CAST({value} AS VARCHAR), {literal(str(question.arguments['regex']))})"
        return _share(question, matches if negated else f"NOT {matches}", f"{value} IS NOT NULL")

    return of


def _lengths(question: Question) -> Observed:
    value, _ = question.column()
    length = f"length(CAST({value} AS VARCHAR))"
    exact = question.arguments.get("value")
    wanted = f"{length} = {int(exact)}" if exact is not None else _bounds(question, length, None)
    return _share(question, f"NOT ({wanted})", f"{value} IS NOT NULL")


def _unique(question: Question) -> Observed:
    value, _ = question.column()
    return _repeated(question, value, f"{value} IS NOT NULL")


def _compound_unique(question: Question) -> Observed:
    names = dict(question.table.columns)
    missing = [name for name in question.arguments["column_list"] if name not in names]
    if missing:
        raise KeyError(missing[0])
    return _repeated(question, ", ".join(identifier(name) for name in question.arguments["column_list"]), "true")


def _repeated(question: Question, columns: str, condition: str) -> Observed:
    groups = f"SELECT count(*) AS n FROM {question.table.sql} WHERE {condition} GROUP BY {columns}"
    wrong, total = one_row(
        question.connection, f"SELECT coalesce(sum(n) FILTER (n > 1), 0), coalesce(sum(n), 0) FROM ({groups})"
    )
    return _mostly(question, int(wrong), int(total))


def _aggregate(template: str) -> Callable[[Question], Observed]:
    def of(question: Question) -> Observed:
        value, type_ = question.column()
        own = type_ if template in ("min({})", "max({})") else None
        seen = question.ask(template.format(value))
        if seen is None:
            return Observed(False, "no value")
        held = question.ask(f"coalesce({_bounds(question, template.format(value), own)}, false)")
        return Observed(bool(held), str(to_cell(seen)))

    return of


def _row_count(question: Question) -> Observed:
    rows, exact = question.table.rows, question.arguments.get("value")
    least, most = question.arguments.get("min_value"), question.arguments.get("max_value")
    held = (exact is None or rows == exact) and (least is None or rows >= least) and (most is None or rows <= most)
    return Observed(held, f"{rows:,} rows")


def _exists(question: Question) -> Observed:
    question.column()
    return Observed(True, "there")


def _columns_match(question: Question) -> Observed:
    names = [name for name, _ in question.table.columns]
    ordered = question.arguments.get("column_list")
    if ordered is not None:
        return Observed(names == list(ordered), ", ".join(names))
    wanted, found = set(question.arguments.get("column_set") or ()), set(names)
    is_exact = question.arguments.get("exact_match", True)
    return Observed(found == wanted if is_exact else wanted <= found, ", ".join(names))


def _distinct_values(relation: str) -> Callable[[Question], Observed]:
    def of(question: Question) -> Observed:
        value, type_ = question.column()
        wanted = _set(question, type_)
        listed = f"[{wanted}]" if question.arguments.get("value_set") else "[]"
        foreign = question.ask(f"count(DISTINCT {value}) FILTER ({value} NOT IN ({wanted}))")
        found = question.ask(f"count(DISTINCT {value}) FILTER ({value} IN ({wanted}))")
        wanted_count = one_row(question.connection, f"SELECT len(list_distinct({listed}))")[0]
        held = {"in": not foreign, "contain": found == wanted_count, "equal": not foreign and found == wanted_count}
        return Observed(held[relation], f"{found} of {wanted_count} wanted values, {foreign} others")

    return of


def _pair(operator: str) -> Callable[[Question], Observed]:
    def of(question: Question) -> Observed:
        (first, _), (second, _) = question.column("column_A"), question.column("column_B")
        sign = ">=" if operator == ">" and question.arguments.get("or_equal") else operator
        return _share(question, f"NOT ({first} {sign} {second})", f"{first} IS NOT NULL AND {second} IS NOT NULL")

    return of


def _literal(value: Any, type_: ColumnType | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    text = literal(str(value))
    return text if type_ is None or type_.kind == "text" else f"CAST({text} AS {type_.name})"


EVALUATORS: Mapping[str, Callable[[Question], Observed]] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_null": _null,
    "expect_column_values_to_be_between": _values_between,
    "expect_column_values_to_be_in_set": _in_set(negated=False),
    "expect_column_values_to_not_be_in_set": _in_set(negated=True),
    "expect_column_values_to_match_regex": _regex(negated=False),
    "expect_column_values_to_not_match_regex": _regex(negated=True),
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": _lengths,
    "expect_column_values_to_be_unique": _unique,
    "expect_compound_columns_to_be_unique": _compound_unique,
    "expect_column_min_to_be_between": _aggregate("min({})"),
    "expect_column_max_to_be_between": _aggregate("max({})"),
    "expect_column_mean_to_be_between": _aggregate("avg({})"),
    "expect_column_median_to_be_between": _aggregate("median({})"),
    "expect_column_sum_to_be_between": _aggregate("sum({})"),
    "expect_column_stdev_to_be_between": _aggregate("stddev_samp({})"),
    "expect_column_unique_value_count_to_be_between": _aggregate("count(DISTINCT {0})"),
    "expect_column_proportion_of_unique_values_to_be_between": _aggregate("count(DISTINCT {0}) / count({0})"),
    "expect_column_proportion_of_non_null_values_to_be_between": _aggregate("count({}) / count(*)"),
    "expect_column_distinct_values_to_be_in_set": _distinct_values("in"),
    "expect_column_distinct_values_to_contain_set": _distinct_values("contain"),
    "expect_column_distinct_values_to_equal_set": _distinct_values("equal"),
    "expect_table_row_count_to_be_between": _row_count,
    "expect_table_row_count_to_equal": _row_count,
    "expect_column_to_exist": _exists,
    "expect_table_columns_to_match_set": _columns_match,
    "expect_table_columns_to_match_ordered_list": _columns_match,
    "expect_column_pair_values_a_to_be_greater_than_b": _pair(">"),
    "expect_column_pair_values_to_be_equal": _pair("="),
}
