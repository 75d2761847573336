"""Triggers, workflows' graphs and connections of the embedded AWS, asked for through boto3."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest

from pypedream_dagster.local_aws import control
from pypedream_dagster.local_aws.endpoint import Endpoint

ACTION: Any = {"JobName": "load", "Arguments": {"--day": "1"}, "Timeout": 5}
PREDICATE: Any = {"Conditions": [{"LogicalOperator": "EQUALS", "JobName": "load", "State": "SUCCEEDED"}]}


@pytest.fixture
def name(aws_env: Endpoint) -> str:
    return f"orch{uuid.uuid4().hex[:8]}"


def test_a_trigger_is_told_as_it_was_made_and_changed(name: str) -> None:
    glue = boto3.client("glue")
    made: Any = {"Name": name, "Type": "CONDITIONAL", "Predicate": PREDICATE, "Actions": [ACTION]}
    glue.create_trigger(**made, StartOnCreation=True, Tags={"team": name})
    assert glue.get_trigger(Name=name)["Trigger"] == {**made, "State": "ACTIVATED"}
    glue.stop_trigger(Name=name)
    glue.update_trigger(Name=name, TriggerUpdate={"Description": "late", "Actions": [{"JobName": name}]})
    changed = glue.get_trigger(Name=name)["Trigger"]
    assert changed == {**made, "Actions": [{"JobName": name}], "Description": "late", "State": "DEACTIVATED"}
    assert glue.list_triggers(Tags={"team": name})["TriggerNames"] == [name]
    assert glue.get_triggers(DependentJobName=name)["Triggers"] == [changed]
    found = glue.batch_get_triggers(TriggerNames=[name, "none"])
    assert (found["Triggers"], found["TriggersNotFound"]) == ([changed], ["none"])
    glue.delete_trigger(Name=name)
    glue.delete_trigger(Name=name)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_trigger(Name=name)


def test_faulty_triggers_are_refused(name: str) -> None:
    glue = boto3.client("glue")
    good: Any = {"Name": name, "Type": "ON_DEMAND", "Actions": [{"JobName": "load"}]}
    both: Any = [{"JobName": "load", "CrawlerName": "crawl"}]
    bad: Any
    for bad in ({"Type": "CONDITIONAL"}, {"Type": "SCHEDULED"}, {"Actions": both}):
        with pytest.raises(glue.exceptions.InvalidInputException):
            glue.create_trigger(**{**good, **bad})
    with pytest.raises(glue.exceptions.EntityNotFoundException, match=f"Workflow {name}"):
        glue.create_trigger(**good, WorkflowName=name)
    glue.create_trigger(**good)
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_trigger(**good)


def test_a_workflow_has_a_graph_where_it_is_asked_for(name: str) -> None:
    glue = boto3.client("glue")
    glue.create_workflow(Name=name, DefaultRunProperties={"k": "v"})
    glue.create_trigger(Name=f"{name}-1", Type="ON_DEMAND", Actions=[{"JobName": "load"}], WorkflowName=name)
    after: Any = {"Type": "CONDITIONAL", "Predicate": PREDICATE, "Actions": [{"CrawlerName": "load"}]}
    glue.create_trigger(Name=f"{name}-2", WorkflowName=name, **after)
    assert "Graph" not in glue.get_workflow(Name=name)["Workflow"]
    workflow = glue.get_workflow(Name=name, IncludeGraph=True)["Workflow"]
    assert workflow["DefaultRunProperties"] == {"k": "v"}
    nodes = {node["UniqueId"]: (node["Type"], node["Name"]) for node in workflow["Graph"]["Nodes"]}
    assert {(nodes[edge["SourceId"]], nodes[edge["DestinationId"]]) for edge in workflow["Graph"]["Edges"]} == {
        (("TRIGGER", f"{name}-1"), ("JOB", "load")),
        (("JOB", "load"), ("TRIGGER", f"{name}-2")),
        (("TRIGGER", f"{name}-2"), ("CRAWLER", "load")),
    }
    triggers = [node["TriggerDetails"]["Trigger"] for node in workflow["Graph"]["Nodes"] if "TriggerDetails" in node]
    assert triggers == [glue.get_trigger(Name=f"{name}-{number}")["Trigger"] for number in (1, 2)]
    many = glue.batch_get_workflows(Names=[name, "none"])
    assert [one["Name"] for one in many["Workflows"]] == [name]
    assert many["MissingWorkflows"] == ["none"]
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_workflow(Name="none")


def test_a_connection_tells_its_type_and_hides_its_password(name: str) -> None:
    glue = boto3.client("glue")
    properties = {"USERNAME": "u", "PASSWORD": "secret"}
    described: Any = {"Name": name, "ConnectionType": "JDBC", "ConnectionProperties": properties}
    glue.create_connection(ConnectionInput=described)
    whole = glue.get_connection(Name=name)["Connection"]
    assert (whole["ConnectionType"], whole["ConnectionProperties"]) == ("JDBC", properties)
    hidden = glue.get_connection(Name=name, HidePassword=True)["Connection"]
    assert hidden["ConnectionProperties"] == {"USERNAME": "u"}
    listed = glue.get_connections(Filter={"ConnectionType": "JDBC"}, HidePassword=True)["ConnectionList"]
    assert hidden in listed
    glue.update_connection(Name=name, ConnectionInput=described | {"ConnectionType": "NETWORK"})
    assert glue.get_connection(Name=name)["Connection"]["ConnectionType"] == "NETWORK"
    glue.delete_connection(ConnectionName=name)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_connection(Name=name)


@pytest.mark.slow
def test_triggers_and_connections_outlive_a_restart(tmp_path: Path) -> None:
    def client(endpoint: Endpoint) -> Any:
        return boto3.client(
            "glue",
            endpoint_url=endpoint.url,
            region_name=endpoint.region,
            aws_access_key_id=endpoint.access_key_id,
            aws_secret_access_key=endpoint.secret_access_key,
        )

    glue = client(control.up(tmp_path))
    glue.create_trigger(Name="t", Type="ON_DEMAND", Actions=[ACTION])
    glue.create_connection(ConnectionInput={"Name": "c", "ConnectionType": "NETWORK", "ConnectionProperties": {}})
    control.down(tmp_path)
    try:
        glue = client(control.up(tmp_path))
        assert glue.get_trigger(Name="t")["Trigger"]["Actions"] == [ACTION]
        assert glue.get_connection(Name="c")["Connection"]["ConnectionType"] == "NETWORK"
    finally:
        control.down(tmp_path)
