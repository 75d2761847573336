"""Drafts a suite of expectations from data that is held to be good: a start to edit.

What the data shows is widened a little, so that tomorrow's run is not a failure: ranges of numbers by a tenth,
of days and moments by a tenth or a month, the number of rows by half. Every drafted expectation is asked of the data
before it is kept. Types are not drafted: Great Expectations names them per engine (``int64``, ``LongType``,
``BIGINT``), and the delta itself reports every column whose type differs.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pypedream_dagster.delta.engines.duckdb.query import one_row
from pypedream_dagster.delta.engines.duckdb.sql import identifier
from pypedream_dagster.delta.expectations import sql
from pypedream_dagster.delta.expectations.suite import open_sides
from pypedream_dagster.delta.reading import Reader, Table
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import AnySide, UnreadableError
from pypedream_dagster.delta.types import ColumnType
from pypedream_dagster.errors import DeltaError

_FEW_VALUES = 20
_LONGEST_VALUE = 100
_ROWS_PER_VALUE = 5
_KEY_KINDS = ("integer", "text", "binary")
_TIMES = ("date", "timestamp", "nanoseconds")
_AT_ONCE = 50
_SAFE = 2**53
"""Beyond it, whole numbers are no doubles, which is how Great Expectations compares them."""

_NANOSECOND_YEARS = (1677, 2262)

Drafted = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A column: how many values are there, about how many distinct ones, and their range."""

    filled: int
    about: int | None
    least: Any
    most: Any


def draft_suite(side: AnySide, name: str, rules: CompareRules | None = None) -> Drafted:
    """A suite that the side's data meets, as a document of Great Expectations' format.

    The columns; a band for the number of rows; no missing values where there are none; uniqueness of the declared
    key, or else of the first column that identifies the rows; sets of few texts; ranges of numbers, days and moments.

    Args:
        side: the data.
        name: of the suite.
        rules: the dataset's: ignored and volatile columns get no expectations of their values.

    Raises:
        DeltaError: the side has no data, or cannot be read.
    """
    import duckdb
    import pyarrow as pa

    rules = rules or CompareRules()
    with Reader(rules) as reader:
        (table,) = open_sides(reader, side)
        if table is None:
            raise DeltaError(
                f"{side.uri} holds no data to draft expectations from", hint="run the pipeline first, or name its data"
            )
        try:
            drafted = list(_drafted(reader, table, rules))
            asked = [(item["type"], item["kwargs"]) for item in drafted]
            held = sql.evaluate(reader.connection, table, asked)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            reader.blame(table, error)
            raise UnreadableError(f"{side.uri}: {error}") from error
    kept = [item for item, seen in zip(drafted, held, strict=True) if seen is not None and seen.success]
    return {"name": name, "expectations": kept, "meta": {"drafted_from": side.uri, "rows": table.rows}}


