from __future__ import annotations

from pathlib import Path

import pytest

from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.errors import StateError
from pypedream_dagster.run.isolation import Snapshot, compare_snapshots
from pypedream_dagster.run.record import read_run_record, record_of, write_run_record


def test_a_record_is_read_back_as_written(tmp_path: Path) -> None:
    before = Snapshot(("s3://lake/main/",), {"s3://lake/main/a": (1, "x"), "s3://lake/main/b": (1, "x")})
    after = Snapshot(("s3://lake/main/",), {"s3://lake/main/a": (2, "y"), "s3://lake/main/c": (1, "x")})
    isolation = compare_snapshots(before, after, policy_confirmed=True)
    record = record_of("tag/daily", "key", JobRun("sales", "jr_1", "SUCCEEDED"), isolation=isolation)
    write_run_record(tmp_path, record)
    assert read_run_record(tmp_path, "tag/daily") == record
    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path / "runs"]


def test_differences_are_told_apart() -> None:
    before = Snapshot(("s3://lake/main/",), {"a": (1, "x"), "b": (1, "x")})
    after = Snapshot(("s3://lake/main/",), {"a": (1, "y"), "c": (1, "x")})
    found = compare_snapshots(before, after)
    assert (found.added, found.removed, found.changed) == (("c",), ("b",), ("a",))
    assert not found.main_unchanged
    assert compare_snapshots(before, before).holds
    assert not compare_snapshots(before, before, policy_confirmed=False).holds


def test_a_node_that_has_not_run_has_no_record(tmp_path: Path) -> None:
    assert read_run_record(tmp_path, "transform") is None


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "transform.json").write_text("{")
    with pytest.raises(StateError, match=r"transform\.json"):
        read_run_record(tmp_path, "transform")
