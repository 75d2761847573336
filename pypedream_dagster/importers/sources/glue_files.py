"""Glue's own JSON: what its API answers or takes, saved in files, and what Glue Studio pushes to a repository.

``aws glue get-jobs > jobs.json``, ``create-trigger --cli-input-json file://…``, and a job's ``{"jobConfig": …}`` with
its script within. What a document is tells its content; all else is passed over.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.glue_workflow import connected_triggers, trigger_flows, workflow_flow
from pypedream_dagster.importers.sources.tables import catalog_entry
from pypedream_dagster.importers.survey import CrawlerDefinition, JobDefinition, Survey, Where
from pypedream_dagster.masking.mask import learn, mask_document

_Json = Mapping[str, Any]
_WRAPPERS = ("Job", "JobUpdate", "Trigger", "TriggerUpdate", "Workflow", "Crawler", "Table")
_LISTS = ("Jobs", "Triggers", "Workflows", "Crawlers", "TableList")
_TRIGGERS = {"SCHEDULED", "CONDITIONAL", "ON_DEMAND", "EVENT"}
_NAMES = ("JobName", "DatabaseName")  # stand beside what is wrapped
_DEEPEST = 3


@dataclass(slots=True)
class _Found:
    """What was found so far."""

    survey: Survey = field(default_factory=Survey)
    triggers: list[tuple[_Json, Where]] = field(default_factory=list)
    workflows: dict[str, tuple[Where, dict[str, str]]] = field(default_factory=dict)


def survey(files: Sequence[SourceFile], variables: Mapping[str, str]) -> Survey:  # noqa: ARG001  (told by name alone)
    """Return what is defined in Glue's own JSON; never raises."""
    found = _Found()
    for file in files:
        for document in _documents(file):
            _take(found, document, Where(file.path))
    return found.survey + _flows(found)


def _documents(file: SourceFile) -> Iterator[_Json]:
    if not file.name.lower().endswith(".json"):
        return
    try:
        yield from _unwrapped(json.loads(file.text), _DEEPEST)
    except (ValueError, RecursionError):
        return  # a template, or no JSON: other sources look at it


def _unwrapped(value: Any, depth: int) -> Iterator[_Json]:
    if isinstance(value, list) and depth:
        for item in value:
            yield from _unwrapped(item, depth - 1)
    if not isinstance(value, Mapping):
        return
    beside = {name: value[name] for name in _NAMES if isinstance(value.get(name), str)}
    inner = [value[name] for name in _WRAPPERS if isinstance(value.get(name), Mapping)]
    inner += [item for name in _LISTS if isinstance(value.get(name), list) for item in value[name]]
    if not inner or not depth:
        yield value
        return
    for item in inner:
        if isinstance(item, Mapping):
            yield from _unwrapped({**beside, **item}, depth - 1)


def _take(found: _Found, document: _Json, at: Where) -> None:
    name = _text(document.get("Name")) or _text(document.get("JobName"))
    if isinstance(config := document.get("jobConfig"), Mapping):
        found.survey += _studio_job(config, document.get("script"), at)
    elif name and _text(_mapping(document.get("Command")).get("ScriptLocation")):
        found.survey += _job(name, document, at)
    elif _text(document.get("Type")) in _TRIGGERS and isinstance(document.get("Actions"), list):
        found.triggers.append((document, at))
    elif name and (isinstance(document.get("Graph"), Mapping) or "DefaultRunProperties" in document):
        properties = {str(k): str(v) for k, v in _mapping(document.get("DefaultRunProperties")).items()}
        found.workflows[name] = (at, properties)
        for node in _list(_mapping(document.get("Graph")).get("Nodes")):
            trigger = _mapping(_mapping(_mapping(node).get("TriggerDetails")).get("Trigger"))
            if trigger:
                found.triggers.append(({**trigger, "WorkflowName": name}, at))
    elif name and _list(_mapping(document.get("Targets")).get("S3Targets")):
        found.survey += _crawler(name, document, at)
    elif database := _text(document.get("DatabaseName")):
        table = document["TableInput"] if isinstance(document.get("TableInput"), Mapping) else document
        entry = catalog_entry(database, table, at)
        found.survey += Survey(tables=() if entry is None else (entry,))


