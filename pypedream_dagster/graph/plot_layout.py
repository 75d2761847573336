"""Layered layout, left to right along the data: which column, which order in it, and where exactly.

Three classic steps (Sugiyama, Tagawa, Toda 1981): layers by longest path, fewer crossings by barycenter sweeps,
coordinates by least squares. Links that span several layers pass through a lane in each; all links out of one
port share their lanes, so that a dataset with many readers is one trunk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

from pypedream_dagster.graph.drawing import Drawing

ORDER_PORT = ""
"""The port of links that only order; other ports are called as their dataset."""

_SWEEPS = 12
_RELAXATIONS = 16
_LANE_HEIGHT = 10.0
_LANE_WEIGHT = 4.0


@dataclass(frozen=True, slots=True)
class Slot:
    """A vertex of the layered graph: a node, or the lane in which a port's links pass through a layer."""

    layer: int
    node: str
    port: str | None = None

    @property
    def is_lane(self) -> bool:
        """Tell whether links only pass through here."""
        return self.port is not None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies.

    Attributes:
        layers: per layer, its slots from top to bottom.
        centre: vertical middle of each slot.
        route: per (source, port, target), the slots that a link passes, both ends included.
    """

    layers: tuple[tuple[Slot, ...], ...]
    centre: Mapping[Slot, float]
    route: Mapping[tuple[str, str, str], tuple[Slot, ...]]


def lay_out(drawing: Drawing, height: Callable[[str], float], rise: Callable[[str, str], float]) -> Layout:
    """Return a layout in which nothing overlaps: the same for equal drawings.

    Args:
        drawing: acyclic.
        height: of a node's box.
        rise: how far below a node's middle the links of one of its ports would like to end.
    """
    layer = _layers(drawing)
    route = _routes(drawing, layer)
    edges = {(a, b) for slots in route.values() for a, b in pairwise(slots)}
    slots = [Slot(layer[node.id], node.id) for node in drawing.nodes]
    lanes = sorted({slot for path in route.values() for slot in path if slot.is_lane}, key=repr)
    columns: list[list[Slot]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for slot in (*slots, *lanes):
        columns[slot.layer].append(slot)
    ordered = _order(columns, edges)
    rises: dict[tuple[Slot, Slot], float] = dict.fromkeys(edges, 0.0)
    for (source, port, _), path in route.items():
        rises[path[0], path[1]] = rise(source, port)
    size = {slot: _LANE_HEIGHT if slot.is_lane else height(slot.node) for slot in (*slots, *lanes)}
    return Layout(tuple(tuple(column) for column in ordered), _centres(ordered, size, rises), route)


def _layers(drawing: Drawing) -> dict[str, int]:
    """Return each node's column: after all that it needs; a source stands just before its first reader."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(node.id for node in drawing.nodes)
    graph.add_edges_from((link.source, link.target) for link in drawing.links)
    layer: dict[str, int] = {}
    for node in nx.topological_sort(graph):
        layer[node] = 1 + max((layer[before] for before in graph.predecessors(node)), default=-1)
    for node in graph:
        if graph.in_degree(node) == 0 and graph.out_degree(node) > 0:
            layer[node] = min(layer[after] for after in graph.successors(node)) - 1
    return layer


def _routes(drawing: Drawing, layer: Mapping[str, int]) -> dict[tuple[str, str, str], tuple[Slot, ...]]:
    route: dict[tuple[str, str, str], tuple[Slot, ...]] = {}
    for link in drawing.links:
        for port in link.data or (ORDER_PORT,):
            between = range(layer[link.source] + 1, layer[link.target])
            lanes = (Slot(at, link.source, port) for at in between)
            ends = Slot(layer[link.source], link.source), Slot(layer[link.target], link.target)
            route[link.source, port, link.target] = (ends[0], *lanes, ends[1])
    return route


