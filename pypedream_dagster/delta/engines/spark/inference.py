"""Candidates for a key on Spark: by the rules of `delta.inference`, as far as a sample and estimates can tell."""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by spark/sql.py
from __future__ import annotations

from typing import Any

from pypedream_dagster.delta.engines.spark.query import one_row
from pypedream_dagster.delta.engines.spark.rows import cell, form
from pypedream_dagster.delta.engines.spark.sql import hash_parts
from pypedream_dagster.delta.inference import eligible_pairs
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Table

LEAST_OVERLAP = 0.5
_SAMPLE_ROWS = 20_000
_LARGE_ROWS = 500_000
_LEAST_DISTINCT = 0.9  # of an estimate that is off by a few percent


def key_candidates(session: Any, base: Table, head: Table, pairing: Pairing) -> tuple[Pair, ...]:
    """Candidates, best first: what a sample of either side, or on large sides an estimate, does not rule out."""
    if not base.rows or not head.rows:
        return ()
    pairs = eligible_pairs(pairing)
    for table, is_head in ((base, False), (head, True)):
        pairs = _unique(session, table, pairs, is_head)
    return tuple(pairs)


def _unique(session: Any, table: Table, pairs: list[Pair], is_head: bool) -> list[Pair]:
    if not pairs:
        return []
    cells = [cell(pair, table, is_head) for pair in pairs]
    hashes = [f"xxhash64({', '.join(hash_parts(value, form(pair)))})" for value, pair in zip(cells, pairs, strict=True)]
    marked = [f"CASE WHEN {value} IS NOT NULL THEN {own} END" for value, own in zip(cells, hashes, strict=True)]
    listed = ", ".join(f"{own} AS h{i}" for i, own in enumerate(marked))
    checks = ", ".join(f"size(collect_set(h{i})) = count(1)" for i in range(len(pairs)))
    row = one_row(session.sql(f"SELECT {checks} FROM (SELECT {listed} FROM {table.sql} LIMIT {_SAMPLE_ROWS})"))
    left = [(pair, own) for pair, own, is_unique in zip(pairs, marked, row, strict=True) if is_unique]
    if left and table.rows > _LARGE_ROWS:
        estimates = ", ".join(
            f"count({own}) = count(1) AND approx_count_distinct({own}) >= {_LEAST_DISTINCT} * count(1)"
            for _, own in left
        )
        row = one_row(session.sql(f"SELECT {estimates} FROM {table.sql}"))
        left = [one for one, is_unique in zip(left, row, strict=True) if is_unique]
    return [pair for pair, _ in left]
