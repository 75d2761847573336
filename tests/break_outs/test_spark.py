"""A Spark job on a branch tries to reach main; and what it should write, it can."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from pypedream_dagster.defs.launch import trigger
from tests.defs.conftest import MakeProject, make_project  # noqa: F401 a fixture
from tests.defs.production import Project

from .main_state import make_targets, state_of_main

pytestmark = pytest.mark.spark

ATTEMPTS = Path(__file__).with_name("spark_attempts.py")
WRITE_OWN = """
from awsglue.context import GlueContext
from pyspark.context import SparkContext
context = GlueContext(SparkContext.getOrCreate())
rows = context.spark_session.range(100).selectExpr("id", "id * 1.5 AS amount", "id % 3 AS part")
for name, uri in arguments.items():
    if name.endswith("_DATA_SINK"):
        rows.write.mode("overwrite").partitionBy("part").parquet(uri)
        rows.write.mode("append").partitionBy("part").parquet(uri)
        rows.write.mode("overwrite").parquet(uri)
import os; os._exit(0)
"""


@pytest.fixture
def spark_project(make_project: MakeProject) -> Project:  # noqa: F811
    """The small production, with Spark jobs for transform and load."""
    project = make_project(0)
    glue, document = boto3.client("glue"), json.loads(project.settings.graph_path.read_text())
    for node in document["nodes"]:
        if node["id"] in ("transform", "load"):
            properties = node["metadata"]["properties"]
            del properties["MaxCapacity"]
            properties |= {"GlueVersion": "5.0", "WorkerType": "G.1X", "NumberOfWorkers": 2}
            properties["Command"] |= {"Name": "glueetl", "PythonVersion": "3"}
            update = json.loads(json.dumps(properties).replace("{branch-name}", "main"))
            glue.update_job(JobName=update.pop("Name"), JobUpdate=update)
    project.settings.graph_path.write_text(json.dumps(document))
    return project


def test_nothing_of_mains_can_be_reached(spark_project: Project) -> None:
    project = spark_project
    project.fill_main()
    targets = make_targets(project)
    project.create_branch(change=f"TARGETS = {targets!r}\n{ATTEMPTS.read_text()}")
    project.deploy()
    before = state_of_main(project, targets)
    heard: list[object] = []

    result = trigger(project.settings, "test", select=("transform",), on_event=heard.append)

    assert result.success, "\n".join(map(str, heard))
    outcomes = json.loads(project.aws.s3.read_bytes(f"s3://{project.bucket}/{targets['own']}outcomes.json"))
    through = [f"{name} → {outcome}" for name, outcome in outcomes.items() if not outcome.startswith("refused")]
    assert len(outcomes) > 30
    assert not through, "\n".join(through)
    assert state_of_main(project, targets) == before


def test_what_is_a_branchs_own_can_be_written_overwritten_and_appended_to(spark_project: Project) -> None:
    """From the origin, which may write all of the branch, and from a node downstream, which may not."""
    project = spark_project
    project.fill_main()
    own_only = f"import sys\narguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n{WRITE_OWN}"
    project.aws.s3.write(f"s3://{project.bucket}/main/scripts/load.py", own_only)
    project.create_branch(change=WRITE_OWN)
    project.deploy()
    heard: list[object] = []

    result = trigger(project.settings, "test", select=("transform", "load"), on_event=heard.append)

    assert result.success, "\n".join(map(str, heard))
    for dataset in ("good", "bad", "gold"):
        keys = [item.uri for item in project.aws.s3.list_objects(project.uri("test", dataset))]
        assert any(key.endswith(".parquet") for key in keys), dataset
        assert not any("part=" in key for key in keys), dataset  # the last write took the place of those before
