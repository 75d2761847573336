"""``pypedream rebase BRANCH``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

import click

from pypedream_dagster.branch.rebase import Rebase, plan_rebase, rederive
from pypedream_dagster.branch.staging import StagedRebase, finish, forget, resolve, stage, staged, staged_script
from pypedream_dagster.branch.store import BranchStore, main_on_disk
from pypedream_dagster.branch.unknown import check_known
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import refuse_main
from pypedream_dagster.cli.output import count, note
from pypedream_dagster.deploy.lease import held
from pypedream_dagster.deploy.rebased import check_rebased_prefixes, mark_outdated
from pypedream_dagster.deploy.record import read_deployment
from pypedream_dagster.errors import StateError

_CONFLICT = 1

Action = Literal["rebase", "continue", "abort", "dry-run"]


@click.command("rebase")
@click.argument("branch")
@click.option("--dry-run", "action", flag_value="dry-run", help="Only say what would be done; exits 1 on a conflict.")
@click.option("--continue", "action", flag_value="continue", help="Take the conflicts as you have resolved them.")
@click.option("--abort", "action", flag_value="abort", help="Forget a rebase that stopped: the branch is as before it.")
@pass_invocation
def command(invocation: Invocation, branch: str, action: Action | None) -> int:
    """Bring a branch up to date with main, and keep its edits.

    Takes up today's main graph and production's scripts as they are deployed now; each script is merged with the
    branch's edits, three ways. Where both changed the same lines it stops: nothing of the branch has changed then,
    and the merged script waits for you below branches/BRANCH/rebase/. Changes nothing on AWS: deploy again after it.
    """
    refuse_main(branch, "rebased")
    store = invocation.store()
    state = staged(store, branch)
    if action in {"continue", "abort"} and state is None:
        raise StateError(
            f"No rebase of branch {branch!r} is under way.", hint=f"start one: 'pypedream rebase {branch}'"
        )
    if state is not None and state.is_ready and action == "abort":
        raise StateError(
            f"The rebase of branch {branch!r} has no conflicts left and may be half in place: it cannot be taken back.",
            hint=f"'pypedream rebase {branch}' completes it",
        )
    if action == "dry-run":
        return _rebase(invocation, store, branch, state, is_dry=True)
    if action == "abort":
        forget(store, branch)
        click.echo(f"The rebase of branch {branch!r} is forgotten: the branch is as it was.")
        return 0
    with _alone(invocation, store, branch):
        if state is not None and state.is_ready:
            note("A rebase that had broken off is completed.")
            return _finish(store, branch, state)
        if action == "continue":
            assert state is not None
            return _finish(store, branch, resolve(store, branch, state))
        return _rebase(invocation, store, branch, state, is_dry=False)


def _alone(invocation: Invocation, store: BranchStore, branch: str) -> AbstractContextManager[object]:
    """Keep others from deploying, running or destroying the branch meanwhile, where anything of it is deployed."""
    if read_deployment(store.folder(branch)) is None:
        return nullcontext()
    return held(invocation.aws(), store, branch, "rebase", owner=invocation.settings().owner, on_note=note)


def _rebase(
    invocation: Invocation, store: BranchStore, branch: str, state: StagedRebase | None, *, is_dry: bool
) -> int:
    if state is not None:
        raise StateError(
            f"A rebase of branch {branch!r} is under way already.",
            hint=f"'pypedream rebase {branch} --continue' when its conflicts are resolved, or '--abort'",
        )
    rebase = _plan(invocation, store, branch)
    if rebase is None:
        click.echo(f"Branch {branch!r} is up to date with main.")
        return 0
    unmergeable = [node for node, merged in rebase.merges.items() if not merged.is_mergeable]
    if unmergeable:
        raise StateError(
            f"The script of {', '.join(unmergeable)} is no text: the two sides' changes cannot be merged by lines.",
            hint="make a new branch and carry the change over",
        )
    if is_dry:
        for line in _lines(invocation, store, rebase):
            click.echo(line)
        note("Nothing was changed: this was a dry run.")
        return _CONFLICT if rebase.conflicts else 0
    done = stage(store, branch, rebase)
    if rebase.conflicts:
        raise _stopped(invocation, store, rebase)
    lines = list(_lines(invocation, store, rebase))
    code = _finish(store, branch, done)
    for line in lines:
        click.echo(f"  {line}")
    return code


def _plan(invocation: Invocation, store: BranchStore, branch: str) -> Rebase | None:
    from pypedream_dagster.deploy.production import Production

    record, graph, graph_path = store.branch(branch), store.graph(branch), invocation.settings().graph_path
    today = rederive(record, main_on_disk(graph_path))  # what the graph alone refuses, before AWS is asked
    if read_deployment(store.folder(branch)) is not None:
        check_known(today, "rebased while it is deployed")
    store.check_apart_from_others(today)
    ours = {origin: store.script(branch, graph.by_id[origin]) for origin in record.origins}
    now = Production(invocation.aws()).now(today, graph_path)
    check_rebased_prefixes(read_deployment(store.folder(branch)), today)
    at = invocation.now().replace(microsecond=0)
    return plan_rebase(record, graph, ours, store.baseline(branch), now, at=at)


def _finish(store: BranchStore, branch: str, state: StagedRebase) -> int:
    is_deployed = read_deployment(store.folder(branch)) is not None
    if state.changes_graph:
        # First: what is deployed is not what the branch will be, and must not be run as if it were.
        mark_outdated(store.folder(branch))
    finish(store, branch, state)
    click.echo(f"Rebased branch {branch!r} on main as it is now.")
    if is_deployed:
        note(f"Next: 'pypedream deploy-branch {branch}' brings what is deployed up to date, then trigger it again.")
    return 0


def _stopped(invocation: Invocation, store: BranchStore, rebase: Rebase) -> StateError:
    branch = rebase.record.name
    places = [
        f"{invocation.shown(staged_script(store, branch, node))} ({count(rebase.merges[node].conflicts, 'place')})"
        for node in rebase.conflicts
    ]
    return StateError(
        f"Branch {branch!r} is not rebased: production and the branch have both changed the same lines. "
        f"The merged script{'s wait' if len(places) > 1 else ' waits'} for you in {', '.join(places)}; the branch "
        "itself is as it was.",
        hint=f"resolve what stands between <<<<<<< and >>>>>>>, then 'pypedream rebase {branch} --continue'; "
        f"or 'pypedream rebase {branch} --abort'",
    )


def _lines(invocation: Invocation, store: BranchStore, rebase: Rebase) -> Iterator[str]:
    """Say what a rebase does to each part of the branch."""
    for node, merged in rebase.merges.items():
        path: Path = store.script_path(rebase.record.name, rebase.graph.by_id[node])
        yield f"script  {invocation.shown(path)}: {_outcome(rebase, node, merged.body, merged.conflicts)}"
    graph = rebase.drift.graph
    for effect in graph.effects if graph else ():
        yield f"graph   {effect}"
    if graph is not None and not graph.effects:
        known = "none of its changes touches this branch" if graph.is_known else "derived anew"
        yield f"graph   {known}"
    for job in rebase.drift.jobs:
        what = "is not deployed" if job.is_gone else f"has changed: {', '.join(item.field for item in job.changes)}"
        yield f"job     {job.node}: {job.job} {what}"
    for script in rebase.drift.scripts:
        if not script.is_origin:
            yield f"script  {script.node}: production's has changed; the branch runs it as it is"


def _outcome(rebase: Rebase, node: str, body: bytes, conflicts: int) -> str:
    ours, theirs = rebase.ours[node], rebase.base.scripts[node]
    if conflicts:
        return f"{count(conflicts, 'conflict')}: production and the branch have changed the same lines"
    if body == ours:
        return "as it was: production's has nothing that it lacks"
    return "production's, for the branch had not edited it" if body == theirs else "merged, the branch's edits kept"
