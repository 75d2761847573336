"""What of an account the people who branch a pipeline can come to touch: patterns for IAM, pure.

Where a branch's name stands in a name or URI, a pattern such as ``*`` or ``dev-*`` stands here. ``*`` holds main, too,
and whatever else has a name of that shape: hence the second half, what is main's and may never be written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.isolation import protected_uris, write_prefixes
from pypedream_dagster.errors import BranchError
from pypedream_dagster.graph.model import MAIN, Node, PipelineGraph, render
from pypedream_dagster.graph.uri import BRANCH_PLACEHOLDER, S3Uri, is_uri, parse_uri, unknown_parts

# Stands for a branch's name while names are composed: no name that anybody gives, and plain to every check of a URI.
_ANY = "0any0branch0name0"


@dataclass(frozen=True, slots=True)
class Reach:
    """Names and patterns; objects are ``bucket/key`` with ``*`` for anything. What is not known whole is left out.

    Attributes:
        branches: the pattern of branch names that all of it is for.
        buckets: that hold main's and the branches' datasets and scripts.
        main_objects: main's datasets and scripts.
        branch_objects: what a branch writes, with its claims and Hadoop's folder markers beside it.
        leases: of these, claims and leases alone.
        kept_objects: what of ``branch_objects`` is main's.
        main_jobs: names of main's Glue jobs.
        branch_jobs: patterns of clones' names.
        kept_jobs: which of main's jobs such a pattern holds.
        databases: the pattern of the branches' catalog databases.
        kept_databases: which of main's databases it holds.
        roles: ARNs or names of the roles that the jobs run in.
        roleless: nodes of which the graph does not say the role.
        connections: names of the connections that the jobs use.
    """

    branches: str
    buckets: tuple[str, ...]
    main_objects: tuple[str, ...]
    branch_objects: tuple[str, ...]
    leases: tuple[str, ...]
    kept_objects: tuple[str, ...]
    main_jobs: tuple[str, ...]
    branch_jobs: tuple[str, ...]
    kept_jobs: tuple[str, ...]
    databases: str
    kept_databases: tuple[str, ...]
    roles: tuple[str, ...]
    roleless: tuple[str, ...]
    connections: tuple[str, ...]


def reach_of(graph: PipelineGraph, branches: str = "*") -> Reach:
    """Return what branches of a pipeline can come to touch.

    Args:
        graph: validated.
        branches: the pattern that their names match: ``dev-*``.

    Raises:
        BranchError: no branch has a name of that pattern, or the graph's jobs have no place to write.
    """
    _check_pattern(branches)
    nodes = [node for node in graph.nodes if node.is_job]
    if not any(node.outputs or BRANCH_PLACEHOLDER in str(node.script_template) for node in nodes):
        raise BranchError(
            "No job of the graph has a place where a branch could write: there is nothing to allow.",
            hint=f"give them output_data, or a ScriptLocation with {BRANCH_PLACEHOLDER}",
        )
    own = [uri for uri in map(parse_uri, write_prefixes(graph, _ANY, [node.id for node in nodes])) if uri.is_known]
    if not own:
        raise BranchError(
            "Where the branches of this graph write is not known: its URIs hold unknown parts (${…}).",
            hint="answer the import's questions for them, or write the values into the graph file",
        )
    roots, rest = _mains(graph, nodes, own)
    branch_objects = [pattern for uri in own for pattern in _below(uri, branches)]
    mains = [*(pattern for uri in roots for pattern in _whole(uri)), *(one for uri in rest for one in _exactly(uri))]
    kept = [pattern for pattern in mains if _may_meet(pattern, branch_objects)]
    main_jobs = sorted({name for node in nodes if not unknown_parts(name := node.job_name(MAIN))})
    branch_jobs = _job_patterns(nodes, branches)
    databases = _pattern(naming.catalog_table(_ANY, "any", None).partition(".")[0] + "*", branches.replace("-", "_"))
    tables = {data.table for node in nodes for data in node.outputs.values() if data.table}
    return Reach(
        branches=branches,
        buckets=tuple(sorted({uri.bucket for uri in (*own, *roots, *(uri for uri, _ in _read(nodes)))})),
        main_objects=_main_objects(nodes, roots),
        branch_objects=tuple(branch_objects),
        leases=tuple(_pattern(_beside(uri), branches) for uri in own),
        kept_objects=tuple(sorted(set(kept))),
        main_jobs=tuple(main_jobs),
        branch_jobs=branch_jobs,
        kept_jobs=tuple(job for job in main_jobs if any(holds(pattern, job) for pattern in branch_jobs)),
        databases=databases,
        kept_databases=tuple(sorted({name for table in tables if holds(databases, name := table.partition(".")[0])})),
        roles=tuple(sorted({role for node in nodes if (role := _role(node))})),
        roleless=tuple(node.id for node in nodes if not _role(node)),
        connections=tuple(sorted({name for node in nodes for name in _connections(node)})),
    )


def _check_pattern(branches: str) -> None:
    name = branches.replace("*", "a")
    naming.check_branch_name(name)
    if holds(branches, MAIN) and branches.strip("*"):
        raise BranchError(
            f"Branch names of the pattern {branches!r} would include main.", hint="take one such as 'dev-*', or '*'"
        )


def _mains(graph: PipelineGraph, nodes: list[Node], own: list[S3Uri]) -> tuple[list[S3Uri], list[S3Uri]]:
    """Return main's roots, below which nothing of a branch lies, and its URIs elsewhere; none inside another."""
    templates = [data.uri for node in nodes for data in node.outputs.values() if data.main_uri is None]
    templates += [node.script_template for node in nodes if node.script_template]
    candidates = {naming.branch_root(template, MAIN) for template in templates if BRANCH_PLACEHOLDER in template}
    roots = [
        uri for uri in map(parse_uri, candidates) if uri.is_known and not any(uri.overlaps(other) for other in own)
    ]
    named = [*protected_uris(graph), *(uri for uri, _ in _scripts(nodes))]
    rest = [parse_uri(text) for text in named if is_uri(text) and not unknown_parts(text)]
    return _outermost(roots), _outermost([uri for uri in rest if not any(root.contains(uri) for root in roots)])


