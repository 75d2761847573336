"""``pypedream doctor``."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option
from pypedream_dagster.cli.output import count, note, print_json
from pypedream_dagster.deploy.collect import Collected, Collector
from pypedream_dagster.deploy.doctor import Examination, Finding, examine
from pypedream_dagster.deploy.known import OnAws
from pypedream_dagster.errors import BranchError

_EXIT_FOUND, _EXIT_FAILED = 1, 2


@click.command("doctor")
@click.argument("branches", nargs=-1, metavar="[BRANCH]...")
@click.option("--remove", "removes", is_flag=True, help="Remove what is provably ours and belongs to no branch.")
@click.option("--fail", "fails", is_flag=True, help="Exit 1 if something is found, or left after --remove.")
@json_option
@pass_invocation
def command(invocation: Invocation, branches: tuple[str, ...], removes: bool, fails: bool, as_json: bool) -> int:
    """Find what was forgotten: on AWS, in the lake, on this machine.

    Changes nothing without --remove. That removes what carries this project's tags, has no folder here and has
    expired; what has not expired may be a colleague's, and goes only if its BRANCH is named. What carries no tags is
    never removed.
    """
    if branches and not removes:
        raise click.UsageError("Name branches with --remove only.")
    settings = invocation.settings()
    aws = invocation.aws()
    collector = Collector.of(settings, aws, now=invocation.now, wait=time.sleep, on_note=note)
    store, graph = collector.store, collector.graph
    note(f"Looking at project {collector.project!r} in {aws.source}, {aws.region}.")
    found = examine(aws, store, graph, collector.project, invocation.now())
    done: list[Collected] = []
    removed: list[str] = []
    if removes:
        _check_named(store, found, branches)
        done = [_remove(collector, branch) for branch in found.orphans if _may_go(collector, branch, branches)]
        removed = list(_remove_rest(collector, found))
        if done or removed:
            found = examine(aws, store, graph, collector.project, invocation.now())
    if as_json:
        print_json(_document(found, done, removed))
    else:
        _show(found, done, removed)
    failed = [one for one in done if one.outcome != "removed"]
    for one in failed:
        note(f"Error: Branch {one.branch!r} of {one.owner} could not be removed: {one.reason}")
    if failed:
        return _EXIT_FAILED
    return _EXIT_FOUND if fails and found.findings else 0


def _check_named(store: BranchStore, found: Examination, branches: tuple[str, ...]) -> None:
    orphans = {branch.name for branch in found.orphans}
    for name in branches:
        if name not in orphans:
            hint = f"run 'pypedream destroy-branch {name}'" if store.exists(name) else "run 'pypedream doctor' first"
            raise BranchError(f"No branch {name!r} without a folder here has anything on AWS.", hint=hint)


def _may_go(collector: Collector, branch: OnAws, named: tuple[str, ...]) -> bool:
    return branch.name in named or (branch.expires_at is not None and branch.expires_at <= collector.now())


def _remove(collector: Collector, branch: OnAws) -> Collected:
    start = Collected(branch.name, branch.owner, branch.project, branch.expires_at or collector.now(), False, "nothing")
    return collector.remove_orphan(branch, start, derive_main(collector.graph), dry_run=False)


def _remove_rest(collector: Collector, found: Examination) -> list[str]:
    gone = []
    for finding in found.findings:
        if finding.removable and finding.kind == "lease":
            collector.aws.s3.delete_object(finding.where)
            gone.append(finding.where)
        elif finding.removable and finding.kind == "local":
            shutil.rmtree(Path(finding.where), ignore_errors=True)
            gone.append(finding.where)
    return gone


def _show(found: Examination, done: list[Collected], removed: list[str]) -> None:
    for one in done:
        if one.outcome == "removed":
            click.echo(f"removed  branch {one.branch} of {one.owner}: {count(len(one.steps), 'resource')}")
    for where in removed:
        click.echo(f"removed  {where}")
    for finding in found.findings:
        click.echo(f"{finding.kind:10} {finding.where}\n           {_told(finding)}\n           {finding.remedy}")
    if not found.findings:
        click.echo("Nothing is left over." if done or removed else "Nothing was forgotten.")
        return
    note(f"{count(len(found.findings), 'finding')}.")


def _told(finding: Finding) -> str:
    whose = f"; branch {finding.branch}" if finding.branch else ""
    whose += f" of {finding.owner}" if finding.owner else ""
    since = f"; since {finding.since:%Y-%m-%d %H:%M}" if finding.since else ""
    size = f"; {finding.size_bytes:,} bytes" if finding.size_bytes is not None else ""
    return f"{finding.what}{whose}{since}{size}"


def _document(found: Examination, done: list[Collected], removed: list[str]) -> dict[str, Any]:
    findings = [{**asdict(one), "since": one.since.isoformat() if one.since else None} for one in found.findings]
    gone = [{**asdict(one), "expired_at": one.expired_at.isoformat()} for one in done]
    return {"findings": findings, "removed_branches": gone, "removed": removed}
