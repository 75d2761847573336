"""What main's data was when a branch's job ran: remembered with the run, to be held against what it is later.

A delta compares the branch's data with main's as it is *then*. If production has rewritten it since the branch read
its inputs, part of the delta is main's own change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import BaseModel, ConfigDict

from pypedream_dagster.aws.s3 import S3Client, S3Object
from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.errors import AwsError
from pypedream_dagster.graph.uri import find_uris, is_uri, parse_uri, plain_prefix, unknown_parts
from pypedream_dagster.run.isolation import Snapshot

MOST_OBJECTS = 10_000
"""Of a source that no node of the graph writes, so many objects are looked at: a raw lake may hold millions."""


class MainData(BaseModel):
    """A prefix of main as it was listed.

    Attributes:
        uri: the prefix, or a single object.
        objects, bytes: how many it held; of a source only the first `MOST_OBJECTS`.
        sha256: over the sorted keys, sizes and ETags.
        written_at: when the newest of them was written; None where that was not asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    objects: int
    bytes: int
    sha256: str
    written_at: datetime | None = None

    def is_same(self, other: MainData) -> bool:
        """Tell whether both list the same objects with the same content."""
        return self.sha256 == other.sha256


def sources(graph: BranchGraph, node: BranchNode) -> tuple[str, ...]:
    """Return what a node reads of main that no node writes: what its job's default arguments name.

    Not what the branch overrides, and no common root of all datasets: that is no dataset.
    """
    defaults = node.properties.get("DefaultArguments")
    given = {} if not isinstance(defaults, dict) else {k: v for k, v in defaults.items() if k not in node.arguments}
    known = {output.base_uri for output in node.outputs} | {item.uri for item in node.inputs}
    found = {uri for text in _texts(given.values()) for uri in map(_plain, find_uris(text)) if uri is not None}
    return tuple(sorted(uri for uri in (found & set(graph.protected_uris)) - known if not unknown_parts(uri)))


def data_before(s3: S3Client, graph: BranchGraph, node: BranchNode, snapshot: Snapshot) -> tuple[MainData, ...]:
    """Return main's side of a node as it is before the run: its outputs, its inputs from main, and its sources.

    Args:
        s3: lists the sources.
        graph, node: the branch's.
        snapshot: of the outputs and inputs, and of what else was listed.
    """
    near = {output.base_uri for output in node.outputs} | {item.uri for item in node.inputs if item.side == "base"}
    listed = [parse_uri(uri) for uri in snapshot.uris]
    whole = [uri for uri in sorted(near) if any(one.contains(parse_uri(uri)) for one in listed)]
    found = [_of_listing(uri, _below(uri, snapshot.objects)) for uri in whole]
    for uri in sources(graph, node):
        try:
            found.append(list_main(s3, uri, MOST_OBJECTS))
        except AwsError:
            continue  # a run does not fail for what only a note would tell
    return tuple(found)


def list_main(s3: S3Client, uri: str, most: int | None = None) -> MainData:
    """Return a prefix of main as it is now.

    Raises:
        AwsError: it cannot be listed.
    """
    folder = uri.rstrip("/") + "/"
    objects: list[S3Object] = [
        item for item in islice(s3.list_objects(uri), most) if item.uri == uri or item.uri.startswith(folder)
    ]
    written = max((item.last_modified for item in objects), default=None)
    return _of_listing(uri, {item.uri: (item.size_bytes, item.etag) for item in objects}, written)


def _of_listing(uri: str, objects: Mapping[str, tuple[int, str]], written_at: datetime | None = None) -> MainData:
    digest = hashlib.sha256()
    for key, (size, etag) in sorted(objects.items()):
        digest.update(f"{key}\0{size}\0{etag}\0".encode())
    total = sum(size for size, _ in objects.values())
    return MainData(uri=uri, objects=len(objects), bytes=total, sha256=digest.hexdigest(), written_at=written_at)


def _below(uri: str, objects: Mapping[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
    folder = uri.rstrip("/") + "/"
    return {key: value for key, value in objects.items() if key == uri or key.startswith(folder)}


def _plain(uri: str) -> str | None:
    prefix = plain_prefix(uri)
    return uri if is_uri(uri) else None if prefix is None else str(prefix)


def _texts(values: Iterable[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))
