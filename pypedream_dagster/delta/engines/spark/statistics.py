"""Describes the columns of one side, as `delta.statistics` does: one scan, and one more for columns of few values.

Distinct counts (HyperLogLog) and quantiles (percentile_approx) are estimates, and not those of DuckDB.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by spark/sql.py
from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from pypedream_dagster.delta.engines.outcome import to_float
from pypedream_dagster.delta.engines.spark.keyed import AT_ONCE
from pypedream_dagster.delta.engines.spark.query import all_rows, one_row
from pypedream_dagster.delta.engines.spark.rows import shown_cell
from pypedream_dagster.delta.engines.spark.sql import is_finite, shown
from pypedream_dagster.delta.model import Cell, ColumnStats, Quantile
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.statistics import COUNTED, MOST_VALUES, QUANTILES, ranked_values
from pypedream_dagster.delta.types import ColumnType

_AGGREGATES = 7
_SQUARABLE = "1e145D"
_SECONDS = {
    "date": "CAST(unix_date({}) AS DOUBLE) * 86400",
    "timestamp": "unix_micros({}) / 1e6D",
    "nanoseconds": "{} / 1e9D",
}


def describe(session: Any, table: Table, names: Collection[str]) -> dict[str, ColumnStats]:
    """Statistics of the named columns."""
    columns = [(f"c{i}", name, type_) for i, (name, type_) in enumerate(table.columns) if name in names]
    stats: dict[str, ColumnStats] = {}
    for start in range(0, len(columns), AT_ONCE):
        some = columns[start : start + AT_ONCE]
        aggregates = ", ".join(item for value, _, type_ in some for item in _aggregates(value, type_))
        row = one_row(session.sql(f"SELECT {aggregates} FROM {table.sql}"))
        for i, (_, name, type_) in enumerate(some):
            stats[name] = _stats(table.rows, type_, tuple(row[_AGGREGATES * i : _AGGREGATES * (i + 1)]))
    few = [
        (value, name, type_)
        for value, name, type_ in columns
        if type_.kind in COUNTED and 0 < (stats[name].distinct_estimate or 0) <= MOST_VALUES
    ]
    return stats | _with_values(session, table, few, stats)


def _with_values(
    session: Any, table: Table, few: list[tuple[str, str, ColumnType]], stats: dict[str, ColumnStats]
) -> dict[str, ColumnStats]:
    if not few:
        return {}
    cells = ", ".join(f"struct({i} AS i, CAST({value} AS STRING) AS v)" for i, (value, _, _) in enumerate(few))
    counted = session.sql(
        f"SELECT cell.i, cell.v, count(1) FROM (SELECT explode(array({cells})) AS cell FROM {table.sql}) "
        "WHERE cell.v IS NOT NULL GROUP BY cell.i, cell.v"
    )
    counts: defaultdict[int, dict[Cell, int]] = defaultdict(dict)
    for index, text, count in all_rows(counted):
        counts[index][_value(text, few[index][2])] = int(count)
    found = {}
    for index, (_, name, _) in enumerate(few):
        if 0 < len(counts[index]) <= MOST_VALUES:  # the estimate may have been low
            values = ranked_values(counts[index])
            found[name] = replace(stats[name], distinct_estimate=len(values), values=values)
    return found


def _value(text: str, type_: ColumnType) -> Cell:
    match type_.kind:
        case "boolean":
            return text == "true"
        case "integer":
            return int(text)
        case _:
            return text


def _aggregates(value: str, type_: ColumnType) -> list[str]:
    counted = f"count({value})"
    if type_.is_nested or type_.kind == "null":
        return [counted, *["NULL"] * (_AGGREGATES - 1)]
    # Of -0.0 and 0.0 it makes two.
    own = f"({value} + 0)" if type_.kind == "float" else value
    distinct = f"approx_count_distinct({own})"
    fractions = ", ".join(f"{fraction}D" for fraction in QUANTILES)
    if not type_.is_number:
        seconds = _SECONDS.get(type_.kind, "").replace("{}", value)
        quantiles = f"percentile_approx({seconds}, array({fractions}))" if seconds else "NULL"
        return [
            counted,
            distinct,
            *(shown(f"{most}({value})", type_) for most in ("min", "max")),
            "NULL",
            "NULL",
            quantiles,
        ]
    number = f"CAST({value} AS DOUBLE)"
    finite = f" FILTER (WHERE {is_finite(value)})" if type_.kind == "float" else ""
    squarable = f" FILTER (WHERE abs({number}) < {_SQUARABLE})"
    return [
        counted,
        distinct,
        f"min({value}){finite}",
        f"max({value}){finite}",
        f"avg({number}){squarable}",
        f"stddev_samp({number}){squarable}",
        f"percentile_approx({number}, array({fractions})){finite}",
    ]


def _stats(rows: int, type_: ColumnType, values: tuple[Any, ...]) -> ColumnStats:
    filled, distinct, least, most, mean, stddev, quantiles = values
    found = zip(QUANTILES, map(to_float, quantiles or ()), strict=False)
    return ColumnStats(
        nulls=rows - filled,
        null_fraction=(rows - filled) / rows if rows else 0.0,
        distinct_estimate=None if distinct is None else min(int(distinct), filled),
        min=shown_cell(least, type_),
        max=shown_cell(most, type_),
        mean=to_float(mean),
        stddev=to_float(stddev),
        quantiles=tuple(Quantile(fraction, value) for fraction, value in found if value is not None),
    )