def _drafted(reader: Reader, table: Table, rules: CompareRules) -> Iterator[Drafted]:
    yield _draft("expect_table_columns_to_match_set", column_set=[name for name, _ in table.columns])
    if not table.rows:
        return
    yield _draft(
        "expect_table_row_count_to_be_between", min_value=max(1, table.rows // 2), max_value=math.ceil(table.rows * 1.5)
    )
    left_out = {name.lower() for name in (*rules.ignored_columns, *rules.volatile_columns)}
    judged = [(name, type_) for name, type_ in table.columns if name and name.lower() not in left_out]
    seen = _look(reader, table, judged)
    sets = _few_values(reader, table, {name: seen[name] for name, type_ in judged if type_.kind == "text"})
    yield from _unique(reader, table, judged, seen, rules.key)
    for name, type_ in judged:
        yield _draft("expect_column_values_to_not_be_null", column=name)
        if name in sets:
            yield _draft("expect_column_values_to_be_in_set", column=name, value_set=sets[name])
        if bounds := _bounds(seen[name], type_):
            yield _draft("expect_column_values_to_be_between", column=name, min_value=bounds[0], max_value=bounds[1])


def _look(reader: Reader, table: Table, columns: list[tuple[str, ColumnType]]) -> dict[str, _Seen]:
    """What a draft needs to know of each column, many columns in one scan."""
    seen: dict[str, _Seen] = {}
    for start in range(0, len(columns), _AT_ONCE):
        some = columns[start : start + _AT_ONCE]
        asked = ", ".join(expression for name, type_ in some for expression in _asked(identifier(name), type_))
        row = one_row(reader.connection, f"SELECT {asked} FROM {table.sql}")
        for index, (name, _) in enumerate(some):
            seen[name] = _Seen(*row[4 * index : 4 * index + 4])
    return seen


def _asked(column: str, type_: ColumnType) -> tuple[str, str, str, str]:
    # An estimate of distinct values is cheap, and off by a few per cent; the exact count comes when the draft is asked.
    about = f"approx_count_distinct({column})" if type_.kind in _KEY_KINDS else "NULL"
    if not (type_.is_number or type_.kind in _TIMES):
        return f"count({column})", about, "NULL", "NULL"
    filled = f" FILTER (NOT isnan({column}))" if type_.kind == "float" else ""
    return f"count({column})", about, f"min({column}){filled}", f"max({column}){filled}"


def _unique(
    reader: Reader,
    table: Table,
    columns: list[tuple[str, ColumnType]],
    seen: Mapping[str, _Seen],
    key: tuple[str, ...],
) -> Iterator[Drafted]:
    """The declared key; without one, the first column of whole numbers or texts that identifies the rows."""
    names = {name.lower(): name for name, _ in columns}
    declared = [names[name.lower()] for name in key if name.lower() in names]
    if len(declared) == len(key) > 1:
        yield _draft("expect_compound_columns_to_be_unique", column_list=declared)
    elif len(declared) == len(key) == 1:
        yield _draft("expect_column_values_to_be_unique", column=declared[0])
    elif not key and table.rows >= _FEW_VALUES:
        for name, type_ in columns:
            is_candidate = type_.kind in _KEY_KINDS and seen[name].filled == table.rows
            if is_candidate and (seen[name].about or 0) > 0.8 * table.rows:
                item = _draft("expect_column_values_to_be_unique", column=name)
                (found,) = sql.evaluate(reader.connection, table, [(item["type"], item["kwargs"])])
                if found is not None and found.success:
                    yield item
                    return


def _few_values(reader: Reader, table: Table, texts: Mapping[str, _Seen]) -> dict[str, list[str]]:
    """The values of the text columns that have few, by column."""
    most = min(_FEW_VALUES, table.rows // _ROWS_PER_VALUE)
    names = [name for name, seen in texts.items() if 0 < (seen.about or 0) <= 2 * most]
    if not names:
        return {}
    listed = ", ".join(f"list(DISTINCT {identifier(name)})" for name in names)
    row = one_row(reader.connection, f"SELECT {listed} FROM {table.sql}")
    sets = {
        name: sorted(value for value in values if value is not None) for name, values in zip(names, row, strict=True)
    }
    return {
        name: values
        for name, values in sets.items()
        if 0 < len(values) <= most and max(map(len, values)) <= _LONGEST_VALUE
    }


def _bounds(seen: _Seen, type_: ColumnType) -> tuple[Any, Any] | None:
    if seen.least is None:
        return None
    if type_.is_number:
        return _numbers(seen.least, seen.most, type_)
    return _moments(seen.least, seen.most, type_)


def _numbers(least: Any, most: Any, type_: ColumnType) -> tuple[float, float] | None:
    """A range a tenth wider than what was seen; a sign that does not occur is not allowed for, nor more than all."""
    low, high = float(least), float(most)
    slack = (high - low or abs(high)) / 10
    if not math.isfinite(slack) or max(abs(low), abs(high)) > _SAFE:
        return None
    floor, ceiling = _rounded(low - slack, slack, math.floor), _rounded(high + slack, slack, math.ceil)
    floor, ceiling = (0.0 if low >= 0 > floor else floor), (0.0 if high <= 0 < ceiling else ceiling)
    if low >= 0 and high <= 1 < ceiling and type_.kind != "integer":
        ceiling = 1.0  # a fraction
    if type_.kind == "integer":
        return math.floor(floor), math.ceil(ceiling)
    return floor, ceiling


def _rounded(value: float, slack: float, towards: Any) -> float:
    """A bound with no more digits than the slack is worth, rounded outwards."""
    if not slack:
        return value
    digits = -math.floor(math.log10(slack))
    if digits > 300:
        return value
    return float(round(towards(value * 10.0**digits) / 10.0**digits, max(digits, 0)))


def _moments(least: Any, most: Any, type_: ColumnType) -> tuple[str, str] | None:
    slack = max((most - least) / 10, timedelta(days=31))
    try:
        low, high = least - slack, most + slack + timedelta(days=1)
    except OverflowError:
        return None
    if type_.kind == "nanoseconds" and not _NANOSECOND_YEARS[0] < low.year <= high.year < _NANOSECOND_YEARS[1]:
        return None
    if type_.kind == "date":
        return low.isoformat(), high.isoformat()
    return tuple(_midnight(moment, zoned=type_.zoned) for moment in (low, high))  # type: ignore[return-value]


def _midnight(moment: datetime, *, zoned: bool) -> str:
    return f"{date(moment.year, moment.month, moment.day).isoformat()}T00:00:00{'+00:00' if zoned else ''}"


def _draft(type_: str, **arguments: Any) -> Drafted:
    return {"type": type_, "kwargs": arguments}
