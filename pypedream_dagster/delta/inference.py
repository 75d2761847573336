"""Finds a key where none is declared: columns that are unique on both sides and find their rows again.

Single columns first, those named like an identifier before the others; where none is a key, pairs and then triples of
the `_COMBINED` likeliest columns without NULLs. A sample of each side discards most (one query per side and number
of columns); uniqueness is then counted exactly on small tables, and left to the engine, which checks it for
certain, on large ones, where at most `_TRIED` candidates get so far. A key whose values mostly do not occur on the
other side pairs nothing, and is no key.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import combinations, islice
from typing import TYPE_CHECKING, TypeVar

from pypedream_dagster.delta.engines.duckdb.narrow import form_of
from pypedream_dagster.delta.engines.duckdb.query import one_row
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Columns = tuple[Pair, ...]
_T = TypeVar("_T")
Narrowing = Callable[[Table, list[_T], bool], list[_T]]
"""Of candidates, those that a side does not rule out; the last argument says whether it is the head."""

_IDENTIFIER = re.compile(r"(^|_|\b)(id|key|pk|uuid|guid|code)$|[a-z](Id|ID|Key)$", re.IGNORECASE)
_KEY_KINDS = ("integer", "text", "date", "timestamp", "other")
SAMPLE_ROWS = 20_000
_SMALL_ROWS = 500_000
_COMBINED = 6
_TRIED = 3
LEAST_OVERLAP = 0.5
_LEAST_DISTINCT = 0.9  # of an estimate that is off by a few percent


def infer_key(connection: DuckDBPyConnection, base: Table, head: Table, pairing: Pairing) -> Iterator[Columns]:
    """Candidates for a key, best first and found as asked for; on small tables all are unique for certain."""

    def unique(table: Table, columns: list[Columns], is_head: bool) -> list[Columns]:
        return _unique(connection, table, columns, is_head)

    def combinable(table: Table, pairs: list[Pair], is_head: bool) -> list[Pair]:
        return _combinable(connection, table, pairs, is_head)

    def is_found_again(columns: Columns) -> bool:
        return _overlap(connection, base, head, columns) >= LEAST_OVERLAP

    found = likely_keys(base, head, pairing, unique, combinable)
    return bounded(base, head, filter(is_found_again, found))


def likely_keys(
    base: Table, head: Table, pairing: Pairing, unique: Narrowing[Columns], combinable: Narrowing[Pair]
) -> Iterator[Columns]:
    """What neither side rules out: single columns, then pairs and triples of the others.

    Args:
        base: main's side.
        head: the branch's side.
        pairing: their columns.
        unique: keeps the columns whose values do not repeat on a side, for all that it looks at.
        combinable: keeps the pairs without NULLs on a side that are worth combining.
    """
    if not base.rows or not head.rows:
        return
    sides = ((base, False), (head, True))
    pairs = eligible_pairs(pairing)
    for size in (1, 2, 3):
        columns: list[Columns] = list(combinations(pairs, size))
        for table, is_head in sides:
            columns = unique(table, columns, is_head)
        yield from columns
        if size == 1:
            pairs = [pair for pair in pairs if (pair,) not in columns]
            for table, is_head in sides:
                pairs = combinable(table, pairs, is_head)
            pairs = pairs[:_COMBINED]


def bounded(base: Table, head: Table, candidates: Iterator[Columns]) -> Iterator[Columns]:
    """All candidates of small tables; of large ones, where each costs a comparison, the first few."""
    return candidates if max(base.rows, head.rows) <= _SMALL_ROWS else islice(candidates, _TRIED)


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


def _combinable(connection: DuckDBPyConnection, table: Table, pairs: list[Pair], is_head: bool) -> list[Pair]:
    """The pairs that have no NULL and more than one value in a sample."""
    if not pairs:
        return []
    checks = (f"count(v{i}) = count(*) AND min(v{i}) IS DISTINCT FROM max(v{i})" for i in range(len(pairs)))
    row = one_row(connection, f"SELECT {', '.join(checks)} FROM {_sampled(table, pairs, is_head)}")
    return [pair for pair, is_usable in zip(pairs, row, strict=True) if is_usable]


def _unique(connection: DuckDBPyConnection, table: Table, candidates: list[Columns], is_head: bool) -> list[Columns]:
    """The candidates that are unique in the table, as far as can be told by a sample and then by all rows."""
    candidates = _passing(connection, table, candidates, is_head, is_sampled=True)
    return _passing(connection, table, candidates, is_head, is_sampled=False)


def _passing(
    connection: DuckDBPyConnection, table: Table, candidates: list[Columns], is_head: bool, *, is_sampled: bool
) -> list[Columns]:
    if not candidates:
        return []
    pairs = list(dict.fromkeys(pair for columns in candidates for pair in columns))
    source = _sampled(table, pairs, is_head) if is_sampled else _cells(table, pairs, is_head)
    checks = []
    for columns in candidates:
        own = [f"v{pairs.index(pair)}" for pair in columns]
        # Two hashes: with one of 64 bits, a large sample of unique keys would now and then seem to repeat.
        value = own[0] if len(own) == 1 else f"{{'a': hash({', '.join(own)}), 'b': hash({', '.join(reversed(own))})}}"
        filled = " AND ".join(f"count({one}) = count(*)" for one in own)
        if is_sampled or table.rows <= _SMALL_ROWS:
            checks.append(f"{filled} AND count(DISTINCT {value}) = count(*)")
        else:
            checks.append(f"{filled} AND approx_count_distinct({value}) >= {_LEAST_DISTINCT} * count(*)")
    row = one_row(connection, f"SELECT {', '.join(checks)} FROM {source}")
    return [columns for columns, is_unique in zip(candidates, row, strict=True) if is_unique]


def _sampled(table: Table, pairs: list[Pair], is_head: bool) -> str:
    return f"(SELECT * FROM {_cells(table, pairs, is_head)} LIMIT {SAMPLE_ROWS})"


def _cells(table: Table, pairs: list[Pair], is_head: bool) -> str:
    cells = ", ".join(f"{form_of(pair, is_head)} AS v{i}" for i, pair in enumerate(pairs))
    return f"(SELECT {cells} FROM {table.sql})"


def _overlap(connection: DuckDBPyConnection, base: Table, head: Table, columns: Columns) -> float:
    """The share of a sample of the smaller side's values that occur on the other side."""
    sides = [(base, False), (head, True)]
    (small, small_is_head), (large, large_is_head) = sorted(sides, key=lambda side: side[0].rows)
    sampled = (
        f"SELECT * FROM {_cells(small, list(columns), small_is_head)} USING SAMPLE reservoir(1000 ROWS) REPEATABLE (1)"
    )
    others = _cells(large, list(columns), large_is_head)
    same = " AND ".join(f"s.v{i} = o.v{i}" for i in range(len(columns)))
    row = one_row(
        connection,
        f"WITH s AS MATERIALIZED ({sampled}) SELECT (SELECT count(*) FROM s SEMI JOIN {others} o ON {same}) "
        "/ (SELECT count(*) FROM s)",
    )
    return float(row[0] or 0.0)
