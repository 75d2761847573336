"""``pypedream import-dag QUERY``."""

from __future__ import annotations

from pathlib import Path

import click

from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.output import count, note, print_json
from pypedream_dagster.errors import StateError
from pypedream_dagster.graph.files import graph_document, read_graph, write_json
from pypedream_dagster.importers.glue import import_from_glue
from pypedream_dagster.importers.merge import EMPTY, merge_graphs


@click.command("import-dag")
@click.argument("query")
@click.option("--from", "source", type=click.Choice(["glue"]), default="glue", show_default=True, help="Where to look.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The file to write, or - for stdout; by default the project's pipeline_graph/main.json.",
)
@click.option("--merge", is_flag=True, help="Extend the main graph: what people wrote into it stays.")
@pass_invocation
def command(invocation: Invocation, query: str, source: str, output: Path | None, merge: bool) -> None:  # noqa: ARG001
    """Build or extend the main graph from what is deployed.

    Reads the Glue jobs whose name holds QUERY, or matches it where it has a wildcard such as 'sales-*', with all
    their fields. A link is drawn where an S3 URI in one job's arguments is another's output; read it through.
    """
    settings = invocation.settings()
    target = output or settings.graph_path
    if target.exists() and not merge:
        raise StateError(
            f"{invocation.shown(target)} exists already and is left as it is.",
            hint="extend it with --merge, or write another file with -o",
        )
    existing = read_graph(settings.graph_path) if merge else None
    aws = invocation.aws()
    note(f"Reading Glue jobs that match {query!r} from {aws.source}, {aws.region}.")
    imported = import_from_glue(aws.glue, query)
    graph = merge_graphs(existing or EMPTY, imported.graph).graph
    for line in imported.notes:
        note(f"  {line}")
    if str(target) == "-":
        print_json(graph_document(graph))
        return
    write_json(target, graph_document(graph))
    size = f"{count(len(graph.nodes), 'node')}, {count(len(graph.links), 'link')}"
    click.echo(f"Wrote {invocation.shown(target)}: {size}.")
    note("Next: read it through, 'pypedream plot' shows it; give datasets their primary_key.")
