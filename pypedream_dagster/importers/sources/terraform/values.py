"""What expressions give: plain values, whose texts may have unknown parts, and values that are known by name only."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from pypedream_dagster.importers.parameters import PARAMETER, filled, parameter

_LONGEST_NAME = 80


class EvaluationError(Exception):
    """An expression has no value."""


class NotKnownError(EvaluationError):
    """A value is needed that is not known."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value of which only a name is known.

    Attributes:
        options: where it is one of some values, by what is not known: these.
    """

    name: str
    options: tuple[Any, ...] = field(default=(), compare=False, repr=False)


class FileText(str):
    """A text that a file holds, or that is rendered from one."""

    __slots__ = ("path",)
    path: str

    @classmethod
    def of(cls, text: str, path: str) -> FileText:
        """Return a text with the path of its file."""
        made = cls(text)
        made.path = path
        return made


class FileContent(dict[str, Any]):
    """What a file of JSON or YAML holds."""

    __slots__ = ("path",)
    path: str

    @classmethod
    def of(cls, content: Mapping[str, Any], path: str) -> FileContent:
        """Return a content with the path of its file."""
        made = cls(content)
        made.path = path
        return made


@runtime_checkable
class Entity(Protocol):
    """A resource, data source or module: its attributes are evaluated when they are asked for."""

    @property
    def address(self) -> str:
        """What it is called, the same for the same everywhere."""
        ...

    def attribute(self, name: str) -> Any:
        """Return the value of an attribute."""
        ...


def text_of(value: Any) -> str:
    """Return a value as it stands in a text; unknown parts have names."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case None:
            return ""
        case float():
            return str(int(value)) if value.is_integer() else str(value)
        case int():
            return str(value)
        case Unknown():
            return parameter(value.name)
        case dict() | list():
            return json_of(value)
        case Entity():
            return parameter(value.address)
    return str(value)


def json_of(value: Any) -> str:
    """Return a value as JSON; what is not known is a text."""
    return json.dumps(_jsonable(value), ensure_ascii=False)


def _jsonable(value: Any) -> Any:
    match value:
        case dict():
            return {text_of(key): _jsonable(item) for key, item in value.items()}
        case list():
            return [_jsonable(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case Unknown() | Entity():
            return text_of(value)
    return value


def plain(value: Any, values: Mapping[str, str]) -> Any:
    """Return a value without unknown parts.

    Raises:
        NotKnownError: there are some.
    """
    match value:
        case str():
            found = filled(value, values)
            if PARAMETER.search(found):
                raise NotKnownError(value)
            return found
        case Unknown() | Entity():
            raise NotKnownError(label(value))
        case dict():
            return {plain(key, values): plain(item, values) for key, item in value.items()}
        case list():
            return [plain(item, values) for item in value]
    return value


def label(value: Any) -> str:
    """Return what to call a value within the name of what is computed of it."""
    match value:
        case Unknown(name):
            return name
        case Entity():
            return value.address
    text = PARAMETER.sub(r"\1", text_of(value))
    return text if len(text) <= _LONGEST_NAME else hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]


def named(text: str) -> Unknown:
    """Return an unknown value under a name of bearable length."""
    text = re.sub(r"\s+", " ", text)
    if len(text) > _LONGEST_NAME:
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]
        text = f"{text[: _LONGEST_NAME - 9]}.{digest}"
    return Unknown(text)
