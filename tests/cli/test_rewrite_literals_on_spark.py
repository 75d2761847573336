"""A Spark job with literals, rewritten: the branch's data lie at the branch's prefix; on main it does what it did."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest

from tests.deploy.production import main_properties

from .conftest import Deployed, Pypedream

pytestmark = [pytest.mark.spark, pytest.mark.slow]

SCRIPT = """\
import sys

from awsglue.utils import getResolvedOptions
from pyspark.sql import SparkSession

args = getResolvedOptions(sys.argv, ["JOB_NAME"])
LAKE = "s3://{bucket}/main/data"
spark = SparkSession.builder.getOrCreate()
rows = spark.read.text(LAKE + "/silver/")
rows.coalesce(1).write.mode("overwrite").text(f"{{LAKE}}/gold/")
"""


def _texts(bucket: str, prefix: str) -> dict[str, bytes]:
    s3 = boto3.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    keys = [item["Key"] for item in listed if "part-" in item["Key"]]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def _run_on_main(job: str) -> str:
    glue: Any = boto3.client("glue")
    run = glue.start_job_run(JobName=job)["JobRunId"]
    while True:
        state: str = glue.get_job_run(JobName=job, RunId=run)["JobRun"]["JobRunState"]
        if state not in {"STARTING", "RUNNING", "WAITING", "STOPPING"}:
            return state
        time.sleep(0.3)


def test_a_spark_job_with_literals(deployed: Deployed, pypedream: Pypedream) -> None:
    s3, bucket = boto3.client("s3"), deployed.bucket
    path = deployed.folder / "pipeline_graph" / "main.json"
    document = json.loads(path.read_text())
    node = next(node for node in document["nodes"] if node["id"] == "load")
    properties = node["metadata"]["properties"]
    properties |= {"GlueVersion": "5.0", "WorkerType": "G.1X", "NumberOfWorkers": 2, "DefaultArguments": {}}
    properties["Command"] |= {"Name": "glueetl", "PythonVersion": "3"}
    del properties["MaxCapacity"]
    what = f"s3://{bucket}/main/data/gold/"
    write = {"what": what, "at": "load.py:10", "why": "no argument moves it", "dataset": "gold"}
    node["metadata"]["unexplained_writes"] = [write]
    path.write_text(json.dumps(document))
    job = f"load-{deployed.suffix}-main"
    glue: Any = boto3.client("glue")
    glue.delete_job(JobName=job)
    glue.create_job(Name=job, **main_properties(node))
    s3.put_object(Bucket=bucket, Key="main/scripts/load.py", Body=SCRIPT.format(bucket=bucket).encode())
    s3.put_object(Bucket=bucket, Key="main/data/silver/part-0.txt", Body=b"one\ntwo\n")
    s3.put_object(Bucket=bucket, Key="main/data/gold/part-0.txt", Body=b"old\n")

    made = pypedream("create-branch", "load", "test", "--rewrite-literals", "--yes")
    assert made.code == 0, made.err
    assert pypedream("deploy-branch", "test").code == 0
    triggered = pypedream("trigger-branch", "test")
    assert triggered.code == 0, triggered.err
    assert list(_texts(bucket, "test/data/gold/").values()) == [b"one\ntwo\n"]
    assert _texts(bucket, "main/data/gold/") == {"main/data/gold/part-0.txt": b"old\n"}

    # Merged to production as it is: without arguments it writes where it always did.
    script = (deployed.folder / "branches" / "test" / "scripts" / "load.py").read_bytes()
    s3.put_object(Bucket=bucket, Key="main/scripts/load.py", Body=script)
    assert _run_on_main(job) == "SUCCEEDED"
    assert list(_texts(bucket, "main/data/gold/").values()) == [b"one\ntwo\n"]
