"""Reading a script as if it ran: both sides of every ``if``, functions where they are called, nothing executed.

What comes out are the calls in order, each with what its parts are. Functions that are never called are entered
with unknown parameters at the end, so that nothing in the script is missed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from pypedream_dagster.script import texts
from pypedream_dagster.script.values import (
    Argument,
    Call,
    Class,
    Constant,
    Either,
    Function,
    Instance,
    Member,
    Parameters,
    Result,
    Sequence,
    Symbol,
    Table,
    Text,
    Unknown,
    Value,
    alternatives,
    as_text,
    either,
    literal,
    text_of,
)

_MOST_STEPS = 150_000
_DEEPEST_CALL = 10
_MOST_ITERATIONS = 30
_MOST_WAYS = 4
_STAR_FIRST = "pyspark.sql.functions"
_PATH_JOINS = {"os.path.join", "posixpath.join", "ntpath.join"}
_URL_PARSERS = {"urlparse", "urlsplit"}
_RESOLVER = "getResolvedOptions"

Scope = dict[str, Value]


class TooLargeError(Exception):
    """The script takes more steps than are allowed."""


class Interpreter:
    """One script's reading.

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
                self._bind(target, _binary(operator, old, self._value(value)), node)
            case ast.Return(value):
                self._returns.append(self._value(value) if value is not None else Constant(None))
            case ast.If(test, body, orelse):
                self._value(test)
                self._fork(body, orelse)
            case ast.For(target, iterated, body, orelse) | ast.AsyncFor(target, iterated, body, orelse):
                for item in self._iterated(self._value(iterated)):
                    self._bind(target, item, node)
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
                    self._fork(handler.body, [])
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

    def _fork(self, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        """Read two ways that a script may go; afterwards each name is what the one or the other made it."""
        before = self._scopes[-1]
        sides = []
        for side in (body, orelse):
            self._scopes[-1] = dict(before)
            self._block(side)
            sides.append(self._scopes[-1])
        merged: Scope = {}
        for name in {**sides[0], **sides[1]}:
            values = [side[name] for side in sides if name in side]
            merged[name] = values[0] if len(values) == 1 or values[0] is values[1] else either(*values)
        # In place: functions hold the scope that they were defined in.
        before.clear()
        before.update(merged)
        self._scopes[-1] = before

    def _import_from(self, module: str, names: list[ast.alias]) -> None:
        self.modules.append(module)
        for alias in names:
            if alias.name == "*":
                self._stars.append(module)
            else:
                self._set(alias.asname or alias.name, Symbol(f"{module}.{alias.name}"))

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for expression in [*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d)]:
            self._value(expression)
        function = Function(node, tuple(self._scopes))
        self._functions[node] = function
        self._set(node.name, function)

    def _class(self, name: str, bases: list[ast.expr], body: list[ast.stmt]) -> None:
        inherited: Scope = {}
        for base in bases:
            match self._value(base):
                case Class(_, members):
                    inherited |= members
        self._scopes.append(inherited)
        self._block(body)
        self._scopes.pop()
        made = Class(name, inherited)
        self._set(name, made)
        instance = Instance(made)
        constructor = inherited.get("__init__")
        if isinstance(constructor, Function):  # what it sets, all methods see, even where nobody makes an instance
            self._functions[constructor.node] = Function(constructor.node, constructor.closure, instance)
        for member in inherited.values():
            if isinstance(member, Function) and member.node in self._functions:
                self._functions[member.node] = Function(member.node, member.closure, instance)

    def _bind(self, target: ast.expr, value: Value, node: ast.stmt | ast.expr) -> None:
        match target:
            case ast.Name(name):
                self._set(name, value)
            case ast.Starred(inner):
                self._bind(inner, Unknown(), node)
            case ast.Tuple(elements) | ast.List(elements):
                known = value.items if isinstance(value, Sequence) and len(value.items) == len(elements) else None
                for index, element in enumerate(elements):
                    self._bind(element, known[index] if known else _part(value), node)
            case ast.Attribute(owner, name):
                for option in alternatives(self._value(owner)):
                    match option:
                        case Instance(_, attributes) | Class(_, attributes):
                            attributes[name] = either(value, attributes[name]) if name in attributes else value
            case ast.Subscript(owner, key):
                self._store(self._value(owner), self._value(key), value, node)

    def _store(self, owner: Value, key: Value, value: Value, node: ast.stmt | ast.expr) -> None:
        if isinstance(owner, Table):
            if (name := literal(key)) is not None and isinstance(owner.items, dict):
                owner.items[name] = value
            return
        self._record(Member(owner, "__setitem__"), (key, value), {}, node)

    def _set(self, name: str, value: Value) -> None:
        self._scopes[0 if name in self._globals else -1][name] = value

    def _iterated(self, value: Value) -> Iterator[Value]:
        match value:
            case Sequence(items) if items and self._steps < _MOST_STEPS / 2:
                yield from items[:_MOST_ITERATIONS]
            case Table(items) if items:
                yield from (Text((name,)) for name in list(items)[:_MOST_ITERATIONS])
            case Text():
                yield texts.derived(value)
            case Parameters():
                yield Text((Argument("*"),))
            case Either(options):
                yield from options
            case _:
                yield _part(value)

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
                return either(*(self._attribute(option, name) for option in alternatives(self._value(owner))))
            case ast.Call():
                return self._call(node)
            case ast.JoinedStr(parts):
                pieces = tuple(self._value(part) for part in parts)
                ways = range(_ways(Unknown(), pieces, {}))
                return either(*(texts.concatenated(*(_option(piece, way) for piece in pieces)) for way in ways))
            case ast.FormattedValue(value):
                return either(*(as_text(option) for option in alternatives(self._value(value))))
            case ast.BinOp(left, operator, right):
                return _binary(operator, self._value(left), self._value(right))
            case ast.BoolOp(_, values):
                return either(*(self._value(value) for value in values))
            case ast.IfExp(test, body, orelse):
                self._value(test)
                return either(self._value(body), self._value(orelse))
            case ast.NamedExpr(target, value):
                found = self._value(value)
                self._bind(target, found, node)
                return found
            case ast.List(items) | ast.Tuple(items) | ast.Set(items):
                return Sequence(tuple(self._value(item) for item in items))
            case ast.Dict(keys, values):
                return self._table(keys, values)
            case ast.Subscript(owner, key):
                found, index = self._value(owner), self._value(key)
                return either(*(_item(option, index) for option in alternatives(found)))
            case ast.Lambda():
                function = Function(node, tuple(self._scopes))
                self._functions[node] = function
                return function
            case ast.ListComp(element, generators) | ast.SetComp(element, generators):
                return self._comprehension(element, generators)
            case ast.GeneratorExp(element, generators):
                return self._comprehension(element, generators)
            case ast.DictComp(key, value, generators):
                self._comprehension(key, generators)
                self._comprehension(value, generators)
                return Unknown()
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
                return Text((Argument(self._destinations.get(name, name)),))
            case Instance(of, attributes):
                if name in attributes:
                    return attributes[name]
                found = of.members.get(name)
                if isinstance(found, Function):
                    bound = Function(found.node, found.closure, owner)
                    return self._enter(bound, (), {}) if _is_property(found.node) else bound
                return found if found is not None else Member(owner, name)
            case Class(_, members) if name in members:
                return members[name]
            case Result(Call(Symbol(function)) as call) if function.rpartition(".")[2] in _URL_PARSERS:
                return _parsed(as_text(call.argument(0, "url")), name)
            case _:
                return Member(owner, name)

    def _table(self, keys: list[ast.expr | None], values: list[ast.expr]) -> Value:
        items: Scope = {}
        for key, value in zip(keys, values, strict=True):
            found = self._value(value)
            if key is None:
                if isinstance(found, Table):
                    items |= found.items
            elif (name := literal(self._value(key))) is not None:
                items[name] = found
            else:
                items[f"?{len(items)}"] = found
        return Table(items)

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
        for item in list(self._iterated(self._value(first.iter))):
            self._bind(first.target, item, element)
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
                keywords |= {name: item for name, item in found.items.items() if not name.startswith("?")}
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
                instance = Instance(callee)
                constructor = members.get("__init__")
                if isinstance(constructor, Function):
                    self._enter(Function(constructor.node, constructor.closure, instance), positional, keywords)
                return instance
            case Instance(of) if isinstance(of.members.get("__call__"), Function):
                called = of.members["__call__"]
                assert isinstance(called, Function)
                return self._enter(Function(called.node, called.closure, callee), positional, keywords)
            case Member(Text() as text, name):
                return texts.method(text, name, positional, keywords)
            case Member(Table() | Parameters() | Sequence() as owner, name):
                if (answer := self._on_container(owner, name, positional, node)) is not None:
                    return answer
            case Member(_, "add_argument"):
                self._declare_option(positional, keywords)
            case Member(_, "parse_args"):
                return Parameters()
            case Member(_, "parse_known_args"):
                return Sequence((Parameters(), Unknown()))
            case Symbol(name):
                if (answer := self._on_symbol(name, positional, keywords)) is not None:
                    return answer
        return Result(self._record(callee, positional, keywords, node))

    def _record(
        self, callee: Value, positional: tuple[Value, ...], keywords: Mapping[str, Value], node: ast.stmt | ast.expr
    ) -> Call:
        call = Call(callee, positional, keywords, node.lineno, partial(ast.unparse, node), len(self.calls))
        self.calls.append(call)
        return call

    def _on_symbol(self, name: str, positional: tuple[Value, ...], keywords: Scope) -> Value | None:
        last = name.rpartition(".")[2]
        if last == _RESOLVER:
            wanted = positional[1] if len(positional) > 1 else keywords.get("options")
            if isinstance(wanted, Sequence):
                self.declared += [text for item in wanted.items if (text := literal(item))]
            return Parameters()
        if name in _PATH_JOINS:
            return texts.path_joined(*positional)
        if name.endswith(".urljoin"):
            return texts.url_joined(*(*positional, None, None)[:2])
        if name in {"str", "pathlib.Path", "pathlib.PurePosixPath", "urllib.parse.unquote_plus"} and positional:
            # What cannot be told stays what it is: a clock that goes into a column is still that clock.
            return positional[0] if isinstance(positional[0], Result | Member) else as_text(positional[0])
        if name in {"dict", "vars"} and positional:
            first = positional[0]
            if _mentions_argv(first) or isinstance(first, Parameters):
                return Parameters()
            return Table({**first.items, **keywords}) if isinstance(first, Table) else None
        if name == "dict":
            return Table(dict(keywords))
        if name in {"list", "tuple", "set", "sorted", "reversed", "iter"} and positional:
            return positional[0] if isinstance(positional[0], Sequence | Table | Parameters) else None
        if name == "enumerate" and positional:
            return Sequence(tuple(Sequence((Unknown(), item)) for item in self._iterated(positional[0])))
        if name == "zip" and positional and all(isinstance(item, Sequence) for item in positional):
            columns = [item.items for item in positional if isinstance(item, Sequence)]
            return Sequence(tuple(Sequence(row) for row in zip(*columns, strict=False)))
        if name == "getattr" and len(positional) > 1:
            attribute = literal(positional[1])
            return self._attribute(positional[0], attribute) if attribute else None
        return None

    def _on_container(
        self, owner: Table | Parameters | Sequence, name: str, positional: tuple[Value, ...], node: ast.Call
    ) -> Value | None:
        match owner, name:
            case Parameters(), "items":
                return Sequence((Sequence((Text((Argument("*"),)), Text((Argument("*"),)))),))
            case Parameters(), "get" | "pop" if positional:
                return _item(owner, positional[0])
            case Parameters(), "copy":
                return owner
            case Table(items), "items":
                return Sequence(tuple(Sequence((Text((key,)), item)) for key, item in items.items()))
            case Table(items), "values":
                return Sequence(tuple(items.values()))
            case Table(), "get" | "pop" if positional:
                return either(_item(owner, positional[0]), *positional[1:2])
            case Table(), "copy":
                return owner
            case Table(items), "update" if positional and isinstance(items, dict):
                if isinstance(positional[0], Table):
                    items.update(positional[0].items)
                return Constant(None)
            case Sequence(), "append" | "extend" if isinstance(node.func, ast.Attribute) and positional:
                added = (positional[0],) if name == "append" else tuple(self._iterated(positional[0]))
                if len(owner.items) < _MOST_ITERATIONS:
                    self._bind(node.func.value, Sequence((*owner.items, *added)), node)
                return Constant(None)
            case _:
                return None

    def _declare_option(self, positional: tuple[Value, ...], keywords: Scope) -> None:
        flags = [text for item in positional if (text := literal(item))]
        long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else None)
        if long is not None:
            name = long.lstrip("-")
            self.declared.append(name)
            self._destinations[literal(keywords.get("dest")) or name.replace("-", "_")] = name

    def _enter(self, function: Function, positional: tuple[Value, ...], keywords: Scope) -> Value:
        """Read a function's body with what its parameters are, and return what it gives."""
        node = function.node
        tired = len(self._active) >= _DEEPEST_CALL or self._steps > _MOST_STEPS / 2
        if node in self._active or (tired and node in self._entered):
            return Unknown()
        self._entered.add(node)
        given = (function.owner, *positional) if function.owner is not None and not _is_static(node) else positional
        scope = self._parameters(node.args, given, keywords)
        with self._frame(node, [*function.closure, scope]) as returns:
            if isinstance(node, ast.Lambda):
                returns.append(self._value(node.body))
            else:
                self._block(node.body)
        return either(*returns) if returns else Constant(None)

    @contextmanager
    def _frame(self, node: ast.AST, scopes: list[Scope]) -> Iterator[list[Value]]:
        outer = self._scopes, self._returns, self._globals
        self._scopes, self._returns, self._globals = scopes, [], set()
        self._active.append(node)
        try:
            yield self._returns
        finally:
            self._active.pop()
            self._scopes, self._returns, self._globals = outer

    def _parameters(self, signature: ast.arguments, given: tuple[Value, ...], keywords: Scope) -> Scope:
        names = [argument.arg for argument in (*signature.posonlyargs, *signature.args)]
        scope: Scope = dict.fromkeys([*names, *(argument.arg for argument in signature.kwonlyargs)], Unknown())
        defaults = signature.defaults
        if defaults:
            for name, default in zip(names[-len(defaults) :], defaults, strict=True):
                scope[name] = self._value(default)
        for argument, keyword_default in zip(signature.kwonlyargs, signature.kw_defaults, strict=True):
            if keyword_default is not None:
                scope[argument.arg] = self._value(keyword_default)
        scope |= dict(zip(names, given, strict=False))
        scope |= {name: value for name, value in keywords.items() if name in scope}
        if signature.vararg is not None:
            scope[signature.vararg.arg] = Sequence(given[len(names) :])
        if signature.kwarg is not None:
            scope[signature.kwarg.arg] = Table({n: v for n, v in keywords.items() if n not in scope})
        return scope


