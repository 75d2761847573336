"""What holds for every import: it finds again what was deployed, and merging it keeps what people wrote."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.graph.files import graph_document, parse_graph
from pypedream_dagster.graph.model import MAIN, Json, Node, PipelineGraph, render
from pypedream_dagster.importers.finding import Imported
from pypedream_dagster.importers.inference.build import Given, import_graph
from pypedream_dagster.importers.inference.nodes import Selection
from pypedream_dagster.importers.survey import Flow, JobDefinition, Survey, Task, Where
from pypedream_dagster.importers.update.check import drift_of
from pypedream_dagster.importers.update.facts import facts_of
from pypedream_dagster.importers.update.matching import folder_of
from pypedream_dagster.importers.update.merge import EMPTY, merge_graphs
from pypedream_dagster.report.imported import import_report
from pypedream_dagster.report.imported_json import import_from_json, import_to_json

from .strategies import graphs


def _places(graph: PipelineGraph, node: Node) -> dict[str, str]:
    """Return the arguments by which production tells a node's job where its data lies."""
    found = {
        node.input_argument(link.source, name): graph.by_id[link.source].outputs[name].base_uri
        for link in graph.inbound(node.id)
        for name in link.data
    }
    return {**found, **{node.output_argument(name): data.base_uri for name, data in node.outputs.items()}}


def _jobs(graph: PipelineGraph) -> dict[str, list[Node]]:
    found: defaultdict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        if node.is_job:
            found[node.job_name(MAIN)].append(node)
    return found


def deployed_jobs(graph: PipelineGraph) -> Iterator[JobDefinition]:
    """Give a graph's production jobs: a job of one node has its places as defaults."""
    for name, nodes in _jobs(graph).items():
        properties: Json = json.loads(render(json.dumps(nodes[0].metadata.properties), MAIN))
        locked = dict(properties.pop("NonOverridableArguments", {}))
        arguments = dict(properties.get("DefaultArguments") or {})
        if len(nodes) == 1:
            arguments.update(_places(graph, nodes[0]))
            # What a random graph locks lies elsewhere than the graph says: no deployment could be like that.
            locked = {key: arguments.pop(key) for key in locked if key in arguments}
            if locked:
                properties["NonOverridableArguments"] = locked
        yield JobDefinition(
            name, {**properties, "Name": name, "DefaultArguments": arguments}, Where(f"glue:job/{name}")
        )


def orchestration(graph: PipelineGraph) -> Flow:
    """Return the flow that runs a graph: nodes that share a job are told apart by their runs' arguments."""
    jobs = _jobs(graph)
    tasks = tuple(
        Task(
            node.id,
            "glue",
            Where("pipeline.asl.json", number, node.id),
            job=node.job_name(MAIN),
            arguments={} if len(jobs[node.job_name(MAIN)]) == 1 else {**_places(graph, node), "--node": node.id},
        )
        for number, node in enumerate(graph.nodes, start=1)
        if node.is_job
    )
    return Flow("pipeline", "step-functions", Where("pipeline.asl.json"), tasks, frozenset(_order(graph)))


def _order(graph: PipelineGraph) -> Iterator[tuple[str, str]]:
    """Give direct pairs of jobs; what does nothing is gone through."""
    following: defaultdict[str, list[str]] = defaultdict(list)
    for link in graph.links:
        following[link.source].append(link.target)
    for node in graph.nodes:
        if not node.is_job:
            continue
        open_, seen = list(following[node.id]), set[str]()
        while open_:
            other = open_.pop()
            if other in seen:
                continue
            seen.add(other)
            if graph.by_id[other].is_job:
                yield node.id, other
            else:
                open_ += following[other]


def found_again(graph: PipelineGraph, *, with_flow: bool) -> Imported:
    """Import what a deployment of the graph leaves behind."""
    survey = Survey(jobs=tuple(deployed_jobs(graph)), flows=(orchestration(graph),) if with_flow else ())
    return import_graph(Given(survey, Selection(all_jobs=True), sources=("glue", "step-functions")))


def _named(graph: PipelineGraph) -> dict[str, str]:
    """Return what to call each node by: its job, and what tells it from others of the job."""
    return {
        node.id: f"{node.job_name(MAIN)} {node.metadata.arguments.get('--node', '')}".strip() for node in graph.nodes
    }


def _data(graph: PipelineGraph, names: dict[str, str]) -> set[tuple[str, str, str]]:
    return {
        (names[link.source], names[link.target], folder_of(graph.by_id[link.source].outputs[name].base_uri))
        for link in graph.links
        if graph.by_id[link.target].is_job  # what does nothing reads nothing
        for name in link.data
    }


