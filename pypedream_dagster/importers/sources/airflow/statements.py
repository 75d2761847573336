"""Statements of a DAG file, walked: of an ``if`` that cannot be told, both sides; each loop's turns one by one."""

from __future__ import annotations

import ast
from abc import abstractmethod
from contextlib import suppress
from typing import TypeAlias

from pypedream_dagster.importers.sources.airflow import natives
from pypedream_dagster.importers.sources.airflow.calls import Calls
from pypedream_dagster.importers.sources.airflow.pipeline import Operator, operators_within
from pypedream_dagster.importers.sources.airflow.values import (
    MISSING,
    Bound,
    ClassValue,
    EnumText,
    Frame,
    Function,
    Instance,
    Module,
    Symbol,
    Value,
    is_open,
    truth,
)

_MOST_TURNS = 300


class _Leave(Exception):  # noqa: N818 - not an error: how a statement leaves the blocks around it
    """The code goes on elsewhere."""


class _ReturnFrom(_Leave):
    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


class _BreakOut(_Leave):
    pass


class _ContinueNext(_Leave):
    pass


class _RaisedError(_Leave):
    pass


_Items: TypeAlias = dict[tuple[int, Value], tuple[dict[Value, Value], Value, Value]]
"""Items of tables by table and key, each with a value."""


