"""One step: a node's Glue run from its start to its datasets, narrowed to the branch and proven to have kept to it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dagster import AssetExecutionContext, Failure, MaterializeResult
from dagster._core.errors import DagsterExecutionInterruptedError

from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.aws.parquet_table import describe_table
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch.model import BranchGraph, BranchNode, Output
from pypedream_dagster.branch.policy import session_policy
from pypedream_dagster.branch.store import BranchStore, script_name, sha256
from pypedream_dagster.defs.executor import interruptible_sleep
from pypedream_dagster.defs.keys import BRANCH_TAG, BROKEN_OFF_TAG, asset_keys, output_key, run_tags
from pypedream_dagster.defs.metadata import Metadata, dataset_metadata, plain, run_metadata
from pypedream_dagster.defs.progress import Progress, tell
from pypedream_dagster.defs.resources import AwsResource
from pypedream_dagster.deploy.lease import Lease, joined
from pypedream_dagster.deploy.narrowing import policy_refused
from pypedream_dagster.deploy.plan import branch_tags
from pypedream_dagster.deploy.record import read_deployment
from pypedream_dagster.deploy.seed import seed
from pypedream_dagster.errors import (
    AccessDeniedError,
    AwsError,
    NotConfiguredError,
    NotFoundError,
    PypedreamError,
    RunError,
    StateError,
)
from pypedream_dagster.masking.mask import mask_exception, mask_text
from pypedream_dagster.report.proof import describe_proof
from pypedream_dagster.run.costs import cost_of
from pypedream_dagster.run.isolation import (
    Isolation,
    Snapshot,
    Watched,
    compare_snapshots,
    look_at,
    production_runs_since,
    watched,
)
from pypedream_dagster.run.job_run import RunRequest, run_job, run_key
from pypedream_dagster.run.main_data import MainData, data_before
from pypedream_dagster.run.record import read_run_record, record_of, write_run_record
from pypedream_dagster.run.turns import Line, line_for


@dataclass(frozen=True, slots=True)
class Place:
    """A branch, or main, with its folder.

    Attributes:
        folder: the branch's folder; None on main, which has none.
    """

    graph: BranchGraph
    folder: Path | None = None

    @property
    def branch(self) -> str:
        """The branch's name, or ``main``."""
        return self.graph.branch

    def script_sha256(self, node: BranchNode) -> str | None:
        """Return the digest of the branch's own script of a node, None where production's runs or it is gone."""
        if self.folder is None or not node.is_origin:
            return None
        path = self.folder / "scripts" / script_name(node)
        return sha256(path.read_bytes()) if path.is_file() else None

    def deployed_script_sha256(self, node: BranchNode) -> str | None:
        """Return the digest of the script that a run would run now: edits count once they are deployed."""
        record = read_deployment(self.folder) if self.folder is not None and node.script_uri else None
        found = record.find("script", node.script_uri or "") if record else None
        return found.fingerprint if found else None


def materialize(
    context: AssetExecutionContext, resource: AwsResource, place: Place, node: BranchNode
) -> Iterator[MaterializeResult]:  # type: ignore[type-arg]
    """Run a node and yield its assets.

    Raises:
        Failure: it cannot succeed by being tried again: dagster is told so.
        AwsError: AWS is away; trying again joins the Glue run.
    """
    began = time.monotonic()

    tell(Progress(node.id, "started"))
    if not context.run.tags.get(BRANCH_TAG):
        # Materialized from the asset graph, a run has the tags of no job.
        context.instance.add_run_tags(context.run.run_id, run_tags(place.branch))
    try:
        yield from _Step(context, resource.connect(), place, node, _lease(context, resource, place)).results()
    except DagsterExecutionInterruptedError:
        tell(Progress(node.id, "stopped", "its Glue run is asked to stop", time.monotonic() - began))
        raise
    except PypedreamError as error:
        if not isinstance(error, RunError):  # a Glue run may go on: the next trigger joins it
            context.instance.add_run_tags(context.run.run_id, {BROKEN_OFF_TAG: "true"})
        tell(Progress(node.id, "failed", str(error), time.monotonic() - began))
        lasting = not isinstance(error, AwsError) or isinstance(
            error, AccessDeniedError | NotFoundError | NotConfiguredError
        )
        if not lasting:
            raise
        raise Failure(str(error), metadata={"node": node.id}, allow_retries=False) from mask_exception(error)
    except Exception as bug:
        raise mask_exception(bug)  # noqa: B904 - it is the same; Dagster keeps what it says
    tell(Progress(node.id, "succeeded", seconds=time.monotonic() - began))


