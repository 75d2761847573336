"""Brings Python values into a form: equal values become equal, hashable objects; others do not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pypedream_dagster.delta.types import (
    BLOB,
    DOUBLE,
    TIMESTAMP,
    EpochNanoseconds,
    Form,
    ListForm,
    MapForm,
    NumberText,
    Plain,
    StructForm,
    Text,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_form(value: Any, form: Form) -> Hashable:
    """The value in its form; None stays None, and so does what SQL brought into the form already."""
    if value is None:
        return None
    match form:
        case Plain(type_):
            return _plain(value, type_.name)
        case NumberText():
            return Decimal(repr(float(value))) if isinstance(value, float) and math.isfinite(value) else _number(value)
        case EpochNanoseconds():
            return _nanoseconds(value)
        case Text():
            return str(value)
        case ListForm(item):
            return tuple(to_form(one, item) for one in value)
        case StructForm(fields):
            return tuple(to_form(value.get(name), field) for name, field in fields)
        case MapForm(key, item):
            entries = value.items() if isinstance(value, dict) else map(_entry, value)
            return frozenset(Counter((to_form(k, key), to_form(v, item)) for k, v in entries).items())


def _entry(entry: Any) -> tuple[Any, ...]:
    """A map's entry from Arrow (a pair) or from SQL (a struct of key and value)."""
    return tuple(entry.values()) if isinstance(entry, dict) else entry


def _plain(value: Any, type_name: str) -> Hashable:
    if type_name == DOUBLE.name or isinstance(value, float | Decimal):
        return _number(float(value) if type_name == DOUBLE.name else value)
    if type_name == TIMESTAMP.name:
        return _instant(value)
    if type_name == BLOB.name:
        return value.encode() if isinstance(value, str) else bytes(value)
    return value  # type: ignore[no-any-return]


def _number(value: Any) -> Hashable:
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return "Infinity" if value == math.inf else "-Infinity" if value == -math.inf else value
    return Decimal(value)


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    assert isinstance(value, date)
    return datetime(value.year, value.month, value.day, tzinfo=UTC)


def _nanoseconds(value: Any) -> int:
    if isinstance(value, int | Decimal):
        return int(value)
    if hasattr(value, "value"):  # a pandas Timestamp
        return int(value.value)
    since = _instant(value) - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
