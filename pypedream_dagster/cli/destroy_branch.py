"""``pypedream destroy-branch BRANCH``."""

from __future__ import annotations

import time

import click

from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.branch.places import project_name
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.branch.unknown import check_known
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import refuse_main
from pypedream_dagster.cli.output import note
from pypedream_dagster.cli.steps import json_plan_option, note_rebuilt, show_plan
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.lease import Lease, Site, held_unless_gone, holder_of
from pypedream_dagster.deploy.lost import Whose, plan_lost_destruction
from pypedream_dagster.deploy.plan import Plan, plan_destruction
from pypedream_dagster.deploy.steps import Delete, Step, describe
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
        # Nothing can be deployed where a place is not known; what is left all the same is found by its tags.
        check_known(store.graph(store.branch(branch).name), "destroyed: nothing of it is deployed")
    except BranchError as error:
        _destroy_lost(invocation, branch, error, dry_run=dry_run, as_json=as_json)
        return
    aws, main = invocation.aws(), _main_uris(invocation)
    if dry_run:
        if (busy := holder_of(aws, store, branch)) is not None:
            note(f"{busy}: until it ends, this is refused.")
        _show(plan_destruction(aws, store, branch, also_protected=main), as_json=as_json)
        return
    # Also where nothing is deployed: what a killed command left of the lease goes with it.
    owner = invocation.settings().owner
    with held_unless_gone(aws, store, branch, "destroy-branch", owner=owner, on_note=note) as lease:
        plan = plan_destruction(aws, store, branch, also_protected=main)
        _execute(invocation, aws, plan, lease)
    _report(store, plan)


def _destroy_lost(invocation: Invocation, branch: str, error: BranchError, *, dry_run: bool, as_json: bool) -> None:
    """Destroy what AWS alone still knows of a branch; where that is nothing, the branch is unknown."""
    settings, store = invocation.settings(), invocation.store()
    try:
        aws = invocation.aws()
    except NotConfiguredError:
        raise error from None
    graph = read_graph(settings.graph_path)
    whose = Whose(project_name(graph, settings), settings.owner)
    plan = plan_lost_destruction(aws, store, branch, graph, whose)
    if not plan.steps:
        raise error
    if dry_run:
        _show(plan, as_json=as_json)
        return
    if not (prefixes := plan.graph.write_prefixes):  # nothing is left beside which a lease could lie
        _execute(invocation, aws, plan, None)
    else:
        site = Site(naming.lease_uri(prefixes[0]), plan.tags, settings.owner)
        holding = held_unless_gone(aws, store, branch, "destroy-branch", owner=settings.owner, on_note=note, site=site)
        with holding as lease:
            plan = plan_lost_destruction(aws, store, branch, graph, whose)
            _execute(invocation, aws, plan, lease)
    _report(store, plan)


def _show(plan: Plan, *, as_json: bool) -> None:
    note_rebuilt(plan)
    show_plan(plan, as_json=as_json)


def _execute(invocation: Invocation, aws: Aws, plan: Plan, lease: Lease | None) -> None:
    note_rebuilt(plan)
    if not plan.steps:
        return

    def on_step(step: Step) -> None:
        if lease is not None:
            lease.check()
        note(f"  {describe(step)}")

    note(f"Destroying what branch {plan.branch!r} has in {aws.source}, {aws.region}.")
    execute(plan, aws, invocation.store(), now=invocation.now, wait=time.sleep, on_step=on_step)


def _report(store: BranchStore, plan: Plan) -> None:
    if not plan.steps:
        click.echo(f"Nothing of branch {plan.branch!r} is deployed.")
        return
    deleted = [step for step in plan.steps if isinstance(step, Delete)]
    click.echo(f"Destroyed branch {plan.branch!r}: deleted {len(deleted)}, asked for each again, nothing is left.")
    if store.exists(plan.branch):
        note(f"Its folder is kept; 'pypedream delete-branch {plan.branch}' removes it.")


def _main_uris(invocation: Invocation) -> tuple[str, ...]:
    """Return what main reads and writes now, which may be more than when the branch was created."""
    try:
        return derive_main(read_graph(invocation.settings().graph_path)).protected_uris
    except GraphError as error:
        note(f"Main's graph cannot be read, so only what was main's when the branch was created is looked at: {error}")
        return ()
