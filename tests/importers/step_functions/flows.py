"""Short ways to write state machines and to look at what is made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.step_functions import survey
from pypedream_dagster.importers.sources.step_functions.sources import machine_of
from pypedream_dagster.importers.sources.step_functions.sources import surveyed as followed
from pypedream_dagster.importers.survey import Flow, Survey, Task, Where

GLUE = "arn:aws:states:::glue:startJobRun.sync"
SNS = "arn:aws:states:::sns:publish"


def glue(job: str, arguments: Mapping[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    """A state that runs a job; without ``Next``, the last."""
    end = {} if "Next" in rest else {"End": True}
    parameters = {"JobName": job} | ({"Arguments": dict(arguments)} if arguments is not None else {})
    return {"Type": "Task", "Resource": GLUE, "Parameters": parameters, **end, **rest}


def machine(states: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    """A definition that starts with its first state."""
    return {"StartAt": next(iter(states)), "States": dict(states), **rest}


def read(definition: Any, values: Mapping[str, str] | None = None, others: Mapping[str, Any] | None = None) -> Survey:
    """What a definition tells; others are those that it may start."""
    one = machine_of(definition, "etl", Where("etl.asl.json"), values or {})
    assert one is not None
    known = {name: machine_of(other, name, Where(f"{name}.asl.json"), {}) for name, other in (others or {}).items()}
    return followed([one], known.get)


def flow(definition: Any, values: Mapping[str, str] | None = None, **rest: Any) -> Flow:
    """The one flow of a definition, without a problem."""
    told = read(definition, values, **rest)
    assert not told.problems
    (only,) = told.flows
    return only


def tasks(definition: Any, values: Mapping[str, str] | None = None, **rest: Any) -> dict[str, Task]:
    """Its tasks by key."""
    return {task.key: task for task in flow(definition, values, **rest).tasks}


def order(definition: Any) -> set[tuple[str, str]]:
    """What runs directly after what."""
    return set(flow(definition).order)


def file(path: str, content: Any) -> SourceFile:
    """A file of text or, given an object, of JSON."""
    return SourceFile(path, content if isinstance(content, str) else json.dumps(content, indent=2))


def surveyed(*files: SourceFile, **variables: str) -> Survey:
    """What some files tell."""
    return survey(files, variables)
