"""A project whose small production is deployed on the embedded AWS."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from pypedream_dagster.aws.session import connect
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.settings import Settings

from .production import Project, deploy_production, graph_document, make_role

ROOT = Path(__file__).parents[2]

MakeProject = Callable[[float], Project]


@pytest.fixture
def make_project(aws_env: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeProject:
    """Return a function that deploys the production with jobs that sleep so many seconds."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    def make(sleep_seconds: float) -> Project:
        suffix = uuid.uuid4().hex[:8]
        bucket = f"lake-{suffix}"
        folder = tmp_path / "project"
        folder.mkdir()
        for name in ("dagster.yaml", "workspace.yaml"):
            shutil.copy(ROOT / name, folder)
        settings = Settings(folder, endpoint_url=aws_env.url, region=aws_env.region)
        aws = connect(settings)
        aws.s3.create_bucket(bucket)
        deploy_production(aws, settings, bucket, graph_document(bucket, suffix, make_role(suffix), sleep_seconds))
        return Project(settings, aws, bucket, suffix)

    return make


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """The production with jobs that do not sleep."""
    return make_project(0)
