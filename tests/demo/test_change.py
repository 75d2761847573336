"""The shipped change applies to production's script as it stands, inside a git checkout or out of one."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT = PROJECT / "pipeline_graph" / "scripts" / "clean_flights.py"
CHANGE = PROJECT / "demo" / "change" / "clean_flights.patch"


@pytest.mark.parametrize("in_checkout", [False, True])
def test_it_applies_to_the_script_of_main(tmp_path: Path, in_checkout: bool) -> None:
    if in_checkout:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    folder = tmp_path / "branches" / "b" / "scripts"
    folder.mkdir(parents=True)
    changed = Path(shutil.copy(SCRIPT, folder))
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    subprocess.run(["git", "apply", str(CHANGE)], cwd=folder, env=environment, check=True)
    assert changed.read_text() != SCRIPT.read_text()
    ast.parse(changed.read_text())
