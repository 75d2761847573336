"""A project folder, a way to run one command line in it, and production deployed to the embedded AWS."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from pypedream_dagster.cli.main import run
from pypedream_dagster.local_aws.endpoint import Endpoint
from tests.deploy.production import SCRIPT, main_properties, make_role, node_document


@dataclass(frozen=True)
class Outcome:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Stdout as the one JSON document that it must be."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The error, which must be one line on stderr and nothing on stdout."""
        lines = [line for line in self.err.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, self
        assert not self.out, self
        return lines[0]


Pypedream = Callable[..., Outcome]


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which no AWS is configured."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def pypedream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Pypedream:
    """Run ``pypedream`` in the test's project folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYPEDREAM_PROJECT", raising=False)
    monkeypatch.setenv("PYPEDREAM_OWNER", "ann")
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


def graph_document(suffix: str, bucket: str, role: str = "arn:aws:iam::123456789012:role/none") -> dict[str, Any]:
    """extract → transform → load, with the original tool's start and stop around them."""
    chain = (("extract", "bronze", None), ("transform", "silver", "bronze"), ("load", "gold", "silver"))
    nodes = [node_document(name, suffix, bucket, role, output, source) for name, output, source in chain]
    ends = [{"id": name, "metadata": {"operation": "NOOP", "trigger": "MANUAL"}} for name in ("start", "stop")]
    links = [
        {"source": "start", "target": "extract", "directed": True, "metadata": {"data": [], "crawl_data": False}},
        {"source": "extract", "target": "transform", "metadata": {"data": ["bronze"]}},
        {"source": "transform", "target": "load", "metadata": {"data": ["silver"]}},
        {"source": "load", "target": "stop", "metadata": {"data": []}},
    ]
    return {
        "directed": True,
        "multigraph": False,
        "graph": {"metadata": {"name": "shop"}},
        "nodes": [ends[0], *nodes, ends[1]],
        "links": links,
    }


def write_graph(project: Path, document: Any) -> None:
    """Write the project's main graph."""
    (project / "pipeline_graph").mkdir(exist_ok=True)
    (project / "pipeline_graph" / "main.json").write_text(json.dumps(document))


@pytest.fixture
def project(tmp_path: Path, no_aws: None) -> Path:
    """A project whose pipeline is deployed nowhere, and a script to bring."""
    write_graph(tmp_path, graph_document("x", "shop-lake"))
    (tmp_path / "own.py").write_text("print('mine')\n")
    return tmp_path


@dataclass(frozen=True)
class Deployed:
    """A project whose production is deployed."""

    folder: Path
    bucket: str
    suffix: str
    role: str


@pytest.fixture
def deployed(tmp_path: Path, aws_env: Endpoint) -> Deployed:
    """A project whose jobs and scripts are on the embedded AWS."""
    suffix = uuid.uuid4().hex[:8]
    bucket = f"shop-{suffix}"
    s3, glue = boto3.client("s3"), boto3.client("glue")
    s3.create_bucket(Bucket=bucket)
    role = make_role(suffix)
    document = graph_document(suffix, bucket, role)
    write_graph(tmp_path, document)
    for node in document["nodes"][1:-1]:
        s3.put_object(Bucket=bucket, Key=f"main/scripts/{node['id']}.py", Body=SCRIPT.encode())
        properties: Any = main_properties(node)
        glue.create_job(Name=f"{node['id']}-{suffix}-main", **properties)
    return Deployed(tmp_path, bucket, suffix, role)


def files_below(folder: Path) -> dict[str, bytes]:
    """All files of a project with their content, to tell that nothing was changed."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
