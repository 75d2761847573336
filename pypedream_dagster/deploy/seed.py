"""Seeding: an output that its job builds on starts on the branch as a copy of main's.

Copied by S3 itself. Seeding makes the branch's prefix hold what main's holds and nothing else, so it can be broken
off and done again, and the same call sets a dataset back before its job runs another time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pypedream_dagster.aws.s3 import S3Client, S3Object
from pypedream_dagster.branch.model import BranchGraph, BranchNode, Output
from pypedream_dagster.errors import NotFoundError, ProtectedError, StateError
from pypedream_dagster.graph.uri import parse_uri

ALL = "*"
"""In place of ``NODE.DATASET``: every output that the graph says is appended to or merged into."""

_COPIES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Size:
    """How much a dataset holds."""

    objects: int
    size_bytes: int


def seed_name(node: BranchNode, output: Output) -> str:
    """Return how a user names an output: ``NODE.DATASET``."""
    return f"{node.id}.{output.name}"


def with_seeds(graph: BranchGraph, wanted: Iterable[str]) -> BranchGraph:
    """Return the graph with further outputs seeded.

    Args:
        graph: the branch's.
        wanted: ``NODE.DATASET``, or `ALL`.

    Raises:
        StateError: no such output, or one whose format cannot be copied.
    """
    names = frozenset(wanted)
    known = {seed_name(node, output): output for node, output in graph.datasets()}
    if unknown := sorted(names - known.keys() - {ALL}):
        raise StateError(
            f"Branch {graph.branch!r} has no output {', '.join(unknown)}.",
            hint=f"NODE.DATASET is one of {', '.join(known) or 'none'}",
        )
    chosen = {
        name
        for name, output in known.items()
        if name in names or (ALL in names and output.settings.write_mode != "overwrite")
    }
    if tables := sorted(name for name in chosen if known[name].settings.format == "iceberg"):
        raise StateError(
            f"{', '.join(tables)} cannot be seeded: an Iceberg table's metadata names its files by absolute URIs, "
            "so that a copy would read main's.",
            hint="branch a node whose data does not reach it",
        )
    if not chosen:
        return graph
    nodes = []
    for node in graph.nodes:
        outputs = tuple(
            output.model_copy(update={"seeded": output.seeded or seed_name(node, output) in chosen})
            for output in node.outputs
        )
        nodes.append(node.model_copy(update={"outputs": outputs}))
    return graph.model_copy(update={"nodes": tuple(nodes)})


def dataset_size(s3: S3Client, uri: str) -> Size:
    """Return how much main's dataset holds; nothing where its bucket does not exist."""
    objects = _objects(s3, uri)
    return Size(len(objects), sum(item.size_bytes for item in objects.values()))


def seed(s3: S3Client, graph: BranchGraph, output: Output, *, pause: Callable[[], None] = lambda: None) -> Size:
    """Make the branch's dataset hold what main's holds, and nothing else.

    Args:
        pause: called after each object; whatever it raises breaks off, and seeding anew goes on from there.

    Returns:
        What was copied; what is the same already is left.

    Raises:
        ProtectedError: the branch's URI is not below its write prefixes, or touches what is main's.
        NotFoundError: an object of main's went while it was copied.
    """
    _check_own(graph, output.head_uri)
    wanted, found = _objects(s3, output.base_uri), _objects(s3, output.head_uri)
    surplus = [item for name, item in found.items() if name not in wanted]
    missing = [(name, item) for name, item in wanted.items() if not _same(item, found.get(name))]
    s3.delete_current(surplus)
    bucket, key = _place(output.head_uri)

    def copy(task: tuple[str, S3Object]) -> None:
        name, item = task
        s3.copy_object(item, bucket, f"{key}{name}")

    pool = ThreadPoolExecutor(_COPIES_AT_ONCE)
    try:
        for _ in pool.map(copy, missing):
            pause()
    finally:
        pool.shutdown(cancel_futures=True)
    return Size(len(missing), sum(item.size_bytes for _, item in missing))


def _same(one: S3Object, other: S3Object | None) -> bool:
    return other is not None and (one.size_bytes, one.etag) == (other.size_bytes, other.etag)


def _objects(s3: S3Client, uri: str) -> dict[str, S3Object]:
    """Return a dataset's objects by what follows its URI: ``""`` for a dataset that is one object."""
    whole = uri.rstrip("/")
    try:
        listed = list(s3.list_objects(whole))
    except NotFoundError:
        return {}
    # Not the neighbour "x2/" of "x".
    return {item.uri[len(whole) :]: item for item in listed if item.uri == uri or item.uri.startswith(f"{whole}/")}


def _place(uri: str) -> tuple[str, str]:
    at = parse_uri(uri)
    return at.bucket, at.key.rstrip("/")


def _check_own(graph: BranchGraph, uri: str) -> None:
    at = parse_uri(uri)
    own = any(parse_uri(prefix).contains(at) for prefix in graph.write_prefixes)
    mains = next((main for main in graph.protected_uris if parse_uri(main).overlaps(at)), None)
    if graph.is_main or not own or mains is not None:
        fault = f"it touches {mains}, which is main's" if mains else "it is not below the branch's prefixes"
        raise ProtectedError(
            f"{uri} is not seeded: {fault}.",
            hint="nothing was copied; look at the branch's graph.json",
        )
