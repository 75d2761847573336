"""Extending a graph by an imported one: what people wrote into the file stays."""

from __future__ import annotations

from collections.abc import Mapping

from pypedream_dagster.graph.files import graph_document, parse_graph
from pypedream_dagster.graph.model import MAIN, Json, Node, PipelineGraph
from pypedream_dagster.graph.uri import parse_uri

_Datasets = Mapping[tuple[str, str], str]


def merge_graphs(existing: PipelineGraph, imported: PipelineGraph) -> PipelineGraph:
    """Return the existing graph with the imported jobs brought in.

    Nodes are matched by their Glue job, datasets by where they lie on main: one that is there keeps its name
    and settings. Jobs get their fields as deployed now; datasets, links and nodes that are not there are added.

    Raises:
        GraphError: the two contradict each other; all faults are listed.
    """
    by_job = {node.job_name(MAIN): node.id for node in existing.nodes if node.is_job}
    ids = {node.id: by_job.get(node.job_name(MAIN), node.id) for node in imported.nodes}
    datasets = _dataset_names(existing, imported, ids)
    document, incoming = graph_document(existing), graph_document(imported)
    nodes = {node["id"]: node for node in document["nodes"]}
    for raw in incoming["nodes"]:
        node = imported.by_id[raw["id"]]
        target = nodes.setdefault(ids[node.id], {**raw, "id": ids[node.id]})
        if ids[node.id] in existing.by_id:
            _merge_node(target["metadata"], raw["metadata"], node, datasets)
    links = {(link["source"], link["target"]): link for link in document["links"]}
    for link in incoming["links"]:
        ends = (ids[link["source"]], ids[link["target"]])
        carried = [datasets[link["source"], name] for name in link["metadata"]["data"]]
        here = links.setdefault(ends, {**link, "source": ends[0], "target": ends[1], "metadata": {"data": []}})
        metadata = here.setdefault("metadata", {})
        new = [name for name in carried if name not in metadata.get("data", [])]
        if not new and ends in {(old.source, old.target) for old in existing.links}:
            continue
        here["metadata"] = {**link["metadata"], **metadata, "data": [*metadata.get("data", []), *new]}
        _name_inputs(nodes[ends[1]]["metadata"], imported.by_id[link["target"]], link, ends[0], datasets)
    return parse_graph(
        {**document, "nodes": list(nodes.values()), "links": list(links.values())}, source="the merged graph"
    )


def _dataset_names(existing: PipelineGraph, imported: PipelineGraph, ids: Mapping[str, str]) -> _Datasets:
    """Return what each imported dataset is called in the merged graph."""
    found: dict[tuple[str, str], str] = {}
    for node in imported.nodes:
        old = existing.by_id.get(ids[node.id])
        places = {parse_uri(data.base_uri).folder: name for name, data in old.outputs.items()} if old else {}
        for name, data in node.outputs.items():
            found[node.id, name] = places.get(parse_uri(data.base_uri).folder, name)
    return found


def _merge_node(target: Json, raw: Json, node: Node, datasets: _Datasets) -> None:
    target["properties"] = {**raw["properties"], "Name": target.get("properties", {}).get("Name", node.id)}
    outputs = target.setdefault("output_data", {})
    for name in node.outputs:
        if datasets[node.id, name] not in outputs:
            outputs[name] = raw["output_data"][name]
            if name in node.metadata.output_arguments:
                target.setdefault("output_arguments", {})[name] = node.metadata.output_arguments[name]


def _name_inputs(target: Json, consumer: Node, link: Json, producer: str, datasets: _Datasets) -> None:
    """Say by which argument the consumer takes what the link carries, where the dataset's name does not."""
    names = dict(target.get("input_arguments") or {})
    for dataset in link["metadata"]["data"]:
        merged = datasets[link["source"], dataset]
        argument = consumer.input_argument(link["source"], dataset)
        names.pop(f"{link['source']}.{dataset}", None)
        if argument != f"--{merged.upper()}_DATA_SOURCE":
            names.setdefault(f"{producer}.{merged}", argument)
    if names or "input_arguments" in target:
        target["input_arguments"] = names
