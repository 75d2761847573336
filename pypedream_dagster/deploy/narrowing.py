"""Where a job's role cannot be narrowed: seen on the job as deployed, or told by Glue when a run is to start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.branch.model import Branch, BranchGraph, BranchNode
from pypedream_dagster.errors import AwsError, ProtectedError, RunError

FLAG = "--give-up-enforced-isolation"
LOSS = "its runs would carry no session policy: IAM would not stop them from writing or deleting what is main's"

_FINE_GRAINED = "--enable-lakeformation-fine-grained-access"
# Full table access: https://docs.aws.amazon.com/glue/latest/dg/security-access-control-fta.html
_FULL_TABLE = re.compile(r"AWSLakeFormationCredentialResolver|glue\.lakeformation-enabled\s*=\s*true", re.IGNORECASE)
_POLICY_NAMED = re.compile(r"session ?policy", re.IGNORECASE)


def unnarrowable(job: GlueJob) -> str | None:
    """Return the feature of a job by which its runs act with more than their narrowed role, or None.

    Lake Formation hands out credentials of the role that a location is registered with: a session policy neither
    reaches those nor lets them be asked for.
    """
    arguments = {**job.default_arguments, **job.non_overridable_arguments}
    if arguments.get(_FINE_GRAINED, "").lower() == "true":
        return f"Lake Formation's fine-grained access control ({_FINE_GRAINED})"
    if _FULL_TABLE.search(arguments.get("--conf", "")):
        return "Lake Formation's full table access (its credentials, in --conf)"
    return None


def unnarrowable_nodes(graph: BranchGraph, production: Mapping[str, GlueJob]) -> dict[str, str]:
    """Return the nodes whose jobs cannot be narrowed, each with the feature."""
    found = ((node.id, unnarrowable(production[node.id])) for node in graph.nodes)
    return {node: feature for node, feature in found if feature is not None}


def check_narrowing(
    branch: Branch, graph: BranchGraph, production: Mapping[str, GlueJob], also_given_up: Iterable[str] = ()
) -> None:
    """Refuse a branch of which a node cannot be narrowed, unless that was given up by name.

    Raises:
        ProtectedError: names node, job, feature and what would be lost.
    """
    given_up = {item.node for item in branch.given_up} | set(also_given_up)
    held = {node: feature for node, feature in unnarrowable_nodes(graph, production).items() if node not in given_up}
    if held:
        jobs = {node: graph.by_id[node].production_job for node in held}
        told = "; ".join(f"node {node!r} (Glue job {jobs[node]}) uses {feature}" for node, feature in held.items())
        raise ProtectedError(
            f"Branch {branch.name!r} cannot be held apart from main: {told}, and {LOSS}.",
            hint="if that is acceptable: "
            + " ".join(["pypedream deploy-branch", branch.name, *(f"{FLAG} {node}" for node in held)]),
        )


def policy_refused(error: AwsError, branch: str, node: BranchNode) -> RunError | None:
    """Return what to raise where Glue refused to start a run because of its session policy; None for another error."""
    if not _POLICY_NAMED.search(error.message):
        return None
    return RunError(
        f"Glue does not let a run of {node.job} (node {node.id!r}) be narrowed; it was not started: {error.message}",
        hint=f"run it without, although {LOSS}: pypedream deploy-branch {branch} {FLAG} {node.id}",
    )
