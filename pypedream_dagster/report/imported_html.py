"""An import's report as one HTML file: questions first, then the graph, its nodes, and what speaks for each link.

It shares its looks and its script with the delta report (:mod:`report.html`): no network, everything escaped, nothing
in it can run but that script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from markupsafe import Markup

from pypedream_dagster.graph.drawing import Drawing, DrawnLink, drawing_of
from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.graph.plot import render_svg
from pypedream_dagster.report import imported as model
from pypedream_dagster.report import wording
from pypedream_dagster.report.imported import ImportReport
from pypedream_dagster.report.page import own_file, page_environment, policy_hash

_DRAWN_NODES = 250
"""A larger graph is no picture any more; the tables have all of it."""


def render_import_html(report: ImportReport, graph: PipelineGraph) -> str:
    """Return the report as an HTML document.

    Args:
        report: what is said.
        graph: what is drawn.
    """
    environment = page_environment()
    shared, own, script = (own_file(environment, name) for name in ("delta.css", "imported.css", "delta.js"))
    style = shared + own
    svg, svg_style = _plot(report, graph)
    page: str = environment.get_template("imported.html.j2").render(
        report=report,
        kinds=model.by_kind(report.questions),
        places={node.id: place for place, node in enumerate(report.nodes, start=1)},
        question_labels={question.id: f"{question.kind}: {question.about}" for question in report.questions},
        question_places={question.id: place for place, question in enumerate(report.questions, start=1)},
        style=style,
        style_hashes=[policy_hash(text) for text in (style, svg_style) if text],
        script=script,
        script_hash=policy_hash(script),
        svg=svg,
        wording=wording,
        model=model,
    )
    return page


def _plot(report: ImportReport, graph: PipelineGraph) -> tuple[Markup, str]:
    """Return the drawing with links by confidence, and its style sheet, for the page's policy."""
    drawing = _drawing(report, graph)
    if not 0 < len(drawing.nodes) <= _DRAWN_NODES or len({node.id for node in drawing.nodes}) < len(drawing.nodes):
        return Markup(""), ""
    svg = render_svg(drawing)
    style = re.search(r"<style>(.*?)</style>", svg, re.DOTALL)
    # The SVG's writer escapes all that is put into it.
    return Markup(svg), style[1] if style else ""  # noqa: S704


def _drawing(report: ImportReport, graph: PipelineGraph) -> Drawing:
    """Return what to draw, without secrets."""
    sure = {(link.source, link.target): link.sureness for link in report.links}
    drawing = drawing_of(graph)
    nodes = tuple(
        replace(
            node,
            id=model.safe(node.id),
            job=model.safe(node.job),
            outputs=tuple((model.safe(name), model.safe(uri)) for name, uri in node.outputs),
        )
        for node in drawing.nodes
    )
    links = tuple(
        _by_confidence(replace(link, source=model.safe(link.source), target=model.safe(link.target)), sure)
        for link in drawing.links
    )
    return Drawing("Imported pipeline", drawing.branch, nodes, links)


def _by_confidence(link: DrawnLink, sure: Mapping[tuple[str, str], model.Sureness]) -> DrawnLink:
    sureness = sure.get((link.source, link.target), "order")
    data = tuple(map(model.safe, link.data))
    return replace(link, data=data) if sureness == "order" else replace(link, data=data, flow=sureness)
