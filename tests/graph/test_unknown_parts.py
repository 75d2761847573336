"""A graph of which an import could not tell all: ``${name}`` in URIs validates, plots and derives."""

from __future__ import annotations

from typing import Any

import pytest

from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.reach import reach_of
from pypedream_dagster.branch.store import graph_document
from pypedream_dagster.errors import BranchError, GraphError
from pypedream_dagster.graph.drawing import drawing_of
from pypedream_dagster.graph.files import graph_document as main_document
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.uri import is_uri, parse_uri, unknown_parts


def _node(name: str, **metadata: Any) -> dict[str, Any]:
    return {"id": name, "metadata": {"operation": "glue", "properties": {"Name": f"job-{name}"}, **metadata}}


def _document() -> dict[str, Any]:
    bronze = {"uri": "s3://${LakeBucket}/pypedream/{branch-name}/bronze/", "main_uri": "s3://${LakeBucket}/bronze/"}
    silver = {"uri": "s3://lake/pypedream/{branch-name}/silver/", "main_uri": "s3://lake/${zone}/silver/"}
    evidence = [{"kind": "same-uri", "confidence": "high", "place": "s3://${LakeBucket}/bronze/"}]
    link = {
        "source": "extract",
        "target": "transform",
        "metadata": {"data": ["bronze"], "evidence": evidence, "confidence": "high"},
    }
    write = {"what": "s3://lake/other/", "at": "load.py:7", "why": "no argument moves it"}
    return {
        "graph": {"metadata": {}, "questions": [{"id": "parameter:1", "text": "What is LakeBucket?"}]},
        "nodes": [
            _node("extract", output_data={"bronze": bronze}),
            _node("transform", output_data={"silver": silver}, unexplained_writes=[write]),
        ],
        "links": [link],
    }


@pytest.mark.parametrize(
    "uri",
    [
        "s3://${LakeBucket}/raw/",
        "s3://lake-${AWS::AccountId}-${Stage}/raw/${table}/",
        "s3a://lake/${a}${b}",
        "s3://${x}",
    ],
)
def test_a_uri_may_have_unknown_parts(uri: str) -> None:
    assert is_uri(uri)
    assert unknown_parts(uri)
    assert not parse_uri(uri).is_known


@pytest.mark.parametrize("uri", ["s3://${}/x/", "s3://${a b}/x/", "s3://-${a}/x/", "s3://$x/y/", "s3://lake/${a}/../"])
def test_not_every_sign_is_one(uri: str) -> None:
    assert not is_uri(uri)


def test_such_a_graph_is_valid_plots_and_derives() -> None:
    graph = parse_graph(_document())
    assert dict(drawing_of(graph).nodes[0].outputs) == {"bronze": "s3://${LakeBucket}/bronze/"}
    branch = derive_branch(graph, "test", ["extract"])
    assert branch.by_id["extract"].outputs[0].head_uri == "s3://${LakeBucket}/pypedream/test/bronze/"
    assert branch.by_id["transform"].unexplained_writes[0].at == "load.py:7"


def test_what_an_import_says_beside_is_kept() -> None:
    document = _document()
    assert main_document(parse_graph(document))["links"] == document["links"]
    assert main_document(parse_graph(document))["graph"] == document["graph"]
    assert main_document(parse_graph(document))["nodes"] == document["nodes"]
    assert graph_document(derive_branch(parse_graph(document), "test", ["extract"]))["nodes"]


@pytest.mark.parametrize(
    ("uri", "main_uri", "fault"),
    [
        ("s3://${Lake}/{branch-name}/{x}/", None, "unresolved placeholder {x}"),
        ("s3://${Lake}/${branch-name}/x/", "s3://l/x/", "branch-name"),
        ("s3://${Lake}/x/", "s3://l/x/", "has no {branch-name}"),
        ("s3://${Lake}/{branch-name}/x/", "s3://${Lake}/{y}/", "may not hold {y}"),
    ],
)
def test_other_braces_are_faults_as_ever(uri: str, main_uri: str | None, fault: str) -> None:
    data = {"uri": uri} | ({"main_uri": main_uri} if main_uri else {})
    with pytest.raises(GraphError) as caught:
        parse_graph({"nodes": [_node("a", output_data={"x": data})]})
    assert any(fault in text for text in caught.value.faults), caught.value.faults


def test_overlaps_are_those_of_the_text() -> None:
    document = _document()
    document["nodes"][1]["metadata"]["output_data"]["silver"]["main_uri"] = "s3://${LakeBucket}/bronze/deep/"
    with pytest.raises(GraphError) as caught:
        parse_graph(document)
    assert "lies inside extract.bronze" in caught.value.faults[0]


def test_a_policy_names_only_what_is_known() -> None:
    reach = reach_of(parse_graph(_document()))
    assert "${" not in f"{reach.buckets}{reach.main_objects}{reach.branch_objects}"
    document = _document()
    del document["nodes"][1], document["links"][0]
    with pytest.raises(BranchError, match="not known"):
        reach_of(parse_graph(document))
