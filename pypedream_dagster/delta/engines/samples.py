"""Fetches sample rows: added and removed ones whole, changed ones before and after."""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/sql.py
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pypedream_dagster.delta.engines.narrow import Narrow, cells_differ, form_of
from pypedream_dagster.delta.engines.outcome import to_cell
from pypedream_dagster.delta.engines.sql import identifier
from pypedream_dagster.delta.model import Cell, ChangedRow, Samples
from pypedream_dagster.delta.pairing import Pair
from pypedream_dagster.delta.reading import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def keyed_samples(
    connection: DuckDBPyConnection,
    base: Table,
    head: Table,
    narrow: Narrow,
    limit: int,
    *,
    has_nulls: bool,
) -> Samples:
    """Samples of the first keys of each outcome in table ``delta`` (0 equal, 1 added, 2 removed, 3 changed)."""
    if not limit:
        return Samples()
    ranked = f"row_number() OVER (PARTITION BY t ORDER BY {narrow.key_list()}) AS r"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE sample_key AS SELECT * FROM (SELECT {narrow.key_list()}, t, {ranked} "
        f"FROM delta WHERE t <> 0) WHERE r <= {limit}"
    )
    return Samples(
        added=whole_rows(connection, head, _keyed(head, narrow, True, 1, has_nulls), "true"),
        removed=whole_rows(connection, base, _keyed(base, narrow, False, 2, has_nulls), "true"),
        changed=_changed(connection, base, head, narrow, has_nulls),
        limit=limit,
    )


def whole_rows(
    connection: DuckDBPyConnection, table: Table, source: str, condition: str
) -> tuple[dict[str, Cell], ...]:
    """Whole rows of ``source``, whose columns are the table's as ``o…`` and ``r``, their order."""
    columns = ", ".join(f"o{i}" for i in range(len(table.columns)))
    rows = connection.execute(f"SELECT {columns} FROM {source} WHERE {condition} ORDER BY r").fetchall()
    names = [name for name, _ in table.columns]
    return tuple(dict(zip(names, map(to_cell, row), strict=True)) for row in rows)


def originals(table: Table) -> str:
    """The table's columns as they are, named ``o…``."""
    return ", ".join(f"{identifier(name)} AS o{i}" for i, (name, _) in enumerate(table.columns))


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


def _keyed(table: Table, narrow: Narrow, is_head: bool, outcome: int, has_nulls: bool) -> str:
    keys = ", ".join(f"{form_of(pair, is_head)} AS k{i}" for i, pair in enumerate(narrow.key))
    same = narrow.same_key("s", "q", has_nulls=has_nulls)
    chosen = f"(SELECT * FROM sample_key WHERE t = {outcome})"
    return f"(SELECT {keys}, {originals(table)} FROM {table.sql}) s JOIN {chosen} q ON {same}"


def _changed(
    connection: DuckDBPyConnection, base: Table, head: Table, narrow: Narrow, has_nulls: bool
) -> tuple[ChangedRow, ...]:
    flagged = narrow.values
    sides = []
    for table, is_head in ((base, False), (head, True)):
        keys = [f"{form_of(pair, is_head)} AS k{i}" for i, pair in enumerate(narrow.key)]
        keys += [f"{_original(pair, is_head)} AS g{i}" for i, pair in enumerate(narrow.key)]
        cells = [f"{form_of(pair, is_head)} AS v{i}" for i, pair in enumerate(flagged)]
        cells += [f"{_original(pair, is_head)} AS o{i}" for i, pair in enumerate(flagged)]
        same = narrow.same_key("s", "q", has_nulls=has_nulls)
        source = f"(SELECT {', '.join(keys + cells)} FROM {table.sql}) s"
        sides.append(f"(SELECT s.*, q.r FROM {source} JOIN (SELECT * FROM sample_key WHERE t = 3) q ON {same})")
    told = [f"b.g{i}" for i in range(len(narrow.key))]
    for i, pair in enumerate(flagged):
        told += [cells_differ(pair, f"a.v{i}", f"b.v{i}"), f"a.o{i}", f"b.o{i}"]
    rows = connection.execute(
        f"SELECT {', '.join(told)} FROM {sides[0]} a JOIN {sides[1]} b ON a.r = b.r ORDER BY a.r"
    ).fetchall()
    return changed_rows(rows, narrow.key, flagged)


def _original(pair: Pair, is_head: bool) -> str:
    return identifier(pair.head_name if is_head else pair.name)
