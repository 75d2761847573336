"""What serverless-aws-glue-workflows, a plugin of the Serverless Framework, makes resources of.

Its workflows hold their crawlers, jobs and triggers; a job says itself what it waits for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pypedream_dagster.importers.sources.cloudformation.plugins import dashed

WORKFLOWS = "glueWorkflows"
"""Where they stand in a service's ``custom``."""


def workflow_resources(workflows: Any) -> Iterator[tuple[str, dict[str, Any], tuple[str, ...]]]:
    """Give what workflows add to a template: a logical id, the resource, the way to it in the service."""
    for name, workflow in _mapping(workflows).items():
        for kind, properties, way in _resources(str(name), _mapping(workflow)):
            logical_id = re.sub(r"[^A-Za-z0-9]", "", f"{kind}{name}{properties['Name']}")
            resource = {"Type": f"AWS::Glue::{kind}", "Properties": properties}
            yield logical_id, resource, ("custom", WORKFLOWS, str(name), *way)


def _resources(workflow: str, document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], tuple[str, ...]]]:
    yield "Workflow", {"Name": workflow, "Description": document.get("description")}, ()
    for crawler, way in _named(document, "crawlers"):
        yield "Crawler", _capitals(crawler), way
    for trigger, way in _named(document, "triggers"):
        actions = [_capitals(_mapping(action)) for action in _list(trigger.get("actions"))]
        yield "Trigger", {**_capitals(trigger), "Actions": actions, "WorkflowName": workflow}, way
    above: list[dict[str, Any]] = []
    for job, way in _named(document, "jobs"):
        yield "Job", _job(job), way
        # A job that says nothing waits for the one above it.
        conditions = _list(job.get("conditions")) or above
        above = [{"JobName": job["name"], "State": "SUCCEEDED"}]
        if conditions:
            waits = {
                "Name": f"{workflow}-{job['name']}-trigger",
                "Type": "CONDITIONAL",
                "WorkflowName": workflow,
                "Actions": [{"JobName": job["name"]}],
                "Predicate": {"Logical": job.get("logical"), "Conditions": conditions},
            }
            yield "Trigger", waits, way


def _named(document: Mapping[str, Any], kind: str) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    for number, item in enumerate(map(_mapping, _list(document.get(kind)))):
        if item.get("name"):
            yield item, (kind, str(number), "name")


def _job(job: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Name": job["name"],
        "Role": job.get("role"),
        "Command": {"Name": job.get("type") or "glueetl", "ScriptLocation": job.get("scriptLocation")},
        "DefaultArguments": dashed(_mapping(job.get("arguments"))),
        "NumberOfWorkers": job.get("workers"),
        **_capitals({key: job.get(key) for key in ("glueVersion", "maxRetries", "timeout", "workerType")}),
    }


def _capitals(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{key[:1].upper()}{key[1:]}": value for key, value in fields.items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
