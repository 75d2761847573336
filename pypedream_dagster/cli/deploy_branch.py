"""``pypedream deploy-branch BRANCH``."""

from __future__ import annotations

import time

import click

from pypedream_dagster.branch.model import GivenUp
from pypedream_dagster.cli.branch_state import forget_runs
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import refuse_main
from pypedream_dagster.cli.output import count, note
from pypedream_dagster.cli.steps import json_plan_option, show_plan
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.narrowing import FLAG
from pypedream_dagster.deploy.plan import plan_deployment
from pypedream_dagster.deploy.steps import describe
from pypedream_dagster.errors import BranchError


@click.command("deploy-branch")
@click.argument("branch")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    FLAG,
    "given_up",
    multiple=True,
    metavar="NODE",
    help="Run NODE without a session policy, where its role cannot be narrowed: IAM then does not stop its script from "
    "writing to main. Noted in branch.json with your name; repeatable.",
)
@json_plan_option
@pass_invocation
def command(invocation: Invocation, branch: str, dry_run: bool, given_up: tuple[str, ...], as_json: bool) -> None:
    """Clone the branched job on AWS and upload its script.

    Run it again after an edit: what has changed is updated, and a deployment that broke off is completed.
    """
    refuse_main(branch, "deployed")
    store = invocation.store()
    store.branch(branch)
    graph = store.graph(branch)
    for node in given_up:
        if node not in graph.by_id:
            raise BranchError(f"Branch {branch!r} does not run {node!r}.", hint=f"its nodes: {', '.join(graph.by_id)}")
    aws = invocation.aws()
    plan = plan_deployment(aws, store, branch, also_given_up=given_up)
    if dry_run:
        show_plan(plan, as_json=as_json)
        return
    owner, now = invocation.settings().owner, invocation.now()
    store.give_up(branch, [GivenUp(node=node, by=owner, at=now) for node in given_up])
    if plan.record is None:
        forget_runs(store, branch)
    note(f"Deploying branch {branch!r} to {aws.source}, {aws.region}.")
    execute(plan, aws, store, now=invocation.now, wait=time.sleep, on_step=lambda step: note(f"  {describe(step)}"))
    done = count(len(plan.changes), "change") if plan.changes else "nothing had changed"
    click.echo(f"Deployed branch {branch!r}: {done}.")
    note(f"Next: 'pypedream trigger-branch {branch}' runs {count(len(plan.graph.nodes), 'node')}.")
