"""Which way a Choice state goes, where the data that decides it is known."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from pypedream_dagster.importers.sources.step_functions import jsonata
from pypedream_dagster.importers.sources.step_functions.paths import Scene, at_path
from pypedream_dagster.importers.sources.step_functions.values import Unknown, is_known

_DEEPEST = 30


def ways(state: Mapping[str, Any], scene: Scene, states: Mapping[str, Any]) -> set[int | None]:
    """Return the rules that may come true, by number; None is the default."""
    found: set[int | None] = set()
    choices = state.get("Choices")
    for number, rule in enumerate(choices if isinstance(choices, list) else ()):
        decided = _decide(rule, scene, states, 0)
        if decided is not False:
            found.add(number)
        if decided is True:
            return found
    return {*found, None}


def _decide(rule: Any, scene: Scene, states: Mapping[str, Any], depth: int) -> bool | None:
    if not isinstance(rule, Mapping) or depth > _DEEPEST:
        return None
    if isinstance(rule.get("Condition"), str):
        value = jsonata.evaluated(rule["Condition"], states, scene.variables)
        return value if isinstance(value, bool) else None
    if isinstance(rule.get("And"), list):
        parts = [_decide(part, scene, states, depth + 1) for part in rule["And"]]
        return False if False in parts else None if None in parts else True
    if isinstance(rule.get("Or"), list):
        parts = [_decide(part, scene, states, depth + 1) for part in rule["Or"]]
        return True if True in parts else None if None in parts else False
    if "Not" in rule:
        inner = _decide(rule["Not"], scene, states, depth + 1)
        return None if inner is None else not inner
    variable = rule.get("Variable")
    return _compare(rule, at_path(variable, scene), scene) if isinstance(variable, str) else None


def _compare(rule: Mapping[str, Any], value: Any, scene: Scene) -> bool | None:
    if not is_known(value):
        return None
    for comparison, given in rule.items():
        if comparison in {"Variable", "Next", "Comment", "Assign", "Output"}:
            continue
        name = comparison.removesuffix("Path")
        other = at_path(given, scene) if name != comparison and isinstance(given, str) else given
        if isinstance(other, Unknown) or (isinstance(other, str) and "${" in other):
            return None
        if name in {"StringEquals", "NumericEquals", "BooleanEquals"}:
            return type(value) is type(other) and bool(value == other)
        if name == "StringMatches" and isinstance(value, str) and isinstance(other, str):
            return fnmatchcase(value, other.replace("[", "[[]").replace("?", "[?]"))
        if name == "IsPresent":
            return bool(other)
        if name == "IsNull":
            return (value is None) is bool(other)
    return None
