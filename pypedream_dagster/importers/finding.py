"""What an import concludes: evidence with confidence, and questions for what it does not know."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.importers.survey import Problem, Where

Confidence = Literal["high", "medium", "low"]
"""``high``: both ends were read from calls or follow from a declaration, and name the same place. ``medium``: one end
rests on a name, on a run-time value, or on one place containing the other. ``low``: both do, or only order is known."""

EvidenceKind = Literal[
    "same-uri",  # a writer's and a reader's URIs are equal
    "same-table",  # both name one catalog table
    "table-location",  # one names a table, the other its location
    "crawled-table",  # one names a table that a crawler makes of the other's URI
    "table-name",  # one names a table, the other a folder of its name; where the table lies is not known
    "containment",  # one URI lies below the other
    "order",  # the orchestration runs one after the other
]

QuestionKind = Literal[
    "direction",  # does the job read or write what an argument names?
    "several-writers",  # whose is a dataset that several nodes write?
    "self-reading",  # a node reads what it writes
    "order-conflict",  # data flows against the order, or in a circle
    "parameter",  # what is the value of an unknown part?
    "unexplained-write",  # where does a write go, or how can a branch move it?
    "unknown-job",  # a task's job is defined nowhere
    "unreadable-script",  # a job's script is missing or cannot be read
    "unknown-table",  # a table's location is not known
]


IGNORE = "ignore"
DROP = "no link"
CHOICES: Mapping[QuestionKind, tuple[str, ...]] = {
    "direction": ("input", "output", "neither"),
    "self-reading": ("merge", "append", "overwrite"),
    "order-conflict": (DROP,),
    "unexplained-write": (IGNORE,),
    "unreadable-script": (IGNORE,),
}
"""The answers that are understood, of kinds where these are always the same."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a link is drawn.

    Attributes:
        kind: what was matched.
        confidence: how sure it is.
        dataset: the producer's dataset; empty for order.
        place: the URI or table that the two have in common; empty for order.
        written_by, read_by: how each side says so: ``--dest``, ``script.py:12``.
    """

    kind: EvidenceKind
    confidence: Confidence
    dataset: str = ""
    place: str = ""
    written_by: str = ""
    read_by: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that an import does not know; an answer settles it.

    Attributes:
        kind: what is asked.
        about: what it is about, in a form that stays the same from import to import: ``load --path``.
        text: the question, as a person reads it.
        choices: the answers that are understood; empty where any text is.
        node: the node that it is about, where it is one.
        at: where to look.
    """

    kind: QuestionKind
    about: str
    text: str
    choices: tuple[str, ...] = ()
    node: str = ""
    at: tuple[Where, ...] = ()

    @property
    def id(self) -> str:
        """Name the question, the same for as long as it is about the same."""
        return f"{self.kind}:{hashlib.sha256(self.about.encode()).hexdigest()[:8]}"

    @property
    def label(self) -> str:
        """Return its kind and what it is about, as a person writes it."""
        return f"{self.kind}: {self.about}"


@dataclass(frozen=True, slots=True)
class ImportedLink:
    """A link of the imported graph with all that speaks for it."""

    source: str
    target: str
    data: tuple[str, ...]
    evidence: tuple[Evidence, ...]

    @property
    def confidence(self) -> Confidence:
        """The surest of its evidence."""
        found = {item.confidence for item in self.evidence}
        return "high" if "high" in found else "medium" if "medium" in found else "low"


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import: a graph, valid as it is, and how it came about.

    Attributes:
        graph: with evidence, confidence and questions in its metadata.
        links: in the graph's order.
        questions: that no answer has settled yet.
        answered: questions that an answer has settled, by kind and what they are about, with the answer.
        notes: what a reader should know besides, each in one line.
        problems: what could not be read.
        sources: what was read: ``step-functions etl.asl.json``.
    """

    graph: PipelineGraph
    links: tuple[ImportedLink, ...] = ()
    questions: tuple[Question, ...] = ()
    answered: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    sources: tuple[str, ...] = ()
