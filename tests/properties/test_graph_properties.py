"""What holds for every graph: reach, order, files, plots."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.graph.files import graph_document, parse_graph
from pypedream_dagster.graph.model import Json, PipelineGraph
from pypedream_dagster.graph.plot import drawing_of, render_html, render_mermaid, render_svg, render_terminal
from pypedream_dagster.graph.plot_scene import Box, scene_of
from pypedream_dagster.graph.select import affected_nodes, order_among, running_order
from pypedream_dagster.graph.uri import parse_uri

from .strategies import documents, graphs, graphs_with_origins


def _reachable_by_data(graph: PipelineGraph, origins: tuple[str, ...]) -> set[str]:
    """Return the reach by its plainest definition, sharing nothing with the code under test."""
    found = set(origins)
    while True:
        more = {link.target for link in graph.links if link.source in found and link.data} - found
        if not more:
            return found
        found |= more


@given(graphs_with_origins())
def test_affected_is_what_data_reaches(case: tuple[PipelineGraph, tuple[str, ...]]) -> None:
    graph, origins = case
    reached = {node for node in _reachable_by_data(graph, origins) if not graph.by_id[node].is_noop}
    assert affected_nodes(graph, origins) == reached
    assert affected_nodes(graph, origins) <= affected_nodes(graph, origins, follow_order=True)


@given(graphs())
def test_running_order_puts_each_node_after_what_it_needs(graph: PipelineGraph) -> None:
    order = running_order(graph)
    place = {node: index for index, node in enumerate(order)}
    assert sorted(order) == sorted(node.id for node in graph.nodes)
    assert all(place[link.source] < place[link.target] for link in graph.links)


@given(graphs_with_origins())
def test_order_among_some_nodes_is_the_order_of_all(case: tuple[PipelineGraph, tuple[str, ...]]) -> None:
    graph, origins = case
    some = affected_nodes(graph, origins)
    whole: nx.DiGraph[str] = nx.DiGraph([(link.source, link.target) for link in graph.links])
    whole.add_nodes_from(node.id for node in graph.nodes)
    before = order_among(graph, some)
    partial: nx.DiGraph[str] = nx.DiGraph([(up, node) for node, ups in before.items() for up in ups])
    partial.add_nodes_from(some)
    for node in some:
        assert nx.ancestors(partial, node) == nx.ancestors(whole, node) & some


@given(documents())
def test_writing_and_reading_gives_the_same_graph(document: Json) -> None:
    document["nodes"][0]["metadata"]["team"] = {"pager": ["x"]}
    document["nodes"][0]["colour"] = "red"
    graph = parse_graph(document)
    written = json.loads(json.dumps(graph_document(graph)))
    assert parse_graph(written) == graph
    assert written["nodes"] == document["nodes"]
    assert written["links"] == document["links"]


@given(documents(), st.sampled_from(["links", "edges"]))
def test_both_names_for_links_give_the_same_graph(document: Json, key: str) -> None:
    renamed = {("edges" if name == "links" else name): value for name, value in document.items()}
    assert parse_graph(renamed) == parse_graph(document)


_SEGMENT = st.text(st.characters(blacklist_characters="/*?", blacklist_categories=["Cc", "Cs"]), min_size=1, max_size=6)


@given(st.lists(_SEGMENT, min_size=1, max_size=4), st.lists(_SEGMENT, min_size=1, max_size=4))
def test_one_uri_contains_another_if_its_segments_lead_there(left: list[str], right: list[str]) -> None:
    if {".", ".."} & {*left, *right}:
        return
    outer, inner = parse_uri("s3://bucket/" + "/".join(left)), parse_uri("s3a://bucket/" + "/".join(right) + "/")
    assert outer.contains(inner) == (right[: len(left)] == left)
    assert outer.overlaps(inner) == inner.overlaps(outer)
    assert parse_uri(str(outer)) == outer


@given(graphs_with_origins(), st.integers(40, 140))
def test_every_graph_can_be_drawn(case: tuple[PipelineGraph, tuple[str, ...]], width: int) -> None:
    graph, origins = case
    drawing = drawing_of(graph, branch="test", origins=origins, affected=affected_nodes(graph, origins))
    svg = render_svg(drawing)
    assert svg == render_svg(drawing)
    shown = {group.get("data-node") for group in ElementTree.fromstring(svg).iter() if group.get("data-node")}
    assert shown == {node.id for node in graph.nodes}
    rows = render_terminal(drawing, width).splitlines()
    assert max(map(len, rows)) <= width
    assert len(rows) == len(graph.nodes) + 2
    assert len(render_mermaid(drawing).splitlines()) > len(graph.nodes) + len(graph.links)
    assert "@SVG@" not in render_html(drawing)


@given(graphs())
def test_no_two_boxes_of_a_plot_overlap_and_links_run_to_the_right(graph: PipelineGraph) -> None:
    scene = scene_of(drawing_of(graph))
    boxes = {group.ends[0]: group.shapes[0] for group in scene.groups if group.role == "node"}
    placed = [box for box in boxes.values() if isinstance(box, Box)]
    assert len(placed) == len(graph.nodes)
    for index, one in enumerate(placed):
        assert one.x >= 0
        assert one.x + one.width <= scene.width
        assert one.y + one.height <= scene.height
        for two in placed[index + 1 :]:
            beside = one.x + one.width <= two.x or two.x + two.width <= one.x
            assert beside or one.y + one.height <= two.y or two.y + two.height <= one.y
    for link in graph.links:
        source, target = boxes[link.source], boxes[link.target]
        assert isinstance(source, Box)
        assert isinstance(target, Box)
        assert source.x + source.width < target.x


def test_the_demo_is_a_graph(repository: Path) -> None:
    document = json.loads((repository / "pipeline_graph" / "main.json").read_text(encoding="utf-8"))
    graph = parse_graph(document)
    assert graph_document(graph)["nodes"] == document["nodes"]
