"""An import's report as GitHub-flavoured markdown: for a pull request, or to read through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pypedream_dagster.report.imported import (
    Asked,
    ImportedNode,
    ImportReport,
    Link,
    by_kind,
    evidence_text,
    question_title,
    summary_text,
    sureness_text,
)
from pypedream_dagster.report.markdown import MAX_BYTES, code, plain, table
from pypedream_dagster.report.wording import plural

_SIGNS = {"high": "🟢", "medium": "🟡", "low": "🟠", "order": "⚪"}
_TEXT = 600
_PLACES = 3


def render_import_markdown(report: ImportReport, *, limit: int = MAX_BYTES) -> str:
    """Return the report; what goes over the limit is left out from the end, and a sentence says so.

    Args:
        report: an import's.
        limit: the most bytes, 2,000 or more.
    """
    room = limit - 200
    kept: list[str] = []
    left_out = 0
    for part in _parts(report):
        size = len(part.encode()) + 1
        if left_out or size > room:
            left_out += 1
            continue
        room -= size
        kept.append(part)
    if left_out:
        kept.append(f"_To keep within {limit // 1000:,} kB the rest is left out. The HTML report has all of it._\n")
    return "\n".join(kept).strip("\n") + "\n"


def _parts(report: ImportReport) -> Iterator[str]:
    """Give the report in pieces, each of which can be read without those after it."""
    yield f"### Imported pipeline\n\n**{plain(summary_text(report.summary))}**\n"
    if report.sources:
        yield "Read: " + ", ".join(code(source, 200) for source in report.sources) + ".\n"
    if report.questions:
        yield f"#### Questions ({len(report.questions)})\n"
        for kind, questions in by_kind(report.questions).items():
            yield f"**{question_title(kind)}**\n"
            yield from map(_question, questions)
    if report.problems:
        yield f"#### Not read ({len(report.problems)})\n"
        yield from (f"- {code(item.at, 200)}: {plain(item.what, _TEXT)}\n" for item in report.problems)
    if report.nodes:
        yield f"#### Nodes ({len(report.nodes)})\n"
        yield from _tables(_NODE_HEADERS, [_node_row(node) for node in report.nodes])
    if report.links:
        yield f"#### Links ({len(report.links)})\n"
        yield from _tables(_LINK_HEADERS, [_link_row(link) for link in report.links])
    if report.answered:
        yield f"#### Answered ({len(report.answered)})\n"
        yield from _tables(("Question", "Answer"), [(code(k, 120), code(v, 200)) for k, v in report.answered.items()])
    if report.notes:
        yield f"#### Notes ({len(report.notes)})\n"
        yield from (f"- {plain(note, _TEXT)}\n" for note in report.notes)


_NODE_HEADERS = ("Node", "Job", "Reads", "Writes", "Can be branched", "Defined at")
_LINK_HEADERS = ("", "From", "To", "Data", "Why")
_ROWS = 50


def _tables(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from (table(headers, rows[start : start + _ROWS]) for start in range(0, len(rows), _ROWS))


def _question(question: Asked) -> str:
    text = f"- {plain(question.text, _TEXT)}"
    if question.choices:
        text += f" One of: {', '.join(code(choice, 80) for choice in question.choices[:10])}."
    if question.at:
        text += f" See {', '.join(code(place, 200) for place in question.at[:_PLACES])}."
    return f"{text} ({code(question.id)})\n"


def _node_row(node: ImportedNode) -> tuple[str, ...]:
    job = code(node.job, 80) if node.job else ""
    if node.operation != "glue":
        job = f"{plain(node.operation, 40)} {job}".strip()
    arguments = " ".join(code(f"{name}={value}", 80) for name, value in list(node.arguments.items())[:5])
    return (
        code(node.id, 80),
        f"{job} {arguments}".strip(),
        ", ".join(dict.fromkeys(code(f"{item.source}.{item.dataset}", 80) for item in node.inputs)),
        ", ".join(code(item.name, 60) for item in node.outputs),
        "yes" if node.branchable else f"no: {plain('; '.join(node.why_not), 300)}",
        ", ".join(code(place, 120) for place in node.defined_at[:_PLACES]),
    )


def _link_row(link: Link) -> tuple[str, ...]:
    why = []
    for item in link.evidence[:_PLACES]:
        if item.kind == "order":
            continue
        said = " → ".join(code(text, 100) for text in (item.written_by, item.read_by) if text)
        why.append(f"{evidence_text(item.kind)} {code(item.place, 200) if item.place else ''} {said}".strip())
    if more := len(link.evidence) - _PLACES:
        why += [f"{plural(more, 'more piece')} of evidence"] if more > 0 else []
    return (
        f"{_SIGNS[link.sureness]} {sureness_text(link.sureness)}",
        code(link.source, 80),
        code(link.target, 80),
        ", ".join(code(name, 60) for name in link.data),
        "; ".join(why),
    )
