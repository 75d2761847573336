"""What calls of a script give: its own functions are entered, what others do is recorded."""

from __future__ import annotations

import ast
import re
from abc import abstractmethod
from collections.abc import Iterator

from pypedream_dagster.script import texts
from pypedream_dagster.script.choices import alternatives, defaulted, either
from pypedream_dagster.script.documents import file_parsed, file_read, parsed, text_parsed
from pypedream_dagster.script.environment import MOST_STEPS, Scope
from pypedream_dagster.script.expressions import OWN, Expressions
from pypedream_dagster.script.functions import ENVIRONMENT_READS, of_container, of_symbol
from pypedream_dagster.script.operations import MOST_ITEMS, item, mentions_argv
from pypedream_dagster.script.pieces import Argument, Text
from pypedream_dagster.script.selection import choices
from pypedream_dagster.script.syntax import asks_for_argument, gives_several, is_static
from pypedream_dagster.script.values import (
    Call,
    Class,
    Constant,
    Function,
    Instance,
    Member,
    Parameters,
    Parsed,
    Partial,
    Result,
    Sequence,
    Stored,
    Super,
    Symbol,
    Table,
    Unknown,
    Value,
    literal,
)

_DEEPEST_CALL = 10
_FLAG = re.compile(r"-{0,2}[A-Za-z_][\w-]*")
_RESOLVER = "getResolvedOptions"
_AFTER_MAKING = ("__post_init__", "model_post_init")


class Calls(Expressions):
    """Reads calls."""

    @abstractmethod
    def _file(self, path: str | None) -> str | None:
        """Return the content of a file that comes with the script; None where it does not."""

    @abstractmethod
    def _block(self, body: list[ast.stmt]) -> None:
        """Read statements."""

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
                if any(mentions_argv(given) for name, given in found.items.items() if name.startswith("?")):
                    keywords.setdefault("**", Parameters())  # filled name by name from the job's arguments
            elif isinstance(found, Parameters):
                keywords["**"] = found
        given_all = tuple(positional)
        return either(
            *(
                self._called(option, given, named, node)
                for option in alternatives(callee)
                for given, named in _ways(option, given_all, keywords)
            )
        )

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
            case Partial(function, first, named, conditions):
                outer = self._conditions
                self._conditions = (*outer, *conditions)
                given = self._called(function, (*first, *positional), {**named, **keywords}, node)
                self._conditions = outer
                return given
            case Member(_, "read" | "read_text") if (content := self._file(file_read(callee))) is not None:
                return Text((content,))
            case Member(Text() as text, name):
                return texts.method(text, name, positional, keywords)
            case Member(
                Result(Call(Symbol("string.Template" | "jinja2.Template" as kind), (Text() as text, *_))),
                "substitute" | "safe_substitute" | "render",
            ):
                tables = [given.items for given in positional if isinstance(given, Table)]
                return texts.template_filled(text, kind, {n: v for t in (*tables, keywords) for n, v in t.items()})
            case Member(Table() | Parameters() | Parsed() | Stored() | Sequence() as owner, name):
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
        if not isinstance(function, OWN):
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
            defaults = {name: made.members.get(name, Unknown()) for name in made.fields}
            instance.attributes.update(
                {name: defaulted(item(spread, Text((name,))), default) for name, default in defaults.items()}
            )
        instance.attributes.update(zip(made.fields, positional, strict=False))
        instance.attributes.update({name: _settled(value) for name, value in keywords.items() if name in made.fields})
        for name in _AFTER_MAKING:
            if isinstance(after := made.members.get(name), Function):
                self._enter(Function(after.node, after.closure, instance), (), {})
        return instance

    def _on_symbol(self, name: str, positional: tuple[Value, ...], keywords: Scope, node: ast.Call) -> Value | None:
        last = name.rpartition(".")[2]
        if last == _RESOLVER:
            wanted = positional[1] if len(positional) > 1 else keywords.get("options")
            if isinstance(wanted, Sequence):
                self.declared += [text for item in wanted.items if (text := literal(item))]
            return Parameters()
        if name in ENVIRONMENT_READS and positional and (known := self._variables.get(literal(positional[0]) or "")):
            return known
        if name == "enumerate" and positional:
            return Sequence(tuple(Sequence((Unknown(), item)) for item in self._iterated(positional[0])))
        if name == "collections.namedtuple" and len(positional) > 1:
            fields = positional[1].items if isinstance(positional[1], Sequence) else ()
            named = [literal(field) for field in fields] or (literal(positional[1]) or "").replace(",", " ").split()
            return Class(literal(positional[0]) or "", {}, tuple(field for field in named if field))
        if name == "getattr" and len(positional) > 1:
            attribute = literal(positional[1])
            return self._attribute(positional[0], attribute) if attribute else None
        if name == "super":
            owner = self._owners[-1] if self._owners else None
            return Super(owner, self._active[-1]) if isinstance(owner, Instance) else None
        if last.lower() == "field" and name.startswith(("dataclasses.", "pydantic.")):
            factory = keywords.get("default_factory")
            given = keywords.get("default", positional[0] if positional else Unknown())
            found = self._called(factory, (), {}, node) if factory is not None else given
            return Unknown() if found == Constant(...) else found
        if (answer := self._parsed(name, positional[0] if positional else None)) is not None:
            return answer
        return of_symbol(name, positional, keywords)

    def _parsed(self, name: str, given: Value | None) -> Value | None:
        """Return what a file of settings holds that comes with the script, or a known text."""
        content = text_parsed(name, given) or self._file(file_parsed(name, given))
        return parsed(content) if content else None

    def _on_container(
        self,
        owner: Table | Parameters | Parsed | Stored | Sequence,
        name: str,
        positional: tuple[Value, ...],
        node: ast.Call,
    ) -> Value | None:
        match owner, name:
            case Sequence(), "append" | "extend" if isinstance(node.func, ast.Attribute) and positional:
                added = (positional[0],) if name == "append" else tuple(self._iterated(positional[0]))
                if len(owner.items) < MOST_ITEMS:
                    self._bind(node.func.value, Sequence((*owner.items, *added)), node)
                return Constant(None)
            case Parameters(), "update" if isinstance(node.func, ast.Attribute) and positional:
                if isinstance(others := positional[0], Table):
                    self._bind(node.func.value, owner.with_put(others.items), node)
                return Constant(None)
            case _:
                return of_container(owner, name, positional)

    def _enter(self, function: Function, positional: tuple[Value, ...], keywords: Scope) -> Value:
        """Read a function's body with what its parameters are, and return what it gives."""
        node = function.node
        tired = len(self._active) >= _DEEPEST_CALL or self._steps > MOST_STEPS / 2
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
        if gives_several(node):
            return Sequence(tuple(value for value in returns if value != Constant(None))[:MOST_ITEMS])
        if len(returns) == 2 and asks_for_argument(node):
            found = _either_as_default(returns)
        else:
            found = either(*returns) if returns else Constant(None)
        return _asked_for(found, (*positional, *keywords.values()))

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


