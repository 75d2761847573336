"""What a reading of a script knows at a moment: names and what they are, calls so far, what is being read."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from pypedream_dagster.script.pieces import Argument, Condition, Text
from pypedream_dagster.script.selection import conditions_of, together
from pypedream_dagster.script.values import Call, Class, Function, Instance, Result, Symbol, Value, literal

MOST_STEPS = 150_000
_STAR_FIRST = "pyspark.sql.functions"
_BUILTINS = frozenset(dir(__import__("builtins")))

Scope = dict[str, Value]
Stored = dict[tuple[int, str], tuple[Mapping[str, Value], Value]]
"""What was put into dicts, by dict and key; the dict is kept, so that no other has its identity."""


class TooLargeError(Exception):
    """The script takes more steps than are allowed."""


class Environment:
    """The state of one script's reading.

    Attributes:
        calls: in the order of execution.
        modules: imported ones.
        declared: the arguments that are asked for by name.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.modules: list[str] = []
        self.declared: list[str] = []
        self._destinations: dict[str, str] = {}
        self._stars: list[str] = []
        self._scopes: list[Scope] = [{}]
        self._globals: set[str] = set()
        self._returns: list[Value] = []
        self._active: list[ast.AST] = []
        self._owners: list[Instance | Class | None] = []
        self._defaults: dict[str, str] = {}
        self._variables: Scope = {}
        self._options: dict[ast.AST, Scope] = {}
        self._functions: dict[ast.AST, Function] = {}
        self._entered: set[ast.AST] = set()
        self._stored: list[Stored] = []
        self._stored_elsewhere: list[Stored] = []
        self._conditions: tuple[Condition, ...] = ()
        self._steps = 0

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooLargeError

    def _lookup(self, name: str) -> Value:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        if self._stars and name not in _BUILTINS:
            module = _STAR_FIRST if _STAR_FIRST in self._stars else self._stars[-1]
            return Symbol(f"{module}.{name}")
        return Symbol(name)

    def _set(self, name: str, value: Value) -> None:
        self._scopes[0 if name in self._globals else -1][name] = value

    def _record(
        self, callee: Value, positional: tuple[Value, ...], keywords: Mapping[str, Value], node: ast.stmt | ast.expr
    ) -> Call:
        code = partial(ast.unparse, node)
        taken = together(*(conditions_of(value) for value in (callee, *positional, *keywords.values())))
        conditions = tuple(dict.fromkeys((*self._conditions, *taken)))
        call = Call(callee, positional, keywords, node.lineno, code, len(self.calls), conditions, taken)
        self.calls.append(call)
        return call

    def _declare_option(self, positional: tuple[Value, ...], keywords: Scope) -> None:
        flags = [text for item in positional if (text := literal(item))]
        long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else None)
        if long is not None:
            name = long.lstrip("-")
            self.declared.append(name)
            self._destinations[literal(keywords.get("dest")) or name.replace("-", "_")] = name
            if (default := literal(keywords.get("default"))) is not None:
                self._defaults[name] = default

    def _command_option(self, decorator: Value) -> tuple[str, Value] | None:
        """Return the parameter that ``@click.option("--name")`` gives a function, and the argument that it holds."""
        match decorator:
            case Result(Call(Symbol("click.option" | "click.argument")) as call):
                flags = [text for given in call.positional if (text := literal(given))]
            case _:
                return None
        long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else "")
        named = next((flag for flag in flags if not flag.startswith("-")), long)
        name, default = long.partition("/")[0].lstrip("-"), literal(call.keywords.get("default"))
        if not name:
            return None
        self.declared.append(name)
        return named.partition("/")[0].lstrip("-").replace("-", "_").lower(), Text((Argument(name, default),))

    @contextmanager
    def _frame(self, node: ast.AST, scopes: list[Scope], owner: Instance | Class | None) -> Iterator[list[Value]]:
        outer = self._scopes, self._returns, self._globals
        self._scopes, self._returns, self._globals = scopes, [], set()
        self._active.append(node)
        self._owners.append(owner)
        try:
            yield self._returns
        finally:
            self._active.pop()
            self._owners.pop()
            self._scopes, self._returns, self._globals = outer
