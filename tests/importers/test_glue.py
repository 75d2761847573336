"""Graphs from deployed jobs: what their arguments tell, and what they do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.graph.files import graph_document, parse_graph, read_graph
from pypedream_dagster.graph.model import MAIN, render
from pypedream_dagster.importers.glue import graph_of_jobs
from pypedream_dagster.importers.merge import merge_graphs

_DEMO = Path(__file__).parents[2] / "pipeline_graph" / "main.json"


def _job(name: str, *, locked: dict[str, str] | None = None, **fields: Any) -> GlueJob:
    arguments = {f"--{key}": value for key, value in fields.pop("arguments", {}).items()}
    properties = {
        "Name": name,
        "Role": "arn:aws:iam::1:role/jobs",
        "Command": {"Name": "glueetl", "ScriptLocation": f"s3://code/main/{name}.py"},
        "DefaultArguments": arguments,
        "CreatedOn": "2026-01-01",
        "SomethingNew": {"kept": True},
        **fields,
    }
    return GlueJob(name, {**properties, **({"NonOverridableArguments": locked} if locked else {})})


def _links(jobs: list[GlueJob]) -> dict[tuple[str, str], tuple[str, ...]]:
    return {(link.source, link.target): link.data for link in graph_of_jobs(jobs).graph.links}


def test_the_demos_graph_is_found_again_from_its_jobs() -> None:
    demo = read_graph(_DEMO)
    jobs = [
        GlueJob(node.job_name(MAIN), json.loads(render(json.dumps(node.metadata.properties), MAIN)))
        for node in demo.nodes
        if node.is_job
    ]
    imported = graph_of_jobs(jobs)
    assert imported.notes == ()
    ids = {node.job_name(MAIN): node.id for node in demo.nodes}
    as_demo = {node.id: ids[node.job_name(MAIN)] for node in imported.graph.nodes}
    found = {(as_demo[k.source], as_demo[k.target], data) for k in imported.graph.links for data in k.data}
    assert found == {(k.source, k.target, data) for k in demo.links for data in k.data}
    assert merge_graphs(demo, imported.graph).links == demo.links
    assert graph_of_jobs(reversed(jobs)) == imported


def test_the_convention_gives_datasets_templates_and_evidence() -> None:
    extract = _job("shop-extract-main", arguments={"BRONZE_DATA_SINK": "s3://lake/main/bronze/"})
    load = _job("shop-load-main", arguments={"BRONZE_DATA_SOURCE": "s3://lake/main/bronze"})
    graph = graph_of_jobs([load, extract]).graph
    node = graph.by_id["shop-extract"]
    assert node.metadata.properties["Name"] == "shop-extract-{branch-name}"
    assert node.metadata.properties["Command"]["ScriptLocation"] == "s3://code/{branch-name}/shop-extract-main.py"
    assert node.metadata.properties["SomethingNew"] == {"kept": True}
    assert "CreatedOn" not in node.metadata.properties
    assert node.outputs["bronze"].uri == "s3://lake/{branch-name}/bronze/"
    (link,) = graph.links
    assert link.data == ("bronze",)
    assert link.model_dump()["metadata"]["evidence"] == [
        {
            "dataset": "bronze",
            "uri": "s3://lake/main/bronze",
            "written_by": "shop-extract --BRONZE_DATA_SINK",
            "read_by": "shop-load --BRONZE_DATA_SOURCE",
            "match": "same URI",
        }
    ]


def test_other_names_are_mapped_and_paths_without_main_get_a_place_for_branches() -> None:
    jobs = [
        _job("extract", arguments={"output_path": "s3://prod/sales/orders/"}),
        _job("report", arguments={"orders_path": "s3://prod/sales/orders/", "targetDir": "s3://prod/reports/"}),
    ]
    graph = graph_of_jobs(jobs).graph
    orders = graph.by_id["extract"].outputs["orders"]
    assert (orders.main_uri, orders.uri) == (
        "s3://prod/sales/orders/",
        "s3://prod/pypedream/{branch-name}/sales/orders/",
    )
    branch = derive_branch(graph, "test", ["extract"])
    assert {node.id: dict(node.arguments) for node in branch.nodes} == {
        "extract": {"--output_path": "s3://prod/pypedream/test/sales/orders/"},
        "report": {
            "--orders_path": "s3://prod/pypedream/test/sales/orders/",
            "--targetDir": "s3://prod/pypedream/test/reports/",
        },
    }
    assert branch.write_prefixes == ("s3://code/test/", "s3://prod/pypedream/test/")


def test_what_names_do_not_tell_is_said_and_not_guessed() -> None:
    jobs = [
        _job("a", arguments={"silver_path": "s3://lake/main/silver/"}),
        _job("b", arguments={"silver_path": "s3://lake/main/silver/"}),
    ]
    imported = graph_of_jobs(jobs)
    assert imported.graph.links == ()
    assert imported.notes == (
        "s3://lake/main/silver/ is named by a (--silver_path) and b (--silver_path): who writes and who reads it "
        "cannot be told from these names. If a node writes it, add it to that node's output_data and "
        "output_arguments.",
    )


def test_glues_own_arguments_are_no_data() -> None:
    own = {
        "TempDir": "s3://lake/tmp/",
        "extra-py-files": "s3://lake/tmp/x.zip",
        "spark-event-logs-path": "s3://lake/l/",
    }
    imported = graph_of_jobs([_job("a", arguments=own), _job("b", arguments=own)])
    assert (imported.graph.links, imported.notes) == ((), ())
    assert imported.graph.by_id["a"].outputs == {}


def test_a_part_or_a_list_of_datasets_orders_only() -> None:
    jobs = [
        _job("a", arguments={"X_DATA_SINK": "s3://lake/main/x/"}),
        _job("b", arguments={"Y_DATA_SINK": "s3://lake/main/y/"}),
        _job("part", arguments={"input": "s3://lake/main/x/year=2020/"}),
        _job("both", arguments={"inputs": "s3://lake/main/x/,s3://lake/main/y/"}),
        _job("parent", arguments={"source": "s3://lake/main/"}),
    ]
    ordered = [("a", "part"), ("a", "both"), ("b", "both"), ("a", "parent"), ("b", "parent")]
    assert _links(jobs) == dict.fromkeys(ordered, ())
    assert all("for the order alone" in note for note in graph_of_jobs(jobs).notes)


def test_a_circle_loses_its_least_sure_link() -> None:
    jobs = [
        _job("a", arguments={"X_DATA_SINK": "s3://lake/main/x/", "feedback": "s3://lake/main/y/"}),
        _job("b", arguments={"X_DATA_SOURCE": "s3://lake/main/x/", "Y_DATA_SINK": "s3://lake/main/y/"}),
    ]
    assert _links(jobs) == {("a", "b"): ("x",)}
    assert "data flows one way" in graph_of_jobs(jobs).notes[0]


def test_two_writers_of_one_place_and_a_job_that_reads_itself_are_said() -> None:
    jobs = [
        _job("a", arguments={"X_DATA_SINK": "s3://lake/main/x/", "X_DATA_SOURCE": "s3://lake/main/x/"}),
        _job("b", arguments={"X_DATA_SINK": "s3://lake/main/x/part/"}),
    ]
    imported = graph_of_jobs(jobs)
    assert imported.graph.by_id["a"].outputs["x"].write_mode == "merge"
    assert imported.graph.by_id["b"].outputs == {}
    assert len(imported.notes) == 2


def test_arguments_that_cannot_be_overridden_count_too() -> None:
    jobs = [
        _job("a", locked={"--X_DATA_SINK": "s3://lake/main/x/"}),
        _job("b", arguments={"X_DATA_SOURCE": "s3://lake/main/x/"}),
    ]
    assert _links(jobs) == {("a", "b"): ("x",)}


def test_odd_names_still_make_a_graph_that_can_be_branched() -> None:
    jobs = [
        _job("main", arguments={"sink": "s3://lake/x/", "sink_path": "s3://lake/a b/x.csv"}),
        _job("x-main", arguments={"in": "s3://lake/x/*.csv"}),
        _job("x", arguments={"OUT_DATA_SINK": "s3://lake/main/o/", "source": "s3://lake/x/"}),
        _job("team/x.main.v2", arguments={"target": "not a uri"}),
    ]
    graph = graph_of_jobs(jobs).graph
    assert {node.job_name(MAIN) for node in graph.nodes} == {job.name for job in jobs}
    assert parse_graph(graph_document(graph)) == graph
    for node in graph.nodes:
        if node.outputs:
            derive_branch(graph, "test", [node.id])


def test_merging_keeps_what_people_wrote_and_adds_what_is_new() -> None:
    old = parse_graph(
        {
            "nodes": [
                {
                    "id": "extract",
                    "metadata": {
                        "operation": "glue",
                        "properties": {"Name": "shop-extract-{branch-name}", "Timeout": 5},
                        "output_data": {"orders": {"uri": "s3://lake/{branch-name}/bronze/", "primary_key": ["id"]}},
                    },
                }
            ]
        }
    )
    jobs = [
        _job("shop-extract-main", arguments={"BRONZE_DATA_SINK": "s3://lake/main/bronze/"}, Timeout=9),
        _job("shop-load-main", arguments={"BRONZE_DATA_SOURCE": "s3://lake/main/bronze/"}),
    ]
    merged = merge_graphs(old, graph_of_jobs(jobs).graph)
    extract = merged.by_id["extract"]
    assert extract.metadata.properties["Timeout"] == 9
    assert extract.metadata.properties["Name"] == "shop-extract-{branch-name}"
    assert extract.outputs["orders"].primary_key == ("id",)
    assert [(link.source, link.target, link.data) for link in merged.links] == [("extract", "shop-load", ("orders",))]
    assert merged.by_id["shop-load"].input_argument("extract", "orders") == "--BRONZE_DATA_SOURCE"
