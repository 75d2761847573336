"""What the tests do to an embedded AWS, through boto3 as any user would."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from pypedream_dagster.local_aws.endpoint import Endpoint

ACTIVE = ("STARTING", "RUNNING", "STOPPING", "WAITING")
TRUST_GLUE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_numbers = itertools.count()


def allow(*actions: str, resource: str | list[str] = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def unique(prefix: str) -> str:
    return f"{prefix}-{next(_numbers)}-{uuid.uuid4().hex[:6]}"


@dataclass(slots=True)
class Aws:
    """One account: clients, and the few things that nearly every test needs."""

    endpoint: Endpoint
    credentials: Mapping[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        own = {
            "aws_access_key_id": self.endpoint.access_key_id,
            "aws_secret_access_key": self.endpoint.secret_access_key,
        }
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint.url,
            region_name=self.endpoint.region,
            config=Config(retries={"total_max_attempts": 1}),
            **{**own, **self.credentials},
        )

    @property
    def s3(self) -> Any:
        return self.client("s3")

    @property
    def glue(self) -> Any:
        return self.client("glue")

    @property
    def iam(self) -> Any:
        return self.client("iam")

    def bucket(self) -> str:
        name = unique("bucket")
        self.s3.create_bucket(Bucket=name)
        return name

    def role(self, *statements: Mapping[str, Any], trust: Mapping[str, Any] = TRUST_GLUE) -> str:
        """A role that Glue may assume, allowed everything or just what the statements say."""
        name = unique("role")
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        document = policy(*(statements or (allow("*"),)))
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
        return name

    def job(self, script: str = "", **fields: Any) -> str:
        """A Python shell job that runs the script."""
        name = unique("job")
        bucket = self.bucket()
        self.s3.put_object(Bucket=bucket, Key="script.py", Body=script.encode())
        definition = {
            "Role": self.role() if "Role" not in fields else fields["Role"],
            "Command": {"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/script.py"},
            **fields,
        }
        self.glue.create_job(Name=name, **definition)
        return name

    def run(self, job: str, **fields: Any) -> dict[str, Any]:
        """Runs a job to its end."""
        run_id = self.glue.start_job_run(JobName=job, **fields)["JobRunId"]
        return self.ended(job, run_id)

    def job_run(self, job: str, run_id: str) -> dict[str, Any]:
        run: dict[str, Any] = self.glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]
        return run

    def ended(self, job: str, run_id: str) -> dict[str, Any]:
        return self.until(job, run_id, lambda run: run["JobRunState"] not in ACTIVE)

    def until(self, job: str, run_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        glue = self.glue
        deadline = time.monotonic() + 240
        while True:
            run: dict[str, Any] = glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]
            if holds(run):
                return run
            assert time.monotonic() < deadline, run
            time.sleep(0.05)

    def as_role(self, role: str, *, session_policy: str | None = None) -> Aws:
        """The same account, seen with a session of the role."""
        extra = {} if session_policy is None else {"Policy": session_policy}
        arn = f"arn:aws:iam::123456789012:role/{role}"
        credentials = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test", **extra)["Credentials"]
        return Aws(
            self.endpoint,
            {
                "aws_access_key_id": credentials["AccessKeyId"],
                "aws_secret_access_key": credentials["SecretAccessKey"],
                "aws_session_token": credentials["SessionToken"],
            },
        )

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]