_BUILTINS = frozenset(dir(__import__("builtins")))
_MAPPING_METHODS = frozenset({"get", "items", "keys", "values", "copy", "pop", "update", "setdefault"})


_OWN = (Function, Class, Instance)
"""What is entered rather than recorded: it is given all that a value may be at once."""


def _ways(callee: Value, positional: tuple[Value, ...], keywords: Scope) -> int:
    """Return how many things a call may be given, of several values each: not all that they could be together."""
    if isinstance(callee, _OWN):
        return 1
    return min(max((len(alternatives(v)) for v in (*positional, *keywords.values())), default=1), _MOST_WAYS)


def _option(value: Value, way: int) -> Value:
    options = alternatives(value)
    return options[way % len(options)]


def _is_property(node: ast.AST) -> bool:
    return _decorated(node, {"property", "cached_property"})


def _is_static(node: ast.AST) -> bool:
    return _decorated(node, {"staticmethod"})


def _decorated(node: ast.AST, names: set[str]) -> bool:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
    return any(ast.unparse(decorator).rpartition(".")[2] in names for decorator in decorators)


def _part(value: Value) -> Value:
    """Return an item of a value whose items are not known one by one."""
    match value:
        case Text():
            return texts.derived(value)
        case Parameters():
            return Text((Argument("*"),))
        case Result() | Member() | Symbol():
            return Member(value, "[]")
        case Sequence(items) if items:
            return either(*items)
        case Table(items) if items:
            return either(*items.values())
        case _:
            return Unknown()


