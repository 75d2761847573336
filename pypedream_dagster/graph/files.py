"""Reading and writing the graph's file: node-link JSON as networkx writes it, files of the original tool included."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from pypedream_dagster.errors import GraphError, PypedreamError
from pypedream_dagster.graph.model import Json, Link, Node, Part, PipelineGraph
from pypedream_dagster.graph.validate import find_faults

_P = TypeVar("_P", bound=Part)
_FIELDS = {"directed", "multigraph", "graph", "nodes", "links", "edges"}


def read_graph(path: Path) -> PipelineGraph:
    """Read and validate a graph file.

    Raises:
        GraphError: no such file, no JSON, or faults: all of them are in ``faults``.
    """
    try:
        # Editors on Windows begin a file with a byte order mark, which JSON forbids.
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise GraphError(
            f"There is no graph file {path}.",
            hint="build one with 'pypedream import-dag QUERY' or 'pypedream init'",
        ) from None
    except OSError as error:
        raise GraphError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise GraphError(f"{path} is not JSON: {error}.") from error
    return parse_graph(document, source=str(path))


def parse_graph(document: Any, *, source: str = "graph") -> PipelineGraph:
    """Make a validated graph of a node-link document.

    Args:
        document: what ``json.loads`` gave.
        source: named in errors.

    Raises:
        GraphError: with all faults.
    """
    if not isinstance(document, dict) or not isinstance(document.get("nodes"), list):
        raise GraphError(f"{source} is no node-link graph: it has no list 'nodes'.")
    faults: list[str] = []
    if document.get("directed") is False:
        faults.append("directed: false: data flows one way, so the graph must be directed")
    nodes = list(_parts(Node, document["nodes"], "nodes", faults))
    # networkx wrote "links" up to 3.3 and writes "edges" since 3.4.
    key = "links" if document.get("links") else "edges"
    raw_links = document.get(key) or []
    links = list(_parts(Link, raw_links if isinstance(raw_links, list) else [raw_links], key, faults))
    header = document.get("graph")
    graph = PipelineGraph(
        nodes=tuple(nodes),
        links=tuple(links),
        metadata=header if isinstance(header, dict) else {},
        others={name: value for name, value in document.items() if name not in _FIELDS},
    )
    raw_ids = frozenset(
        raw["id"] for raw in document["nodes"] if isinstance(raw, dict) and isinstance(raw.get("id"), str)
    )
    faults += find_faults(graph, raw_ids)
    if faults:
        raise GraphError(f"{source} has {len(faults)} fault{'s' * (len(faults) > 1)}:", faults=faults)
    return graph


def _parts(model: type[_P], raw: Sequence[Any], place: str, faults: list[str]) -> Iterator[_P]:
    for index, item in enumerate(raw):
        try:
            yield model.model_validate(item)
        except ValidationError as error:
            name = f" {item['id']!r}" if isinstance(item, dict) and "id" in item else ""
            faults.extend(
                f"{place}[{index}]{name}: {'.'.join(str(part) for part in fault['loc']) or 'it'}: {fault['msg']}"
                for fault in error.errors()
            )


def graph_document(graph: PipelineGraph) -> Json:
    """Return the node-link document of a graph; reading it back gives an equal graph."""
    return {
        "directed": True,
        "multigraph": False,
        "graph": graph.metadata,
        "nodes": [node.model_dump(mode="json", exclude_unset=True) for node in graph.nodes],
        "links": [link.model_dump(mode="json", exclude_unset=True) for link in graph.links],
        **graph.others,
    }


def write_json(path: Path, document: Any) -> None:
    """Write a document so that a reader, or whoever comes after a crash, sees the old file or the new one.

    Raises:
        PypedreamError: it cannot be written: no room, no permission. The old file is as it was.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())  # else a rename may reach the disk before what it names
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise PypedreamError(
            f"{path} cannot be written: {error.strerror}.",
            hint="make room or mend its permissions, then run the command again",
        ) from error


def _sync_folder(folder: Path) -> None:
    """Have a rename in a folder on the disk before anything is done that relies on it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
