"""Plans of the expectations that look at values one by one, count those that repeat, or compare them with a set."""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

import re
from collections.abc import Callable

from pypedream_dagster.delta.engines.duckdb.query import one_row
from pypedream_dagster.delta.engines.duckdb.sql import literal
from pypedream_dagster.delta.expectations.bounds import value_set, within
from pypedream_dagster.delta.expectations.plan import COUNTABLE, Observed, Plan, Question, Row, UnsaidError

_PAIR_ROWS = ("both_values_are_missing", "either_value_is_missing", "neither")


def share(question: Question, unexpected: str, of: str) -> Plan:
    """At least ``mostly`` of the values that ``of`` selects must be as expected."""
    wrong = f"count(*) FILTER (({of}) AND coalesce({unexpected}, true))"
    return Plan((wrong, f"count(*) FILTER ({of})"), mostly(question))


def mostly(question: Question) -> Callable[[Row], Observed]:
    """Makes the outcome of two counts, wrong and all: at least ``mostly`` of all must not be wrong."""
    least = question.arguments.get("mostly", 1.0)
    if isinstance(least, bool) or not isinstance(least, int | float) or not 0 <= least <= 1:
        raise UnsaidError

    def conclude(row: Row) -> Observed:
        wrong, total = (int(value) for value in row)
        success = total == 0 or (total - wrong) / total >= least
        return Observed(success, f"{wrong:,} of {total:,} unexpected" if wrong else f"all {total:,} as expected", wrong)

    return conclude


def not_null(question: Question) -> Plan:
    """No value is missing."""
    value, _ = question.column()
    return share(question, f"{value} IS NULL", "true")


def null(question: Question) -> Plan:
    """Every value is missing."""
    value, _ = question.column()
    return share(question, f"{value} IS NOT NULL", "true")


def values_between(question: Question) -> Plan:
    """Values lie between bounds."""
    value, type_ = question.column("column", "integer", "float", "decimal", "date", "timestamp", "nanoseconds")
    bounds = within(question, value, type_)
    if not bounds:
        raise UnsaidError
    return share(question, f"NOT ({bounds})", f"{value} IS NOT NULL")


def in_set(*, negated: bool) -> Callable[[Question], Plan]:
    """Values are in ``value_set``, or not in it."""

    def of(question: Question) -> Plan:
        value, type_ = question.column("column", "integer", "float", "decimal", "text", "boolean")
        wanted, _ = value_set(question, type_)
        is_in = f"{value} IN ({wanted})" if wanted else "false"
        return share(question, is_in if negated else f"NOT ({is_in})", f"{value} IS NOT NULL")

    return of


def regex(*, negated: bool) -> Callable[[Question], Plan]:
    """Patterns are Python's. RE2 is asked where it means the same, Python itself for the other values."""

    def of(question: Question) -> Plan:
        value, _ = question.column("column", "text")
        pattern = _pattern(question.text("regex"))
        plain = f"NOT regexp_matches({value}, '[^\\t\\x20-\\x7e]')" if _knows(question, pattern) else "false"
        matches = f"regexp_matches({value}, {literal(pattern.pattern)})" if plain != "false" else "false"
        wrong = matches if negated else f"NOT {matches}"
        conclude = mostly(question)

        def with_others(row: Row) -> Observed:
            total, asked, missed = (int(number) for number in row)
            if asked < total:
                missed += _odd_values(question, value, f"{value} IS NOT NULL AND NOT ({plain})", pattern, negated)
            return conclude((missed, total))

        total, asked = f"count({value})", f"count(*) FILTER ({value} IS NOT NULL AND {plain})"
        return Plan((total, asked, f"count(*) FILTER ({value} IS NOT NULL AND {plain} AND {wrong})"), with_others)

    return of


def _pattern(text: str) -> re.Pattern[str]:
    if "[[:" in text or "{," in text:  # RE2 and Python take these for different things
        raise UnsaidError
    try:
        return re.compile(text)
    except re.error as error:
        raise UnsaidError from error


def _knows(question: Question, pattern: re.Pattern[str]) -> bool:
    """Whether RE2 accepts a pattern (it has no lookaround and no backreferences)."""
    import duckdb

    try:
        one_row(question.connection, f"SELECT regexp_matches('', {literal(pattern.pattern)})")
    except duckdb.Error:
        return False
    return True


