"""What is remembered of main's data with a run, and which sources of a job count."""

from __future__ import annotations

from typing import Any

from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.run.isolation import Snapshot
from pypedream_dagster.run.main_data import data_before, list_main, sources

from .conftest import Lake


def _graph(arguments: dict[str, str]) -> Any:
    def node(name: str, output: str, given: dict[str, str]) -> dict[str, Any]:
        properties = {
            "Name": f"{name}-{{branch-name}}",
            "Role": "role",
            "Command": {"Name": "glueetl", "ScriptLocation": f"s3://lake/{{branch-name}}/scripts/{name}.py"},
            "DefaultArguments": given,
        }
        outputs = {output: f"s3://lake/{{branch-name}}/data/{output}/"}
        return {"id": name, "metadata": {"operation": "glue", "properties": properties, "output_data": outputs}}

    nodes = [node("extract", "bronze", arguments), node("transform", "silver", {})]
    links = [{"source": "extract", "target": "transform", "metadata": {"data": ["bronze"]}}]
    return derive_branch(parse_graph({"directed": True, "nodes": nodes, "links": links}), "test", ["extract"])


def test_sources_are_what_main_reads_and_no_node_writes() -> None:
    given = {
        "--RAW": "s3://raw/flights/*.csv",
        "--TWO": "s3://raw/a/,s3://raw/b/",
        "--LAKE": "s3://lake/",  # the common root of everything
        "--TempDir": "s3://lake/main/temporary/",  # the branch has its own
        "--BRONZE_DATA_SINK": "s3://lake/main/data/bronze/",
        "--NAME": "no place",
    }
    graph = _graph(given)
    assert sources(graph, graph.by_id["extract"]) == ("s3://raw/a/", "s3://raw/b/", "s3://raw/flights")
    assert sources(graph, graph.by_id["transform"]) == ()


def test_a_listing_is_known_again_and_any_change_is_seen(lake: Lake) -> None:
    s3, uri = lake.aws.s3, f"s3://{lake.bucket}/main/data/x/"
    s3.write(f"{uri}a", "1")
    s3.write(f"s3://{lake.bucket}/main/data/x2/a", "the neighbour's")
    graph = _graph({"--RAW": uri, "--GONE": "s3://no-such-bucket-anywhere/raw/"})
    (source,) = data_before(s3, graph, graph.by_id["extract"], Snapshot((), {}))  # what cannot be listed is left out
    assert (source.objects, source.bytes) == (1, 1)
    assert source.is_same(list_main(s3, uri))
    s3.write(f"{uri}a", "2")
    assert not source.is_same(list_main(s3, uri))
    s3.write(f"{uri}a", "1")
    assert source.is_same(list_main(s3, uri))
    s3.write(f"{uri}b", "")
    assert not source.is_same(list_main(s3, uri))
