import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .told import ROOT, arguments, project, told


def test_a_module_is_called_once_for_each_with_its_own_inputs() -> None:
    found = told(project())
    assert arguments(found) == {
        "load-dev": {"--env": "dev", "--days": "3", "--owner": "${var.owner}", "--out": "s3://lake-dev/load/"},
        "join-dev": {"--env": "dev", "--days": "3", "--owner": "${var.owner}", "--out": "s3://lake-dev/join/"},
    }
    assert [job.script for job in found.jobs] == ["infra/scripts/join.py", "infra/scripts/load.py"]
    assert found.jobs[0].name == "join-${var.env}"
    assert not found.problems


def test_one_name_in_two_roots_with_two_values_is_two_parameters() -> None:
    job = 'variable "env" { default = "%s" }\nresource "aws_glue_job" "a" { name = "a-${var.env}" }'
    found = told({"one/main.tf": job % "x", "two/main.tf": job % "y"})
    assert sorted(arguments(found)) == ["a-x", "a-y"]
    same = told({"one/main.tf": job % "x", "two/main.tf": job % "x"})
    assert dict(same.values) == {"var.env": "x"}


def test_triggers_of_a_workflow_make_its_flow() -> None:
    found = told(
        {
            "main.tf": """
resource "aws_glue_job" "jobs" {
  for_each = { a = 1, b = 2 }
  name = "job-${each.key}"
}
resource "aws_glue_workflow" "w" { name = "nightly" }
resource "aws_glue_trigger" "start" {
  name = "start"
  type = "SCHEDULED"
  workflow_name = aws_glue_workflow.w.name
  actions {
    job_name  = aws_glue_job.jobs["a"].name
    arguments = { "--table" = "orders" }
  }
}
resource "aws_glue_trigger" "then" {
  name = "then"
  type = "CONDITIONAL"
  workflow_name = aws_glue_workflow.w.id
  predicate {
    dynamic "conditions" {
      for_each = ["a"]
      content {
        job_name = aws_glue_job.jobs[conditions.value].name
        state    = "SUCCEEDED"
      }
    }
  }
  actions { job_name = aws_glue_job.jobs["b"].name }
}
"""
        }
    )
    (flow,) = found.flows
    assert (flow.name, flow.kind) == ("nightly", "glue-workflow")
    assert {task.job: dict(task.arguments) for task in flow.tasks} == {"job-a": {"--table": "orders"}, "job-b": {}}
    assert len(flow.order) == 1


def test_a_broken_block_costs_no_other() -> None:
    found = told(
        {
            "main.tf": """
resource "aws_glue_job" "one" {
  name = {{ cookiecutter.name }}
  timeout = 5
}
resource "aws_glue_job" "two" {
  name = "two"
  command {
resource "aws_glue_job" "three" { name = "three" }
"""
        }
    )
    assert [job.name for job in found.jobs][1:] == ["two", "three"]
    assert found.jobs[0].properties["Timeout"] == 5
    assert found.problems


def test_what_a_called_module_that_is_not_given_deploys_is_told_by_its_inputs() -> None:
    found = told(
        {
            "main.tf": """
module "glue_job" {
  source            = "cloudposse/glue/aws//modules/glue-job"
  job_name          = "load"
  default_arguments = { "--a" = "1" }
  command           = { name = "glueetl", script_location = "s3://code/load.py" }
}
module "step_function" {
  source     = "terraform-aws-modules/step-functions/aws"
  name       = "flow"
  definition = jsonencode({ StartAt = "A", States = { A = { Type = "Task", End = true
    Resource = "arn:aws:states:::glue:startJobRun.sync", Parameters = { JobName = "load" } } } })
}
"""
        }
    )
    assert arguments(found) == {"load": {"--a": "1"}}
    assert [task.job for flow in found.flows for task in flow.tasks] == ["load"]


