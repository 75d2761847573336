"""The parts under the steps: the instance's place, whose process a run is, values fit for metadata."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from pypedream_dagster.defs.instance import open_instance
from pypedream_dagster.defs.metadata import plain
from pypedream_dagster.defs.progress import Progress, listening, tell
from pypedream_dagster.defs.worker import current_worker, may_live
from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.settings import Settings

RELATIVE = "storage: {sqlite: {base_dir: .pypedream/dagster}}\n"


@pytest.mark.parametrize("config", ["", RELATIVE, "telemetry: {enabled: false}\n" + RELATIVE])
def test_storage_lies_in_the_project_whatever_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "dagster.yaml").write_text(config)
    monkeypatch.chdir(tmp_path)

    with open_instance(Settings(tmp_path / "project"), {}) as instance:
        instance.add_dynamic_partitions("branch", ["test"])

    assert (tmp_path / "project" / ".pypedream" / "dagster" / "history" / "runs.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


OPEN = """
import sys
from pathlib import Path
from pypedream_dagster.defs.instance import open_instance
from pypedream_dagster.settings import Settings
with open_instance(Settings(Path(sys.argv[1])), {}) as instance:
    instance.get_runs()
"""


@pytest.mark.slow
def test_commands_that_first_open_a_projects_storage_at_once(tmp_path: Path) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", OPEN, str(tmp_path)]) for _ in range(4)]

    assert [process.wait(120) for process in processes] == [0, 0, 0, 0]


def test_dagster_home_wins(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").touch()

    with open_instance(Settings(tmp_path), {"DAGSTER_HOME": str(home)}) as instance:
        assert instance.root_directory == str(home)

    with (
        pytest.raises(PypedreamError, match="DAGSTER_HOME"),
        open_instance(Settings(tmp_path), {"DAGSTER_HOME": "/no"}),
    ):
        pass


def test_faulty_dagster_yaml_is_said(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: [1, 2]")

    with pytest.raises(PypedreamError, match=r"dagster\.yaml"), open_instance(Settings(tmp_path), {}):
        pass


def test_worker_that_ended_is_known() -> None:
    code = "from pypedream_dagster.defs.worker import current_worker; print(current_worker())"
    gone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    host, pid, started = current_worker().split(":")

    assert may_live(current_worker())
    assert not may_live(gone)
    assert not may_live(f"{host}:{pid}:{int(started) - 1}")  # the id was given to another process
    assert may_live(f"another-{host}:{os.getpid()}:1")
    assert may_live(None)


def test_metadata_takes_whatever_data_holds() -> None:
    import pandas as pd

    values = {
        "scalar": np.int64(3),
        "missing": pd.NA,
        "nan": float("nan"),
        "time": pd.Timestamp("2026-01-02"),
        "list": [np.float32(1.5), Decimal("1.10"), datetime(2026, 1, 2, tzinfo=UTC)],
    }

    found = plain(values)

    assert found == {
        "scalar": 3,
        "missing": "<NA>",
        "nan": "nan",
        "time": "2026-01-02 00:00:00",
        "list": [1.5, "1.10", "2026-01-02 00:00:00+00:00"],
    }
    dg.MaterializeResult(metadata={"values": found})


def test_progress_is_heard_within_only() -> None:
    heard: list[Progress] = []

    tell(Progress("a", "started"))
    with listening(heard.append):
        tell(Progress("b", "started"))
    tell(Progress("c", "started"))

    assert [item.node for item in heard] == ["b"]
