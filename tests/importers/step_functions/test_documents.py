"""State machines found in files of any form: templates before they are rendered, YAML, code, other documents."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.importers.survey import Task, Where
from tests.importers.step_functions.flows import file, glue, machine, read, surveyed, tasks

TEMPLATE = """{
  // runs nightly
  "StartAt": "Load", # at 3
  "TimeoutSeconds": ${timeout},
  %{ if env == "prod" }
  "Comment": "{{ x | default("y") }}",
  %{ endif }
  "States": {
    "Load": {
      "Type": "Task",
      "Resource": "arn:${AWS::Partition}:states:::glue:startJobRun.sync",
      "Parameters": {
        "JobName": "__JOB__",
        "Arguments": {
          "--bucket": "<BUCKET>", "--key": "@@KEY@@/%DAY%", "--env": "{{ env }}", "--n": {{ count }},
          "--erb": "<%=stage%>", "--m": <%many%>, "--secret": "${resolve.secret}", "--pattern": "a < b",
        },
        "NumberOfWorkers": ${workers}
      },
      "Retry": ${retry},
      "Next": "Tell",
    },
    ${more_states}
    "Tell": {"Type": "Task", "Resource": "${FunctionArn}", "End": true},
  },
}"""


def _tasks(path: str, text: str, **variables: str) -> dict[str, Task]:
    told = surveyed(file(path, text), **variables)
    assert not told.problems
    return {task.key: task for flow in told.flows for task in flow.tasks}


def test_a_template_is_read_before_it_is_rendered() -> None:
    found = _tasks("flows/nightly.asl.json.tpl", TEMPLATE)
    assert set(found) == {"Load", "Tell"}
    assert found["Load"].job == "${JOB}"
    assert dict(found["Load"].arguments) == {
        "--bucket": "${BUCKET}",
        "--key": "${KEY}/${DAY}",
        "--env": "${env}",
        "--n": "${count}",
        "--erb": "${stage}",
        "--m": "${many}",
        "--secret": "${resolve.secret}",
        "--pattern": "a < b",
    }
    assert found["Load"].at == Where("flows/nightly.asl.json.tpl", 9, "States.Load")
    assert (found["Tell"].operation, found["Tell"].resource) == ("lambda", "${FunctionArn}")


def test_a_template_is_rendered_from_variables() -> None:
    more = '"Other": {"Type": "Pass", "End": true},'
    found = _tasks(
        "nightly.tpl", TEMPLATE, JOB="load", BUCKET="lake-${stage}", stage="prod", count="7", more_states=more
    )
    assert found["Load"].job == "load"
    assert found["Load"].arguments["--bucket"] == "lake-prod"
    assert found["Load"].arguments["--n"] == "7"


def test_arguments_that_a_template_puts_in_whole() -> None:
    text = json.dumps(machine({"A": glue("a")})).replace(
        '"JobName": "a"', '"JobName": "a", "Arguments": ${jsonencode(args)}'
    )
    told = surveyed(file("x.json", text))
    assert "${args}" in told.problems[0].what
    assert _tasks("x.json", text, args='{"--table": "orders"}')["A"].arguments == {"--table": "orders"}


YAML = """StartAt: Load
{% if quick %}
Comment: quick
{% endif %}
States:
  Load:
    Type: Task
    Resource: !Sub arn:${AWS::Partition}:states:::glue:startJobRun.sync
    Parameters:
      JobName: {{ job }}
      Arguments:
        "--day.$": $.day
        --out: !Sub s3://${Lake}/out/
    Next: Tell
  Tell:
    Type: Task
    Resource: !GetAtt Tell.Arn
    End: true
"""


def test_yaml_with_short_tags_and_statements() -> None:
    found = _tasks("load.asl.yaml", YAML)
    assert found["Load"].job == "${job}"
    assert found["Load"].arguments == {"--day": "${input.day}", "--out": "s3://${Lake}/out/"}
    assert found["Load"].at.line == 7
    assert found["Tell"].operation == "lambda"


def test_a_serverless_file_holds_several_and_they_have_their_names() -> None:
    text = """service: lake
stepFunctions:
  stateMachines:
    first:
      name: lake-first
      definition:
        StartAt: A
        States:
          A:
            Type: Task
            Resource: arn:aws:states:::glue:startJobRun.sync
            Parameters: {JobName: !Ref Job}
            End: true
    second:
      definition: |
        {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun",
         "Parameters": {"JobName": "b"}, "End": true}}}
