"""What a Task state's resource does: start a Glue job, start another state machine, other work, or only look.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pypedream_dagster.importers.sources.step_functions.values import Unknown, text_of

_INTEGRATION = re.compile(
    r":states:[^:]*:[^:]*:(?P<sdk>aws-sdk:)?(?P<service>[\w-]+):(?P<action>\w+)(?P<how>\.[\w:.]+)?\s*\Z"
)
_FUNCTION = re.compile(r":lambda:[^:]*:[^:]*:function:(?P<name>[^:\s]+)")
_ACTIVITY = re.compile(r":states:[^:]*:[^:]*:activity:(?P<name>[^:\s]+)")
_MACHINE = re.compile(r":stateMachine:(?P<name>[^:\s]+)")
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")
_ONLY_LOOKS = re.compile(r"(?:get|list|describe|head|batchGet|query|scan|lookup|poll|check|filter|test)(?![a-z])")

_OPERATIONS = {
    "elasticmapreduce": "emr",
    "emr-containers": "emr",
    "emrcontainers": "emr",
    "emr-serverless": "emr",
    "emrserverless": "emr",
    "emr": "emr",
    "redshift-data": "redshift",
    "redshiftdata": "redshift",
    "redshiftserverless": "redshift",
    "rdsdata": "sql",
    "eventbridge": "events",
    "sfn": "states",
    "sagemakerruntime": "sagemaker",
    "cloudwatchevents": "events",
    "ses": "ses",
    "sesv2": "ses",
    "apigateway": "http",
    "fargate": "ecs",
}
_RESOURCES = {
    "lambda": ("FunctionName",),
    "athena": ("QueryString", "NamedQueryId", "QueryExecutionId"),
    "ecs": ("TaskDefinition", "taskDefinition"),
    "batch": ("JobDefinition", "JobName", "jobDefinition", "jobName"),
    "emr": ("Name", "Step.Name", "ClusterId", "ApplicationId", "VirtualClusterId"),
    "crawler": ("Name", "CrawlerName"),
    "databrew": ("Name",),
    "glue-workflow": ("Name",),
    "sagemaker": ("TrainingJobName", "ProcessingJobName", "TransformJobName", "PipelineName", "EndpointName"),
    "redshift": ("Sql", "Sqls", "StatementName"),
    "sql": ("Sql",),
    "sns": ("TopicArn", "TargetArn", "PhoneNumber"),
    "sqs": ("QueueUrl",),
    "dynamodb": ("TableName",),
    "events": ("Entries",),
    "http": ("ApiEndpoint", "Path"),
    "codebuild": ("ProjectName",),
    "eks": ("ClusterName",),
    "state-machine": ("StateMachineArn",),
    "activity": (),
}


@dataclass(frozen=True, slots=True)
class Work:
    """What a task does.

    Attributes:
        operation: as in `importers.survey.Task`; ``look`` for what only reads a state or a setting.
        resource: what it works on; of ``glue``, the job.
        waits: whether the next state waits for its end.
        machine: of ``state-machine``: the name that it is called by.
    """

    operation: str
    resource: str | None = None
    waits: bool = True
    machine: str = ""


def work_of(resource: str, parameters: Any, *, explicit: bool = True) -> Work:
    """Tell what a resource does with these parameters; an unknown resource is most likely a function.

    Args:
        explicit: whether the state says its parameters, or passes on its input: then they tell nothing of the resource.
    """
    collapsed = _PLACEHOLDER.sub("_", resource)  # ${AWS::Partition} has colons of its own
    found = _INTEGRATION.search(collapsed)
    known = dict(_known(parameters))
    if found:
        return _integration(found["service"].lower(), found["action"], found["how"] or "", known)
    if _FUNCTION.search(collapsed):
        return Work("lambda", _after(resource, ":function:"))
    if _ACTIVITY.search(collapsed):
        return Work("activity", _after(resource, ":activity:"))
    if _MACHINE.search(collapsed):
        return Work("state-machine", resource, machine=machine_name(resource))
    if not explicit:
        known = {}
    names_a_job = "JobName" in known and not {"JobDefinition", "JobQueue"} & known.keys()
    if names_a_job or "startjobrun" in resource.lower():
        return Work("glue", _job_name(known))
    if "StateMachineArn" in known:
        told = text_of(known["StateMachineArn"])
        return Work("state-machine", told, machine=machine_name(told))
    return Work("lambda", _first(known, ("FunctionName",)) or resource)


def machine_name(arn: str) -> str:
    """Return a state machine's name out of its ARN, or the whole text."""
    return _after(arn, ":stateMachine:") if ":stateMachine:" in arn else arn


def _integration(service: str, action: str, how: str, known: Mapping[str, Any]) -> Work:
    waits = ".sync" in how or "waitForTaskToken" in how
    if _ONLY_LOOKS.match(action):
        return Work("look")
    operation = _OPERATIONS.get(service, service)
    if operation == "glue":
        low = action.lower()
        if low == "startjobrun":
            return Work("glue", _job_name(known), waits)
        operation = {
            "startcrawler": "crawler",
            "startworkflowrun": "glue-workflow",
        }.get(low, "glue-api")
        names = _RESOURCES.get(operation, ("Name", "CrawlerName", "JobName"))
        return Work(operation, _first(known, names) or action, waits)
    if operation == "states":
        if action.lower() in {"startexecution", "startsyncexecution"}:
            told = _first(known, ("StateMachineArn", "stateMachineArn")) or ""
            return Work("state-machine", told, waits or "sync" in action.lower(), machine_name(told))
        return Work("look")
    target = _first(known, _RESOURCES.get(operation, ()))
    if operation == "lambda" and target:
        target = (_after(target, ":function:") if ":function:" in target else target).removesuffix(":$LATEST")
    return Work(operation, target or action, waits)


def _job_name(known: Mapping[str, Any]) -> str | None:
    name = _first(known, ("JobName",))
    return name.rpartition(":job/")[2] if name and name.startswith("arn:") else name


def _after(arn: str, mark: str) -> str:
    """Return the part of an ARN after a mark, without a version or alias; placeholders may hold colons."""
    rest = arn.partition(mark)[2]
    found = re.match(r"(?:\$\{[^{}]*\}|[^:\s$])+", rest)
    return found[0] if found else rest


def _known(parameters: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(parameters, Unknown):
        yield from parameters.fields.items()
    elif isinstance(parameters, dict):
        yield from parameters.items()


def _first(known: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value: Any = known
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None and value != "":
            return text_of(value)
    return None
