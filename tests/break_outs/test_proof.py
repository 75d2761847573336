"""The proof through the real path: of a run that failed, and of one that nothing held back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from pypedream_dagster.branch.model import GivenUp
from pypedream_dagster.defs.launch import trigger
from pypedream_dagster.run.record import read_run_record
from tests.defs.conftest import make_project, project  # noqa: F401 fixtures
from tests.defs.production import FAIL, ROUND_AMOUNTS, WRITE_TO_MAIN, Project

FINE_GRAINED = "--enable-lakeformation-fine-grained-access"


def test_a_run_that_failed_is_proven_too(project: Project) -> None:  # noqa: F811
    project.fill_main()
    project.create_branch(change=FAIL)
    project.deploy()

    result = trigger(project.settings, "test", select=("transform",))

    assert not result.success
    record = read_run_record(project.store.folder("test"), "transform")
    assert record is not None
    assert (record.state, record.succeeded) == ("FAILED", False)
    assert record.isolation is not None
    assert record.isolation.holds
    assert f"s3://{project.bucket}/main/data/gold/" in record.isolation.watched
    assert project.job("load") in record.isolation.watched_jobs


@pytest.mark.slow
def test_what_was_given_up_is_told_and_what_it_did_to_main_is_found(project: Project) -> None:  # noqa: F811
    project.fill_main()
    glue, name = boto3.client("glue"), project.job("transform")
    job: Any = glue.get_job(JobName=name)["Job"]
    kept = {key: job[key] for key in ("Role", "Command", "MaxCapacity", "ExecutionProperty", "Timeout")}
    arguments = {**job["DefaultArguments"], FINE_GRAINED: "true"}
    glue.update_job(JobName=name, JobUpdate={**kept, "DefaultArguments": arguments})
    project.create_branch(change=ROUND_AMOUNTS + WRITE_TO_MAIN)
    given_up = GivenUp(node="transform", by="ann", at=datetime.now(UTC))
    project.store.give_up("test", [given_up])
    project.deploy()

    result = trigger(project.settings, "test", select=("transform",))

    assert result.success, result
    (run,) = project.runs("transform", "test")
    assert run.session_policy is None
    record = read_run_record(project.store.folder("test"), "transform")
    assert record is not None
    proof = record.isolation
    assert proof is not None
    assert not proof.enforced
    assert not proof.holds
    assert proof.changed == (f"s3://{project.bucket}/main/data/good/part.parquet",)
    assert proof.production_run_ids == ()


def test_what_only_shows_at_the_start_is_not_started_without_a_policy(project: Project) -> None:  # noqa: F811
    """The production job takes up Lake Formation after the branch was deployed."""
    project.create_branch()
    project.deploy()
    glue, name = boto3.client("glue"), project.job("transform", "test")
    job: Any = glue.get_job(JobName=name)["Job"]
    kept = {key: job[key] for key in ("Role", "Command", "MaxCapacity")}
    arguments = {**job["DefaultArguments"], FINE_GRAINED: "true"}
    glue.update_job(JobName=name, JobUpdate={**kept, "DefaultArguments": arguments})
    project.fill_main()
    heard: list[object] = []

    result = trigger(project.settings, "test", select=("transform",), on_event=heard.append)

    assert not result.success
    assert "--give-up-enforced-isolation transform" in "\n".join(map(str, heard))
    assert project.runs("transform", "test") == []