def _asked_for(found: Value, given: tuple[Value, ...]) -> Value:
    """Return which argument a function gives that looks through ``sys.argv``: the one whose name it is given."""
    names = [name for value in given if (name := literal(value))]
    flags = [name for name in names if name.startswith("--")] or names
    if len(flags) != 1 or not _FLAG.fullmatch(flags[0]):
        return found
    argument = Text((Argument(flags[0].lstrip("-")),))
    options = tuple(argument if option == Text((Argument("*"),)) else option for option in alternatives(found))
    return either(*(option for option in options if len(options) == 1 or option != Constant(None)))


def _settled(value: Value) -> Value:
    """Return a setting: an argument, where it is one, else the one text that it may be."""
    found = [option for option in alternatives(value) if isinstance(option, Text)]
    asked = [text for text in found if text.arguments]
    said = [text for text in found if text.literal is not None]
    return defaulted(asked[0], said[0]) if len(asked) == len(said) == 1 else value


def _either_as_default(values: list[Value]) -> Value:
    """Return an argument with the other value as what holds where the job is not given it."""
    first, second = values
    return defaulted(first, second) if isinstance(first, Text) and first.arguments else defaulted(second, first)


def _ways(callee: Value, positional: tuple[Value, ...], keywords: Scope) -> Iterator[tuple[tuple[Value, ...], Scope]]:
    """Give the things that a call may be given; the script's own functions take all that each may be."""
    if isinstance(callee, OWN):
        yield positional, keywords
        return
    for _, *given in choices((callee, *positional, *keywords.values())):
        yield tuple(given[: len(positional)]), dict(zip(keywords, given[len(positional) :], strict=True))
