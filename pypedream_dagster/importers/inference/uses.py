"""What each node reads and writes: by its script's calls, else by its arguments' names, else asked."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pypedream_dagster.graph.model import DataFormat
from pypedream_dagster.importers.inference.arguments import follows_convention
from pypedream_dagster.importers.inference.catalog import Catalog, Told, named_like
from pypedream_dagster.importers.inference.directions import Direction as ArgumentDirection
from pypedream_dagster.importers.inference.directions import direction_of, directions_of, words_of
from pypedream_dagster.importers.inference.nodes import GLUES_OWN, Step
from pypedream_dagster.importers.inference.places import (
    UNKNOWN,
    Place,
    is_open,
    place_of_text,
    places_of_text,
    s3_place,
    table_place,
)
from pypedream_dagster.importers.inference.scripts import Script
from pypedream_dagster.importers.parameters import PARAMETER, filled
from pypedream_dagster.importers.survey import CrawlerDefinition
from pypedream_dagster.masking.mask import is_secret
from pypedream_dagster.script.model import Access, Mode
from pypedream_dagster.script.model import Place as CodePlace
from pypedream_dagster.script.pieces import Argument, Text, text_of
from pypedream_dagster.script.sql import is_definition, table_name, table_uses

Direction = Literal["read", "write", "unknown"]
By = Literal["call", "convention", "name", "answer", "other"]
"""What tells the direction: a call in the script, Pypedream's own names of arguments, another name, a person, or
only that somebody else writes there."""

_VALUE_URI = re.compile(r"s3[an]?://[^\s,;\"'|\\\]\[]+")
_WHOLE_PARAMETER = re.compile(r"^\$\{[^{}]+\}$")
_BEGUN_BY_PARAMETER = re.compile(r"\$\{[^{}]+\}[^/\s]*/+[^/\s]")
_PLACE_WORDS = {"path", "uri", "url", "location", "dir", "folder", "prefix", "s3", "bucket", "data"}
_TABLE_WORDS = {"table", "tbl", "tabla", "tabela"}
_OF_ALL = {"s3", "data", "glue", "catalog", "lake", "datalake"}
"""Words in the name of a bucket's or database's argument that say nothing of what lies there."""
_OTHER_SYSTEMS = {"redshift", "rds", "jdbc", "dynamo", "dynamodb", "ddb", "postgres", "mysql", "oracle", "snowflake"}
_KEPT_FOR_RUNS = {"checkpoint", "checkpoints", "log", "logs"}
_SQL_OPERATIONS = {"athena", "redshift", "sql", "emr", "snowflake"}
_OF_THE_CATALOG = {"athena", "emr"}
"""Operations whose tables are the Glue catalog's; those of databases are their own."""
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
        located: how that is known; by a ``table-name`` it is only likely.
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
    def is_located(self) -> bool:
        """Tell whether some source tells where its table lies."""
        return self.location is not None and self.located != "table-name"

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
    found += _told_uses(step)
    located = (_located(use, catalog) for use in found)
    return tuple(dict.fromkeys(located)), tuple(dict.fromkeys(blind))


def likely_located(uses: Sequence[Use]) -> list[Use]:
    """Return the uses; tables that no source tells the location of, nor writes, lie in the written folder called so."""
    writes = [use.place for use in uses if use.direction == "write" and use.place.is_known and use.mode != "upkeep"]
    written = [place for place in writes if place.kind == "s3" and not place.is_whole_bucket]
    tables = {place.text for place in writes if place.kind == "table"}
    return [
        replace(use, location=place, located="table-name")
        if use.direction == "read"
        and use.place.kind == "table"
        and use.location is None
        and use.place.is_known
        and use.place.text not in tables
        and (place := named_like(use.place, written)) is not None
        else use
        for use in uses
    ]


def arguments_of(step: Step, values: Mapping[str, str]) -> dict[str, str]:
    """Return what a script is given, by names without dashes: its run's arguments, and its workflow's properties."""
    properties = f"{step.flow}."
    found = {name.removeprefix(properties): text for name, text in values.items() if name.startswith(properties)}
    # Glue itself tells a script what its job is called.
    return {"JOB_NAME": step.name} | found | {name.lstrip("-"): value for name, value in step.effective.items()}


