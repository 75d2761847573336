"""The delta of two sides whose key values do not repeat: one narrow join, then a look at what changed.

1. Join the narrow scans of both sides on the key. Rows that are equal fall into one group, of which only the
   number is kept; the others are kept with their key.
2. The cells of the changed keys, and only of these, are read again and counted. (Packed hashes per column, which
   would tell beforehand which columns to read, measured slower: they cost the join more than they save here.)
3. Sample rows are picked by key and fetched whole.

How many pairs the join made tells for sure whether any key repeats: then it raises `RepeatedKeysError`, for the
multiset comparison to take over.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/sql.py
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pypedream_dagster.delta.engines.cells import Joined, count_cells
from pypedream_dagster.delta.engines.engine import RepeatedKeysError
from pypedream_dagster.delta.engines.narrow import Narrow, form_of, within
from pypedream_dagster.delta.engines.outcome import CellCounts, Outcome
from pypedream_dagster.delta.engines.query import one_row
from pypedream_dagster.delta.engines.samples import keyed_samples
from pypedream_dagster.delta.model import RowCounts
from pypedream_dagster.delta.pairing import Pairing
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.rules import CompareRules

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_EQUAL, _ADDED, _REMOVED, _CHANGED = 0, 1, 2, 3
_SAMPLED_KEYS = 20_000


def compare_keyed(
    connection: DuckDBPyConnection, base: Table, head: Table, pairing: Pairing, rules: CompareRules
) -> Outcome:
    """The outcome for sides whose keys do not repeat.

    Raises:
        RepeatedKeysError: a key repeats.
    """
    narrow = Narrow(pairing.key, pairing.values, rules.exact)
    if _sample_repeats(connection, base, narrow, False) or _sample_repeats(connection, head, narrow, True):
        # A key that repeats often would make the join as large as the product of its repetitions.
        raise RepeatedKeysError
    connection.execute(f"CREATE OR REPLACE TEMP TABLE delta AS {_join(base, head, narrow)}")
    rows = _counts(connection, base, head)
    has_nulls = _has_null_keys(connection, narrow)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE changed_key AS SELECT {narrow.key_list()} FROM delta WHERE t = {_CHANGED}"
    )
    cells: dict[str, CellCounts] = {}
    if rows.changed:
        cells = count_cells(connection, _joined(base, head, narrow, has_nulls))
    for name, number in _tolerated_in_equal_rows(connection, narrow).items():
        count = cells.get(name, CellCounts())
        cells[name] = replace(count, within_tolerance=count.within_tolerance + number)
    samples = keyed_samples(connection, base, head, narrow, rules.sample_rows, has_nulls=has_nulls)
    return Outcome(rows, cells, samples)


def _sample_repeats(connection: DuckDBPyConnection, table: Table, narrow: Narrow, is_head: bool) -> bool:
    keys = ", ".join(f"{form_of(pair, is_head)} AS k{i}" for i, pair in enumerate(narrow.key))
    sampled = (
        f"SELECT {narrow.key_list()} FROM (SELECT {keys} FROM {table.sql}) USING SAMPLE reservoir({_SAMPLED_KEYS} ROWS)"
    )
    repeats = f"SELECT 1 FROM ({sampled}) GROUP BY {narrow.key_list()} HAVING count(*) > 1 LIMIT 1"
    return bool(connection.execute(repeats).fetchall())


def _join(base: Table, head: Table, narrow: Narrow) -> str:
    differs = narrow.differs("a", "b")
    one_sided = f"WHEN a.h IS NULL THEN {_ADDED} WHEN b.h IS NULL THEN {_REMOVED}"
    kind = f"CASE {one_sided} WHEN {differs} THEN {_CHANGED} ELSE {_EQUAL} END"
    is_kept = f"a.h IS NULL OR b.h IS NULL OR {differs}"
    columns = [
        *(f"CASE WHEN {is_kept} THEN coalesce(a.k{i}, b.k{i}) END AS k{i}" for i in range(len(narrow.key))),
        f"CAST({kind} AS TINYINT) AS t",
        *_carried_flags(narrow),
        "count(*) AS n",
    ]
    return (
        f"SELECT {', '.join(columns)} FROM ({narrow.select(base, is_head=False)}) a "
        f"FULL JOIN ({narrow.select(head, is_head=True)}) b ON {narrow.same_key('a', 'b')} GROUP BY ALL"
    )


def _carried_flags(narrow: Narrow) -> list[str]:
    """Per carried column: 0 equal, 1 within the tolerance, 2 different."""
    flags = []
    for i, pair in enumerate(narrow.carried):
        base, head = f"a.t{i}", f"b.t{i}"
        inside = f"WHEN {within(pair, base, head)} THEN 1 " if pair.tolerance else ""
        flags.append(
            f"CAST(CASE WHEN a.h IS NULL OR b.h IS NULL OR {base} IS NOT DISTINCT FROM {head} THEN 0 "
            f"{inside}ELSE 2 END AS TINYINT) AS c{i}"
        )
    return flags


def _counts(connection: DuckDBPyConnection, base: Table, head: Table) -> RowCounts:
    sums = ", ".join(f"coalesce(sum(n) FILTER (t = {t}), 0)" for t in (_EQUAL, _ADDED, _REMOVED, _CHANGED))
    most = f"coalesce(max(n) FILTER (t <> {_EQUAL}), 0)"
    equal, added, removed, changed, repeated = map(int, one_row(connection, f"SELECT {sums}, {most} FROM delta"))
    if repeated > 1 or equal + changed != base.rows - removed or equal + changed != head.rows - added:
        raise RepeatedKeysError
    return RowCounts(base.rows, head.rows, added, removed, changed, equal)


def _has_null_keys(connection: DuckDBPyConnection, narrow: Narrow) -> bool:
    is_null = " OR ".join(f"k{i} IS NULL" for i in range(len(narrow.key)))
    return bool(one_row(connection, f"SELECT count(*) FROM delta WHERE t <> {_EQUAL} AND ({is_null})")[0])


def _tolerated_in_equal_rows(connection: DuckDBPyConnection, narrow: Narrow) -> dict[str, int]:
    tolerated = [(i, pair) for i, pair in enumerate(narrow.carried) if pair.tolerance]
    if not tolerated:
        return {}
    sums = ", ".join(f"coalesce(sum(n) FILTER (c{i} = 1), 0)" for i, _ in tolerated)
    row = one_row(connection, f"SELECT {sums} FROM delta WHERE t = {_EQUAL}")
    return {pair.name: int(number) for (_, pair), number in zip(tolerated, row, strict=True)}


def _joined(base: Table, head: Table, narrow: Narrow, has_nulls: bool) -> Joined:
    sides = []
    for table, is_head in ((base, False), (head, True)):
        keys = ", ".join(f"{form_of(pair, is_head)} AS k{i}" for i, pair in enumerate(narrow.key))
        cells = "".join(f", {form_of(pair, is_head)} AS v{i}" for i, pair in enumerate(narrow.values))
        chosen = narrow.same_key("s", "c", has_nulls=has_nulls)
        sides.append(f"(SELECT s.* FROM (SELECT {keys}{cells} FROM {table.sql}) s SEMI JOIN changed_key c ON {chosen})")
    same = narrow.same_key("a", "b", has_nulls=has_nulls)
    return Joined(f"{sides[0]} a JOIN {sides[1]} b ON {same}", narrow.values)
