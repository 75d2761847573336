"""Run a branch, or main, through Dagster in this process: for the command line, with its progress as it happens.

The run lands in the project's Dagster instance, where the UI shows it. A process that died in mid-run is noticed by
the next trigger: it re-executes that run, joins the Glue runs that went on without it, and starts none twice.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    JobDefinition,
    JobExecutionResult,
    ReexecutionOptions,
    RunsFilter,
    build_reconstructable_job,
    execute_job,
)
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.execution.stats import StepEventStatus
from dagster._core.storage.tags import PARTITION_NAME_TAG
from sqlalchemy.exc import SQLAlchemyError

from pypedream_dagster.aws.session import Aws, connect
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.naming import dagster_job_name
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.defs.branch_report import REPORT, REPORTED_TAG
from pypedream_dagster.defs.instance import open_instance
from pypedream_dagster.defs.keys import (
    BRANCH_PARTITIONS,
    BRANCH_TAG,
    BROKEN_OFF_TAG,
    asset_keys,
    op_name,
    run_tags,
    tag_value,
)
from pypedream_dagster.defs.locations import definitions_of, place_of, report_definitions
from pypedream_dagster.defs.progress import Listener, Progress, listening
from pypedream_dagster.defs.worker import WORKER_TAG, current_worker, may_live
from pypedream_dagster.deploy.lease import held
from pypedream_dagster.deploy.live import stop_branch_runs
from pypedream_dagster.deploy.record import read_deployment
from pypedream_dagster.errors import BranchError, PypedreamError, StateError
from pypedream_dagster.graph.model import MAIN
from pypedream_dagster.run.costs import Cost, sum_up
from pypedream_dagster.run.record import read_run_record
from pypedream_dagster.settings import Settings

NodeState = Literal["succeeded", "failed", "stopped", "skipped"]

_ACTIVE = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
_ENDS: dict[str, NodeState] = {"succeeded": "succeeded", "failed": "failed", "stopped": "stopped"}
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class NodeResult:
    """How a node's step ended.

    Attributes:
        state: ``skipped`` if a node before it did not succeed.
        reason: of a failure.
        seconds: None if it did not run.
        before: it succeeded in the broken-off run that this one went on with.
        cost: of its Glue runs, those that failed and were tried again included; None if none ended.
    """

    node: str
    state: NodeState
    reason: str = ""
    seconds: float | None = None
    job_run_id: str | None = None
    before: bool = False
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class TriggerResult:
    """How a Dagster run of a branch, or of main, ended.

    Attributes:
        success: all steps, checks included, have succeeded.
        resumed: it went on with a run whose process had died.
    """

    branch: str
    dagster_run_id: str
    success: bool
    resumed: bool
    seconds: float
    nodes: tuple[NodeResult, ...]
    error: str | None = None

    @property
    def interrupted(self) -> bool:
        """Whether it was asked to stop."""
        return any(node.state == "stopped" for node in self.nodes)


def trigger(
    settings: Settings,
    branch: str = MAIN,
    *,
    select: tuple[str, ...] = (),
    on_event: Listener = lambda _: None,
) -> TriggerResult:
    """Run the affected nodes of a branch, or main's, and wait for their end; Ctrl-C stops their Glue runs.

    Args:
        settings: of the project.
        branch: its name, or ``main``.
        select: run these nodes only.
        on_event: told what happens, one call at a time, from several threads.

    Raises:
        BranchError: no such branch or node.
        StateError: the branch is not deployed, or somebody else runs or changes it just now.
        PypedreamError: Dagster's storage cannot be written: Glue runs that were started go on.
        NotConfiguredError: there is no AWS to run on.
    """
    graph = place_of(settings, branch).graph
    chosen = _check_selection(graph, select)
    if branch != MAIN:
        _check_deployed(settings, branch)
    aws = connect(settings)
    try:
        with ExitStack() as stack:
            if branch != MAIN:

                def on_note(text: str) -> None:
                    on_event(Progress("", "note", text))

                store = BranchStore(settings.branches_dir)
                stack.enter_context(held(aws, store, branch, "trigger-branch", owner=settings.owner, on_note=on_note))
                _check_deployed(settings, branch)  # again: it may have been destroyed just before
            instance = stack.enter_context(open_instance(settings))
            return _Trigger(settings, aws, instance, graph, chosen, on_event).run()
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise PypedreamError(
            f"Dagster's storage cannot be written: {' '.join(str(getattr(error, 'orig', error)).split())}.",
            hint="make room on the disk, then run the command again: it goes on where this one stopped",
        ) from error


def rebuild_job(settings: Mapping[str, Any], branch: str, name: str) -> JobDefinition:
    """Return a branch's Dagster job, or its report's: dagster calls this by name to build what it executes."""
    own = Settings(**{**settings, "project_dir": Path(settings["project_dir"])})
    definitions = report_definitions(own) if name == REPORT else definitions_of(own, branch)
    return definitions.resolve_job_def(name)


def _check_selection(graph: BranchGraph, select: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(select))
    if unknown := [node for node in wanted if node not in graph.by_id]:
        raise BranchError(
            f"{'Main' if graph.is_main else f'Branch {graph.branch!r}'} does not run {', '.join(unknown)}.",
            hint=f"its nodes: {', '.join(graph.by_id)}",
        )
    return wanted or tuple(graph.by_id)


def _check_deployed(settings: Settings, branch: str) -> None:
    deployment = read_deployment(BranchStore(settings.branches_dir).folder(branch))
    if deployment is None or not deployment.is_complete:
        raise StateError(
            f"Branch {branch!r} is {'only partly' if deployment else 'not'} deployed.",
            hint=f"run 'pypedream deploy-branch {branch}' first",
        )


class _Trigger:
    def __init__(
        self,
        settings: Settings,
        aws: Aws,
        instance: DagsterInstance,
        graph: BranchGraph,
        chosen: tuple[str, ...],
        on_event: Listener,
    ) -> None:
        self._settings = settings
        self._aws = aws
        self._instance = instance
        self._graph = graph
        self._chosen = chosen
        self._on_event = on_event
        self._lock = threading.Lock()
        self._results: dict[str, NodeResult] = {}
        self._costs: dict[str, dict[str, Cost]] = {}  # by node and Glue run

    def run(self) -> TriggerResult:
        began = time.monotonic()
        broken_off = self._broken_off_run()
        with listening(self._hear):
            result = self._execute(broken_off)
            if not self._graph.is_main and not self._was_stopped():
                self._report()
        self._note_failures(result)
        for node in self._chosen:
            if node not in self._results:
                self._hear(Progress(node, "skipped", "a node before it did not succeed"))
        return TriggerResult(
            branch=self._graph.branch,
            dagster_run_id=result.run_id,
            success=result.success,
            resumed=broken_off is not None,
            seconds=time.monotonic() - began,
            nodes=tuple(self._with_cost(self._results[node]) for node in self._graph.by_id if node in self._results),
            error=None if result.success else _reason(result),
        )

    def _with_cost(self, result: NodeResult) -> NodeResult:
        runs = self._costs.get(result.node, {})
        return replace(result, cost=sum_up(runs.values())) if runs else result

    def _was_stopped(self) -> bool:
        return any(node.state == "stopped" for node in self._results.values())

    def _report(self) -> None:
        """Make the branch's report, as the sensor does after runs that the UI started."""
        branch = self._graph.branch
        self._instance.add_dynamic_partitions(BRANCH_PARTITIONS, [branch])
        tags = {PARTITION_NAME_TAG: branch}
        result = execute_job(self._job(REPORT), self._instance, run_config=_QUIET, tags=tags)
        checks = result.get_asset_check_evaluations()
        text = checks[0].description if result.success and checks else _reason(result)
        self._on_event(Progress("", "report", text or ""))

    def _note_failures(self, result: JobExecutionResult) -> None:
        """Take the reasons of steps that failed otherwise than as expected from Dagster's events."""
        nodes = {op_name(self._graph.branch, node): node for node in self._chosen}
        for event in result.filter_events(lambda event: event.is_step_failure):
            node = nodes.get(event.step_key or "")
            known = self._results.get(node) if node else None
            if node and (known is None or (known.state == "failed" and not known.reason)):
                error = event.step_failure_data.error
                cause = (error.cause or error) if error else None
                text = cause.message if cause else event.message or ""
                self._hear(Progress(node, "failed", " ".join(text.split())))

    def _hear(self, progress: Progress) -> None:
        with self._lock:
            if progress.moment in _ENDS or progress.moment == "skipped":
                known = self._results.get(progress.node)
                self._results[progress.node] = NodeResult(
                    progress.node,
                    _ENDS.get(progress.moment, "skipped"),
                    progress.text,
                    progress.seconds,
                    known.job_run_id if known else None,
                )
            elif progress.moment == "state":
                if progress.cost is not None and progress.job_run_id is not None:
                    self._costs.setdefault(progress.node, {})[progress.job_run_id] = progress.cost
                # Held until the end comes; a step that is never heard of again counts as failed.
                self._results[progress.node] = NodeResult(progress.node, "failed", job_run_id=progress.job_run_id)
            self._on_event(progress)

    def _execute(self, broken_off: DagsterRun | None) -> JobExecutionResult:
        job = self._job(dagster_job_name(self._graph.branch))
        tags = {**run_tags(self._graph.branch), REPORTED_TAG: "true", WORKER_TAG: current_worker()}
        if broken_off is not None:
            self._note_done_before(broken_off)
            again = ReexecutionOptions.from_failure(broken_off.run_id, self._instance)
            return execute_job(job, self._instance, run_config=_QUIET, tags=tags, reexecution_options=again)
        return execute_job(job, self._instance, run_config=_QUIET, tags=tags, asset_selection=self._selection())

    def _job(self, name: str) -> ReconstructableJob:
        fields = ("region", "profile", "endpoint_url", "owner", "usd_per_dpu_hour", "prices", "timeout_seconds")
        document = {name: getattr(self._settings, name) for name in fields}
        document["project_dir"] = str(self._settings.project_dir)
        return build_reconstructable_job(
            "pypedream_dagster.defs.launch",
            "rebuild_job",
            reconstructable_kwargs={"settings": document, "branch": self._graph.branch, "name": name},
        )

    def _selection(self) -> list[AssetKey] | None:
        if len(self._chosen) == len(self._graph.nodes):
            return None
        nodes = (self._graph.by_id[node] for node in self._chosen)
        return [key for node in nodes for key in asset_keys(self._graph.branch, node)]

    def _broken_off_run(self) -> DagsterRun | None:
        """Return the branch's run that broke off and can be gone on with.

        One whose process died, marked as failed here; or one that failed of something else than its Glue runs, as of
        expired credentials. Not if it was for other nodes, or the branch has been deployed anew since: what it had done
        is not what is wanted now. Its Glue runs, if any go on, are stopped then.

        Raises:
            StateError: a run of the branch is under way.
        """
        found = self._dead_run() or self._failed_run()
        if found is None or self._is_as_wanted(found):
            return found
        if not self._graph.is_main:  # production's runs are production's
            stop_branch_runs(self._aws, self._graph, wait=time.sleep, on_note=self._note)
        return None

    def _failed_run(self) -> DagsterRun | None:
        if self._graph.is_main:
            return None  # who triggers production wants all of it
        branch = {BRANCH_TAG: tag_value(self._graph.branch)}
        last = next(iter(self._instance.get_runs(RunsFilter(tags=branch), limit=1)), None)
        is_broken = last is not None and last.status == DagsterRunStatus.FAILURE and BROKEN_OFF_TAG in last.tags
        return last if is_broken else None

    def _is_as_wanted(self, run: DagsterRun) -> bool:
        """Tell whether a run was for the same nodes, of the branch as it is deployed now."""
        selection = self._selection()
        if run.asset_selection != (frozenset(selection) if selection else None):
            return False
        if self._graph.is_main:
            return True
        deployment = read_deployment(BranchStore(self._settings.branches_dir).folder(self._graph.branch))
        changed_at = deployment.changed_at if deployment else None
        first = [*self._chain(run)][-1]  # what it went on with is older still
        began = self._instance.get_run_records(RunsFilter(run_ids=[first.run_id]))[0].create_timestamp
        return changed_at is not None and changed_at <= began

    def _note(self, text: str) -> None:
        self._on_event(Progress("", "note", text))

    def _dead_run(self) -> DagsterRun | None:
        wanted = RunsFilter(tags={BRANCH_TAG: tag_value(self._graph.branch)}, statuses=_ACTIVE)
        found: DagsterRun | None = None
        for run in self._instance.get_runs(wanted):
            if may_live(run.tags.get(WORKER_TAG)):
                raise StateError(
                    f"{'Main' if self._graph.is_main else f'Branch {self._graph.branch!r}'} is running already: "
                    f"Dagster run {run.run_id}.",
                    hint="wait for it, or stop it in Dagster's UI ('Terminate'; a dead one: 'Force termination')",
                )
            self._instance.report_run_failed(run, "The process that executed this run has died.")
            found = found or self._instance.get_run_by_id(run.run_id)
        return found

    def _note_done_before(self, run: DagsterRun) -> None:
        self._note(f"Going on with Dagster run {run.run_id}, which broke off.")
        done = {
            stats.step_key
            for past in self._chain(run)
            for stats in self._instance.get_run_step_stats(past.run_id)
            if stats.status == StepEventStatus.SUCCESS
        }
        for node in self._chosen:
            if op_name(self._graph.branch, node) in done:
                self._hear(Progress(node, "succeeded", "in the run before"))
                self._results[node] = replace(self._results[node], before=True, reason="")
                self._recall_cost(node)

    def _recall_cost(self, node: str) -> None:
        """Take what a node took in the run before from its record; main's nodes have none."""
        if self._graph.is_main:
            return
        record = read_run_record(BranchStore(self._settings.branches_dir).folder(self._graph.branch), node)
        if record is not None and record.succeeded:
            figures = (record.dpu_seconds, record.billed_dpu_seconds, record.usd, record.rate)
            self._costs[node] = {record.job_run_id: Cost(float(record.execution_seconds), *figures)}

    def _chain(self, run: DagsterRun) -> Iterable[DagsterRun]:
        current: DagsterRun | None = run
        while current is not None:
            yield current
            current = self._instance.get_run_by_id(current.parent_run_id) if current.parent_run_id else None


def _reason(result: JobExecutionResult) -> str:
    """Return what the run failed of, in one line."""
    failed = [event.step_key for event in result.all_events if event.is_step_failure and event.step_key]
    if failed:
        return f"failed: {', '.join(dict.fromkeys(failed))}"
    messages = [event.message for event in result.all_events if event.is_job_failure and event.message]
    return " ".join(messages[-1].split()) if messages else "unknown"
