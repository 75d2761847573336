"""Reads HCL2: expressions, templates, and the bodies of blocks.

Own code, for the library that reads HCL2 gives expressions back as text: they would have to be parsed once more to be
evaluated. It also stops at the first fault of a file, and takes half a minute for 2 MB.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import NoReturn, TypeGuard

from pypedream_dagster.importers.sources.terraform.expressions import (
    Access,
    Call,
    Choice,
    Constant,
    Expression,
    Loop,
    Name,
    ObjectOf,
    Operation,
    Step,
    Template,
    TupleOf,
)

_IDENTIFIER = re.compile(r"[^\W\d][\w-]*(?:::[^\W\d][\w-]*)*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_BLANK = re.compile(r"(?:[ \t\r\ufeff\xa0]+|#[^\n]*|//[^\n]*|/\*[\s\S]*?\*/)*")
_SPACE = re.compile(r"(?:\s+|\ufeff|#[^\n]*|//[^\n]*|/\*[\s\S]*?\*/)*")
_HEREDOC = re.compile(r"<<(-?)[ \t]*(\"?)([^\W\d][\w-]*)\2[ \t\r]*\n")
_PLAIN_QUOTED = re.compile(r"(?:[^\"\\$%]|[$%](?!\{|[$%]\{))+")
_PLAIN_FREE = re.compile(r"(?:[^$%]|[$%](?!\{|[$%]\{))+")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))")
_OPERATORS = (("||",), ("&&",), ("==", "!="), (">=", "<=", ">", "<"), ("+", "-"), ("*", "/", "%"))
_BINDING = {operator: level for level, operators in enumerate(_OPERATORS) for operator in operators}
_DEEPEST = 60
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


class HclError(ValueError):
    """A text is no HCL; ``position`` is where."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(what)
        self.position = position