def _lease(context: AssetExecutionContext, resource: AwsResource, place: Place) -> Lease | None:
    """Return the branch's lease, which the steps of one run share, whoever started it; main has none."""
    if place.folder is None:
        return None
    run = context.run.root_run_id or context.run.run_id
    store = BranchStore(resource.settings.branches_dir)
    return joined(resource.connect(), store, place.branch, run, owner=resource.owner)


class _Step:
    def __init__(
        self, context: AssetExecutionContext, aws: Aws, place: Place, node: BranchNode, lease: Lease | None
    ) -> None:
        self._context = context
        self._lease = lease
        self._aws = aws
        self._place = place
        self._graph = place.graph
        self._node = node
        self._main: tuple[MainData, ...] = ()
        self._last: JobRun | None = None
        self._began = datetime.now(UTC)

    def results(self) -> Iterator[MaterializeResult]:  # type: ignore[type-arg]
        """Run the node; yield its assets with all that is known of them."""
        if self._place.folder is None:
            run, isolation = self._run(self._request(None), None), None
        else:
            run, isolation = self._run_narrowed(self._place.folder)
        common = run_metadata(self._aws, run)
        if isolation is not None:
            common["isolation"] = describe_proof(isolation)
            if not isolation.holds:
                common["isolation_proof"] = plain(isolation.model_dump())
        if not self._node.outputs:
            (key,) = asset_keys(self._place.branch, self._node)
            yield MaterializeResult(asset_key=key, metadata=common)
        for output in self._node.outputs:
            self._register(output)
            described: Metadata = dataset_metadata(self._aws.s3, output)
            key = output_key(self._place.branch, self._node, output)
            yield MaterializeResult(asset_key=key, metadata={**common, **described})

    def _run_narrowed(self, folder: Path) -> tuple[JobRun, Isolation]:
        """Run under the branch's session policy, and look at main before and after."""
        deployment = read_deployment(folder)
        if deployment is None or not deployment.is_complete:
            raise StateError(
                f"Branch {self._place.branch!r} is {'only partly' if deployment else 'not'} deployed.",
                hint=f"run 'pypedream deploy-branch {self._place.branch}' first",
            )
        given_up = BranchStore(folder.parent).branch(self._place.branch).has_given_up(self._node.id)
        policy = None if given_up else session_policy(self._graph, self._node)
        request = self._request(policy)
        what, since = watched(self._graph, self._node), self._began
        before = look_at(self._aws.s3, self._aws.glue, what)
        self._main = data_before(self._aws.s3, self._graph, self._node, before)
        try:
            run = self._run(request, folder)
        except RunError:
            # It may have written before it failed.
            if self._last is not None:
                proof = self._prove(self._last, policy, what, before, since)
                self._record(folder, request.run_key, self._last, proof)
                tell(Progress(self._node.id, "note", describe_proof(proof)))
            raise
        except AwsError as error:
            if refused := policy_refused(error, self._place.branch, self._node):
                raise refused from error
            raise
        isolation = self._prove(run, policy, what, before, since)
        self._record(folder, request.run_key, run, isolation)
        return run, isolation

    def _prove(self, run: JobRun, policy: str | None, what: Watched, before: Snapshot, since: datetime) -> Isolation:
        """Look at main again, and say what differs and who else may have done it."""
        glue = self._aws.glue
        after = look_at(self._aws.s3, glue, what)
        echoed = glue.get_job_run(run.job_name, run.job_run_id).session_policy
        confirmed = None if policy is None else echoed == policy
        isolation = compare_snapshots(before, after, enforced=policy is not None, policy_confirmed=confirmed)
        if isolation.main_unchanged:
            return isolation
        jobs = {*self._graph.producers.values(), *what.jobs}
        others = production_runs_since(glue, jobs, run.started_on or since, [run.job_run_id])
        return isolation.model_copy(update={"production_run_ids": others})

    def _request(self, policy: str | None) -> RunRequest:
        dagster_run = self._context.run
        script = self._place.deployed_script_sha256(self._node)
        key = run_key(
            root_run_id=dagster_run.root_run_id or dagster_run.run_id,
            # An edited script makes another run, though its arguments are the same.
            asset="/".join([self._place.branch, self._node.id, script or ""]),
            job_name=self._node.job,
            arguments=self._node.arguments,
        )
        return RunRequest(self._node.job, key, self._node.arguments, policy)

    def _run(self, request: RunRequest, folder: Path | None) -> JobRun:
        def on_state(run: JobRun) -> None:
            self._last = run
            self._context.log.info(f"Glue job {run.job_name}: run {run.job_run_id} is {run.state}")
            cost = cost_of(run, self._aws.prices) if run.is_terminal else None
            tell(Progress(self._node.id, "state", run.state, job_run_id=run.job_run_id, cost=cost))
            if folder is not None:
                self._record(folder, request.run_key, run, None)

        def on_note(text: str) -> None:
            self._context.log.info(mask_text(text))
            tell(Progress(self._node.id, "note", text))

        def wait(seconds: float) -> None:
            interruptible_sleep(seconds)
            if self._lease is not None:
                self._lease.check()

        def before_start() -> None:
            # A run of a job that builds on what is there begins where main's run would: not on the last one's rows.
            for output in self._node.outputs:
                if folder is not None and output.seeded:
                    copied = seed(self._aws.s3, self._graph, output, pause=lambda: interruptible_sleep(0))
                    on_note(f"{output.name} starts as main's: {copied.objects:,} objects copied")

        if folder is not None:
            self._announce(folder, request)
        return run_job(
            self._aws.glue,
            request,
            wait=wait,
            on_state=on_state,
            on_note=on_note,
            line=self._line(folder),
            before_start=before_start,
        )

    def _line(self, folder: Path | None) -> Line | None:
        """Return where the branch queues for a job that is production's."""
        if folder is None:
            return None
        branch = BranchStore(folder.parent).branch(self._place.branch)
        return line_for(self._graph, self._node, self._aws.s3, owner=branch.owner, tags=branch_tags(branch))

    def _announce(self, folder: Path, request: RunRequest) -> None:
        """Note a run before it is started, its id unknown yet: a disk that is full shows here."""
        known = read_run_record(folder, self._node.id)
        if known is None or known.run_key != request.run_key:
            self._record(folder, request.run_key, JobRun(request.job_name, "", "STARTING"), None)

    def _record(self, folder: Path, key: str, run: JobRun, isolation: Isolation | None) -> None:
        record = record_of(
            self._node.id,
            key,
            run,
            prices=self._aws.prices,
            isolation=isolation,
            script_sha256=self._place.deployed_script_sha256(self._node),
            main=self._main_as_read(folder, key, run),
        )
        write_run_record(folder, record)

    def _main_as_read(self, folder: Path, key: str, run: JobRun) -> tuple[MainData, ...]:
        """Return main's data as it was before the run; a run that is joined was noted when it began."""
        try:
            known = read_run_record(folder, self._node.id)
        except StateError:
            known = None
        if known is None or not known.main:
            return self._main
        # A process that died before it had noted the run's id has announced it all the same.
        was_announced = (known.job_run_id, known.run_key) == ("", key)
        is_joined = was_announced and run.started_on is not None and run.started_on < self._began
        return known.main if is_joined or known.job_run_id == run.job_run_id else self._main

    def _register(self, output: Output) -> None:
        """Put a catalogued output into the branch's database; on main, only where the catalog lacks it."""
        if output.registered_table is None:
            return
        database, _, name = output.registered_table.partition(".")
        catalog = self._aws.catalog
        if self._place.folder is None and (
            not catalog.has_database(database) or catalog.get_table(database, name) is not None
        ):
            return  # production's table is production's: replacing it would drop its grants and statistics
        partition_columns = output.settings.partition_columns or None
        table, partitions = describe_table(
            self._aws.s3, output.head_uri, database, name, partition_columns, self._partition_types(output)
        )
        catalog.put_table(table, partitions)
        self._context.log.info(f"Registered {output.head_table} in the catalog: {len(partitions)} partitions")

    def _partition_types(self, output: Output) -> Mapping[str, str]:
        """Return the types that main's table gives its partition columns, so that the branch's readers see the same."""
        if self._place.folder is None or output.base_table is None:
            return {}
        database, _, name = output.base_table.partition(".")
        try:
            table = self._aws.catalog.get_table(database, name)
        except AwsError as error:
            self._context.log.info(mask_text(f"Partition columns of {output.name} are text: {error.message}"))
            return {}
        return {column.name: column.type for column in table.partition_columns} if table is not None else {}
