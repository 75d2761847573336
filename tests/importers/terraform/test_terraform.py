import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.parameters import filled
from pypedream_dagster.importers.survey import Survey
from pypedream_dagster.importers.terraform import survey

MODULE = """
variable "name" {}
variable "arguments" { type = map(string) }
variable "script" {}
resource "aws_glue_job" "this" {
  name     = var.name
  role_arn = aws_iam_role.glue.arn
  command { script_location = var.script }
  default_arguments = var.arguments
}
output "job" { value = aws_glue_job.this.name }
"""

ROOT = """
variable "env" { default = "dev" }
variable "owner" {}
locals { common = { "--env" = var.env, "--days" = 3, "--owner" = var.owner, "--none" = null } }
resource "aws_s3_bucket" "lake" { bucket = "lake-${var.env}" }
resource "aws_s3_object" "script" {
  for_each = fileset(path.module, "scripts/*.py")
  bucket   = aws_s3_bucket.lake.id
  key      = "code/${each.value}"
  source   = "${path.module}/${each.value}"
}
module "job" {
  source    = "./modules/job"
  for_each  = toset(["load", "join"])
  name      = "${each.key}-${var.env}"
  arguments = merge(local.common, { "--out" = "s3://${aws_s3_bucket.lake.bucket}/${each.key}/" })
  script    = "s3://${aws_s3_bucket.lake.id}/${aws_s3_object.script["scripts/${each.key}.py"].key}"
}
resource "aws_sfn_state_machine" "flow" {
  name       = "flow"
  definition = templatefile("${path.module}/flow.asl.json", { first = module.job["load"].job, jobs = module.job })
}
"""

FLOW = """
{"StartAt": "A", "States": {
  "A": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Parameters": {"JobName": "${first}"}, "Next": "B"},
  "B": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Parameters": {"JobName": "${jobs["join"].job}"}, "End": true}}}
"""


def _survey(files: dict[str, str], **variables: str) -> Survey:
    return survey([SourceFile(path, text, text.encode()) for path, text in files.items()], variables)


def _arguments(found: Survey) -> dict[str, dict[str, str]]:
    return {
        filled(job.name, found.values): {
            key: filled(value, found.values) for key, value in job.properties.get("DefaultArguments", {}).items()
        }
        for job in found.jobs
    }


def _project() -> dict[str, str]:
    return {
        "infra/main.tf": ROOT,
        "infra/modules/job/main.tf": MODULE,
        "infra/flow.asl.json": FLOW,
        "infra/scripts/load.py": "1",
        "infra/scripts/join.py": "2",
    }


def test_a_module_is_called_once_for_each_with_its_own_inputs() -> None:
    found = _survey(_project())
    assert _arguments(found) == {
        "load-dev": {"--env": "dev", "--days": "3", "--owner": "${var.owner}", "--out": "s3://lake-dev/load/"},
        "join-dev": {"--env": "dev", "--days": "3", "--owner": "${var.owner}", "--out": "s3://lake-dev/join/"},
    }
    assert [job.script for job in found.jobs] == ["infra/scripts/join.py", "infra/scripts/load.py"]
    assert found.jobs[0].name == "join-${var.env}"
    assert not found.problems


def test_a_state_machine_is_rendered_from_its_file() -> None:
    found = _survey(_project())
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
    found = _survey({"infra/main.tf": main, "infra/machines/a.json": one, "infra/machines/b.json": one})
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
    found = _survey({"main.tf": main, "flow.json": FLOW.replace('${jobs["join"].job}', "join")})
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
    found = _survey({"main.tf": main})
    assert [sorted(flow.order) for flow in found.flows] == [
        [("Load", "Report it")],
        [("Clean all", "Report it"), ("Load", "Clean all"), ("Load", "Report it")],
    ]
    assert "var.quick decides which of 2 definitions" in found.problems[0].what
    (flow,) = _survey({"main.tf": main}, quick="false").flows
    assert sorted(flow.order) == [("Clean all", "Report it"), ("Load", "Clean all")]


def test_values_that_are_given_win_over_those_declared_and_tfvars() -> None:
    files = _project() | {"infra/terraform.tfvars": 'env = "prod"'}
    assert set(_arguments(_survey(files))) == {"load-prod", "join-prod"}
    assert set(_arguments(_survey(files, env="test"))) == {"load-test", "join-test"}


