"""The beginning of an f-string replaced by a name, where what it begins with is known: a span, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from pypedream_dagster.script.pieces import Text
from pypedream_dagster.script.rewrite.source import Edit, Source

_OPENING = re.compile(r"(?:[fF][rR]?|[rR][fF])(\"\"\"|'''|\"|')")
_PIECE = re.compile(r"\{[^{}]*\}|[^{}\\]")


def leading_edit(source: Source, node: ast.JoinedStr, prefix: str, parts: Sequence[Text], name: str) -> Edit | None:
    """Return the edit that puts ``{name}`` in place of what an f-string begins with.

    Args:
        source: the script.
        node: the f-string.
        prefix: what it begins with, as it comes out.
        parts: what each of its parts is, as far as it is known.
        name: the name; with ``}`` and more behind it, what stands after the name.

    Returns:
        None where that is not plain: several strings in a row, escapes, doubled braces.
    """
    found = _leading(source, node, prefix, parts)
    if found is None:
        return None
    opening, at = found
    start, _ = source.span(node)
    return Edit(start + opening.end(), start + at, f"{{{name}" if "}" in name else f"{{{name}}}")


def halves(source: Source, node: ast.JoinedStr, prefix: str, parts: Sequence[Text]) -> tuple[str, str] | None:
    """Return the code of an f-string as two: of what it begins with, and of the rest. None where that is not plain."""
    found = _leading(source, node, prefix, parts)
    if found is None:
        return None
    (opening, at), code = found, source.code(node)
    return f"{code[:at]}{opening[1]}", f"{opening[0]}{code[at:]}"


def _leading(
    source: Source, node: ast.JoinedStr, prefix: str, parts: Sequence[Text]
) -> tuple[re.Match[str], int] | None:
    """Return how an f-string opens, and where in its code what it begins with ends."""
    code = source.code(node)
    opening = _OPENING.match(code)
    if opening is None or not code.endswith(opening[1]) or len(code) < opening.end() + len(opening[1]):
        return None
    fields = [text for part, text in zip(node.values, parts, strict=True) if isinstance(part, ast.FormattedValue)]
    held, at, last = "", opening.end(), len(code) - len(opening[1])
    while len(held) < len(prefix):
        piece = _PIECE.match(code, at, last)
        if piece is None or piece[0] == opening[1][0]:
            return None
        if piece[0].startswith("{"):
            known = fields.pop(0) if fields else None
            if known is None or known.literal is None or re.search(r"[:!=]", piece[0]):
                return None
            held += known.literal
        else:
            held += piece[0]
        at = piece.end()
    return (opening, at) if held == prefix else None
