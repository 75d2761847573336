"""Triggers, the graphs of workflows, and connections: kept and told, but no trigger ever fires.

moto 5.2.5 fails on a trigger without ``Logical`` and tells neither a workflow's graph nor a connection's type; the
workflows themselves and their runs stay moto's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from pypedream_dagster.local_aws import moto_backends
from pypedream_dagster.local_aws.glue.errors import EntityNotFoundException, InvalidInputException
from pypedream_dagster.local_aws.glue.named import NamedStore, Thing, now
from pypedream_dagster.local_aws.glue.paging import page_of
from pypedream_dagster.local_aws.glue.tags import TagStore, glue_arn

_DEFAULT_PAGE = 100


class OrchestrationApi:
    """Answers for triggers, connections and the graphs of workflows.

    Args:
        triggers, connections: their stores.
        tags: takes their tags.
    """

    def __init__(self, triggers: NamedStore, connections: NamedStore, tags: TagStore) -> None:
        self._triggers = triggers
        self._connections = connections
        self._tags = tags
        self.operations: dict[str, Callable[[Thing], Thing]] = {
            "CreateTrigger": self._create_trigger,
            "UpdateTrigger": self._update_trigger,
            "DeleteTrigger": self._delete_trigger,
            "StartTrigger": lambda request: self._set_state(request, "ACTIVATED"),
            "StopTrigger": lambda request: self._set_state(request, "DEACTIVATED"),
            "GetTrigger": lambda request: {"Trigger": self._triggers.get(request["Name"])},
            "GetTriggers": self._get_triggers,
            "ListTriggers": self._list_triggers,
            "BatchGetTriggers": self._batch_get_triggers,
            "GetWorkflow": lambda request: {"Workflow": self._workflow(request["Name"], request)},
            "BatchGetWorkflows": self._batch_get_workflows,
            "CreateConnection": self._create_connection,
            "UpdateConnection": self._update_connection,
            "DeleteConnection": self._delete_connection,
            "GetConnection": lambda request: {"Connection": _told(self._connections.get(request["Name"]), request)},
            "GetConnections": self._get_connections,
        }

    def _create_trigger(self, request: Thing) -> Thing:
        workflow = request.get("WorkflowName")
        if workflow and moto_backends.glue_workflow(workflow) is None:
            raise EntityNotFoundException(f"Workflow {workflow} not found.")
        trigger = {key: value for key, value in request.items() if key not in ("Tags", "StartOnCreation")}
        _check_trigger(trigger)
        trigger["State"] = "ACTIVATED" if request.get("StartOnCreation") else "CREATED"
        name = self._triggers.create(trigger)["Name"]
        if request.get("Tags"):
            self._tags.add(glue_arn("trigger", name), request["Tags"])
        return {"Name": name}

    def _update_trigger(self, request: Thing) -> Thing:
        update = {key: value for key, value in request["TriggerUpdate"].items() if key != "Name"}
        _check_trigger({**self._triggers.get(request["Name"]), **update})
        return {"Trigger": self._triggers.change(request["Name"], update)}

    def _delete_trigger(self, request: Thing) -> Thing:
        self._triggers.delete(request["Name"])
        self._tags.forget(glue_arn("trigger", request["Name"]))
        return {"Name": request["Name"]}

    def _set_state(self, request: Thing, state: str) -> Thing:
        return {"Name": self._triggers.change(request["Name"], {"State": state})["Name"]}

    def _get_triggers(self, request: Thing) -> Thing:
        page, more = page_of(self._starting(request.get("DependentJobName")), request, _DEFAULT_PAGE)
        return {"Triggers": list(page), **more}

    def _list_triggers(self, request: Thing) -> Thing:
        wanted = (request.get("Tags") or {}).items()
        found = self._starting(request.get("DependentJobName"))
        names = [one["Name"] for one in found if wanted <= self._tags.get(glue_arn("trigger", one["Name"])).items()]
        page, more = page_of(names, request, _DEFAULT_PAGE)
        return {"TriggerNames": list(page), **more}

    def _starting(self, job: str | None) -> list[Thing]:
        found = self._triggers.all()
        return [one for one in found if any(a.get("JobName") == job for a in one["Actions"])] if job else found

    def _batch_get_triggers(self, request: Thing) -> Thing:
        found = {name: self._triggers.find(name) for name in request["TriggerNames"]}
        return {
            "Triggers": [one for one in found.values() if one is not None],
            "TriggersNotFound": [name for name, one in found.items() if one is None],
        }

    def _workflow(self, name: str, request: Thing) -> Thing:
        found = moto_backends.glue_workflow(name)
        if found is None:
            raise EntityNotFoundException(f"Workflow {name} not found.")
        workflow: Thing = _as_json(found)
        if request.get("IncludeGraph"):
            workflow["Graph"] = _graph([one for one in self._triggers.all() if one.get("WorkflowName") == name])
        return workflow

    def _batch_get_workflows(self, request: Thing) -> Thing:
        known = [name for name in request["Names"] if moto_backends.glue_workflow(name) is not None]
        return {
            "Workflows": [self._workflow(name, request) for name in known],
            "MissingWorkflows": [name for name in request["Names"] if name not in known],
        }

    def _create_connection(self, request: Thing) -> Thing:
        times = {"CreationTime": now(), "LastUpdatedTime": now()}
        name = self._connections.create({**request["ConnectionInput"], **times})["Name"]
        if request.get("Tags"):
            self._tags.add(glue_arn("connection", name), request["Tags"])
        return {"CreateConnectionStatus": "READY"}

    def _update_connection(self, request: Thing) -> Thing:
        changes = {key: value for key, value in request["ConnectionInput"].items() if key != "Name"}
        self._connections.change(request["Name"], {**changes, "LastUpdatedTime": now()})
        return {}

    def _delete_connection(self, request: Thing) -> Thing:
        self._connections.delete(request["ConnectionName"])
        self._tags.forget(glue_arn("connection", request["ConnectionName"]))
        return {}

    def _get_connections(self, request: Thing) -> Thing:
        wanted = request.get("Filter") or {}
        kind, criteria = wanted.get("ConnectionType"), set(wanted.get("MatchCriteria") or [])
        found = [
            _told(one, request)
            for one in self._connections.all()
            if kind in (None, one.get("ConnectionType")) and criteria <= set(one.get("MatchCriteria") or [])
        ]
        page, more = page_of(found, request, _DEFAULT_PAGE)
        return {"ConnectionList": list(page), **more}


def _check_trigger(trigger: Thing) -> None:
    if trigger.get("Type") == "CONDITIONAL" and not (trigger.get("Predicate") or {}).get("Conditions"):
        raise InvalidInputException("Predicate cannot be null or empty")
    if trigger.get("Type") == "SCHEDULED" and not trigger.get("Schedule"):
        raise InvalidInputException("Schedule cannot be null or empty")
    if any(action.get("JobName") and action.get("CrawlerName") for action in trigger.get("Actions") or []):
        raise InvalidInputException("Both JobName and CrawlerName cannot be set together in an action")


def _told(connection: Thing, request: Thing) -> Thing:
    """A connection without its password, where that is not to be told."""
    properties = connection.get("ConnectionProperties") or {}
    if request.get("HidePassword"):
        properties = {key: value for key, value in properties.items() if key != "PASSWORD"}
    return {**connection, "ConnectionProperties": properties, "Status": "READY"}


def _graph(triggers: list[Thing]) -> Thing:
    """The graph of a workflow: a node for each trigger, job and crawler, an edge for each start and each wait."""
    nodes: dict[tuple[str, str], Thing] = {}
    edges: list[Thing] = []

    def node(kind: str, name: str, **details: Any) -> str:
        identity = f"wnode_{kind.lower()}_{name}"
        nodes.setdefault((kind, name), {"Type": kind, "Name": name, "UniqueId": identity, **details})
        return identity

    for trigger in triggers:
        here = node("TRIGGER", trigger["Name"], TriggerDetails={"Trigger": trigger})
        for kind, name in _named((trigger.get("Predicate") or {}).get("Conditions") or []):
            edges.append({"SourceId": node(kind, name), "DestinationId": here})
        for kind, name in _named(trigger.get("Actions") or []):
            edges.append({"SourceId": here, "DestinationId": node(kind, name)})
    return {"Nodes": list(nodes.values()), "Edges": edges}


def _named(items: list[Thing]) -> Iterator[tuple[str, str]]:
    for item in items:
        yield ("JOB", item["JobName"]) if item.get("JobName") else ("CRAWLER", item.get("CrawlerName", ""))


def _as_json(value: Any) -> Any:
    match value:
        case datetime():
            return value.timestamp()
        case dict():
            return {key: _as_json(item) for key, item in value.items()}
        case _:
            return value
