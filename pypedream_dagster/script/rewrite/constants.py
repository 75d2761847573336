"""What an expression is for certain: not what it may be, as the reader takes it, but what it always is.

Names count that are bound once in the whole script, wherever, to a text that is certain itself: whoever reads one later
reads that, or fails. With a star import only those at the script's top: others may be somebody else's names elsewhere.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator

from pypedream_dagster.script import texts
from pypedream_dagster.script.pieces import Argument, Gap, Text
from pypedream_dagster.script.values import Sequence

_UNKNOWN = Text((Gap(),))
_PLAIN_FIELDS = re.compile(r"(?:[^{}]|\{\})*\Z")
_PLAIN_PERCENTS = re.compile(r"(?:[^%]|%s)*\Z")
_DEEPEST = 60


class Constants:
    """The certain texts of a script: of known pieces, and of its job's arguments."""

    def __init__(self, tree: ast.Module) -> None:
        bound = Counter(_bindings(tree))
        self._tree = tree
        self._names: dict[str, ast.expr] = {}
        for statement in tree.body if bound["*"] else ast.walk(tree):
            match statement:
                case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(ast.Name(name), _, ast.expr() as value):
                    if bound[name] == 1 and not hasattr(builtins, name):
                        self._names[name] = value

    def bound(self, name: str) -> ast.expr | None:
        """Return what a name certainly stands for; None where that is not one expression."""
        return self._names.get(name)

    def _is_arguments(self, node: ast.expr | None) -> bool:
        """Tell whether code is what Glue's ``getResolvedOptions`` gives."""
        match self._names.get(node.id) if isinstance(node, ast.Name) else node:
            case ast.Call(ast.Name("getResolvedOptions") | ast.Attribute(attr="getResolvedOptions")):
                return True
            case _:
                return False

    def is_only_given(self, name: str, method: str) -> bool:
        """Tell whether a name is used for nothing but as what a method is given first."""
        uses = sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(self._tree)) - 1
        given = 0
        for node in ast.walk(self._tree):
            match node:
                case ast.Call(ast.Attribute(attr=called), [ast.Name(first), *_]) if (called, first) == (method, name):
                    given += 1
        return uses == given

    def text(self, node: ast.expr, depth: int = 0) -> Text:
        """Return what an expression is, with gaps for what is not certain."""
        if depth > _DEEPEST:
            return _UNKNOWN
        match node:
            case ast.Constant(str() as known):
                return Text((known,))
            case ast.Subscript(owner, ast.Constant(str() as key)) if self._is_arguments(owner):
                return Text((Argument(key),))
            case ast.Name(name) if name in self._names:
                return self.text(self._names[name], depth + 1)
            case ast.JoinedStr(parts):
                return texts.concatenated(*(self._part(part, depth + 1) for part in parts))
            case ast.BinOp(left, ast.Add(), right):
                return texts.concatenated(self.text(left, depth + 1), self.text(right, depth + 1))
            case ast.BinOp(left, ast.Mod(), right):
                template = self.text(left, depth + 1)
                items = right.elts if isinstance(right, ast.Tuple) else [right]
                filling = Sequence(tuple(self.text(item, depth + 1) for item in items))
                is_plain = template.literal is not None and _PLAIN_PERCENTS.match(template.literal)
                return texts.percent_formatted(template, filling) if is_plain else _begun(template, "%")
            case ast.Call(ast.Attribute(owner, "format"), given, []):
                template = self.text(owner, depth + 1)
                values = tuple(self.text(item, depth + 1) for item in given)
                is_plain = template.literal is not None and _PLAIN_FIELDS.match(template.literal)
                return texts.formatted(template, values, {}) if is_plain else _begun(template, "{")
            case ast.Call(ast.Attribute(ast.Attribute(ast.Name("os"), "path"), "join"), [_, *_] as given, []):
                joinable = [self.text(item, depth + 1) for item in given]
                begun = [index for index, part in enumerate(joinable) if not part.start or part.start.startswith("/")]
                plain = joinable[: begun[0]] if begun else joinable
                joined = texts.path_joined(*plain)
                return joined if not begun else texts.concatenated(joined, _UNKNOWN)
            case _:
                return _UNKNOWN

    def _part(self, node: ast.expr, depth: int) -> Text:
        if isinstance(node, ast.FormattedValue):
            plain = node.conversion == -1 and node.format_spec is None
            return self.text(node.value, depth) if plain else _UNKNOWN
        return self.text(node, depth)


def _begun(template: Text, sign: str) -> Text:
    """Return what is certain of a template's result: what stands before its first field."""
    return Text((template.start.partition(sign)[0], Gap()))


def _bindings(tree: ast.Module) -> Iterator[str]:
    """Give each name as often as something in the script gives it a meaning."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(name, ast.Store() | ast.Del()):
                yield name
            case ast.arg(name) | ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name
            case ast.alias(name, asname):
                yield asname or name.partition(".")[0]
            case ast.ExceptHandler(_, str() as name) | ast.MatchAs(_, str() as name) | ast.MatchStar(str() as name):
                yield name
            case ast.MatchMapping(_, _, str() as name):
                yield name
            case ast.Global(names) | ast.Nonlocal(names):
                yield from names
