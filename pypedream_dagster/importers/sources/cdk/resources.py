"""Which resource a construct becomes, and with which properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypedream_dagster.importers.sources.airflow.values import Symbol, Unknown, Value
from pypedream_dagster.importers.sources.cdk.constructs import Asset, Chain, Construct, InFile, State, camel, reference
from pypedream_dagster.importers.sources.cdk.states import definition, plain, start_of
from pypedream_dagster.importers.sources.cloudformation.physical import arn, name_property

_SERVICES = {
    "aws_glue": "Glue",
    "aws_glue_alpha": "Glue",
    "aws_stepfunctions": "StepFunctions",
    "aws_s3": "S3",
    "aws_lambda": "Lambda",
    "aws_lambda_python_alpha": "Lambda",
    "aws_ssm": "SSM",
    "aws_scheduler": "Scheduler",
}
_JOBS = {
    "Job": "glueetl",
    "PySparkEtlJob": "glueetl",
    "PySparkFlexEtlJob": "glueetl",
    "ScalaSparkEtlJob": "glueetl",
    "PySparkStreamingJob": "gluestreaming",
    "PythonShellJob": "pythonshell",
    "RayJob": "glueray",
    "PythonJob": "glueetl",
}
_KINDS = {
    "Bucket": "Bucket",
    "Function": "Function",
    "PythonFunction": "Function",
    "DockerImageFunction": "Function",
    "Database": "Database",
    "Table": "Table",
    "S3Table": "Table",
    "StateMachine": "StateMachine",
    "Workflow": "Workflow",
    "Connection": "Connection",
    "StringParameter": "Parameter",
}
_MAPS = {"DefaultArguments", "NonOverridableArguments", "Arguments", "Tags", "Parameters", "DefaultRunProperties"}
_MAPS |= {"Definition", "DefinitionSubstitutions", "DefinitionString"}


def resource_type(kind: str, service: str) -> str:
    """Return the type of the resource that a class's constructs become; empty where it is not of interest."""
    owner = _SERVICES.get(service.rpartition(".")[2])
    if owner is None:
        return ""
    if kind.startswith("Cfn"):
        return f"AWS::{owner}::{kind.removeprefix('Cfn')}"
    if owner == "Glue" and kind in _JOBS:
        return "AWS::Glue::Job"
    return f"AWS::{owner}::{_KINDS[kind]}" if kind in _KINDS else ""


def resource(of: Construct) -> dict[str, Any]:
    """Return a construct as a template's resource."""
    return {"Type": of.type, "Properties": _properties(of)}


def name_of(of: Construct) -> str:
    """Return a resource's name, or what stands for it."""
    told: Any = _properties(of)
    for step in name_property(of.type):
        told = told.get(step) if isinstance(told, Mapping) else None
    return told if isinstance(told, str) and told and name_property(of.type) else reference(of)


def _properties(of: Construct) -> dict[str, Any]:
    given = of.properties
    if of.kind.startswith("Cfn"):
        return _struct(given)
    match of.type:
        case "AWS::Glue::Job":
            return _job(of)
        case "AWS::Glue::Database":
            return {"DatabaseInput": {"Name": _text(given.get("databaseName"))}}
        case "AWS::Glue::Table":
            return _table(given)
        case "AWS::StepFunctions::StateMachine":
            return _machine(given)
        case "AWS::Lambda::Function" | "AWS::S3::Bucket":
            key = name_property(of.type)[0]
            return {key: _text(given.get(key[:1].lower() + key[1:]))}
        case "AWS::Glue::Workflow":
            return {"Name": _text(given.get("workflowName") or given.get("name"))}
        case "AWS::SSM::Parameter":
            return {"Name": _text(given.get("parameterName")), "Value": _text(given.get("stringValue"))}
    return _struct(given)


def _job(of: Construct) -> dict[str, Any]:
    """Return the properties of a job that says what it runs, not how CloudFormation calls that."""
    given = dict(of.properties)
    runs = given.get("executable")
    told = {**given, **(runs if isinstance(runs, dict) else {})}
    return {
        "Name": _text(given.get("jobName")),
        "Command": {
            "Name": told.get("command") or _JOBS.get(of.kind, "glueetl"),
            "ScriptLocation": _text(told.get("script")),
            "PythonVersion": "3",
        },
        "DefaultArguments": plain(given.get("defaultArguments") or {}),
        "GlueVersion": _last(told.get("glueVersion")),
        "WorkerType": _last(given.get("workerType")),
        "NumberOfWorkers": given.get("numberOfWorkers") or given.get("workerCount"),
    }


def _table(given: Mapping[str, Value]) -> dict[str, Any]:
    bucket, prefix = given.get("bucket"), given.get("s3Prefix")
    place = f"s3://{_text(bucket)}/{_text(prefix) or ''}" if bucket is not None else None
    return {
        "DatabaseName": _text(given.get("database")),
        "TableInput": {"Name": _text(given.get("tableName")), "StorageDescriptor": {"Location": place}},
    }


def _machine(given: Mapping[str, Value]) -> dict[str, Any]:
    body = given.get("definitionBody", given.get("definition"))
    found: dict[str, Any] = {"StateMachineName": _text(given.get("stateMachineName"))}
    substitutions = given.get("definitionSubstitutions")
    if isinstance(substitutions, dict):
        found["DefinitionSubstitutions"] = {str(key): _text(value) for key, value in substitutions.items()}
    match body:
        case Chain() | State() if (start := start_of(body)) is not None:
            found["Definition"] = definition(start)
        case InFile(path):
            found["DefinitionUri"] = path
        case str() | dict():
            found["DefinitionString"] = body if isinstance(body, str) else plain(body)
    return found


def _struct(given: Mapping[str, Value]) -> dict[str, Any]:
    """Return a structure with its names as CloudFormation writes them."""
    return {
        (name := _capital(key)): plain(item) if name in _MAPS else _field(item)
        for key, item in given.items()
        if item is not None
    }


def _field(value: Value) -> Any:
    match value:
        case dict():
            return _struct(value)
        case list() | tuple():
            return [_field(item) for item in value]
        case bool() | int() | float():
            return value
    return _text(value)


def _capital(key: Value) -> str:
    name = camel(str(key))
    return name[:1].upper() + name[1:]


def _text(value: Value) -> str | None:
    match value:
        case None:
            return None
        case Construct():
            return name_of(value) if value.type else reference(value)
        case Asset():
            return value.uri
        case str() | Unknown() | Symbol():
            return str(value)
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
    return None


def _last(value: Value) -> str | None:
    """Return what a name such as ``WorkerType.G_1X`` means."""
    return value.last.replace("_", ".") if isinstance(value, Symbol) else _text(value)


def arn_of(of: Construct) -> str:
    """Return a resource's ARN."""
    return arn(of.type, name_of(of))
