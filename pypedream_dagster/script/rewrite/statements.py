"""Spark's SQL: a table that it reads is named by an argument, one that it overwrites becomes a directory.

``INSERT OVERWRITE DIRECTORY '…' USING parquet`` fills a place as ``INSERT OVERWRITE TABLE …`` does a table (Spark SQL
reference).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pypedream_dagster.script.rewrite.editing import Editing
from pypedream_dagster.script.rewrite.model import LiteralPlace
from pypedream_dagster.script.rewrite.source import Edit
from pypedream_dagster.script.sql import table_uses

_FORMATS = {"parquet", "orc", "json"}
_OPENING = re.compile(r"([a-zA-Z]{0,2})(\"\"\"|'''|\"|')")
_NOISE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^'\\\n]|\\.|'')*'", re.DOTALL)
_OVERWRITE = re.compile(r"\binsert\s+overwrite\s+(?P<table>table\s+)?\Z", re.IGNORECASE)
_READ = re.compile(r"(?:\b(?:from|join)\s+|,\s*)\Z", re.IGNORECASE)
_PART = r"(?:`(?:\w+|\{\w+\})`|\w+|\{\w+\})"
_NAMED = re.compile(
    rf"(?<![\w.`\"}}])(?:(?:spark_catalog|awsdatacatalog)\s*\.\s*)?(?P<database>{_PART})\s*\.\s*(?P<name>{_PART})(?![\w`{{])",
    re.IGNORECASE,
)


def rewrite_statement(editing: Editing, node: ast.Call) -> bool:
    """Rewrite the tables in what ``spark.sql`` is given; tell whether that was done, and the call is done with."""
    match node:
        case ast.Call(ast.Attribute(_, "sql"), [ast.Constant(str()) | ast.JoinedStr() as text], []):
            pass
        case ast.Call(ast.Attribute(_, "sql"), [ast.Name(name)], []):
            bound = editing.constants.bound(name)
            if not isinstance(bound, ast.Constant | ast.JoinedStr) or not editing.constants.is_only_given(name, "sql"):
                return False
            text = bound
        case _:
            return False
    edits = list(_edits(editing, text))
    if not edits or any(edit in editing.made for edit, _, _ in edits):
        return False
    for edit, place, is_read in edits:
        (editing.edit_table if is_read else editing.edit)(edit, text, place)
    editing.visit(editing, node.func)
    return True


def _edits(editing: Editing, node: ast.Constant | ast.JoinedStr) -> Iterator[tuple[Edit, LiteralPlace, bool]]:
    """Give the edits of a statement's text, for each table of which all uses can be rewritten; whether it is read."""
    start, end = editing.source.span(node)
    code = editing.source.text[start:end]
    opening = _OPENING.match(code)
    if opening is None or not code.endswith(opening[2]) or not _is_one_literal(code, opening[2]):
        return
    known = str(node.value) if isinstance(node, ast.Constant) else _shape(editing, node)
    uses = list(table_uses(known))
    plain = _NOISE.sub(lambda found: " " * len(found[0]), code[opening.end() : -len(opening[2])])
    for place in editing.places:
        if place.table is None:
            continue
        wanted = [use for use in uses if _same(use.name, place.table)]
        found = list(_mentions(editing, plain, place.table))
        if not wanted or any(use.action != "read" and use.mode != "overwrite" for use in wanted):
            continue
        yield from _of_table(editing, place, plain, found, start + opening.end(), opening)


def _of_table(
    editing: Editing, place: LiteralPlace, plain: str, found: list[re.Match[str]], offset: int, opening: re.Match[str]
) -> Iterator[tuple[Edit, LiteralPlace, bool]]:
    made: list[tuple[Edit, LiteralPlace, bool]] = []
    for one in found:
        before = plain[: one.start()]
        if plain[one.end() :].startswith("."):
            return  # a column's qualifier: it would miss its table
        begin = one.start()
        is_read = _READ.search(before) is not None
        if is_read and place.table_argument is not None:
            name = editing.names.table(place)
        elif (overwritten := _OVERWRITE.search(before)) is not None and place.format in _FORMATS:
            if place.stays or re.match(r"\s*(?:\(?\s*partition\b|if\b|\()", plain[one.end() :], re.IGNORECASE):
                return
            begin -= len(overwritten["table"] or "")
            name = editing.names.target(place)
        else:
            return
        end, inserted = one.end(), f"{{{name}}}"
        if "f" not in opening[1].lower():
            is_last = end == len(plain)  # then nothing is opened again
            inserted = f"{opening[2]} + {name}" + ("" if is_last else f" + {opening[0]}")
            end += len(opening[2]) if is_last else 0
        made.append((Edit(offset + begin, offset + end, inserted), place, is_read))
    yield from made


def _mentions(editing: Editing, plain: str, table: str) -> Iterator[re.Match[str]]:
    """Give where a statement's code names a table, be it by names that certainly are its database or its own."""
    for found in _NAMED.finditer(plain):
        parts = [_known(editing, part) for part in (found["database"], found["name"])]
        if ".".join(parts).lower() == table.lower():
            yield found


def _known(editing: Editing, part: str) -> str:
    plain = part.strip("`")
    if not plain.startswith("{"):
        return plain
    return editing.text(ast.Name(plain[1:-1], ast.Load())).literal or plain


def _is_one_literal(code: str, quote: str) -> bool:
    """Tell whether code is one string, not several in a row."""
    inner = code[code.index(quote) + len(quote) : -len(quote)]
    return quote not in re.sub(r"\\.", "", inner, flags=re.DOTALL)


def _shape(editing: Editing, node: ast.JoinedStr) -> str:
    texts = (editing.text(part.value if isinstance(part, ast.FormattedValue) else part) for part in node.values)
    return "".join("{…}" if text.literal is None else text.literal for text in texts)


def _same(name: str, table: str) -> bool:
    parts = name.lower().split(".")
    return parts[-2:] == table.lower().split(".") and len(parts) < 4
