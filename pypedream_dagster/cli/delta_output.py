"""How ``deltas`` and ``compare`` hand out a delta: their common options, and the choice of the renderer."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar, assert_never, get_args

import click

from pypedream_dagster.cli.output import write_output
from pypedream_dagster.delta.model import BranchDelta, DatasetDelta

ReportFormat = Literal["terminal", "json", "markdown", "html"]
ENGINES = ("auto", "duckdb", "pandas", "spark")
DELTA_FOUND = 1

_ENDINGS: dict[str, ReportFormat] = {".json": "json", ".md": "markdown", ".html": "html", ".txt": "terminal"}
_F = TypeVar("_F", bound=Callable[..., Any])


def report_options(function: _F) -> _F:
    """Add ``--format``, ``--json``, ``-o`` and ``--engine``, ``--exact``, ``--samples``."""
    for option in (
        click.option("--samples", type=click.IntRange(0, 1000), default=20, help="Sample rows of each outcome."),
        click.option("--exact", is_flag=True, help="Compare values, not 64-bit hashes of them; slower."),
        click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True),
        click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file to write."),
        click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
        click.option(
            "--format", "chosen", type=click.Choice(get_args(ReportFormat)), help="By what -o ends in, or terminal."
        ),
    ):
        function = option(function)
    return function


def report_format(chosen: ReportFormat | None, output: Path | None, *, as_json: bool) -> ReportFormat:
    """Return the format asked for.

    Raises:
        click.UsageError: ``--json`` beside another format.
    """
    if as_json and chosen not in {None, "json"}:
        raise click.UsageError(f"--json and --format {chosen} contradict each other.")
    by_name = _ENDINGS.get(output.suffix.lower()) if output else None
    return "json" if as_json else chosen or by_name or "terminal"


def write_delta(delta: BranchDelta | DatasetDelta, form: ReportFormat, output: Path | None) -> None:
    """Render a delta and write it to a file, or to stdout."""
    write_output(_render(delta, form, to_terminal=output is None and sys.stdout.isatty()), output)


def _render(delta: BranchDelta | DatasetDelta, form: ReportFormat, *, to_terminal: bool) -> str:
    match form:
        case "terminal":
            from pypedream_dagster.report.terminal import WIDTH, render_terminal

            width = min(WIDTH, shutil.get_terminal_size((WIDTH, 40)).columns)
            return render_terminal(delta, colour=to_terminal and not os.environ.get("NO_COLOR"), width=width)
        case "json":
            from pypedream_dagster.delta.json_form import to_json

            return to_json(delta)
        case "markdown":
            from pypedream_dagster.report.markdown import render_markdown

            return render_markdown(delta, fold=True)
        case "html":
            from pypedream_dagster.report.html import render_html

            return render_html(delta)
        case _:
            assert_never(form)
