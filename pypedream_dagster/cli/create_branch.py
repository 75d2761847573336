"""``pypedream create-branch NODE BRANCH``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.model import Branch, BranchGraph, BranchNode
from pypedream_dagster.branch.policy import session_policy
from pypedream_dagster.branch.store import BranchStore, sha256
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.output import count, note
from pypedream_dagster.errors import BranchError, NotFoundError
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.settings import Settings

if TYPE_CHECKING:
    from pypedream_dagster.aws.session import Aws

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LONGEST = timedelta(days=366)


class Duration(click.ParamType[timedelta]):
    """``12h``, ``7d`` or ``2w`` as a timedelta."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read a duration, more than none and at most a year."""
        match = re.fullmatch(r"(\d{1,5})([hdw])", str(value))
        length = int(match[1]) * _UNITS[match[2]] if match else timedelta(0)
        if not timedelta(0) < length <= _LONGEST:
            self.fail(f"{value!r} is no duration such as 12h, 7d or 2w, of at most a year", param, ctx)
        return length


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
@pass_invocation
def command(
    invocation: Invocation,
    node: str,
    branch: str,
    also: tuple[str, ...],
    expires: timedelta,
    follow_order: bool,
    scripts: tuple[str, ...],
) -> None:
    """Create a branch at a node: its graph, and the script to edit.

    Fetches production's script of NODE as it is deployed now into branches/BRANCH/scripts/. Makes nothing on AWS.
    """
    settings = invocation.settings()
    graph = read_graph(settings.graph_path)
    store = BranchStore(settings.branches_dir)
    store.check_free(branch)
    derived = derive_branch(graph, branch, (node, *also), follow_order=follow_order)
    session_policy(derived)
    bodies = _scripts(invocation, derived, _own_files(derived, scripts))
    now = invocation.now().replace(microsecond=0)
    record = Branch(
        name=branch,
        origins=derived.origins,
        owner=settings.owner,
        project=project_name(graph, settings),
        created_at=now,
        expires_at=now + expires,
        graph_sha256=sha256(settings.graph_path.read_bytes()),
        script_sha256={origin: sha256(body) for origin, body in bodies.items()},
        follow_order=follow_order,
    )
    store.create(record, derived, bodies)
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


def _scripts(invocation: Invocation, graph: BranchGraph, own: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the script of each origin: the one given, else production's as deployed."""
    missing = [origin for origin in graph.origins if origin not in own]
    if not missing:
        return dict(own)
    aws = invocation.aws()
    note(f"Fetching production's script of {', '.join(missing)} from {aws.source}.")
    bodies = dict(own)
    for origin in missing:
        node = graph.by_id[origin]
        job = aws.glue.get_job(node.production_job)
        if job is None:
            raise BranchError(
                f"Node {origin!r} names the Glue job {node.production_job!r}, which is not deployed in {aws.region} "
                f"of {aws.source}.",
                hint="check the account and region in use, or bring the script with --script",
            )
        bodies[origin] = _deployed_script(aws, job.script_uri, node)
    return {origin: bodies[origin] for origin in graph.origins}


def _deployed_script(aws: Aws, uri: str, node: BranchNode) -> bytes:
    try:
        return aws.s3.read_bytes(uri)
    except (NotFoundError, ValueError) as error:
        raise BranchError(
            f"The Glue job {node.production_job!r} of node {node.id!r} runs the script {uri or '(none)'}, "
            "which cannot be found.",
            hint="upload it again, or bring the script with --script",
        ) from error


def project_name(graph: PipelineGraph, settings: Settings) -> str:
    """Return what the tags of branches name the project: as the graph does, else as its folder is called."""
    header = graph.metadata.get("metadata")
    name = header.get("name") if isinstance(header, dict) else None
    return str(name or settings.project_dir.name)


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
