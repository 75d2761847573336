from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from pypedream_dagster.aws.session import connect
from pypedream_dagster.branch.naming import TAG_BRANCH, clone_description
from pypedream_dagster.errors import NotFoundError
from pypedream_dagster.importers.glue import import_from_glue
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.settings import Settings


def test_deployed_jobs_are_imported_and_clones_are_not(aws_env: Endpoint, tmp_path: Path) -> None:
    glue = connect(Settings(tmp_path, endpoint_url=aws_env.url, region=aws_env.region)).glue
    name = f"import{uuid.uuid4().hex[:8]}"
    properties = {
        "Role": "arn:aws:iam::123456789012:role/x",
        "Command": {"Name": "glueetl", "ScriptLocation": "s3://code/main/x.py"},
        "GlueVersion": "5.0",
        "WorkerType": "G.1X",
        "NumberOfWorkers": 2,
    }
    sink = {"DefaultArguments": {"--X_DATA_SINK": "s3://lake/main/x/"}}
    source = {"DefaultArguments": {"--X_DATA_SOURCE": "s3://lake/main/x/"}}
    glue.create_job(f"{name}-a-main", {**properties, **sink, "Description": "Branch offices"}, {})
    glue.create_job(f"{name}-b-main", {**properties, **source}, {})
    described = {**properties, **sink, "Description": clone_description("test", f"{name}-a-main")}
    glue.create_job(f"{name}-a-test", described, {TAG_BRANCH: "test"})
    graph = import_from_glue(glue, name).graph
    assert [node.id for node in graph.nodes] == [f"{name}-a", f"{name}-b"]
    assert [(link.source, link.target, link.data) for link in graph.links] == [(f"{name}-a", f"{name}-b", ("x",))]
    assert graph.nodes[0].metadata.properties["NumberOfWorkers"] == 2
    assert "MaxCapacity" not in graph.nodes[0].metadata.properties
    with pytest.raises(NotFoundError, match="no-such-job"):
        import_from_glue(glue, "no-such-job")
