"""A graph as single facts: so what people wrote, what the last import told and what this one tells can be told apart.

A graph file records what its last import told (``graph.metadata.import.told``). What an import told and the file has
otherwise is an edit by hand, and stays; what this import tells otherwise than the last has changed in production.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Literal

from pypedream_dagster.graph.model import MAIN, Json, Node, PipelineGraph
from pypedream_dagster.importers.update.matching import Matching, folder_of

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
    """What the last import called things, whatever people and production have renamed since.

    Args:
        graph: the file's.
        imported: what is imported now.
        matching: of the two.
        last: what the last import told, by its own names.
    """

    def __init__(
        self, graph: PipelineGraph, imported: PipelineGraph, matching: Matching, last: Mapping[str, Any]
    ) -> None:
        self._last = last
        self._told = told_nodes(last)
        self._ids = {matching.ids[node.id]: self._node(node, matching.ids[node.id]) for node in imported.nodes}
        taken = set(self._ids.values())
        free = self._told.keys() - taken
        for node in graph.nodes:
            if node.id not in self._ids and node.id not in free:
                # The last import's node of this name may be another: then it told none that this one is.
                self._ids[node.id] = self._same(node, free) or ("" if node.id in taken else node.id)
        self._names = {(matching.ids[node], called): own for (node, own), called in matching.names.items()}
        for node in graph.nodes:
            self._datasets(node)

    def _node(self, node: Node, called: str) -> str:
        """Return what the last import called a node: another name, where a job had more nodes then, or fewer."""
        if known := next((name for name in (node.id, called) if name in self._told), None):
            return known
        same = [own for own, what in self._told.items() if node.is_job and what == identity(node)]
        return same[0] if len(same) == 1 else node.id

    def _same(self, node: Node, free: Set[str]) -> str:
        """Return what a node that this import does not find was called, if somebody renamed it since."""
        if not node.is_job:
            return ""
        jobs = [own for own in free if self._told[own][0] == node.job_name(MAIN)]
        same = [own for own in jobs if self._told[own] == identity(node)] if len(jobs) > 1 else jobs
        return same[0] if len(same) == 1 else ""

    def _datasets(self, node: Node) -> None:
        start = f"dataset > {self._ids.get(node.id, node.id)} > "
        told = {name.removeprefix(start): value for name, value in self._last.items() if name.startswith(start)}
        places = {folder_of(value): name for name, value in told.items() if isinstance(value, str)}
        for name, data in node.outputs.items():
            own = self._names.get((node.id, name), name)
            known = next((one for one in (own, name) if one in told), own)
            self._names[node.id, name] = places.get(folder_of(data.base_uri), known)

    def of(self, fact: Fact) -> str:
        """Return a fact of the file's, or of the merged graph's, as the last import told it."""
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


Identity = tuple[str, frozenset[tuple[str, Any]]]


def identity(node: Node) -> Identity:
    """Return what a Glue node is: its job, and the arguments that tell it from the job's other nodes."""
    return node.job_name(MAIN), _frozen(node.metadata.arguments)


def told_nodes(last: Mapping[str, Any]) -> dict[str, Identity]:
    """Return the nodes that the last import told, by its own names; of those that are no jobs, the operation."""
    return {
        name.removeprefix("node > "): (str(value), _frozen(last.get(name.replace("node", "arguments", 1))))
        for name, value in last.items()
        if name.startswith("node > ")
    }


def _frozen(arguments: Any) -> frozenset[tuple[str, Any]]:
    return frozenset(arguments.items()) if isinstance(arguments, Mapping) else frozenset()


def import_record(graph: PipelineGraph) -> Json:
    """Return what the file says of its imports, as far as its form is right; empty where it never was imported."""
    inner = graph.metadata.get("metadata")
    record = inner.get("import") if isinstance(inner, dict) else None
    return dict(_formed(record)) if isinstance(record, dict) else {}


def _formed(record: Json) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        match name:
            case "told" | "answers":
                yield name, value if isinstance(value, dict) else {}
            case "sources" | "missing" | "questions" | "requests":
                kind = str if name in {"sources", "missing"} else dict
                yield name, [item for item in value if isinstance(item, kind)] if isinstance(value, list) else []
            case _:
                yield name, value


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
