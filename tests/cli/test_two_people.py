"""Two people, two folders, one branch: whichever command comes second is told who is at it, and changes nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from .conftest import Deployed, Pypedream

HOLD = """
import os, sys
from pathlib import Path
from pypedream_dagster.aws.session import connect
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.lease import held
from pypedream_dagster.settings import load_settings
settings = load_settings(os.environ, cwd=Path(sys.argv[1]))
with held(connect(settings), BranchStore(settings.branches_dir), "fix", sys.argv[2], owner=settings.owner):
    print("held", flush=True)
    sys.stdin.readline()
"""
DOING = {
    "deploy-branch": "is being deployed by bob since ",
    "destroy-branch": "is being destroyed by bob since ",
    "trigger-branch": "is running already, triggered by bob since ",
}


@pytest.fixture
def clones(deployed: Deployed, pypedream: Pypedream, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project with branch 'fix' deployed, and a colleague's clone of it."""
    assert pypedream("create-branch", "transform", "fix").code == 0
    assert pypedream("deploy-branch", "fix").code == 0
    other = tmp_path_factory.mktemp("clone")
    shutil.copytree(deployed.folder, other, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".pypedream"))
    return deployed.folder, other


@contextmanager
def another(script: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a colleague's command beside ours."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, *script], **pipes, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def account(deployed: Deployed) -> dict[str, Any]:
    """All objects and jobs of the test's production and branch."""
    s3, glue = boto3.client("s3"), boto3.client("glue")
    objects = {item["Key"]: item["ETag"] for item in s3.list_objects_v2(Bucket=deployed.bucket).get("Contents", [])}
    jobs = [job for page in glue.get_paginator("get_jobs").paginate() for job in page["Jobs"]]
    return {"objects": objects, "jobs": sorted(job["Name"] for job in jobs if deployed.suffix in job["Name"])}


@pytest.mark.parametrize("first", list(DOING))
def test_whoever_comes_second_is_refused(
    clones: tuple[Path, Path], deployed: Deployed, pypedream: Pypedream, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setenv("PYPEDREAM_OWNER", "bob")
    with another(["-c", HOLD, str(clones[1]), first]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        before = account(deployed)

        refused = [pypedream(second, "fix") for second in DOING]

        assert account(deployed) == before
        assert all(outcome.code == 2 for outcome in refused), refused
        assert all(f"Branch 'fix' {DOING[first]}" in outcome.error for outcome in refused), refused
        assert all("wait for its end" in outcome.error for outcome in refused)
        assert pypedream("plan", "fix").code == 0  # reading asks nobody
        dry = pypedream("destroy-branch", "fix", "--dry-run")
        assert dry.code == 0
        assert f"Branch 'fix' {DOING[first]}" in dry.err
        process.communicate("\n")
    assert pypedream("destroy-branch", "fix").code == 0
    assert [key for key in account(deployed)["objects"] if not key.startswith("main/")] == []


@pytest.mark.slow
def test_a_branch_that_runs_is_left_alone(clones: tuple[Path, Path], deployed: Deployed, pypedream: Pypedream) -> None:
    s3, glue = boto3.client("s3"), boto3.client("glue")
    script = clones[0] / "branches/fix/scripts/transform.py"
    script.write_text("import time\ntime.sleep(6)\n" + script.read_text())
    s3.put_object(Bucket=deployed.bucket, Key="main/data/bronze/part.txt", Body=b"raw")
    assert pypedream("deploy-branch", "fix").code == 0
    clone_job = f"transform-{deployed.suffix}-fix"
    with another(["-m", "pypedream_dagster.cli.main", "trigger-branch", "fix"], cwd=clones[1]) as process:
        wait_for_run(glue, clone_job, process)

        for command in DOING:
            outcome = pypedream(command, "fix")
            assert outcome.code == 2
            assert "is running already, triggered by ann since" in outcome.error

        process.communicate(timeout=120)
        assert process.returncode == 0
    assert pypedream("destroy-branch", "fix").code == 0


@pytest.mark.slow
def test_what_a_killed_trigger_left_is_destroyed_at_once(
    clones: tuple[Path, Path], deployed: Deployed, pypedream: Pypedream
) -> None:
    glue = boto3.client("glue")
    (clones[0] / "branches/fix/scripts/transform.py").write_text("import time\ntime.sleep(600)\n")
    assert pypedream("deploy-branch", "fix").code == 0
    clone_job = f"transform-{deployed.suffix}-fix"
    with another(["-m", "pypedream_dagster.cli.main", "trigger-branch", "fix"], cwd=clones[1]) as process:
        wait_for_run(glue, clone_job, process)
        process.kill()
        process.wait()

    destroyed = pypedream("destroy-branch", "fix")

    assert destroyed.code == 0, destroyed
    assert "stop run" in destroyed.err
    assert [key for key in account(deployed)["objects"] if not key.startswith("main/")] == []


def wait_for_run(glue: Any, job: str, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not any(run["JobRunState"] == "RUNNING" for run in glue.get_job_runs(JobName=job)["JobRuns"]):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.2)
