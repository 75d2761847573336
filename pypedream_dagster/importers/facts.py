"""A graph as single facts: so what people wrote, what the last import told and what this one tells can be told apart.

A graph file records what its last import told (``graph.metadata.import.told``). What an import told and the file has
otherwise is an edit by hand, and stays; what this import tells otherwise than the last has changed in production.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pypedream_dagster.graph.model import MAIN, Json, Node, PipelineGraph
from pypedream_dagster.importers.matching import Matching, folder_of

Kind = Literal[
    "node",
    "trigger",
    "arguments",
    "dataset",
    "output",
    "write_mode",
    "table",
    "unexplained",
    "link",
    "confidence",
    "input",
]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a graph says.

    Attributes:
        kind: ``node``: it is there, and runs that job; ``dataset``: where it lies on main; ``output``, ``input``: the
            argument that takes it; ``link``: it is there, whatever it carries; ``confidence``: how sure it is;
            ``input`` also says that it carries it.
        of: the ids and names that it is about, as the merged graph has them.
    """

    kind: Kind
    of: tuple[str, ...]

    def __str__(self) -> str:
        return " > ".join((self.kind, *self.of))

    @property
    def about(self) -> str:
        """What it is about, for a reader."""
        match self.kind:
            case "link" | "confidence":
                return " → ".join(self.of)
            case "input":
                return f"{self.of[0]} → {self.of[1]}: {self.of[2]}"
            case "dataset" | "output" | "write_mode" | "table":
                return ".".join(self.of)
            case _:
                return " ".join(self.of)


def facts_of(graph: PipelineGraph, matching: Matching | None = None) -> dict[Fact, Any]:
    """Return what a graph says, in its own names, or in those of the graph that it is matched with."""
    return dict(_facts(graph, matching or _as_it_is(graph)))


def implicit_facts(graph: PipelineGraph) -> frozenset[Fact]:
    """Return what nobody wrote into the file: arguments that follow from datasets' names, and write modes."""
    found = {
        Fact("output", (node.id, name))
        for node in graph.nodes
        for name in node.outputs
        if name not in node.metadata.output_arguments
    }
    found |= {
        Fact("write_mode", (node.id, name))
        for node in graph.nodes
        for name, data in node.outputs.items()
        if "write_mode" not in data.model_fields_set
    }
    for link in graph.links:
        names = graph.by_id[link.target].metadata.input_arguments if link.target in graph.by_id else {}
        found |= {
            Fact("input", (link.source, link.target, name))
            for name in link.data
            if name not in names and f"{link.source}.{name}" not in names
        }
    return frozenset(found)


def is_same(fact: Fact, one: Any, other: Any) -> bool:
    """Tell whether two values of a fact mean the same."""
    if fact.kind == "dataset" and isinstance(one, str) and isinstance(other, str):
        return folder_of(one) == folder_of(other)
    return bool(one == other)


