"""What plugins of the Serverless Framework make resources of: serverless-step-functions and serverless-glue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_FILE = re.compile(r"^\$\{file\(\s*([^)]+?)\s*\)[^{}]*\}$")
_COMMANDS = {"spark": "glueetl", "pythonshell": "pythonshell", "streaming": "gluestreaming"}
_PASSED_ON = (
    "Description",
    "WorkerType",
    "NumberOfWorkers",
    "SecurityConfiguration",
    "Timeout",
    "MaxRetries",
    "Tags",
)
_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Path = tuple[str, ...]


def plugin_resources(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], Path]]:
    """Give what the plugins add to the template: a logical id, the resource, and the path to it in the document."""
    if "service" not in document:
        return
    yield from _machines(document)
    yield from _glue(document)


def _machines(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], Path]]:
    machines = _mapping(_mapping(document.get("stepFunctions")).get("stateMachines"))
    for key, raw in machines.items():
        machine = _mapping(raw)
        definition = machine.get("definition")
        if definition is None:
            continue
        file = _FILE.match(definition) if isinstance(definition, str) else None
        properties = {"StateMachineName": machine.get("name") or key}
        properties |= {"DefinitionUri": file[1]} if file else {"DefinitionString": definition}
        resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
        # The plugin's own logical ids: https://www.serverless.com/plugins/serverless-step-functions
        yield str(machine.get("id") or f"{key[:1].upper()}{key[1:]}"), resource, ("stepFunctions", "stateMachines", key)


def _glue(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], Path]]:
    glue = _mapping(document.get("Glue"))
    for number, raw in enumerate(_list(glue.get("jobs"))):
        job = _mapping(raw)
        name = job.get("name")
        if isinstance(name, str):
            resource = {"Type": "AWS::Glue::Job", "Properties": _job(job)}
            yield f"GlueJob{number}", resource, ("Glue", "jobs", str(number), "name")
    for number, raw in enumerate(_list(glue.get("triggers"))):
        trigger = _mapping(raw)
        actions = [
            {"JobName": action.get("name"), "Arguments": _dashed(_mapping(action.get("args")))}
            for action in map(_mapping, _list(trigger.get("actions")))
        ]
        kind = "SCHEDULED" if trigger.get("schedule") else "ON_DEMAND"
        properties = {"Name": trigger.get("name"), "Type": kind, "Actions": actions}
        yield (
            f"GlueTrigger{number}",
            {"Type": "AWS::Glue::Trigger", "Properties": properties},
            ("Glue", "triggers", str(number), "name"),
        )


def _job(job: Mapping[str, Any]) -> dict[str, Any]:
    language, _, version = str(job.get("glueVersion", "")).partition("-")
    given = dict(_mapping(job.get("DefaultArguments")))
    custom = _mapping(given.pop("customArguments", None))
    # jobBookmarkOption is --job-bookmark-option; continuousLogLogGroup alone has capitals, as Glue does.
    known = {f"--{_BOUNDARY.sub('-', key).lower()}": value for key, value in given.items() if value is not None}
    command = {
        "Name": _COMMANDS.get(str(job.get("type")), job.get("type")),
        "ScriptLocation": job.get("scriptPath"),
        "PythonVersion": language.removeprefix("python"),
    }
    properties: dict[str, Any] = {
        "Name": job["name"],
        "Role": job.get("role"),
        "Command": {key: value for key, value in command.items() if value},
        "GlueVersion": version or None,
        "DefaultArguments": {**known, **_dashed(custom)},
    }
    properties |= {key: job[key] for key in _PASSED_ON if job.get(key) is not None}
    if job.get("MaxConcurrentRuns") is not None:
        properties["ExecutionProperty"] = {"MaxConcurrentRuns": job["MaxConcurrentRuns"]}
    if _list(job.get("Connections")):
        properties["Connections"] = {"Connections": job["Connections"]}
    return properties


def _dashed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {f"--{key.removeprefix('--')}": value for key, value in arguments.items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
