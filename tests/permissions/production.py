"""A small production for walks through all commands: three Python shell jobs that copy, the last into a partition."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from pypedream_dagster.local_aws.endpoint import ACCOUNT_ID, Endpoint

JOBS_ROLE_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SCRIPT = """
import sys, time
import boto3
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
time.sleep(float(arguments.get("--SLEEP", "0")))
s3 = boto3.client("s3")
def split(uri):
    return uri.removeprefix("s3://").split("/", 1)
bucket, prefix = split(next(uri for name, uri in arguments.items() if name.endswith("_DATA_SOURCE")))
[found] = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
for name, uri in arguments.items():
    if name.endswith("_DATA_SINK"):
        bucket, prefix = split(uri)
        s3.put_object(Bucket=bucket, Key=prefix + "day=1/part.parquet", Body=body)
"""
CHAIN = (("extract", "bronze", "raw"), ("transform", "silver", "bronze"), ("load", "gold", "silver"))
_numbers = itertools.count()


@dataclass(frozen=True)
class Production:
    """A project folder, and its main on the embedded AWS; the environment's credentials are root's."""

    endpoint: Endpoint
    folder: Path
    bucket: str
    suffix: str

    def job(self, node: str, branch: str = "main") -> str:
        return f"{node}-{self.suffix}-{branch}"

    @contextmanager
    def acting_as(self, documents: tuple[dict[str, Any], ...]) -> Iterator[boto3.Session]:
        """Be an IAM user with exactly these managed policies; boto3's default session stays root's."""
        key = self.user(documents)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
            patch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
            yield boto3.Session(region_name=self.endpoint.region)

    def user(self, documents: tuple[dict[str, Any], ...]) -> Mapping[str, str]:
        iam = boto3.client("iam")
        name = f"person-{next(_numbers)}-{uuid.uuid4().hex[:6]}"
        iam.create_user(UserName=name)
        for index, document in enumerate(documents):
            made = iam.create_policy(PolicyName=f"{name}-{index}", PolicyDocument=json.dumps(document))
            iam.attach_user_policy(UserName=name, PolicyArn=made["Policy"]["Arn"])
        return iam.create_access_key(UserName=name)["AccessKey"]

    def deploy_workflow(self) -> None:
        """Have a workflow start one of main's jobs; beside what `holdings` tells."""
        glue, name = boto3.client("glue"), f"flow-{self.suffix}"
        glue.create_workflow(Name=name)
        with suppress(glue.exceptions.AlreadyExistsException):
            actions = [{"JobName": self.job("transform")}]
            glue.create_trigger(Name=name, WorkflowName=name, Type="ON_DEMAND", Actions=actions)  # type: ignore[arg-type]

    def deploy_machine(self) -> None:
        """Have a state machine, with an execution, start a job that its input names; beside what `holdings` tells."""
        client, name = boto3.client("stepfunctions"), f"machine-{self.suffix}"
        load = {
            "Type": "Task",
            "Resource": "arn:aws:states:::glue:startJobRun",
            "Parameters": {"JobName.$": "$.job"},
            "End": True,
        }
        with suppress(client.exceptions.StateMachineAlreadyExists):
            definition = json.dumps({"StartAt": "Load", "States": {"Load": load}})
            made = client.create_state_machine(
                name=name, definition=definition, roleArn="arn:aws:iam::123456789012:role/x"
            )
            client.start_execution(stateMachineArn=made["stateMachineArn"], input="{}")

    def deploy_reader(self, table: str) -> None:
        """Have a job read a table of the catalog; beside what `holdings` tells."""
        name = f"read-{table}-{self.suffix}"
        script = (
            f"spark.table('shop_{self.suffix}.{table}').write.parquet('s3://{self.bucket}/main/data/{table}_read/')"
        )
        boto3.client("s3").put_object(Bucket=self.bucket, Key=f"main/scripts/{name}.py", Body=script.encode())
        command = {"Name": "glueetl", "ScriptLocation": f"s3://{self.bucket}/main/scripts/{name}.py"}
        glue = boto3.client("glue")
        with suppress(glue.exceptions.AlreadyExistsException):
            glue.create_job(Name=name, Role="x", Command=command)  # type: ignore[arg-type]

    def holdings(self) -> dict[str, Any]:
        """All that is main's: objects by ETag, jobs with their tags, tables."""
        s3, glue = boto3.client("s3"), boto3.client("glue")
        objects: dict[str, Any] = {}
        for prefix in ("main/", "raw/"):
            listed = s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
            objects |= {item["Key"]: item["ETag"] for item in listed}
        for node, *_ in CHAIN:
            found: dict[str, Any] = dict(glue.get_job(JobName=self.job(node))["Job"])
            arn = f"arn:aws:glue:us-east-1:{ACCOUNT_ID}:job/{self.job(node)}"
            objects[f"job {node}"] = (found, glue.get_tags(ResourceArn=arn)["Tags"])
        database = f"shop_{self.suffix}"
        objects["tables"] = [one["Name"] for one in glue.get_tables(DatabaseName=database)["TableList"]]
        return objects


