"""Terraform files as blocks, HCL and JSON alike: each is read when it is asked for, and a fault costs a part only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.terraform.expressions import (
    Constant,
    Expression,
    ObjectOf,
    TupleOf,
    Unreadable,
)
from pypedream_dagster.importers.sources.terraform.parser import HclError, Parser, parse_template

_TOKEN = re.compile(
    r"[{}\"]|#[^\n]*|//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)|<<-?[ \t]*\"?(?P<marker>[^\W\d][\w-]*)\"?[ \t\r]*\n"
)
_STRING = re.compile(r'"(?:[^"\\$%\n]|\\.|[$%](?!\{))*"')
_IN_STRING = re.compile(r'\\[\s\S]|\$\$\{|%%\{|[$%]\{|"')
_HEADER = re.compile(
    r"^(?:resource|data|module|variable|output|provider|locals|terraform)\b[ \t\w\"-]*\{", re.MULTILINE
)
_LABEL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_STATEMENT = re.compile(r"\n(?=[ \t]*\"?[^\W\d][\w-]*\"?[ \t]*(?:=[^=]|\{|\"))")
_DEEPEST_BLOCK = 30


@dataclass(frozen=True, slots=True)
class Fault:
    """What could not be read, and in which line."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Body:
    """What stands in a block or file."""

    attributes: Mapping[str, Expression] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True)
class Block:
    """A block; its body is read at the first use.

    Attributes:
        kind: its first word: ``resource``, ``locals``.
        labels: what follows the word.
        path: its file.
        line: where it begins.
        source: its body, unread or read.
    """

    kind: str
    labels: tuple[str, ...]
    path: str
    line: int
    source: str | Body = field(repr=False)
    depth: int = 0

    @property
    def body(self) -> Body:
        """What stands in it."""
        if isinstance(self.source, str):
            try:
                self.source = read_body(self.source, self.path, self.line, self.depth + 1)
            except RecursionError:
                self.source = Body(faults=(Fault(self.line, "is nested too deeply"),))
        return self.source


def read_document(file: SourceFile) -> Body:
    """Return what a file holds at its top; never raises."""
    if file.path.endswith(".json"):
        return _read_json(file)
    try:
        return read_body(file.text, file.path, 1, 0)
    except RecursionError:
        return Body(faults=(Fault(1, "is nested too deeply"),))


def read_body(text: str, path: str, line: int, depth: int) -> Body:
    """Return what stands in a body; ``line`` is where it begins."""
    if depth > _DEEPEST_BLOCK:
        return Body(faults=(Fault(line, "is nested too deeply"),))
    attributes: dict[str, Expression] = {}
    blocks: list[Block] = []
    faults: list[Fault] = []
    parser = Parser(text)
    counted, lines = 0, line
    while True:
        parser.skip(lines=True)
        start = parser.position
        if start >= len(text):
            return Body(attributes, tuple(blocks), tuple(faults))
        lines, counted = lines + text.count("\n", counted, start), start
        name = None
        try:
            name = _name(parser)
            if parser.take("="):
                parser.skip(lines=True)
                attributes[name] = parser.expression()
                _end_of_statement(parser)
            else:
                blocks.append(_block(parser, name, path, lines, depth))
        except HclError as error:
            faults.append(Fault(lines + text.count("\n", start, error.position), str(error)))
            following = _STATEMENT.search(text, start)
            end = following.end() if following else len(text)
            if name and name not in attributes:
                attributes[name] = Unreadable(text[start:end])
            parser = Parser(text, end)


def _name(parser: Parser) -> str:
    parser.skip()
    if match := _LABEL.match(parser.text, parser.position):
        parser.position = match.end()
        return match[1]
    return parser.word() or parser.fail("a name expected")


def _end_of_statement(parser: Parser) -> None:
    parser.skip()
    parser.take(",")
    parser.skip()
    if parser.position < len(parser.text) and parser.text[parser.position] not in "\n}":
        parser.fail("the end of the line expected")


