"""Destroying a branch whose folder is lost, as on another machine: by its tags on AWS, if it is the caller's own."""

from __future__ import annotations

import shutil
from typing import Any

import boto3
import pytest

from pypedream_dagster.local_aws.endpoint import Endpoint

from .conftest import Deployed, Pypedream, files_below


@pytest.fixture
def made(pypedream: Pypedream, deployed: Deployed) -> Deployed:
    """A branch that is deployed and has written data."""
    assert pypedream("create-branch", "transform", f"b{deployed.suffix}").code == 0
    assert pypedream("deploy-branch", f"b{deployed.suffix}").code == 0
    boto3.client("s3").put_object(Bucket=deployed.bucket, Key=f"b{deployed.suffix}/data/silver/a", Body=b"data")
    return deployed


def lose(made: Deployed) -> None:
    shutil.rmtree(made.folder / "branches" / f"b{made.suffix}")


def account(made: Deployed) -> tuple[list[str], list[str]]:
    """The keys of the bucket and the names of the jobs."""
    glue, s3 = boto3.client("glue"), boto3.client("s3")
    jobs = [name for page in glue.get_paginator("list_jobs").paginate() for name in page["JobNames"]]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=made.bucket).get("Contents", [])]
    return sorted(keys), sorted(name for name in jobs if made.suffix in name)


def start(made: Deployed, branch: str) -> str:
    uri = f"s3://{made.bucket}/{branch}/data/gold/"
    arguments = {"--SLEEP": "600", "--GOLD_DATA_SINK": uri, "--SILVER_DATA_SOURCE": f"s3://{made.bucket}/main/x/"}
    boto3.client("s3").put_object(Bucket=made.bucket, Key="main/x/part.txt", Body=b"x")
    run_id: str = boto3.client("glue").start_job_run(JobName=f"load-{made.suffix}-main", Arguments=arguments)[
        "JobRunId"
    ]
    return run_id


def state(made: Deployed, run_id: str) -> Any:
    return boto3.client("glue").get_job_run(JobName=f"load-{made.suffix}-main", RunId=run_id)["JobRun"]["JobRunState"]


def test_all_of_it_goes_and_nothing_of_main(pypedream: Pypedream, made: Deployed) -> None:
    lose(made)
    branch = f"b{made.suffix}"
    planned = pypedream("destroy-branch", branch, "--dry-run")
    assert f"delete Glue job transform-{made.suffix}-{branch}" in planned.out
    assert not (made.folder / "branches" / branch).exists()
    outcome = pypedream("destroy-branch", branch)
    assert outcome.code == 0, outcome
    assert "found by its tags" in outcome.err
    keys, jobs = account(made)
    assert keys == [f"main/scripts/{name}.py" for name in ("extract", "load", "transform")]
    assert jobs == [f"{name}-{made.suffix}-main" for name in ("extract", "load", "transform")]
    assert not (made.folder / "branches" / branch).exists()
    assert f"There is no branch '{branch}'" in pypedream("destroy-branch", branch).error


def test_its_runs_are_stopped_and_productions_are_not(pypedream: Pypedream, made: Deployed) -> None:
    lose(made)
    branch = f"b{made.suffix}"
    own, production = start(made, branch), start(made, "main")
    assert pypedream("destroy-branch", branch).code == 0
    assert (state(made, own), state(made, production) in {"STARTING", "RUNNING"}) == ("STOPPED", True)
    boto3.client("glue").batch_stop_job_run(JobName=f"load-{made.suffix}-main", JobRunIds=[production])


@pytest.mark.parametrize("variable", ["PYPEDREAM_OWNER", "PYPEDREAM_PROJECT"])
def test_what_is_anothers_is_refused(
    pypedream: Pypedream, made: Deployed, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    branch = f"b{made.suffix}"
    before = account(made)
    if variable == "PYPEDREAM_OWNER":
        lose(made)
        monkeypatch.setenv(variable, "bob")
    else:
        other = made.folder / "elsewhere"
        shutil.copytree(made.folder / "pipeline_graph", other / "pipeline_graph")
        text = (other / "pipeline_graph" / "main.json").read_text().replace('"name": "shop"', '"name": "store"')
        (other / "pipeline_graph" / "main.json").write_text(text)
        monkeypatch.setenv(variable, str(other))
    files = files_below(made.folder)
    error = pypedream("destroy-branch", branch).error
    assert "carries the tags of ann in project shop" in error
    assert "PYPEDREAM_OWNER='ann'" in error
    assert (account(made), files_below(made.folder)) == (before, files)
    monkeypatch.undo()


def test_a_broken_folder_is_no_obstacle(pypedream: Pypedream, made: Deployed, aws_env: Endpoint) -> None:
    branch = f"b{made.suffix}"
    path = made.folder / "branches" / branch / "branch.json"
    path.write_text("{")
    outcome = pypedream("destroy-branch", branch)
    assert outcome.code == 0, outcome
    assert not [name for name in account(made)[1] if name.endswith(branch)]
    assert path.read_text() == "{"
    assert not path.with_name("deployment.json").exists()
    assert "branch.json is broken" in pypedream("destroy-branch", branch).error


def test_a_production_job_that_somebody_tagged_is_kept(pypedream: Pypedream, made: Deployed) -> None:
    lose(made)
    branch = f"b{made.suffix}"
    tags = {"pypedream:branch": branch, "pypedream:owner": "ann", "pypedream:project": "shop"}
    arn = f"arn:aws:glue:us-east-1:123456789012:job/load-{made.suffix}-main"
    boto3.client("glue").tag_resource(ResourceArn=arn, TagsToAdd=tags)
    boto3.client("glue").update_job(
        JobName=f"load-{made.suffix}-main",
        JobUpdate={
            "Role": made.role,
            "Description": f"Pypedream branch {branch} of load-{made.suffix}-main",
            "Command": {"Name": "pythonshell", "ScriptLocation": f"s3://{made.bucket}/main/scripts/load.py"},
        },
    )
    before = account(made)
    assert "it is one of main's jobs" in pypedream("destroy-branch", branch).error
    assert account(made) == before
