"""What files hold that scripts load: JSON, YAML, TOML, wherever a repository keeps them."""

from __future__ import annotations

import json
import posixpath
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.masking.mask import is_secret

_LOADERS: Mapping[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".toml": tomllib.loads,
}


class StoredFiles:
    """The files of an import, each parsed when a script asks for something in it."""

    def __init__(self, files: Iterable[SourceFile]) -> None:
        self._by_name: defaultdict[str, list[SourceFile]] = defaultdict(list)
        for file in files:
            if posixpath.splitext(file.path)[1].lower() in _LOADERS:
                self._by_name[posixpath.basename(file.path)].append(file)
        self._parsed: dict[str, Any] = {}

    def value(self, name: str) -> str | None:
        """Return what stands at ``PATH#KEY#KEY``; None if no file is known to be meant, or it is no text."""
        place, *keys = name.split("#")
        file = self._file(place)
        found = None if file is None else self._content(file)
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, int | float) and not isinstance(found, bool):
            found = str(found)
        return found if isinstance(found, str) and not is_secret(keys[-1] if keys else "", found) else None

    def _file(self, place: str) -> SourceFile | None:
        """Return the file of that name; of several, the one whose folders are the place's, too."""
        named = self._by_name.get(posixpath.basename(place), [])
        ends = f"/{place.partition('://')[2] or place}".replace("/./", "/")
        alike = [file for file in named if ends.endswith(f"/{file.path}") or f"/{file.path}".endswith(ends)]
        found = alike or named
        return found[0] if len(found) == 1 else None

    def _content(self, file: SourceFile) -> Any:
        if file.path not in self._parsed:
            try:
                loaded = _LOADERS[posixpath.splitext(file.path)[1].lower()](file.text)
            except (ValueError, yaml.YAMLError, RecursionError):
                loaded = None
            self._parsed[file.path] = loaded
        return self._parsed[file.path]
