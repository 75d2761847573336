"""Terraform's functions that need no files."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pypedream_dagster.importers.sources.terraform.forms import DECODERS, bearable, decoded, encoded, replaced
from pypedream_dagster.importers.sources.terraform.values import (
    Entity,
    EvaluationError,
    NotKnownError,
    Unknown,
    label,
    plain,
    text_of,
)

_MOST_ITEMS = 10_000
_VERB = re.compile(r"%(?:\[(\d+)\])?([-+ #0]*\d*(?:\.\d+)?)([a-zA-Z%])")


def call_function(name: str, arguments: Sequence[Any], values: Mapping[str, str]) -> Any:
    """Return what a function gives for some arguments.

    Raises:
        NotKnownError: that depends on what is not known, or there is no such function.
        EvaluationError: the arguments do not fit.
    """
    name = name.rpartition("::")[2]
    try:
        if name == "replace" and len(arguments) == 3:
            return replaced(arguments[0], arguments[1], arguments[2], values)
        if name in DECODERS and len(arguments) == 1:
            return decoded(name, arguments[0], values)
        if name in _SYMBOLIC:
            return _SYMBOLIC[name](*arguments)
        if name in _PLAIN:
            return _PLAIN[name](*(plain(argument, values) for argument in arguments))
    except (NotKnownError, EvaluationError):
        raise
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, re.error, RecursionError) as error:
        raise EvaluationError(f"{name}: {error}") from error
    raise NotKnownError(name)


# Those that take what is not known along.


def _items(value: Any) -> list[Any]:
    match value:
        case list():
            return value
        case dict():
            return list(value.values())
        case None:
            return []
        case Unknown() | Entity():
            raise NotKnownError(label(value))
    return [value]


def _merge(*maps: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    known = [one for one in maps if isinstance(one, dict)]
    if not known and any(isinstance(one, Unknown | Entity) for one in maps):
        raise NotKnownError("merge")
    for one in known:
        merged.update(one)
    return merged


def _concat(*lists: Any) -> list[Any]:
    return [item for one in lists for item in (one if isinstance(one, list) else [one] if one is not None else [])]


def _flatten(value: Any) -> list[Any]:
    return [one for item in _items(value) for one in (_flatten(item) if isinstance(item, list) else [item])]


def _set(value: Any) -> list[Any]:
    distinct = _distinct(value)
    return sorted(distinct) if all(isinstance(item, str) for item in distinct) else distinct


def _distinct(value: Any) -> list[Any]:
    found: list[Any] = []
    for item in _items(value):
        if item not in found:
            found.append(item)
    return found


def _coalesce(*values: Any) -> Any:
    for value in values:
        if value is not None and value != "":
            return value
    raise EvaluationError("coalesce: nothing is left")


def _coalescelist(*values: Any) -> Any:
    return next((value for value in values if value), [])


def _compact(value: Any) -> list[Any]:
    return [item for item in _items(value) if item is not None and item != ""]


def _one(value: Any) -> Any:
    items = _items(value)
    return items[0] if items else None


def _join(separator: Any, *lists: Any) -> str:
    return text_of(separator).join(text_of(item) for one in lists for item in _items(one))


def _format(template: Any, *arguments: Any) -> Any:
    if not isinstance(template, str):
        raise NotKnownError("format")
    place = 0

    def put(match: re.Match[str]) -> str:
        nonlocal place
        if match[3] == "%":
            return "%"
        place = int(match[1]) if match[1] else place + 1
        if not 0 < place <= len(arguments):
            raise EvaluationError("format: too few arguments")
        return _formatted(match[2], match[3], arguments[place - 1])

    return _VERB.sub(put, template)


def _formatted(flags: str, verb: str, value: Any) -> str:
    if verb in "sv" or isinstance(value, Unknown | Entity):
        text = text_of(value)
        width = int(re.sub(r"[^0-9].*$", "", flags.lstrip("-+ #0")) or 0)
        if width > _MOST_ITEMS:
            raise EvaluationError("format: too wide")
        return text.ljust(width) if "-" in flags else text.rjust(width)
    if verb == "q":
        return json.dumps(text_of(value), ensure_ascii=False)
    if verb == "t":
        return text_of(value)
    if verb in "bdoxXeEfFgG" and len(flags) < 5:
        number = float(text_of(value))
        if verb == "b":
            return bin(int(number))[2:]
        return f"%{flags}{verb}" % (int(number) if verb in "doxX" else number)
    raise EvaluationError(f"format: {verb}")


def _formatlist(template: Any, *arguments: Any) -> list[Any]:
    length = max((len(one) for one in arguments if isinstance(one, list)), default=0)
    return [
        _format(template, *(one[turn] if isinstance(one, list) else one for one in arguments)) for turn in range(length)
    ]


def _keys(value: Any) -> list[Any]:
    return sorted(_mapping(value))


def _values(value: Any) -> list[Any]:
    return [item for _, item in sorted(_mapping(value).items())]


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, Unknown | Entity):
        raise NotKnownError(label(value))
    raise EvaluationError("no map")


def _zipmap(keys: Any, values: Any) -> dict[str, Any]:
    return {text_of(key): value for key, value in zip(_items(keys), _items(values), strict=False)}


def _setproduct(*sets: Any) -> list[Any]:
    lists = [_items(one) for one in sets]
    if math.prod(len(one) for one in lists) > _MOST_ITEMS:
        raise EvaluationError("setproduct: too many")
    return [list(item) for item in itertools.product(*lists)]


def _setminus(one: Any, two: Any) -> list[Any]:
    out = _items(two)
    return [item for item in _items(one) if item not in out]


def _setintersection(first: Any, *others: Any) -> list[Any]:
    return [item for item in _distinct(first) if all(item in _items(one) for one in others)]


def _element(value: Any, index: Any) -> Any:
    items = _items(value)
    if not items or isinstance(index, Unknown):
        raise NotKnownError("element")
    return items[int(text_of(index)) % len(items)]


def _length(value: Any) -> int:
    if isinstance(value, Unknown | Entity):
        raise NotKnownError(label(value))
    if isinstance(value, str) and "${" in value:
        raise NotKnownError(value)
    return len(value)


def _basename(value: Any) -> str:
    return _text(value).rstrip("/").rpartition("/")[2]


def _dirname(value: Any) -> str:
    return _text(value).rpartition("/")[0] or "."


def _text(value: Any) -> str:
    if isinstance(value, Unknown | Entity):
        raise NotKnownError(label(value))
    return text_of(value)


_SYMBOLIC: Mapping[str, Callable[..., Any]] = {
    "basename": _basename,
    "coalesce": _coalesce,
    "coalescelist": _coalescelist,
    "compact": _compact,
    "concat": _concat,
    "dirname": _dirname,
    "distinct": _distinct,
    "element": _element,
    "flatten": _flatten,
    "format": _format,
    "formatlist": _formatlist,
    "join": _join,
    "jsonencode": encoded,
    "keys": _keys,
    "length": _length,
    "list": lambda *items: list(items),
    "map": lambda *items: _zipmap(items[::2], items[1::2]) if items else {},
    "merge": _merge,
    "nonsensitive": lambda value: value,
    "one": _one,
    "reverse": lambda value: _items(value)[::-1],
    "sensitive": lambda value: value,
    "setintersection": _setintersection,
    "setproduct": _setproduct,
    "setsubtract": _setminus,
    "setunion": lambda *sets: _set(_concat(*sets)),
    "tolist": lambda value: value,
    "tomap": lambda value: value,
    "toset": _set,
    "tostring": lambda value: None if value is None else _text(value),
    "values": _values,
    "yamlencode": encoded,
    "zipmap": _zipmap,
}


# Those that need to know all.


def _number(text: Any) -> int | float | None:
    if text is None:
        return None
    number = float(text_of(text))
    return int(number) if number.is_integer() else number


def _bool(value: Any) -> bool | None:
    return None if value is None else {"true": True, "false": False, "1": True, "0": False}[text_of(value)]


def _regex(pattern: Any, text: Any) -> Any:
    match = re.search(bearable(text_of(pattern)), text_of(text)[:10_000])
    if match is None:
        raise EvaluationError("regex: no match")
    return _groups(match)


def _groups(match: re.Match[str]) -> Any:
    return match.groupdict() or list(match.groups()) or match[0]


def _regexall(pattern: Any, text: Any) -> list[Any]:
    return [_groups(match) for match in re.finditer(bearable(text_of(pattern)), text_of(text)[:10_000])]


def _range(*bounds: Any) -> list[int]:
    found = range(*(int(bound) for bound in bounds))
    if len(found) > _MOST_ITEMS:
        raise EvaluationError("range: too many")
    return list(found)


def _substr(text: Any, start: Any, length: Any) -> str:
    whole, start, length = text_of(text), int(start), int(length)
    start = start + len(whole) if start < 0 else start
    return whole[start:] if length < 0 else whole[start : start + length]


def _chunks(items: list[Any], size: Any) -> list[list[Any]]:
    return [items[start : start + int(size)] for start in range(0, len(items), max(1, int(size)))]


def _digest(algorithm: str) -> Callable[[Any], str]:
    return lambda text: hashlib.new(algorithm, text_of(text).encode(), usedforsecurity=False).hexdigest()


def _transpose(value: dict[str, list[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, items in value.items():
        for item in items:
            found.setdefault(item, []).append(key)
    return found


_PLAIN: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "abspath": text_of,
    "alltrue": all,
    "anytrue": any,
    "base64decode": lambda text: base64.b64decode(text_of(text)).decode(),
    "base64encode": lambda text: base64.b64encode(text_of(text).encode()).decode(),
    "ceil": math.ceil,
    "chomp": lambda text: text_of(text).rstrip("\r\n"),
    "chunklist": _chunks,
    "contains": lambda items, item: item in items,
    "endswith": lambda text, end: text_of(text).endswith(text_of(end)),
    "floor": math.floor,
    "indent": lambda count, text: text_of(text).replace("\n", "\n" + " " * min(int(count), 100)),
    "index": lambda items, item: items.index(item),
    "lower": lambda text: text_of(text).lower(),
    "matchkeys": lambda one, two, wanted: [a for a, b in zip(one, two, strict=False) if b in wanted],
    "max": max,
    "md5": _digest("md5"),
    "min": min,
    "parseint": lambda text, radix: int(text_of(text), int(radix)),
    "pathexpand": text_of,
    "range": _range,
    "regex": _regex,
    "regexall": _regexall,
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "slice": lambda items, start, end: items[int(start) : int(end)],
    "sort": lambda items: sorted(map(text_of, items)),
    "split": lambda separator, text: text_of(text).split(text_of(separator)),
    "startswith": lambda text, start: text_of(text).startswith(text_of(start)),
    "strcontains": lambda text, part: text_of(part) in text_of(text),
    "strrev": lambda text: text_of(text)[::-1],
    "substr": _substr,
    "sum": sum,
    "title": lambda text: re.sub(r"\b\w", lambda match: match[0].upper(), text_of(text)),
    "tobool": _bool,
    "tonumber": _number,
    "transpose": _transpose,
    "trim": lambda text, characters: text_of(text).strip(text_of(characters)),
    "trimprefix": lambda text, start: text_of(text).removeprefix(text_of(start)),
    "trimspace": lambda text: text_of(text).strip(),
    "trimsuffix": lambda text, end: text_of(text).removesuffix(text_of(end)),
    "upper": lambda text: text_of(text).upper(),
}
