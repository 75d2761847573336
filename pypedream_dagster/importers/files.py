"""The files of an import: those given, and in folders all that may describe a pipeline."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.importers.survey import Problem, Where

_ENDINGS = (
    ".json",
    ".yaml",
    ".yml",
    ".template",
    ".toml",
    ".py",
    ".ipynb",
    ".sql",
    ".ddl",
    ".hql",
    ".tf",
    ".hcl",
    ".tfvars",
    ".tpl",
    ".tftpl",
    ".asl",
    ".j2",
    ".jinja",
    ".ts",
    ".ini",
    ".cfg",
    ".conf",
    ".toml",
)
_PASSED_OVER = {
    ".git",
    ".terraform",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    ".tox",
    "site-packages",
    ".mypy_cache",
}
# What the CDK notes for itself beside templates: all that is in it stands in these, too.
_NOTES = re.compile(rb'\s*\{\s*"version"\s*:\s*"tree-')
_LARGEST_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A text file.

    Attributes:
        path: from the project's folder, with ``/``: the same wherever the command is run.
        text: its content.
        body: the same as bytes, as a script is deployed.
    """

    path: str
    text: str = field(repr=False)
    body: bytes = field(repr=False, default=b"")

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def read_files(paths: Iterable[Path], base: Path) -> tuple[tuple[SourceFile, ...], tuple[Problem, ...]]:
    """Return the files that are given, whatever they are called, and of folders those with a telling ending.

    Args:
        paths: files and folders.
        base: the project's folder, from which they are named.

    Raises:
        PypedreamError: a given path does not exist.
    """
    files: dict[str, SourceFile] = {}
    problems: list[Problem] = []
    for given in paths:
        if not given.exists():
            raise PypedreamError(f"There is no file or folder {given}.", hint="give its path from here")
        for path in [given] if given.is_file() else _below(given):
            name = Path(os.path.relpath(path, base)).as_posix()
            try:
                body = path.read_bytes()
            except OSError as error:
                problems.append(Problem(Where(name), f"cannot be read: {error.strerror}"))
                continue
            if len(body) > _LARGEST_BYTES:
                problems.append(Problem(Where(name), f"has {len(body):,} bytes: passed over"))
            elif b"\0" not in body and not _NOTES.match(body):
                files.setdefault(name, SourceFile(name, body.decode("utf-8-sig", errors="replace"), body))
    return tuple(files.values()), tuple(problems)


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER)
        yield from (Path(root, name) for name in sorted(names) if name.lower().endswith(_ENDINGS))
