"""Small pipelines to branch."""

from __future__ import annotations

from typing import Any

from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.model import Json, PipelineGraph

BUCKET = "s3://bucket/{branch-name}"


def job(node_id: str, outputs: dict[str, Any] | None = None, **metadata: Any) -> Json:
    properties = {
        "Name": f"pypedream-{node_id}-{{branch-name}}",
        "Role": "arn:aws:iam::123456789012:role/glue",
        "Command": {"Name": "glueetl", "ScriptLocation": f"{BUCKET}/scripts/{node_id}.py"},
        **metadata.pop("properties", {}),
    }
    return {
        "id": node_id,
        "metadata": {"operation": "glue", "properties": properties, "output_data": outputs or {}, **metadata},
    }


def noop(node_id: str) -> Json:
    return {"id": node_id, "metadata": {"operation": "NOOP", "trigger": "MANUAL"}}


def link(source: str, target: str, *data: str, **metadata: Any) -> Json:
    return {"source": source, "target": target, "directed": True, "metadata": {"data": list(data), **metadata}}


def graph(nodes: list[Json], links: list[Json] | None = None) -> PipelineGraph:
    return parse_graph({"directed": True, "multigraph": False, "graph": {}, "nodes": nodes, "links": links or []})


def chain() -> PipelineGraph:
    """Return the original tool's own example: extract → transform → load between two nodes that do nothing."""
    return graph(
        [
            noop("start"),
            job(
                "extract",
                {"bronze": f"{BUCKET}/data/bronze/"},
                properties={"DefaultArguments": {"--SOURCE_S3_PATH": "s3://bucket/raw/"}},
            ),
            job("transform", {"silver": f"{BUCKET}/data/silver/"}),
            job("load", {"gold": f"{BUCKET}/data/gold/"}),
            noop("stop"),
        ],
        [
            link("start", "extract"),
            link("extract", "transform", "bronze"),
            link("transform", "load", "silver"),
            link("load", "stop"),
        ],
    )
