"""``pypedream gc``."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click

from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import Duration, json_option
from pypedream_dagster.cli.output import count, note, print_json
from pypedream_dagster.deploy.collect import Collected, Collector
from pypedream_dagster.deploy.record import read_deployment
from pypedream_dagster.errors import PypedreamError

_EXIT_FAILED = 2


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--older-than", type=Duration(), help="Only what expired so long ago, such as 2d.")
@click.option("--delete-folders", is_flag=True, help="Delete the local folders, too, scripts and reports included.")
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    dry_run: bool,
    older_than: timedelta | None,
    delete_folders: bool,
    as_json: bool,
) -> int:
    """Remove the branches that have expired, whoever made them.

    That they may go then was agreed when they were made; 'pypedream extend' keeps one longer. Removes what
    destroy-branch removes. Leaves alone what runs or is held, and other projects. Exits 2 if one could not be removed.
    """
    settings = invocation.settings()
    aws = invocation.aws()
    collector = Collector.of(settings, aws, now=invocation.now, wait=time.sleep, on_note=note)
    note(f"Looking for expired branches of project {collector.project!r} in {aws.source}, {aws.region}.")
    results: list[Collected] = []
    for result in collector.collect(older_than=older_than or timedelta(0), dry_run=dry_run):
        deleted = delete_folders and not dry_run and _delete_folder(collector.store, result)
        results.append(result)
        if not as_json:
            _show(result, folder_deleted=deleted)
    failed = [result for result in results if result.outcome == "failed"]
    if as_json:
        print_json({"project": collector.project, "dry_run": dry_run, "branches": [_document(one) for one in results]})
    else:
        _sum_up(results, dry_run=dry_run)
    for result in failed:
        note(f"Error: Branch {result.branch!r} of {result.owner} could not be removed: {result.reason}")
    return _EXIT_FAILED if failed else 0


def _delete_folder(store: BranchStore, result: Collected) -> bool:
    if not result.has_folder or result.outcome not in ("removed", "nothing"):
        return False
    try:
        if read_deployment(store.folder(result.branch)) is not None:
            return False
        store.delete(result.branch)
    except PypedreamError as error:
        note(f"The folder of branch {result.branch!r} is left: {error}")
        return False
    return True


def _show(result: Collected, *, folder_deleted: bool) -> None:
    who = f"{result.branch} of {result.owner}, expired {result.expired_at:%Y-%m-%d}"
    tail = "; its folder is deleted" if folder_deleted else ""
    match result.outcome:
        case "removed":
            click.echo(f"removed    {who}: {count(len(result.steps), 'resource')}, nothing is left{tail}")
        case "to remove":
            click.echo(f"to remove  {who}")
            for step in result.steps:
                click.echo(f"  {step}")
        case "nothing":
            click.echo(f"nothing    {who}: nothing of it is deployed{tail}")
        case "failed":
            click.echo(f"failed     {who}")
        case "running" | "held" | "elsewhere":
            click.echo(f"left       {who}: {result.reason}")


def _sum_up(results: list[Collected], *, dry_run: bool) -> None:
    numbers = Counter(result.outcome for result in results)
    if dry_run:
        note(f"To remove: {numbers['to remove']}. Nothing was changed: this was a dry run.")
        return
    left = sum(numbers[outcome] for outcome in ("running", "held", "elsewhere"))
    note(f"{numbers['removed']} removed, {left} left, {numbers['failed']} failed.")


def _document(result: Collected) -> dict[str, Any]:
    return {**asdict(result), "expired_at": result.expired_at.isoformat()}