def _item(owner: Value, key: Value) -> Value:
    name = literal(key)
    match owner:
        case Parameters():
            return Text((Argument(name.removeprefix("--") if name else "*"),))
        case Table(items):
            if name is not None:
                return items.get(name, Unknown())
            return _part(owner)
        case Sequence(items):
            match key:
                case Constant(int() as index) if -len(items) <= index < len(items):
                    return items[index]
                case _:
                    return _part(owner)
        case Symbol("sys.argv"):
            return Text((Argument("*"),))
        case _:
            return _part(owner)


def _mentions_argv(value: Value) -> bool:
    frontier, steps = [value], 0
    while frontier and steps < 100:
        steps += 1
        match frontier.pop():
            case Symbol("sys.argv") | Text((Argument("*"),)):
                return True
            case Member(owner):
                frontier.append(owner)
            case Result(call):
                frontier += [call.callee, *call.positional]
            case Either(options):
                frontier += options
    return False


def _parsed(uri: Text, part: str) -> Value:
    """Return ``netloc`` or ``path`` of a parsed URI."""
    scheme, separator, rest = uri.start.partition("://")
    if separator and part in {"netloc", "path", "scheme"}:
        bucket, slash, key = rest.partition("/")
        if part == "scheme":
            return Text((scheme,))
        if part == "netloc" and (slash or uri.literal is not None):
            return Text((bucket,))
        if part == "path" and slash:
            return text_of((f"/{key}", *uri.pieces[1:]))
    return texts.derived(uri)


def _binary(operator: ast.operator, left: Value, right: Value) -> Value:
    if isinstance(left, Either) or isinstance(right, Either):
        pairs = [(a, b) for a in alternatives(left) for b in alternatives(right)]
        return either(*(_binary(operator, a, b) for a, b in pairs))
    match operator, left, right:
        case ast.Add(), Sequence(a), Sequence(b):
            return Sequence((*a, *b)[: 4 * _MOST_ITERATIONS])
        case ast.Add(), Text(), _:
            return texts.concatenated(left, right)
        case ast.Add(), _, Text():
            return texts.concatenated(left, right)
        case ast.Mod(), Text(), _:
            return texts.percent_formatted(left, right)
        case ast.Div(), Text(), _:
            return texts.path_joined(left, right)
        case ast.BitOr(), Table(a), Table(b):
            return Table({**a, **b})
        case _:
            return _mixed(left, right)


def _mixed(left: Value, right: Value) -> Value:
    """Return what an operation on unknown values gives: still a chain that leads to what went into it."""
    chains = [value for value in (left, right) if isinstance(value, Result | Member | Symbol)]
    return either(*chains) if chains else Unknown()
