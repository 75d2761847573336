"""What plugins of the Serverless Framework make resources of: serverless-step-functions and serverless-glue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

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
_FILE = re.compile(r"^\$\{file\(\s*([^()]+?)\s*\)\}$")


class DefinitionFile(str):
    """The path of a file that holds nothing but a state machine's definition."""

    __slots__ = ()


def with_definition_files(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a service whose state machines name the files of their definitions, which are no part of it then."""
    machines = _mapping(_mapping(document.get("stepFunctions")).get("stateMachines"))
    found = {}
    for key, machine in machines.items():
        definition = _mapping(machine).get("definition")
        file = _FILE.match(definition) if isinstance(definition, str) else None
        found[key] = {**machine, "definition": DefinitionFile(file[1])} if file else machine
    return {**document, "stepFunctions": {"stateMachines": found}} if found else document


def plugin_resources(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], tuple[str, ...]]]:
    """Give what the plugins add to a service's template: a logical id, the resource, the way to it in the service."""
    machines = _mapping(_mapping(document.get("stepFunctions")).get("stateMachines"))
    for key, raw in machines.items():
        machine = _mapping(raw)
        definition = machine.get("definition")
        where = "DefinitionUri" if isinstance(definition, DefinitionFile) else "DefinitionString"
        properties = {"StateMachineName": machine.get("name") or key, where: definition}
        resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
        # The plugin's own logical ids: https://www.serverless.com/plugins/serverless-step-functions
        logical_id = str(machine.get("id") or f"{key[:1].upper()}{key[1:]}")
        yield logical_id, resource, ("stepFunctions", "stateMachines", key)
    for key, function in _mapping(document.get("functions")).items():
        folder, _, handler = str(_mapping(function).get("handler", "")).rpartition("/")
        properties = {
            "FunctionName": _mapping(function).get("name") or key,
            "CodeUri": folder or ".",
            "Handler": handler,
            "Environment": {"Variables": _mapping(_mapping(function).get("environment"))},
        }
        # https://www.serverless.com/framework/docs/providers/aws/guide/resources: NormalizedFunctionNameLambdaFunction
        normal = key.replace("-", "Dash").replace("_", "Underscore")
        resource = {"Type": "AWS::Serverless::Function", "Properties": properties}
        yield f"{normal[:1].upper()}{normal[1:]}LambdaFunction", resource, ("functions", key)
    glue = _mapping(document.get("Glue"))
    for number, job in enumerate(map(_mapping, _list(glue.get("jobs")))):
        if job.get("name"):
            resource = {"Type": "AWS::Glue::Job", "Properties": _job(job)}
            yield f"GlueJob{number}", resource, ("Glue", "jobs", str(number), "name")
    for number, trigger in enumerate(map(_mapping, _list(glue.get("triggers")))):
        resource = {"Type": "AWS::Glue::Trigger", "Properties": _trigger(trigger)}
        yield f"GlueTrigger{number}", resource, ("Glue", "triggers", str(number), "name")


def _trigger(trigger: Mapping[str, Any]) -> dict[str, Any]:
    actions = [
        {"JobName": action.get("name"), "Arguments": dashed(_mapping(action.get("args")))}
        for action in map(_mapping, _list(trigger.get("actions")))
    ]
    return {
        "Name": trigger.get("name"),
        "Type": "SCHEDULED" if trigger.get("schedule") else "ON_DEMAND",
        "Actions": actions,
    }


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
        "DefaultArguments": {**known, **dashed(custom)},
    }
    properties |= {key: job[key] for key in _PASSED_ON if job.get(key) is not None}
    if job.get("MaxConcurrentRuns") is not None:
        properties["ExecutionProperty"] = {"MaxConcurrentRuns": job["MaxConcurrentRuns"]}
    if _list(job.get("Connections")):
        properties["Connections"] = {"Connections": job["Connections"]}
    return properties


def dashed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments by their names with dashes, however they are written."""
    return {f"--{key.removeprefix('--')}": value for key, value in arguments.items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
