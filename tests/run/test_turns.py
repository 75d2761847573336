"""Branches that wait for one shared job: in the order in which they came, past those that died, after production."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.errors import RunError, StateError
from pypedream_dagster.run.job_run import RunRequest, run_job
from pypedream_dagster.run.turns import Line

from .conftest import Lake

_Ignore = Callable[[object], None]

WAITER = """
import os, sys, time
from pathlib import Path
from pypedream_dagster.aws.session import connect
from pypedream_dagster.run.job_run import RunRequest, run_job
from pypedream_dagster.run.turns import Line
from pypedream_dagster.settings import Settings
job, branch = sys.argv[1:]
aws = connect(Settings(Path("."), endpoint_url=os.environ["AWS_ENDPOINT_URL"], region="us-east-1"))
line = Line(aws.s3, job, branch, "ann", f"s3://{job}/{branch}/", "--SINK", {}, rest_seconds=1)
request = RunRequest(job, branch, {"--SINK": line.root})
run_job(aws.glue, request, wait=time.sleep, on_state=print, on_note=lambda text: print(text, flush=True), line=line)
"""


def line(lake: Lake, branch: str) -> Line:
    return Line(lake.aws.s3, lake.job, branch, "ann", f"s3://{lake.bucket}/{branch}/", "--SINK", {}, rest_seconds=1)


class Waiter:
    """A branch that wants to run the job, on a thread of its own."""

    def __init__(self, lake: Lake, branch: str, seconds: float = 0.2) -> None:
        self.notes: list[str] = []
        self._waits = threading.Event()
        arguments = {"--SINK": f"s3://{lake.bucket}/{branch}/", "--SLEEP": str(seconds)}
        self._pool = ThreadPoolExecutor(1)
        self.done: Future[JobRun] = self._pool.submit(
            run_job,
            lake.aws.glue,
            RunRequest(lake.job, branch, arguments),
            wait=self._wait,
            on_state=lambda _: self._waits.set(),
            on_note=self.notes.append,
            line=line(lake, branch),
        )
        assert self._waits.wait(30)
        self._pool.shutdown(wait=False)

    def _wait(self, seconds: float) -> None:
        self._waits.set()
        time.sleep(seconds)


def hold(lake: Lake) -> str:
    """Have production run the job until it is released."""
    return lake.aws.glue.start_job_run(lake.job, {**lake.sink("main"), "--SLEEP": "600"})


def release(lake: Lake, job_run_id: str) -> None:
    lake.aws.glue.stop_job_run(lake.job, job_run_id)


def branches_by_start(lake: Lake) -> list[str]:
    runs = sorted(lake.aws.glue.job_runs(lake.job), key=lambda run: str(run.started_on))
    return [run.arguments["--SINK"].split("/")[3] for run in runs]


def tickets(lake: Lake) -> list[str]:
    return [item.key for item in lake.aws.s3.list_objects(f"s3://{lake.bucket}/") if "_wait_" in item.key]


@pytest.mark.slow
def test_they_start_in_the_order_in_which_they_came(lake: Lake) -> None:
    running = hold(lake)
    waiters = [Waiter(lake, branch) for branch in ("charlie", "alpha", "bravo")]
    release(lake, running)

    assert all(waiter.done.result(120).succeeded for waiter in waiters)

    assert branches_by_start(lake) == ["main", "charlie", "alpha", "bravo"]
    said = [waiter.notes[0] for waiter in waiters]
    assert all(f"{lake.job} waits for its turn" in text for text in said)
    assert f"run {running} of production since " in said[0]
    assert "before this one comes branch 'charlie' of ann since " in said[1]
    assert "branch 'charlie' of ann" in said[2]
    assert "branch 'alpha' of ann" in said[2]
    assert tickets(lake) == []


@pytest.mark.slow
def test_a_killed_waiter_holds_nobody_up_and_keeps_its_place(lake: Lake, ignore: _Ignore) -> None:
    running = hold(lake)
    command = [sys.executable, "-c", WAITER, lake.job, "first"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "waits for its turn" in process.stdout.readline()
        second = Waiter(lake, "second")
        assert "branch 'first'" in second.notes[0]
        process.kill()
    third = Waiter(lake, "third")
    assert "first" not in third.notes[0]
    again = Waiter(lake, "first")  # the command, run again: it was here before the others
    assert "branch" not in again.notes[0]
    release(lake, running)

    for waiter in (second, third, again):
        assert waiter.done.result(120).succeeded

    assert branches_by_start(lake) == ["main", "first", "second", "third"]
    assert tickets(lake) == []


@pytest.mark.slow
def test_the_last_place_is_productions(lake: Lake) -> None:
    allow(lake, 2)
    first = Waiter(lake, "first", seconds=600)
    second = Waiter(lake, "second")

    assert "it runs 2 at once at most, and the last place is production's" in second.notes[0]
    assert "of branch 'first'" in second.notes[0]
    production = hold(lake)  # there is room for it, whoever waits
    (running,) = [run_id for run_id in lake.run_ids() if run_id != production]
    release(lake, running)
    with pytest.raises(RunError, match="STOPPED"):
        first.done.result(60)
    release(lake, production)

    assert second.done.result(60).succeeded
    assert branches_by_start(lake) == ["first", "main", "second"]


@pytest.mark.slow
def test_productions_queued_runs_go_first(lake: Lake) -> None:
    running = hold(lake)
    waiter = Waiter(lake, "first")
    boto3.client("glue").start_job_run(
        JobName=lake.job, Arguments={**lake.sink("main"), "--SLEEP": "2"}, JobRunQueuingEnabled=True
    )
    release(lake, running)

    assert waiter.done.result(60).succeeded

    assert branches_by_start(lake) == ["main", "main", "first"]


def test_a_job_that_queues_by_itself_does_not_let_a_branch_go_before_production(lake: Lake) -> None:
    job = lake.aws.glue.get_job(lake.job)
    assert job is not None
    lake.aws.glue.update_job(lake.job, {**job.creatable, "JobRunQueuingEnabled": True})
    running = hold(lake)
    waiter = Waiter(lake, "first")

    assert [run.state for run in lake.aws.glue.job_runs(lake.job) if run.state == "WAITING"] == []
    release(lake, running)
    assert waiter.done.result(60).succeeded


def test_who_is_interrupted_while_waiting_gives_its_place_up(lake: Lake, ignore: _Ignore) -> None:
    holding = hold(lake)

    def interrupt(_: float) -> None:
        assert len(tickets(lake)) == 1
        raise KeyboardInterrupt

    request = RunRequest(lake.job, "key", lake.sink())
    with pytest.raises(KeyboardInterrupt):
        run_job(lake.aws.glue, request, wait=interrupt, on_state=ignore, line=line(lake, "branch"))

    assert tickets(lake) == []
    assert lake.run_ids() == [holding]
    release(lake, holding)


def test_it_is_said_at_growing_intervals_and_not_for_ever(lake: Lake, ignore: _Ignore) -> None:
    holding = hold(lake)
    notes: list[str] = []
    waits: list[float] = []
    request = RunRequest(lake.job, "key", lake.sink())

    with pytest.raises(StateError, match=rf"{lake.job} had no room in .*{holding}.*production") as raised:
        run_job(
            lake.aws.glue,
            request,
            wait=waits.append,
            on_state=ignore,
            on_note=notes.append,
            line=line(lake, "branch"),
            longest_queue_seconds=200,
        )

    assert "MaxConcurrentRuns" in str(raised.value.hint)
    assert sum(waits) > 200
    assert 4 <= len(notes) <= 6 < len(waits)
    assert lake.run_ids() == [holding]
    assert tickets(lake) == []
    release(lake, holding)


def allow(lake: Lake, runs: int) -> None:
    job = lake.aws.glue.get_job(lake.job)
    assert job is not None
    properties: dict[str, Any] = {**job.creatable, "ExecutionProperty": {"MaxConcurrentRuns": runs}}
    lake.aws.glue.update_job(lake.job, properties)
