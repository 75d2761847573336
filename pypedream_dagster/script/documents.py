"""Files that come with a script, and that it reads as it runs: settings in JSON and YAML, statements in SQL."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping

import yaml

from pypedream_dagster.script.pieces import Text
from pypedream_dagster.script.values import Call, Constant, Member, Sequence, Table, Value, as_text, inner

FILE = "file:"
"""What the name of a file begins with, where modules are asked for, too."""

_PARSERS = {
    "ast.literal_eval",
    "json.load",
    "json.loads",
    "yaml.safe_load",
    "yaml.load",
    "yaml.full_load",
    "simplejson.loads",
}
_OPENERS = {"open", "io.open", "codecs.open"}
_READS = {"read", "read_text"}
_LONGEST = 100_000
_MOST = 2_000


def file_read(callee: Value) -> str | None:
    """Return the file whose text a call gives: ``open(name).read()``, what ``get_object`` gives; None if none."""
    match callee:
        case Member(Text() as path, "read_text"):
            return _known_end(path)
        case Member(owner, name) if name in _READS:
            return _opened(owner)
        case _:
            return None


def file_parsed(name: str, given: Value | None) -> str | None:
    """Return the file that ``json.load`` is given; None where it is none, or a text."""
    return _opened(given) if name in _PARSERS and given is not None and not isinstance(given, Text) else None


def text_parsed(name: str, given: Value | None) -> str | None:
    """Return the known text that ``json.loads`` is given; None if it is none."""
    return given.literal if name in _PARSERS and isinstance(given, Text) else None


def parsed(text: str) -> Value | None:
    """Return what a text of JSON or YAML holds; None if it is neither."""
    if len(text) > _LONGEST:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError, TypeError, AttributeError, OverflowError):
            return None
    budget = [_MOST]
    return _value(found, budget) if isinstance(found, Mapping | list) else None


def _value(found: object, budget: list[int]) -> Value:
    budget[0] -= 1
    match found:
        case str():
            return Text((found,)) if found else Text(())
        case Mapping() if budget[0] > 0:
            return Table({str(key): _value(value, budget) for key, value in found.items()})
        case list() if budget[0] > 0:
            return Sequence(tuple(_value(value, budget) for value in found))
        case _:
            return Constant(found)


def _opened(value: Value | None) -> str | None:
    """Return the name of the file that a value was opened from, or of the object that was got."""
    for call in inner(value):
        name = call.callee.name.rpartition(".")[2] if isinstance(call.callee, Member) else ""
        match call:
            case Call(symbol, (Text() as path, *_)) if getattr(symbol, "name", "") in _OPENERS:
                return _known_end(path)
            case Call(Member(Text() as path, "open")):
                return _known_end(path)
        if name == "get_object":
            return _known_end(as_text(call.argument(None, "Key")))
        if name == "Object" and len(call.positional) == 2:
            return _known_end(as_text(call.positional[1]))
    return None


def _known_end(path: Text) -> str | None:
    """Return a file's name as far as it is known: all of it, or what follows the last part that is not."""
    if not path.pieces or not isinstance(end := path.pieces[-1], str):
        return None
    known = end if len(path.pieces) == 1 else end.partition("/")[2]
    return known if posixpath.splitext(known)[1] else None
