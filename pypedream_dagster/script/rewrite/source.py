"""A script's text with its syntax tree, and edits of exact spans: encoding, line endings and all else stay."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters to replace: from ``start`` up to ``end``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """A script that Python accepts.

    Attributes:
        text: decoded, with its line endings.
        tree: its syntax tree.
        encoding: to write it with.
        newline: the line ending that it uses first.
    """

    text: str = field(repr=False)
    tree: ast.Module = field(repr=False)
    encoding: str
    newline: str
    _starts: tuple[int, ...] = field(repr=False)

    def offset(self, line: int, column: int) -> int:
        """Return the place in the text of a line, from 1, and a column as the syntax tree counts: UTF-8 bytes."""
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        return start + len(self.text[start:end].encode("utf-8")[:column].decode("utf-8", errors="ignore"))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return where a node begins and ends in the text."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def line_start(self, line: int) -> int:
        """Return where a line begins, or the end of the text where there is no such line."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.text)

    def code(self, node: ast.expr) -> str:
        """Return a node as it is written."""
        start, end = self.span(node)
        return self.text[start:end]

    def edited(self, edits: Iterable[Edit]) -> str:
        """Return the text with edits made, none of which may reach into another."""
        text = self.text
        for edit in sorted(edits, key=lambda one: one.start, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text

    def encoded(self, text: str) -> bytes:
        """Return a text as this script is written; signs that its encoding lacks raise UnicodeEncodeError."""
        return text.encode(self.encoding)


def source_of(body: bytes) -> Source | None:
    """Return a script's source; None where Python does not accept it, or its bytes would not come back the same."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(body).readline)
        text = body.decode(encoding)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(body)
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
        return None
    if text.encode(encoding) != body:
        return None
    starts = tuple(match.start() for match in _LINE.finditer(text) if match[0])
    newline = re.search(r"\r\n|\r|\n", text)
    return Source(text, tree, encoding, newline[0] if newline else "\n", starts or (0,))
