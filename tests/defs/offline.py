"""The project of `production.py`, with its branch, but without any AWS."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.model import Branch
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.settings import Settings

from .production import graph_document, script


def offline_project(folder: Path, name: str = "test") -> Settings:
    """Write main's graph and one branch at transform; return the project's settings."""
    settings = Settings(folder)
    document = graph_document("lake", "shop", "arn:aws:iam::123456789012:role/jobs", 0)
    document["nodes"][2]["metadata"]["output_data"]["gold"]["table"] = "shop.gold"
    settings.graph_path.parent.mkdir(parents=True)
    settings.graph_path.write_text(json.dumps(document))
    branch = Branch(
        name=name,
        origins=("transform",),
        owner="ann@example.com",
        project="shop",
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        expires_at=datetime(2026, 1, 9, tzinfo=UTC),
        graph_sha256="0",
    )
    graph = derive_branch(parse_graph(document), name, ("transform",))
    BranchStore(settings.branches_dir).create(branch, graph, {"transform": script().encode()})
    return settings