def _order(columns: Sequence[Sequence[Slot]], edges: Iterable[tuple[Slot, Slot]]) -> list[list[Slot]]:
    """Return the columns reordered by barycenter sweeps, the best of them all."""
    before: defaultdict[Slot, list[Slot]] = defaultdict(list)
    after: defaultdict[Slot, list[Slot]] = defaultdict(list)
    for left, right in sorted(edges, key=repr):
        before[right].append(left)
        after[left].append(right)
    current = [list(column) for column in columns]
    best, fewest = [list(column) for column in current], _crossings(current, after)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        neighbours = before if forward else after
        indices = range(1, len(current)) if forward else range(len(current) - 2, -1, -1)
        for index in indices:
            other = current[index - 1 if forward else index + 1]
            place = {slot: position for position, slot in enumerate(other)}
            own = {slot: position for position, slot in enumerate(current[index])}
            current[index].sort(key=lambda slot: _mean([place[n] for n in neighbours[slot]], own[slot]))
        crossings = _crossings(current, after)
        if crossings < fewest:
            best, fewest = [list(column) for column in current], crossings
    return best


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _crossings(columns: Sequence[Sequence[Slot]], after: Mapping[Slot, Sequence[Slot]]) -> int:
    total = 0
    for left, right in pairwise(columns):
        place = {slot: position for position, slot in enumerate(right)}
        ends = [sorted(place[target] for target in after.get(slot, ())) for slot in left]
        seen: list[int] = []
        for targets in ends:
            total += sum(earlier > target for target in targets for earlier in seen)
            seen += targets
    return total


def _centres(
    columns: Sequence[Sequence[Slot]],
    size: Mapping[Slot, float],
    rises: Mapping[tuple[Slot, Slot], float],
    gap: float = 22.0,
) -> dict[Slot, float]:
    """Return vertical middles: each slot as near to its neighbours as the order and the gaps allow.

    Args:
        columns: in their final order.
        size: height of each slot.
        rises: per edge, how far below the left slot's middle the right one's must lie for a straight line.
        gap: least space between two slots.
    """
    pulls: defaultdict[Slot, list[tuple[Slot, float]]] = defaultdict(list)
    for (left, right), offset in sorted(rises.items(), key=repr):
        pulls[right].append((left, offset))
        pulls[left].append((right, -offset))
    centre: dict[Slot, float] = {}
    for column in columns:
        total = sum(size[slot] + gap for slot in column)
        y = -total / 2
        for slot in column:
            centre[slot] = y + size[slot] / 2
            y += size[slot] + gap
    for turn in range(_RELAXATIONS):
        for column in columns if turn % 2 == 0 else list(reversed(columns)):
            wanted = [_mean([centre[other] + by for other, by in pulls[slot]], centre[slot]) for slot in column]
            spaces = [(size[a] + size[b]) / 2 + gap for a, b in pairwise(column)]
            weights = [_LANE_WEIGHT if slot.is_lane else 1.0 for slot in column]
            centre.update(zip(column, _spread(wanted, spaces, weights), strict=True))
    top = min((centre[slot] - size[slot] / 2 for slot in centre), default=0.0)
    return {slot: value - top for slot, value in centre.items()}


def _spread(wanted: Sequence[float], spaces: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the positions nearest to ``wanted`` in weighted least squares that keep order and spaces.

    With the spaces taken off, this is isotonic regression, solved by pooling adjacent violators.
    """
    offsets = [0.0]
    for space in spaces:
        offsets.append(offsets[-1] + space)
    pools: list[tuple[float, float, int]] = []
    for target, offset, weight in zip(wanted, offsets, weights, strict=False):
        mean, total, count = target - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other_mean, other_total, other_count = pools.pop()
            mean = (mean * total + other_mean * other_total) / (total + other_total)
            total, count = total + other_total, count + other_count
        pools.append((mean, total, count))
    flat = [mean for mean, _, count in pools for _ in range(count)]
    return [value + offset for value, offset in zip(flat, offsets, strict=False)]
