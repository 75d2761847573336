"""The graph file of an import: node-link JSON with the evidence in its metadata."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pypedream_dagster.graph.model import Json
from pypedream_dagster.importers.inference.datasets import Datasets, Output
from pypedream_dagster.importers.inference.join import Linked
from pypedream_dagster.importers.inference.nodes import Step
from pypedream_dagster.importers.inference.templates import dataset_fields, name_template, uri_template
from pypedream_dagster.importers.inference.uses import Blind
from pypedream_dagster.importers.parameters import filled
from pypedream_dagster.importers.survey import ConnectionDefinition
from pypedream_dagster.masking.mask import mask_document, mask_text

_CANNOT_BE_TOLD = "its place cannot be told"


def graph_document_of(
    steps: Iterable[Step],
    datasets: Datasets,
    linked: Linked,
    blind: Sequence[Blind],
    values: Mapping[str, str],
    connections: Iterable[ConnectionDefinition] = (),
) -> Json:
    """Return the node-link document of an import, as `graph.files.parse_graph` takes it."""
    kinds = {connection.name: connection.kind for connection in connections}
    outputs: defaultdict[str, list[Output]] = defaultdict(list)
    for output in datasets.outputs:
        outputs[output.node].append(output)
    unexplained: defaultdict[str, list[Json]] = defaultdict(list)
    for write in datasets.unmoved:
        entry = {"what": write.what, "at": _in_script(write.at), "why": write.why}
        unexplained[write.node].append({**entry, **({"dataset": write.dataset} if write.dataset else {})})
    for item in blind:
        unexplained[item.node].append({"what": item.what, "at": _in_script(item.at), "why": _CANNOT_BE_TOLD})
    return {
        "directed": True,
        "multigraph": False,
        "graph": {"metadata": {}},
        "nodes": [_node(step, outputs[step.id], linked, unexplained[step.id], values, kinds) for step in steps],
        "links": [
            {
                "source": link.source,
                "target": link.target,
                "directed": True,
                "metadata": {
                    "data": list(link.data),
                    "crawl_data": False,
                    "confidence": link.confidence,
                    "evidence": [_without_blanks(asdict(item)) for item in link.evidence],
                },
            }
            for link in linked.links
        ],
    }


def _in_script(at: str) -> str:
    """Return where a write stands by the script's name alone: a branch has a copy of it elsewhere."""
    return re.sub(r"\S*/(?=[^/\s]+:\d+)", "", at)


def _node(
    step: Step,
    outputs: Sequence[Output],
    linked: Linked,
    unexplained: Sequence[Json],
    values: Mapping[str, str],
    kinds: Mapping[str, str],
) -> Json:
    metadata: Json = {"operation": step.operation, "trigger": step.trigger, "properties": _properties(step, values)}
    if step.arguments:
        metadata["arguments"] = dict(step.arguments)
    metadata["output_data"] = {out.name: _filled(_dataset(out, linked), values) for out in outputs}
    if inputs := linked.input_arguments.get(step.id):
        metadata["input_arguments"] = dict(inputs)
    unusual = {
        out.name: out.argument
        for out in outputs
        if out.argument is not None and out.argument != f"--{out.name.upper()}_DATA_SINK"
    }
    if unusual:
        metadata["output_arguments"] = unusual
    if unexplained:
        metadata["unexplained_writes"] = list(unexplained)
    metadata["imported"] = {"at": [str(place) for place in step.at]}
    used = step.job.properties.get("Connections") if step.job else None
    names = used.get("Connections") if isinstance(used, Mapping) else None
    if known := {str(name): kinds[name] for name in names or () if name in kinds}:
        metadata["imported"]["connections"] = known
    return {"id": step.id, "metadata": metadata}


def _dataset(out: Output, linked: Linked) -> Json | str:
    fields = dataset_fields(out.uri)
    more: Json = {}
    if out.table is not None:
        more["table"] = out.table
    mode = "merge" if out in linked.reads_itself and out.mode == "overwrite" else out.mode
    if mode != "overwrite":
        more["write_mode"] = mode
    if out.format not in {None, "parquet"}:
        more["format"] = out.format
    if not more:
        return fields
    return {**({"uri": fields} if isinstance(fields, str) else fields), **more}


def _properties(step: Step, values: Mapping[str, str]) -> Json:
    if not step.is_job:
        return {} if step.resource is None else {"Resource": mask_text(step.resource)}
    # Deploying clones the job as it is on AWS: its secrets are needed in no file.
    told: Any = _filled(dict(step.job.properties) if step.job else {}, values)
    properties: Json = {**mask_document(told), "Name": name_template(step.name)}
    command = properties.get("Command")
    if isinstance(command, dict) and isinstance(command.get("ScriptLocation"), str):
        try:
            template = uri_template(command["ScriptLocation"])
        except ValueError:
            template = None  # in no bucket: a local path, or unknown
        if template is not None:
            properties["Command"] = {**command, "ScriptLocation": template}
    return properties


def _filled(document: Any, values: Mapping[str, str]) -> Any:
    match document:
        case str():
            return filled(document, values)
        case dict() | Mapping():
            return {key: _filled(item, values) for key, item in document.items()}
        case list() | tuple():
            return [_filled(item, values) for item in document]
        case _:
            return document


def _without_blanks(document: Json) -> Json:
    return {key: value for key, value in document.items() if value != ""}
