"""Which node's output is which node's input: every pair of a write and a read, with the evidence for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pypedream_dagster.importers.finding import Confidence, Evidence, EvidenceKind
from pypedream_dagster.importers.inference.nodes import reachable
from pypedream_dagster.importers.inference.places import Place, Relation, is_open, relate
from pypedream_dagster.importers.inference.uses import Use

_RANKS: Mapping[Confidence, int] = {"high": 0, "medium": 1, "low": 2}
_LEVELS: tuple[Confidence, ...] = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Pair:
    """What one node writes, and another reads.

    Attributes:
        write, read: the two uses.
        kind: what they have in common.
        confidence: how sure it is.
        same: whether the two name one and the same place.
        certain: whether more than the database of a table is known to be equal.
    """

    write: Use
    read: Use
    kind: EvidenceKind
    confidence: Confidence
    same: bool
    certain: bool = True

    @property
    def rank(self) -> tuple[int, bool, str, str, str, str]:
        """Orders pairs, the surest first; the same for the same pairs in any order."""
        one, two = self.write, self.read
        return _RANKS[self.confidence], not self.same, one.node, two.node, one.place.text, two.at

    def evidence(self, dataset: str) -> Evidence:
        """Return it as the evidence of a link."""
        return Evidence(
            kind=self.kind,
            confidence=self.confidence,
            dataset=dataset,
            place=self.read.value,
            written_by=self.write.at,
            read_by=self.read.at,
        )


class Order:
    """What runs after what, by all orchestrations."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        following: defaultdict[str, list[str]] = defaultdict(list)
        self._known: set[str] = set()
        for before, after in sorted(pairs):
            following[before].append(after)
            self._known |= {before, after}
        self._after = {node: reachable(following, node) for node in following}

    def comes_after(self, node: str, other: str) -> bool:
        """Tell whether ``other`` runs after ``node``."""
        return other in self._after.get(node, ())

    def knows(self, *nodes: str) -> bool:
        """Tell whether anything is said of all of these nodes."""
        return all(node in self._known for node in nodes)


def pairs_of(uses: Sequence[Use], order: Order) -> tuple[Pair, ...]:
    """Return all pairs of a write and a read that name one place, the surest first."""
    index = _WriteIndex(use for use in uses if use.direction == "write" and use.mode != "upkeep")
    found: list[Pair] = []
    for read in uses:
        if read.direction == "write":
            continue
        pairs = [pair for write in index.near(read) if (pair := _pair(write, read, order)) is not None]
        certain = [pair for pair in pairs if pair.certain]
        # Of a table that a run names only one node can be the writer: of several none is told.
        alone = not certain and len({pair.write.node for pair in pairs}) == 1
        found += pairs if alone else certain
    return tuple(sorted(found, key=lambda pair: pair.rank))


def _pair(write: Use, read: Use, order: Order) -> Pair | None:
    if write.node == read.node and read.by == write.by == "call" and read.order >= write.order:
        return None  # reading back what was just written is no dependency
    best: Pair | None = None
    for kind, one, two in _common_places(write, read):
        relation = relate(one, two)
        if relation is None:
            continue
        confidence = _confidence(relation, one, two, write, read, order)
        if confidence is None:
            continue
        shown = kind if relation.same or kind != "same-uri" else "containment"
        if kind == "crawled-table":
            confidence = _weaker(confidence, "medium")
        if kind == "table-name":
            after = order.comes_after(write.node, read.node)
            if not after and order.knows(write.node, read.node):
                continue
            confidence = _weaker(confidence, "medium" if after else "low")
        certain = relation.literal > 0 or one.kind != "table"
        pair = Pair(write, read, shown, confidence, relation.same, certain)
        if best is None or pair.rank < best.rank:
            best = pair
    return best


