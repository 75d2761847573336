"""Modules of the given files while DAG files are walked: each once, by whoever imports it first."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from pypedream_dagster.importers.sources.airflow.libraries import Libraries
from pypedream_dagster.importers.sources.airflow.pipeline import (
    Dag,
    Group,
)
from pypedream_dagster.importers.sources.airflow.statements import Statements
from pypedream_dagster.importers.sources.airflow.values import (
    Frame,
    Module,
    Symbol,
    Value,
)
from pypedream_dagster.importers.survey import Problem, Where

_PRINT = re.compile(r"^(\s*)print\s+(?![=(])(.*)$", re.MULTILINE)
_SCRIPT = re.compile(r"\b(?:python3?|spark-submit)(?:\s+-[uBO]+)*\s+['\"]?([\w./${}~-]+\.py)\b")
_EXCEPT = re.compile(r"^(\s*except\s+[\w.()]+)\s*,\s*(\w+)\s*:", re.MULTILINE)
_OPERATOR = re.compile(r"(Operator|Sensor)(Async)?$")


@dataclass(slots=True)
class Gathered:
    """What all files of an import build up together.

    Attributes:
        modules: by path.
        entered: code that was walked, in whichever file's name.
    """

    libraries: Libraries
    modules: dict[str, Module] = field(default_factory=dict)
    dags: list[Dag] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    entered: set[ast.AST] = field(default_factory=set)


class Modules(Statements):
    """The part of a reader that imports.

    Attributes:
        within: the DAGs and groups whose contexts the code is in, outermost first.
    """

    def __init__(self, gathered: Gathered) -> None:
        super().__init__()
        self.gathered = gathered
        self.libraries = gathered.libraries
        self.entered = gathered.entered
        self.within: list[Dag | Group] = []

    @property
    def where(self) -> Where:
        """Where the code is being walked."""
        return Where(self.frame.module.path, self.line or None)

    def imported(self, dotted: str, level: int) -> Value:
        """Return an imported module, a given file's or a name only."""
        importer = self.frame.module.path
        workspace = self.libraries.workspace
        path = workspace.module(dotted, level, importer)
        if path is not None:
            return self.loaded(path)
        last = dotted.rpartition(".")[2]
        if _OPERATOR.search(last) or last.endswith("Hook"):
            path = workspace.class_file(last, importer) if not dotted.startswith("airflow.providers.") else None
            if path is not None:
                return self.loaded(path).names.get(last, Symbol(dotted))
        return Symbol(dotted)

    def loaded(self, path: str) -> Module:
        """Return a module of the given files, walked if it was not yet."""
        known = self.gathered.modules.get(path)
        if known is not None:
            return known
        file = self.libraries.workspace.file(path)
        name = path.removesuffix(".py").rpartition("/")[2] if not path.endswith("/__init__.py") else path.split("/")[-2]
        module = self.gathered.modules[path] = Module(path, name)
        module.tree = parsed(file.text) if file is not None else None
        if module.tree is None:
            self.gathered.problems.append(Problem(Where(path), "is no Python that can be parsed"))
            return module
        outer = self.frame, self.within, self.line
        self.frame, self.within = Frame(module, module.names), []
        try:
            self.module_body(module.tree.body)
        finally:
            self.frame, self.within, self.line = outer
        return module


def script_of(command: str) -> str | None:
    """Return the path of the Python script that a shell's command runs, if it runs one."""
    found = _SCRIPT.search(command)
    return found[1] if found is not None else None


def parsed(text: str) -> ast.Module | None:
    """Return a file's syntax tree; Python 2's commonest forms are put right first. None if it is no Python."""
    import warnings

    for attempt in (text, _EXCEPT.sub(r"\1 as \2:", _PRINT.sub(r"\1print(\2)", text)).expandtabs(8)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(attempt)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None
