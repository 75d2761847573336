"""What each node reads and writes: by its script's calls, else by its arguments' names, else asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pypedream_dagster.graph.model import DataFormat
from pypedream_dagster.importers.arguments import follows_convention, texts_in
from pypedream_dagster.importers.catalog import Catalog, Told
from pypedream_dagster.importers.directions import Direction as ArgumentDirection
from pypedream_dagster.importers.directions import direction_of, directions_of, words_of
from pypedream_dagster.importers.nodes import GLUES_OWN, Step
from pypedream_dagster.importers.parameters import PARAMETER, filled
from pypedream_dagster.importers.places import UNKNOWN, Place, place_of_text, places_of_text, s3_place, table_place
from pypedream_dagster.importers.scripts import Script
from pypedream_dagster.importers.survey import CrawlerDefinition
from pypedream_dagster.masking.mask import is_secret
from pypedream_dagster.script.model import Access, Mode
from pypedream_dagster.script.sql import table_uses
from pypedream_dagster.script.values import Argument, Text, text_of

Direction = Literal["read", "write", "unknown"]
By = Literal["call", "convention", "name", "answer", "other"]
"""What tells the direction: a call in the script, Pypedream's own names of arguments, another name, a person, or
only that somebody else writes there."""

_VALUE_URI = re.compile(r"s3[an]?://[^\s,;\"'|\\\]\[]+")
_WHOLE_PARAMETER = re.compile(r"^\$\{[^{}]+\}$")
_BEGUN_BY_PARAMETER = re.compile(r"\$\{[^{}]+\}[^/\s]*/+[^/\s]")
_PLACE_WORDS = {"path", "uri", "url", "location", "dir", "folder", "prefix", "s3", "bucket", "data"}
_KEPT_FOR_RUNS = {"checkpoint", "checkpoints", "log", "logs"}
_SHARED_WORDS = {"name", "s3", "data", "lake", "datalake", "glue", "catalog"}
_SQL_OPERATIONS = {"athena", "redshift", "sql", "emr", "snowflake"}
_CODE_ENDINGS = (
    ".py",
    ".jar",
    ".whl",
    ".egg",
    ".zip",
    ".sql",
    ".sh",
    ".scala",
    ".cfg",
    ".ini",
    ".yaml",
    ".yml",
    ".conf",
)
_FORMATS: Mapping[str, DataFormat] = {
    "parquet": "parquet",
    "glueparquet": "parquet",
    "csv": "csv",
    "json": "json",
    "orc": "orc",
    "delta": "delta",
    "iceberg": "iceberg",
}
_NAMES = "|".join(_FORMATS)
_FORMAT = re.compile(rf"\.(?:to_)?({_NAMES})\(|\bformat\w*\s*[=(]\s*['\"]({_NAMES})['\"]", re.IGNORECASE)
_DIRECTIONS: Mapping[str, Direction] = {"input": "read", "output": "write", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class Use:
    """A node reads or writes something.

    Attributes:
        node: its id.
        direction: which of the two.
        by: what tells the direction.
        place: what it uses.
        value: the place as it stands, with its slash at the end, for the graph file.
        at: how it says so: ``--dest``, or ``script.py:12``.
        argument: the argument whose whole value the place is: a branch can put another there.
        root: the argument with whose value the place begins, where that is an S3 URI of its own.
        root_value: that URI.
        mode: of a write.
        location: for a table, where it lies.
        located: how that is known.
        order: of two uses in one script, the earlier has the smaller number.
        format: of what is written, as the graph file's ``format``, where the call tells.
    """

    node: str
    direction: Direction
    by: By
    place: Place
    value: str
    at: str
    argument: str | None = None
    root: str | None = None
    root_value: str = ""
    mode: Mode = "unknown"
    location: Place | None = None
    located: Told | None = None
    order: int = 0
    format: DataFormat | None = None

    @property
    def lies_at(self) -> Place | None:
        """The place on S3, where it is known."""
        return self.place if self.place.kind == "s3" else self.location


@dataclass(frozen=True, slots=True)
class Blind:
    """A write whose place cannot be told."""

    node: str
    at: str
    what: str


def uses_of(
    step: Step,
    script: Script | None,
    catalog: Catalog,
    values: Mapping[str, str],
    told: Callable[[Step, str], str | None],
    crawlers: Mapping[str, CrawlerDefinition],
) -> tuple[tuple[Use, ...], tuple[Blind, ...]]:
    """Return what a node reads and writes, and its writes to places that cannot be told.

    Args:
        step: the node.
        script: its job's, where there is one.
        catalog: where tables lie.
        values: of parameters.
        told: what a person answered for an argument: ``input``, ``output``, ``neither``.
        crawlers: by name and alias.
    """
    blind: list[Blind] = []
    found: list[Use] = []
    if step.is_job:
        found += _script_uses(step, script, values, blind) if script else ()
        found += _argument_uses(step, script, found, told)
    elif step.operation in _SQL_OPERATIONS and step.resource:
        found += _sql_uses(step, step.resource)
    elif step.operation == "crawler" and (crawler := crawlers.get(step.resource or "")):
        found += _crawler_uses(step, crawler, values)
    located = (_located(use, catalog) for use in found)
    return tuple(dict.fromkeys(located)), tuple(dict.fromkeys(blind))


def arguments_of(step: Step, values: Mapping[str, str]) -> dict[str, str]:
    """Return what a script is given, by names without dashes: its run's arguments, and its workflow's properties."""
    properties = f"{step.flow}."
    found = {name.removeprefix(properties): text for name, text in values.items() if name.startswith(properties)}
    return found | {name.lstrip("-"): value for name, value in step.effective.items()}


def told_locations(step: Step, script: Script | None, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give the tables whose location a script tells: ``database.table`` and its S3 URI."""
    if script is None or not script.reading.locations:
        return
    arguments = arguments_of(step, values)
    for found in script.reading.locations:
        # Of both at once: what an argument lists is one thing in both.
        for text in places_of_text(text_of((*found.table.pieces, "\n", *found.place.pieces)), arguments, values):
            named, _, lies = text.partition("\n")
            table, place = table_place(named), next(_places(lies, "s3"), None)
            if table is not None and place is not None:
                yield table.text, place[0]


