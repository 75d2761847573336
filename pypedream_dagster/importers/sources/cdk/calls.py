"""What the CDK's own functions, methods and attributes give."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pypedream_dagster.importers.parameters import parameter
from pypedream_dagster.importers.sources.airflow import natives
from pypedream_dagster.importers.sources.airflow.values import MISSING, Instance, Symbol, Unknown, Value
from pypedream_dagster.importers.sources.cdk.constructs import (
    ASSETS,
    Asset,
    Chain,
    Construct,
    InFile,
    PathOf,
    State,
    camel,
    snake,
)
from pypedream_dagster.importers.sources.cdk.resources import arn_of, name_of, resource_type
from pypedream_dagster.importers.sources.cdk.states import ends_of, open_ends, start_of

if TYPE_CHECKING:
    from pypedream_dagster.importers.sources.cdk.program import Program

_PLACES = {"account": "AWS::AccountId", "region": "AWS::Region", "partition": "AWS::Partition"}
_PLACES |= {"stackName": "AWS::StackName", "stackId": "AWS::StackId"}
_EXECUTABLES = {
    "python_etl": "glueetl",
    "python_shell": "pythonshell",
    "python_streaming": "gluestreaming",
    "scala_etl": "glueetl",
    "scala_streaming": "gluestreaming",
    "python_ray": "glueray",
}
_METHOD = re.compile(
    r"(grant|add|apply|on|s3_url|url_for|virtual|transfer|arn_for|to|render|bind|try|metric|with|set|get|override"
    r"|schedule|allow|as|attach|put|enable|configure|default|start|export)_|on$|bind$|apply$"
)
_NAMED = {
    "from_bucket_name": "bucketName",
    "from_function_name": "functionName",
    "from_job_name": "jobName",
    "from_database_name": "databaseName",
    "from_state_machine_name": "stateMachineName",
    "from_string_parameter_name": "parameterName",
}


def told_of(program: Program, of: str, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
    """Return what a function of one of the CDK's classes gives; MISSING if it is not known."""
    service, _, owner = of.rpartition(".")
    first = positional[0] if positional else next(iter(keywords.values()), None)
    match owner, name:
        case (("Code" | "AssetCode" | "Asset"), "from_asset"):
            return Asset(natives.text_of(first))
        case (("Code" | "S3Code"), "from_bucket") if len(positional) > 1:
            bucket = positional[0]
            place = name_of(bucket) if isinstance(bucket, Construct) else natives.text_of(bucket)
            return f"s3://{place}/{natives.text_of(positional[1])}"
        case "JobExecutable", _:
            given = {camel(key): value for key, value in keywords.items()}
            return {**(first if isinstance(first, dict) else {}), **given, "command": _EXECUTABLES.get(name, "glueetl")}
        case "TaskInput", "from_object" | "from_text":
            return first
        case (("TaskInput" | "JsonPath" | "Data" | "Context"), _) if isinstance(first, str) and (
            name.endswith(("_at", "string_at")) or name == "from_json_path_at"
        ):
            return PathOf(first)
        case "DefinitionBody" | "ChainDefinitionBody", "from_chainable":
            return first
        case "DefinitionBody", "from_file":
            return InFile(natives.text_of(first))
        case "DefinitionBody", "from_string":
            return first
        case "Chain", "start":
            return first
        case "Chain", "sequence" if len(positional) == 2:
            return chained(positional[0], "next", positional[1:], {})
        case "Fn", "join" if len(positional) == 2 and isinstance(positional[1], list):
            return natives.text_of(first).join(natives.text_of(part) for part in positional[1])
        case (("Fn" | "Token"), "sub" | "as_string"):
            return first
        case "Fn", "import_value":
            return Unknown(f"import.{natives.text_of(first)}")
        case "StringParameter", "value_for_string_parameter" | "value_from_lookup" if len(positional) > 1:
            return _stored(positional[1])
        case "Stack", "of":
            core = first.core if isinstance(first, Instance) else first
            return (core.stack if isinstance(core, Construct) else None) or Unknown("stack")
        case _, "try_get_context" | "get_context" if isinstance(first, str):
            return program.made.context.get(first, Unknown(f"context.{first}"))
    if len(positional) > 1 and (name in _NAMED or name.startswith("from_")):
        return _known_elsewhere(program, owner, service, name, positional, keywords)
    return MISSING


def _known_elsewhere(
    program: Program, owner: str, service: str, name: str, positional: list[Value], keywords: dict[str, Value]
) -> Value:
    """Return a construct that stands for what is deployed by others: known by its name, by its ARN, or by both."""
    given = positional[2] if len(positional) > 2 else next(iter(keywords.values()), None)
    properties = {camel(key): value for key, value in keywords.items()}
    if isinstance(given, dict):
        properties |= given
    elif name in _NAMED:
        properties[_NAMED[name]] = given
    elif name.endswith("_arn"):
        last = natives.text_of(given).rpartition(":")[2].rpartition("/")[2]
        properties[f"{owner[:1].lower()}{owner[1:]}Name"] = last
    return Construct(owner, service, str(positional[1]), program.where, properties, resource_type(owner, service))


