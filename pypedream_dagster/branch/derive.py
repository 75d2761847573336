"""Abstract graph → concrete graph, for a branch or for main: the heart of the tool, and pure.

The rules (docs/architecture.md says why):

- affected are the origins and what their data reaches; a link without data orders and affects nobody;
- an origin is cloned; what lies downstream keeps production's job and gets other arguments;
- an input comes from the head of an affected producer, else from main's base;
- no prefix that the branch may write equals, contains or lies in a URI of main, else nothing is derived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import BranchGraph, BranchLink, BranchNode, Input, Output
from pypedream_dagster.errors import BranchError, ProtectedError
from pypedream_dagster.graph.model import MAIN, Json, Node, PipelineGraph, render
from pypedream_dagster.graph.select import affected_nodes, order_among, running_order
from pypedream_dagster.graph.uri import BRANCH_PLACEHOLDER, S3Uri, find_uris, parse_uri


def derive_branch(
    graph: PipelineGraph,
    branch: str,
    origins: Iterable[str],
    *,
    follow_order: bool = False,
    also_clone: Mapping[str, str] | None = None,
) -> BranchGraph:
    """Return what a branch at ``origins`` runs, reads and writes.

    Args:
        graph: validated.
        branch: its name.
        origins: the nodes whose scripts the developer changes.
        follow_order: whether links that only order affect, too.
        also_clone: further affected nodes that need a job of their own, each with the reason.

    Raises:
        BranchError: a forbidden name, an unknown node, one that cannot be branched, or one that the branch
            reaches and cannot run.
        ProtectedError: the branch would write into what is main's.
    """
    naming.check_branch_name(branch)
    wanted = tuple(dict.fromkeys(origins))
    if not wanted:
        raise BranchError(f"Branch {branch!r} has no node to start at.", hint="name one of 'pypedream nodes'")
    for origin in wanted:
        _check_origin(graph, origin)
    affected = affected_nodes(graph, wanted, follow_order=follow_order)
    if unable := sorted(node for node in affected if not graph.by_id[node].is_job):
        raise BranchError(
            f"Branch {branch!r} at {', '.join(wanted)} reaches {', '.join(unable)}, which is no Glue job: "
            "its part downstream cannot run on a branch.",
            hint="start at a node further down",
        )
    clones = dict.fromkeys(wanted, "") | dict(also_clone or {})
    order = tuple(node for node in running_order(graph) if node in affected)
    roots = _write_prefixes(graph, branch, order)
    before = order_among(graph, affected)
    nodes = tuple(
        _branch_node(graph, graph.by_id[n], branch, affected, clones, roots, before[n], wanted) for n in order
    )
    derived = BranchGraph(
        branch=branch,
        origins=wanted,
        nodes=nodes,
        links=_links(graph, affected, before),
        write_prefixes=roots,
        protected_uris=_protected(graph),
    )
    check_isolation(derived)
    _check_job_names(graph, derived)
    return derived


def derive_main(graph: PipelineGraph) -> BranchGraph:
    """Return production: every Glue job as it stands, run with its own defaults."""
    jobs = frozenset(node.id for node in graph.nodes if node.is_job)
    before = order_among(graph, jobs)
    order = tuple(node for node in running_order(graph) if node in jobs)
    nodes = tuple(_main_node(graph, graph.by_id[node], before[node]) for node in order)
    return BranchGraph(branch=MAIN, nodes=nodes, links=_links(graph, jobs, before), protected_uris=_protected(graph))


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


def _check_origin(graph: PipelineGraph, origin: str) -> None:
    node = graph.by_id.get(origin)
    able = ", ".join(node.id for node in graph.nodes if node.is_job)
    if node is None:
        raise BranchError(f"There is no node {origin!r}.", hint=f"nodes that can be branched: {able}")
    if not node.is_job:
        raise BranchError(
            f"Node {origin!r} cannot be branched: its operation is {node.metadata.operation}, not glue.",
            hint=f"nodes that can be branched: {able}",
        )


def _check_job_names(graph: PipelineGraph, derived: BranchGraph) -> None:
    production = {node.job_name(MAIN) for node in graph.nodes if node.is_job}
    for node in derived.clones:
        if node.job in production:
            raise ProtectedError(
                f"Branch {derived.branch!r} may not be: the clone of {node.id!r} would be called {node.job!r}, "
                "which is one of main's jobs.",
                hint="choose another branch name",
            )


def _clone_name(graph: PipelineGraph, node: Node, branch: str) -> str:
    """Return the clone's name; nodes that share production's job get the node's id appended."""
    name = node.job_name(branch)
    sharing = sum(other.is_job and other.job_name(MAIN) == node.job_name(MAIN) for other in graph.nodes)
    return f"{name}-{node.id}" if sharing > 1 else name


