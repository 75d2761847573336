"""How a branch stands, judged by its folder alone, and which commands that allows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.record import DeploymentRecord, read_deployment
from pypedream_dagster.errors import StateError

State = Literal["created", "deployed", "partly deployed", "triggered", "destroyed"]


def branch_state(store: BranchStore, name: str) -> State:
    """Return how a branch stands.

    ``partly deployed`` is one whose deployment or destruction broke off; ``destroyed`` one that has run, and of
    which nothing is deployed any more.

    Raises:
        BranchError: there is no such branch.
        StateError: its deployment record is broken.
    """
    store.branch(name)
    folder = store.folder(name)
    record = read_deployment(folder)
    has_run = any(_run_records(folder))
    if record is None:
        return "destroyed" if has_run else "created"
    if not record.is_complete:
        return "partly deployed"
    return "triggered" if has_run else "deployed"


def require_deployed(store: BranchStore, name: str, purpose: str) -> DeploymentRecord:
    """Return a branch's deployment, which must be whole.

    Args:
        store: the project's branches.
        name: the branch.
        purpose: what it is needed for, as in ``it cannot be triggered``.

    Raises:
        BranchError: there is no such branch.
        StateError: it is not deployed, or only in part.
    """
    state = branch_state(store, name)
    record = read_deployment(store.folder(name))
    if record is None or not record.is_complete:
        raise StateError(
            f"Branch {name!r} is {'not deployed' if record is None else state}: it cannot be {purpose}.",
            hint=f"run 'pypedream deploy-branch {name}' first",
        )
    return record


def require_run(store: BranchStore, name: str, purpose: str) -> DeploymentRecord:
    """Return the deployment of a branch that has run at least once.

    Raises:
        BranchError: there is no such branch.
        StateError: it has not run.
    """
    record = require_deployed(store, name, purpose)
    if not any(_run_records(store.folder(name))):
        raise StateError(
            f"Branch {name!r} has not run yet: it cannot be {purpose}.",
            hint=f"run 'pypedream trigger-branch {name}' first",
        )
    return record


def forget_runs(store: BranchStore, name: str) -> None:
    """Remove a branch's run records: of a deployment that is gone, they tell of data that is gone."""
    for path in _run_records(store.folder(name)):
        path.unlink()


def _run_records(folder: Path) -> list[Path]:
    return sorted((folder / "runs").glob("*.json"))