def _job(name: str, document: _Json, at: Where) -> Survey:
    properties = {key: value for key, value in document.items() if key not in {"Name", "JobName", "Tags"}}
    for arguments in ("DefaultArguments", "NonOverridableArguments"):
        learn(_mapping(properties.get(arguments)))
    tags = {str(key): str(value) for key, value in _mapping(document.get("Tags")).items()}
    return Survey(jobs=(JobDefinition(name, mask_document({"Name": name, **properties}), at, tags=tags),))


def _studio_job(config: _Json, script: Any, at: Where) -> Survey:
    """Return a job as Glue Studio writes it: CreateJob's fields under names of their own."""
    name = _text(config.get("name"))
    if not name:
        return Survey()
    location = f"{_text(config.get('scriptLocation')).rstrip('/')}/{_text(config.get('scriptName'))}".strip("/")
    arguments = {
        _text(item.get("key")): _text(item.get("value"))
        for item in map(_mapping, _list(config.get("jobParameters")))
        if _text(item.get("key"))
    }
    for argument, said in (("--TempDir", "temporaryDirectory"), ("--job-bookmark-option", "bookmark")):
        if _text(config.get(said)):
            arguments.setdefault(argument, config[said])
    connections = [one for one in _list(config.get("connectionsList")) if isinstance(one, str)]
    properties = {
        "Description": config.get("description"),
        "Role": config.get("role"),
        "Command": {"Name": config.get("command") or "glueetl", "ScriptLocation": location, "PythonVersion": "3"},
        "DefaultArguments": arguments,
        "Connections": {"Connections": connections} if connections else None,
        "GlueVersion": config.get("version"),
        "WorkerType": config.get("workerType"),
        "NumberOfWorkers": config.get("numberOfWorkers"),
        "MaxRetries": config.get("maxRetries"),
        "Timeout": config.get("timeout"),
        "ExecutionProperty": {"MaxConcurrentRuns": config.get("maxConcurrentRuns") or 1},
    }
    known = {key: value for key, value in properties.items() if value not in (None, "")}
    body = {location: script.encode()} if isinstance(script, str) and script.strip() else {}
    return _job(name, known, at) + Survey(scripts=body)


def _crawler(name: str, document: _Json, at: Where) -> Survey:
    targets = (_text(_mapping(one).get("Path")) for one in _list(_mapping(document["Targets"]).get("S3Targets")))
    prefix, database = _text(document.get("TablePrefix")), _text(document.get("DatabaseName"))
    return Survey(crawlers=(CrawlerDefinition(name, database, tuple(filter(None, targets)), at, prefix),))


def _flows(found: _Found) -> Survey:
    by_workflow: dict[str, list[_Json]] = defaultdict(list)
    first: dict[str, Where] = {}
    adrift: dict[int, Where] = {}
    survey = Survey()
    for trigger, at in found.triggers:
        name = _text(trigger.get("WorkflowName"))
        by_workflow[name].append(trigger)
        first.setdefault(name, at)
        adrift[id(trigger)] = at
    for group in connected_triggers(by_workflow.pop("", [])):
        survey += trigger_flows(group, at=adrift[id(group[0])])
    for name in sorted({*by_workflow, *found.workflows}):
        at, properties = found.workflows.get(name) or (first[name], {})
        survey += workflow_flow(name, _distinct(by_workflow.get(name, [])), at=at, run_properties=properties)
    return survey


def _distinct(triggers: Sequence[_Json]) -> list[_Json]:
    """Leave out what was saved twice: by itself and in its workflow's graph."""
    return list({_text(trigger.get("Name")) or str(id(trigger)): trigger for trigger in triggers}.values())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> _Json:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
