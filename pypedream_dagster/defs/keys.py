"""What things are called in Dagster: asset keys, op names, groups, tags. Pure; names of AWS are in branch/naming."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping

from dagster import AssetKey

from pypedream_dagster.branch.model import BranchGraph, BranchNode, Input, Output
from pypedream_dagster.branch.naming import slug
from pypedream_dagster.graph.model import MAIN
from pypedream_dagster.graph.uri import find_uris, parse_uri

BRANCH_TAG = "pypedream/branch"
NODE_TAG = "pypedream/node"
BROKEN_OFF_TAG = "pypedream/broken-off"
"""On Dagster runs that failed of something else than their Glue runs: the next trigger goes on with them."""

KIND_TAG = "pypedream/step"
"""On ops: ``delta`` for the steps that compute rather than wait, so that the executor can limit them."""

BRANCH_PARTITIONS = "branch"
"""The dynamic partition set that holds one partition per branch."""

_OP_NAME = re.compile(r"[^A-Za-z0-9_]")
_KEY_PART = re.compile(r"[^A-Za-z0-9_.-]")
_TAG_VALUE = re.compile(r"[^A-Za-z0-9_.-]")
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html: Glue's own, no data.
_NO_DATA = re.compile(r"^--(TempDir$|spark-event-logs-path$|extra-|additional-|conf$|scriptLocation$)")


def asset_keys(branch: str, node: BranchNode) -> tuple[AssetKey, ...]:
    """Return the assets of a node: one per output, or the node itself if it has none."""
    if not node.outputs:
        return (_key(branch, node.id),)
    return tuple(output_key(branch, node, output) for output in node.outputs)


def output_key(branch: str, node: BranchNode, output: Output) -> AssetKey:
    """Return the asset of an output."""
    return _key(branch, node.id, output.name)


def input_key(branch: str, item: Input) -> AssetKey:
    """Return the asset that an input is: of the branch, or of main, which another code location has."""
    return _key(branch if item.side == "head" else MAIN, item.producer, item.dataset)


def source_key(uri: str) -> AssetKey:
    """Return the asset of a place that no node writes."""
    parsed = parse_uri(uri)
    return _key("sources", parsed.bucket, *parsed.key.strip("/").split("/"))


def _key(*parts: str) -> AssetKey:
    return AssetKey([_key_part(part) for part in parts])


def _key_part(text: str) -> str:
    """Return a part of a key as Dagster can make an op's input or output of it: letters, digits, and few signs."""
    plain = _KEY_PART.sub("_", text)
    # "load é" and "load ä" must stay two assets.
    return text if text == plain else f"{plain}_{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def source_uris(graph: BranchGraph, node: BranchNode) -> Iterator[str]:
    """Yield the URIs that a node's arguments name and no link accounts for: what lies outside of the graph."""
    defaults = node.properties.get("DefaultArguments")
    given: Mapping[str, object] = {**(defaults if isinstance(defaults, dict) else {}), **node.arguments}
    known = {item.uri.rstrip("/") for item in node.inputs}
    known |= {uri.rstrip("/") for output in node.outputs for uri in (output.base_uri, output.head_uri)}
    made = [parse_uri(output.base_uri) for _, output in graph.datasets()]
    found: set[str] = set()
    for name, value in given.items():
        for text in find_uris(str(value)) if not _NO_DATA.match(name) else ():
            try:
                uri = parse_uri(text)
            except ValueError:
                continue
            inside = any(uri.contains(dataset) or dataset.contains(uri) for dataset in made)
            if uri.key.strip("/") and text.rstrip("/") not in known and not inside:
                found.add(text.rstrip("/") + "/" * text.endswith("/"))
    yield from sorted(found)


def op_name(branch: str, *parts: str) -> str:
    """Return a name that Dagster takes for an op, and that neither other parts nor a branch's job have."""
    pieces = [slug(branch), *parts]
    plain = "__".join(pieces)
    name = _OP_NAME.sub("_", plain)
    # Nodes "a-b" and "a.b" must not become one op, nor branch "a" node "b__c" that of branch "a__b" node "c";
    # and the job of branch "x" is called "branch__x".
    if name == plain and plain.count("__") == len(parts) and pieces[0] != "branch":
        return name
    return f"{name}_{hashlib.sha256(repr(pieces).encode()).hexdigest()[:6]}"


def group_name(branch: str) -> str:
    """Return the asset group; groups nest at the slash in the UI."""
    return MAIN if branch == MAIN else f"branches/{slug(branch)}"


def tag_value(text: str) -> str:
    """Return a text as Dagster takes it for a tag's value."""
    return _TAG_VALUE.sub("_", text)[:63]


def run_tags(branch: str) -> dict[str, str]:
    """Return the tags of a branch's Dagster runs."""
    return {BRANCH_TAG: tag_value(branch)}
