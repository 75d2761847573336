"""``pypedream nodes``."""

from __future__ import annotations

from typing import Any

import click

from pypedream_dagster.cli.invocation import Invocation, pass_invocation
from pypedream_dagster.cli.options import json_option
from pypedream_dagster.cli.output import note, print_json, print_table
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.graph.model import MAIN, Node, PipelineGraph
from pypedream_dagster.graph.select import affected_nodes, running_order

_KINDS = {"glueetl": "Spark", "pythonshell": "Python shell", "gluestreaming": "Spark streaming", "glueray": "Ray"}


@click.command("nodes")
@json_option
@pass_invocation
def command(invocation: Invocation, as_json: bool) -> None:
    """List the nodes that can be branched.

    For each: its Glue job on main, what it reads and writes, and which nodes a branch at it would run.
    """
    graph = read_graph(invocation.settings().graph_path)
    jobs = [graph.by_id[node] for node in running_order(graph) if graph.by_id[node].is_job]
    others = [node.id for node in graph.nodes if not node.is_job]
    if as_json:
        print_json({"nodes": [_document(graph, node) for node in jobs], "cannot_be_branched": others})
        return
    print_table(
        ("NODE", "JOB ON MAIN", "KIND", "READS", "WRITES", "AFFECTS"),
        [_row(graph, node) for node in jobs],
        right=("AFFECTS",),
    )
    if others:
        note(f"\nNot branchable, being no Glue jobs: {', '.join(others)}.")


def _row(graph: PipelineGraph, node: Node) -> tuple[str, ...]:
    reads = [name for link in graph.inbound(node.id) for name in link.data]
    return (
        node.id,
        node.job_name(MAIN),
        _kind(node),
        ", ".join(reads) or "-",
        ", ".join(node.outputs) or "-",
        str(len(affected_nodes(graph, [node.id]))),
    )


def _document(graph: PipelineGraph, node: Node) -> dict[str, Any]:
    affected = affected_nodes(graph, [node.id])
    return {
        "node": node.id,
        "job": node.job_name(MAIN),
        "kind": _kind(node),
        "inputs": [
            {"producer": link.source, "dataset": name, "uri": graph.by_id[link.source].outputs[name].base_uri}
            for link in graph.inbound(node.id)
            for name in link.data
        ],
        "outputs": [{"dataset": name, "uri": data.base_uri} for name, data in node.outputs.items()],
        "affects": [other for other in running_order(graph) if other in affected],
    }


def _kind(node: Node) -> str:
    command = node.metadata.properties.get("Command")
    name = str(command.get("Name", "")) if isinstance(command, dict) else ""
    return _KINDS.get(name, name or "Glue")
