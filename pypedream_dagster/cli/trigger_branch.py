"""``pypedream trigger-branch BRANCH``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.staging import check_settled
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.cli.branch_state import mend_record, require_deployed
from pypedream_dagster.cli.costs import price_lines, took_rows
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import price_option
from pypedream_dagster.cli.output import count, note, print_table
from pypedream_dagster.deploy.plan import check_same_aws, undeployed_edits
from pypedream_dagster.errors import AwsError, ProtectedError, RunError
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.graph.model import MAIN
from pypedream_dagster.run.costs import Estimate, critical_path, total
from pypedream_dagster.run.forecast import forecast

if TYPE_CHECKING:
    from pypedream_dagster.aws.prices import PriceList
    from pypedream_dagster.aws.session import Aws
    from pypedream_dagster.defs.launch import NodeResult, TriggerResult
    from pypedream_dagster.defs.progress import Progress

_INTERRUPTED = 130


@click.command("trigger-branch")
@click.argument("branch")
@click.option("--select", "selected", multiple=True, metavar="NODE", help="Run only this affected node; repeatable.")
@click.option("--production", is_flag=True, help="Needed for main: runs production's own jobs, on production's data.")
@price_option
@pass_invocation
def command(
    invocation: Invocation, branch: str, selected: tuple[str, ...], production: bool, usd_per_dpu_hour: float | None
) -> int:
    """Run a branch's affected nodes through Dagster.

    The run is in Dagster's UI as well. A trigger that was killed is taken up by the next: Glue runs that went on
    without it are joined, none is started twice. 'trigger-branch main --production' runs production in full.
    At the end it says what the Glue runs took and cost, beside what past runs had let expect.
    """
    if production != (branch == MAIN):
        _refuse(branch, production=production)
    settings = invocation.settings(usd_per_dpu_hour)
    if branch == MAIN:
        graph = derive_main(read_graph(settings.graph_path))
        aws = invocation.aws(usd_per_dpu_hour)
        note("This is production: its own jobs run, and write its own data.")
    else:
        store = BranchStore(settings.branches_dir)
        mend_record(invocation, store, branch)
        record = require_deployed(store, branch, "triggered")
        check_settled(store, branch)
        graph = store.graph(branch)
        aws = invocation.aws(usd_per_dpu_hour)
        check_same_aws(aws, record)
        for node in undeployed_edits(store, branch, record):
            note(f"{node}'s script was edited since it was deployed; 'pypedream deploy-branch {branch}' takes that up.")
    note(f"Running {_named(branch)} on {aws.source}, {aws.region}.")
    expected = _expected(graph, aws, selected)
    # Dagster takes a second to import: only where it is used.
    from pypedream_dagster.defs.launch import trigger

    result = trigger(settings, branch, select=selected, on_event=_printer(time.monotonic))
    return _report(result, branch, lambda err: _print_costs(result, graph, expected, aws.prices, err=err))


def _expected(graph: BranchGraph, aws: Aws, selected: tuple[str, ...]) -> Estimate | None:
    """Return what past runs let expect, asked before this run is one of them."""
    if any(node not in graph.by_id for node in selected):
        return None  # the run will say so
    try:
        return forecast(graph, aws.glue, aws.prices, only=selected or None).branch
    except AwsError as error:
        note(f"What to expect is left out: {error}")
        return None


def _print_costs(
    result: TriggerResult, graph: BranchGraph, expected: Estimate | None, prices: PriceList, *, err: bool
) -> None:
    costs = {node.node: node.cost for node in result.nodes}
    known = {node: cost for node, cost in costs.items() if cost is not None}
    if not known:
        return
    seconds, _ = critical_path(graph, {node: cost.execution_seconds for node, cost in known.items()}, costs)
    headers = ("NODE", "TOOK", "EXPECTED", "DPU-HOURS", "EXPECTED", "USD", "EXPECTED")
    print_table(headers, took_rows(costs, expected, seconds, total(known)), right=headers[1:], err=err)
    for line in price_lines(prices, (cost.rate for cost in known.values())):
        note(f"  {line}")


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


def _report(result: TriggerResult, branch: str, print_costs: Callable[[bool], None]) -> int:
    if result.resumed:
        note("This went on with a run that had broken off.")
    done = [node for node in result.nodes if node.state == "succeeded"]
    if result.interrupted:
        print_costs(True)
        note(f"Interrupted: {len(done)} of {count(len(result.nodes), 'node')} had succeeded; Glue runs were stopped.")
        return _INTERRUPTED
    if not result.success:
        print_costs(True)
        raise RunError(_failure(result), hint=f"mend it, then run 'pypedream trigger-branch {branch}' again")
    click.echo(f"Ran {_named(branch)}: {count(len(done), 'node')} in {result.seconds:.0f} s.")
    print_costs(False)
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
