"""What makes a graph unfit for use: every fault at once, each with its place in the file."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from pypedream_dagster.graph.model import Node, PipelineGraph, render
from pypedream_dagster.graph.select import is_acyclic
from pypedream_dagster.graph.uri import BRANCH_PLACEHOLDER, S3Uri, parse_uri, unknown_parts, without_unknown_parts
from pypedream_dagster.masking.mask import is_secret, mask_text

# Ids name files, asset keys and jobs; dataset names become argument names.
_NODE_ID = re.compile(r"^[^\s./\\][^/\\\x00-\x1f]{0,127}\Z")
_DATASET_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
_SAMPLE_BRANCH = "a-branch"


def find_faults(graph: PipelineGraph, known_ids: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return the faults of a graph, in the file's order; empty when it is sound.

    Args:
        graph: what could be read.
        known_ids: nodes that are in the file but could not be read: links may end in them.
    """
    return (
        *_node_faults(graph),
        *_link_faults(graph, known_ids),
        *_cycle_faults(graph),
        *_argument_faults(graph),
        *_secret_faults(graph),
        *_uri_faults(graph),
        *_table_faults(graph),
    )


def _node_faults(graph: PipelineGraph) -> Iterator[str]:
    for node_id, count in Counter(node.id for node in graph.nodes).items():
        if count > 1:
            yield f"node {node_id!r}: {count} nodes have this id"
    for ids in _look_alikes(node.id for node in graph.nodes):
        yield f"nodes {ids}: told apart by signs alone, which job and file names cannot hold"
    for node in graph.nodes:
        if not _NODE_ID.match(node.id):
            yield f"node {node.id!r}: an id may not be empty, hold '/', '\\' or control characters, or start with '.'"
        if node.is_job and not isinstance(node.metadata.properties.get("Name"), str):
            yield f"node {node.id!r}: metadata.properties.Name is missing: which Glue job is it?"
        for names in _look_alikes(node.outputs):
            yield f"node {node.id!r}: output_data {names}: told apart by signs alone, which arguments cannot hold"
        for name, data in node.outputs.items():
            if not _DATASET_NAME.match(name):
                yield f"node {node.id!r}: output_data {name!r}: a dataset's name is letters, digits, '_', '-' and '.'"
            if data.table is not None and not re.fullmatch(r"[^.\s]+\.[^.\s]+", data.table):
                yield f"node {node.id!r}: output_data {name!r}: table {data.table!r} is not 'database.table'"


def _look_alikes(names: Iterable[str]) -> Iterator[str]:
    """Yield the names that are the same once what is no letter, digit or '_' is written '_', and case is ignored."""
    alike: defaultdict[str, set[str]] = defaultdict(set)
    for name in names:
        alike[re.sub(r"\W", "_", name.casefold())].add(name)
    yield from (" and ".join(map(repr, sorted(same))) for same in alike.values() if len(same) > 1)


def _secret_faults(graph: PipelineGraph) -> Iterator[str]:
    """A run's arguments are recorded, in this file, in a branch's and by Glue: none may be a secret."""
    for node in graph.nodes:
        for name, value in node.metadata.arguments.items():
            if is_secret(name, value) or mask_text(value) != value:
                yield (
                    f"node {node.id!r}: arguments {name!r} looks like a secret, and what runs are started with is "
                    "recorded: leave it to the job's default arguments, or give the ARN of a secret in Secrets Manager"
                )


def _link_faults(graph: PipelineGraph, known_ids: frozenset[str]) -> Iterator[str]:
    pairs = Counter((link.source, link.target) for link in graph.links)
    for (source, target), count in pairs.items():
        if count > 1:
            yield f"link {source!r} → {target!r}: stands {count} times"
    for link in graph.links:
        place = f"link {link.source!r} → {link.target!r}"
        for end in (link.source, link.target):
            if end not in graph.by_id and end not in known_ids:
                yield f"{place}: there is no node {end!r}"
        producer = graph.by_id.get(link.source)
        for name in link.data if producer else ():
            if producer and name not in producer.outputs:
                made = ", ".join(producer.outputs) or "nothing"
                yield f"{place}: carries {name!r}, but {link.source!r} produces {made}"


def _cycle_faults(graph: PipelineGraph) -> Iterator[str]:
    if is_acyclic(graph):
        return
    # Costs as much to import as all else that reading a graph takes, and only a faulty one needs it.
    import networkx as nx

    whole: nx.DiGraph[str] = nx.DiGraph((link.source, link.target) for link in graph.links)
    for component in sorted(nx.strongly_connected_components(whole), key=min):
        start = min(component)
        if len(component) > 1 or whole.has_edge(start, start):
            path = [source for source, _ in nx.find_cycle(whole.subgraph(component), start)]
            yield f"cycle: {' → '.join([*path, path[0]])}"


