"""The demo's frame: what its commands may see, and what it says when one fails."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import CommandError, Shell, clean_environment, parse_exports

PROJECT = Path(__file__).resolve().parents[2]


def test_nothing_of_the_users_own_aws_reaches_a_command(tmp_path: Path) -> None:
    mine = {
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com",
        "DAGSTER_HOME": "/mine",
        "PYPEDREAM_PROJECT": "/mine",
        "PYTHONPATH": "/mine",
        "HOME": "/home/me",
        "PATH": "/usr/bin",
    }
    cleaned = clean_environment(mine, tmp_path)
    assert {key: value for key, value in cleaned.items() if key.startswith("AWS_")} == {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    assert not {"DAGSTER_HOME", "PYPEDREAM_PROJECT", "PYTHONPATH"} & cleaned.keys()
    assert cleaned["HOME"] == "/home/me"
    assert cleaned["PATH"].endswith(f"{os.pathsep}/usr/bin")


def test_exports_are_read_as_a_shell_reads_them() -> None:
    text = "# for the shell\nexport A=1\nexport B='two words'\n"
    assert parse_exports(text) == {"A": "1", "B": "two words"}


def test_a_command_is_echoed_and_its_failure_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shell = Shell(tmp_path, clean_environment(os.environ, tmp_path))
    shell.run("python", "-c", "print('out')")
    with pytest.raises(CommandError, match="exit code 3") as failure:
        shell.run("python", "-c", "raise SystemExit(3)")
    assert failure.value.exit_code == 3
    assert capfd.readouterr().out.splitlines()[:2] == ["$ python -c 'print('\"'\"'out'\"'\"')'", "out"]


def test_steps_in_the_wrong_order_are_refused() -> None:
    ended = subprocess.run(
        [sys.executable, "demo/run.py", "--from", "prove", "--until", "main"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "comes after" in ended.stderr


@pytest.mark.slow
def test_a_failing_step_says_how_to_go_on_and_how_to_clean_up(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "pipeline_graph", tmp_path / "pipeline_graph")

    def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "demo/run.py", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    try:
        ended = demo("--from", "prove")
        assert ended.returncode == 2
        assert "There is no snapshot" in ended.stderr
        assert 'make demo ARGS="--from prove"' in ended.stderr
        assert 'make demo ARGS="--clean"' in ended.stderr
        assert "Traceback" not in ended.stderr
    finally:
        cleaned = demo("--clean")
    assert cleaned.returncode == 0, cleaned.stderr
    assert not (tmp_path / ".pypedream" / "local" / "endpoint.json").exists()


def test_an_interrupted_command_may_put_its_things_in_order(tmp_path: Path) -> None:
    tidy = "import time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: time.sleep(0.5); open('tidied', 'w').close()"
    outer = (
        "import os, signal, sys, threading; from pathlib import Path; from commands import Shell, clean_environment\n"
        "shell = Shell(Path(sys.argv[1]), clean_environment(os.environ, Path(sys.argv[1])))\n"
        f"shell.run('python', '-c', {tidy!r})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", outer, str(tmp_path)],
        cwd=PROJECT / "demo",
        start_new_session=True,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) != 0
    assert (tmp_path / "tidied").exists()
