"""The demo's graph, checked from outside: with networkx and plain JSON, not with our own reader."""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENT: dict[str, Any] = json.loads((PROJECT / "pipeline_graph" / "main.json").read_text())
NODES: dict[str, dict[str, Any]] = {node["id"]: node["metadata"] for node in DOCUMENT["nodes"]}
OUTPUTS = {(node, name): data for node, meta in NODES.items() for name, data in meta["output_data"].items()}


@pytest.fixture(scope="module")
def graph() -> Any:
    return nx.node_link_graph(DOCUMENT, edges="links")


def test_networkx_reads_an_acyclic_graph_in_one_piece(graph: Any) -> None:
    assert graph.is_directed()
    assert nx.is_directed_acyclic_graph(graph)
    assert nx.is_weakly_connected(graph)
    assert len(graph) >= 8


def test_it_has_every_shape_that_a_branch_must_cope_with(graph: Any) -> None:
    data = nx.DiGraph([(s, t) for s, t, d in graph.edges(data="metadata") if d["data"]])
    commands = Counter(meta["properties"]["Command"]["Name"] for meta in NODES.values())
    diamonds = [
        (top, bottom)
        for top in data
        for bottom in nx.descendants(data, top)
        if len(list(nx.node_disjoint_paths(data, top, bottom))) > 1
    ]
    assert max(degree for _, degree in data.out_degree()) >= 3, "fan-out"
    assert ("clean_flights", "kpi_summary") in diamonds
    assert max(len(meta["output_data"]) for meta in NODES.values()) >= 2
    assert min(commands["glueetl"], commands["pythonshell"]) >= 1
    assert any(not d["data"] for *_, d in graph.edges(data="metadata")), "a link that only orders"
    assert any(d["crawl_data"] for *_, d in graph.edges(data="metadata"))
    assert any(data.get("table") for data in OUTPUTS.values())
    assert any(not data.get("primary_key") for data in OUTPUTS.values())
    assert any(data.get("primary_key") for data in OUTPUTS.values())
    assert any(data.get("volatile_columns") for data in OUTPUTS.values())
    assert any(data.get("ignored_columns") for data in OUTPUTS.values())
    assert any(data.get("partition_columns") for data in OUTPUTS.values())
    assert any("{branch-name}" not in meta["properties"]["Name"] for meta in NODES.values())
    assert any(meta.get("input_arguments") and meta.get("output_arguments") for meta in NODES.values())


def test_every_link_carries_what_its_source_makes() -> None:
    for link in DOCUMENT["links"]:
        assert set(link["metadata"]["data"]) <= set(NODES[link["source"]]["output_data"]), link


def test_production_jobs_run_plainly_on_their_default_arguments() -> None:
    for node, meta in NODES.items():
        defaults = meta["properties"]["DefaultArguments"]
        for name, data in meta["output_data"].items():
            argument = meta.get("output_arguments", {}).get(name, f"--{name.upper()}_DATA_SINK")
            assert defaults[argument] == data["uri"], (node, name)
        for link in DOCUMENT["links"]:
            for name in link["metadata"]["data"] if link["target"] == node else ():
                argument = meta.get("input_arguments", {}).get(name, f"--{name.upper()}_DATA_SOURCE")
                assert defaults[argument] == OUTPUTS[link["source"], name]["uri"], (node, name)


@pytest.mark.parametrize("node", sorted(NODES))
def test_a_script_asks_for_arguments_that_its_job_has_and_imports_nothing_of_ours(node: str) -> None:
    source = (PROJECT / "pipeline_graph" / "scripts" / f"{node}.py").read_text()
    tree = ast.parse(source)
    call = next(
        item
        for item in ast.walk(tree)
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Name) and item.func.id == "getResolvedOptions"
    )
    asked = {f"--{name}" for name in ast.literal_eval(call.args[1])} - {"--JOB_NAME"}
    properties = NODES[node]["properties"]
    assert asked <= set(properties["DefaultArguments"])
    assert properties["Command"]["ScriptLocation"].endswith(f"/{{branch-name}}/scripts/{node}.py")
    assert "pypedream" not in source


def test_no_script_lies_about_that_no_node_has() -> None:
    assert {path.stem for path in (PROJECT / "pipeline_graph" / "scripts").glob("*.py")} == set(NODES)


def test_jobs_have_distinct_names_and_datasets_distinct_places() -> None:
    names = [meta["properties"]["Name"] for meta in NODES.values()]
    uris = [data["uri"] for data in OUTPUTS.values()]
    assert len(set(names)) == len(names)
    assert len(set(uris)) == len(uris)
    assert not [(a, b) for a in uris for b in uris if a != b and a.startswith(b)]
