"""``pypedream branches``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from pypedream_dagster.branch.model import Branch
from pypedream_dagster.branch.store import BranchStore, sha256
from pypedream_dagster.cli.branch_state import branch_state
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option
from pypedream_dagster.cli.output import note, print_json, print_table
from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.graph.model import MAIN


@click.command("branches")
@json_option
@pass_invocation
def command(invocation: Invocation, as_json: bool) -> None:
    """List main and all branches, and how they stand.

    Asks nobody but the folders under branches/: what is deployed is known from each branch's record.
    """
    settings = invocation.settings()
    store = BranchStore(settings.branches_dir)
    graph_path = settings.graph_path
    graph_sha256 = sha256(graph_path.read_bytes()) if graph_path.exists() else None
    found = [_describe(store, name, graph_sha256, invocation.now()) for name in store.names()]
    if as_json:
        print_json({"main": {"graph": str(graph_path), "graph_sha256": graph_sha256}, "branches": found})
        return
    rows: list[tuple[str, ...]] = [(MAIN, "-", "production", "-", "-", "-", "-")]
    rows += [_row(branch, invocation.now()) for branch in found]
    print_table(("BRANCH", "AT", "STATE", "AGE", "EXPIRES IN", "OWNER", "MAIN SINCE"), rows)
    for branch in found:
        if branch["error"]:
            note(f"\n{branch['branch']}: {branch['error']}")
        elif branch["given_up"]:
            note(f"\n{branch['branch']}: runs without a session policy: {', '.join(branch['given_up'])}")


def _describe(store: BranchStore, name: str, graph_sha256: str | None, now: datetime) -> dict[str, Any]:
    # One broken branch must not hide the others.
    try:
        record = store.branch(name)
        return _document(record, branch_state(store, name), graph_sha256, now)
    except PypedreamError as error:
        return {"branch": name, "state": "broken", "error": str(error)}


def _document(record: Branch, state: str, graph_sha256: str | None, now: datetime) -> dict[str, Any]:
    return {
        "branch": record.name,
        "state": state,
        "origins": list(record.origins),
        "owner": record.owner,
        "created_at": record.created_at.isoformat(),
        "expires_at": record.expires_at.isoformat(),
        "expired": record.expires_at < now,
        "main_has_moved": graph_sha256 != record.graph_sha256,
        "given_up": [item.node for item in record.given_up],
        "error": None,
    }


def _row(branch: dict[str, Any], now: datetime) -> tuple[str, ...]:
    if branch["error"]:
        return (branch["branch"], "?", "broken", "?", "?", "?", "?")
    expires = datetime.fromisoformat(branch["expires_at"])
    return (
        branch["branch"],
        ", ".join(branch["origins"]),
        branch["state"],
        _span((now - datetime.fromisoformat(branch["created_at"])).total_seconds()),
        "expired" if branch["expired"] else _span((expires - now).total_seconds()),
        branch["owner"],
        "has moved" if branch["main_has_moved"] else "unchanged",
    )


def _span(seconds: float) -> str:
    minutes = max(0, int(seconds // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{round(minutes / (24 * 60))} d"