def _outputs(graph: PipelineGraph, names: dict[str, str]) -> set[tuple[str, str, str]]:
    return {
        (names[node.id], name, folder_of(data.base_uri)) for node in graph.nodes for name, data in node.outputs.items()
    }


def _alone(graph: PipelineGraph) -> PipelineGraph:
    """Return a graph whose nodes share no job."""
    document = graph_document(graph)
    for node in document["nodes"]:
        properties = node["metadata"].get("properties") or {}
        if properties.get("Name") == "shared-{branch-name}":
            properties["Name"] = f"{node['id']}-{{branch-name}}"
    return parse_graph(document)


@given(graphs())
def test_importing_the_jobs_of_a_graph_gives_that_graph_back(graph: PipelineGraph) -> None:
    graph = _alone(graph)
    imported = found_again(graph, with_flow=False)
    before, after = _named(graph), _named(imported.graph)
    assert sorted(after.values()) == sorted(before[node.id] for node in graph.nodes if node.is_job)
    assert _outputs(imported.graph, after) == _outputs(graph, before)
    assert _data(imported.graph, after) == _data(graph, before)
    assert all(link.data for link in imported.graph.links)
    assert {link.confidence for link in imported.links} <= {"high", "medium"}
    assert not [question for question in imported.questions if question.kind != "unreadable-script"]


@given(graphs())
def test_importing_jobs_and_their_orchestration_gives_order_and_shared_jobs_back(graph: PipelineGraph) -> None:
    imported = found_again(graph, with_flow=True)
    shared = {node.id for nodes in _jobs(graph).values() if len(nodes) > 1 for node in nodes}
    before = {
        node.id: f"{node.job_name(MAIN)} {node.id}" if node.id in shared else node.job_name(MAIN)
        for node in graph.nodes
    }
    after = _named(imported.graph)
    assert sorted(after.values()) == sorted(before[node.id] for node in graph.nodes if node.is_job)
    assert _outputs(imported.graph, after) == _outputs(graph, before)
    assert _data(imported.graph, after) == _data(graph, before)
    ordered = {(after[link.source], after[link.target]) for link in imported.graph.links}
    assert ordered == {(before[a], before[b]) for a, b in _order(graph)}


@given(graphs())
def test_merging_what_was_deployed_into_its_graph_adds_nothing(graph: PipelineGraph) -> None:
    imported = found_again(_alone(graph), with_flow=False).graph
    merged = merge_graphs(_alone(graph), imported)
    assert [node.id for node in merged.graph.nodes] == [node.id for node in graph.nodes]
    assert [node.outputs for node in merged.graph.nodes] == [node.outputs for node in graph.nodes]
    links = [(link.source, link.target, link.data) for link in merged.graph.links]
    assert links == [(link.source, link.target, link.data) for link in graph.links]
    assert merged.missing == ()


@st.composite
def edits(draw: st.DrawFn, document: Json) -> Json:
    """Return a graph's document as people may have edited it: renamed, deleted, added to, settled."""
    document = json.loads(json.dumps(document))
    for node in document["nodes"]:
        for name, data in list(node["metadata"].get("output_data", {}).items()):
            match draw(st.integers(0, 4)):
                case 0:
                    fields = {"uri": data} if isinstance(data, str) else data
                    node["metadata"]["output_data"][name] = {**fields, "primary_key": ["id"], "note": "mine"}
                case 1:
                    _rename_dataset(document, node, name, f"{name}_renamed")
                case _:
                    pass
    for node in list(document["nodes"]):
        match draw(st.integers(0, 7)):
            case 0:
                _rename_node(document, node, f"{node['id']}-renamed")
            case 1 if len(document["nodes"]) > 1:
                _delete_node(document, node["id"])
            case _:
                node["metadata"]["owner"] = draw(st.sampled_from(["me", "you"]))
    for link in list(document["links"]):
        match draw(st.integers(0, 4)):
            case 0:
                _delete_link(document, link)
            case 1:
                link["metadata"] = {**link.get("metadata", {}), "crawl_data": True, "note": "mine"}
            case _:
                pass
    document["nodes"].append({"id": "by-hand", "metadata": {"operation": "NOOP"}})
    document["links"].append({"source": "by-hand", "target": document["nodes"][0]["id"]})
    return document


