"""Values of parameters from a file: JSON, YAML, ``.tfvars``, or lines of ``NAME=value``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from pypedream_dagster.errors import PypedreamError

_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*[=:]\s*(.*?)\s*$")


def read_variables(path: Path) -> Mapping[str, str]:
    """Return the values in a file by name; CloudFormation's parameter files are understood too.

    Raises:
        PypedreamError: no such file, or none that holds names and values.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise PypedreamError(f"{path} cannot be read: {reason}.") from error
    if path.suffix in {".tfvars", ".env", ".properties"}:
        return dict(_lines(text))
    try:
        document = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        document = None
    values = dict(_flat(document)) if isinstance(document, dict | list) else dict(_lines(text))
    if not values:
        raise PypedreamError(f"{path} holds no names with values.", hint="write NAME: value, one a line")
    return values


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        match = _LINE.match(line)
        if match and not line.lstrip().startswith(("#", "//")):
            yield match[1], re.sub(r"^([\"'])(.*)\1$", r"\2", match[2])


def _flat(document: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Give what a document holds by dotted name; CloudFormation names a parameter and its value in two fields."""
    match document:
        case {"ParameterKey": str(name), "ParameterValue": value}:
            yield name, str(value)
        case {"Parameters": dict() | list() as inner} if not before:
            yield from _flat(inner)
        case dict():
            for name, value in document.items():
                yield from _flat(value, f"{before}.{name}" if before else str(name))
        case list():
            for item in document:
                if isinstance(item, dict):
                    yield from _flat(item, before)
        case None:
            return
        case bool():
            if before:
                yield before, str(document).lower()
        case _:
            if before:
                yield before, str(document)
