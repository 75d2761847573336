"""Which of several environments is imported: folders, files with values, Terragrunt, and what code chooses by."""

from __future__ import annotations

import pytest

from .told import MODULE, arguments, project, told


def test_values_that_are_given_win_over_those_declared_and_tfvars() -> None:
    files = project() | {"infra/terraform.tfvars": 'env = "prod"'}
    assert set(arguments(told(files))) == {"load-prod", "join-prod"}
    assert set(arguments(told(files, env="test"))) == {"load-test", "join-test"}


def test_of_other_tfvars_the_only_one_applies_or_that_of_production() -> None:
    one = project() | {"infra/env/qa.tfvars": 'env = "qa"'}
    assert "load-qa" in arguments(told(one))
    two = told(one | {"infra/env/test.tfvars": 'env = "test"'})
    assert "load-dev" in arguments(two)
    assert any("no values are taken" in problem.what for problem in two.problems)
    live = told(one | {"infra/env/prod.tfvars": 'env = "live"'})
    assert "load-live" in arguments(live)
    assert any("not those of infra/env/qa.tfvars" in problem.what for problem in live.problems)


def _environment(name: str, *jobs: str) -> dict[str, str]:
    calls = [f'module "{job}" {{\n source = "../../modules/job"\n name = "{job}-{name}"\n}}\n' for job in jobs]
    return {f"envs/{name}/main.tf": "".join(calls)}


def test_of_folders_that_deploy_one_pipeline_for_several_environments_productions_is_imported() -> None:
    module = {"modules/job/main.tf": MODULE}
    found = told(module | _environment("dev", "load", "join", "trial") | _environment("prod", "load", "join"))
    assert set(arguments(found)) == {"load-prod", "join-prod"}
    assert [(problem.at.source, "envs/prod" in problem.what) for problem in found.problems] == [("envs/dev", True)]


def test_a_production_that_is_hardly_begun_is_not_taken_for_the_pipeline() -> None:
    module = {"modules/job/main.tf": MODULE}
    found = told(module | _environment("dev", "load", "join", "send") | _environment("prod", "load"))
    assert set(arguments(found)) == {"load-dev", "join-dev", "send-dev"}


def test_folders_that_deploy_different_things_are_all_imported() -> None:
    module = {"modules/job/main.tf": MODULE}
    found = told(module | _environment("dev", "load") | _environment("prod", "send"))
    assert set(arguments(found)) == {"load-dev", "send-prod"}
    teams = told(module | _environment("sales", "load") | _environment("stock", "load"))
    assert set(arguments(teams)) == {"load-sales", "load-stock"}


def test_the_workspace_is_what_a_person_says() -> None:
    text = """
    locals { names = { prod = "live", dev = "trial" } }
    resource "aws_glue_job" "a" { name = "load-${local.names[terraform.workspace]}-${terraform.workspace}" }
    """
    assert set(arguments(told({"a.tf": text}, **{"terraform.workspace": "prod"}))) == {"load-live-prod"}
    assert set(arguments(told({"a.tf": text}))) == {"load-live-${terraform.workspace}"}


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
    found = told({"main.tf": text})
    assert arguments(found) == {"load": {"--out": "s3://live/"}, "join": {"--out": "s3://live/"}}
    (problem,) = found.problems
    assert (problem.at.source, "prod" in problem.what) == ("terraform.workspace", True)
    given = told({"main.tf": text}, **{"terraform.workspace": "dev"})
    assert (arguments(given), given.problems) == ({"load": {"--out": "s3://trial/"}}, ())
    teams = text.replace("dev =", "sales =").replace("prod =", "stock =")
    assert "s3://live/" not in str(arguments(told({"main.tf": teams})))


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
    found = told(
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
    assert arguments(found) == {"load-live": {"--out": "s3://lake/x/", "--days": "3"}}
    assert found.problems == ()
