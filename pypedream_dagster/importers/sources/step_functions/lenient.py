"""JSON as people keep it: templates that are no JSON until they are rendered, Python and JavaScript literals.

What is read beyond JSON: placeholders without quotes, also where members belong; comments; missing and trailing
commas; names without quotes; ``=`` for ``:``; single, triple and f quotes; any expression as a value. It never fails:
what makes no sense is passed over.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

_SPACE = re.compile(
    r"(?:[\s,]+|//[^\n]*|/\*.*?\*/|\#[^\n{][^\n]*|\#\n|\{\#.*?\#\}|\{%-?\s*\w.*?%\}|%\{.*?\})+", re.DOTALL
)
# Possessive: a template's part may be read in two ways, and a text without an end must not try all of them.
_STRING = re.compile(r'"((?:[^"\\$\n{]|\\.|\$\{[^{}\n]*\}|\{\{[^{}\n]*\}\}|[$\n{])*+)"', re.DOTALL)
_SINGLE = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_TRIPLE = re.compile(r'"""(.*?)"""|\'\'\'(.*?)\'\'\'', re.DOTALL)
_BACKTICK = re.compile(r"`((?:[^`\\]|\\.)*)`", re.DOTALL)
_PREFIX = re.compile(r"([fFrRbB]{1,2})(?=[\"'])")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?=\s*(?:[,}\]\n]|$))")
_BARE_NAME = re.compile(r"(?:\w[\w.$-]*|\$\{[^{}]*\}|\{\{[^{}]*\}\}|__\w+__|\[\s*[\w.]+\s*\])(?=\s*[:=])")
_STRETCH = re.compile(r"[^\"'`(){}\[\],\n]+")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None, "undefined": None}
_DEEPEST = 150


class Lined(dict[str, Any]):
    """An object of a file, with the line on which it begins."""

    line: int | None = None


class Raw(str):
    """What stood without quotes where a value belongs: a placeholder or an expression, as ``${…}`` or as it is."""

    __slots__ = ()


class TooDeepError(ValueError):
    """More brackets within each other than anybody writes."""


def read_value(text: str, at: int = 0, *, first_line: int = 1) -> tuple[Any, int]:
    """Return the value that begins at a position, and where it ends.

    Raises:
        TooDeepError: it is nested too deeply to be anything.
    """
    return _Reader(text, first_line).value(at, 0)


class _Reader:
    def __init__(self, text: str, first_line: int) -> None:
        self._text = text
        self._breaks = [found.start() for found in re.finditer("\n", text)]
        self._first = first_line

    def _line(self, at: int) -> int:
        return self._first + bisect_right(self._breaks, at - 1)

    def _past_space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def value(self, at: int, depth: int) -> tuple[Any, int]:
        if depth > _DEEPEST:
            raise TooDeepError
        at = self._past_space(at)
        head = self._text[at : at + 1]
        if head == "{" and not self._is_placeholder(at):
            return self._object(at, depth)
        if head == "[":
            return self._list(at, depth)
        if head in "\"'`fFrRbB" and (read := self._string(at)):
            value, end = read
            if not self._goes_on(end):
                return value, end
        if found := _NUMBER.match(self._text, at):
            number = json.loads(found[0]) if not re.match(r"-?0\d", found[0]) and len(found[0]) < 300 else found[0]
            return number, found.end()
        return self._raw(at)

    def _goes_on(self, end: int) -> bool:
        """Tell whether an expression goes on after a string: ``"a" + b``, ``"a".format(b)``."""
        return re.compile(r"[ \t]*(?:\+|%\s|\.\w+\()").match(self._text, end) is not None

    def _is_placeholder(self, at: int) -> bool:
        return self._text.startswith("{{", at) and re.compile(r"\{\{[^{}\"]*\}\}").match(self._text, at) is not None

    def _string(self, at: int) -> tuple[str, int] | None:
        prefix = _PREFIX.match(self._text, at)
        at = prefix.end() if prefix else at
        head = self._text[at : at + 1]
        found = _TRIPLE.match(self._text, at)
        if not found and head in "\"'`" and head:
            found = {'"': _STRING, "'": _SINGLE, "`": _BACKTICK}[head].match(self._text, at)
        if not found:
            return None
        body = next((group for group in found.groups() if group is not None), "")
        told = body if prefix and "r" in prefix[1].lower() else _unescaped(body)
        if prefix and "f" in prefix[1].lower():
            told = re.sub(r"(?<![{$])\{([^{}]+)\}(?!\})", r"${\1}", told).replace("{{", "{").replace("}}", "}")
        return told, found.end()

    def _object(self, at: int, depth: int) -> tuple[Lined, int]:
        found = Lined()
        found.line = self._line(at)
        at += 1
        while True:
            at = self._past_space(at)
            if at >= len(self._text):
                return found, at
            if self._text[at] in "}])":
                return found, at + 1
            key, end = self._key(at)
            if key is None:  # a placeholder that stands for members, or a spread
                at = max(self._raw(at)[1], at + 1)
                continue
            value, at = self.value(end, depth + 1)
            found[key] = value

    def _key(self, at: int) -> tuple[str | None, int]:
        named = self._string(at)
        if named is None and (bare := _BARE_NAME.match(self._text, at)):
            named = bare[0].strip("[] "), bare.end()
        if named is None:
            return None, at
        mark = self._past_space(named[1])
        if self._text[mark : mark + 1] not in {":", "="}:
            return None, at
        return named[0], mark + (2 if self._text.startswith("=>", mark) else 1)

    def _list(self, at: int, depth: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        at += 1
        while True:
            at = self._past_space(at)
            if at >= len(self._text):
                return found, at
            if self._text[at] in "]})":
                return found, at + (self._text[at] == "]")
            value, end = self.value(at, depth + 1)
            if end > at:
                found.append(value)
            at = max(end, at + 1)

    def _raw(self, at: int) -> tuple[Any, int]:
        """Read an expression up to the comma, the line's end or the bracket that ends it."""
        start, open_brackets = at, 0
        while at < len(self._text):
            char = self._text[at]
            if char in "({[":
                open_brackets += 1
            elif char in ")}]":
                if not open_brackets:
                    break
                open_brackets -= 1
            elif char in ",\n" and not open_brackets:
                break
            elif char in "\"'`" and (read := self._string(at)):
                at = read[1]
                continue
            stretch = _STRETCH.match(self._text, at)
            at = stretch.end() if stretch else at + 1
        told = self._text[start:at].strip()
        return (_WORDS[told] if told in _WORDS else Raw(told)), at


def _unescaped(body: str) -> str:
    if "\\" not in body:
        return body
    try:
        return str(json.loads(f'"{body}"', strict=False))
    except ValueError:
        return re.sub(r"\\(.)", _escape, body, flags=re.DOTALL)


_ESCAPES: dict[str, str] = {"n": "\n", "t": "\t", "r": "\r", "\n": ""}
_escape: Callable[[re.Match[str]], str] = lambda found: _ESCAPES.get(found[1], found[1])  # noqa: E731
