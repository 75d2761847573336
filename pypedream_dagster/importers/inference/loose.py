"""Files that no definition names: scripts that look like a Glue job's, and statements that create tables.

Many repositories hold a pipeline's scripts alone; its jobs were made by hand. Such a script is taken for a job that is
called as its file is.
"""

from __future__ import annotations

import ast
import posixpath
import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.inference.scripts import Scripts
from pypedream_dagster.importers.survey import CatalogEntry, JobDefinition, Survey, Where
from pypedream_dagster.script import sql
from pypedream_dagster.script.syntax import runs_something

_GLUE = re.compile(r"^\s*(?:from|import)\s+awsglue\b|\bgetResolvedOptions\s*\(|\"from awsglue", re.MULTILINE)
_MAIN = re.compile(r"^if\s+__name__\s*==", re.MULTILINE)
_IMPORTED = re.compile(r"^\s*(?:from\s+([.\w]+)\s+import\b|import\s+([.\w]+))", re.MULTILINE)
_TEST = re.compile(r"(?:^|/)(?:tests?/|test_[^/]*$|conftest\.py$)|_test\.py$", re.IGNORECASE)
_SCRIPTS = (".py", ".ipynb")
_MOST_MODULES = 200
_STATEMENTS = (".sql", ".ddl", ".hql")


def survey_scripts(files: Sequence[SourceFile]) -> Survey:
    """Return a job for each script that uses Glue's own library, itself or by a module of the repository's.

    What only defines functions and classes does nothing when it is run, and tests are run by nobody's pipeline.
    """
    found = scripts_in(files)
    stems = Counter(map(_stem, found))
    return Survey(
        jobs=tuple(
            JobDefinition(
                _stem(path) if stems[_stem(path)] == 1 else _with_folder(path),
                {"Command": {"Name": "glueetl"}},
                Where(path),
                script=path,
            )
            for path in found
        )
    )


def scripts_in(files: Sequence[SourceFile]) -> list[str]:
    """Return the paths of the files that are scripts of Glue jobs, by what they hold."""
    scripts = [file for file in files if file.path.lower().endswith(_SCRIPTS) and not _TEST.search(file.path)]
    modules = Scripts(files, {}, {})
    return [file.path for file in scripts if _runs_on_glue(file, modules)]


def _runs_on_glue(file: SourceFile, modules: Scripts) -> bool:
    if _GLUE.search(file.text):
        return not file.path.lower().endswith(".py") or _runs(file.text)
    return _MAIN.search(file.text) is not None and _leads_to_glue(file.text, modules.modules_of(file.path))


def _runs(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True  # Python 2, perhaps: what it says is read as far as it goes
    return runs_something(tree.body)


def _leads_to_glue(text: str, module: Callable[[str], bytes | None]) -> bool:
    """Tell whether a script's modules that come with it, and theirs, use Glue's library."""
    seen: set[str] = set()
    waiting = [text]
    while waiting and len(seen) < _MOST_MODULES:
        for name in dict.fromkeys((one or two).strip(".") for one, two in _IMPORTED.findall(waiting.pop())):
            code = module(name) if name and name not in seen else None
            seen.add(name)
            if code is not None:
                waiting.append(code.decode("utf-8", errors="replace"))
                if _GLUE.search(waiting[-1]):
                    return True
    return False


def survey_statements(files: Sequence[SourceFile]) -> Survey:
    """Return the tables that SQL files create, with their locations."""
    tables = []
    for file in files:
        if file.path.lower().endswith(_STATEMENTS):
            for name, location in sql.locations(file.text):
                database, dot, table = sql.table_name(name).rpartition(".")
                tables.append(
                    CatalogEntry(database.lower() if dot else "default", table.lower(), location, Where(file.path))
                )
    return Survey(tables=tuple(tables))


def _stem(path: str) -> str:
    return posixpath.basename(path).rpartition(".")[0]


def _with_folder(path: str) -> str:
    return f"{posixpath.basename(posixpath.dirname(path)) or 'script'}-{_stem(path)}"
