"""Destroying a branch of which this machine has no folder, by its tags alone: planning only reads.

What main is, is known by main's graph alone here, so it has to be readable; and each claim has to say of itself what
prefix and branch it is for.
"""

from __future__ import annotations

import json

from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.deploy.known import OnAws
from pypedream_dagster.deploy.live import runs_writing_below
from pypedream_dagster.deploy.plan import Plan
from pypedream_dagster.deploy.search import Found
from pypedream_dagster.deploy.steps import Delete, Step
from pypedream_dagster.errors import NotFoundError, ProtectedError
from pypedream_dagster.graph.uri import parse_uri

_ORDER = ("job", "database", "script", "prefix")


def plan_orphan_destruction(aws: Aws, branch: OnAws, main: BranchGraph) -> Plan:
    """Return the steps that remove a branch that is known by its tags only.

    Args:
        aws: the clients.
        branch: as found.
        main: production, as `derive_main` gives it.

    Raises:
        BranchError: its tags hold no branch's name.
        ProtectedError: what it has would be main's, or a claim is not what it should be.
    """
    naming.check_branch_name(branch.name)
    for item in branch.found:
        _check(aws, branch, item, main)
    prefixes = branch.identities("prefix")
    stops = list(
        runs_writing_below(aws, branch.identities("job"), dict.fromkeys(node.job for node in main.nodes), prefixes)
    )
    deletes = [
        Delete(item.kind, item.identity) for item in sorted(branch.found, key=lambda item: _ORDER.index(item.kind))
    ]
    tags = naming.tags(branch.name, owner=branch.owner, expires=str(branch.expires_on), project=branch.project)
    graph = BranchGraph(branch=branch.name, nodes=(), write_prefixes=prefixes, protected_uris=main.protected_uris)
    steps: tuple[Step, ...] = (*stops, *deletes)
    return Plan(branch.name, "destroy", graph, tags, None, steps)


def _check(aws: Aws, branch: OnAws, item: Found, main: BranchGraph) -> None:
    fault = None
    match item.kind:
        case "job":
            if any(item.identity in (node.job, node.production_job) for node in main.nodes):
                fault = "it is one of main's jobs"
        case "database":
            bases = {output.base_table.partition(".")[0] for _, output in main.datasets() if output.base_table}
            if item.identity in bases:
                fault = "it is one of main's databases"
        case "prefix" | "script":
            doomed = parse_uri(item.identity)
            if not any(branch.name in part for part in doomed.key.split("/")):
                fault = "its path does not name the branch"
            if not _confirms(aws, item.identity, branch.name):
                fault = f"{naming.claim_uri(item.identity)} does not say that it is for it"
            fault = next((f"main uses {uri}" for uri in main.protected_uris if doomed.overlaps(parse_uri(uri))), fault)
    if fault is not None:
        raise ProtectedError(
            f"The {item.kind} {item.identity} carries the tags of branch {branch.name!r} of {branch.owner}, and is "
            f"not deleted: {fault}.",
            hint="nothing of the branch was changed; take the tags off if they are wrong",
        )


def _confirms(aws: Aws, root: str, branch: str) -> bool:
    """Tell whether a claim says of itself what it is for: one that was copied elsewhere does not."""
    try:
        said = json.loads(aws.s3.read_bytes(naming.claim_uri(root)))
        return (said["branch"], said["prefix"]) == (branch, root)
    except (NotFoundError, ValueError, KeyError, TypeError):
        return False
