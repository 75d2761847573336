"""What JavaScript's own values can do, while a program is walked."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable
from typing import Any

from pypedream_dagster.importers.sources.airflow import natives
from pypedream_dagster.importers.sources.airflow.natives import NotNativeError
from pypedream_dagster.importers.sources.airflow.values import MISSING, Unknown, Value, truth

Call = Callable[[Value, list[Value]], Value]
LOOPS = {"map", "forEach", "flatMap"}


def text_method(owner: str, name: str, given: list[Value]) -> Value:
    """Return what a string's method gives; MISSING where that is not known."""
    first = given[0] if given else None
    match name:
        case "toLowerCase" | "toLocaleLowerCase":
            return natives.method(owner, "lower", [], {})
        case "toUpperCase" | "toLocaleUpperCase":
            return natives.method(owner, "upper", [], {})
        case "trim" | "toString" | "valueOf":
            return owner.strip() if name == "trim" else owner
        case "includes" | "startsWith" | "endsWith" if isinstance(first, str) and "${" not in owner + first:
            return first in owner if name == "includes" else getattr(owner, name.lower())(first)
        case "concat":
            return owner + "".join(natives.text_of(part) for part in given)
        case "replaceAll" if len(given) == 2 and all(isinstance(part, str) for part in given):
            return owner.replace(given[0], given[1])
        case "slice" | "substring" | "substr" if all(isinstance(part, int) for part in given) and "${" not in owner:
            return owner[slice(*given)] if name != "substr" or len(given) < 2 else owner[given[0] : sum(given)]
    return MISSING


def list_method(owner: list[Value] | tuple[Value, ...], name: str, given: list[Value], call: Call) -> Value:
    """Return what an array's method gives; MISSING where that is not known."""
    first = given[0] if given else None
    match name:
        case "map" | "forEach" | "flatMap":
            made = [call(first, [item, number]) for number, item in enumerate(owner)]
            if name == "flatMap":
                return [inner for item in made for inner in (item if isinstance(item, list) else [item])]
            return made if name == "map" else None
        case "filter":
            return [item for item in owner if truth(call(first, [item])) is not False]
        case "find":
            return next((item for item in owner if truth(call(first, [item])) is not False), None)
        case "reduce" if len(given) > 1:
            total = given[1]
            for item in owner:
                total = call(first, [total, item])
            return total
        case "some" | "every":
            return Unknown("condition")
        case "push" | "unshift" if isinstance(owner, list):
            owner.extend(given)
            return len(owner)
        case "concat":
            return [*owner, *(inner for part in given for inner in (part if isinstance(part, list) else [part]))]
        case "join":
            return natives.text_of(first if given else ",").join(natives.text_of(item) for item in owner)
        case "includes":
            return first in owner if not isinstance(first, Unknown) else Unknown("condition")
        case "slice" if all(isinstance(part, int) for part in given):
            return list(owner)[slice(*(given or [None]))]
        case "flat":
            return [inner for item in owner for inner in (item if isinstance(item, list) else [item])]
        case "entries":
            return [[number, item] for number, item in enumerate(owner)]
    return MISSING


def function(dotted: str, given: list[Value], opened: Callable[[str], str | None]) -> Value:
    """Return what one of JavaScript's or Node's functions gives; MISSING for any other.

    Args:
        dotted: its name.
        given: what it is given.
        opened: gives the text of a file.
    """
    first = given[0] if given else None
    if isinstance(first, Unknown) and isinstance(first.default, dict) and ".Object." in f".{dotted}":
        first = first.default
    match ".".join(dotted.split(".")[-2:]):
        case "path.join" | "path.resolve":
            return posixpath.normpath(posixpath.join(*(natives.text_of(part) for part in given))) if given else "."
        case "path.basename" if isinstance(first, str):
            return posixpath.basename(first)
        case "path.dirname" if isinstance(first, str):
            return posixpath.dirname(first)
        case "Object.entries" if isinstance(first, dict):
            return [[key, value] for key, value in first.items()]
        case "Object.keys" if isinstance(first, dict):
            return list(first)
        case "Object.values" if isinstance(first, dict):
            return list(first.values())
        case "Object.fromEntries" if isinstance(first, list):
            return _from_entries(first)
        case "Object.assign" if all(isinstance(part, dict) for part in given) and given:
            for part in given[1:]:
                given[0].update(part)
            return first
        case "JSON.stringify" | "stack.toJsonString" | "Stack.toJsonString":
            return first
        case "JSON.parse" if isinstance(first, str):
            return _json(first)
        case "fs.readFileSync" if isinstance(first, str):
            text = opened(first)
            return text if text is not None else MISSING
        case "Array.from" if isinstance(first, list):
            return list(first)
    plain = dotted.rpartition(".")[2]
    if plain in {"String", "Number"} and isinstance(first, str | int | float):
        return str(first) if plain == "String" else first
    return MISSING


def _from_entries(pairs: list[Value]) -> Value:
    try:
        return {natives.text_of(pair[0]): pair[1] for pair in pairs}
    except (TypeError, IndexError, KeyError):
        return MISSING


def _json(text: str) -> Any:
    try:
        return json.loads(re.sub(r"^\ufeff", "", text))
    except (ValueError, RecursionError):
        return MISSING


def length(owner: Value) -> Value:
    """Return what ``length`` gives."""
    try:
        return natives.function("len", [owner], {})
    except NotNativeError:
        return MISSING
