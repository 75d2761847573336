"""What AWS makes of a resource's arguments: its id, its ARN, its rendered text; where nothing is known, a name."""

from __future__ import annotations

from typing import Any, Protocol

from pypedream_dagster.importers.parameters import parameter
from pypedream_dagster.importers.sources.terraform.values import FileText, Unknown, text_of

ACCOUNT, REGION = "AWS::AccountId", "AWS::Region"
"""As CloudFormation calls them: one name for one thing, whatever the source."""

_NAMED_BY = {
    "aws_s3_bucket": "bucket",
    "aws_s3_object": "key",
    "aws_s3_bucket_object": "key",
    "aws_lambda_function": "function_name",
    "aws_glue_catalog_database": "name",
}
_ARNS = {
    "aws_glue_job": "arn:aws:glue:{region}:{account}:job/{name}",
    "aws_glue_crawler": "arn:aws:glue:{region}:{account}:crawler/{name}",
    "aws_glue_workflow": "arn:aws:glue:{region}:{account}:workflow/{name}",
    "aws_lambda_function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "aws_lambda_alias": "arn:aws:lambda:{region}:{account}:function:{name}",
    "aws_sfn_state_machine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    "aws_sns_topic": "arn:aws:sns:{region}:{account}:{name}",
    "aws_s3_bucket": "arn:aws:s3:::{name}",
    "aws_iam_role": "arn:aws:iam::{account}:role/{name}",
}
_CANONICAL = {
    ("aws_caller_identity", "account_id"): ACCOUNT,
    ("aws_caller_identity", "id"): ACCOUNT,
    ("aws_region", "name"): REGION,
    ("aws_region", "id"): REGION,
    ("aws_region", "region"): REGION,
}


class Declared(Protocol):
    """A resource or data source as it is written."""

    @property
    def kind(self) -> str:
        """Its type: ``aws_glue_job``."""
        ...

    @property
    def address(self) -> str:
        """What it is called, the same for the same everywhere."""
        ...

    @property
    def is_data(self) -> bool:
        """Tell whether it is a data source."""
        ...

    def own(self, name: str) -> Any:
        """Return what an attribute is set to; None if it is not."""
        ...

    def attribute(self, name: str) -> Any:
        """Return an attribute as others refer to it."""
        ...

    def render(self, text: str, names: Any) -> str:
        """Return a template with values put in."""
        ...


def identity(resource: Declared, name: str) -> Any:
    """Return an attribute that is not set but follows from what is."""
    kind = resource.kind
    if resource.is_data and (found := _of_data(resource, name)) is not None:
        return found
    named_by = _NAMED_BY.get(kind, "name")
    own = resource.own(named_by)
    if name == "arn" and kind in _ARNS:
        known = text_of(own) if own is not None else parameter(resource.address)
        return _ARNS[kind].format(region=parameter(REGION), account=parameter(ACCOUNT), name=known)
    if name == "invoke_arn":
        return resource.attribute("arn")
    if name == "id" and kind in {"aws_sfn_state_machine", "aws_sns_topic"}:
        return resource.attribute("arn")
    if name in {"id", named_by} or (name == "bucket" and kind.startswith("aws_s3_bucket_")):
        return own if own is not None else Unknown(resource.address)
    if kind in {"aws_s3_bucket"} and name.endswith("domain_name"):
        return f"{text_of(resource.attribute('bucket'))}.s3.amazonaws.com"
    return Unknown(f"{resource.address}.{name}")


def _of_data(resource: Declared, name: str) -> Any:
    kind = resource.kind
    if canonical := _CANONICAL.get((kind, name)):
        return Unknown(canonical)
    if kind == "aws_partition" and name in {"partition", "id"}:
        return "aws"
    if kind == "template_file" and name == "rendered":
        template = resource.own("template")
        if isinstance(template, str):
            rendered = resource.render(template, resource.own("vars"))
            return FileText.of(rendered, template.path) if isinstance(template, FileText) else rendered
    if kind == "aws_ssm_parameter" and name in {"value", "insecure_value"} and resource.own("name") is not None:
        return Unknown(f"ssm:{text_of(resource.own('name'))}")
    return None
