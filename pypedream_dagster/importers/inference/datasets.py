"""Whose a dataset is: of all that nodes write, the outputs that the graph file can hold, each with one producer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pypedream_dagster.graph.model import DataFormat, WriteMode, render
from pypedream_dagster.graph.uri import S3Uri, parse_uri
from pypedream_dagster.importers.inference.arguments import dataset_name
from pypedream_dagster.importers.inference.catalog import Catalog
from pypedream_dagster.importers.inference.places import UNKNOWN, Place, s3_place
from pypedream_dagster.importers.inference.templates import dataset_fields
from pypedream_dagster.importers.inference.uses import Use
from pypedream_dagster.importers.parameters import PARAMETER, parameter, parameters_in
from pypedream_dagster.script.model import Mode

_SAMPLE = "a-branch"
_NO_ARGUMENT = "no argument of the job moves it"


@dataclass(frozen=True, slots=True)
class Output:
    """A dataset of a node.

    Attributes:
        node: whose it is.
        name: within the node.
        uri: production's.
        place: the same, to compare.
        argument: that takes its URI; None if none does.
        table: its name in the catalog, where it has one.
        mode: what the job does to what is there.
        at: how the node says that it writes it.
        format: of its files, where the script or the catalog tells.
    """

    node: str
    name: str
    uri: str
    place: Place
    argument: str | None
    table: str | None
    mode: WriteMode
    at: str
    format: DataFormat | None = None


@dataclass(frozen=True, slots=True)
class Unmoved:
    """A write that no branch can put elsewhere, and why."""

    node: str
    what: str
    at: str
    why: str
    dataset: str | None = None

    @property
    def can_be_rewritten(self) -> bool:
        """Tell whether a script can be rewritten to take the place from an argument: all of it is known."""
        return self.dataset is not None and not parameters_in(self.what)


@dataclass(frozen=True, slots=True)
class Datasets:
    """All outputs.

    Attributes:
        outputs: in the nodes' order.
        of_use: the output that a write belongs to, its own node's or another's, by the use.
        unmoved: writes that no argument moves.
        contested: nodes that write one dataset, by its URI; the first is taken for its producer.
    """

    outputs: tuple[Output, ...]
    of_use: Mapping[Use, Output]
    unmoved: tuple[Unmoved, ...]
    contested: Mapping[str, tuple[str, ...]]


def datasets_of(
    uses: Iterable[Use],
    catalog: Catalog,
    owner_of: Callable[[str, Sequence[str]], str | None],
    reruns: Mapping[str, str],
) -> Datasets:
    """Return the outputs of all nodes, no two of which overlap.

    Args:
        uses: of all nodes.
        catalog: knows tables by their places, and their formats.
        owner_of: whom a person named as the producer of a URI that several nodes write.
        reruns: by node, the node that runs the same earlier.
    """
    known = list(uses)
    writes = [_Write.of(group, below) for group, below in _grouped(known, _movable_roots(known))]
    writers: defaultdict[str, set[str]] = defaultdict(set)
    for write in writes:
        writers[write.uri.rstrip("/")].add(write.node)
    chosen: list[_Write] = []
    taken = _Taken()
    owner: dict[int, _Write] = {}
    unmoved: list[Unmoved] = []
    contested: defaultdict[str, list[str]] = defaultdict(list)
    for write in sorted(writes, key=lambda write: write.rank(owner_of, writers, reruns)):
        main, head = _on_main_and_branch(write.uri)
        if main is None:
            unmoved.append(Unmoved(write.node, write.uri, write.at, "it is no place that a graph file can name"))
            continue
        other = taken.overlapping(main, head)
        if other is None and write.is_upkeep:
            unmoved.append(
                Unmoved(write.node, write.uri, write.at, "it keeps a table in order that no other node makes")
            )
            continue
        if other is None:
            chosen.append(write)
            taken.add(write, main, head)
            owner[id(write)] = write
            continue
        first, held = other
        owner[id(write)] = first
        if first.node == write.node:
            if not held.contains(main):
                unmoved.append(Unmoved(write.node, write.uri, write.at, f"it holds {first.uri}, which it writes too"))
            elif write.argument is None and first.argument is not None:
                unmoved.append(Unmoved(write.node, write.uri, write.at, write.why_unmoved))
        elif reruns.get(write.node) != first.node:
            why = f"it is {first.node}'s" if held.folder == main.folder else f"it overlaps {first.node}'s {first.uri}"
            if not _is_told(first.place):  # two jobs' arguments of one name, of which no value is known
                why = f"it may be {first.node}'s: no value is known of it"
            unmoved.append(Unmoved(write.node, write.uri, write.at, why))
            if _is_told(first.place) and not write.is_upkeep:
                contested[first.uri] = [*(contested[first.uri] or [first.node]), write.node]
    outputs = _named(chosen, catalog)
    for write in chosen:
        if write.argument is None:
            unmoved.append(Unmoved(write.node, write.uri, write.at, write.why_unmoved, outputs[id(write)].name))
    of_use = {use: outputs[id(owner[id(write)])] for write in writes if id(write) in owner for use in write.uses}
    return Datasets(tuple(outputs.values()), of_use, tuple(unmoved), {k: tuple(v) for k, v in contested.items()})


@dataclass(frozen=True, slots=True, eq=False)
class _Write:
    """All uses by which a node writes one place."""

    node: str
    uses: tuple[Use, ...]
    uri: str
    place: Place
    argument: str | None
    exact: bool

    @classmethod
    def of(cls, uses: Sequence[Use], below: bool) -> _Write:
        """Put uses of one place together, or of all that lies below an argument's value."""
        first = uses[0]
        if below and first.root is not None and (folder := s3_place(first.root_value)) is not None:
            return cls(first.node, tuple(uses), first.root_value, folder, first.root, exact=True)
        best = min(uses, key=lambda use: (use.argument is None, use.by != "call", use.at))
        uri, exact = _uri(best)
        argument = best.argument if exact and best.place.kind == "s3" and not best.place.cut else None
        return cls(best.node, tuple(uses), uri, best.lies_at or best.place, argument, exact)

    @property
    def at(self) -> str:
        return self.uses[0].at

    @property
    def why_unmoved(self) -> str:
        """Say why no argument moves it."""
        roots = {use.root for use in self.uses}
        root = roots.pop() if len(roots) == 1 else None
        return _NO_ARGUMENT if root is None else f"{root} names a folder of more than this dataset"

    @property
    def is_upkeep(self) -> bool:
        """Tell whether it makes no data, and so is nobody's dataset."""
        return all(use.mode == "upkeep" for use in self.uses)

    def rank(
        self,
        owner_of: Callable[[str, Sequence[str]], str | None],
        writers: Mapping[str, set[str]],
        reruns: Mapping[str, str],
    ) -> tuple[bool, bool, bool, bool, bool, bool, str, str]:
        """Order writes, those first that are surest to be a dataset of their own."""
        same = sorted(writers[self.uri.rstrip("/")])
        said = owner_of(self.uri, same) if len(same) > 1 else None
        return (
            self.is_upkeep,
            said != self.node if said else False,
            self.node in reruns,
            not self.exact,
            self.argument is None,
            all(use.by not in {"call", "convention", "answer"} for use in self.uses),
            self.node,
            self.uri,
        )

    @property
    def mode(self) -> WriteMode:
        modes: set[Mode] = {use.mode for use in self.uses}
        if "merge" in modes:
            return "merge"
        if "append" in modes and not modes & {"overwrite", "partitions"}:
            return "append"
        return "overwrite"


