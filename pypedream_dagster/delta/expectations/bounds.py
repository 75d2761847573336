"""The values that expectations compare with, ``min_value`` and ``value_set``, as SQL for a column's type.

Great Expectations takes numbers as doubles, days as ``2020-01-31`` and moments as ``2020-01-31T12:00:00``, with a
zone where the column has one; what does not fit the column's type is an error there, and not said here.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

from pypedream_dagster.delta.engines.duckdb.sql import literal
from pypedream_dagster.delta.expectations.plan import Question, UnsaidError
from pypedream_dagster.delta.types import ColumnType

_WIDE = Context(prec=800)  # every double has an exact decimal of fewer digits
_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)?\Z")


def within(question: Question, value: str, type_: ColumnType) -> str:
    """The condition that ``min_value``, ``max_value`` and their strictness put on a value; empty if none is given."""
    least, most = value_range(question, type_)
    above = ">" if question.flag("strict_min") else ">="
    below = "<" if question.flag("strict_max") else "<="
    parts = [_compared(value, type_, above, least)] if least is not None else []
    parts += [_compared(value, type_, below, most)] if most is not None else []
    return " AND ".join(parts)


def _compared(value: str, type_: ColumnType, sign: str, bound: Any) -> str:
    if type_.kind == "decimal":
        # A decimal is compared with the exact value of a double, which is the next decimal up or down.
        up = sign in (">=", "<")
        return f"{value} {sign} {_decimal(Decimal(bound), type_.scale, ROUND_CEILING if up else ROUND_FLOOR)}"
    if type_.is_number:
        return f"CAST({value} AS DOUBLE) {sign} {bound!r}::DOUBLE"
    return f"{value} {sign} CAST({literal(bound.isoformat())} AS {_moment_type(type_)})"


def _moment_type(type_: ColumnType) -> str:
    return "DATE" if type_.kind == "date" else "TIMESTAMPTZ" if type_.zoned else "TIMESTAMP"


def _decimal(exact: Decimal, scale: int, rounding: str) -> str:
    if abs(exact) >= Decimal(10) ** (38 - scale):
        raise UnsaidError
    rounded = exact.quantize(Decimal(1).scaleb(-scale), rounding=rounding, context=_WIDE)
    return f"CAST('{rounded:f}' AS DECIMAL(38,{scale}))"


def value_range(question: Question, type_: ColumnType) -> tuple[Any, Any]:
    """``min_value`` and ``max_value`` as floats, dates or moments, as the column's type wants."""
    least, most = (_bound(question.arguments.get(name), type_) for name in ("min_value", "max_value"))
    if least is not None and most is not None and least > most:
        raise UnsaidError
    return least, most


def _bound(value: Any, type_: ColumnType) -> Any:
    if value is None:
        return None
    if type_.is_number and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if type_.kind == "date" and isinstance(value, str) and _DAY.match(value):
        return _parsed(date, value)
    if type_.kind in ("timestamp", "nanoseconds") and isinstance(value, str) and _MOMENT.match(value):
        found = _parsed(datetime, value)
        if (found.tzinfo is not None) == type_.zoned:
            return found
    raise UnsaidError


def _parsed(kind: type[date], value: str) -> Any:
    try:
        return kind.fromisoformat(value)
    except ValueError as error:
        raise UnsaidError from error


def value_set(question: Question, type_: ColumnType) -> tuple[str, int]:
    """``value_set`` as SQL, without those values that the column's type cannot hold; and how many it has in all."""
    items = question.arguments.get("value_set")
    if not isinstance(items, list) or not items:
        raise UnsaidError
    kinds = {type(item) for item in items}
    fits = (
        (type_.kind == "text" and kinds == {str})
        or (type_.kind == "boolean" and kinds == {bool})
        or (type_.is_number and kinds <= {int, float} and all(math.isfinite(item) for item in items))
    )
    if not fits:
        raise UnsaidError
    shown = (_literal(item, type_) for item in dict.fromkeys(items))
    return ", ".join(item for item in shown if item is not None), len(set(items))


def _literal(item: Any, type_: ColumnType) -> str | None:
    if type_.kind == "text":
        return literal(item)
    if type_.kind == "boolean":
        return str(item).lower()
    if type_.kind == "float":
        return f"{float(item)!r}::DOUBLE"
    exact, scale = Decimal(item), type_.scale
    if exact != exact.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_FLOOR, context=_WIDE):
        return None
    return _decimal(exact, scale, ROUND_FLOOR)