def make_production(endpoint: Endpoint, folder: Path) -> Production:
    """Deploy main, with data as if it had run, and write the project's graph."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    suffix = uuid.uuid4().hex[:8]
    made = Production(endpoint, folder, f"walk-{suffix}", suffix)
    s3, glue, iam = boto3.client("s3"), boto3.client("glue"), boto3.client("iam")
    s3.create_bucket(Bucket=made.bucket)
    role = iam.create_role(RoleName=f"jobs-{suffix}", AssumeRolePolicyDocument=json.dumps(JOBS_ROLE_TRUST))
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=f"jobs-{suffix}", PolicyName="all", PolicyDocument=json.dumps(everything))
    document = _graph(made, role["Role"]["Arn"])
    shutil.copy(Path(__file__).parents[2] / "dagster.yaml", folder)
    (folder / "pipeline_graph").mkdir(parents=True)
    (folder / "pipeline_graph" / "main.json").write_text(json.dumps(document))
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2, 3], "amount": [1.5, 2.5, 3.5]}), sink)
    s3.put_object(Bucket=made.bucket, Key="raw/part.parquet", Body=sink.getvalue())
    network = {"Name": f"warehouse-{suffix}", "ConnectionType": "NETWORK", "ConnectionProperties": {}}
    glue.create_connection(ConnectionInput=network)
    glue.create_database(DatabaseInput={"Name": f"shop_{suffix}"})
    glue.create_table(DatabaseName=f"shop_{suffix}", TableInput={"Name": "gold"})
    for node in document["nodes"]:
        properties = json.loads(json.dumps(node["metadata"]["properties"]).replace("{branch-name}", "main"))
        key = properties["Command"]["ScriptLocation"].removeprefix(f"s3://{made.bucket}/")
        s3.put_object(Bucket=made.bucket, Key=key, Body=SCRIPT.encode())
        glue.create_job(**properties)
        for output in node["metadata"]["output_data"]:
            s3.put_object(Bucket=made.bucket, Key=f"main/data/{output}/day=1/part.parquet", Body=sink.getvalue())
    return made


def _graph(made: Production, role: str) -> dict[str, Any]:
    def uri(dataset: str, branch: str = "main") -> str:
        return f"s3://{made.bucket}/{branch}/data/{dataset}/"

    nodes = []
    for name, output, source in CHAIN:
        read = f"s3://{made.bucket}/raw/" if source == "raw" else uri(source)
        data: dict[str, Any] = {"uri": uri(output, "{branch-name}"), "primary_key": ["id"]}
        if output == "gold":
            data["table"] = f"shop_{made.suffix}.gold"
        properties = {
            "Name": f"{name}-{made.suffix}-{{branch-name}}",
            "Role": role,
            "Command": {
                "Name": "pythonshell",
                "PythonVersion": "3.9",
                "ScriptLocation": f"s3://{made.bucket}/{{branch-name}}/scripts/{name}.py",
            },
            "DefaultArguments": {
                f"--{source.upper()}_DATA_SOURCE": read,
                f"--{output.upper()}_DATA_SINK": uri(output),
            },
            "GlueVersion": "3.0",
            "MaxCapacity": 0.0625,
            "ExecutionProperty": {"MaxConcurrentRuns": 50},
            "Timeout": 10,
            "Connections": {"Connections": [f"warehouse-{made.suffix}"]},
        }
        nodes.append(
            {"id": name, "metadata": {"operation": "glue", "properties": properties, "output_data": {output: data}}}
        )
    links = [
        {"source": "extract", "target": "transform", "metadata": {"data": ["bronze"]}},
        {"source": "transform", "target": "load", "metadata": {"data": ["silver"]}},
    ]
    return {"directed": True, "multigraph": False, "graph": {}, "nodes": nodes, "links": links}
