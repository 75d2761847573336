"""A script's literal places turned into arguments: the least that has to change, and what cannot is said.

Rewritten is what certainly is one of the places (:mod:`script.constants`), not what may be. On production, where the
arguments are not given, the rewritten script takes the literals that it had: it can be merged as it is. ::

    silver_data_sink = (
        sys.argv[sys.argv.index("--SILVER_DATA_SINK") + 1] if "--SILVER_DATA_SINK" in sys.argv else "s3://lake/silver/"
    )

Catalog tables are left: on a branch an output's table is registered after the run that made it, so that nothing can
be written through it before, and a place on S3 instead would lack the table's format and partitions.
"""

from __future__ import annotations

import ast
import builtins
import json
import keyword
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pypedream_dagster.script.constants import Constants
from pypedream_dagster.script.fstrings import leading_edit
from pypedream_dagster.script.model import Access
from pypedream_dagster.script.reading import deep_recursion, read_script
from pypedream_dagster.script.source import Edit, Source, source_of
from pypedream_dagster.script.values import Text

_SCHEME = re.compile(r"s3[an]?://")
_BUCKET_WORDS = ("Bucket",)
_KEY_WORDS = ("Key", "Prefix")
_POSITIONS: Mapping[str, tuple[int, int]] = {
    "upload_file": (1, 2),
    "upload_fileobj": (1, 2),
    "download_file": (0, 1),
    "download_fileobj": (0, 1),
    "Object": (0, 1),
}
_COMMENT = "# Production's places, unless the job is given others: a branch of Pypedream gives its own."


@dataclass(frozen=True, slots=True)
class LiteralPlace:
    """A place on S3 that shall come from an argument.

    Attributes:
        uri: production's; ends in ``/`` if the argument's values do.
        argument: with dashes: ``--SILVER_DATA_SINK``.
        table: ``database.table`` of the same dataset, if it has one: told where the script uses it.
    """

    uri: str
    argument: str
    table: str | None = None


@dataclass(frozen=True, slots=True)
class Replaced:
    """A literal that comes from an argument now."""

    line: int
    code: str
    argument: str


