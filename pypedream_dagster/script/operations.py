"""What Python's operators give on values that are known in part: items, slices, sums, parts of URIs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pypedream_dagster.script import texts
from pypedream_dagster.script.choices import alternatives, either
from pypedream_dagster.script.pieces import Argument, Each, Gap, Piece, Text, text_of
from pypedream_dagster.script.selection import can_hold, conditions_of, selected
from pypedream_dagster.script.values import (
    Call,
    Constant,
    Either,
    Member,
    Parameters,
    Parsed,
    Result,
    Sequence,
    Stored,
    Symbol,
    Table,
    Unknown,
    Value,
    as_text,
    literal,
    number,
)

MOST_ITEMS = 64
LOCATION_OF = "catalog:"
"""What the name of a place begins with that is known as a table's location alone."""
ANY_ARGUMENT = Text((Argument("*"),))
"""One of the job's arguments, which one cannot be told."""
UNNAMED = "?"
"""What the key of a dict's item begins with that is not known."""
ENVIRONMENT = Symbol("os.environ")
_LARGEST_NUMBER = 10**9
_KEYS = {"key", "Key", "object_key"}
_LISTINGS = {"paginate", "list_objects", "list_objects_v2", "filter"}
_DEEPEST = 12
_SCHEMES = {len("s3://"), len("s3a://")}


def part(value: Value) -> Value:
    """Return an item of a value whose items are not known one by one."""
    match value:
        case Text():
            return texts.derived(value)
        case Parameters() | Symbol("sys.argv"):
            return Text((Argument("*"),))
        case Result(call) if (found := _listed_path(call)) is not None:
            return found
        case Result() | Member() | Symbol():
            return Member(value, "[]")
        case Parsed(argument, keys):
            return Parsed(argument, (*keys, Each()))
        case Sequence(items) if items:
            return either(*items)
        case Table(items) if items:
            return either(*items.values())
        case _:
            return Unknown()


def texts_in(given: Value | None) -> list[Text]:
    """Return the texts that a value holds: one, or each of a list."""
    match given:
        case Sequence(items) if items:
            return [as_text(option) for item in items for option in alternatives(item)]
        case Result():
            return [as_text(part(given))]
        case _:
            return [as_text(given)]


def item(owner: Value, key: Value) -> Value:
    """Return ``owner[key]``."""
    name = literal(key)
    match owner:
        case Parameters():
            return owner.argument(name) if name else ANY_ARGUMENT
        case Parsed(argument, keys) if name is not None:
            return Parsed(argument, (*keys, name))
        case Stored(place, keys) if len(keys) < _DEEPEST:
            return Stored(place, (*keys, as_text(key)))
        case Table(items):
            if name is None:
                return selected(items, key) or part(owner)
            if name in items:
                return items[name]
            unnamed = _unnamed(items)
            if unnamed and all(mentions_argv(value) for value in unnamed.values()):
                return Text((Argument(name.removeprefix("--")),))  # filled name by name from the job's arguments
            return part(Table(unnamed))
        case Sequence(items):
            index = number(key)
            is_of_others = any(conditions_of(one) for one in items) and not conditions_of(owner)
            if index is not None and -len(items) <= index < len(items) and not is_of_others:
                return items[index]
            return part(owner)
        case Text((Argument(part="parts") as split,)) if (index := number(key)) is not None:
            return texts.between_slashes(split, index)
        case Symbol("sys.argv"):
            return Text((Argument(flag_before(key) or "*"),))
        case Symbol("os.environ") if name is not None:
            return Text((Gap(name, of_environment=True),))
        case Result(call) if name == "RunProperties" and _name_of(call) == "get_workflow_run_properties":
            return Parameters()  # a Glue workflow gives them to all its jobs
        case Member() | Result() if name == "Location" and (table := _described_table(owner)) is not None:
            return located_at(*table)
        case Member() | Result() if name in _KEYS and (listed := listed_key(owner)) is not None:
            return listed
        case _:
            return part(owner)


def _unnamed(items: object) -> dict[str, Value]:
    """Return the values of a dict whose keys are not known."""
    return {key: value for key, value in items.items() if key.startswith(UNNAMED)} if isinstance(items, dict) else {}


