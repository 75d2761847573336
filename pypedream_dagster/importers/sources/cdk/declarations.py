"""TypeScript's imports and classes, and what declares nothing but types."""

from __future__ import annotations

import ast
from abc import abstractmethod
from typing import Any

from pypedream_dagster.importers.sources.cdk.expressions import Expressions
from pypedream_dagster.importers.sources.cdk.tokens import Token, UntoldError

_MODIFIERS = {"public", "private", "protected", "readonly", "static", "abstract", "override", "declare", "async"}
_MODIFIERS |= {"accessor", "get", "set"}


class Declarations(Expressions):
    """Reads declarations."""

    @abstractmethod
    def passes_statement(self, start: int) -> None:
        """Go to where the statement after this one begins, as far as brackets tell."""

    def passed_over(self) -> list[ast.stmt]:
        """Go on over what says nothing of what a program does."""
        is_type = self.sees("type")
        self.take()
        while not self.sees("{", "=", ";") and self.token.kind != "end":
            self.take()
        if is_type and self.takes("="):
            self.passes_type()
        elif self.sees("{"):
            self.passes_group()
        self.takes(";")
        return []

    def passes_decorator(self) -> None:
        """Go on over a decorator."""
        self.at += 2
        while self.takes("."):
            self.take()
        if self.sees("("):
            self.passes_group()

    def enum(self) -> list[ast.stmt]:
        """Return an enumeration as a class."""
        token = self.token
        while not self.sees("enum"):
            self.take()
        self.take()
        name = self.take().text
        self.needs("{")
        members: list[ast.stmt] = []
        while not self.takes("}"):
            member = self.take()
            value: ast.expr = self.constant(member.text, member)
            if self.takes("="):
                value = self.assignment()
            members.append(self.at_line(ast.Assign([self.name(member.text, member)], value), member))
            self.takes(",")
        return [self._class_def(name, [], members, token)]

    def _class_def(self, name: str, bases: list[ast.expr], body: list[ast.stmt], token: Token) -> ast.ClassDef:
        made: Any = ast.ClassDef  # what its signature asks for differs from one Python to the next
        defined: ast.ClassDef = made(name=name, bases=bases, keywords=[], body=body, decorator_list=[])
        return self.at_line(defined, token)

    def imports(self) -> list[ast.stmt]:
        """Return an import."""
        token = self.take()
        if self.token.kind == "text":
            self.take()
            return []
        self.takes("type")
        names: list[ast.alias] = []
        whole: list[str] = []
        while not self.sees("from", "=") and self.token.kind != "end":
            if self.takes("*"):
                self.needs("as")
                whole.append(self.take().text)
            elif self.takes("{"):
                names += self._imported_names()
            elif self.token.kind == "name":
                whole.append(self.take().text)
            else:
                self.take()
        if self.takes("="):  # import x = require('y')
            value = self.assignment()
            self.takes(";")
            return [self.at_line(ast.Assign([self.name(name, token)], value), token) for name in whole]
        self.needs("from")
        module = self.take().text
        self.takes(";")
        found: list[ast.stmt] = [
            self.at_line(ast.Import([self.at_line(ast.alias(module, name), token)]), token) for name in whole
        ]
        if names:
            found.append(self.at_line(ast.ImportFrom(module, names, 0), token))
        return found

    def _imported_names(self) -> list[ast.alias]:
        names: list[ast.alias] = []
        while not self.takes("}"):
            if self.sees("type") and self.ahead().kind == "name":
                self.take()
            token = self.take()
            alias = self.take().text if self.takes("as") else None
            names.append(self.at_line(ast.alias(token.text, alias), token))
            if not self.takes(",") and not self.sees("}"):
                raise UntoldError(f"line {token.line}: names to import")
        return names

    def bindings(self) -> list[ast.stmt]:
        """Return what ``const`` and its like bind."""
        found: list[ast.stmt] = []
        while True:
            token = self.token
            pattern = self.pattern()
            if self.takes("!") or self.sees(":"):
                self.takes(":")
                self.passes_type()
            value = self.assignment() if self.takes("=") else self.constant(None, token)
            found += self.bound(pattern, value, token)
            if not self.takes(","):
                return found

    def class_(self) -> ast.stmt:
        """Return a class."""
        token = self.token
        self.takes("abstract")
        self.needs("class")
        name = self.take().text
        if self.sees("<"):
            self.passes_group()
        bases: list[ast.expr] = []
        if self.takes("extends"):
            bases.append(self.called())
            if self.sees("<"):
                self.passes_group()
        if self.takes("implements"):
            while not self.sees("{"):
                self.take()
        self.needs("{")
        body: list[ast.stmt] = []
        while not self.takes("}"):
            if self.token.kind == "end":
                raise UntoldError(f"line {token.line}: a class that does not close")
            body += self._member()
        return self._class_def(name, bases, body or [self.at_line(ast.Pass(), token)], token)

    def _member(self) -> list[ast.stmt]:
        start = self.at
        try:
            return self._read_member()
        except UntoldError:
            self.passes_statement(start)
            return []

    def _read_member(self) -> list[ast.stmt]:
        while self.sees("@"):
            self.passes_decorator()
        modifiers: set[str] = set()
        while self.sees(*_MODIFIERS) and self.ahead().text not in {"(", "=", ";", ":", "?", "!"}:
            modifiers.add(self.take().text)
        if self.takes(";"):
            return []
        if self.sees("["):  # an index signature
            self.passes_statement(self.at)
            return []
        token = self.take()
        self.takes("?", "!")
        if self.sees("<"):
            self.passes_group()
        if self.sees("("):
            definition = self.function_from(token, "__init__" if token.text == "constructor" else token.text)
            if definition is None:
                return []
            decorators = [name for name in ("staticmethod", "property") if name in {"staticmethod"} & _kinds(modifiers)]
            if "get" in modifiers:
                decorators.append("property")
            definition.decorator_list = [self.name(name, token) for name in decorators]
            if "staticmethod" in decorators:
                definition.args.args = definition.args.args[1:]
            return [definition]
        if self.takes(":"):
            self.passes_type()
        value = self.assignment() if self.takes("=") else None
        self.takes(";")
        if value is None:
            return []
        return [self.at_line(ast.Assign([self.name(token.text, token)], value), token)]

    def function(self) -> ast.stmt:
        """Return a function."""
        self.takes("async")
        token = self.needs("function")
        self.takes("*")
        name = self.take().text
        if self.sees("<"):
            self.passes_group()
        definition = self.function_from(token, name, method=False)
        if definition is None:
            return self.at_line(ast.Pass(), token)
        return definition


def _kinds(modifiers: set[str]) -> set[str]:
    return {"staticmethod"} if "static" in modifiers else set()