def _write_prefixes(graph: PipelineGraph, branch: str, order: Iterable[str]) -> tuple[str, ...]:
    """Return the branch's own roots, none inside another; an output's own URI where its root is not its alone."""
    protected = [parse_uri(uri) for uri in _protected(graph)]
    found: set[str] = set()
    for node in (graph.by_id[node_id] for node_id in order):
        templates = [data.uri for data in node.outputs.values()]
        script = _script_template(node)
        for template in [*templates, *([script] if script and BRANCH_PLACEHOLDER in script else [])]:
            root = naming.branch_root(template, branch)
            shared = any(parse_uri(root).overlaps(uri) for uri in protected)
            found.add(render(template, branch) if shared else root)
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


def _protected(graph: PipelineGraph) -> tuple[str, ...]:
    """Return main's URIs: its datasets, and what its jobs name in their arguments and script locations.

    An argument that is a common root of main's datasets (``--LAKE s3://bucket/``) is no dataset: everything,
    branches too, lies below it.
    """
    bases = {data.base_uri for node in graph.nodes for data in node.outputs.values()}
    parsed = [parse_uri(uri) for uri in bases]
    named: set[str] = set()
    for node in graph.nodes:
        for text in _strings(node.metadata.properties):
            named.update(find_uris(render(text, MAIN)))
        for text in node.metadata.arguments.values():
            named.update(find_uris(render(text, MAIN)))
    for text in named - bases:
        try:
            uri = parse_uri(text)
        except ValueError:
            continue
        if uri.key.strip("/") and not any(uri.contains(base) for base in parsed):
            bases.add(text)
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


def _render_all(value: Any, branch: str) -> Any:
    match value:
        case str():
            return render(value, branch)
        case dict():
            return {key: _render_all(item, branch) for key, item in value.items()}
        case list():
            return [_render_all(item, branch) for item in value]
        case _:
            return value


def _script_template(node: Node) -> str | None:
    command = node.metadata.properties.get("Command")
    location = command.get("ScriptLocation") if isinstance(command, dict) else None
    return location if isinstance(location, str) else None


def _outputs(graph: PipelineGraph, node: Node, branch: str) -> tuple[Output, ...]:
    found = []
    for name, data in node.outputs.items():
        catalogued = (node.id, name) in graph.catalogued
        on_branch = naming.catalog_table(branch, name, data.table) if catalogued else None
        found.append(
            Output(
                name=name,
                base_uri=data.base_uri,
                head_uri=data.uri_on(branch),
                argument=node.output_argument(name),
                base_table=data.table,
                head_table=data.table if branch == MAIN else on_branch,
                settings=data,
            )
        )
    return tuple(found)


def _inputs(graph: PipelineGraph, node: Node, branch: str, affected: frozenset[str]) -> tuple[Input, ...]:
    found = []
    for link in graph.inbound(node.id):
        on_head = link.source in affected and branch != MAIN
        for name in link.data:
            data = graph.by_id[link.source].outputs[name]
            found.append(
                Input(
                    producer=link.source,
                    dataset=name,
                    uri=data.uri_on(branch) if on_head else data.base_uri,
                    side="head" if on_head else "base",
                    argument=node.input_argument(link.source, name),
                )
            )
    return tuple(found)


