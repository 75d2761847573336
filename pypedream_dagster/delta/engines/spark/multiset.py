"""The delta where rows cannot be paired one to one: no key at all, or a key whose values repeat.

The definitions are those of `engines/duckdb/multiset.py`. A row's identity (key, hash, carried values) stands for it
throughout: row numbers would not survive that Spark computes a lost partition again.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by spark/sql.py
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pypedream_dagster.delta.engines.outcome import CellCounts, Outcome
from pypedream_dagster.delta.engines.spark.keyed import AT_ONCE, count_cells, told_cells
from pypedream_dagster.delta.engines.spark.query import all_rows
from pypedream_dagster.delta.engines.spark.reading import SparkReader
from pypedream_dagster.delta.engines.spark.rows import (
    Narrow,
    cell,
    changed_row,
    ordered,
    originals,
    raw,
    same,
    shown_row,
    within,
)
from pypedream_dagster.delta.engines.spark.sql import shown
from pypedream_dagster.delta.model import Cell, ChangedRow, RowCounts, Samples
from pypedream_dagster.delta.pairing import Pairing
from pypedream_dagster.delta.reading import Table

_BOTH = "q.la > 0 AND q.lb > 0"


class Multisets:
    """Works in views: ``rest`` holds what does not cancel, ``rest_key`` the sums of it per key."""

    def __init__(
        self, reader: SparkReader, base: Table, head: Table, pairing: Pairing, duplicates: tuple[int, int] = (0, 0)
    ) -> None:
        self._reader, self._base, self._head, self._duplicates = reader, base, head, duplicates
        self._limit = reader.rules.sample_rows
        self._narrow = Narrow(pairing.key, pairing.values, reader.rules.exact)

    def outcome(self) -> Outcome:
        """The outcome by multisets per key, or of whole rows where the pairing has no key."""
        inside = self._cancel()
        rows, has_several = self._counts()
        is_keyed = bool(self._narrow.key)
        cells = self._cells(has_several) if is_keyed and rows.changed else {}
        for name, number in inside.items():
            count = cells.get(name, CellCounts())
            cells[name] = replace(count, within_tolerance=count.within_tolerance + number)
        return Outcome(rows, cells, self._samples(rows) if self._limit else Samples(), *self._duplicates)

    def _cancel(self) -> dict[str, int]:
        listed = ", ".join(self._narrow.identity)
        counted = (
            f"SELECT {listed}, count_if(NOT s) AS na, count_if(s) AS nb "
            f"FROM {self._narrow.both(self._base, self._head)} GROUP BY {listed}"
        )
        self._rest = self._kept(
            f"SELECT {listed}, na - least(na, nb) AS la, nb - least(na, nb) AS lb FROM ({counted}) WHERE na <> nb"
        )
        inside = self._cancel_tolerated()
        summed = f"sum(la) AS la, sum(lb) AS lb FROM {self._rest} WHERE la + lb > 0"
        keys = ", ".join(self._narrow.keys)
        self._rest_key = self._kept(f"SELECT {keys}, {summed} GROUP BY {keys}" if keys else f"SELECT {summed}")
        return inside

    def _cancel_tolerated(self) -> dict[str, int]:
        tolerated = [(i, pair) for i, pair in enumerate(self._narrow.carried) if pair.tolerance]
        if not tolerated:
            return {}
        identity = self._narrow.identity
        ranked_by = [f"t{i}" for i, _ in tolerated]
        group = [name for name in identity if name not in ranked_by]
        sides = [
            f"(SELECT *, row_number() OVER (PARTITION BY {', '.join(group)} ORDER BY {ordered(ranked_by)}) AS r "
            f"FROM (SELECT *, explode(sequence(1L, {left})) FROM {self._rest} WHERE {left} > 0))"
            for left in ("la", "lb")
        ]
        close = " AND ".join(f"(a.t{i} <=> b.t{i} OR {within(pair, f'a.t{i}', f'b.t{i}')})" for i, pair in tolerated)
        columns = [f"{side}.{name} AS {side}_{name}" for side in "ab" for name in identity]
        moved = [f"NOT (a.t{i} <=> b.t{i}) AS c{i}" for i, _ in tolerated]
        pairs = self._kept(
            f"SELECT {', '.join([*columns, *moved])} FROM {sides[0]} a JOIN {sides[1]} b "
            f"ON a.r = b.r AND {same(group, 'a', 'b')} WHERE {close}"
        )
        for side, left in (("a", "la"), ("b", "lb")):
            own = ", ".join(f"{side}_{name} AS {name}" for name in identity)
            struck = f"SELECT {', '.join(identity)}, count(1) AS n FROM (SELECT {own} FROM {pairs}) GROUP BY ALL"
            kept = ", ".join(f"x.{name}" for name in (*identity, "lb" if left == "la" else "la"))
            self._rest = self._kept(
                f"SELECT {kept}, x.{left} - coalesce(c.n, 0) AS {left} FROM {self._rest} x "
                f"LEFT JOIN ({struck}) c ON {same(identity, 'x', 'c')}"
            )
        (counts,) = self._rows(f"SELECT {', '.join(f'count_if(c{i})' for i, _ in tolerated)} FROM {pairs}")
        return {pair.name: int(number) for (_, pair), number in zip(tolerated, counts, strict=True)}

    def _counts(self) -> tuple[RowCounts, bool]:
        """Row outcomes, and whether a key has several rows left to be paired."""
        is_keyed = bool(self._narrow.key)
        paired = "coalesce(sum(least(la, lb)), 0)" if is_keyed else "0"
        several = "count_if(la > 0 AND lb > 0 AND la + lb > 2)"
        (row,) = self._rows(
            f"SELECT coalesce(sum(lb), 0), coalesce(sum(la), 0), {paired}, {several} FROM {self._rest_key}"
        )
        left_head, left_base, changed, several_keys = (int(value) for value in row)
        counts = RowCounts(
            base=self._base.rows,
            head=self._head.rows,
            added=left_head - changed,
            removed=left_base - changed,
            changed=changed if is_keyed else None,
            unchanged=self._base.rows - left_base,
        )
        return counts, several_keys > 0

    def _cells(self, has_several: bool) -> dict[str, CellCounts]:
        values, keys = self._narrow.values, self._narrow.keys
        forms = [f"v{i}" for i in range(len(values))]
        listed = ", ".join([*keys, "qa", "qb", *forms])
        base, head = (self._kept(f"SELECT {listed} FROM {self._left(side, _BOTH)}") for side in (False, True))
        single = "(SELECT * FROM {} WHERE qa = 1 AND qb = 1)"
        joined = f"{single.format(base)} a JOIN {single.format(head)} b ON {same(keys, 'a', 'b')}"
        counts = count_cells(self._rows, joined, values)
        if has_several:
            for name, more in self._fewest_different(base, head).items():
                counts[name] = replace(counts[name], changed=counts[name].changed + more)
        return counts

    def _fewest_different(self, base: str, head: str) -> dict[str, int]:
        keys = ", ".join(self._narrow.keys)
        both = (
            f"(SELECT *, false AS s FROM {base} WHERE qa + qb > 2 UNION ALL "
            f"SELECT *, true AS s FROM {head} WHERE qa + qb > 2)"
        )
        found: dict[str, int] = {}
        numbered = list(enumerate(self._narrow.values))
        for start in range(0, len(numbered), AT_ONCE):
            some = numbered[start : start + AT_ONCE]
            queries = []
            for i, _ in some:
                per_value = (
                    f"SELECT {keys}, qa, qb, least(count_if(NOT s), count_if(s)) AS same "
                    f"FROM {both} GROUP BY {keys}, qa, qb, v{i}"
                )
                per_key = f"SELECT least(qa, qb) - sum(same) AS d FROM ({per_value}) GROUP BY {keys}, qa, qb"
                queries.append(f"SELECT {i} AS i, coalesce(sum(greatest(d, 0)), 0) AS n FROM ({per_key})")
            numbers = dict(self._rows(" UNION ALL ".join(queries)))
            found |= {pair.name: int(numbers[i]) for i, pair in some}
        return found

    def _left(self, is_head: bool, condition: str, more: Iterable[str] = ()) -> str:
        """The remaining rows of a side whose key satisfies a condition on ``rest_key q``."""
        table = self._head if is_head else self._base
        forms = [f"{cell(pair, table, is_head)} AS v{i}" for i, pair in enumerate(self._narrow.values)]
        own = ", ".join(["*", *self._narrow.cells(table, is_head=is_head), *forms])
        left = "lb" if is_head else "la"
        identity = self._narrow.identity
        number = f"row_number() OVER (PARTITION BY {', '.join(f's.{name}' for name in identity)} ORDER BY s.h)"
        columns = ", ".join(["s.*", "q.la AS qa", "q.lb AS qb", f"x.{left} AS l", f"{number} AS n", *more])
        found = (
            f"SELECT {columns} FROM (SELECT {own} FROM {table.sql}) s "
            f"JOIN (SELECT * FROM {self._rest} WHERE {left} > 0) x ON {same(identity, 's', 'x')} "
            f"JOIN {self._rest_key} q ON {same(self._narrow.keys, 's', 'q')} WHERE {condition}"
        )
        return f"(SELECT * FROM ({found}) WHERE n <= l)"

    def _samples(self, rows: RowCounts) -> Samples:
        return Samples(
            added=self._surplus(True) if rows.added else (),
            removed=self._surplus(False) if rows.removed else (),
            changed=self._changed() if rows.changed else (),
            limit=self._limit,
        )

    def _surplus(self, is_head: bool) -> tuple[dict[str, Cell], ...]:
        table = self._head if is_head else self._base
        mine, other = ("lb", "la") if is_head else ("la", "lb")
        keys = self._narrow.keys
        if not keys:
            return self._any_surplus(table, is_head)
        first = (
            f"(SELECT {', '.join(keys)}, {mine} - {other} AS m FROM {self._rest_key} WHERE {mine} > {other} "
            f"ORDER BY {ordered(keys)} LIMIT {self._limit})"
        )
        left = self._left(is_head, f"q.{mine} > q.{other}")
        chosen = f"SELECT f.* , y.m FROM {left} f JOIN {first} y ON {same(keys, 'f', 'y')}"
        ranked = f"SELECT *, row_number() OVER (PARTITION BY {', '.join(keys)} ORDER BY h DESC) AS p FROM ({chosen})"
        found = self._rows(
            f"SELECT {originals(table)} FROM ({ranked}) WHERE p <= m "
            f"ORDER BY {ordered([*keys, 'h'])} LIMIT {self._limit}"
        )
        return tuple(shown_row(table, row) for row in found)

    def _any_surplus(self, table: Table, is_head: bool) -> tuple[dict[str, Cell], ...]:
        """Any rows of the surplus: those that a scan meets first, so that it can stop there."""
        left = "lb" if is_head else "la"
        identity = self._narrow.identity
        own = ", ".join(["*", *self._narrow.cells(table, is_head=is_head)])
        chosen = (
            f"SELECT *, monotonically_increasing_id() AS rid FROM {self._rest} WHERE {left} > 0 LIMIT {self._limit}"
        )
        found = self._rows(
            f"SELECT x.rid, x.{left}, {originals(table, 's.')} FROM (SELECT {own} FROM {table.sql}) s "
            f"JOIN (SELECT /*+ BROADCAST */ * FROM ({chosen})) x ON {same(identity, 's', 'x')} LIMIT {self._limit * 4}"
        )
        seen: Counter[int] = Counter()
        rows = []
        for rid, most, *values in found:
            seen[rid] += 1
            if seen[rid] <= most:
                rows.append(shown_row(table, tuple(values)))
        return tuple(rows[: self._limit])

    def _changed(self) -> tuple[ChangedRow, ...]:
        narrow = self._narrow
        keys = narrow.keys
        first = (
            f"(SELECT {', '.join(keys)} FROM {self._rest_key} WHERE la > 0 AND lb > 0 "
            f"ORDER BY {ordered(keys)} LIMIT {self._limit})"
        )
        order = ordered([*(f"v{i}" for i in range(len(narrow.values))), "h"])
        sides = [
            f"(SELECT f.*, row_number() OVER (PARTITION BY {', '.join(f'f.{key}' for key in keys)} ORDER BY {order}) "
            f"AS p FROM {self._left(is_head, _BOTH)} f LEFT SEMI JOIN {first} y ON {same(keys, 'f', 'y')})"
            for is_head in (False, True)
        ]
        told = [shown(f"b.{raw(pair, self._head, True)}", pair.head_type) for pair in narrow.key]
        told += told_cells(narrow.values, self._base, self._head)
        rows = self._rows(
            f"SELECT {', '.join(told)} FROM {sides[0]} a JOIN {sides[1]} b ON {same([*keys, 'p'], 'a', 'b')} "
            f"ORDER BY {ordered([*keys, 'p'], 'b.')} LIMIT {self._limit}"
        )
        return tuple(changed_row(row, narrow.key, narrow.values) for row in rows)

    def _kept(self, sql: str) -> str:
        return self._reader.view(self._reader.keep(self._reader.session.sql(sql)))

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return all_rows(self._reader.session.sql(sql))
