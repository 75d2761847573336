"""The demo's Great Expectations suites: each belongs to a dataset and can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pypedream_dagster.delta.expectations.suite import read_suite

PROJECT = Path(__file__).resolve().parents[2]
SUITES = sorted((PROJECT / "pipeline_graph" / "expectations").glob("*.json"))


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_a_suite_belongs_to_a_dataset_and_can_be_read(path: Path) -> None:
    nodes = json.loads((PROJECT / "pipeline_graph" / "main.json").read_text())["nodes"]
    assert path.stem in {name for node in nodes for name in node["metadata"]["output_data"]}
    suite = read_suite(path)
    assert suite.name == path.stem
    assert suite.expectations


def test_there_are_suites() -> None:
    assert len(SUITES) >= 3
