"""What Terraform files of a test tell."""

from __future__ import annotations

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.parameters import filled
from pypedream_dagster.importers.sources.terraform import survey
from pypedream_dagster.importers.survey import Survey

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


def told(files: dict[str, str], **variables: str) -> Survey:
    """Return what files tell, by their paths."""
    return survey([SourceFile(path, text, text.encode()) for path, text in files.items()], variables)


def arguments(found: Survey) -> dict[str, dict[str, str]]:
    """Return the default arguments of each job."""
    return {
        filled(job.name, found.values): {
            key: filled(value, found.values) for key, value in job.properties.get("DefaultArguments", {}).items()
        }
        for job in found.jobs
    }


def project() -> dict[str, str]:
    """Return a root with a module that it calls, a state machine and scripts."""
    return {
        "infra/main.tf": ROOT,
        "infra/modules/job/main.tf": MODULE,
        "infra/flow.asl.json": FLOW,
        "infra/scripts/load.py": "1",
        "infra/scripts/join.py": "2",
    }
