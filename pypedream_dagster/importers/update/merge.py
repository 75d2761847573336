"""Extending a graph by an imported one: what people wrote into the file stays, what changed in production comes in.

Three sides are held against each other, fact by fact (:mod:`importers.update.facts`): the file, what the last import
told, and what this one tells. So a link that somebody deleted stays deleted, a dataset that somebody renamed or gave
a key keeps both, and merging the same once more changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pypedream_dagster.graph.files import graph_document, parse_graph
from pypedream_dagster.graph.model import MAIN, PipelineGraph, render
from pypedream_dagster.graph.uri import parse_uri
from pypedream_dagster.importers.update.apply import Change, applied
from pypedream_dagster.importers.update.facts import Fact, ImportNames, facts_of, implicit_facts, import_record, is_same
from pypedream_dagster.importers.update.job_fields import changed_fields
from pypedream_dagster.importers.update.matching import Matching, folder_of, match
from pypedream_dagster.importers.update.record import header, were_apart

EMPTY = PipelineGraph(nodes=())
"""What a first import is merged into, so that the next one knows what it told."""

_ABSENT: Any = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that production has otherwise than the file, since the last import.

    Attributes:
        change: what happened to it in production.
        kind: what it is: a fact's kind, or ``job`` for a field of a Glue job.
        about: which one it is.
        before, after: its values, where it has any.
        kept: why the file is left as it is all the same; empty where merging takes it up.
    """

    change: Literal["added", "removed", "changed"]
    kind: str
    about: str
    before: str = ""
    after: str = ""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge.

    Attributes:
        graph: the file's graph with what is new.
        differences: what production had otherwise than the file.
        missing: Glue nodes of the file that this import did not find.
    """

    graph: PipelineGraph
    differences: tuple[Difference, ...] = ()
    missing: tuple[str, ...] = ()


def merge_graphs(existing: PipelineGraph, imported: PipelineGraph) -> Merged:
    """Return the existing graph with the imported one brought in.

    Nodes that production no longer has are kept. Links and untouched datasets that it no longer has go, if this import
    read all that the last ones read; else they stay, for another source may have told them.

    Raises:
        GraphError: the two contradict each other; all faults are listed.
    """
    record, news = import_record(existing), import_record(imported)
    last = record.get("told") or {}
    matching = match(existing, imported, were_apart(record))
    sources = record.get("sources") or []
    is_whole = all(source in (news.get("sources") or []) for source in sources)
    names = ImportNames(existing, imported, matching, last)
    plan = _Plan(existing, matching, facts_of(imported, matching), last, names, is_whole=is_whole)
    plan.decide()
    job_changes = _job_differences(existing, imported, matching)
    document = applied(graph_document(existing), graph_document(imported), imported, matching, plan.changes)
    found = set(matching.ids.values())
    missing = tuple(node.id for node in existing.nodes if node.is_job and node.id not in found) if is_whole else ()
    document["graph"] = header(existing, imported, names, plan.told, missing, is_whole=is_whole)
    graph = parse_graph(document, source="the merged graph")
    return Merged(graph, (*plan.differences, *job_changes), missing)


@dataclass(slots=True)
class _Plan:
    """What is to change in the file, and what is said of it."""

    existing: PipelineGraph
    matching: Matching
    told: Mapping[Fact, Any]
    last: Mapping[str, Any]
    names: ImportNames
    is_whole: bool
    changes: list[Change] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    here: dict[Fact, Any] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)
    here_before: list[Fact] = field(default_factory=list)
    moved: dict[Fact, str] = field(default_factory=dict)
    has_own_links: bool = False

    def decide(self) -> None:
        """Find out what to change."""
        self.here = facts_of(self.existing)
        self.here_before = [fact for fact in self.here if fact.kind == "dataset"]
        self.has_own_links = any(fact.kind == "link" and fact not in self.told for fact in self.here)
        implicit = implicit_facts(self.existing)
        gone = [
            fact for fact in self.here if fact not in self.told and self.names.of(fact) in self.last and self.is_whole
        ]
        self._remove(gone)
        self._move()
        for fact, value in self.told.items():
            if fact in self.here:
                self._update(fact, value, is_implicit=fact in implicit)
            elif self.names.of(fact) not in self.last:
                self._add(fact, value)
            elif fact.kind == "node":
                self.rejected.add(fact.of[0])

    def _remove(self, gone: list[Fact]) -> None:
        """Take out what production no longer has; what people built on stays."""
        ends = set(self.matching.ids.values())
        used: defaultdict[tuple[str, str], int] = defaultdict(int)
        carried: defaultdict[tuple[str, str], int] = defaultdict(int)
        for fact in self.here:
            if fact.kind == "input":
                carried[fact.of[0], fact.of[1]] += 1
                used[fact.of[0], fact.of[2]] += 1
        order = ("input", "link", "dataset", "unexplained", "arguments", "table", "node")
        for fact in sorted((fact for fact in gone if fact.kind in order), key=lambda fact: order.index(fact.kind)):
            if fact not in self.here:
                continue  # went with its dataset
            kept = ""
            nodes = fact.of[:2] if fact.kind in {"link", "input"} else fact.of[:1]
            if fact.kind == "node" or not set(nodes) <= ends:
                kept = "nodes are not removed: delete it if it is gone for good"
            elif fact.kind == "link" and carried[fact.of[0], fact.of[1]]:
                kept = "it carries data that somebody added"
            elif fact.kind == "dataset" and used[fact.of[0], fact.of[1]]:
                kept = "a link that somebody added carries it"
            elif fact.kind == "dataset" and self._is_edited(fact) and not self._moves(fact):
                kept = "somebody edited it"
            elif fact.kind == "input":
                carried[fact.of[0], fact.of[1]] -= 1
                used[fact.of[0], fact.of[2]] -= 1
            if fact.kind == "node" or set(nodes) <= ends:  # what hangs on a node that is gone needs no word of its own
                self.differences.append(_difference("removed", fact, self.here[fact], _ABSENT, kept))
            if not kept:
                self.changes.append(Change("remove", fact))
                self.here.pop(fact)
                for kind in ("output", "write_mode", "table") if fact.kind == "dataset" else ():
                    self.here.pop(Fact(kind, fact.of), None)

    def _is_edited(self, fact: Fact) -> bool:
        data = self.existing.by_id[fact.of[0]].outputs[fact.of[1]]
        return bool({*data.model_fields_set, *(data.model_extra or ())} - {"uri", "main_uri", "table", "write_mode"})

    def _moves(self, fact: Fact) -> bool:
        """Tell whether another node makes the dataset now, and takes its settings over."""
        place = folder_of(str(self.here[fact]))
        return any(
            other.kind == "dataset" and other not in self.here and folder_of(str(value)) == place
            for other, value in self.told.items()
        )

    def _update(self, fact: Fact, value: Any, *, is_implicit: bool) -> None:
        here, last = self.here[fact], self.last.get(self.names.of(fact))
        if is_same(fact, here, value) or (last is not None and is_same(fact, last, value)):
            return  # as it was, or edited by hand
        if last is None and not is_implicit:
            return  # written by hand before it was ever imported
        is_edited = last is not None and not is_same(fact, here, last)
        kept = "somebody edited it" if is_edited else self._taken(fact, value)
        if fact.kind == "dataset" and not kept:
            kept = self._overlap(str(value), fact)
        if fact.kind != "confidence":  # how sure it is says nothing of production
            self.differences.append(_difference("changed", fact, here, value, kept))
        if not kept:
            self.changes.append(Change("set", fact, value))
            self.here[fact] = value

    def _add(self, fact: Fact, value: Any) -> None:
        nodes = fact.of[:2] if fact.kind in {"link", "confidence", "input"} else fact.of[:1]
        if self.rejected & set(nodes):
            return
        kept = ""
        match fact.kind:
            case "dataset":
                kept = self._overlap(str(value))
            case "output" | "write_mode" | "table":
                if Fact("dataset", fact.of) not in self.here:
                    return
            case "link":
                kept = self._circle(*fact.of)
            case "confidence":
                if Fact("link", fact.of) not in self.here:
                    return
            case "input":
                if Fact("dataset", (fact.of[0], fact.of[2])) not in self.here:
                    return
                link = Fact("link", fact.of[:2])
                kept = self._taken(fact, value)
                if link not in self.here and not kept:
                    if kept := self._circle(*fact.of[:2]):
                        return  # said of the link
                    self.changes.append(Change("set", link, ""))
                    self.here[link] = ""
            case _:
                pass
        if kept or self._is_news(fact):
            after = ", ".join(self._carried(fact)) if fact.kind == "link" else value
            self.differences.append(_difference("added", fact, _ABSENT, after, kept))
        if not kept:
            self.changes.append(Change("set", fact, value))
            self.here[fact] = value

    def _is_news(self, fact: Fact) -> bool:
        """Tell whether it is worth a word: what comes with a new node or link is not."""
        match fact.kind:
            case "node" | "link":
                return True
            case "dataset" | "unexplained":
                return fact.of[0] in self.existing.by_id
            case "input":
                return any((one.source, one.target) == fact.of[:2] for one in self.existing.links)
            case _:
                return False

    def _carried(self, link: Fact) -> list[str]:
        return [fact.of[2] for fact in self.told if fact.kind == "input" and fact.of[:2] == link.of]

    def _taken(self, fact: Fact, argument: Any) -> str:
        """Say what takes an input's argument already; if that is gone from production, it makes room."""
        if fact.kind != "input" or not argument:
            return ""
        for other, value in list(self.here.items()):
            if other == fact or value != argument or other.kind not in {"input", "output"}:
                continue
            if other.of[other.kind == "input"] != fact.of[1]:
                continue
            if (
                other.kind == "output"
                or other in self.told
                or not self.is_whole
                or self.names.of(other) not in self.last
            ):
                return f"{argument} takes {other.about}"
            self.differences.append(_difference("removed", other, value, _ABSENT, ""))
            self.changes.append(Change("remove", other))
            self.here.pop(other)
        return ""

    def _overlap(self, uri: str, moved: Fact | None = None) -> str:
        # Imported datasets do not overlap each other.
        for other in self.here_before:
            if other in self.here and other != moved and _overlaps(uri, place := self._place_after(other)):
                return f"{other.about} is there already ({place})"
        return ""

    def _place_after(self, dataset: Fact) -> str:
        """Return where a dataset of the file lies after this merge."""
        return self.moved.get(dataset, str(self.here[dataset]))

    def _move(self) -> None:
        """Find out which datasets follow production to another place: where none that stays is in the way."""
        for fact in self.here_before:
            last = self.last.get(self.names.of(fact))
            if fact in self.here and fact in self.told and last is not None and is_same(fact, self.here[fact], last):
                self.moved[fact] = str(self.told[fact])
        waiting = [fact for fact, place in self.moved.items() if not is_same(fact, self.here[fact], place)]
        while stuck := [fact for fact in waiting if self._overlap(self.moved[fact], fact)]:
            waiting = [fact for fact in waiting if fact not in stuck]
            for fact in stuck:
                del self.moved[fact]

    def _circle(self, source: str, target: str) -> str:
        if not self.has_own_links:
            return ""  # imported links alone close none
        following: defaultdict[str, list[str]] = defaultdict(list)
        for fact in self.here:
            if fact.kind == "link":
                following[fact.of[0]].append(fact.of[1])
        seen, open_ = {target}, [target]
        while open_:
            node = open_.pop()
            if node == source:
                return f"the file has {target} before {source}"
            fresh = [one for one in following[node] if one not in seen]
            seen.update(fresh)
            open_ += fresh
        return ""


def _overlaps(one: str, other: str) -> bool:
    try:
        return parse_uri(one).overlaps(parse_uri(other))
    except ValueError:
        return folder_of(one) == folder_of(other)


def _difference(
    change: Literal["added", "removed", "changed"], fact: Fact, before: Any, after: Any, kept: str
) -> Difference:
    old, new = _shown(before), _shown(after)
    if fact.kind == "node" and change != "changed":  # a node mostly is called as its job
        old, new = ("" if value == fact.of[0] else value for value in (old, new))
    return Difference(change, fact.kind, fact.about, old, new, kept)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name}={item}" for name, item in sorted(value.items()))
    return "" if value is None else str(value)


def _job_differences(existing: PipelineGraph, imported: PipelineGraph, matching: Matching) -> list[Difference]:
    found: list[Difference] = []
    for node in imported.nodes:
        old = existing.by_id.get(matching.ids[node.id]) if node.id in matching.known else None
        if old is not None and node.is_job:
            found += [
                Difference("changed", "job", f"{old.id} {name}", render(before, MAIN), render(after, MAIN))
                for name, before, after in changed_fields(old, node)
            ]
    return found
