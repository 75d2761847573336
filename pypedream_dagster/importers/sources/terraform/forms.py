"""Functions on whole texts of JSON, YAML and templates: what is not known in them stays, and so does their file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from pypedream_dagster.importers.sources.terraform.values import (
    EvaluationError,
    FileContent,
    FileText,
    NotKnownError,
    json_of,
    plain,
    text_of,
)

_SHORTEST_MARK = 4
_TEMPLATED = re.compile(r"(\$\{[^${}]*\})")


def encoded(value: Any) -> str:
    """Return ``jsonencode(…)``, or what stands for ``yamlencode(…)``."""
    text = json_of(value)
    return FileText.of(text, value.path) if isinstance(value, FileContent) else text


def decoded(name: str, text: Any, values: Mapping[str, str]) -> Any:
    """Return what a text of JSON or YAML holds; what is not known stands in its texts as it did in the whole.

    Raises:
        NotKnownError: it is no text.
        EvaluationError: it is neither.
    """
    decode = DECODERS[name]
    try:
        found = decode(plain(text, values))
    except NotKnownError:
        if not isinstance(text, str):
            raise
        found = decode(text)
    return FileContent.of(found, text.path) if isinstance(text, FileText) and isinstance(found, dict) else found


def _yaml(text: Any) -> Any:
    try:
        return _without_dates(yaml.safe_load(text_of(text)))
    except yaml.YAMLError as error:
        raise EvaluationError("yamldecode: no YAML") from error


def _without_dates(value: Any) -> Any:
    match value:
        case dict():
            return {text_of(key): _without_dates(item) for key, item in value.items()}
        case list():
            return [_without_dates(item) for item in value]
        case str() | bool() | int() | float() | None:
            return value
    return str(value)


DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "jsondecode": lambda text: json.loads(text_of(text)),
    "yamldecode": _yaml,
}


def replaced(text: Any, old: Any, new: Any, values: Mapping[str, str]) -> Any:
    """Return ``replace(…)``; a placeholder in a text is replaced though something else in it is not known."""
    try:
        found = _replace(*(plain(one, values) for one in (text, old, new)))
    except NotKnownError:
        mark = text_of(plain(old, values))
        if not isinstance(text, str) or len(mark) < _SHORTEST_MARK or mark.startswith("/"):
            raise
        parts = _TEMPLATED.split(text)
        found = "".join(part if place % 2 else part.replace(mark, text_of(new)) for place, part in enumerate(parts))
    return FileText.of(found, text.path) if isinstance(text, FileText) else found


def _replace(text: Any, old: Any, new: Any) -> str:
    text, old, new = text_of(text), text_of(old), text_of(new)
    if len(old) > 1 and old.startswith("/") and old.endswith("/"):
        return str(re.sub(bearable(old[1:-1]), re.sub(r"\$\{?(\w+)\}?", r"\\g<\1>", new), text))
    return str(text.replace(old, new))


def bearable(pattern: str) -> str:
    """Return a pattern that no text makes slow.

    Raises:
        EvaluationError: it is none.
    """
    if len(pattern) > 300 or re.search(r"[+*]\)[+*{]", pattern):
        raise EvaluationError("too costly a pattern")
    return pattern
