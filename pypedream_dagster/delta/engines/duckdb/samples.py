"""Makes sample rows of what SQL found: added and removed ones whole, changed ones before and after."""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pypedream_dagster.delta.engines.outcome import to_cell
from pypedream_dagster.delta.model import Cell, ChangedRow
from pypedream_dagster.delta.pairing import Pair
from pypedream_dagster.delta.reading import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def whole_rows(
    connection: DuckDBPyConnection, table: Table, source: str, condition: str
) -> tuple[dict[str, Cell], ...]:
    """Whole rows of ``source``, whose columns are the table's as ``o…`` and ``r``, their order."""
    if not table.columns:
        return ()
    columns = ", ".join(f"o{i}" for i in range(len(table.columns)))
    rows = connection.execute(f"SELECT {columns} FROM {source} WHERE {condition} ORDER BY r").fetchall()
    names = [name for name, _ in table.columns]
    return tuple(dict(zip(names, map(to_cell, row), strict=True)) for row in rows)


def changed_rows(rows: list[tuple[Any, ...]], key: tuple[Pair, ...], pairs: tuple[Pair, ...]) -> tuple[ChangedRow, ...]:
    """Changed rows from tuples: the key, then for each pair whether it differs, before and after."""
    changed = []
    for row in rows:
        cells = row[len(key) :]
        told = [(pair, *cells[3 * i : 3 * i + 3]) for i, pair in enumerate(pairs)]
        changed.append(
            ChangedRow(
                key={pair.name: to_cell(value) for pair, value in zip(key, row, strict=False)},
                before={pair.name: to_cell(before) for pair, differs, before, _ in told if differs},
                after={pair.name: to_cell(after) for pair, differs, _, after in told if differs},
            )
        )
    return tuple(changed)
