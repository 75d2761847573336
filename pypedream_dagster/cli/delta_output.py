"""How ``deltas`` and ``compare`` hand out a delta: their common options, and the choice of the renderer."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, assert_never, get_args

import click

from pypedream_dagster.cli.options import Size
from pypedream_dagster.cli.output import note, write_output
from pypedream_dagster.delta.failures import Judgement
from pypedream_dagster.delta.model import BranchDelta, DatasetDelta

ReportFormat = Literal["terminal", "json", "markdown", "html", "junit", "github"]
ENGINES = ("auto", "duckdb", "pandas", "spark")
DELTA_FOUND = 1

STDOUT = Path("-")

_ENDINGS: dict[str, ReportFormat] = {
    ".json": "json",
    ".md": "markdown",
    ".html": "html",
    ".xml": "junit",
    ".txt": "terminal",
}
_F = TypeVar("_F", bound=Callable[..., Any])


def report_options(function: _F) -> _F:
    """Add ``--format``, ``--json``, ``-o`` and ``--engine``, ``--exact``, ``--samples``, ``--memory``."""
    for option in (
        click.option(
            "--memory",
            "memory_limit_bytes",
            type=Size(),
            default="4GiB",
            show_default=True,
            help="What DuckDB spills to disk rather than exceed.",
        ),
        click.option("--samples", type=click.IntRange(0, 1000), default=20, help="Sample rows of each outcome."),
        click.option("--exact", is_flag=True, help="Compare values, not 64-bit hashes of them; slower."),
        click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True),
        click.option(
            "-o",
            "--output",
            "outputs",
            multiple=True,
            type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
            help="The file to write; repeatable, then each by what it ends in; - is stdout.",
        ),
        click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
        click.option(
            "--format", "chosen", type=click.Choice(get_args(ReportFormat)), help="By what -o ends in, or terminal."
        ),
    ):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Target:
    """Where one report goes, and as what; stdout without a path."""

    form: ReportFormat
    path: Path | None = None


def report_targets(chosen: ReportFormat | None, outputs: tuple[Path, ...], *, as_json: bool) -> tuple[Target, ...]:
    """Return where the reports asked for go: one for each ``-o``, or one to stdout.

    Raises:
        click.UsageError: ``--json`` beside another format, or one place twice.
    """
    if as_json and chosen not in {None, "json"}:
        raise click.UsageError(f"--json and --format {chosen} contradict each other.")
    if len(set(outputs)) < len(outputs):
        raise click.UsageError("-o names a file twice.")
    given: ReportFormat | None = "json" if as_json else chosen
    if len(outputs) <= 1:
        (path,) = outputs or (STDOUT,)
        return (Target(given or _by_name(path) or "terminal", None if path == STDOUT else path),)
    return tuple(Target(_by_name(path) or given or "terminal", None if path == STDOUT else path) for path in outputs)


def _by_name(path: Path) -> ReportFormat | None:
    return _ENDINGS.get(path.suffix.lower())


def write_delta(
    delta: BranchDelta | DatasetDelta,
    targets: tuple[Target, ...],
    judgement: Judgement,
    files: Mapping[str, str] | None = None,
) -> None:
    """Render a delta for each target and write it there.

    Args:
        delta: the delta.
        targets: where to.
        judgement: the same delta, judged; what CI is shown.
        files: node → the file that annotations of its datasets belong to.
    """
    for target in targets:
        is_judged = target.form in {"junit", "github"}
        text = _judged(judgement, target.form, files) if is_judged else _render(delta, target)
        write_output(text, target.path)


def show_written(targets: tuple[Target, ...], shown: Callable[[Path], str]) -> None:
    """Say which files were written."""
    for target in targets:
        if target.path is not None:
            note(f"Written: {shown(target.path.resolve())}")


def _judged(judgement: Judgement, form: ReportFormat, files: Mapping[str, str] | None) -> str:
    if form == "junit":
        from pypedream_dagster.report.junit import render_junit

        return render_junit(judgement)
    from pypedream_dagster.report.github import render_github

    return render_github(judgement, files)


def _render(delta: BranchDelta | DatasetDelta, target: Target) -> str:
    to_terminal = target.path is None and sys.stdout.isatty()
    match target.form:
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
        case "junit" | "github":
            raise AssertionError("rendered from the judgement")
        case _:
            assert_never(target.form)
