"""Data of an execution as far as it is known: JSON values, in which any part may be an `Unknown` with a name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.importers.parameters import parameter

_DEEPEST = 40
_MOST_OPTIONS = 24


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that only a run knows: the execution's input, a task's result.

    Attributes:
        name: what stands for it in texts: ``input.bucket``.
        fields: what is known of it all the same, by key.
        options: where constants arrive on different ways: these, in the ways' order.
        beneath: of a service's answer, the state's input. All keys of answers begin with a capital letter: who asks
            such an answer for another means the input, and forgot that the answer took its place.
    """

    name: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[Any, ...] = ()
    beneath: Any = None


def member(value: Any, key: str | int) -> Any:
    """Return what a key or an index leads to; what a known value does not hold is unknown too."""
    if isinstance(value, Unknown):
        if isinstance(key, str) and key in value.fields:
            return value.fields[key]
        if isinstance(key, str) and value.beneath is not None and not key[:1].isupper():
            return member(value.beneath, key)
        if isinstance(key, str):
            return Unknown(f"{value.name}.{key}")
        return Unknown(f"{value.name}[{key}]")
    if isinstance(value, dict) and key in value:
        return value[key]
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return Unknown(str(key))


def replaced(value: Any, keys: tuple[str | int, ...], new: Any) -> Any:
    """Return a value with another part put in at some keys; objects on the way are made where there are none."""
    if not keys:
        return new
    key, rest = keys[0], keys[1:]
    if isinstance(value, Unknown):
        inner = replaced(value.fields.get(str(key), {}), rest, new)
        return Unknown(value.name, {**value.fields, str(key): inner}, beneath=value.beneath)
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return [*value[:key], replaced(value[key], rest, new), *value[key + 1 :]]
    known = value if isinstance(value, dict) else {}
    return {**known, str(key): replaced(known.get(str(key), {}), rest, new)}


def merged(one: Any, other: Any, name: str, depth: int = 0) -> Any:
    """Return what is known where either of two values may arrive; what they disagree in is unknown, under this name.

    An unknown and a constant give the unknown: that is how a default is set where the input has none.
    """
    if one is other or (depth > _DEEPEST and one == other):
        return one
    if depth > _DEEPEST:
        return Unknown(name)
    if isinstance(one, Unknown | dict) and isinstance(other, Unknown | dict):
        first, second = _fields(one), _fields(other)
        both: dict[str, Any] = {}
        for key in (*first, *(key for key in second if key not in first)):
            if key in first and key in second:
                both[key] = merged(first[key], second[key], f"{name}.{key}", depth + 1)
            elif key in first:
                both[key] = _of_one(first[key], other, key, f"{name}.{key}", depth)
            else:
                both[key] = _of_one(second[key], one, key, f"{name}.{key}", depth)
        if isinstance(one, Unknown) and isinstance(other, Unknown):
            options = tuple(dict.fromkeys(one.options + other.options)) if one.options and other.options else ()
            return Unknown(one.name if one.name == other.name else name, both, options[:_MOST_OPTIONS])
        if isinstance(one, Unknown):
            return Unknown(one.name, both)
        return Unknown(other.name, both) if isinstance(other, Unknown) else both
    if isinstance(one, Unknown):
        return _with_option(one, other)
    if isinstance(other, Unknown):
        return _with_option(other, one)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [merged(a, b, f"{name}[{i}]", depth + 1) for i, (a, b) in enumerate(zip(one, other, strict=True))]
    if type(one) is type(other) and one == other:
        return one
    texts = isinstance(one, str) and isinstance(other, str)
    return Unknown(name, {}, (one, other) if texts else ())


def _of_one(value: Any, other: Unknown | dict[str, Any], key: str, name: str, depth: int) -> Any:
    """Return what is known of a field that one side tells: an unknown other side may well have another in its place."""
    if not isinstance(other, Unknown):
        return value
    if isinstance(value, Unknown):
        return Unknown(value.name, value.fields)
    return merged(value, member(other, key), name, depth + 1)


def _with_option(unknown: Unknown, text: Any) -> Unknown:
    """Return one of several constants, which may be one more; what is unknown otherwise stays so."""
    if not unknown.options or text in unknown.options or not isinstance(text, str):
        return unknown
    options = (*unknown.options, text) if len(unknown.options) < _MOST_OPTIONS else ()
    return Unknown(unknown.name, unknown.fields, options)


def joined(parts: Sequence[Any], name: str) -> Any:
    """Return objects put together, later ones over earlier ones; an unknown one may hide what stands before it."""
    found: dict[str, Any] = {}
    unknown: Unknown | None = None
    for part in parts:
        if isinstance(part, Unknown):
            found = {key: Unknown(f"{part.name}.{key}") for key in found}
            unknown = part if unknown is None else Unknown(name)
        if not isinstance(part, Unknown | dict):
            return Unknown(name)
        found |= _fields(part)
    return found if unknown is None else Unknown(unknown.name, found)


def holds(known: Any, later: Any, depth: int = 0) -> bool:
    """Tell whether all that was known is known still, and the same."""
    if known is later or depth > _DEEPEST or (isinstance(known, Unknown) and not known.fields):
        return True
    if isinstance(known, Unknown | dict):
        if not isinstance(later, Unknown | dict):
            return False
        first, second = _fields(known), _fields(later)
        return all(key in second and holds(value, second[key], depth + 1) for key, value in first.items())
    if isinstance(known, list):
        same = isinstance(later, list) and len(known) == len(later)
        return same and all(holds(a, b, depth + 1) for a, b in zip(known, later, strict=True))
    return type(known) is type(later) and bool(known == later)


def plain(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON has it, with ``${name}`` for each unknown part."""
    if isinstance(value, Unknown):
        return parameter(value.name)
    if depth > _DEEPEST:
        return parameter("unknown")
    if isinstance(value, dict):
        return {str(key): plain(inner, depth + 1) for key, inner in value.items()}
    return [plain(inner, depth + 1) for inner in value] if isinstance(value, list) else value


def text_of(value: Any) -> str:
    """Return a value as the text that an argument of a job is given."""
    told = plain(value)
    if isinstance(told, str):
        return str(told)
    return json.dumps(told, ensure_ascii=False, default=str)


def is_known(value: Any, depth: int = 0) -> bool:
    """Tell whether no part of a value is unknown."""
    if isinstance(value, Unknown) or depth > _DEEPEST:
        return False
    if isinstance(value, dict):
        return all(is_known(inner, depth + 1) for inner in value.values())
    return all(is_known(inner, depth + 1) for inner in value) if isinstance(value, list) else True


def _fields(value: Unknown | dict[str, Any]) -> Mapping[str, Any]:
    return value.fields if isinstance(value, Unknown) else value
