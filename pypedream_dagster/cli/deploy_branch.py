"""``pypedream deploy-branch BRANCH``."""

from __future__ import annotations

import time
from collections.abc import Iterable

import click

from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch.model import GivenUp
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.cli.branch_state import forget_runs
from pypedream_dagster.cli.hazards import acknowledged_ids, hazard_document, print_hazards
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import refuse_main
from pypedream_dagster.cli.output import count, note
from pypedream_dagster.cli.steps import json_plan_option, note_rebuilt, show_plan
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.hazards.acknowledge import acknowledged, check_acknowledged
from pypedream_dagster.deploy.hazards.model import BUILDING
from pypedream_dagster.deploy.hazards.scan import scan
from pypedream_dagster.deploy.hazards.unexplained import check_explained
from pypedream_dagster.deploy.lease import held, holder_of
from pypedream_dagster.deploy.narrowing import FLAG
from pypedream_dagster.deploy.plan import Plan, plan_deployment
from pypedream_dagster.deploy.seed import ALL, with_seeds
from pypedream_dagster.deploy.steps import Step, describe
from pypedream_dagster.errors import BranchError


@click.command("deploy-branch")
@click.argument("branch")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    is_flag=False,
    flag_value=ALL,
    metavar="[NODE.DATASET]",
    help="Start this output as a copy of main's, anew before each run; without a name, all whose job builds on them.",
)
@click.option(
    "--acknowledge",
    "ids",
    multiple=True,
    metavar="ID",
    help="Go on in spite of this severe hazard, which 'plan' names; repeatable, and recorded in branch.json.",
)
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
def command(
    invocation: Invocation,
    branch: str,
    dry_run: bool,
    seeds: tuple[str, ...],
    ids: tuple[str, ...],
    given_up: tuple[str, ...],
    as_json: bool,
) -> None:
    """Clone the branched job on AWS and upload its script.

    Run it again after an edit: what has changed is updated, and a deployment that broke off is completed. Refused
    while a severe hazard is not acknowledged.
    """
    refuse_main(branch, "deployed")
    store = invocation.store()
    _check_nodes(store, branch, given_up)
    aws, owner = invocation.aws(), invocation.settings().owner

    def planned() -> Plan:
        plan = plan_deployment(aws, store, branch, seeds=_seeds(aws, store, branch, seeds), also_given_up=given_up)
        note_rebuilt(plan)
        return plan

    if dry_run:
        if (busy := holder_of(aws, store, branch)) is not None:
            note(f"{busy}: until it ends, this is refused.")
        plan = planned()
        hazards = scan(aws, store, plan.graph)
        record = acknowledged(store.branch(branch), hazards, ids, by=owner, at=invocation.now())
        known = acknowledged_ids(record.acknowledged)
        show_plan(plan, as_json=as_json, hazards=[hazard_document(hazard, known) for hazard in hazards])
        if hazards and not as_json:
            click.echo("\nHazards")
            print_hazards(hazards, known)
        return
    with held(aws, store, branch, "deploy-branch", owner=owner, on_note=note) as lease:
        plan = planned()
        hazards = scan(aws, store, plan.graph)
        record = acknowledged(store.branch(branch), hazards, ids, by=owner, at=invocation.now())
        check_explained(branch, hazards)
        check_acknowledged(record, hazards)
        if ids:
            store.update_branch(record)
        store.give_up(branch, [GivenUp(node=node, by=owner, at=invocation.now()) for node in given_up])
        if plan.record is None:
            forget_runs(store, branch)
        note(f"Deploying branch {branch!r} to {aws.source}, {aws.region}.")
        if warnings := sum(hazard.severity == "warning" for hazard in hazards):
            note(f"  {count(warnings, 'hazard')} to look at: 'pypedream plan {branch}' says what to do")

        def on_step(step: Step) -> None:
            lease.check()
            note(f"  {describe(step)}")

        execute(plan, aws, store, now=invocation.now, wait=time.sleep, on_step=on_step)
    done = count(len(plan.changes), "change") if plan.changes else "nothing had changed"
    click.echo(f"Deployed branch {branch!r}: {done}.")
    note(f"Next: 'pypedream trigger-branch {branch}' runs {count(len(plan.graph.nodes), 'node')}.")


def _check_nodes(store: BranchStore, branch: str, given_up: Iterable[str]) -> None:
    store.branch(branch)
    known = store.graph(branch).by_id
    for node in given_up:
        if node not in known:
            raise BranchError(f"Branch {branch!r} does not run {node!r}.", hint=f"its nodes: {', '.join(known)}")


def _seeds(aws: Aws, store: BranchStore, branch: str, asked: Iterable[str]) -> frozenset[str]:
    """Return the outputs to seed; for all of them, those too of which only the script shows that it builds on them."""
    wanted = frozenset(asked)
    if ALL not in wanted:
        return wanted
    findings = scan(aws, store, with_seeds(store.graph(branch), wanted))
    shown = (f for f in findings if f.kind in BUILDING and f.severity == "severe")
    return wanted | {f"{f.node}.{f.dataset}" for f in shown}