def test_resources_in_json_and_in_plans_and_states() -> None:
    values = {"name": "load", "command": [{"script_location": "s3://c/a.py"}], "default_arguments": {"--a": "1"}}
    code = {"resource": {"aws_glue_job": {"x": {**values, "name": '${lower("LOAD")}'}}}}
    resource = {"mode": "managed", "type": "aws_glue_job", "address": "module.m.aws_glue_job.x", "values": values}
    module = {"child_modules": [{"resources": [resource]}]}
    plan = {"terraform_version": "1.9", "planned_values": {"root_module": module}}
    state = {
        "terraform_version": "1.9",
        "resources": [{"mode": "managed", "type": "aws_glue_job", "name": "x", "instances": [{"attributes": values}]}],
    }
    for path, document in {"main.tf.json": code, "plan.json": plan, "terraform.tfstate": state}.items():
        assert arguments(told({path: json.dumps(document)})) == {"load": {"--a": "1"}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('"a" == "b" ? "x" : "y"', "y"),
        ('format("%s-%03d", "a", 7)', "a-007"),
        ('join(",", [for k, v in { b = 1, a = 2 } : "${k}${v}" if v > 0])', "a2,b1"),
        ('lookup({ dev = "d" }, var.env, "?")', "d"),
        ('{ dev = "d" }[var.env]', "d"),
        ('try(var.missing_map.x, "other")', "other"),
        ('replace("a_b", "_", "-")', "a-b"),
        ('element(["a", "b"], 3)', "b"),
        ('jsondecode("{\\"a\\": [1]}").a[0]', "1"),
        ("upper(var.env)", "DEV"),
        ('coalesce("", null, "z")', "z"),
        ('flatten([["a"], [["b"]]])[1]', "b"),
        ('"%{ if var.env == "dev" }yes%{ else }no%{ endif }"', "yes"),
        ('[{ n = "a" }, { n = "b" }][*].n[1]', "b"),
        ("<<-EOT\n    a\n      b\n  EOT", "a\n  b\n"),
        ("lower(var.unknown)", "${lower(var.unknown)}"),
        ("data.aws_caller_identity.me.account_id", "${AWS::AccountId}"),
        ("local.circle", "${local.circle}"),
    ],
)
def test_an_expression_has_its_value(expression: str, value: str) -> None:
    text = (
        'variable "env" { default = "dev" }\nvariable "unknown" {}\nlocals { circle = local.circle }\n'
        'variable "missing_map" { default = {} }\n'
        f'resource "aws_glue_job" "x" {{\n  name = "x"\n  default_arguments = {{\n    "--a" = {expression}\n  }}\n}}\n'
    )
    assert arguments(told({"main.tf": text})) == {"x": {"--a": value}}


def test_tables_and_crawlers_are_told_with_their_places() -> None:
    text = """
resource "aws_s3_bucket" "lake" { bucket_prefix = "lake-" }
resource "aws_glue_catalog_database" "d" { name = "Sales" }
resource "aws_glue_catalog_table" "t" {
  name = "Orders"
  database_name = aws_glue_catalog_database.d.name
  parameters = { classification = "parquet" }
  storage_descriptor { location = "s3://${aws_s3_bucket.lake.id}/orders/" }
}
resource "aws_glue_crawler" "c" {
  name = "c"
  database_name = aws_glue_catalog_database.d.name
  s3_target { path = "s3://${aws_s3_bucket.lake.bucket}/raw/" }
  delta_target { delta_tables = ["s3://other/delta/"] }
}
"""
    found = told({"main.tf": text})
    (table,) = found.tables
    assert (table.database, table.name, table.format) == ("sales", "orders", "parquet")
    assert table.location == "s3://${aws_s3_bucket.lake}/orders/"
    assert found.crawlers[0].targets == ("s3://${aws_s3_bucket.lake}/raw/", "s3://other/delta/")


def test_a_secret_default_is_no_value() -> None:
    text = """
variable "db_password" { default = "hunter2hunter2" }
resource "aws_glue_job" "j" {
  name = "j"
  default_arguments = { "--password" = var.db_password }
}
"""
    assert "hunter2" not in repr(told({"main.tf": text}))


