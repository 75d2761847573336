"""``getResolvedOptions`` and ``Job``, as a job's own process meets them: without Spark."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pypedream_dagster.local_aws.spark_conf import AWSGLUE_SHIM

RESOLVE = """
import json, sys
from awsglue.utils import GlueArgumentError, getResolvedOptions
wanted, argv = json.loads(sys.argv[1])
try:
    print(json.dumps(getResolvedOptions(["script.py", *argv], wanted)))
except GlueArgumentError as error:
    print(json.dumps(f"GlueArgumentError: {error}"))
assert "pyspark" not in sys.modules and "pypedream_dagster" not in sys.modules
"""


def resolve(argv: list[str], wanted: list[str]) -> dict[str, object] | str:
    done = subprocess.run(
        [sys.executable, "-c", RESOLVE, json.dumps([wanted, argv])],
        env={"PYTHONPATH": str(AWSGLUE_SHIM)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, object] | str = json.loads(done.stdout)
    return answer


def values(argv: list[str], *wanted: str) -> list[object]:
    resolved = resolve(argv, list(wanted))
    assert isinstance(resolved, dict), resolved
    return [resolved[name] for name in wanted]


def test_both_forms_and_arguments_nobody_asked_for() -> None:
    argv = ["--other", "x", "--source", "s3://a/b/", "--JOB_NAME=clean", "--limit=a=b"]
    assert values(argv, "JOB_NAME", "source", "limit") == ["clean", "s3://a/b/", "a=b"]


@pytest.mark.parametrize("value", ["", "-1", "two words", "spark.a=1 --conf spark.b=2"])
def test_values_that_look_odd(value: str) -> None:
    assert values(["--v", value], "v") == [value]


def test_the_last_of_two_wins() -> None:
    assert values(["--v", "1", "--v", "2"], "v") == ["2"]


def test_names_with_dashes_are_given_with_underscores() -> None:
    resolved = resolve(["--job-bookmark-option", "job-bookmark-enable", "--my-name", "x"], ["my-name"])
    assert isinstance(resolved, dict)
    assert (resolved["my_name"], resolved["job_bookmark_option"]) == ("x", "job-bookmark-enable")


def test_glues_own_arguments_are_always_there() -> None:
    resolved = resolve(["--JOB_RUN_ID", "jr_1", "--TempDir", "s3://t/"], [])
    assert isinstance(resolved, dict)
    assert (resolved["JOB_RUN_ID"], resolved["TempDir"], resolved["JOB_ID"]) == ("jr_1", "s3://t/", None)
    assert resolved["job_bookmark_option"] == "job-bookmark-disable"


@pytest.mark.parametrize("argv", [[], ["--source"], ["--source_path", "x"]])
def test_a_missing_argument_is_named(argv: list[str]) -> None:
    answer = resolve(argv, ["source"])
    assert isinstance(answer, str)
    assert answer.startswith("GlueArgumentError")
    assert "--source" in answer
