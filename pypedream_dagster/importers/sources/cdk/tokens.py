"""TypeScript cut into tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["name", "number", "text", "template", "sign", "end"]

_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/|^#![^\n]*)+", re.DOTALL)
_NAME = re.compile(r"[#@]?[A-Za-z_$][\w$]*")
_NUMBER = re.compile(r"0[xX][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?n?")
_TEXT = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)
_REGEX = re.compile(r"/(?![*/])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
_SIGN = re.compile(
    r">>>=|\.\.\.|===|!==|\*\*=|<<=|>>=|&&=|\|\|=|\?\?=|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?!\d)|\+\+|--|\+=|-=|\*=|/="
    r"|%=|&=|\|=|\^=|\*\*|[{}()\[\];,<>+\-*/%&|^!~?:=.@#]"
)
_ESCAPE = re.compile(r"\\(u\{[\da-fA-F]+\}|u[\da-fA-F]{4}|x[\da-fA-F]{2}|\r?\n|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_BEFORE_VALUE = {")", "]", "}"}
_WORDS_BEFORE_REGEX = {"return", "typeof", "case", "in", "of"}


class UntoldError(Exception):
    """Code that is not understood."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of code.

    Attributes:
        kind: what it is.
        text: a name, a sign, or what a string holds.
        line: from 1.
        parts: of a template: its texts and between them the code in ``${…}`` with its line.
        breaks: whether a line ends before it.
    """

    kind: Kind
    text: str
    line: int
    parts: tuple[str | tuple[str, int], ...] = ()
    breaks: bool = False


def tokens(code: str, line: int = 1) -> Iterator[Token]:
    """Give a text's tokens, the last of them the end.

    Raises:
        UntoldError: something in it is no token.
    """
    at = 0
    before: Token | None = None
    while True:
        breaks = False
        if space := _SPACE.match(code, at):
            line += space[0].count("\n")
            breaks = "\n" in space[0]
            at = space.end()
        if at >= len(code):
            yield Token("end", "", line, breaks=True)
            return
        token, end = _token(code, at, line, before, breaks)
        line += code.count("\n", at, end)
        at, before = end, token
        yield token


def _token(code: str, at: int, line: int, before: Token | None, breaks: bool) -> tuple[Token, int]:
    if code[at] == "`":
        parts, end = _template(code, at, line)
        return Token("template", "", line, parts, breaks), end
    if found := _TEXT.match(code, at):
        return Token("text", unescaped(found[0][1:-1]), line, breaks=breaks), found.end()
    if found := _NAME.match(code, at):
        return Token("name", found[0], line, breaks=breaks), found.end()
    if found := _NUMBER.match(code, at):
        return Token("number", found[0], line, breaks=breaks), found.end()
    if code[at] == "/" and _may_be_regex(before) and (found := _REGEX.match(code, at)):
        return Token("text", found[0], line, breaks=breaks), found.end()
    if found := _SIGN.match(code, at):
        return Token("sign", found[0], line, breaks=breaks), found.end()
    raise UntoldError(f"line {line}")


def _may_be_regex(before: Token | None) -> bool:
    if before is None:
        return True
    if before.kind == "name":
        return before.text in _WORDS_BEFORE_REGEX
    return before.kind == "sign" and before.text not in _BEFORE_VALUE


def _template(code: str, at: int, line: int) -> tuple[tuple[str | tuple[str, int], ...], int]:
    """Return the parts of a template literal, and where it ends."""
    parts: list[str | tuple[str, int]] = []
    start = at = at + 1
    while at < len(code):
        if code[at] == "\\":
            at += 2
        elif code[at] == "`":
            parts.append(unescaped(code[start:at]))
            return tuple(parts), at + 1
        elif code.startswith("${", at):
            parts.append(unescaped(code[start:at]))
            end = _closing(code, at + 2)
            parts.append((code[at + 2 : end], line + code.count("\n", start, at)))
            start = at = end + 1
        else:
            at += 1
    raise UntoldError(f"line {line}")


def _closing(code: str, at: int) -> int:
    """Return where the brace is that closes ``${``."""
    depth = 1
    while at < len(code):
        if code[at] == "`":
            at = _template(code, at, 0)[1]
            continue
        if found := _TEXT.match(code, at):
            at = found.end()
            continue
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        if not depth:
            return at
        at += 1
    raise UntoldError("a template that does not end")


def unescaped(text: str) -> str:
    """Return what a string's code stands for."""

    def char(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] in "ux" and len(code) > 1:
            number = int(code[1:].strip("{}"), 16)
            return chr(number) if number <= 0x10FFFF else ""
        return "" if code.endswith("\n") else _ESCAPED.get(code, code)

    return _ESCAPE.sub(char, text)