def _movable_roots(uses: Sequence[Use]) -> frozenset[tuple[str, str]]:
    """Return ``(node, argument)`` of arguments in whose value, a folder, a node writes files and nothing else.

    A branch moves all that lies in such a folder at once: what is read from there too would move along, and folders
    in it are datasets of their own.
    """
    by_root: defaultdict[tuple[str, str], list[Use]] = defaultdict(list)
    for use in uses:
        for argument in (use.root, use.argument):
            if argument is not None:
                by_root[use.node, argument].append(use)
    others = [(use.node, place) for use in uses if use.direction == "write" and (place := use.lies_at) is not None]
    found: set[tuple[str, str]] = set()
    for (node, argument), its in by_root.items():
        value = next((use.root_value for use in its if use.root == argument), "")
        root = s3_place(value) if value else None
        if root is None or any(use.direction != "write" or not _lies_in(use, root) for use in its):
            continue
        if not any(other != node and _touch(root, place) for other, place in others):
            found.add((node, argument))
    return frozenset(found)


def _lies_in(use: Use, folder: Place) -> bool:
    """Tell whether a use is of a folder, or of files that lie in it."""
    rest = use.place.text.removeprefix(folder.text).strip("/")
    return use.place.kind == "s3" and (not rest or ("/" not in rest and re.search(r"\.\w{1,8}$", rest) is not None))


def _touch(one: Place, two: Place) -> bool:
    a, b = f"{one.text}/", f"{two.text}/"
    return a.startswith(b) or b.startswith(a)


def _grouped(uses: Iterable[Use], roots: frozenset[tuple[str, str]]) -> Iterator[tuple[list[Use], bool]]:
    """Give the writes of one place, or of all below an argument's value, and which of the two it is."""
    groups: defaultdict[tuple[str, str, bool], list[Use]] = defaultdict(list)
    for use in uses:
        place = use.lies_at or use.place
        if use.direction != "write":
            continue
        if use.root is not None and (use.node, use.root) in roots:
            groups[use.node, use.root_value, True].append(use)
        elif not place.is_somewhere:  # which is no dataset: it is asked for
            groups[use.node, place.text, False].append(use)
    for (_, _, below), group in groups.items():
        yield group, below


