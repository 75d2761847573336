"""Plots: what they show, that nothing in a graph can break out of them, that they are whole files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pypedream_dagster.graph.files import parse_graph, read_graph
from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.graph.plot import (
    Drawing,
    drawing_of,
    render_html,
    render_mermaid,
    render_png,
    render_svg,
    render_terminal,
)
from pypedream_dagster.graph.plot_palette import DARK, LIGHT
from pypedream_dagster.graph.plot_scene import Box, scene_of
from pypedream_dagster.graph.select import affected_nodes

NASTY = "<script>alert('\"x\"')<!-- & ]]> @SVG@ @DETAILS@"


def _node(node_id: str, *outputs: str, kind: str = "glueetl") -> dict[str, Any]:
    return {
        "id": node_id,
        "metadata": {
            "operation": "glue",
            "properties": {"Name": f"job-{node_id}-{{branch-name}}", "Command": {"Name": kind}},
            "output_data": {name: f"s3://bucket/{{branch-name}}/{name}/" for name in outputs},
        },
    }


def _chain() -> PipelineGraph:
    return parse_graph(
        {
            "nodes": [
                {"id": "start", "metadata": {"operation": "NOOP"}},
                _node("extract", "bronze"),
                _node("transform", "silver", kind="pythonshell"),
                _node("load", "gold"),
            ],
            "links": [
                {"source": "start", "target": "extract"},
                {"source": "extract", "target": "transform", "metadata": {"data": ["bronze"]}},
                {"source": "transform", "target": "load", "metadata": {"data": ["silver"]}},
            ],
        }
    )


def _marked(graph: PipelineGraph, origin: str) -> Drawing:
    return drawing_of(graph, branch="test", origins=[origin], affected=affected_nodes(graph, [origin]))


@pytest.fixture(scope="module")
def demo() -> PipelineGraph:
    return read_graph(Path(__file__).parents[2] / "pipeline_graph" / "main.json")


def test_production_bears_no_marks() -> None:
    drawing = drawing_of(_chain())
    assert drawing.is_main
    assert {node.mark for node in drawing.nodes} == {"plain"}
    assert [node.kind for node in drawing.nodes] == ["noop", "spark", "python-shell", "spark"]
    assert [node.job for node in drawing.nodes][:2] == ["", "job-extract-main"]


def test_a_branch_marks_what_it_runs_and_where_its_data_comes_from() -> None:
    drawing = _marked(_chain(), "transform")
    assert {node.id: node.mark for node in drawing.nodes} == {
        "start": "unaffected",
        "extract": "unaffected",
        "transform": "origin",
        "load": "affected",
    }
    assert [link.flow for link in drawing.links] == ["unaffected", "base", "head"]
    jobs = {node.id: node.job for node in drawing.nodes}
    assert jobs["transform"] == "job-transform-test"
    assert jobs["load"] == "job-load-main"
    outputs = {node.id: dict(node.outputs) for node in drawing.nodes}
    assert outputs["extract"] == {"bronze": "s3://bucket/main/bronze/"}
    assert outputs["load"] == {"gold": "s3://bucket/test/gold/"}


def test_svg_holds_every_node_link_and_dataset(demo: PipelineGraph) -> None:
    root = ElementTree.fromstring(render_svg(_marked(demo, "clean_flights")))
    groups = list(root.iter("{http://www.w3.org/2000/svg}g"))
    assert {group.get("data-node") for group in groups if group.get("class") == "node"} == set(demo.by_id)
    links = [(group.get("data-source"), group.get("data-target")) for group in groups if group.get("class") == "link"]
    assert sorted(links) == sorted((link.source, link.target) for link in demo.links)
    text = " ".join(root.itertext())
    for node in demo.nodes:
        assert all(name in text for name in (node.id, *node.outputs))
    dashed = [group for group in groups if 'dashed"' in ElementTree.tostring(group, "unicode")]
    assert len([group for group in dashed if group.get("class") == "link"]) == 1


def test_a_plain_chain_stays_on_one_level() -> None:
    # Boxes have one middle in common: a staircase would run off a long pipeline's page.
    graph = parse_graph(
        {
            "nodes": [_node(f"n{index}", f"d{index}") for index in range(8)],
            "links": [
                {"source": f"n{index}", "target": f"n{index + 1}", "metadata": {"data": [f"d{index}"]}}
                for index in range(7)
            ],
        }
    )
    boxes = [group.shapes[0] for group in scene_of(drawing_of(graph)).groups if group.role == "node"]
    tops = [box.y for box in boxes if isinstance(box, Box)]
    assert len(tops) == 8
    assert max(tops) - min(tops) < 1


def test_links_to_many_readers_of_one_dataset_share_a_trunk(demo: PipelineGraph) -> None:
    scene = scene_of(drawing_of(demo))
    starts = {
        shape.start
        for group in scene.groups
        if group.ends[:1] == ("clean_flights",) and group.role == "link"
        for shape in group.shapes
        if hasattr(shape, "start")
    }
    assert len(starts) == 1


def test_nothing_in_a_graph_breaks_out_of_a_picture() -> None:
    nasty_id = NASTY.replace("/", "")
    graph = parse_graph(
        {
            "graph": {"name": NASTY},
            "nodes": [_node(nasty_id, "x"), _node("b")],
            "links": [{"source": nasty_id, "target": "b", "metadata": {"data": ["x"]}}],
        }
    )
    drawing = drawing_of(graph)
    root = ElementTree.fromstring(render_svg(drawing))
    assert nasty_id in {group.get("data-node") for group in root.iter()}
    page = render_html(drawing)
    assert page.count("<script") == 2
    assert page.count("</script>") == 2
    assert page.count("<svg") == 1
    assert page.count("<!--") == 0
    mermaid = render_mermaid(drawing)
    assert "<script" not in mermaid
    assert '"x"\')' not in mermaid
    assert all(line.count('"') % 2 == 0 for line in mermaid.splitlines())
    assert NASTY[:8] in render_terminal(drawing)


def test_control_characters_do_not_break_the_xml() -> None:
    graph = parse_graph({"graph": {"name": "a\x00b\x1b\ufffe"}, "nodes": [_node("größe 数据", "x")]})
    root = ElementTree.fromstring(render_svg(drawing_of(graph)))
    assert "größe 数据" in "".join(root.itertext())


def test_the_page_needs_nothing_from_elsewhere(demo: PipelineGraph) -> None:
    page = render_html(_marked(demo, "clean_flights"))
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=|@import|url\(|fetch\(", page)
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert "@TITLE@" not in page
    assert "nyc-flights (test)" in page


def test_mermaid(demo: PipelineGraph) -> None:
    assert render_mermaid(_marked(_chain(), "transform")).splitlines()[:8] == [
        "flowchart LR",
        '  n0(["start"]):::unaffected',
        '  n1["extract<br/><small>job-extract-main</small>"]:::unaffected',
        '  n2["transform<br/><small>job-transform-test</small>"]:::origin',
        '  n3["load<br/><small>job-load-main</small>"]:::affected',
        "  n0 -.-> n1",
        '  n1 -->|"bronze"| n2',
        '  n2 -->|"silver"| n3',
    ]


def test_the_terminals_drawing(demo: PipelineGraph) -> None:
    assert render_terminal(_marked(demo, "clean_flights"), 100).splitlines() == [
        "nyc-flights · branch test",
        "○         ingest_flights      → flights_bronze",
        "◆         clean_flights       → flights_valid, flights_rejected",
        "│ ○       ingest_weather      → weather_hourly",
        "│ │ ○     ingest_reference    → carriers, airports, planes  (Python shell)",
        "├─●─┤     enrich_flights      → flights_enriched",
        "│ ├─│─●   weather_delays      → weather_delays",
        "├─│─┼───● fleet_utilisation   → fleet_utilisation",
        "│ ● │     route_delays        → route_delays",
        "├─│─●     carrier_scoreboard  → carrier_scoreboard",
        "● │ │     airport_traffic     → airport_daily",
        "●─┴─╯     kpi_summary         → kpi_summary",
        "○         source_inventory    → source_inventory  (Python shell)",
        "◆ origin: its own job and script   ● affected: runs on the branch   ○ not run",
    ]


def test_colours_for_a_terminal_only(demo: PipelineGraph) -> None:
    assert "\x1b[" not in render_terminal(drawing_of(demo))
    coloured = render_terminal(_marked(demo, "clean_flights"), colour=True)
    assert "\x1b[" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == render_terminal(
        _marked(demo, "clean_flights")
    ).splitlines()


def test_a_graph_with_too_many_lanes_names_inputs_instead() -> None:
    nodes = [_node(f"s{index}", f"d{index}") for index in range(30)]
    links = [{"source": f"s{i}", "target": "all", "metadata": {"data": [f"d{i}"]}} for i in range(30)]
    text = render_terminal(drawing_of(parse_graph({"nodes": [*nodes, _node("all")], "links": links})), 100)
    assert max(map(len, text.splitlines())) <= 100
    assert "● all  ← s0.d0, s1.d1" in text


def test_png_is_a_picture_of_the_scenes_size(demo: PipelineGraph) -> None:
    drawing = _marked(demo, "clean_flights")
    body = render_png(drawing)
    assert body[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = int.from_bytes(body[16:20], "big"), int.from_bytes(body[20:24], "big")
    scene = scene_of(drawing)
    assert abs(width - 2 * scene.width) <= 2
    assert abs(height - 2 * scene.height) <= 2
    assert len(body) > 20_000


def test_an_empty_graph_can_be_drawn() -> None:
    drawing = drawing_of(PipelineGraph(nodes=()))
    ElementTree.fromstring(render_svg(drawing))
    assert render_terminal(drawing) == "pipeline · main\n"


def test_light_and_dark_know_the_same_styles(demo: PipelineGraph) -> None:
    assert LIGHT.paints.keys() == DARK.paints.keys()
    groups = [group for graph in (demo, _chain()) for group in scene_of(drawing_of(graph)).groups]
    used = {shape.style for group in groups for shape in group.shapes}
    assert used <= LIGHT.paints.keys()
