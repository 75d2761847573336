"""A drawing with positions: plain shapes in pixels, which the SVG and the PNG writer paint alike."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from pypedream_dagster.graph.drawing import Drawing, DrawnLink, DrawnNode, Flow, flow_texts, kind_text, mark_texts
from pypedream_dagster.graph.plot_layout import ORDER_PORT, Layout, lay_out

MARGIN = 28.0
_TITLE_SIZE, _NAME_SIZE, _SMALL_SIZE = 19.0, 13.0, 11.0
_HEADER, _HEADER_NOOP, _ROW = 44.0, 30.0, 19.0
_PAD, _STRIPE, _TIP = 13.0, 5.0, 8.0
_LONGEST = 250.0
_LEAST_WIDTH = 700.0
_PAINTED: tuple[Flow, ...] = ("unaffected", "plain", "low", "medium", "high", "base", "head")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with round corners."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    style: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    style: str


@dataclass(frozen=True, slots=True)
class Line:
    """A path: a start, then cubic Bezier segments of three points each."""

    start: tuple[float, float]
    segments: tuple[tuple[tuple[float, float], tuple[float, float], tuple[float, float]], ...]
    style: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Tip:
    """An arrow's head that points right, its point at (x, y)."""

    x: float
    y: float
    size: float
    style: str


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; ``y`` is its base line."""

    x: float
    y: float
    text: str
    size: float
    style: str
    bold: bool = False
    anchor: Literal["start", "end"] = "start"


Shape = Box | Dot | Line | Tip | Text


@dataclass(frozen=True, slots=True)
class Group:
    """Shapes that belong together.

    Attributes:
        ends: the node's id, or both ends of a link: what hovering highlights.
        hint: said when the pointer rests on it.
    """

    role: Literal["node", "link", "legend"]
    shapes: tuple[Shape, ...]
    ends: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """All shapes, in the order of painting."""

    width: float
    height: float
    title: str
    groups: tuple[Group, ...]


def scene_of(drawing: Drawing) -> Scene:
    """Return where everything of a drawing lies."""
    nodes = {node.id: node for node in drawing.nodes}
    layout = lay_out(
        drawing,
        height=lambda node: _height(nodes[node]),
        # Ports count only against each other: else each step of a plain chain would stand lower than the last.
        rise=lambda node, port: _exit(nodes[node], port) - _mean_exit(nodes[node]) if port else 0.0,
    )
    columns = _columns(layout, nodes)
    graph_right = max((right for _, right in columns), default=0.0)
    width = max(graph_right + MARGIN, _LEAST_WIDTH)
    legend, top = _legend(drawing, width)
    boxes = {
        slot.node: (columns[slot.layer], layout.centre[slot] - _height(nodes[slot.node]) / 2 + top)
        for layer in layout.layers
        for slot in layer
        if not slot.is_lane
    }
    links = sorted(drawing.links, key=lambda link: _PAINTED.index(link.flow))
    groups = [
        legend,
        *(_link(link, layout, nodes, columns, boxes, top) for link in links),
        *(_node(node, *boxes[node.id]) for node in drawing.nodes),
    ]
    bottom = max((y + _height(nodes[node]) for node, (_, y) in boxes.items()), default=top)
    lanes = (y + top for slot, y in layout.centre.items() if slot.is_lane)
    return Scene(width, max(bottom, *lanes, top) + MARGIN, drawing.title, tuple(groups))


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is, on the safe side for the common sans-serif fonts."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return size * (wide * 1.05 + (len(text) - wide) * (0.61 if bold else 0.55))


def _clip(text: str, size: float, *, bold: bool = False, room: float = _LONGEST) -> str:
    if text_width(text, size, bold=bold) <= room:
        return text
    while text and text_width(text + "…", size, bold=bold) > room:
        text = text[:-1]
    return text + "…"


def _header(node: DrawnNode) -> float:
    return _HEADER_NOOP if node.kind == "noop" else _HEADER


def _height(node: DrawnNode) -> float:
    return _header(node) + (len(node.outputs) * _ROW + 6 if node.outputs else 0)


def _exit(node: DrawnNode, port: str) -> float:
    """Return how far below a box's top the links of a port leave."""
    if port == ORDER_PORT or port not in node.output_names:
        return _height(node) / 2
    return _header(node) + 3 + _ROW * (node.output_names.index(port) + 0.5)


def _mean_exit(node: DrawnNode) -> float:
    exits = [_exit(node, name) for name in node.output_names]
    return sum(exits) / len(exits)


def _subtitle(node: DrawnNode) -> str:
    return node.job or kind_text(node.kind)


def _width(node: DrawnNode) -> float:
    texts = [text_width(_clip(node.id, _NAME_SIZE, bold=True), _NAME_SIZE, bold=True)]
    if node.kind != "noop":
        texts.append(text_width(_clip(_subtitle(node), _SMALL_SIZE), _SMALL_SIZE))
    texts += [text_width(_clip(name, _SMALL_SIZE), _SMALL_SIZE) + 8 for name in node.output_names]
    return max(texts) + 2 * _PAD + _STRIPE


def _columns(layout: Layout, nodes: Mapping[str, DrawnNode]) -> list[tuple[float, float]]:
    """Return each layer's left and right edge; the more links a gap holds, the wider it is."""
    between: defaultdict[int, set[tuple[str, str, object]]] = defaultdict(set)
    for (source, port, _), path in layout.route.items():
        for left, right in pairwise(path):
            between[left.layer].add((source, port, right))
    columns: list[tuple[float, float]] = []
    x = MARGIN
    for index, layer in enumerate(layout.layers):
        width = max((_width(nodes[slot.node]) for slot in layer if not slot.is_lane), default=20.0)
        columns.append((x, x + width))
        x += width + min(64 + 3.0 * len(between[index]), 150)
    return columns