def _main_node(graph: PipelineGraph, node: Node, upstream: tuple[str, ...]) -> BranchNode:
    name = node.job_name(MAIN)
    return BranchNode(
        id=node.id,
        operation=node.metadata.operation,
        action="reuse",
        production_job=name,
        job=name,
        properties=_render_all(node.metadata.properties, MAIN),
        arguments=_render_all(dict(node.metadata.arguments), MAIN),
        inputs=_inputs(graph, node, MAIN, frozenset()),
        outputs=_outputs(graph, node, MAIN),
        upstream=upstream,
    )


def _branch_node(
    graph: PipelineGraph,
    node: Node,
    branch: str,
    affected: frozenset[str],
    clones: Mapping[str, str],
    roots: tuple[str, ...],
    upstream: tuple[str, ...],
    origins: tuple[str, ...],
) -> BranchNode:
    inputs = _inputs(graph, node, branch, affected)
    outputs = _outputs(graph, node, branch)
    arguments: dict[str, str] = _render_all(dict(node.metadata.arguments), MAIN)
    arguments |= {item.argument: item.uri for item in inputs}
    arguments |= {item.argument: item.head_uri for item in outputs}
    defaults = node.metadata.properties.get("DefaultArguments")
    if isinstance(defaults, dict) and "--TempDir" in defaults:
        arguments["--TempDir"] = naming.temporary_uri(roots[0])
    locked = node.metadata.properties.get("NonOverridableArguments")
    fixed = sorted(set(locked) & set(arguments)) if isinstance(locked, dict) else []
    reasons = dict(clones)
    if fixed and node.id not in reasons:
        reasons[node.id] = f"production's job does not let {', '.join(fixed)} be overridden"
    is_clone, is_origin = node.id in reasons, node.id in origins
    job = _clone_name(graph, node, branch) if is_clone else node.job_name(MAIN)
    script = naming.script_uri(_script_template(node), roots[0], branch, node.id) if is_origin else None
    return BranchNode(
        id=node.id,
        operation=node.metadata.operation,
        action="clone" if is_clone else "reuse",
        is_origin=is_origin,
        production_job=node.job_name(MAIN),
        job=job,
        script_uri=script,
        properties=_properties(node, job, script, arguments)
        if is_clone
        else _render_all(node.metadata.properties, MAIN),
        arguments=arguments,
        inputs=inputs,
        outputs=outputs,
        upstream=upstream,
        why_cloned=(reasons[node.id] or None) if is_clone else None,
    )


def _properties(node: Node, job: str, script: str | None, arguments: Mapping[str, str]) -> Json:
    """Return a clone's CreateJob fields: production's, with the branch's name, script and arguments."""
    own: Json = _render_all(node.metadata.properties, MAIN)
    own["Name"] = job
    if script is not None:
        own["Command"] = {**own.get("Command", {}), "ScriptLocation": script}
    own["DefaultArguments"] = {**own.get("DefaultArguments", {}), **arguments}
    if locked := own.get("NonOverridableArguments"):
        own["NonOverridableArguments"] = {key: arguments.get(key, value) for key, value in locked.items()}
    return own


def _links(
    graph: PipelineGraph, nodes: frozenset[str], before: Mapping[str, tuple[str, ...]]
) -> tuple[BranchLink, ...]:
    """Return the graph's links among ``nodes``, and the order that paths through other nodes give."""
    inner = [link for link in graph.links if link.source in nodes and link.target in nodes]
    direct = {(link.source, link.target) for link in inner}
    implied = [(up, node) for node, ups in before.items() for up in ups if (up, node) not in direct]
    return (
        *(BranchLink(source=link.source, target=link.target, data=link.data) for link in inner),
        *(BranchLink(source=up, target=node) for up, node in implied),
    )
