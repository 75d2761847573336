"""Glue jobs that Lambda functions start, within a machine and by themselves."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.parameters import filled
from pypedream_dagster.importers.sources.cloudformation import survey as cloudformation
from pypedream_dagster.importers.sources.lambdas import with_started_jobs
from pypedream_dagster.importers.sources.step_functions import survey as step_functions
from pypedream_dagster.importers.sources.terraform import survey as terraform
from pypedream_dagster.importers.survey import Flow, Survey, Where

STARTER = """
import os
import boto3

glue = boto3.client("glue")
JOB = os.environ["JOB_NAME"]


def handler(event, context):
    lake = os.getenv("LAKE")
    glue.start_job_run(JobName=JOB, Arguments={"--target": f"s3://{lake}/silver/", "--day": event["day"]})
"""
MACHINE = {
    "StartAt": "Start",
    "States": {
        "Start": {"Type": "Task", "Resource": "${StarterArn}", "Next": "Report"},
        "Report": {
            "Type": "Task",
            "Resource": "arn:aws:states:::glue:startJobRun.sync",
            "Parameters": {"JobName": "report"},
            "End": True,
        },
    },
}


def _file(path: str, text: str) -> SourceFile:
    return SourceFile(path, text, text.encode())


def _jobs(found: Survey) -> list[tuple[str, dict[str, str]]]:
    return [
        (
            filled(task.job or "", found.values),
            {key: filled(value, found.values) for key, value in task.arguments.items()},
        )
        for flow in found.flows
        for task in flow.tasks
        if task.operation == "glue"
    ]


def test_what_a_machines_function_starts_comes_after_it_and_before_what_waits_for_it() -> None:
    template = """
    Resources:
      Starter:
        Type: AWS::Serverless::Function
        Properties:
          CodeUri: functions/starter/
          Handler: app.handler
          Environment: {Variables: {JOB_NAME: !Ref Load, LAKE: lake}}
      Load:
        Type: AWS::Glue::Job
        Properties: {Name: load, Command: {Name: glueetl, ScriptLocation: s3://code/load.py}}
      Machine:
        Type: AWS::Serverless::StateMachine
        Properties:
          DefinitionUri: machine.asl.json
          DefinitionSubstitutions: {StarterArn: !GetAtt Starter.Arn}
    """
    files = [
        _file("template.yaml", template),
        _file("machine.asl.json", json.dumps(MACHINE)),
        _file("functions/starter/app.py", STARTER),
        _file("functions/other/app.py", STARTER.replace("start_job_run", "get_job_run")),
    ]
    found = with_started_jobs(cloudformation(files, {}), files)
    (flow,) = found.flows
    assert _jobs(found) == [("load", {"--target": "s3://lake/silver/", "--day": "${Starter.day}"}), ("report", {})]
    assert flow.order == {("Start", "Start/load"), ("Start", "Report"), ("Start/load", "Report")}
    assert flow.tasks[1].at.source == "functions/starter/app.py"


def test_a_function_that_is_defined_nowhere_is_known_by_its_name() -> None:
    machine = json.loads(json.dumps(MACHINE).replace("${StarterArn}", "arn:aws:lambda:eu-west-1:1:function:start-load"))
    literal = STARTER.replace('os.environ["JOB_NAME"]', '"load"')
    files = [_file("m.asl.json", json.dumps(machine)), _file("lambda/start_load/lambda_function.py", literal)]
    found = with_started_jobs(step_functions(files, {}), files)
    assert [name for name, _ in _jobs(found)] == ["load", "report"]
    assert _jobs(found)[0][1] == {"--target": "s3://${start_load.LAKE}/silver/", "--day": "${start_load.day}"}
    told = [files[0], _file("lambda/start_load/lambda_function.py", STARTER)]
    by_run = _jobs(with_started_jobs(step_functions(told, {}), told))[0]
    assert by_run == ("${start_load.JOB_NAME}", {"--target": "s3://${start_load.LAKE}/silver/"})


def test_a_function_of_terraform_has_the_code_of_its_archive() -> None:
    main = """
    data "archive_file" "starter" {
      type        = "zip"
      source_dir  = "${path.module}/src/starter"
      output_path = "${path.module}/starter.zip"
    }
    resource "aws_glue_job" "load" {
      name = "load-prod"
      role_arn = "r"
      command { script_location = "s3://code/load.py" }
    }
    resource "aws_lambda_function" "starter" {
      function_name = "starter"
      filename      = data.archive_file.starter.output_path
      handler       = "index.handler"
      environment { variables = { JOB_NAME = aws_glue_job.load.name, LAKE = "lake" } }
    }
    """
    files = [
        _file("infra/main.tf", main),
        _file("infra/src/starter/index.py", STARTER),
        _file("infra/src/b/index.py", STARTER),
    ]
    found = with_started_jobs(terraform(files, {}), files)
    (flow,) = found.flows  # what the other function starts is not told
    assert flow.kind == "lambda"
    assert _jobs(found) == [("load-prod", {"--target": "s3://lake/silver/", "--day": "${starter.day}"})]
    assert [problem.what for problem in found.problems] == ["starts a Glue job whose name only a run tells"]


def test_what_only_a_run_tells_a_function_is_called_after_the_name_that_a_variable_gives_it() -> None:
    main = """
    variable "name" { default = "start_load" }
    resource "aws_lambda_function" "starter" {
      function_name = var.name
      filename      = "src/starter.zip"
      handler       = "starter.handler"
      environment { variables = { JOB_NAME = "load", LAKE = "lake" } }
    }
    """
    files = [_file("main.tf", main), _file("src/starter.py", STARTER)]
    assert _jobs(with_started_jobs(terraform(files, {}), files)) == [
        ("load", {"--target": "s3://lake/silver/", "--day": "${start_load.day}"})
    ]


def test_what_is_no_function_or_starts_nothing_changes_nothing() -> None:
    told = Survey(flows=(Flow("f", "airflow", Where("dags/dag.py"), ()),))
    files = [
        _file("dags/dag.py", "from airflow import DAG\n" + STARTER),
        _file("script.py", "import boto3\nboto3.client('glue').start_job_run(JobName='x')"),
        _file("broken.py", "def handler(event, context):\n  glue.start_job_run(JobName=("),
        _file("README.md", STARTER),
    ]
    assert with_started_jobs(told, files).flows == told.flows


_PIECES = [
    "glue.start_job_run(",
    "JobName=",
    "Arguments={",
    "})",
    ")",
    "os.environ[",
    "'X'",
    "]",
    "\n    ",
    "f'{x}'",
    ",",
]


@given(st.lists(st.sampled_from(_PIECES) | st.text(max_size=4)).map("".join))
def test_no_code_of_a_function_breaks_it(code: str) -> None:
    files = [
        _file("lambda/start/app.py", f"def handler(event, context):\n    glue.start_job_run(JobName='a')\n    {code}")
    ]
    machine = json.dumps(MACHINE).replace("${StarterArn}", "arn:aws:lambda:eu-west-1:1:function:start")
    for flow in with_started_jobs(step_functions([_file("m.json", machine)], {}), files).flows:
        keys = [task.key for task in flow.tasks]
        assert len(keys) == len(set(keys))
        assert {key for pair in flow.order for key in pair} <= set(keys)
