"""How the plan of a deployment or a destruction is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from pypedream_dagster.cli.output import note, print_json
from pypedream_dagster.deploy.plan import Plan
from pypedream_dagster.deploy.steps import describe

_F = TypeVar("_F", bound=Callable[..., Any])


def json_plan_option(function: _F) -> _F:
    """Add ``--json``, which goes with ``--dry-run`` only: what changes something is no reading command."""

    def check(context: click.Context, _: click.Parameter, value: bool) -> bool:
        if value and not context.params.get("dry_run"):
            raise click.UsageError("--json goes with --dry-run.", context)
        return value

    return click.option(
        "--json", "as_json", is_flag=True, callback=check, help="With --dry-run: print the plan as one JSON document."
    )(function)


def note_rebuilt(plan: Plan) -> None:
    """Tell the user that the record was lost or broken, and is rebuilt."""
    if plan.rebuilt is not None:
        note(plan.rebuilt)


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """Print a plan's steps on stdout."""
    if as_json:
        print_json(
            {
                "branch": plan.branch,
                "goal": plan.goal,
                "changes": len(plan.changes),
                "steps": [{"step": type(step).__name__.lower(), "what": describe(step)} for step in plan.steps],
            }
        )
        return
    for step in plan.steps:
        click.echo(describe(step))
    if not plan.steps:
        click.echo("nothing to do")
    note("Nothing was changed: this was a dry run.")