@dataclass(frozen=True, slots=True)
class Left:
    """A use of a place that was left as it is, and why."""

    line: int | None
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A script after rewriting.

    Attributes:
        body: its bytes; the ones given where nothing could be replaced.
        replaced: in the order of the script, by the lines that it had.
        left: what still names one of the places, by the lines that it has now.
    """

    body: bytes = field(repr=False)
    replaced: tuple[Replaced, ...] = ()
    left: tuple[Left, ...] = ()


def rewrite_literals(body: bytes, places: Iterable[LiteralPlace]) -> Rewriting:
    """Return a script with literal places coming from arguments.

    Args:
        body: its bytes.
        places: the first of several of one URI counts.

    Never raises: what cannot be rewritten is in ``left``.
    """
    wanted: dict[str, LiteralPlace] = {}
    for place in places:
        wanted.setdefault(_folder(place.uri), place)
    source = source_of(body)
    if source is None:
        reason = read_script(body).unreadable
        why = reason.reason if reason else "it cannot be edited without changing what it does not say"
        return Rewriting(body, left=(Left(None, "the script", why),))
    with deep_recursion():
        try:
            new, replaced = _rewritten(source, list(wanted.values()))
        except (RecursionError, MemoryError, UnicodeError) as error:
            return Rewriting(body, left=(Left(None, "the script", f"it is too deep or odd: {type(error).__name__}"),))
    return Rewriting(new, replaced, tuple(_left(new, wanted.values())))


def _rewritten(source: Source, places: Sequence[LiteralPlace]) -> tuple[bytes, tuple[Replaced, ...]]:
    edits = _Edits(source, places, Constants(source.tree))
    edits.visit(source.tree)
    if not edits.made:
        return source.encoded(source.text), ()
    at, preamble = _preamble(source, edits)
    text = source.edited([*edits.made, Edit(at, at, preamble)])
    body = source.encoded(text)
    if not _is_sound(source, edits, body):
        return source.encoded(source.text), ()
    return body, tuple(sorted(edits.replaced, key=lambda one: one.line))


def _is_sound(source: Source, edits: _Edits, body: bytes) -> bool:
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
    return len(new.tree.body) == len(source.tree.body) + edits.preamble_statements


@dataclass(slots=True)
class _Edits:
    source: Source
    places: Sequence[LiteralPlace]
    constants: Constants
    made: list[Edit] = field(default_factory=list)
    replaced: list[Replaced] = field(default_factory=list)
    defaults: dict[str, tuple[LiteralPlace, str]] = field(default_factory=dict)
    pairs: set[str] = field(default_factory=set)
    preamble_statements: int = 0
    _names: dict[str, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def visit(self, node: ast.AST) -> None:
        """Go through the code, outer expressions before those in them."""
        match node:
            case ast.Expr(ast.Constant()) | ast.pattern():
                return
            case ast.IfExp(ast.Compare(ast.Constant(), [ast.In()], [ast.Attribute(attr="argv")])):
                return  # it has its default
            case ast.JoinedStr():
                self._literal(node)
                return
            case ast.Call() if self._pair(node):
                return
            case ast.expr() if self._literal(node):
                return
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "type_params"}:
                continue
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, ast.AST):
                    self.visit(child)

    # Whole URIs

    def _literal(self, node: ast.expr) -> bool:
        if not _is_composed(node):
            return False
        text = self._text(node)
        place = self._place(text.start, is_whole=text.literal is not None)
        if place is None or self._follows(node) or "://" in text.start.partition("://")[2]:
            return False
        default = self._default(place, text.start)
        if default is None:
            return False
        name = self._name(place)
        if text.literal is not None:
            self._replace(node, _expression(name, default, text.literal), place)
            return True
        if isinstance(node, ast.JoinedStr):
            prefix = default if default.endswith("/") else f"{default}/"
            return self._lead(node, prefix, name if prefix == default else f"{name}}}/", place)
        return False

    def _follows(self, node: ast.expr) -> bool:
        """Tell whether a text begins with something that is replaced where it is made."""
        first = _first(node)
        if first is None or first is node:
            return False
        text = self._text(first)
        return _is_reference(first) and self._place(text.start, is_whole=text.literal is not None) is not None

    # Buckets and keys

    def _pair(self, node: ast.Call) -> bool:
        """Replace the bucket and the key of one of boto3's calls, where together they are in a place."""
        found = _bucket_and_key(node)
        if found is None:
            return False
        bucket, key = found
        bucket_text, key_text = self._text(bucket), self._text(key)
        if bucket_text.literal is None or not key_text.start:
            return False
        uri = f"s3://{bucket_text.literal}/{key_text.start}"
        place = self._place(uri, is_whole=key_text.literal is not None)
        if place is None or (_folder(uri) == _folder(place.uri) and not key_text.start.endswith("/")):
            return False
        default = self._default(place, uri)
        prefix = default.split("/", 3)[3].rstrip("/") + "/" if default else ""
        name = self._name(place)
        if default is None or not key_text.start.startswith(prefix):
            return False
        rest = key_text.start.removeprefix(prefix)
        slash = "" if default.endswith("/") else "/"
        if key_text.literal is not None:
            code = f"{name}_key" if not (slash + rest) else f"{name}_key + {_quoted(slash + rest)}"
            self._replace(key, code, place)
        elif not isinstance(key, ast.JoinedStr) or not self._lead(
            key, prefix, f"{name}_key" if not slash else f"{name}_key}}/", place
        ):
            return False
        self._replace(bucket, f"{name}_bucket", place)
        self.pairs.add(place.argument)
        for child in [*node.args, *(one.value for one in node.keywords), node.func]:
            if child is not bucket and child is not key:
                self.visit(child)
        return True

    # What both need

    def _field(self, part: ast.expr) -> Text:
        return self.constants.text(part.value) if isinstance(part, ast.FormattedValue) else self.constants.text(part)

    def _lead(self, node: ast.JoinedStr, prefix: str, name: str, place: LiteralPlace) -> bool:
        edit = leading_edit(self.source, node, prefix, [self._field(part) for part in node.values], name)
        if edit is None:
            return False
        self.made.append(edit)
        self.replaced.append(Replaced(node.lineno, self.source.code(node), place.argument))
        return True

    def _replace(self, node: ast.expr, code: str, place: LiteralPlace) -> None:
        start, end = self.source.span(node)
        before, after = self.source.text[:start].rstrip(" \t"), self.source.text[end:].lstrip(" \t")
        is_apart = before.endswith(("=", "(", ",", "[", "\n")) and after[:1] in {"", ")", ",", "]", "\n", "\r", "#"}
        word = self.source.text[start - 1 : start].isalnum() or self.source.text[end : end + 1].isalnum()
        if word or (not is_apart and not code.isidentifier()):
            code = f"({code})"
        self.made.append(Edit(start, end, code))
        self.replaced.append(Replaced(node.lineno, self.source.code(node), place.argument))

    def _text(self, node: ast.expr) -> Text:
        return self.constants.text(node)

    def _place(self, start: str, *, is_whole: bool) -> LiteralPlace | None:
        """Return the innermost place that a text lies in."""
        if not _SCHEME.match(start):
            return None
        text = _folder(start) if is_whole else _SCHEME.sub("s3://", start, count=1)
        inside = [place for place in self.places if text.startswith(_folder(place.uri))]
        return max(inside, key=lambda place: len(place.uri), default=None)

    def _default(self, place: LiteralPlace, start: str) -> str | None:
        """Return the literal that stays for production; None where the script writes the place in two ways."""
        scheme = start.partition("://")[0]
        default = f"{scheme}://{place.uri.partition('://')[2]}"
        known = self.defaults.setdefault(place.argument, (place, default))
        return default if known[1] == default else None

    def _name(self, place: LiteralPlace) -> str:
        if not self._taken:
            self._taken = _names_in(self.source.tree)
        if place.argument not in self._names:
            name = re.sub(r"\W", "_", place.argument.lstrip("-").lower(), flags=re.ASCII) or "place"
            name = f"_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name
            while {name, f"{name}_bucket", f"{name}_key"} & self._taken:
                name = f"{name}_"
            self._taken.add(name)
            self._names[place.argument] = name
        return self._names[place.argument]

    def statements(self, system: str) -> Iterator[str]:
        """Give the lines that define the names."""
        used = {one.argument for one in self.replaced}
        for argument, (_, default) in self.defaults.items():
            if argument not in used:
                continue
            name, asked = self._names[argument], json.dumps(argument)
            yield f"{name} = ("
            yield (
                f"    {system}.argv[{system}.argv.index({asked}) + 1] if {asked} in {system}.argv "
                f"else {_quoted(default)}"
            )
            yield ")"
            self.preamble_statements += 1
            if argument in self.pairs:
                yield f'{name}_bucket, {name}_key = {name}.split("/", 3)[2:]'
                self.preamble_statements += 1


