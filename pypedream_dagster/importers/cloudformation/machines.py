"""The state machines of a stack: where their definitions stand, and what the template puts into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypedream_dagster.importers.cloudformation.intrinsics import text_of
from pypedream_dagster.importers.cloudformation.stacks import Stack
from pypedream_dagster.importers.step_functions import read_definition
from pypedream_dagster.importers.survey import Problem, Survey, Where


def state_machine(stack: Stack, logical_id: str, texts: Mapping[str, str]) -> Survey:
    """Return the flow of a state machine.

    Args:
        stack: whose it is.
        logical_id: what the template calls it.
        texts: the given files by path: a definition may be one of them.
    """
    at = stack.template.where(logical_id)
    raw = stack.template.resources[logical_id].get("Properties")
    given = raw if isinstance(raw, Mapping) else {}
    substitutions = stack.resolved(given.get("DefinitionSubstitutions"))
    values = {key: text_of(value) for key, value in substitutions.items()} if isinstance(substitutions, dict) else {}
    definition, place = _definition(stack, given, at, texts)
    if definition is None:
        return Survey(problems=(Problem(at, "the state machine's definition is not among the given files"),))
    return read_definition(definition, name=stack.physical_name(logical_id), at=place, values=values)


def _definition(
    stack: Stack, given: Mapping[str, Any], at: Where, texts: Mapping[str, str]
) -> tuple[str | Mapping[str, Any] | None, Where]:
    for key in ("Definition", "DefinitionString"):
        raw = given.get(key)
        if raw is not None:
            included = _included(stack, raw)
            if included is None:
                found = stack.resolved(raw)
                return (found if isinstance(found, Mapping) else text_of(found)), at
            return _file(stack, included, at, texts)
    for key in ("DefinitionUri", "DefinitionS3Location"):
        place = stack.resolved(given.get(key))
        if isinstance(place, Mapping):
            place = f"s3://{text_of(place.get('Bucket'))}/{text_of(place.get('Key'))}"
        if place:
            return _file(stack, text_of(place), at, texts)
    return None, at


def _included(stack: Stack, raw: Any) -> str | None:
    """Return what ``AWS::Include`` puts in place of a definition."""
    match raw:
        case {"Fn::Transform": {"Parameters": {"Location": location}}}:
            return stack.text(location)
    return None


def _file(stack: Stack, place: str, at: Where, texts: Mapping[str, str]) -> tuple[str | None, Where]:
    paths, place = stack.world.paths, stack.filled(place)
    path = paths.asset(place, at.source) or paths.meant(place, at.source)
    return (texts[path], Where(path, None, at.part)) if path is not None else (None, at)
