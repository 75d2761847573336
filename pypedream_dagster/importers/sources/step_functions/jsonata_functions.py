"""What JSONata's operators and functions give, over data that is partly known."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from pypedream_dagster.importers.sources.step_functions.values import Unknown, is_known, member, plain, text_of

MISSING = object()
"""What an expression gives that leads nowhere."""


class UnreadError(ValueError):
    """The expression is of a kind that is not read here."""


def step(value: Any, name: str) -> Any:
    """Return a field; of an array, that of each item."""
    if isinstance(value, list):
        return [step(item, name) for item in value]
    if isinstance(value, dict) and name not in value:
        return MISSING
    return value if value is MISSING else member(value, name)


def as_string(value: Any) -> Any:
    """Return what ``$string`` gives."""
    if isinstance(value, Unknown):
        return value
    return "" if value is MISSING else value if isinstance(value, str) else json.dumps(plain(value))


def operate(left: Any, sign: str, right: Any, unknown: Callable[[], Unknown]) -> Any:
    """Return what an operator gives; ``unknown`` names what cannot be computed."""
    if sign == "&":
        return "".join("" if one is MISSING or one is None else text_of(one) for one in (left, right))
    if left is MISSING or right is MISSING:
        return sign == "!=" if sign in {"=", "!="} else False if sign in {"and", "or"} else MISSING
    if sign in {"and", "or"}:
        decides = sign == "or"
        if any(not isinstance(one, Unknown) and bool(one) is decides for one in (left, right)):
            return decides
    if not is_known(left) or not is_known(right):
        return unknown()
    operation = _OPERATORS.get(sign)
    if operation is None:
        raise UnreadError
    return operation(left, right)


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
    "in": lambda one, other: one in (other if isinstance(other, list) else [other]),
    "and": lambda one, other: bool(one and other),
    "or": lambda one, other: bool(one or other),
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other if abs(one) < 1e12 and abs(other) < 1e12 else Unknown("number"),
    "/": lambda one, other: one / other,
    "%": lambda one, other: one % other,
}


def _split(text: str, mark: str, limit: int | None = None) -> list[str]:
    return (text.split(mark) if mark else list(text))[:limit]


def _substring(text: str, start: int, length: int | None = None) -> str:
    begin = max(0, len(text) + start) if start < 0 else start
    return text[begin:] if length is None else text[begin : begin + max(0, length)]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "uppercase": lambda text: text.upper(),
    "lowercase": lambda text: text.lower(),
    "trim": lambda text: " ".join(text.split()),
    "length": len,
    "substring": _substring,
    "substringBefore": lambda text, mark: text.partition(mark)[0],
    "substringAfter": lambda text, mark: text.partition(mark)[2] if mark in text else text,
    "split": _split,
    "replace": lambda text, old, new, *limit: text.replace(old, new, *limit),
    "contains": lambda text, part: part in text,
    "number": lambda value: json.loads(str(value)),
    "not": lambda value: not value,
    "boolean": bool,
    "keys": list,
    "lookup": lambda value, key: value[key],
    "distinct": lambda items: [item for number, item in enumerate(items) if item not in items[:number]],
    "reverse": lambda items: items[::-1],
    "sum": sum,
    "max": max,
    "min": min,
    "parse": json.loads,
    "partition": lambda items, size: [items[at : at + size] for at in range(0, len(items), size)],
    "base64encode": lambda text: base64.b64encode(text.encode()).decode(),
    "base64decode": lambda text: base64.b64decode(text).decode(),
}
