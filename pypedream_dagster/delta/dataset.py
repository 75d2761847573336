"""A branch's datasets as the graph describes them, handed to the engine: what to compare, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.branch.model import BranchNode, Output
from pypedream_dagster.delta import failures
from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.expectations.draft import draft_suite
from pypedream_dagster.delta.expectations.suite import find_suite, with_expectations
from pypedream_dagster.delta.identity import without_identical
from pypedream_dagster.delta.model import DatasetDelta, Tolerance
from pypedream_dagster.delta.rules import MEMORY_LIMIT_BYTES, CompareRules, EngineChoice
from pypedream_dagster.delta.source import DataFile, Side, list_files
from pypedream_dagster.delta.tables import TABLE_FORMATS, resolved
from pypedream_dagster.errors import DeltaError, RunError
from pypedream_dagster.graph.model import Dataset, DeltaPolicy

SPARK_ABOVE_BYTES = 200 * 10**9
"""From how many bytes to be read on Glue is asked rather than this machine: see docs/decisions."""

SparkComparer = Callable[[Side, Side, CompareRules, str, str], DatasetDelta]
"""Compares base and head by rules on Glue, for a dataset of a name and the node that writes it."""


def compare_output(
    s3: S3Client,
    node: BranchNode,
    output: Output,
    *,
    engine: EngineChoice = "auto",
    exact: bool = False,
    sample_rows: int = 20,
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
    expectations_dir: Path | None = None,
    spark: SparkComparer | None = None,
    spark_above_bytes: int = SPARK_ABOVE_BYTES,
) -> DatasetDelta:
    """Compare one dataset of a branch with main's; rules that do not fit the data are reported, not raised.

    Args:
        s3: reads both sides.
        node: writes the dataset.
        output: the dataset.
        engine: as in `compare`; ``auto`` is Spark for what is larger than ``spark_above_bytes``.
        exact: compare values rather than hashes of them.
        sample_rows: the most sample rows of each outcome.
        memory_limit_bytes: as in `CompareRules`.
        expectations_dir: where the dataset's Great Expectations suite lies, if it has one (see `find_suite`).
        spark: compares on Glue; without it Spark runs on this machine, and only if asked for.
        spark_above_bytes: of both sides together, files left out that are identical.
    """
    filesystem = s3.arrow_filesystem()
    empty = DatasetDelta(output.name, node.id, output.base_uri, output.head_uri, "unreadable", "not_compared")
    try:
        form = output.settings.format
        base, head = (Side(uri, form, filesystem) for uri in (output.base_uri, output.head_uri))
        rules = replace(
            rules_of(output.settings), exact=exact, sample_rows=sample_rows, memory_limit_bytes=memory_limit_bytes
        )
        if spark and (engine == "spark" or (engine == "auto" and _is_above(spark_above_bytes, base, head))):
            delta = spark(base, head, rules, output.name, node.id)
        else:
            delta = compare(base, head, rules, engine=engine, name=output.name, node=node.id)
        suite = find_suite(expectations_dir, node.id, output.name) if expectations_dir else None
        return with_expectations(delta, suite, base, head, rules) if suite else delta
    except (DeltaError, RunError) as error:
        return replace(empty, error=str(error))


def _is_above(limit_bytes: int, base: Side, head: Side) -> bool:
    """Whether Spark would have more to read of both sides than this.

    Never where one is missing, or a Delta or Iceberg table. Identical files are looked for, at a request each, only
    where the listings do not say enough; the comparison looks for them again.

    Raises:
        UnreadableError: a side cannot be listed.
    """
    base, head = (resolved(side, CompareRules()) for side in (base, head))
    if base.format in TABLE_FORMATS or head.format in TABLE_FORMATS:
        return False
    ours, theirs = list_files(base), list_files(head)
    if not ours or not theirs or _bytes(*ours, *theirs) <= limit_bytes:
        return False
    left = without_identical(base, head, ours, theirs)
    return _bytes(*left.base, *left.head) > limit_bytes


def _bytes(*files: DataFile) -> int:
    return sum(file.size_bytes for file in files)


def rules_of(settings: Dataset) -> CompareRules:
    """Return how the graph file says that a dataset is to be compared.

    Raises:
        DeltaError: the settings contradict each other.
    """
    tolerance = {
        name: Tolerance(absolute=bound.absolute, relative=bound.relative) for name, bound in settings.tolerance.items()
    }
    policy = settings.delta_policy
    needs_nulls = policy is not None and policy.max_null_fraction_increase is not None
    return CompareRules(
        statistics="all" if needs_nulls else "auto",
        key=settings.primary_key,
        ignored_columns=settings.ignored_columns,
        volatile_columns=settings.volatile_columns,
        tolerance=tolerance,
        partition_columns=settings.partition_columns,
    )


def violations(delta: DatasetDelta, policy: DeltaPolicy) -> Iterator[str]:
    """Yield in what a delta goes over a dataset's policy, apart from its expectations, which are judged by themselves.

    A dataset that could not be compared goes over any policy.
    """
    for failure in failures.violations(delta, policy):
        if failure.aspect != "expectations":
            yield failure.text


def draft_output(s3: S3Client, output: Output) -> dict[str, Any]:
    """Return a suite of Great Expectations that a dataset's data meets, drafted from its head (on main: main's data).

    Raises:
        DeltaError: there is no data, or it cannot be read.
    """
    side = Side(output.head_uri, output.settings.format, s3.arrow_filesystem())
    return draft_suite(side, output.name, rules_of(output.settings))
