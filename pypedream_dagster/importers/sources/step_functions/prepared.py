"""A definition made ready to be followed: placeholders named and filled, CloudFormation's functions as texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pypedream_dagster.importers.parameters import PARAMETER, filled, parameter
from pypedream_dagster.importers.sources.step_functions.lenient import Lined, Raw, TooDeepError, read_value
from pypedream_dagster.importers.sources.step_functions.placeholders import named, rendered

_LITERAL = re.compile(
    r"""(?P<prefix>[fFrRbB]{0,2})(?:"(?P<two>[^"]*)"|'(?P<one>[^']*)')(?:\.format\((?P<given>[^()]*)\))?"""
)
_LONGEST_NAME = 80
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
        return text if text.isdigit() else values.get(text, parameter(text))
    if "${" in text and not re.search(r"[\"'(+]", text):
        return filled(text, values)
    return filled("".join(_piece(part.strip(), values) for part in _summands(text)), values)


def _summands(text: str) -> list[str]:
    """Return what is joined by ``+`` in an expression, outside of quotes and brackets."""
    parts, start, open_brackets, quote = [], 0, 0, ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'`":
            quote = char
        elif char == "+" and not open_brackets:
            parts.append(text[start:at])
            start = at + 1
        else:
            open_brackets += (char in "([{") - (char in ")]}")
    return [*parts, text[start:]]


def _piece(text: str, values: Mapping[str, str]) -> str:
    if found := _LITERAL.fullmatch(text):
        inner = found["two"] if found["two"] is not None else found["one"] or ""
        told = re.sub(r"(?<![{$])\{([^{}]+)\}(?!\})", r"${\1}", inner) if "f" in found["prefix"].lower() else inner
        given = iter((found["given"] or "").split(","))
        return re.sub(r"(?<!\$)\{\w*\}", lambda _: parameter(next(given, "unknown")), told) if found["given"] else told
    if found := re.fullmatch(r"(?:str|String)\(\s*[\"']?([\w.-]+)[\"']?\s*\)", text):
        text = found[1]
    return text if re.fullmatch(r"\d+", text) else values.get(text, parameter(text[:_LONGEST_NAME]))


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