def test_of_other_tfvars_the_only_one_applies_or_that_of_production() -> None:
    one = _project() | {"infra/env/qa.tfvars": 'env = "qa"'}
    assert "load-qa" in _arguments(_survey(one))
    two = _survey(one | {"infra/env/test.tfvars": 'env = "test"'})
    assert "load-dev" in _arguments(two)
    assert any("no values are taken" in problem.what for problem in two.problems)
    live = _survey(one | {"infra/env/prod.tfvars": 'env = "live"'})
    assert "load-live" in _arguments(live)
    assert any("not those of infra/env/qa.tfvars" in problem.what for problem in live.problems)


def _environment(name: str, *jobs: str) -> dict[str, str]:
    calls = [f'module "{job}" {{\n source = "../../modules/job"\n name = "{job}-{name}"\n}}\n' for job in jobs]
    return {f"envs/{name}/main.tf": "".join(calls)}


def test_of_folders_that_deploy_one_pipeline_for_several_environments_productions_is_imported() -> None:
    module = {"modules/job/main.tf": MODULE}
    found = _survey(module | _environment("dev", "load", "join", "trial") | _environment("prod", "load", "join"))
    assert set(_arguments(found)) == {"load-prod", "join-prod"}
    assert [(problem.at.source, "envs/prod" in problem.what) for problem in found.problems] == [("envs/dev", True)]


def test_a_production_that_is_hardly_begun_is_not_taken_for_the_pipeline() -> None:
    module = {"modules/job/main.tf": MODULE}
    found = _survey(module | _environment("dev", "load", "join", "send") | _environment("prod", "load"))
    assert set(_arguments(found)) == {"load-dev", "join-dev", "send-dev"}


def test_folders_that_deploy_different_things_are_all_imported() -> None:
    module = {"modules/job/main.tf": MODULE}
    found = _survey(module | _environment("dev", "load") | _environment("prod", "send"))
    assert set(_arguments(found)) == {"load-dev", "send-prod"}
    teams = _survey(module | _environment("sales", "load") | _environment("stock", "load"))
    assert set(_arguments(teams)) == {"load-sales", "load-stock"}


def test_the_workspace_is_what_a_person_says() -> None:
    text = """
    locals { names = { prod = "live", dev = "trial" } }
    resource "aws_glue_job" "a" { name = "load-${local.names[terraform.workspace]}-${terraform.workspace}" }
    """
    assert set(_arguments(_survey({"a.tf": text}, **{"terraform.workspace": "prod"}))) == {"load-live-prod"}
    assert set(_arguments(_survey({"a.tf": text}))) == {"load-live-${terraform.workspace}"}


def test_one_name_in_two_roots_with_two_values_is_two_parameters() -> None:
    job = 'variable "env" { default = "%s" }\nresource "aws_glue_job" "a" { name = "a-${var.env}" }'
    found = _survey({"one/main.tf": job % "x", "two/main.tf": job % "y"})
    assert sorted(_arguments(found)) == ["a-x", "a-y"]
    same = _survey({"one/main.tf": job % "x", "two/main.tf": job % "x"})
    assert dict(same.values) == {"var.env": "x"}


