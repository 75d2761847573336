"""Finds a key where none is declared: one column that is unique on both sides and finds its rows again.

Columns named like an identifier come first, then the others in their order. A sample discards most; uniqueness
is then counted exactly on small tables, and left to the engine, which checks it for certain, on large ones. A
unique column whose values mostly do not occur on the other side pairs nothing, and is no key.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/sql.py
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pypedream_dagster.delta.engines.narrow import form_of
from pypedream_dagster.delta.engines.query import one_row
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_IDENTIFIER = re.compile(r"(^|_|\b)(id|key|pk|uuid|guid|code)$|[a-z](Id|ID|Key)$", re.IGNORECASE)
_KEY_KINDS = ("integer", "text", "date", "timestamp", "other")
_SAMPLE_ROWS = 20_000
_SMALL_ROWS = 500_000
_LEAST_OVERLAP = 0.5
_LEAST_DISTINCT = 0.9  # of an estimate that is off by a few percent


def infer_key(connection: DuckDBPyConnection, base: Table, head: Table, pairing: Pairing) -> tuple[Pair, ...]:
    """Candidates for a key, best first; on small tables all are unique for certain."""
    if not base.rows or not head.rows:
        return ()
    eligible = eligible_pairs(pairing)
    for table, is_head in ((base, False), (head, True)):
        eligible = _unique(connection, table, eligible, is_head)
    return tuple(pair for pair in eligible if _overlap(connection, base, head, pair) >= _LEAST_OVERLAP)


def eligible_pairs(pairing: Pairing) -> list[Pair]:
    """The pairs that could be a key by name and type, most likely first."""
    eligible = [
        pair
        for pair in pairing.pairs
        if pair.role == "compared"
        and pair.tolerance is None
        and pair.base_type.kind in _KEY_KINDS
        and pair.head_type.kind in _KEY_KINDS
    ]
    return sorted(eligible, key=lambda pair: not _IDENTIFIER.search(pair.name))


def _unique(connection: DuckDBPyConnection, table: Table, pairs: list[Pair], is_head: bool) -> list[Pair]:
    if not pairs:
        return []
    cells = ", ".join(f"{form_of(pair, is_head)} AS v{i}" for i, pair in enumerate(pairs))
    source = f"(SELECT {cells} FROM {table.sql})"
    distinct = [f"count(DISTINCT v{i}) = count(*)" for i in range(len(pairs))]
    sampled = f"(SELECT * FROM {source} LIMIT {_SAMPLE_ROWS})"
    row = one_row(connection, f"SELECT {', '.join(distinct)} FROM {sampled}")
    left = [i for i in range(len(pairs)) if row[i]]
    if not left:
        return []
    if table.rows <= _SMALL_ROWS:
        checks = [distinct[i] for i in left]
    else:
        checks = [
            f"count(v{i}) = count(*) AND approx_count_distinct(v{i}) >= {_LEAST_DISTINCT} * count(*)" for i in left
        ]
    row = one_row(connection, f"SELECT {', '.join(checks)} FROM {source}")
    return [pairs[i] for i, is_unique in zip(left, row, strict=True) if is_unique]


def _overlap(connection: DuckDBPyConnection, base: Table, head: Table, pair: Pair) -> float:
    """The share of a sample of the smaller side's values that occur on the other side."""
    sides = [(base, False), (head, True)]
    (small, small_is_head), (large, large_is_head) = sorted(sides, key=lambda side: side[0].rows)
    values = f"SELECT {form_of(pair, small_is_head)} AS v FROM {small.sql}"
    sampled = f"SELECT v FROM ({values}) USING SAMPLE reservoir(1000 ROWS) REPEATABLE (1)"
    others = f"SELECT {form_of(pair, large_is_head)} AS v FROM {large.sql}"
    row = one_row(
        connection,
        f"WITH s AS MATERIALIZED ({sampled}) SELECT (SELECT count(*) FROM s SEMI JOIN ({others}) o ON s.v = o.v) "
        "/ (SELECT count(*) FROM s)",
    )
    return float(row[0] or 0.0)
