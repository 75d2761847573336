"""The pieces of a small production: Python shell jobs, their role, and a project's branches."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from pypedream_dagster.aws.session import Aws, connect
from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.model import Branch
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.settings import Settings

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

SCRIPT = """
import sys, time
import boto3
import pytest
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
s3 = boto3.client("s3")
def split(uri):
    return uri.removeprefix("s3://").split("/", 1)
text = "raw"
for name, value in arguments.items():
    if name.endswith("_DATA_SOURCE"):
        bucket, prefix = split(value)
        text = s3.get_object(Bucket=bucket, Key=prefix + "part.txt")["Body"].read().decode()
time.sleep(float(arguments.get("--SLEEP", "0")))
for name, value in arguments.items():
    if name.endswith("_DATA_SINK"):
        bucket, prefix = split(value)
        s3.put_object(Bucket=bucket, Key=prefix + "part.txt", Body=(text + ">" + name).encode())
"""


@dataclass(frozen=True)
class Project:
    """One production pipeline and the folder of its branches."""

    aws: Aws
    store: BranchStore
    graph: PipelineGraph
    bucket: str
    suffix: str

    def create_branch(self, name: str = "test", origin: str = "transform", owner: str = "ann") -> Branch:
        branch = Branch(
            name=name,
            origins=(origin,),
            owner=owner,
            project="shop",
            created_at=NOW,
            expires_at=NOW,
            graph_sha256="0",
        )
        self.store.create(branch, derive_branch(self.graph, name, (origin,)), {origin: SCRIPT.encode()})
        return branch

    def connect_denied(self, action: str) -> Aws:
        """Return clients of a user who may do all but one thing."""
        name = f"limited-{uuid.uuid4().hex[:8]}"
        iam = boto3.client("iam")
        iam.create_user(UserName=name)
        statements = [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": action, "Resource": "*"},
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="limits", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
            patch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
            return connect(Settings(self.store.root, endpoint_url=self.aws.endpoint_url, region=self.aws.region))

    def job(self, name: str) -> str:
        return f"{name}-{self.suffix}-main"


def node_document(name: str, suffix: str, bucket: str, role: str, output: str, source: str | None) -> dict[str, Any]:
    sink = f"--{output.upper()}_DATA_SINK"
    arguments = {sink: f"s3://{bucket}/main/data/{output}/", "--job-bookmark-option": "job-bookmark-enable"}
    if source:
        arguments[f"--{source.upper()}_DATA_SOURCE"] = f"s3://{bucket}/main/data/{source}/"
    location = f"s3://{bucket}/{{branch-name}}/scripts/{name}.py"
    return {
        "id": name,
        "metadata": {
            "operation": "glue",
            "properties": {
                "Name": f"{name}-{suffix}-{{branch-name}}",
                "Role": role,
                "Command": {"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": location},
                "DefaultArguments": arguments,
                "GlueVersion": "3.0",
                "MaxCapacity": 0.0625,
                "ExecutionProperty": {"MaxConcurrentRuns": 2},
                "Timeout": 7,
            },
            "output_data": {output: f"s3://{bucket}/{{branch-name}}/data/{output}/"},
        },
    }


def main_properties(node: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(node["metadata"]["properties"]).replace("{branch-name}", "main")
    properties: dict[str, Any] = json.loads(text)
    del properties["Name"]
    return properties


def make_role(suffix: str) -> str:
    iam = boto3.client("iam")
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    trust = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
    name = f"jobs-{suffix}"
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    iam.put_role_policy(
        RoleName=name,
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    return role["Role"]["Arn"]
