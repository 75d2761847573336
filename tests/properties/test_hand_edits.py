"""What people write into an imported graph stays, whatever production does; merging twice is merging once."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.graph.files import graph_document, parse_graph
from pypedream_dagster.graph.model import Json, PipelineGraph
from pypedream_dagster.importers.update.merge import EMPTY, merge_graphs
from tests.importers.surveys import flow, imported, job, run

Runs = list[tuple[str, dict[str, str]]]
"""A job and the arguments of its run, each."""


@st.composite
def runs(draw: st.DrawFn) -> Runs:
    place = st.sampled_from([f"s3://lake/d{number}/" for number in range(5)])
    arguments = st.fixed_dictionaries({"target_path": place}, optional={"source_path": place, "table": st.just("t")})
    found = draw(st.lists(st.tuples(st.sampled_from(["load", "clean", "mart"]), arguments), min_size=1, max_size=5))
    return list({(name, tuple(sorted(given.items()))): (name, given) for name, given in found}.values())


def production(given: Runs) -> PipelineGraph:
    tasks = [run(f"T{number}", name, **arguments) for number, (name, arguments) in enumerate(given)]
    order = [(f"T{number}", f"T{number + 1}") for number in range(len(tasks) - 1)]
    return imported(*(job(name) for name in {name for name, _ in given}), flow(*tasks, order=order)).graph


def _rename(document: Json, old: str, new: str) -> None:
    text = json.dumps({key: document[key] for key in ("nodes", "links")})
    document |= json.loads(text.replace(f'"{old}"', f'"{new}"').replace(f'"{old}.', f'"{new}.'))


def _delete(document: Json, random: Random) -> None:
    name = random.choice(document["nodes"])["id"]
    document["nodes"] = [node for node in document["nodes"] if node["id"] != name]
    document["links"] = [link for link in document["links"] if name not in (link["source"], link["target"])]
    for node in document["nodes"]:
        arguments = node["metadata"].get("input_arguments", {})
        node["metadata"]["input_arguments"] = {k: v for k, v in arguments.items() if not k.startswith(f"{name}.")}


def _settings(document: Json, random: Random) -> None:
    for node in document["nodes"]:
        outputs = node["metadata"].get("output_data") or {}
        for name, data in outputs.items():
            outputs[name] = {**({"uri": data} if isinstance(data, str) else data), "primary_key": ["id"]}
    del random


def _own(document: Json, random: Random) -> None:
    name = f"own{random.randrange(9)}"
    if any(node["id"] == name for node in document["nodes"]):
        return
    command = {"Name": "glueetl", "ScriptLocation": f"s3://code/{{branch-name}}/{name}.py"}
    metadata = {
        "operation": "glue",
        "properties": {"Name": f"{name}-{{branch-name}}", "Command": command},
        "output_data": {name: f"s3://mine/{{branch-name}}/{name}/"},
    }
    document["links"].append({"source": random.choice(document["nodes"])["id"], "target": name})
    document["nodes"].append({"id": name, "metadata": metadata})


def _unlink(document: Json, random: Random) -> None:
    if document["links"]:
        document["links"].remove(random.choice(document["links"]))


EDITS: list[Callable[[Json, Random], Any]] = [
    lambda document, random: _rename(document, old := random.choice(document["nodes"])["id"], f"my_{old}"),
    _delete,
    _settings,
    _own,
    _unlink,
    lambda document, random: random.choice(document["nodes"])["metadata"].update(note="mine"),
    lambda document, _: [link.setdefault("metadata", {}).update(confidence="mine") for link in document["links"]],
]


def _edited(graph: PipelineGraph, edits: list[int], random: Random) -> PipelineGraph | None:
    document = json.loads(json.dumps(graph_document(graph)))
    for number in edits:
        if document["nodes"]:
            EDITS[number](document, random)
    try:
        return parse_graph(document)
    except PypedreamError:
        return None  # no edit that a person could keep


def _said(graph: PipelineGraph) -> Any:
    """Return the document without what the last import said, in whatever words."""
    document = json.loads(json.dumps(graph_document(graph)))
    document["graph"]["metadata"].pop("import", None)
    for link in document["links"]:
        link.get("metadata", {}).pop("evidence", None)  # names datasets as the file does
    return document


@settings(max_examples=80, deadline=None)
@given(
    runs(),
    runs(),
    st.lists(st.integers(0, len(EDITS) - 1), max_size=5),
    st.randoms(use_true_random=False),
)
def test_edits_stay_and_merging_twice_is_merging_once(
    before: Runs, after: Runs, edits: list[int], random: Random
) -> None:
    edited = _edited(merge_graphs(EMPTY, production(before)).graph, edits, random)
    if edited is None:
        return
    same = merge_graphs(edited, production(before))
    assert _said(same.graph) == _said(edited)
    assert same.differences == ()
    news = production(after)
    merged = merge_graphs(same.graph, news)
    kept = {node.id for node in edited.nodes}
    assert kept <= {node.id for node in merged.graph.nodes}
    assert {node.id for node in merged.graph.nodes if (node.metadata.model_extra or {}).get("note")} == {
        node.id for node in edited.nodes if (node.metadata.model_extra or {}).get("note")
    }
    again = merge_graphs(merged.graph, news)
    assert graph_document(again.graph) == graph_document(merged.graph)
    assert again.differences == ()
