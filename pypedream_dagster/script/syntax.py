"""What a piece of code is by its form alone: names, decorators, questions after arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

_SETTING_UP = {"logging", "logger", "log", "warnings", "sys", "os", "java_import", "load_dotenv", "nltk", "pd", "print"}
# What only a script that is run does, and no module that others import: it asks for arguments, and begins its job.
_ASKS = re.compile(r"getResolvedOptions\(|\bJob\(|\.(?:read|write|sql|table|from_options|from_catalog)\b")


def is_property(node: ast.AST) -> bool:
    """Tell whether a method is read as an attribute."""
    return _decorated(node, {"property", "cached_property"})


def is_static(node: ast.AST) -> bool:
    """Tell whether a method takes no object."""
    return _decorated(node, {"staticmethod"})


def is_of_class(node: ast.AST) -> bool:
    """Tell whether a method takes its class instead of an object."""
    return _decorated(node, {"classmethod"})


@lru_cache(maxsize=2_000)
def gives_several(node: ast.AST) -> bool:
    """Tell whether a function is a generator, of more than the one thing that a context manager gives."""
    return not _decorated(node, {"contextmanager", "asynccontextmanager"}) and any(
        isinstance(inner, ast.Yield | ast.YieldFrom) for inner in _own_code(node)
    )


def _own_code(node: ast.AST) -> Iterator[ast.AST]:
    """Give what a function's body holds, but not that of functions within it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _own_code(child)


def _decorated(node: ast.AST, names: set[str]) -> bool:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else []
    return any(ast.unparse(decorator).rpartition(".")[2] in names for decorator in decorators)


def is_text_method(node: ast.Call) -> bool:
    """Tell whether a call only tidies a text: ``name.lower()``."""
    return isinstance(node.func, ast.Attribute) and node.func.attr in {"lower", "upper", "strip", "casefold"}


def leaves(body: list[ast.stmt]) -> bool:
    """Tell whether what follows statements is not run after them."""
    return _ends_in(body, (ast.Return, ast.Raise, ast.Continue, ast.Break))


def is_left_for_good(body: list[ast.stmt]) -> bool:
    """Tell whether statements end the function that they are in, so that it sees nothing more of them."""
    return _ends_in(body, (ast.Return, ast.Raise))


def _ends_in(body: list[ast.stmt], kinds: tuple[type[ast.stmt], ...]) -> bool:
    match body[-1] if body else None:
        case ast.If(_, one, other):
            return _ends_in(one, kinds) and _ends_in(other, kinds)
        case ast.Expr(ast.Call(callee)):
            return ast.unparse(callee) in {"sys.exit", "os._exit"}
        case last:
            return isinstance(last, kinds)


def name_in(node: ast.expr) -> str | None:
    """Return what the script calls a value: of ``table``, ``self.table`` and ``config["table"]``."""
    match node:
        case ast.Name(name) | ast.Attribute(_, name) | ast.Subscript(_, ast.Constant(str() as name)):
            return name if name.isidentifier() else None
        case ast.Call(ast.Name("str"), [only]) | ast.Call(ast.Attribute(only, "lower" | "upper" | "strip"), []):
            return name_in(only)
        case ast.Call(ast.Attribute(_, "get"), [ast.Constant(str() as name), *_]):
            return name if name.isidentifier() else None
        case _:
            return None


@lru_cache(maxsize=2_000)
def asks_for_argument(node: ast.AST) -> bool:
    """Tell whether code looks whether an argument is given: ``"--x" in sys.argv``, ``"x" in args``."""
    return any(
        (isinstance(inner, ast.Compare) and isinstance(inner.ops[0], ast.In | ast.NotIn) and _is_text(inner.left))
        or (isinstance(inner, ast.Attribute) and inner.attr == "argv")
        or (isinstance(inner, ast.Name) and inner.id == "argv")
        for inner in ast.walk(node)
    )


def compared_place(node: ast.expr) -> tuple[str, str] | None:
    """Return the name of what code asks whether it is a place, and that: ``name.rstrip("/") == "s3://lake/silver"``."""
    match node:
        case ast.Compare(
            ast.Call(ast.Attribute(ast.Name(name), "rstrip"), [ast.Constant("/")]),
            [ast.Eq()],
            [ast.Constant(str() as place)],
        ) if re.match(r"s3[an]?://", place):
            return name, place
        case _:
            return None


def given_by_glue(body: list[ast.stmt]) -> frozenset[str] | None:
    """Return the flags that a ``try`` sets which only imports what Glue's machines have: there, it does not fail.

    None where it is no such ``try``.
    """
    imported, flags = False, set()
    for statement in body:
        match statement:
            case ast.Import() | ast.ImportFrom():
                imported = imported or "awsglue" in ast.unparse(statement)
            case ast.Assign([ast.Name(name)], ast.Constant(bool())):
                flags.add(name)
            case _:
                return None
    return frozenset(flags) if imported else None


def runs_something(body: list[ast.stmt]) -> bool:
    """Tell whether statements do anything beyond giving names a meaning and setting up logs and paths."""
    return any(_does_something(statement) for statement in body)


def _does_something(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Pass():
            return False
        case ast.Expr(ast.Constant()):
            return False
        case ast.Expr(ast.Call(callee)):
            return ast.unparse(callee).partition(".")[0] not in _SETTING_UP
        case ast.Assign(_, value) | ast.AnnAssign(_, _, value):
            return value is not None and _ASKS.search(ast.unparse(value)) is not None
        case ast.If(test, body, orelse):
            return "__name__" in ast.unparse(test) or runs_something(body + orelse)
        case ast.Try(body, _, orelse, finalbody) | ast.TryStar(body, _, orelse, finalbody):
            return runs_something(body + orelse + finalbody)
        case _:
            return True


def flag_in(test: ast.expr) -> tuple[str, ast.expr | None]:
    """Return the argument whose name code looks for, and where: ``argv[i] == "--x"``, ``word.startswith("--x=")``."""
    match test:
        case ast.Compare(left, [ast.Eq()], [ast.Constant(str() as flag)]):
            pass
        case ast.Compare(ast.Constant(str() as flag), [ast.Eq()], [left]):
            pass
        case ast.Compare(left, [ast.In()], [ast.Tuple(items) | ast.List(items) | ast.Set(items)]):
            texts = [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
            flag = max(texts, key=len, default="")
        case ast.Call(ast.Attribute(left, "startswith"), [ast.Constant(str() as flag)]):
            pass
        case _:
            return "", None
    return (flag.strip("-="), left) if flag.startswith("--") else ("", None)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
