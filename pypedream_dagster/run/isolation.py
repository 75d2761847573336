"""Proof that a run left main alone: main's listings before and after it, compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from pypedream_dagster.aws.glue import GlueClient
from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.branch.model import BranchNode


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The objects of some prefixes as they were listed: URI to size in bytes and ETag."""

    uris: tuple[str, ...]
    objects: Mapping[str, tuple[int, str]]


class Isolation(BaseModel):
    """What happened to main's objects while a branch ran.

    Attributes:
        watched: the prefixes that were listed.
        compared_objects: how many objects they held before.
        added, removed, changed: URIs that differ afterwards.
        policy_confirmed: whether Glue echoed the session policy of the run; None on main.
        production_run_ids: runs of production that went on meanwhile, and may be what changed main.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    watched: tuple[str, ...] = ()
    compared_objects: int = 0
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    policy_confirmed: bool | None = None
    production_run_ids: tuple[str, ...] = ()

    @property
    def main_unchanged(self) -> bool:
        """Whether main's objects are what they were."""
        return not (self.added or self.removed or self.changed)

    @property
    def holds(self) -> bool:
        """Whether nothing speaks for the branch having touched main."""
        return self.main_unchanged and self.policy_confirmed is not False


def watched_uris(node: BranchNode) -> tuple[str, ...]:
    """Return main's prefixes that a node's run could touch: its outputs' base and the base that it reads."""
    outputs = {output.base_uri for output in node.outputs}
    inputs = {item.uri for item in node.inputs if item.side == "base"}
    return tuple(sorted(outputs | inputs))


def take_snapshot(s3: S3Client, uris: Iterable[str]) -> Snapshot:
    """List prefixes and single objects.

    Raises:
        NotFoundError: a bucket does not exist.
    """
    objects: dict[str, tuple[int, str]] = {}
    wanted = tuple(sorted(set(uris)))
    for uri in wanted:
        folder = uri.rstrip("/") + "/"
        for item in s3.list_objects(uri):
            if item.uri == uri or item.uri.startswith(folder):  # not the neighbour "x2/" of "x"
                objects[item.uri] = (item.size_bytes, item.etag)
    return Snapshot(wanted, objects)


def compare_snapshots(
    before: Snapshot,
    after: Snapshot,
    *,
    policy_confirmed: bool | None = None,
    production_run_ids: Iterable[str] = (),
) -> Isolation:
    """Tell what differs between two snapshots of the same prefixes."""
    old, new = before.objects, after.objects
    return Isolation(
        watched=before.uris,
        compared_objects=len(old),
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(uri for uri in old.keys() & new.keys() if old[uri] != new[uri])),
        policy_confirmed=policy_confirmed,
        production_run_ids=tuple(production_run_ids),
    )


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