def _preamble(source: Source, edits: _Edits) -> tuple[int, str]:
    """Return where the names are defined, after the imports at the script's head, and the lines."""
    head: ast.stmt | None = None
    imported = None
    body = source.tree.body
    for index, statement in enumerate(body):
        is_docstring = index == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (is_docstring or isinstance(statement, ast.Import | ast.ImportFrom)):
            break
        if index + 1 == len(body) or body[index + 1].lineno > (statement.end_lineno or 0):
            head = statement
        if isinstance(statement, ast.Import):
            names = {alias.asname or alias.name for alias in statement.names if alias.name == "sys"}
            imported = imported or next(iter(names), None)
    above: list[str] = []
    system = imported if imported and _is_only_imported(source.tree, imported) else None
    if system is None:
        taken = _names_in(source.tree)
        plain = "sys" not in taken or (_is_only_imported(source.tree, "sys") and _imports_sys(source.tree))
        system = "sys" if plain else "job_sys"
        while system != "sys" and system in taken:
            system = f"{system}_"
        above.append("import sys" if system == "sys" else f"import sys as {system}")
        edits.preamble_statements += 1
    lines = [_COMMENT, *edits.statements(system)]
    if head is None:
        first = source.tree.body[0]
        decorators = getattr(first, "decorator_list", [])
        at = source.line_start(min([first.lineno, *(one.lineno for one in decorators)]))
        return at, "".join(f"{line}{source.newline}" for line in [*above, *([""] if above else []), *lines, ""])
    assert head.end_lineno is not None
    at = source.line_start(head.end_lineno + 1)
    ended = "" if source.text[:at].endswith(("\n", "\r")) else source.newline
    following = source.text[at:].partition("\n")[0].strip()
    lines = [*above, "", *lines, *([""] if following else [])]
    return at, ended + "".join(f"{line}{source.newline}" for line in lines)


