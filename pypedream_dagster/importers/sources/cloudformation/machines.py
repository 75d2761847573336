"""The state machines of a stack: where their definitions stand, and what the template puts into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pypedream_dagster.importers.sources.cloudformation import physical
from pypedream_dagster.importers.sources.cloudformation.intrinsics import text_of
from pypedream_dagster.importers.sources.cloudformation.stacks import Stack
from pypedream_dagster.importers.sources.step_functions.documents import Machine
from pypedream_dagster.importers.sources.step_functions.sources import machine_of, surveyed
from pypedream_dagster.importers.survey import Problem, Survey, Where


def state_machines(found: Sequence[tuple[Stack, str]], texts: Mapping[str, str]) -> Survey:
    """Return the flows of state machines; one that another starts is part of that one's flow.

    Args:
        found: the stacks and the logical ids of their state machines.
        texts: the given files by path: a definition may be one of them.
    """
    machines: list[Machine] = []
    problems: list[Problem] = []
    for stack, logical_id in found:
        try:
            machines.append(_machine(stack, logical_id, texts))
        except _UnknownDefinitionError as error:
            problems.append(Problem(stack.template.where(logical_id), str(error)))
    return surveyed(machines) + Survey(problems=tuple(problems))


class _UnknownDefinitionError(Exception):
    """A state machine whose definition is not given, or is none."""


def _machine(stack: Stack, logical_id: str, texts: Mapping[str, str]) -> Machine:
    resource = stack.template.resources[logical_id]
    raw = resource.get("Properties")
    given = raw if isinstance(raw, Mapping) else {}
    substitutions = stack.resolved(given.get("DefinitionSubstitutions"))
    values = {key: text_of(value) for key, value in substitutions.items()} if isinstance(substitutions, dict) else {}
    definition, place = _definition(stack, given, stack.template.where(logical_id), texts)
    if definition is None:
        raise _UnknownDefinitionError("the state machine's definition is not among the given files")
    name = stack.physical_name(logical_id)
    machine = machine_of(definition, name, place, values)
    if machine is None:
        raise _UnknownDefinitionError("the state machine's definition cannot be read")
    return replace(machine, names=(physical.arn(resource["Type"], name),))


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
