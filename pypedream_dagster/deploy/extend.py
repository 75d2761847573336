"""Prolonging a branch: in the tags of what is deployed first, then in its file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.live import Tags, is_ours, live_tags
from pypedream_dagster.deploy.plan import branch_tags, check_same_aws
from pypedream_dagster.deploy.record import read_deployment
from pypedream_dagster.deploy.resources import Kind


def extend(aws: Callable[[], Aws], store: BranchStore, name: str, expires_at: datetime) -> int:
    """Give a branch another expiry; return how many resources on AWS were tagged anew.

    A call that breaks off can be made again: the file, from which the new expiry is computed, is written last.

    Args:
        aws: connects; asked only where the branch is deployed.
        store: the project's branches.
        name: the branch.
        expires_at: UTC.

    Raises:
        BranchError: no such branch.
        StateError: it is deployed to another account or region than the one in use, or its record is broken.
    """
    branch = store.branch(name).model_copy(update={"expires_at": expires_at})
    record, tags, tagged = read_deployment(store.folder(name)), branch_tags(branch), 0
    if record is not None:
        clients = aws()
        check_same_aws(clients, record)
        for item in record.resources:
            found = live_tags(clients, item.kind, item.identity)
            if found is not None and is_ours(found, tags):
                _tag(clients, item.kind, item.identity, tags)
                tagged += 1
    store.update_branch(branch)
    return tagged


def _tag(aws: Aws, kind: Kind, name: str, tags: Tags) -> None:
    match kind:
        case "job":
            aws.glue.set_tags(name, tags)
        case "database":
            aws.catalog.set_tags(name, tags)
        case "script":
            aws.s3.set_tags(name, tags)
        case "prefix":
            aws.s3.set_tags(naming.claim_uri(name), tags)
