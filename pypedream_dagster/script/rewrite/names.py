"""The names that a rewritten script defines at its head, each from an argument."""

from __future__ import annotations

import ast
import builtins
import json
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pypedream_dagster.script.rewrite.model import LiteralPlace
from pypedream_dagster.script.rewrite.source import Source

_COMMENT = "# Production's places, unless the job is given others: a branch of Pypedream gives its own."


@dataclass(slots=True)
class Names:
    """What the script's head defines.

    Attributes:
        source: the script.
        statements: how many statements the preamble has more than the script had.
    """

    source: Source
    statements: int = 0
    _defaults: dict[str, tuple[LiteralPlace, str]] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _used: dict[str, None] = field(default_factory=dict)
    _further: dict[str, None] = field(default_factory=dict)
    _others: dict[str, tuple[str, str]] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def default(self, place: LiteralPlace, scheme: str = "s3") -> str | None:
        """Return the literal that stays for production; None where the script writes the place in two ways."""
        default = f"{scheme}://{place.uri.partition('://')[2]}"
        known = self._defaults.setdefault(place.argument, (place, default))
        return default if known[1] == default else None

    def of(self, place: LiteralPlace) -> str:
        """Return the name that holds the place."""
        if not self._taken:
            self._taken = _names_in(self.source.tree)
        if place.argument not in self._names:
            name = re.sub(r"\W", "_", place.argument.lstrip("-").lower(), flags=re.ASCII) or "place"
            name = f"_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name
            while {name, *(f"{name}_{part}" for part in ("bucket", "key", "table", "target", "given"))} & self._taken:
                name = f"{name}_"
            self._taken.add(name)
            self._names[place.argument] = name
        return self._names[place.argument]

    def use(self, place: LiteralPlace) -> None:
        """Note that the place's name is used."""
        self._used[place.argument] = None

    def pair(self, place: LiteralPlace) -> None:
        """Have the place's bucket and key defined as well."""
        name = self.of(place)
        self._further[f'{name}_bucket, {name}_key = {name}.split("/", 3)[2:]'] = None

    def given(self, place: LiteralPlace) -> str:
        """Return the name that holds the place if the job is given it, and nothing if it is not."""
        name = f"{self.of(place)}_given"
        self._others[name] = (place.argument, "")
        return name

    def is_mains(self, place: LiteralPlace) -> str:
        """Return the code that tells whether the place is production's."""
        _, default = self._defaults.setdefault(place.argument, (place, place.uri))
        self.use(place)
        return f'{self.of(place)}.rstrip("/") == {quoted(default.rstrip("/"))}'

    def table(self, place: LiteralPlace) -> str:
        """Return the name that holds the place's table, by which it is read."""
        name = f"{self.of(place)}_table"
        self._others[name] = (place.table_argument or "", place.table or "")
        return name

    def target(self, place: LiteralPlace) -> str:
        """Return the name of what SQL overwrites: the place's table, or a directory."""
        name, end = f"{self.of(place)}_target", self.source.newline
        there = f"DIRECTORY '{{{self.of(place)}}}' USING {place.format}"
        choice = f"{quoted(f'TABLE {place.table}')} if {self.is_mains(place)} else f{quoted(there)}"
        self._further[f"{name} = ({end}    {choice}{end})"] = None
        return name

    def preamble(self) -> tuple[int, str]:
        """Return where the names are defined, after the imports at the script's head, and the lines."""
        source = self.source
        head, system = _head(source.tree), _system(source.tree)
        above: list[str] = []
        if system is None:
            system = _name_for_system(source.tree)
            above.append("import sys" if system == "sys" else f"import sys as {system}")
        lines = [_COMMENT, *self._definitions(system)]
        self.statements += len(above)
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

    def _definitions(self, system: str) -> Iterator[str]:
        for argument, (_, default) in self._defaults.items():
            if argument in self._used:
                yield self._definition(self._names[argument], argument, default, system)
        for name, (argument, table) in self._others.items():
            yield self._definition(name, argument, table, system)
        for line in self._further:
            yield line
            self.statements += 1

    def _definition(self, name: str, argument: str, default: str, system: str) -> str:
        asked, end = json.dumps(argument), self.source.newline
        given = f"{system}.argv[{system}.argv.index({asked}) + 1] if {asked} in {system}.argv"
        self.statements += 1
        return f"{name} = ({end}    {given} else {quoted(default)}{end})"


def quoted(text: str) -> str:
    """Return a text as code that any encoding can hold."""
    return json.dumps(text, ensure_ascii=True)


def _head(tree: ast.Module) -> ast.stmt | None:
    """Return the last of the imports at the script's head after which a line begins; None if there is none."""
    head: ast.stmt | None = None
    body = tree.body
    for index, statement in enumerate(body):
        is_docstring = index == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (is_docstring or isinstance(statement, ast.Import | ast.ImportFrom)):
            break
        if index + 1 == len(body) or body[index + 1].lineno > (statement.end_lineno or 0):
            head = statement
    return head


def _system(tree: ast.Module) -> str | None:
    """Return what the imports at the script's head call ``sys``, if it is never anything else."""
    for index, statement in enumerate(tree.body):
        is_docstring = index == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (is_docstring or isinstance(statement, ast.Import | ast.ImportFrom)):
            return None
        if isinstance(statement, ast.Import):
            names = (alias.asname or alias.name for alias in statement.names if alias.name == "sys")
            if (name := next(names, None)) is not None:
                return name if _is_only_imported(tree, name) else None
    return None


def _name_for_system(tree: ast.Module) -> str:
    taken = _names_in(tree)
    if "sys" not in taken or (_is_only_imported(tree, "sys") and _imports_sys(tree)):
        return "sys"
    system = "job_sys"
    while system in taken:
        system = f"{system}_"
    return system


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
