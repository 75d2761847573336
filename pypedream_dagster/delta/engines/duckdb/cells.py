"""Counts the cells of rows that are paired already: how many differ, and by how much."""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pypedream_dagster.delta.engines.duckdb.narrow import cells_differ, within
from pypedream_dagster.delta.engines.duckdb.query import one_row
from pypedream_dagster.delta.engines.outcome import CellCounts, to_float
from pypedream_dagster.delta.pairing import Pair
from pypedream_dagster.delta.types import Plain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

AT_ONCE = 30
"""Columns per query: DuckDB takes time to plan that grows with the square of the number of aggregates."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Paired rows: ``sql`` follows FROM and has the pairs' cells as ``a.v…`` and ``b.v…``."""

    sql: str
    pairs: tuple[Pair, ...]


def count_cells(connection: DuckDBPyConnection, joined: Joined) -> dict[str, CellCounts]:
    """The cell counts of each pair; in a wide table, those that differ anywhere are found first."""
    numbered = list(enumerate(joined.pairs))
    counts = {pair.name: CellCounts() for pair in joined.pairs}
    if len(numbered) > AT_ONCE:
        numbered = _differing(connection, joined, numbered)
    for start in range(0, len(numbered), AT_ONCE):
        some = numbered[start : start + AT_ONCE]
        aggregates = [item for i, pair in some for item in _aggregates(i, pair)]
        row = one_row(connection, f"SELECT {', '.join(aggregates)} FROM {joined.sql}")
        counts |= {pair.name: _counts(row[6 * i : 6 * i + 6]) for i, (_, pair) in enumerate(some)}
    return counts


def _differing(
    connection: DuckDBPyConnection, joined: Joined, numbered: list[tuple[int, Pair]]
) -> list[tuple[int, Pair]]:
    distinct = ", ".join(f"bool_or(a.v{i} IS DISTINCT FROM b.v{i})" for i, _ in numbered)
    row = one_row(connection, f"SELECT {distinct} FROM {joined.sql}")
    return [one for one, differs in zip(numbered, row, strict=True) if differs]


def _aggregates(index: int, pair: Pair) -> list[str]:
    base, head = f"a.v{index}", f"b.v{index}"
    differs = cells_differ(pair, base, head)
    inside = f"{base} IS DISTINCT FROM {head} AND {within(pair, base, head)}" if pair.tolerance else "false"
    is_null = "{}" if pair.role == "volatile" else "{} IS NULL"
    base_null, head_null = is_null.format(base), is_null.format(head)
    return [
        f"count(*) FILTER ({differs})",
        f"count(*) FILTER ({inside})",
        f"count(*) FILTER (NOT ({base_null}) AND {head_null})",
        f"count(*) FILTER ({base_null} AND NOT ({head_null}))",
        *_shifts(pair, base, head, differs),
    ]


def _shifts(pair: Pair, base: str, head: str, differs: str) -> list[str]:
    if not pair.is_number or pair.role == "volatile":
        return ["NULL", "NULL"]
    before, after = f"CAST({base} AS DOUBLE)", f"CAST({head} AS DOUBLE)"
    is_exact = isinstance(pair.form, Plain) and pair.form.type.kind == "integer"
    shift = f"CAST(CAST({head} AS HUGEINT) - CAST({base} AS HUGEINT) AS DOUBLE)" if is_exact else f"{after} - {before}"
    counts = f"{differs} AND isfinite({before}) AND isfinite({after}) AND isfinite({shift})"
    return [f"avg({shift}) FILTER ({counts})", f"arg_max({shift}, abs({shift})) FILTER ({counts})"]


def _counts(row: tuple[object, ...]) -> CellCounts:
    changed, inside, nulled, filled = (int(str(value)) for value in row[:4])
    return CellCounts(changed, inside, nulled, filled, to_float(row[4]), to_float(row[5]))
