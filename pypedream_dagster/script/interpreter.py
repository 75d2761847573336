"""Reading a script as if it ran: both sides of every ``if``, functions where they are called, nothing executed.

What comes out are the calls in order, each with what its parts are. Functions that are never called are entered
with unknown parameters at the end, so that nothing in the script is missed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from pypedream_dagster.script import texts
from pypedream_dagster.script.functions import ENVIRONMENT_READS, merged, of_container, of_symbol
from pypedream_dagster.script.operations import (
    ANY_ARGUMENT,
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
from pypedream_dagster.script.syntax import asks_for_argument, is_property, is_static, name_in
from pypedream_dagster.script.values import (
    Argument,
    Call,
    Class,
    Constant,
    Either,
    Function,
    Gap,
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
    Text,
    Unknown,
    Value,
    alternatives,
    as_text,
    defaulted,
    either,
    either_arguments,
    literal,
)

_MOST_STEPS = 150_000
_DEEPEST_CALL = 10
_MOST_WAYS = 8
_STAR_FIRST = "pyspark.sql.functions"
_URL_PARSERS = {"urlparse", "urlsplit"}
_FLAG = re.compile(r"-{0,2}[A-Za-z_][\w-]*")
_RESOLVER = "getResolvedOptions"

Scope = dict[str, Value]
Sources = Callable[[str], bytes | None]
"""Gives a module's code by its dotted name; None where it does not come with the script."""


class TooLargeError(Exception):
    """The script takes more steps than are allowed."""


