"""Which node and dataset of a graph file an imported one is, whatever people have renamed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

from pypedream_dagster.graph.model import MAIN, Node, PipelineGraph
from pypedream_dagster.graph.uri import parse_uri
from pypedream_dagster.importers.parameters import parameters_in


@dataclass(frozen=True, slots=True)
class Matching:
    """What imported things are called in the merged graph.

    Attributes:
        ids: of nodes, by the imported id.
        known: the imported ids of nodes that the file has already.
        names: of datasets, by imported node and dataset.
    """

    ids: Mapping[str, str]
    known: frozenset[str]
    names: Mapping[tuple[str, str], str]


def match(
    existing: PipelineGraph, imported: PipelineGraph, were_apart: Callable[[Node, Node], bool] = lambda *_: False
) -> Matching:
    """Match an imported graph with the one of a file.

    Glue nodes are one if they are the same job with the same distinguishing arguments; else if they are called alike,
    or are the job's only node on both sides, unless the two ``were_apart``, or come from one place in the sources
    that left something unknown. Other nodes are one by operation and id, or place. Datasets are one if they lie at one
    place on main; else if the same argument of the node takes them, or they are called alike.
    """
    found = _nodes(existing, imported, were_apart)
    taken = {_folded(node.id) for node in existing.nodes}
    ids: dict[str, str] = {}
    for node in imported.nodes:
        ids[node.id] = found[node.id].id if node.id in found else _free(node.id, taken)
        taken.add(_folded(ids[node.id]))
    names = {
        (node.id, name): called
        for node in imported.nodes
        for name, called in _datasets(found.get(node.id), node).items()
    }
    return Matching(ids, frozenset(found), names)


def folder_of(uri: str) -> str:
    """Return what two URIs have in common that name one place."""
    try:
        return parse_uri(uri).folder
    except ValueError:
        return uri.rstrip("/") + "/"


def _nodes(
    existing: PipelineGraph, imported: PipelineGraph, were_apart: Callable[[Node, Node], bool]
) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for key in (_identity, _with_id, _job, _place):
        ours, theirs = _single(existing.nodes, key), _single(imported.nodes, key)
        taken = {node.id for node in found.values()}
        for one, node in theirs.items():
            old = ours.get(one)
            if old is None or old.id in taken or node.id in found or (key is _place and not _may_become(old, node)):
                continue
            if key in {_job, _place} and old.is_job and node.is_job and were_apart(old, node):
                continue
            found[node.id] = old
            taken.add(old.id)
    return found


def _single(nodes: Iterable[Node], key: Callable[[Node], Iterable[Hashable]]) -> dict[Hashable, Node]:
    """Return the nodes by their keys, as far as a key is one node's alone."""
    by_key: defaultdict[Hashable, list[Node]] = defaultdict(list)
    for node in nodes:
        for one in key(node):
            by_key[one].append(node)
    return {one: same[0] for one, same in by_key.items() if len(same) == 1}


def _identity(node: Node) -> Iterable[Hashable]:
    if node.is_job:
        yield node.job_name(MAIN), frozenset(node.metadata.arguments.items())
    elif not node.is_noop:
        yield node.metadata.operation.lower(), node.id


def _with_id(node: Node) -> Iterable[Hashable]:
    """Of a job that is run twice with the same arguments, and of one that is run with others since."""
    if node.is_job:
        yield node.job_name(MAIN), frozenset(node.metadata.arguments.items()), node.id
        yield node.job_name(MAIN), node.id


def _job(node: Node) -> Iterable[Hashable]:
    if node.is_job:
        yield node.job_name(MAIN)


def _place(node: Node) -> Iterable[Hashable]:
    """Of a node whose job's name, or arguments, had unknown parts that are known now: where it is defined."""
    told = (node.metadata.model_extra or {}).get("imported")
    places = told.get("at") if isinstance(told, dict) else None
    if isinstance(places, list) and not node.is_noop:
        yield from ((node.metadata.operation.lower(), str(place)) for place in places)


def _may_become(old: Node, node: Node) -> bool:
    if not old.is_job or "Command" not in old.metadata.properties or old.job_name(MAIN) == node.job_name(MAIN):
        return True
    return any(map(parameters_in, (old.job_name(MAIN), *old.metadata.arguments.values())))


def _datasets(old: Node | None, node: Node) -> dict[str, str]:
    """Return what each of a node's imported datasets is called in the file."""
    if old is None:
        return {name: name for name in node.outputs}
    found: dict[str, str] = {}
    for same in (
        lambda name, other: folder_of(node.outputs[name].base_uri) == folder_of(old.outputs[other].base_uri),
        lambda name, other: node.output_argument(name) == old.output_argument(other),
        lambda name, other: name.casefold() == other.casefold(),
    ):
        for name in node.outputs:
            free = [other for other in old.outputs if other not in found.values()]
            if name not in found and (other := next((other for other in free if same(name, other)), None)):
                found[name] = other
    taken = {_folded(name) for name in old.outputs}
    for name in node.outputs:
        if name not in found:
            found[name] = _free(name, taken)
            taken.add(_folded(found[name]))
    return found


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while _folded(found) in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _folded(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name.casefold())
