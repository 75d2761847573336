"""``pypedream extend BRANCH``."""

from __future__ import annotations

from datetime import timedelta

import click

from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import Duration, refuse_main
from pypedream_dagster.cli.output import count, note
from pypedream_dagster.deploy.extend import extend


@click.command("extend")
@click.argument("branch")
@click.option("--by", type=Duration(), help="Keep it so much longer than agreed, or from now if it has expired.")
@click.option("--expires", type=Duration(), help="Keep it for so long from now, which may be shorter.")
@pass_invocation
def command(invocation: Invocation, branch: str, by: timedelta | None, expires: timedelta | None) -> None:
    """Keep a branch longer: prolong its expiry, also on AWS.

    Changes branches/BRANCH/branch.json, and the tags of what is deployed.
    """
    refuse_main(branch, "extended")
    if (by is None) == (expires is None):
        raise click.UsageError("Say how long: either --by 7d or --expires 7d.")
    store = invocation.store()
    before, now = store.branch(branch).expires_at, invocation.now().replace(microsecond=0)
    after = now + expires if expires is not None else max(before, now) + (by or timedelta(0))
    tagged = extend(invocation.aws, store, branch, after)
    click.echo(f"Branch {branch!r} expires {after:%Y-%m-%d %H:%M} UTC; it was {before:%Y-%m-%d %H:%M}.")
    note(f"{count(tagged, 'resource')} on AWS tagged anew." if tagged else "Nothing of it is deployed.")
