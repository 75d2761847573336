"""Branches that are deployed and have no folder here: a colleague's, or one whose folder was lost."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch.places import branch_parents, project_name
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.known import OnAws, branches_on_aws
from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.settings import Settings

COLUMNS = ("BRANCH", "OWNER", "EXPIRES ON", "GLUE JOBS", "DATABASES", "PREFIXES")


def deployed_elsewhere(settings: Settings, aws: Aws, now: datetime) -> list[dict[str, Any]]:
    """Return the project's branches that only their tags on AWS tell of, those that expire first before others.

    Raises:
        GraphError: main's graph, which says where branches lie, cannot be read.
        AwsError: AWS cannot be asked.
    """
    graph, store = read_graph(settings.graph_path), BranchStore(settings.branches_dir)
    found = branches_on_aws(aws, project_name(graph, settings), branch_parents(graph))
    elsewhere = [branch for branch in found if not _is_here(store, branch)]
    elsewhere.sort(key=lambda branch: (branch.expires_on is None, str(branch.expires_on), branch.name, branch.owner))
    return [_document(branch, aws, now) for branch in elsewhere]


def row(branch: dict[str, Any]) -> tuple[str, ...]:
    """Return a branch as a line of a table."""
    expires = branch["expires_on"] or "never"
    return (
        branch["branch"],
        branch["owner"],
        f"{expires}, expired" if branch["expired"] else expires,
        ", ".join(branch["jobs"]) or "-",
        ", ".join(branch["databases"]) or "-",
        ", ".join(branch["prefixes"]) or "-",
    )


def _document(branch: OnAws, aws: Aws, now: datetime) -> dict[str, Any]:
    return {
        "branch": branch.name,
        "owner": branch.owner,
        "project": branch.project,
        "expires_on": str(branch.expires_on) if branch.expires_on else None,
        "expired": branch.expires_at is not None and branch.expires_at <= now,
        "account": aws.sts.caller().account,
        "region": aws.region,
        "jobs": list(branch.identities("job")),
        "databases": list(branch.identities("database")),
        "prefixes": list(branch.identities("prefix")),
    }


def _is_here(store: BranchStore, branch: OnAws) -> bool:
    try:
        return store.exists(branch.name) and branch.is_of(store.branch(branch.name))
    except PypedreamError:
        return True  # its folder is broken, and listed as such
