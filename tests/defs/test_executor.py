"""Each behaviour of dagster that the executor takes over from its private API."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository

JOBS = Path(__file__).with_name("executor_jobs.py")
OUTCOMES = {"STEP_START", "STEP_RESTARTED", "STEP_UP_FOR_RETRY", "STEP_SUCCESS", "STEP_FAILURE"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXECUTOR_TEST_FOLDER", str(tmp_path))
    return tmp_path


@pytest.fixture
def instance(folder: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        yield instance


Execute = Callable[..., dg.JobExecutionResult]


@pytest.fixture
def execute(instance: dg.DagsterInstance) -> Execute:
    jobs = ReconstructableRepository.for_file(str(JOBS), "defs")

    def run(name: str, **options: object) -> dg.JobExecutionResult:
        return dg.execute_job(jobs.get_reconstructable_job(name), instance=instance, **options)  # type: ignore[arg-type]

    return run


def steps(result: dg.JobExecutionResult, key: str) -> list[str]:
    return [
        event.event_type_value
        for event in result.all_events
        if event.step_key == key and event.event_type_value in OUTCOMES
    ]


def test_failures_stay_with_their_downstream(execute: Execute) -> None:
    result = execute("outcomes")

    assert not result.success
    assert steps(result, "flaky") == [
        *["STEP_START", "STEP_UP_FOR_RETRY", "STEP_RESTARTED", "STEP_UP_FOR_RETRY", "STEP_RESTARTED", "STEP_SUCCESS"]
    ]
    assert steps(result, "after_flaky") == ["STEP_START", "STEP_SUCCESS"]
    assert steps(result, "bad") == ["STEP_START", "STEP_FAILURE"]
    assert steps(result, "after_bad") == steps(result, "after_after_bad") == []
    assert steps(result, "gated")[-1] == "STEP_FAILURE"  # a blocking check with severity ERROR fails its step
    assert steps(result, "after_gate") == []


def test_reexecution_from_failure_runs_what_is_missing(
    execute: Execute, instance: dg.DagsterInstance, folder: Path
) -> None:
    broken = execute("chain")
    (folder / "mended").touch()
    again = execute("chain", reexecution_options=dg.ReexecutionOptions.from_failure(broken.run_id, instance))

    assert not broken.success
    assert again.success
    assert steps(again, "first") == []
    assert (folder / "third").exists()


def _most_at_once(result: dg.JobExecutionResult) -> int:
    times = [
        (float(event.materialization.metadata["began"].value), float(event.materialization.metadata["ended"].value))  # type: ignore[arg-type]
        for event in result.filter_events(lambda event: event.is_step_materialization)
    ]
    return max(sum(began <= start < ended for began, ended in times) for start, _ in times)


def test_steps_wait_side_by_side(execute: Execute) -> None:
    assert _most_at_once(execute("free")) == 8


def test_limit_of_the_executor_holds(execute: Execute) -> None:
    result = execute("free", run_config={"execution": {"config": {"max_concurrent": 3}}})

    assert _most_at_once(result) == 3


def test_limit_of_a_pool_holds(execute: Execute, instance: dg.DagsterInstance) -> None:
    instance.event_log_storage.set_concurrency_slots("glue", 2)

    result = execute("pooled")

    assert result.success
    assert _most_at_once(result) == 2
    assert instance.event_log_storage.get_concurrency_info("glue").claimed_slots == []


@pytest.mark.slow
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_every_step(folder: Path, signal_number: signal.Signals) -> None:
    command = [sys.executable, "-m", "dagster", "job", "execute", "-f", str(JOBS), "-a", "defs", "-j", "waiting"]
    environment = {**os.environ, "DAGSTER_HOME": str(folder), "DAGSTER_DISABLE_TELEMETRY": "yes"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        _wait_for(lambda: len(list(folder.glob("started_*"))) == 5)
        process.send_signal(signal_number)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()

    assert len(list(folder.glob("stopped_*"))) == 5, output
    assert not (folder / "after_waiting").exists()
    assert process.returncode == 1, output


def _wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
