"""``pypedream lifecycle``."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import click

from pypedream_dagster.branch.derive import derive_main
from pypedream_dagster.branch.lifecycle import Offer, by_bucket, offers, what_to_change
from pypedream_dagster.branch.places import project_name
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option
from pypedream_dagster.cli.output import note, print_json
from pypedream_dagster.deploy.lifecycle import Change, apply_change, canonical, checked, plan_rules
from pypedream_dagster.errors import PypedreamError, StateError
from pypedream_dagster.graph.files import read_graph

if TYPE_CHECKING:
    from pypedream_dagster.aws.session import Aws


_NO_TEMPLATES = "give outputs a URI with {branch-name}"


@click.command("lifecycle")
@click.option("--apply", "applies", is_flag=True, help="Write the rule; without it, only show what would change.")
@click.option("--remove", "removes", is_flag=True, help="Take the rule out again.")
@click.option(
    "--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="After which branches' objects go."
)
@json_option
@pass_invocation
def command(invocation: Invocation, applies: bool, removes: bool, days: int, as_json: bool) -> None:
    """Offer an S3 lifecycle rule that expires what branches leave: a net below gc.

    Where branches share a prefix and nothing of main lies there. The rule is merged into the bucket's configuration:
    every other rule stays as it is. Shows the change; --apply makes it.
    """
    if applies and removes:
        raise click.UsageError("Either --apply or --remove.")
    settings = invocation.settings()
    graph = read_graph(settings.graph_path)
    aws, store = invocation.aws(), BranchStore(settings.branches_dir)
    known = frozenset(prefix for name in store.names() for prefix in _prefixes(store, name))
    found = tuple(checked(aws, offer, known) for offer in offers(graph, derive_main(graph).protected_uris))
    if not found:
        raise StateError("No template of main's graph names a branch: branches share no place.", hint=_NO_TEMPLATES)
    project = project_name(graph, settings)
    changes = []
    for bucket, of_bucket in sorted(by_bucket(found).items()):
        if all(offer.refusal == "there is no such bucket" or "{" in offer.bucket for offer in of_bucket):
            continue
        changes.append(plan_rules(aws, bucket, () if removes else of_bucket, project, days))
    if not as_json:
        _show(found, changes, removes=removes)
    if applies or removes:
        _apply(aws, changes)  # first of all: what is sound no more goes
        if applies and not any(offer.refusal is None for offer in found):
            reasons = "; ".join(f"{offer.uri}: {offer.refusal}" for offer in found)
            raise StateError(f"No lifecycle rule is sound here: {reasons}.", hint=what_to_change(found[0]))
    elif not as_json:
        note("Nothing was changed; --apply writes it.")
    if as_json:
        print_json(_document(found, changes, days, done=applies or removes))


def _prefixes(store: BranchStore, name: str) -> tuple[str, ...]:
    try:
        return store.graph(name).write_prefixes
    except PypedreamError:
        return ()


def _apply(aws: Aws, changes: list[Change]) -> None:
    for change in changes:
        apply_change(aws, change)
        note(f"{change.bucket}: " + ("nothing to change." if change.is_empty else "written, and read again."))


def _show(found: tuple[Offer, ...], changes: list[Change], *, removes: bool) -> None:
    for offer in found if not removes else ():
        if offer.refusal is None:
            click.echo(f"{offer.uri}  a rule may expire all that begins so")
        else:
            click.echo(f"{offer.uri}  no rule: {offer.refusal}")
            note(f"  {what_to_change(offer)}")
    for change in changes:
        lines = difflib.ndiff(canonical(change.before), canonical(change.after))
        changed = [line for line in lines if line[0] in "+-"]
        click.echo(f"\nbucket {change.bucket}: " + ("no change" if change.is_empty else "lifecycle rules"))
        kept = len(set(canonical(change.before)) & set(canonical(change.after)))
        for line in changed:
            click.echo(f"  {line}")
        if kept and changed:
            click.echo(f"    {kept} kept as they are")


def _document(found: tuple[Offer, ...], changes: list[Change], days: int, *, done: bool) -> dict[str, Any]:
    return {
        "days": days,
        "applied": done,
        "offers": [
            {
                "prefix": offer.uri,
                "offered": offer.refusal is None,
                "reason": offer.refusal,
                "change": what_to_change(offer) if offer.refusal else None,
            }
            for offer in found
        ],
        "buckets": [
            {
                "bucket": change.bucket,
                "changed": not change.is_empty,
                "before": canonical(change.before),
                "after": canonical(change.after),
            }
            for change in changes
        ],
    }
