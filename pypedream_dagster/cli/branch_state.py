"""How a branch stands, judged by its folder alone, and which commands that allows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.cli.invocation import Invocation
from pypedream_dagster.cli.output import note
from pypedream_dagster.deploy.plan import branch_tags
from pypedream_dagster.deploy.rebuild import restore_deployment
from pypedream_dagster.deploy.record import (
    FILE_NAME,
    BrokenRecordError,
    DeploymentRecord,
    read_deployment,
    set_aside_broken,
)
from pypedream_dagster.errors import AwsError, StateError

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


def mend_record(invocation: Invocation, store: BranchStore, name: str, *, search: bool = True) -> None:
    """Rebuild a branch's deployment record where it is lost or broken, from what AWS holds; tell the user.

    Where AWS cannot be asked and nothing says that the branch was ever deployed, it counts as not deployed.

    Args:
        invocation: leads to AWS, which is asked only if needed.
        store: the project's branches.
        name: the branch.
        search: whether to ask AWS also where nothing says that the branch was ever deployed.

    Raises:
        BranchError: there is no such branch.
        StateError: the record is lost or broken, and AWS cannot be asked, or is another than it was deployed to.
    """
    branch, folder = store.branch(name), store.folder(name)
    try:
        if read_deployment(folder) is not None:
            return
        problem = f"Branch {name!r} was deployed, but {folder / FILE_NAME} is missing." if branch.deployed_to else None
    except BrokenRecordError as error:
        problem = error.message
    if problem is None and not search:
        return
    try:
        known = restore_deployment(invocation.aws(), store, name, branch_tags(branch))
    except AwsError as error:
        if problem is None:
            return
        raise StateError(f"{problem} AWS cannot be asked what is there: {error.message}", hint=error.hint) from error
    if known.rebuilt is not None:
        note(known.rebuilt)
    elif problem is not None:
        set_aside_broken(folder)
        note(f"{problem} Nothing on AWS carries the branch's tags.")


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
