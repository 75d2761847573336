"""Expressions of a DAG file, walked: what each is, as far as the code tells."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress

from pypedream_dagster.importers.sources.airflow import natives
from pypedream_dagster.importers.sources.airflow.natives import NotNativeError
from pypedream_dagster.importers.sources.airflow.pipeline import (
    Label,
    Operator,
    XCom,
    connect,
    is_dependable,
    operator_in,
)
from pypedream_dagster.importers.sources.airflow.values import (
    MISSING,
    Bound,
    ClassValue,
    EnumText,
    Frame,
    Function,
    Instance,
    Method,
    Module,
    Super,
    Symbol,
    Unknown,
    Value,
    is_open,
    named,
    truth,
)

_BUILTINS = frozenset(dir(__import__("builtins")))
MOST_STEPS = 200_000
_METHODS_OF_UNKNOWN = {"get", "items", "keys", "values", "xcom_pull", "strip", "lstrip", "rstrip", "split"}
_LONGEST_LOOP = 2_000


class GivenUpError(Exception):
    """The file takes more steps than are allowed."""


class Expressions(ABC):
    """The part of a reader that evaluates.

    Attributes:
        frame: the names that are in sight.
        steps: how much was walked so far.
        line: of the statement or call that is being walked.
        hint: the name that is being assigned: what is not known is called by it.
    """

    def __init__(self) -> None:
        self.frame = Frame(Module("", ""), {})
        self.steps = 0
        self.most_steps = MOST_STEPS
        self.line = 0
        self.hint = "choice"
        self._opened: dict[str, list[str]] = {}

    def outside(self, name: str, default: Value) -> Value:
        """Return a value that the code does not tell, but for its default."""
        return Unknown(name, default)

    @abstractmethod
    def call(self, callee: Value, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a call gives."""

    @abstractmethod
    def attribute_of(self, owner: Value, name: str) -> Value:
        """Return an attribute of something of Airflow's or a library's; MISSING if it is not known."""

    @abstractmethod
    def item_of(self, owner: Value, key: Value) -> Value:
        """Return an item of something that is no container; MISSING if it is not known."""

    def step(self) -> None:
        """Count a step.

        Raises:
            GivenUpError: it was one too many.
        """
        self.steps += 1
        if self.steps > self.most_steps:
            raise GivenUpError

    def value(self, node: ast.expr) -> Value:
        """Return what an expression is."""
        self.step()
        match node:
            case ast.Constant(value):
                return value
            case ast.Name(name):
                return self._name(name)
            case ast.JoinedStr(values):
                return natives.limited("".join(self._piece(piece) for piece in values))
            case ast.Attribute(owner, name):
                return self.attribute(self.value(owner), name)
            case ast.Call():
                return natives.limited(self._call(node))
            case ast.Subscript(owner, key):
                return self.item(self.value(owner), self.value(key), owner)
            case ast.List(elements):
                return self._items(elements)
            case ast.Tuple(elements):
                return tuple(self._items(elements))
            case ast.Set(elements):
                return self._as_set(self._items(elements))
            case ast.Dict():
                return self._dict(node)
            case ast.BinOp(left, operation, right):
                return natives.limited(self.binary(operation, self.value(left), self.value(right)))
            case ast.BoolOp(operation, values):
                return self._bool(operation, values)
            case ast.UnaryOp(operation, operand):
                return self._unary(operation, self.value(operand))
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp(test, body, orelse):
                return self._choice(self.value(test), body, orelse)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                found: list[Value] = []
                for _ in self._comprehended(node.generators):
                    found.append(self.value(node.elt))
                return self._as_set(found) if isinstance(node, ast.SetComp) else found
            case ast.DictComp(key, value, generators):
                table: dict[Value, Value] = {}
                for _ in self._comprehended(generators):
                    self._put(table, self.value(key), self.value(value))
                return table
            case ast.Lambda(arguments):
                return Function(node, self.frame, self.defaults(arguments))
            case ast.NamedExpr(ast.Name(name), value):
                bound = self.value(value)
                self.frame.bind(name, bound)
                return bound
            case ast.Starred(inner) | ast.Await(inner):
                return self.value(inner)
            case ast.Yield(inner) | ast.YieldFrom(inner):
                self.frame.yields.append(self.value(inner) if inner is not None else None)
                return None
            case ast.Slice(lower, upper, stride):
                return slice(*(self.value(part) if part is not None else None for part in (lower, upper, stride)))
            case _:
                return self.fresh("value")

    def fresh(self, hint: str) -> Unknown:
        """Return an unknown value that is equal to no other."""
        return self.frame.module.fresh(hint)

    def _name(self, name: str) -> Value:
        found = self.frame.find(name)
        if found is not MISSING:
            return found
        module = self.frame.module
        if name == "__file__":
            return module.path
        if name == "__name__":
            return module.name
        return Symbol(f"builtins.{name}") if name in _BUILTINS else Unknown(f"{module.name}.{name}")

    def _piece(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(str() as text):
                return text
            case ast.FormattedValue(value, conversion, spec):
                shown = "".join(map(self._piece, spec.values)) if isinstance(spec, ast.JoinedStr) else ""
                return natives.specified(self.value(value), shown, chr(conversion) if conversion > 0 else "")
            case _:
                return natives.text_of(self.value(node))

    def attribute(self, owner: Value, name: str) -> Value:
        """Return an attribute."""
        match owner:
            case Module():
                return owner.names.get(name, Unknown(f"{owner.name}.{name}"))
            case Symbol() | Unknown() if (special := self.attribute_of(owner, name)) is not MISSING:
                return special
            case Symbol(dotted):
                return Symbol(f"{dotted}.{name}")
            case Unknown() if name in _METHODS_OF_UNKNOWN:
                return Method(owner, name)
            case Unknown(known, default):
                inner = default.get(name, MISSING) if isinstance(default, dict) else MISSING
                return Unknown(f"{known}.{name}", inner)
            case Instance():
                return self._instance_attribute(owner, name)
            case EnumText(member=member) if name in {"name", "value"}:
                return member if name == "name" else str(owner)
            case str() | int() if name == "value":
                return owner  # it is a member of an enumeration that is not of the given files
            case ClassValue():
                found = owner.member(name)
                if name == "__name__":
                    return owner.name
                if isinstance(found, Function) and found.of_class:
                    return Bound(found, owner)
                if found is MISSING and owner.root is not None:
                    return Method(owner, name)
                return found if found is not MISSING else Unknown(f"{owner.name}.{name}")
            case Super(instance, after):
                found = instance.of.member(name, after)
                return Bound(found, instance) if isinstance(found, Function) else Method(owner, name)
            case _:
                if natives.has_method(owner, name):
                    return Method(owner, name)
                found = self.attribute_of(owner, name)
                return found if found is not MISSING else Method(owner, name)

    def _instance_attribute(self, owner: Instance, name: str) -> Value:
        if name in owner.attributes:
            return owner.attributes[name]
        found = owner.of.member(name)
        if isinstance(found, Function):
            if found.computed:
                return self.call(Bound(found, owner), [], {})
            if found.static:
                return found
            return Bound(found, owner.of if found.of_class else owner)
        if found is not MISSING:
            return found
        if name == "__class__":
            return owner.of
        if owner.core is not None:
            return self.attribute(owner.core, name)
        if name == "__dict__":
            return owner.attributes
        root = owner.of.root
        if root is not None and owner.attributes:
            return Unknown(f"{root.name}.{natives.told_apart(owner)}.{name}")
        return Symbol(f"{root.name}.{name}") if root is not None else Unknown(f"{owner.of.name}.{name}")

    def item(self, owner: Value, key: Value, code: ast.expr | None = None) -> Value:
        """Return an item."""
        try:
            return natives.item_of(owner, key)
        except NotNativeError:
            pass
        if isinstance(owner, ClassValue) and (members := owner.enumerated) is not None:
            return self.item(members, key, code)
        special = self.item_of(owner, key)
        if special is not MISSING:
            return special
        if (found := operator_in(owner)) is not None:
            return XCom(found, named(key))
        if isinstance(owner, Unknown | Symbol):
            inner = MISSING
            if isinstance(owner, Unknown) and isinstance(owner.default, dict | list):
                with suppress(NotNativeError):
                    inner = natives.item_of(owner.default, key)
            return Unknown(f"{owner.name}.{named(key)}", inner)
        hint = ast.unparse(code)[:40] if code is not None else "items"
        if isinstance(owner, dict | list | tuple) and is_open(key):
            return self._at_unknown(owner, key, f"{self.frame.module.name}.{hint}.{named(key)}")
        return self.fresh(f"{hint}.{named(key)}")

    def _at_unknown(self, owner: Value, key: Value, name: str) -> Value:
        """Return what a container holds at a key that is not known: the same of the same container alone."""
        same = self._opened.setdefault(name, [])
        content = natives.told_apart(owner)
        if content not in same:
            same.append(content)
        default: Value = MISSING
        if isinstance(key, Unknown) and key.default is not MISSING:
            with suppress(NotNativeError):
                default = natives.item_of(owner, key.default)
        number = same.index(content)
        return self.outside(f"{name}#{number + 1}" if number else name, default)

    def _items(self, elements: list[ast.expr]) -> list[Value]:
        items: list[Value] = []
        for element in elements:
            if isinstance(element, ast.Starred):
                items += self.iterated(self.value(element.value))
            else:
                items.append(self.value(element))
        return items

    def _as_set(self, items: list[Value]) -> Value:
        try:
            return set(items)
        except TypeError:
            return items

    def _put(self, table: dict[Value, Value], key: Value, value: Value) -> None:
        try:
            table[key] = value
        except TypeError:
            table[natives.text_of(key)] = value

    def _dict(self, node: ast.Dict) -> dict[Value, Value]:
        table: dict[Value, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            found = self.value(item)
            if key is not None:
                self._put(table, self.value(key), found)
            elif isinstance(found, dict):
                table |= found
            elif isinstance(found, Unknown) and isinstance(found.default, dict):
                table |= {k: Unknown(f"{found.name}.{named(k)}", v) for k, v in found.default.items()}
        return table

    def binary(self, operation: ast.operator, left: Value, right: Value) -> Value:
        """Return what an operator gives; ``>>`` and ``<<`` between tasks order them."""
        if isinstance(operation, ast.RShift | ast.LShift):
            return self._ordered(operation, left, right)
        try:
            return natives.binary(operation, left, right)
        except NotNativeError:
            pass
        if isinstance(left, XCom | str) and isinstance(right, XCom | str):
            return f"{left}{right}"
        if isinstance(operation, ast.Add) and isinstance(left, list):
            return left  # what is added is not known, what there was still is
        known = next((v for v in (left, right) if isinstance(v, Unknown | Symbol)), None)
        if known is None:
            return self.fresh("value")
        other = right if known is left else left
        return Unknown(f"{known.name}.{type(operation).__name__.lower()}.{named(other)}")

    def _ordered(self, operation: ast.operator, left: Value, right: Value) -> Value:
        if not (is_dependable(left) or is_dependable(right)):
            try:
                return natives.binary(operation, left, right)
            except NotNativeError:
                pass
        ends = [self.between(end) for end in (left, right)]
        connect(*(ends if isinstance(operation, ast.RShift) else reversed(ends)))
        return right if isinstance(right, list | tuple) else ends[1]

    def between(self, value: Value) -> Value:
        """Return what stands for a value in an order: for one that is not known, something that order goes through."""
        return self.standing_for(value) if isinstance(value, Unknown | Symbol) else value

    @abstractmethod
    def standing_for(self, value: Unknown | Symbol) -> Label:
        """Return the one thing that order through an unknown value goes through."""

    def _bool(self, operation: ast.boolop, values: list[ast.expr]) -> Value:
        found: Value = None
        unknown: Value = None
        for node in values:
            found = self.value(node)
            known = truth(found)
            if known is None:
                unknown = unknown if unknown is not None else found
            elif known is isinstance(operation, ast.Or):
                break
        if unknown is None or unknown is found:
            return found
        if isinstance(operation, ast.Or) and isinstance(unknown, Unknown):
            return Unknown(unknown.name, found if unknown.default is MISSING else unknown.default)
        if isinstance(operation, ast.And) and truth(found) is False:
            return found
        return unknown if isinstance(operation, ast.Or) else self.fresh("condition")

    def _unary(self, operation: ast.unaryop, operand: Value) -> Value:
        if isinstance(operation, ast.Not):
            known = truth(operand)
            return self.fresh("condition") if known is None else not known
        if isinstance(operation, ast.USub) and isinstance(operand, int | float):
            return -operand
        return operand if isinstance(operand, int | float) else self.fresh("value")

    def _compare(self, node: ast.Compare) -> Value:
        left, unknown = self.value(node.left), False
        for operation, code in zip(node.ops, node.comparators, strict=True):
            right = self.value(code)
            if isinstance(left, Operator | Label) or isinstance(right, Operator | Label):
                found: bool | None = (left is right) is isinstance(operation, ast.Eq | ast.Is)
            else:
                found = natives.compared(operation, left, right)
            if found is False:
                return False
            unknown, left = unknown or found is None, right
        return self.fresh("condition") if unknown else True

    def _choice(self, test: Value, body: ast.expr, orelse: ast.expr) -> Value:
        known = truth(test)
        if known is not None:
            return self.value(body if known else orelse)
        hint = self.hint  # both sides may assign names of their own
        return self.either(self.value(body), self.value(orelse), hint)

    def either(self, one: Value, other: Value, hint: str) -> Value:
        """Return what a name holds that may hold either: tasks both, values an unknown one."""
        if one is other or (type(one) is type(other) and isinstance(one, str | int | float) and one == other):
            return one
        tasks = [value for value in (one, other) if is_dependable(value)]
        if tasks:
            return tasks[0] if len(tasks) == 1 else [*self._listed(one), *self._listed(other)]
        if isinstance(one, str | int | float | None | Unknown) and isinstance(
            other, str | int | float | None | Unknown
        ):
            return self.fresh(hint)
        for value, default in ((one, other), (other, one)):
            if isinstance(value, Unknown) and isinstance(default, list | tuple | dict) and not default:
                return value
        if isinstance(one, list | dict) and isinstance(other, type(one)):
            return one if len(one) >= len(other) else other
        return other if one is None or isinstance(one, Unknown) else one

    def _listed(self, value: Value) -> list[Value]:
        return list(value) if isinstance(value, list | tuple) else [value]

    def iterated(self, value: Value) -> list[Value]:
        """Return what a loop goes through; of an unknown value one unknown item."""
        if isinstance(value, Unknown) and isinstance(value.default, list | tuple | dict) and value.default:
            value = value.default
        if isinstance(value, ClassValue) and (members := value.enumerated) is not None:
            return list(members.values())
        try:
            return natives.items_of(value)[:_LONGEST_LOOP]
        except NotNativeError:
            pass
        if isinstance(value, XCom):
            return self.iterated(value.result) if value.result is not None else [Unknown(f"{value.name}.item")]
        if isinstance(value, Unknown | Symbol | str):
            return [Unknown(f"{named(value)}.item")]
        return [] if value is None or isinstance(value, int | float) else [self.fresh("item")]

    def _comprehended(self, generators: list[ast.comprehension]) -> Iterator[None]:
        outer = self.frame
        self.frame = Frame(outer.module, {}, outer, within=outer.within)
        try:
            yield from self._generated(generators)
        finally:
            self.frame = outer

    def _generated(self, generators: list[ast.comprehension]) -> Iterator[None]:
        first, *rest = generators
        for item in self.iterated(self.value(first.iter)):
            self.step()
            self.bind(first.target, item)
            if all(truth(self.value(test)) is not False for test in first.ifs):
                if rest:
                    yield from self._generated(rest)
                else:
                    yield

    @abstractmethod
    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign a value."""

    def _call(self, node: ast.Call) -> Value:
        callee = self.value(node.func)
        positional = self._items(node.args)
        keywords: dict[str, Value] = {}
        for keyword in node.keywords:
            found = self.value(keyword.value)
            if keyword.arg is not None:
                keywords[keyword.arg] = found
            elif isinstance(found, dict):
                keywords |= {str(name): item for name, item in found.items()}
            elif isinstance(found, Unknown) and isinstance(found.default, dict):
                keywords |= {str(k): Unknown(f"{found.name}.{k}", v) for k, v in found.default.items()}
        self.line = node.lineno
        if isinstance(callee, Symbol) and callee.name == "builtins.super":
            return self._super()
        return self.call(callee, positional, keywords)

    def _super(self) -> Value:
        frame: Frame | None = self.frame
        while frame is not None and frame.within is None:
            frame = frame.outer
        if frame is not None and frame.within is not None:
            this = next(iter(frame.names.values()), None)
            if isinstance(this, Instance):
                return Super(this, frame.within)
        return self.fresh("super")

    def defaults(self, arguments: ast.arguments) -> dict[str, Value]:
        """Return the defaults of a function's parameters by name."""
        names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        found: dict[str, Value] = {}
        if arguments.defaults:
            for name, default in zip(names[-len(arguments.defaults) :], arguments.defaults, strict=True):
                found[name] = self.value(default)
        for argument, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if keyword_default is not None:
                found[argument.arg] = self.value(keyword_default)
        return found
