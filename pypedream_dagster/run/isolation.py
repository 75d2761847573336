"""Proof that a run left main alone: main's listings and jobs before and after it, compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import BaseModel, ConfigDict

from pypedream_dagster.aws.glue import GlueClient
from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.errors import AccessDeniedError, NotFoundError
from pypedream_dagster.graph.uri import parse_uri, unknown_parts

_AT_ONCE = 8  # a listing is a chain of requests that wait for each other; several chains need not
_MOST_OBJECTS = 200_000  # of a prefix that the node neither reads nor writes: 200 requests, twice a run


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What main looked like.

    Attributes:
        uris: the prefixes and objects that were listed.
        objects: URI to size in bytes and ETag.
        skipped: what was not listed to its end: URI to the reason.
        jobs: production's job definitions by name; None for one that does not exist.
    """

    uris: tuple[str, ...]
    objects: Mapping[str, tuple[int, str]]
    skipped: Mapping[str, str] = field(default_factory=dict)
    jobs: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watched:
    """What of main is looked at before and after a run.

    Attributes:
        near: prefixes that the node's run reads, or that its job writes on main: listed whole.
        far: whatever else the branch graph knows of main's: listed as far as that is affordable.
        jobs: production's jobs that the branch runs or has cloned.
    """

    near: tuple[str, ...]
    far: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()


class Isolation(BaseModel):
    """What happened to main while a branch ran.

    Attributes:
        watched: the prefixes that were listed.
        compared_objects: how many objects they held before.
        added, removed, changed: URIs that differ afterwards.
        skipped: prefixes that were not listed to their end, with the reason: nothing is proven of them.
        watched_jobs: production's jobs whose definitions were compared.
        changed_jobs: those that differ afterwards.
        enforced: whether the run carried a session policy; False where the branch has given that up.
        policy_confirmed: whether Glue echoed the session policy of the run; None on main, and where there was none.
        production_run_ids: runs of production that went on meanwhile, and may be what changed main.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    watched: tuple[str, ...] = ()
    compared_objects: int = 0
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    skipped: Mapping[str, str] = {}
    watched_jobs: tuple[str, ...] = ()
    changed_jobs: tuple[str, ...] = ()
    enforced: bool = True
    policy_confirmed: bool | None = None
    production_run_ids: tuple[str, ...] = ()

    @property
    def main_unchanged(self) -> bool:
        """Whether main's objects and jobs are what they were."""
        return not (self.added or self.removed or self.changed or self.changed_jobs)

    @property
    def holds(self) -> bool:
        """Whether the run was held to the branch, and nothing speaks for it having touched main all the same."""
        return self.main_unchanged and self.enforced and self.policy_confirmed is not False


def watched(graph: BranchGraph, node: BranchNode) -> Watched:
    """Return what of main a node's run could reach: all that the branch's graph knows of main."""
    near = {output.base_uri for output in node.outputs} | {item.uri for item in node.inputs if item.side == "base"}
    far = {*graph.protected_uris, *graph.producers} - near
    jobs = tuple(sorted({each.production_job for each in graph.nodes}))
    outer = _outermost(near)
    rest = (uri for uri in _outermost(far) if not any(parse_uri(one).contains(parse_uri(uri)) for one in outer))
    return Watched(outer, tuple(rest), jobs)


def _outermost(uris: Iterable[str]) -> tuple[str, ...]:
    """Return the URIs that lie in no other, so that each object is listed once."""
    outer: list[str] = []
    for uri in sorted(uris, key=lambda text: parse_uri(text).folder):
        if not outer or not parse_uri(outer[-1]).contains(parse_uri(uri)):
            outer.append(uri)
    return tuple(outer)


