"""``pypedream destroy-branch BRANCH``."""

from __future__ import annotations

import time

import click

from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.cli.create_branch import project_name
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import refuse_main
from pypedream_dagster.cli.output import note
from pypedream_dagster.cli.steps import json_plan_option, note_rebuilt, show_plan
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.lost import Whose, plan_lost_destruction
from pypedream_dagster.deploy.plan import Plan, plan_destruction
from pypedream_dagster.deploy.steps import Delete, describe
from pypedream_dagster.errors import BranchError, GraphError, NotConfiguredError
from pypedream_dagster.graph.files import read_graph


@click.command("destroy-branch")
@click.argument("branch")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_plan_option
@pass_invocation
def command(invocation: Invocation, branch: str, dry_run: bool, as_json: bool) -> None:
    """Remove all that was made for a branch, data included.

    Deletes what the branch's record lists and its tags confirm; nothing of main, ever. Proves at the end that
    nothing is left. The local folder stays. Of a branch whose folder is lost or broken, it finds by the tags what is
    left on AWS, if it is yours.
    """
    refuse_main(branch, "destroyed")
    store = invocation.store()
    try:
        store.graph(store.branch(branch).name)
    except BranchError as error:
        plan = _plan_without_folder(invocation, branch, error)
    else:
        plan = plan_destruction(invocation.aws(), store, branch, also_protected=_main_uris(invocation))
    aws = invocation.aws()
    note_rebuilt(plan)
    if dry_run:
        show_plan(plan, as_json=as_json)
        return
    if not plan.steps:
        click.echo(f"Nothing of branch {branch!r} is deployed.")
        return
    note(f"Destroying what branch {branch!r} has in {aws.source}, {aws.region}.")
    execute(plan, aws, store, now=invocation.now, wait=time.sleep, on_step=lambda step: note(f"  {describe(step)}"))
    deleted = [step for step in plan.steps if isinstance(step, Delete)]
    click.echo(f"Destroyed branch {branch!r}: deleted {len(deleted)}, asked for each again, nothing is left.")
    if store.exists(branch):
        note(f"Its folder is kept; 'pypedream delete-branch {branch}' removes it.")


def _plan_without_folder(invocation: Invocation, branch: str, error: BranchError) -> Plan:
    """Return the plan for what AWS alone still knows of a branch; where that is nothing, it is unknown."""
    settings = invocation.settings()
    try:
        aws = invocation.aws()
    except NotConfiguredError:
        raise error from None
    graph = read_graph(settings.graph_path)
    whose = Whose(project_name(graph, settings), settings.owner)
    plan = plan_lost_destruction(aws, invocation.store(), branch, graph, whose)
    if not plan.steps:
        raise error
    return plan


def _main_uris(invocation: Invocation) -> tuple[str, ...]:
    """Return what main reads and writes now, which may be more than when the branch was created."""
    try:
        return derive_main(read_graph(invocation.settings().graph_path)).protected_uris
    except GraphError as error:
        note(f"Main's graph cannot be read, so only what was main's when the branch was created is looked at: {error}")
        return ()
