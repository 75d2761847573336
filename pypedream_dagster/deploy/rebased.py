"""What a rebase means for what is deployed of a branch: whether it can be brought along, and that it has to be."""

from __future__ import annotations

from pathlib import Path

from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.deploy.record import DeploymentRecord, read_deployment, write_deployment
from pypedream_dagster.errors import StateError
from pypedream_dagster.graph.uri import parse_uri


def check_rebased_prefixes(record: DeploymentRecord | None, graph: BranchGraph) -> None:
    """Refuse a rebase after which a deployed prefix could be neither kept nor cleaned up.

    One that holds, or lies in, a prefix of the rebased branch cannot be emptied without what is wanted; one that
    main reads or writes now cannot be emptied at all.

    Args:
        record: what is deployed of the branch; None if nothing is.
        graph: the rebased branch.

    Raises:
        StateError: the branch has to be destroyed first.
    """
    for resource in record.resources if record else ():
        if resource.kind != "prefix" or resource.identity in graph.write_prefixes:
            continue
        old = parse_uri(resource.identity)
        again = f"'pypedream destroy-branch {graph.branch}', then rebase and deploy again"
        for uri in graph.protected_uris:
            if old.overlaps(parse_uri(uri)):
                raise StateError(
                    f"Branch {graph.branch!r} is deployed with the prefix {old}, and today's main uses {uri}.",
                    hint=f"put the main graph of before back, {again}",
                )
        for uri in graph.write_prefixes:
            if old.overlaps(parse_uri(uri)):
                raise StateError(
                    f"Branch {graph.branch!r} is deployed with the prefix {old}, and would have {uri}.", hint=again
                )


def mark_outdated(branch_folder: Path) -> None:
    """Note that what is deployed is not what the branch is: nothing runs until it is deployed again."""
    record = read_deployment(branch_folder)
    if record is not None and record.finished_at is not None:
        write_deployment(branch_folder, record.model_copy(update={"finished_at": None}))
