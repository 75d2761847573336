"""Glue's own JSON in files: what of it is taken, and that nothing stops it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.glue_files import survey
from pypedream_dagster.importers.survey import Survey, Where

JOB = {
    "Name": "load",
    "Role": "r",
    "Command": {"Name": "glueetl", "ScriptLocation": "s3://code/load.py"},
    "DefaultArguments": {"--target": "s3://lake/out/", "--db_password": "hunter2hunter2"},
}
TRIGGER = {"Name": "begin", "Type": "ON_DEMAND", "Actions": [{"JobName": "load"}]}
WAITS = {"Conditions": [{"LogicalOperator": "EQUALS", "JobName": "load", "State": "SUCCEEDED"}]}
THEN = {"Name": "then", "Type": "CONDITIONAL", "Predicate": WAITS, "Actions": [{"JobName": "report"}]}


def _survey(**documents: Any) -> Survey:
    files = [SourceFile(f"{name}.json", json.dumps(document)) for name, document in documents.items()]
    return survey(files, {})


def test_jobs_as_the_api_answers_and_takes_them() -> None:
    found = _survey(
        made=JOB,
        one={"Job": {**JOB, "Name": "one"}},
        listed={"Jobs": [{**JOB, "Name": "a"}, {**JOB, "Name": "b"}], "NextToken": "x"},
        changed={"JobName": "changed", "JobUpdate": {key: value for key, value in JOB.items() if key != "Name"}},
    )
    assert [job.name for job in found.jobs] == ["load", "one", "a", "b", "changed"]
    job = found.jobs[0]
    assert job.properties["DefaultArguments"]["--target"] == "s3://lake/out/"
    assert "hunter2" not in str(job.properties)
    assert job.at == Where("made.json")


def test_a_job_of_glue_studio_comes_with_its_script() -> None:
    config = {
        "name": "silver",
        "role": "r",
        "command": "glueetl",
        "version": "4.0",
        "workerType": "G.1X",
        "numberOfWorkers": 3,
        "scriptName": "silver.py",
        "scriptLocation": "s3://assets/scripts/",
        "jobParameters": [{"key": "--out", "value": "s3://lake/silver/", "existing": False}],
        "temporaryDirectory": "s3://assets/temporary/",
        "connectionsList": ["warehouse"],
    }
    found = _survey(silver={"jobConfig": config, "dag": {}, "script": "print()"})
    [job] = found.jobs
    assert job.properties["Command"]["ScriptLocation"] == "s3://assets/scripts/silver.py"
    assert job.properties["DefaultArguments"] == {"--out": "s3://lake/silver/", "--TempDir": "s3://assets/temporary/"}
    assert job.properties["Connections"] == {"Connections": ["warehouse"]}
    assert job.properties["NumberOfWorkers"] == 3
    assert found.scripts == {"s3://assets/scripts/silver.py": b"print()"}


def test_triggers_of_several_files_form_flows() -> None:
    found = _survey(
        a={**TRIGGER, "WorkflowName": "etl"},
        b={"Trigger": {**THEN, "WorkflowName": "etl"}},
        w={"Name": "etl", "DefaultRunProperties": {"lake": "s3://lake/"}},
        adrift={"Triggers": [{**TRIGGER, "Name": "x"}, {**THEN, "Name": "y"}]},
    )
    flows = {flow.name: flow for flow in found.flows}
    assert flows.keys() == {"etl", "x"}
    assert flows["etl"].order == flows["x"].order == {("load", "report")}
    assert flows["etl"].at == Where("w.json")
    assert flows["x"].at == Where("adrift.json")
    assert found.values == {"etl.lake": "s3://lake/"}


def test_a_saved_workflow_brings_its_triggers_once() -> None:
    nodes = [{"Type": "TRIGGER", "TriggerDetails": {"Trigger": trigger}} for trigger in (TRIGGER, THEN)]
    graph = {"Nodes": [*nodes, {"Type": "JOB", "Name": "load"}], "Edges": []}
    found = _survey(w={"Workflow": {"Name": "etl", "Graph": graph}}, t={**THEN, "WorkflowName": "etl"})
    [flow] = found.flows
    assert [task.key for task in flow.tasks] == ["load", "report"]


def test_tables_and_crawlers() -> None:
    table = {"Name": "orders", "StorageDescriptor": {"Location": "s3://lake/orders/"}}
    found = _survey(
        made={"DatabaseName": "shop", "TableInput": table},
        listed={"TableList": [{**table, "Name": "items", "DatabaseName": "shop"}]},
        crawler={"Crawler": {"Name": "c", "DatabaseName": "shop", "Targets": {"S3Targets": [{"Path": "s3://lake/"}]}}},
    )
    assert [(entry.database, entry.name, entry.location) for entry in found.tables] == [
        ("shop", "orders", "s3://lake/orders/"),
        ("shop", "items", "s3://lake/orders/"),
    ]
    assert [(one.name, one.database, one.targets) for one in found.crawlers] == [("c", "shop", ("s3://lake/",))]


def test_what_is_something_else_is_passed_over() -> None:
    machine = {"StartAt": "A", "States": {"A": {"Type": "Task", "Parameters": {"JobName": "load"}}}}
    template = {"Resources": {"Load": {"Type": "AWS::Glue::Job", "Properties": JOB}}}
    found = _survey(machine=machine, template=template, package={"name": "x", "jobs": []}, number=3)
    assert found == Survey()
    assert survey([SourceFile("x.json", "{ not json"), SourceFile("x.py", json.dumps(JOB))], {}) == Survey()


_KEYS = (
    "Name Job Jobs Trigger Triggers Type Actions Graph Nodes TriggerDetails Command ScriptLocation Targets S3Targets"
)
_MORE = "Path DatabaseName TableInput StorageDescriptor Location jobConfig name script jobParameters Workflow Tags"
_ANY = st.recursive(
    st.none() | st.integers() | st.text(max_size=4) | st.sampled_from(["ON_DEMAND", "s3://a/b/"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS.split() + _MORE.split()), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(_ANY)
def test_no_content_stops_it(document: Any) -> None:
    assert isinstance(_survey(x=document), Survey)
