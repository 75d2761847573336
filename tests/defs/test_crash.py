"""Processes that die or are told to stop in mid-run: no Glue run is started twice, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pypedream_dagster.defs.launch import trigger
from pypedream_dagster.defs.progress import Progress
from pypedream_dagster.errors import StateError
from pypedream_dagster.run.record import read_run_record, write_run_record

from .conftest import MakeProject
from .production import ROUND_AMOUNTS, Project

pytestmark = pytest.mark.slow

TRIGGER = """
import os
import sys
from pathlib import Path
from pypedream_dagster.defs.launch import trigger
from pypedream_dagster.settings import load_settings
result = trigger(load_settings(os.environ, cwd=Path.cwd()), "test")
sys.exit(130 if result.interrupted else not result.success)
"""


@pytest.fixture
def deployed(make_project: MakeProject) -> Project:
    project = make_project(4)
    project.fill_main()
    project.create_branch(change=ROUND_AMOUNTS)
    project.deploy()
    return project


@contextmanager
def triggering(project: Project, *command: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *(command or ("-c", TRIGGER))],
        cwd=project.settings.project_dir,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], object], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_running(project: Project, node: str, branch: str = "main") -> bool:
    return any(run.state == "RUNNING" for run in project.runs(node, branch))


@pytest.mark.parametrize("is_noted", [True, False], ids=["its id noted", "announced only"])
def test_killed_in_mid_run_and_triggered_again(deployed: Project, is_noted: bool) -> None:
    folder = deployed.store.folder("test")
    with triggering(deployed) as process:
        wait_for(lambda: is_running(deployed, "load") and read_run_record(folder, "load"))
        process.send_signal(signal.SIGKILL)
        process.wait()
    noted, gold = read_run_record(folder, "load"), deployed.uri("main", "gold")
    if noted is not None and not is_noted:  # killed after the start, before its answer was noted
        write_run_record(folder, noted.model_copy(update={"job_run_id": ""}))
    deployed.aws.s3.write(f"{gold}more.parquet", deployed.aws.s3.read_bytes(f"{gold}part.parquet"))
    heard: list[Progress] = []

    result = trigger(deployed.settings, "test", on_event=heard.append)

    assert result.success, result
    assert result.resumed
    assert [(node.node, node.state, node.before) for node in result.nodes] == [
        ("transform", "succeeded", True),
        ("load", "succeeded", False),
        ("audit", "succeeded", False),
        ("report", "succeeded", False),
    ]
    runs = {node.id: list(deployed.aws.glue.job_runs(node.job)) for node in deployed.store.graph("test").nodes}
    assert {node: len(found) for node, found in runs.items()} == dict.fromkeys(runs, 1)
    assert any("Joined run" in item.text for item in heard if item.node == "load")
    # What main was when the run began stays noted, though main has moved before it was joined.
    joined = read_run_record(folder, "load")
    assert noted is not None
    assert joined is not None
    assert joined.main == noted.main
    assert [(item.uri, item.objects) for item in joined.main] == [(gold, 1)]


def test_second_trigger_beside_a_live_one_is_refused(deployed: Project) -> None:
    with triggering(deployed):
        wait_for(lambda: is_running(deployed, "transform", "test"))

        with pytest.raises(StateError, match="running already"):
            trigger(deployed.settings, "test")


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_runs_stop_in_glue(deployed: Project, signal_number: signal.Signals) -> None:
    with triggering(deployed) as process:
        wait_for(lambda: is_running(deployed, "transform", "test"))
        process.send_signal(signal_number)
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 130, output
    wait_for(lambda: all(run.is_terminal for run in deployed.runs("transform", "test")))
    assert [run.state for run in deployed.runs("transform", "test")] == ["STOPPED"]
    assert deployed.runs("load") == []


@pytest.mark.parametrize(("change", "code"), [("", 0), ("raise SystemExit(3)", 1)])
def test_dagster_job_execute_in_the_project_folder(make_project: MakeProject, change: str, code: int) -> None:
    project = make_project(0)
    project.fill_main()
    project.create_branch(change=change)
    project.deploy()
    module = "pypedream_dagster.branch_definitions"
    with triggering(project, "-m", "dagster", "job", "execute", "-m", module, "-j", "branch__test") as process:
        output, _ = process.communicate(timeout=300)

    assert process.returncode == code, output
    assert len(project.runs("transform", "test")) == 1
    assert len(project.runs("load")) == 1 - code
    assert os.listdir(project.settings.dagster_home)  # the storage that our own commands use
    assert not list(project.settings.project_dir.glob(".tmp_dagster_home_*"))


def test_dagster_job_execute_of_main(make_project: MakeProject) -> None:
    project = make_project(0)
    with triggering(
        project, "-m", "dagster", "job", "execute", "-m", "pypedream_dagster.definitions", "-j", "main"
    ) as process:
        output, _ = process.communicate(timeout=300)

    assert process.returncode == 0, output
    assert len(project.runs("report")) == 1
