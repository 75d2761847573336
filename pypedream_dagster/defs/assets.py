"""From a branch graph, or main's, to Dagster assets: one per dataset. Pure: nothing is read or called."""

# No "from __future__ import annotations": dagster reads the annotations of asset functions as objects.
import re
from collections.abc import Iterator

from dagster import (
    AssetDep,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    Backoff,
    Jitter,
    MaterializeResult,
    RetryPolicy,
    multi_asset,
)

from pypedream_dagster.branch.model import BranchGraph, BranchNode, Output
from pypedream_dagster.defs.keys import (
    BRANCH_TAG,
    NODE_TAG,
    asset_keys,
    group_name,
    input_key,
    op_name,
    output_key,
    source_key,
    source_uris,
    tag_value,
)
from pypedream_dagster.defs.metadata import Metadata
from pypedream_dagster.defs.resources import AwsResource
from pypedream_dagster.defs.step import Place, materialize
from pypedream_dagster.graph.model import MAIN

# For an AWS that is away or throttles: a Glue run that failed is not tried again, one that lives is joined.
_RETRIES = RetryPolicy(max_retries=2, delay=10, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS)
_OWNER = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")


def build_assets(place: Place, *, owner: str | None = None) -> list[AssetsDefinition]:
    """Return the assets of a branch or of main, one definition per node.

    Args:
        place: the graph, and the branch's folder.
        owner: who owns the branch: a mail address, or any other text for a team's name.
    """
    return [_node_assets(place, node, owner) for node in place.graph.nodes]


def source_specs(graph: BranchGraph) -> list[AssetSpec]:
    """Return the places outside of main's graph that its jobs read, by what their arguments name."""
    uris = sorted({uri for node in graph.nodes for uri in source_uris(graph, node)})
    return [
        AssetSpec(
            source_key(uri),
            description="Read by main's jobs, written by none of them.",
            group_name="sources",
            kinds={"s3"},
            metadata={"dagster/uri": uri},
        )
        for uri in uris
    ]


def _node_assets(place: Place, node: BranchNode, owner: str | None) -> AssetsDefinition:
    # A Glue job writes all of its outputs, wanted or not: so they are one op that cannot be subset.
    @multi_asset(
        name=op_name(place.branch, node.id),
        specs=list(_specs(place, node, owner)),
        can_subset=False,
        retry_policy=_RETRIES,
        op_tags={NODE_TAG: tag_value(node.id)},
    )
    def assets(context: AssetExecutionContext, aws: AwsResource) -> Iterator[MaterializeResult]:  # type: ignore[type-arg]
        yield from materialize(context, aws, place, node)

    return assets


def _specs(place: Place, node: BranchNode, owner: str | None) -> Iterator[AssetSpec]:
    keys = asset_keys(place.branch, node)
    outputs: tuple[Output | None, ...] = node.outputs or (None,)
    for key, output in zip(keys, outputs, strict=True):
        yield AssetSpec(
            key,
            deps=_deps(place.graph, node),
            description=_description(place.graph, node, output),
            metadata=_metadata(place.graph, node, output),
            group_name=group_name(place.branch),
            code_version=place.script_sha256(node),
            owners=_owners(owner),
            tags={BRANCH_TAG: tag_value(place.branch), NODE_TAG: tag_value(node.id)},
            kinds=_kinds(node),
        )


def _deps(graph: BranchGraph, node: BranchNode) -> list[AssetDep]:
    """Return what a node needs first: its inputs, sources, and the nodes that are only to end before it."""
    keys: dict[AssetKey, None] = {}
    for item in node.inputs:
        keys[input_key(graph.branch, item)] = None
    for uri in source_uris(graph, node):
        keys[source_key(uri)] = None
    producers = {item.producer for item in node.inputs if item.side == "head" or graph.is_main}
    for upstream in node.upstream:
        if upstream not in producers:
            # One of its assets is enough: they are made by one op.
            keys[asset_keys(graph.branch, graph.by_id[upstream])[0]] = None
    return [AssetDep(key) for key in keys]


def _description(graph: BranchGraph, node: BranchNode, output: Output | None) -> str:
    what = f"Dataset `{output.name}` of" if output else "Runs"
    if graph.is_main:
        return f"{what} `{node.id}` in production, by Glue job `{node.job}`."
    job = {
        "clone": f"Glue job `{node.job}`, the branch's own" + (" script" if node.is_origin else ""),
        "reuse": f"production's Glue job `{node.job}` with the branch's arguments",
    }[node.action]
    reason = f"\n\nCloned because {node.why_cloned}." if node.why_cloned else ""
    return f"{what} `{node.id}` on branch `{graph.branch}`, by {job}.{reason}"


def _metadata(graph: BranchGraph, node: BranchNode, output: Output | None) -> Metadata:
    found: Metadata = {"glue/job": node.job}
    if output is None:
        return found
    found["dagster/uri"] = output.head_uri
    if output.head_table:
        found["dagster/table_name"] = output.head_table
    if not graph.is_main:
        found["base/uri"] = output.base_uri
        found["base/asset"] = output_key(MAIN, node, output)
    return found


def _owners(owner: str | None) -> list[str]:
    if not owner or owner == "unknown":
        return []
    return [owner] if _OWNER.match(owner) else [f"team:{tag_value(owner)}"]


def _kinds(node: BranchNode) -> set[str]:
    command = node.properties.get("Command")
    shell = isinstance(command, dict) and command.get("Name") == "pythonshell"
    return {"aws", "s3", "python" if shell else "pyspark"}
