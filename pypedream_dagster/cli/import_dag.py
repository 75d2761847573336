"""``pypedream import-dag [QUERY]…``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pypedream_dagster.cli.import_report import FORMATS, ReportFormat, write_report
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.output import count, note, print_json
from pypedream_dagster.errors import StateError
from pypedream_dagster.graph.files import graph_document, read_graph, write_json
from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.importers.sources import SOURCES, Request, Source

if TYPE_CHECKING:
    from pypedream_dagster.importers.answers import Answers
    from pypedream_dagster.importers.finding import Imported
    from pypedream_dagster.settings import Settings

_DRIFTED = 1
_PATHS = click.Path(path_type=Path, exists=True)


@click.command("import-dag")
@click.argument("queries", metavar="[QUERY]...", nargs=-1)
@click.option(
    "--from",
    "sources",
    type=click.Choice(SOURCES),
    multiple=True,
    help="Where to look, repeatable; by default Glue, or for files whatever they hold.",
)
@click.option("--with", "companions", type=_PATHS, multiple=True, help="Files or folders with jobs, tables, scripts.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Only Glue jobs that carry this tag.")
@click.option(
    "--variables",
    "variable_files",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="Values of a template's parameters: JSON, YAML, .tfvars or NAME=value lines.",
)
@click.option("--history", is_flag=True, help="Take from a state machine's last execution what only a run tells.")
@click.option("--look-up", is_flag=True, help="Ask AWS for jobs, scripts and tables that the files name.")
@click.option("--dagbag", is_flag=True, help="Have Airflow load the DAG files: this runs them.")
@click.option("--answers", "answers_file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--questions", "questions_file", type=click.Path(path_type=Path, dir_okay=False), help="Write what is not known as a file to fill in, for --answers.")
@click.option("--report", "report", type=click.Choice(FORMATS), help="Report nodes, links, evidence, questions.")
@click.option("--report-file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), help="Where to; by default stdout, for html import-report.html.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The file to write, or - for stdout; by default the project's pipeline_graph/main.json.",
)
@click.option("--merge", is_flag=True, help="Extend the main graph: what people wrote into it stays.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if production and the main graph have drifted apart.")
@pass_invocation
def command(
    invocation: Invocation,
    queries: tuple[str, ...],
    sources: tuple[Source, ...],
    companions: tuple[Path, ...],
    tags: tuple[str, ...],
    variable_files: tuple[Path, ...],
    history: bool,  # noqa: FBT001  (click's)
    look_up: bool,  # noqa: FBT001
    dagbag: bool,  # noqa: FBT001
    answers_file: Path | None,
    questions_file: Path | None,
    report: ReportFormat | None,
    report_file: Path | None,
    output: Path | None,
    merge: bool,  # noqa: FBT001
    check: bool,  # noqa: FBT001
) -> None:
    """Build or extend the main graph from what is deployed, or from the code that deploys it.

    QUERY is a part of a name or a pattern such as 'sales-*' of what is deployed, or a file or folder.
    """
