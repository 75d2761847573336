"""Functions whose arguments are looked up, or that read files."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pypedream_dagster.importers.sources.terraform.evaluate import Budget, Scope, Within, evaluate, step
from pypedream_dagster.importers.sources.terraform.functions import call_function
from pypedream_dagster.importers.sources.terraform.modules import World
from pypedream_dagster.importers.sources.terraform.parser import HclError, parse_template
from pypedream_dagster.importers.sources.terraform.values import (
    EvaluationError,
    FileText,
    NotKnownError,
    Unknown,
    plain,
    text_of,
)


@dataclass(frozen=True, slots=True)
class Files:
    """The functions of a module.

    Attributes:
        folders: the root's and the module's own: where paths begin.
        scope: in which values are looked up.
    """

    world: World
    folders: tuple[str, str]
    scope: Scope

    def call(self, function: str, arguments: Sequence[Any]) -> Any:
        """Return what a function gives."""
        values = self.world.values
        match function, arguments:
            case "lookup", (collection, key, *default):
                try:
                    return step(collection, key, self.scope)
                except NotKnownError:
                    raise
                except EvaluationError:
                    if default:
                        return default[0]
                    raise
            case "file", (path,):
                found = self._file(path)
                return FileText.of(self.world.texts[found], found)
            case "fileexists", (path,):
                return self.world.file(text_of(plain(path, values)), "", *self.folders) is not None
            case "templatefile", (path, names):
                found = self._file(path)
                return FileText.of(self.render(self.world.texts[found], names), found)
            case "fileset", (folder, pattern):
                return self._fileset(text_of(plain(folder, values)), text_of(plain(pattern, values)))
        return call_function(function, arguments, values)

    def render(self, text: str, names: Any) -> str:
        """Return a template with values put in; names that have none stay unknown parts."""
        try:
            template = parse_template(text)
        except HclError as error:
            raise EvaluationError(str(error)) from error
        bound = Within(_Alone(self.scope), names if isinstance(names, dict) else {})
        return text_of(evaluate(template, bound))

    def _file(self, path: Any) -> str:
        wanted = text_of(plain(path, self.world.values))
        found = self.world.file(wanted, "", *self.folders)
        if found is None:
            raise EvaluationError(f"the file {wanted} is not among those given")
        return found

    def _fileset(self, folder: str, pattern: str) -> list[str]:
        patterns = {pattern, pattern.replace("**/", "")}
        if "{" in pattern and (start := pattern.index("{")) < (end := pattern.find("}")):
            patterns = {pattern[:start] + one + pattern[end + 1 :] for one in pattern[start + 1 : end].split(",")}
        # Terraform runs in the root's folder; a path that begins with path.module is one from where all files are.
        root, module = self.folders
        for start_folder in dict.fromkeys((root, "", module)):
            below = posixpath.normpath(posixpath.join(start_folder, folder))
            prefix = "" if below == "." else f"{below}/"
            inner = (path.removeprefix(prefix) for path in self.world.texts if path.startswith(prefix))
            if found := sorted(path for path in inner if any(_fits(path, one) for one in patterns)):
                return found
        raise NotKnownError("fileset")


def _fits(path: str, pattern: str) -> bool:
    return fnmatch.fnmatch(path, pattern) and ("**" in pattern or path.count("/") == pattern.count("/"))


@dataclass(frozen=True, slots=True)
class _Alone:
    """The scope of a template in a file: functions, and no names."""

    outer: Scope

    @property
    def budget(self) -> Budget:
        return self.outer.budget

    @property
    def values(self) -> Mapping[str, str]:
        return self.outer.values

    def resolve(self, root: str, keys: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        return Unknown(root), keys

    def call(self, function: str, arguments: Sequence[Any]) -> Any:
        return self.outer.call(function, arguments)