def sliced(owner: Value, node: ast.Slice) -> Value:
    """Return ``owner[a:b:c]``, where the bounds are written down as numbers."""
    bounds = [_bound(given) for given in (node.lower, node.upper, node.step)]
    known = [bound for bound in bounds if not isinstance(bound, str)]
    if len(known) < len(bounds):
        return owner if isinstance(owner, Sequence) else part(owner)
    cut = slice(*known)
    match owner:
        case Sequence(items) if cut.step != 0:
            return Sequence(items[cut])
        case Text((str() as text,)) if cut.step != 0:
            return Text((text[cut],))
        case Text(pieces) if pieces and isinstance(pieces[0], str) and node.upper is None and node.step is None:
            start = cut.start or 0
            if 0 <= start <= len(pieces[0]):
                return text_of((pieces[0][start:], *pieces[1:]))
            return texts.derived(owner)
        case Text((Argument(part="parts") as split,)):
            return Text((split.taken("key" if cut.start in {1, 3} and cut.stop is None else ""),))
        case Text((Argument(), *_)) if cut.start in _SCHEMES and node.upper is None and node.step is None:
            return owner  # a URI without its scheme
        case Text():
            return texts.derived(owner)
        case Symbol("sys.argv"):
            return owner
        case _:
            return part(owner)


def _bound(node: ast.expr | None) -> int | str | None:
    match node:
        case None:
            return None
        case ast.Constant(int() as known):
            return known
        case ast.UnaryOp(ast.USub(), ast.Constant(int() as known)):
            return -known
        case ast.Call(ast.Name("len"), [ast.Constant(str() as text)]):
            return len(text)
        case _:
            return "?"


def flag_before(index: Value) -> str | None:
    """Return the argument whose value stands in ``sys.argv`` at ``sys.argv.index("--name") + 1``."""
    match index:
        case Result(Call(Symbol("sys.argv.index"), (Text((str() as flag,)), *_))):
            return flag.lstrip("-") or None
        case _:
            return None


def listed_key(owner: Value) -> Text | None:
    """Return the key of an object that a listing gave: its prefix, and what cannot be told."""
    value: Value = owner
    for _ in range(_DEEPEST):
        match value:
            case Member(inner):
                value = inner
            case Either((first, *_)):
                value = first
            case Result(call):
                if _name_of(call) in _LISTINGS and "Prefix" in call.keywords:
                    return text_of((*as_text(call.keywords["Prefix"]).pieces, Gap("key")))
                value = call.callee
            case _:
                return None
    return None


def _name_of(call: Call) -> str:
    return call.callee.name.rpartition(".")[2] if isinstance(call.callee, Member | Symbol) else ""


def _listed_path(call: Call) -> Text | None:
    """Return a path that ``wr.s3.list_objects`` or a filesystem's ``glob`` gives."""
    name = _name_of(call)
    given = call.argument(0, "path")
    if not isinstance(given, Text):
        return None
    if isinstance(call.callee, Symbol) and call.callee.name == "awswrangler.s3.list_objects":
        return text_of((*given.pieces, Gap("key")))
    owner = call.callee.owner if isinstance(call.callee, Member) else None
    if name in {"glob", "ls", "find"} and (given.start.startswith("s3") or is_on_s3(owner)):
        return text_of((*_before_wildcard(given), Gap("key")))
    return None


def _before_wildcard(pattern: Text) -> Iterator[Piece]:
    """Give what is known of the paths that a filesystem finds: they come without a scheme."""
    for place, piece in enumerate(pattern.pieces):
        if not isinstance(piece, str):
            yield piece
            continue
        yield (re.sub(r"^s3[an]?://", "", piece) if place == 0 else piece).partition("*")[0]
        if "*" in piece:
            return


def is_on_s3(filesystem: Value | None) -> bool:
    """Tell whether a value is a filesystem on S3: s3fs's, pyarrow's, fsspec's."""
    match filesystem:
        case Result(call):
            name = _name_of(call)
            return name == "S3FileSystem" or (name == "filesystem" and literal(call.argument(0)) in {"s3", "s3a"})
        case _:
            return False


def located_at(database: Value | None, table: Value | None) -> Text:
    """Return where a table of the catalog lies: a name for the place, which the catalog knows."""
    return text_of((LOCATION_OF, *as_text(database).pieces, ".", *as_text(table).pieces))


