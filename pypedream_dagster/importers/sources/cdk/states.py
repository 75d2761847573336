"""State machines of a CDK program, as the definitions that they become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pypedream_dagster.importers.sources.airflow.values import Symbol, Unknown, Value
from pypedream_dagster.importers.sources.cdk.constructs import Chain, Construct, PathOf, State, reference

_CONDITION = {"Variable": "$.choice", "IsPresent": True}
_SERVICES: Mapping[str, str] = {
    "GlueStartCrawlerRun": "aws-sdk:glue:startCrawler",
    "GlueDataBrewStartJobRun": "databrew:startJobRun.sync",
    "AthenaStartQueryExecution": "athena:startQueryExecution.sync",
    "AthenaGetQueryExecution": "athena:getQueryExecution",
    "AthenaGetQueryResults": "athena:getQueryResults",
    "AthenaStopQueryExecution": "athena:stopQueryExecution",
    "BatchSubmitJob": "batch:submitJob.sync",
    "EcsRunTask": "ecs:runTask.sync",
    "LambdaInvoke": "lambda:invoke",
    "SnsPublish": "sns:publish",
    "SqsSendMessage": "sqs:sendMessage",
    "StepFunctionsStartExecution": "states:startExecution.sync",
    "EventBridgePutEvents": "events:putEvents",
    "CodeBuildStartBuild": "codebuild:startBuild.sync",
    "BedrockInvokeModel": "bedrock:invokeModel",
}
_PREFIXES = {
    "DynamoGetItem": "dynamodb:getItem",
    "DynamoPutItem": "dynamodb:putItem",
    "DynamoUpdateItem": "dynamodb:updateItem",
    "DynamoDeleteItem": "dynamodb:deleteItem",
    "EmrServerless": "emr-serverless:startJobRun.sync",
    "EmrContainers": "emr-containers:startJobRun.sync",
    "Emr": "elasticmapreduce:addStep.sync",
    "SageMaker": "sagemaker:createTrainingJob.sync",
    "Eks": "eks:call",
    "MediaConvert": "mediaconvert:createJob",
}
_RESOURCES = {  # what a task works on: the parameter, and the property that holds it
    "LambdaInvoke": ("FunctionName", "lambdaFunction"),
    "GlueStartCrawlerRun": ("Name", "crawlerName"),
    "AthenaStartQueryExecution": ("QueryString", "queryString"),
    "StepFunctionsStartExecution": ("StateMachineArn", "stateMachine"),
    "GlueDataBrewStartJobRun": ("Name", "name"),
}
_STEERING = {"Pass", "Wait", "Succeed", "Fail"}
TASKS = {"GlueStartJobRun", "CallAwsService", "EvaluateExpression", *_SERVICES}
STATES = {*TASKS, *_STEERING, "Choice", "Parallel", "Map", "DistributedMap", "CustomState"}


def is_state(kind: str, service: str) -> bool:
    """Tell whether a class is one of states."""
    return kind in STATES or ("stepfunctions_tasks" in service and kind.startswith(tuple(_PREFIXES)))


def start_of(value: Value) -> State | None:
    """Return where a chain or a state begins."""
    return value.start if isinstance(value, Chain) else value if isinstance(value, State) else None


def ends_of(value: State | Chain) -> tuple[State, ...]:
    """Return what comes before whatever is put after a chain or a state."""
    return value.ends if isinstance(value, Chain) else (value,)


def open_ends(choice: State) -> tuple[State, ...]:
    """Return the last states of all that a Choice leads to, itself if it may lead nowhere."""
    found: dict[int, State] = {}
    for state in _reached([*choice.choices, *([choice.otherwise] if choice.otherwise else [])]):
        if state.next is None and state.kind not in {"Choice", "Fail", "Succeed"}:
            found[id(state)] = state
    if choice.otherwise is None:
        found[id(choice)] = choice
    return tuple(found.values())


def definition(start: State) -> dict[str, Any]:
    """Return the states from one on as a state machine's definition."""
    reached = list(_reached([start]))
    return {"StartAt": start.id, "States": {state.id: _state(state) for state in reached}}


