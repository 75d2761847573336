"""What a lease says of its holder, and how that is told to whoever comes second."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pypedream_dagster.aws.conditional import Found
from pypedream_dagster.errors import StateError

Command = Literal["deploy-branch", "destroy-branch", "trigger-branch", "deltas", "rebase", "gc"]

LASTS_SECONDS = 90.0
"""How long a lease holds that is not renewed: what somebody waits for whose colleague's machine has died."""

_ABOUT = "Pypedream: a command is changing or running the branch beside this object; it goes when the command ends."
_DOING: Mapping[Command, str] = {
    "deploy-branch": "is being deployed by",
    "destroy-branch": "is being destroyed by",
    "trigger-branch": "is running already, triggered by",
    "deltas": "is being given the job that compares its data, by",
    "rebase": "is being rebased by",
    "gc": "is being removed, for it has expired, by",
}


class LeaseDocument(BaseModel):
    """What the object says.

    Attributes:
        owner: who runs the command.
        host, worker, machine: where: see `branch.holder`.
        command: what is done.
        dagster_run: the root Dagster run whose steps hold it, where no command of ours started that.
        since: when it began, by the holder's clock; for readers only.
        lasts_seconds: how long it holds after it was last written.
        token: tells this holding from every other.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    about: str = _ABOUT
    branch: str
    owner: str
    host: str
    worker: str
    machine: str
    command: Command
    dagster_run: str | None = None
    since: datetime
    lasts_seconds: float = LASTS_SECONDS
    token: str


def read_lease(found: Found) -> LeaseDocument | None:
    """Return what a lease's object says; None if another version of Pypedream wrote it."""
    try:
        return LeaseDocument.model_validate_json(found.body)
    except ValidationError:
        return None


def refusal(branch: str, holder: LeaseDocument | None, found: Found) -> StateError:
    """Return the error for whoever comes second: who holds the branch, since when, and what to do."""
    if holder is None:
        return StateError(
            f"Branch {branch!r} is held by another version of Pypedream.",
            hint=f"try again; unless renewed, it is free in {max(1, LASTS_SECONDS - found.age_seconds):.0f} s",
        )
    left = max(1.0, holder.lasts_seconds - found.age_seconds)
    stop = "stop it there" if holder.dagster_run is None else f"stop Dagster run {holder.dagster_run}"
    return StateError(
        said(branch, holder, found.answered_at) + ".",
        hint=f"wait for its end, or {stop}; should that process have died, the branch is free within {left:.0f} s",
    )


def said(branch: str, holder: LeaseDocument, now: datetime) -> str:
    """Return who holds a branch, as a sentence without its full stop."""
    seconds = max(0.0, (now - holder.since).total_seconds())
    span = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
    process = holder.worker.split(":")[1] if holder.worker.count(":") else "?"
    by = f"Dagster run {holder.dagster_run} of {holder.owner}" if holder.dagster_run else holder.owner
    since = f"since {holder.since.astimezone(UTC):%H:%M} UTC ({span})"
    return f"Branch {branch!r} {_DOING[holder.command]} {by} {since} on host {holder.host} (process {process})"