def look_at(s3: S3Client, glue: GlueClient, what: Watched) -> Snapshot:
    """Return what is to be watched as it is now.

    Raises:
        NotFoundError: a bucket that the node reads or writes does not exist.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        jobs = pool.map(glue.get_job, what.jobs)
        far = pool.map(lambda uri: _listed_far(s3, uri), what.far)
        near = take_snapshot(s3, what.near)
        objects, skipped = dict(near.objects), {}
        for uri, (found, reason) in zip(what.far, far, strict=True):
            objects.update(found)
            if reason:
                skipped[uri] = reason
        definitions = {name: None if job is None else job.properties for name, job in zip(what.jobs, jobs, strict=True)}
    return Snapshot((*what.near, *what.far), objects, skipped, definitions)


def _listed_far(s3: S3Client, uri: str) -> tuple[dict[str, tuple[int, str]], str]:
    """List what is not the node's own: where that cannot be, the reason, and no failure of the run."""
    if unknown := unknown_parts(uri):
        return {}, f"${{{unknown[0]}}} is not known"
    try:
        found = _listed(s3, uri, _MOST_OBJECTS + 1)
    except (AccessDeniedError, NotFoundError) as error:
        return {}, error.message
    return ({}, f"it holds more than {_MOST_OBJECTS:,} objects") if len(found) > _MOST_OBJECTS else (found, "")


def take_snapshot(s3: S3Client, uris: Iterable[str]) -> Snapshot:
    """List prefixes and single objects, whole.

    Raises:
        NotFoundError: a bucket does not exist.
    """
    objects: dict[str, tuple[int, str]] = {}
    wanted = tuple(sorted(set(uris)))
    for uri in wanted:
        objects.update(_listed(s3, uri, None))
    return Snapshot(wanted, objects)


def _listed(s3: S3Client, uri: str, most: int | None) -> dict[str, tuple[int, str]]:
    folder = uri.rstrip("/") + "/"
    found = (
        item for item in s3.list_objects(uri) if item.uri == uri or item.uri.startswith(folder)
    )  # not "x2/" of "x"
    return {item.uri: (item.size_bytes, item.etag) for item in islice(found, most)}


def compare_snapshots(
    before: Snapshot,
    after: Snapshot,
    *,
    enforced: bool = True,
    policy_confirmed: bool | None = None,
    production_run_ids: Iterable[str] = (),
) -> Isolation:
    """Tell what differs between two snapshots of the same prefixes and jobs."""
    skipped = {**before.skipped, **after.skipped}
    out = [parse_uri(uri) for uri in skipped]
    old, new = (_without(snapshot.objects, [uri.folder for uri in out]) for snapshot in (before, after))
    return Isolation(
        watched=tuple(uri for uri in before.uris if uri not in skipped),
        compared_objects=len(old),
        skipped=skipped,
        watched_jobs=tuple(before.jobs),
        changed_jobs=tuple(name for name, job in before.jobs.items() if after.jobs.get(name) != job),
        enforced=enforced,
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(uri for uri in old.keys() & new.keys() if old[uri] != new[uri])),
        policy_confirmed=policy_confirmed,
        production_run_ids=tuple(production_run_ids),
    )


def _without(objects: Mapping[str, tuple[int, str]], folders: Sequence[str]) -> Mapping[str, tuple[int, str]]:
    """Return the objects that lie in none of the folders, of which one listing or the other is not whole."""
    if not folders:
        return objects
    starts = tuple(f"s3://{folder}" for folder in folders)
    return {uri: item for uri, item in objects.items() if not uri.startswith(starts)}


def production_runs_since(
    glue: GlueClient, job_names: Iterable[str], since: datetime, own_run_ids: Iterable[str]
) -> tuple[str, ...]:
    """Return the ids of runs that went on at or after ``since`` and are none of the branch's.

    A branch's runs carry a session policy; production's carry none.
    """
    own = frozenset(own_run_ids)
    found = []
    for name in sorted(set(job_names)):
        for run in glue.job_runs(name):
            if run.completed_on is not None and run.completed_on < since:
                break  # newest first: those after it are older still
            if run.job_run_id not in own and run.session_policy is None:
                found.append(run.job_run_id)
    return tuple(found)
