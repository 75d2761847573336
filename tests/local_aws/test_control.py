from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pypedream_dagster.errors import LocalAwsError
from pypedream_dagster.local_aws import control

from .aws import Aws

SLEEP = "import time; time.sleep(600)"
FIELDS = {"url", "region", "access_key_id", "secret_access_key", "pid"}


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "a project" / "local"
    yield directory
    control.down(directory)


def processes_of(state_dir: Path) -> list[str]:
    """The command lines that name the state directory, or run below it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            command = entry.read_bytes().replace(b"\0", b" ").decode()
            if str(state_dir) in command:
                found.append(command)
    return found


def wait_for(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_up_status_down(state_dir: Path) -> None:
    assert not control.status(state_dir).is_running
    assert control.endpoint(state_dir) is None
    control.down(state_dir)

    endpoint = control.up(state_dir)

    assert endpoint.url.startswith("http://127.0.0.1:")
    assert json.loads((state_dir / "endpoint.json").read_text()).keys() == FIELDS
    assert (state_dir / "endpoint.json").stat().st_mode & 0o077 == 0
    assert control.up(state_dir) == endpoint
    aws = Aws(endpoint)
    aws.job("pass")
    assert control.status(state_dir) == control.Status(state_dir.resolve(), endpoint, jobs=1, active_runs=0)

    control.down(state_dir)

    assert control.endpoint(state_dir) is None
    assert not (state_dir / "endpoint.json").exists()
    assert processes_of(state_dir) == []


def test_a_server_on_another_port_is_not_taken_for_the_one_asked_for(state_dir: Path) -> None:
    endpoint = control.up(state_dir)

    with pytest.raises(LocalAwsError, match="already runs at"):
        control.up(state_dir, port=1)
    assert control.up(state_dir, port=int(endpoint.url.rsplit(":", 1)[1])) == endpoint


def test_a_port_that_is_taken_is_said_so(state_dir: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    taken = int(control.up(other).url.rsplit(":", 1)[1])
    try:
        with pytest.raises(LocalAwsError, match="did not start"):
            control.up(state_dir, port=taken)
    finally:
        control.down(other)


def test_two_ups_at_once_give_one_server(state_dir: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pypedream_dagster.local_aws import control;"
        "print(control.up(Path(sys.argv[1])).pid)"
    )
    ups = [
        subprocess.Popen([sys.executable, "-c", code, str(state_dir)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    pids = {up.communicate(timeout=60)[0].strip() for up in ups}

    assert len(pids) == 1
    running = control.endpoint(state_dir)
    assert running is not None
    assert pids == {str(running.pid)}


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["down", "kill -9"])
def test_state_survives(state_dir: Path, ending: str) -> None:
    first = control.up(state_dir)
    aws = Aws(first)
    bucket = aws.bucket()
    large = os.urandom(100_000)
    aws.s3.put_object(Bucket=bucket, Key="small", Body=b"small")
    aws.s3.put_object(Bucket=bucket, Key="large", Body=b"overwritten" * 1000)
    aws.s3.put_object(Bucket=bucket, Key="large", Body=large)
    aws.s3.put_object(Bucket=bucket, Key="deleted", Body=large)
    aws.s3.delete_object(Bucket=bucket, Key="deleted")
    aws.glue.create_database(DatabaseInput={"Name": "kept"}, Tags={"k": "v"})
    job = aws.job("print('said')")
    run = aws.run(job)
    assert run["JobRunState"] == "SUCCEEDED"
    written = time.time()
    aws.s3.delete_object(Bucket=bucket, Key="deleted")
    if ending == "down":
        control.down(state_dir)
    else:
        # Within a second or two, but on a loaded machine no clock can be trusted to say when.
        wait_for(lambda: (state_dir / "moto" / "s3.pickle").stat().st_mtime > written)
        time.sleep(1)
        os.kill(first.pid, signal.SIGKILL)
        wait_for(lambda: control.endpoint(state_dir) is None)

    second = control.up(state_dir)

    assert (second.access_key_id, second.secret_access_key) == (first.access_key_id, first.secret_access_key)
    aws = Aws(second)
    assert aws.keys(bucket) == ["large", "small"]
    assert aws.s3.get_object(Bucket=bucket, Key="large")["Body"].read() == large
    assert len(list((state_dir / "objects").iterdir())) == 1
    assert aws.glue.get_tags(ResourceArn="arn:aws:glue:us-east-1:123456789012:database/kept")["Tags"] == {"k": "v"}
    assert aws.job_run(job, run["Id"]) == run
    events = aws.client("logs").get_log_events(logGroupName="/aws-glue/python-jobs/output", logStreamName=run["Id"])[
        "events"
    ]
    assert [event["message"] for event in events] == ["said"]
    assert aws.run(job)["JobRunState"] == "SUCCEEDED"


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["down", "kill -9"])
def test_no_job_process_outlives_the_server(state_dir: Path, ending: str) -> None:
    endpoint = control.up(state_dir)
    aws = Aws(endpoint)
    stubborn = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', __file__], start_new_session=True)\n"
        "time.sleep(600)\n"
    )
    job = aws.job(stubborn)
    run_id = aws.glue.start_job_run(JobName=job)["JobRunId"]
    wait_for(lambda: len(processes_of(state_dir / "runs")) == 2)

    if ending == "down":
        control.down(state_dir)
        assert processes_of(state_dir) == []
    else:
        os.kill(endpoint.pid, signal.SIGKILL)
        wait_for(lambda: len(processes_of(state_dir / "runs")) == 1)

    run = Aws(control.up(state_dir)).job_run(job, run_id)
    assert processes_of(state_dir / "runs") == []
    assert run["JobRunState"] == ("STOPPED" if ending == "down" else "FAILED")
    if ending != "down":
        assert "embedded AWS ended while this run was active" in run["ErrorMessage"]
    assert "CompletedOn" in run


def test_a_server_that_hangs_is_ended_all_the_same(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_STOP_SECONDS", 1.0)
    endpoint = control.up(state_dir)
    os.kill(endpoint.pid, signal.SIGSTOP)

    control.down(state_dir)

    assert processes_of(state_dir) == []


def test_state_that_cannot_be_read_is_said_so(state_dir: Path) -> None:
    control.up(state_dir)
    control.down(state_dir)
    (state_dir / "moto").mkdir(exist_ok=True)
    (state_dir / "moto" / "s3.pickle").write_bytes(b"from another world")

    with pytest.raises(LocalAwsError, match=r"s3\.pickle cannot be read"):
        control.up(state_dir)
