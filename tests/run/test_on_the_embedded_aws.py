"""The same against jobs that really run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.errors import RunError
from pypedream_dagster.run.isolation import compare_snapshots, production_runs_since, take_snapshot
from pypedream_dagster.run.job_run import RUN_KEY_ARGUMENT, RunRequest, run_job

from .conftest import Lake

_Ignore = Callable[[object], None]


def test_a_job_runs_to_its_end_and_is_not_run_twice_for_one_key(lake: Lake, ignore: _Ignore) -> None:
    request = RunRequest(lake.job, "key", lake.sink(), lake.policy)
    states: list[str] = []
    done = run_job(lake.aws.glue, request, wait=time.sleep, on_state=lambda run: states.append(run.state))
    assert done.succeeded
    assert states[-1] == "SUCCEEDED"
    assert (done.session_policy, done.arguments[RUN_KEY_ARGUMENT]) == (lake.policy, "key")
    assert RUN_KEY_ARGUMENT in lake.aws.s3.read_text(f"s3://{lake.bucket}/branch/part.txt")
    again = run_job(lake.aws.glue, request, wait=time.sleep, on_state=ignore)
    assert again.job_run_id == done.job_run_id
    other = run_job(lake.aws.glue, RunRequest(lake.job, "key-2", lake.sink()), wait=time.sleep, on_state=ignore)
    assert lake.run_ids() == [other.job_run_id, done.job_run_id]


def test_a_run_that_another_process_started_is_joined(lake: Lake, ignore: _Ignore) -> None:
    arguments = {**lake.sink(), "--SLEEP": "1"}
    started = lake.aws.glue.start_job_run(lake.job, {**arguments, RUN_KEY_ARGUMENT: "key"})
    done = run_job(lake.aws.glue, RunRequest(lake.job, "key", arguments), wait=time.sleep, on_state=ignore)
    assert (done.job_run_id, done.succeeded) == (started, True)
    assert lake.run_ids() == [started]


_WAITER = """
import os, sys, time
from pathlib import Path
from pypedream_dagster.aws.session import connect
from pypedream_dagster.run.job_run import RunRequest, run_job
from pypedream_dagster.settings import Settings
job, sink = sys.argv[1:]
glue = connect(Settings(Path("."), endpoint_url=os.environ["AWS_ENDPOINT_URL"], region="us-east-1")).glue
request = RunRequest(job, "key", {"--SINK": sink, "--SLEEP": "3"})
run_job(glue, request, wait=time.sleep, on_state=lambda run: print(run.state, flush=True))
"""


def test_a_run_whose_process_was_killed_is_joined(lake: Lake, ignore: _Ignore) -> None:
    arguments = {**lake.sink(), "--SLEEP": "3"}
    command = [sys.executable, "-c", _WAITER, lake.job, arguments["--SINK"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiter:
        assert waiter.stdout is not None
        while waiter.stdout.readline().strip() != "RUNNING":
            assert waiter.poll() is None
        waiter.kill()
    done = run_job(lake.aws.glue, RunRequest(lake.job, "key", arguments), wait=time.sleep, on_state=ignore)
    assert done.succeeded
    assert lake.run_ids() == [done.job_run_id]


def test_an_interruption_stops_the_run(lake: Lake, ignore: _Ignore) -> None:
    running: list[JobRun] = []

    def wait(seconds: float) -> None:
        if any(run.state == "RUNNING" for run in running):
            raise KeyboardInterrupt
        time.sleep(seconds)

    request = RunRequest(lake.job, "key", {**lake.sink(), "--SLEEP": "600"})
    with pytest.raises(KeyboardInterrupt):
        run_job(lake.aws.glue, request, wait=wait, on_state=running.append)
    # The same step, tried again: it waits for the stopped run's end, then starts its own.
    quick = RunRequest(lake.job, "key", lake.sink())
    assert run_job(lake.aws.glue, quick, wait=time.sleep, on_state=ignore).succeeded
    assert [run.state for run in lake.aws.glue.job_runs(lake.job)] == ["SUCCEEDED", "STOPPED"]


def test_steps_on_one_job_take_turns(lake: Lake, ignore: _Ignore) -> None:
    notes: list[str] = []

    def run(key: str) -> JobRun:
        request = RunRequest(lake.job, key, {**lake.sink(), "--SLEEP": "0.5"})
        return run_job(lake.aws.glue, request, wait=time.sleep, on_state=ignore, on_note=notes.append)

    with ThreadPoolExecutor(3) as pool:
        assert all(run.succeeded for run in pool.map(run, ["a", "b", "c"]))
    assert len(lake.run_ids()) == 3
    assert any("waits for its turn" in note for note in notes)


def test_a_failing_script_is_told_in_glues_words(lake: Lake, ignore: _Ignore) -> None:
    request = RunRequest(lake.job, "key", {**lake.sink(), "--FAIL": "no such column"})
    with pytest.raises(RunError, match=r"ended FAILED: .*no such column"):
        run_job(lake.aws.glue, request, wait=time.sleep, on_state=ignore)


def test_a_run_that_writes_to_main_is_denied_and_main_is_proven_untouched(lake: Lake, ignore: _Ignore) -> None:
    lake.aws.s3.write(f"s3://{lake.bucket}/main/part.txt", "main's")
    lake.aws.s3.write(f"s3://{lake.bucket}/main2/part.txt", "a neighbour's")
    since = datetime.now(UTC)
    before = take_snapshot(lake.aws.s3, [f"s3://{lake.bucket}/main"])
    assert list(before.objects) == [f"s3://{lake.bucket}/main/part.txt"]
    with pytest.raises(RunError, match="AccessDenied"):
        run_job(
            lake.aws.glue,
            RunRequest(lake.job, "key", lake.sink("main"), lake.policy),
            wait=time.sleep,
            on_state=ignore,
        )
    assert compare_snapshots(before, take_snapshot(lake.aws.s3, before.uris)).holds
    assert production_runs_since(lake.aws.glue, [lake.job], since, []) == ()
    production = run_job(lake.aws.glue, RunRequest(lake.job, "p", lake.sink("main")), wait=time.sleep, on_state=ignore)
    changed = compare_snapshots(before, take_snapshot(lake.aws.s3, before.uris))
    assert changed.changed == (f"s3://{lake.bucket}/main/part.txt",)
    assert production_runs_since(lake.aws.glue, [lake.job], since, []) == (production.job_run_id,)
    assert production_runs_since(lake.aws.glue, [lake.job], since, [production.job_run_id]) == ()
