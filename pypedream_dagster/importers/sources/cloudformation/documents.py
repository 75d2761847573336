"""Text of YAML or JSON to plain data, with CloudFormation's short tags written out and the lines of what it holds.

``!Ref X`` becomes ``{"Ref": "X"}``, ``!Sub …`` becomes ``{"Fn::Sub": …}``. Scalars stay as they were written
wherever reading them as numbers or dates would lose something (``3.10``, ``0012``, ``2024-01-01``), for CloudFormation
passes them on as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pypedream_dagster.importers.sources.step_functions.lenient import Lined, TooDeepError, read_value

Lines = dict[tuple[str, ...], int]
"""The lines of keys, from 1, by their path in the document; down to `_LINES_DEPTH`."""

_LINES_DEPTH = 4
_DEEPEST = 100
_LARGEST = 500_000
_YES, _NO = ("true", "yes", "on"), ("false", "no", "off")
_BOOLEANS = {spelling: word in _YES for word in (*_YES, *_NO) for spelling in (word, word.capitalize(), word.upper())}
_WHOLE = re.compile(r"^(0|-?[1-9][0-9]{0,17})$")
_FRACTION = re.compile(r"^-?(0|[1-9][0-9]*)\.[0-9]+$")
_SPACE = re.compile(r"[ \t\r\n]*")
_COMMENTS = re.compile(r"^(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_TABS = re.compile(r"^ *\t", re.MULTILINE)
_STRAIGHT = {"Ref", "Condition"}

# The parser in C is ten times as fast, where PyYAML was built with it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class UnreadableError(ValueError):
    """A text that is neither YAML nor JSON, or nests deeper or grows larger than any template."""


def read_document(text: str) -> tuple[Mapping[str, Any], Lines]:
    """Return the mapping that a text holds; of several YAML documents, all their keys together.

    Raises:
        UnreadableError: the text holds no mapping.
    """
    try:
        if text.lstrip()[:1] == "{":
            try:
                return _read_json(text)
            except ValueError:
                pass  # JSON with commas too many is YAML more often than not
        try:
            return _read_yaml(text)
        except (ValueError, yaml.YAMLError) as error:
            if (lenient := _read_leniently(text)) is None:
                reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
                mark = getattr(error, "problem_mark", None)
                raise UnreadableError(f"{reason} in line {mark.line + 1}" if mark else str(reason)) from error
            return lenient
    except RecursionError as error:
        raise UnreadableError("is nested too deeply") from error


def _read_leniently(text: str) -> tuple[Mapping[str, Any], Lines] | None:
    """Return what JSON with comments holds, or YAML that is indented by tabs; None for any other text."""
    stripped = _COMMENTS.sub("", text)
    if stripped.startswith("{"):
        try:
            value, end = read_value(text, len(text) - len(stripped))
        except TooDeepError:
            return None
        if not isinstance(value, Lined) or text[end:].strip() or _depth(value) > _DEEPEST:
            return None
        sections = {key: section for key, section in value.items() if isinstance(section, Lined)}
        return value, {
            (key, inner): item.line
            for key, section in sections.items()
            for inner, item in section.items()
            if isinstance(item, Lined) and item.line is not None
        }
    if _TABS.search(text):
        try:
            return _read_yaml(text.expandtabs())
        except (ValueError, yaml.YAMLError):
            return None
    return None


def _read_json(text: str) -> tuple[Mapping[str, Any], Lines]:
    body = json.loads(text)
    if not isinstance(body, dict) or _depth(body) > _DEEPEST:
        raise UnreadableError("is no mapping, or nested too deeply")
    lines: Lines = {}
    counted, at = 1, 0
    for key, position, value_at in _members(text, text.index("{")):
        counted, at = counted + text.count("\n", at, position), position
        lines[key,] = counted
        if isinstance(body.get(key), dict) and text[value_at] == "{":
            inner_counted, inner_at = counted, at
            for inner, inner_position, _ in _members(text, value_at):
                inner_counted, inner_at = inner_counted + text.count("\n", inner_at, inner_position), inner_position
                lines[key, inner] = inner_counted
    return body, lines


def _members(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Give each member of the JSON object at a place: its key, where that stands, and where its value does."""
    decoder = json.JSONDecoder()
    at = _past_space(text, start + 1)
    while text[at] == '"':
        key, after = decoder.raw_decode(text, at)
        value_at = _past_space(text, _past_space(text, after) + 1)
        yield key, at, value_at
        _, end = decoder.raw_decode(text, value_at)
        end = _past_space(text, end)
        if text[end] != ",":
            return
        at = _past_space(text, end + 1)


