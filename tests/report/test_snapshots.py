"""What the reports look like, to the letter."""

from __future__ import annotations

import pytest

from pypedream_dagster.delta.model import BranchDelta, DatasetDelta
from pypedream_dagster.report.html import render_html
from pypedream_dagster.report.markdown import render_markdown
from pypedream_dagster.report.terminal import render_terminal

from . import samples
from .conftest import Check

DELTAS: dict[str, BranchDelta | DatasetDelta] = {
    "branch": samples.ordinary_branch(),
    "changed": samples.changed_dataset(),
    "keyless": samples.keyless_dataset(),
    "foreign": samples.foreign_dataset(),
    "hostile": samples.hostile_dataset(),
    "empty": samples.branch(),
    "moved": samples.moved_branch(),
}


@pytest.mark.parametrize("name", DELTAS)
def test_reports(name: str, snapshot: Check) -> None:
    delta = DELTAS[name]
    snapshot(f"{name}.txt", render_terminal(delta))
    snapshot(f"{name}.md", render_markdown(delta))
    snapshot(f"{name}.html", render_html(delta))


def test_markdown_for_a_pull_request(snapshot: Check) -> None:
    snapshot("branch-folded.md", render_markdown(samples.ordinary_branch(), fold=True))