def _is_only_imported(tree: ast.Module, name: str) -> bool:
    """Tell whether nothing but imports gives a name its meaning."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=found, ctx=ast.Store() | ast.Del()) if found == name:
                return False
            case ast.arg(arg=found) if found == name:
                return False
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) | ast.ClassDef(name=found):
                if found == name:
                    return False
            case ast.alias(name=module, asname=asname) if (asname or module.partition(".")[0]) == name:
                if module != "sys":
                    return False
    return True


def _imports_sys(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.alias) and node.name == "sys" and node.asname is None for node in ast.walk(tree))


def _names_in(tree: ast.Module) -> set[str]:
    """Return all names that a script knows, builtins included."""
    found = set(dir(builtins))
    for node in ast.walk(tree):
        for name in ("id", "arg", "name", "asname", "attr", "rest"):
            if isinstance(value := getattr(node, name, None), str):
                found.add(value.partition(".")[0])
        if isinstance(node, ast.Global | ast.Nonlocal):
            found.update(node.names)
    return found


def _is_composed(node: ast.expr) -> bool:
    """Tell whether an expression makes a text of its parts; a name only repeats one."""
    match node:
        case ast.Constant(str()) | ast.JoinedStr() | ast.BinOp(op=ast.Add() | ast.Mod()):
            return True
        case ast.Call(ast.Attribute(attr="format" | "join")):
            return True
        case _:
            return False


def _is_reference(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def _first(node: ast.expr) -> ast.expr | None:
    """Return the innermost expression that a text begins with."""
    while True:
        match node:
            case ast.BinOp(left):
                node = left
            case ast.JoinedStr([ast.FormattedValue(value), *_]):
                node = value
            case ast.Call(ast.Attribute(ast.Constant("{}" | "%s"), "format"), [first, *_]):
                node = first
            case ast.Call(ast.Attribute(_, "join"), [ast.List([first, *_]) | ast.Tuple([first, *_])]):
                node = first
            case ast.Call(ast.Attribute(_, "join"), [first, *_]):
                node = first
            case _:
                return node


def _bucket_and_key(node: ast.Call) -> tuple[ast.expr, ast.expr] | None:
    """Return what a call of boto3's is given as bucket and as key."""
    keywords = {one.arg: one.value for one in node.keywords if one.arg is not None}
    bucket = next((keywords[word] for word in _BUCKET_WORDS if word in keywords), None)
    key = next((keywords[word] for word in _KEY_WORDS if word in keywords), None)
    called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if called in _POSITIONS and not any(isinstance(one, ast.Starred) for one in node.args):
        first, second = _POSITIONS[called]
        bucket = bucket or (node.args[first] if len(node.args) > first else None)
        key = key or (node.args[second] if len(node.args) > second else None)
    return (bucket, key) if bucket is not None and key is not None else None


def _expression(name: str, default: str, text: str) -> str:
    """Return the code of a text that lies in a place, by the place's name."""
    if text.startswith(default):
        rest = text.removeprefix(default)
        return f"{name} + {_quoted(rest)}" if rest else name
    return f'{name}.rstrip("/")'  # the place itself, without the slash that the argument has


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)


def _folder(uri: str) -> str:
    return _SCHEME.sub("s3://", uri, count=1).rstrip("/") + "/"


def _left(body: bytes, places: Iterable[LiteralPlace]) -> Iterator[Left]:
    """Give what the new script still reads or writes by a literal."""
    known = list(places)
    for fact in read_script(body).facts:
        if not isinstance(fact, Access):
            continue
        verb = {"read": "reads", "write": "writes", "delete": "deletes"}[fact.action]
        if fact.system == "s3":
            start = fact.target.start
            for place in known:
                if _folder(start).startswith(_folder(place.uri)) and not fact.target.arguments:
                    why = f"it is put together in a way that cannot be rewritten: take it from {place.argument}"
                    yield Left(fact.at.line, f"{verb} {fact.target} through {fact.through}", why)
                    break
        elif fact.system == "catalog":
            table = (fact.target.literal or "").replace("`", "").lower()
            for place in known:
                if place.table is not None and table.split(".")[-2:] == place.table.lower().split("."):
                    why = f"a table cannot stand in for the branch's: take its place, {place.argument}, instead"
                    yield Left(fact.at.line, f"{verb} the table {place.table} through {fact.through}", why)
                    break
