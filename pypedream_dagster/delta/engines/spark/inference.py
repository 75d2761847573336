"""Candidates for a key on Spark: those of `delta.inference`, a sample first, then all keys of both sides at once."""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by spark/sql.py
from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice
from typing import Any

from pypedream_dagster.delta.engines.spark.query import one_row
from pypedream_dagster.delta.engines.spark.rows import cell, form
from pypedream_dagster.delta.engines.spark.sql import hash_parts
from pypedream_dagster.delta.inference import eligible_pairs
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Table

Columns = tuple[Pair, ...]

_SAMPLE_ROWS = 20_000
_SMALL_ROWS = 500_000
_LEAST_OVERLAP = 0.5
_COMBINED = 6
_TRIED = 3


def key_candidates(session: Any, base: Table, head: Table, pairing: Pairing) -> Iterator[Columns]:
    """Columns that are unique on both sides and find their rows again, best first and found as asked for."""
    if not base.rows or not head.rows:
        return
    likely = _likely(session, base, head, pairing)
    is_small = max(base.rows, head.rows) <= _SMALL_ROWS
    for columns in likely if is_small else islice(likely, _TRIED):
        if _is_key(session, base, head, columns):
            yield columns


def _likely(session: Any, base: Table, head: Table, pairing: Pairing) -> Iterator[Columns]:
    """What a sample of either side does not rule out: single columns, then pairs and triples of the others."""
    sides = ((base, False), (head, True))
    pairs = eligible_pairs(pairing)
    for size in (1, 2, 3):
        columns: list[Columns] = list(combinations(pairs, size))
        for table, is_head in sides:
            columns = _unique(session, table, columns, is_head)
        yield from columns
        if size == 1:
            pairs = [pair for pair in pairs if (pair,) not in columns]
            for table, is_head in sides:
                pairs = _combinable(session, table, pairs, is_head)
            pairs = pairs[:_COMBINED]


def _unique(session: Any, table: Table, candidates: list[Columns], is_head: bool) -> list[Columns]:
    if not candidates:
        return []
    pairs = list(dict.fromkeys(pair for columns in candidates for pair in columns))
    checks = []
    for columns in candidates:
        own = ", ".join(f"h{pairs.index(pair)}" for pair in columns)
        is_filled = " AND ".join(f"h{pairs.index(pair)} IS NOT NULL" for pair in columns)
        checks.append(f"size(collect_set(CASE WHEN {is_filled} THEN xxhash64({own}) END)) = count(1)")
    row = one_row(session.sql(f"SELECT {', '.join(checks)} FROM {_sampled(table, pairs, is_head)}"))
    return [columns for columns, is_unique in zip(candidates, row, strict=True) if is_unique]


def _combinable(session: Any, table: Table, pairs: list[Pair], is_head: bool) -> list[Pair]:
    """The pairs that have no NULL and more than one value in a sample."""
    if not pairs:
        return []
    checks = (f"count(h{i}) = count(1) AND NOT (min(h{i}) <=> max(h{i}))" for i in range(len(pairs)))
    row = one_row(session.sql(f"SELECT {', '.join(checks)} FROM {_sampled(table, pairs, is_head)}"))
    return [pair for pair, is_usable in zip(pairs, row, strict=True) if is_usable]


def _sampled(table: Table, pairs: list[Pair], is_head: bool) -> str:
    """Hashes ``h…`` of the pairs' cells in some rows; NULL for NULL."""
    hashes = []
    for i, pair in enumerate(pairs):
        value = cell(pair, table, is_head)
        hashed = f"xxhash64({', '.join(hash_parts(value, form(pair)))})"
        hashes.append(f"CASE WHEN {value} IS NOT NULL THEN {hashed} END AS h{i}")
    return f"(SELECT {', '.join(hashes)} FROM {table.sql} LIMIT {_SAMPLE_ROWS})"


def _is_key(session: Any, base: Table, head: Table, columns: Columns) -> bool:
    ours, theirs = (
        ", ".join(f"{cell(pair, table, is_head)} AS k{i}" for i, pair in enumerate(columns))
        for table, is_head in ((base, False), (head, True))
    )
    both = f"SELECT {ours}, false AS s FROM {base.sql} UNION ALL SELECT {theirs}, true AS s FROM {head.sql}"
    keys = ", ".join(f"k{i}" for i in range(len(columns)))
    counted = f"SELECT {keys}, count_if(NOT s) AS na, count_if(s) AS nb FROM ({both}) GROUP BY {keys}"
    nulls = " OR ".join(f"isnull(k{i})" for i in range(len(columns)))
    faults, matched = one_row(
        session.sql(f"SELECT count_if(na > 1 OR nb > 1 OR {nulls}), count_if(na > 0 AND nb > 0) FROM ({counted})")
    )
    return not faults and int(matched) >= _LEAST_OVERLAP * min(base.rows, head.rows)
