"""A branch's scripts with their literal places turned into arguments, and its graph with what that settles. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import unified_diff

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.deploy.hazards.places import arguments_of
from pypedream_dagster.deploy.hazards.unexplained import unsettled_writes
from pypedream_dagster.graph.model import Dataset, PipelineGraph
from pypedream_dagster.graph.uri import unknown_parts
from pypedream_dagster.script.reading import read_script
from pypedream_dagster.script.rewrite import LiteralPlace, Rewriting, rewrite_literals


def literal_places(main: PipelineGraph, node: BranchNode) -> tuple[LiteralPlace, ...]:
    """Return main's places that a node's script should take from arguments: its outputs, then its inputs."""
    found = [
        _place(output.base_uri, output.head_uri, output.argument, output.settings, output.base_table)
        for output in node.outputs
    ]
    for item in node.inputs:
        data = main.by_id[item.producer].outputs[item.dataset]
        place = _place(data.base_uri, item.uri, item.argument, data, data.table)
        named = naming.table_argument(item.argument) if item.table is not None else None
        found.append(replace(place, table_argument=named, stays=item.side == "base"))
    return tuple(place for place in found if not unknown_parts(place.uri))


def rewritten_scripts(main: PipelineGraph, graph: BranchGraph, scripts: Mapping[str, bytes]) -> dict[str, Rewriting]:
    """Return the scripts of a branch's origins after rewriting, by node."""
    nodes = [graph.by_id[origin] for origin in scripts]
    return {node.id: rewrite_literals(scripts[node.id], literal_places(main, node), _arguments(node)) for node in nodes}


def settled(graph: BranchGraph, scripts: Mapping[str, bytes]) -> BranchGraph:
    """Return a branch's graph without the unexplained writes that its scripts do no more."""
    return graph.model_copy(
        update={"nodes": tuple(_settled(graph, node, scripts.get(node.id)) for node in graph.nodes)}
    )


def _settled(graph: BranchGraph, node: BranchNode, script: bytes | None) -> BranchNode:
    if script is None or not node.unexplained_writes:
        return node
    left = unsettled_writes(node, read_script(script), _arguments(node), graph.write_prefixes)
    return node.model_copy(update={"unexplained_writes": left})


def _arguments(node: BranchNode) -> Mapping[str, str]:
    defaults = node.properties.get("DefaultArguments")
    return arguments_of(node, defaults if isinstance(defaults, dict) else {})


def script_diff(path: str, before: bytes, after: bytes) -> Iterator[str]:
    """Give the lines of a unified diff of a script."""
    old, new = (body.decode("utf-8-sig", errors="replace").splitlines() for body in (before, after))
    yield from unified_diff(old, new, f"production's {path}", path, lineterm="")


def _place(base: str, given: str, argument: str, dataset: Dataset, table: str | None) -> LiteralPlace:
    """Return main's place; it ends in a slash if what the branch is given does."""
    uri = base.rstrip("/") + "/" * given.endswith("/")
    return LiteralPlace(uri, argument, table, format=dataset.format, partition_columns=tuple(dataset.partition_columns))
