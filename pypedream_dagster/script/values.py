"""What an expression of a script can be told to be without running the script: frozen values, a closed union.

A text keeps its known pieces, the job arguments in it, and gaps for what cannot be told:
``f"s3://{args['BUCKET']}/x/{day}/"`` is ``Text(("s3://", Argument("BUCKET"), "/x/", Gap(), "/"))``.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

_MOST_ALTERNATIVES = 8
_MOST_TAKEN = 64
PARAMETER_SIGN = "${"
"""What a part of a given value begins with that is not known itself."""
_DEEPEST_SEARCH = 60


@dataclass(frozen=True, slots=True)
class Each:
    """One of the things that an argument lists.

    Attributes:
        separator: between them; empty where they are a list, or an object's values, in JSON.
        default: the list that the script takes where the job is not given the argument.
        number: which of them, where one is meant.
    """

    separator: str = ""
    default: str | None = None
    number: int | None = None


Key: TypeAlias = str | Each


@dataclass(frozen=True, slots=True)
class Argument:
    """A job argument.

    Attributes:
        name: without dashes; ``*`` where it cannot be told.
        default: what the script takes where the job is not given the argument; None if it says none.
        keys: of an argument that holds JSON, or a list: where in it the piece stands.
        replaced: what the script puts for parts of its value: ``("raw", "clean")``.
        part: what the script takes of its value, which is a URI; ``parts`` for all that stands between slashes.
        otherwise: a default that is put together, of other arguments perhaps.
    """

    name: str
    default: str | None = None
    keys: tuple[Key, ...] = ()
    replaced: tuple[tuple[str, str], ...] = ()
    part: Literal["", "bucket", "key", "parts"] = ""
    otherwise: Text | None = None

    @property
    def label(self) -> str:
        """What it is called where its value is not known: another name for each thing that is made of it."""
        put = (re.sub(r"\W+", "", new) for _, new in self.replaced)
        keys = (key for key in self.keys if isinstance(key, str))
        part = self.part if self.part in {"bucket", "key"} else ""
        return ".".join([self.name, *keys, *filter(None, [*put, part])])

    @property
    def is_whole(self) -> bool:
        """Whether it is the argument's value as it is given."""
        return not self.keys and not self.replaced and self.part not in {"bucket", "key"}

    @property
    def listed(self) -> Argument | None:
        """The argument up to the list of which the piece is an item; None if it is none."""
        for place, key in enumerate(self.keys):
            if isinstance(key, Each) and key.number is None:
                return Argument(self.name, None, self.keys[: place + 1])
        return None

    def count(self, arguments: Mapping[str, str]) -> int:
        """Return how many things the list holds of which the piece is an item; 0 where that cannot be told."""
        listed = self.listed
        return len(_at_keys(arguments.get(self.name), listed.keys)) if listed else 0

    def numbered(self, number: int) -> Argument:
        """Return it as one item of the list."""
        place = len(listed.keys) - 1 if (listed := self.listed) else -1
        keys = (
            replace(key, number=number) if n == place and isinstance(key, Each) else key
            for n, key in enumerate(self.keys)
        )
        return replace(self, keys=tuple(keys))

    def given(self, arguments: Mapping[str, str]) -> Piece:
        """Return what it is with the job's arguments, by name without dashes: a gap of its name where none says."""
        value = arguments.get(self.name)
        if self.keys:
            found = _at_keys(value, self.keys)
            value = found[0] if len(found) == 1 else None
        if value is None:
            value = self.default
        if value is None:
            return Gap(self.label if self.name != "*" else "")
        for old, new in self.replaced:
            value = value.replace(old, new)
        return self._part_of(value)

    def taken(self, part: Literal["", "bucket", "key", "parts"]) -> Argument:
        """Return a part of it."""
        return replace(self, part=part)

    def _part_of(self, value: str) -> Piece:
        if self.part not in {"bucket", "key"}:
            return value
        _, scheme, rest = value.rpartition("://")
        bucket, slash, key = rest.partition("/")
        if not scheme and not slash and PARAMETER_SIGN in value:
            return Gap(self.label)  # which may be a whole URI
        return bucket if self.part == "bucket" else key


@dataclass(frozen=True, slots=True)
class Gap:
    """A piece that cannot be told.

    Attributes:
        name: what the script calls it, so that two gaps can be told apart; empty where it has no name.
        stored: where it stands in a file that the script loads: who has the file can tell it.
        of_environment: whether it is the environment's variable of its name.
    """

    name: str = ""
    stored: Stored | None = None
    of_environment: bool = False