def told_locations(step: Step, script: Script | None, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give the tables whose location a script tells: ``database.table`` and its S3 URI."""
    if script is None or not script.reading.locations:
        return
    arguments = arguments_of(step, values)
    for found in script.reading.locations:
        # Of both at once: what an argument lists is one thing in both.
        for text in places_of_text(text_of((*found.table.pieces, "\n", *found.place.pieces)), arguments, values):
            named, _, lies = text.partition("\n")
            table, place = table_place(named), next(places_in(lies, "s3"), None)
            if table is not None and place is not None:
                yield table.text, place[0]


def _script_uses(step: Step, script: Script, values: Mapping[str, str], blind: list[Blind]) -> Iterator[Use]:
    arguments = arguments_of(step, values)
    emptied = _emptied(script, arguments, values)
    placed = set(_placed(script, arguments, values))
    for fact in script.reading.facts:
        if not isinstance(fact, Access) or fact.action == "delete" or fact.system not in {"s3", "catalog", "unknown"}:
            continue
        if not all(condition.may_hold(arguments) for condition in fact.at.conditions):
            continue  # with this job's arguments the script does not come there
        if not fact.is_of_data and (fact.action == "write" or fact.system == "catalog"):
            continue  # a temporary place, a report of a run, or only what a table is
        at = f"{script.path}:{fact.at.line}"
        for text in places_of_text(fact.target, arguments, values, step.name):
            argument = _whole_argument(fact.target, step, text, script.reading.declared)
            root, root_value = (None, "") if argument else _root(fact.target, step, arguments, values)
            places = list(places_in(text, fact.system))
            if not places and fact.action == "write" and fact.system != "unknown":
                blind.append(Blind(step.id, at, _shown(text)))
            for value, place in places:
                if fact.action == "read" and not fact.is_of_data and place.segments[0] in emptied:
                    continue
                if fact.action == "write" and place.is_somewhere and not (place.kind == "table" and fact.at in placed):
                    blind.append(Blind(step.id, at, _shown(value)))
                yield Use(
                    node=step.id,
                    direction="read" if fact.action == "read" else "write",
                    by="name" if script.guessed else "call",
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


def _placed(script: Script, arguments: Mapping[str, str], values: Mapping[str, str]) -> Iterator[CodePlace]:
    """Give the calls that write to a known place on S3: what table they make of it is no other place."""
    for fact in script.reading.facts:
        if isinstance(fact, Access) and fact.system == "s3" and fact.action == "write":
            place = s3_place(place_of_text(fact.target, arguments, values))
            if place is not None and not place.is_somewhere:
                yield fact.at


def _emptied(script: Script, arguments: Mapping[str, str], values: Mapping[str, str]) -> set[str]:
    """Return the buckets in which a script deletes objects, and gets none that it found by listing them.

    What is listed there is listed to be deleted.
    """
    deleted: set[str] = set()
    got: set[str] = set()
    for fact in script.reading.facts:
        if isinstance(fact, Access) and fact.system == "s3":
            place = s3_place(place_of_text(fact.target, arguments, values))
            if place is not None and fact.action == "delete":
                deleted.add(place.segments[0])
            elif place is not None and fact.action == "read" and fact.is_of_data and place.is_whole_bucket:
                got.add(place.segments[0])
    return deleted - got


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


def places_in(text: str, system: str) -> Iterator[tuple[str, Place]]:
    """Give the places that a text names; nothing where it cannot be told at all."""
    uris = [text] if re.match(r"^s3[an]?://", text) and "," not in text else _VALUE_URI.findall(text)
    for uri in uris:
        place = s3_place(_cut_at_unknown(uri))
        if place is not None:
            yield uri, place
    if uris:
        return
    table = table_place(text) if system == "catalog" else None
    if table is not None and (table.segments[-1] != UNKNOWN or not is_open(table.segments[0])):
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
    declared = script.reading.declared if script else ()
    free: dict[str, str] = {}
    for name, value in _with_members(step.effective):
        whole = name.partition(" ")[0]
        is_asked_for = not declared or whole.lstrip("-") in declared
        if is_asked_for and whole.lower() not in GLUES_OWN and not is_secret(name, value) and whole not in traced:
            # Of those within its calls' places, the script says what becomes of them.
            free |= {name: value} if whole.lstrip("-") not in within else {}
    ways = _ways(free)
    pairs = dict(_pairs(step, script, free, told, ways))
    parts = {name for names in pairs for name in names}
    for name, value in free.items():
        if name not in parts:
            yield from _argument_use(step, name, value, told, ways[name])
    yield from pairs.values()


def _ways(named: Mapping[str, str]) -> Mapping[str, ArgumentDirection]:
    """Return which way data goes through each argument: those that name data are seen together.

    Of a member of JSON its keys tell, where they do.
    """
    found = {name: direction_of(name) for name in named}
    together: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name, value in named.items():
        whole, is_member, keys = name.partition(" ")
        if _VALUE_URI.search(value) or _words(name) & (_PLACE_WORDS | _TABLE_WORDS | {"database", "db", "key"}):
            together[whole if is_member else ""][keys or name] = name
    for members in together.values():
        found |= {members[said]: way for said, way in directions_of(members).items() if way != "unknown"}
    return found


def _with_members(arguments: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give arguments, and what one holds that is JSON as ``--name member``."""
    for name, value in sorted(arguments.items()):
        members = dict(_members(name, _json(value))) if value.lstrip().startswith(("{", "[")) else {}
        yield from members.items() if members else [(name, value)]


def _members(name: str, value: Any, depth: int = 4) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif depth and isinstance(value, dict):
        for key, member in value.items():
            yield from _members(f"{name} {key}", member, depth - 1)
    elif depth and isinstance(value, list):
        for number, member in enumerate(value):
            yield from _members(f"{name} {number}", member, depth - 1)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


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
            whole = (begun or uri == value.strip()) and " " not in name
            yield Use(step.id, direction, by, place, uri, name, name if whole else None)
    if uris or direction == "unknown":
        return
    if _is_catalog_table(words) and (table := table_place(value)) is not None:
        yield Use(step.id, direction, by, table, value, name)
    elif _WHOLE_PARAMETER.match(value) and words & _PLACE_WORDS - {"bucket"}:  # a bucket without a folder is no place
        place = Place("other", value)
        if not place.at_run_time:
            yield Use(step.id, direction, by, place, value, name, None if " " in name else name)


def _is_catalog_table(words: set[str]) -> bool:
    return bool(words & _TABLE_WORDS) and words.isdisjoint(_OTHER_SYSTEMS)


def _arguments_within(script: Script | None) -> frozenset[str]:
    """Return the arguments that the script's calls use as a part of some place, or of where a table lies."""
    if script is None:
        return frozenset()
    places = [fact.target for fact in script.reading.facts if isinstance(fact, Access)]
    places += [found.place for found in script.reading.locations]
    return frozenset(name for place in places for name in place.arguments)


def _pairs(
    step: Step,
    script: Script | None,
    free: Mapping[str, str],
    told: Callable[[Step, str], str | None],
    ways: Mapping[str, ArgumentDirection],
) -> Iterator[tuple[tuple[str, str], Use]]:
    """Give what two arguments name together: ``--source_database`` and ``--source_table``, a bucket and a prefix."""
    for first, second, form in (
        (("database", "db"), ("table", "tbl"), "{}.{}"),
        (("bucket",), ("prefix", "key", "path", "folder", "dir"), "s3://{}/{}"),
    ):
        firsts = {name: its for name, its in free.items() if its and _words(name) & set(first) and "/" not in its}
        for other, its in free.items():
            if not its or not _words(other) & set(second) or "://" in its:
                continue
            name = _partner(_words(other) - set(second), ways[other], firsts, set(first))
            if name is None or name == other:
                continue
            text = form.format(firsts[name], its.strip("/"))
            place = table_place(text) if form.startswith("{") else s3_place(text)
            way = ways[other] if ways[other] != "unknown" else ways[name]
            use = None if place is None else _pair_use(step, script, place, text, (name, other), told, way)
            if use is not None:
                yield (name, other), use


def _partner(rest: set[str], direction: str, firsts: Mapping[str, str], words: set[str]) -> str | None:
    """Return the database's or bucket's argument that goes with another one: of the same name, else the shared one."""
    others = {name: _words(name) - words - {"name"} for name in sorted(firsts)}
    alike = next((name for name, its in others.items() if its == rest - {"name"}), None)
    shared = [name for name, its in others.items() if its <= _OF_ALL and direction != "unknown"]
    return alike or (shared[0] if len(shared) == 1 and len(firsts) == 1 else None)


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
    statements = (statement for statement in query.split(";") if not is_definition(statement))
    for use in table_uses(";".join(statements)):
        is_known = "://" in use.name or step.operation in _OF_THE_CATALOG
        name = table_name(use.name, step.database or None)
        place = s3_place(use.name) if "://" in use.name else table_place(name) if is_known else None
        if place is not None and use.action != "delete":
            direction: Direction = "read" if use.action == "read" else "write"
            value = use.name if place.kind == "s3" else name
            yield Use(step.id, direction, "call", place, value, "its query", mode=use.mode)


def _told_uses(step: Step) -> Iterator[Use]:
    ways: tuple[tuple[Direction, tuple[str, ...]], ...] = (("read", step.reads), ("write", step.writes))
    for direction, uris in ways:
        for uri in uris:
            place = s3_place(uri)
            if place is not None and not place.is_whole_bucket and not uri.lower().endswith(_CODE_ENDINGS):
                yield Use(step.id, direction, "call", place, uri, "what it is given")


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