def test_triggers_of_a_workflow_make_its_flow() -> None:
    found = _survey(
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
    found = _survey(
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
    found = _survey(
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
    assert _arguments(found) == {"load": {"--a": "1"}}
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
        assert _arguments(_survey({path: json.dumps(document)})) == {"load": {"--a": "1"}}


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
    assert _arguments(_survey({"main.tf": text})) == {"x": {"--a": value}}


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
    found = _survey({"main.tf": text})
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
    assert "hunter2" not in repr(_survey({"main.tf": text}))


def test_an_argument_without_a_value_costs_no_other() -> None:
    text = """
locals { jobs = { a = { x = "1" } } }
resource "aws_glue_job" "j" {
  for_each = local.jobs
  name = each.key
  default_arguments = { "--x" = each.value.x, "--y" = each.value.y, "--z" = "s3://b/${each.value.z}/" }
}
"""
    assert _arguments(_survey({"main.tf": text}))["a"] == {
        "--x": "1",
        "--y": "${each.value.y_a}",
        "--z": "s3://b/${each.value.z_a}/",
    }


@given(st.text() | st.text(alphabet='ab{}[]()"$%<>-\n=:.,?*!#/ E'))
@settings(max_examples=150, deadline=None)
def test_no_text_raises(text: str) -> None:
    job = 'resource "aws_glue_job" "z" {\n  name = "z"\n}\n'
    assert "z" in {job.name for job in _survey({"a.tf": text, "b.tf": job, "c.tf.json": text, "d.tfvars": text}).jobs}


@given(st.integers(0, len(ROOT)), st.text(alphabet='{}"$%\n=[(a<', max_size=4), st.integers(0, 6))
@settings(max_examples=100, deadline=None)
def test_no_damage_to_a_file_raises(at: int, put: str, cut: int) -> None:
    _survey(_project() | {"infra/main.tf": ROOT[:at] + put + ROOT[at + cut :]})


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
    assert _arguments(_survey({"main.tf": text})) == wanted


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
    found = _survey({"main.tf": text, "jobs/load.yaml": "out: s3://lake/x/", "src/load.py": "1", "other/load.py": "2"})
    assert _arguments(found) == {"load-job": {"--out": "s3://lake/x/"}}
    assert [(job.script, job.properties["Command"]["ScriptLocation"]) for job in found.jobs] == [
        ("src/load.py", "s3://code/scripts/load.py")
    ]
    assert [task.job for task in found.flows[0].tasks] == ["load-job"]


def test_where_code_chooses_by_an_environment_that_is_not_known_productions_is_taken_and_told() -> None:
    text = """
    locals {
      of = {
        dev = { out = "s3://trial/", jobs = ["load"] }
        prod = { out = "s3://live/", jobs = ["load", "join"] }
      }
    }
    resource "aws_glue_job" "job" {
      for_each          = toset(local.of[terraform.workspace].jobs)
      name              = each.value
      default_arguments = { "--out" = lookup(local.of, terraform.workspace).out }
    }
    """
    found = _survey({"main.tf": text})
    assert _arguments(found) == {"load": {"--out": "s3://live/"}, "join": {"--out": "s3://live/"}}
    (told,) = found.problems
    assert (told.at.source, "prod" in told.what) == ("terraform.workspace", True)
    given = _survey({"main.tf": text}, **{"terraform.workspace": "dev"})
    assert (_arguments(given), given.problems) == ({"load": {"--out": "s3://trial/"}}, ())
    teams = text.replace("dev =", "sales =").replace("prod =", "stock =")
    assert "s3://live/" not in str(_arguments(_survey({"main.tf": teams})))


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
    found = _survey({"main.tf": text, "flow.json": flow})
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
    found = _survey({"main.tf": text, "flow.json": FLOW.replace('${jobs["join"].job}', "join")})
    assert _arguments(found) == {"load": {"--out": "s3://lake/x/"}}
    assert [task.job for task in found.flows[0].tasks] == ["load", "join"]


@pytest.mark.parametrize("inputs", ['{ name = "load-live" }', 'merge({ name = "load-live" }, local.more)'])
def test_a_terragrunt_folder_calls_its_module_with_inputs_of_the_folders_above(inputs: str) -> None:
    module = """
    variable "name" {}
    variable "lake" {}
    variable "days" { default = 3 }
    resource "aws_glue_job" "job" {
      name              = var.name
      default_arguments = { "--out" = "s3://${var.lake}/x/", "--days" = var.days }
    }
    """
    found = _survey(
        {
            "modules/job/main.tf": module,
            "live/terragrunt.hcl": 'remote_state { backend = "s3" }\ninputs = { lake = "lake", name = "none" }',
            "live/prod/terragrunt.hcl": (
                'include "root" { path = find_in_parent_folders() }\n'
                'terraform { source = "../..//modules/job" }\n'
                f"locals {{ more = {{}} }}\ninputs = {inputs}\n"
            ),
        }
    )
    assert _arguments(found) == {"load-live": {"--out": "s3://lake/x/", "--days": "3"}}
    assert found.problems == ()


@pytest.mark.parametrize(
    ("decode", "template"),
    [
        ("jsondecode", FLOW.replace('${jobs["join"].job}', "join")),
        (
            "yamldecode",
            "StartAt: A\nStates:\n  A:\n    Type: Task\n    Resource: arn:aws:states:::glue:startJobRun.sync\n"
            "    Parameters: {JobName: '${first}'}\n    Next: B\n  B:\n    Type: Task\n"
            "    Resource: arn:aws:states:::glue:startJobRun.sync\n    Parameters:\n      JobName: join\n    End: true\n",
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
    (flow,) = _survey({"main.tf": text, "flow.tpl": template}).flows
    assert [task.job for task in flow.tasks] == ["load-${var.env}", "join"]
    assert flow.at.source == "flow.tpl"