"""
    told = surveyed(file("serverless.yml", text))
    assert [(flow.name, flow.tasks[0].job) for flow in told.flows] == [("lake-first", "${Job}"), ("second", "b")]
    assert told.flows[0].at.line == 7


def test_what_aws_answers_is_read() -> None:
    answer = {
        "name": "deployed",
        "definition": json.dumps(machine({"A": glue("a")})),
        "roleArn": "arn:aws:iam::1:role/x",
    }
    (flow,) = surveyed(file("backup.json", answer)).flows
    assert (flow.name, flow.tasks[0].job) == ("deployed", "a")


PYTHON = '''
import json

def definition(env, job):
    plain = {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync",
                  "Parameters": {"JobName": f"load-{env}", "Arguments": {
                      "--x": job.name, "--y": "s3://" + bucket + "/y", "--z": "{}/z".format(env), "--n": str(3)}},
                  "Next": "B"},
            "B": {"Type": "Pass", "End": True},
        },
    }
    return f"""{{
      "StartAt": "C",
      "States": {{"C": {{"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync",
                        "Parameters": {{"JobName": "{job}-c"}}, "End": true}}}}
    }}"""
'''


def test_literals_in_code() -> None:
    told = surveyed(file("deploy/machines.py", PYTHON))
    assert [[(task.key, task.job, task.at.line) for task in flow.tasks] for flow in told.flows] == [
        [("A", "load-${env}", 8)],
        [("C", "${job}-c", 17)],
    ]
    assert told.flows[0].tasks[0].arguments == {
        "--x": "${job.name}",
        "--y": "s3://${bucket}/y",
        "--z": "${env}/z",
        "--n": "3",
    }


def test_what_others_read_is_left_to_them() -> None:
    definition = machine({"A": glue("a")})
    template = {
        "Resources": {"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"Definition": definition}}}
    }
    files = [file("template.json", template), file("main.tf", f"definition = <<EOF\n{json.dumps(definition)}\nEOF")]
    assert surveyed(*files, file("README.md", json.dumps(definition)), file("x.json", {"StartAt": 1})).flows == ()


def test_machines_of_one_file_name_are_told_apart() -> None:
    a, b = machine({"A": glue("a")}), machine({"B": glue("b")})
    told = surveyed(file("in/machine.asl.json", a), file("out/machine.asl.json", b), file("load.json", a))
    assert [flow.name for flow in told.flows] == ["in/machine", "out/machine", "load"]


def test_a_machine_may_be_deployed_under_a_longer_name_than_its_file() -> None:
    arn = "arn:aws:states:eu-west-1:1:stateMachine:team-dev-load-raw"
    call = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync", "End": True}
    outer = machine({"Call": {**call, "Parameters": {"StateMachineArn": arn}}})
    inner = machine({"B": glue("b")})
    beside = (file("one/main.asl.json", outer), file("one/load-raw.asl.json", inner))
    for files in (beside, (*beside, file("two/load-raw.asl.json", machine({"C": glue("c")})))):
        told = {flow.name: [task.key for task in flow.tasks] for flow in surveyed(*files).flows}
        assert told.pop("one/main") == ["Call/B"]
        assert "one/load-raw" not in told
    apart = surveyed(file("a/main.asl.json", outer), file("b/load-raw.json", inner), file("c/load-raw.json", inner))
    assert [task.operation for task in apart.flows[0].tasks] == ["state-machine"]  # either may be meant


def test_a_machine_that_another_of_the_files_starts_is_part_of_it() -> None:
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": "${LoadStateMachineArn}", "Input": {"day": "today"}},
        "End": True,
    }
    files = [
        file("main-flow.asl.json", machine({"A": glue("a", Next="Call"), "Call": call})),
        file("load.asl.json", machine({"B": glue("b", {"--day.$": "$.day"})})),
    ]
    (flow,) = surveyed(*files).flows
    assert flow.order == {("A", "Call/B")}
    assert flow.tasks[1].arguments == {"--day": "today"}
    assert flow.tasks[1].at.source == "load.asl.json"


@pytest.mark.parametrize(
    ("resource", "parameters", "operation", "told"),
    [
        ("arn:aws-cn:states:::glue:startJobRun.sync", {"JobName": "a"}, "glue", "a"),
        ("arn:aws-us-gov:states:::aws-sdk:glue:startJobRun", {"JobName": "a"}, "glue", "a"),
        ("${GlueResource}", {"JobName": "a"}, "glue", "a"),
        ("arn:aws:states:::glue:startJobRun", {"JobName": "arn:aws:glue:eu-west-1:1:job/a"}, "glue", "a"),
        ("arn:aws:states:::aws-sdk:glue:startCrawler", {"Name": "c"}, "crawler", "c"),
        ("arn:aws:states:::aws-sdk:glue:startWorkflowRun", {"Name": "w"}, "glue-workflow", "w"),
        ("arn:aws:states:::aws-sdk:glue:updateTable", {"DatabaseName": "d"}, "glue-api", "updateTable"),
        ("arn:aws:lambda:eu-west-1:1:function:f:$LATEST", None, "lambda", "f"),
        ("arn:aws:states:::lambda:invoke", {"FunctionName": "${F}:$LATEST"}, "lambda", "${F}"),
        ("arn:aws:states:eu-west-1:1:activity:manual", None, "activity", "manual"),
        ("arn:aws:states:::athena:startQueryExecution.sync", {"QueryString": "select 1"}, "athena", "select 1"),
        ("arn:aws:states:::ecs:runTask.sync", {"TaskDefinition": "t"}, "ecs", "t"),
        ("arn:aws:states:::batch:submitJob.sync", {"JobName": "n", "JobDefinition": "d"}, "batch", "d"),
        ("arn:aws:states:::elasticmapreduce:addStep.sync", {"ClusterId": "j"}, "emr", "j"),
        ("arn:aws:states:::emr-serverless:startJobRun.sync", {"ApplicationId": "s"}, "emr", "s"),
        ("arn:aws:states:::databrew:startJobRun.sync", {"Name": "b"}, "databrew", "b"),
        ("arn:aws:states:::sagemaker:createTrainingJob.sync", {"TrainingJobName": "m"}, "sagemaker", "m"),
        ("arn:aws:states:::aws-sdk:redshiftdata:executeStatement", {"Sql": "copy"}, "redshift", "copy"),
        ("arn:aws:states:::dynamodb:putItem", {"TableName": "t"}, "dynamodb", "t"),
        ("arn:aws:states:::http:invoke", {"ApiEndpoint": "https://x"}, "http", "https://x"),
    ],
)
def test_each_service_is_an_operation(resource: str, parameters: object, operation: str, told: str) -> None:
    state = {"Type": "Task", "Resource": resource, "End": True} | ({"Parameters": parameters} if parameters else {})
    found = tasks(machine({"A": state}))["A"]
    assert (found.operation, found.job if operation == "glue" else found.resource) == (operation, told)


def test_what_only_looks_is_no_task() -> None:
    for resource in (
        "aws-sdk:glue:getJobRun",
        "aws-sdk:s3:listObjectsV2",
        "dynamodb:getItem",
        "athena:getQueryResults",
    ):
        state = {
            "Type": "Task",
            "Resource": f"arn:aws:states:::{resource}",
            "Parameters": {"JobName": "a"},
            "End": True,
        }
        assert read(machine({"A": state})).flows == ()


def test_a_definition_as_an_object_with_functions() -> None:
    state = {
        "Type": "Task",
        "Resource": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":states:::glue:startJobRun.sync"]]},
        "Parameters": {
            "JobName": {"Ref": "Job"},
            "Arguments": {
                "--a": {"Fn::Sub": ["s3://${B}/x", {"B": {"Fn::GetAtt": ["Lake", "Name"]}}]},
                "--b": {"Fn::ImportValue": "shared"},
                "--c": "${Given}",
            },
        },
        "End": True,
    }
    found = tasks(machine({"A": state}), {"Given": "known"})["A"]
    assert found.job == "${Job}"
    assert dict(found.arguments) == {"--a": "s3://${Lake.Name}/x", "--b": "${shared}", "--c": "known"}


def test_jsonata_is_no_template() -> None:
    state = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun", "End": True}
    given = {"JobName": "{% $states.input.job %}", "Arguments": {"--a": "{% '<b>' & '__C__' %}"}}
    text = json.dumps(machine({"A": {**state, "Arguments": given}}, QueryLanguage="JSONata"), indent=1)
    found = _tasks("x.asl.json", text)["A"]
    assert (found.job, found.arguments["--a"]) == ("${input.job}", "<b>__C__")


def test_brackets_without_end_are_no_machine() -> None:
    assert surveyed(file("x.json", '{"StartAt": "A", "States": ' + '{"a": [' * 5_000)).flows == ()


def test_a_text_without_an_end_is_given_up_at_once() -> None:
    assert surveyed(file("x.json", '{"StartAt": "A", "States": {"A": "' + "${a}{{b}}" * 300)).flows == ()


_BITS = st.sampled_from(
    (
        *(
            '{"StartAt": "A", "States": {',
            '"A": {',
            '"Type": "Task",',
            "StartAt: A",
            "States:",
            "  A:",
            "    Type: Task",
        ),
        *"}][\"\n,:#'`\\",
        *("${", "{{", "{%", "%}", "<%", "__X__", "//", "/*", 'f"""', "!Sub x"),
    )
)


@given(st.lists(_BITS | st.text(max_size=5), max_size=30), st.sampled_from(["x.json", "x.yaml", "x.py", "x.tpl"]))
def test_no_text_breaks_the_reading(bits: list[str], path: str) -> None:
    text = "".join(["StartAt: ", *bits, " States: "])
    for flow in surveyed(file(path, text)).flows:
        assert flow.at.source == path


@given(st.integers(0, 400), st.integers(0, 400))
def test_no_part_of_a_template_breaks_the_reading(start: int, end: int) -> None:
    surveyed(file("x.tpl", TEMPLATE[:start] + TEMPLATE[end:]), file("x.yaml", YAML[:start] + YAML[end:]))