def _read(nodes: list[Node]) -> list[tuple[S3Uri, bool]]:
    """Return main's datasets and scripts, and for each whether it is one object."""
    datasets = [(parse_uri(data.base_uri), False) for node in nodes for data in node.outputs.values()]
    datasets = [(uri, is_object) for uri, is_object in datasets if uri.is_known]
    return [*datasets, *((parse_uri(uri), True) for uri, _ in _scripts(nodes))]


def _scripts(nodes: list[Node]) -> list[tuple[str, str]]:
    found = [(render(str(node.script_template), MAIN), node.id) for node in nodes]
    return [(uri, node) for uri, node in found if is_uri(uri) and not unknown_parts(uri)]


def _main_objects(nodes: list[Node], roots: list[S3Uri]) -> tuple[str, ...]:
    found = {f"{uri.folder}*" for uri in roots}
    for uri, is_object in _read(nodes):
        if not any(root.contains(uri) for root in roots):
            found.add(uri.folder.rstrip("/") if is_object else f"{uri.folder}*")
    return tuple(sorted(found))


def _below(uri: S3Uri, branches: str) -> tuple[str, ...]:
    """Return the patterns of all objects below a branch's prefix, and of those beside it that speak of it."""
    found = (f"{uri.folder}*", naming.folder_marker(str(uri)).removeprefix("s3://"), _beside(uri))
    return tuple(_pattern(text, branches) for text in found)


def _beside(uri: S3Uri) -> str:
    """Return the pattern of claims, and of whatever else of ours lies beside a prefix and speaks of it."""
    return f"{naming.claim_uri(str(uri)).rstrip('$')}*".removeprefix("s3://")


def _whole(uri: S3Uri) -> tuple[str, ...]:
    """Return the patterns of all below a folder and of its marker."""
    return (f"{uri.folder}*", naming.folder_marker(uri.folder))


def _exactly(uri: S3Uri) -> tuple[str, ...]:
    """Return the patterns of what may be one object as well as a folder."""
    return (uri.folder.rstrip("/"), *_whole(uri))


def _job_patterns(nodes: list[Node], branches: str) -> tuple[str, ...]:
    """Return the patterns of clones' names; ``*`` at the end, for a name that is taken gets something appended."""
    nodes = [node for node in nodes if not unknown_parts(node.job_name(MAIN))]
    found = {_pattern(f"{node.job_name(_ANY)}*", branches) for node in nodes}
    # A job that forbids other arguments is cloned under its own name with the branch's appended.
    late = {_pattern(f"{node.job_name(MAIN)}-{_ANY}*", branches) for node in nodes}
    return tuple(sorted(found | {one for one in late if not any(holds(other, one) for other in found)}))


def _pattern(text: str, branches: str) -> str:
    found = text.replace(_ANY, branches)
    while "**" in found:
        found = found.replace("**", "*")
    return found


def holds(pattern: str, name: str) -> bool:
    """Tell whether a pattern of IAM's, in which ``*`` is anything, holds a name, or all that another pattern holds."""
    # No set of characters: to IAM only * and ? are special.
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _may_meet(main: str, patterns: Iterable[str]) -> bool:
    """Tell whether something of main's may match one of the patterns: when in doubt, yes."""
    heads = [pattern.partition("*")[0] for pattern in patterns]
    head = main.partition("*")[0]
    return any(head.startswith(one) or one.startswith(head) for one in heads)


def _outermost(uris: Iterable[S3Uri]) -> list[S3Uri]:
    outer: list[S3Uri] = []
    for uri in sorted(set(uris), key=lambda one: one.folder):
        if not outer or not outer[-1].contains(uri):
            outer.append(uri)
    return outer


def _connections(node: Node) -> tuple[str, ...]:
    given = node.metadata.properties.get("Connections")
    names = given.get("Connections") if isinstance(given, dict) else None
    return tuple(render(name, MAIN) for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def _role(node: Node) -> str:
    role = node.metadata.properties.get("Role")
    return render(role, MAIN) if isinstance(role, str) and not unknown_parts(role) else ""