class Parser:
    """Reads one text from a position on."""

    def __init__(self, text: str, position: int = 0) -> None:
        self.text = text
        self.position = position
        self._brackets = 0  # within brackets a line's end is a blank
        self._depth = 0

    # What is at the position.

    def fail(self, what: str) -> NoReturn:
        """Raise what is wrong here."""
        raise HclError(what, self.position)

    def skip(self, *, lines: bool | None = None) -> None:
        """Go past blanks and comments, and past line ends where they mean nothing."""
        free = bool(self._brackets) if lines is None else lines
        match = (_SPACE if free else _BLANK).match(self.text, self.position)
        self.position = match.end() if match else self.position

    def at(self, token: str) -> bool:
        """Tell whether a token comes next, past blanks."""
        self.skip()
        return self.text.startswith(token, self.position)

    def take(self, token: str) -> bool:
        """Go past a token if it comes next."""
        if not self.at(token):
            return False
        self.position += len(token)
        return True

    def expect(self, token: str) -> None:
        """Go past a token that has to come next."""
        if not self.take(token):
            self.fail(f"{token} expected")

    def word(self) -> str | None:
        """Go past an identifier if one comes next."""
        self.skip()
        match = _IDENTIFIER.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match[0]

    def _keyword(self, wanted: str) -> bool:
        start = self.position
        if self.word() == wanted:
            return True
        self.position = start
        return False

    # Expressions, from those that bind least to those that bind most.

    def expression(self) -> Expression:
        """Read an expression."""
        self._depth += 1
        if self._depth > _DEEPEST:
            self.fail("nested too deeply")
        try:
            condition = self._binary(0)
            if not self.take("?"):
                return condition
            self.skip(lines=True)
            yes = self.expression()
            self.skip(lines=True)
            self.expect(":")
            self.skip(lines=True)
            return Choice(condition, yes, self.expression())
        finally:
            self._depth -= 1

    def _binary(self, least: int) -> Expression:
        left = self._unary()
        while (operator := self._operator()) and _BINDING[operator] >= least:
            self.position += len(operator)
            self.skip(lines=True)
            left = Operation(operator, (left, self._binary(_BINDING[operator] + 1)))
        return left

    def _operator(self) -> str | None:
        self.skip()
        two = self.text[self.position : self.position + 2]
        if two == "=>":
            return None
        return two if two in _BINDING else two[:1] if two[:1] in _BINDING else None

    def _unary(self) -> Expression:
        if self.at("!") or self.at("-"):
            sign = self.text[self.position]
            self.position += 1
            return self._deeper(lambda: Operation(sign, (self._unary(),)))
        return self._postfix(self._primary())

    def _deeper(self, read: Callable[[], Expression]) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            self.fail("nested too deeply")
        try:
            return read()
        finally:
            self._depth -= 1

    def _postfix(self, base: Expression) -> Expression:
        steps: list[Step] = []
        while True:
            if self.at(".") and not self.at("..."):
                self.position += 1
                steps.append(self._attribute())
            elif self.text.startswith("[", self.position) or (self._brackets and self.at("[") and steps):
                self.position += 1
                steps.append(Step(None) if self._all_items() else Step(self._bracketed("]", self.expression)))
            else:
                return Access(base, tuple(steps)) if steps else base

    def _all_items(self) -> bool:
        match = re.compile(r"\s*\*\s*\]").match(self.text, self.position)
        self.position = match.end() if match else self.position
        return match is not None

    def _attribute(self) -> Step:
        if self.take("*"):
            return Step(None)
        self.skip()
        number = re.compile(r"\d+").match(self.text, self.position)
        if number:
            self.position = number.end()
            return Step(Constant(int(number[0])))
        name = self.word()
        if name is None:
            self.fail("a name expected after .")
        return Step(Constant(name))

    def _bracketed(self, close: str, read: Callable[[], Expression]) -> Expression:
        self._brackets += 1
        try:
            found = read()
            self.expect(close)
        finally:
            self._brackets -= 1
        return found

    def _primary(self) -> Expression:
        self.skip()
        here = self.text[self.position : self.position + 1]
        if here == '"':
            self.position += 1
            return self._quoted()
        if here == "(":
            self.position += 1
            return self._bracketed(")", self.expression)
        if here == "[":
            self.position += 1
            return self._bracketed("]", self._tuple)
        if here == "{":
            self.position += 1
            return self._bracketed("}", self._object)
        if match := _NUMBER.match(self.text, self.position):
            self.position = match.end()
            return Constant(int(match[0]) if match[0].isdigit() and len(match[0]) < 100 else float(match[0]))
        if match := _HEREDOC.match(self.text, self.position):
            return self._heredoc(match)
        name = self.word()
        if name is None:
            self.fail("an expression expected")
        if self.text.startswith("(", self.position):
            self.position += 1
            return self._bracketed(")", lambda: self._call(name))
        return Constant(_WORDS[name]) if name in _WORDS else Name(name)

    def _call(self, name: str) -> Expression:
        arguments: list[Expression] = []
        spread = False
        while not self.at(")"):
            arguments.append(self.expression())
            spread = self.take("...") or spread
            if not self.take(","):
                break
        return Call(name, tuple(arguments), spread)

    def _tuple(self) -> Expression:
        if loop := self._loop("tuple"):
            return loop
        items: list[Expression] = []
        while not self.at("]"):
            items.append(self.expression())
            if not self.take(","):
                break
        return TupleOf(tuple(items))

    def _object(self) -> Expression:
        if loop := self._loop("object"):
            return loop
        items: list[tuple[Expression, Expression]] = []
        while not self.at("}"):
            key = self.expression()
            if not (self.take("=") or self.take(":")):
                self.fail("= expected")
            items.append((Constant(key.name) if isinstance(key, Name) else key, self.expression()))
            self.take(",")
        return ObjectOf(tuple(items))

    def _loop(self, kind: str) -> Expression | None:
        start = self.position
        if not self._keyword("for"):
            return None
        names = self._loop_names()
        if names is None:  # a key or a variable that is called for
            self.position = start
            return None
        collection = self.expression()
        self.expect(":")
        result_key: Expression | None = None
        result = self.expression()
        if kind == "object":
            self.expect("=>")
            result_key, result = result, self.expression()
        grouped = self.take("...")
        condition = self.expression() if self._keyword("if") else None
        return Loop(
            "object" if kind == "object" else "tuple", *names, collection, result, result_key, condition, grouped
        )

    def _loop_names(self) -> tuple[str | None, str] | None:
        first = self.word()
        second = self.word() if first and self.take(",") else None
        if first is None or not self._keyword("in"):
            return None
        return (first, second) if second else (None, first)

    # Templates.

    def _quoted(self) -> Expression:
        before, self._brackets = self._brackets, 0
        try:
            parts = self._parts(_PLAIN_QUOTED, '"')
        finally:
            self._brackets = before
        if not self.text.startswith('"', self.position):
            self.fail("a text has no end")
        self.position += 1
        return _joined(parts)

    def _heredoc(self, start: re.Match[str]) -> Expression:
        end = re.compile(rf"^[ \t]*{re.escape(start[3])}[ \t\r]*$", re.MULTILINE).search(self.text, start.end())
        if end is None:
            self.fail(f"no line {start[3]} ends the text")
        body = self.text[start.end() : end.start()]
        self.position = end.end()
        return parse_template(textwrap.dedent(body) if start[1] else body)

    def template(self) -> Expression:
        """Read the rest as a template: a file, or a heredoc's body."""
        parts = self._parts(_PLAIN_FREE, None)
        if self.position < len(self.text):
            self.fail("a directive without its beginning")
        return _joined(parts)

    def _parts(self, plain: re.Pattern[str], close: str | None) -> list[Expression]:
        parts: list[Expression] = []
        text = self.text
        while self.position < len(text) and not (close and text.startswith(close, self.position)):
            if match := plain.match(text, self.position):
                parts.append(Constant(match[0]))
                self.position = match.end()
            elif text.startswith(("$${", "%%{"), self.position):
                parts.append(Constant(text[self.position + 1 : self.position + 3]))
                self.position += 3
            elif text.startswith("${", self.position):
                parts.append(self._interpolation(parts))
            elif text.startswith("%{", self.position):
                start = self.position
                found = self._directive(parts, plain, close)
                if found is None:
                    self.position = start
                    break
                parts.append(found)
            elif close and (match := _ESCAPE.match(text, self.position)):
                code = match[1] or match[2]
                parts.append(Constant(_character(code) if code else _ESCAPES.get(match[3], match[3])))
                self.position = match.end()
            else:  # a $ or % that means nothing
                parts.append(Constant(text[self.position]))
                self.position += 1
        return parts

    def _interpolation(self, parts: list[Expression]) -> Expression:
        self._open(parts)
        found = self._deeper(lambda: self._bracketed_here(self.expression))
        self._shut()
        return found

    def _open(self, parts: list[Expression]) -> None:
        self.position += 2
        if self.text.startswith("~", self.position):
            self.position += 1
            if parts and isinstance(last := parts[-1], Constant) and isinstance(last.value, str):
                parts[-1] = Constant(last.value.rstrip())

    def _shut(self) -> None:
        self.skip(lines=True)
        strip = self.text.startswith("~}", self.position)
        self.position += strip
        if not self.text.startswith("}", self.position):
            self.fail("} expected")
        self.position += 1
        while strip and self.text[self.position : self.position + 1].isspace():
            self.position += 1

    def _bracketed_here(self, read: Callable[[], Expression]) -> Expression:
        self._brackets += 1
        try:
            return read()
        finally:
            self._brackets -= 1

    def _directive(self, parts: list[Expression], plain: re.Pattern[str], close: str | None) -> Expression | None:
        """Read ``%{ if … }`` or ``%{ for … }`` to its end; None where another's end or else comes."""
        self._open(parts)
        self.skip(lines=True)
        word = self.word()
        if word not in {"if", "for"}:
            return None
        if word == "if":
            condition = self._bracketed_here(self.expression)
            self._shut()
            yes = self._deeper(lambda: _joined(self._parts(plain, close)))
            no: Expression = Constant("")
            if self._closing({"else"}):
                no = self._deeper(lambda: _joined(self._parts(plain, close)))
            if not self._closing({"endif"}):
                self.fail("an if without endif")
            return Choice(condition, yes, no)
        names = self._loop_names()
        if names is None:
            self.fail("for without in")
        collection = self._bracketed_here(self.expression)
        self._shut()
        result = self._deeper(lambda: _joined(self._parts(plain, close)))
        if not self._closing({"endfor"}):
            self.fail("a for without endfor")
        return Loop("text", *names, collection, result)

    def _closing(self, words: set[str]) -> bool:
        start = self.position
        if self.text.startswith("%{", start):
            self._open([])
            self.skip(lines=True)
            if self.word() in words:
                self._shut()
                return True
        self.position = start
        return False


def parse_template(text: str) -> Expression:
    """Return a template as an expression.

    Raises:
        HclError: it is none.
    """
    return Parser(text).template()


def _joined(parts: list[Expression]) -> Expression:
    merged: list[Expression] = []
    for part in parts:
        last = merged[-1] if merged else None
        if _is_text(part) and _is_text(last):
            merged[-1] = Constant(f"{last.value}{part.value}")
        else:
            merged.append(part)
    if not merged:
        return Constant("")
    if len(merged) == 1 and isinstance(merged[0], Constant):
        return merged[0]
    return Template(tuple(merged))


def _is_text(part: Expression | None) -> TypeGuard[Constant]:
    return isinstance(part, Constant) and isinstance(part.value, str)


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
