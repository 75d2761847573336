"""``pypedream local up|down|status|env``."""

from __future__ import annotations

import shlex

import click

from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option
from pypedream_dagster.cli.output import count, note, print_json
from pypedream_dagster.errors import LocalAwsError
from pypedream_dagster.local_aws import control


@click.group("local")
def command() -> None:
    """Start, stop or look at the embedded AWS.

    It answers S3, Glue, IAM and more on this machine, and really runs Glue jobs. Its state lies in the project's
    .pypedream/local/ and outlives it.
    """


@command.command("up")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; any free one by default.")
@click.option("--warm", is_flag=True, help="Start a JVM at once, so that the first Spark run need not wait for it.")
@pass_invocation
def up(invocation: Invocation, port: int, warm: bool) -> None:
    """Start it, if it does not run already."""
    endpoint = control.up(invocation.settings().local_state_dir, port or None, warm=warm)
    click.echo(f"The embedded AWS runs at {endpoint.url}")
    note("pypedream and its Dagster find it by themselves where no other AWS is configured.")
    note('For other tools: eval "$(pypedream local env)". Stop it with: pypedream local down')


@command.command("down")
@pass_invocation
def down(invocation: Invocation) -> None:
    """Stop it and all that it runs; its state is kept."""
    control.down(invocation.settings().local_state_dir)
    click.echo("The embedded AWS is stopped; its state is kept.")


@command.command("status")
@json_option
@pass_invocation
def status(invocation: Invocation, as_json: bool) -> None:
    """Say whether it runs, where, and what it holds."""
    found = control.status(invocation.settings().local_state_dir)
    endpoint = found.endpoint
    if as_json:
        print_json(
            {
                "running": found.is_running,
                "url": endpoint.url if endpoint else None,
                "region": endpoint.region if endpoint else None,
                "pid": endpoint.pid if endpoint else None,
                "state_dir": str(found.state_dir),
                "jobs": found.jobs,
                "active_runs": found.active_runs,
            }
        )
        return
    where = f"runs at {endpoint.url} (process {endpoint.pid})" if endpoint else "does not run"
    click.echo(f"The embedded AWS {where}.")
    click.echo(f"{count(found.jobs, 'Glue job')}, {count(found.active_runs, 'run')} under way.")
    click.echo(f"State: {found.state_dir}")


@command.command("env")
@pass_invocation
def env(invocation: Invocation) -> None:
    """Print what points other tools at it: eval "$(pypedream local env)"."""
    endpoint = control.endpoint(invocation.settings().local_state_dir)
    if endpoint is None:
        raise LocalAwsError("The embedded AWS does not run.", hint="start it with 'pypedream local up'")
    for name, value in endpoint.environment().items():
        click.echo(f"export {name}={shlex.quote(value)}")