def _described_table(owner: Value) -> tuple[Value | None, Value | None] | None:
    """Return the table that ``glue.get_table(…)["Table"]["StorageDescriptor"]`` describes."""
    value: Value = owner
    for _ in range(_DEEPEST):
        match value:
            case Result(call) if _name_of(call) == "get_table" and "DatabaseName" in call.keywords:
                return call.argument(None, "DatabaseName"), call.argument(None, "Name")
            case Result(Call(Member(inner))) | Member(inner):
                value = inner
            case _:
                return None
    return None


def stored_in(value: Value) -> Text | None:
    """Return the file that a value was read from: its key on S3, or its path."""
    for _ in range(_DEEPEST):
        match value:
            case Result(call) if (name := _name_of(call)) == "get_object":
                return as_text(call.argument(None, "Key"))
            case Result(call) if name == "Object":
                return as_text(call.argument(1, "key"))
            case Result(Call(Symbol("open" | "smart_open.open")) as call):
                return as_text(call.argument(0))
            case Result(Call(Symbol("io.BytesIO" | "io.StringIO"), (inner, *_))):
                value = inner
            case Result(Call(Member(inner))) | Member(inner):
                value = inner
            case Either((first, *_)):
                value = first
            case _:
                return None
    return None


def mentions_argv(value: Value) -> bool:
    """Tell whether the job's arguments went into a value."""
    frontier, steps = [value], 0
    while frontier and steps < 100:
        steps += 1
        match frontier.pop():
            case Symbol("sys.argv") | Text((Argument("*"),)):
                return True
            case Member(owner):
                frontier.append(owner)
            case Result(call):
                frontier += [call.callee, *call.positional]
            case Either(options):
                frontier += options
    return False


def parsed_uri(uri: Text, name: str) -> Value:
    """Return ``netloc`` or ``path`` of a parsed URI."""
    match uri.pieces:
        case (Argument() as first, *others) if first.is_whole and name in {"netloc", "path"}:
            return Text((first.taken("bucket"),)) if name == "netloc" else Text(("/", first.taken("key"), *others))
    scheme, separator, rest = uri.start.partition("://")
    if separator and name in {"netloc", "path", "scheme"}:
        bucket, slash, _ = rest.partition("/")
        if name == "scheme":
            return Text((scheme,))
        if name == "netloc":
            if slash or uri.literal is not None:
                return Text((bucket,))
            if not bucket and len(uri.pieces) > 1:
                return Text((uri.pieces[1],))
        if name == "path" and slash:
            return text_of((rest[len(bucket) :], *uri.pieces[1:]))
        if name == "path" and not bucket and len(uri.pieces) > 2:
            return text_of(uri.pieces[2:])
    return texts.derived(uri)


def binary(operator: ast.operator, left: Value, right: Value) -> Value:
    """Return what an operator gives."""
    if isinstance(left, Either) or isinstance(right, Either):
        pairs = [
            (a, b)
            for a in alternatives(left)
            for b in alternatives(right)
            if can_hold((*conditions_of(a), *conditions_of(b)))
        ]
        return either(*(binary(operator, a, b) for a, b in pairs))
    match operator, left, right:
        case ast.Add(), Sequence(a), Sequence(b):
            return Sequence((*a, *b)[: 4 * MOST_ITEMS])
        case ast.Add(), Text(), _:
            return texts.concatenated(left, right)
        case ast.Add(), _, Text():
            return texts.concatenated(left, right)
        case ast.Add() | ast.Sub() | ast.Mult(), Constant(int() as one), Constant(int() as two):
            return _number(operator, one, two)
        case ast.Mod(), Text(), _:
            return texts.percent_formatted(left, right)
        case ast.Div(), Text(), _:
            return texts.path_joined(left, right)
        case ast.BitOr(), Table(a), Table(b):
            return Table({**a, **b})
        case _:
            return _mixed(left, right)


def _number(operator: ast.operator, one: int, two: int) -> Value:
    if max(abs(one), abs(two)) > _LARGEST_NUMBER:
        return Unknown()
    match operator:
        case ast.Add():
            return Constant(one + two)
        case ast.Sub():
            return Constant(one - two)
        case _:
            return Constant(one * two)


def _mixed(left: Value, right: Value) -> Value:
    """Return what an operation on unknown values gives: still a chain that leads to what went into it."""
    chains = [value for value in (left, right) if isinstance(value, Result | Member | Symbol)]
    return either(*chains) if chains else Unknown()
