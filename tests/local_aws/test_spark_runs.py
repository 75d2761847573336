"""Spark job runs from CreateJob to what lies on S3: the whole of the embedded AWS at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pypedream_dagster.local_aws import control

from .aws import Aws, allow, policy
from .test_control import processes_of, wait_for

pytestmark = pytest.mark.spark

WRITE = """
import sys
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "target"])
context = GlueContext(SparkContext.getOrCreate())
job = Job(context)
job.init(args["JOB_NAME"], args)
spark = context.spark_session
numbers = spark.range(1000).selectExpr("id", "id % 3 as part")
numbers.write.mode("overwrite").partitionBy("part").parquet(args["target"])
print("rows:", spark.read.parquet(args["target"]).count())
job.commit()
"""
SLEEP = """
import time
from pyspark.context import SparkContext
SparkContext.getOrCreate().parallelize([1]).map(lambda one: time.sleep(600)).collect()
"""


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark") / "local"


@pytest.fixture(scope="module")
def spark_aws(state_dir: Path) -> Iterator[Aws]:
    yield Aws(control.up(state_dir, warm=True))
    control.down(state_dir)
    assert processes_of(state_dir) == []


def spark_job(aws: Aws, script: str) -> tuple[str, str]:
    """A Glue ETL job, and the bucket its script lies in."""
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key="scripts/script.py", Body=script.encode())
    command = {"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/scripts/script.py", "PythonVersion": "3"}
    name = aws.job(Command=command, GlueVersion="5.0", WorkerType="G.1X", NumberOfWorkers=2)
    return name, bucket


def test_a_branch_run_writes_its_own_data_and_cannot_write_mains(spark_aws: Aws) -> None:
    job, bucket = spark_job(spark_aws, WRITE)
    main = spark_aws.run(job, Arguments={"--target": f"s3://{bucket}/main/numbers/"})
    assert main["JobRunState"] == "SUCCEEDED", main
    before = spark_aws.s3.list_objects_v2(Bucket=bucket, Prefix="main/")["Contents"]
    assert {one["Key"].split("/")[2] for one in before} >= {"part=0", "part=1", "part=2"}
    writes = {"Effect": "Deny", "Action": ["s3:Put*", "s3:Delete*"]}
    # Narrower than the folder above: S3A's markers of parent folders are refused, and the job goes on.
    narrowed = policy(allow("*"), {**writes, "NotResource": f"arn:aws:s3:::{bucket}/branch/data/numbers/*"})

    own = {"--target": f"s3://{bucket}/branch/data/numbers/"}
    for _ in ("written", "overwritten"):
        run = spark_aws.run(job, Arguments=own, ExecutionRoleSessionPolicy=narrowed)
        assert run["JobRunState"] == "SUCCEEDED", run
    trespass = spark_aws.run(
        job, Arguments={"--target": f"s3://{bucket}/main/numbers/"}, ExecutionRoleSessionPolicy=narrowed
    )

    assert trespass["JobRunState"] == "FAILED"
    assert "AccessDenied" in trespass["ErrorMessage"]
    assert trespass["ErrorMessage"].startswith("Error Category: PERMISSION_ERROR; Failed Line Number: ")
    assert spark_aws.s3.list_objects_v2(Bucket=bucket, Prefix="main/")["Contents"] == before
    output = spark_aws.client("logs").get_log_events(logGroupName="/aws-glue/jobs/output", logStreamName=run["Id"])[
        "events"
    ]
    assert "rows: 1000" in [event["message"] for event in output]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("spark.read.parquet('s3://{bucket}/nothing/')", "RESOURCE_NOT_FOUND_ERROR; Failed Line Number: 3; Ana"),
        ("spark.sql('select nothing')", "QUERY_ERROR; Failed Line Number: 3; AnalysisException: "),
        ("raise KeyError('x')", "UNCLASSIFIED_ERROR; Failed Line Number: 3; KeyError: 'x'"),
    ],
)
def test_a_failing_script_is_explained(spark_aws: Aws, line: str, message: str) -> None:
    head = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
    job, _ = spark_job(spark_aws, head + line.format(bucket=spark_aws.bucket()))

    run = spark_aws.run(job)

    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith(f"Error Category: {message}"), run["ErrorMessage"]


def test_a_stopped_run_frees_its_slot(spark_aws: Aws, state_dir: Path) -> None:
    job, bucket = spark_job(spark_aws, SLEEP)
    run_id = spark_aws.glue.start_job_run(JobName=job)["JobRunId"]
    spark_aws.until(job, run_id, lambda run: run["JobRunState"] == "RUNNING")

    spark_aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id])

    assert spark_aws.ended(job, run_id)["JobRunState"] == "STOPPED"
    wait_for(lambda: not processes_of(state_dir / "runs"))
    other, bucket = spark_job(spark_aws, WRITE)
    assert spark_aws.run(other, Arguments={"--target": f"s3://{bucket}/x/"})["JobRunState"] == "SUCCEEDED"
