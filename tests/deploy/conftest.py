"""A small production on the embedded AWS, and a project folder for its branches."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypedream_dagster.aws.session import connect
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.settings import Settings

from .production import SCRIPT, Project, main_properties, make_role, node_document


@pytest.fixture
def project(aws_env: Endpoint, tmp_path: Path) -> Iterator[Project]:
    """extract → transform → load as Python shell jobs, deployed, their scripts uploaded, nothing run yet."""
    suffix = uuid.uuid4().hex[:8]
    bucket = f"lake-{suffix}"
    settings = Settings(tmp_path, endpoint_url=aws_env.url, region=aws_env.region)
    aws = connect(settings)
    aws.s3.create_bucket(bucket)
    role = make_role(suffix)
    chain = (("extract", "bronze", None), ("transform", "silver", "bronze"), ("load", "gold", "silver"))
    nodes = [node_document(name, suffix, bucket, role, output, source) for name, output, source in chain]
    for node in nodes:
        aws.s3.write(f"s3://{bucket}/main/scripts/{node['id']}.py", SCRIPT)
        aws.glue.create_job(f"{node['id']}-{suffix}-main", main_properties(node), {})
    links = [
        {"source": "extract", "target": "transform", "metadata": {"data": ["bronze"]}},
        {"source": "transform", "target": "load", "metadata": {"data": ["silver"], "crawl_data": True}},
    ]
    graph = parse_graph({"directed": True, "nodes": nodes, "links": links})
    yield Project(aws, BranchStore(settings.branches_dir), graph, bucket, suffix)
    aws.catalog.delete_database("pypedream_test")  # the one name that tests share
