"""A second engine, for frames in memory and as a second opinion: it shares DuckDB's reading, not its comparing.

Every column of both sides is turned into integer codes, equal for equal values; then rows are tuples of codes,
and a key's rows a multiset. Values are handled one by one in Python: meant for up to about a million rows.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pypedream_dagster.delta.engines.duckdb.engine import DuckDB
from pypedream_dagster.delta.engines.duckdb.narrow import form_of
from pypedream_dagster.delta.engines.duckdb.sql import identifier
from pypedream_dagster.delta.engines.outcome import CellCounts, Outcome, to_cell, to_float
from pypedream_dagster.delta.engines.values import to_form
from pypedream_dagster.delta.model import Cell, ChangedRow, EngineName, RowCounts, Samples, Tolerance
from pypedream_dagster.delta.pairing import Pair, Pairing
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.types import Form, ListForm, MapForm, StructForm, Text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = int
_FORMED = "in its form: "
Codes = tuple[int, ...]


class Pandas(DuckDB):
    """Reads and describes as DuckDB does, and compares by itself."""

    @property
    def name(self) -> EngineName:
        """See `Engine.name`."""
        return "pandas"

    def compare_by_inferred(self, base: Table, head: Table, pairing: Pairing) -> Outcome:
        """See `Engine.compare_by_inferred`."""
        super().compare_by_inferred(base, head, pairing)
        return self.compare(base, head, pairing)

    def compare(self, base: Table, head: Table, pairing: Pairing) -> Outcome:
        """See `Engine.compare`."""
        self._fetch(base, head)
        return compare_tables(self.connection, base, head, pairing, self.rules)


@dataclass(frozen=True, slots=True)
class _Column:
    """A pair's values in order of row: codes to compare, forms for arithmetic."""

    pair: Pair
    base: Sequence[int]
    head: Sequence[int]
    forms: Sequence[Hashable]

    def is_close(self, base: Row, head: Row) -> bool:
        """Whether two cells are equal or within the tolerance."""
        ours, theirs = self.base[base], self.head[head]
        return ours == theirs or _is_within(self.forms[ours], self.forms[theirs], self.pair.tolerance)


def compare_tables(
    connection: DuckDBPyConnection, base: Table, head: Table, pairing: Pairing, rules: CompareRules
) -> Outcome:
    """The outcome, by multisets of rows per key (all rows have one key where there is none)."""
    by_sql = [pair for pair in (*pairing.key, *pairing.values) if _needs_sql(pair)]
    frames = [_frame(connection, table, by_sql, is_head) for table, is_head in ((base, False), (head, True))]
    key, values = ([_column(pair, frames) for pair in pairs] for pairs in (pairing.key, pairing.values))
    return _Rows(key, values, frames, base, head, rules.sample_rows).outcome()