def _odd_values(question: Question, value: str, condition: str, pattern: re.Pattern[str], negated: bool) -> int:
    """How many values are unexpected among those that RE2 may see otherwise than Python: not plain ASCII."""
    sql = f"SELECT {value}, count(*) FROM {question.table.sql} WHERE {condition} GROUP BY 1"
    found, wrong = question.connection.execute(sql), 0
    while rows := found.fetchmany(10_000):
        wrong += sum(count for text, count in rows if (pattern.search(text) is not None) == negated)
    return wrong


def lengths(question: Question) -> Plan:
    """Texts are between bounds long, in characters."""
    value, _ = question.column("column", "text")
    least, most = question.whole("min_value"), question.whole("max_value")
    if (least is None and most is None) or (least is not None and most is not None and least > most):
        raise UnsaidError
    length = f"length({value})"
    above, below = (">" if question.flag("strict_min") else ">="), ("<" if question.flag("strict_max") else "<=")
    parts = [f"{length} {above} {least}"] if least is not None else []
    parts += [f"{length} {below} {most}"] if most is not None else []
    return share(question, f"NOT ({' AND '.join(parts)})", f"{value} IS NOT NULL")


def length(question: Question) -> Plan:
    """Texts are ``value`` characters long."""
    value, _ = question.column("column", "text")
    wanted = question.whole("value")
    if wanted is None:
        raise UnsaidError
    return share(question, f"length({value}) <> {wanted}", f"{value} IS NOT NULL")


def unique(question: Question) -> Plan:
    """No value repeats."""
    value, _ = question.column("column", *COUNTABLE)
    return _repeated(question, (value,), f"{value} IS NOT NULL")


def compound_unique(question: Question) -> Plan:
    """No combination of values repeats."""
    columns = question.columns()
    return _repeated(
        question, columns, _kept(question, columns, "all_values_are_missing", "any_value_is_missing", "never")
    )


def _repeated(question: Question, columns: tuple[str, ...], condition: str) -> Plan:
    groups = f"SELECT count(*) AS n FROM {question.table.sql} WHERE {condition} GROUP BY {', '.join(columns)}"
    ask = ("coalesce(sum(n) FILTER (n > 1), 0)", "coalesce(sum(n), 0)")
    return Plan(ask, mostly(question), source=f"({groups})")


def _kept(question: Question, columns: tuple[str, ...], default: str, any_missing: str, never: str) -> str:
    """Which rows ``ignore_row_if`` leaves, as a condition; by default those in which a value is there."""
    filled = [f"({column}) IS NOT NULL" for column in columns]
    conditions = {default: f"({' OR '.join(filled)})", any_missing: f"({' AND '.join(filled)})", never: "true"}
    ignored = question.text("ignore_row_if") if "ignore_row_if" in question.arguments else default
    if ignored not in conditions:
        raise UnsaidError
    return conditions[ignored]


def distinct_values(relation: str) -> Callable[[Question], Plan]:
    """The distinct values are in ``value_set``, contain it, or equal it."""

    def of(question: Question) -> Plan:
        value, type_ = question.column("column", "integer", "float", "decimal", "text", "boolean")
        listed, wanted = value_set(question, type_)
        is_in = f"{value} IN ({listed})" if listed else "false"

        def conclude(row: Row) -> Observed:
            distinct, found = (int(number) for number in row)
            others, missing = distinct - found, wanted - found
            held = {"in": not others, "contain": not missing, "equal": not others and not missing}
            return Observed(held[relation], f"{found} of {wanted} wanted values, {others} others", others, missing)

        return Plan((f"count(DISTINCT {value})", f"count(DISTINCT {value}) FILTER ({is_in})"), conclude)

    return of


def pair(operator: str) -> Callable[[Question], Plan]:
    """One column's values compare with another's, row by row."""

    def of(question: Question) -> Plan:
        kinds = ("integer", "float", "decimal", "text", "date", "timestamp")
        (first, one), (second, other) = question.column("column_A", *kinds), question.column("column_B", *kinds)
        is_alike = (one.kind, one.zoned) == (other.kind, other.zoned)
        if not is_alike and {one.kind, other.kind} not in ({"integer", "float"}, {"integer", "decimal"}):
            raise UnsaidError
        sign = ">=" if operator == ">" and question.flag("or_equal") else operator
        of = _kept(question, (first, second), *_PAIR_ROWS)
        return share(question, f"NOT ({first} {sign} {second})", of)

    return of