def _uri(use: Use) -> tuple[str, bool]:
    """Return the URI of what is written for the graph file, and whether it is all that is known of the place."""
    place = use.lies_at
    if place is None:
        # It lies somewhere: the name stands for the location until it is known.
        name = re.sub(r"[${}]", "", use.place.text)
        called = PARAMETER.sub("", use.place.segments[-1]).strip("_-") or "data"
        return f"s3://{parameter(f'location.{name}')}/{called}/", True
    kept: list[str] = []
    for number, segment in enumerate(place.segments):
        run_time = Place("s3", segment).at_run_time
        if UNKNOWN in segment or (number > 1 and run_time):
            break
        kept.append(segment)
    if not kept:
        return use.value, False
    text = f"s3://{'/'.join(kept)}"
    whole = len(kept) == len(place.segments)
    ends = use.value if whole and use.place.kind == "s3" and not place.cut else f"{text}/"
    # Spark takes several slashes for one, as do most who write them.
    return re.sub(r"^s3[an]?://+", "s3://", re.sub(r"(?<!:)/{2,}", "/", ends)), whole


def _on_main_and_branch(uri: str) -> tuple[S3Uri | None, S3Uri | None]:
    """Return where a dataset lies on main, and on some branch; None where that is no place of a dataset's own."""
    try:
        main = parse_uri(uri)
        fields = dataset_fields(uri)
        template = fields if isinstance(fields, str) else str(fields["uri"])
        head = parse_uri(render(template, _SAMPLE))
    except ValueError:
        return None, None
    return (main, head) if head.key.strip("/") else (None, None)


class _Taken:
    """Places that have their producer, found by any place that overlaps them on main or on a branch."""

    def __init__(self) -> None:
        self._at: dict[str, tuple[_Write, S3Uri]] = {}
        self._below: dict[str, tuple[_Write, S3Uri]] = {}

    def add(self, write: _Write, main: S3Uri, head: S3Uri | None) -> None:
        for side, uri in (("main", main), ("head", head)):
            if uri is not None:
                self._at[f"{side}:{uri.folder}"] = (write, main)
                for folder in _folders_above(uri):
                    self._below.setdefault(f"{side}:{folder}", (write, main))

    def overlapping(self, main: S3Uri, head: S3Uri | None) -> tuple[_Write, S3Uri] | None:
        for side, uri in (("main", main), ("head", head)):
            if uri is not None:
                for folder in (uri.folder, *_folders_above(uri)):
                    if found := self._at.get(f"{side}:{folder}"):
                        return found
                if found := self._below.get(f"{side}:{uri.folder}"):
                    return found
        return None


def _is_told(place: Place) -> bool:
    """Tell whether anything of a place but its bucket is known before a run."""
    return any(not Place("s3", segment).at_run_time for segment in place.segments[1:])


def _folders_above(uri: S3Uri) -> Iterator[str]:
    parts = uri.folder.rstrip("/").split("/")
    for depth in range(1, len(parts)):
        yield "/".join(parts[:depth]) + "/"


def _named(writes: Sequence[_Write], catalog: Catalog) -> dict[int, Output]:
    outputs: dict[int, Output] = {}
    names: defaultdict[str, set[str]] = defaultdict(set)
    tables: set[str] = set()
    for write in sorted(writes, key=lambda write: (write.node, write.argument or "~", write.uri)):
        table = next((use.place.text for use in write.uses if use.place.kind == "table"), None) or catalog.table_at(
            write.place
        )
        if table is not None and (table.lower() in tables or not re.fullmatch(r"[^.\s${}*]+\.[^.\s${}*]+", table)):
            table = None
        if table is not None:
            tables.add(table.lower())
        wanted = _dataset_name(write, table)
        name = wanted
        number = 2
        while _folded(name) in names[write.node]:
            name, number = f"{wanted}_{number}", number + 1
        names[write.node].add(_folded(name))
        outputs[id(write)] = Output(
            write.node,
            name,
            write.uri,
            write.place,
            write.argument,
            table,
            write.mode,
            write.at,
            _format(write, table, catalog),
        )
    return outputs


def _format(write: _Write, table: str | None, catalog: Catalog) -> DataFormat | None:
    said = {use.format for use in write.uses if use.format is not None}
    told = catalog.format_of(table) if table else None
    return told or (said.pop() if len(said) == 1 else None)


def _dataset_name(write: _Write, table: str | None) -> str:
    if write.argument:
        name = dataset_name(write.argument, write.uri)
    elif table:
        name = table.partition(".")[2]
    else:
        known = [PARAMETER.sub("", part) for part in write.place.segments]
        name = next((part for part in reversed(known) if part.strip("-_. ")), "data")
    return re.sub(r"[^a-z0-9_]+", "_", name.lower().partition(".")[0]).strip("_")[:100] or "data"


def _folded(name: str) -> str:
    return re.sub(r"\W", "_", name.casefold())