def test_an_argument_without_a_value_costs_no_other() -> None:
    text = """
locals { jobs = { a = { x = "1" } } }
resource "aws_glue_job" "j" {
  for_each = local.jobs
  name = each.key
  default_arguments = { "--x" = each.value.x, "--y" = each.value.y, "--z" = "s3://b/${each.value.z}/" }
}
"""
    assert arguments(told({"main.tf": text}))["a"] == {
        "--x": "1",
        "--y": "${each.value.y_a}",
        "--z": "s3://b/${each.value.z_a}/",
    }


@given(st.text() | st.text(alphabet='ab{}[]()"$%<>-\n=:.,?*!#/ E'))
@settings(max_examples=150, deadline=None)
def test_no_text_raises(text: str) -> None:
    job = 'resource "aws_glue_job" "z" {\n  name = "z"\n}\n'
    assert "z" in {job.name for job in told({"a.tf": text, "b.tf": job, "c.tf.json": text, "d.tfvars": text}).jobs}


@given(st.integers(0, len(ROOT)), st.text(alphabet='{}"$%\n=[(a<', max_size=4), st.integers(0, 6))
@settings(max_examples=100, deadline=None)
def test_no_damage_to_a_file_raises(at: int, put: str, cut: int) -> None:
    told(project() | {"infra/main.tf": ROOT[:at] + put + ROOT[at + cut :]})


_WORD = st.text(alphabet="abcdefg_0123456789", min_size=1, max_size=8).map(lambda text: f"k{text}")
_VALUE = st.text(alphabet='abc/:"\\-_ éß', max_size=12)


@given(st.dictionaries(_WORD, st.dictionaries(_WORD, _VALUE, max_size=4), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_jobs_written_in_a_loop_come_back(jobs: dict[str, dict[str, str]]) -> None:
    text = (
        f"locals {{ jobs = {json.dumps(jobs, ensure_ascii=False)} }}\n"
        'resource "aws_glue_job" "all" {\n  for_each = local.jobs\n  name = "etl-${each.key}"\n'
        '  default_arguments = { for k, v in each.value : "--${k}" => v }\n}\n'
    )
    wanted = {f"etl-{name}": {f"--{key}": value for key, value in one.items()} for name, one in jobs.items()}
    assert arguments(told({"main.tf": text})) == wanted


def test_public_modules_name_their_jobs_and_upload_their_scripts() -> None:
    text = """
    locals {
      jobs = {
        for file in fileset(path.module, "jobs/*.yaml") :
        trimsuffix(basename(file), ".yaml") => yamldecode(file("${path.module}/${file}"))
      }
    }
    module "bucket" {
      source = "terraform-aws-modules/s3-bucket/aws"
      bucket = "code"
    }
    module "script" {
      source      = "terraform-aws-modules/s3-bucket/aws//modules/object"
      for_each    = local.jobs
      bucket      = module.bucket.s3_bucket_id
      key         = "scripts/${each.key}.py"
      file_source = "${path.module}/src/${each.key}.py"
    }
    module "job" {
      source            = "cloudposse/glue/aws//modules/glue-job"
      for_each          = local.jobs
      job_name          = "${each.key}-job"
      default_arguments = { for name, value in each.value : "--${name}" => value }
      command = {
        script_location = "s3://${module.bucket.s3_bucket_id}/${module.script[each.key].s3_object_id}"
      }
    }
    module "flow" {
      source     = "terraform-aws-modules/step-functions/aws"
      name       = "flow"
      definition = jsonencode({ StartAt = "A", States = { A = {
        Type       = "Task"
        Resource   = "arn:aws:states:::glue:startJobRun.sync"
        Parameters = { JobName = module.job["load"].name }
        End        = true
      } } })
    }
    """
    found = told({"main.tf": text, "jobs/load.yaml": "out: s3://lake/x/", "src/load.py": "1", "other/load.py": "2"})
    assert arguments(found) == {"load-job": {"--out": "s3://lake/x/"}}
    assert [(job.script, job.properties["Command"]["ScriptLocation"]) for job in found.jobs] == [
        ("src/load.py", "s3://code/scripts/load.py")
    ]
    assert [task.job for task in found.flows[0].tasks] == ["load-job"]
