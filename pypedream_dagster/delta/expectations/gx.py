"""Hands the rarer expectations to Great Expectations, on the columns that they name and up to a size."""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pypedream_dagster.delta.engines.duckdb.sql import identifier
from pypedream_dagster.delta.expectations.plan import Observed
from pypedream_dagster.delta.reading import Table

if TYPE_CHECKING:
    import pandas
    from duckdb import DuckDBPyConnection

MOST_ROWS = 2_000_000
"""More rows than this are not brought into pandas."""

MOST_BYTES = 256 * 1024**2
"""Nor are more bytes than this."""

_BATCH_ROWS = 50_000


def evaluate(
    connection: DuckDBPyConnection, table: Table, expectation: str, arguments: Mapping[str, Any]
) -> Observed | str:
    """Evaluate one expectation by Great Expectations; a text says why it was not run."""
    # Great Expectations reports its use over the network unless told otherwise before it is imported.
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings(), _silent_log():
        warnings.simplefilter("ignore")
        from great_expectations.core.expectation_suite import ExpectationSuite
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

        try:
            asked = ExpectationConfiguration(type=expectation, kwargs=dict(arguments)).to_domain_obj()
        except Exception as error:  # it raises what it likes for what it does not know
            return f"not run: Great Expectations does not accept it: {_said(str(error))}"
        frame = _frame(connection, table, expectation, arguments)
        return (
            frame if isinstance(frame, str) else _validated(frame, ExpectationSuite(name="one", expectations=[asked]))
        )


@contextmanager
def _silent_log() -> Iterator[None]:
    """What Great Expectations says is in its results; its log would put tracebacks between a command's lines."""
    log = logging.getLogger("great_expectations")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


def _frame(
    connection: DuckDBPyConnection, table: Table, expectation: str, arguments: Mapping[str, Any]
) -> pandas.DataFrame | str:
    """The columns that an expectation names; a text if they are too large to be held in memory."""
    import pyarrow as pa

    columns, is_schema_only = _columns(table, expectation, arguments)
    if table.rows > MOST_ROWS and not is_schema_only:
        return f"not run: Great Expectations would need {table.rows:,} rows in memory; {MOST_ROWS:,} are the most"
    listed = ", ".join(identifier(name) for name in columns)
    sql = f"SELECT {listed} FROM {table.sql}" + (" LIMIT 0" if is_schema_only else "")
    reader = connection.sql(sql).to_arrow_reader(_BATCH_ROWS)
    batches, size = [], 0
    for batch in reader:
        size += batch.nbytes
        if size > MOST_BYTES:
            return f"not run: Great Expectations would need more than {MOST_BYTES // 1024**2} MiB of data in memory"
        batches.append(batch)
    frame: pandas.DataFrame = pa.Table.from_batches(batches, reader.schema).to_pandas()
    return frame


def _columns(table: Table, expectation: str, arguments: Mapping[str, Any]) -> tuple[list[str], bool]:
    """The columns that an expectation needs, and whether their names and types are all that it needs."""
    names = [name for name, _ in table.columns]
    if expectation.startswith("expect_table_column"):
        return names, True
    wanted = {str(arguments.get(key)) for key in ("column", "column_A", "column_B")}
    listed = arguments.get("column_list")
    wanted.update(map(str, listed) if isinstance(listed, list) else ())
    condition = json.dumps(arguments.get("row_condition") or "", default=str, ensure_ascii=False)
    return [name for name in names if name in wanted or name in condition] or names[:1], False


def _validated(frame: pandas.DataFrame, suite: Any) -> Observed | str:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    try:
        (result,) = batch.validate(suite).results
    except Exception as error:
        return f"not run: Great Expectations raised: {_said(str(error))}"
    if raised := _raised(result.exception_info or {}):
        is_absent = "does not exist" in raised
        return Observed(False, raised, fault="absent" if is_absent else "raised")
    seen, unexpected = result.result.get("observed_value"), result.result.get("unexpected_count")
    shown = unexpected if seen is None else seen
    text = "" if shown is None else f"{shown:,} unexpected" if shown is unexpected else str(shown)
    return Observed(bool(result.success), text, unexpected, seen)


def _raised(info: Mapping[str, Any]) -> str:
    """The first error in a result's exception_info, which is one, or a mapping of many."""
    for item in (info, *info.values()):
        if isinstance(item, Mapping) and item.get("raised_exception"):
            return f"Great Expectations raised: {_said(str(item.get('exception_message', '')))}"
    return ""


def _said(message: str) -> str:
    """What an error says, on one line, without the traceback that some carry in their message."""
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()] or ["an error without a message"]
    if lines[0].startswith("Traceback"):
        lines = lines[-1:]
    return " ".join(lines)[:300]
