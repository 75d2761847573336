"""The published JSON Schema: current, and of one mind with the reader about shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pypedream_dagster.errors import GraphError
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.schema import graph_schema, published_schema_path

from .test_files import ORIGINAL

URI = "s3://bucket/{branch-name}/x/"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(published_schema_path().read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _with_output(dataset: Any) -> dict[str, Any]:
    metadata = {"operation": "glue", "properties": {"Name": "a"}, "output_data": {"x": dataset}}
    return {"nodes": [{"id": "a", "metadata": metadata}], "links": []}


def test_the_published_schema_is_current() -> None:
    published = json.loads(published_schema_path().read_text(encoding="utf-8"))
    assert published == graph_schema(), "run: python -m pypedream_dagster.graph.schema"


def test_the_demo_fits(validator: jsonschema.Draft202012Validator) -> None:
    validator.validate(json.loads((Path(__file__).parents[2] / "pipeline_graph" / "main.json").read_text()))


@pytest.mark.parametrize(
    "document",
    [
        ORIGINAL,
        {"nodes": []},
        {"nodes": [{"id": "start"}], "edges": [], "comment": "kept"},
        {"nodes": [{"id": "a", "metadata": {"operation": "NOOP", "output_data": None, "more": {}}}], "links": None},
        _with_output(URI),
        _with_output({"uri": URI, "main_uri": None, "tolerance": {"a": 0.5, "b": {"relative": 0.1}}, "steward": "x"}),
        _with_output({"uri": URI, "delta_policy": {"max_removed_fraction": 0}, "write_mode": "append"}),
    ],
)
def test_what_the_reader_takes_is_valid(validator: jsonschema.Draft202012Validator, document: Any) -> None:
    parse_graph(document)
    validator.validate(document)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"nodes": {}},
        {"nodes": [1]},
        {"nodes": [], "directed": False},
        {"nodes": [{"metadata": {"operation": "glue"}}]},
        {"nodes": [{"id": 7}]},
        {"nodes": [{"id": "a", "metadata": {}}]},
        {"nodes": [{"id": "a"}], "links": [{"source": "a"}]},
        {"nodes": [], "links": [{"source": "a", "target": "b", "metadata": {"data": "bronze"}}]},
        _with_output(7),
        _with_output({"main_uri": URI}),
        _with_output({"uri": URI, "format": "xml"}),
        _with_output({"uri": URI, "write_mode": "sometimes"}),
        _with_output({"uri": URI, "tolerance": {"a": -1}}),
        _with_output({"uri": URI, "tolerance": {"a": "much"}}),
        _with_output({"uri": URI, "primary_key": "id"}),
    ],
)
def test_what_the_reader_refuses_is_invalid(validator: jsonschema.Draft202012Validator, document: Any) -> None:
    with pytest.raises(GraphError):
        parse_graph(document)
    assert not validator.is_valid(document)
