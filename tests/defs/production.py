"""A small production of Python shell jobs on the embedded AWS, in a project folder as a user has it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch.derive import derive_branch, derive_main
from pypedream_dagster.branch.model import Branch, BranchGraph
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.plan import plan_deployment
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.settings import Settings

SCRIPT = """
import io, os, sys, time
import boto3
import pyarrow as pa
import pyarrow.parquet as pq

arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
s3 = boto3.client("s3")

def split(uri):
    return uri.removeprefix("s3://").split("/", 1)

table = pa.table({"id": pa.array(range(100), pa.int64()), "amount": pa.array([1.5 * i for i in range(100)])})
for name, uri in arguments.items():
    if name.endswith("_DATA_SOURCE"):
        bucket, prefix = split(uri)
        body = s3.get_object(Bucket=bucket, Key=prefix + "part.parquet")["Body"].read()
        table = pq.read_table(io.BytesIO(body))
time.sleep(float(arguments.get("--SLEEP", "0")))
CHANGE
for name, uri in arguments.items():
    if name.endswith("_DATA_SINK"):
        bucket, prefix = split(uri)
        sink = io.BytesIO()
        pq.write_table(table, sink)
        s3.put_object(Bucket=bucket, Key=prefix + "part.parquet", Body=sink.getvalue())
sys.stdout.flush()
os._exit(0)  # pyarrow 26 may abort in the interpreter's exit, on a busy machine, after it has read a file
"""

ROUND_AMOUNTS = """
amounts = [round(value) * 1.0 for value in table["amount"].to_pylist()]
table = table.set_column(1, "amount", pa.array(amounts))
table = table.slice(0, 97)
"""
FAIL = "raise ValueError('no such flight')"
WRITE_TO_MAIN = "arguments['--STRAY_DATA_SINK'] = arguments['--GOOD_DATA_SINK'].replace('/test/', '/main/')"


def script(change: str = "") -> str:
    """Return the one script of all jobs: its source's table, changed, to all sinks."""
    return SCRIPT.replace("CHANGE", change)


@dataclass(frozen=True)
class Project:
    """extract → transform (two outputs) → load → audit, and report that only comes after load."""

    settings: Settings
    aws: Aws
    bucket: str
    suffix: str

    @property
    def store(self) -> BranchStore:
        return BranchStore(self.settings.branches_dir)

    def uri(self, branch: str, dataset: str) -> str:
        return f"s3://{self.bucket}/{branch}/data/{dataset}/"

    def job(self, node: str, branch: str = "main") -> str:
        return f"{node}-{self.suffix}-{branch}"

    def runs(self, node: str, branch: str = "main") -> list[JobRun]:
        return list(self.aws.glue.job_runs(self.job(node, branch)))

    def main_graph(self) -> BranchGraph:
        return derive_main(read_graph(self.settings.graph_path))

    def create_branch(self, name: str = "test", origin: str = "transform", change: str = "") -> None:
        created = datetime.now(UTC)
        branch = Branch(
            name=name,
            origins=(origin,),
            owner="ann@example.com",
            project="shop",
            created_at=created,
            expires_at=created + timedelta(days=7),
            graph_sha256="0",
        )
        graph = derive_branch(read_graph(self.settings.graph_path), name, (origin,))
        self.store.create(branch, graph, {origin: script(change).encode()})

    def edit(self, change: str, name: str = "test", origin: str = "transform") -> None:
        path = self.store.script_path(name, self.store.graph(name).by_id[origin])
        path.write_text(script(change))

    def deploy(self, name: str = "test") -> None:
        plan = plan_deployment(self.aws, self.store, name)
        execute(plan, self.aws, self.store, now=lambda: datetime.now(UTC), wait=time.sleep)

    def fill_main(self) -> None:
        """Put the data of main where its jobs would, without running them."""
        import io

        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = io.BytesIO()
        amounts = [1.5 * index for index in range(100)]
        pq.write_table(pa.table({"id": pa.array(range(100), pa.int64()), "amount": amounts}), sink)
        for _, output in self.main_graph().datasets():
            self.aws.s3.write(output.base_uri + "part.parquet", sink.getvalue())

    def listing(self, branch: str = "main") -> dict[str, str]:
        return {item.uri: item.etag for item in self.aws.s3.list_objects(f"s3://{self.bucket}/{branch}/")}


def graph_document(bucket: str, suffix: str, role: str, sleep_seconds: float) -> dict[str, Any]:
    def node(name: str, outputs: list[str], sources: list[str], **extra: Any) -> dict[str, Any]:
        arguments = {f"--{o.upper()}_DATA_SINK": f"s3://{bucket}/main/data/{o}/" for o in outputs}
        arguments |= {f"--{s.upper()}_DATA_SOURCE": f"s3://{bucket}/main/data/{s}/" for s in sources}
        arguments |= {"--SLEEP": str(sleep_seconds), "--TempDir": f"s3://{bucket}/main/temporary/"}
        if name == "extract":
            arguments["--RAW"] = f"s3://{bucket}/raw/amounts/"
        properties = {
            "Name": f"{name}-{suffix}-{{branch-name}}",
            "Role": role,
            "Command": {
                "Name": "pythonshell",
                "PythonVersion": "3.9",
                "ScriptLocation": f"s3://{bucket}/{{branch-name}}/scripts/{name}.py",
            },
            "DefaultArguments": arguments,
            "GlueVersion": "3.0",
            "MaxCapacity": 0.0625,
            "ExecutionProperty": {"MaxConcurrentRuns": 3},
            "Timeout": 10,
        }
        data = {o: {"uri": f"s3://{bucket}/{{branch-name}}/data/{o}/", "primary_key": ["id"], **extra} for o in outputs}
        return {"id": name, "metadata": {"operation": "glue", "properties": properties, "output_data": data}}

    def link(source: str, target: str, *data: str, **extra: Any) -> dict[str, Any]:
        return {"source": source, "target": target, "metadata": {"data": list(data), **extra}}

    return {
        "directed": True,
        "multigraph": False,
        "graph": {},
        "nodes": [
            node("extract", ["bronze"], []),
            node("transform", ["good", "bad"], ["bronze"]),
            node("load", ["gold"], ["good"], table=f"shop_{suffix}.gold"),
            node("audit", [], ["gold"]),
            node("report", ["summary"], ["bad"]),
        ],
        "links": [
            link("extract", "transform", "bronze"),
            link("transform", "load", "good"),
            link("load", "audit", "gold", crawl_data=True),
            link("transform", "report", "bad"),
            link("load", "report"),
        ],
    }


def deploy_production(aws: Aws, settings: Settings, bucket: str, document: dict[str, Any]) -> None:
    settings.graph_path.parent.mkdir(parents=True, exist_ok=True)
    settings.graph_path.write_text(json.dumps(document))
    for node in document["nodes"]:
        properties = json.loads(json.dumps(node["metadata"]["properties"]).replace("{branch-name}", "main"))
        aws.s3.write(properties["Command"]["ScriptLocation"], script())
        aws.glue.create_job(properties.pop("Name"), properties, {})


def make_role(suffix: str) -> str:
    iam = boto3.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
    name = f"jobs-{suffix}"
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document)
    return role["Role"]["Arn"]
