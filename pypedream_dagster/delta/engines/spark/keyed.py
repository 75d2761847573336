"""The delta of two sides whose key values do not repeat.

Both narrow scans are grouped by the key: one shuffle of keys and hashes. A group of one row on each side with one
hash is an equal pair and dropped at once; what is left (``delta``) is kept, and tells the added, removed and changed
keys, and for sure whether a key repeats. The cells of the changed keys, and only of these, are then read and counted.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by spark/sql.py
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pypedream_dagster.delta.engines.outcome import CellCounts, Outcome
from pypedream_dagster.delta.engines.spark.query import all_rows
from pypedream_dagster.delta.engines.spark.reading import SparkReader
from pypedream_dagster.delta.engines.spark.rows import (
    COUNTS,
    Narrow,
    cell,
    cell_aggregates,
    cell_counts,
    cells_differ,
    changed_row,
    ordered,
    originals,
    raw,
    same,
    shown_row,
    within,
)
from pypedream_dagster.delta.engines.spark.sql import shown
from pypedream_dagster.delta.model import ChangedRow, RowCounts, Samples
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Table

AT_ONCE = 60
"""Columns per query: the code that Spark makes of one is limited in size."""

_EQUAL, _ADDED, _REMOVED, _CHANGED = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class KeyedDelta:
    """What one key tells of two sides.

    Attributes:
        view: the keys whose rows are not one equal pair, with ``t``, their outcome, and ``c…``, their flags.
        rows: row outcomes; wrong where keys repeat.
        base_duplicates: how many key values repeat on the base.
        head_duplicates: the same on the head.
        within: pair name → cells within the tolerance in rows that count as equal.
    """

    view: str
    rows: RowCounts
    base_duplicates: int
    head_duplicates: int
    within: dict[str, int]

    @property
    def is_unique(self) -> bool:
        """Whether no key value repeats."""
        return not (self.base_duplicates or self.head_duplicates)


class Keyed:
    """One comparison by key."""

    def __init__(self, reader: SparkReader, base: Table, head: Table, pairing: Pairing) -> None:
        self._reader, self._base, self._head = reader, base, head
        self._narrow = Narrow(pairing.key, pairing.values, reader.rules.exact)
        self._limit = reader.rules.sample_rows

    def delta(self) -> KeyedDelta:
        """Group both sides by the key."""
        narrow, carried = self._narrow, self._narrow.carried
        keys = ", ".join(narrow.keys)
        values = [
            f"first(CASE WHEN {'s' if side == 'b' else 'NOT s'} THEN named_struct('v', t{i}) END, true).v AS {side}{i}"
            for i in range(len(carried))
            for side in "ab"
        ]
        sums = [
            "count_if(NOT s) AS na",
            "count_if(s) AS nb",
            "max(CASE WHEN NOT s THEN h END) AS ha",
            "max(CASE WHEN s THEN h END) AS hb",
            *values,
        ]
        grouped = f"SELECT {keys}, {', '.join(sums)} FROM {narrow.both(self._base, self._head)} GROUP BY {keys}"
        moved = " OR ".join(["NOT (ha <=> hb)", *(f"NOT (a{i} <=> b{i})" for i in range(len(carried)))])
        differs = " OR ".join(["ha <> hb", *(cells_differ(pair, f"a{i}", f"b{i}") for i, pair in enumerate(carried))])
        kind = (
            f"CASE WHEN na = 0 THEN {_ADDED} WHEN nb = 0 THEN {_REMOVED} WHEN {differs} THEN {_CHANGED} "
            f"ELSE {_EQUAL} END"
        )
        inside = [
            f"(NOT (a{i} <=> b{i}) AND {within(pair, f'a{i}', f'b{i}')}) AS c{i}"
            for i, pair in enumerate(carried)
            if pair.tolerance
        ]
        chosen = ", ".join([keys, "na", "nb", f"{kind} AS t", *inside])
        found = f"SELECT {chosen} FROM ({grouped}) WHERE na <> 1 OR nb <> 1 OR {moved}"
        view = self._reader.view(self._reader.keep(self._reader.session.sql(found)))
        return self._counted(view)

    def outcome(self, delta: KeyedDelta) -> Outcome:
        """The outcome, from a delta in which no key repeats."""
        cells = self._cells(delta) if delta.rows.changed else {}
        for name, number in delta.within.items():
            count = cells.get(name, CellCounts())
            cells[name] = replace(count, within_tolerance=count.within_tolerance + number)
        return Outcome(delta.rows, cells, self._samples(delta) if self._limit else Samples())

    def _counted(self, view: str) -> KeyedDelta:
        tolerated = [(i, pair) for i, pair in enumerate(self._narrow.carried) if pair.tolerance]
        counts = [
            *(f"count_if(t = {kind})" for kind in (_ADDED, _REMOVED, _CHANGED)),
            "count_if(na > 1)",
            "count_if(nb > 1)",
            *(f"count_if(t = {_EQUAL} AND c{i})" for i, _ in tolerated),
        ]
        (row,) = self._rows(f"SELECT {', '.join(counts)} FROM {view}")
        added, removed, changed, base_repeats, head_repeats, *inside = map(int, row)
        base, head = self._base.rows, self._head.rows
        return KeyedDelta(
            view,
            RowCounts(base, head, added, removed, changed, base - removed - changed),
            base_repeats,
            head_repeats,
            {pair.name: number for (_, pair), number in zip(tolerated, inside, strict=True)},
        )

    def _cells(self, delta: KeyedDelta) -> dict[str, CellCounts]:
        joined = self._joined(f"SELECT {', '.join(self._narrow.keys)} FROM {delta.view} WHERE t = {_CHANGED}")
        return count_cells(self._rows, joined, self._narrow.values)

    def _joined(self, keys: str) -> str:
        """The rows of both sides that have one of the keys, paired: ``a`` and ``b``, forms ``v…``, columns ``c…``."""
        names = self._narrow.keys
        sides = []
        for table, is_head in ((self._base, False), (self._head, True)):
            own = ", ".join(f"{cell(pair, table, is_head)} AS k{i}" for i, pair in enumerate(self._narrow.key))
            chosen = (
                f"(SELECT s.* FROM (SELECT *, {own} FROM {table.sql}) s LEFT SEMI JOIN ({keys}) c "
                f"ON {same(names, 's', 'c')})"
            )
            forms = [f"{cell(pair, table, is_head)} AS v{i}" for i, pair in enumerate(self._narrow.values)]
            sides.append(f"(SELECT {', '.join(['*', *forms])} FROM {chosen})")
        return f"{sides[0]} a JOIN {sides[1]} b ON {same(names, 'a', 'b')}"

    def _samples(self, delta: KeyedDelta) -> Samples:
        rows = delta.rows
        return Samples(
            added=self._whole(delta, self._head, True, _ADDED) if rows.added else (),
            removed=self._whole(delta, self._base, False, _REMOVED) if rows.removed else (),
            changed=self._changed(delta) if rows.changed else (),
            limit=self._limit,
        )

    def _first_keys(self, delta: KeyedDelta, kind: int) -> str:
        names = self._narrow.keys
        first = f"ORDER BY {ordered(names)} LIMIT {self._limit}"
        return f"SELECT {', '.join(names)} FROM {delta.view} WHERE t = {kind} {first}"

    def _whole(self, delta: KeyedDelta, table: Table, is_head: bool, kind: int) -> tuple[dict[str, Any], ...]:
        names = self._narrow.keys
        own = ", ".join(f"{cell(pair, table, is_head)} AS k{i}" for i, pair in enumerate(self._narrow.key))
        rows = self._rows(
            f"SELECT {originals(table, 's.')} FROM (SELECT *, {own} FROM {table.sql}) s "
            f"JOIN ({self._first_keys(delta, kind)}) q ON {same(names, 's', 'q')} ORDER BY {ordered(names, 'q.')}"
        )
        return tuple(shown_row(table, row) for row in rows)

    def _changed(self, delta: KeyedDelta) -> tuple[ChangedRow, ...]:
        narrow = self._narrow
        told = [shown(f"b.{raw(pair, self._head, True)}", pair.head_type) for pair in narrow.key]
        told += told_cells(narrow.values, self._base, self._head)
        rows = self._rows(
            f"SELECT {', '.join(told)} FROM {self._joined(self._first_keys(delta, _CHANGED))} "
            f"ORDER BY {ordered(narrow.keys, 'a.')}"
        )
        return tuple(changed_row(row, narrow.key, narrow.values) for row in rows)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return all_rows(self._reader.session.sql(sql))


def count_cells(
    rows: Callable[[str], list[tuple[Any, ...]]], joined: str, pairs: tuple[Pair, ...]
) -> dict[str, CellCounts]:
    """The cell counts of each pair over paired rows ``a`` and ``b``."""
    counts: dict[str, CellCounts] = {}
    numbered = list(enumerate(pairs))
    for start in range(0, len(numbered), AT_ONCE):
        some = numbered[start : start + AT_ONCE]
        aggregates = [item for i, pair in some for item in cell_aggregates(i, pair)]
        (row,) = rows(f"SELECT {', '.join(aggregates)} FROM {joined}")
        counts |= {pair.name: cell_counts(row[COUNTS * i : COUNTS * (i + 1)]) for i, (_, pair) in enumerate(some)}
    return counts


def told_cells(pairs: tuple[Pair, ...], base: Table, head: Table) -> list[str]:
    """For each pair whether ``a.v…`` and ``b.v…`` differ, and both cells as they are."""
    told = []
    for i, pair in enumerate(pairs):
        told += [
            cells_differ(pair, f"a.v{i}", f"b.v{i}"),
            shown(f"a.{raw(pair, base, False)}", pair.base_type),
            shown(f"b.{raw(pair, head, True)}", pair.head_type),
        ]
    return told
