"""Python's own operators, functions and methods on known values; what would be too large is unknown instead.

Nothing here reaches outside: only methods of strings, numbers and containers are called, by a list of names.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

from pypedream_dagster.importers.parameters import parameter
from pypedream_dagster.importers.sources.airflow.values import (
    LARGEST,
    FilePath,
    Instance,
    Symbol,
    Unknown,
    Value,
    is_open,
    is_small,
    named,
    truth,
)

_LONGEST_TEXT = 100_000
_WIDEST = 4
_MOST_TOLD_APART = 500
_CASES = {"upper", "lower", "title", "capitalize", "casefold", "swapcase"}
_TEXT_METHODS = """upper lower title capitalize casefold swapcase strip lstrip rstrip split rsplit splitlines partition
rpartition replace join startswith endswith removeprefix removesuffix format find rfind index count isdigit isalpha
isalnum isnumeric isupper islower zfill encode"""
_LIST_METHODS = "append extend insert pop remove index count copy sort reverse clear"
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset(_TEXT_METHODS.split()),
    bytes: frozenset(["decode"]),
    list: frozenset(_LIST_METHODS.split()),
    tuple: frozenset(["index", "count"]),
    dict: frozenset(["get", "items", "keys", "values", "copy", "pop", "update", "setdefault", "popitem", "clear"]),
    set: frozenset(["add", "update", "union", "intersection", "difference", "discard", "remove", "copy", "pop"]),
    frozenset: frozenset(["union", "intersection", "difference"]),
}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: lambda a, b: a is b or (isinstance(a, bool | None) and a == b),
    ast.IsNot: lambda a, b: a is not b and not (isinstance(a, bool | None) and a == b),
}
_NUMBERS = (int, float)


class NotNativeError(Exception):
    """These values have no such operation, or not one that can be told."""


def text_of(value: Value) -> str:
    """Return ``str(value)``, unknown parts as ``${name}``."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | dict | set | frozenset):
        text = _shown(value) if is_small(value) else parameter("value")
    else:
        plain = isinstance(value, int | float | None) or "__str__" in vars(type(value))
        text = str(value) if plain else parameter(named(value))
    return text if len(text) <= _LONGEST_TEXT else parameter("value")


