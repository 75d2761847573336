"""Describes the columns of one side in a scan: nulls, range, moments, quantiles, distinct values.

NaN and infinities count as values but not into range, moments and quantiles; numbers of 1e145 and beyond not into
the moments. Distinct counts (HyperLogLog) and quantiles (t-digest, of a random half million rows where there are over
a million) are estimates. The standard deviation is the sample's. Columns of few distinct values are scanned once
more, for how often each value occurs.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pypedream_dagster.delta.engines.duckdb.cells import AT_ONCE
from pypedream_dagster.delta.engines.duckdb.query import one_row
from pypedream_dagster.delta.engines.duckdb.sql import identifier
from pypedream_dagster.delta.engines.outcome import to_cell, to_float
from pypedream_dagster.delta.model import ColumnStats, Quantile, ValueCount
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.types import DECIMAL_DIGITS, ColumnType

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_AGGREGATES = 6
_MANY_ROWS = 1_000_000
_SAMPLED_ROWS = 500_000
_SQUARABLE = 1e145
MOST_VALUES = 20
COUNTED = ("boolean", "integer", "text", "date")
_INSTANTS = ("date", "timestamp", "nanoseconds")


def describe(connection: DuckDBPyConnection, table: Table, names: Collection[str]) -> dict[str, ColumnStats]:
    """Statistics of the named columns."""
    in_sql = replace(table, columns=tuple((table.sql_name(name), type_) for name, type_ in table.columns))
    found = _described(connection, in_sql, {table.sql_name(name) for name in names})
    return {name: found[table.sql_name(name)] for name, _ in table.columns if name in names}


def _described(connection: DuckDBPyConnection, table: Table, names: Collection[str]) -> dict[str, ColumnStats]:
    columns = [(name, type_) for name, type_ in table.columns if name in names]
    stats: dict[str, ColumnStats] = {}
    for start in range(0, len(columns), AT_ONCE):
        some = columns[start : start + AT_ONCE]
        aggregates = ", ".join(item for name, type_ in some for item in _aggregates(name, type_))
        row = one_row(connection, f"SELECT {aggregates} FROM {table.sql}")
        for i, (name, _) in enumerate(some):
            stats[name] = _stats(table.rows, row[_AGGREGATES * i : _AGGREGATES * (i + 1)])
    stats |= _with_quantiles(connection, table, stats, columns)
    return stats | _with_values(connection, table, stats, dict(columns))


def _with_quantiles(
    connection: DuckDBPyConnection,
    table: Table,
    stats: dict[str, ColumnStats],
    columns: list[tuple[str, ColumnType]],
) -> dict[str, ColumnStats]:
    """The statistics of numbers and instants with their quantiles, the dearest figure by far."""
    digests = [(name, digest) for name, type_ in columns for digest in _digest(name, type_)]
    source = table.sql
    if table.rows > _MANY_ROWS:
        source = f"(SELECT * FROM {source} USING SAMPLE {100 * _SAMPLED_ROWS / table.rows:.6f} PERCENT (bernoulli))"
    found = {}
    for start in range(0, len(digests), AT_ONCE):
        some = digests[start : start + AT_ONCE]
        row = one_row(connection, f"SELECT {', '.join(digest for _, digest in some)} FROM {source}")
        for (name, _), values in zip(some, row, strict=True):
            pairs = zip(QUANTILES, map(to_float, values or ()), strict=False)
            quantiles = tuple(Quantile(fraction, value) for fraction, value in pairs if value is not None)
            found[name] = replace(stats[name], quantiles=quantiles)
    return found


def _digest(name: str, type_: ColumnType) -> list[str]:
    """The column's quantiles in SQL, or nothing."""
    value = identifier(name)
    if type_.kind in _INSTANTS:
        # DuckDB cannot tell whether a TIMESTAMPTZ_NS is finite.
        value = f"CAST({value} AS TIMESTAMPTZ)" if type_.kind == "nanoseconds" and type_.zoned else value
        number, is_finite = f"epoch({value})", f"isfinite({value})"
    elif type_.is_number:
        number = f"CAST({value} AS DOUBLE)"
        is_finite = f"isfinite({number})"
    else:
        return []
    return [f"approx_quantile({number}, [{', '.join(map(str, QUANTILES))}]) FILTER ({is_finite})"]


def _with_values(
    connection: DuckDBPyConnection, table: Table, stats: dict[str, ColumnStats], types: dict[str, ColumnType]
) -> dict[str, ColumnStats]:
    """The statistics of those columns whose values are few enough to be counted one by one."""
    few = [
        name
        for name in stats
        if types[name].kind in COUNTED and 0 < (stats[name].distinct_estimate or 0) <= MOST_VALUES
    ]
    found = {}
    for start in range(0, len(few), AT_ONCE):
        some = few[start : start + AT_ONCE]
        counts = one_row(
            connection, f"SELECT {', '.join(f'histogram({identifier(n)})' for n in some)} FROM {table.sql}"
        )
        for name, count in zip(some, counts, strict=True):
            # The estimate may have been low.
            if count and len(count) <= MOST_VALUES:
                found[name] = replace(stats[name], distinct_estimate=len(count), values=ranked_values(count))
    return found


def ranked_values(counts: Mapping[Any, int]) -> tuple[ValueCount, ...]:
    """How often each value occurs, the most frequent first."""
    values = (ValueCount(to_cell(value), count) for value, count in counts.items())
    return tuple(sorted(values, key=lambda item: (-item.count, str(item.value))))


def _aggregates(name: str, type_: ColumnType) -> list[str]:
    value = identifier(name)
    if type_.is_nested or type_.kind == "null":
        return [f"count({value})", *["NULL"] * (_AGGREGATES - 1)]
    if not type_.is_number:
        return [f"count({value})", f"approx_count_distinct({value})", f"min({value})", f"max({value})", "NULL", "NULL"]
    double = f"CAST({value} AS DOUBLE)"
    value = double if type_.precision > DECIMAL_DIGITS else value
    finite = f" FILTER (isfinite({double}))" if type_.kind == "float" else ""
    # DuckDB raises where the sum of squares overflows a double.
    # And where several aggregates share a filter, a comparison alone lets NaN through.
    squarable = f" FILTER (isfinite({double}) AND abs({double}) < {_SQUARABLE})"
    return [
        f"count({value})",
        f"approx_count_distinct({value})",
        f"min({value}){finite}",
        f"max({value}){finite}",
        f"avg({double}){squarable}",
        f"stddev_samp({double}){squarable}",
    ]


def _stats(rows: int, values: tuple[Any, ...]) -> ColumnStats:
    filled, distinct, least, most, mean, stddev = values
    return ColumnStats(
        nulls=rows - filled,
        null_fraction=(rows - filled) / rows if rows else 0.0,
        distinct_estimate=None if distinct is None else min(int(distinct), filled),
        min=to_cell(least),
        max=to_cell(most),
        mean=to_float(mean),
        stddev=to_float(stddev),
    )
