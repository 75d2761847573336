"""Texts as far as they can be told: known pieces, the job arguments in them, and gaps.

``f"s3://{args['BUCKET']}/x/{day}/"`` is ``Text(("s3://", Argument("BUCKET"), "/x/", Gap(), "/"))``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from pypedream_dagster.script.values import Stored

PARAMETER_SIGN = "${"
"""What a part of a given value begins with that is not known itself."""


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


def is_gap(text: Text) -> bool:
    """Tell whether nothing is known of a text."""
    return bool(text.pieces) and all(isinstance(piece, Gap) for piece in text.pieces)
