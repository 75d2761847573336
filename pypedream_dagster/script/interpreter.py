"""Reading a script as if it ran: both sides of every ``if``, functions where they are called, nothing executed.

What comes out are the calls in order, each with what its parts are. Functions that are never called are entered
with unknown parameters at the end, so that nothing in the script is missed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from pypedream_dagster.script.calls import Calls
from pypedream_dagster.script.choices import defaulted, either, either_arguments
from pypedream_dagster.script.documents import FILE
from pypedream_dagster.script.environment import Scope, Stored
from pypedream_dagster.script.operations import ANY_ARGUMENT, binary
from pypedream_dagster.script.pieces import Argument, Condition, Text
from pypedream_dagster.script.selection import where
from pypedream_dagster.script.syntax import (
    asks_for_argument,
    flag_in,
    given_by_glue,
    is_left_for_good,
    is_of_class,
    leaves,
)
from pypedream_dagster.script.values import Class, Constant, Function, Instance, Parameters, Symbol

Sources = Callable[[str], bytes | None]
"""Gives a module's code by its dotted name, and ``file:NAME`` by that; None where it does not come with the script."""

_LONGEST_FILE = 100_000


class Interpreter(Calls):
    """One script's reading."""

    def __init__(self, sources: Sources | None = None) -> None:
        super().__init__()
        self._sources = sources
        self._loaded: dict[str, Scope | None] = {}
        self._flags: frozenset[str] = frozenset()

    def run(self, tree: ast.Module) -> None:
        """Read a whole script.

        Raises:
            TooLargeError: it was given up; what was found till then is there.
        """
        self._block(tree.body)
        while waiting := [f for node, f in self._functions.items() if node not in self._entered]:
            for function in waiting:
                self._enter(function, (), {})

    # Statements

    def _block(self, body: list[ast.stmt]) -> None:
        for index, statement in enumerate(body):
            if isinstance(statement, ast.If) and leaves(statement.body) != leaves(statement.orelse):
                # The rest is run only where the script stays: it is a part of that side.
                self._step()
                sides = [statement.body, statement.orelse]
                sides[leaves(statement.body)] = sides[leaves(statement.body)] + body[index + 1 :]
                self._branch(statement.test, *sides)
                return
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        self._step()
        match node:
            case ast.Import(names):
                for alias in names:
                    self.modules.append(alias.name)
                    bound = alias.asname or alias.name.partition(".")[0]
                    known = self._module(alias.name)
                    if known is not None and (alias.asname or "." not in alias.name):
                        self._set(bound, Class(alias.name, known))
                    else:
                        self._set(bound, Symbol(alias.name if alias.asname else bound))
            case ast.ImportFrom(module, names):
                self._import_from(module or "", names)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define(node)
            case ast.ClassDef(name, bases, _, body):
                self._class(name, bases, body)
            case ast.Assign(targets, value):
                found = self._value(value)
                for target in targets:
                    self._bind(target, found, node)
            case ast.AnnAssign(target, _, value) if value is not None:
                self._bind(target, self._value(value), node)
            case ast.AugAssign(target, operator, value):
                old = self._value(target)
                self._bind(target, binary(operator, old, self._value(value)), node)
            case ast.Return(value):
                returned = self._value(value) if value is not None else Constant(None)
                for condition in self._conditions:
                    returned = where(returned, condition)
                self._returns.append(returned)
            case ast.If(test, body, orelse):
                self._branch(test, body, orelse)
            case ast.For(target, iterated, body, orelse) | ast.AsyncFor(target, iterated, body, orelse):
                for element in self._iterated(self._value(iterated)):
                    self._bind(target, element, node)
                    self._block(body)
                self._block(orelse)
            case ast.While(test, body, orelse):
                self._value(test)
                self._block(body + orelse)
            case ast.With(items, body) | ast.AsyncWith(items, body):
                for opened in items:
                    context = self._value(opened.context_expr)
                    if opened.optional_vars is not None:
                        self._bind(opened.optional_vars, context, node)
                self._block(body)
            case ast.Try(body, handlers, orelse, finalbody) | ast.TryStar(body, handlers, orelse, finalbody):
                self._block(body)
                on_glue = given_by_glue(body)
                self._flags |= on_glue or frozenset()
                for handler in handlers if on_glue is None else ():
                    self._fork(handler.body, [], is_default=True)
                self._block(orelse + finalbody)
            case ast.Match(subject, cases):
                self._value(subject)
                for case_ in cases:
                    self._fork(case_.body, [], self._is_case(subject, case_.pattern))
            case ast.Global(names) | ast.Nonlocal(names):
                self._globals.update(names)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._value(child)

    def _branch(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        match test:
            case ast.Name(name) | ast.UnaryOp(ast.Not(), ast.Name(name)) if name in self._flags:
                holds = self._value(ast.Name(name, ast.Load())) == Constant(True)
                self._block(body if holds == isinstance(test, ast.Name) else orelse)
                return
        flag, compared = flag_in(test)
        is_flag = compared is not None and self._value(compared) == ANY_ARGUMENT
        self._value(test)
        condition = self._condition(test)
        self._fork(body, orelse, condition, is_default=asks_for_argument(test), flag=flag if is_flag else None)

    def _fork(
        self,
        body: list[ast.stmt],
        orelse: list[ast.stmt],
        condition: Condition | None = None,
        *,
        is_default: bool = False,
        flag: str | None = None,
    ) -> None:
        """Read two ways that a script may go; afterwards each name is what the one or the other made it.

        Args:
            body, orelse: the ways.
            condition: on which the first is taken.
            is_default: whether the other one is for an argument that is not given.
            flag: the argument that is found where the first way is taken: what is taken from ``sys.argv`` is its value.
        """
        before = dict(self._scopes[-1])
        first, stored = self._side(body, before, condition)
        if flag is not None:
            taken = {name for name, value in first.items() if value == ANY_ARGUMENT != before.get(name)}
            first |= dict.fromkeys(taken, Text((Argument(flag),)))
        self._stored_elsewhere.append(stored)
        second, also_stored = self._side(orelse, before, condition.opposite if condition else None)
        self._stored_elsewhere.pop()
        if self._stored:
            self._stored[-1].update(stored | also_stored)
        sides = [side for side, code in ((first, body), (second, orelse)) if not is_left_for_good(code)] or [first]
        together: Scope = {}
        for name in {name: None for side in sides for name in side}:
            values = [side[name] for side in sides if name in side]
            if len(values) == 1 or values[0] is values[1]:
                together[name] = values[0]
            elif isinstance(one := values[0], Parameters) and isinstance(two := values[1], Parameters):
                together[name] = either_arguments(one, two)
            elif is_default:
                together[name] = defaulted(
                    *(values if isinstance(values[0], Text) and values[0].arguments else values[::-1])
                )
            elif condition is not None and len(sides) == 2:
                one, two = values
                together[name] = either(where(one, condition), where(two, condition.opposite))
            else:
                together[name] = either(*values)
        self._become(together)

    def _side(self, body: list[ast.stmt], before: Scope, condition: Condition | None) -> tuple[Scope, Stored]:
        """Read one way, and return what names are there, and what it put into dicts."""
        self._become(before)
        self._stored.append({})
        outer = self._conditions
        self._conditions = (*outer, condition) if condition else outer
        self._block(body)
        self._conditions = outer
        return dict(self._scopes[-1]), self._stored.pop()

    def _become(self, names: Scope) -> None:
        """Change the innermost names in place: functions that were defined among them see it."""
        scope = self._scopes[-1]
        scope.clear()
        scope.update(names)

    def _is_case(self, subject: ast.expr, pattern: ast.pattern) -> Condition | None:
        found = [inner.value for inner in ast.walk(pattern) if isinstance(inner, ast.MatchValue)]
        values = ast.Tuple(found, ast.Load())
        return self._condition(ast.Compare(subject, [ast.In()], [values])) if found else None

    def _import_from(self, module: str, names: list[ast.alias]) -> None:
        self.modules.append(module)
        known = self._module(module) or {}
        for alias in names:
            if alias.name == "*" and known:
                self._scopes[-1].update({name: value for name, value in known.items() if not name.startswith("_")})
            elif alias.name == "*":
                self._stars.append(module)
            elif alias.name in known:
                self._set(alias.asname or alias.name, known[alias.name])
            elif (inner := self._module(f"{module}.{alias.name}".lstrip("."))) is not None:
                self._set(alias.asname or alias.name, Class(alias.name, inner))
            else:
                self._set(alias.asname or alias.name, Symbol(f"{module}.{alias.name}"))

    def _module(self, name: str) -> Scope | None:
        """Return what a module defines that comes with the script; None if it is somebody else's."""
        if self._sources is None or not name:
            return None
        if name not in self._loaded:
            self._loaded[name] = None  # one that imports itself, by others, gets no further
            body = self._sources(name)
            try:
                tree = ast.parse(body) if body is not None else None
            except (SyntaxError, ValueError):
                tree = None
            if tree is not None:
                self._loaded[name] = self._loaded_from(tree)
        return self._loaded[name]

    def _file(self, path: str | None) -> str | None:
        body = self._sources(f"{FILE}{path}") if self._sources is not None and path else None
        return body.decode("utf-8-sig", errors="replace")[:_LONGEST_FILE] if body is not None else None

    def _loaded_from(self, tree: ast.Module) -> Scope:
        scope: Scope = {}
        own = dict(self._functions)
        with self._frame(tree, [scope], None):
            self._block(tree.body)
        self._functions = own  # what the script does not call of it says nothing
        return scope

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for expression in [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]:
            self._value(expression)
        options = [self._command_option(self._value(decorator)) for decorator in node.decorator_list]
        if given := {name: value for option in options if option is not None for name, value in [option]}:
            self._options[node] = given
        function = Function(node, tuple(self._scopes))
        self._functions[node] = function
        self._set(node.name, function)

    def _class(self, name: str, bases: list[ast.expr], body: list[ast.stmt]) -> None:
        inherited: Scope = {}
        # Base[T] is Base.
        plain = [base.value if isinstance(base, ast.Subscript) else base for base in bases]
        parents = [parent for base in plain if isinstance(parent := self._value(base), Class)]
        for parent in reversed(parents):
            inherited |= parent.members
        self._scopes.append(inherited)
        self._block(body)
        self._scopes.pop()
        own = [n.target.id for n in body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
        fields = dict.fromkeys([*(field for parent in parents for field in parent.fields), *own])
        made = Class(name, inherited, tuple(fields), tuple(parents))
        self._set(name, made)
        instance = Instance(made)
        constructor = inherited.get("__init__")
        if isinstance(constructor, Function):  # what it sets, all methods see, even where nobody makes an instance
            self._functions[constructor.node] = Function(constructor.node, constructor.closure, instance)
        for member in inherited.values():
            if isinstance(member, Function) and member.node in self._functions:
                owner = made if is_of_class(member.node) else instance
                self._functions[member.node] = Function(member.node, member.closure, owner)
