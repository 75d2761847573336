"""Folders that deploy one pipeline, each for an environment: one of them is imported, production's where it can be."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

_PRODUCTION = {"prod", "prd", "production", "live", "main", "master", "producao", "produccion", "release"}
_OTHERS = {
    "acc",
    "beta",
    "ci",
    "des",
    "desenvolvimento",
    "dev",
    "develop",
    "development",
    "demo",
    "hml",
    "homolog",
    "homologacao",
    "int",
    "integration",
    "local",
    "nonprod",
    "np",
    "poc",
    "pre",
    "preprod",
    "preproduction",
    "qa",
    "sandbox",
    "sbx",
    "sit",
    "stage",
    "staging",
    "stg",
    "test",
    "testing",
    "tst",
    "uat",
}


def is_production(name: str) -> bool:
    """Tell whether a folder or file is called as production is."""
    words = _words(name)
    return bool(words & _PRODUCTION) and not words & _OTHERS


def is_environment(name: str) -> bool:
    """Tell whether a folder or file is called as an environment is."""
    return bool(_words(name) & (_PRODUCTION | _OTHERS))


def chosen(holds: Mapping[str, frozenset[str]]) -> dict[str, tuple[str, ...]]:
    """Return the folders to import, each with those that are left out for it.

    Two folders are one pipeline's if only one part of their paths differs, which names an environment in both, and
    what the smaller one holds is for the greater part in the other, too. Production's is taken, unless it holds less
    than half of what another does; else the one that holds most.

    Args:
        holds: by folder, the names of what it deploys.
    """
    left: dict[str, list[str]] = {}
    for folder in sorted(holds, key=lambda one: _rank(one, holds)):
        first = next((other for other in left if _are_one(folder, other, holds)), None)
        if first is None:
            left[folder] = []
        else:
            left[first].append(folder)
    return {folder: tuple(sorted(others)) for folder, others in left.items()}


def _rank(folder: str, holds: Mapping[str, frozenset[str]]) -> tuple[bool, int, str]:
    most = max((len(holds[other]) for other in holds if _differing(folder, other)), default=0)
    named = next((part for part in reversed(folder.split("/")) if is_environment(part)), "")
    return not (is_production(named) and len(holds[folder]) * 2 >= most), -len(holds[folder]), folder


def _are_one(folder: str, other: str, holds: Mapping[str, frozenset[str]]) -> bool:
    names = _differing(folder, other)
    fewest = min(len(holds[folder]), len(holds[other]))
    return names is not None and len(holds[folder] & holds[other]) * 2 > fewest


def _differing(folder: str, other: str) -> tuple[str, str] | None:
    """Return the one part in which two paths differ, where it names an environment in both."""
    one, two = posixpath.normpath(folder).split("/"), posixpath.normpath(other).split("/")
    differing = [(a, b) for a, b in zip(one, two, strict=False) if a != b]
    if len(one) != len(two) or len(differing) != 1 or not all(map(is_environment, differing[0])):
        return None
    return differing[0]


def production_of(paths: Sequence[str]) -> str | None:
    """Return the one of several files or names that is production's; None where that cannot be told."""
    found = [path for path in paths if any(map(is_production, path.split("/")))]
    return found[0] if len(found) == 1 else None


def _words(name: str) -> set[str]:
    return {word for word in re.split(r"[^a-z]+", name.lower()) if word}
