"""``pypedream create-branch NODE BRANCH``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from pypedream_dagster.branch.baseline import Baseline, JobAsSeen
from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.model import Branch, BranchGraph, BranchNode
from pypedream_dagster.branch.places import project_name
from pypedream_dagster.branch.policy import check_policies
from pypedream_dagster.branch.store import BranchStore, main_on_disk, script_name, sha256
from pypedream_dagster.branch.unknown import check_known
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import Duration
from pypedream_dagster.cli.output import count, note
from pypedream_dagster.deploy.production import Production
from pypedream_dagster.deploy.rewriting import rewritten_scripts, script_diff, settled
from pypedream_dagster.errors import AwsError, BranchError, NotFoundError, StateError
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.graph.uri import unknown_parts
from pypedream_dagster.settings import Settings

if TYPE_CHECKING:
    from pypedream_dagster.aws.session import Aws


@click.command("create-branch")
@click.argument("node")
@click.argument("branch")
@click.option("--also", multiple=True, metavar="NODE", help="A further node to change on the same branch; repeatable.")
@click.option("--expires", type=Duration(), default="7d", show_default=True, help="When the branch may be cleaned up.")
@click.option("--follow-order", is_flag=True, help="Run also what is only ordered after the node and reads none of it.")
@click.option(
    "--script",
    "scripts",
    multiple=True,
    metavar="[NODE=]PATH",
    help="Start from this file, not from production's script on AWS; repeatable.",
)
@click.option(
    "--rewrite-literals",
    "rewrites",
    is_flag=True,
    help="Let the script take from job arguments the places that stand in it as literals; shown as a diff first.",
)
@click.option("--yes", is_flag=True, help="Take the diff of --rewrite-literals without asking.")
@pass_invocation
def command(
    invocation: Invocation,
    node: str,
    branch: str,
    also: tuple[str, ...],
    expires: timedelta,
    follow_order: bool,
    scripts: tuple[str, ...],
    rewrites: bool,
    yes: bool,
) -> None:
    """Create a branch at a node: its graph, and the script to edit.

    Fetches production's script of NODE as it is deployed now into branches/BRANCH/scripts/. Makes nothing on AWS.
    """
    settings = invocation.settings()
    graph = read_graph(settings.graph_path)
    store = BranchStore(settings.branches_dir)
    store.check_free(branch)
    derived = derive_branch(graph, branch, (node, *also), follow_order=follow_order)
    check_policies(derived)
    own = _own_files(derived, scripts)
    base = _base(invocation, settings, derived, own)
    bodies = {origin: own[origin] if origin in own else base.scripts[origin] for origin in derived.origins}
    if rewrites:
        bodies = _rewritten(graph, derived, bodies, yes=yes)
    derived = settled(derived, bodies)
    now = invocation.now().replace(microsecond=0)
    record = Branch(
        name=branch,
        origins=derived.origins,
        owner=settings.owner,
        project=project_name(graph, settings),
        created_at=now,
        expires_at=now + expires,
        graph_sha256=sha256(base.main_json or b""),
        script_sha256={origin: sha256(body) for origin, body in base.scripts.items()},
        follow_order=follow_order,
    )
    store.create(record, derived, bodies, base)
    _report(invocation, store, record, derived)


def _own_files(graph: BranchGraph, given: Sequence[str]) -> dict[str, bytes]:
    """Return the scripts given by ``--script``, by origin."""
    bodies: dict[str, bytes] = {}
    for text in given:
        origin, separator, rest = text.partition("=")
        if not separator or origin not in graph.origins:
            if len(graph.origins) > 1:
                raise click.BadParameter(
                    f"{text!r}: which node's? write NODE=PATH with one of {', '.join(graph.origins)}",
                    param_hint="--script",
                )
            origin, rest = graph.origins[0], text
        try:
            bodies[origin] = Path(rest).read_bytes()
        except OSError as error:
            raise click.BadParameter(f"{rest!r} cannot be read: {error.strerror}", param_hint="--script") from error
    return bodies


def _rewritten(main: PipelineGraph, graph: BranchGraph, bodies: Mapping[str, bytes], *, yes: bool) -> dict[str, bytes]:
    """Return the scripts with their literal places from arguments, once the user has seen and taken the diff.

    Raises:
        StateError: it was not taken, or nobody can be asked.
    """
    branch = graph.branch
    found = rewritten_scripts(main, graph, bodies)
    changed = [node for node, rewriting in found.items() if rewriting.replaced]
    for node in changed:
        path = f"branches/{branch}/scripts/{script_name(graph.by_id[node])}"
        for line in script_diff(path, bodies[node], found[node].body):
            click.echo(line)
    for node, rewriting in found.items():
        for left in rewriting.left:
            at = f"line {left.line} " if left.line else ""
            note(f"Left as it is in {node}: {at}{left.what}: {left.why}.")
        if not rewriting.replaced:
            note(f"Nothing is rewritten in {node}: none of its places stands in the script as a literal.")
    if changed and not yes:
        if not sys.stdin.isatty():
            raise StateError(
                f"Branch {branch!r} is not created: nobody can be asked whether the diff is to be applied.",
                hint="look at the diff, then run the command again with --yes",
            )
        if not click.confirm(f"Create branch {branch!r} with this script?", err=True):
            raise StateError(
                f"Branch {branch!r} is not created.", hint="leave out --rewrite-literals to start as main does"
            )
    return {node: rewriting.body for node, rewriting in found.items()}


def _base(invocation: Invocation, settings: Settings, graph: BranchGraph, own: Mapping[str, bytes]) -> Baseline:
    """Return main as it is now, with a script for each origin: production's; what was brought, where that has none."""
    missing = [origin for origin in graph.origins if origin not in own]
    if any(unknown_parts(graph.by_id[origin].production_job) for origin in missing):
        check_known(graph, "created")
    try:
        aws = invocation.aws()
        if missing:
            note(f"Fetching production's script of {', '.join(missing)} from {aws.source}.")
        base = Production(aws).now(graph, settings.graph_path)
    except AwsError as error:
        if missing:
            raise
        note(f"What production runs now is not kept: {error.message}")
        base = main_on_disk(settings.graph_path)
    else:
        for origin in missing:
            if origin not in base.scripts:
                _refuse_missing_script(aws, graph.by_id[origin], base.jobs[origin])
    brought = tuple(origin for origin in graph.origins if origin not in base.scripts)
    return replace(base, scripts={**base.scripts, **{origin: own[origin] for origin in brought}}, brought=brought)