def _rename_dataset(document: Json, node: Json, name: str, new: str) -> None:
    metadata = node["metadata"]
    metadata["output_data"] = {(new if key == name else key): item for key, item in metadata["output_data"].items()}
    arguments = metadata.get("output_arguments", {})
    metadata["output_arguments"] = {**arguments, new: arguments.pop(name, f"--{name.upper()}_DATA_SINK")}
    for link in document["links"]:
        data = link.get("metadata", {}).get("data", [])
        if link["source"] == node["id"] and name in data:
            link["metadata"]["data"] = [new if one == name else one for one in data]
            consumer = next(one["metadata"] for one in document["nodes"] if one["id"] == link["target"])
            if consumer["operation"] == "glue":
                names = consumer.setdefault("input_arguments", {})
                key = f"{node['id']}.{name}"
                names[f"{node['id']}.{new}"] = names.pop(key, f"--{name.upper()}_DATA_SOURCE")


def _rename_node(document: Json, node: Json, new: str) -> None:
    old = node["id"]
    node["id"] = new
    for link in document["links"]:
        link["source"] = new if link["source"] == old else link["source"]
        link["target"] = new if link["target"] == old else link["target"]
    for other in document["nodes"]:
        names = other["metadata"].get("input_arguments", {})
        for key in [key for key in names if key.startswith(f"{old}.")]:
            names[f"{new}{key.removeprefix(old)}"] = names.pop(key)


def _delete_node(document: Json, name: str) -> None:
    for link in [link for link in document["links"] if name in {link["source"], link["target"]}]:
        _delete_link(document, link)
    document["nodes"] = [node for node in document["nodes"] if node["id"] != name]


def _delete_link(document: Json, link: Json) -> None:
    document["links"].remove(link)
    consumer = next(node["metadata"] for node in document["nodes"] if node["id"] == link["target"])
    for name in link.get("metadata", {}).get("data", []):
        consumer.get("input_arguments", {}).pop(f"{link['source']}.{name}", None)


def _text(graph: PipelineGraph) -> str:
    return json.dumps(graph_document(graph))


def _without_record(graph: PipelineGraph) -> Any:
    return [graph_document(graph)[part] for part in ("nodes", "links")]


@given(graphs(max_nodes=12), st.booleans())
def test_merging_again_changes_nothing_and_is_no_drift(graph: PipelineGraph, with_flow: bool) -> None:
    imported = found_again(graph, with_flow=with_flow).graph
    once = merge_graphs(EMPTY, imported).graph
    assert facts_of(once) == facts_of(imported)
    twice = merge_graphs(once, imported)
    assert _text(twice.graph) == _text(once)
    assert drift_of(once, imported).exit_code == 0
    into = merge_graphs(graph, imported).graph
    assert _text(merge_graphs(into, imported).graph) == _text(into)
    assert drift_of(into, imported).exit_code == 0


@given(st.data(), graphs(max_nodes=12), st.booleans())
def test_merging_keeps_every_edit_by_hand(data: st.DataObject, graph: PipelineGraph, with_flow: bool) -> None:
    imported = found_again(graph, with_flow=with_flow).graph
    once = merge_graphs(EMPTY, imported).graph
    edited = parse_graph(data.draw(edits(graph_document(once))))
    assert drift_of(edited, imported).differences == ()
    merged = merge_graphs(edited, imported).graph
    assert facts_of(merged) == facts_of(edited)
    for old, new in ((edited.nodes, merged.nodes),):
        assert [node.id for node in new] == [node.id for node in old]
        assert [node.metadata.output_data for node in new] == [node.metadata.output_data for node in old]
        extras = [{**(node.metadata.model_extra or {}), "imported": None} for node in new]
        assert extras == [{**(node.metadata.model_extra or {}), "imported": None} for node in old]
    assert [(k.source, k.target, k.metadata.data, k.metadata.crawl_data) for k in merged.links] == [
        (k.source, k.target, k.metadata.data, k.metadata.crawl_data) for k in edited.links
    ]
    assert _text(merge_graphs(merged, imported).graph) == _text(merged)


@given(graphs(max_nodes=8), graphs(max_nodes=8))
def test_whatever_changes_in_production_is_drift_once(before: PipelineGraph, after: PipelineGraph) -> None:
    one, other = (found_again(graph, with_flow=True).graph for graph in (before, after))
    graph = merge_graphs(EMPTY, one).graph
    merged = merge_graphs(graph, other)
    told, had = facts_of(other), facts_of(one)
    if {str(fact) for fact in told if fact.kind in {"node", "link"}} != {
        str(fact) for fact in had if fact.kind in {"node", "link"}
    }:
        assert merged.differences
    assert drift_of(merged.graph, other).exit_code == 0
    assert _text(merge_graphs(merged.graph, other).graph) == _text(merged.graph)


@given(graphs(max_nodes=12), st.booleans())
def test_the_report_in_json_reads_back(graph: PipelineGraph, with_flow: bool) -> None:
    report = import_report(found_again(graph, with_flow=with_flow))
    assert import_from_json(import_to_json(report)) == report
