"""A whole script rewritten, and what of it could not be."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from pypedream_dagster.script.model import Access
from pypedream_dagster.script.reading import deep_recursion, read_script
from pypedream_dagster.script.rewrite.constants import Constants
from pypedream_dagster.script.rewrite.editing import Editing, folder
from pypedream_dagster.script.rewrite.literals import rewrite_composed, rewrite_pair, rewrite_text
from pypedream_dagster.script.rewrite.model import Left, LiteralPlace, Replaced, Rewriting
from pypedream_dagster.script.rewrite.names import Names
from pypedream_dagster.script.rewrite.source import Edit, Source, source_of
from pypedream_dagster.script.rewrite.statements import rewrite_statement
from pypedream_dagster.script.rewrite.tables import rewrite_table
from pypedream_dagster.script.syntax import compared_place


def rewrite_literals(
    body: bytes, places: Iterable[LiteralPlace], arguments: Mapping[str, str] = MappingProxyType({})
) -> Rewriting:
    """Return a script with literal places coming from arguments.

    Args:
        body: its bytes.
        places: the first of several of one URI counts.
        arguments: the job's, by name without dashes: of them the script may put places together.

    Never raises: what cannot be rewritten is in ``left``.
    """
    wanted: dict[str, LiteralPlace] = {}
    for place in places:
        wanted.setdefault(folder(place.uri), place)
    source = source_of(body)
    if source is None:
        reason = read_script(body).unreadable
        why = reason.reason if reason else "it cannot be edited without changing what it does not say"
        return Rewriting(body, left=(Left(None, "the script", why),))
    with deep_recursion():
        try:
            new, replaced = _rewritten(source, list(wanted.values()), arguments)
        except (RecursionError, MemoryError, UnicodeError) as error:
            return Rewriting(body, left=(Left(None, "the script", f"it is too deep or odd: {type(error).__name__}"),))
    return Rewriting(new, replaced, tuple(_left(new, wanted.values(), arguments)))


def _rewritten(
    source: Source, places: Sequence[LiteralPlace], arguments: Mapping[str, str]
) -> tuple[bytes, tuple[Replaced, ...]]:
    editing = Editing(source, places, Constants(source.tree), Names(source), _visit, arguments)
    _visit(editing, source.tree)
    if not editing.made:
        return source.encoded(source.text), ()
    at, preamble = editing.names.preamble()
    text = source.edited([*editing.made, Edit(at, at, preamble)])
    body = source.encoded(text)
    if not _is_sound(source, editing.names.statements, body):
        return source.encoded(source.text), ()
    return body, tuple(sorted(editing.replaced, key=lambda one: one.line))


def _visit(editing: Editing, node: ast.AST) -> None:
    """Go through the code, outer expressions before those in them."""
    match node:
        case ast.Expr(ast.Constant()) | ast.pattern():
            return
        case ast.IfExp(test) | (ast.Compare() as test) if _was_rewritten(editing, test):
            return
        case ast.JoinedStr():
            _ = rewrite_text(editing, node) or rewrite_composed(editing, node)
            return
        case ast.Call() if rewrite_pair(editing, node) or rewrite_table(editing, node):
            return
        case ast.Call() if rewrite_statement(editing, node):
            return
        case ast.expr() if rewrite_text(editing, node) or rewrite_composed(editing, node):
            return
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "type_params"}:
            continue
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, ast.AST):
                _visit(editing, child)


def _was_rewritten(editing: Editing, test: ast.expr) -> bool:
    """Tell whether a condition is one that rewriting makes: it has its default, or its table, already."""
    match test:
        case ast.Compare(ast.Constant(), [ast.In()], [ast.Attribute(attr="argv")]):
            return True
        case ast.Name(name) if name.endswith("_given"):
            value = editing.constants.bound(name)
            return isinstance(value, ast.IfExp) and _was_rewritten(editing, value.test)
        case ast.Compare() if (compared := compared_place(test)) is not None:
            value = editing.constants.bound(compared[0])
            return isinstance(value, ast.IfExp) and _was_rewritten(editing, value.test)
        case _:
            return False


def _is_sound(source: Source, added: int, body: bytes) -> bool:
    """Tell whether the new script is the old one but for what was meant to change."""
    new = source_of(body)
    if new is None:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(body, "script", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return len(new.tree.body) == len(source.tree.body) + added


def _left(body: bytes, places: Iterable[LiteralPlace], arguments: Mapping[str, str]) -> Iterator[Left]:
    """Give what the new script still reads or writes by a literal."""
    known = list(places)
    for fact in read_script(body).facts:
        if not isinstance(fact, Access):
            continue
        verb = {"read": "reads", "write": "writes", "delete": "deletes"}[fact.action]
        if fact.system == "s3":
            start = fact.target.resolved(arguments).start
            for place in known:
                is_moved = place.argument.lstrip("-") in fact.target.arguments
                if folder(start).startswith(folder(place.uri)) and not is_moved:
                    why = f"it is put together in a way that cannot be rewritten: take it from {place.argument}"
                    yield Left(fact.at.line, f"{verb} {fact.target} through {fact.through}", why)
                    break
        elif fact.system == "catalog":
            table = (fact.target.literal or "").replace("`", "").lower()
            for place in known:
                is_it = place.table is not None and table.split(".")[-2:] == place.table.lower().split(".")
                if is_it and not (place.stays and fact.action == "read"):
                    why = f"this use of a table cannot be rewritten: take its place, {place.argument}, instead"
                    yield Left(fact.at.line, f"{verb} the table {place.table} through {fact.through}", why)
                    break
