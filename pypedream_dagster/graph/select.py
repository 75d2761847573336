"""Reach and order in the graph: which nodes a branch affects, and in which order nodes run."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx

from pypedream_dagster.graph.model import PipelineGraph


def as_networkx(graph: PipelineGraph, *, data_only: bool = False) -> nx.DiGraph[str]:
    """Return the graph as networkx sees it, without the links that only order if ``data_only``."""
    result: nx.DiGraph[str] = nx.DiGraph()
    result.add_nodes_from(node.id for node in graph.nodes)
    result.add_edges_from((link.source, link.target) for link in graph.links if link.data or not data_only)
    return result


def affected_nodes(graph: PipelineGraph, origins: Iterable[str], *, follow_order: bool = False) -> frozenset[str]:
    """Return the origins and all that their data reaches (all that comes after them if ``follow_order``).

    NOOP nodes are reached through but do nothing, so they are left out.
    """
    reach = as_networkx(graph, data_only=not follow_order)
    found: set[str] = set()
    for origin in origins:
        found |= {origin} | nx.descendants(reach, origin)
    return frozenset(node for node in found if not graph.by_id[node].is_noop)


def running_order(graph: PipelineGraph) -> tuple[str, ...]:
    """Return all nodes, producers before consumers, ties in the order of the ids: the same for equal graphs."""
    return tuple(nx.lexicographical_topological_sort(as_networkx(graph)))


def order_among(graph: PipelineGraph, nodes: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Return, for each of ``nodes``, which others of them must end before it starts.

    Direct links count, and so do paths whose inner nodes are all outside ``nodes``: what orders two jobs on
    main orders them on a branch, though the jobs between them do not run there.
    """
    whole = as_networkx(graph)
    before: dict[str, tuple[str, ...]] = {}
    for node in sorted(nodes):
        seen: set[str] = set()
        frontier = list(whole.predecessors(node))
        while frontier:
            previous = frontier.pop()
            if previous in seen:
                continue
            seen.add(previous)
            if previous not in nodes:
                frontier.extend(whole.predecessors(previous))
        before[node] = tuple(sorted(seen & nodes))
    return before
