"""The default engine: DuckDB on this machine, within a memory limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pypedream_dagster.delta.engines.keyed import RepeatedKeysError, compare_keyed
from pypedream_dagster.delta.engines.multiset import compare_multisets
from pypedream_dagster.delta.engines.outcome import Outcome
from pypedream_dagster.delta.pairing import Pairing
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.rules import CompareRules

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def compare_tables(
    connection: DuckDBPyConnection, base: Table, head: Table, pairing: Pairing, rules: CompareRules
) -> Outcome:
    """Compare row by row if the pairing's key allows it, else as multisets."""
    if not pairing.key:
        return compare_multisets(connection, base, head, pairing, rules)
    try:
        return compare_keyed(connection, base, head, pairing, rules)
    except RepeatedKeysError:
        return compare_multisets(connection, base, head, pairing, rules)
