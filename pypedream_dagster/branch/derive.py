"""Abstract graph → concrete graph, for a branch or for main: the heart of the tool, and pure.

The rules (docs/architecture.md says why):

- affected are the origins and what their data reaches; a link without data orders and affects nobody;
- an origin is cloned; what lies downstream keeps production's job and gets other arguments;
- an input comes from the head of an affected producer, else from main's base;
- no prefix that the branch may write equals, contains or lies in a URI of main, else nothing is derived.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.isolation import check_isolation, own_arguments, protected_uris, write_prefixes
from pypedream_dagster.branch.model import BranchGraph, BranchLink, BranchNode, Input, Output
from pypedream_dagster.branch.read_actions import read_actions
from pypedream_dagster.errors import BranchError, ProtectedError
from pypedream_dagster.graph.model import MAIN, Json, Node, PipelineGraph, render
from pypedream_dagster.graph.select import affected_nodes, order_among, running_order


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
    roots = write_prefixes(graph, branch, order)
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
        protected_uris=protected_uris(graph),
        producers=_producers(graph),
        read_actions=read_actions(graph),
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
    return BranchGraph(
        branch=MAIN, nodes=nodes, links=_links(graph, jobs, before), protected_uris=protected_uris(graph)
    )


def _producers(graph: PipelineGraph) -> dict[str, str]:
    """Return which of production's jobs writes which of main's datasets."""
    jobs = [node for node in graph.nodes if node.is_job]
    return {data.base_uri: node.job_name(MAIN) for node in jobs for data in node.outputs.values()}


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
    owners: dict[str, str] = {}
    for node in derived.clones:
        if (other := owners.setdefault(node.job, node.id)) != node.id:
            raise BranchError(
                f"The clones of {other!r} and {node.id!r} would both be called {node.job!r}.",
                hint="give their jobs names in the graph that stay apart, or branch one of them",
            )
        if node.job in production:
            raise ProtectedError(
                f"Branch {derived.branch!r} may not be: the clone of {node.id!r} would be called {node.job!r}, "
                "which is one of main's jobs.",
                hint="choose another branch name",
            )


def _clone_name(graph: PipelineGraph, node: Node, branch: str) -> str:
    """Return the clone's name; nodes that share a job, or would on the branch, get the node's id appended."""
    name = node.job_name(branch)
    same = sum(
        other.is_job and (other.job_name(MAIN) == node.job_name(MAIN) or other.job_name(branch) == name)
        for other in graph.nodes
    )
    return f"{name}-{node.id}" if same > 1 else name


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


def _script_uri(graph: PipelineGraph, node: Node, root: str, branch: str) -> str:
    template = node.script_template
    shared = sum(other.is_job and other.script_template == template for other in graph.nodes) > 1
    return naming.script_uri(template, root, branch, node.id, shared=shared)


def _outputs(graph: PipelineGraph, node: Node, branch: str) -> tuple[Output, ...]:
    found = []
    names = Counter(name for _, name in graph.catalogued)
    for name, data in node.outputs.items():
        catalogued = (node.id, name) in graph.catalogued
        own_name = f"{node.id}_{name}" if names[name] > 1 else name
        on_branch = naming.catalog_table(branch, own_name, data.table) if catalogued else None
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
        made = {output.name: output for output in _outputs(graph, graph.by_id[link.source], branch)}
        for name in link.data:
            data = graph.by_id[link.source].outputs[name]
            found.append(
                Input(
                    producer=link.source,
                    dataset=name,
                    uri=data.uri_on(branch) if on_head else data.base_uri,
                    side="head" if on_head else "base",
                    argument=node.input_argument(link.source, name),
                    table=made[name].registered_table if on_head else data.table,
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
    arguments |= {
        naming.table_argument(item.argument): item.table for item in inputs if item.table and item.side == "head"
    }
    arguments |= {item.argument: item.head_uri for item in outputs}
    defaults = _mapping(node.metadata.properties.get("DefaultArguments"))
    locked = _mapping(node.metadata.properties.get("NonOverridableArguments"))
    arguments |= own_arguments({**defaults, **locked}, roots[0], node.id)
    fixed = sorted(set(locked) & set(arguments))
    reasons = dict(clones)
    if fixed and node.id not in reasons:
        reasons[node.id] = f"production's job does not let {', '.join(fixed)} be overridden"
    is_clone, is_origin = node.id in reasons, node.id in origins
    job = _clone_name(graph, node, branch) if is_clone else node.job_name(MAIN)
    script = _script_uri(graph, node, roots[0], branch) if is_origin else None
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
        unexplained_writes=node.metadata.unexplained_writes,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


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
