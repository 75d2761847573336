"""Candidates for a key on Spark: those of `delta.inference`, a sample first, then all keys of both sides at once."""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by spark/sql.py
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pypedream_dagster.delta.engines.spark.query import one_row
from pypedream_dagster.delta.engines.spark.rows import cell, form
from pypedream_dagster.delta.engines.spark.sql import hash_parts
from pypedream_dagster.delta.inference import LEAST_OVERLAP, SAMPLE_ROWS, Columns, bounded, likely_keys
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Table


def key_candidates(session: Any, base: Table, head: Table, pairing: Pairing) -> Iterator[Columns]:
    """Columns that are unique on both sides and find their rows again, best first and found as asked for."""

    def unique(table: Table, columns: list[Columns], is_head: bool) -> list[Columns]:
        return _unique(session, table, columns, is_head)

    def combinable(table: Table, pairs: list[Pair], is_head: bool) -> list[Pair]:
        return _combinable(session, table, pairs, is_head)

    likely = likely_keys(base, head, pairing, unique, combinable)
    return (columns for columns in bounded(base, head, likely) if _is_key(session, base, head, columns))


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
    return f"(SELECT {', '.join(hashes)} FROM {table.sql} LIMIT {SAMPLE_ROWS})"


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
    return not faults and int(matched) >= LEAST_OVERLAP * min(base.rows, head.rows)
