"""Validation: every fault at once, each with its place; what is sound passes."""

from __future__ import annotations

from typing import Any

import pytest

from pypedream_dagster.errors import GraphError
from pypedream_dagster.graph.files import parse_graph


def _job(node_id: str, **outputs: Any) -> dict[str, Any]:
    return {
        "id": node_id,
        "metadata": {"operation": "glue", "properties": {"Name": f"job-{node_id}"}, "output_data": outputs},
    }


def _faults(nodes: list[Any], links: list[Any] | None = None) -> tuple[str, ...]:
    try:
        parse_graph({"nodes": nodes, "links": links or []})
    except GraphError as error:
        return error.faults
    return ()


def _link(source: str, target: str, *data: str) -> dict[str, Any]:
    return {"source": source, "target": target, "metadata": {"data": list(data)}}


def test_all_faults_at_once() -> None:
    nodes = [
        _job("a", x="s3://bucket/{branch-name}/x/", nested="s3://bucket/{branch-name}/x/inner/"),
        _job("b", y="s3://bucket/{branch-name}/x", z="s3://bucket/fixed/"),
        _job("b"),
        _job("c", bad="http://bucket/{branch-name}/", bucket="s3://b-{branch-name}/x/", other="s3://b1b/{stage}/x/"),
        _job("d", root="s3://{branch-name}/"),
        {"id": "nameless", "metadata": {"operation": "glue", "properties": {}}},
        {"id": ".hidden/..", "metadata": {"operation": "NOOP"}},
        {"id": "old", "metadata": {"trigger": "ALL"}},
        {"metadata": {"operation": "glue"}},
    ]
    links = [
        _link("a", "c", "y"),
        _link("c", "a"),
        _link("a", "ghost"),
        _link("a", "c"),
        _link("old", "a"),
        {"source": "a"},
    ]
    text = "\n".join(_faults(nodes, links))
    for expected in [
        "a.nested (s3://bucket/main/x/inner/) lies inside",
        "b.y both write s3://bucket/main/x",
        "'s3://bucket/fixed/' has no {branch-name}",
        "2 nodes have this id",
        "'http://bucket/a-branch/' is not an S3 URI",
        "in the bucket's name",
        "unresolved placeholder {stage}",
        "node 'nameless': metadata.properties.Name is missing",
        "node '.hidden/..'",
        "nodes[7] 'old': metadata.operation",
        "nodes[8]: id",
        "carries 'y', but 'a' produces x, nested",
        "there is no node 'ghost'",
        "link 'a' → 'c': stands 2 times",
        "links[5]: target",
        "cycle: a → c → a",
    ]:
        assert expected in text, expected
    # What could not be read is no unknown end as well.
    assert "no node 'old'" not in text


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("s3://{some-bucket}/{branch-name}/x/", "bucket"),
        ("s3://bucket/{branch-name}/../main/x/", "'..'"),
        ("s3://bucket/{branch-name}//x/", "empty"),
        ("s3://bucket/{branch-name}/*/x/", "wildcard"),
        ("s3://bu cket/{branch-name}/x/", "bucket name"),
        ("s3://bucket{branch-name}", "bucket"),
        ({"uri": "s3://bucket/{branch-name}/x/", "main_uri": "s3://prod/{branch-name}/x/"}, "main_uri"),
        ({"uri": "s3://bucket/{branch-name}/x/", "main_uri": "prod/x"}, "not an S3 URI"),
        ({"uri": "s3://bucket/{branch-name}/x/", "format": "xml"}, "format"),
        ({"uri": "s3://bucket/{branch-name}/x/", "tolerance": {"c": -1}}, "tolerance"),
        ({"uri": "s3://bucket/{branch-name}/x/", "tolerance": {"c": float("inf")}}, "tolerance"),
        ({"uri": "s3://bucket/{branch-name}/x/", "table": "only_a_table"}, "database.table"),
        (17, "output_data.x"),
    ],
)
def test_bad_datasets(dataset: Any, expected: str) -> None:
    faults = _faults([_job("a", x=dataset)])
    assert faults
    assert expected in " ".join(faults)


def test_nested_prefixes_are_told_from_look_alikes() -> None:
    apart = _job(
        "a",
        one="s3://bucket/{branch-name}/data",
        two="s3://bucket/{branch-name}/data-x/",
        three="s3://bucket/{branch-name}/data.x/y/",
        four="s3a://bucket/{branch-name}/datax/",
    )
    assert _faults([apart]) == ()
    for inner in ["s3://bucket/{branch-name}/data/", "s3a://bucket/{branch-name}/data/x", "s3://bucket/{branch-name}/"]:
        assert _faults([apart, _job("b", inner=inner)])


def test_overlap_on_a_branch_only() -> None:
    one = {"uri": "s3://dev/{branch-name}/x/", "main_uri": "s3://prod/a/"}
    two = {"uri": "s3://dev/{branch-name}/x/y/", "main_uri": "s3://prod/b/"}
    (fault,) = _faults([_job("a", one=one, two=two)])
    assert "on a branch" in fault


def test_two_nodes_or_datasets_that_names_cannot_tell_apart() -> None:
    assert "'a b' and 'a_b'" in _faults([_job("a b"), _job("a_b")])[0]
    (fault,) = _faults([_job("a", **{"x-y": "s3://bucket/{branch-name}/1/", "X.y": "s3://bucket/{branch-name}/2/"})])
    assert "'X.y' and 'x-y'" in fault


def test_two_datasets_that_are_one_table() -> None:
    nodes = [
        _job(name, x={"uri": f"s3://bucket/{{branch-name}}/{name}/", "table": table})
        for name, table in (("a", "db.sales"), ("b", "DB.Sales"))
    ]
    assert "a.x and b.x are both the table 'db.sales'" in _faults(nodes)[0]


def test_arguments_that_cannot_be_told_apart_or_name_nothing() -> None:
    c = _job("c", out="s3://bucket/{branch-name}/c/")
    nodes = [_job("a", x="s3://bucket/{branch-name}/a/"), _job("b", x="s3://bucket/{branch-name}/b/"), c]
    links = [_link("a", "c", "x"), _link("b", "c", "x")]
    assert "--X_DATA_SOURCE would hold input a.x and input b.x" in _faults(nodes, links)[0]
    c["metadata"]["input_arguments"] = {"a.x": "--a", "b.x": "--b"}
    assert _faults(nodes, links) == ()
    c["metadata"]["input_arguments"]["b.z"] = "--z"
    c["metadata"]["output_arguments"] = {"oot": "--o", "out": "o"}
    assert _faults(nodes, links) == (
        "node 'c': input_arguments names 'b.z', which no link brings",
        "node 'c': output_arguments names 'oot', which is none of its outputs",
        "node 'c': argument 'o' does not start with '--'",
    )


def test_a_node_that_follows_itself() -> None:
    assert _faults([_job("a")], [_link("a", "a")]) == ("cycle: a → a",)


@pytest.mark.parametrize("node_id", ["größe", "a b", "x.y", "1", "a'\"<b>"])
def test_ids_of_many_kinds(node_id: str) -> None:
    assert _faults([_job(node_id)]) == ()


@pytest.mark.parametrize("node_id", ["", " a", "..", "../a", "a/b", "a\n", "a\x00", "a\\b", "a" * 200])
def test_ids_that_could_not_name_a_file(node_id: str) -> None:
    assert _faults([_job(node_id)])
