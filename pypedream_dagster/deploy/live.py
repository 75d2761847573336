"""What is on AWS of a resource now, whose it is, and what runs; changing nothing but to stop a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import assert_never

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.deploy.delta_job import delta_origin
from pypedream_dagster.deploy.resources import Kind
from pypedream_dagster.deploy.steps import StopRun
from pypedream_dagster.errors import NotFoundError, StateError
from pypedream_dagster.graph.uri import find_uris, is_uri, parse_uri

Tags = Mapping[str, str]

_RECENT_RUNS = 200  # one page of GetJobRuns; what is older than that does not run any more
_STOP_SECONDS = 600.0


def live_tags(aws: Aws, kind: Kind, identity: str) -> Tags | None:
    """Return the tags of a resource, or None if it does not exist; a prefix's are those of its claim."""
    try:
        match kind:
            case "prefix":
                return aws.s3.tags(naming.claim_uri(identity))
            case "script":
                return aws.s3.tags(identity)
            case "job":
                return aws.glue.tags(identity) if aws.glue.get_job(identity) else None
            case "database":
                return aws.catalog.tags(identity) if aws.catalog.has_database(identity) else None
            case _:
                assert_never(kind)
    except NotFoundError:
        return None


def is_ours(found: Tags, wanted: Tags) -> bool:
    """Tell whether a resource's tags name this very branch: its name, project and owner."""
    keys = (naming.TAG_BRANCH, naming.TAG_PROJECT, naming.TAG_OWNER)
    return all(found.get(key) == wanted[key] for key in keys)


def production_jobs(aws: Aws, graph: BranchGraph) -> dict[str, GlueJob]:
    """Return production's job of each node as deployed now.

    Raises:
        NotFoundError: one is not deployed.
    """
    found: dict[str, GlueJob] = {}
    for node in graph.nodes:
        job = aws.glue.get_job(node.production_job)
        if job is None:
            raise NotFoundError(
                f"Node {node.id!r} runs the Glue job {node.production_job!r}, "
                f"which is not deployed in {aws.region} (by {aws.source}).",
                hint="check the account and region in use; deploy main first",
            )
        found[node.id] = job
    return found


def active_runs(aws: Aws, graph: BranchGraph) -> Iterator[StopRun]:
    """Give the branch's job runs that are under way.

    Those of its own jobs, and those of production's jobs that were told to write to the branch.
    """
    yield from _active(aws, naming.delta_job(delta_origin(graph).job))
    yield from _runs_of_nodes(aws, graph)


def _runs_of_nodes(aws: Aws, graph: BranchGraph) -> Iterator[StopRun]:
    for node in graph.nodes:
        heads = frozenset(output.head_uri for output in node.outputs)
        yield from _active(aws, node.job, None if node.action == "clone" else heads)


def recent_active_runs(aws: Aws, job: str) -> list[JobRun]:
    """Return a job's runs that are under way; none if there is no such job."""
    try:
        return [run for run in islice(aws.glue.job_runs(job), _RECENT_RUNS) if not run.is_terminal]
    except NotFoundError:
        return []


def is_empty(aws: Aws, prefix_uri: str) -> bool:
    """Tell whether nothing is left below a prefix; so it is where the bucket is gone."""
    try:
        return aws.s3.is_empty(prefix_uri)
    except NotFoundError:
        return True


def runs_writing_below(
    aws: Aws, own_jobs: Iterable[str], production_jobs: Iterable[str], prefixes: Iterable[str]
) -> Iterator[StopRun]:
    """Give the runs under way of a branch whose graph is lost.

    All of its own jobs', and those of production's that were given an argument below one of its ``prefixes``.
    """
    for job in own_jobs:
        yield from _active(aws, job)
    roots = [parse_uri(prefix) for prefix in prefixes]
    for job in production_jobs:
        for run in recent_active_runs(aws, job):
            named = [parse_uri(uri) for text in run.arguments.values() for uri in find_uris(text) if is_uri(uri)]
            if any(root.contains(uri) for root in roots for uri in named):
                yield StopRun(job, run.job_run_id)


def stop_branch_runs(
    aws: Aws, graph: BranchGraph, *, wait: Callable[[float], None], on_note: Callable[[str], None] = lambda _: None
) -> None:
    """Stop the runs of the branch's nodes that are under way, and wait for their end; not those that compare data.

    Raises:
        StateError: one has not stopped for ten minutes.
    """
    for run in list(_runs_of_nodes(aws, graph)):
        on_note(f"Stopping run {run.job_run_id} of Glue job {run.job_name}.")
        stop_run(aws, run, wait)


def stop_run(aws: Aws, run: StopRun, wait: Callable[[float], None]) -> None:
    """Stop a job run, and wait for its end.

    Raises:
        StateError: it has not stopped for ten minutes.
    """
    glue, waited = aws.glue, 0.0
    glue.stop_job_run(run.job_name, run.job_run_id)
    while not glue.get_job_run(run.job_name, run.job_run_id).is_terminal:
        if waited > _STOP_SECONDS:
            raise StateError(
                f"Run {run.job_run_id} of Glue job {run.job_name} has not stopped for {waited:.0f} seconds.",
                hint="stop it in Glue's console, then run the command again",
            )
        delay = min(5.0, 0.5 + waited / 10)
        wait(delay)
        waited += delay


def _active(aws: Aws, job: str, heads: frozenset[str] | None = None) -> Iterator[StopRun]:
    """Give the job's runs under way; of production's, those that were given one of the branch's ``heads``."""
    for run in recent_active_runs(aws, job):
        if heads is None or heads & set(run.arguments.values()):
            yield StopRun(job, run.job_run_id)