def _reached(starts: list[State]) -> Iterator[State]:
    seen: set[int] = set()
    waiting = list(reversed(starts))
    while waiting:
        state = waiting.pop()
        if id(state) in seen:
            continue
        seen.add(id(state))
        yield state
        after = [state.next, *state.choices, state.otherwise, *state.handlers]
        waiting += reversed([one for one in after if one is not None])


def _state(state: State) -> dict[str, Any]:
    found: dict[str, Any] = {"Type": state.kind}
    match state.kind:
        case "CustomState":
            given = state.properties.get("stateJson")
            found = dict(given) if isinstance(given, dict) else {"Type": "Pass"}
        case "Choice":
            found["Choices"] = [{**_CONDITION, "Next": one.id} for one in state.choices]
            if state.otherwise is not None or state.next is not None:
                found["Default"] = (state.otherwise or state.next).id  # type: ignore[union-attr]
            return found
        case "Parallel":
            found["Branches"] = [definition(branch) for branch in state.branches]
        case "Map" | "DistributedMap":
            found["Type"] = "Map"
            if isinstance(items := state.properties.get("itemsPath"), str):
                found["ItemsPath"] = items
            if state.branches:
                found["ItemProcessor"] = definition(state.branches[0])
        case "Succeed" | "Fail":
            return found
        case "Pass" | "Wait":
            found |= {"Seconds": 1} if state.kind == "Wait" else _passed(state)
        case _:
            found = _task(state)
    for field, key in (("resultPath", "ResultPath"), ("inputPath", "InputPath"), ("outputPath", "OutputPath")):
        if isinstance(path := state.properties.get(field), str):
            found[key] = path
    if state.handlers:
        found["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": one.id} for one in state.handlers]
    return found | ({"Next": state.next.id} if state.next is not None else {"End": True})


def _passed(state: State) -> dict[str, Any]:
    result, parameters = state.properties.get("result"), state.properties.get("parameters")
    return {
        **({"Result": plain(result)} if isinstance(result, dict) else {}),
        **({"Parameters": plain(parameters)} if isinstance(parameters, dict) else {}),
    }


def _task(state: State) -> dict[str, Any]:
    given = state.properties
    if state.kind == "GlueStartJobRun":
        sync = ".sync" if "RUN_JOB" in str(given.get("integrationPattern")) else ""
        parameters: dict[str, Any] = {"JobName": given.get("glueJobName")}
        if isinstance(arguments := given.get("arguments"), dict | PathOf):
            parameters["Arguments"] = arguments
        return _service(f"glue:startJobRun{sync}", parameters)
    if state.kind == "CallAwsService":
        action = f"aws-sdk:{given.get('service')}:{given.get('action')}"
        parameters = given["parameters"] if isinstance(given.get("parameters"), dict) else {}
        return _service(action, parameters)
    service = _SERVICES.get(state.kind) or next(
        (action for prefix, action in _PREFIXES.items() if state.kind.startswith(prefix)), "states:task"
    )
    name, key = _RESOURCES.get(state.kind, ("", ""))
    return _service(service, {name: given.get(key)} if name else {})


def _service(action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{action}", "Parameters": plain(parameters)}


def plain(value: Value) -> Any:
    """Return a value as JSON holds it; what an execution's input tells has a name that ends with ``.$``."""
    match value:
        case dict():
            found = {}
            for key, item in value.items():
                if isinstance(item, PathOf):
                    found[f"{str(key).removesuffix('.$')}.$"] = item.path
                elif (made := plain(item)) is not None:
                    found[str(key)] = made
            return found
        case list() | tuple():
            return [plain(item) for item in value]
        case Construct():
            name = value.properties.get("functionName", value.properties.get("stateMachineName"))
            return name if isinstance(name, str) else reference(value)
        case PathOf():
            return value.path
        case bool() | int() | float():
            return value
        case str() | Unknown() | Symbol():
            return str(value)
    return None