def _script_uses(step: Step, script: Script, values: Mapping[str, str], blind: list[Blind]) -> Iterator[Use]:
    arguments = arguments_of(step, values)
    for fact in script.reading.facts:
        if not isinstance(fact, Access) or fact.action == "delete" or fact.system not in {"s3", "catalog", "unknown"}:
            continue
        if not fact.is_of_data and (fact.action == "write" or fact.system == "catalog"):
            continue  # a temporary place, a report of a run, or only what a table is
        at = f"{script.path}:{fact.at.line}"
        for text in places_of_text(fact.target, arguments, values):
            argument = _whole_argument(fact.target, step, text, script.reading.declared)
            root, root_value = (None, "") if argument else _root(fact.target, step, arguments, values)
            places = list(_places(text, fact.system))
            if not places and fact.action == "write" and fact.system != "unknown":
                blind.append(Blind(step.id, at, _shown(text)))
            for value, place in places:
                if place.is_whole_bucket and fact.action == "write" and (place.cut or place.at_run_time):
                    blind.append(Blind(step.id, at, _shown(value)))
                yield Use(
                    node=step.id,
                    direction="read" if fact.action == "read" else "write",
                    by="call",
                    place=place,
                    value=value,
                    at=f"{argument} ({at})" if argument else at,
                    argument=argument,
                    root=root,
                    root_value=root_value,
                    mode=fact.mode,
                    order=fact.at.order,
                    format=_format_in(fact.at.code) if fact.action == "write" else None,
                )


def _format_in(code: str) -> DataFormat | None:
    """Return the format that a call writes, by its method or its option; None where it is neither or two."""
    found = {_FORMATS[name.lower()] for pair in _FORMAT.findall(code) for name in pair if name}
    return found.pop() if len(found) == 1 else None


def _whole_argument(target: Text, step: Step, text: str, declared: Sequence[str]) -> str | None:
    """Return the argument that is all of a target, slashes at its end aside."""
    match target.pieces:
        case (Argument(name) as whole,) | (Argument(name) as whole, "/") if name != UNKNOWN and whole.is_whole:
            dashed = next((given for given in step.effective if given.lstrip("-") == name), f"--{name}")
            is_argument = dashed in step.effective or name in declared
            return dashed if is_argument and len(_VALUE_URI.findall(text)) <= 1 else None
        case _:
            return None


