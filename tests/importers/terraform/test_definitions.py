"""Definitions of state machines: templates, documents that are decoded, placeholders."""

from __future__ import annotations

import pytest

from .told import FLOW, arguments, project, told


def test_a_state_machine_is_rendered_from_its_file() -> None:
    found = told(project())
    (flow,) = found.flows
    assert [task.job for task in flow.tasks] == ["load-${var.env}", "join-${var.env}"]
    assert flow.at.source == "infra/flow.asl.json"
    assert len(flow.order) == 1


def test_a_machine_for_each_file_of_a_folder_that_is_named_from_where_terraform_runs() -> None:
    main = """
    locals { machines = { for one in fileset("machines", "*.json") : trimsuffix(one, ".json") => "machines/${one}" } }
    resource "aws_sfn_state_machine" "all" {
      for_each   = local.machines
      name       = "nightly-${each.key}"
      definition = templatefile(each.value, { first = "load", jobs = {} })
    }
    """
    one = FLOW.replace('${jobs["join"].job}', "join")
    found = told({"infra/main.tf": main, "infra/machines/a.json": one, "infra/machines/b.json": one})
    assert [flow.name for flow in found.flows] == ["nightly-a", "nightly-b"]
    assert {task.job for flow in found.flows for task in flow.tasks} == {"load", "join"}


def test_a_machine_that_another_starts_is_part_of_it_where_it_stands() -> None:
    main = """
    resource "aws_sfn_state_machine" "inner" {
      name       = "inner"
      definition = templatefile("flow.json", { first = "load", jobs = {} })
    }
    resource "aws_sfn_state_machine" "outer" {
      name       = "outer"
      definition = jsonencode({ StartAt = "Call", States = { Call = {
        Type = "Task", Resource = "arn:aws:states:::states:startExecution.sync:2", End = true
        Parameters = { StateMachineArn = aws_sfn_state_machine.inner.arn }
      } } })
    }
    resource "aws_sfn_state_machine" "broken" {
      name       = "broken"
      definition = "{"
    }
    """
    found = told({"main.tf": main, "flow.json": FLOW.replace('${jobs["join"].job}', "join")})
    (flow,) = found.flows
    assert [(task.key, task.at.source) for task in flow.tasks] == [("Call/A", "flow.json"), ("Call/B", "flow.json")]
    assert [problem.what for problem in found.problems] == ["the definition of state machine broken cannot be read"]


def test_of_definitions_that_a_value_decides_between_all_are_read_until_it_is_known() -> None:
    main = """
    variable "quick" { type = bool }
    locals {
      load  = { Type = "Task", Resource = "arn:aws:states:::glue:startJobRun.sync", Parameters = { JobName = "load" },
                Next = var.quick ? "Report it" : "Clean all" }
      clean = { Type = "Task", Resource = "arn:aws:states:::glue:startJobRun.sync", Parameters = { JobName = "clean" },
                Next = "Report it" }
      tell  = { Type = "Task", Resource = "arn:aws:states:::glue:startJobRun.sync", Parameters = { JobName = "tell" },
                End = true }
    }
    resource "aws_sfn_state_machine" "m" {
      name       = "m"
      definition = var.quick ? jsonencode(
        { StartAt = "Load", States = { Load = local.load, "Report it" = local.tell } }
      ) : jsonencode(
        { StartAt = "Load", States = { Load = local.load, "Clean all" = local.clean, "Report it" = local.tell } }
      )
    }
    """
    found = told({"main.tf": main})
    assert [sorted(flow.order) for flow in found.flows] == [
        [("Load", "Report it")],
        [("Clean all", "Report it"), ("Load", "Clean all"), ("Load", "Report it")],
    ]
    assert "var.quick decides which of 2 definitions" in found.problems[0].what
    (flow,) = told({"main.tf": main}, quick="false").flows
    assert sorted(flow.order) == [("Clean all", "Report it"), ("Load", "Clean all")]


def test_placeholders_of_a_definition_are_replaced_though_what_replaces_them_is_not_all_known() -> None:
    text = """
    resource "aws_glue_job" "load" { name = "load-${var.env}" }
    resource "aws_sfn_state_machine" "flow" {
      definition = replace(replace(file("flow.json"), "__JOB__", aws_glue_job.load.name), "__TOPIC__", local.topic)
    }
    locals { topic = aws_sns_topic.x.arn }
    resource "aws_glue_job" "other" { name = replace("a-${var.env}", "-", "_") }
    """
    flow = FLOW.replace("${first}", "__JOB__").replace('${jobs["join"].job}', "__TOPIC__")
    found = told({"main.tf": text, "flow.json": flow})
    assert found.flows[0].tasks[0].job == "load-${var.env}"
    assert found.flows[0].at.source == "flow.json"
    assert "a_${var.env}" not in {job.name for job in found.jobs}  # the value may hold what is replaced


def test_maps_were_blocks_once() -> None:
    text = """
    resource "aws_glue_job" "load" {
      name = "load"
      default_arguments { "--out" = "s3://lake/x/" }
    }
    data "template_file" "flow" {
      template = "${file("${path.module}/flow.json")}"
      vars { first = "${aws_glue_job.load.name}" }
    }
    resource "aws_sfn_state_machine" "flow" { definition = "${data.template_file.flow.rendered}" }
    """
    found = told({"main.tf": text, "flow.json": FLOW.replace('${jobs["join"].job}', "join")})
    assert arguments(found) == {"load": {"--out": "s3://lake/x/"}}
    assert [task.job for task in found.flows[0].tasks] == ["load", "join"]


@pytest.mark.parametrize(
    ("decode", "template"),
    [
        ("jsondecode", FLOW.replace('${jobs["join"].job}', "join")),
        (
            "yamldecode",
            "StartAt: A\nStates:\n  A:\n    Type: Task\n    Resource: arn:aws:states:::glue:startJobRun.sync\n"
            "    Parameters: {JobName: '${first}'}\n    Next: B\n  B:\n    Type: Task\n"
            "    Resource: arn:aws:states:::glue:startJobRun.sync\n    Parameters: {JobName: join}\n    End: true\n",
        ),
    ],
)
def test_a_definition_is_decoded_though_something_in_it_is_not_known(decode: str, template: str) -> None:
    text = f"""
    resource "aws_glue_job" "load" {{ name = "load-${{var.env}}" }}
    resource "aws_sfn_state_machine" "flow" {{
      definition = jsonencode({decode}(templatefile("flow.tpl", {{ first = aws_glue_job.load.name }})))
    }}
    """
    (flow,) = told({"main.tf": text, "flow.tpl": template}).flows
    assert [task.job for task in flow.tasks] == ["load-${var.env}", "join"]
    assert flow.at.source == "flow.tpl"
