"""Spark jobs with literals, rewritten: the branch's data lie at the branch's prefix; on main they do what they did."""

from __future__ import annotations

import json
import time
from datetime import date
from pathlib import Path
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
        found = glue.get_job_run(JobName=job, RunId=run)["JobRun"]
        if found["JobRunState"] not in {"STARTING", "RUNNING", "WAITING", "STOPPING"}:
            return f"{found['JobRunState']} {found.get('ErrorMessage', '')}".strip()
        time.sleep(0.3)


def _make_spark_job(node: dict[str, Any], suffix: str) -> str:
    """Turn a node and its job on main into a Spark job without arguments; return the job's name."""
    properties = node["metadata"]["properties"]
    properties |= {"GlueVersion": "5.0", "WorkerType": "G.1X", "NumberOfWorkers": 2, "DefaultArguments": {}}
    properties["Command"] |= {"Name": "glueetl", "PythonVersion": "3"}
    del properties["MaxCapacity"]
    job = f"{node['id']}-{suffix}-main"
    glue: Any = boto3.client("glue")
    glue.delete_job(JobName=job)
    glue.create_job(Name=job, **main_properties(node))
    return job


def test_a_spark_job_with_literals(deployed: Deployed, pypedream: Pypedream) -> None:
    s3, bucket = boto3.client("s3"), deployed.bucket
    path = deployed.folder / "pipeline_graph" / "main.json"
    document = json.loads(path.read_text())
    node = next(node for node in document["nodes"] if node["id"] == "load")
    what = f"s3://{bucket}/main/data/gold/"
    write = {"what": what, "at": "load.py:10", "why": "no argument moves it", "dataset": "gold"}
    node["metadata"]["unexplained_writes"] = [write]
    job = _make_spark_job(node, deployed.suffix)
    path.write_text(json.dumps(document))
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


MAKES = """\
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from pyspark.context import SparkContext

glue = GlueContext(SparkContext.getOrCreate())
rows = glue.spark_session.createDataFrame([(1, "{day}"), (2, "{day}")], "id int, day string")
glue.write_dynamic_frame.from_catalog(
    frame=DynamicFrame.fromDF(rows, glue, "rows"),
    database="{database}",
    table_name="silver",
    additional_options={{"enableUpdateCatalog": True, "partitionKeys": ["day"]}},
)
"""
READS = """\
from awsglue.context import GlueContext
from pyspark.context import SparkContext

DATABASE = "{database}"
glue = GlueContext(SparkContext.getOrCreate())
silver = glue.create_dynamic_frame.from_catalog(database=DATABASE, table_name="silver").toDF()
silver.groupBy("day").count().createOrReplaceTempView("counted")
gold = glue.spark_session.sql("SELECT day, count FROM counted")
gold.coalesce(1).write.mode("overwrite").parquet("s3://{bucket}/main/data/gold/")
"""


def _table(database: str, name: str, location: str) -> dict[str, Any]:
    formats = "org.apache.hadoop.hive.ql.io.parquet"
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet"},
        "PartitionKeys": [{"Name": "day", "Type": "date"}],
        "StorageDescriptor": {
            "Columns": [{"Name": "id", "Type": "int"}],
            "Location": location,
            "InputFormat": f"{formats}.MapredParquetInputFormat",
            "OutputFormat": f"{formats}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{formats}.serde.ParquetHiveSerDe"},
        },
    }


def _rows(bucket: str, prefix: str, folder: Path) -> list[tuple[Any, ...]]:
    """The rows of a dataset of small parquet files, sorted."""
    import duckdb

    s3 = boto3.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    keys = [item["Key"] for item in listed if item["Key"].endswith(".parquet")]
    files = [str(folder / f"{number}.parquet") for number in range(len(keys))]
    for key, file in zip(keys, files, strict=True):
        s3.download_file(bucket, key, file)
    return sorted(duckdb.read_parquet(files).fetchall())


def test_spark_jobs_that_pass_a_table_on(deployed: Deployed, pypedream: Pypedream, tmp_path: Path) -> None:
    s3, bucket, database = boto3.client("s3"), deployed.bucket, f"shop_{deployed.suffix}"
    glue: Any = boto3.client("glue")
    place = f"s3://{bucket}/main/data/silver/"
    glue.create_database(DatabaseInput={"Name": database})
    glue.create_table(DatabaseName=database, TableInput=_table(database, "silver", place))
    path = deployed.folder / "pipeline_graph" / "main.json"
    document = json.loads(path.read_text())
    nodes = {node["id"]: node for node in document["nodes"]}
    nodes["transform"]["metadata"]["output_data"]["silver"] = {
        "uri": f"s3://{bucket}/{{branch-name}}/data/silver/",
        "table": f"{database}.silver",
        "partition_columns": ["day"],
    }
    jobs = [_make_spark_job(nodes[name], deployed.suffix) for name in ("transform", "load")]
    path.write_text(json.dumps(document))

    def put(name: str, body: str) -> None:
        s3.put_object(Bucket=bucket, Key=f"main/scripts/{name}.py", Body=body.encode())

    put("transform", MAKES.format(database=database, day="2024-01-01"))
    put("load", READS.format(database=database, bucket=bucket))
    for job in jobs:
        assert _run_on_main(job) == "SUCCEEDED"
    assert _rows(bucket, "main/data/gold/", tmp_path) == [(date(2024, 1, 1), 2)]
    before = glue.get_table(DatabaseName=database, Name="silver")["Table"]
    partitions = glue.get_partitions(DatabaseName=database, TableName="silver")["Partitions"]

    put("transform", MAKES.format(database=database, day="2024-02-02"))
    made = pypedream("create-branch", "transform", "test", "--also", "load", "--rewrite-literals", "--yes")
    assert made.code == 0, made.err
    assert "Left as it is" not in made.err
    put("transform", MAKES.format(database=database, day="2024-01-01"))
    # Glue's sinks append, to a table as to a place: for one run that is right.
    plan = pypedream("plan", "test", "--json").document
    severe = [hazard for hazard in plan["hazards"] if hazard["severity"] == "severe"]
    assert [hazard["kind"] for hazard in severe] == ["append-output"]
    done = pypedream("deploy-branch", "test", "--acknowledge", severe[0]["id"])
    assert done.code == 0, done.err
    assert pypedream("trigger-branch", "test").code == 0
    assert _rows(bucket, "test/data/gold/", tmp_path) == [(date(2024, 2, 2), 2)]

    # Main has its rows, its table and its partitions.
    assert _rows(bucket, "main/data/gold/", tmp_path) == [(date(2024, 1, 1), 2)]
    assert glue.get_table(DatabaseName=database, Name="silver")["Table"] == before
    assert glue.get_partitions(DatabaseName=database, TableName="silver")["Partitions"] == partitions

    # Merged to production as they are, without arguments: the table is read and written.
    for name in ("transform", "load"):
        put(name, (deployed.folder / "branches" / "test" / "scripts" / f"{name}.py").read_text())
    for job in jobs:
        assert _run_on_main(job) == "SUCCEEDED"
    assert _rows(bucket, "main/data/gold/", tmp_path) == [(date(2024, 1, 1), 2), (date(2024, 2, 2), 2)]
