"""Deployed state machines, and what their executions tell."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from pypedream_dagster.aws.session import connect
from pypedream_dagster.aws.step_functions import JobStart, StepFunctionsClient
from pypedream_dagster.errors import AwsError, NotFoundError
from pypedream_dagster.importers.sources.step_functions import live_survey
from pypedream_dagster.importers.sources.step_functions.history import with_history
from pypedream_dagster.importers.sources.step_functions.live import Account
from pypedream_dagster.importers.survey import Flow, Problem, Task, Where
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.masking.mask import mask_known
from pypedream_dagster.settings import Settings
from tests.importers.step_functions.flows import glue, machine

ROLE = "arn:aws:iam::123456789012:role/flows"
START = "arn:aws:states:::glue:startJobRun"


def test_deployed_machines_are_found_by_name_with_those_they_start(aws_env: Endpoint, tmp_path: Path) -> None:
    client = connect(Settings(tmp_path, endpoint_url=aws_env.url, region=aws_env.region)).step_functions
    name = f"flow{uuid.uuid4().hex[:8]}"

    def deploy(part: str, definition: dict[str, Any]) -> str:
        text = json.dumps(definition)
        made = client.boto.create_state_machine(name=f"{name}-{part}", definition=text, roleArn=ROLE)
        return made["stateMachineArn"]

    child = deploy("child", machine({"B": glue("load", {"--day.$": "$.day"})}))
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": child, "Input": {"day.$": "$.when"}},
        "End": True,
    }
    parent = deploy("parent", machine({"A": glue("extract", ResultPath=None, Next="Call"), "Call": call}))
    for query in (f"{name}-p", f"{name}*"):
        (flow,) = live_survey(client, query, history=False).flows
        assert (flow.name, flow.at) == (f"{name}-parent", Where(parent))
        assert flow.order == {("A", "Call/B")}
        assert flow.tasks[1].arguments == {"--day": "${input.when}"}
        assert flow.tasks[1].at == Where(child, None, "States.B")
    with pytest.raises(NotFoundError, match="No state machine matches 'no-such-machine'"):
        live_survey(client, "no-such-machine", history=True)
    client.boto.start_execution(stateMachineArn=parent)  # which the embedded AWS does not carry out
    (flow,) = live_survey(client, f"{name}-p", history=True).flows
    assert flow.tasks[1].arguments == {"--day": "${input.when}"}
    with pytest.raises(AwsError):
        client.last_execution("arn:aws:states:us-east-1:123456789012:stateMachine:gone")


@pytest.fixture
def interpreter(aws_env: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[StepFunctionsClient]:
    """Step Functions that runs state machines, which the embedded AWS does not."""
    for name in aws_env.environment():
        monkeypatch.delenv(name)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
        jobs = session.client("glue")
        for job in ("load", "report"):
            jobs.create_job(Name=job, Role=ROLE, Command={"Name": "glueetl"})
        yield StepFunctionsClient(session.client("stepfunctions"))


def _run(client: StepFunctionsClient, definition: dict[str, Any], given: Any) -> str:
    text = json.dumps(definition)
    arn = client.boto.create_state_machine(name="etl", definition=text, roleArn=ROLE)["stateMachineArn"]
    run = client.boto.start_execution(stateMachineArn=arn, name="once", input=json.dumps(given))["executionArn"]
    for _ in range(600):
        told = client.boto.describe_execution(executionArn=run)
        if told["status"] != "RUNNING":
            assert told["status"] == "SUCCEEDED", told
            return arn
        time.sleep(0.05)
    raise AssertionError("the execution does not end")


@pytest.mark.slow
def test_a_run_tells_the_arguments_that_the_definition_leaves_open(interpreter: StepFunctionsClient) -> None:
    load = {**glue("load", {"--table.$": "$.name", "--mode": "full"}), "Resource": START}
    report = {"Type": "Task", "Resource": START, "Parameters": {"JobName.$": "$.job", "Arguments.$": "$.args"}}
    tables = {"Type": "Map", "ItemsPath": "$.tables", "Iterator": machine({"Load": load}), "ResultPath": None}
    definition = machine({"Each": {**tables, "Next": "Report"}, "Report": {**report, "End": True}})
    secret = f"hunter{uuid.uuid4().hex}"
    given = {
        "tables": [{"name": "orders"}, {"name": "customers"}, {"name": "orders"}],
        "job": "report",
        "args": {"--out": "s3://lake/report/", "--db_password": secret},
    }
    arn = _run(interpreter, definition, given)

    (open_flow,) = live_survey(interpreter, "etl", history=False).flows
    assert {task.key: dict(task.arguments) for task in open_flow.tasks} == {
        "Load": {"--table": "${Each.item.name}", "--mode": "full"},
        "Report": {},
    }
    told = live_survey(interpreter, "etl", history=True)
    (flow,) = told.flows
    assert {task.key: (task.job, task.arguments.get("--table")) for task in flow.tasks} == {
        "Load[run 1]": ("load", "customers"),
        "Load[run 2]": ("load", "orders"),
        "Report": ("report", None),
    }
    assert flow.tasks[2].arguments["--out"] == "s3://lake/report/"
    assert flow.order == {("Load[run 1]", "Report"), ("Load[run 2]", "Report")}
    assert flow.tasks[0].at == open_flow.tasks[0].at
    assert flow.at == Where(arn)
    assert told.problems == ()
    assert secret not in mask_known(f"the password is {secret}")


def _event(number: int, kind: str, before: int, **details: Any) -> dict[str, Any]:
    return {"id": number, "previousEventId": before, "type": kind, "timestamp": datetime(2026, 11, 24), **details}


def _entered(number: int, before: int, state: str) -> dict[str, Any]:
    return _event(number, "TaskStateEntered", before, stateEnteredEventDetails={"name": state, "input": "{}"})


def _scheduled(number: int, before: int, parameters: str) -> dict[str, Any]:
    details = {"resourceType": "glue", "resource": "startJobRun.sync", "region": "r", "parameters": parameters}
    return _event(number, "TaskScheduled", before, taskScheduledEventDetails=details)


def test_runs_of_nested_machines_and_of_distributed_maps_are_part_of_it() -> None:
    """As Step Functions answers, which no interpreter here does: child executions, pages, cut-off parameters."""
    nested, one, two = (f"arn:aws:states:eu-west-1:1:execution:{name}:x" for name in ("child", "map1", "map2"))
    map_run = "arn:aws:states:eu-west-1:1:mapRun:etl/Each:x"
    submitted = {
        "resourceType": "states",
        "resource": "startExecution.sync",
        "output": f'{{"ExecutionArn": "{nested}"}}',
    }
    boto = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1").client(
        "stepfunctions"
    )
    histories = {
        "root": [
            _entered(1, 0, "Call"),
            _event(2, "TaskSubmitted", 1, taskSubmittedEventDetails=submitted),
            _event(3, "MapStateEntered", 2, stateEnteredEventDetails={"name": "Each", "input": "{}"}),
            _event(4, "MapRunStarted", 3, mapRunStartedEventDetails={"mapRunArn": map_run}),
            _entered(5, 3, "Cut"),
            _scheduled(6, 5, '{"JobName": "cut", "Argum'),
        ],
        one: [_entered(1, 0, "Load"), _scheduled(2, 1, '{"JobName": "load", "Arguments": {"--t": "a", "--n": 1}}')],
        two: [_entered(1, 0, "Load"), _scheduled(2, 1, '{"JobName": "load", "Arguments": {"--t": "b"}}')],
        nested: [_entered(1, 0, "Deep"), _scheduled(2, 1, '{"JobName": "deep"}')],
    }
    with Stubber(boto) as stubber:
        first, *others = histories["root"]
        stubber.add_response(
            "get_execution_history", {"events": [first], "nextToken": "more"}, {"executionArn": "root"}
        )
        page = {"executionArn": "root", "nextToken": "more"}
        stubber.add_response("get_execution_history", {"events": others}, page)
        told = [{"executionArn": arn, "stateMachineArn": "m", "name": "x", "status": "SUCCEEDED"} for arn in (one, two)]
        listed = [{**each, "startDate": datetime(2026, 11, 24)} for each in told]
        stubber.add_response("list_executions", {"executions": listed}, {"mapRunArn": map_run})
        for arn in (one, two, nested):
            stubber.add_response("get_execution_history", {"events": histories[arn]}, {"executionArn": arn})
        starts = list(Account(StepFunctionsClient(boto)).starts("root"))
        stubber.assert_no_pending_responses()
    assert starts == [
        JobStart("Load", "load", {"--t": "a", "--n": "1"}),
        JobStart("Load", "load", {"--t": "b"}),
        JobStart("Call/Deep", "deep", {}),
    ]


@pytest.mark.parametrize("code", ["AccessDeniedException", "ExecutionDoesNotExist"])
def test_a_history_that_cannot_be_read_to_its_end_stops_no_import(code: str) -> None:
    arn, run, nested = (
        f"arn:aws:states:eu-west-1:1:{name}" for name in ("stateMachine:etl", "execution:etl:x", "gone")
    )
    start = {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Parameters": {"JobName.$": "$.job"},
        "End": True,
    }
    machine = {"stateMachineArn": arn, "name": "etl", "type": "STANDARD", "creationDate": datetime(2026, 11, 24)}
    described = {"definition": json.dumps({"StartAt": "A", "States": {"A": start}}), "roleArn": "arn:aws:iam::1:role/x"}
    execution = {"executionArn": run, "stateMachineArn": arn, "name": "x", "status": "SUCCEEDED"}
    output = {"resourceType": "states", "resource": "startExecution", "output": f'{{"ExecutionArn": "{nested}"}}'}
    events = [
        _entered(1, 0, "A"),
        _scheduled(2, 1, '{"JobName": "load"}'),
        _event(3, "TaskSubmitted", 2, taskSubmittedEventDetails=output),
    ]
    boto = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1").client(
        "stepfunctions"
    )
    with Stubber(boto) as stubber:
        stubber.add_response("list_state_machines", {"stateMachines": [machine]})
        stubber.add_response("describe_state_machine", {**machine, **described})
        stubber.add_response("list_executions", {"executions": [{**execution, "startDate": datetime(2026, 11, 24)}]})
        stubber.add_response("get_execution_history", {"events": events})
        stubber.add_client_error("get_execution_history", code)
        told = live_survey(StepFunctionsClient(boto), "etl", history=True)
    assert [task.job for flow in told.flows for task in flow.tasks] == ["load"]
    assert [problem.at for problem in told.problems] == [Where(arn)]
    assert code in told.problems[0].what


def _task(key: str, job: str, **arguments: str) -> Task:
    return Task(
        key, "glue", Where("x", None, key), job=job, arguments={f"--{name}": one for name, one in arguments.items()}
    )


def test_a_run_changes_nothing_that_is_known() -> None:
    known = _task("A", "a", table="orders")
    nested = _task("Call/B", "b", path="s3://lake/${input.day}/")
    other = Task("C", "lambda", Where("x"), resource="f")
    flow = Flow(
        "f", "step-functions", Where("x"), (known, nested, other), frozenset({("A", "Call/B"), ("Call/B", "C")})
    )
    problem = Problem(Where("y"), "something else")
    starts = [
        JobStart("A", "a", {"--table": "changed since"}),
        JobStart("Call/B", "b", {"--path": "s3://lake/2026-11-24/"}),
        JobStart("Call/B", "b", {"--path": "s3://elsewhere/"}),
        JobStart("gone", "c", {}),
    ]
    seen, problems = with_history(flow, [problem], starts)
    assert seen.tasks[0] == known
    assert seen.tasks[1].arguments == {"--path": "s3://lake/2026-11-24/"}
    assert seen.tasks[2] == other
    assert (seen.order, problems) == (flow.order, (problem,))
    assert with_history(flow, [problem], []) == (flow, (problem,))
