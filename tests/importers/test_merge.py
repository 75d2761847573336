"""Merging an import into a file that people have worked on, and telling when the two have drifted apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pypedream_dagster.graph.files import graph_document, parse_graph
from pypedream_dagster.graph.model import Json, PipelineGraph
from pypedream_dagster.importers.answers import parse_answers
from pypedream_dagster.importers.survey import JobDefinition, Task, Where
from pypedream_dagster.importers.update.check import drift_document, drift_of, drift_text
from pypedream_dagster.importers.update.merge import EMPTY, Merged, merge_graphs

from .surveys import flow, imported, job, run


def _first(*parts: Any, **more: Any) -> PipelineGraph:
    return merge_graphs(EMPTY, imported(*parts, **more).graph).graph


def _edited(graph: PipelineGraph, edit: Callable[[Json], object]) -> PipelineGraph:
    """Return the graph as if somebody had edited its file."""
    document: Json = json.loads(json.dumps(graph_document(graph)))
    edit(document)
    return parse_graph(document)


def _again(graph: PipelineGraph, *parts: Any, **more: Any) -> Merged:
    """Merge an import, and see that merging it once more changes nothing and finds no drift."""
    news = imported(*parts, **more).graph
    merged = merge_graphs(graph, news)
    twice = merge_graphs(merged.graph, news)
    assert json.dumps(graph_document(twice.graph)) == json.dumps(graph_document(merged.graph))
    assert twice.differences == ()
    return merged


def _node(document: Json, name: str) -> Json:
    found: Json = next(node["metadata"] for node in document["nodes"] if node["id"] == name)
    return found


def _said(merged: Merged) -> list[str]:
    return [f"{one.change} {one.kind} {one.about}" for one in merged.differences]


EXTRACT = job("extract", {"ORDERS_DATA_SINK": "s3://lake/main/orders/"})
LOAD = job("load", {"ORDERS_DATA_SOURCE": "s3://lake/main/orders/", "CLEAN_DATA_SINK": "s3://lake/main/clean/"})
REPORT = job("report", {"CLEAN_DATA_SOURCE": "s3://lake/main/clean/"})
JOBS = (EXTRACT, LOAD, REPORT)


def test_the_same_import_again_changes_nothing() -> None:
    graph = _first(*JOBS)
    merged = _again(graph, *reversed(JOBS))
    assert merged.graph == graph
    assert (merged.differences, merged.missing) == ((), ())


def test_settings_names_and_ids_that_people_chose_stay() -> None:
    def edit(document: Json) -> None:
        load = _node(document, "load")
        load["output_data"] = {"tidy": {"uri": load["output_data"]["clean"], "primary_key": ["id"]}}
        load["output_arguments"] = {"tidy": "--CLEAN_DATA_SINK"}
        _node(document, "report")["input_arguments"] = {"loading.tidy": "--CLEAN_DATA_SOURCE"}
        for node in document["nodes"]:
            node["id"] = {"load": "loading"}.get(node["id"], node["id"])
        for link in document["links"]:
            link["source"] = {"load": "loading"}.get(link["source"], link["source"])
            link["target"] = {"load": "loading"}.get(link["target"], link["target"])
            link["metadata"]["data"] = ["tidy" if name == "clean" else name for name in link["metadata"]["data"]]
        document["links"][0]["metadata"]["crawl_data"] = True
        document["graph"]["metadata"]["name"] = "nightly"

    graph = _edited(_first(*JOBS), edit)
    merged = _again(graph, *JOBS)
    assert merged.differences == ()
    assert merged.graph.nodes == graph.nodes
    assert [(k.source, k.target, k.metadata.data, k.metadata.crawl_data) for k in merged.graph.links] == [
        ("extract", "loading", ("orders",), True),
        ("loading", "report", ("tidy",), False),
    ]
    (evidence,) = graph_document(merged.graph)["links"][1]["metadata"]["evidence"]
    assert evidence["dataset"] == "tidy"


def test_links_data_datasets_and_nodes_that_people_deleted_stay_deleted() -> None:
    def edit(document: Json) -> None:
        document["nodes"] = [node for node in document["nodes"] if node["id"] != "report"]
        _node(document, "load")["output_data"] = {}
        document["links"] = []

    graph = _edited(_first(*JOBS), edit)
    merged = _again(graph, *JOBS)
    assert merged.graph.nodes == graph.nodes
    assert (merged.graph.links, merged.differences) == ((), ())


def test_what_people_added_stays() -> None:
    def edit(document: Json) -> None:
        document["nodes"].append({"id": "start", "metadata": {"operation": "NOOP"}})
        extract = _node(document, "extract")
        extract["output_data"]["log"] = "s3://lake/{branch-name}/log/"
        extract["output_arguments"] = {"log": "--log"}
        document["links"].append({"source": "extract", "target": "report", "metadata": {"data": ["log"]}})
        document["links"].append({"source": "start", "target": "extract"})
        _node(document, "report")["input_arguments"] = {"log": "--log"}

    graph = _edited(_first(*JOBS), edit)
    merged = _again(graph, *JOBS)
    assert (merged.graph, merged.differences) == (graph, ())


def test_what_is_new_in_production_comes_in() -> None:
    audit = job("audit", {"ORDERS_DATA_SOURCE": "s3://lake/main/orders/"})
    load = job(
        "load",
        {
            "ORDERS_DATA_SOURCE": "s3://lake/main/orders/",
            "CLEAN_DATA_SINK": "s3://lake/main/clean/",
            "BAD_DATA_SINK": "s3://lake/main/bad/",
        },
    )
    merged = _again(_first(*JOBS), EXTRACT, load, REPORT, audit)
    assert _said(merged) == [
        "added dataset load.bad",
        "added node audit",
        "added link extract → audit",
        "changed job load DefaultArguments --BAD_DATA_SINK",
    ] or _said(merged) == [
        "added node audit",
        "added dataset load.bad",
        "added link extract → audit",
        "changed job load DefaultArguments --BAD_DATA_SINK",
    ]
    assert [node.id for node in merged.graph.nodes] == ["extract", "load", "report", "audit"]
    assert set(merged.graph.by_id["load"].outputs) == {"clean", "bad"}


def test_what_production_has_no_more_goes_unless_people_built_on_it() -> None:
    load = job("load", {"ORDERS_DATA_SOURCE": "s3://lake/main/orders/"})
    merged = _again(_first(*JOBS), EXTRACT, load, REPORT)
    assert merged.graph.by_id["load"].outputs == {}
    assert [(link.source, link.target) for link in merged.graph.links] == [("extract", "load")]
    assert {"removed dataset load.clean", "removed link load → report"} <= set(_said(merged))

    def edit(document: Json) -> None:
        _node(document, "load")["output_data"]["clean"] = {
            "uri": _node(document, "load")["output_data"]["clean"],
            "primary_key": ["id"],
        }

    kept = _again(_edited(_first(*JOBS), edit), EXTRACT, load, REPORT)
    assert kept.graph.by_id["load"].outputs["clean"].primary_key == ("id",)
    assert [one.kept for one in kept.differences if one.kind == "dataset"] == ["somebody edited it"]


def test_a_job_that_is_gone_is_said_and_kept() -> None:
    graph = _first(*JOBS)
    merged = _again(graph, EXTRACT, LOAD)
    assert merged.missing == ("report",)
    assert [node.id for node in merged.graph.nodes] == ["extract", "load", "report"]
    assert merged.graph.links == graph.links
    assert _said(merged) == ["removed node report"]


def test_a_node_that_people_renamed_is_missed_all_the_same() -> None:
    def rename(document: Json) -> None:
        document["nodes"][2]["id"] = "weekly"
        document["links"] = [link for link in document["links"] if link["target"] != "report"]

    merged = _again(_edited(_first(*JOBS), rename), EXTRACT, LOAD)
    assert (merged.missing, _said(merged)) == (("weekly",), ["removed node weekly"])


def test_an_answer_that_names_a_job_brings_its_name_in() -> None:
    load = job("prod-load", {"ORDERS_DATA_SOURCE": "s3://lake/main/orders/"})
    nightly = flow(run("Load", "${Env}-load"))
    graph = _first(nightly)
    assert [node.job_name("main") for node in graph.nodes] == ["${Env}-load"]

    def rename(document: Json) -> None:
        document["nodes"][0]["id"] = "loading"

    edited = _edited(graph, rename)
    merged = _again(edited, load, nightly, answers=parse_answers("parameters: {Env: prod}"))
    assert [(node.id, node.job_name("main")) for node in merged.graph.nodes] == [("loading", "prod-load")]


def test_an_answer_that_makes_a_job_of_another_takes_over_its_node() -> None:
    load = job("load", {"target_path": "s3://lake/main/x/"})

    def task(key: str, name: str, line: int) -> Task:
        return Task(key, "glue", Where("etl.json", line, key), job=name)

    nightly = flow(task("A", "ghost", 3), task("B", "load", 9), order=[("A", "B")])

    def key(document: Json) -> None:
        data = _node(document, "load")["output_data"]
        data["x"] = {"uri": data["x"], "primary_key": ["id"]}

    graph = _edited(_first(load, nightly), key)
    said = parse_answers("unknown-job: {ghost: load}")
    merged = _again(graph, load, nightly, answers=said)
    assert [(node.id, node.job_name("main")) for node in merged.graph.nodes] == [("ghost", "load"), ("load", "load")]
    assert [node.outputs["x"].primary_key for node in merged.graph.nodes if "x" in node.outputs] == [("id",)]
    assert merge_graphs(merged.graph, imported(load, nightly, answers=said).graph).missing == ()


def test_a_place_that_production_moved_is_taken_up_and_one_that_people_moved_is_kept() -> None:
    moved = job("extract", {"ORDERS_DATA_SINK": "s3://lake/main/orders_v2/"})
    reader = job(
        "load", {"ORDERS_DATA_SOURCE": "s3://lake/main/orders_v2/", "CLEAN_DATA_SINK": "s3://lake/main/clean/"}
    )

    def key(document: Json) -> None:
        data = _node(document, "extract")["output_data"]
        data["orders"] = {"uri": data["orders"], "primary_key": ["id"]}

    merged = _again(_edited(_first(*JOBS), key), moved, reader, REPORT)
    orders = merged.graph.by_id["extract"].outputs["orders"]
    assert (orders.uri, orders.primary_key) == ("s3://lake/{branch-name}/orders_v2/", ("id",))
    assert "changed dataset extract.orders" in _said(merged)

    def elsewhere(document: Json) -> None:
        _node(document, "extract")["output_data"]["orders"] = "s3://lake/{branch-name}/orders/daily/"

    graph = _edited(_first(*JOBS), elsewhere)
    assert _again(graph, *JOBS).graph == graph


def test_a_place_that_a_gone_nodes_dataset_holds_is_not_taken_and_two_may_change_places() -> None:
    def makes(name: str, place: str) -> JobDefinition:
        return job(name, {"target_path": f"s3://lake/main/{place}/"})

    merged = _again(_first(makes("load", "a"), makes("clean", "b")), makes("load", "b"))
    assert [(one.about, one.kept) for one in merged.differences if one.kind == "dataset"] == [
        ("load.a", "clean.b is there already (s3://lake/main/b/)")
    ]
    swapped = _again(_first(makes("load", "a"), makes("clean", "b")), makes("load", "b"), makes("clean", "a"))
    places = {node.id: [data.base_uri for data in node.outputs.values()] for node in swapped.graph.nodes}
    assert places == {"load": ["s3://lake/main/b/"], "clean": ["s3://lake/main/a/"]}


def test_a_dataset_that_another_node_makes_now_keeps_its_settings() -> None:
    two = job("other", {"ORDERS_DATA_SINK": "s3://lake/main/orders/"})
    before = _first(two, *JOBS)
    assert set(before.by_id["extract"].outputs) == {"orders"}

    def key(document: Json) -> None:
        data = _node(document, "extract")["output_data"]
        data["orders"] = {"uri": data["orders"], "primary_key": ["id"]}

    answers = parse_answers('"several-writers: s3://lake/main/orders/": other')
    merged = _again(_edited(before, key), two, *JOBS, answers=answers)
    assert merged.graph.by_id["extract"].outputs == {}
    assert merged.graph.by_id["other"].outputs["orders"].primary_key == ("id",)


def test_nodes_of_one_job_are_told_apart_by_their_arguments() -> None:
    load = job("load")
    nightly = flow(run("A", "load", table="a"), run("B", "load", table="b"))

    def rename(document: Json) -> None:
        for node in document["nodes"]:
            node["id"] = {"load-a": "customers"}.get(node["id"], node["id"])

    graph = _edited(_first(load, nightly), rename)
    more = flow(run("B", "load", table="b"), run("A", "load", table="a"), run("C", "load", table="c"))
    merged = _again(graph, load, more)
    assert {node.id: dict(node.metadata.arguments) for node in merged.graph.nodes} == {
        "customers": {"--table": "a"},
        "load-b": {"--table": "b"},
        "load-c": {"--table": "c"},
    }


def test_a_graph_that_was_never_imported_is_extended() -> None:
    old = parse_graph(
        {
            "nodes": [
                {
                    "id": "in",
                    "metadata": {
                        "operation": "glue",
                        "properties": {"Name": "extract", "Timeout": 5},
                        "output_data": {"sales": {"uri": "s3://lake/{branch-name}/orders/", "primary_key": ["id"]}},
                    },
                }
            ]
        }
    )
    merged = _again(old, *JOBS)
    sales = merged.graph.by_id["in"]
    assert sales.outputs["sales"].primary_key == ("id",)
    assert sales.output_argument("sales") == "--ORDERS_DATA_SINK"
    assert [(link.source, link.target, link.data) for link in merged.graph.links] == [
        ("in", "load", ("sales",)),
        ("load", "report", ("clean",)),
    ]
    assert merged.graph.by_id["load"].input_argument("in", "sales") == "--ORDERS_DATA_SOURCE"


def test_an_import_of_other_sources_takes_nothing_out() -> None:
    def from_source(graph: PipelineGraph, source: str) -> PipelineGraph:
        record = {"sources": [source], "requests": [{"queries": [source], "look_up": True}]}
        return _edited(graph, lambda document: document["graph"]["metadata"]["import"].update(record))

    one = merge_graphs(EMPTY, from_source(imported(EXTRACT, LOAD).graph, "glue a")).graph
    both = merge_graphs(one, from_source(imported(REPORT).graph, "glue b"))
    assert ([node.id for node in both.graph.nodes], both.missing) == (["extract", "load", "report"], ())
    assert both.graph.links == one.links
    record: Mapping[str, Any] = both.graph.metadata["metadata"]["import"]
    assert record["sources"] == ["glue a", "glue b"]
    assert [request["queries"] for request in record["requests"]] == [["glue a"], ["glue b"]]


def test_a_link_against_one_that_people_drew_is_left_out_and_said() -> None:
    def turn(document: Json) -> None:
        document["links"] = [{"source": "report", "target": "extract"}]

    graph = _edited(_first(EXTRACT, job("report")), turn)
    news = job("report", {"ORDERS_DATA_SOURCE": "s3://lake/main/orders/"})
    merged = _again(graph, EXTRACT, news)
    assert merged.graph.links == graph.links
    assert [one.kept for one in merged.differences if one.kind == "link"] == ["the file has report before extract"]


def test_drift_is_told_to_people_and_to_programs() -> None:
    graph = _first(*JOBS)
    assert drift_of(graph, imported(*JOBS).graph).exit_code == 0
    moved = job("extract", {"ORDERS_DATA_SINK": "s3://lake/main/orders/"}, Command={"ScriptLocation": "s3://x/new.py"})
    drift = drift_of(graph, imported(moved, LOAD, job("audit")).graph)
    assert drift.exit_code == 1
    assert drift_text(drift) == (
        "Production and the graph have drifted apart: 3 differences.\n"
        "  - node report; the file is left as it is: nodes are not removed: delete it if it is gone for good\n"
        "  + node audit\n"
        "  ~ job of node extract ScriptLocation: s3://code/main/extract.py → s3://x/new.py\n"
        "Take them up with 'pypedream import-dag … --merge'.\n"
        "In the graph, but not found in production: report.\n"
    )
    document = drift_document(drift)
    assert (document["version"], document["drifted"], document["missing"]) == (1, True, ["report"])
    assert document["differences"][1] == {
        "change": "added",
        "kind": "node",
        "about": "audit",
        "before": "",
        "after": "",
        "kept": "",
    }
    taken_up = merge_graphs(graph, imported(moved, LOAD, job("audit")).graph).graph
    assert drift_of(taken_up, imported(moved, LOAD, job("audit")).graph).exit_code == 0


def test_how_sure_somebody_is_of_a_link_stays_and_else_follows_the_import() -> None:
    def sure(number: int, confidence: str) -> Callable[[Json], object]:
        return lambda document: document["links"][number]["metadata"].update(confidence=confidence)

    edited = _edited(_first(*JOBS), sure(0, "certain"))
    assert (_again(edited, *JOBS).graph, _again(edited, *JOBS).differences) == (edited, ())
    surer = _edited(imported(*JOBS).graph, sure(1, "surer"))
    merged = merge_graphs(edited, surer)
    links = graph_document(merged.graph)["links"]
    assert [link["metadata"]["confidence"] for link in links] == ["certain", "surer"]
    assert merged.differences == ()
    assert merge_graphs(merged.graph, surer).graph == merged.graph


def test_a_place_that_an_argument_names_is_taken_up_though_it_is_called_otherwise() -> None:
    moved = job("load", {"source_path": "s3://lake/main/in/", "target_path": "s3://lake/main/clean_v2/"})
    before = job("load", {"source_path": "s3://lake/main/in/", "target_path": "s3://lake/main/clean/"})

    def key(document: Json) -> None:
        document["nodes"][0]["id"] = "loading"
        data = document["nodes"][0]["metadata"]["output_data"]
        data["clean"] = {"uri": data["clean"], "primary_key": ["id"]}

    merged = _again(_edited(_first(before), key), moved)
    assert "changed dataset loading.clean" in _said(merged)
    clean = merged.graph.by_id["loading"].outputs["clean"]
    assert (clean.base_uri, clean.primary_key) == ("s3://lake/main/clean_v2/", ("id",))
    back = _again(merged.graph, before)
    assert back.graph.by_id["loading"].outputs["clean"].base_uri == "s3://lake/main/clean/"


def test_of_a_job_s_nodes_one_deleted_by_hand_and_one_gone_from_production_are_not_the_same() -> None:
    load = job("load", {"target_path": "s3://lake/main/x/"})
    eu, us = run("EU", "load", target_path="s3://lake/main/eu/"), run("US", "load", target_path="s3://lake/main/us/")

    def delete(document: Json) -> None:
        document["nodes"] = [node for node in document["nodes"] if node["id"] != "load-eu"]

    graph = _edited(_first(load, flow(eu, us)), delete)
    merged = _again(graph, load, flow(eu))
    assert _said(merged) == ["removed node load-us"]
    assert merged.graph.nodes == graph.nodes
    assert _again(merged.graph, load, flow(eu)).missing == merged.missing == ("load-us",)
    assert _again(merged.graph, load, flow(eu, us)).graph.nodes == graph.nodes


def test_a_node_that_is_missed_is_not_another_that_is_called_as_it_was() -> None:
    load = job("load")
    one = run("A", "load", table="a", target_path="s3://lake/main/a/")
    two = run("B", "load", table="b", target_path="s3://lake/main/b/")
    more = run("B", "load", table="b", target_path="s3://lake/main/b/", mode="full")
    first = _again(_first(load, flow(one, two)), load, flow(one, more))
    (gone,) = first.missing
    other = run("A", "load", table="a", target_path="s3://lake/main/a/", mode="full")
    again = _again(first.graph, load, flow(other, more))
    assert gone in again.missing


@pytest.mark.parametrize("field", ["sources", "requests", "answers", "questions", "told", "missing"])
@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [1, None, {"x": [1]}, ["a"]], {"node > a": [1], "x": None}])
def test_a_record_that_somebody_has_spoilt_stops_no_merge(field: str, value: Any) -> None:
    def spoil(document: Json) -> None:
        document["graph"]["metadata"]["import"][field] = value

    graph = _edited(_first(*JOBS), spoil)
    merged = _again(graph, *JOBS)
    assert [node.id for node in merged.graph.nodes] == ["extract", "load", "report"]
    assert drift_text(drift_of(merged.graph, imported(*JOBS).graph)) == "Production is as the graph has it.\n"
