"""The given files, as the code of a DAG file finds them: modules that it imports, configuration that it opens."""

from __future__ import annotations

import fnmatch
import posixpath
import re
import sys
from collections.abc import Sequence

from pypedream_dagster.importers.files import SourceFile

_NOT_THEIRS = sys.stdlib_module_names | {"boto3", "botocore", "yaml", "pandas", "pendulum", "pytz", "requests"}
_AIRFLOWS_OWN = re.compile(
    r"airflow(\.(providers|models|operators|contrib|hooks|sensors|utils|decorators|sdk|macros|timetables|configuration"
    r"|exceptions|settings|plugins_manager|datasets|assets|executors|api|www|io|security|ti_deps|triggers|secrets)"
    r"(\..*)?)?$"
)


class Workspace:
    """All files of an import, found by what code calls them."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._files = {posixpath.normpath(file.path): file for file in files}
        self._by_name: dict[str, list[str]] = {}
        for path in self._files:
            self._by_name.setdefault(posixpath.basename(path), []).append(path)
        self._classes: dict[str, list[str]] | None = None

    def file(self, path: str) -> SourceFile | None:
        """Return a file by its path."""
        return self._files.get(posixpath.normpath(path)) if path else None

    def module(self, dotted: str, level: int, importer: str) -> str | None:
        """Return the path of the file that an import names; None if it is not among the given."""
        parts = [part for part in dotted.split(".") if part]
        folder = posixpath.dirname(importer)
        if level:
            for _ in range(level - 1):
                folder = posixpath.dirname(folder)
            return self._exactly(posixpath.join(folder, *parts)) if parts else None
        if not parts or parts[0] in _NOT_THEIRS or _AIRFLOWS_OWN.match(dotted):
            return None
        tail = "/".join(parts)
        near = self._exactly(posixpath.join(folder, tail))
        if near is not None:
            return near
        names = self._by_name.get(f"{parts[-1]}.py", []) + self._by_name.get("__init__.py", [])
        found = [p for p in names if _is_tail(f"{tail}.py", p) or _is_tail(f"{tail}/__init__.py", p)]
        return min(found, key=lambda path: _distance(path, importer), default=None)

    def _exactly(self, stem: str) -> str | None:
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            if posixpath.normpath(path) in self._files:
                return posixpath.normpath(path)
        return None

    def class_file(self, name: str, importer: str) -> str | None:
        """Return the file that defines a class: Airflow's plugins are imported by names that are not their files'."""
        if self._classes is None:
            self._classes = {}
            for path, file in self._files.items():
                if path.endswith(".py"):
                    for found in re.findall(r"^class\s+(\w*(?:Operator|Hook|Sensor))\b", file.text, re.MULTILINE):
                        self._classes.setdefault(found, []).append(path)
        found_in = [path for path in self._classes.get(name, []) if path != importer]
        return min(found_in, key=lambda path: _distance(path, importer), default=None)

    def config(self, path: str, importer: str) -> SourceFile | None:
        """Return the file that code opens: the path may hold unknown parts and begin where Airflow is deployed."""
        known = re.split(r"\$\{[^}]*\}", path)[-1].lstrip("/") if "${" in path else path
        if "${" not in path:
            for candidate in (path, posixpath.join(posixpath.dirname(importer), path)):
                if (found := self.file(candidate)) is not None:
                    return found
        name = posixpath.basename(known)
        if not name or name != posixpath.basename(path):
            return None
        candidates = self._by_name.get(name, [])
        longest = max((_common_tail(known, c) for c in candidates), default=0)
        best = [c for c in candidates if _common_tail(known, c) == longest]
        if not best or (len(best) > 1 and longest == 1):
            return None
        return self._files[min(best, key=lambda candidate: _distance(candidate, importer))]

    def listed(self, pattern: str, importer: str) -> list[str]:
        """Return the paths of the given files that a pattern of ``glob`` matches."""
        if "${" in pattern:
            pattern = "*/" + re.split(r"\$\{[^}]*\}", pattern)[-1].lstrip("/")
        pattern = posixpath.normpath(pattern)
        found = [path for path in self._files if fnmatch.fnmatchcase(path, pattern)]
        if not found and not pattern.startswith("*"):
            tail = pattern.lstrip("/")
            for _ in range(4):
                near = posixpath.join(posixpath.dirname(importer), tail)
                found = [p for p in self._files if fnmatch.fnmatchcase(p, near) or fnmatch.fnmatchcase(p, f"*/{tail}")]
                tail = tail.partition("/")[2]
                if found or "/" not in tail:
                    break
        return sorted(found)


def _is_tail(tail: str, path: str) -> bool:
    return path == tail or path.endswith(f"/{tail}")


def _common_tail(one: str, other: str) -> int:
    count = 0
    for a, b in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if a != b:
            break
        count += 1
    return count


def _distance(path: str, importer: str) -> tuple[int, int, str]:
    """Sort files by how near they lie to the importer."""
    common = len(posixpath.commonprefix([path.split("/"), importer.split("/")]))
    return -common, path.count("/"), path
