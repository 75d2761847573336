"""``pypedream plot``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Literal, assert_never, get_args

import click

from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.output import note, write_output
from pypedream_dagster.graph import plot
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.graph.model import MAIN

Format = Literal["svg", "png", "html", "mermaid", "terminal"]
_ENDINGS: dict[str, Format] = {
    ".svg": "svg",
    ".png": "png",
    ".html": "html",
    ".mmd": "mermaid",
    ".md": "mermaid",
    ".txt": "terminal",
}


@click.command("plot")
@click.option("--branch", default=MAIN, help="Mark what this branch affects.")
@click.option(
    "--format", "chosen", type=click.Choice(get_args(Format)), help="By default what -o ends in, or terminal."
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@pass_invocation
def command(invocation: Invocation, branch: str, chosen: Format | None, output: Path | None) -> None:
    """Draw the pipeline's graph, left to right along the data.

    With --branch the whole of main is drawn, with the branch's origin and what it affects marked.
    """
    settings = invocation.settings()
    kind: Format = chosen or _ENDINGS.get(output.suffix.lower() if output else "", "terminal")
    if kind == "png" and output is None and sys.stdout.isatty():
        raise click.UsageError("A PNG is not for a terminal: name a file with -o.")
    graph = read_graph(settings.graph_path)
    if branch == MAIN:
        drawing = plot.drawing_of(graph)
    else:
        derived = BranchStore(settings.branches_dir).graph(branch)
        drawing = plot.drawing_of(graph, branch=branch, origins=derived.origins, affected=derived.by_id)
    content = _render(drawing, kind, colour=output is None and sys.stdout.isatty())
    write_output(content, output)
    if output is not None:
        note(f"Drawn: {invocation.shown(output.resolve())}")


def _render(drawing: plot.Drawing, kind: Format, *, colour: bool) -> str | bytes:
    match kind:
        case "svg":
            return plot.render_svg(drawing)
        case "png":
            return plot.render_png(drawing)
        case "html":
            return plot.render_html(drawing)
        case "mermaid":
            return plot.render_mermaid(drawing)
        case "terminal":
            return plot.render_terminal(drawing, shutil.get_terminal_size((100, 40)).columns, colour=colour)
        case _:
            assert_never(kind)
