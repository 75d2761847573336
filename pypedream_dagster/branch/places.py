"""Where branches lie in the lake, by the templates of main's graph: for finding what no record lists. Pure."""

from __future__ import annotations

import re

from pypedream_dagster.branch import naming
from pypedream_dagster.errors import BranchError
from pypedream_dagster.graph.model import MAIN, PipelineGraph
from pypedream_dagster.graph.uri import BRANCH_PLACEHOLDER, unknown_parts
from pypedream_dagster.settings import Settings


def branch_templates(graph: PipelineGraph) -> tuple[str, ...]:
    """Return the URI templates below which branches write, as ``s3://``: of outputs, and of scripts' folders.

    Without those that are not known whole: no branch is deployed there.
    """
    found: dict[str, None] = {}
    for node in graph.nodes:
        scripts = [node.script_template.rpartition("/")[0] + "/"] if node.script_template else []
        for template in (*(data.uri for data in node.outputs.values()), *scripts):
            if BRANCH_PLACEHOLDER in template and not unknown_parts(template):
                found[re.sub(r"^s3[an]://", "s3://", template)] = None
    return tuple(found)


def branch_parents(graph: PipelineGraph) -> tuple[str, ...]:
    """Return the prefixes directly below which branches have their folders."""
    return tuple(dict.fromkeys(naming.template_parent(template) for template in branch_templates(graph)))


def branch_of_folder(template: str, folder: str) -> str | None:
    """Return the branch that a folder is of, if it is one that a template gives: of ``{branch-name}-lake``, say.

    Args:
        template: a URI template.
        folder: the URI of a folder directly below the template's parent.
    """
    parent = naming.template_parent(template)
    if not folder.startswith(parent):
        return None
    segment = template[len(parent) :].partition("/")[0]
    pattern = re.escape(segment).replace(re.escape(BRANCH_PLACEHOLDER), "(?P<branch>.+)", 1)
    pattern = pattern.replace(re.escape(BRANCH_PLACEHOLDER), "(?P=branch)")
    match = re.fullmatch(pattern, folder[len(parent) :].rstrip("/"))
    if match is None or match["branch"] == MAIN:
        return None
    try:
        naming.check_branch_name(match["branch"])
    except BranchError:
        return None
    return match["branch"]


def project_name(graph: PipelineGraph, settings: Settings) -> str:
    """Return the project's name, as branches carry it: the graph's own, else the folder's."""
    header = graph.metadata.get("metadata")
    name = header.get("name") if isinstance(header, dict) else None
    return str(name or settings.project_dir.name)
