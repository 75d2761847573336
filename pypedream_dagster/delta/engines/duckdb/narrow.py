"""The narrow scan: of each row only the key, one hash of all compared cells, and what hashes cannot tell.

Rows are compared by a 64-bit hash of their compared cells: a changed row goes unnoticed with probability 2^-64.
Columns with a tolerance are carried as values beside the hash, and so is every column if the rules say
``exact``. A volatile column counts by whether it holds a value.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

from dataclasses import dataclass

from pypedream_dagster.delta.engines.duckdb.sql import hashable, identifier, in_form, is_within
from pypedream_dagster.delta.pairing import Pair
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.types import BOOLEAN, Form, Plain


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
    def hashed(self) -> tuple[Pair, ...]:
        """Pairs that go into the row's hash."""
        return tuple(pair for pair in self.values if not (self.exact or pair.tolerance))

    def select(self, table: Table, *, is_head: bool, more: str = "") -> str:
        """The scan of one side, with more columns if so said."""
        columns = [
            *(f"{form_of(pair, is_head)} AS k{i}" for i, pair in enumerate(self.key)),
            f"{self._row_hash(is_head)} AS h",
            *(f"{form_of(pair, is_head)} AS t{i}" for i, pair in enumerate(self.carried)),
            *([more] if more else []),
        ]
        return f"SELECT {', '.join(columns)} FROM {table.sql}"

    def key_list(self, prefix: str = "") -> str:
        """The key's columns."""
        return ", ".join(f"{prefix}k{i}" for i in range(len(self.key)))

    def same_key(self, left: str, right: str, *, has_nulls: bool = True) -> str:
        """The condition that two rows have one key; NULL is a key like others.

        Without NULLs plain equality says the same, and lets DuckDB skip what a join cannot need while it reads.
        """
        same = "IS NOT DISTINCT FROM" if has_nulls else "="
        return " AND ".join(f"{left}.k{i} {same} {right}.k{i}" for i in range(len(self.key)))

    def differs(self, left: str, right: str) -> str:
        """The condition that two rows with one key differ, beyond the tolerance."""
        told = [f"{left}.h <> {right}.h"]
        told += [cells_differ(pair, f"{left}.t{i}", f"{right}.t{i}") for i, pair in enumerate(self.carried)]
        return "(" + " OR ".join(told) + ")"

    def _row_hash(self, is_head: bool) -> str:
        parts = [hashable(form_of(pair, is_head), form(pair)) for pair in self.hashed]
        return f"hash({', '.join(parts)})" if parts else "0::UBIGINT"


def form(pair: Pair) -> Form:
    """The form of the pair's cells; a volatile cell's is whether it is NULL."""
    return Plain(BOOLEAN) if pair.role == "volatile" else pair.form


def form_of(pair: Pair, is_head: bool) -> str:
    """The pair's cell of one side in its form, from the side's own column."""
    return cell_form(identifier(pair.sql_name(is_head)), pair, is_head)


def cell_form(value: str, pair: Pair, is_head: bool) -> str:
    """A cell of the pair in its form."""
    if pair.role == "volatile":
        return f"({value} IS NULL)"
    return in_form(value, pair.head_type if is_head else pair.base_type, pair.form)


def cells_differ(pair: Pair, base: str, head: str) -> str:
    """The condition that two cells in their form differ beyond the tolerance; never NULL."""
    distinct = f"{base} IS DISTINCT FROM {head}"
    if pair.tolerance is None:
        return f"({distinct})"
    return f"({distinct} AND NOT {within(pair, base, head)})"


def within(pair: Pair, base: str, head: str) -> str:
    """The condition that two cells lie within the pair's tolerance."""
    assert pair.tolerance is not None
    kind = pair.form.type.kind if isinstance(pair.form, Plain) else "float"
    return is_within(base, head, pair.tolerance, kind)
