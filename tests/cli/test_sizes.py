"""Sizes as people write them: ``--memory``, ``--spark-above``."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from pypedream_dagster.cli.main import run
from pypedream_dagster.cli.options import Size


@pytest.mark.parametrize(
    ("text", "size"),
    [("500MB", 500 * 10**6), ("2GiB", 2 * 1024**3), ("1.5 tb", 15 * 10**11), ("64k", 64_000), ("7", 7), ("3B", 3)],
)
def test_sizes(text: str, size: int) -> None:
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "-1GB", "many", "12 parsecs", "1e9", "1GBB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no size"):
        Size().convert(text, None, None)


def test_too_little_memory_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n")
    assert run(["compare", str(tmp_path), str(tmp_path), "--memory", "1MB"]) != 0
    assert "memory limit is below 64 MiB" in capsys.readouterr().err
