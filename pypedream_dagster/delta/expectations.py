"""Great Expectations suites on base and head: what the branch broke, told apart from what was broken before.

A suite is a file in Great Expectations' own JSON format, ``pipeline_graph/expectations/<dataset>.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pypedream_dagster.delta import expectation_gx, expectation_sql
from pypedream_dagster.delta.expectation_sql import Observed, Question
from pypedream_dagster.delta.model import DatasetDelta, ExpectationDelta, ExpectationOutcome, ExpectationResult
from pypedream_dagster.delta.reading import Reader, Table, partition_types
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import AnySide, Side, UnreadableError, detect_format, list_files
from pypedream_dagster.delta.statistics import describe
from pypedream_dagster.errors import DeltaError

_FEW_VALUES = 20
_MANY_ROWS = 100


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation of a suite: its type and arguments."""

    type: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Suite:
    """A dataset's expectations."""

    name: str
    expectations: tuple[Expectation, ...]


def read_suite(path: Path) -> Suite:
    """Read a suite's file.

    Raises:
        DeltaError: it is no suite of Great Expectations.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = tuple(Expectation(str(item["type"]), dict(item.get("kwargs", {}))) for item in document["expectations"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DeltaError(
            f"{path} is no Great Expectations suite: {error}", hint="it needs expectations with a type and kwargs each"
        ) from error
    return Suite(str(document.get("name") or path.stem), found)


def with_expectations(
    delta: DatasetDelta, suite_path: Path, base: AnySide, head: AnySide, rules: CompareRules | None = None
) -> DatasetDelta:
    """The delta with its suite's results; a suite that cannot run is reported in it."""
    try:
        return replace(delta, expectations=run_suite(read_suite(suite_path), base, head, rules))
    except DeltaError as error:
        return replace(delta, expectations=ExpectationDelta(suite_path.stem, error=str(error)))


def run_suite(suite: Suite, base: AnySide, head: AnySide, rules: CompareRules | None = None) -> ExpectationDelta:
    """Run a suite on both sides. A side without data is not checked; without a head there is no result."""
    with Reader(rules or CompareRules()) as reader:
        opened = [_opened(reader, side) for side in (base, head)]
        results = tuple(_result(reader, one, opened[0], opened[1]) for one in suite.expectations)
    return ExpectationDelta(suite.name, results)


def draft_suite(side: AnySide, name: str) -> dict[str, Any]:
    """A suite that the side's data meets, as a document of Great Expectations' format: a start to edit.

    Columns and their order; no NULLs where there are none; ranges of numbers and times; sets of few values.

    Raises:
        DeltaError: the side has no data, or cannot be read.
    """
    with Reader(CompareRules()) as reader:
        table = _opened(reader, side)
        if table is None:
            raise DeltaError(f"{side.uri} holds no data to draft expectations from")
        names = [column for column, _ in table.columns]
        drafted: list[dict[str, Any]] = [_draft("expect_table_columns_to_match_set", column_set=names)]
        if table.rows:
            drafted.append(_draft("expect_table_row_count_to_be_between", min_value=1))
            drafted += _drafted_columns(reader, table)
    return {"name": name, "expectations": drafted, "meta": {"drafted_from": side.uri}}


def _drafted_columns(reader: Reader, table: Table) -> list[dict[str, Any]]:
    from pypedream_dagster.delta.engines.sql import identifier

    stats = describe(reader.connection, table, [column for column, _ in table.columns])
    drafted = []
    for column, type_ in table.columns:
        found = stats[column]
        if not found.nulls:
            drafted.append(_draft("expect_column_values_to_not_be_null", column=column))
        if type_.is_number and found.min is not None:
            least, most = (_number(value) for value in (found.min, found.max))
            drafted.append(_draft("expect_column_values_to_be_between", column=column, min_value=least, max_value=most))
        distinct = found.distinct_estimate or 0
        if type_.kind == "text" and 0 < distinct <= _FEW_VALUES and table.rows >= _MANY_ROWS:
            sql = f"SELECT DISTINCT {identifier(column)} FROM {table.sql} WHERE {identifier(column)} IS NOT NULL"  # noqa: S608
            values = sorted(row[0] for row in reader.connection.execute(sql).fetchall())
            drafted.append(_draft("expect_column_values_to_be_in_set", column=column, value_set=values))
    return drafted


def _draft(type_: str, **arguments: Any) -> dict[str, Any]:
    return {"type": type_, "kwargs": arguments}


def _number(value: Any) -> int | float:
    return value if isinstance(value, int | float) else float(value)


def _opened(reader: Reader, side: AnySide) -> Table | None:
    if not isinstance(side, Side):
        return reader.open(side, (), "parquet", {})
    files = list_files(side)
    return reader.open(side, files, detect_format(side, files), partition_types(files)) if files else None


def _result(reader: Reader, one: Expectation, base: Table | None, head: Table | None) -> ExpectationResult:
    seen = [None if table is None else _observed(reader, one, table) for table in (base, head)]
    before, after = (found if isinstance(found, Observed) else None for found in seen)
    texts = ["no data" if found is None else found if isinstance(found, str) else found.text for found in seen]
    arguments = {name: value for name, value in one.arguments.items() if name != "column"}
    column = one.arguments.get("column")
    return ExpectationResult(
        expectation=one.type,
        column=None if column is None else str(column),
        outcome=_outcome(before, after),
        base_success=None if before is None else before.success,
        head_success=None if after is None else after.success,
        base_observed=texts[0],
        head_observed=texts[1],
        arguments=", ".join(f"{name}={json.dumps(value, default=str)}" for name, value in arguments.items()),
    )


def _observed(reader: Reader, one: Expectation, table: Table) -> Observed | str:
    import duckdb

    try:
        found = expectation_sql.evaluate(Question(reader.connection, table, one.arguments), one.type)
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.BinderException) as error:
        reader.blame(table, error)  # a corrupt file is no expectation's fault
        found = None
    except (duckdb.Error, OSError) as error:
        reader.blame(table, error)
        raise UnreadableError(f"{table.side.uri}: {error}") from error
    if found is not None:
        return found
    return expectation_gx.evaluate(reader.connection, table, one.type, dict(one.arguments))


def _outcome(before: Observed | None, after: Observed | None) -> ExpectationOutcome:
    if after is None:
        return "not_run"
    if after.success:
        return "fixed" if before is not None and not before.success else "passed"
    # New data has no past: what fails on it is the branch's doing.
    return "failed_on_both" if before is not None and not before.success else "regression"
