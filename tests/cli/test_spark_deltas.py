"""``deltas --engine spark``: a Glue job of the embedded AWS compares, and gives what DuckDB gives."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.run.record import record_of, write_run_record

from .conftest import Deployed, Pypedream

pytestmark = [pytest.mark.spark, pytest.mark.slow]

Put = Callable[[str, pa.Table], None]


@pytest.fixture
def put(deployed: Deployed) -> Put:
    def write(key: str, table: pa.Table) -> None:
        body = io.BytesIO()
        pq.write_table(table, body)
        boto3.client("s3").put_object(Bucket=deployed.bucket, Key=key, Body=body.getvalue())

    return write


@pytest.fixture
def branch(deployed: Deployed, pypedream: Pypedream, put: Put) -> Path:
    """A branch that is deployed, and data as if it had run; its folder."""
    path = deployed.folder / "pipeline_graph" / "main.json"
    document: dict[str, Any] = json.loads(path.read_text())
    gold = document["nodes"][3]["metadata"]["output_data"]
    gold["gold"] = {"uri": gold["gold"], "primary_key": ["id"], "tolerance": {"v": 0.5}, "ignored_columns": ["at"]}
    path.write_text(json.dumps(document))
    assert pypedream("create-branch", "transform", "test").code == 0
    assert pypedream("deploy-branch", "test").code == 0
    folder = deployed.folder / "branches" / "test"
    run = JobRun("none", "jr_0", "SUCCEEDED")
    write_run_record(folder, record_of("transform", "0" * 32, run, isolation=None, script_sha256=None))
    silver = pa.table({"k": ["a", "b", None], "l": [[1.5, None], [], None]})
    put("main/data/silver/part-0.parquet", silver)
    put("test/data/silver/part-0.parquet", silver)
    ids = list(range(100))
    base = pa.table({"id": ids, "v": [float(i) for i in ids], "s": [f"x{i}" for i in ids], "at": ids})
    put("main/data/gold/day=2024-01-01/part-0.parquet", base.slice(0, 60))
    put("main/data/gold/day=2024-01-02/part-0.parquet", base.slice(60))
    head = pa.table(
        {
            "id": [*ids[5:], 200],
            "v": [i + (0.25 if i == 7 else 3.0 if i == 8 else 0.0) for i in ids[5:]] + [None],
            "s": ["changed" if i == 70 else f"x{i}" for i in ids[5:]] + ["new"],
            "at": [0] * 96,
        }
    )
    put("test/data/gold/day=2024-01-01/part-0.parquet", head.slice(0, 55))
    put("test/data/gold/day=2024-01-02/part-0.parquet", head.slice(55))
    return folder


ESTIMATES = ("distinct_estimate", "quantiles")


def facts(document: Any, place: str = "") -> dict[str, Any]:
    """Every value by its place, without the estimates and what tells the engines apart."""
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        found: dict[str, Any] = {f"{place}/#": len(document)}
        for key, value in items:
            if key not in (*ESTIMATES, "engine", "seconds"):
                found |= facts(value, f"{place}/{key}")
        return found
    return {place: round(document, 9) if isinstance(document, float) else document}


def differences(one: Any, other: Any) -> dict[str, tuple[Any, Any]]:
    ours, theirs = facts(one["datasets"]), facts(other["datasets"])
    return {
        place: (ours.get(place, "none"), theirs.get(place, "none"))
        for place in {**ours, **theirs}
        if ours.get(place, "none") != theirs.get(place, "none")
    }


def test_spark_gives_what_duckdb_gives_and_goes_with_the_branch(
    deployed: Deployed, branch: Path, pypedream: Pypedream, put: Put
) -> None:
    glue, s3 = boto3.client("glue"), boto3.client("s3")
    duckdb = pypedream("deltas", "test", "--json")
    spark = pypedream("deltas", "test", "--engine", "spark", "--json")
    assert spark.code == 0, spark.err
    assert {dataset["engine"] for dataset in spark.document["datasets"]} == {"spark"}
    assert differences(duckdb.document, spark.document) == {}
    gold = next(dataset for dataset in spark.document["datasets"] if dataset["dataset"] == "gold")
    rows = gold["rows"]
    assert (rows["added"], rows["removed"], rows["changed"]) == (1, 5, 2)

    job = f"transform-{deployed.suffix}-test-pypedream-delta"
    assert glue.get_tags(ResourceArn=f"arn:aws:glue:us-east-1:123456789012:job/{job}")["Tags"]["pypedream:branch"]
    runs = glue.get_job_runs(JobName=job)["JobRuns"]
    assert len(runs) == 2
    assert all("test/_pypedream_delta/results/*" in run["ExecutionRoleSessionPolicy"] for run in runs)

    again = pypedream("deltas", "test", "--engine", "spark", "--json")
    assert differences(again.document, spark.document) == {}
    assert len(glue.get_job_runs(JobName=job)["JobRuns"]) == 2, "the same data is compared once"
    put("test/data/silver/part-1.parquet", pa.table({"k": ["c"], "l": [[1.0]]}))
    small = pypedream("deltas", "test", "--dataset", "silver", "--spark-above", "1B", "--json")
    assert small.document["datasets"][0]["rows"]["added"] == 1
    assert small.document["datasets"][0]["engine"] == "spark"
    assert len(glue.get_job_runs(JobName=job)["JobRuns"]) == 3

    assert pypedream("deploy-branch", "test").code == 0
    assert glue.get_job(JobName=job), "deploying again leaves it"
    kept = (branch / "deployment.json").read_text()
    (branch / "deployment.json").unlink()
    planned = pypedream("destroy-branch", "test", "--dry-run")
    assert job in planned.out, "it is found by its name and tags"
    (branch / "deployment.json").write_text(kept)
    destroyed = pypedream("destroy-branch", "test")
    assert destroyed.code == 0, destroyed.err
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job(JobName=job)
    left = s3.list_objects_v2(Bucket=deployed.bucket, Prefix="test")
    assert left["KeyCount"] == 0, left.get("Contents")


def test_a_deployment_that_broke_off_is_completed(
    deployed: Deployed, branch: Path, pypedream: Pypedream, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pypedream("deltas", "test", "--dataset", "silver", "--engine", "spark").code == 0
    path = branch / "deployment.json"
    record = json.loads(path.read_text())
    ours = [item for item in record["resources"] if item["purpose"] == "deltas"]
    assert {item["kind"] for item in ours} == {"script", "job"}
    # As a crash before the call that made the job would leave it.
    for item in ours:
        if item["kind"] == "job":
            item |= {"state": "making", "fingerprint": None}
            boto3.client("glue").delete_job(JobName=item["identity"])
        else:
            boto3.client("s3").delete_object(
                Bucket=deployed.bucket, Key=item["identity"].removeprefix(f"s3://{deployed.bucket}/")
            )
    path.write_text(json.dumps(record))
    boto3.client("s3").delete_object(Bucket=deployed.bucket, Key="test/data/silver/part-0.parquet")
    again = pypedream("deltas", "test", "--dataset", "gold", "--engine", "spark", "--json")
    assert again.code == 0, again.err
    assert again.document["datasets"][0]["error"] is None
    assert all(item["state"] == "made" for item in json.loads(path.read_text())["resources"])


def test_what_cannot_be_compared_is_reported(deployed: Deployed, branch: Path, pypedream: Pypedream) -> None:
    boto3.client("s3").put_object(Bucket=deployed.bucket, Key="test/data/gold/bad.parquet", Body=b"PAR1 and no more")
    outcome = pypedream("deltas", "test", "--engine", "spark", "--json")
    found = {dataset["dataset"]: dataset for dataset in outcome.document["datasets"]}
    assert found["silver"]["status"] in {"compared", "identical"}
    assert found["gold"]["status"] == "unreadable"
    assert "test/data/gold/bad.parquet" in found["gold"]["error"]


def test_compare_reads_s3_with_spark_on_this_machine(deployed: Deployed, put: Put) -> None:
    put("a/p=1/x.parquet", pa.table({"id": [1, 2], "v": ["a", "b"]}))
    put("b/p=1/y.parquet", pa.table({"id": [1, 2], "v": ["a", "c"]}))
    uris = [f"s3://{deployed.bucket}/{side}/" for side in "ab"]
    # Its own process: Spark's settings are those of the first session of a process.
    command = [
        Path(sys.executable).parent / "pypedream",
        "compare",
        *uris,
        "--key",
        "id",
        "--engine",
        "spark",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=deployed.folder)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["engine"], document["rows"]["changed"], document["rows"]["unchanged"]) == ("spark", 1, 1)
    assert {column["name"]: column["type"] for column in document["schema"]["head"]}["p"] == "bigint"