def _block(parser: Parser, kind: str, path: str, line: int, depth: int) -> Block:
    labels: list[str] = []
    while not parser.take("{"):
        if parser.position >= len(parser.text) or parser.text[parser.position] == "\n":
            following = re.compile(r"\s*\{").match(parser.text, parser.position)  # the brace on a line of its own
            if following is None:
                parser.fail("= or { expected")
            parser.position = following.end()
            break
        labels.append(_name(parser))
    start = parser.position
    end = _closing_brace(parser.text, start)
    if end is None and depth == 0 and (header := _HEADER.search(parser.text, start)):
        end = header.start()  # its brace is missing: whatever begins a line like this is another block
        parser.position = end
    else:
        parser.position = len(parser.text) if end is None else end + 1
    body = parser.text[start : len(parser.text) if end is None else end]
    return Block(kind, tuple(labels), path, line, body, depth)


def _closing_brace(text: str, position: int) -> int | None:
    depth = 0
    while match := _TOKEN.search(text, position):
        position = match.end()
        match match[0]:
            case "{":
                depth += 1
            case "}":
                if depth == 0:
                    return match.start()
                depth -= 1
            case '"':
                position = _past_string(text, match.start())
            case _ if match["marker"]:
                end = re.compile(rf"^[ \t]*{re.escape(match['marker'])}[ \t\r]*$", re.MULTILINE).search(text, position)
                position = end.end() if end else position
    return None


def _past_string(text: str, start: int) -> int:
    """Return where a quoted text ends that may hold interpolations with quoted texts in them."""
    if match := _STRING.match(text, start):
        return match.end()
    position = start + 1
    open_: list[str] = ['"']
    while open_ and (match := (_IN_STRING if open_[-1] == '"' else _TOKEN).search(text, position)):
        position = match.end()
        match match[0]:
            case '"':
                if open_[-1] == '"':
                    open_.pop()
                else:
                    open_.append('"')
            case "${" | "%{" | "{":
                open_.append("}")
            case "}":
                open_.pop()
    return position if not open_ else start + 1


def _read_json(file: SourceFile) -> Body:
    try:
        document = json.loads(file.text)
        if not isinstance(document, dict):
            return Body()
        attributes: dict[str, Expression] = {}
        blocks: list[Block] = []
        for kind, content in document.items():
            blocks += _json_blocks(kind, content, file.path)
            attributes[kind] = expression_of_json(content)
        return Body(attributes, tuple(blocks))
    except (ValueError, RecursionError):
        return Body(faults=(Fault(1, "is no JSON"),))


_LABELS = {"resource": 2, "data": 2, "module": 1, "variable": 1, "output": 1, "provider": 1, "locals": 0}


def _json_blocks(kind: str, content: Any, path: str) -> Iterator[Block]:
    for labels, body in _labelled(content, _LABELS.get(kind, 9)):
        attributes = {key: expression_of_json(value) for key, value in body.items()}
        yield Block(kind, labels, path, 1, Body(attributes))


def _labelled(content: Any, levels: int) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    if levels > 2:
        return
    for item in content if isinstance(content, list) else [content]:
        if not isinstance(item, dict):
            continue
        if levels == 0:
            yield (), item
            continue
        for label, inner in item.items():
            yield from (((label, *more), body) for more, body in _labelled(inner, levels - 1))


def expression_of_json(value: Any) -> Expression:
    """Return a JSON value as an expression: texts are templates."""
    match value:
        case str():
            try:
                return parse_template(value)
            except HclError:
                return Constant(value)
        case dict():
            return ObjectOf(tuple((Constant(str(key)), expression_of_json(item)) for key, item in value.items()))
        case list():
            return TupleOf(tuple(expression_of_json(item) for item in value))
        case bool() | int() | float() | None:
            return Constant(value)
    return Constant(str(value))
