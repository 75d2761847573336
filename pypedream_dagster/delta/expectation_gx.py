"""Hands the rarer expectations to Great Expectations, on the columns that they name and up to a number of rows."""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/sql.py
from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pypedream_dagster.delta.engines.sql import identifier
from pypedream_dagster.delta.expectation_sql import Observed
from pypedream_dagster.delta.reading import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_ROWS = 2_000_000
"""More rows than this are not brought into pandas."""


def evaluate(
    connection: DuckDBPyConnection, table: Table, expectation: str, arguments: dict[str, Any]
) -> Observed | str:
    """Evaluate one expectation by Great Expectations; a text says why it was not run."""
    if table.rows > MOST_ROWS:
        return f"not run: Great Expectations would need {table.rows:,} rows in memory"
    # Great Expectations reports its use over the network unless told otherwise before it is imported.
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.core.expectation_suite import ExpectationSuite

    try:
        suite = ExpectationSuite(name="one", expectations=[{"type": expectation, "kwargs": arguments}])
        named = [name for name, _ in table.columns if name in set(_named(arguments))] or [table.columns[0][0]]
        columns = ", ".join(identifier(name) for name in named)
        frame = connection.sql(f"SELECT {columns} FROM {table.sql}").to_arrow_table().to_pandas()
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_pandas("memory").add_dataframe_asset("frame")
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
        (result,) = batch.validate(suite).results
    except Exception as error:  # Great Expectations raises what it likes for what it does not know
        return f"not run: {str(error).splitlines()[0]}"
    seen = result.result.get("observed_value", result.result.get("unexpected_count"))
    return Observed(bool(result.success), "" if seen is None else str(seen))


def _named(arguments: dict[str, Any]) -> Iterator[str]:
    for value in arguments.values():
        yield from value if isinstance(value, list) else [str(value)]
