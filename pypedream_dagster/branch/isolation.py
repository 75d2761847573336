"""What keeps branches and main apart: what is main's, where a branch may write, and that the two never meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.errors import BranchError, ProtectedError
from pypedream_dagster.graph.model import MAIN, PipelineGraph, render
from pypedream_dagster.graph.uri import BRANCH_PLACEHOLDER, S3Uri, find_uris, is_uri, parse_uri, plain_prefix

BOOKMARKS, BOOKMARKS_OFF = "--job-bookmark-option", "job-bookmark-disable"
_TEMPORARY, _EVENT_LOGS = "--TempDir", "--spark-event-logs-path"
PLACES = (_TEMPORARY, _EVENT_LOGS)
"""The arguments that tell Glue itself where to write."""


def own_arguments(given: Mapping[str, object], write_prefix: str, node: str) -> dict[str, str]:
    """Return the run arguments that keep what Glue itself writes for a job away from main.

    Args:
        given: the job's default and non-overridable arguments.
        write_prefix: one that is the branch's own.
        node: the node's id.
    """
    temporary = naming.temporary_uri(write_prefix, node)
    places = {_TEMPORARY: temporary, _EVENT_LOGS: f"{temporary}spark-event-logs/"}
    own = {argument: uri for argument, uri in places.items() if argument in given}
    # The bookmark belongs to production's job: a branch's run must not move it.
    off = {BOOKMARKS: BOOKMARKS_OFF} if given.get(BOOKMARKS, BOOKMARKS_OFF) != BOOKMARKS_OFF else {}
    return own | off


def check_isolation(graph: BranchGraph) -> None:
    """Refuse a branch that could write what is main's.

    Raises:
        ProtectedError: names the URI on each side.
    """
    protected = [parse_uri(uri) for uri in graph.protected_uris]
    heads = [(f"{node.id}.{output.name}", output.head_uri) for node, output in graph.datasets()]
    scripts = [(f"{node.id}'s script", node.script_uri) for node in graph.nodes if node.script_uri]
    prefixes = [("the branch's prefix", prefix) for prefix in graph.write_prefixes]
    for what, text in [*heads, *scripts, *prefixes]:
        uri = parse_uri(text)
        for other in protected:
            if uri.overlaps(other):
                raise ProtectedError(
                    f"Branch {graph.branch!r} may not be: {what} would be {uri}, "
                    f"which {'lies in' if other.contains(uri) else 'contains'} main's {other}.",
                    hint="choose another branch name, or other URI templates in the graph",
                )


def check_apart(graph: BranchGraph, other: BranchGraph) -> None:
    """Refuse a branch that would share a prefix, a Glue job or a catalog database with another branch.

    Raises:
        BranchError: names what both would have.
    """
    mine, theirs = ([parse_uri(uri) for uri in one.write_prefixes] for one in (graph, other))
    shared = [str(uri) for uri in mine if any(uri.overlaps(its) for its in theirs)]
    shared += sorted({node.job for node in graph.clones} & {node.job for node in other.clones})
    shared += sorted(set(graph.databases) & set(other.databases))
    if shared:
        raise BranchError(
            f"Branch {graph.branch!r} would share {', '.join(shared)} with branch {other.branch!r}.",
            hint="choose another name",
        )


def write_prefixes(graph: PipelineGraph, branch: str, order: Iterable[str]) -> tuple[str, ...]:
    """Return the branch's own roots, none inside another; an output's own URI where its root is not its alone."""
    protected = [parse_uri(uri) for uri in protected_uris(graph)]
    found: set[str] = set()
    for node in (graph.by_id[node_id] for node_id in order):
        places = [(data.uri, data.uri) for data in node.outputs.values()]
        script = node.script_template
        if script and BRANCH_PLACEHOLDER in script:
            places.append((script, script.rpartition("/")[0]))
        for template, place in places:
            root = naming.branch_root(template, branch)
            shared = any(parse_uri(root).overlaps(uri) for uri in protected)
            found.add(render(place, branch) if shared else root)
    if not found:
        raise BranchError(
            f"Branch {branch!r} has no place to write: its nodes have neither outputs nor a script template.",
            hint=f"give them output_data, or a ScriptLocation with {BRANCH_PLACEHOLDER}",
        )
    parsed = sorted((parse_uri(uri) for uri in found), key=lambda uri: uri.folder)
    outer: list[S3Uri] = []
    for uri in parsed:
        if not outer or not outer[-1].contains(uri):
            outer.append(uri)
    return tuple(f"s3://{uri.folder}" for uri in outer)


def protected_uris(graph: PipelineGraph) -> tuple[str, ...]:
    """Return main's URIs: its datasets, and what its jobs name in their arguments and script locations.

    An argument that is a common root of main's datasets, or of all branches' (``--LAKE s3://bucket/``), is no
    dataset: everything, branches too, lies below it.
    """
    outputs = [data for node in graph.nodes for data in node.outputs.values()]
    bases = {data.base_uri for data in outputs}
    parsed = [parse_uri(uri) for uri in bases]
    parsed += [parse_uri(naming.template_parent(data.uri)) for data in outputs if BRANCH_PLACEHOLDER in data.uri]
    named: set[str] = set()
    for node in graph.nodes:
        for text in _strings(node.metadata.properties):
            named.update(find_uris(render(text, MAIN)))
        for text in node.metadata.arguments.values():
            named.update(find_uris(render(text, MAIN)))
    for text in named - bases:
        uri = plain_prefix(text)
        if uri is not None and uri.key.strip("/") and not any(uri.contains(base) for base in parsed):
            bases.add(text if is_uri(text) else str(uri))
    return tuple(sorted(bases))


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _strings(item)
        case list():
            for item in value:
                yield from _strings(item)
