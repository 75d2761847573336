"""A scene as one self-contained page: the SVG, details of the node in hand, its data traced both ways."""

from __future__ import annotations

import html
import json
from importlib.resources import files

from pypedream_dagster.graph.drawing import Drawing, DrawnNode, kind_text
from pypedream_dagster.graph.plot_scene import scene_of
from pypedream_dagster.graph.plot_svg import write_svg


def write_html(drawing: Drawing) -> str:
    """Return a page that needs nothing from elsewhere and sends nothing anywhere."""
    page = (files("pypedream_dagster.graph") / "plot.html").read_text(encoding="utf-8")
    svg = write_svg(scene_of(drawing))
    details = json.dumps({node.id: _details(node, drawing) for node in drawing.nodes}, ensure_ascii=True)
    # "</script>" or "<!--" in a name must not end the data island.
    details = details.replace("<", "\\u003c").replace("&", "\\u0026")
    heading = html.escape(f"{drawing.title} ({drawing.branch})")
    head, _, rest = page.partition("@TITLE@")
    middle, _, tail = rest.partition("@SVG@")
    before, _, after = tail.partition("@DETAILS@")
    return f"{head}{heading}{middle}{svg}{before}{details}{after}"


def _details(node: DrawnNode, drawing: Drawing) -> dict[str, object]:
    reads = [
        (f"{link.source}.{name}", "main" if link.flow == "base" else "")
        for link in drawing.links
        if link.target == node.id
        for name in link.data
    ]
    waits = [link.source for link in drawing.links if link.target == node.id and not link.data]
    return {
        "job": node.job,
        "kind": kind_text(node.kind),
        "mark": "" if node.mark == "plain" else node.mark,
        "reads": reads,
        "waits": waits,
        "writes": node.outputs,
    }
