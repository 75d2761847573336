"""A drawing as text, top-down: one row per node in running order, its data in lanes to the left.

A node's lane begins at its row and ends at its last reader's. A row's horizontal line joins the lanes that the
node reads (``├ ┼ ╰``) and runs behind those that it does not (``│``). Lanes that only order are dotted.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from pypedream_dagster.graph.drawing import Drawing, DrawnLink, DrawnNode, Mark, kind_text, mark_texts

_MARKERS: Mapping[Mark, str] = {"plain": "●", "origin": "◆", "affected": "●", "unaffected": "○"}
_STYLES: Mapping[Mark, str] = {"plain": "", "origin": "bold yellow", "affected": "green", "unaffected": "dim"}
_MOST_LANES_FRACTION = 0.5
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One line of text.

    Attributes:
        lanes: the lines to the left, the node's marker included.
        text: what stands beside them.
        mark: how to colour it.
    """

    lanes: str
    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class _Junction:
    """One row's lanes.

    Attributes:
        lanes: per column, the node whose lane it is.
        own: the column of this row's node.
        taps: the nodes that it needs, with whether by data.
        ending: those of them whose lanes end here.
        carrying: the nodes whose lanes still carry data below this row.
    """

    lanes: Sequence[str | None]
    own: int
    taps: Mapping[str, bool]
    ending: frozenset[str]
    carrying: frozenset[str]

    def text(self, marker: str) -> str:
        """Return the row, two characters per column."""
        cells = [self._cell(column, marker) + self._line(column) for column in range(len(self.lanes))]
        return "".join(cells).rstrip()

    @property
    def _tapped(self) -> list[int]:
        return [column for column, lane in enumerate(self.lanes) if lane in self.taps]

    def _line(self, column: int) -> str:
        """Return what stands between a column and the next."""
        first, last = min([*self._tapped, self.own]), max([*self._tapped, self.own])
        if not first <= column < last:
            return " "
        beyond = [c for c in self._tapped if (c <= column if column < self.own else c > column)]
        return "─" if any(self.taps[self.lanes[c] or ""] for c in beyond) else "┄"

    def _cell(self, column: int, marker: str) -> str:
        lane = self.lanes[column]
        first, last = min([*self._tapped, self.own]), max([*self._tapped, self.own])
        if column == self.own:
            return marker
        if lane is None:
            return self._line(column)
        if lane not in self.taps:
            return "│" if lane in self.carrying else "┆"
        joints = "╰┴╯" if lane in self.ending else "├┼┤"
        return joints[0 if column == first else 2 if column == last else 1]


def write_terminal(drawing: Drawing, width: int = 100, *, colour: bool = False) -> str:
    """Return a drawing as text, no line wider than ``width`` columns.

    Args:
        drawing: acyclic.
        width: in columns.
        colour: whether to colour it with ANSI codes, for a terminal.
    """
    from rich.console import Console
    from rich.text import Text

    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        highlight=False,
    )

    def say(text: Text) -> None:
        text.truncate(width, overflow="ellipsis")
        console.print(text, soft_wrap=True)

    say(Text(f"{drawing.title} · {'main' if drawing.is_main else f'branch {drawing.branch}'}", style="bold"))
    for row in terminal_rows(drawing, width):
        say(Text.assemble((f"{row.lanes} ", "dim"), (row.text, _STYLES[row.mark])))
    legend = "   ".join(f"{_MARKERS[mark]} {text}" for mark, text in mark_texts(drawing))
    say(Text(legend, style="dim"))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).rstrip("\n") + "\n"


def terminal_rows(drawing: Drawing, width: int = 100) -> Iterator[Row]:
    """Yield the row of each node, in running order."""
    order = _reading_order(drawing)
    nodes = {node.id: node for node in drawing.nodes}
    lanes = [
        junction.text(_MARKERS[nodes[node].mark])
        for node, junction in zip(order, _junctions(order, drawing.links), strict=True)
    ]
    wide = max((len(text) for text in lanes), default=0)
    names = min(max((len(node.id) for node in drawing.nodes), default=0), _LONGEST_NAME)
    if wide > width * _MOST_LANES_FRACTION:
        # The lanes would leave no room for words: name the inputs instead.
        for node in order:
            inputs = ", ".join(_named(link) for link in drawing.links if link.target == node)
            reads = f"  ← {inputs}" if inputs else ""
            yield Row(_MARKERS[nodes[node].mark], nodes[node].id.ljust(names) + reads, nodes[node].mark)
        return
    for node, text in zip(order, lanes, strict=True):
        yield Row(text.ljust(wide), _words(nodes[node], names), nodes[node].mark)


def _words(node: DrawnNode, names: int) -> str:
    kind = "" if node.kind in {"spark", "noop"} else f"  ({kind_text(node.kind)})"
    makes = f"  → {', '.join(node.output_names)}" if node.outputs else ""
    return (node.id.ljust(names) + makes + kind).rstrip()


def _named(link: DrawnLink) -> str:
    return ", ".join(f"{link.source}.{name}" for name in link.data) or f"({link.source})"


def _reading_order(drawing: Drawing) -> tuple[str, ...]:
    """Return a running order in which each node follows closely what it needs, so that lanes are short."""
    needs: nx.DiGraph[str] = nx.DiGraph()
    needs.add_nodes_from(node.id for node in drawing.nodes)
    needs.add_edges_from((link.target, link.source) for link in drawing.links)
    placed: dict[str, None] = {}
    for end in (node for node in needs if needs.in_degree(node) == 0):
        for node in nx.dfs_postorder_nodes(needs, end):
            placed.setdefault(node)
    return tuple(placed)


def _junctions(order: Sequence[str], links: Sequence[DrawnLink]) -> Iterator[_Junction]:
    place = {node: index for index, node in enumerate(order)}
    last: dict[str, int] = {}
    last_data: dict[str, int] = {}
    taps: dict[str, dict[str, bool]] = {node: {} for node in order}
    for link in links:
        last[link.source] = max(last.get(link.source, -1), place[link.target])
        if link.data:
            last_data[link.source] = max(last_data.get(link.source, -1), place[link.target])
        taps[link.target][link.source] = bool(link.data)
    lanes: list[str | None] = []
    left: frozenset[int] = frozenset()
    for index, node in enumerate(order):
        ending = {lane: column for column, lane in enumerate(lanes) if lane in taps[node] and last[lane] == index}
        # The node goes where a lane ends anyway, else where there is room; but not straight below a node
        # that has nothing to do with it: they would look linked.
        lanes += [None] * (len(left) + 1)
        own = min(ending.values(), default=next(c for c, lane in enumerate(lanes) if lane is None and c not in left))
        while lanes[-1] is None and len(lanes) > own + 1:
            lanes.pop()
        carrying = frozenset(lane for lane in lanes if lane and last_data.get(lane, -1) > index)
        yield _Junction(tuple(lanes), own, taps[node], frozenset(ending), carrying)
        for column in ending.values():
            lanes[column] = None
        lanes[own] = node if last.get(node, -1) > index else None
        left = frozenset({*ending.values(), own} - {own if lanes[own] else -1})
        while lanes and lanes[-1] is None:
            lanes.pop()