class Interpreter:
    """One script's reading.

    Attributes:
        calls: in the order of execution.
        modules: imported ones.
        declared: the arguments that are asked for by name.
    """

    def __init__(self, sources: Sources | None = None) -> None:
        self._sources = sources
        self._loaded: dict[str, Scope | None] = {}
        self.calls: list[Call] = []
        self.modules: list[str] = []
        self.declared: list[str] = []
        self._destinations: dict[str, str] = {}
        self._stars: list[str] = []
        self._scopes: list[Scope] = [{}]
        self._globals: set[str] = set()
        self._returns: list[Value] = []
        self._active: list[ast.AST] = []
        self._owners: list[Instance | None] = []
        self._defaults: dict[str, str] = {}
        self._environment: Scope = {}
        self._options: dict[ast.AST, Scope] = {}
        self._functions: dict[ast.AST, Function] = {}
        self._entered: set[ast.AST] = set()
        self._steps = 0

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
        for statement in body:
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
                for base in bases:
                    self._value(base)
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
                self._returns.append(self._value(value) if value is not None else Constant(None))
            case ast.If(test, body, orelse):
                self._value(test)
                self._fork(body, orelse, is_default=asks_for_argument(test))
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
                for handler in handlers:
                    self._fork(handler.body, [], is_default=True)
                self._block(orelse + finalbody)
            case ast.Match(subject, cases):
                self._value(subject)
                for case_ in cases:
                    self._fork(case_.body, [])
            case ast.Global(names) | ast.Nonlocal(names):
                self._globals.update(names)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._value(child)

    def _fork(self, body: list[ast.stmt], orelse: list[ast.stmt], *, is_default: bool = False) -> None:
        """Read two ways that a script may go; afterwards each name is what the one or the other made it."""
        # In place: functions hold the scope that they were defined in, and may be called on either way.
        scope = self._scopes[-1]
        before = dict(scope)
        sides = []
        for side in (body, orelse):
            scope.clear()
            scope.update(before)
            self._block(side)
            sides.append(dict(scope))
        together: Scope = {}
        for name in {**sides[0], **sides[1]}:
            values = [side[name] for side in sides if name in side]
            if len(values) == 1 or values[0] is values[1]:
                together[name] = values[0]
            elif isinstance(one := values[0], Parameters) and isinstance(two := values[1], Parameters):
                together[name] = either_arguments(one, two)
            elif is_default:
                together[name] = defaulted(
                    *(values if isinstance(values[0], Text) and values[0].arguments else values[::-1])
                )
            else:
                together[name] = either(*values)
        scope.clear()
        scope.update(together)

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

    def _class(self, name: str, bases: list[ast.expr], body: list[ast.stmt]) -> None:
        inherited: Scope = {}
        parents = [parent for base in bases if isinstance(parent := self._lookup_class(base), Class)]
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
                self._functions[member.node] = Function(member.node, member.closure, instance)

    def _lookup_class(self, node: ast.expr) -> Value | None:
        return self._lookup(node.id) if isinstance(node, ast.Name) else None

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
                            is_set_anew = name not in attributes or isinstance(value, Parameters)
                            attributes[name] = value if is_set_anew else either(value, attributes[name])
            case ast.Subscript(owner, key):
                given, index = self._value(owner), self._value(key)
                self._store(given, index, value, node)
                if isinstance(given, Parameters) and (name := literal(index)) is not None:
                    self._bind(owner, given.with_put({name: value}), node)

    def _store(self, owner: Value, key: Value, value: Value, node: ast.stmt | ast.expr) -> None:
        if isinstance(owner, Table):
            if (name := literal(key)) is not None and isinstance(owner.items, dict):
                owner.items[name] = value
            elif value == ANY_ARGUMENT and isinstance(owner.items, dict):
                owner.items[UNNAMED] = value
            return
        if owner == ENVIRONMENT and (name := literal(key)) is not None:
            self._environment[name] = value
        self._record(Member(owner, "__setitem__"), (key, value), {}, node)

    def _set(self, name: str, value: Value) -> None:
        self._scopes[0 if name in self._globals else -1][name] = value

    def _iterated(self, value: Value) -> Iterator[Value]:
        match value:
            case Sequence(items) if items and self._steps < _MOST_STEPS / 2:
                yield from items[:MOST_ITEMS]
            case Table(items) if items:
                yield from (Text((name,)) for name in list(items)[:MOST_ITEMS])
            case Text():
                yield texts.derived(value)
            case Parameters():
                yield Text((Argument("*"),))
            case Either(options):
                for option in options:
                    if not isinstance(option, Sequence | Table | Parameters):
                        yield option
                    elif isinstance(option, Parameters) or option.items:
                        yield from self._iterated(option)
            case _:
                yield part(value)

    # Expressions

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise TooLargeError

    def _value(self, node: ast.expr) -> Value:
        self._step()
        match node:
            case ast.Constant(constant):
                return Text((constant,)) if isinstance(constant, str) else Constant(constant)
            case ast.Name(name):
                return self._lookup(name)
            case ast.Attribute(owner, name):
                return either(*(self._attribute(option, name) for option in _given(self._value(owner))))
            case ast.Call():
                return self._call(node)
            case ast.JoinedStr(parts):
                pieces = tuple(self._value(piece) for piece in parts)
                ways = range(_ways(Unknown(), pieces, {}))
                return either(*(texts.concatenated(*(_option(piece, way) for piece in pieces)) for way in ways))
            case ast.FormattedValue(value):
                return either(*(as_text(option) for option in alternatives(self._named(value))))
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
                self._value(test)
                one, two = self._value(body), self._value(orelse)
                return defaulted(one, two) if asks_for_argument(test) else either(one, two)
            case ast.NamedExpr(target, value):
                found = self._value(value)
                self._bind(target, found, node)
                return found
            case ast.List(items) | ast.Tuple(items) | ast.Set(items):
                return Sequence(tuple(self._value(item) for item in items))
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
            case ast.Await(value) | ast.YieldFrom(value) | ast.Starred(value):
                return self._value(value)
            case ast.Yield(value):
                if value is not None:
                    self._returns.append(self._value(value))
                return Unknown()
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._value(child)
                return Unknown()

    def _lookup(self, name: str) -> Value:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        if self._stars and name not in _BUILTINS:
            module = _STAR_FIRST if _STAR_FIRST in self._stars else self._stars[-1]
            return Symbol(f"{module}.{name}")
        return Symbol(name)

    def _attribute(self, owner: Value, name: str) -> Value:
        match owner:
            case Symbol(symbol):
                return Symbol(f"{symbol}.{name}")
            case Parameters() if name not in _MAPPING_METHODS:
                known = self._destinations.get(name, name)
                default = self._defaults.get(known)
                return owner.argument(known) if default is None else defaulted(owner.argument(known), Text((default,)))
            case Instance(of, attributes):
                if name in attributes:
                    return attributes[name]
                found = of.members.get(name)
                if isinstance(found, Function):
                    bound = Function(found.node, found.closure, owner)
                    return self._enter(bound, (), {}) if is_property(found.node) else bound
                return found if found is not None else Member(owner, name)
            case Class(_, members) if name in members:
                return members[name]
            case Parsed(argument, keys) if name not in _MAPPING_METHODS:
                return Parsed(argument, (*keys, name))
            case Super(instance, active):
                inherited = _of_parents(instance, active, name)
                return Function(inherited.node, inherited.closure, instance) if inherited else Member(owner, name)
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

    def _item(self, owner: Value, key: Value) -> Value:
        known = self._environment.get(literal(key) or "") if owner == ENVIRONMENT else None
        return known or item(owner, key)

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
            for condition in first.ifs:
                self._value(condition)
            yield from self._elements(element, others)

    # Calls

    def _call(self, node: ast.Call) -> Value:
        callee = self._value(node.func)
        positional: list[Value] = []
        for given in node.args:
            found = self._value(given)
            if isinstance(given, ast.Starred) and isinstance(found, Sequence):
                positional += found.items
            else:
                positional.append(found)
        keywords: Scope = {}
        for keyword in node.keywords:
            found = self._value(keyword.value)
            if keyword.arg is not None:
                keywords[keyword.arg] = found
            elif isinstance(found, Table):
                keywords |= {name: given for name, given in found.items.items() if not name.startswith("?")}
            elif isinstance(found, Parameters):
                keywords["**"] = found
        given_all = tuple(positional)
        return either(
            *(
                self._called(option, *self._way(option, given_all, keywords, way), node)
                for option in alternatives(callee)
                for way in range(_ways(option, given_all, keywords))
            )
        )

    @staticmethod
    def _way(
        callee: Value, positional: tuple[Value, ...], keywords: Scope, way: int
    ) -> tuple[tuple[Value, ...], Scope]:
        """Return one of the things that a call may be given."""
        if isinstance(callee, _OWN):
            return positional, keywords
        return tuple(_option(value, way) for value in positional), {n: _option(v, way) for n, v in keywords.items()}

    def _called(self, callee: Value, positional: tuple[Value, ...], keywords: Scope, node: ast.Call) -> Value:
        match callee:
            case Function():
                return self._enter(callee, positional, keywords)
            case Class(_, members):
                return self._made(callee, members.get("__init__"), positional, keywords)
            case Instance(of) if isinstance(of.members.get("__call__"), Function):
                called = of.members["__call__"]
                assert isinstance(called, Function)
                return self._enter(Function(called.node, called.closure, callee), positional, keywords)
            case Partial(function, first, named):
                return self._called(function, (*first, *positional), {**named, **keywords}, node)
            case Member(Text() as text, name):
                return texts.method(text, name, positional, keywords)
            case Member(Table() | Parameters() | Parsed() | Sequence() as owner, name):
                if (answer := self._on_container(owner, name, positional, node)) is not None:
                    return answer
            case Member(_, "add_argument"):
                self._declare_option(positional, keywords)
            case Member(_, "parse_args"):
                return Parameters()
            case Member(_, "parse_known_args"):
                return Sequence((Parameters(), Unknown()))
            case Symbol(name):
                if (answer := self._on_symbol(name, positional, keywords, node)) is not None:
                    return answer
        found = self._handed_on(callee, positional, keywords, node)
        return Result(self._record(callee, positional, keywords, node)) if found is None else found

    def _handed_on(self, callee: Value, positional: tuple[Value, ...], keywords: Scope, node: ast.Call) -> Value | None:
        """Call the script's own function that something is given to call: a pool of threads, ``map``, ``partial``."""
        name = callee.name.rpartition(".")[2] if isinstance(callee, Symbol | Member) else ""
        function = keywords.get("target", positional[0] if positional else None)
        if not isinstance(function, _OWN):
            return None
        rest = positional[1:]
        match name:
            case "partial":
                return Partial(function, rest, keywords)
            case "submit" | "run_in_executor" | "to_thread" | "transform":
                self._called(function, rest, keywords, node)
            case "Thread" | "Process" | "apply" | "apply_async":
                given = keywords.get("args", rest[0] if rest else None)
                named = keywords.get("kwargs")
                known = dict(named.items) if isinstance(named, Table) else {}
                self._called(function, given.items if isinstance(given, Sequence) else (), known, node)
            case "map" | "starmap" | "imap" | "imap_unordered" | "map_async" if rest:
                return Sequence(tuple(self._mapped(name, function, rest, node)))
        return None

    def _mapped(self, name: str, function: Value, given: tuple[Value, ...], node: ast.Call) -> Iterator[Value]:
        columns = [list(self._iterated(value)) for value in given]
        for row in zip(*columns, strict=False):
            spread = row[0].items if name == "starmap" and isinstance(row[0], Sequence) else row
            yield self._called(function, tuple(spread), {}, node)

    def _made(self, made: Class, constructor: Value | None, positional: tuple[Value, ...], keywords: Scope) -> Instance:
        """Return an object of the script's own class."""
        instance = Instance(made)
        if isinstance(constructor, Function):
            self._enter(Function(constructor.node, constructor.closure, instance), positional, keywords)
            return instance
        if isinstance(spread := keywords.get("**"), Parameters):
            instance.attributes.update({name: item(spread, Text((name,))) for name in made.fields})
        instance.attributes.update(zip(made.fields, positional, strict=False))
        instance.attributes.update({name: value for name, value in keywords.items() if name in made.fields})
        after = made.members.get("__post_init__")
        if isinstance(after, Function):
            self._enter(Function(after.node, after.closure, instance), (), {})
        return instance

    def _record(
        self, callee: Value, positional: tuple[Value, ...], keywords: Mapping[str, Value], node: ast.stmt | ast.expr
    ) -> Call:
        call = Call(callee, positional, keywords, node.lineno, partial(ast.unparse, node), len(self.calls))
        self.calls.append(call)
        return call

    def _on_symbol(self, name: str, positional: tuple[Value, ...], keywords: Scope, node: ast.Call) -> Value | None:
        last = name.rpartition(".")[2]
        if last == _RESOLVER:
            wanted = positional[1] if len(positional) > 1 else keywords.get("options")
            if isinstance(wanted, Sequence):
                self.declared += [text for item in wanted.items if (text := literal(item))]
            return Parameters()
        if name in ENVIRONMENT_READS and positional and (known := self._environment.get(literal(positional[0]) or "")):
            return known
        if name == "enumerate" and positional:
            return Sequence(tuple(Sequence((Unknown(), item)) for item in self._iterated(positional[0])))
        if name == "getattr" and len(positional) > 1:
            attribute = literal(positional[1])
            return self._attribute(positional[0], attribute) if attribute else None
        if name == "super":
            return Super(self._owners[-1], self._active[-1]) if self._owners and self._owners[-1] else None
        if last == "field" and name.startswith(("dataclasses.", "pydantic.")):
            factory = keywords.get("default_factory")
            return self._called(factory, (), {}, node) if factory is not None else keywords.get("default")
        return of_symbol(name, positional, keywords)

    def _on_container(
        self, owner: Table | Parameters | Parsed | Sequence, name: str, positional: tuple[Value, ...], node: ast.Call
    ) -> Value | None:
        match owner, name:
            case Sequence(), "append" | "extend" if isinstance(node.func, ast.Attribute) and positional:
                added = (positional[0],) if name == "append" else tuple(self._iterated(positional[0]))
                if len(owner.items) < MOST_ITEMS:
                    self._bind(node.func.value, Sequence((*owner.items, *added)), node)
                return Constant(None)
            case Parameters(), "update" if isinstance(node.func, ast.Attribute) and positional:
                if isinstance(given := positional[0], Table):
                    self._bind(node.func.value, owner.with_put(given.items), node)
                return Constant(None)
            case _:
                return of_container(owner, name, positional)

    def _declare_option(self, positional: tuple[Value, ...], keywords: Scope) -> None:
        flags = [text for item in positional if (text := literal(item))]
        long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else None)
        if long is not None:
            name = long.lstrip("-")
            self.declared.append(name)
            self._destinations[literal(keywords.get("dest")) or name.replace("-", "_")] = name
            if (default := literal(keywords.get("default"))) is not None:
                self._defaults[name] = default

    def _enter(self, function: Function, positional: tuple[Value, ...], keywords: Scope) -> Value:
        """Read a function's body with what its parameters are, and return what it gives."""
        node = function.node
        tired = len(self._active) >= _DEEPEST_CALL or self._steps > _MOST_STEPS / 2
        if node in self._active or (tired and node in self._entered):
            return Unknown()
        self._entered.add(node)
        given = (function.owner, *positional) if function.owner is not None and not is_static(node) else positional
        scope = self._parameters(node.args, given, keywords, self._options.get(node, {}))
        with self._frame(node, [*function.closure, scope], function.owner) as returns:
            if isinstance(node, ast.Lambda):
                returns.append(self._value(node.body))
            else:
                self._block(node.body)
        if len(returns) == 2 and asks_for_argument(node):
            return _either_as_default(returns)
        found = either(*returns) if returns else Constant(None)
        return _asked_for(found, (*positional, *keywords.values()))

    @contextmanager
    def _frame(self, node: ast.AST, scopes: list[Scope], owner: Instance | None) -> Iterator[list[Value]]:
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

    def _parameters(self, signature: ast.arguments, given: tuple[Value, ...], keywords: Scope, options: Scope) -> Scope:
        names = [argument.arg for argument in (*signature.posonlyargs, *signature.args)]
        scope: Scope = dict.fromkeys([*names, *(argument.arg for argument in signature.kwonlyargs)], Unknown())
        defaults = signature.defaults
        if defaults:
            for name, default in zip(names[-len(defaults) :], defaults, strict=True):
                scope[name] = self._value(default)
        for argument, keyword_default in zip(signature.kwonlyargs, signature.kw_defaults, strict=True):
            if keyword_default is not None:
                scope[argument.arg] = self._value(keyword_default)
        if isinstance(spread := keywords.get("**"), Parameters):
            scope |= {name: item(spread, Text((name,))) for name in scope}
        scope |= options
        scope |= dict(zip(names, given, strict=False))
        scope |= {name: value for name, value in keywords.items() if name in scope}
        if signature.vararg is not None:
            scope[signature.vararg.arg] = Sequence(given[len(names) :])
        if signature.kwarg is not None:
            rest = {name: value for name, value in keywords.items() if name not in scope}
            scope[signature.kwarg.arg] = rest["**"] if "**" in rest else Table(rest)
        return scope


