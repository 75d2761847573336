"""Plans of the expectations about a figure of a column, and about the table as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pypedream_dagster.delta.engines.outcome import to_cell
from pypedream_dagster.delta.expectations.bounds import value_range
from pypedream_dagster.delta.expectations.plan import COUNTABLE, Observed, Plan, Question, Row, UnsaidError
from pypedream_dagster.delta.types import DOUBLE


def extreme(aggregate: str) -> Callable[[Question], Plan]:
    """The least or largest value lies between bounds."""

    def of(question: Question) -> Plan:
        value, type_ = question.column("column", "integer", "float", "decimal", "date", "timestamp")
        bounds = value_range(question, type_)
        if type_.kind == "timestamp" and bounds == (None, None):
            raise UnsaidError  # which of pandas' missing values is met decides there
        return Plan((f"{aggregate}({value})",), between(question, bounds))

    return of


def figure(template: str) -> Callable[[Question], Plan]:
    """A figure of numbers lies between bounds."""

    def of(question: Question) -> Plan:
        value, type_ = question.column("column", "integer", "float", "decimal")
        # The mean and sum of whole numbers are exact, and need no double before they are done.
        number = value if type_.kind == "integer" else f"CAST({value} AS DOUBLE)"
        return Plan((template.format(number),), between(question, value_range(question, type_)))

    return of


def distinct_count(question: Question) -> Plan:
    """The number of distinct values lies between bounds."""
    value, _ = question.column("column", *COUNTABLE)
    bounds = (question.whole("min_value"), question.whole("max_value"))
    return Plan((f"count(DISTINCT {value})",), between(question, bounds))


def proportion(template: str) -> Callable[[Question], Plan]:
    """A proportion, 0 where there is nothing, lies between bounds."""

    def of(question: Question) -> Plan:
        value, _ = question.column("column", *COUNTABLE)
        expression = f"coalesce({template.format(value)}, 0)"
        return Plan((expression,), between(question, value_range(question, DOUBLE)))

    return of


def between(question: Question, bounds: tuple[Any, Any]) -> Callable[[Row], Observed]:
    """Whether one figure lies between bounds; a figure that there is not does not."""
    (least, most), strict = bounds, (question.flag("strict_min"), question.flag("strict_max"))

    def conclude(row: Row) -> Observed:
        seen = row[0]
        if seen is None or (isinstance(seen, float) and math.isnan(seen)):
            return Observed(False, "no value")
        moment = seen.astimezone(UTC) if isinstance(seen, datetime) and seen.tzinfo else seen
        above = least is None or (moment > least if strict[0] else moment >= least)
        below = most is None or (moment < most if strict[1] else moment <= most)
        return Observed(bool(above and below), str(to_cell(moment)), value=moment)

    return conclude


def row_count(question: Question) -> Observed:
    """The number of rows lies between bounds."""
    least, most = question.whole("min_value"), question.whole("max_value")
    if least is not None and most is not None and least > most:
        raise UnsaidError
    rows = question.table.rows
    return _counted(between(question, (least, most))((rows,)).success, rows)


def row_count_equal(question: Question) -> Observed:
    """The number of rows is ``value``."""
    wanted = question.whole("value")
    if wanted is None:
        raise UnsaidError
    return _counted(question.table.rows == wanted, question.table.rows)


def _counted(success: bool, rows: int) -> Observed:
    return Observed(success, f"{rows:,} rows", value=rows)


def exists(question: Question) -> Observed:
    """The column is there."""
    question.column()
    return Observed(True, "there")


def columns_in_set(question: Question) -> Observed:
    """The columns are those of ``column_set``, or at least those unless ``exact_match``."""
    wanted, found = set(question.texts("column_set")), {name for name, _ in question.table.columns}
    success = found == wanted if question.flag("exact_match", default=True) else wanted <= found
    return Observed(success, _difference(found, wanted))


def columns_in_order(question: Question) -> Observed:
    """The columns are those of ``column_list``, in its order."""
    wanted, found = question.texts("column_list"), [name for name, _ in question.table.columns]
    return Observed(wanted == found, _difference(set(found), set(wanted)) if wanted != found else "in this order")


def _difference(found: set[str], wanted: set[str]) -> str:
    missing, others = sorted(wanted - found), sorted(found - wanted)
    parts = [f"missing: {', '.join(missing)}"] if missing else []
    parts += [f"others: {', '.join(others)}"] if others else []
    return "; ".join(parts) or ("the same columns" if found == wanted else "another order")
