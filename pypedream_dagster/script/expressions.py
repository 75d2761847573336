"""What expressions of a script are, and what assignments bind: one side of the reading that executes nothing."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator

from pypedream_dagster.script import texts
from pypedream_dagster.script.choices import alternatives, defaulted, either, preferred
from pypedream_dagster.script.environment import MOST_STEPS, Environment, Scope
from pypedream_dagster.script.functions import merged
from pypedream_dagster.script.operations import (
    ENVIRONMENT,
    MOST_ITEMS,
    UNNAMED,
    binary,
    item,
    listed_key,
    parsed_uri,
    part,
    sliced,
)
from pypedream_dagster.script.pieces import Argument, Condition, Gap, Text, is_gap
from pypedream_dagster.script.selection import choices, given, under, where
from pypedream_dagster.script.syntax import (
    asks_for_argument,
    compared_place,
    is_of_class,
    is_property,
    is_text_method,
    name_in,
)
from pypedream_dagster.script.values import (
    Call,
    Class,
    Constant,
    Either,
    Function,
    Instance,
    Member,
    Parameters,
    Parsed,
    Partial,
    Result,
    Sequence,
    Super,
    Symbol,
    Table,
    Unknown,
    Value,
    as_text,
    literal,
)

_URL_PARSERS = {"urlparse", "urlsplit"}
_MAPPING_METHODS = frozenset({"get", "items", "keys", "values", "copy", "pop", "update", "setdefault"})

_FIELD_TABLES = frozenset({"model_fields", "__fields__", "__dataclass_fields__", "__annotations__"})

_FIELD = Class("Field", {})

OWN = (Function, Partial, Class, Instance)
"""What is entered rather than recorded: it is given all that a value may be at once."""


class Expressions(Environment, ABC):
    """Reads expressions; what calls give is told by who reads these, too."""

    @abstractmethod
    def _call(self, node: ast.Call) -> Value:
        """Return what a call gives."""

    @abstractmethod
    def _enter(self, function: Function, positional: tuple[Value, ...], keywords: Scope) -> Value:
        """Read a function's body with what its parameters are, and return what it gives."""

    def _value(self, node: ast.expr) -> Value:
        self._step()
        match node:
            case ast.Constant(constant):
                return Text((constant,)) if isinstance(constant, str) else Constant(constant)
            case ast.Name(name):
                return self._lookup(name)
            case ast.Attribute(owner, name):
                return either(*(self._attribute(option, name) for option in given(self._value(owner))))
            case ast.Call():
                return self._call(node)
            case ast.JoinedStr(parts):
                pieces = tuple(self._value(piece) for piece in parts)
                return either(*(texts.concatenated(*choice) for choice in choices(pieces)))
            case ast.FormattedValue(value):
                return either(*(as_text(option) for option in _told(self._named(value))))
            case ast.BinOp(left, ast.Add() | ast.Div() as operator, right):
                one, two = self._named(left), self._named(right)
                return binary(operator, one, two)
            case ast.BinOp(left, operator, right):
                return binary(operator, self._value(left), self._value(right))
            case ast.UnaryOp(ast.USub(), ast.Constant(int() as number)):
                return Constant(-number)
            case ast.BoolOp(ast.Or(), values):
                first, *others = [self._value(value) for value in values]
                for other in others:
                    first = defaulted(first, other)
                return first
            case ast.BoolOp(_, values):
                return either(*(self._value(value) for value in values))
            case ast.IfExp(test, body, orelse):
                if self._is_production(test):
                    return self._value(orelse)
                if (argument := self._asked_for(test)) is not None:
                    return preferred(argument, self._value(body), self._value(orelse))
                self._value(test)
                one, two = self._value(body), self._value(orelse)
                if asks_for_argument(test):
                    return defaulted(one, two)
                if (condition := self._condition(test)) is not None:
                    return either(where(one, condition), where(two, condition.opposite))
                return either(one, two)
            case ast.NamedExpr(target, value):
                found = self._value(value)
                self._bind(target, found, node)
                return found
            case ast.List(items) | ast.Tuple(items) | ast.Set(items):
                return Sequence(tuple(self._spread(items)))
            case ast.Dict(keys, values):
                return self._table(keys, values)
            case ast.Subscript(owner, ast.Slice() as cut):
                found = self._value(owner)
                self._value(cut)
                return either(*(sliced(option, cut) for option in alternatives(found)))
            case ast.Subscript(owner, key):
                found, index = self._value(owner), self._value(key)
                return either(*(self._item(option, index) for option in alternatives(found)))
            case ast.Lambda():
                function = Function(node, tuple(self._scopes))
                self._functions[node] = function
                return function
            case ast.ListComp(element, generators) | ast.SetComp(element, generators):
                return self._comprehension(element, generators)
            case ast.GeneratorExp(element, generators):
                return self._comprehension(element, generators)
            case ast.DictComp(key, value, generators):
                pairs = self._comprehension(ast.Tuple([key, value], ast.Load()), generators)
                return _table_of(pairs)
            case ast.Await(value) | ast.Starred(value):
                return self._value(value)
            case ast.YieldFrom(value):
                found = self._value(value)
                self._returns.extend(self._iterated(found))
                return found
            case ast.Yield(value):
                if value is not None:
                    self._returns.append(self._value(value))
                return Unknown()
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._value(child)
                return Unknown()

    def _asked_for(self, test: ast.expr) -> Argument | None:
        """Return the argument that code asks for by its name alone: one that is empty where it is not given."""
        match self._lookup(test.id) if isinstance(test, ast.Name) else None:
            case Text((Argument(default="") as argument,)):
                return argument
            case _:
                return None

    def _is_production(self, test: ast.expr) -> bool:
        """Tell whether code asks if an argument's place is the one that it takes without the argument.

        What it then does instead is what it does with that place: the table there, and not the files.
        """
        if (compared := compared_place(test)) is None:
            return False
        name, place = compared
        match self._lookup(name):
            case Text((Argument(default=str() as default),)):
                return default.rstrip("/") == place
            case _:
                return False

    def _condition(self, test: ast.expr) -> Condition | None:
        """Return what a test asks of one of the job's arguments; None where it asks anything else."""
        match test:
            case ast.UnaryOp(ast.Not(), inner):
                found = self._condition(inner)
                return found.opposite if found else None
            case ast.Compare(asked, [ast.Eq() | ast.NotEq() | ast.In() | ast.NotIn() as operator], [other]):
                if isinstance(asked, ast.Constant):
                    asked, other = other, asked
            case _:
                return None
        if not isinstance(asked, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            return None
        if isinstance(asked, ast.Call) and not is_text_method(asked):
            return None
        one, two = self._value(asked), self._value(other)
        if literal(one) is not None and isinstance(operator, ast.Eq | ast.NotEq):
            one, two = two, one
        match one, two:
            case Text((Argument(name) as argument,)), Text() | Sequence() as said if name != "*":
                options = said.items if isinstance(said, Sequence) else (said,)
                known = tuple(text for option in options if (text := literal(option)) is not None)
                if known and len(known) == len(options):
                    return Condition(argument, known, isinstance(operator, ast.Eq | ast.In))
        return None

    def _attribute(self, owner: Value, name: str) -> Value:
        match owner:
            case Symbol(symbol):
                return Symbol(f"{symbol}.{name}")
            case Parameters() if name not in _MAPPING_METHODS:
                return self._argument(owner, name)
            case Instance(of, attributes):
                if name in attributes:
                    return attributes[name]
                found = of.members.get(name)
                if isinstance(found, Function):
                    bound = Function(found.node, found.closure, of if is_of_class(found.node) else owner)
                    return self._enter(bound, (), {}) if is_property(found.node) else bound
                return found if found is not None else Member(owner, name)
            case Class(_, members) if name in members:
                found = members[name]
                if isinstance(found, Function) and is_of_class(found.node):
                    return Function(found.node, found.closure, owner)
                return found
            case Class(_, members, fields) if name in _FIELD_TABLES:
                told = {field: {"default": members.get(field, Unknown())} for field in fields}
                return Table({field: Instance(_FIELD, info) for field, info in told.items()})
            case Text() if name == "value":
                return owner  # of an Enum's member
            case Parsed(argument, keys) if name not in _MAPPING_METHODS:
                return Parsed(argument, (*keys, name))
            case Super(instance, active):
                inherited = _of_parents(instance, active, name)
                return Function(inherited.node, inherited.closure, instance) if inherited else Member(owner, name)
            case Text() if name == "value":
                return owner  # an enumeration's member
            case Result() | Member() if name == "key" and (listed := listed_key(owner)) is not None:
                return listed
            case Result(Call(Symbol(function)) as call) if function.rpartition(".")[2] in _URL_PARSERS:
                return parsed_uri(as_text(call.argument(0, "url")), name)
            case _:
                return Member(owner, name)

    def _table(self, keys: list[ast.expr | None], values: list[ast.expr]) -> Value:
        items: Scope = {}
        spread: list[Value] = []
        for key, value in zip(keys, values, strict=True):
            found = self._value(value)
            if key is None:
                spread += [Table(items), found]
                items = {}
            elif (name := literal(self._value(key))) is not None:
                items[name] = found
            else:
                items[f"?{len(items)}"] = found
        return merged([*spread, Table(items)]) if spread else Table(items)

    def _spread(self, items: list[ast.expr]) -> Iterator[Value]:
        """Give what a list is written down as: ``[first, *others]``."""
        for node in items:
            found = self._value(node)
            if isinstance(node, ast.Starred):
                yield from self._iterated(found)
            else:
                yield found

    def _item(self, owner: Value, key: Value) -> Value:
        name = literal(key)
        if owner == ENVIRONMENT and name in self._variables:
            return self._variables[name]
        if isinstance(owner, Parameters) and name in self._destinations:
            return self._argument(owner, name)
        return item(owner, key)

    def _argument(self, arguments: Parameters, name: str) -> Value:
        """Return what argparse keeps under a name, which need not be the argument's own."""
        known = self._destinations.get(name, name)
        found, default = arguments.argument(known), self._defaults.get(known)
        return found if default is None else defaulted(found, Text((default,)))

    def _named(self, node: ast.expr) -> Value:
        """Return the value of a piece of a text: one that cannot be told has the name that stands there."""
        found = self._value(node)
        name = name_in(node)
        if name is None or isinstance(found, Text | Constant | Sequence | Table | Parameters | Parsed | Either):
            return found
        return Text((Gap(name),)) if as_text(found) == Text((Gap(),)) else found

    def _comprehension(self, element: ast.expr, generators: list[ast.comprehension]) -> Value:
        self._scopes.append({})
        try:
            return Sequence(tuple(self._elements(element, generators)))
        finally:
            self._scopes.pop()

    def _elements(self, element: ast.expr, generators: list[ast.comprehension]) -> Iterator[Value]:
        if not generators:
            yield self._value(element)
            return
        first, *others = generators
        for found in list(self._iterated(self._value(first.iter))):
            self._bind(first.target, found, element)
            for test in first.ifs:
                self._value(test)
            asked = [self._condition(test) for test in first.ifs]
            for value in self._elements(element, others):
                for condition in asked:
                    value = under(value, condition) if condition else value
                yield value

    def _bind(self, target: ast.expr, value: Value, node: ast.stmt | ast.expr) -> None:
        match target:
            case ast.Name(name):
                self._set(name, value)
            case ast.Starred(inner):
                self._bind(inner, Unknown(), node)
            case ast.Tuple(elements) | ast.List(elements):
                known = value.items if isinstance(value, Sequence) and len(value.items) == len(elements) else None
                for index, element in enumerate(elements):
                    self._bind(element, known[index] if known else part(value), node)
            case ast.Attribute(owner, name):
                for option in alternatives(self._value(owner)):
                    match option:
                        case Instance(_, attributes) | Class(_, attributes):
                            for condition in self._conditions:
                                value = where(value, condition)
                            is_set_anew = name not in attributes or isinstance(value, Parameters)
                            attributes[name] = value if is_set_anew else either(value, attributes[name])
            case ast.Subscript(owner, key):
                held, at = self._value(owner), self._value(key)
                self._store(held, at, value, node)
                if isinstance(held, Parameters) and (called := literal(at)) is not None:
                    self._bind(owner, held.with_put({called: value}), node)

    def _store(self, owner: Value, key: Value, value: Value, node: ast.stmt | ast.expr) -> None:
        if isinstance(owner, Table):
            if isinstance(owner.items, dict) and len(owner.items) < 4 * MOST_ITEMS:
                self._put(owner.items, literal(key) or f"{UNNAMED}{len(owner.items)}", value)
            return
        if owner == ENVIRONMENT and (name := literal(key)) is not None:
            self._variables[name] = value
        self._record(Member(owner, "__setitem__"), (key, value), {}, node)

    def _put(self, items: Scope, name: str, value: Value) -> None:
        """Store an item; where another way that the script may go stores it as well, it is either of the two."""
        for stored in self._stored_elsewhere:
            if (other := stored.get((id(items), name))) is not None:
                value = either(other[1], value)
        items[name] = value
        if self._stored:
            self._stored[-1][id(items), name] = items, value

    def _iterated(self, value: Value) -> Iterator[Value]:
        match value:
            case Sequence(items) if items and self._steps < MOST_STEPS / 2:
                yield from items[:MOST_ITEMS]
            case Table(items) if items:
                yield from (Text((name,)) for name in list(items)[:MOST_ITEMS])
            case Text():
                yield texts.derived(value)
            case Parameters():
                yield Text((Argument("*"),))
            case Either(options):
                # Beside a list that is known, an argument only says which of its items are taken.
                for option in [o for o in options if not isinstance(o, Text) or not o.arguments] or options:
                    if isinstance(option, Text):
                        yield option
                    elif not isinstance(option, Sequence | Table) or option.items:
                        yield from self._iterated(option)
            case _:
                yield part(value)


def _told(value: Value) -> tuple[Value, ...]:
    """Return what a value may be; beside an argument that it is, what cannot be told says nothing more."""
    options = alternatives(value)
    told = tuple(option for option in options if not is_gap(as_text(option)))
    return told if any(isinstance(option, Text) and option.arguments for option in told) else options


def _table_of(pairs: Value) -> Value:
    items: Scope = {}
    for pair in pairs.items if isinstance(pairs, Sequence) else ():
        if isinstance(pair, Sequence) and len(pair.items) == 2:
            name = literal(pair.items[0])
            items[name if name is not None else f"?{len(items)}"] = pair.items[1]
    return Table(items)


def _of_parents(instance: Instance, active: ast.AST, name: str) -> Function | None:
    """Return the method that ``super().name`` is: of the parents of the class whose method is being read."""
    of = instance.of
    while parent := next((base for base in of.bases if _holds(base, active)), None):
        of = parent
    found = next((base.members[name] for base in of.bases if name in base.members), None)
    return found if isinstance(found, Function) else None


def _holds(of: Class, node: ast.AST) -> bool:
    return any(isinstance(member, Function) and member.node is node for member in of.members.values())
