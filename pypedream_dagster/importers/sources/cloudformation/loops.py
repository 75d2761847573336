"""``Fn::ForEach`` written out: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-foreach.html."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PREFIX = "Fn::ForEach::"
_MOST = 1_000


def unrolled(value: Any, parameters: Mapping[str, Any], variables: Mapping[str, str]) -> Any:
    """Return a part of a template with its loops over known lists written out; other loops stay as they are."""
    if isinstance(value, list):
        return [unrolled(item, parameters, variables) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        if not key.startswith(_PREFIX) or not (isinstance(item, list) and len(item) == 3 and isinstance(item[2], dict)):
            found[key] = unrolled(item, parameters, variables)
            continue
        name, collection, body = item
        turns = _items(collection, parameters, variables)
        if turns is None or not isinstance(name, str) or len(found) + len(turns) > _MOST:
            found[key] = item
            continue
        for turn in turns:
            found.update(unrolled(_with(body, name, turn), parameters, variables))
    return found


def _items(collection: Any, parameters: Mapping[str, Any], variables: Mapping[str, str]) -> list[str] | None:
    match collection:
        case list() if all(isinstance(item, str | int) for item in collection):
            return [str(item) for item in collection]
        case {"Ref": str(name)}:
            declared = parameters.get(name)
            default = declared.get("Default") if isinstance(declared, Mapping) else None
            text = variables.get(name, default)
            return None if text is None else [part.strip() for part in str(text).split(",")]
    return None


def _with(value: Any, name: str, turn: str) -> Any:
    """Put one item of a loop in place of its name."""
    match value:
        case str():
            bare = re.sub(r"[^A-Za-z0-9]", "", turn)
            return value.replace(f"${{{name}}}", turn).replace(f"&{{{name}}}", bare)
        case list():
            return [_with(item, name, turn) for item in value]
        case {"Ref": str(referred)} if referred == name and len(value) == 1:
            return turn
        case dict():
            return {_with(key, name, turn): _with(item, name, turn) for key, item in value.items()}
    return value
