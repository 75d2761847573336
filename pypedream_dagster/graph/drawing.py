"""What a plot shows: nodes, links and their marks, free of positions and of any output format."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from pypedream_dagster.graph.model import MAIN, Link, Node, PipelineGraph

Kind = Literal["spark", "python-shell", "noop", "other"]
Mark = Literal["plain", "origin", "affected", "unaffected"]
Flow = Literal["plain", "head", "base", "unaffected", "high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """One node.

    Attributes:
        job: the Glue job that runs it; empty where none does.
        outputs: datasets by name, with the URI that the branch uses.
    """

    id: str
    job: str
    kind: Kind
    mark: Mark
    outputs: tuple[tuple[str, str], ...] = ()

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the datasets that it makes."""
        return tuple(name for name, _ in self.outputs)


@dataclass(frozen=True, slots=True)
class DrawnLink:
    """One link.

    Attributes:
        data: datasets that it carries; empty where it only orders.
        flow: ``head`` between affected nodes, ``base`` where a branch reads main's data; of an import, how sure it is.
    """

    source: str
    target: str
    data: tuple[str, ...]
    flow: Flow


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph to draw.

    Attributes:
        branch: its name, or ``main``.
    """

    title: str
    branch: str
    nodes: tuple[DrawnNode, ...]
    links: tuple[DrawnLink, ...]

    @property
    def is_main(self) -> bool:
        """Tell whether production is drawn, without marks."""
        return self.branch == MAIN


def drawing_of(
    graph: PipelineGraph,
    *,
    branch: str = MAIN,
    origins: Collection[str] = (),
    affected: Collection[str] = (),
) -> Drawing:
    """Return what to draw of a graph: production, or the whole graph with a branch's part of it marked.

    Args:
        graph: the abstract graph.
        branch: the branch's name, or ``main`` for no marks.
        origins: where the branch starts.
        affected: the nodes that it runs, origins included.
    """
    nodes = tuple(_node(node, branch, origins, affected) for node in graph.nodes)
    links = tuple(DrawnLink(link.source, link.target, link.data, _flow(link, branch, affected)) for link in graph.links)
    name = graph.metadata.get("name")
    inner = graph.metadata.get("metadata")
    if not isinstance(name, str) and isinstance(inner, dict):
        name = inner.get("name")
    return Drawing(name if isinstance(name, str) and name else "pipeline", branch, nodes, links)


def _node(node: Node, branch: str, origins: Collection[str], affected: Collection[str]) -> DrawnNode:
    mark: Mark = "unaffected"
    if branch == MAIN:
        mark = "plain"
    elif node.id in origins:
        mark = "origin"
    elif node.id in affected:
        mark = "affected"
    side = branch if mark in {"origin", "affected"} else MAIN
    return DrawnNode(
        id=node.id,
        job=node.job_name(branch if mark == "origin" else MAIN) if node.is_job else "",
        kind=_kind(node),
        mark=mark,
        outputs=tuple((name, data.uri_on(side)) for name, data in node.outputs.items()),
    )


def _kind(node: Node) -> Kind:
    if node.is_noop:
        return "noop"
    if node.is_python_shell:
        return "python-shell"
    return "spark" if node.is_job else "other"


def _flow(link: Link, branch: str, affected: Collection[str]) -> Flow:
    if branch == MAIN:
        return "plain"
    if link.target not in affected:
        return "unaffected"
    if link.source in affected:
        return "head"
    return "base" if link.data else "unaffected"


def kind_text(kind: Kind) -> str:
    """Return how a kind is called in plots."""
    return {"spark": "Spark", "python-shell": "Python shell", "noop": "no operation", "other": "other"}[kind]


def mark_texts(drawing: Drawing) -> Iterator[tuple[Mark, str]]:
    """Yield the marks that a drawing uses, with what they mean."""
    meanings: dict[Mark, str] = {
        "origin": "origin: its own job and script",
        "affected": "affected: runs on the branch",
        "unaffected": "not run",
    }
    used = {node.mark for node in drawing.nodes}
    return ((mark, text) for mark, text in meanings.items() if mark in used)


def flow_texts(drawing: Drawing) -> Iterator[tuple[Flow, str]]:
    """Yield the flows that a drawing uses, with what they mean."""
    meanings: dict[Flow, str] = {
        "head": "the branch's data",
        "base": "main's data",
        "high": "sure",
        "medium": "likely",
        "low": "weak",
    }
    used = {link.flow for link in drawing.links}
    return ((flow, text) for flow, text in meanings.items() if flow in used)
