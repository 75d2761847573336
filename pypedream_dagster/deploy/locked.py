"""What only production's jobs as deployed now can tell: further arguments to override, and jobs that forbid it."""

from __future__ import annotations

from collections.abc import Mapping

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.branch.isolation import own_arguments
from pypedream_dagster.branch.model import BranchGraph, BranchNode


def with_live_arguments(graph: BranchGraph, production: Mapping[str, GlueJob]) -> BranchGraph:
    """Return the graph with the arguments that keep what Glue itself writes for the deployed jobs off main."""
    nodes = []
    for node in graph.nodes:
        job = production[node.id]
        given = {**job.default_arguments, **job.non_overridable_arguments}
        own = own_arguments(given, graph.write_prefixes[0], node.id)
        nodes.append(node.model_copy(update={"arguments": {**own, **node.arguments}}))
    return graph.model_copy(update={"nodes": tuple(nodes)})


def locked_nodes(graph: BranchGraph, production: Mapping[str, GlueJob]) -> dict[str, str]:
    """Return the nodes that would be started on production's job in vain, each with the reason."""
    found: dict[str, str] = {}
    for node in graph.nodes:
        if node.action == "reuse":
            fixed = sorted(set(production[node.id].non_overridable_arguments) & set(node.arguments))
            if fixed:
                found[node.id] = f"production's job does not let {', '.join(fixed)} be overridden"
    return found


def with_clones(graph: BranchGraph, reasons: Mapping[str, str]) -> BranchGraph:
    """Return the graph with further nodes cloned, each for its reason; their scripts stay production's."""
    taken = {node.job for node in graph.nodes} | {node.production_job for node in graph.nodes}
    nodes: list[BranchNode] = []
    for node in graph.nodes:
        if node.id in reasons and node.action == "reuse":
            name = f"{node.production_job}-{graph.branch}"
            name = f"{name}-{node.id}" if name in taken else name
            taken.add(name)
            changes = {"action": "clone", "job": name, "why_cloned": reasons[node.id]}
            nodes.append(node.model_copy(update=changes))
        else:
            nodes.append(node)
    return graph.model_copy(update={"nodes": tuple(nodes)})
