"""``pypedream delete-branch BRANCH``."""

from __future__ import annotations

import click

from pypedream_dagster.cli.branch_state import mend_record
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import refuse_main
from pypedream_dagster.deploy.record import read_deployment
from pypedream_dagster.errors import StateError


@click.command("delete-branch")
@click.argument("branch")
@pass_invocation
def command(invocation: Invocation, branch: str) -> None:
    """Remove a branch's local folder.

    Its scripts and reports go with it. Refused while anything of it is deployed; where its deployment record is
    missing, AWS is asked.
    """
    refuse_main(branch, "deleted")
    store = invocation.store()
    mend_record(invocation, store, branch)
    record = read_deployment(store.folder(branch))
    if record is not None:
        where = "the embedded AWS" if record.is_local else f"account {record.account}"
        raise StateError(
            f"Branch {branch!r} is still deployed in {where}: its folder is the record of what is there.",
            hint=f"run 'pypedream destroy-branch {branch}' first",
        )
    store.delete(branch)
    click.echo(f"Deleted branch {branch!r}.")
