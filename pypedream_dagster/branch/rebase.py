"""A branch brought up to date with main: computed whole, before anything is written.

The branch is derived anew from today's graph; each origin's script is merged three ways: what production's was, what
the developer made of it, and what production's is now. What cannot be done is refused here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pypedream_dagster.branch.baseline import Baseline
from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.drift import Drift, find_drift
from pypedream_dagster.branch.merge import Merge, merge
from pypedream_dagster.branch.model import Branch, BranchGraph
from pypedream_dagster.branch.policy import check_policies
from pypedream_dagster.branch.store import script_name, sha256
from pypedream_dagster.errors import BranchError, PypedreamError


@dataclass(frozen=True, slots=True)
class Rebase:
    """What a rebase comes to.

    Attributes:
        record, graph: the branch's, as they will be.
        base: main as it is now, which the branch will be compared with from now on.
        ours: per origin, the developer's script as it is.
        merges: per origin, the merged script.
        drift: what it takes up.
        changes_graph: whether the branch is another one: what is deployed of it has to be brought up to date.
    """

    record: Branch
    graph: BranchGraph
    base: Baseline
    ours: Mapping[str, bytes]
    merges: Mapping[str, Merge]
    drift: Drift
    changes_graph: bool

    @property
    def conflicts(self) -> tuple[str, ...]:
        """The origins whose script both sides changed in the same place."""
        return tuple(node for node, merged in self.merges.items() if merged.conflicts)


def rederive(record: Branch, now: Baseline) -> BranchGraph:
    """Return the branch as it would be made from today's main graph.

    Raises:
        GraphError: that graph is missing or faulty.
        BranchError: an origin is gone from it or is no Glue job any more, or the branch cannot run.
        ProtectedError: the branch would write into what is main's now.
    """
    graph = derive_branch(now.graph(), record.name, record.origins, follow_order=record.follow_order)
    check_policies(graph)
    return graph


def plan_rebase(
    record: Branch,
    graph: BranchGraph,
    ours: Mapping[str, bytes],
    then: Baseline | None,
    now: Baseline,
    *,
    at: datetime,
) -> Rebase | None:
    """Return what brings a branch up to date; None where it is.

    Args:
        record, graph: the branch's.
        ours: its scripts, by origin.
        then: main as it was; None where that was not kept.
        now: main as it is, with production's jobs of the branch as `rederive` gives it.
        at: the time.

    Raises:
        PypedreamError: as `rederive`, or production's job or script of an origin is gone.
    """
    new = rederive(record, now)
    for origin in record.origins:
        _check_origin(graph, new, now, origin)
    digests = {origin: sha256(now.scripts[origin]) for origin in record.origins}
    digest = sha256(now.main_json or b"")
    if (
        then is not None
        and not then.brought
        and (digest, digests, now.jobs)
        == (
            record.graph_sha256,
            dict(record.script_sha256),
            then.jobs,
        )
    ):
        return None
    changes_graph = _derived_then(record, then) != new
    return Rebase(
        record=record.model_copy(update={"graph_sha256": digest, "script_sha256": digests, "rebased_at": at}),
        # What was deployed knows more of the branch than main's graph does: kept where that has not changed.
        graph=_seeded_alike(graph, new) if changes_graph else graph,
        base=replace(now, brought=()),
        ours=ours,
        merges={origin: merge(_base(record, then, now, origin), ours[origin], now.scripts[origin]) for origin in ours},
        drift=find_drift(record, new, then, now),
        changes_graph=changes_graph,
    )


def _check_origin(old: BranchGraph, new: BranchGraph, now: Baseline, origin: str) -> None:
    node, seen = new.by_id[origin], now.jobs[origin]
    if seen.fields is None:
        raise BranchError(
            f"Production's job {node.production_job!r} of {origin!r} is not deployed any more.",
            hint="check the account and region in use; if the job is gone for good, so is what the branch changes",
        )
    if origin not in now.scripts:
        raise BranchError(
            f"The script that production's job {node.production_job!r} of {origin!r} runs cannot be found or read.",
            hint="upload it again, or ask for s3:GetObject on it",
        )
    if script_name(node) != script_name(old.by_id[origin]):
        raise BranchError(
            f"Production's script of {origin!r} is {script_name(node)} now and was {script_name(old.by_id[origin])}: "
            "scripts of two languages cannot be merged.",
            hint="make a new branch and carry the change over",
        )


def _base(record: Branch, then: Baseline | None, now: Baseline, origin: str) -> bytes | None:
    """Return the script that both sides come from.

    Not what was brought in its place: whether that was production's, nobody knows, and a merge that takes the
    developer's work for production's would throw it away.
    """
    if record.script_sha256.get(origin) == sha256(now.scripts[origin]):
        return now.scripts[origin]
    return None if then is None or origin in then.brought else then.scripts.get(origin)


def _seeded_alike(old: BranchGraph, new: BranchGraph) -> BranchGraph:
    """Return the new graph with the outputs seeded that were: the user has said so, and no main graph does."""
    seeded = {(node.id, output.name) for node, output in old.datasets() if output.seeded}
    nodes = [
        node.model_copy(
            update={
                "outputs": tuple(
                    output.model_copy(update={"seeded": (node.id, output.name) in seeded}) for output in node.outputs
                )
            }
        )
        for node in new.nodes
    ]
    return new.model_copy(update={"nodes": tuple(nodes)})


def _derived_then(record: Branch, then: Baseline | None) -> BranchGraph | None:
    if then is None:
        return None
    try:
        return derive_branch(then.graph(), record.name, record.origins, follow_order=record.follow_order)
    except PypedreamError:
        return None
