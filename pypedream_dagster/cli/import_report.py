"""The report of ``import-dag``: in which form, and where to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_never, get_args

from pypedream_dagster.cli.output import note, write_output

if TYPE_CHECKING:
    from pypedream_dagster.importers.finding import Imported

ReportFormat = Literal["html", "markdown", "json"]
FORMATS: tuple[ReportFormat, ...] = get_args(ReportFormat)
STDOUT = Path("-")


def write_report(imported: Imported, form: ReportFormat, path: Path | None) -> None:
    """Write the report of an import; without a path to stdout, but HTML to ``import-report.html``."""
    target = path or (Path("import-report.html") if form == "html" else STDOUT)
    write_output(_rendered(imported, form), None if target == STDOUT else target)
    if target != STDOUT:
        note(f"Wrote {target}.")


def _rendered(imported: Imported, form: ReportFormat) -> str:
    # Each is imported where it is needed: templates cost their time.
    from pypedream_dagster.report.imported import import_report

    report = import_report(imported)
    match form:
        case "html":
            from pypedream_dagster.report.imported_html import render_import_html

            return render_import_html(report, imported.graph)
        case "markdown":
            from pypedream_dagster.report.imported_markdown import render_import_markdown

            return render_import_markdown(report)
        case "json":
            from pypedream_dagster.report.imported_json import import_to_json

            return import_to_json(report)
        case _:
            assert_never(form)