_BUILTINS = frozenset(dir(__import__("builtins")))
_MAPPING_METHODS = frozenset({"get", "items", "keys", "values", "copy", "pop", "update", "setdefault"})


_OWN = (Function, Partial, Class, Instance)
"""What is entered rather than recorded: it is given all that a value may be at once."""


def _ways(callee: Value, positional: tuple[Value, ...], keywords: Scope) -> int:
    """Return how many things a call may be given, of several values each: not all that they could be together."""
    if isinstance(callee, _OWN):
        return 1
    return min(max((len(_given(v)) for v in (*positional, *keywords.values())), default=1), _MOST_WAYS)


def _option(value: Value, way: int) -> Value:
    options = _given(value)
    return options[way % len(options)]


def _given(value: Value) -> tuple[Value, ...]:
    """Return what a value may be, None left out where it may be anything else: nobody hands that on as a place."""
    options = alternatives(value)
    return tuple(option for option in options if option != Constant(None)) or options


def _asked_for(found: Value, given: tuple[Value, ...]) -> Value:
    """Return which argument a function gives that looks through ``sys.argv``: the one whose name it is given."""
    names = [name for value in given if (name := literal(value))]
    flags = [name for name in names if name.startswith("--")] or names
    if len(flags) != 1 or not _FLAG.fullmatch(flags[0]):
        return found
    argument = Text((Argument(flags[0].lstrip("-")),))
    options = tuple(argument if option == Text((Argument("*"),)) else option for option in alternatives(found))
    return either(*(option for option in options if len(options) == 1 or option != Constant(None)))


def _either_as_default(values: list[Value]) -> Value:
    """Return an argument with the other value as what holds where the job is not given it."""
    first, second = values
    return defaulted(first, second) if isinstance(first, Text) and first.arguments else defaulted(second, first)


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
