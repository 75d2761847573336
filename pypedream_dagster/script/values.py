"""What an expression of a script can be told to be without running the script: frozen values, a closed union."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from pypedream_dagster.script.pieces import (
    Argument,
    Condition,
    Gap,
    Key,
    Text,
    text_of,
)

_DEEPEST_SEARCH = 60


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
