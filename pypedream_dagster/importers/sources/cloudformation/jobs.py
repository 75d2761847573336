"""The Glue resources of a stack: jobs, tables, crawlers, connections, and the triggers of workflows."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from typing import Any, get_args

from pypedream_dagster.graph.model import DataFormat
from pypedream_dagster.importers.parameters import PARAMETER, parameter
from pypedream_dagster.importers.sources.cloudformation.intrinsics import text_of
from pypedream_dagster.importers.sources.cloudformation.stacks import Stack
from pypedream_dagster.importers.survey import (
    CatalogEntry,
    ConnectionDefinition,
    CrawlerDefinition,
    FunctionDefinition,
    JobDefinition,
)
from pypedream_dagster.masking.mask import learn

# As CreateJob's shape has them (botocore, glue 2017-03-31): all others are texts.
_WHOLE = {"AllocatedCapacity", "MaxConcurrentRuns", "MaxRetries", "NotifyDelayAfter", "NumberOfWorkers", "Timeout"}
_FRACTION = {"MaxCapacity"}
_BOOLEAN = {"JobRunQueuingEnabled"}
_TEXTS = {"DefaultArguments", "NonOverridableArguments"}
_FORMATS: tuple[str, ...] = get_args(DataFormat)
_TEMPLATED = re.compile(r"(\$\{[^${}]*\})")


def job_definition(stack: Stack, logical_id: str) -> JobDefinition:
    """Return a Glue job in the shape of CreateJob."""
    raw = stack.properties(logical_id)
    name = stack.physical_name(logical_id)
    tags = raw.pop("Tags", None)
    properties = {key: _typed(stack, key, value) for key, value in raw.items() if value is not None}
    learn({**properties.get("DefaultArguments", {}), **properties.get("NonOverridableArguments", {})})
    location = stack.filled(text_of(_mapping(properties.get("Command")).get("ScriptLocation")))
    paths, path = stack.world.paths, stack.template.path
    script = (paths.asset(location, path) or paths.meant(location, path, shared=2)) if location.strip() else None
    alone = logical_id not in stack.world.repeated
    return JobDefinition(
        name=name,
        properties={**properties, "Name": name},
        at=stack.template.where(logical_id),
        aliases=(logical_id, parameter(logical_id)) if alone else (),
        script=script,
        tags={key: text_of(value) for key, value in tags.items()} if isinstance(tags, dict) else _tag_list(tags),
    )


def function(stack: Stack, logical_id: str) -> FunctionDefinition:
    """Return a Lambda function, with what tells where its code is."""
    raw = stack.properties(logical_id)
    code = raw.get("CodeUri", raw.get("Code"))
    inline = raw.get("InlineCode") or _mapping(code).get("ZipFile")
    place = text_of(_mapping(code).get("S3Key") or _mapping(code).get("Key")) if isinstance(code, Mapping) else code
    variables = _mapping(_mapping(raw.get("Environment")).get("Variables"))
    learn({key: text_of(value) for key, value in variables.items()})
    path = stack.template.path
    folder = posixpath.normpath(posixpath.join(posixpath.dirname(path), stack.filled(text_of(place)))) if place else ""
    alone = logical_id not in stack.world.repeated
    return FunctionDefinition(
        name=stack.physical_name(logical_id),
        at=stack.template.where(logical_id),
        code=folder,
        handler=text_of(raw.get("Handler")),
        environment={key: text_of(value) for key, value in variables.items()},
        aliases=(logical_id,) if alone else (),
        inline=text_of(inline) if inline else "",
    )


def table(stack: Stack, logical_id: str) -> CatalogEntry | None:
    """Return a table of the catalog; None for one without a place on S3."""
    raw = stack.properties(logical_id)
    given = _mapping(raw.get("TableInput"))
    storage = _mapping(given.get("StorageDescriptor"))
    iceberg = _mapping(_mapping(raw.get("OpenTableFormatInput")).get("IcebergInput"))
    location = text_of(storage.get("Location"))
    database = text_of(raw.get("DatabaseName"))
    if not location or not database:
        return None
    return CatalogEntry(
        database=_lowered(database),
        name=_lowered(stack.physical_name(logical_id)),
        location=location,
        at=stack.template.where(logical_id),
        format="iceberg" if iceberg else _format(given, storage),
    )


def crawler(stack: Stack, logical_id: str) -> CrawlerDefinition:
    """Return a crawler with its targets on S3."""
    raw = stack.properties(logical_id)
    targets = _mapping(raw.get("Targets"))
    places = [_mapping(item).get("Path") for item in _list(targets.get("S3Targets"))]
    for kind, field in (("DeltaTargets", "DeltaTables"), ("IcebergTargets", "Paths"), ("HudiTargets", "Paths")):
        for item in _list(targets.get(kind)):
            places += _list(_mapping(item).get(field))
    alone = logical_id not in stack.world.repeated
    return CrawlerDefinition(
        name=stack.physical_name(logical_id),
        database=_lowered(text_of(raw.get("DatabaseName"))),
        targets=tuple(_as_uri(stack, text_of(place)) for place in places if place),
        at=stack.template.where(logical_id),
        table_prefix=text_of(raw.get("TablePrefix")),
        aliases=(logical_id, parameter(logical_id)) if alone else (),
    )


def connection(stack: Stack, logical_id: str) -> ConnectionDefinition:
    """Return a connection's name and kind."""
    raw = _mapping(stack.properties(logical_id).get("ConnectionInput"))
    kind = text_of(raw.get("ConnectionType"))
    return ConnectionDefinition(stack.physical_name(logical_id), kind, stack.template.where(logical_id))


