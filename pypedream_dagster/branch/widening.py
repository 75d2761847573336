"""Patterns in place of many prefixes, for a session policy that must stay small.

A pattern such as ``lake/sales/*/test/*`` covers every ``s3://lake/sales/<dataset>/test/``. In IAM ``*`` crosses
slashes, so the pattern alone would also let through ``lake/sales/orders/main/test/…``, which is main's. Hence a
second list, to be denied: patterns and prefixes that together cover every URI of main that lies where the first
could reach. Deny wins, so no object of main can be written; that is checked here, not assumed.

What widening gives up: the branch could write below a folder of its own name elsewhere under the same parent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase
from itertools import takewhile

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.graph.uri import S3Uri, parse_uri

_ARN = "arn:aws:s3:::"


def widen(graph: BranchGraph) -> tuple[list[str], list[str]] | None:
    """Return ARN patterns that hold the branch's prefixes, and those to deny that hold main's; None if unsound."""
    if any("[" in uri for uri in (*graph.write_prefixes, *graph.protected_uris)):
        return None  # Plain to IAM, a set of characters to fnmatch: what is checked would not be what holds.
    own = [parse_uri(uri) for uri in graph.write_prefixes]
    allowed, singles = _patterns(own)
    if not allowed:
        return None
    reach = [pattern.partition("*")[0] for pattern in allowed]
    main = [parse_uri(uri) for uri in graph.protected_uris]
    near = [uri for uri in main if any(uri.folder.startswith(head) for head in reach)]
    denied, rest = _patterns(near)
    # A URI of main may be one object as well as a folder.
    denied += [pattern for uri in rest for pattern in (f"{uri.folder}*", uri.folder.rstrip("/"))]
    covered = all(any(_holds(pattern, uri) for pattern in denied) for uri in near)
    blocked = any(fnmatchcase(uri.folder, pattern) for uri in own for pattern in denied)
    if blocked or not covered:
        return None
    exact = [arn for uri in singles for arn in naming.object_arns(str(uri))]
    markers = [f"{pattern.removesuffix('/*')}_$folder$" for pattern in allowed]
    return [*(_ARN + pattern for pattern in [*allowed, *markers]), *exact], [_ARN + pattern for pattern in denied]


def _holds(pattern: str, uri: S3Uri) -> bool:
    """Tell whether a pattern that ends in ``*`` holds a folder, and so all below it."""
    return pattern.endswith("*") and fnmatchcase(uri.folder, pattern)


def _patterns(uris: Iterable[S3Uri]) -> tuple[list[str], list[S3Uri]]:
    """Return a pattern for each set of folders that have bucket and last segment in common, and the others."""
    alike: defaultdict[tuple[str, str], list[list[str]]] = defaultdict(list)
    for uri in uris:
        *parent, last = uri.folder.rstrip("/").split("/")
        alike[uri.bucket, last].append(parent)
    patterns: list[str] = []
    singles: list[S3Uri] = []
    for (_, last), parents in sorted(alike.items()):
        shared = [same[0] for same in takewhile(lambda level: len(set(level)) == 1, zip(*parents, strict=False))]
        pattern = "/".join([*shared, "*", last, "*"])
        for parent in parents:
            folder = "/".join([*parent, last, ""])
            if len(parents) == 1 or not fnmatchcase(folder, pattern):
                singles.append(parse_uri(f"s3://{folder}"))
            elif pattern not in patterns:
                patterns.append(pattern)
    return patterns, singles
