"""Great Expectations suites on base and head: what the branch broke, told apart from what was broken before.

A suite is a file in Great Expectations' own JSON format, ``pipeline_graph/expectations/<dataset>.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pypedream_dagster.delta.expectations import gx, sql
from pypedream_dagster.delta.expectations.plan import Observed
from pypedream_dagster.delta.model import DatasetDelta, ExpectationDelta, ExpectationOutcome, ExpectationResult
from pypedream_dagster.delta.reading import Reader, Table, partition_types
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import AnySide, Frame, UnreadableError, detect_format
from pypedream_dagster.delta.tables import files_of, resolved
from pypedream_dagster.errors import DeltaError

_LONGEST_ARGUMENTS = 300


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


def suite_path(folder: Path, node: str, dataset: str, *, is_ambiguous: bool = False) -> Path:
    """Where a dataset's suite lies: ``<dataset>.json``; ``<node>.<dataset>.json`` where several nodes write one."""
    return folder / (f"{node}.{dataset}.json" if is_ambiguous else f"{dataset}.json")


def find_suite(folder: Path, node: str, dataset: str) -> Path | None:
    """The suite of a node's dataset, the one that names the node first; None if there is none."""
    paths = [suite_path(folder, node, dataset, is_ambiguous=is_ambiguous) for is_ambiguous in (True, False)]
    return next((path for path in paths if path.is_file()), None)


def read_suite(path: Path) -> Suite:
    """Read a suite's file, as Great Expectations 1 writes it or (``expectation_type``) as older versions did.

    Raises:
        DeltaError: it is no suite of Great Expectations.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        found = tuple(_expectation(item) for item in document["expectations"])
        name = document.get("name") or document.get("expectation_suite_name") or path.stem
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise DeltaError(
            f"{path} is no Great Expectations suite: {what}", hint="it needs expectations with a type and kwargs each"
        ) from error
    return Suite(str(name), found)


def _expectation(item: Mapping[str, Any]) -> Expectation:
    type_ = item["expectation_type"] if "expectation_type" in item else item["type"]
    if not isinstance(type_, str):
        raise TypeError(f"the type {type_!r} of an expectation is no text")
    return Expectation(type_, dict(item.get("kwargs") or {}))


def with_expectations(
    delta: DatasetDelta, path: Path, base: AnySide, head: AnySide, rules: CompareRules | None = None
) -> DatasetDelta:
    """The delta with its suite's results; a suite that cannot run is reported in it."""
    try:
        return replace(delta, expectations=run_suite(read_suite(path), base, head, rules))
    except DeltaError as error:
        return replace(delta, expectations=ExpectationDelta(path.stem, error=str(error)))


def run_suite(suite: Suite, base: AnySide, head: AnySide, rules: CompareRules | None = None) -> ExpectationDelta:
    """Run a suite on both sides. A side without data is not checked; without a head there is no result.

    Raises:
        DeltaError: a side cannot be read.
    """
    with Reader(rules or CompareRules()) as reader:
        tables = open_sides(reader, base, head)
        before, after = (_observed(reader, suite.expectations, table) for table in tables)
    results = map(_result, suite.expectations, before, after)
    return ExpectationDelta(suite.name, tuple(results))


def open_sides(reader: Reader, *sides: AnySide) -> list[Table | None]:
    """The sides as tables, their Hive columns typed alike; None for a side without data.

    Raises:
        DeltaError: a side cannot be read.
    """
    found = [resolved(side, CompareRules()) for side in sides]
    listed = [() if isinstance(side, Frame) else files_of(side) for side in found]
    types = partition_types(*listed)
    tables: list[Table | None] = []
    for side, files in zip(found, listed, strict=True):
        if isinstance(side, Frame):
            tables.append(reader.open(side, (), "parquet", {}))
        else:
            tables.append(reader.open(side, files, detect_format(side, files), types) if files else None)
    return tables


def _observed(reader: Reader, asked: tuple[Expectation, ...], table: Table | None) -> list[Observed | str]:
    """What is seen of each expectation; a text says why one was not run."""
    import duckdb
    import pyarrow as pa

    if table is None:
        return ["no data"] * len(asked)
    try:
        found = sql.evaluate(reader.connection, table, [(one.type, one.arguments) for one in asked])
        return [
            gx.evaluate(reader.connection, table, one.type, one.arguments) if seen is None else seen
            for one, seen in zip(asked, found, strict=True)
        ]
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        reader.blame(table, error)
        raise UnreadableError(f"{table.side.uri}: {error}") from error


def _result(one: Expectation, before: Observed | str, after: Observed | str) -> ExpectationResult:
    base, head = (seen if isinstance(seen, Observed) else None for seen in (before, after))
    texts = [seen if isinstance(seen, str) else seen.text for seen in (before, after)]
    arguments = {name: value for name, value in one.arguments.items() if name != "column"}
    shown = ", ".join(
        f"{name}={json.dumps(value, default=str, ensure_ascii=False)}" for name, value in arguments.items()
    )
    column = one.arguments.get("column")
    return ExpectationResult(
        expectation=one.type,
        column=None if column is None else str(column),
        outcome=_outcome(base, head),
        base_success=None if base is None else base.success,
        head_success=None if head is None else head.success,
        base_observed=texts[0],
        head_observed=texts[1],
        arguments=shown if len(shown) <= _LONGEST_ARGUMENTS else f"{shown[: _LONGEST_ARGUMENTS - 1]}…",
    )


def _outcome(base: Observed | None, head: Observed | None) -> ExpectationOutcome:
    if head is None:
        return "not_run"
    if head.success:
        return "fixed" if base is not None and not base.success else "passed"
    if base is not None and base.success:
        return "regression"
    if head.fault == "raised":
        return "not_run"  # it could not be evaluated, and nothing says that it ever could
    # New data, and a new column, have no past: what fails on them is the branch's doing.
    is_new = base is None or (base.fault == "absent" and head.fault != "absent")
    return "regression" if is_new else "failed_on_both"
