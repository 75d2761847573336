"""Reach and order in the graph: which nodes a branch affects, and in which order nodes run."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from pypedream_dagster.graph.model import PipelineGraph

# Not on networkx, whose import alone would be a third of what 'pypedream nodes' may take.


def affected_nodes(graph: PipelineGraph, origins: Iterable[str], *, follow_order: bool = False) -> frozenset[str]:
    """Return the origins and all that their data reaches (all that comes after them if ``follow_order``).

    NOOP nodes are reached through but do nothing, so they are left out.
    """
    after: defaultdict[str, list[str]] = defaultdict(list)
    for link in graph.links:
        if link.data or follow_order:
            after[link.source].append(link.target)
    found: set[str] = set()
    frontier = list(origins)
    while frontier:
        node = frontier.pop()
        if node not in found:
            found.add(node)
            frontier.extend(after[node])
    return frozenset(node for node in found if not graph.by_id[node].is_noop)


def running_order(graph: PipelineGraph) -> tuple[str, ...]:
    """Return all nodes, producers before consumers, ties in the order of the ids: the same for equal graphs."""
    pairs = {(link.source, link.target) for link in graph.links}
    waits_for = Counter(target for _, target in pairs)
    after: defaultdict[str, list[str]] = defaultdict(list)
    for source, target in pairs:
        after[source].append(target)
    ready = [node.id for node in graph.nodes if not waits_for[node.id]]
    heapq.heapify(ready)
    order = []
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for target in after[node]:
            waits_for[target] -= 1
            if not waits_for[target]:
                heapq.heappush(ready, target)
    return tuple(order)


def is_acyclic(graph: PipelineGraph) -> bool:
    """Tell whether no node comes before itself; ends of links need not exist."""
    try:
        TopologicalSorter(_before(graph)).prepare()
    except CycleError:
        return False
    return True


def order_among(graph: PipelineGraph, nodes: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return, for each of ``nodes``, which others of them must end before it starts.

    Direct links count, and so do paths whose inner nodes are all outside ``nodes``: what orders two jobs on
    main orders them on a branch, though the jobs between them do not run there.
    """
    direct = _before(graph)
    before: dict[str, tuple[str, ...]] = {}
    for node in sorted(nodes):
        seen: set[str] = set()
        frontier = list(direct[node])
        while frontier:
            previous = frontier.pop()
            if previous in seen:
                continue
            seen.add(previous)
            if previous not in nodes:
                frontier.extend(direct[previous])
        before[node] = tuple(sorted(seen & nodes))
    return before


def _before(graph: PipelineGraph) -> defaultdict[str, list[str]]:
    """Return the direct predecessors of each node."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for link in graph.links:
        found[link.target].append(link.source)
    return found
