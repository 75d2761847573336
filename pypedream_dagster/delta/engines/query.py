"""Runs SQL whose answer is one row; fetched to the end, since DuckDB allows no other work before that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def one_row(connection: DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """The only row of an answer."""
    (row,) = connection.execute(sql).fetchall()
    found: tuple[Any, ...] = row
    return found
