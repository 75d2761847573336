"""What an expression of a script can be told to be without running the script: frozen values, a closed union.

A text keeps its known pieces, the job arguments in it, and gaps for what cannot be told:
``f"s3://{args['BUCKET']}/x/{day}/"`` is ``Text(("s3://", Argument("BUCKET"), "/x/", Gap(), "/"))``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

_MOST_ALTERNATIVES = 8
_DEEPEST_SEARCH = 60


@dataclass(frozen=True, slots=True)
class Argument:
    """A job argument by its name without dashes; ``*`` for one whose name cannot be told."""

    name: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A piece that cannot be told."""


Piece: TypeAlias = str | Argument | Gap


@dataclass(frozen=True, slots=True)
class Text:
    """A string as far as it is known, neighbouring known pieces joined."""

    pieces: tuple[Piece, ...]

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

    def resolved(self, arguments: Mapping[str, str]) -> Text:
        """Return the text with the arguments' values put in, and gaps for arguments without one."""
        return text_of(arguments.get(p.name, Gap()) if isinstance(p, Argument) else p for p in self.pieces)

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
    """

    callee: Value
    positional: tuple[Value, ...]
    keywords: Mapping[str, Value]
    line: int
    code: Callable[[], str]
    order: int

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
    """The job's arguments as a whole: what getResolvedOptions or argparse gives."""


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
    owner: Instance | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of the script's own."""

    name: str
    members: dict[str, Value] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """An object of the script's own class, with the attributes it was given."""

    of: Class
    attributes: dict[str, Value] = field(default_factory=dict, repr=False)


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
    | Either
    | Function
    | Class
    | Instance
    | Unknown
)


def _shown(piece: Piece) -> str:
    match piece:
        case str():
            return piece
        case Argument(name):
            return f"{{--{name}}}"
        case _:
            return "{…}"


def text_of(pieces: Iterator[Piece] | tuple[Piece, ...]) -> Text:
    """Return a text of pieces, neighbouring known ones joined, neighbouring gaps one."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, str) and isinstance(last, str):
            joined[-1] = last + piece
        elif piece != "" and not (isinstance(piece, Gap) and isinstance(last, Gap)):
            joined.append(piece)
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
        case Either(options) if options:
            return as_text(options[0])
        case _:
            return Text((Gap(),))


def literal(value: Value | None) -> str | None:
    """Return a known string, else None."""
    return value.literal if isinstance(value, Text) else None


def alternatives(value: Value) -> tuple[Value, ...]:
    """Return the values that a value may be."""
    return value.options if isinstance(value, Either) else (value,)


def either(*values: Value) -> Value:
    """Return one of several values; those that say nothing are left out where others say something."""
    flat: list[Value] = []
    for value in values:
        for option in alternatives(value):
            if not any(option is known or option == known for known in flat):
                flat.append(option)
    telling = [value for value in flat if not isinstance(value, Unknown)] or flat[:1]
    if len(telling) == 1:
        return telling[0]
    return Either(tuple(telling[:_MOST_ALTERNATIVES])) if telling else Unknown()


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
