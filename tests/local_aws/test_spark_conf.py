"""What a Spark job is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pypedream_dagster.local_aws.spark_conf import (
    AWSGLUE_SHIM,
    SparkJob,
    driver_environment,
    parse_conf_argument,
    spark_properties,
)


def make_job(**changes: object) -> SparkJob:
    fields: dict[str, object] = {
        "app_name": "clean",
        "endpoint_url": "http://127.0.0.1:1234",
        "access_key_id": "ASIA",
        "secret_access_key": "secret",
        "session_token": "token",
        "scratch_dir": Path("/scratch"),
    }
    return SparkJob(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "settings"),
    [
        ("", {}),
        ("spark.a=1", {"spark.a": "1"}),
        ("spark.a=1 --conf spark.b=x=y", {"spark.a": "1", "spark.b": "x=y"}),
        ('--conf spark.a=1 --conf spark.b={"k": "two words"}', {"spark.a": "1", "spark.b": '{"k": "two words"}'}),
        ("--conf=spark.a=1 --conf nonsense", {"spark.a": "1"}),
    ],
)
def test_the_conf_argument(value: str, settings: dict[str, str]) -> None:
    assert parse_conf_argument(value) == settings


def test_a_jobs_own_settings_win_over_defaults() -> None:
    own = {"spark.sql.shuffle.partitions": "7", "spark.sql.sources.partitionOverwriteMode": "dynamic"}
    properties = spark_properties(make_job(conf=own))
    assert own.items() <= properties.items()


@pytest.mark.parametrize(
    "name", ["spark.master", "spark.hadoop.fs.s3a.endpoint", "spark.hadoop.fs.s3a.access.key", "spark.driver.memory"]
)
def test_a_job_cannot_leave_the_embedded_aws(name: str) -> None:
    assert spark_properties(make_job(conf={name: "elsewhere"})).get(name) != "elsewhere"


def test_all_three_schemes_go_to_the_endpoint_with_the_jobs_own_keys() -> None:
    properties = spark_properties(make_job())
    assert {properties[f"spark.hadoop.fs.{scheme}.impl"] for scheme in ("s3", "s3a", "s3n")} == {
        "org.apache.hadoop.fs.s3a.S3AFileSystem"
    }
    assert properties["spark.hadoop.fs.s3a.endpoint"] == "http://127.0.0.1:1234"
    assert properties["spark.hadoop.fs.s3a.session.token"] == "token"
    assert "Temporary" in properties["spark.hadoop.fs.s3a.aws.credentials.provider"]


def test_keys_without_a_session_need_no_token() -> None:
    properties = spark_properties(make_job(session_token=None))
    assert "Simple" in properties["spark.hadoop.fs.s3a.aws.credentials.provider"]
    assert "spark.hadoop.fs.s3a.session.token" not in properties


def test_secrets_do_not_show_in_a_jobs_text() -> None:
    assert "secret" not in repr(make_job())
    assert "token" not in repr(make_job()).replace("session_token", "")


def test_driver_and_workers_import_the_same_things() -> None:
    job = make_job(py_files=(Path("/libs/a.zip"),), environment={"AWS_ENDPOINT_URL": "http://x"})
    path = f"/libs/a.zip:{AWSGLUE_SHIM}"
    assert driver_environment(job)["PYTHONPATH"] == path
    assert spark_properties(job)["spark.executorEnv.PYTHONPATH"] == path
    assert spark_properties(job)["spark.executorEnv.AWS_ENDPOINT_URL"] == "http://x"
