"""``pypedream trigger-branch BRANCH``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.cli.branch_state import mend_record, require_deployed
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.output import count, note
from pypedream_dagster.deploy.plan import check_same_aws, undeployed_edits
from pypedream_dagster.errors import ProtectedError, RunError
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.graph.model import MAIN

if TYPE_CHECKING:
    from pypedream_dagster.defs.launch import NodeResult, TriggerResult
    from pypedream_dagster.defs.progress import Progress

_INTERRUPTED = 130


@click.command("trigger-branch")
@click.argument("branch")
@click.option("--select", "selected", multiple=True, metavar="NODE", help="Run only this affected node; repeatable.")
@click.option("--production", is_flag=True, help="Needed for main: runs production's own jobs, on production's data.")
@pass_invocation
def command(invocation: Invocation, branch: str, selected: tuple[str, ...], production: bool) -> int:
    """Run a branch's affected nodes through Dagster.

    The run is in Dagster's UI as well. A trigger that was killed is taken up by the next: Glue runs that went on
    without it are joined, none is started twice. 'trigger-branch main --production' runs production in full.
    """
    if production != (branch == MAIN):
        _refuse(branch, production=production)
    settings = invocation.settings()
    if branch == MAIN:
        read_graph(settings.graph_path)
        aws = invocation.aws()
        note("This is production: its own jobs run, and write its own data.")
    else:
        store = BranchStore(settings.branches_dir)
        mend_record(invocation, store, branch)
        record = require_deployed(store, branch, "triggered")
        aws = invocation.aws()
        check_same_aws(aws, record)
        for node in undeployed_edits(store, branch, record):
            note(f"{node}'s script was edited since it was deployed; 'pypedream deploy-branch {branch}' takes that up.")
    note(f"Running {_named(branch)} on {aws.source}, {aws.region}.")
    # Dagster takes a second to import: only where it is used.
    from pypedream_dagster.defs.launch import trigger

    return _report(trigger(settings, branch, select=selected, on_event=_printer(time.monotonic)), branch)


def _refuse(branch: str, *, production: bool) -> None:
    if not production:
        raise ProtectedError(
            "main is production: triggering it runs production's own jobs, on production's data.",
            hint="if that is what you mean: 'pypedream trigger-branch main --production'",
        )
    raise click.UsageError(f"--production is for main, not for branch {branch!r}.")


def _printer(clock: Callable[[], float]) -> Callable[[Progress], None]:
    """Return a listener that prints each thing that happens, with the minutes and seconds since the start."""
    began = clock()
    known: set[str] = set()

    def show(progress: Progress) -> None:
        passed = int(clock() - began)
        words: list[str] = [progress.text] if progress.moment in {"state", "note"} else [progress.moment]
        if progress.seconds is not None:
            words.append(f"after {progress.seconds:.0f} s")
        if progress.job_run_id and progress.job_run_id not in known:
            known.add(progress.job_run_id)
            words.append(f"({progress.job_run_id})")
        detail = f": {progress.text}" if progress.text and progress.moment not in {"state", "note"} else ""
        # The step's own end, with how long it took, follows at once.
        if (progress.moment, progress.text) != ("state", "SUCCEEDED"):
            who = f"{progress.node}: " if progress.node else ""
            note(f"{passed // 60:4}:{passed % 60:02}  {who}{' '.join(words)}{detail}")

    return show


def _report(result: TriggerResult, branch: str) -> int:
    if result.resumed:
        note("This went on with a run that had broken off.")
    done = [node for node in result.nodes if node.state == "succeeded"]
    if result.interrupted:
        note(f"Interrupted: {len(done)} of {count(len(result.nodes), 'node')} had succeeded; Glue runs were stopped.")
        return _INTERRUPTED
    if not result.success:
        raise RunError(_failure(result), hint=f"mend it, then run 'pypedream trigger-branch {branch}' again")
    click.echo(f"Ran {_named(branch)}: {count(len(done), 'node')} in {result.seconds:.0f} s.")
    if branch != MAIN:
        note(f"Next: 'pypedream deltas {branch}' compares what it wrote with main's data.")
    return 0


def _failure(result: TriggerResult) -> str:
    failed = [node for node in result.nodes if node.state == "failed"]
    skipped = [node.node for node in result.nodes if node.state == "skipped"]
    if not failed:
        return f"{_named(result.branch)} did not succeed: {result.error or 'a check failed'}."
    rest = f"; skipped after it: {', '.join(skipped)}" if skipped else ""
    return f"{_named(result.branch)} did not succeed: {'; '.join(map(_reason, failed))}{rest}."


def _reason(node: NodeResult) -> str:
    run = f" (job run {node.job_run_id})" if node.job_run_id else ""
    return f"{node.node} failed{run}: {node.reason.rstrip('.') or 'Dagster has the reason'}"


def _named(branch: str) -> str:
    return "main" if branch == MAIN else f"branch {branch!r}"