Piece: TypeAlias = str | Argument | Gap


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be for a piece of code to run: an argument is one of some texts, or is none of them."""

    argument: Argument
    texts: tuple[str, ...]
    is_one: bool

    @property
    def opposite(self) -> Condition:
        """What holds where this does not."""
        return Condition(self.argument, self.texts, not self.is_one)

    def may_hold(self, arguments: Mapping[str, str]) -> bool:
        """Tell whether it holds with the job's arguments, by name without dashes, or may where they do not say."""
        each = [self.argument.numbered(number) for number in range(self.argument.count(arguments))]
        return any(self._may_be(argument.given(arguments)) for argument in each or [self.argument])

    def _may_be(self, given: Piece) -> bool:
        if not isinstance(given, str) or PARAMETER_SIGN in given:
            return True
        return (given.strip().casefold() in {text.casefold() for text in self.texts}) == self.is_one


@dataclass(frozen=True, slots=True)
class Text:
    """A string as far as it is known, neighbouring known pieces joined.

    Attributes:
        conditions: what the job's arguments must be for the script to take it.
    """

    pieces: tuple[Piece, ...]
    conditions: tuple[Condition, ...] = ()

    @property
    def literal(self) -> str | None:
        """The string, where all of it is known."""
        if not self.pieces:
            return ""
        return self.pieces[0] if len(self.pieces) == 1 and isinstance(self.pieces[0], str) else None

    @property
    def start(self) -> str:
        """The known string before the first argument or gap."""
        return self.pieces[0] if self.pieces and isinstance(self.pieces[0], str) else ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the arguments in it."""
        return tuple(piece.name for piece in self.pieces if isinstance(piece, Argument))

    def settled(self, arguments: Mapping[str, str]) -> Text:
        """Return the text with what stands for arguments that the job is not given, where the script says it."""
        pieces: list[Piece] = []
        for piece in self.pieces:
            if isinstance(piece, Argument) and piece.otherwise is not None and piece.name not in arguments:
                pieces.extend(piece.otherwise.settled(arguments).pieces)
            else:
                pieces.append(piece)
        return text_of(tuple(pieces))

    def resolved(self, arguments: Mapping[str, str]) -> Text:
        """Return the text with the arguments' values put in, else their defaults, else gaps."""
        pieces = self.settled(arguments).pieces
        return text_of(piece.given(arguments) if isinstance(piece, Argument) else piece for piece in pieces)

    def without_end(self, end: str) -> Text | None:
        """Return the text without what it ends in; None if it does not."""
        if not end:
            return self
        last = self.pieces[-1] if self.pieces else ""
        if not isinstance(last, str) or not last.endswith(end):
            return None
        return text_of((*self.pieces[:-1], last.removesuffix(end)))

    def __str__(self) -> str:
        return "".join(map(_shown, self.pieces))


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, truth value, None or bytes."""

    value: object


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A list, tuple or set whose items are known one by one."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A dict; the keys that are known."""

    items: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something imported or built in, by its dotted name: ``boto3.client``."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """An attribute of a value that is not known from inside: ``df.write``."""

    owner: Value
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call as it stands in the script, with what its parts are.

    Attributes:
        callee: what is called.
        positional, keywords: what it is given.
        line: where it begins, from 1.
        code: its source text in normal form: spaces, quotes and line breaks do not count.
        order: calls that run earlier have smaller numbers, as far as can be told.
        conditions: what the job's arguments must be for it to run, as far as can be told.
        taken: those of them that what it is given, and hangs on, was taken by.
    """

    callee: Value
    positional: tuple[Value, ...]
    keywords: Mapping[str, Value]
    line: int
    code: Callable[[], str]
    order: int
    conditions: tuple[Condition, ...] = ()
    taken: tuple[Condition, ...] = ()

    def argument(self, position: int | None, *names: str) -> Value | None:
        """Return what is given at a position or by one of several names; None if it is not given."""
        for name in names:
            if name in self.keywords:
                return self.keywords[name]
        if position is not None and position < len(self.positional):
            return self.positional[position]
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a call gives."""

    call: Call


@dataclass(frozen=True, slots=True)
class Parameters:
    """The job's arguments as a whole: what getResolvedOptions or argparse gives.

    Attributes:
        defaults: what the script takes for those that are not given.
        put: what the script puts in, or for others of its own.
    """

    defaults: Mapping[str, str] = field(default_factory=dict, hash=False)
    put: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def argument(self, name: str) -> Value:
        """Return what is found under a name."""
        plain = name.removeprefix("--")
        return self.put.get(plain, Text((Argument(plain, self.defaults.get(plain)),)))

    def with_put(self, items: Mapping[str, Value]) -> Parameters:
        """Return them with other values for some."""
        return replace(self, put={**self.put, **items})


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an argument's JSON holds, or a part of it."""

    argument: str
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What a file of JSON, YAML or TOML holds that the script loads, or a part of it.

    Attributes:
        place: the file's path, or its key on S3.
        keys: where in it.
    """

    place: Text
    keys: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Either:
    """One of several values: the branches of an ``if``, the items of an unknown index."""

    options: tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function or method of the script's own.

    Attributes:
        closure: the scopes around it, outermost first.
        owner: what its first parameter is bound to.
    """

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    closure: tuple[dict[str, Value], ...] = field(default=(), repr=False)
    owner: Instance | Class | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """A function of the script's own with some of what it is given: ``functools.partial(f, x)``.

    Attributes:
        conditions: what the job's arguments must be for the script to take it.
    """

    function: Value
    positional: tuple[Value, ...]
    keywords: Mapping[str, Value]
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of the script's own.

    Attributes:
        members: its own and those that it inherits.
        fields: the annotated names, in order: what a dataclass's constructor takes.
        bases: those that are the script's own.
    """

    name: str
    members: dict[str, Value] = field(repr=False)
    fields: tuple[str, ...] = ()
    bases: tuple[Class, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """An object of the script's own class, with the attributes it was given."""

    of: Class
    attributes: dict[str, Value] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Super:
    """What ``super()`` gives in a method: the object, and the method that is being read."""

    instance: Instance
    method: ast.AST


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything else."""


Value: TypeAlias = (
    Text
    | Constant
    | Sequence
    | Table
    | Symbol
    | Member
    | Result
    | Parameters
    | Parsed
    | Stored
    | Either
    | Function
    | Partial
    | Class
    | Instance
    | Super
    | Unknown
)


def _shown(piece: Piece) -> str:
    match piece:
        case str():
            return piece
        case Argument():
            return f"{{--{piece.label}}}"
        case Gap(name):
            return f"{{{name or '…'}}}"


def _at_keys(text: str | None, keys: tuple[Key, ...]) -> tuple[str, ...]:
    """Return what a text holds at a path into JSON and lists; nothing if it does not."""
    found: list[Any] = [text]
    for key in keys:
        found = [inner for outer in found for inner in _within(outer, key)]
    return tuple(_plain_text(one) for one in found if one is not None)


def _within(value: Any, key: Key) -> Iterator[Any]:
    if isinstance(key, Each) and key.separator:
        text = key.default if value is None else value
        items = [item.strip() for item in text.split(key.separator)] if isinstance(text, str) else []
        items = [item for item in items if item]
    else:
        whole = _parsed(value) if isinstance(value, str) else value
        if isinstance(key, str):
            items = [whole[key]] if isinstance(whole, dict) and key in whole else []
        else:
            items = list(whole.values()) if isinstance(whole, dict) else whole if isinstance(whole, list) else []
    if isinstance(key, Each) and key.number is not None:
        items = items[key.number : key.number + 1]
    yield from items


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _plain_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def text_of(pieces: Iterator[Piece] | tuple[Piece, ...]) -> Text:
    """Return a text of pieces, neighbouring known ones joined, neighbouring gaps one.

    A bucket and a key that were both taken from one argument's URI are that URI.
    """
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, str) and isinstance(last, str):
            joined[-1] = last + piece
        elif isinstance(piece, Gap) and isinstance(last, Gap):
            joined[-1] = last if last.name else piece
        elif piece != "":
            joined.append(piece)
    match joined:
        case [str() as scheme, Argument(name) as bucket, "/", Argument() as key, *rest] if (
            scheme.endswith("://") and bucket.taken("") == key.taken("") and name != "*"
        ):
            return Text((key.taken(""), *rest))
    return Text(tuple(joined))


def as_text(value: Value | None) -> Text:
    """Return a value as it would stand in a string; a gap where it cannot be told."""
    match value:
        case Text():
            return value
        case Constant(constant) if constant is not None and not isinstance(constant, bytes):
            return Text((str(constant),))
        case Parameters():
            return Text((Argument("*"),))
        case Parsed(name, keys):
            return Text((Argument(name, None, keys),))
        case Stored(_, keys) if keys:
            return Text((Gap(keys[-1].literal or "", value),))
        case Either(options) if options:
            return as_text(options[0])
        case _:
            return Text((Gap(),))


def is_gap(text: Text) -> bool:
    """Tell whether nothing is known of a text."""
    return bool(text.pieces) and all(isinstance(piece, Gap) for piece in text.pieces)


def literal(value: Value | None) -> str | None:
    """Return a known string, else None."""
    return value.literal if isinstance(value, Text) else None


def number(value: Value | None) -> int | None:
    """Return a known whole number, else None."""
    match value:
        case Constant(int() as known) if not isinstance(known, bool):
            return known
        case _:
            return None


def table_of(database: Value | None, table: Value | None) -> Text:
    """Return ``database.table``; one argument that both were taken from holds just that."""
    one, two = as_text(database), as_text(table)
    if one == two and len(one.pieces) == 1 and isinstance(one.pieces[0], Argument) and one.pieces[0].name != "*":
        return one
    return text_of((*one.pieces, ".", *two.pieces))


def defaulted(value: Value, default: Value) -> Value:
    """Return a value that is another where it is not given: an argument with its default, else either of them."""
    text = literal(default)
    match value:
        case Text((Argument(name, None) as argument,)) if name != "*" and text is not None:
            return Text((replace(argument, default=text),))
        case Text((Argument(),)) if isinstance(default, Constant | Unknown):
            return value
        case _:
            return either(value, default)


def preferred(argument: Argument, value: Value, otherwise: Value) -> Value:
    """Return what is made of an argument that may be empty, and something else where it is: one text, if it can be."""
    match value, otherwise:
        case Text((Argument() as first, *others)), Text() if first.taken("") == argument.taken(""):
            rest = Text(tuple(others)).literal
            if rest is not None and (kept := otherwise.without_end(rest)) is not None:
                return text_of((replace(first, default=None, otherwise=kept), rest))
    return either(value, otherwise)


def alternatives(value: Value) -> tuple[Value, ...]:
    """Return the values that a value may be."""
    return value.options if isinstance(value, Either) else (value,)


def either(*values: Value) -> Value:
    """Return one of several values; those that say nothing are left out where others say something."""
    if len(values) == 1:
        return values[0]
    flat: list[Value] = []
    for value in values:
        for option in alternatives(value):
            if not any(option is known or option == known for known in flat):
                flat.append(option)
    telling = [value for value in flat if not isinstance(value, Unknown)] or flat[:1]
    defaults = {default for value in telling if (default := _default_of(value)) is not None}
    telling = [value for value in telling if literal(value) is None or literal(value) not in defaults]
    if len(telling) == 1:
        return telling[0]
    most = _MOST_ALTERNATIVES
    if len(telling) > most:
        telling.sort(key=lambda value: not isinstance(value, Text) or is_gap(value))
        most = _MOST_TAKEN if any(map(_is_taken, telling)) else most
    return Either(tuple(telling[:most])) if telling else Unknown()


def _is_taken(value: Value, depth: int = 2) -> bool:
    """Tell whether an argument says if a value is taken."""
    match value:
        case Text(_, conditions):
            return bool(conditions)
        case Result(call):
            return bool(call.taken)
        case Member(owner):
            return _is_taken(owner, depth)
        case Sequence(items):
            return depth > 0 and any(_is_taken(item, depth - 1) for item in items)
        case Table(items):
            return depth > 0 and any(_is_taken(item, depth - 1) for item in items.values())
        case _:
            return False


def either_arguments(one: Parameters, two: Parameters) -> Parameters:
    """Return the arguments where two ways put in different things: what the one puts in is for what is not given."""
    defaults, put = {**one.defaults, **two.defaults}, dict(one.put)
    for name in {**one.put, **two.put}:
        if name in one.put and name in two.put:
            put[name] = either(one.put[name], two.put[name])
        elif (text := literal(one.put.get(name, two.put.get(name)))) is not None:
            put.pop(name, None)
            defaults[name] = text
        else:
            put[name] = either(one.argument(name), two.argument(name))
    return Parameters(defaults, put)


def _default_of(value: Value) -> str | None:
    match value:
        case Text((Argument(_, default),)):
            return default
        case _:
            return None


def inner(value: Value | None) -> Iterator[Call]:
    """Give the calls that went into a value, nearest first, to a bounded depth."""
    frontier: list[Value | None] = [value]
    seen: set[int] = set()
    for _ in range(_DEEPEST_SEARCH):
        following: list[Value | None] = []
        for item in frontier:
            if item is None or id(item) in seen:
                continue
            seen.add(id(item))
            match item:
                case Result(call):
                    yield call
                    following += [call.callee, *call.positional, *call.keywords.values()]
                case Member(owner):
                    following.append(owner)
                case Sequence(items) | Either(items):
                    following += items
                case Table(items):
                    following += items.values()
                case _:
                    continue
        frontier = following
