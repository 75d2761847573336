"""The delta where rows cannot be paired one to one: no key at all, or a key whose values repeat.

Per key, the rows of each side are a multiset. Equal rows cancel first. Then, among rows with equal values in all
columns without a tolerance, both sides are ordered by the tolerated columns (the first that is tolerated first; NaN
after the numbers, NULL last), the n-th of one side is paired with the n-th of the other, and pairs within the
tolerance cancel, too. That is what "within tolerance" means here, on every engine: where rows were added or removed
between, a pairing by other means might find more pairs. Of what remains of a key, as many
as the smaller side has count as changed, the surplus as added or removed. Without a key, all that remains on the
head is added and all on the base removed.

A key's changed cells of a column are the fewest that any pairing of its remaining rows leaves different.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pypedream_dagster.delta.engines.duckdb.cells import Joined, count_cells
from pypedream_dagster.delta.engines.duckdb.narrow import Narrow, cells_differ, form_of, within
from pypedream_dagster.delta.engines.duckdb.query import one_row
from pypedream_dagster.delta.engines.duckdb.rows import originals
from pypedream_dagster.delta.engines.duckdb.samples import changed_rows, whole_rows
from pypedream_dagster.delta.engines.duckdb.sql import identifier
from pypedream_dagster.delta.engines.outcome import CellCounts, Outcome, to_cell
from pypedream_dagster.delta.model import Cell, ChangedRow, RowCounts, Samples
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.rules import CompareRules

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MANY_ROWS = 500_000
_FIRST_ROWS = 20_000


def compare_multisets(
    connection: DuckDBPyConnection, base: Table, head: Table, pairing: Pairing, rules: CompareRules
) -> Outcome:
    """The outcome by multisets per key, or of whole rows where the pairing has no key."""
    return _Multisets(connection, base, head, pairing, rules).outcome()


class _Multisets:
    """Works in temporary tables: ``rest`` holds what does not cancel, ``rest_key`` the sums of it per key."""

    def __init__(
        self, connection: DuckDBPyConnection, base: Table, head: Table, pairing: Pairing, rules: CompareRules
    ) -> None:
        self._connection = connection
        self._base = base
        self._head = head
        self._limit = rules.sample_rows
        self._narrow = Narrow(pairing.key, pairing.values, rules.exact)

    def outcome(self) -> Outcome:
        within_counts = self._cancel()
        is_keyed = bool(self._narrow.key)
        rows = self._rows(is_keyed)
        cells = self._cells() if is_keyed and rows.changed else {}
        for name, number in within_counts.items():
            count = cells.get(name, CellCounts())
            cells[name] = replace(count, within_tolerance=count.within_tolerance + number)
        base_duplicates, head_duplicates = self._duplicates() if is_keyed else (0, 0)
        samples = self._samples(is_keyed) if self._limit else Samples()
        return Outcome(rows, cells, samples, base_duplicates, head_duplicates)

    @property
    def _identity(self) -> list[str]:
        carried = [f"t{i}" for i in range(len(self._narrow.carried))]
        return [*(f"k{i}" for i in range(len(self._narrow.key))), "h", *carried]

    def _both(self) -> str:
        base = self._narrow.select(self._base, is_head=False)
        head = self._narrow.select(self._head, is_head=True)
        return f"(SELECT *, false AS s FROM ({base}) UNION ALL SELECT *, true AS s FROM ({head}))"

    def _cancel(self) -> dict[str, int]:
        if not (self._identity == ["h"] and self._cancel_single()):
            listed = ", ".join(self._identity)
            counted = (
                f"SELECT {listed}, count(*) FILTER (NOT s) AS na, count(*) FILTER (s) AS nb "
                f"FROM {self._both()} GROUP BY {listed}"
            )
            self._table(
                "rest",
                f"SELECT row_number() OVER () AS rid, {listed}, na - least(na, nb) AS la, nb - least(na, nb) AS lb "
                f"FROM ({counted}) WHERE na <> nb",
            )
        within_counts = self._cancel_tolerated()
        summed = "CAST(sum(la) AS BIGINT) AS la, CAST(sum(lb) AS BIGINT) AS lb FROM rest WHERE la + lb > 0"
        if self._narrow.key:
            keys = self._narrow.key_list()
            self._table("rest_key", f"SELECT row_number() OVER () AS kid, {keys}, {summed} GROUP BY {keys}")
        else:
            self._table("rest_key", f"SELECT 1 AS kid, {summed}")
        return within_counts

    def _cancel_single(self) -> bool:
        """Try a join, which costs less than grouping, but tells the truth only if no row is repeated on both sides.

        Then, and only then, there are as many pairs as rows with a partner on either side. Repeated rows could
        make far more pairs; the join is cut off at more than there can be without them.
        """
        base, head = self._base.rows, self._head.rows
        sides = [self._narrow.select(self._base, is_head=False), self._narrow.select(self._head, is_head=True)]
        first = f"SELECT count(*) <> count(DISTINCT h) FROM ({sides[0]} LIMIT {_FIRST_ROWS})"
        if self._row(first)[0]:
            return False
        pairs = (
            "SELECT coalesce(a.h, b.h) AS h, CASE WHEN b.h IS NULL THEN 1 WHEN a.h IS NULL THEN 2 ELSE 0 END AS t "
            f"FROM ({sides[0]}) a FULL JOIN ({sides[1]}) b ON a.h = b.h LIMIT {base + head + 1}"
        )
        self._table("single", f"SELECT CASE WHEN t <> 0 THEN h END AS h, t, count(*) AS n FROM ({pairs}) GROUP BY ALL")
        sums = ", ".join(f"coalesce(sum(n) FILTER (t = {t}), 0)" for t in range(3))
        counts = self._row(f"SELECT {sums} FROM single")
        paired, left_base, left_head = map(int, counts)
        if paired != base - left_base or paired != head - left_head:
            return False
        left = ", ".join(f"CASE WHEN t = {t} THEN n ELSE 0 END AS {name}" for t, name in ((1, "la"), (2, "lb")))
        self._table("rest", f"SELECT row_number() OVER () AS rid, h, {left} FROM single WHERE t <> 0")
        return True

    def _cancel_tolerated(self) -> dict[str, int]:
        tolerated = [(i, pair) for i, pair in enumerate(self._narrow.carried) if pair.tolerance]
        if not tolerated:
            return {}
        ranked_by = {f"t{i}" for i, _ in tolerated}
        group = [name for name in self._identity if name not in ranked_by]
        order = ", ".join(f"t{i}" for i, _ in tolerated)
        sides = [
            f"(SELECT *, row_number() OVER (PARTITION BY {', '.join(group)} ORDER BY {order}, rid) AS r "
            f"FROM (SELECT *, unnest(range({left})) FROM rest))"
            for left in ("la", "lb")
        ]
        same = " AND ".join(f"a.{name} IS NOT DISTINCT FROM b.{name}" for name in group)
        close = " AND ".join(
            f"(a.t{i} IS NOT DISTINCT FROM b.t{i} OR {within(pair, f'a.t{i}', f'b.t{i}')})" for i, pair in tolerated
        )
        moved = ", ".join(f"a.t{i} IS DISTINCT FROM b.t{i} AS c{i}" for i, _ in tolerated)
        self._table(
            "close",
            f"SELECT a.rid AS ra, b.rid AS rb, {moved} FROM {sides[0]} a JOIN {sides[1]} b "
            f"ON a.r = b.r AND {same} WHERE {close}",
        )
        for own, left in (("ra", "la"), ("rb", "lb")):
            self._connection.execute(
                f"UPDATE rest SET {left} = {left} - c.n FROM "
                f"(SELECT {own} AS rid, count(*) AS n FROM close GROUP BY 1) c WHERE rest.rid = c.rid"
            )
        counts = self._row(f"SELECT {', '.join(f'count(*) FILTER (c{i})' for i, _ in tolerated)} FROM close")
        return {pair.name: int(number) for (_, pair), number in zip(tolerated, counts, strict=True)}

    def _rows(self, is_keyed: bool) -> RowCounts:
        changed = "sum(least(la, lb))" if is_keyed else "0"
        row = self._row(f"SELECT coalesce(sum(lb), 0), coalesce(sum(la), 0), coalesce({changed}, 0) FROM rest_key")
        left_head, left_base, paired = (int(value) for value in row)
        return RowCounts(
            base=self._base.rows,
            head=self._head.rows,
            added=left_head - paired,
            removed=left_base - paired,
            changed=paired if is_keyed else None,
            unchanged=self._base.rows - left_base,
        )

    def _duplicates(self) -> tuple[int, int]:
        keys = self._narrow.key_list()
        counted = f"SELECT count(*) FILTER (NOT s) AS na, count(*) FILTER (s) AS nb FROM {self._both()} GROUP BY {keys}"
        row = self._row(f"SELECT count(*) FILTER (na > 1), count(*) FILTER (nb > 1) FROM ({counted})")
        return int(row[0]), int(row[1])

    def _cells(self) -> dict[str, CellCounts]:
        values = self._narrow.values
        for name, is_head in (("left_base", False), ("left_head", True)):
            self._table(name, self._left(is_head, values, "q.la > 0 AND q.lb > 0"))
        single = "(SELECT * FROM {} WHERE kid IN (SELECT kid FROM rest_key WHERE la = 1 AND lb = 1))"
        joined = f"{single.format('left_base')} a JOIN {single.format('left_head')} b ON a.kid = b.kid"
        counts = count_cells(self._connection, Joined(joined, values))
        for i, pair in enumerate(values):
            more = self._fewest_different(i)
            counts[pair.name] = replace(counts[pair.name], changed=counts[pair.name].changed + more)
        return counts

    def _fewest_different(self, index: int) -> int:
        per_value = (
            f"SELECT kid, v, least(count(*) FILTER (NOT s), count(*) FILTER (s)) AS same FROM ("
            f"SELECT kid, v{index} AS v, false AS s FROM left_base UNION ALL "
            f"SELECT kid, v{index}, true FROM left_head) GROUP BY kid, v"
        )
        row = self._row(
            f"SELECT coalesce(sum(greatest(least(q.la, q.lb) - p.same, 0)), 0) FROM rest_key q JOIN "
            f"(SELECT kid, sum(same) AS same FROM ({per_value}) GROUP BY kid) p ON q.kid = p.kid "
            "WHERE q.la > 0 AND q.lb > 0 AND NOT (q.la = 1 AND q.lb = 1)"
        )
        return int(row[0])

    def _left(self, is_head: bool, pairs: tuple[Pair, ...], condition: str, raw: str = "") -> str:
        """The remaining rows of a side whose key satisfies a condition on ``rest_key q``."""
        table = self._head if is_head else self._base
        values = "".join(f", {form_of(pair, is_head)} AS v{i}" for i, pair in enumerate(pairs))
        own = self._narrow.select(table, is_head=is_head).removesuffix(f" FROM {table.sql}")
        source = f"{own}{values}{raw} FROM {table.sql}"
        same = " AND ".join(f"s.{name} IS NOT DISTINCT FROM x.{name}" for name in self._identity)
        key = self._narrow.same_key("x", "q") or "true"
        left = "lb" if is_head else "la"
        return (
            f"SELECT s.*, q.kid, x.rid, x.{left} AS l, q.la AS qa, q.lb AS qb FROM ({source}) s "
            f"JOIN rest x ON {same} JOIN rest_key q ON {key} WHERE x.{left} > 0 AND {condition} "
            f"QUALIFY row_number() OVER (PARTITION BY x.rid) <= x.{left}"
        )

    def _samples(self, is_keyed: bool) -> Samples:
        return Samples(
            added=self._surplus(True, is_keyed),
            removed=self._surplus(False, is_keyed),
            changed=self._changed() if is_keyed else (),
            limit=self._limit,
        )

    def _surplus(self, is_head: bool, is_keyed: bool) -> tuple[Any, ...]:
        if not is_keyed and self._base.rows + self._head.rows > _MANY_ROWS:
            return self._first_surplus(is_head)
        table = self._head if is_head else self._base
        mine, other = ("lb", "la") if is_head else ("la", "lb")
        if is_keyed:
            order = self._narrow.key_list()
            condition = (
                f"q.kid IN (SELECT kid FROM rest_key WHERE {mine} > {other} ORDER BY {order} LIMIT {self._limit})"
            )
            surplus = "qb - qa" if is_head else "qa - qb"
        else:
            condition = f"x.rid IN (SELECT rid FROM rest WHERE {mine} > 0 ORDER BY rid LIMIT {self._limit})"
            surplus = "l"
        left = self._left(is_head, (), condition, ", " + originals(table))
        place = "kid" if is_keyed else "rid"
        ranked = f"SELECT *, row_number() OVER (PARTITION BY {place} ORDER BY rid DESC) AS p FROM ({left})"
        kept = f"SELECT * FROM ({ranked}) WHERE p <= {surplus}"
        order = ", ".join([*(f"k{i}" for i in range(len(self._narrow.key))), "rid"])
        numbered = f"(SELECT *, row_number() OVER (ORDER BY {order}) AS r FROM ({kept}))"
        return whole_rows(self._connection, table, numbered, f"r <= {self._limit}")

    def _first_surplus(self, is_head: bool) -> tuple[dict[str, Cell], ...]:
        """Any rows of the surplus: those that a scan meets first, so that it can stop there."""
        table = self._head if is_head else self._base
        left = "lb" if is_head else "la"
        own = self._narrow.select(table, is_head=is_head).removesuffix(f" FROM {table.sql}")
        same = " AND ".join(f"s.{name} IS NOT DISTINCT FROM x.{name}" for name in self._identity)
        columns = ", ".join(f"o{i}" for i in range(len(table.columns)))
        found = self._connection.execute(
            f"SELECT x.rid, x.{left}, {columns} FROM ({own}, {originals(table)} FROM {table.sql}) s "
            f"JOIN (SELECT * FROM rest WHERE {left} > 0) x ON {same} LIMIT {self._limit * 4}"
        ).fetchall()
        seen: Counter[int] = Counter()
        rows = []
        for rid, most, *cells in found:
            seen[rid] += 1
            if seen[rid] <= most:
                rows.append(dict(zip((name for name, _ in table.columns), map(to_cell, cells), strict=True)))
        return tuple(rows[: self._limit])

    def _changed(self) -> tuple[ChangedRow, ...]:
        key, values = self._narrow.key, self._narrow.values
        chosen = (
            f"SELECT kid FROM rest_key WHERE la > 0 AND lb > 0 ORDER BY {self._narrow.key_list()} LIMIT {self._limit}"
        )
        sides = []
        for is_head in (False, True):
            raw = "".join(f", {_raw(pair, is_head)} AS g{i}" for i, pair in enumerate(key))
            raw += "".join(f", {_raw(pair, is_head)} AS o{i}" for i, pair in enumerate(values))
            left = self._left(is_head, values, f"q.kid IN ({chosen})", raw)
            order = ", ".join([*(f"v{i}" for i in range(len(values))), "rid"])
            sides.append(f"(SELECT *, row_number() OVER (PARTITION BY kid ORDER BY {order}) AS p FROM ({left}))")
        told = [f"b.g{i}" for i in range(len(key))]
        for i, pair in enumerate(values):
            told += [cells_differ(pair, f"a.v{i}", f"b.v{i}"), f"a.o{i}", f"b.o{i}"]
        order = ", ".join(f"b.k{i}" for i in range(len(key)))
        rows = self._connection.execute(
            f"SELECT {', '.join(told)} FROM {sides[0]} a JOIN {sides[1]} b ON a.kid = b.kid AND a.p = b.p "
            f"ORDER BY {order}, a.p LIMIT {self._limit}"
        ).fetchall()
        return changed_rows(rows, key, values)

    def _table(self, name: str, sql: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")

    def _row(self, sql: str) -> tuple[Any, ...]:
        return one_row(self._connection, sql)


def _raw(pair: Pair, is_head: bool) -> str:
    return identifier(pair.sql_name(is_head))
