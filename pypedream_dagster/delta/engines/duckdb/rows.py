"""Whole rows of a side, set aside to count cells in and to show: their key as ``k…``, their columns as ``o…``."""

from __future__ import annotations

from dataclasses import dataclass

from pypedream_dagster.delta.engines.duckdb.narrow import cell_form
from pypedream_dagster.delta.engines.duckdb.sql import identifier
from pypedream_dagster.delta.pairing import Pair
from pypedream_dagster.delta.reading import Table


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table; ``sql`` is an item for FROM."""

    sql: str
    table: Table

    def form_of(self, pair: Pair, is_head: bool) -> str:
        """The pair's cell in its form."""
        return cell_form(self.original_of(pair, is_head), pair, is_head)

    def original_of(self, pair: Pair, is_head: bool) -> str:
        """The pair's cell as it is."""
        name = pair.head_name if is_head else pair.name
        return f"o{[own for own, _ in self.table.columns].index(name)}"


def originals(table: Table) -> str:
    """The table's columns as they are, named ``o…``; a placeholder where it has none (a CSV of zero bytes)."""
    listed = (f"{identifier(table.sql_name(name))} AS o{i}" for i, (name, _) in enumerate(table.columns))
    return ", ".join(listed) or "NULL AS nothing"
