"""``pypedream deploy-branch BRANCH``."""

from __future__ import annotations

import time

import click

from pypedream_dagster.cli.branch_state import forget_runs
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import refuse_main
from pypedream_dagster.cli.output import count, note
from pypedream_dagster.cli.steps import json_plan_option, show_plan
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.lease import held, holder_of
from pypedream_dagster.deploy.plan import plan_deployment
from pypedream_dagster.deploy.steps import Step, describe


@click.command("deploy-branch")
@click.argument("branch")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_plan_option
@pass_invocation
def command(invocation: Invocation, branch: str, dry_run: bool, as_json: bool) -> None:
    """Clone the branched job on AWS and upload its script.

    Run it again after an edit: what has changed is updated, and a deployment that broke off is completed.
    """
    refuse_main(branch, "deployed")
    store = invocation.store()
    store.branch(branch)
    aws = invocation.aws()
    if dry_run:
        if (busy := holder_of(aws, store, branch)) is not None:
            note(f"{busy}: until it ends, this is refused.")
        show_plan(plan_deployment(aws, store, branch), as_json=as_json)
        return
    with held(aws, store, branch, "deploy-branch", owner=invocation.settings().owner, on_note=note) as lease:
        plan = plan_deployment(aws, store, branch)
        if plan.record is None:
            forget_runs(store, branch)
        note(f"Deploying branch {branch!r} to {aws.source}, {aws.region}.")

        def on_step(step: Step) -> None:
            lease.check()
            note(f"  {describe(step)}")

        execute(plan, aws, store, now=invocation.now, wait=time.sleep, on_step=on_step)
    done = count(len(plan.changes), "change") if plan.changes else "nothing had changed"
    click.echo(f"Deployed branch {branch!r}: {done}.")
    note(f"Next: 'pypedream trigger-branch {branch}' runs {count(len(plan.graph.nodes), 'node')}.")
