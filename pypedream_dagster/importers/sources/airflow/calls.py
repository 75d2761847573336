"""Calls while a DAG file is walked: functions and classes of the given files are entered."""

from __future__ import annotations

import ast
from abc import abstractmethod
from typing import Any

from pypedream_dagster.importers.sources.airflow import natives
from pypedream_dagster.importers.sources.airflow.expressions import Expressions
from pypedream_dagster.importers.sources.airflow.iteration import iteration, of_itertools, sorted_by_key
from pypedream_dagster.importers.sources.airflow.natives import NotNativeError
from pypedream_dagster.importers.sources.airflow.pipeline import Dag, Group, Operator
from pypedream_dagster.importers.sources.airflow.values import (
    MISSING,
    Bound,
    ClassValue,
    Decorated,
    Frame,
    Function,
    Getter,
    Instance,
    Method,
    Partial,
    Super,
    Symbol,
    Unknown,
    Value,
    named,
    truth,
)

_DEEPEST_CALL = 25
_OPERATORS: dict[str, ast.operator] = {
    "rshift": ast.RShift(),
    "lshift": ast.LShift(),
    "add": ast.Add(),
    "concat": ast.Add(),
    "or_": ast.BitOr(),
    "mod": ast.Mod(),
}


class Calls(Expressions):
    """The part of a reader that calls.

    Attributes:
        entered: the code of the functions that were entered.
        journal: of a side of an ``if`` that cannot be told: items of tables that it sets, with what they were before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.entered: set[ast.AST] = set()
        self.active: list[ast.AST] = []
        self.journal: dict[tuple[int, Value], tuple[dict[Value, Value], Value, Value]] | None = None

    @abstractmethod
    def block(self, body: list[ast.stmt]) -> None:
        """Walk statements."""

    @abstractmethod
    def body_result(self, body: list[ast.stmt], frame: Frame) -> Value:
        """Walk a function's statements and return what it gives."""

    @abstractmethod
    def symbol_call(self, symbol: Symbol, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a call of something of Airflow's or a library's gives; MISSING if it is not known."""

    @abstractmethod
    def method_call(self, owner: Value, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a method of Airflow's or a library's gives; MISSING if it is not known."""

    @abstractmethod
    def construct(self, instance: Instance, positional: list[Value], keywords: dict[str, Value]) -> None:
        """Make an instance the DAG, task or group that its first class outside of the given files says."""

    @abstractmethod
    def decorated_call(self, decorated: Decorated, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Call a function that is a DAG, a task or a task group."""

    def call(self, callee: Value, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a call gives."""
        self.step()
        match callee:
            case Function():
                return self.enter(callee, positional, keywords)
            case Bound(function, owner):
                return self.enter(function, [owner, *positional], keywords)
            case ClassValue() if positional and (members := callee.enumerated) is not None:
                return next((member for member in members.values() if member == positional[0]), positional[0])
            case ClassValue():
                return self.instance(callee, positional, keywords)
            case Partial(inner, given, named_ones):
                return self.call(inner, [*given, *positional], {**named_ones, **keywords})
            case Decorated():
                return self.decorated_call(callee, positional, keywords)
            case Symbol(name) if name.startswith("builtins."):
                return self._builtin(name.removeprefix("builtins."), positional, keywords)
            case Symbol(name) if (made := self._of_python(name, positional, keywords)) is not MISSING:
                return made
            case Symbol() | Unknown():
                symbol = callee if isinstance(callee, Symbol) else Symbol(callee.name)
                found = self.symbol_call(symbol, positional, keywords)
                return found if found is not MISSING else self._unknown_call(symbol.name, positional, keywords)
            case Method(owner, name):
                return self._method(owner, name, positional, keywords)
            case Getter(keys, of_attributes) if positional:
                got = [self._got(positional[0], key, of_attributes=of_attributes) for key in keys]
                return got[0] if len(got) == 1 else tuple(got)
            case Instance(of) if isinstance(called := of.member("__call__"), Function):
                return self.enter(called, [callee, *positional], keywords)
            case _:
                return self.fresh("result")

    def _of_python(self, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a function of the standard library gives that works on any values; MISSING if it is none."""
        module, _, function = name.partition(".")
        if module == "itertools":
            found = iteration(self, function, positional, keywords)
            return found if found is not MISSING else of_itertools(self, function, positional, keywords)
        if name == "functools.reduce":
            return iteration(self, function, positional, keywords)
        if module == "operator" and function in _OPERATORS and len(positional) == 2:
            return self.binary(_OPERATORS[function], positional[0], positional[1])
        return MISSING

    def _got(self, owner: Value, key: Value, *, of_attributes: bool) -> Value:
        return self.attribute(owner, natives.text_of(key)) if of_attributes else self.item(owner, key)

    def _unknown_call(self, name: str, positional: list[Value], keywords: dict[str, Value]) -> Unknown:
        """Return what a call of something unknown gives: the same for the same that it is given."""
        given = (natives.told_apart(value) for value in (*positional, *keywords.values()))
        return Unknown(".".join([name, *given]))

    def note(self, table: dict[Value, Value], key: Value) -> None:
        """Note what an item is before it is set, where it may have to be taken back."""
        try:
            if self.journal is not None:
                self.journal.setdefault((id(table), key), (table, key, table.get(key, MISSING)))
        except TypeError:
            return

    def _method(self, owner: Value, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        if natives.has_method(owner, name):
            if isinstance(owner, dict) and name in {"update", "setdefault", "pop"}:
                self._note_all(owner, positional, keywords)
            if isinstance(owner, list) and name == "sort" and (key := keywords.get("key")) is not None:
                owner[:] = sorted_by_key(self, owner, key, backwards=truth(keywords.get("reverse")) is True)
                return None
            try:
                return natives.method(owner, name, positional, keywords)
            except NotNativeError:
                if isinstance(owner, dict) and name in {"get", "pop"} and positional:
                    return self.item(owner, positional[0])
                return self._unknown_call(f"{named(owner)}.{name}", positional, keywords)
        if isinstance(owner, Super):
            if name == "__init__":
                self.construct(owner.instance, positional, keywords)
                return None
            return self._method(owner.instance.core, name, positional, keywords)
        found = self.method_call(owner, name, positional, keywords)
        return found if found is not MISSING else self._unknown_call(f"{named(owner)}.{name}", positional, keywords)

    def _note_all(self, table: dict[Value, Value], positional: list[Value], keywords: dict[str, Value]) -> None:
        given = positional[0] if positional else None
        for key in (*(given if isinstance(given, dict) else [given]), *keywords):
            self.note(table, key)

    def instance(self, of: ClassValue, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return a new object of a class of the given files."""
        made = Instance(of, self.frame.module.path, self.line)
        constructor = of.member("__init__")
        if isinstance(constructor, Function):
            self.enter(constructor, [made, *positional], keywords)
        elif any(isinstance(b, Symbol) and b.last == "NamedTuple" for b in of.lineage()) or _is_data(of):
            fields = [name for name in of.members if not isinstance(of.members[name], Function)]
            made.attributes |= {**dict(zip(fields, positional, strict=False)), **keywords}
        if made.core is None:
            self.construct(made, positional, keywords)
        if made.core is None and not isinstance(constructor, Function):
            made.attributes |= keywords
        return made

    def enter(self, function: Function, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Walk a function with what it is given, and return what it gives."""
        self.entered.add(function.node)
        if len(self.active) >= _DEEPEST_CALL or self.active.count(function.node) > 3:
            return Unknown(f"{function.frame.module.name}.{function.name}")
        outer, line = self.frame, self.line
        frame = Frame(function.frame.module, {}, function.frame, within=function.within)
        self.active.append(function.node)
        self.frame = frame
        try:
            frame.names.update(self._parameters(function, positional, keywords))
            if isinstance(function.node, ast.Lambda):
                return self.value(function.node.body)
            result = self.body_result(function.node.body, frame)
            return frame.yields if frame.yields else result
        finally:
            self.active.pop()
            self.frame, self.line = outer, line

    def _parameters(self, function: Function, positional: list[Value], keywords: dict[str, Value]) -> dict[str, Value]:
        signature = function.node.args
        names = [argument.arg for argument in (*signature.posonlyargs, *signature.args)]
        only = [argument.arg for argument in signature.kwonlyargs]
        place = f"{function.frame.module.name}.{function.name}"
        found: dict[str, Value] = {name: Unknown(f"{place}.{name}") for name in [*names, *only]}
        found |= function.defaults
        found |= dict(zip(names, positional, strict=False))
        found |= {name: value for name, value in keywords.items() if name in found}
        if signature.vararg is not None:
            found[signature.vararg.arg] = tuple(positional[len(names) :])
        if signature.kwarg is not None:
            found[signature.kwarg.arg] = {name: value for name, value in keywords.items() if name not in found}
        return found

    def _builtin(self, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        first = positional[0] if positional else None
        match name:
            case "globals":
                return self.frame.module.names
            case "locals" | "vars":
                return dict(self.frame.names) if not isinstance(first, Instance) else first.attributes
            case "print" | "exec" | "eval" | "compile" | "input" | "breakpoint" | "__import__":
                return None
            case "isinstance" | "issubclass" | "callable":
                return self._isinstance(name, positional)
            case "getattr" if len(positional) >= 2 and isinstance(positional[1], str):
                return self.attribute(first, positional[1])
            case "setattr" if len(positional) == 3 and isinstance(positional[1], str):
                self.set_attribute(first, positional[1], positional[2])
                return None
            case "hasattr":
                return self.fresh("condition")
            case "type" if len(positional) == 1 and isinstance(first, Instance):
                return first.of
            case "property" | "staticmethod" | "classmethod" if isinstance(first, Function):
                first.computed, first.static = name == "property", name == "staticmethod"
                first.of_class = name == "classmethod"
                return first
            case "next":
                items = self.iterated(first)
                return items[0] if items else positional[1] if len(positional) > 1 else self.fresh("item")
            case "any" | "all" if len(positional) == 1:
                return self._any_or_all(name, self.iterated(first))
            case "bool":
                known = truth(first)
                return self.fresh("condition") if known is None else known
            case "open":
                return self.symbol_call(Symbol("io.open"), positional, keywords)
        found = iteration(self, name, positional, keywords)
        return found if found is not MISSING else self._native(name, positional, keywords)

    def _native(self, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        if name in {"list", "tuple", "set", "enumerate", "zip", "sorted", "reversed", "iter"}:
            positional = [self.iterated(p) if isinstance(p, Unknown | Symbol) else p for p in positional]
        if name == "dict" and positional and isinstance(positional[0], Unknown | Symbol):
            return positional[0]
        try:
            return natives.function(name, positional, keywords)
        except NotNativeError:
            return self._unknown_call(name, positional, keywords)

    def _isinstance(self, name: str, positional: list[Value]) -> Value:
        first = positional[0] if positional else None
        if name == "callable":
            return isinstance(first, Function | Bound | ClassValue | Partial | Decorated)
        types: Any = positional[1] if len(positional) > 1 else None
        wanted = types if isinstance(types, tuple) else (types,)
        if name == "issubclass" or isinstance(first, Unknown | Symbol):
            return self.fresh("condition")
        own = {type(first).__name__}
        if isinstance(first, Instance):
            own |= {c.name if isinstance(c, ClassValue) else c.last for c in first.of.lineage()}
        elif isinstance(first, Operator):
            own |= {first.kind, "BaseOperator"}
        elif isinstance(first, Dag | Group):
            own |= {"DAG", "TaskGroup"} & {type(first).__name__.upper(), f"Task{type(first).__name__}"}
        names = {w.name if isinstance(w, ClassValue) else w.last for w in wanted if isinstance(w, ClassValue | Symbol)}
        return bool(own & names)

    def _any_or_all(self, name: str, items: list[Value]) -> Value:
        known = [truth(item) for item in items]
        deciding = name == "any"
        if deciding in known:
            return deciding
        return self.fresh("condition") if None in known else not deciding

    @abstractmethod
    def set_attribute(self, owner: Value, name: str, value: Value) -> None:
        """Assign to an attribute."""


def _is_data(of: ClassValue) -> bool:
    return isinstance(of.members.get("__dataclass__"), bool)
