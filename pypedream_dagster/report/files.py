"""``branches/<branch>/deltas/``: the last delta of a branch, for later readers; ignored by git."""

from __future__ import annotations

from pathlib import Path

from pypedream_dagster.delta.json_form import to_json
from pypedream_dagster.delta.model import BranchDelta
from pypedream_dagster.report.html import render_html

FOLDER = "deltas"


def write_reports(branch_folder: Path, delta: BranchDelta) -> Path:
    """Write a branch's delta as ``delta.json`` and ``report.html``, and return the path of the latter."""
    folder = branch_folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "delta.json", to_json(delta) + "\n")
    report = folder / "report.html"
    _replace(report, render_html(delta))
    return report


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
