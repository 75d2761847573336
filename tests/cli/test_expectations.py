"""``pypedream expectations``: a suite from main's data, and what ``deltas`` makes of it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from .conftest import Deployed, Pypedream

ROWS = "id,state\n" + "".join(f"{number},{'paid' if number % 2 else 'open'}\n" for number in range(40))


@pytest.fixture
def filled(deployed: Deployed) -> Deployed:
    """The deployed project, with main's ``bronze`` as CSV."""
    path = deployed.folder / "pipeline_graph" / "main.json"
    document: dict[str, Any] = json.loads(path.read_text())
    outputs = document["nodes"][1]["metadata"]["output_data"]
    uri = outputs["bronze"]
    outputs["bronze"] = {"uri": uri, "format": "csv", "primary_key": ["id"]}
    path.write_text(json.dumps(document))
    key = uri.replace("{branch-name}", "main").removeprefix(f"s3://{deployed.bucket}/") + "part.csv"
    boto3.client("s3").put_object(Bucket=deployed.bucket, Key=key, Body=ROWS.encode())
    return deployed


@pytest.mark.parametrize("name", ["bronze", "extract.bronze"])
def test_a_suite_is_drafted(pypedream: Pypedream, filled: Deployed, name: str) -> None:
    path = filled.folder / "pipeline_graph" / "expectations" / "bronze.json"
    printed = pypedream("expectations", name, "--json")
    assert (printed.code, path.exists()) == (0, False), printed
    assert pypedream("expectations", name, "--dry-run").document == printed.document

    outcome = pypedream("expectations", name)
    assert (outcome.code, outcome.out) == (0, ""), outcome
    assert "7 expectations of extract.bronze: pipeline_graph/expectations/bronze.json" in outcome.err
    suite = json.loads(path.read_text())
    assert suite == printed.document
    assert {item["type"] for item in suite["expectations"]} >= {
        "expect_column_values_to_be_unique",
        "expect_column_values_to_be_in_set",
    }


def test_a_suite_is_not_overwritten_unasked(pypedream: Pypedream, filled: Deployed) -> None:
    path = filled.folder / "pipeline_graph" / "expectations" / "bronze.json"
    path.parent.mkdir()
    path.write_text("edited")
    error = pypedream("expectations", "bronze").error
    assert "pipeline_graph/expectations/bronze.json is there already" in error
    assert "--force" in error
    assert path.read_text() == "edited"
    assert pypedream("expectations", "bronze", "-o", "other.json").code == 0
    assert (filled.folder / "other.json").is_file()
    assert pypedream("expectations", "bronze", "--force").code == 0
    assert json.loads(path.read_text())["name"] == "bronze"


def test_no_such_dataset_or_data(pypedream: Pypedream, filled: Deployed) -> None:
    assert "its datasets: extract.bronze, transform.silver, load.gold" in pypedream("expectations", "nope").error
    assert "holds no data to draft expectations from" in pypedream("expectations", "gold").error
    assert "nope" in pypedream("expectations", "bronze", "--branch", "nope").error
    assert not (filled.folder / "pipeline_graph" / "expectations").exists()
