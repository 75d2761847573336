"""The narrow scan of a side, what differs between two cells, and rows that come back from Spark as cells.

The same rules as DuckDB's: of each row the key, one 64-bit hash of all compared cells, and the cells that a hash
cannot stand for (those with a tolerance, and all of them where the rules say ``exact``).
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by spark/sql.py
from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from pypedream_dagster.delta.engines.outcome import CellCounts, to_cell, to_float
from pypedream_dagster.delta.engines.spark.sql import hash_parts, in_form, is_finite, is_within, shift, shown
from pypedream_dagster.delta.model import Cell, ChangedRow
from pypedream_dagster.delta.pairing import Pair
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.types import BOOLEAN, ColumnType, Form, Plain

COUNTS = 6
"""Aggregates per pair of `cell_counts`."""


@dataclass(frozen=True, slots=True)
class Narrow:
    """What the narrow scan takes of each pair: keys ``k…``, hash ``h``, carried values ``t…``."""

    key: tuple[Pair, ...]
    values: tuple[Pair, ...]
    exact: bool

    @property
    def carried(self) -> tuple[Pair, ...]:
        """Pairs whose values are carried because a hash of them would not do."""
        return tuple(pair for pair in self.values if self.exact or pair.tolerance)

    @property
    def keys(self) -> list[str]:
        """The key's columns."""
        return [f"k{i}" for i in range(len(self.key))]

    @property
    def identity(self) -> list[str]:
        """What tells rows apart."""
        return [*self.keys, "h", *(f"t{i}" for i in range(len(self.carried)))]

    def cells(self, table: Table, *, is_head: bool) -> list[str]:
        """The identity of a side's rows as expressions."""
        return [
            *(f"{cell(pair, table, is_head)} AS k{i}" for i, pair in enumerate(self.key)),
            f"{self._row_hash(table, is_head)} AS h",
            *(f"{cell(pair, table, is_head)} AS t{i}" for i, pair in enumerate(self.carried)),
        ]

    def both(self, base: Table, head: Table) -> str:
        """The narrow scan of both sides, ``s`` for the head."""
        ours, theirs = (
            ", ".join(self.cells(table, is_head=is_head)) for table, is_head in ((base, False), (head, True))
        )
        return f"(SELECT {ours}, false AS s FROM {base.sql} UNION ALL SELECT {theirs}, true AS s FROM {head.sql})"

    def _row_hash(self, table: Table, is_head: bool) -> str:
        hashed = [pair for pair in self.values if not (self.exact or pair.tolerance)]
        parts = [part for pair in hashed for part in hash_parts(cell(pair, table, is_head), form(pair))]
        return f"xxhash64({', '.join(parts)})" if parts else "0L"


def form(pair: Pair) -> Form:
    """The form of the pair's cells; a volatile cell's is whether it is NULL."""
    return Plain(BOOLEAN) if pair.role == "volatile" else pair.form


def raw(pair: Pair, table: Table, is_head: bool) -> str:
    """The pair's column of one side's view."""
    name = pair.head_name if is_head else pair.name
    return next(f"c{i}" for i, (own, _) in enumerate(table.columns) if own == name)


def cell(pair: Pair, table: Table, is_head: bool) -> str:
    """The pair's cell of one side in its form."""
    value = raw(pair, table, is_head)
    if pair.role == "volatile":
        return f"isnull({value})"
    return in_form(value, pair.head_type if is_head else pair.base_type, pair.form)


def same(columns: list[str], left: str, right: str) -> str:
    """The condition that columns are equal; NULL is a value like others."""
    return " AND ".join(f"{left}.{name} <=> {right}.{name}" for name in columns) or "true"


def ordered(columns: list[str], alias: str = "") -> str:
    """ORDER BY as DuckDB has it."""
    return ", ".join(f"{alias}{name} ASC NULLS LAST" for name in columns)


def cells_differ(pair: Pair, base: str, head: str) -> str:
    """The condition that two cells in their form differ beyond the tolerance; never NULL."""
    if pair.tolerance is None:
        return f"(NOT ({base} <=> {head}))"
    return f"(NOT ({base} <=> {head}) AND NOT {within(pair, base, head)})"