def _link(
    link: DrawnLink,
    layout: Layout,
    nodes: Mapping[str, DrawnNode],
    columns: list[tuple[float, float]],
    boxes: Mapping[str, tuple[tuple[float, float], float]],
    top: float,
) -> Group:
    shapes: list[Shape] = []
    (target_left, _), target_top = boxes[link.target]
    end = (target_left - _TIP + 1, target_top + _exit(nodes[link.target], ORDER_PORT))
    for port in link.data or (ORDER_PORT,):
        (_, source_right), source_top = boxes[link.source]
        here = start = (source_right, source_top + _exit(nodes[link.source], port))
        segments = []
        for slot in layout.route[link.source, port, link.target][1:-1]:
            (left, right), y = columns[slot.layer], layout.centre[slot] + top
            segments += [_bend(here, (left, y)), _bend((left, y), (right, y))]
            here = (right, y)
        segments.append(_bend(here, end))
        shapes.append(Line(start, tuple(segments), f"link-{link.flow}", dashed=not link.data))
    shapes.append(Tip(target_left, end[1], _TIP, f"tip-{link.flow}"))
    carries = ", ".join(link.data) or "order only"
    side = {"head": " (the branch's)", "base": " (main's)"}.get(link.flow, "")
    return Group("link", tuple(shapes), (link.source, link.target), f"{link.source} → {link.target}: {carries}{side}")


def _bend(
    start: tuple[float, float], end: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    """Return a segment that leaves and arrives horizontally."""
    reach = (end[0] - start[0]) * 0.5
    return (start[0] + reach, start[1]), (end[0] - reach, end[1]), end


def _node(node: DrawnNode, column: tuple[float, float], top: float) -> Group:
    left, right = column
    width, height, header = right - left, _height(node), _header(node)
    x = left + _PAD + _STRIPE - 2
    shapes: list[Shape] = [Box(left, top, width, height, 7, f"node-{node.mark}")]
    shapes.append(Box(left + 5, top + 7, 3.5, header - 14, 1.75, f"kind-{node.kind}"))
    name_y = top + header / 2 + 4.5 if node.kind == "noop" else top + 19
    name = _clip(node.id, _NAME_SIZE, bold=True)
    shapes.append(Text(x, name_y, name, _NAME_SIZE, f"name-{node.mark}", bold=True))
    if node.kind != "noop":
        subtitle = _clip(_subtitle(node), _SMALL_SIZE)
        shapes.append(Text(x, top + 34.5, subtitle, _SMALL_SIZE, f"job-{node.mark}"))
    if node.outputs:
        y = top + header
        shapes.append(Line((left + 1, y), (_bend((left + 1, y), (right - 1, y)),), f"rule-{node.mark}"))
    flow = {"plain": "plain", "unaffected": "unaffected"}.get(node.mark, "head")
    for output in node.output_names:
        y = top + _exit(node, output)
        label = _clip(output, _SMALL_SIZE)
        shapes.append(Text(right - _PAD, y + 3.8, label, _SMALL_SIZE, f"name-{node.mark}", anchor="end"))
        shapes.append(Dot(right, y, 3.2, f"tip-{flow}"))
    kind = kind_text(node.kind)
    lines = [f"{node.id} ({kind}: {node.job})" if node.job else f"{node.id} ({kind})"]
    lines += [f"{dataset}: {uri}" for dataset, uri in node.outputs]
    return Group("node", tuple(shapes), (node.id,), "\n".join(lines))


def _legend(drawing: Drawing, width: float) -> tuple[Group, float]:
    """Return the heading with the legend, and the height at which the graph may begin."""
    count = f"{len(drawing.nodes)} nodes, {len(drawing.links)} links"
    ran = sum(node.mark in {"origin", "affected"} for node in drawing.nodes)
    note = f"main · {count}" if drawing.is_main else f"branch {drawing.branch} · runs {ran} of {count}"
    shapes: list[Shape] = [
        Text(
            MARGIN, MARGIN + 14, _clip(drawing.title, _TITLE_SIZE, bold=True, room=width), _TITLE_SIZE, "heading", True
        ),
        Text(MARGIN, MARGIN + 34, note, _SMALL_SIZE + 1, "note"),
    ]
    x, y = MARGIN, MARGIN + 58
    for key, text in _legend_entries(drawing):
        needed = 30 + text_width(text, _SMALL_SIZE) + 18
        if x > MARGIN and x + needed > width:
            x, y = MARGIN, y + 20
        shapes += [*_swatch(key, x, y), Text(x + 28, y + 4, text, _SMALL_SIZE, "note")]
        x += needed
    return Group("legend", tuple(shapes)), y + 34


def _legend_entries(drawing: Drawing) -> Iterator[tuple[str, str]]:
    yield from ((f"node-{mark}", text) for mark, text in mark_texts(drawing))
    yield from ((f"link-{flow}", text) for flow, text in flow_texts(drawing))
    if any(not link.data for link in drawing.links):
        yield "order", "only orders"
    kinds = dict.fromkeys(node.kind for node in drawing.nodes)
    yield from ((f"kind-{kind}", kind_text(kind)) for kind in kinds)


def _swatch(key: str, x: float, y: float) -> tuple[Shape, ...]:
    family = key.partition("-")[0]
    if family == "node":
        return (Box(x, y - 6, 20, 12, 3, key),)
    if family == "kind":
        return (Box(x + 8, y - 7, 3.5, 14, 1.75, key),)
    style = "link-plain" if key == "order" else key
    line = Line((x, y), (_bend((x, y), (x + 15, y)),), style, dashed=key == "order")
    return (line, Tip(x + 22, y, _TIP, style.replace("link", "tip")))
