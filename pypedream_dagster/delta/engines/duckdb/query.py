"""Runs SQL whose answer is one row, or one number of rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def one_row(connection: DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """The only row of an answer; fetched to the end, since DuckDB allows no other work before that."""
    (row,) = connection.execute(sql).fetchall()
    found: tuple[Any, ...] = row
    return found


def counting_joined_rows(connection: DuckDBPyConnection, sql: str) -> int | None:
    """Run a statement, and return how many rows its outermost join made, by DuckDB's own profile of it.

    None if it needed no join, as when one side is known to be empty. (To count them in the statement itself would
    mean to aggregate all of them, at half the cost of the join.)
    """
    connection.execute("SET enable_profiling = 'no_output'")
    try:
        connection.execute(sql)
        profile = json.loads(connection.get_profiling_information(format="json"))
    finally:
        connection.execute("RESET enable_profiling")
    operators = _operators(profile["operator"])
    return next((int(one["intermediate_rows"]) for one in operators if "Join Type" in one["extra_info"]), None)


def _operators(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for operator in found:
        yield operator
        yield from _operators(operator.get("children", []))
