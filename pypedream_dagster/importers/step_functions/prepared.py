"""A definition made ready to be followed: placeholders named and filled, CloudFormation's functions as texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pypedream_dagster.importers.parameters import PARAMETER, filled, parameter
from pypedream_dagster.importers.step_functions.lenient import Lined, Raw, TooDeepError, read_value
from pypedream_dagster.importers.step_functions.placeholders import named, rendered

_PIECE = re.compile(r"""[fFrRbB]{0,2}"(?P<two>[^"]*)"|[fFrRbB]{0,2}'(?P<one>[^']*)'|(?P<name>[^+"']+)|\+""")
_DEEPEST = 200


def prepared(value: Any, values: Mapping[str, str], depth: int = 0) -> Any:
    """Return a definition without placeholders that have a value, and with the others as ``${name}``."""
    if depth > _DEEPEST:
        raise TooDeepError
    if isinstance(value, Raw):
        return _of_expression(value, values)
    if isinstance(value, str):
        return rendered(value, values)
    if isinstance(value, Mapping):
        if len(value) == 1:
            (key, inner), *_ = value.items()
            if key == "Ref" or str(key).startswith("Fn::"):
                return rendered(_of_function(str(key), inner, values, depth), values)
        new = Lined((rendered(str(key), values), prepared(inner, values, depth + 1)) for key, inner in value.items())
        new.line = value.line if isinstance(value, Lined) else None
        return new
    if isinstance(value, list | tuple):
        return [prepared(inner, values, depth + 1) for inner in value]
    return value


def _of_expression(raw: Raw, values: Mapping[str, str]) -> Any:
    """Return what stands without quotes: a template's placeholder may be rendered to any JSON, code gives a text."""
    text = named(str(raw))
    if re.fullmatch(r"(?:json_?encode|dumps|tojson|JSON\.stringify|str|tostring)\((?P<inner>[\w.]+)\)", text):
        text = text[text.index("(") + 1 : -1]
    if found := PARAMETER.fullmatch(text):
        value = filled(text, values)
        if value != text and found:
            try:
                told, end = read_value(value)
            except TooDeepError:
                return value
            return told if not isinstance(told, Raw) and not value[end:].strip() else value
        return text
    if re.fullmatch(r"[\w.\[\]\-]+", text):
        return values.get(text, parameter(text))
    if "${" in text and not re.search(r"[\"'(+]", text):
        return filled(text, values)
    pieces = []
    for piece in _PIECE.finditer(text):
        literal = piece["two"] if piece["two"] is not None else piece["one"]
        if literal is not None:
            pieces.append(literal)
        elif piece["name"] and piece["name"].strip():
            told = piece["name"].strip()
            pieces.append(values.get(told, parameter(told)))
    return filled("".join(pieces), values)


def _of_function(name: str, inner: Any, values: Mapping[str, str], depth: int) -> str:
    told = prepared(inner, values, depth + 1)
    match name.removeprefix("Fn::"), told:
        case "Ref", str():
            return parameter(told)
        case "GetAtt", [str(resource), str(attribute)]:
            return parameter(f"{resource}.{attribute}")
        case (("GetAtt" | "ImportValue"), str()):
            return told if "${" in told else parameter(told)
        case "Sub", str():
            return told
        case "Sub", [str(text), dict(own)]:
            return filled(text, {str(key): _text(one) for key, one in own.items()})
        case "Join", [str(mark), list(parts)]:
            return mark.join(map(_text, parts))
        case _:
            return parameter(f"{name.removeprefix('Fn::')}.{_text(told)}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