def _past_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _depth(body: Any) -> int:
    level, depth = [body], 0
    while level and depth <= _DEEPEST:
        depth += 1
        level = [
            child
            for value in level
            for child in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
            if isinstance(child, dict | list)
        ]
    return depth


def _read_yaml(text: str) -> tuple[Mapping[str, Any], Lines]:
    builder = _Builder()
    body: dict[str, Any] = {}
    for root in yaml.compose_all(text, Loader=_LOADER):
        value = builder.build(root, ()) if root is not None else None
        for key, section in value.items() if isinstance(value, dict) else ():
            before = body.get(key)
            if isinstance(before, dict) and isinstance(section, dict):
                section = {**before, **section}
            body[key] = section
    if not body:
        raise UnreadableError("holds no mapping")
    return body, builder.lines


class _Builder:
    """Plain data from PyYAML's nodes."""

    def __init__(self) -> None:
        self.lines: Lines = {}
        self._size = 0
        self._open: set[int] = set()
        self._built: dict[int, tuple[Any, int]] = {}

    def build(self, node: Any, path: tuple[str, ...] | None) -> Any:
        # Anchors repeat nodes: each is built once, what they would unfold to is bounded, and none is within itself.
        key = id(node)
        if key not in self._built:
            if len(self._open) > _DEEPEST or key in self._open:
                raise UnreadableError("is nested too deeply")
            self._open.add(key)
            before, self._size = self._size, 1
            value = _tagged(node.tag, self._plain(node, path))
            self._built[key] = value, self._size
            self._size = before
            self._open.discard(key)
        value, size = self._built[key]
        self._size += size
        if self._size > _LARGEST:
            raise UnreadableError("unfolds to too much")
        return value

    def _plain(self, node: Any, path: tuple[str, ...] | None) -> Any:
        match node:
            case yaml.ScalarNode():
                return _scalar(node)
            case yaml.SequenceNode():
                return [self.build(item, self._inner(path, str(place))) for place, item in enumerate(node.value)]
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else str(self.build(key_node, None))
            if key == "<<":
                value = self.build(value_node, None)
                for part in value if isinstance(value, list) else [value]:
                    merged = {**part, **merged} if isinstance(part, dict) else merged
                continue
            inner = self._inner(path, key)
            if inner is not None:
                self.lines.setdefault(inner, key_node.start_mark.line + 1)
            found[key] = self.build(value_node, inner)
        return {**merged, **found}

    def _inner(self, path: tuple[str, ...] | None, key: str) -> tuple[str, ...] | None:
        return (*path, key) if path is not None and len(path) < _LINES_DEPTH else None


def _scalar(node: Any) -> Any:
    text: str = node.value
    if node.style in {"'", '"', "|", ">"} or node.tag.startswith("!"):
        return text
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _WHOLE.match(text):
        return int(text)
    if _FRACTION.match(text) and str(float(text)) == text:
        return float(text)
    return text


def _tagged(tag: str, value: Any) -> Any:
    if not tag.startswith("!") or tag == "!":
        return value
    name = tag[1:].removeprefix("Fn::")
    if name in _STRAIGHT:
        return {name: value}
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{name}": value}
