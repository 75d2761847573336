"""Links of the graph: what was found of data and of order put together, one link per pair of nodes, without circles."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pypedream_dagster.importers.finding import DROP, Evidence, ImportedLink
from pypedream_dagster.importers.inference.asking import Asking
from pypedream_dagster.importers.inference.datasets import Datasets, Output
from pypedream_dagster.importers.inference.links import Pair
from pypedream_dagster.importers.inference.nodes import Steps
from pypedream_dagster.importers.inference.places import s3_place
from pypedream_dagster.importers.inference.uses import Use


@dataclass(frozen=True, slots=True)
class Linked:
    """The links, and what they say of the nodes at their ends.

    Attributes:
        links: one per pair of nodes, in a stable order.
        input_arguments: by node: by ``producer.dataset``, the argument that takes it.
        reads_itself: outputs that their node reads before it writes them.
        notes: what a reader should know.
    """

    links: tuple[ImportedLink, ...]
    input_arguments: Mapping[str, Mapping[str, str]]
    reads_itself: frozenset[Output]
    notes: tuple[str, ...]


def joined(steps: Steps, uses: Iterable[Use], pairs: Sequence[Pair], datasets: Datasets, asking: Asking) -> Linked:
    """Return the links; where some would close a circle, the order stands and the least sure are left out."""
    draft = _Draft(asking)
    for before, after in sorted(steps.order):
        draft.add_order(before, after)
    for pair in pairs:
        draft.add_pair(pair, datasets.of_use.get(pair.write))
    taken = {(out.node, out.argument) for out in datasets.outputs if out.argument}
    return Linked(
        tuple(draft.links(steps)),
        draft.input_arguments(taken, _folders_read(uses)),
        frozenset(draft.reads_itself),
        tuple(draft.notes),
    )


def _folders_read(uses: Iterable[Use]) -> frozenset[tuple[str, str]]:
    """Return ``(node, argument)`` of arguments below whose value a node only reads."""
    directions: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for use in uses:
        for argument in (use.root, use.argument):
            if argument is not None:
                directions[use.node, argument].add(use.direction)
    return frozenset(key for key, its in directions.items() if its == {"read"})


def _argument(pair: Pair, output: Output, folders_read: frozenset[tuple[str, str]]) -> str | None:
    """Return the argument whose whole value is the dataset, as the reader is given it; None if none is."""
    read = pair.read
    if read.place.kind != "s3":
        return None
    if read.argument is not None and not read.place.cut and read.place.text == output.place.text:
        return read.argument
    folder = s3_place(read.root_value) if read.root else None
    is_dataset = folder is not None and folder.text == output.place.text
    return read.root if read.root and is_dataset and (read.node, read.root) in folders_read else None


class _Draft:
    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._following: defaultdict[str, set[str]] = defaultdict(set)
        self._evidence: defaultdict[tuple[str, str], dict[Evidence, None]] = defaultdict(dict)
        self._data: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        self._reads: dict[tuple[str, str, str], list[Pair]] = {}
        self._outputs: dict[tuple[str, str], Output] = {}
        self.reads_itself: set[Output] = set()
        self.notes: list[str] = []

    def add_order(self, before: str, after: str) -> None:
        if before == after:
            return
        if self._leads(after, before):
            self.notes.append(
                f"{after} runs after {before} in one orchestration and before it in another: the first is kept."
            )
            return
        self._following[before].add(after)
        self._evidence[before, after][Evidence("order", "low")] = None

    def add_pair(self, pair: Pair, output: Output | None) -> None:
        source, target = pair.write.node, pair.read.node
        if source == target:
            self._add_to_itself(pair, output)
            return
        about = f"{source} {target} {pair.read.place.text}"
        if self._asking.known("order-conflict", about) == DROP:
            self._asking.ask("order-conflict", about, "")
            return
        if self._leads(target, source):
            self._asking.ask(
                "order-conflict",
                about,
                f"{target} reads {pair.read.value} ({pair.read.at}), which {source} writes ({pair.write.at}), but "
                f"{source} runs after {target}: it reads what the run before has left, or the order is wrong. The "
                f"link is left out, since data flows one way; answer {DROP!r} if that is right.",
                node=target,
            )
            return
        self._following[source].add(target)
        # What a node writes that is another's dataset is said, and carried by the other's link.
        own = output is not None and output.node == source
        self._evidence[source, target][pair.evidence(output.name if output and own else "")] = None
        if output is not None and own:
            self._data[source, target][output.name] = None
            self._reads.setdefault((source, output.name, target), []).append(pair)
            self._outputs[source, output.name] = output

    def _add_to_itself(self, pair: Pair, output: Output | None) -> None:
        if output is None or output.node != pair.read.node or output.mode != "overwrite":
            return  # that it builds on what is there is known
        answer = self._asking.ask(
            "self-reading",
            f"{pair.read.node} {pair.read.place.text}",
            f"{pair.read.node} reads {pair.read.value} ({pair.read.at}), which it writes itself ({pair.write.at}): "
            "does a run build on what is there (merge, append), or make it anew (overwrite)? merge is taken.",
            node=pair.read.node,
        )
        if answer != "overwrite":
            self.reads_itself.add(output)

    def links(self, steps: Steps) -> Iterator[ImportedLink]:
        place = {step.id: number for number, step in enumerate(steps.steps)}
        for source, target in sorted(self._evidence, key=lambda ends: (place[ends[0]], place[ends[1]])):
            evidence = tuple(self._evidence[source, target])
            # Order says nothing more where data flows.
            yield ImportedLink(source, target, tuple(self._data[source, target]), evidence)

    def input_arguments(
        self, taken: Iterable[tuple[str, str | None]], folders_read: frozenset[tuple[str, str]]
    ) -> dict[str, dict[str, str]]:
        """Return by which argument each node takes its inputs, where the dataset's name does not say it."""
        found: defaultdict[str, dict[str, str]] = defaultdict(dict)
        used: set[tuple[str, str | None]] = set(taken)
        later: list[tuple[str, str, str]] = []
        for source, dataset, target in sorted(self._reads):
            output = self._outputs[source, dataset]
            named = (_argument(pair, output, folders_read) for pair in self._reads[source, dataset, target])
            argument = next((name for name in named if name and (target, name) not in used), None)
            if argument is None:
                later.append((source, dataset, target))
                continue
            used.add((target, argument))
            if argument != f"--{dataset.upper()}_DATA_SOURCE":
                found[target][f"{source}.{dataset}"] = argument
        for source, dataset, target in later:
            argument = f"--{dataset.upper()}_DATA_SOURCE"
            if (target, argument) in used:
                argument = f"--{re.sub(r'[^A-Za-z0-9_]+', '_', source).upper()}_{dataset.upper()}_DATA_SOURCE"
                found[target][f"{source}.{dataset}"] = argument
            used.add((target, argument))
        return found

    def _leads(self, start: str, end: str) -> bool:
        seen = {start}
        open_ = [start]
        while open_:
            node = open_.pop()
            if node == end:
                return True
            for following in self._following.get(node, ()):
                if following not in seen:
                    seen.add(following)
                    open_.append(following)
        return False
