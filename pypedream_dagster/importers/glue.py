"""From the Glue jobs that are deployed to a pipeline graph, with the evidence on every link.

Only what the jobs' arguments say is used: a job that writes an S3 URI feeds the jobs that read it. What
cannot be told is left out of the graph and said in a note; nothing is guessed silently.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import networkx as nx

from pypedream_dagster.aws.glue import GlueClient, GlueJob
from pypedream_dagster.branch import naming
from pypedream_dagster.errors import NotFoundError
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.model import Json, PipelineGraph
from pypedream_dagster.importers.arguments import DataArgument, data_arguments, dataset_name
from pypedream_dagster.importers.templates import dataset_fields, name_template, node_id, uri_template
from pypedream_dagster.masking.mask import mask_document


@dataclass(frozen=True, slots=True)
class Imported:
    """A graph, valid as it is, and what a reader should know of how it came about."""

    graph: PipelineGraph
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Output:
    """A dataset found so far."""

    node: str
    name: str
    argument: DataArgument
    reads_itself: bool = False


@dataclass(slots=True)
class _Draft:
    """The graph while it is being found."""

    jobs: dict[str, GlueJob] = field(default_factory=dict)
    inputs: dict[str, list[DataArgument]] = field(default_factory=lambda: defaultdict(list))
    outputs: list[_Output] = field(default_factory=list)
    links: dict[tuple[str, str], Json] = field(default_factory=dict)
    input_arguments: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    notes: list[str] = field(default_factory=list)


def import_from_glue(glue: GlueClient, query: str) -> Imported:
    """Return the graph of the Glue jobs whose name holds the query, or matches it as a pattern.

    Clones of branches are left out.

    Raises:
        NotFoundError: no job matches.
    """
    jobs = [job for job in glue.find_jobs(query) if not _is_clone(glue, job)]
    if not jobs:
        raise NotFoundError(
            f"No Glue job's name matches {query!r}.",
            hint="give a part of the name, or a pattern such as 'sales-*'; check the account and region in use",
        )
    return graph_of_jobs(jobs)


def graph_of_jobs(jobs: Iterable[GlueJob]) -> Imported:
    """Return the graph of some Glue jobs; the same for the same jobs in any order."""
    draft = _Draft()
    for job in sorted(jobs, key=lambda job: job.name):
        name = node_id(job.name)
        draft.jobs[job.name if name in draft.jobs else name] = job
    arguments = {node: list(data_arguments(job)) for node, job in draft.jobs.items()}
    _find_outputs(draft, arguments)
    _find_inputs(draft, arguments)
    _find_links(draft)
    return Imported(parse_graph(_document(draft), source="the imported graph"), tuple(draft.notes))


def _is_clone(glue: GlueClient, job: GlueJob) -> bool:
    # The tags decide; the description spares asking for those of every job.
    return naming.is_clone_description(str(job.properties.get("Description", ""))) and (
        naming.TAG_BRANCH in glue.tags(job.name)
    )


def _find_outputs(draft: _Draft, arguments: dict[str, list[DataArgument]]) -> None:
    """Take what the names say is written; of overlapping URIs the first by name, for a URI has one producer."""
    writes = [(node, item) for node, items in arguments.items() for item in items if item.direction == "output"]
    for node, item in sorted(writes, key=lambda pair: (not pair[1].convention, pair[0], pair[1].name)):
        other = next((out for out in draft.outputs if out.argument.uri.overlaps(item.uri)), None)
        if other is not None:
            draft.notes.append(
                f"{node} writes {item.text} ({item.name}), which overlaps what {other.node} writes "
                f"({other.argument.text}): left out, for a dataset has one producer."
            )
        elif not item.whole:
            draft.notes.append(
                f"{node}: {item.name} holds more than the URI {item.text}: left out, for a branch cannot replace it."
            )
        else:
            taken = {out.name for out in draft.outputs if out.node == node}
            draft.outputs.append(_Output(node, _free(dataset_name(item), taken), item))


def _find_inputs(draft: _Draft, arguments: dict[str, list[DataArgument]]) -> None:
    """Take what the names say is read, and of the others what some other job writes."""
    unclear: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for node, items in arguments.items():
        for item in items:
            written = [out for out in draft.outputs if out.argument.uri.overlaps(item.uri)]
            if item.direction == "input" or (item.direction == "unknown" and any(o.node != node for o in written)):
                draft.inputs[node].append(item)
            elif item.direction == "unknown":
                unclear[item.text].append((node, item.name))
    writers = {out.node for out in draft.outputs}
    for uri, users in sorted(unclear.items()):
        if len(users) > 1 or not all(user in writers for user, _ in users):
            named = " and ".join(f"{user} ({argument})" for user, argument in users)
            draft.notes.append(
                f"{uri} is named by {named}: who writes and who reads it cannot be told from these names. "
                "If a node writes it, add it to that node's output_data and output_arguments."
            )


def _find_links(draft: _Draft) -> None:
    found: list[tuple[int, str, DataArgument, _Output]] = []
    for node, items in draft.inputs.items():
        for item in items:
            for out in draft.outputs:
                if out.argument.uri.overlaps(item.uri):
                    weakness = 0 if item.convention else 1 if item.direction == "input" else 2
                    found.append((weakness, node, item, out))
    order: nx.DiGraph[str] = nx.DiGraph()
    order.add_nodes_from(draft.jobs)
    # The surest first: where links close a circle, the least sure of them is the one left out.
    for _, node, item, out in sorted(found, key=lambda f: (f[0], f[3].node, f[1], f[3].name, f[2].name)):
        if out.node == node:
            out.reads_itself = True
            draft.notes.append(f"{node} reads {out.argument.text}, which it writes itself: write_mode is set to merge.")
        elif nx.has_path(order, node, out.node):
            draft.notes.append(
                f"{node} reads {item.text} ({item.name}) of {out.node}, which depends on {node}: "
                "left out, for data flows one way."
            )
        else:
            order.add_edge(out.node, node)
            _link(draft, node, item, out)


def _link(draft: _Draft, node: str, item: DataArgument, out: _Output) -> None:
    metadata = draft.links.setdefault((out.node, node), {"data": [], "crawl_data": False, "evidence": []})
    exact = item.whole and item.uri.folder == out.argument.uri.folder
    metadata["evidence"].append(
        {
            "dataset": out.name,
            "uri": item.text,
            "written_by": f"{out.node} {out.argument.name}",
            "read_by": f"{node} {item.name}",
            "match": "same URI" if exact else "overlapping URI",
        }
    )
    if not exact:
        draft.notes.append(
            f"{node} reads {item.text} ({item.name}), {out.node} writes {out.argument.text}: linked for the order "
            "alone, for no one URI of a branch can be put in its place."
        )
    elif out.name in metadata["data"]:
        draft.notes.append(
            f"{node} reads {item.text} by a second argument, {item.name}: on a branch that one still names main's."
        )
    else:
        metadata["data"].append(out.name)
        if item.name != f"--{out.name.upper()}_DATA_SOURCE":
            draft.input_arguments[node][f"{out.node}.{out.name}"] = item.name


def _document(draft: _Draft) -> Json:
    return {
        "directed": True,
        "multigraph": False,
        "graph": {"metadata": {}},
        "nodes": [_node(draft, name, job) for name, job in draft.jobs.items()],
        "links": [
            {"source": source, "target": target, "directed": True, "metadata": metadata}
            for (source, target), metadata in sorted(draft.links.items())
        ],
    }


def _node(draft: _Draft, name: str, job: GlueJob) -> Json:
    outputs = [out for out in draft.outputs if out.node == name]
    metadata: Json = {
        "operation": "glue",
        "trigger": "ALL",
        "properties": _properties(job),
        "output_data": {out.name: _dataset(out) for out in outputs},
    }
    if inputs := draft.input_arguments.get(name):
        metadata["input_arguments"] = inputs
    unusual = {out.name: out.argument.name for out in outputs if out.argument.name != f"--{out.name.upper()}_DATA_SINK"}
    if unusual:
        metadata["output_arguments"] = unusual
    return {"id": name, "metadata": metadata}


def _dataset(out: _Output) -> Json | str:
    fields = dataset_fields(out.argument.text)
    if not out.reads_itself:
        return fields
    return {**({"uri": fields} if isinstance(fields, str) else fields), "write_mode": "merge"}


def _properties(job: GlueJob) -> Json:
    # Deploying clones the job as it is on AWS: its secrets are needed in no file.
    properties: Json = {**mask_document(job.creatable), "Name": name_template(job.name)}
    try:
        script = uri_template(job.script_uri)
    except ValueError:
        script = None  # a job without a script, or with one in no bucket
    if script is not None:
        properties["Command"] = {**properties["Command"], "ScriptLocation": script}
    return properties


def _free(name: str, taken: set[str]) -> str:
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found
