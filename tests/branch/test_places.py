"""Where branches lie, read off the templates."""

from __future__ import annotations

from typing import Any

import pytest

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.lifecycle import offers
from pypedream_dagster.branch.places import branch_of_folder, branch_parents, branch_templates
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.model import PipelineGraph


def graph(uri: str, script: str = "s3://code/a.py", **data: Any) -> PipelineGraph:
    properties = {"Name": "a", "Command": {"Name": "glueetl", "ScriptLocation": script}}
    metadata = {"operation": "glue", "properties": properties, "output_data": {"d": {"uri": uri, **data}}}
    return parse_graph({"directed": True, "nodes": [{"id": "a", "metadata": metadata}], "links": []})


def test_templates_and_their_parents() -> None:
    found = graph("s3a://lake/dev/{branch-name}/x/", "s3://code/{branch-name}/jobs/a.py", main_uri="s3://lake/main/")
    assert branch_templates(found) == ("s3://lake/dev/{branch-name}/x/", "s3://code/{branch-name}/jobs/")
    assert branch_parents(found) == ("s3://lake/dev/", "s3://code/")


@pytest.mark.parametrize(
    ("template", "folder", "branch"),
    [
        ("s3://b/{branch-name}/x/", "s3://b/test/", "test"),
        ("s3://b/{branch-name}/x/", "s3://b/main/", None),
        ("s3://b/{branch-name}/x/", "s3://b/Not a branch/", None),
        ("s3://b/{branch-name}/x/", "s3://other/test/", None),
        ("s3://b/dev-{branch-name}.lake/x/", "s3://b/dev-test.lake/", "test"),
        ("s3://b/dev-{branch-name}.lake/x/", "s3://b/dev-testxlake/", None),
        ("s3://b/{branch-name}-{branch-name}/x/", "s3://b/a-a/", "a"),
        ("s3://b/{branch-name}-{branch-name}/x/", "s3://b/a-b/", None),
    ],
)
def test_a_folder_tells_its_branch(template: str, folder: str, branch: str | None) -> None:
    assert branch_of_folder(template, folder) == branch


def test_what_lies_beside_a_prefix_tells_whose_it_is() -> None:
    root = "s3://b/lake/test/"
    assert naming.root_beside(naming.claim_uri(root)) == root
    assert naming.root_beside("s3://b/lake/test_$pypedream_lease$") == root
    for other in ("s3://b/lake/test_$folder$", "s3://b/lake/test/x", "s3://b/_$pypedream$", "s3://b/test_$pypedreamy$"):
        assert naming.root_beside(other) is None


@pytest.mark.parametrize(
    ("uri", "main", "prefix"),
    [
        ("s3://lake/dev/{branch-name}/x/", "s3://lake/main/x/", "dev/"),
        ("s3a://lake/dev/{branch-name}/x/", "s3://lake/devil/x/", "dev/"),
        ("s3://dev/{branch-name}/x/", "s3://lake/main/x/", ""),
        ("s3://lake/d-{branch-name}/x/", "s3://lake/main/x/", "d-"),
        ("s3://lake/d-{branch-name}/x/", None, None),  # d-main/ begins so, too
        ("s3://lake/{branch-name}/x/", "s3://lake/prod/x/", None),  # the whole bucket
        ("s3://lake/dev/{branch-name}/x/", "s3://lake/dev/prod/x/", None),
        ("s3://lake/prod/dev/{branch-name}/x/", "s3://lake/prod/x/", "prod/dev/"),
    ],
)
def test_a_rule_is_offered_only_where_main_is_not(uri: str, main: str | None, prefix: str | None) -> None:
    [offer] = offers(graph(uri, main_uri=main), ())
    assert (offer.prefix if offer.refusal is None else None) == prefix
