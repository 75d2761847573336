"""Destroying a branch whose folder is lost: from the tags on AWS alone, and main's graph to protect what is main's.

Taken is what carries the branch's name, this project's and this owner's, and what this project's graph accounts for:
jobs that are clones of main's or whose script lies where the branch's would, prefixes that are claimed there or where
such jobs write, databases without a table elsewhere. What is somebody else's, by its tags, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.branch.isolation import write_prefixes
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.live import Tags, is_ours, runs_writing_below
from pypedream_dagster.deploy.plan import Plan, check_same_aws, deletions
from pypedream_dagster.deploy.rebuild import lies_below
from pypedream_dagster.deploy.record import BrokenRecordError, DeploymentRecord, read_deployment
from pypedream_dagster.deploy.search import Found, find_tagged
from pypedream_dagster.errors import BranchError, ProtectedError
from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.graph.uri import is_uri, parse_uri


@dataclass(frozen=True, slots=True)
class Whose:
    """The project and the owner that a branch's tags must name."""

    project: str
    owner: str


def plan_lost_destruction(aws: Aws, store: BranchStore, name: str, graph: PipelineGraph, whose: Whose) -> Plan:
    """Return the steps that remove what is on AWS of a branch that has no folder here; none if there is nothing.

    Args:
        aws: the clients.
        store: where the record is kept meanwhile.
        name: the branch's.
        graph: main's.
        whose: the project and owner in use.

    Raises:
        BranchError: a forbidden name.
        ProtectedError: what is there is another owner's or project's, or main's.
        StateError: a destruction that broke off was of another account or region.
    """
    naming.check_branch_name(name)
    main = derive_main(graph)
    found = _found(aws, main, name, _places(graph, main, name))
    tags = naming.tags(name, owner=whose.owner, expires="", project=whose.project)
    _check_whose(name, found, tags, whose)
    record = _record_of_before(store, name)
    check_same_aws(aws, record)
    recorded = [(item.kind, item.identity) for item in record.resources] if record else []
    ours = [(item.kind, item.identity) for item in found if is_ours(item.tags, tags)]
    items = dict.fromkeys([*recorded, *ours])
    prefixes = tuple(identity for kind, identity in items if kind == "prefix")
    branch = main.model_copy(update={"branch": name, "write_prefixes": prefixes})
    doomed = deletions(aws, branch, items, tags, record, main.protected_uris)
    own_jobs = [identity for kind, identity in items if kind == "job"]
    stops = runs_writing_below(aws, own_jobs, {node.job: None for node in main.nodes}, prefixes) if doomed else ()
    reason = f"Branch {name!r} has no folder here that can be read: what is left of it was found by its tags on AWS."
    return Plan(name, "destroy", branch, tags, record, (*stops, *doomed), reason)


def _places(graph: PipelineGraph, main: BranchGraph, name: str) -> tuple[str, ...]:
    try:
        return write_prefixes(graph, name, main.by_id)
    except BranchError:  # no node has a place to write
        return ()


def _found(aws: Aws, main: BranchGraph, name: str, places: tuple[str, ...]) -> tuple[Found, ...]:
    clones = {naming.clone_description(name, node.production_job) for node in main.nodes}
    roots = [parse_uri(place) for place in places]

    def takes_job(job: GlueJob) -> bool:
        uri = parse_uri(job.script_uri) if is_uri(job.script_uri) else None
        lies_there = uri is not None and any(root.contains(uri) for root in roots)
        return lies_there or job.properties.get("Description") in clones

    found = find_tagged(aws, {naming.TAG_BRANCH: name}, places=places, takes_job=takes_job)
    prefixes = [parse_uri(item.identity) for item in found if item.kind == "prefix"]
    return tuple(item for item in found if item.kind != "database" or lies_below(aws, item.identity, prefixes))


def _check_whose(name: str, found: tuple[Found, ...], tags: Tags, whose: Whose) -> None:
    for item in found:
        # A database's name and tags alone do not tie it to this project: another's is no obstacle.
        if item.kind != "database" and not is_ours(item.tags, tags):
            owner, project = item.tags.get(naming.TAG_OWNER), item.tags.get(naming.TAG_PROJECT)
            raise ProtectedError(
                f"Branch {name!r} has no folder here, and the {item.kind} {item.identity} carries the tags of {owner} "
                f"in project {project}; you are {whose.owner} in project {whose.project}: nothing is deleted.",
                hint=f"if it may go, run the command as its owner: PYPEDREAM_OWNER='{owner}'",
            )


def _record_of_before(store: BranchStore, name: str) -> DeploymentRecord | None:
    """Return what a destruction that broke off, or a folder that is broken elsewhere, has left as its record."""
    try:
        return read_deployment(store.folder(name))
    except BrokenRecordError:
        return None
