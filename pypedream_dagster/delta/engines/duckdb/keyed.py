"""The delta of two sides whose key values do not repeat: one join, then a look at what changed.

1. Join base and head on the key, and keep what is not equal by a hash of the row's compared cells: the key, and the
   head's row, which the scan has at hand. (Not where the join will have to spill, for it would spill these rows, too.)
2. Read the base's rows of the changed keys, and only of these; count cells and pick samples from both.

(Packed hashes per column, which would tell beforehand which columns to read, measured slower: they cost the join
more than they save here; decision 8.)

A join of sides without repeated keys has at most as many rows as both sides together: at one more it is cut off.
Else the number of rows that the join made, which DuckDB counts as it runs, tells for sure whether any key repeats:
there are as many pairs as rows with a partner on the base, and as many as on the head, only if each has one. Either way
`RepeatedKeysError` is raised, for the multiset comparison to take over.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pypedream_dagster.delta.engines.duckdb.cells import Joined, count_cells
from pypedream_dagster.delta.engines.duckdb.narrow import Narrow, cells_differ, form_of, within
from pypedream_dagster.delta.engines.duckdb.query import counting_joined_rows, one_row
from pypedream_dagster.delta.engines.duckdb.rows import Rows, originals
from pypedream_dagster.delta.engines.duckdb.samples import changed_rows, whole_rows
from pypedream_dagster.delta.engines.engine import RepeatedKeysError
from pypedream_dagster.delta.engines.outcome import CellCounts, Outcome
from pypedream_dagster.delta.model import RowCounts, Samples
from pypedream_dagster.delta.pairing import Pairing
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.types import VARCHAR, Plain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_EQUAL, _ADDED, _REMOVED, _CHANGED = 0, 1, 2, 3
_FIRST_ROWS = 20_000
_ROW_BYTES, _TEXT_BYTES = 32, 32  # of a row in DuckDB's join beside its cells; of a cell that is text
_JOIN_SHARE = 0.6  # of the memory, which a join may take before it is better prepared to spill


def compare_keyed(
    connection: DuckDBPyConnection, base: Table, head: Table, pairing: Pairing, rules: CompareRules
) -> Outcome:
    """The outcome for sides whose keys do not repeat.

    Raises:
        RepeatedKeysError: a key repeats.
    """
    return _Keyed(connection, base, head, pairing, rules).outcome()


class _Keyed:
    """Works in temporary tables: ``delta`` holds the keys that differ, ``base_row`` the base's rows of them."""

    def __init__(
        self, connection: DuckDBPyConnection, base: Table, head: Table, pairing: Pairing, rules: CompareRules
    ) -> None:
        self._connection = connection
        self._base, self._head = base, head
        self._narrow = Narrow(pairing.key, pairing.values, rules.exact)
        self._limit = rules.sample_rows
        held = (*pairing.key, *self._narrow.carried)
        row = _ROW_BYTES + sum(_TEXT_BYTES if pair.form == Plain(VARCHAR) else 8 for pair in held)
        self._head_rides = base.rows * row < _JOIN_SHARE * rules.memory_limit_bytes

    def outcome(self) -> Outcome:
        if self._starts_with_repeats(self._base, False) or self._starts_with_repeats(self._head, True):
            raise RepeatedKeysError
        rows = self._join(has_nulls=False)
        has_nulls = self._has_null_keys()
        if has_nulls and rows.added and rows.removed:
            # Plain equality pairs no NULLs, but costs much less where there are none.
            rows = self._join(has_nulls=True)
        self._pick_samples()
        base = self._read_again("base_row", self._base, _REMOVED, has_nulls)
        head = Rows("delta", self._head)
        if not self._head_rides:
            head = self._read_again("head_row", self._head, _ADDED, has_nulls)
        cells: dict[str, CellCounts] = {}
        if rows.changed:
            cells = count_cells(self._connection, self._joined(base, head, has_nulls))
        for name, number in self._tolerated_in_equal_rows().items():
            count = cells.get(name, CellCounts())
            cells[name] = replace(count, within_tolerance=count.within_tolerance + number)
        return Outcome(rows, cells, self._samples(base, head, has_nulls) if self._limit else Samples())

    def _starts_with_repeats(self, table: Table, is_head: bool) -> bool:
        """Whether a key repeats in the first rows: often the case where any does, and cheap to know."""
        keys = ", ".join(f"{form_of(pair, is_head)} AS k{i}" for i, pair in enumerate(self._narrow.key))
        first = f"SELECT {keys} FROM {table.sql} LIMIT {_FIRST_ROWS}"
        repeats = f"SELECT 1 FROM ({first}) GROUP BY {self._narrow.key_list()} HAVING count(*) > 1 LIMIT 1"
        return bool(self._connection.execute(repeats).fetchall())

    def _join(self, *, has_nulls: bool) -> RowCounts:
        """Make table ``delta`` of all that is not equal in every cell: ``k…``, ``t``, ``c…``, the head's row ``o…``."""
        narrow, keys = self._narrow, range(len(self._narrow.key))
        kind = (
            f"CASE WHEN a.h IS NULL THEN {_ADDED} WHEN b.h IS NULL THEN {_REMOVED} "
            f"WHEN {narrow.differs('a', 'b')} THEN {_CHANGED} ELSE {_EQUAL} END"
        )
        columns = [
            *(f"coalesce(a.k{i}, b.k{i}) AS k{i}" for i in keys),
            f"CAST({kind} AS TINYINT) AS t",
            *self._carried_flags(),
            *(f"b.o{i}" for i in range(len(self._head.columns)) if self._head_rides),
        ]
        base = narrow.select(self._base, is_head=False)
        head = narrow.select(self._head, is_head=True, more=originals(self._head) if self._head_rides else "")
        most = self._base.rows + self._head.rows
        pairs = (
            f"SELECT {', '.join(columns)} FROM ({base}) a FULL JOIN ({head}) b "
            f"ON {narrow.same_key('a', 'b', has_nulls=has_nulls)} LIMIT {most + 1}"
        )
        is_kept = " OR ".join([f"t <> {_EQUAL}", *(f"c{i} <> 0" for i in range(len(narrow.carried)))])
        joined = counting_joined_rows(
            self._connection, f"CREATE OR REPLACE TEMP TABLE delta AS SELECT * FROM ({pairs}) WHERE {is_kept}"
        )
        return self._counts(most if joined is None else joined)

    def _carried_flags(self) -> list[str]:
        """Per carried column: 0 equal, 1 within the tolerance, 2 different."""
        flags = []
        for i, pair in enumerate(self._narrow.carried):
            base, head = f"a.t{i}", f"b.t{i}"
            inside = f"WHEN {within(pair, base, head)} THEN 1 " if pair.tolerance else ""
            flags.append(
                f"CAST(CASE WHEN a.h IS NULL OR b.h IS NULL OR {base} IS NOT DISTINCT FROM {head} THEN 0 "
                f"{inside}ELSE 2 END AS TINYINT) AS c{i}"
            )
        return flags

    def _counts(self, joined: int) -> RowCounts:
        base, head = self._base.rows, self._head.rows
        numbers = ", ".join(f"count(*) FILTER (t = {t})" for t in (_ADDED, _REMOVED, _CHANGED))
        added, removed, changed = map(int, one_row(self._connection, f"SELECT {numbers} FROM delta"))
        pairs = joined - added - removed
        if pairs != base - removed or pairs != head - added or self._repeats_alone():
            raise RepeatedKeysError
        return RowCounts(base, head, added, removed, changed, pairs - changed)

    def _repeats_alone(self) -> bool:
        """Whether a key that only one side has repeats there."""
        keys = self._narrow.key_list()
        alone = f"SELECT {keys}, t FROM delta WHERE t IN ({_ADDED}, {_REMOVED})"
        repeats = f"SELECT 1 FROM ({alone}) GROUP BY {keys}, t HAVING count(*) > 1 LIMIT 1"
        return bool(self._connection.execute(repeats).fetchall())

    def _has_null_keys(self) -> bool:
        is_null = " OR ".join(f"k{i} IS NULL" for i in range(len(self._narrow.key)))
        return bool(one_row(self._connection, f"SELECT count(*) FROM delta WHERE t <> {_EQUAL} AND ({is_null})")[0])

    def _tolerated_in_equal_rows(self) -> dict[str, int]:
        tolerated = [(i, pair) for i, pair in enumerate(self._narrow.carried) if pair.tolerance]
        if not tolerated:
            return {}
        numbers = ", ".join(f"count(*) FILTER (c{i} = 1)" for i, _ in tolerated)
        row = one_row(self._connection, f"SELECT {numbers} FROM delta WHERE t = {_EQUAL}")
        return {pair.name: int(number) for (_, pair), number in zip(tolerated, row, strict=True)}

    def _pick_samples(self) -> None:
        """Make table ``sample_key``: the first keys of each outcome, numbered by ``r``."""
        keys = self._narrow.key_list()
        first = " UNION ALL ".join(
            f"(SELECT {keys}, t FROM delta WHERE t = {t} ORDER BY {keys} LIMIT {self._limit})"
            for t in (_ADDED, _REMOVED, _CHANGED)
        )
        self._table("sample_key", f"SELECT *, row_number() OVER (PARTITION BY t ORDER BY {keys}) AS r FROM ({first})")

    def _read_again(self, name: str, table: Table, alone: int, has_nulls: bool) -> Rows:
        """A side's rows of the changed keys, and of the sampled keys that it has alone, in a table of that name."""
        is_head, keys = alone == _ADDED, self._narrow.key_list()
        self._table(
            "wanted",
            f"SELECT {keys} FROM delta WHERE t = {_CHANGED} UNION ALL SELECT {keys} FROM sample_key WHERE t = {alone}",
        )
        forms = ", ".join(f"{form_of(pair, is_head)} AS k{i}" for i, pair in enumerate(self._narrow.key))
        source = f"SELECT {forms}, {originals(table)} FROM {table.sql}"
        same = self._narrow.same_key("s", "w", has_nulls=has_nulls)
        self._table(name, f"SELECT s.* FROM ({source}) s SEMI JOIN wanted w ON {same}")
        return Rows(name, table)

    def _joined(self, base: Rows, head: Rows, has_nulls: bool) -> Joined:
        values = self._narrow.values
        sides = []
        for rows, is_head in ((base, False), (head, True)):
            cells = "".join(f", {rows.form_of(pair, is_head)} AS v{i}" for i, pair in enumerate(values))
            chosen = f" WHERE t = {_CHANGED}" if rows.sql == "delta" else ""
            sides.append(f"(SELECT {self._narrow.key_list()}{cells} FROM {rows.sql}{chosen})")
        same = self._narrow.same_key("a", "b", has_nulls=has_nulls)
        return Joined(f"{sides[0]} a JOIN {sides[1]} b ON {same}", values)

    def _samples(self, base: Rows, head: Rows, has_nulls: bool) -> Samples:
        same = self._narrow.same_key("s", "q", has_nulls=has_nulls)

        def sampled(rows: Rows, outcome: int) -> str:
            return f"(SELECT s.*, q.r FROM {rows.sql} s JOIN sample_key q ON {same} AND q.t = {outcome})"

        key, values = self._narrow.key, self._narrow.values
        sides = []
        for rows, is_head in ((base, False), (head, True)):
            cells = [f"{rows.original_of(pair, is_head)} AS g{i}" for i, pair in enumerate(key)]
            for i, pair in enumerate(values):
                cells += [f"{rows.form_of(pair, is_head)} AS v{i}", f"{rows.original_of(pair, is_head)} AS w{i}"]
            sides.append(f"(SELECT r, {', '.join(cells)} FROM {sampled(rows, _CHANGED)})")
        told = [f"b.g{i}" for i in range(len(key))]
        for i, pair in enumerate(values):
            told += [cells_differ(pair, f"a.v{i}", f"b.v{i}"), f"a.w{i}", f"b.w{i}"]
        changed = self._connection.execute(
            f"SELECT {', '.join(told)} FROM {sides[0]} a JOIN {sides[1]} b ON a.r = b.r ORDER BY a.r"
        ).fetchall()
        return Samples(
            added=whole_rows(self._connection, self._head, sampled(head, _ADDED), "true"),
            removed=whole_rows(self._connection, self._base, sampled(base, _REMOVED), "true"),
            changed=changed_rows(changed, key, values),
            limit=self._limit,
        )

    def _table(self, name: str, sql: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")
