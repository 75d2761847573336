"""What a resource is called, and what ``Ref`` and ``Fn::GetAtt`` give of it, by its type."""

from __future__ import annotations

from pypedream_dagster.importers.parameters import parameter

BUCKET = "AWS::S3::Bucket"
ACTIVITY = "AWS::StepFunctions::Activity"
MACHINES = ("AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine")
FUNCTIONS = ("AWS::Lambda::Function", "AWS::Serverless::Function")
NESTED = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}

_NAMES: dict[str, tuple[str, ...]] = {
    BUCKET: ("BucketName",),
    "AWS::Athena::NamedQuery": ("Name",),
    "AWS::Athena::WorkGroup": ("Name",),
    "AWS::Batch::JobDefinition": ("JobDefinitionName",),
    "AWS::Batch::JobQueue": ("JobQueueName",),
    "AWS::DataBrew::Job": ("Name",),
    "AWS::DynamoDB::Table": ("TableName",),
    "AWS::ECS::Cluster": ("ClusterName",),
    "AWS::ECS::TaskDefinition": ("Family",),
    "AWS::EMR::Cluster": ("Name",),
    "AWS::Glue::Connection": ("ConnectionInput", "Name"),
    "AWS::Glue::Crawler": ("Name",),
    "AWS::Glue::Database": ("DatabaseInput", "Name"),
    "AWS::Glue::Job": ("Name",),
    "AWS::Glue::SecurityConfiguration": ("Name",),
    "AWS::Glue::Table": ("TableInput", "Name"),
    "AWS::Glue::Trigger": ("Name",),
    "AWS::Glue::Workflow": ("Name",),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::Kinesis::Stream": ("Name",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::Redshift::Cluster": ("ClusterIdentifier",),
    "AWS::S3Tables::TableBucket": ("TableBucketName",),
    "AWS::SNS::Topic": ("TopicName",),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::SSM::Parameter": ("Name",),
    "AWS::SecretsManager::Secret": ("Name",),
    "AWS::Serverless::Function": ("FunctionName",),
    "AWS::Serverless::StateMachine": ("Name",),
    "AWS::StepFunctions::Activity": ("Name",),
    "AWS::StepFunctions::StateMachine": ("StateMachineName",),
}
_ACCOUNT = f"{parameter('AWS::Region')}:{parameter('AWS::AccountId')}"


def name_property(kind: str) -> tuple[str, ...]:
    """Return the path to the property that names resources of a type; empty where none does."""
    return _NAMES.get(kind, ())


def reference(kind: str, name: str) -> str:
    """Return what ``Ref`` gives of a resource."""
    return arn(kind, name) if kind in {ACTIVITY, *MACHINES} else name


def arn(kind: str, name: str) -> str:
    """Return a resource's ARN, for what a pipeline names by its ARN."""
    if kind == BUCKET:
        return f"arn:aws:s3:::{name}"
    if kind in MACHINES:
        return f"arn:aws:states:{_ACCOUNT}:stateMachine:{name}"
    if kind == ACTIVITY:
        return f"arn:aws:states:{_ACCOUNT}:activity:{name}"
    if kind in FUNCTIONS:
        return f"arn:aws:lambda:{_ACCOUNT}:function:{name}"
    service, _, noun = kind.removeprefix("AWS::").partition("::")
    if service == "IAM":
        return f"arn:aws:iam::{parameter('AWS::AccountId')}:{noun.lower()}/{name}"
    separator = ":" if service in {"SNS", "SQS"} else f":{noun.lower()}/"
    return f"arn:aws:{service.lower()}:{_ACCOUNT}{separator}{name}"


def attribute(kind: str, name: str, wanted: str) -> str | None:
    """Return what ``Fn::GetAtt`` gives; None for what only AWS knows."""
    if wanted.endswith("Arn"):
        return arn(kind, name)
    if wanted in {"Name", "Id"} or (wanted.endswith("Name") and kind != BUCKET):
        return name
    if kind == BUCKET and wanted in {"DomainName", "RegionalDomainName"}:
        return f"{name}.s3.amazonaws.com"
    return None