def _common_places(write: Use, read: Use) -> Iterator[tuple[EvidenceKind, Place, Place]]:
    """Give the places by which the two may be compared."""
    if write.place.kind == read.place.kind:
        kind: EvidenceKind = "same-table" if write.place.kind == "table" else "same-uri"
        yield kind, write.place, read.place
    if write.place.kind == "s3" and read.location is not None:
        yield read.located or "table-location", write.place, read.location
    if write.location is not None and read.place.kind == "s3":
        yield write.located or "table-location", write.location, read.place


def _confidence(relation: Relation, one: Place, two: Place, write: Use, read: Use, order: Order) -> Confidence | None:
    """Tell how sure a match is; None if it is none to be told."""
    after = order.comes_after(write.node, read.node)
    if not relation.bucket_known and relation.literal < 2:
        return None  # two unknown buckets with one folder's name in common
    weakness = 0 if relation.bucket_known or after else 2
    if not relation.literal and relation.wild and not after:
        return None  # tables of one database, and nothing else
    if not relation.literal and one.at_run_time and not after:
        if not one.says_which:
            return None  # arguments of the same names, and nothing else
        weakness += 1
    if write.by in {"name", "other"} or read.by in {"name", "other"}:
        weakness += 1
    if write.by in {"name", "other"} and read.by in {"name", "other"}:
        weakness += 0 if relation.same else 1
    if not relation.same:
        weakness += 1
    if relation.wild or not relation.bucket_known:
        weakness += 1
    if one.at_run_time or two.at_run_time:
        weakness += 0 if relation.wild else 1
    if relation.wild > 1 and relation.literal < relation.wild:
        weakness += 1
    level = _LEVELS[min(weakness, 2)]
    if level == "low" and not after and order.knows(write.node, read.node):
        return None  # an orchestration that knows both does not run the one after the other
    return _LEVELS[1] if level == "low" and after and weakness == 2 else level


def _weaker(one: Confidence, two: Confidence) -> Confidence:
    return one if _RANKS[one] > _RANKS[two] else two


class _WriteIndex:
    """Writes by what a read of the same place must have in common with them: a path, or one segment at its place."""

    def __init__(self, writes: Iterable[Use]) -> None:
        self._at: defaultdict[str, list[Use]] = defaultdict(list)
        self._below: defaultdict[str, list[Use]] = defaultdict(list)
        self._by_segment: defaultdict[tuple[int, str], list[Use]] = defaultdict(list)
        self._open_by_segment: defaultdict[tuple[int, str], list[Use]] = defaultdict(list)
        for use in writes:
            for place in _places(use):
                self._at[_path(place)].append(use)
                for path in _above(place):
                    self._below[path].append(use)
                for key in _closed_segments(place):
                    self._by_segment[key].append(use)
                    if _is_open(place):
                        self._open_by_segment[key].append(use)

    def near(self, read: Use) -> Iterator[Use]:
        """Give the writes that may be of a read's place, each once."""
        seen: set[int] = set()
        for place in _places(read):
            by_segment = self._by_segment if _is_open(place) else self._open_by_segment
            lists = [self._at.get(_path(place), []), self._below.get(_path(place), [])]
            lists += [self._at.get(path, []) for path in _above(place)]
            lists += [by_segment.get(key, []) for key in _closed_segments(place)]
            for uses in lists:
                for use in uses:
                    if id(use) not in seen:
                        seen.add(id(use))
                        yield use


def _places(use: Use) -> Iterator[Place]:
    yield use.place
    if use.location is not None:
        yield use.location


def _path(place: Place) -> str:
    return f"{place.kind}:{'/'.join(place.segments)}"


def _above(place: Place) -> Iterator[str]:
    if place.kind == "s3":
        for depth in range(2, len(place.segments)):
            yield f"s3:{'/'.join(place.segments[:depth])}"


def _closed_segments(place: Place) -> Iterator[tuple[int, str]]:
    """Give the segments that are known, but for the bucket, with their place; of a table both names."""
    for number, segment in enumerate(place.segments):
        if place.kind != "s3":
            yield number - len(place.segments), segment
        elif number and not is_open(segment):
            yield number, segment


def _is_open(place: Place) -> bool:
    return any(is_open(segment) for segment in place.segments)
