"""Files that no definition names: scripts that look like a Glue job's, and statements that create tables.

Many repositories hold a pipeline's scripts alone; its jobs were made by hand. Such a script is taken for a job that is
called as its file is.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Sequence

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.survey import CatalogEntry, JobDefinition, Survey, Where
from pypedream_dagster.script import sql

_GLUE = re.compile(r"^\s*(?:from|import)\s+awsglue\b|\bgetResolvedOptions\s*\(|\"from awsglue", re.MULTILINE)
_SCRIPTS = (".py", ".ipynb")
_STATEMENTS = (".sql", ".ddl", ".hql")


def survey_scripts(files: Sequence[SourceFile]) -> Survey:
    """Return a job for each script that uses Glue's own library, called as its file is."""
    found = [file for file in files if file.path.lower().endswith(_SCRIPTS) and _GLUE.search(file.text)]
    stems = Counter(_stem(file.path) for file in found)
    return Survey(
        jobs=tuple(
            JobDefinition(
                _stem(file.path) if stems[_stem(file.path)] == 1 else _with_folder(file.path),
                {"Command": {"Name": "glueetl"}},
                Where(file.path),
                script=file.path,
            )
            for file in found
        )
    )


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