class ImportNames:
    """What an import calls things: by its own names it tells the same from time to time, whatever people rename.

    Args:
        graph: the file's.
        matching: of what is imported now.
        last: what the last import told, by its own names.
    """

    def __init__(self, graph: PipelineGraph, matching: Matching, last: Mapping[str, Any]) -> None:
        self._ids = {called: own for own, called in matching.ids.items()}
        self._names = {(matching.ids[node], called): own for (node, own), called in matching.names.items()}
        # What this import does not find was called by the last one as it is in the file, unless renamed since.
        gone = {name: value for name, value in last.items() if name not in {f"node > {own}" for own in matching.ids}}
        for node in graph.nodes:
            if node.id not in self._ids and f"node > {node.id}" not in gone and node.is_job:
                same = [
                    name for name, value in gone.items() if name.startswith("node > ") and value == node.job_name(MAIN)
                ]
                if len(same) == 1:
                    self._ids[node.id] = same[0].removeprefix("node > ")
            if all((node.id, name) in self._names for name in node.outputs):
                continue
            start = f"dataset > {self._ids.get(node.id, node.id)} > "
            places = {
                folder_of(value): name.removeprefix(start)
                for name, value in last.items()
                if name.startswith(start) and isinstance(value, str)
            }
            for name, data in node.outputs.items():
                if (node.id, name) not in self._names and (own := places.get(folder_of(data.base_uri))):
                    self._names[node.id, name] = own

    def of(self, fact: Fact) -> str:
        """Return a fact of the file's, or of the merged graph's, as imports tell it."""
        node = self._ids.get(fact.of[0], fact.of[0])
        of: tuple[str, ...]
        match fact.kind:
            case "dataset" | "output" | "write_mode" | "table":
                of = (node, self._names.get((fact.of[0], fact.of[1]), fact.of[1]))
            case "link" | "confidence":
                of = (node, self._ids.get(fact.of[1], fact.of[1]))
            case "input":
                name = self._names.get((fact.of[0], fact.of[2]), fact.of[2])
                of = (node, self._ids.get(fact.of[1], fact.of[1]), name)
            case _:
                of = (node, *fact.of[1:])
        return str(Fact(fact.kind, of))


def import_record(graph: PipelineGraph) -> Json:
    """Return what the file says of its imports; empty where it never was imported."""
    inner = graph.metadata.get("metadata")
    record = inner.get("import") if isinstance(inner, dict) else None
    return record if isinstance(record, dict) else {}


def _as_it_is(graph: PipelineGraph) -> Matching:
    names = {(node.id, name): name for node in graph.nodes for name in node.outputs}
    return Matching({node.id: node.id for node in graph.nodes}, frozenset(), names)


def _facts(graph: PipelineGraph, matching: Matching) -> Iterator[tuple[Fact, Any]]:
    for node in graph.nodes:
        if not node.is_noop:
            yield from _facts_of_node(node, matching)
    for link in graph.links:
        if link.source not in graph.by_id or link.target not in graph.by_id:
            continue
        ends = (matching.ids[link.source], matching.ids[link.target])
        yield Fact("link", ends), ""
        if sure := (link.metadata.model_extra or {}).get("confidence"):
            yield Fact("confidence", ends), sure
        consumer = graph.by_id[link.target]
        for name in link.data:
            argument = consumer.input_argument(link.source, name) if consumer.is_job else ""
            yield Fact("input", (*ends, matching.names[link.source, name])), argument


def _facts_of_node(node: Node, matching: Matching) -> Iterator[tuple[Fact, Any]]:
    name = matching.ids[node.id]
    yield Fact("node", (name,)), node.job_name(MAIN) if node.is_job else node.metadata.operation
    if node.metadata.trigger is not None:
        yield Fact("trigger", (name,)), node.metadata.trigger
    if node.metadata.arguments:
        yield Fact("arguments", (name,)), dict(node.metadata.arguments)
    for dataset, data in node.outputs.items():
        called = matching.names[node.id, dataset]
        yield Fact("dataset", (name, called)), data.base_uri
        yield Fact("write_mode", (name, called)), data.write_mode
        if data.table is not None:
            yield Fact("table", (name, called)), data.table
        if node.is_job:
            yield Fact("output", (name, called)), node.output_argument(dataset)
    for entry in unexplained_writes(node):
        yield Fact("unexplained", (name, _text(entry, "what"), _text(entry, "at"))), ""


def unexplained_writes(node: Node) -> tuple[Mapping[str, Any], ...]:
    """Return the writes of a node that its outputs do not explain."""
    found = getattr(node.metadata, "unexplained_writes", None)
    if not isinstance(found, list | tuple):
        return ()
    entries = (item if isinstance(item, Mapping) else getattr(item, "__dict__", None) for item in found)
    return tuple(dict(item) for item in entries if item is not None)


def _text(entry: Mapping[str, Any], name: str) -> str:
    return str(entry.get(name) or "")