def _refuse_missing_script(aws: Aws, node: BranchNode, seen: JobAsSeen) -> NoReturn:
    if seen.fields is None:
        raise BranchError(
            f"Node {node.id!r} names the Glue job {node.production_job!r}, which is not deployed in {aws.region} "
            f"of {aws.source}.",
            hint="check the account and region in use, or bring the script with --script",
        )
    uri = str(seen.fields.get("Command", {}).get("ScriptLocation", ""))
    cause: Exception | None = None
    try:
        aws.s3.read_bytes(uri)
    except (NotFoundError, ValueError) as error:  # where it may not be read, that is said
        cause = error
    raise BranchError(
        f"The Glue job {node.production_job!r} of node {node.id!r} runs the script {uri or '(none)'}, "
        "which cannot be found.",
        hint="upload it again, or bring the script with --script",
    ) from cause


def _report(invocation: Invocation, store: BranchStore, record: Branch, graph: BranchGraph) -> None:
    click.echo(
        f"Created branch {record.name!r} at {', '.join(graph.origins)}; it expires {record.expires_at:%Y-%m-%d}."
    )
    for origin in graph.origins:
        click.echo(f"  edit     {invocation.shown(store.script_path(record.name, graph.by_id[origin]))}")
    for node in graph.nodes:
        writes = ", ".join(output.head_uri for output in node.outputs) or "nothing that the graph knows"
        click.echo(f"  affects  {node.id} → {writes}")
    for node in graph.clones:
        if node.why_cloned:
            note(f"{node.id} gets a Glue job of its own, too: {node.why_cloned}.")
    note(f"Next: edit, then 'pypedream deploy-branch {record.name}' ({count(len(graph.clones), 'Glue job')} to make).")