class _Rows:
    def __init__(
        self, key: list[_Column], values: list[_Column], frames: list[Any], base: Table, head: Table, limit: int
    ) -> None:
        self._key, self._values, self._frames, self._limit = key, values, frames, limit
        self._names = ([name for name, _ in base.columns], [name for name, _ in head.columns])
        self._within: Counter[str] = Counter()

    def outcome(self) -> Outcome:
        base_rows, head_rows = (self._by_key(side) for side in (False, True))
        rows = [frame.num_rows for frame in self._frames]
        left = [
            (base, head)
            for key in {**base_rows, **head_rows}
            for base, head in [self._cancelled(base_rows.get(key, []), head_rows.get(key, []))]
            if base or head
        ]
        is_keyed = bool(self._key)
        paired = [min(len(base), len(head)) if is_keyed else 0 for base, head in left]
        changed, left_base, left_head = sum(paired), sum(len(b) for b, _ in left), sum(len(h) for _, h in left)
        counts = RowCounts(
            rows[0],
            rows[1],
            left_head - changed,
            left_base - changed,
            changed if is_keyed else None,
            rows[0] - left_base,
        )
        if is_keyed:
            cells = {column.pair.name: self._cells(column, left) for column in self._values}
        else:
            cells = {name: CellCounts(within_tolerance=number) for name, number in self._within.items()}
        duplicates = [sum(len(of) > 1 for of in side.values()) if is_keyed else 0 for side in (base_rows, head_rows)]
        return Outcome(counts, cells, self._samples(left, paired), duplicates[0], duplicates[1])

    def _by_key(self, is_head: bool) -> dict[Codes, list[Row]]:
        rows: dict[Codes, list[Row]] = defaultdict(list)
        for row, key in enumerate(self._codes(self._key, is_head)):
            rows[key].append(row)
        return rows

    def _codes(self, columns: list[_Column], is_head: bool) -> Iterator[Codes]:
        if not columns:
            return iter([()] * self._frames[is_head].num_rows)
        return zip(*(column.head if is_head else column.base for column in columns), strict=True)

    def _cancelled(self, base: list[Row], head: list[Row]) -> tuple[list[Row], list[Row]]:
        """What remains of a key's rows once equal and then close ones are struck."""
        if base and head:
            base, head = self._without(base, head, self._values)
            if base and head and any(column.pair.tolerance for column in self._values):
                base, head = self._without_close(base, head)
        return base, head

    def _without(self, base: list[Row], head: list[Row], by: list[_Column]) -> tuple[list[Row], list[Row]]:
        ours = [tuple(column.base[row] for column in by) for row in base]
        theirs = [tuple(column.head[row] for column in by) for row in head]
        common = Counter(ours) & Counter(theirs)
        return _strike(base, ours, Counter(common)), _strike(head, theirs, common)

    def _without_close(self, base: list[Row], head: list[Row]) -> tuple[list[Row], list[Row]]:
        tolerated = [column for column in self._values if column.pair.tolerance]
        exact = [column for column in self._values if not column.pair.tolerance]
        groups: dict[Codes, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
        for row in base:
            groups[tuple(column.base[row] for column in exact)][0].append(row)
        for row in head:
            groups[tuple(column.head[row] for column in exact)][1].append(row)
        struck: set[tuple[bool, Row]] = set()
        for ours, theirs in groups.values():
            ours.sort(key=lambda row: [_rank(column.forms[column.base[row]]) for column in tolerated])
            theirs.sort(key=lambda row: [_rank(column.forms[column.head[row]]) for column in tolerated])
            for one, other in zip(ours, theirs, strict=False):
                if all(column.is_close(one, other) for column in tolerated):
                    struck |= {(False, one), (True, other)}
                    self._within.update(c.pair.name for c in tolerated if c.base[one] != c.head[other])
        return [row for row in base if (False, row) not in struck], [row for row in head if (True, row) not in struck]

    def _cells(self, column: _Column, left: list[tuple[list[Row], list[Row]]]) -> CellCounts:
        changed = nulled = filled = 0
        within = self._within[column.pair.name]
        shifts = []
        for base, head in left:
            if len(base) != 1 or len(head) != 1:
                same = Counter(column.base[row] for row in base) & Counter(column.head[row] for row in head)
                changed += max(0, min(len(base), len(head)) - same.total())
                continue
            ours, theirs = (column.forms[column.base[base[0]]], column.forms[column.head[head[0]]])
            if column.base[base[0]] == column.head[head[0]]:
                continue
            if _is_within(ours, theirs, column.pair.tolerance):
                within += 1
                continue
            changed += 1
            ours_null, theirs_null = _is_null(ours, column.pair), _is_null(theirs, column.pair)
            nulled += theirs_null and not ours_null
            filled += ours_null and not theirs_null
            if column.pair.is_number and column.pair.role != "volatile":
                shifts += [shift for shift in [_shift(ours, theirs)] if shift is not None]
        mean = math.fsum(shift / len(shifts) for shift in shifts) if shifts else None
        return CellCounts(changed, within, nulled, filled, to_float(mean), max(shifts, key=abs, default=None))

    def _samples(self, left: list[tuple[list[Row], list[Row]]], paired: list[int]) -> Samples:
        added = [row for (_, head), pairs in zip(left, paired, strict=True) for row in head[pairs:]]
        removed = [row for (base, _), pairs in zip(left, paired, strict=True) for row in base[pairs:]]
        changed = [
            pair
            for (base, head), pairs in zip(left, paired, strict=True)
            for pair in zip(base[:pairs], head[:pairs], strict=True)
        ]
        return Samples(
            added=tuple(self._whole(row, True) for row in self._first(added, True)),
            removed=tuple(self._whole(row, False) for row in self._first(removed, False)),
            changed=tuple(self._changed(*pair) for pair in self._first_pairs(changed)),
            limit=self._limit,
        )

    def _first(self, rows: list[Row], is_head: bool) -> list[Row]:
        return sorted(rows, key=lambda row: self._order(row, is_head))[: self._limit]

    def _first_pairs(self, pairs: list[tuple[Row, Row]]) -> list[tuple[Row, Row]]:
        return sorted(pairs, key=lambda pair: self._order(pair[1], True))[: self._limit]

    def _order(self, row: Row, is_head: bool) -> list[tuple[bool, str, Any]]:
        forms = (column.forms[(column.head if is_head else column.base)[row]] for column in self._key)
        return [_rank(form) for form in forms]

    def _whole(self, row: Row, is_head: bool) -> dict[str, Cell]:
        frame = self._frames[is_head]
        names = self._names[is_head]
        return {name: to_cell(frame.column(i)[row].as_py()) for i, name in enumerate(names)}

    def _raw(self, pair: Pair, row: Row, is_head: bool) -> Cell:
        index = self._names[is_head].index(pair.head_name if is_head else pair.name)
        return to_cell(self._frames[is_head].column(index)[row].as_py())

    def _changed(self, base: Row, head: Row) -> ChangedRow:
        differing = [column.pair for column in self._values if not column.is_close(base, head)]
        return ChangedRow(
            key={column.pair.name: self._raw(column.pair, head, True) for column in self._key},
            before={pair.name: self._raw(pair, base, False) for pair in differing},
            after={pair.name: self._raw(pair, head, True) for pair in differing},
        )


def _needs_sql(pair: Pair) -> bool:
    """Whether only SQL brings the pair into its form: it knows how it writes values as text, and units of time."""
    return _holds_text(pair.form) or "duration" in pair.base_type.name


def _holds_text(form: Form) -> bool:
    match form:
        case Text():
            return True
        case ListForm(item):
            return _holds_text(item)
        case StructForm(fields):
            return any(_holds_text(field) for _, field in fields)
        case MapForm(key, value):
            return _holds_text(key) or _holds_text(value)
        case _:
            return False


def _frame(connection: DuckDBPyConnection, table: Table, by_sql: list[Pair], is_head: bool) -> Any:
    """The side as an Arrow table, with what SQL brought into its form."""
    formed = "".join(f", {form_of(pair, is_head)} AS {identifier(_FORMED + pair.name)}" for pair in by_sql)
    return connection.sql(f"SELECT *{formed} FROM {table.sql}").to_arrow_table()


def _column(pair: Pair, frames: list[Any]) -> _Column:
    forms: list[Hashable] = []
    for frame, name in zip(frames, (pair.sql_name(False), pair.sql_name(True)), strict=True):
        if pair.role == "volatile":
            forms += frame.column(name).is_null().to_pylist()
        else:
            cells = frame.column(_FORMED + pair.name if _needs_sql(pair) else name)
            forms += [to_form(value, pair.form) for value in cells.to_pylist()]
    known: dict[Hashable, int] = {}
    codes = [known.setdefault(form, len(known)) for form in forms]
    split = frames[0].num_rows
    return _Column(pair, codes[:split], codes[split:], list(known))


def _strike(rows: list[Row], codes: list[Codes], common: Counter[Codes]) -> list[Row]:
    left = []
    for row, code in zip(rows, codes, strict=True):
        if common[code] > 0:
            common[code] -= 1
        else:
            left.append(row)
    return left


def _is_null(form: Hashable, pair: Pair) -> bool:
    return form is True if pair.role == "volatile" else form is None


def _is_number(form: Hashable) -> bool:
    return form is not None and not isinstance(form, str)


def _shift(base: Any, head: Any) -> float | None:
    if not _is_number(base) or not _is_number(head):
        return None
    both_float = isinstance(base, float) or isinstance(head, float)
    return to_float(float(head) - float(base)) if both_float else to_float(head - base)


def _is_within(base: Any, head: Any, tolerance: Tolerance | None) -> bool:
    if tolerance is None or not _is_number(base) or not _is_number(head):
        return False
    size = abs(_shift(base, head) or 0.0)
    return size <= tolerance.absolute or size <= tolerance.relative * abs(float(base))


def _rank(form: Any) -> tuple[bool, str, Any]:
    """An order over the values of one column: numbers by value, infinities and NaN as DuckDB has them."""
    if form is None:
        return (True, "", 0)
    if form == "NaN":
        return (False, "~", 0)
    if form in ("Infinity", "-Infinity"):
        return (False, "", math.inf if form == "Infinity" else -math.inf)
    if isinstance(form, int | float) or hasattr(form, "quantize"):
        return (False, "", form)
    return (False, str(form), 0)