def trigger(stack: Stack, logical_id: str) -> dict[str, Any]:
    """Return a trigger in the shape of Glue's API."""
    raw = stack.properties(logical_id)
    found = {key: value for key, value in raw.items() if key != "Tags"}
    found["Name"] = stack.physical_name(logical_id)
    found["Type"] = text_of(raw.get("Type"))
    actions = raw.get("Actions")
    found["Actions"] = [
        {**item, "Arguments": _texts(item.get("Arguments"))}
        for item in _list([actions] if isinstance(actions, dict) else actions)
        if isinstance(item, dict)
    ]
    return found


def run_properties(stack: Stack, logical_id: str) -> dict[str, str]:
    """Return a workflow's default run properties."""
    return _texts(stack.properties(logical_id).get("DefaultRunProperties"))


def schedule(stack: Stack, logical_id: str) -> dict[str, Any] | None:
    """Return a schedule of EventBridge that starts a job, as the trigger that would do the same."""
    target = _mapping(stack.properties(logical_id).get("Target"))
    if not text_of(target.get("Arn")).lower().endswith("glue:startjobrun"):
        return None
    given = _parsed(target.get("Input"))
    if not isinstance(given.get("JobName"), str):
        return None
    action = {"JobName": given["JobName"], "Arguments": _texts(given.get("Arguments"))}
    return {"Name": stack.physical_name(logical_id), "Type": "SCHEDULED", "Actions": [action]}


def _parsed(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return _mapping(value)


def _typed(stack: Stack, key: str, value: Any) -> Any:
    if key in _TEXTS:
        return _texts(value)
    if key in _WHOLE | _FRACTION:
        text = text_of(value)
        known = stack.known(text)
        try:
            return float(known or text) if key in _FRACTION else int(known or text)
        except ValueError:
            return text
    if key in _BOOLEAN:
        text = stack.known(text_of(value)) or text_of(value)
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(value, dict):
        return {inner: _typed(stack, inner, item) for inner, item in value.items()}
    if isinstance(value, list):
        return [_typed(stack, "", item) for item in value]
    return text_of(value)


def _texts(value: Any) -> dict[str, str]:
    return {str(key): text_of(item) for key, item in value.items()} if isinstance(value, dict) else {}


def _tag_list(tags: Any) -> dict[str, str]:
    pairs = [item for item in _list(tags) if isinstance(item, dict) and "Key" in item]
    return {text_of(item["Key"]): text_of(item.get("Value")) for item in pairs}


def _format(given: Mapping[str, Any], storage: Mapping[str, Any]) -> str | None:
    """Tell a table's format by what says it most surely first."""
    parameters = {key.lower(): text_of(value).lower() for key, value in _mapping(given.get("Parameters")).items()}
    serde = _mapping(storage.get("SerdeInfo"))
    for said in (
        parameters.get("table_type", ""),
        parameters.get("spark.sql.sources.provider", ""),
        parameters.get("classification", ""),
        text_of(serde.get("SerializationLibrary")).lower(),
        text_of(storage.get("InputFormat")).lower(),
    ):
        for known in _FORMATS:
            if known in said:
                return known
        if "lazysimpleserde" in said:
            return "csv"
    return None


def _as_uri(stack: Stack, place: str) -> str:
    """Return a crawler's target as a URI: Glue takes ``bucket/prefix`` too."""
    known = stack.known(place)
    whole = PARAMETER.fullmatch(place) is not None and known is None
    return place if whole or "://" in (known or place) else f"s3://{place.lstrip('/')}"


def _lowered(text: str) -> str:
    """Return a name in lower case, as Glue keeps it, but for the names of unknown parts."""
    return "".join(part if place % 2 else part.lower() for place, part in enumerate(_TEMPLATED.split(text)))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
