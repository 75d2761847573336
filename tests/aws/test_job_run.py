from __future__ import annotations

from typing import Any

import pytest

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.aws.job_run import JobRun


def _run(state: str = "SUCCEEDED", **fields: Any) -> JobRun:
    return JobRun.from_answer("sales", {"Id": "jr_1", "JobRunState": state, **fields})


@pytest.mark.parametrize("state", ["STARTING", "RUNNING", "STOPPING", "WAITING"])
def test_active_states_are_not_terminal(state: str) -> None:
    assert not _run(state).is_terminal


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED", "NEW_ONE"])
def test_all_others_are_terminal(state: str) -> None:
    assert _run(state).is_terminal


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"DPUSeconds": 12.5, "MaxCapacity": 10.0}, 12.5),
        ({"MaxCapacity": 0.0625}, 6.25),
        ({"WorkerType": "G.2X", "NumberOfWorkers": 3}, 600.0),
        ({"WorkerType": "Z.99X", "NumberOfWorkers": 3}, None),
        ({}, None),
    ],
)
def test_dpu_seconds_come_from_glue_else_from_the_capacity(fields: dict[str, Any], expected: float | None) -> None:
    assert _run(ExecutionTime=100, **fields).dpu_seconds == expected


def test_a_job_is_created_again_without_what_getjob_adds() -> None:
    job = GlueJob(
        "sales",
        {
            "Name": "sales",
            "CreatedOn": "now",
            "AllocatedCapacity": 2,
            "MaxCapacity": 2.0,
            "WorkerType": "G.1X",
            "NumberOfWorkers": 2,
            "Command": {"Name": "glueetl"},
            "SomethingNew": 1,
        },
    )
    assert job.creatable == {
        "Name": "sales",
        "WorkerType": "G.1X",
        "NumberOfWorkers": 2,
        "Command": {"Name": "glueetl"},
        "SomethingNew": 1,
    }