def within(pair: Pair, base: str, head: str) -> str:
    """The condition that two cells lie within the pair's tolerance."""
    assert pair.tolerance is not None
    return is_within(base, head, pair.tolerance, _number_kind(pair))


def cell_aggregates(index: int, pair: Pair) -> list[str]:
    """Counts of a pair's cells ``a.v…`` and ``b.v…``: see `cell_counts`."""
    base, head = f"a.v{index}", f"b.v{index}"
    differs = cells_differ(pair, base, head)
    inside = f"NOT ({base} <=> {head}) AND {within(pair, base, head)}" if pair.tolerance else "false"
    is_null = "{}" if pair.role == "volatile" else "isnull({})"
    base_null, head_null = is_null.format(base), is_null.format(head)
    aggregates = [
        f"count_if({differs})",
        f"count_if({inside})",
        f"count_if(NOT {base_null} AND {head_null})",
        f"count_if({base_null} AND NOT {head_null})",
    ]
    if not pair.is_number or pair.role == "volatile":
        return [*aggregates, "NULL", "NULL"]
    by = shift(base, head, _number_kind(pair))
    counts = f"{differs} AND {is_finite(base)} AND {is_finite(head)} AND {is_finite(by)}"
    return [*aggregates, f"avg({by}) FILTER (WHERE {counts})", f"max_by({by}, abs({by})) FILTER (WHERE {counts})"]


def cell_counts(values: tuple[Any, ...]) -> CellCounts:
    """The counts of `cell_aggregates`."""
    changed, inside, nulled, filled = (int(value) for value in values[:4])
    return CellCounts(changed, inside, nulled, filled, to_float(values[4]), to_float(values[5]))


def originals(table: Table, alias: str = "") -> str:
    """A view's columns as `shown_row` takes them."""
    return ", ".join(shown(f"{alias}c{i}", type_) for i, (_, type_) in enumerate(table.columns))


def shown_row(table: Table, values: tuple[Any, ...]) -> dict[str, Cell]:
    """A whole row of cells."""
    named = zip(table.columns, values, strict=True)
    return {name: shown_cell(value, type_) for (name, type_), value in named}


def shown_cell(value: Any, type_: ColumnType) -> Cell:
    """A value that was selected with `shown`, as a cell."""
    return to_cell(_plain(value, type_))


def changed_row(values: tuple[Any, ...], key: tuple[Pair, ...], pairs: tuple[Pair, ...]) -> ChangedRow:
    """A changed row from the head's key, then for each pair whether it differs, before and after."""
    cells = values[len(key) :]
    told = [(pair, *cells[3 * i : 3 * i + 3]) for i, pair in enumerate(pairs)]
    return ChangedRow(
        key={pair.name: shown_cell(value, pair.head_type) for pair, value in zip(key, values, strict=False)},
        before={pair.name: shown_cell(before, pair.base_type) for pair, differs, before, _ in told if differs},
        after={pair.name: shown_cell(after, pair.head_type) for pair, differs, _, after in told if differs},
    )


def _number_kind(pair: Pair) -> str:
    return pair.form.type.kind if isinstance(pair.form, Plain) else "float"


def _plain(value: Any, type_: ColumnType) -> Any:
    """Rows of Spark as lists and dicts."""
    if value is None:
        return None
    match type_.kind:
        case "list":
            return [_plain(item, type_.children[0][1]) for item in value]
        case "struct":
            return {name: _plain(item, child) for (name, child), item in zip(type_.children, value, strict=True)}
        case "map":
            (_, key_type), (_, item_type) = type_.children
            return {_hashable(_plain(key, key_type)): _plain(item, item_type) for key, item in value}
        case "integer":
            return int(value)  # Spark holds the widest unsigned ones as decimals
        case _:
            return value


def _hashable(key: Any) -> Any:
    return key if isinstance(key, Hashable) else str(to_cell(key))
