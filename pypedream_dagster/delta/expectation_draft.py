"""Drafts a suite of expectations from data that is held to be good: a start to edit.

What the data shows is widened a little, so that tomorrow's run is not a failure: ranges of numbers by a tenth,
of days and moments by a tenth or a month, the number of rows by half. Every drafted expectation is asked of the data
before it is kept. Types are not drafted: Great Expectations names them per engine (``int64``, ``LongType``,
``BIGINT``), and the delta itself reports every column whose type differs.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/sql.py
from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from pypedream_dagster.delta import expectation_sql
from pypedream_dagster.delta.engines.query import one_row
from pypedream_dagster.delta.engines.sql import identifier
from pypedream_dagster.delta.expectations import open_sides
from pypedream_dagster.delta.reading import Reader, Table
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import AnySide, UnreadableError
from pypedream_dagster.delta.types import ColumnType
from pypedream_dagster.errors import DeltaError

_FEW_VALUES = 20
_LONGEST_VALUE = 100
_ROWS_PER_VALUE = 5
_KEY_KINDS = ("integer", "text", "binary")
_SAFE = 2**53
"""Beyond it, whole numbers are no doubles, which is how Great Expectations compares them."""

_NANOSECOND_YEARS = (1677, 2262)

Drafted = dict[str, Any]


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
            held = expectation_sql.evaluate(reader.connection, table, asked)
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
    yield from _unique(reader, table, judged, rules.key)
    for name, type_ in judged:
        yield _draft("expect_column_values_to_not_be_null", column=name)
        if type_.kind == "text":
            yield from _few_values(reader, table, name)
        elif type_.is_number or type_.kind in ("date", "timestamp", "nanoseconds"):
            yield from _ranged(reader, table, name, type_)


def _unique(
    reader: Reader, table: Table, columns: list[tuple[str, ColumnType]], key: tuple[str, ...]
) -> Iterator[Drafted]:
    """The declared key; without one, the first column of whole numbers or texts that identifies the rows."""
    names = {name.lower(): name for name, _ in columns}
    declared = [names[name.lower()] for name in key if name.lower() in names]
    if len(declared) == len(key) > 1:
        yield _draft("expect_compound_columns_to_be_unique", column_list=declared)
    elif len(declared) == len(key) == 1:
        yield _draft("expect_column_values_to_be_unique", column=declared[0])
    elif not key and table.rows >= _FEW_VALUES:
        candidates = [name for name, type_ in columns if type_.kind in _KEY_KINDS]
        found = [_draft("expect_column_values_to_be_unique", column=name) for name in candidates]
        yield from _first_identifying(reader, table, found)


def _first_identifying(reader: Reader, table: Table, found: list[Drafted]) -> Iterator[Drafted]:
    for item in found:
        column = identifier(item["kwargs"]["column"])
        # An estimate is cheap, and off by a few per cent at most; the exact count comes when the draft is asked.
        (about, filled) = one_row(
            reader.connection, f"SELECT approx_count_distinct({column}), count({column}) FROM {table.sql}"
        )
        if filled == table.rows and about > 0.8 * table.rows:
            (seen,) = expectation_sql.evaluate(reader.connection, table, [(item["type"], item["kwargs"])])
            if seen is not None and seen.success:
                yield item
                return


def _few_values(reader: Reader, table: Table, name: str) -> Iterator[Drafted]:
    column = identifier(name)
    sql = f"SELECT DISTINCT {column} FROM {table.sql} WHERE {column} IS NOT NULL LIMIT {_FEW_VALUES + 1}"
    values = sorted(row[0] for row in reader.connection.execute(sql).fetchall())
    most = min(_FEW_VALUES, table.rows // _ROWS_PER_VALUE)
    if 0 < len(values) <= most and max(map(len, values)) <= _LONGEST_VALUE:
        yield _draft("expect_column_values_to_be_in_set", column=name, value_set=values)


def _ranged(reader: Reader, table: Table, name: str, type_: ColumnType) -> Iterator[Drafted]:
    column = identifier(name)
    filled = f" FILTER (NOT isnan({column}))" if type_.kind == "float" else ""
    least, most = one_row(reader.connection, f"SELECT min({column}){filled}, max({column}){filled} FROM {table.sql}")
    if least is None:
        return
    bounds = _numbers(least, most, type_) if type_.is_number else _moments(least, most, type_)
    if bounds is not None:
        yield _draft("expect_column_values_to_be_between", column=name, min_value=bounds[0], max_value=bounds[1])


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
