"""The deployment that plays the company's Terraform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from account import take_snapshot
from infrastructure import deploy, read_production, require_loopback

from pypedream_dagster.local_aws.endpoint import Endpoint

PROJECT = Path(__file__).resolve().parents[2]
RAW = (("raw/reference/airlines.csv", b"carrier,name\nUA,United\n"),)


@pytest.fixture
def in_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)


@pytest.mark.parametrize("url", ["http://127.0.0.1:4566", "http://localhost:1", "http://[::1]:80"])
def test_an_address_of_this_machine_is_accepted(url: str) -> None:
    require_loopback({"AWS_ENDPOINT_URL": url})


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"AWS_ENDPOINT_URL": ""},
        {"AWS_ENDPOINT_URL": "https://glue.us-east-1.amazonaws.com"},
        {"AWS_ENDPOINT_URL": "http://10.0.0.1:4566"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1.example.com"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com"},
    ],
)
def test_any_other_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(SystemExit, match="error"):
        require_loopback(environment)


def test_production_is_the_graph_rendered_for_main() -> None:
    production = read_production(PROJECT / "pipeline_graph" / "main.json")
    assert len(production.jobs) == 12
    assert production.databases == ("nyc_flights",)
    assert production.roles == {"PypedreamDemoGlueRole"}
    assert "{branch-name}" not in str(production.jobs)


@pytest.mark.usefixtures("aws_env", "in_project")
def test_deploying_again_changes_nothing_and_mends_what_was_changed() -> None:
    production = read_production(Path("pipeline_graph/main.json"))
    deploy(production, RAW)
    first = take_snapshot()
    deploy(production, RAW)
    assert first.differences(take_snapshot()) == []

    glue = boto3.client("glue")
    job: dict[str, Any] = {**production.jobs["clean_flights"], "Timeout": 7}
    name = job.pop("Name")
    del job["Tags"]
    glue.update_job(JobName=name, JobUpdate=job)  # type: ignore[arg-type]
    boto3.client("s3").put_object(Bucket="pypedream-demo-lake", Key=RAW[0][0], Body=b"someone's edit")
    assert first.differences(take_snapshot()) == [
        "object raw/reference/airlines.csv was changed",
        f"Glue job {name} was changed",
    ]

    deploy(production, RAW)
    assert glue.get_job(JobName=name)["Job"]["Timeout"] == 60
    assert "object raw/reference/airlines.csv was changed" not in first.differences(take_snapshot())


def test_what_a_branch_leaves_is_named(aws_env: Endpoint, in_project: None) -> None:
    deploy(read_production(Path("pipeline_graph/main.json")), RAW)
    before = take_snapshot()
    glue, s3 = boto3.client("glue"), boto3.client("s3")
    glue.create_job(
        Name="left-over",
        Role="PypedreamDemoGlueRole",
        Command={"Name": "glueetl", "ScriptLocation": "s3://pypedream-demo-lake/x.py"},
        Tags={"pypedream:branch": "x"},
    )
    glue.create_database(DatabaseInput={"Name": "left_over"})
    s3.put_object(Bucket="pypedream-demo-lake", Key="x/data/part", Body=b"1")
    try:
        assert before.differences(take_snapshot()) == [
            "object x/data/part is left over",
            "Glue job left-over is left over",
            "catalog entry left_over is left over",
            "left-over still carries the tag pypedream:branch",
        ]
    finally:
        glue.delete_job(JobName="left-over")
        glue.delete_database(Name="left_over")
        s3.delete_object(Bucket="pypedream-demo-lake", Key="x/data/part")
    assert before.differences(take_snapshot()) == []
