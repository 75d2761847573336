"""One Python shell job on the embedded AWS."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from pypedream_dagster.aws.session import Aws, connect
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.settings import Settings

SCRIPT = """
import sys, time
import boto3
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
bucket, key = given["--SINK"].removeprefix("s3://").split("/", 1)
if "--FAIL" in given:
    raise ValueError(given["--FAIL"])
boto3.client("s3").put_object(Bucket=bucket, Key=key + "part.txt", Body=str(sorted(given)).encode())
time.sleep(float(given.get("--SLEEP", "0")))
"""


@dataclass(frozen=True)
class Lake:
    """A bucket and a job that writes to it."""

    aws: Aws
    bucket: str
    job: str

    @property
    def policy(self) -> str:
        """Nothing but ``branch/`` may be written."""
        own = f"arn:aws:s3:::{self.bucket}/branch/*"
        deny = {"Effect": "Deny", "Action": ["s3:Put*", "s3:Delete*"], "NotResource": own}
        allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})

    def sink(self, side: str = "branch") -> dict[str, str]:
        return {"--SINK": f"s3://{self.bucket}/{side}/"}

    def run_ids(self) -> list[str]:
        return [run.job_run_id for run in self.aws.glue.job_runs(self.job)]


@pytest.fixture
def lake(aws_env: Endpoint, tmp_path: Path) -> Lake:
    """A job that may run once at a time."""
    name = f"runs-{uuid.uuid4().hex[:8]}"
    aws = connect(Settings(tmp_path, endpoint_url=aws_env.url, region=aws_env.region))
    aws.s3.create_bucket(name)
    aws.s3.write(f"s3://{name}/script.py", SCRIPT)
    trust = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = boto3.client("iam")
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(everything))
    properties = {
        "Role": role["Role"]["Arn"],
        "Command": {"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": f"s3://{name}/script.py"},
        "GlueVersion": "3.0",
        "MaxCapacity": 0.0625,
    }
    aws.glue.create_job(name, properties, {})
    return Lake(aws, name, name)


@pytest.fixture
def ignore() -> Callable[[object], None]:
    return lambda _: None
