"""Snapshots of reports: compared on every run, and a missing one fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "snapshots" / "report"
UPDATE = "PYPEDREAM_UPDATE_SNAPSHOTS"

Check = Callable[[str, str], None]


@pytest.fixture
def snapshot() -> Check:
    """Compare a text with the file of that name; ``PYPEDREAM_UPDATE_SNAPSHOTS=1`` writes it instead."""

    def check(name: str, text: str) -> None:
        path = FOLDER / name
        if os.environ.get(UPDATE):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"there is no snapshot {path}: look at the report, then run with {UPDATE}=1"
        assert text == path.read_text(encoding="utf-8")

    return check