def constructed(
    program: Program, owner: Construct, name: str, positional: list[Value], keywords: dict[str, Value]
) -> Value:
    """Return what a construct's method gives; MISSING if it is not known."""
    first = positional[0] if positional else None
    if name in {"s3_url_for_object", "url_for_object"}:
        key = natives.text_of(first) if first is not None else ""
        return f"s3://{attribute(owner, 'bucketName')}" + (f"/{key}" if key else "")
    if name == "try_get_context" and isinstance(first, str):
        return program.made.context.get(first, Unknown(f"context.{first}"))
    if name.startswith("add_") and name.endswith("_trigger") and owner.type == "AWS::Glue::Workflow":
        return _trigger(program, owner, name, positional, keywords)
    if name in {"add_property_override", "add_override"} and len(positional) == 2 and isinstance(first, str):
        _override(owner, first.removeprefix("Properties."), positional[1])
        return None
    return MISSING


def _stored(name: Value) -> str:
    """Return what stands for a parameter that is stored: another of the templates may store it."""
    return f"{{{{resolve:ssm:{natives.text_of(name)}}}}}"


def _override(owner: Construct, path: str, value: Value) -> None:
    *above, last = (part[:1].lower() + part[1:] for part in path.split("."))
    held = owner.properties
    for part in above:
        inner = held.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        held = inner
    held[last] = value


def _trigger(
    program: Program, workflow: Construct, name: str, positional: list[Value], keywords: dict[str, Value]
) -> Value:
    """Return a trigger that is added to a workflow: its actions and conditions name constructs."""
    told = positional[1] if len(positional) > 1 and isinstance(positional[1], dict) else {}
    given = {**told, **{camel(key): value for key, value in keywords.items()}}
    predicate = given.get("predicate")
    conditions = predicate.get("conditions", []) if isinstance(predicate, dict) else []
    properties = {
        "type": "CONDITIONAL" if "conditional" in name else "ON_DEMAND" if "demand" in name else "SCHEDULED",
        "workflowName": name_of(workflow),
        "actions": [_by_name(action) for action in given.get("actions") or []],
        "predicate": {"conditions": [{**_by_name(one), "state": "SUCCEEDED"} for one in conditions]},
    }
    label = str(positional[0]) if positional else name
    return program.construct_of("CfnTrigger", "aws_cdk.aws_glue", label, workflow, properties)


def _by_name(given: Value) -> dict[str, Value]:
    if not isinstance(given, dict):
        return {}
    found: dict[str, Value] = {}
    for key, field in (("job", "jobName"), ("crawler", "crawlerName")):
        if isinstance(named := given.get(key), Construct):
            found[field] = name_of(named)
    if isinstance(arguments := given.get("arguments"), dict):
        found["arguments"] = arguments
    return found


def chained(owner: State | Chain, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
    """Return what a state's or a chain's method gives."""
    first = positional[0] if positional else next(iter(keywords.values()), None)
    after = start_of(first)
    state = owner if isinstance(owner, State) else None
    match name:
        case "next" if isinstance(first, State | Chain):
            for end in ends_of(owner):
                end.next = after
            return Chain(owner.start if isinstance(owner, Chain) else owner, ends_of(first))
        case "next":
            return owner  # what comes next is not known
        case "branch" | "iterator" | "item_processor" if state is not None:
            state.branches += [begin for value in positional if (begin := start_of(value)) is not None]
        case "when" if state is not None and (side := next((s for v in positional[1:] if (s := start_of(v))), None)):
            state.choices.append(side)
        case "otherwise" if state is not None and after is not None:
            state.otherwise = after
        case "afterwards" if state is not None:
            return Chain(state, open_ends(state))
        case "add_catch" if state is not None and after is not None:
            state.handlers.append(after)
        case "to_single_state" if state is None and isinstance(owner, Chain):
            label = str(first) if first is not None else "Parallel"
            return State(label, "Parallel", owner.start.at, branches=[owner.start])
    return owner


def _of_stack(stack: Construct | None, field: str) -> str:
    """Return a stack's name, or where it is deployed, as far as the program says so."""
    if field == "stackName" and stack is not None and stack.id != stack.kind:
        return stack.id
    env = stack.properties.get("env") if stack is not None else None
    place = env.get(field) if isinstance(env, dict) else None
    return place if isinstance(place, str) else parameter(_PLACES[field])


def attribute(owner: Construct | Asset | State | Chain, name: str) -> Value:
    """Return an attribute of a construct; MISSING if it is not known."""
    field = camel(name)
    if isinstance(owner, Asset):
        parts = {"s3BucketName": ASSETS, "s3ObjectKey": owner.key, "bucket": ASSETS}
        return owner.uri if "url" in field.lower() else parts.get(field, MISSING)
    if not isinstance(owner, Construct):
        return MISSING
    if field in _PLACES and field not in owner.properties:
        return _of_stack(owner.stack, field)
    if field == "node":
        return Symbol("aws_cdk.node")
    if field in {"valueAsString", "valueAsNumber"}:
        return owner.properties.get("default") or Unknown(owner.id)
    if field == "stringValue" and field not in owner.properties:
        return _stored(owner.properties.get("parameterName"))
    told = owner.properties.get(field)
    if isinstance(told, str | Unknown) or (told is not None and field in owner.properties):
        return told
    is_name = field in {"ref", "name"} or snake(field).endswith("_name") or field == "attrId"
    if is_name:
        return name_of(owner) if owner.type else Unknown(owner.id)
    if field.endswith("Arn") and owner.type:
        return arn_of(owner)
    return MISSING if _METHOD.match(snake(field)) else Unknown(f"{owner.id}.{field}")
