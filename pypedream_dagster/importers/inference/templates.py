"""From production's names and URIs to templates: the place where a branch's name will stand."""

from __future__ import annotations

import re

from pypedream_dagster.graph.model import MAIN, Json
from pypedream_dagster.graph.uri import BRANCH_PLACEHOLDER, S3Uri, parse_uri
from pypedream_dagster.importers.parameters import parameter

_BRANCH_FOLDER = "pypedream"
"""Below it lie the branches' data in buckets whose production paths hold no ``main``."""

BRANCHES = "branches."
"""Before a bucket's name: the unknown bucket for branches of a dataset that is a whole bucket."""


def uri_template(uri: str) -> str | None:
    """Put the placeholder in place of the first path segment ``main``; None if there is none."""
    parsed = parse_uri(uri)
    segments = parsed.key.split("/")
    if MAIN not in segments:
        return None
    segments[segments.index(MAIN)] = BRANCH_PLACEHOLDER
    return str(S3Uri(parsed.bucket, "/".join(segments)))


def dataset_fields(uri: str) -> Json | str:
    """Return a dataset's place as the graph file says it: a template, with ``main_uri`` where it needs one."""
    template = uri_template(uri)
    if template is not None:
        return template
    parsed = parse_uri(uri)
    if not parsed.key.strip("/"):
        # A branch below it would be in main's dataset: it needs a bucket that only a person can name.
        home = parameter(f"{BRANCHES}{re.sub(r'[${}]', '', parsed.bucket)}")
        folder = re.sub(r"[${}]", "", parsed.bucket)
        return {"uri": f"s3://{home}/{_BRANCH_FOLDER}/{BRANCH_PLACEHOLDER}/{folder}/", "main_uri": str(parsed)}
    return {
        "uri": f"s3://{parsed.bucket}/{_BRANCH_FOLDER}/{BRANCH_PLACEHOLDER}/{parsed.key}",
        "main_uri": str(parsed),
    }


def name_template(job_name: str) -> str:
    """Put the placeholder in place of the last word ``main`` of a job's name; without one the name stays."""
    return re.sub(r"(^|[-_.])main(?=$|[-_.])(?!.*(?:^|[-_.])main(?:$|[-_.]))", rf"\1{BRANCH_PLACEHOLDER}", job_name)


def node_id(job_name: str) -> str:
    """Return a node's id for a job: its name without the word ``main``, and without what files cannot have."""
    bare = name_template(job_name).replace(BRANCH_PLACEHOLDER, "")
    bare = re.sub(r"[-_.]{2,}", lambda match: match[0][0], bare).strip("-_.")
    return re.sub(r"[/\\\x00-\x1f]", "_", bare or job_name)[:128]
