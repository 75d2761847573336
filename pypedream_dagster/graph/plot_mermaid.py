"""A drawing as Mermaid text, for places that render it: GitHub, GitLab, many wikis."""

from __future__ import annotations

from collections.abc import Iterator

from pypedream_dagster.graph.drawing import Drawing, DrawnLink, DrawnNode
from pypedream_dagster.graph.plot_palette import LIGHT

_MARKS = ("plain", "origin", "affected", "unaffected")


def write_mermaid(drawing: Drawing) -> str:
    """Return a ``flowchart LR``; ids are numbered, since Mermaid's own know few characters."""
    ids = {node.id: f"n{index}" for index, node in enumerate(drawing.nodes)}
    return "\n".join(_lines(drawing, ids)) + "\n"


def _lines(drawing: Drawing, ids: dict[str, str]) -> Iterator[str]:
    yield "flowchart LR"
    for node in drawing.nodes:
        yield f"  {ids[node.id]}{_shape(node)}:::{node.mark}"
    for link in drawing.links:
        yield f"  {ids[link.source]} {_arrow(link)} {ids[link.target]}"
    for mark in _MARKS:
        if any(node.mark == mark for node in drawing.nodes):
            box, name = LIGHT.paints[f"node-{mark}"], LIGHT.paints[f"name-{mark}"]
            width = f"{box.stroke_width:g}px"
            yield f"  classDef {mark} fill:{box.fill},stroke:{box.stroke},color:{name.fill},stroke-width:{width}"
    for flow in ("head", "base", "unaffected"):
        numbers = [str(index) for index, link in enumerate(drawing.links) if link.flow == flow]
        if numbers:
            yield f"  linkStyle {','.join(numbers)} stroke:{LIGHT.paints[f'link-{flow}'].stroke}"


def _shape(node: DrawnNode) -> str:
    text = _escape(node.id)
    if node.kind == "noop":
        return f'(["{text}"])'
    return f'["{text}<br/><small>{_escape(node.job)}</small>"]' if node.job else f'["{text}"]'


def _arrow(link: DrawnLink) -> str:
    return f'-->|"{_escape(", ".join(link.data))}"|' if link.data else "-.->"


def _escape(text: str) -> str:
    """Write everything but plain characters as Mermaid's entity codes."""
    # https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters
    return "".join(
        char if char.isalnum() or char in " _-.,:/{}" else f"#{ord(char)};" for char in text.replace("\n", " ")
    )