def _root(target: Text, step: Step, arguments: Mapping[str, str], values: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the argument that a target begins with, and its value, where that names a folder."""
    match target.pieces:
        case (Argument(name) as first, *_) if name != UNKNOWN and first.is_whole:
            dashed = next((given for given in step.effective if given.lstrip("-") == name), None)
            value = place_of_text(Text((first,)), arguments, values)
            place = s3_place(value)
            if dashed and place is not None and not place.is_whole_bucket and not place.cut:
                return dashed, value
    return None, ""


def _places(text: str, system: str) -> Iterator[tuple[str, Place]]:
    """Give the places that a text names; nothing where it cannot be told at all."""
    uris = [text] if re.match(r"^s3[an]?://", text) and "," not in text else _VALUE_URI.findall(text)
    for uri in uris:
        place = s3_place(_cut_at_unknown(uri))
        if place is not None:
            yield uri, place
    if uris:
        return
    if system == "catalog" and (table := table_place(text)) is not None and table.segments[-1] != UNKNOWN:
        yield text, table
    elif system == "s3" and _WHOLE_PARAMETER.match(text.strip("/")):
        place = Place("other", text.strip("/"))
        if not place.at_run_time or place.says_which:
            yield text, place
    elif system == "s3" and _BEGUN_BY_PARAMETER.match(text):
        # A parameter holds the whole beginning, scheme and bucket included.
        place = s3_place(_cut_at_unknown(f"s3://{text}"))
        if place is not None:
            yield f"s3://{text}", place


def _cut_at_unknown(uri: str) -> str:
    """Leave out what comes after an unknown part that is not a segment's business: ``s3://b/x/*`` stays as it is."""
    return re.sub(r"\*(?:\*|/\*)+", UNKNOWN, uri)


def _argument_uses(
    step: Step, script: Script | None, known: Sequence[Use], told: Callable[[Step, str], str | None]
) -> Iterator[Use]:
    traced = {use.argument for use in known if use.argument}
    within = _arguments_within(script)
    named = {name: value for name, value in sorted(step.effective.items()) if name.lower() not in GLUES_OWN}
    ways = _ways(named)
    pairs = dict(_pairs(step, script, traced, within, told, ways))
    parts = {name for names in pairs for name in names}
    for name, value in named.items():
        if is_secret(name, value) or name in traced or name in parts:
            continue
        if name.lstrip("-") in within:
            continue  # the script's calls say what becomes of it
        if script and script.reading.declared and name.lstrip("-") not in script.reading.declared:
            continue  # the script does not ask for it
        if held := texts_in(value):
            ways_within = _ways(held)
            for path, text in held.items():
                uses = _argument_use(step, f"{name}.{path}", text, told, ways_within[path])
                yield from (replace(use, argument=None) for use in uses)
            continue
        yield from _argument_use(step, name, value, told, ways[name])
    yield from pairs.values()


def _ways(named: Mapping[str, str]) -> Mapping[str, ArgumentDirection]:
    """Return which way data goes through each argument: those that name data are seen together."""
    holding = _PLACE_WORDS | {"table", "tbl", "database", "db", "key"}
    places = [name for name, value in named.items() if _VALUE_URI.search(value) or _words(name) & holding]
    return {name: direction_of(name) for name in named} | directions_of(places)


def _argument_use(
    step: Step, name: str, value: str, told: Callable[[Step, str], str | None], way: ArgumentDirection
) -> Iterator[Use]:
    begun = (way != "unknown" or _words(name) & _PLACE_WORDS) and _BEGUN_BY_PARAMETER.match(value) is not None
    uris = [f"s3://{value}"] if begun else _VALUE_URI.findall(value)
    answer = told(step, name)
    direction: Direction = _DIRECTIONS.get(answer or "", "unknown") if answer else _DIRECTIONS[way]
    words = _words(name)
    if answer == "neither" or (direction == "unknown" and words & _KEPT_FOR_RUNS):
        return
    convention = follows_convention(name)
    by: By = "answer" if answer else "convention" if convention else "name" if direction != "unknown" else "other"
    for uri in uris:
        place = s3_place(uri)
        if place is not None and not uri.lower().endswith(_CODE_ENDINGS):
            whole = begun or uri == value.strip()
            yield Use(step.id, direction, by, place, uri, name, name if whole else None)
    if uris or direction == "unknown":
        return
    # A bucket without a folder is no place.
    if _WHOLE_PARAMETER.match(value) and words & _PLACE_WORDS - {"bucket"}:
        place = Place("other", value)
        if not place.at_run_time:
            yield Use(step.id, direction, by, place, value, name, name)
    elif words & {"table", "tbl"} and (table := table_place(value)) is not None:
        yield Use(step.id, direction, by, table, value, name)


def _arguments_within(script: Script | None) -> frozenset[str]:
    """Return the arguments that the script's calls use as a part of some place."""
    if script is None:
        return frozenset()
    facts = (fact for fact in script.reading.facts if isinstance(fact, Access))
    return frozenset(name for fact in facts for name in fact.target.arguments)


def _pairs(
    step: Step,
    script: Script | None,
    traced: set[str],
    within: frozenset[str],
    told: Callable[[Step, str], str | None],
    ways: Mapping[str, ArgumentDirection],
) -> Iterator[tuple[tuple[str, str], Use]]:
    """Give what two arguments name together: ``--source_database`` and ``--source_table``, a bucket and a prefix."""
    free = {
        name: value
        for name, value in step.effective.items()
        if name not in traced and name.lstrip("-") not in within and name.lower() not in GLUES_OWN and value
    }
    for first, second, form in (
        (("database", "db"), ("table", "tbl"), "{}.{}"),
        (("bucket",), ("prefix", "key", "path", "folder", "dir"), "s3://{}/{}"),
    ):
        holders = {
            name: value for name, value in sorted(free.items()) if _words(name) & set(first) and "/" not in value
        }
        for other, its in sorted(free.items()):
            if not _words(other) & set(second) or "://" in its:
                continue
            for name in _holders_of(other, holders, set(first), set(second), ways):
                text = form.format(holders[name], its.strip("/"))
                place = table_place(text) if form.startswith("{") else s3_place(text)
                way = ways[name] if ways[name] != "unknown" else ways[other]
                use = None if place is None else _pair_use(step, script, place, text, (name, other), told, way)
                if use is not None:
                    yield (name, other), use


def _holders_of(
    name: str,
    holders: Mapping[str, str],
    first: set[str],
    second: set[str],
    ways: Mapping[str, ArgumentDirection],
) -> list[str]:
    """Return the arguments that name the bucket of a prefix, or the database of a table.

    Those are called alike, ``--source_bucket`` and ``--source_prefix``; else it is the one that all share.
    """
    rest = _words(name) - second - {"name"}
    own = [holder for holder in holders if holder != name and _words(holder) - first - {"name"} == rest]
    shared = [holder for holder in holders if not _words(holder) - first - _SHARED_WORDS]
    return own or (shared if len(shared) == 1 and ways[name] != "unknown" else [])


def _pair_use(
    step: Step,
    script: Script | None,
    place: Place,
    text: str,
    names: tuple[str, str],
    told: Callable[[Step, str], str | None],
    way: ArgumentDirection,
) -> Use | None:
    called = " and ".join(names)
    answer = told(step, called)
    direction: Direction = _DIRECTIONS.get(answer, "unknown") if answer else _DIRECTIONS[way]
    is_read = script is not None and script.reading.unreadable is None
    if answer == "neither" or (direction == "unknown" and (is_read or text.lower().endswith(_CODE_ENDINGS))):
        return None
    return Use(
        step.id, direction, "answer" if answer else "name" if direction != "unknown" else "other", place, text, called
    )


def _sql_uses(step: Step, query: str) -> Iterator[Use]:
    for use in table_uses(query):
        place = s3_place(use.name) if "://" in use.name else table_place(use.name)
        if place is not None and use.action != "delete":
            direction: Direction = "read" if use.action == "read" else "write"
            yield Use(step.id, direction, "call", place, use.name, "its query", mode=use.mode)


def _crawler_uses(step: Step, crawler: CrawlerDefinition, values: Mapping[str, str]) -> Iterator[Use]:
    for target in (filled(target, values) for target in crawler.targets):
        place = s3_place(target)
        if place is not None:
            yield Use(step.id, "read", "call", place, target, f"target of crawler {crawler.name}")


def _located(use: Use, catalog: Catalog) -> Use:
    if use.place.kind != "table":
        return use
    found = catalog.location(use.place)
    return replace(use, location=found[0], located=found[1]) if found else use


def _shown(text: str) -> str:
    return "" if not PARAMETER.sub("", text).strip("*/:. ") else text


def _words(name: str) -> set[str]:
    return set(words_of(name))
