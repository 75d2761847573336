"""``pypedream import-dag [QUERY]…``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pypedream_dagster.cli.import_report import FORMATS, STDOUT, ReportFormat, write_report
from pypedream_dagster.cli.init import is_example
from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option
from pypedream_dagster.cli.output import count, note, print_json
from pypedream_dagster.errors import StateError
from pypedream_dagster.graph.files import graph_document, read_graph, write_json
from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.importers.answers import Answers, answers_template, read_answers
from pypedream_dagster.importers.request import SOURCES, Request
from pypedream_dagster.importers.update.facts import import_record

if TYPE_CHECKING:
    from pypedream_dagster.aws.session import Aws
    from pypedream_dagster.importers.finding import Imported
    from pypedream_dagster.settings import Settings

_PATH = click.Path(path_type=Path)
_FILE = click.Path(path_type=Path, dir_okay=False)
_NEW_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
_OPTIONS = (
    click.option(
        "--from",
        "sources",
        type=click.Choice(SOURCES),
        multiple=True,
        help="Where to look; repeatable. By default Glue, and for files whatever they hold.",
    ),
    click.option(
        "--with", "companions", type=_PATH, multiple=True, help="Files or folders that hold jobs, tables or scripts."
    ),
    click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Only Glue jobs that carry it; repeatable."),
    click.option(
        "--variables",
        "variable_files",
        type=_FILE,
        multiple=True,
        help="Values of parameters: JSON, YAML, .tfvars, or lines of NAME=value.",
    ),
    click.option("--history", is_flag=True, help="Take what only a run tells from a state machine's last execution."),
    click.option("--look-up", is_flag=True, help="Ask AWS for the jobs, scripts and tables that files only name."),
    click.option("--dagbag", is_flag=True, help="Have Airflow, installed here, load the DAG files: it runs them."),
    click.option("--answers", "answers_file", type=_FILE, help="Answers to what earlier imports asked."),
    click.option(
        "--questions", "questions_file", type=_NEW_FILE, help="Write what is not known as a file for --answers."
    ),
    click.option("--report", "form", type=click.Choice(FORMATS), help="Nodes, links, evidence and questions."),
    click.option(
        "--report-file", type=_NEW_FILE, help="Where the report goes: stdout, or import-report.html, unless told."
    ),
    click.option(
        "-o",
        "--output",
        type=_NEW_FILE,
        help="The file to write, or - for stdout; by default the project's pipeline_graph/main.json.",
    ),
    click.option("--merge", is_flag=True, help="Extend the main graph: what people wrote into it stays."),
    click.option("--check", is_flag=True, help="Write nothing, and exit 1 if production and main graph have drifted."),
)


def _with_options(function: Any) -> Any:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.command("import-dag")
@click.argument("queries", metavar="[QUERY]...", nargs=-1)
@_with_options
@json_option
@pass_invocation
def command(
    invocation: Invocation,
    /,
    queries: tuple[str, ...],
    answers_file: Path | None,
    questions_file: Path | None,
    form: ReportFormat | None,
    report_file: Path | None,
    output: Path | None,
    merge: bool,
    check: bool,
    as_json: bool,
    **asked: Any,
) -> int:
    """Build or extend the main graph from what is deployed, or from the code that deploys it.

    QUERY is a part of a name, or a pattern such as 'sales-*', of what is deployed; or a file or folder. Each link says
    on what evidence it is drawn; what is not known is asked (--questions, --answers), and never guessed.
    """
    settings = invocation.settings_anywhere()
    target = output or settings.graph_path
    if not (merge or check or output) and target.exists() and not is_example(target):
        raise StateError(
            f"{invocation.shown(target)} exists already and is left as it is.",
            hint="extend it with --merge, compare with --check, or write another file with -o",
        )
    is_new = settings.graph_path.exists() and is_example(settings.graph_path)
    existing = read_graph(settings.graph_path) if check or (merge and not is_new) else None
    answers = _answers(existing, answers_file)
    requests = _requests(existing, queries, asked, invocation.cwd, settings.project_dir)
    imported = _imported(settings, requests, answers)
    if form is not None:
        write_report(imported, form, report_file)
    if questions_file is not None:
        _write_questions(imported, answers, questions_file)
    for label in answers.unasked(imported.questions, imported.answered):
        note(f"Nothing asks for the answer to {label}.")
    if check and existing is not None:
        return _check(existing, imported, as_json=as_json)
    graph = _merged(existing, imported)
    if str(target) == str(STDOUT):
        for problem in imported.problems:
            note(f"Not read: {problem.at}: {problem.what}")
        print_json(graph_document(graph))
        return 0
    write_json(target, graph_document(graph))
    _tell(invocation, imported, graph, target, as_json=as_json, quiet=form is not None and report_file is None)
    return 0


def _requests(
    existing: PipelineGraph | None, queries: tuple[str, ...], asked: Mapping[str, Any], cwd: Path, project: Path
) -> Sequence[Request]:
    """Return what is asked for: as the arguments say, or as all imports so far did where they say nothing."""

    def from_project(path: Path) -> Path:
        return Path(os.path.relpath(cwd / path, project))

    tags = dict(_tag(text) for text in asked["tags"])
    paths = tuple(from_project(Path(query)) for query in queries if (cwd / query).exists())
    names = tuple(query for query in queries if not (cwd / query).exists())
    for name in names:
        if name.endswith((".json", ".yaml", ".yml", ".py", ".tf")) or "/" in name:
            raise click.UsageError(f"There is no file or folder {name!r}, and nothing deployed is called so.")
    request = Request(
        sources=asked["sources"],
        queries=names,
        paths=paths,
        companions=tuple(from_project(path) for path in asked["companions"]),
        tags=tags,
        variable_files=tuple(from_project(path) for path in asked["variable_files"]),
        history=asked["history"],
        look_up=asked["look_up"],
        dagbag=asked["dagbag"],
    )
    if request == Request() and existing is not None:
        before = import_record(existing).get("requests")
        if isinstance(before, list) and before:
            return [Request.of_document(document) for document in before]
    return [request]


def _tag(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--tag {text!r} is not KEY=VALUE.")
    return name, value


def _answers(existing: PipelineGraph | None, path: Path | None) -> Answers:
    """Return the answers that the graph file keeps, and over them those of the file."""
    answers = Answers()
    if existing is not None:
        kept = import_record(existing).get("answers")
        if isinstance(kept, Mapping):
            answers = Answers.recorded({str(name): str(text) for name, text in kept.items()})
    return answers | read_answers(path) if path else answers


def _imported(settings: Settings, requests: Sequence[Request], answers: Answers) -> Imported:
    from pypedream_dagster.importers.inference.build import import_graph
    from pypedream_dagster.importers.request import all_gathered

    shown: dict[str, int] = {}

    def progress(what: str, done: int, total: int) -> None:
        # One line when a kind of thing is begun, and one at each hundred: a log is read, too.
        if what not in shown or (done and done % 100 == 0 and done != shown[what]):
            of_total = f" of {total:,}" if total else ""
            note(f"Reading {what}{f': {done:,}{of_total}' if done > 1 else '.'}")
        shown[what] = done

    def account() -> Aws:
        from pypedream_dagster.aws.session import connect

        return connect(settings)

    given = all_gathered(requests, answers, account, base=settings.project_dir, on_progress=progress)
    return import_graph(given)


def _write_questions(imported: Imported, answers: Answers, path: Path) -> None:
    text = answers_template(imported.questions, answers)
    if path == STDOUT:
        click.echo(text, nl=False)
        return
    path.write_text(text, encoding="utf-8")
    asked = count(len(imported.questions), "question")
    note(f"Wrote {path}: {asked}. Fill it in, then import with --merge --answers {path}.")


def _check(existing: PipelineGraph, imported: Imported, *, as_json: bool) -> int:
    from pypedream_dagster.importers.update.check import drift_document, drift_of, drift_text

    drift = drift_of(existing, imported.graph)
    if as_json:
        print_json(drift_document(drift))
    else:
        click.echo(drift_text(drift), nl=False)
    return drift.exit_code


def _merged(existing: PipelineGraph | None, imported: Imported) -> PipelineGraph:
    from pypedream_dagster.importers.update.check import difference_text
    from pypedream_dagster.importers.update.merge import EMPTY, merge_graphs

    merged = merge_graphs(existing or EMPTY, imported.graph)
    if existing is not None:
        for difference in merged.differences:
            note(f"  {difference_text(difference)}")
        if merged.missing:
            note(f"  In the graph, but not found: {', '.join(merged.missing)}.")
    return merged.graph


def _tell(
    invocation: Invocation, imported: Imported, graph: PipelineGraph, target: Path, *, as_json: bool, quiet: bool
) -> None:
    size = f"{count(len(graph.nodes), 'node')}, {count(len(graph.links), 'link')}"
    note(f"Wrote {invocation.shown(target)}: {size}.")
    if as_json:
        from pypedream_dagster.report.imported import import_report
        from pypedream_dagster.report.imported_json import import_to_json

        click.echo(import_to_json(import_report(imported)))
    elif not quiet:
        from pypedream_dagster.report.imported import import_report
        from pypedream_dagster.report.imported_terminal import render_import_terminal

        click.echo(render_import_terminal(import_report(imported)), nl=False)
