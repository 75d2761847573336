"""Where a walk through a state machine is, and what its payloads come to there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pypedream_dagster.importers.sources.step_functions import jsonata, paths
from pypedream_dagster.importers.sources.step_functions.documents import Machine
from pypedream_dagster.importers.sources.step_functions.lenient import Lined
from pypedream_dagster.importers.sources.step_functions.paths import Scene
from pypedream_dagster.importers.sources.step_functions.placeholders import is_jsonata
from pypedream_dagster.importers.sources.step_functions.values import Unknown, member, merged, replaced
from pypedream_dagster.importers.survey import Where


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the walk is.

    Attributes:
        machine: whose states they are.
        prefix, suffix: around a state's name, its task's key.
        language: ``JSONPath`` or ``JSONata``, for states that say nothing.
        context: the context object.
        decided: whether the data is known as it is for one item or one call, so that it may rule out ways.
        within: the machines that are being followed, outermost first.
    """

    machine: Machine
    language: str
    context: Any
    prefix: str = ""
    suffix: str = ""
    decided: bool = False
    within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Env:
    """Data and variables as they come to a state."""

    data: Any
    variables: dict[str, Any]

    def merged(self, other: Env, name: str) -> Env:
        """Return what is known whichever of the two comes."""
        variables = merged(self.variables, other.variables, "")
        return Env(merged(self.data, other.data, name), {key: _named(value, key) for key, value in variables.items()})


def filled(template: Any, language: str, scene: Scene, scope: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a payload with its expressions computed."""
    if depth > 100:
        return Unknown("unknown")
    if isinstance(template, Mapping):
        found = {}
        for key, value in template.items():
            name = str(key)
            if language != "JSONata" and name.endswith(".$") and isinstance(value, str):
                found[name[:-2]] = paths.evaluated(value, scene)
            else:
                found[name] = filled(value, language, scene, scope, depth + 1)
        return found
    if isinstance(template, list):
        return [filled(inner, language, scene, scope, depth + 1) for inner in template]
    if language == "JSONata" and isinstance(template, str) and is_jsonata(template):
        return jsonata.evaluated(template, scope, scene.variables)
    return template


def language_of(state: Mapping[str, Any], frame: Frame) -> str:
    """Return the query language that a state speaks."""
    if "QueryLanguage" in state:
        return str(state["QueryLanguage"])
    # Arguments are JSONata's: whoever writes them only forgot to say so.
    return "JSONata" if "Arguments" in state and "Parameters" not in state else frame.language


def selected(path: Any, scene: Scene) -> Any:
    """Return what an InputPath, OutputPath or ItemsPath selects."""
    return paths.evaluated(path, scene) if isinstance(path, str) else Unknown("input")


def placed(path: Any, data: Any, result: Any) -> Any:
    """Return the data with a result put in at a ResultPath."""
    if path is None:
        return data
    keys = paths.place_of(path) if isinstance(path, str) else None
    return replaced(data, keys, result) if keys is not None else data


def field_of(value: Any, key: str) -> Any:
    """Return a field of a payload; None where it surely has none."""
    if isinstance(value, dict):
        return value.get(key)
    return member(value, key) if isinstance(value, Unknown) else None


def key_of(name: str, frame: Frame) -> str:
    """Return the key of a state's task within the flow."""
    return f"{frame.prefix}{name}{frame.suffix}"


def where(name: str, state: Mapping[str, Any], frame: Frame) -> Where:
    """Return where a state stands."""
    at = frame.machine.at
    line = state.line if isinstance(state, Lined) and state.line is not None else at.line
    return Where(at.source, line, f"{at.part}.States.{name}" if at.part else f"States.{name}")


def is_level(value: Any) -> bool:
    """Tell whether a value is a branch or an iteration."""
    return isinstance(value, Mapping) and isinstance(value.get("States"), Mapping)


def _named(value: Any, name: str) -> Any:
    return Unknown(name, value.fields) if isinstance(value, Unknown) and value.name.startswith(".") else value
