"""An import for the terminal: what was found, the questions that matter most, and what to do next."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pypedream_dagster.report.imported import (
    Asked,
    ImportReport,
    by_kind,
    question_title,
    summary_text,
)
from pypedream_dagster.report.terminal import WIDTH
from pypedream_dagster.report.wording import plural, visible

_QUESTIONS_SHOWN = 6
_OF_A_KIND = 2
_LINES_SHOWN = 5
_TEXT = 400


def render_import_terminal(report: ImportReport, *, width: int = WIDTH) -> str:
    """Return a summary of at most ``width`` columns, where words allow it."""
    lines = (
        line
        for text, indent in _lines(report)
        for line in (
            textwrap.wrap(
                text,
                max(40, width),
                initial_indent=indent,
                subsequent_indent=" " * (len(indent) - len(indent.lstrip()) + 2 * bool(indent)),
                break_long_words=False,
                break_on_hyphens=False,
            )
            or [""]
        )
    )
    return "\n".join(lines) + "\n"


def _lines(report: ImportReport) -> Iterator[tuple[str, str]]:
    """Give lines with their indentation."""
    summary = report.summary
    yield f"Found {summary_text(summary)}.", ""
    if (blocked := summary.glue_nodes - summary.branchable_nodes) > 0:
        yield f"{plural(blocked, 'Glue node')} cannot be branched yet; the report says why.", ""
    yield from _some("Not read", [f"{item.at}: {item.what}" for item in report.problems])
    yield from _some("Notes", report.notes)
    if report.questions:
        yield "", ""
        yield f"{plural(len(report.questions), 'question')} to settle, the weightiest first:", ""
        shown = _chosen(report)
        for question in shown:
            yield visible(question.text, _TEXT), "  ? "
            where = ", ".join(question.at[:2])
            choices = f" ({' | '.join(question.choices[:6])})" if question.choices else ""
            yield (
                visible(f"{question.kind}: {question.about}{choices}{f'  at {where}' if where else ''}", _TEXT),
                "    ",
            )
        if more := len(report.questions) - len(shown):
            kinds = by_kind(question for question in report.questions if question not in shown)
            what = ", ".join(f"{question_title(kind).lower()} {len(items)}" for kind, items in kinds.items())
            yield f"and {more:,} more: {what}", "  "
        yield "", ""
        yield (
            "Next: write them to a file with --questions FILE, answer what you know, and give it back with "
            "--merge --answers FILE.",
            "",
        )
    elif not report.nodes:
        yield "", ""
        yield (
            "Nothing here runs a job. Next: name other files or another --from, 'pypedream import-dag --help' tells.",
            "",
        )
    else:
        yield "", ""
        yield "Next: read the graph through ('pypedream plot' shows it); give datasets their primary_key.", ""


def _some(title: str, texts: tuple[str, ...] | list[str]) -> Iterator[tuple[str, str]]:
    if not texts:
        return
    yield "", ""
    yield f"{title}:", ""
    for text in texts[:_LINES_SHOWN]:
        yield visible(text, _TEXT), "  "
    if (more := len(texts) - _LINES_SHOWN) > 0:
        yield f"and {more:,} more in the report", "  "


def _chosen(report: ImportReport) -> list[Asked]:
    """Return some of each kind, the weightier kinds first."""
    kinds = list(by_kind(report.questions).values())
    some = [question for questions in kinds for question in questions[:_OF_A_KIND]]
    rest = [question for question in report.questions if question not in some]
    chosen = {question.id for question in [*some, *rest][:_QUESTIONS_SHOWN]}
    return [question for question in report.questions if question.id in chosen]
