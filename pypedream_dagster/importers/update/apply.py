"""Writing what a merge decided into the graph's document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pypedream_dagster.graph.model import Json, PipelineGraph
from pypedream_dagster.importers.update.facts import Fact
from pypedream_dagster.importers.update.job_fields import refreshed
from pypedream_dagster.importers.update.matching import Matching, folder_of

_BY_FACTS = ("output_arguments", "input_arguments", "unexplained_writes")


@dataclass(frozen=True, slots=True)
class Change:
    """One fact of the file to set or to take out."""

    action: Literal["set", "remove"]
    fact: Fact
    value: Any = None


def applied(
    document: Json, incoming: Json, imported: PipelineGraph, matching: Matching, changes: Sequence[Change]
) -> Json:
    """Return the file's document with the changes made, and with what the import says of what it found."""
    return _Writer(document, incoming, imported, matching).written(changes)


class _Writer:
    def __init__(self, document: Json, incoming: Json, imported: PipelineGraph, matching: Matching) -> None:
        self._document = document
        self._nodes: dict[str, Json] = {node["id"]: node for node in document["nodes"]}
        self._links: dict[tuple[str, str], Json] = {(one["source"], one["target"]): one for one in document["links"]}
        self._called = {(matching.ids[node], name): called for (node, name), called in matching.names.items()}
        self._raw_nodes = {matching.ids[raw["id"]]: raw for raw in incoming["nodes"]}
        self._raw_links = {(matching.ids[raw["source"]], matching.ids[raw["target"]]): raw for raw in incoming["links"]}
        self._raw_datasets = {
            (matching.ids[node.id], matching.names[node.id, name]): self._raw_nodes[matching.ids[node.id]]["metadata"][
                "output_data"
            ][name]
            for node in imported.nodes
            for name in node.outputs
        }
        self._places = {
            (matching.ids[node.id], matching.names[node.id, name]): folder_of(data.base_uri)
            for node in imported.nodes
            for name, data in node.outputs.items()
        }
        self._taken_out: dict[str, Any] = {}

    def written(self, changes: Sequence[Change]) -> Json:
        for change in changes:
            if change.action == "remove":
                self._remove(change.fact)
            else:
                self._set(change.fact, change.value)
        for name, raw in self._raw_nodes.items():
            if name in self._nodes:
                self._refresh_node(self._nodes[name]["metadata"], raw["metadata"])
        for ends, raw in self._raw_links.items():
            if ends in self._links:
                self._refresh_link(self._links[ends].setdefault("metadata", {}), raw["metadata"], ends[0])
        return {**self._document, "nodes": list(self._nodes.values()), "links": list(self._links.values())}

    def _refresh_node(self, metadata: Json, raw: Json) -> None:
        if raw["operation"].lower() == "glue":
            metadata["properties"] = refreshed(metadata.get("properties") or {}, raw.get("properties") or {})
        elif raw.get("properties"):
            metadata["properties"] = raw["properties"]
        if "imported" in raw:
            metadata["imported"] = raw["imported"]

    def _refresh_link(self, metadata: Json, raw: Json, source: str) -> None:
        if "evidence" in raw:
            metadata["evidence"] = [self._renamed(item, source) for item in raw["evidence"]]

    def _renamed(self, item: Any, node: str) -> Any:
        if not isinstance(item, dict) or "dataset" not in item:
            return item
        return {**item, "dataset": self._called.get((node, item["dataset"]), item["dataset"])}

    def _set(self, fact: Fact, value: Any) -> None:
        match fact.kind:
            case "node":
                if fact.of[0] not in self._nodes:  # else its fields are brought up to date anyhow
                    self._add_node(fact.of[0])
            case "link":
                if fact.of in self._links:
                    return
                source, target = fact.of
                raw = self._raw_links[source, target]
                metadata = {**raw["metadata"], "data": []}
                self._links[source, target] = {**raw, "source": source, "target": target, "metadata": metadata}
            case "confidence":
                metadata = self._links[fact.of[0], fact.of[1]].setdefault("metadata", {})
                metadata["confidence"] = value
            case "trigger" | "arguments":
                self._nodes[fact.of[0]]["metadata"][fact.kind] = value
            case "unexplained":
                self._add_unexplained(fact)
            case "input":
                self._set_input(fact, str(value))
            case _:
                self._set_output(fact, value)

    def _add_node(self, name: str) -> None:
        raw = self._raw_nodes[name]
        kept = {key: value for key, value in raw["metadata"].items() if key not in _BY_FACTS}
        if "output_data" in kept:
            kept["output_data"] = {}
        self._nodes[name] = {**raw, "id": name, "metadata": kept}

    def _set_output(self, fact: Fact, value: Any) -> None:
        node, name = fact.of
        metadata = self._nodes[node]["metadata"]
        outputs = metadata.setdefault("output_data", {})
        match fact.kind:
            case "dataset":
                raw = self._raw_datasets[node, name]
                place = {"uri": raw} if isinstance(raw, str) else raw
                # What another node made until now keeps what people wrote of it.
                old = outputs.get(name) or self._taken_out.get(self._places[node, name]) or {}
                old = {"uri": old} if isinstance(old, str) else dict(old)
                if name in outputs:
                    old.pop("main_uri", None)
                    new = {**old, **{key: item for key, item in place.items() if key in {"uri", "main_uri"}}}
                else:
                    new = {**place, **old}
                outputs[name] = new["uri"] if set(new) == {"uri"} else new
            case "output":
                names = dict(metadata.get("output_arguments") or {})
                if value != f"--{name.upper()}_DATA_SINK" or name in names:
                    metadata["output_arguments"] = {**names, name: value}
            case _:
                data = outputs[name]
                if fact.kind == "write_mode" and value == "overwrite" and isinstance(data, str):
                    return
                outputs[name] = {**({"uri": data} if isinstance(data, str) else data), fact.kind: value}

    def _set_input(self, fact: Fact, argument: str) -> None:
        source, target, name = fact.of
        metadata = self._links[source, target].setdefault("metadata", {})
        metadata["data"] = list(dict.fromkeys([*(metadata.get("data") or []), name]))
        consumer = self._nodes[target]["metadata"]
        names = dict(consumer.get("input_arguments") or {})
        key = f"{source}.{name}"
        if argument and ((names.get(key) or names.get(name) or f"--{name.upper()}_DATA_SOURCE") != argument):
            consumer["input_arguments"] = {**names, key: argument}

    def _add_unexplained(self, fact: Fact) -> None:
        node, what, at = fact.of
        raw = self._raw_nodes[node]["metadata"].get("unexplained_writes") or []
        entry = next((item for item in raw if (item.get("what") or "", item.get("at") or "") == (what, at)), None)
        if entry is not None:
            self._nodes[node]["metadata"].setdefault("unexplained_writes", []).append(self._renamed(entry, node))

    def _remove(self, fact: Fact) -> None:
        match fact.kind:
            case "link":
                self._links.pop((fact.of[0], fact.of[1]), None)
            case "input":
                source, target, name = fact.of
                metadata = self._links[source, target]["metadata"]
                metadata["data"] = [one for one in metadata["data"] if one != name]
                self._forget_input(source, target, name)
            case "dataset":
                metadata = self._nodes[fact.of[0]]["metadata"]
                data = metadata["output_data"].pop(fact.of[1])
                self._taken_out[folder_of(_base(data))] = data
                _forget(metadata, "output_arguments", fact.of[1])
            case "unexplained":
                metadata = self._nodes[fact.of[0]]["metadata"]
                said = [
                    item
                    for item in metadata.get("unexplained_writes") or []
                    if (item.get("what") or "", item.get("at") or "") != fact.of[1:]
                ]
                metadata["unexplained_writes"] = said
                if not said:
                    del metadata["unexplained_writes"]
            case "arguments":
                self._nodes[fact.of[0]]["metadata"].pop("arguments", None)
            case "table":
                data = self._nodes[fact.of[0]]["metadata"].get("output_data", {}).get(fact.of[1])
                if isinstance(data, dict):
                    data.pop("table", None)
            case _:
                pass

    def _forget_input(self, source: str, target: str, name: str) -> None:
        metadata = self._nodes[target]["metadata"]
        _forget(metadata, "input_arguments", f"{source}.{name}")
        others = (
            one
            for (_, end), one in self._links.items()
            if end == target and name in one.get("metadata", {}).get("data", ())
        )
        if not any(others):
            _forget(metadata, "input_arguments", name)


def _forget(metadata: Json, field: str, name: str) -> None:
    names = metadata.get(field)
    if isinstance(names, dict) and name in names:
        metadata[field] = {key: value for key, value in names.items() if key != name}
        if not metadata[field]:
            del metadata[field]


def _base(data: Any) -> str:
    if isinstance(data, str):
        return data.replace("{branch-name}", "main")
    return str(data.get("main_uri") or str(data.get("uri", "")).replace("{branch-name}", "main"))
