"""Terraform's resources, evaluated, in the words of Glue's API and of a `Survey`; plans hold the same shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pypedream_dagster.importers.parameters import PARAMETER, filled, parameter
from pypedream_dagster.importers.sources.tables import table_format
from pypedream_dagster.importers.sources.terraform.values import Unknown, text_of
from pypedream_dagster.importers.survey import (
    CatalogEntry,
    ConnectionDefinition,
    CrawlerDefinition,
    FunctionDefinition,
    JobDefinition,
    Where,
)
from pypedream_dagster.masking.mask import learn

Contents = Mapping[str, Any]

_TEMPLATED = re.compile(r"(\$\{[^${}]*\})")
# Of aws_glue_job's arguments, those that CreateJob calls by the same words.
_TEXTS = (
    "description",
    "execution_class",
    "glue_version",
    "job_mode",
    "maintenance_window",
    "security_configuration",
    "worker_type",
)
_NUMBERS = ("max_retries", "number_of_workers", "timeout", "max_capacity", "allocated_capacity")


def job_definition(raw: Contents, address: str, at: Where, values: Mapping[str, str]) -> JobDefinition:
    """Return a Glue job in the shape of CreateJob."""
    name = name_of(raw, address)
    properties: dict[str, Any] = {"Name": name}
    if raw.get("role_arn") is not None:
        properties["Role"] = text_of(raw["role_arn"])
    for key in _TEXTS:
        if raw.get(key) not in (None, ""):
            properties[_pascal(key)] = text_of(raw[key])
    for key in _NUMBERS:
        if raw.get(key) is not None:
            properties[_pascal(key)] = _number(raw[key], values)
    if raw.get("job_run_queuing_enabled") is not None:
        properties["JobRunQueuingEnabled"] = text_of(raw["job_run_queuing_enabled"]) == "true"
    properties["Command"] = _command(first(raw.get("command")))
    for key in ("default_arguments", "non_overridable_arguments"):
        if arguments := texts(raw.get(key)):
            properties[_pascal(key)] = arguments
            learn({name: filled(value, values) for name, value in arguments.items()})
    connections = raw.get("connections")
    if isinstance(connections, list) and connections:
        properties["Connections"] = {"Connections": [text_of(one) for one in connections if one is not None]}
    if (runs := first(raw.get("execution_property")).get("max_concurrent_runs")) is not None:
        properties["ExecutionProperty"] = {"MaxConcurrentRuns": _number(runs, values)}
    if (delay := first(raw.get("notification_property")).get("notify_delay_after")) is not None:
        properties["NotificationProperty"] = {"NotifyDelayAfter": _number(delay, values)}
    return JobDefinition(name, properties, at, tags=texts(raw.get("tags")))


def _command(raw: Contents) -> dict[str, str]:
    given = {
        "Name": raw.get("name") or "glueetl",
        "PythonVersion": raw.get("python_version"),
        "Runtime": raw.get("runtime"),
        "ScriptLocation": raw.get("script_location"),
    }
    return {key: text_of(value) for key, value in given.items() if value is not None}


def function(raw: Contents, address: str, at: Where, code: str) -> FunctionDefinition:
    """Return a Lambda function whose code is a file or folder."""
    environment = texts(first(raw.get("environment")).get("variables") or raw.get("environment_variables"))
    learn(environment)
    name = raw.get("function_name") or raw.get("name")
    return FunctionDefinition(
        parameter(address) if name is None else text_of(name),
        at,
        code,
        text_of(raw.get("handler")),
        environment,
        (address,),
    )


def table(raw: Contents, address: str, at: Where) -> CatalogEntry | None:
    """Return a table of the catalog; None for one without a place on S3."""
    storage = first(raw.get("storage_descriptor"))
    location, database = text_of(storage.get("location")), text_of(raw.get("database_name"))
    if not location or not database:
        return None
    shape = {
        "Parameters": texts(raw.get("parameters")),
        "OpenTableFormatInput": first(raw.get("open_table_format_input")),
        "StorageDescriptor": {
            "InputFormat": text_of(storage.get("input_format")),
            "SerdeInfo": {
                "SerializationLibrary": text_of(first(storage.get("ser_de_info")).get("serialization_library"))
            },
        },
    }
    return CatalogEntry(_lowered(database), _lowered(name_of(raw, address)), location, at, table_format(shape))


def crawler(raw: Contents, address: str, at: Where) -> CrawlerDefinition:
    """Return a crawler with its targets on S3."""
    places: list[Any] = [target.get("path") for target in blocks(raw.get("s3_target"))]
    for kind, key in (("delta_target", "delta_tables"), ("iceberg_target", "paths"), ("hudi_target", "paths")):
        for target in blocks(raw.get(kind)):
            found = target.get(key)
            places += found if isinstance(found, list) else [found]
    return CrawlerDefinition(
        name=name_of(raw, address),
        database=_lowered(text_of(raw.get("database_name"))),
        targets=tuple(_as_uri(text_of(place)) for place in places if place),
        at=at,
        table_prefix=text_of(raw.get("table_prefix")),
    )


def connection(raw: Contents, address: str, at: Where) -> ConnectionDefinition:
    """Return a connection's name and kind."""
    return ConnectionDefinition(name_of(raw, address), text_of(raw.get("connection_type") or "JDBC"), at)