def _shown(value: Value, depth: int = 12) -> str:
    if isinstance(value, str):
        return repr(value) if "${" not in value else f"'{value}'"
    if not depth or not isinstance(value, list | tuple | dict | set | frozenset):
        return text_of(value) if depth else parameter("value")
    if isinstance(value, dict):
        pairs = (f"{_shown(key, depth - 1)}: {_shown(item, depth - 1)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    items = ", ".join(_shown(item, depth - 1) for item in value)
    if isinstance(value, tuple):
        return f"({items},)" if len(value) == 1 else f"({items})"
    return f"[{items}]" if isinstance(value, list) else f"{{{items}}}" if value else "set()"


def told_apart(value: Value, depth: int = 5) -> str:
    """Return a value as a part of an unknown value's name: another for another value, whatever it is."""
    if isinstance(value, Instance):
        own = told_apart(value.attributes, depth - 1) if value.attributes and depth else ""
        return f"{value.of.name}~{own}" if own else value.of.name
    if not isinstance(value, list | tuple | dict | set | frozenset):
        return named(value)
    items = [*value, *value.values()] if isinstance(value, dict) else list(value)
    if isinstance(value, set | frozenset):
        items.sort(key=text_of)
    known = depth > 0 and is_small(value, _MOST_TOLD_APART)
    shown = ",".join(told_apart(item, depth - 1) for item in items) if known else f"{len(items)}"
    return hashlib.sha256(shown.encode(errors="replace")).hexdigest()[:8]


def limited(value: Value) -> Value:
    """Return a value, or an unknown one in the place of one that is too large to go on with."""
    if isinstance(value, str | bytes) and len(value) > _LONGEST_TEXT:
        return Unknown("text")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**30:
        return Unknown("number")
    if isinstance(value, list):
        del value[LARGEST:]
    elif isinstance(value, tuple | set | frozenset | dict) and len(value) > LARGEST:
        return Unknown("items")
    return value


def binary(operation: ast.operator, left: Value, right: Value) -> Value:
    """Return what an operator gives.

    Raises:
        NotNativeError: the values are not ones that it is known for.
    """
    if isinstance(operation, ast.Add) and (isinstance(left, str) or isinstance(right, str)):
        if isinstance(left, str | Unknown | Symbol) and isinstance(right, str | Unknown | Symbol):
            return limited(f"{left}{right}")
        raise NotNativeError
    if isinstance(operation, ast.Mod) and isinstance(left, str):
        return percent_formatted(left, right)
    if isinstance(operation, ast.Div) and isinstance(left, FilePath):
        return FilePath(joined_path(left.text, text_of(right)))
    if isinstance(operation, ast.Div) and isinstance(right, FilePath):
        return FilePath(joined_path(text_of(left), right.text))
    function = _OPERATORS.get(type(operation))
    if function is None or isinstance(left, str) or isinstance(right, str):
        if isinstance(operation, ast.Mult) and isinstance(left, str) and isinstance(right, int) and right < LARGEST:
            return limited(left[: _LONGEST_TEXT // max(right, 1) + 1] * right)
        raise NotNativeError
    if isinstance(operation, ast.Mult) and not (isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS)):
        if isinstance(left, list | tuple) and isinstance(right, int) and len(left) * max(right, 0) <= LARGEST:
            return left * right
        raise NotNativeError
    known = (int, float, list, tuple, set, frozenset, dict)
    if not (isinstance(left, known) and isinstance(right, known)):
        raise NotNativeError
    try:
        return limited(function(left, right))
    except (TypeError, ValueError, ArithmeticError) as error:
        raise NotNativeError from error


def compared(operation: ast.cmpop, left: Value, right: Value) -> bool | None:
    """Return what a comparison gives; None if it cannot be told."""
    if isinstance(operation, ast.In | ast.NotIn) and not isinstance(right, str | list | tuple | dict | set | frozenset):
        return None
    if isinstance(operation, ast.Is | ast.IsNot) and isinstance(right, type(None)) and isinstance(left, str):
        return isinstance(operation, ast.IsNot)
    if is_open(left) or is_open(right):
        if left == right and not isinstance(left, Symbol):
            return {ast.Eq: True, ast.NotEq: False, ast.Is: True, ast.IsNot: False}.get(type(operation))
        return None
    if not (is_small(left) and is_small(right)):
        return None
    try:
        found = bool(_COMPARISONS[type(operation)](left, right))
    except (TypeError, ValueError, RecursionError):
        return None
    if isinstance(operation, ast.In | ast.NotIn) and not isinstance(right, str):
        missing = found is isinstance(operation, ast.NotIn)
        if missing and any(is_open(item) for item in right):
            return None
    return found


def item_of(owner: Value, key: Value) -> Value:
    """Return an item of a known container.

    Raises:
        NotNativeError: it cannot be told which, or there is none.
    """
    if isinstance(owner, dict):
        try:
            if key in owner:
                return owner[key]
        except TypeError as error:
            raise NotNativeError from error
        raise NotNativeError
    if isinstance(owner, str | list | tuple) and isinstance(key, int | slice):
        if isinstance(owner, str) and "${" in owner:
            raise NotNativeError
        try:
            return owner[key]
        except (IndexError, TypeError, ValueError) as error:
            raise NotNativeError from error
    raise NotNativeError


def items_of(value: Value) -> list[Value]:
    """Return what a loop over a value goes through.

    Raises:
        NotNativeError: it cannot be told.
    """
    if isinstance(value, str) and "${" in value:
        raise NotNativeError
    if isinstance(value, list | tuple | dict | str | range):
        return list(itertools.islice(value, LARGEST))
    if isinstance(value, set | frozenset):
        return sorted(value, key=text_of)
    raise NotNativeError


def has_method(owner: Value, name: str) -> bool:
    """Tell whether a known value has a method that may be called."""
    return name in _METHODS.get(type(owner), ())


def method(owner: Value, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
    """Return what a method of a string or a container gives.

    Raises:
        NotNativeError: it cannot be told.
    """
    if isinstance(owner, str):
        return _text_method(owner, name, positional, keywords)
    if isinstance(owner, dict) and name in {"get", "pop", "setdefault"} and positional and is_open(positional[0]):
        if positional[0] not in owner:
            raise NotNativeError
    elif isinstance(owner, dict) and name == "update":
        pairs = [p for p in positional if isinstance(p, dict | list)]
        if len(pairs) != len(positional):
            owner.update(keywords)
            raise NotNativeError
    elif isinstance(owner, list) and name == "extend" and positional:
        positional = [items_of(positional[0])]
    elif isinstance(owner, list) and name == "sort":
        if not is_small(owner) or keywords.keys() - {"reverse"}:
            return None
    elif isinstance(owner, set) and name != "add":
        positional = [items_of(p) if isinstance(p, dict | range) else p for p in positional]
    try:
        found = getattr(owner, name)(*positional, **keywords)
    except (TypeError, ValueError, LookupError, AttributeError, RuntimeError) as error:
        raise NotNativeError from error
    limited(owner)
    return list(found) if isinstance(owner, dict) and name in {"items", "keys", "values"} else limited(found)


def _text_method(owner: str, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
    if name == "format":
        return formatted(owner, positional, keywords)
    if name == "join" and positional:
        return limited(owner.join(text_of(item) for item in items_of(positional[0])))
    if any(isinstance(p, Unknown | Symbol) for p in positional):
        positional = [str(p) if isinstance(p, Unknown | Symbol) else p for p in positional]
        if name != "replace":
            raise NotNativeError
    if "${" in owner:
        if name in _CASES:
            return Unknown(f"{named(owner)}.{name}")
        if name in {"startswith", "endswith", "find", "index", "count", "isdigit", "isalpha", "zfill", "encode"}:
            raise NotNativeError
        if name in {"split", "rsplit", "partition", "rpartition"} and not _splits_outside(owner, positional):
            raise NotNativeError
    if name == "replace" and len(owner) * max([len(p) for p in positional if isinstance(p, str)], default=1) > 10**7:
        raise NotNativeError
    if name == "zfill" and not (positional and isinstance(positional[0], int) and positional[0] < 1000):
        raise NotNativeError
    try:
        return limited(getattr(owner, name)(*positional, **keywords))
    except (TypeError, ValueError, LookupError) as error:
        raise NotNativeError from error


def _splits_outside(owner: str, positional: list[Value]) -> bool:
    """Tell whether a text is split between its unknown parts and not within their names."""
    if not positional or not isinstance(positional[0], str):
        return not re.search(r"\$\{[^}]*\s[^}]*\}", owner)
    return not any(positional[0] in name for name in re.findall(r"\$\{[^}]*\}", owner))


def formatted(template: str, positional: list[Value], keywords: dict[str, Value]) -> str:
    """Return ``template.format(…)``; a field that is not known stays an unknown part."""
    counter = itertools.count()

    def fill(found: re.Match[str]) -> str:
        if found[0] in {"{{", "}}"}:
            return found[0][0]
        first, *rest = re.split(r"\.|\[([^\]]*)\]", found["name"])
        key = first or str(next(counter))
        if key.isdigit():
            value = positional[int(key)] if len(key) < _WIDEST and int(key) < len(positional) else Unknown(key)
        else:
            value = keywords.get(key, Unknown(key))
        for part in filter(None, rest):
            index = int(part) if part.isdigit() and len(part) < _WIDEST and not isinstance(value, dict) else part
            try:
                value = item_of(value, index)
            except NotNativeError:
                value = Unknown(f"{named(value)}.{part}")
        return specified(value, found["spec"] or "", found["conversion"] or "")

    field = r"(?P<name>[^{}!:]*)(?:!(?P<conversion>[rsa]))?(?::(?P<spec>[^{}]*))?"
    return str(limited(re.sub(r"\{\{|\}\}|(?<!\$)\{" + field + r"\}", fill, template)))


def specified(value: Value, spec: str, conversion: str = "") -> str:
    """Return a value as a format field shows it."""
    text = repr(value) if conversion == "r" and isinstance(value, str | int | float) else text_of(value)
    if not spec or re.search(r"\d{4,}", spec):
        return text
    if isinstance(value, Unknown | Symbol):
        return parameter(f"{value.name}.{spec}")
    try:
        return format(value if isinstance(value, int | float) else text, spec)
    except (TypeError, ValueError):
        return text


_PERCENT = re.compile(r"%(?:\((?P<name>[^)]*)\))?(?P<flags>[-+ #0]*\d*(?:\.\d+)?)(?P<kind>[a-zA-Z%])")


def percent_formatted(template: str, given: Value) -> str:
    """Return ``template % given``; a field that is not known stays an unknown part."""
    items: Iterator[Value] = iter(given if isinstance(given, tuple) else (given,))

    def fill(found: re.Match[str]) -> str:
        if found["kind"] == "%":
            return "%"
        if found["name"] is not None:
            value = given.get(found["name"]) if isinstance(given, dict) else Unknown(f"{named(given)}.{found['name']}")
        else:
            value = next(items, Unknown("value"))
        if found["flags"] and isinstance(value, int | float) and not re.search(r"\d{4,}", found["flags"]):
            try:
                return f"%{found['flags']}{found['kind']}" % value
            except (TypeError, ValueError):
                return text_of(value)
        return text_of(value)

    return str(limited(_PERCENT.sub(fill, template)))


def joined_path(*parts: str) -> str:
    """Return parts as ``os.path.join`` does."""
    text = ""
    for part in parts:
        if part.startswith("/") or not text:
            text = part
        else:
            text += part if text.endswith("/") else f"/{part}"
    return text


def _range(*bounds: Value) -> list[int]:
    return list(itertools.islice(range(*bounds), LARGEST))


def _sorted(values: Value, reverse: Value = False, key: Value = None) -> list[Value]:
    items = items_of(values)
    if key is not None or not is_small(items):
        return items
    return sorted(items, reverse=truth(reverse) is True)


_FUNCTIONS: dict[str, Callable[..., Value]] = {
    "len": lambda value: len(items_of(value)),
    "range": _range,
    "enumerate": lambda values, start=0: list(enumerate(items_of(values), start)),
    "zip": lambda *values, strict=False: list(zip(*map(items_of, values), strict=False)),  # noqa: ARG005
    "list": lambda values=(): items_of(values),
    "tuple": lambda values=(): tuple(items_of(values)),
    "set": lambda values=(): set(items_of(values)),
    "frozenset": lambda values=(): set(items_of(values)),
    "dict": lambda values=(), **more: {**dict(values if isinstance(values, dict) else items_of(values)), **more},
    "reversed": lambda values: items_of(values)[::-1],
    "iter": items_of,
    "sorted": _sorted,
    "min": lambda *values: min(items_of(values[0]) if len(values) == 1 else values),
    "max": lambda *values: max(items_of(values[0]) if len(values) == 1 else values),
    "sum": lambda values, start=0: sum(items_of(values), start),
    "str": lambda value="", *_: text_of(value),
    "repr": lambda value: repr(value) if isinstance(value, str | int | float) else text_of(value),
    "format": lambda value, spec="": specified(value, spec),
    "int": lambda value=0, *base: int(value, *base) if len(str(value)) < 30 else Unknown("number"),
    "float": lambda value=0: float(value),
    "abs": abs,
    "round": round,
    "chr": chr,
    "ord": ord,
}
_OF_KNOWN = {"min", "max", "sum", "int", "float", "abs", "round", "chr", "ord"}


def function(name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
    """Return what a builtin function gives.

    Raises:
        NotNativeError: it cannot be told.
    """
    found = _FUNCTIONS.get(name)
    if found is None or (name in _OF_KNOWN and any(is_open(p) for p in positional)):
        raise NotNativeError
    try:
        return limited(found(*positional, **keywords))
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        raise NotNativeError from error
