"""What an import found, as its reports show it: one frozen model that every renderer reads, without secrets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pypedream_dagster.graph.model import Dataset, Node, PipelineGraph
from pypedream_dagster.importers.finding import (
    Confidence,
    Evidence,
    EvidenceKind,
    Imported,
    ImportedLink,
    Question,
    QuestionKind,
)
from pypedream_dagster.importers.parameters import parameters_in
from pypedream_dagster.importers.update.facts import unexplained_writes
from pypedream_dagster.masking.mask import mask_arguments, mask_document
from pypedream_dagster.report.wording import plural

VERSION: Literal[1] = 1
"""Of the JSON form."""

Sureness = Literal["high", "medium", "low", "order"]
"""A link's confidence; ``order`` where nothing but order speaks for it."""

# What most other answers depend on comes first.
_QUESTION_ORDER: tuple[QuestionKind, ...] = (
    "parameter",
    "unknown-job",
    "unreadable-script",
    "unexplained-write",
    "direction",
    "several-writers",
    "unknown-table",
    "order-conflict",
    "self-reading",
)


@dataclass(frozen=True, slots=True)
class Output:
    """A dataset that a node writes: its place on main and on a branch, and the argument that takes it."""

    name: str
    main_uri: str
    branch_uri: str
    argument: str
    table: str | None
    write_mode: str


@dataclass(frozen=True, slots=True)
class Input:
    """A dataset that a node reads of another."""

    source: str
    dataset: str
    main_uri: str
    argument: str