class Statements(Calls):
    """The part of a reader that walks statements."""

    @abstractmethod
    def imported(self, dotted: str, level: int) -> Value:
        """Return an imported module, a given file's or a name only."""

    @abstractmethod
    def opened(self, context: Value) -> Value:
        """Enter a context and return what it is bound to."""

    @abstractmethod
    def closed(self, context: Value) -> None:
        """Leave a context."""

    def module_body(self, body: list[ast.stmt]) -> None:
        """Walk a module: a statement that goes wrong ends only itself."""
        for statement in body:
            try:
                self.statement(statement)
            except _Leave:
                continue

    def body_result(self, body: list[ast.stmt], frame: Frame) -> Value:
        """Walk a function's statements and return what it gives."""
        result: Value = None
        try:
            self.block(body)
        except _ReturnFrom as left:
            result = left.value
        except _Leave:
            pass
        if result is None:
            result = next((value for value in reversed(frame.possible) if value is not None), None)
        elif frame.possible and not isinstance(result, tuple):
            for value in frame.possible:
                result = self.either(result, value, "result") if value is not None else result
        return result

    def block(self, body: list[ast.stmt]) -> None:
        """Walk statements."""
        for statement in body:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        """Walk a statement."""
        self.step()
        self.line = node.lineno
        match node:
            case ast.Expr(value):
                self.value(value)
            case ast.Assign(targets, value):
                self.hint = targets[0].id if isinstance(targets[0], ast.Name) else "choice"
                found = self.value(value)
                for target in targets:
                    self.bind(target, found)
            case ast.AnnAssign(target, _, value) if value is not None:
                self.bind(target, self.value(value))
            case ast.AugAssign(target, operation, value):
                self._augment(target, operation, self.value(value))
            case ast.Import(names):
                for alias in names:
                    found = self.imported(alias.name, 0)
                    if alias.asname:
                        self.frame.bind(alias.asname, found)
                    else:
                        self.frame.bind(alias.name.partition(".")[0], self._package(alias.name, found))
            case ast.ImportFrom(module, names, level):
                self._import_from(module or "", names, level)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define(node)
            case ast.ClassDef():
                self._class(node)
            case ast.Return(value):
                raise _ReturnFrom(self.value(value) if value is not None else None)
            case ast.If(test, body, orelse):
                self._if(self.value(test), body, orelse)
            case ast.For(target, iterated, body, orelse) | ast.AsyncFor(target, iterated, body, orelse):
                self._for(target, iterated, body, orelse)
            case ast.While(test, body, orelse):
                self._while(test, body)
                self.block(orelse)
            case ast.With(items, body) | ast.AsyncWith(items, body):
                self._with(items, body)
            case ast.Try(body, handlers, orelse, finalbody) | ast.TryStar(body, handlers, orelse, finalbody):
                self._try(body, handlers, orelse, finalbody)
            case ast.Match():
                self._match(node)
            case ast.Global(names) | ast.Nonlocal(names):
                self.frame.foreign.update(names)
            case ast.Raise():
                raise _RaisedError
            case ast.Break():
                raise _BreakOut
            case ast.Continue():
                raise _ContinueNext
            case ast.Delete(targets):
                self._delete(targets)
            case _:
                pass

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign a value."""
        match target:
            case ast.Name(name):
                self.frame.bind(name, value)
            case ast.Tuple(targets) | ast.List(targets):
                self._unpack(targets, value)
            case ast.Starred(inner):
                self.bind(inner, value)
            case ast.Attribute(owner, name):
                self.set_attribute(self.value(owner), name, value)
            case ast.Subscript(owner, key):
                self._set_item(self.value(owner), self.value(key), value)
            case _:
                pass

    def _unpack(self, targets: list[ast.expr], value: Value) -> None:
        known = isinstance(value, list | tuple | dict | set) or (isinstance(value, str) and "${" not in value)
        items = self.iterated(value) if known else []
        star = next((i for i, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
        if star is not None and len(items) >= len(targets) - 1:
            after = len(targets) - star - 1
            middle = items[star : len(items) - after]
            items = [*items[:star], middle, *items[len(items) - after :]]
        for index, target in enumerate(targets):
            self.bind(target, items[index] if index < len(items) else self.item(value, index))

    def _set_item(self, owner: Value, key: Value, value: Value) -> None:
        if isinstance(owner, dict | list):
            if isinstance(owner, dict):
                self.note(owner, key)
            try:
                owner[key] = value
            except (TypeError, IndexError, ValueError):
                return
            natives.limited(owner)

    def set_attribute(self, owner: Value, name: str, value: Value) -> None:
        """Assign to an attribute."""
        match owner:
            case Instance():
                self.note(owner.attributes, name)
                owner.attributes[name] = value
                if owner.core is not None:
                    self.set_attribute(owner.core, name, value)
            case ClassValue():
                owner.members[name] = value
            case Module():
                owner.names[name] = value
            case Operator():
                owner.arguments[name] = value
                for source in operators_within(value, given_only=True):
                    source.before(owner)
            case _:
                pass

    def _augment(self, target: ast.expr, operation: ast.operator, value: Value) -> None:
        old = self.value(target)
        if isinstance(old, list) and isinstance(operation, ast.Add):
            old.extend(self.iterated(value))
            natives.limited(old)
        elif isinstance(old, dict) and isinstance(operation, ast.BitOr) and isinstance(value, dict):
            for key, item in value.items():
                self._set_item(old, key, item)
        else:
            self.bind(target, natives.limited(self.binary(operation, old, value)))

    def _delete(self, targets: list[ast.expr]) -> None:
        for target in targets:
            if isinstance(target, ast.Subscript):
                owner, key = self.value(target.value), self.value(target.slice)
                try:
                    del owner[key]
                except (TypeError, LookupError):
                    continue

    def _package(self, dotted: str, found: Value) -> Value:
        """Return what ``import a.b`` binds to ``a``."""
        if "." not in dotted or not isinstance(found, Module):
            return found if "." not in dotted else Symbol(dotted.partition(".")[0])
        first, *middle, last = dotted.split(".")
        top = inner = Module(found.path, first)
        for name in middle:
            inner.names[name] = Module(found.path, name)
            inner = inner.names[name]
        inner.names[last] = found
        return top

    def _import_from(self, module: str, names: list[ast.alias], level: int) -> None:
        found = self.imported(module, level)
        for alias in names:
            if alias.name == "*":
                if isinstance(found, Module):
                    self.frame.names.update({n: v for n, v in found.names.items() if not n.startswith("_")})
                continue
            value = found.names.get(alias.name, MISSING) if isinstance(found, Module) else MISSING
            if value is MISSING:
                value = self.imported(f"{module}.{alias.name}" if module else alias.name, level)
            self.frame.bind(alias.asname or alias.name, value)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        value: Value = Function(node, self.frame, self.defaults(node.args))
        for decorator in reversed(node.decorator_list):
            wrapper = self.value(decorator)
            made = (
                self.call(wrapper, [value], {})
                if isinstance(wrapper, Function | Bound)
                else self._wrapped(wrapper, value)
            )
            value = made if made is not None and not is_open(made) else value
        self.frame.bind(node.name, value)

    def _wrapped(self, wrapper: Value, value: Value) -> Value:
        return self.call(wrapper, [value], {}) if truth(wrapper) in (True, None) else value

    def _class(self, node: ast.ClassDef) -> None:
        made = ClassValue(node.name, tuple(self.value(base) for base in node.bases), {}, self.frame.module)
        outer = self.frame
        self.frame = Frame(outer.module, made.members, outer, within=None)
        try:
            for statement in node.body:
                try:
                    self.statement(statement)
                except _Leave:
                    continue
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    made.members.setdefault(statement.target.id, None)
        finally:
            self.frame = outer
        for member in made.members.values():
            if isinstance(member, Function):
                member.within = made
                member.frame = outer  # a class's names are not in sight of its methods
        for name, member in (made.enumerated or {}).items():
            if isinstance(member, str):
                made.members[name] = EnumText(member, name)
        if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
            made.members["__dataclass__"] = True
        self.frame.bind(node.name, made)

    def _if(self, test: Value, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        known = truth(test)
        if known is not None:
            self.block(body if known else orelse)
            return
        names = self.frame.names
        before = dict(names)
        first, one_items = self._side(body)
        one = dict(names)
        names.clear()
        names.update(before)
        second, other_items = self._side(orelse)
        if first is not None and second is not None:
            raise second if not isinstance(second, _RaisedError) else first
        if first is None and second is None:
            merged = self._merged(one, dict(names))
            names.clear()
            names.update(merged)
        elif second is not None:  # only the first goes on
            names.clear()
            names.update(one)
        self._merge_items({} if first is not None else one_items, {} if second is not None else other_items)
        left = first if first is not None else second
        if isinstance(left, _ReturnFrom):
            self.frame.possible.append(left.value)

    def _side(self, body: list[ast.stmt]) -> tuple[_Leave | None, _Items]:
        """Walk one side of an ``if``; what it set in tables is taken back and returned."""
        outer, self.journal = self.journal, {}
        left: _Leave | None = None
        try:
            self.block(body)
        except _Leave as leaving:
            left = leaving
        finally:
            journal, self.journal = self.journal, outer
            found: _Items = {}
            for place, (table, key, old) in journal.items():
                found[place] = table, key, table.get(key, MISSING)
                if old is MISSING:
                    table.pop(key, None)
                else:
                    table[key] = old
        return left, found

    def _merge_items(self, one: _Items, other: _Items) -> None:
        for place, (table, key, _) in {**one, **other}.items():
            old = table.get(key, MISSING)
            values = [side[place][2] if place in side else old for side in (one, other)]
            known = [value for value in values if value is not MISSING]
            self.note(table, key)
            if known:
                table[key] = known[0] if len(known) == 1 else self.either(known[0], known[1], str(key)[:40])

    def _merged(self, one: dict[str, Value], other: dict[str, Value]) -> dict[str, Value]:
        merged: dict[str, Value] = {}
        for name in {**one, **other}:
            if name in one and name in other:
                merged[name] = self.either(one[name], other[name], name)
            else:
                merged[name] = one[name] if name in one else other[name]
        return merged

    def _for(self, target: ast.expr, iterated: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        for item in self.iterated(self.value(iterated)):
            self.bind(target, item)
            try:
                self.block(body)
            except _ContinueNext:
                continue
            except _BreakOut:
                return
        self.block(orelse)

    def _while(self, test: ast.expr, body: list[ast.stmt]) -> None:
        for _ in range(_MOST_TURNS):
            known = truth(self.value(test))
            if known is False:
                return
            try:
                self.block(body)
            except _ContinueNext:
                pass
            except _BreakOut:
                return
            if known is None:
                return

    def _with(self, items: list[ast.withitem], body: list[ast.stmt]) -> None:
        contexts: list[Value] = []
        try:
            for item in items:
                context = self.value(item.context_expr)
                bound = self.opened(context)
                contexts.append(bound)
                if item.optional_vars is not None:
                    self.bind(item.optional_vars, bound)
            self.block(body)
        finally:
            for context in reversed(contexts):
                self.closed(context)

    def _try(
        self,
        body: list[ast.stmt],
        handlers: list[ast.ExceptHandler],
        orelse: list[ast.stmt],
        finalbody: list[ast.stmt],
    ) -> None:
        try:
            self.block(body)
            self.block(orelse)
        except _RaisedError:
            if handlers:
                with suppress(_Leave):
                    self.block(handlers[0].body)
        finally:
            self.block(finalbody)

    def _match(self, node: ast.Match) -> None:
        subject = self.value(node.subject)
        for case in node.cases:
            found = self._matches(case.pattern, subject)
            if found is False or (case.guard is not None and truth(self.value(case.guard)) is False):
                continue
            self.block(case.body)
            if found:
                return

    def _matches(self, pattern: ast.pattern, subject: Value) -> bool | None:
        match pattern:
            case ast.MatchValue(value):
                return natives.compared(ast.Eq(), subject, self.value(value))
            case ast.MatchOr(patterns):
                found = [self._matches(one, subject) for one in patterns]
                return True if True in found else None if None in found else False
            case ast.MatchAs(inner, name):
                if name is not None:
                    self.frame.bind(name, subject)
                return True if inner is None else self._matches(inner, subject)
            case _:
                return None
