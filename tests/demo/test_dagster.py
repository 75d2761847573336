"""Dagster loads both code locations of the demo's project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import clean_environment

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_both_code_locations_load(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "pipeline_graph", tmp_path / "pipeline_graph")
    for name in ("workspace.yaml", "dagster.yaml"):
        shutil.copy(PROJECT / name, tmp_path)
    dagster = str(Path(sys.executable).with_name("dagster"))
    ended = subprocess.run(
        [dagster, "definitions", "validate", "-w", "workspace.yaml"],
        cwd=tmp_path,
        env=clean_environment(os.environ, tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    for location in ("main", "branches"):
        assert f"successful for code location {location}" in ended.stdout + ended.stderr
