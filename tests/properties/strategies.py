"""Random pipelines: 1 to 25 nodes, several outputs, data and order links, NOOPs, shared jobs, production elsewhere."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pypedream_dagster.branch.naming import check_branch_name
from pypedream_dagster.errors import BranchError
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.model import Json, PipelineGraph


def _allowed(name: str) -> bool:
    try:
        check_branch_name(name)
    except BranchError:
        return False
    return True


branch_names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True).filter(_allowed)
"""Any name that a branch may have."""

plain_names = st.sampled_from(["test", "new_branch", "main-x", "mainx", "x-main", "0", "a-b-c", "data-fix"])
"""Names that a developer might choose, look-alikes of main among them."""

_TEMPLATES = (
    "s3://lake/{branch-name}/data/%s/",
    "s3://lake/{branch-name}/data/%s",
    "s3a://other-lake/warehouse/{branch-name}/%s/",
    "s3://lake/zone-{branch-name}/%s/",
    "s3://lake/by-dataset/%s/{branch-name}/",
)


@st.composite
def documents(draw: st.DrawFn, *, max_nodes: int = 25, templates: tuple[str, ...] = _TEMPLATES) -> Json:
    """Return a node-link document without faults."""
    count = draw(st.integers(1, max_nodes))
    nodes: list[Json] = []
    for index in range(count):
        is_noop = draw(st.integers(0, 7)) == 0 and index > 0
        nodes.append(_noop(index) if is_noop else _job(draw, index, templates))
    links: list[Json] = []
    for target in range(1, count):
        for source in draw(st.sets(st.integers(0, target - 1), max_size=3)):
            made = list(nodes[source]["metadata"].get("output_data", {}))
            data: list[str] = draw(st.lists(st.sampled_from(made), unique=True)) if made else []
            link: Json = {"source": f"n{source}", "target": f"n{target}"}
            if draw(st.booleans()) or data:
                link["metadata"] = {"data": data, "crawl_data": draw(st.booleans())}
            links.append(link)
    # Node order in a file is nobody's promise.
    return {"directed": True, "nodes": draw(st.permutations(nodes)), "links": draw(st.permutations(links))}


@st.composite
def graphs(draw: st.DrawFn, *, max_nodes: int = 25, templates: tuple[str, ...] = _TEMPLATES) -> PipelineGraph:
    """Return a validated graph."""
    return parse_graph(draw(documents(max_nodes=max_nodes, templates=templates)))


@st.composite
def graphs_with_origins(draw: st.DrawFn, *, max_nodes: int = 25) -> tuple[PipelineGraph, tuple[str, ...]]:
    """Return a graph and one to three nodes of it that can be branched."""
    graph = draw(graphs(max_nodes=max_nodes))
    jobs = [node.id for node in graph.nodes if node.is_job]
    return graph, tuple(draw(st.lists(st.sampled_from(jobs), min_size=1, max_size=3, unique=True)))


def _noop(index: int) -> Json:
    return {"id": f"n{index}", "metadata": {"operation": "NOOP", "trigger": "MANUAL"}}


def _job(draw: st.DrawFn, index: int, templates: tuple[str, ...]) -> Json:
    node_id = f"n{index}"
    shares = draw(st.integers(0, 5)) == 0
    name = "shared-{branch-name}" if shares else draw(st.sampled_from([f"job-{node_id}-{{branch-name}}", f"{node_id}"]))
    properties: Json = {"Name": name, "Role": "arn:aws:iam::123456789012:role/glue"}
    if draw(st.booleans()):
        location = draw(st.sampled_from(["s3://lake/{branch-name}/scripts/%s.py", "s3://code/scripts/%s.py"]))
        properties["Command"] = {"Name": "glueetl", "ScriptLocation": location % node_id}
    outputs: dict[str, Any] = {}
    for number in range(draw(st.integers(0, 3))):
        outputs[f"d{index}_{number}"] = _dataset(draw, f"d{index}_{number}", templates)
    defaults = {"--SOURCE": f"s3://lake/raw/{index}/"}
    if draw(st.booleans()):
        defaults["--TempDir"] = "s3://lake/main/temporary/"
    properties["DefaultArguments"] = defaults
    if outputs and draw(st.integers(0, 4)) == 0:
        properties["NonOverridableArguments"] = {f"--{next(iter(outputs)).upper()}_DATA_SINK": "s3://lake/fixed/"}
    metadata: Json = {"operation": "glue", "properties": properties, "output_data": outputs}
    return {"id": node_id, "metadata": metadata}


def _dataset(draw: st.DrawFn, name: str, templates: tuple[str, ...]) -> Any:
    uri = draw(st.sampled_from(templates)) % name
    if draw(st.integers(0, 3)) == 0:
        return {"uri": uri, "main_uri": f"s3://production/{name}/", "primary_key": ["id"], "owner": "kept"}
    return uri
