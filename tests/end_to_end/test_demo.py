"""``make demo`` whole, in a copy of the project: real Spark on all flights, and nothing left behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
COPIED = ("demo", "pipeline_graph", "workspace.yaml", "dagster.yaml", "pyproject.toml")
DOWNSTREAM = (
    "flights_valid",
    "flights_rejected",
    "flights_enriched",
    "route_delays",
    "weather_delays",
    "carrier_scoreboard",
    "airport_daily",
    "fleet_utilisation",
    "kpi_summary",
)

pytestmark = [pytest.mark.slow, pytest.mark.spark]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("demo")
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    return copy


@pytest.fixture(scope="module")
def demo(project: Path) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        [sys.executable, "demo/run.py"],
        cwd=project,
        # A real account's keys lie about on many machines: the demo must not see them.
        env={**os.environ, "AWS_ACCESS_KEY_ID": "AKIAMINE", "AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        subprocess.run([sys.executable, "demo/run.py", "--clean"], cwd=project, check=False)
    assert ended.returncode == 0, f"{ended.stdout[-6000:]}\n{ended.stderr[-4000:]}"
    return ended


def test_every_command_of_the_tour_is_shown(demo: subprocess.CompletedProcess[str]) -> None:
    shown = re.findall(r"^\$ pypedream (\S+)", demo.stdout, re.MULTILINE)
    for command in (
        "local",
        "trigger-branch",
        "policy",
        "create-branch",
        "plan",
        "deploy-branch",
        "deltas",
        "destroy-branch",
    ):
        assert command in shown
    assert shown.count("trigger-branch") == 2


def test_the_deltas_name_every_dataset_downstream(demo: subprocess.CompletedProcess[str], project: Path) -> None:
    deltas = demo.stdout.partition("$ pypedream deltas")[2]
    report = (project / "artifacts" / "on-time-rule-deltas.html").read_text()
    for dataset in DOWNSTREAM:
        assert dataset in deltas
        assert dataset in report
    assert "delay_group" in report
    # The rows that leave flights_valid: 5,743 cancelled and 1,175 diverted flights that have a tail number.
    assert "6,918" in deltas
    assert "6,918" in report


def test_production_is_proven_untouched(demo: subprocess.CompletedProcess[str], project: Path) -> None:
    assert "each byte for byte what it was before the branch" in demo.stdout
    assert "No object, Glue job, database, table or tag of the branch is left" in demo.stdout
    assert not (project / "branches" / "on-time-rule").exists()


def test_nothing_runs_on_afterwards(demo: subprocess.CompletedProcess[str], project: Path) -> None:
    assert not (project / ".pypedream" / "local" / "endpoint.json").exists()
    folders = Path("/proc").glob("[0-9]*/cwd")
    assert [str(link) for link in folders if _lies_in(link, project)] == []


def _lies_in(link: Path, folder: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(folder)
    except OSError:
        return False
