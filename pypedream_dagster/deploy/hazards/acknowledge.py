"""The gate before a deployment: severe findings stop it until somebody has taken each upon themselves."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import datetime

from pypedream_dagster.branch.model import Acknowledgement, Branch
from pypedream_dagster.deploy.hazards.model import Finding
from pypedream_dagster.deploy.hazards.unexplained import KIND as UNEXPLAINED
from pypedream_dagster.errors import StateError

_NEVER = {"unseeded-output", UNEXPLAINED}
"""Not to be acknowledged: deploying refuses these by itself."""


def unacknowledged(branch: Branch, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the severe findings that nobody has acknowledged."""
    known = {item.id for item in branch.acknowledged}
    severe = (finding for finding in findings if finding.severity == "severe" and finding.kind not in _NEVER)
    return tuple(finding for finding in severe if finding.id not in known)


def acknowledged(branch: Branch, findings: Iterable[Finding], ids: Iterable[str], *, by: str, at: datetime) -> Branch:
    """Return the branch's record with findings acknowledged; an acknowledgement that is there stays as it is.

    Raises:
        StateError: there is no severe finding of an id that may be acknowledged.
    """
    severe = {item.id: item for item in findings if item.severity == "severe" and item.kind != UNEXPLAINED}
    wanted = list(dict.fromkeys(ids))
    if unknown := [item for item in wanted if item not in severe]:
        raise StateError(
            f"Branch {branch.name!r} has no severe hazard {', '.join(unknown)} that could be acknowledged.",
            hint=f"'pypedream plan {branch.name}' lists them; another code has another id",
        )
    known = {item.id for item in branch.acknowledged}
    new = [
        Acknowledgement(id=item, by=by, at=at, what=f"{severe[item].place}: {severe[item].what}")
        for item in wanted
        if item not in known
    ]
    return branch.model_copy(update={"acknowledged": (*branch.acknowledged, *new)})


def check_acknowledged(branch: Branch, findings: Iterable[Finding]) -> None:
    """Refuse to deploy while a severe finding is not acknowledged.

    Raises:
        StateError: names each with its id, and the command that acknowledges them.
    """
    left = unacknowledged(branch, findings)
    if not left:
        return
    named = "; ".join(f"[{finding.id}] {finding.place}: {finding.what}" for finding in left)
    flags = " ".join(f"--acknowledge {shlex.quote(finding.id)}" for finding in left)
    raise StateError(
        f"Branch {branch.name!r} is not deployed: {len(left)} severe hazard{'s' if len(left) > 1 else ''}: {named}.",
        hint=f"'pypedream plan {branch.name}' says what to do about each; to go on all the same: "
        f"pypedream deploy-branch {branch.name} {flags}",
    )