@dataclass(frozen=True, slots=True)
class ImportedNode:
    """A node.

    Attributes:
        id: the node's.
        operation: ``glue``, or another task's.
        job: the Glue job's name; of others, what they work on; empty where neither is known.
        arguments: of its runs, over the job's defaults.
        inputs, outputs: datasets.
        defined_at: where the sources have it.
        branchable: whether a branch can start at it.
        why_not: if not, why; one reason in each.
        questions: ids of those about it.
    """

    id: str
    operation: str
    job: str
    arguments: Mapping[str, str]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    defined_at: tuple[str, ...]
    branchable: bool
    why_not: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that speaks for a link; see `importers.finding.Evidence`."""

    kind: EvidenceKind
    confidence: Confidence
    dataset: str
    place: str
    written_by: str
    read_by: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link with all that speaks for it, the surest first."""

    source: str
    target: str
    data: tuple[str, ...]
    confidence: Confidence
    sureness: Sureness
    evidence: tuple[Proof, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """An open question; see `importers.finding.Question`."""

    id: str
    kind: QuestionKind
    about: str
    text: str
    choices: tuple[str, ...]
    node: str
    at: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that could not be read."""

    at: str
    what: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers that are read first."""

    glue_nodes: int
    other_nodes: int
    branchable_nodes: int
    datasets: int
    links: int
    high: int
    medium: int
    low: int
    order_only: int
    questions: int
    answered: int
    problems: int


@dataclass(frozen=True, slots=True)
class ImportReport:
    """All that a report says, in the order in which it says it."""

    version: Literal[1]
    summary: Summary
    sources: tuple[str, ...]
    nodes: tuple[ImportedNode, ...]
    links: tuple[Link, ...]
    questions: tuple[Asked, ...]
    answered: Mapping[str, str]
    notes: tuple[str, ...]
    problems: tuple[Trouble, ...]


def import_report(imported: Imported) -> ImportReport:
    """Return what there is to report of an import."""
    graph = imported.graph
    by_node: dict[str, list[str]] = {}
    for question in imported.questions:
        by_node.setdefault(question.node, []).append(question.id)
    nodes = tuple(_node(node, graph, by_node.get(node.id, ())) for node in graph.nodes if not node.is_noop)
    links = tuple(map(_link, imported.links))
    questions = tuple(
        _question(item) for item in sorted(imported.questions, key=lambda item: _QUESTION_ORDER.index(item.kind))
    )
    sure = Counter(link.sureness for link in links)
    summary = Summary(
        glue_nodes=sum(node.operation == "glue" for node in nodes),
        other_nodes=sum(node.operation != "glue" for node in nodes),
        branchable_nodes=sum(node.branchable for node in nodes),
        datasets=sum(len(node.outputs) for node in nodes),
        links=len(links),
        high=sure["high"],
        medium=sure["medium"],
        low=sure["low"],
        order_only=sure["order"],
        questions=len(questions),
        answered=len(imported.answered),
        problems=len(imported.problems),
    )
    return ImportReport(
        version=VERSION,
        summary=summary,
        sources=_masked(imported.sources),
        nodes=nodes,
        links=links,
        questions=questions,
        answered=mask_arguments(imported.answered),
        notes=_masked(imported.notes),
        problems=tuple(Trouble(safe(str(item.at)), safe(item.what)) for item in imported.problems),
    )


def by_kind(questions: Iterable[Asked]) -> dict[QuestionKind, list[Asked]]:
    """Return questions by their kind, in the order of the report."""
    found: dict[QuestionKind, list[Asked]] = {}
    for question in questions:
        found.setdefault(question.kind, []).append(question)
    return found


def summary_text(summary: Summary) -> str:
    """Return ``12 Glue nodes, 3 others; 14 links: 10 high, 3 medium, 1 order only; 5 questions``."""
    nodes = plural(summary.glue_nodes, "Glue node")
    if summary.other_nodes:
        nodes += f", {plural(summary.other_nodes, 'other')}"
    counts = [
        f"{number:,} {name}"
        for name, number in (
            ("high", summary.high),
            ("medium", summary.medium),
            ("low", summary.low),
            ("order only", summary.order_only),
        )
        if number
    ]
    links = plural(summary.links, "link") + (f": {', '.join(counts)}" if counts else "")
    parts = [nodes, links, plural(summary.questions, "question")]
    parts += [plural(summary.problems, "problem")] if summary.problems else []
    return "; ".join(parts)


def question_title(kind: QuestionKind) -> str:
    """Return the heading over the questions of a kind."""
    return {
        "parameter": "Values that are not known",
        "unknown-job": "Jobs that are defined nowhere",
        "unreadable-script": "Scripts that are missing or cannot be read",
        "unexplained-write": "Writes that a branch could not move",
        "direction": "Read or written?",
        "several-writers": "Datasets with several writers",
        "unknown-table": "Tables whose location is not known",
        "order-conflict": "Data against the order",
        "self-reading": "Datasets that their own node reads",
    }[kind]


def evidence_text(kind: EvidenceKind) -> str:
    """Return what was matched, in words."""
    return {
        "same-uri": "same place",
        "same-table": "same table",
        "table-location": "a table and its location",
        "crawled-table": "a table that a crawler makes",
        "table-name": "a table and a folder of its name",
        "containment": "one lies within the other",
        "order": "order only",
    }[kind]


def sureness_text(sureness: Sureness) -> str:
    """Return how sure a link is, in words."""
    return "order only" if sureness == "order" else sureness


def _node(node: Node, graph: PipelineGraph, questions: Sequence[str]) -> ImportedNode:
    extra = node.metadata.model_extra or {}
    told = extra.get("imported")
    places = told.get("at") if isinstance(told, dict) else None
    why_not = tuple(map(safe, _why_not(node)))
    return ImportedNode(
        id=safe(node.id),
        operation=node.metadata.operation.lower() if node.is_job else safe(node.metadata.operation),
        job=safe(_works_on(node)),
        arguments=mask_arguments(node.metadata.arguments),
        inputs=tuple(
            Input(
                safe(link.source),
                safe(name),
                safe(_base(graph.by_id[link.source].outputs.get(name))),
                safe(node.input_argument(link.source, name)) if node.is_job else "",
            )
            for link in graph.inbound(node.id)
            for name in link.data
        ),
        outputs=tuple(_output(node, name, data) for name, data in node.outputs.items()),
        defined_at=tuple(safe(str(place)) for place in places) if isinstance(places, list) else (),
        branchable=not why_not,
        why_not=why_not,
        questions=tuple(questions),
    )


def _works_on(node: Node) -> str:
    if node.is_job:
        return node.job_name("main")
    resource = node.metadata.properties.get("Resource")
    return resource if isinstance(resource, str) else ""


def _output(node: Node, name: str, data: Dataset) -> Output:
    argument = node.output_argument(name) if node.is_job else ""
    table = None if data.table is None else safe(data.table)
    return Output(safe(name), safe(data.base_uri), safe(data.uri), safe(argument), table, data.write_mode)


def _base(data: Dataset | None) -> str:
    return data.base_uri if data is not None else ""


def _why_not(node: Node) -> Iterable[str]:
    if not node.is_job:
        yield f"{node.metadata.operation} tasks cannot be branched yet"
        return
    if names := parameters_in(node.job_name("main")):
        yield f"its job's name holds unknown parts: {', '.join(names)}"
    if "Command" not in node.metadata.properties and not node.outputs:
        yield "its job is defined nowhere: what it writes is not known"
    for entry in unexplained_writes(node):
        what, at, why = (str(entry.get(name) or "") for name in ("what", "at", "why"))
        yield f"it writes {what or 'somewhere'}{f' ({at})' if at else ''}{f': {why}' if why else ''}"


_RANKS: tuple[Confidence, ...] = get_args(Confidence)


def _link(link: ImportedLink) -> Link:
    evidence = tuple(sorted(map(_proof, link.evidence), key=lambda item: _RANKS.index(item.confidence)))
    is_order = all(item.kind == "order" for item in evidence)
    return Link(
        source=safe(link.source),
        target=safe(link.target),
        data=_masked(link.data),
        confidence=link.confidence,
        sureness="order" if is_order and not link.data else link.confidence,
        evidence=evidence,
    )


def _proof(item: Evidence) -> Proof:
    return Proof(
        item.kind,
        item.confidence,
        safe(item.dataset),
        safe(item.place),
        safe(item.written_by),
        safe(item.read_by),
    )


def _question(item: Question) -> Asked:
    return Asked(
        id=item.id,
        kind=item.kind,
        about=safe(item.about),
        text=safe(item.text),
        choices=_masked(item.choices),
        node=safe(item.node),
        at=_masked(map(str, item.at)),
    )


def _masked(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(safe, texts))


def safe(text: str) -> str:
    """Return a text without secrets; an S3 URI, however random, stays whole."""
    masked: str = mask_document(text)
    return masked
