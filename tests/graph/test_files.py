"""Graph files: the original tool's load, ours come back as they were, broken ones say so in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pypedream_dagster.errors import GraphError, PypedreamError
from pypedream_dagster.graph.files import graph_document, parse_graph, read_graph, write_json

ORIGINAL: dict[str, Any] = {
    "directed": True,
    "multigraph": False,
    "graph": {"metadata": {}},
    "nodes": [
        {"id": "start", "metadata": {"operation": "NOOP", "trigger": "MANUAL"}},
        {
            "id": "extract",
            "metadata": {
                "operation": "glue",
                "trigger": "ALL",
                "properties": {
                    "Name": "pypedream-extract-{branch-name}",
                    "Command": {"Name": "glueetl", "ScriptLocation": "s3://bucket/{branch-name}/scripts/extract.py"},
                    "SomethingNew": [1, None],
                },
                "output_data": {"bronze": "s3://bucket/{branch-name}/data/bronze/"},
            },
        },
        {"id": "transform", "metadata": {"operation": "glue", "properties": {"Name": "transform"}}},
        {"id": "stop", "metadata": {"operation": "NOOP", "trigger": "ALL", "output_data": None, "properties": {}}},
    ],
    "links": [
        {"source": "start", "target": "extract", "directed": True, "metadata": {"data": [], "crawl_data": False}},
        {"source": "extract", "target": "transform", "metadata": {"data": ["bronze"], "crawl_data": True}},
        {"source": "transform", "target": "stop"},
    ],
}


def test_a_file_of_the_original_tool_loads_unchanged() -> None:
    graph = parse_graph(ORIGINAL)
    assert [node.id for node in graph.nodes if node.is_job] == ["extract", "transform"]
    assert graph.links[2].data == ()
    assert graph.catalogued == {("extract", "bronze")}
    assert graph.by_id["extract"].metadata.properties["SomethingNew"] == [1, None]


@pytest.mark.parametrize("key", ["links", "edges"])
def test_links_under_either_name_and_nodes_of_nothing_but_an_id(key: str) -> None:
    graph = parse_graph({"nodes": [{"id": "start"}, {"id": "stop"}], key: [{"source": "start", "target": "stop"}]})
    assert all(node.is_noop for node in graph.nodes)
    assert len(graph.links) == 1


def test_an_empty_list_of_links_does_not_hide_edges() -> None:
    document = {"nodes": [{"id": "a"}, {"id": "b"}], "links": [], "edges": [{"source": "a", "target": "b"}]}
    assert len(parse_graph(document).links) == 1


def test_fields_that_the_tool_does_not_know_survive() -> None:
    document = {
        "$schema": "main.schema.json",
        "nodes": [
            {
                "id": "a",
                "x": 1,
                "metadata": {
                    "operation": "glue",
                    "y": {"z": None},
                    "properties": {"Name": "a"},
                    "output_data": {"d": {"uri": "s3://bucket/{branch-name}/d/", "steward": "ann"}},
                },
            }
        ],
        "links": [],
    }
    written = graph_document(parse_graph(document))
    assert written["$schema"] == "main.schema.json"
    assert written["nodes"] == document["nodes"]
    assert parse_graph(written) == parse_graph(document)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "no list 'nodes'"),
        (b"{}", "no list 'nodes'"),
        (b'{"nodes": {}}', "no list 'nodes'"),
        (b'{"nodes": [], "directed": false}', "has 1 fault:"),
        (b'{"nodes": [1], "links": 2}', "has 2 faults:"),
    ],
)
def test_broken_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "main.json"
    path.write_bytes(content)
    with pytest.raises(GraphError, match=message):
        read_graph(path)


def test_no_file_and_no_readable_file(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"no graph file.*import-dag"):
        read_graph(tmp_path / "main.json")
    with pytest.raises(GraphError, match="cannot be read"):
        read_graph(tmp_path)


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "main.json"
    path.write_text(json.dumps(ORIGINAL), encoding="utf-8-sig")
    assert len(read_graph(path).nodes) == 4


def test_writing_replaces_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "main.json"
    write_json(path, {"größe": 1})
    write_json(path, graph_document(parse_graph(ORIGINAL)))
    assert read_graph(path) == parse_graph(ORIGINAL)
    assert [found.name for found in path.parent.iterdir()] == ["main.json"]


def test_writing_what_cannot_be_written_leaves_nothing_half_done(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.mkdir()  # no file can be renamed over a folder
    (path / "kept").touch()
    with pytest.raises(PypedreamError, match=r"graph\.json cannot be written: .*directory"):
        write_json(path, {})
    assert [item.name for item in tmp_path.iterdir()] == ["graph.json"]
    assert [item.name for item in path.iterdir()] == ["kept"]