def trigger(raw: Contents, address: str) -> dict[str, Any]:
    """Return a trigger in the shape of Glue's API."""
    found: dict[str, Any] = {
        "Name": name_of(raw, address),
        "Type": text_of(raw.get("type")).upper(),
        "Actions": [_action(one) for one in blocks(raw.get("actions"))],
    }
    if raw.get("workflow_name"):
        found["WorkflowName"] = text_of(raw["workflow_name"])
    if predicate := first(raw.get("predicate")):
        found["Predicate"] = {
            "Logical": text_of(predicate.get("logical") or "AND"),
            "Conditions": [_condition(one) for one in blocks(predicate.get("conditions"))],
        }
    return found


def _action(raw: Contents) -> dict[str, Any]:
    found: dict[str, Any] = {"Arguments": texts(raw.get("arguments"))}
    return found | _entity(raw)


def _condition(raw: Contents) -> dict[str, Any]:
    found: dict[str, Any] = {"LogicalOperator": text_of(raw.get("logical_operator") or "EQUALS")}
    for key in ("state", "crawl_state"):
        if raw.get(key):
            found[_pascal(key)] = text_of(raw[key])
    return found | _entity(raw)


def _entity(raw: Contents) -> dict[str, str]:
    return {_pascal(key): text_of(raw[key]) for key in ("job_name", "crawler_name") if raw.get(key)}


def scheduled(raw: Contents, address: str) -> dict[str, Any] | None:
    """Return a schedule of EventBridge that starts a job, as the trigger that would do the same."""
    target = first(raw.get("target"))
    if not text_of(target.get("arn")).lower().endswith("glue:startjobrun"):
        return None
    try:
        given = json.loads(text_of(target.get("input")))
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict) or not isinstance(given.get("JobName"), str):
        return None
    action = {"JobName": given["JobName"], "Arguments": texts(given.get("Arguments"))}
    return {"Name": name_of(raw, address), "Type": "SCHEDULED", "Actions": [action]}


# Shapes.


def first(value: Any) -> Contents:
    """Return the one block of a kind; in JSON it may stand without a list."""
    found = blocks(value)
    return found[0] if found else {}


def blocks(value: Any) -> Sequence[Contents]:
    """Return the blocks of a kind."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def texts(value: Any) -> dict[str, str]:
    """Return a map of texts, or a block of such, as maps were written once; what is null is left out."""
    return {text_of(key): text_of(item) for key, item in first(value).items() if item is not None}


def name_of(raw: Contents, address: str) -> str:
    """Return a resource's name; where none is set, the parameter that stands for it."""
    name = raw.get("name")
    return parameter(address) if name is None or name == "" else text_of(name)


def _number(value: Any, values: Mapping[str, str]) -> int | float | str:
    if isinstance(value, Unknown):
        return text_of(value)
    text = filled(text_of(value), values)
    try:
        number = float(text)
        return int(number) if number.is_integer() else number
    except (ValueError, OverflowError):
        return text_of(value)


def _pascal(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_"))


def _as_uri(place: str) -> str:
    whole = PARAMETER.fullmatch(place) is not None
    return place if whole or "://" in place else f"s3://{place.lstrip('/')}"


def _lowered(text: str) -> str:
    """Return a name in lower case, as Glue keeps it, but for the names of unknown parts."""
    return "".join(part if place % 2 else part.lower() for place, part in enumerate(_TEMPLATED.split(text)))
