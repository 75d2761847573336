"""``pypedream branches``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from pypedream_dagster.branch.baseline import Baseline
from pypedream_dagster.branch.drift import Drift, find_drift
from pypedream_dagster.branch.model import Branch, BranchGraph
from pypedream_dagster.branch.store import BranchStore, main_on_disk, sha256
from pypedream_dagster.cli.branch_state import branch_state, mend_record
from pypedream_dagster.cli.drift_view import words
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option
from pypedream_dagster.cli.output import note, print_json, print_table
from pypedream_dagster.errors import AwsError, PypedreamError
from pypedream_dagster.graph.model import MAIN
from pypedream_dagster.settings import Settings


@click.command("branches")
@click.option(
    "--remote",
    is_flag=True,
    help="Ask AWS, too: whether production's jobs and scripts have changed, and which branches have no folder here.",
)
@json_option
@pass_invocation
def command(invocation: Invocation, remote: bool, as_json: bool) -> None:
    """List main and all branches, and how they stand.

    Asks nobody but the project's files: what is deployed is known from each branch's record, and whether main has
    changed since from its graph. --remote also compares production's jobs and scripts as they are deployed now, and
    lists what is deployed without a folder here: others' branches, and lost ones. Only where a record is lost or
    broken, AWS is asked without being told to, and the record rebuilt.
    """
    settings = invocation.settings()
    store = BranchStore(settings.branches_dir)
    graph_path = settings.graph_path
    graph_sha256 = sha256(graph_path.read_bytes()) if graph_path.exists() else None
    main = _main(invocation, settings, remote=remote)
    found = [_describe(invocation, store, name, graph_sha256, main) for name in store.names()]
    others = _elsewhere(invocation) if remote else None
    if as_json:
        document = {"main": {"graph": str(graph_path), "graph_sha256": graph_sha256}, "branches": found}
        print_json(document if others is None else {**document, "elsewhere": others})
        return
    rows: list[tuple[str, ...]] = [(MAIN, "-", "production", "-", "-", "-", "-")]
    rows += [_row(branch, invocation.now()) for branch in found]
    print_table(("BRANCH", "AT", "STATE", "AGE", "EXPIRES IN", "OWNER", "MAIN SINCE"), rows)
    if others is not None:
        _show_elsewhere(others)
    for branch in found:
        if branch["error"]:
            note(f"\n{branch['branch']}: {branch['error']}")
        elif branch["given_up"]:
            note(f"\n{branch['branch']}: runs without a session policy: {', '.join(branch['given_up'])}")
    if moved := [branch["branch"] for branch in found if branch.get("drift", {}).get("kinds")]:
        note(f"\n'pypedream plan {moved[0]}' shows what has changed, 'pypedream rebase {moved[0]}' takes it up.")
    if found and not remote:
        note("AWS was not asked: 'pypedream branches --remote' looks at production's jobs and scripts, too.")


def _elsewhere(invocation: Invocation) -> list[dict[str, Any]]:
    from pypedream_dagster.cli.elsewhere import deployed_elsewhere  # what reads AWS takes a while to import

    return deployed_elsewhere(invocation.settings(), invocation.aws(), invocation.now())


def _show_elsewhere(others: list[dict[str, Any]]) -> None:
    from pypedream_dagster.cli.elsewhere import COLUMNS, row

    if not others:
        note("\nNo branch without a folder here is deployed.")
        return
    click.echo("\nDeployed, without a folder here")
    print_table(COLUMNS, [row(branch) for branch in others])


def _main(invocation: Invocation, settings: Settings, *, remote: bool) -> Callable[[BranchGraph], Baseline]:
    """Return what gives main as it is now, as far as a branch's graph is concerned."""
    if not remote:
        on_disk = main_on_disk(settings.graph_path)
        return lambda _: on_disk
    # What reads AWS takes a while to import.
    from pypedream_dagster.deploy.production import Production

    production = Production(invocation.aws())
    return lambda graph: production.now(graph, settings.graph_path)


def _describe(
    invocation: Invocation,
    store: BranchStore,
    name: str,
    graph_sha256: str | None,
    main: Callable[[BranchGraph], Baseline],
) -> dict[str, Any]:
    # One broken branch must not hide the others.
    try:
        mend_record(invocation, store, name, search=False)
    except PypedreamError as error:
        return _broken(name, error)
    try:
        record, graph = store.branch(name), store.graph(name)
        drift = find_drift(record, graph, store.baseline(name), main(graph))
        return _document(record, branch_state(store, name), graph_sha256, drift, invocation.now())
    except AwsError:
        raise  # --remote was asked for: AWS that does not answer would hide them all alike
    except PypedreamError as error:
        return _broken(name, error)


def _broken(name: str, error: PypedreamError) -> dict[str, Any]:
    return {"branch": name, "state": "broken", "error": str(error)}


def _document(record: Branch, state: str, graph_sha256: str | None, drift: Drift, now: datetime) -> dict[str, Any]:
    return {
        "branch": record.name,
        "state": state,
        "origins": list(record.origins),
        "owner": record.owner,
        "created_at": record.created_at.isoformat(),
        "expires_at": record.expires_at.isoformat(),
        "expired": record.expires_at < now,
        "main_has_moved": bool(drift) or graph_sha256 != record.graph_sha256,
        "drift": {"kinds": list(drift.kinds), "words": words(drift), "was_asked": drift.was_asked},
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
        branch["drift"]["words"],
    )


def _span(seconds: float) -> str:
    minutes = max(0, int(seconds // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{round(minutes / (24 * 60))} d"
