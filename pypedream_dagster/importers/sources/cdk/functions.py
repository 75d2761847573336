"""Functions of TypeScript, and the patterns that their parameters and variables are bound to."""

from __future__ import annotations

import ast
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from pypedream_dagster.importers.sources.cdk.tokens import Token, UntoldError
from pypedream_dagster.importers.sources.cdk.types import Cursor

_Node = TypeVar("_Node", bound=ast.AST)
_PARAMETER_MODIFIERS = ("public", "private", "protected", "readonly", "override")


class Closure(ast.expr):
    """A function that stands where a value does."""

    _fields = ("definition",)
    definition: ast.FunctionDef


@dataclass(frozen=True, slots=True)
class Taken:
    """What a pattern takes out of a value: by name or by number, else what is missing is put in its place."""

    key: str | int | None
    into: Pattern
    default: ast.expr | None = None


@dataclass(frozen=True, slots=True)
class Several:
    """A pattern that takes a value to pieces: ``{ a, b: c }`` or ``[a, b]``."""

    parts: tuple[Taken, ...]


Pattern: TypeAlias = ast.Name | Several


class Functions(Cursor):
    """Reads functions and patterns."""

    @abstractmethod
    def block(self) -> list[ast.stmt]:
        """Return the statements in braces, or the one that stands without."""

    def at_line(self, node: _Node, token: Token) -> _Node:
        """Return a node that stands where a token does."""
        made: Any = node
        made.lineno = made.end_lineno = token.line
        made.col_offset = made.end_col_offset = 0
        return node

    def name(self, name: str, token: Token) -> ast.Name:
        """Return a name."""
        return self.at_line(ast.Name("self" if name == "this" else name, ast.Load()), token)

    def constant(self, value: Any, token: Token) -> ast.expr:
        """Return a constant."""
        return self.at_line(ast.Constant(value), token)

    def pattern(self) -> Pattern:
        """Return what a value is bound to."""
        token = self.take()
        if token.kind == "name":
            return self.name(token.text, token)
        if token.text not in {"{", "["}:
            raise UntoldError(f"line {token.line}: no name")
        closing, parts = ("}" if token.text == "{" else "]"), []
        while not self.takes(closing):
            if self.takes(","):
                parts.append(Taken(None, self.name("_", token)))
                continue
            if self.takes("..."):
                parts.append(Taken(None, self.pattern()))
            elif closing == "]":
                parts.append(Taken(len(parts), self.pattern(), self._default()))
            else:
                key = self.take()
                into = self.pattern() if self.takes(":") else self.name(key.text, key)
                parts.append(Taken(key.text, into, self._default()))
            if not self.takes(",") and not self.sees(closing):
                raise UntoldError(f"line {token.line}: a pattern that does not close")
        return Several(tuple(parts))

    def _default(self) -> ast.expr | None:
        return self.assignment() if self.takes("=") else None

    def bound(self, pattern: Pattern, value: ast.expr, token: Token) -> list[ast.stmt]:
        """Return what binds a value to a pattern."""
        if isinstance(pattern, ast.Name):
            return [self.at_line(ast.Assign([pattern], value), token)]
        found: list[ast.stmt] = []
        if not isinstance(value, ast.Name):
            whole = self.name(f"value at {token.line}", token)
            found.append(self.at_line(ast.Assign([whole], value), token))
            value = whole
        for part in pattern.parts:
            taken: ast.expr
            match part.key:
                case str() as key:
                    taken = self.at_line(ast.Attribute(value, key, ast.Load()), token)
                case int() as key:
                    taken = self.at_line(ast.Subscript(value, self.constant(key, token), ast.Load()), token)
                case _:
                    taken = value
            if part.default is not None:
                taken = self.at_line(ast.BoolOp(ast.Or(), [taken, part.default]), token)
            found += self.bound(part.into, taken, token)
        return found

    @abstractmethod
    def assignment(self) -> ast.expr:
        """Return an expression that stands alone between commas."""

    def arrow(self) -> ast.expr | None:
        """Return an arrow function, if one begins here."""
        start, token = self.at, self.token
        self.takes("async")
        if self.token.kind == "name" and self.ahead().text == "=>" and self.ahead().kind == "sign":
            parameter = self.take()
            self.take()
            return self._closure([(self.name(parameter.text, parameter), None)], token)
        if self.sees("(", "<") and self._begins_arrow():
            if self.sees("<"):
                self.passes_group()
            parameters, _ = self._parameters()
            if self.takes(":"):
                self.passes_type()
            self.needs("=>")
            return self._closure(parameters, token)
        self.at = start
        return None

    def _begins_arrow(self) -> bool:
        start = self.at
        try:
            if self.sees("<"):
                self.passes_group()
                if not self.sees("("):
                    return False
            self.passes_group()
            if self.takes(":"):
                self.passes_type()
            return self.sees("=>")
        except UntoldError:
            return False
        finally:
            self.at = start

    def _closure(self, parameters: list[tuple[Pattern, ast.expr | None]], token: Token) -> ast.expr:
        body: list[ast.stmt]
        body = self.block() if self.sees("{") else [self.at_line(ast.Return(self.assignment()), token)]
        made = Closure()
        made.definition = self._defined("arrow", parameters, [], body, token, method=False)
        return self.at_line(made, token)

    def function_from(self, token: Token, name: str, *, method: bool = True) -> ast.FunctionDef | None:
        """Return a function from its parameters on; None for one that is only declared."""
        parameters, kept = self._parameters()
        if self.takes(":"):
            self.passes_type()
        if not self.sees("{"):
            self.takes(";")
            return None
        return self._defined(name, parameters, kept, self.block(), token, method=method)

    def _parameters(self) -> tuple[list[tuple[Pattern, ast.expr | None]], list[str]]:
        """Return parameters with their defaults, and the names of those that an object keeps."""
        self.needs("(")
        found: list[tuple[Pattern, ast.expr | None]] = []
        kept: list[str] = []
        while not self.takes(")"):
            keeps = False
            while self.sees(*_PARAMETER_MODIFIERS) and self.ahead().kind == "name":
                keeps = bool(self.take())
            self.takes("...")
            pattern = self.pattern()
            self.takes("?")
            if self.takes(":"):
                self.passes_type()
            found.append((pattern, self._default()))
            if keeps and isinstance(pattern, ast.Name):
                kept.append(pattern.id)
            if not self.takes(",") and not self.sees(")"):
                raise UntoldError(f"line {self.token.line}: parameters that do not close")
        return found, kept

    def _defined(
        self,
        name: str,
        parameters: list[tuple[Pattern, ast.expr | None]],
        kept: list[str],
        body: list[ast.stmt],
        token: Token,
        *,
        method: bool,
    ) -> ast.FunctionDef:
        names = ["self"] if method else []
        defaults: list[ast.expr] = []
        first: list[ast.stmt] = []
        for number, (pattern, default) in enumerate(parameters):
            called = pattern.id if isinstance(pattern, ast.Name) else f"parameter {number}"
            names.append(called)
            if default is not None or defaults:
                defaults.append(default or self.constant(None, token))
            if isinstance(pattern, Several):
                first += self.bound(pattern, self.name(called, token), token)
        for called in kept:
            target = self.at_line(ast.Attribute(self.name("this", token), called, ast.Store()), token)
            first.append(self.at_line(ast.Assign([target], self.name(called, token)), token))
        arguments = ast.arguments(
            posonlyargs=[], args=[self.at_line(ast.arg(n), token) for n in names], kwonlyargs=[], kw_defaults=[],
            defaults=defaults,
        )  # fmt: skip
        return self.at_line(_function(name, arguments, [*first, *body]), token)


def _function(name: str, arguments: ast.arguments, body: list[ast.stmt]) -> ast.FunctionDef:
    made: Any = ast.FunctionDef  # what its signature asks for differs from one Python to the next
    function: ast.FunctionDef = made(name=name, args=arguments, body=body, decorator_list=[])
    return function
