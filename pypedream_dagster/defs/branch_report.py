"""One page with every branch's verdict: the asset ``branch_report``, a partition per branch, made after each run."""

# No "from __future__ import annotations": dagster reads the annotations of asset functions as objects.
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    DagsterRunStatus,
    DefaultSensorStatus,
    DynamicPartitionsDefinition,
    Failure,
    MaterializeResult,
    MetadataValue,
    PreviewWarning,
    RunRequest,
    RunStatusSensorContext,
    SensorDefinition,
    SkipReason,
    asset,
    define_asset_job,
    in_process_executor,
    run_status_sensor,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pypedream_dagster.branch.drift import find_drift
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.store import BranchStore, main_on_disk
from pypedream_dagster.defs.checks import delta_path
from pypedream_dagster.defs.delta_metadata import branch_metadata
from pypedream_dagster.defs.keys import BRANCH_PARTITIONS, BRANCH_TAG
from pypedream_dagster.defs.metadata import Metadata
from pypedream_dagster.delta.json_form import dataset_from_json
from pypedream_dagster.delta.model import BranchDelta, DatasetDelta
from pypedream_dagster.errors import DeltaError, PypedreamError
from pypedream_dagster.report import digest, wording
from pypedream_dagster.report.files import write_reports
from pypedream_dagster.report.markdown import render_markdown
from pypedream_dagster.run.record import read_run_record
from pypedream_dagster.settings import Settings

ASSET = "branch_report"
REPORT = "make_branch_report"
"""The job that makes the asset: one of the asset's own name keeps the code location from loading."""

REPORTED_TAG = "pypedream/reported"
"""On a run whose starter makes the report itself: the sensor leaves it alone."""

BRANCHES = DynamicPartitionsDefinition(name=BRANCH_PARTITIONS)


def build_report(store: BranchStore) -> AssetsDefinition:
    """Return the asset with its check ``review``."""

    @asset(
        key=AssetKey([ASSET]),
        partitions_def=BRANCHES,
        group_name="branches",
        kinds={"python"},
        description="What a branch changed, all datasets together: from the deltas that its checks have computed.",
        check_specs=[_review()],
    )
    def branch_report(context: AssetExecutionContext) -> MaterializeResult:  # type: ignore[type-arg]
        return report(store, context.partition_key)

    return branch_report


def _review() -> AssetCheckSpec:
    with warnings.catch_warnings():
        # A preview in 1.13; without it Dagster shows the check's partitions as planned for ever.
        warnings.simplefilter("ignore", PreviewWarning)
        return AssetCheckSpec(
            "review",
            asset=AssetKey([ASSET]),
            partitions_def=BRANCHES,
            description="Nothing differs from main, and main was left alone: no one need look.",
        )


def report_job() -> UnresolvedAssetJobDefinition:
    """Return the Dagster job that makes one branch's report."""
    return define_asset_job(
        REPORT, selection=AssetSelection.assets(AssetKey([ASSET])), executor_def=in_process_executor
    )


def report_sensor(store: BranchStore, job: UnresolvedAssetJobDefinition) -> SensorDefinition:
    """Return the sensor that has a branch's report made after each of its runs."""

    @run_status_sensor(
        run_status=DagsterRunStatus.SUCCESS,
        name="branch_reports",
        request_job=job,
        default_status=DefaultSensorStatus.RUNNING,
        description="Makes a branch's report when a run of the branch has ended.",
    )
    def branch_reports(context: RunStatusSensorContext) -> RunRequest | SkipReason:
        run = context.dagster_run
        branch = run.tags.get(BRANCH_TAG)
        if branch is None or REPORTED_TAG in run.tags or not store.exists(branch):
            return SkipReason("no run of a branch, or its report is made already")
        context.instance.add_dynamic_partitions(BRANCH_PARTITIONS, [branch])
        return RunRequest(run_key=run.run_id, partition_key=branch)

    return branch_reports


def report(store: BranchStore, branch: str) -> MaterializeResult:  # type: ignore[type-arg]
    """Put a branch's last deltas together, write the report files, and return what Dagster shows.

    Raises:
        Failure: the branch is gone, or its files are broken.
    """
    try:
        graph, folder = store.graph(branch), store.folder(branch)
        # What the files tell: Dagster's page asks production nothing.
        main = main_on_disk(Settings(store.root.parent).graph_path)
        drift = find_drift(store.branch(branch), graph, store.baseline(branch), main)
        now = datetime.now(UTC).replace(microsecond=0)
        delta = BranchDelta(branch, now, tuple(_last_deltas(graph, folder)), drift.notes(branch))
        unproven = [node.id for node in graph.nodes if not _is_isolated(folder, node.id)]
        path = write_reports(folder, delta)
    except PypedreamError as error:
        raise Failure(str(error), allow_retries=False) from error
    sums = digest.totals(delta)
    metadata: Metadata = {
        "deltas": MetadataValue.md(render_markdown(delta)),
        "report": MetadataValue.path(str(path)),
        **branch_metadata(delta),
    }
    text = f"{sums.changed} of {wording.plural(sums.datasets, 'dataset')} changed"
    text += f", {sums.not_compared} not compared" if sums.not_compared else ""
    text += f"; main is not proven untouched by {', '.join(unproven)}" if unproven else "; main is untouched"
    review = AssetCheckResult(
        check_name="review",
        passed=delta.verdict == "unchanged" and not unproven and not sums.regressions,
        severity=AssetCheckSeverity.WARN,
        description=f"{text}.",
        metadata=metadata,
    )
    return MaterializeResult(metadata=metadata, check_results=[review])


def _last_deltas(graph: BranchGraph, folder: Path) -> Iterator[DatasetDelta]:
    for node, output in graph.datasets():
        empty = DatasetDelta(output.name, node.id, output.base_uri, output.head_uri, "unreadable", "not_compared")
        try:
            yield dataset_from_json(delta_path(folder, node.id, output.name, ".json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            yield replace(empty, error="its checks have not run yet")
        except DeltaError as error:
            yield replace(empty, error=str(error))


def _is_isolated(folder: Path, node: str) -> bool:
    record = read_run_record(folder, node)
    return record is not None and record.isolation is not None and record.isolation.holds
