"""``pypedream destroy-branch BRANCH``."""

from __future__ import annotations

import time

import click

from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import refuse_main
from pypedream_dagster.cli.output import note
from pypedream_dagster.cli.steps import json_plan_option, note_rebuilt, show_plan
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.lease import held, holder_of
from pypedream_dagster.deploy.plan import plan_destruction
from pypedream_dagster.deploy.steps import Delete, Step, describe
from pypedream_dagster.errors import GraphError
from pypedream_dagster.graph.files import read_graph


@click.command("destroy-branch")
@click.argument("branch")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_plan_option
@pass_invocation
def command(invocation: Invocation, branch: str, dry_run: bool, as_json: bool) -> None:
    """Remove all that was made for a branch, data included.

    Deletes what the branch's record lists and its tags confirm; nothing of main, ever. Proves at the end that
    nothing is left. The local folder stays.
    """
    refuse_main(branch, "destroyed")
    store = invocation.store()
    store.branch(branch)
    aws = invocation.aws()
    main = _main_uris(invocation)
    if dry_run:
        if (busy := holder_of(aws, store, branch)) is not None:
            note(f"{busy}: until it ends, this is refused.")
        planned = plan_destruction(aws, store, branch, also_protected=main)
        note_rebuilt(planned)
        show_plan(planned, as_json=as_json)
        return
    # Also where nothing is deployed: what a killed command left of the lease goes with it.
    with held(aws, store, branch, "destroy-branch", owner=invocation.settings().owner, on_note=note) as lease:
        plan = plan_destruction(aws, store, branch, also_protected=main)
        note_rebuilt(plan)

        def on_step(step: Step) -> None:
            lease.check()
            note(f"  {describe(step)}")

        if plan.steps:
            note(f"Destroying what branch {branch!r} has in {aws.source}, {aws.region}.")
            execute(plan, aws, store, now=invocation.now, wait=time.sleep, on_step=on_step)
    if not plan.steps:
        click.echo(f"Nothing of branch {branch!r} is deployed.")
        return
    deleted = [step for step in plan.steps if isinstance(step, Delete)]
    click.echo(f"Destroyed branch {branch!r}: deleted {len(deleted)}, asked for each again, nothing is left.")
    note(f"Its folder is kept; 'pypedream delete-branch {branch}' removes it.")


def _main_uris(invocation: Invocation) -> tuple[str, ...]:
    """Return what main reads and writes now, which may be more than when the branch was created."""
    try:
        return derive_main(read_graph(invocation.settings().graph_path)).protected_uris
    except GraphError as error:
        note(f"Main's graph cannot be read, so only what was main's when the branch was created is looked at: {error}")
        return ()