def _argument_faults(graph: PipelineGraph) -> Iterator[str]:
    for node in graph.nodes:
        if not node.is_job:
            continue
        takers: defaultdict[str, list[str]] = defaultdict(list)
        for link in graph.inbound(node.id):
            for name in link.data:
                takers[node.input_argument(link.source, name)].append(f"input {link.source}.{name}")
        for name in node.outputs:
            takers[node.output_argument(name)].append(f"output {name}")
        yield from _unused_arguments(graph, node)
        for argument, users in takers.items():
            if len(set(users)) > 1:
                yield (
                    f"node {node.id!r}: {argument} would hold {' and '.join(sorted(set(users)))}: "
                    "tell them apart in input_arguments ('<node>.<dataset>') or output_arguments"
                )
            if not argument.startswith("--"):
                yield f"node {node.id!r}: argument {argument!r} does not start with '--'"


def _unused_arguments(graph: PipelineGraph, node: Node) -> Iterator[str]:
    """A mistyped name would leave the argument at production's value, and the branch in production's data."""
    known = {name for link in graph.inbound(node.id) for data in link.data for name in (data, f"{link.source}.{data}")}
    for name in node.metadata.input_arguments:
        if name not in known:
            yield f"node {node.id!r}: input_arguments names {name!r}, which no link brings"
    for name in node.metadata.output_arguments:
        if name not in node.outputs:
            yield f"node {node.id!r}: output_arguments names {name!r}, which is none of its outputs"


def _table_faults(graph: PipelineGraph) -> Iterator[str]:
    tables: defaultdict[str, list[str]] = defaultdict(list)
    for node in graph.nodes:
        for name, data in node.outputs.items():
            if data.table is not None:
                tables[data.table.lower()].append(f"{node.id}.{name}")
    for table, makers in tables.items():
        if len(makers) > 1:
            yield f"output_data: {' and '.join(makers)} are both the table {table!r}"


def _uri_faults(graph: PipelineGraph) -> Iterator[str]:
    bases: list[tuple[str, S3Uri]] = []
    heads: list[tuple[str, S3Uri]] = []
    for node in graph.nodes:
        for name, data in node.outputs.items():
            place = f"node {node.id!r}: output_data {name!r}"
            faults = list(_template_faults(node, data.uri))
            yield from (f"{place}: {fault}" for fault in faults)
            if not faults and not node.is_noop:
                heads.append((f"{node.id}.{name}", parse_uri(render(data.uri, _SAMPLE_BRANCH))))
            if data.main_uri is not None and (held := _placeholders(data.main_uri)):
                yield f"{place}: main_uri {data.main_uri!r} is production's own, it may not hold {', '.join(held)}"
            try:
                bases.append((f"{node.id}.{name}", parse_uri(data.base_uri)))
            except ValueError as error:
                if data.main_uri is not None or not faults:
                    yield f"{place}: {error}"
    yield from _overlaps(bases, "on main")
    on_main = {pair for pair, _ in _overlapping(bases)}
    yield from _overlaps(heads, "on a branch", known=on_main)


def _template_faults(node: Node, template: str) -> Iterator[str]:
    if not node.is_noop and BRANCH_PLACEHOLDER not in template:
        yield f"{template!r} has no {BRANCH_PLACEHOLDER}: a branch would write where main does"
    if BRANCH_PLACEHOLDER in template.removeprefix("s3://").split("/", 1)[0]:
        yield f"{template!r} has {BRANCH_PLACEHOLDER} in the bucket's name: a branch makes no buckets"
        return
    if BRANCH_PLACEHOLDER.strip("{}") in unknown_parts(template):
        yield f"{template!r} has an unknown part called branch-name, which cannot be told from {BRANCH_PLACEHOLDER}"
        return
    rendered = render(template, _SAMPLE_BRANCH)
    if unresolved := _placeholders(rendered):
        yield f"{template!r} has the unresolved placeholder {', '.join(unresolved)}"
        return
    try:
        if not parse_uri(rendered).key.strip("/"):
            yield f"{template!r} is a whole bucket: give it a prefix"
    except ValueError as error:
        yield str(error)


def _placeholders(text: str) -> list[str]:
    """Return what stands in braces and is no unknown part."""
    return re.findall(r"\{[^}]*\}", without_unknown_parts(text))


def _overlapping(uris: list[tuple[str, S3Uri]]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the pairs where one URI is or contains the other, by one pass over the sorted folders."""
    open_folders: list[tuple[str, S3Uri]] = []
    for place, uri in sorted(uris, key=lambda item: item[1].folder):
        while open_folders and not open_folders[-1][1].contains(uri):
            open_folders.pop()
        if open_folders:
            outer_place, outer = open_folders[-1]
            same = outer.folder == uri.folder
            yield (
                (outer_place, place),
                f"{outer_place} and {place} both write {outer}"
                if same
                else f"{place} ({uri}) lies inside {outer_place} ({outer})",
            )
        open_folders.append((place, uri))


def _overlaps(
    uris: list[tuple[str, S3Uri]],
    where: str,
    known: set[tuple[str, str]] | frozenset[tuple[str, str]] = frozenset(),
) -> Iterator[str]:
    yield from (f"output_data {where}: {text}" for pair, text in _overlapping(uris) if pair not in known)
