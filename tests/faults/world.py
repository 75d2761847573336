"""A small production on a versioned bucket, one branch of it, and all that can be seen of either from outside."""

from __future__ import annotations

import io
import json
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tests.deploy.production import make_role

from .commands import ROOT, Commands, Ended

BRANCH = "test"
SCRIPT = """
import sys, time
import boto3
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
s3 = boto3.client("s3")
def split(uri):
    return uri.removeprefix("s3://").split("/", 1)
for name, uri in arguments.items():
    if name.endswith("_DATA_SOURCE"):
        bucket, prefix = split(uri)
        body = s3.get_object(Bucket=bucket, Key=prefix + "part.parquet")["Body"].read()
time.sleep(float(arguments.get("--SLEEP", "0")))
for name, uri in arguments.items():
    if name.endswith("_DATA_SINK"):
        bucket, prefix = split(uri)
        s3.put_object(Bucket=bucket, Key=prefix + "part.parquet", Body=body)
"""
_VOLATILE = {"CreatedOn", "LastModifiedOn"}
_VOLATILE_TABLE = {"CreateTime", "UpdateTime", "VersionId", "LastAccessTime", "IsRegisteredWithLakeFormation"}

State = dict[str, Any]


@dataclass(frozen=True)
class World:
    """One production and its project folder."""

    folder: Path
    bucket: str
    suffix: str
    state_dir: Path
    commands: Commands

    @property
    def branch_folder(self) -> Path:
        return self.folder / "branches" / BRANCH

    @property
    def record_path(self) -> Path:
        return self.branch_folder / "deployment.json"

    def deploy(self) -> Ended:
        return self.commands.well(self.folder, "deploy-branch", BRANCH)

    def destroy(self) -> Ended:
        return self.commands.well(self.folder, "destroy-branch", BRANCH)

    def use(self, *, running: bool) -> None:
        """Leave behind what a branch in use may: data in two versions, an upload, a table, and a run under way."""
        s3, glue = boto3.client("s3"), boto3.client("glue")
        for body in (b"one", b"two"):
            s3.put_object(Bucket=self.bucket, Key=f"{BRANCH}/data/silver/part.parquet", Body=body)
        s3.put_object(Bucket=self.bucket, Key=f"{BRANCH}/gone", Body=b"")
        s3.delete_object(Bucket=self.bucket, Key=f"{BRANCH}/gone")
        s3.create_multipart_upload(Bucket=self.bucket, Key=f"{BRANCH}/data/gold/big")
        database = f"pypedream_{BRANCH}_shop_{self.suffix}"
        glue.create_table(DatabaseName=database, TableInput={"Name": "gold"})
        sink = f"s3://{self.bucket}/{BRANCH}/data/gold/"
        arguments = {"--SLEEP": "600", "--GOLD_DATA_SINK": sink}
        if running:
            glue.start_job_run(JobName=f"load-{self.suffix}-main", Arguments=arguments)

    def code_state(self) -> State:
        """What deploying makes, without what runs make."""
        state = self.branch_state()
        objects = {key: etag for key, etag in state["objects"].items() if _is_code(key)}
        databases = {name: tags for name, (tags, _) in state["databases"].items()}
        return {**state, "objects": objects, "databases": databases}

    def main_state(self) -> State:
        """Main's objects with all versions, jobs, tags and catalog."""
        return {
            "objects": [item for item in self._versions() if item[0].startswith("main/")],
            "jobs": {name: job for name, job in self._jobs().items() if name.endswith("-main")},
            "tables": self._tables(f"shop_{self.suffix}"),
        }

    def branch_state(self) -> State:
        """All that is not main's: current objects, jobs, databases with their tables, tags."""
        databases = [name for name in _names("get_databases", "DatabaseList") if self._is_branchs(name)]
        return {
            "objects": {key: etag for key, version, etag in self._versions() if version == "latest" and _is_own(key)},
            "tags": {key: self._object_tags(key) for key in self._current_keys() if _is_code(key)},
            "jobs": {name: job for name, job in self._jobs().items() if not name.endswith("-main")},
            "databases": {name: (self._tags(f"database/{name}"), self._tables(name)) for name in databases},
        }

    def leftovers(self) -> State:
        """What is left of the branch anywhere, old versions and unfinished uploads included; empty if nothing is."""
        uploads = boto3.client("s3").list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        left = {
            "versions": [item for item in self._versions() if _is_own(item[0])],
            "uploads": [item["Key"] for item in uploads],
            "runs": [name for name, completed in self._runs() if not completed],
            "files": [path.name for path in self.branch_folder.rglob("*") if _is_remains(path.name)],
            **{kind: sorted(found) for kind, found in self.branch_state().items()},
        }
        return {kind: found for kind, found in left.items() if found}

    def record(self) -> State:
        """The deployment record without its times."""
        document: State = json.loads(self.record_path.read_text())
        resources = [{key: v for key, v in item.items() if key != "at"} for item in document["resources"]]
        resources.sort(key=lambda item: item["identity"])
        return {**document, "resources": resources, "finished_at": document["finished_at"] is not None}

    def runs(self) -> dict[str, list[str]]:
        """The states of all job runs that there ever were, by job and oldest first, whether AWS still lists them."""
        found: dict[str, list[tuple[float, str]]] = {}
        for _, run in self._run_files():
            if self.suffix in run["job_name"]:
                name = run["job_name"].partition("-")[0]
                found.setdefault(name, []).append((run["started_on"], run["state"]))
        return {name: [state for _, state in sorted(runs)] for name, runs in found.items()}

    def run_records(self) -> dict[str, State]:
        """What the branch's folder says of each node's last job run, less what is another each time."""
        kept = ("node", "state", "isolation", "script_sha256")
        found = (json.loads(path.read_text()) for path in (self.branch_folder / "runs").glob("*.json"))
        return {record["node"]: {key: record[key] for key in kept} for record in found}

    def _versions(self) -> list[tuple[str, str, str]]:
        pages = boto3.client("s3").get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        found = []
        for page in pages:
            for one in page.get("Versions", []):
                version = "latest" if one["IsLatest"] else one["VersionId"]
                found.append((one["Key"], version, one["ETag"]))
            found += [(one["Key"], one["VersionId"], "marker") for one in page.get("DeleteMarkers", [])]
        return sorted(found)

    def _current_keys(self) -> list[str]:
        return [key for key, version, _ in self._versions() if version == "latest" and _is_own(key)]

    def _object_tags(self, key: str) -> dict[str, str]:
        found = boto3.client("s3").get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def _jobs(self) -> State:
        glue = boto3.client("glue")
        jobs = [job for page in glue.get_paginator("get_jobs").paginate() for job in page["Jobs"]]
        return {
            job["Name"]: (
                {key: value for key, value in job.items() if key not in _VOLATILE},
                self._tags(f"job/{job['Name']}"),
            )
            for job in jobs
            if self.suffix in job["Name"]
        }

    def _tags(self, resource: str) -> dict[str, str]:
        arn = f"arn:aws:glue:us-east-1:123456789012:{resource}"
        return dict(boto3.client("glue").get_tags(ResourceArn=arn)["Tags"])

    def _tables(self, database: str) -> State:
        glue = boto3.client("glue")
        return {
            table["Name"]: {key: value for key, value in table.items() if key not in _VOLATILE_TABLE}
            for page in glue.get_paginator("get_tables").paginate(DatabaseName=database)
            for table in page["TableList"]
        }

    def _is_branchs(self, database: str) -> bool:
        return self.suffix in database and database.startswith("pypedream_")

    def _run_files(self) -> Iterator[tuple[Path, State]]:
        for path in self.state_dir.glob("runs/*/run.json"):
            yield path, json.loads(path.read_text())

    def _runs(self) -> Iterator[tuple[str, bool]]:
        for _, run in self._run_files():
            if self.suffix in run["job_name"]:
                yield run["job_name"], bool(run["completed_on"])

    def settle(self) -> None:
        """Wait until no job run is under way."""
        deadline = time.monotonic() + 60
        while not all(completed for _, completed in self._runs()):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def make_world(folder: Path, state_dir: Path, commands: Commands) -> World:
    """Deploy extract → transform → load, put main's data where they would, and create a branch at transform."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    suffix = uuid.uuid4().hex[:8]
    bucket = f"faults-{suffix}"
    s3, glue = boto3.client("s3"), boto3.client("glue")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    document = _graph(bucket, suffix, make_role(suffix))
    glue.create_database(DatabaseInput={"Name": f"shop_{suffix}"}, Tags={"team": "shop"})
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array(range(9), pa.int64())}), sink)
    for node in document["nodes"]:
        properties = json.loads(json.dumps(node["metadata"]["properties"]).replace("{branch-name}", "main"))
        s3.put_object(Bucket=bucket, Key=f"main/scripts/{node['id']}.py", Body=SCRIPT.encode())
        glue.create_job(Tags={"team": "shop"}, **properties)
        for name in node["metadata"]["output_data"]:
            s3.put_object(Bucket=bucket, Key=f"main/data/{name}/part.parquet", Body=sink.getvalue())
    (folder / "pipeline_graph").mkdir(parents=True)
    (folder / "pipeline_graph" / "main.json").write_text(json.dumps(document))
    shutil.copy(ROOT / "dagster.yaml", folder)
    commands.well(folder, "create-branch", "transform", BRANCH)
    return World(folder, bucket, suffix, state_dir, commands)


def _graph(bucket: str, suffix: str, role: str) -> State:
    def node(name: str, output: str, source: str | None) -> State:
        arguments = {f"--{output.upper()}_DATA_SINK": f"s3://{bucket}/main/data/{output}/"}
        if source:
            arguments[f"--{source.upper()}_DATA_SOURCE"] = f"s3://{bucket}/main/data/{source}/"
        location = f"s3://{bucket}/{{branch-name}}/scripts/{name}.py"
        data: State = {"uri": f"s3://{bucket}/{{branch-name}}/data/{output}/", "primary_key": ["id"]}
        if output == "gold":
            data["table"] = f"shop_{suffix}.gold"
        properties = {
            "Name": f"{name}-{suffix}-{{branch-name}}",
            "Role": role,
            "Command": {"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": location},
            "DefaultArguments": arguments,
            "GlueVersion": "3.0",
            "MaxCapacity": 0.0625,
            "ExecutionProperty": {"MaxConcurrentRuns": 3},
            "Timeout": 10,
        }
        return {
            "id": name,
            "metadata": {"operation": "glue", "properties": properties, "output_data": {output: data}},
        }

    return {
        "directed": True,
        "multigraph": False,
        "graph": {"metadata": {"name": "shop"}},
        "nodes": [
            node("extract", "bronze", None),
            node("transform", "silver", "bronze"),
            node("load", "gold", "silver"),
        ],
        "links": [
            {"source": "extract", "target": "transform", "metadata": {"data": ["bronze"]}},
            {"source": "transform", "target": "load", "metadata": {"data": ["silver"]}},
        ],
    }


def _names(operation: str, field: str) -> list[str]:
    pages = boto3.client("glue").get_paginator(operation).paginate()  # type: ignore[call-overload]
    return [item["Name"] for page in pages for item in page[field]]


def _is_own(key: str) -> bool:
    return not key.startswith("main/")


def _is_code(key: str) -> bool:
    return key.startswith(f"{BRANCH}/scripts/") or key.endswith("_$pypedream$")


def _is_remains(name: str) -> bool:
    return name.endswith(".partial") or name.startswith("deployment.json")
