"""Making branches expire, and looking at what is left of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from pypedream_dagster.aws.session import Aws, connect
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.extend import extend
from pypedream_dagster.settings import Settings

from .conftest import Deployed

LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def aws_of(deployed: Deployed) -> Aws:
    return connect(Settings(deployed.folder))


def project_of(deployed: Deployed) -> str:
    return f"shop-{deployed.suffix}"


def rename_project(deployed: Deployed) -> None:
    """Give the project a name of its own: what other tests left of theirs is not looked at."""
    path = deployed.folder / "pipeline_graph" / "main.json"
    document = json.loads(path.read_text())
    document["graph"]["metadata"]["name"] = project_of(deployed)
    path.write_text(json.dumps(document))


def expire(deployed: Deployed, *branches: str) -> None:
    """Make branches expire, in their file and on AWS."""
    store = BranchStore(deployed.folder / "branches")
    for branch in branches:
        extend(lambda: aws_of(deployed), store, branch, LONG_AGO)


def objects(deployed: Deployed) -> dict[str, str]:
    """The bucket's objects with their ETags."""
    return {item.key: item.etag for item in aws_of(deployed).s3.list_objects(f"s3://{deployed.bucket}/")}


def jobs(deployed: Deployed) -> set[str]:
    return {job.name for job in aws_of(deployed).glue.find_jobs(deployed.suffix)}


def forget_folder(folder: Path) -> None:
    """Lose a branch's folder, as on another machine."""
    folder.rename(folder.parents[1] / f"lost-{folder.name}")
