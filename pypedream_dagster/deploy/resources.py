"""What a branch needs on AWS: a closed union of frozen resources, computed from the branch graph alone.

A clone is made from production's job as it is deployed now, so the jobs are given, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, assert_never

from pypedream_dagster.aws.glue import GlueJob
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.isolation import BOOKMARKS, BOOKMARKS_OFF
from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.errors import StateError
from pypedream_dagster.graph.model import Json
from pypedream_dagster.masking.mask import mask_document

Kind = Literal["prefix", "script", "job", "database"]

_LONGEST_MINUTES = 480  # Glue's own default; production may know better
# For jobs so old that Glue names no version. Left out, Glue takes its newest.
_GLUE_VERSION = {"pythonshell": "3.0"}
_DEFAULT_GLUE_VERSION = "5.0"


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix that the branch's runs may write; a tagged object beside it says whose it is."""

    uri: str


@dataclass(frozen=True, slots=True)
class Script:
    """An origin's script; without a node, a file of the code that compares on Spark."""

    uri: str
    node: str | None
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Job:
    """A Glue job of the branch's own: a clone of production's; without a node, the one that compares on Spark.

    Attributes:
        name: of the job.
        node: whose clone it is.
        production_job: what it was cloned from, or takes its role from.
        properties: all that CreateJob takes but the tags.
    """

    name: str
    node: str | None
    production_job: str
    properties: Json = field(repr=False)


@dataclass(frozen=True, slots=True)
class Database:
    """A catalog database for the branch's tables."""

    name: str


Resource: TypeAlias = Prefix | Script | Job | Database


def kind_of(resource: Resource) -> Kind:
    """Return the resource's kind, as records name it."""
    match resource:
        case Prefix():
            return "prefix"
        case Script():
            return "script"
        case Job():
            return "job"
        case Database():
            return "database"
        case _:
            assert_never(resource)


def identity(resource: Resource) -> str:
    """Return what tells the resource from others of its kind: a name or a URI."""
    match resource:
        case Prefix() | Script():
            return resource.uri
        case Job() | Database():
            return resource.name
        case _:
            assert_never(resource)


def fingerprint(resource: Resource) -> str:
    """Return a hash of all that the resource shall be: another one means that it has to be updated."""
    match resource:
        case Script():
            body = resource.body
        case Job():
            # Of the masked properties: a digest of a short secret gives it away. That one changed shows on AWS.
            body = json.dumps(mask_document(resource.properties), sort_keys=True, default=str).encode()
        case Prefix() | Database():
            body = identity(resource).encode()
        case _:
            assert_never(resource)
    return hashlib.sha256(body).hexdigest()


def desired_resources(
    graph: BranchGraph, production: Mapping[str, GlueJob], scripts: Mapping[str, bytes]
) -> tuple[Resource, ...]:
    """Return what a branch needs, in the order in which it is made.

    Args:
        graph: the branch's.
        production: production's job of each clone, by node, as deployed now.
        scripts: the script of each origin, by node.

    Raises:
        StateError: a job that cannot run on a branch: a streaming job never ends.
    """
    prefixes = [Prefix(uri) for uri in graph.write_prefixes]
    own = [Script(n.script_uri, n.id, scripts[n.id]) for n in graph.clones if n.script_uri is not None]
    jobs = [Job(n.job, n.id, n.production_job, clone_properties(graph, n, production[n.id])) for n in graph.clones]
    databases = [Database(name) for name in graph.databases]
    return (*prefixes, *own, *jobs, *databases)


def clone_properties(graph: BranchGraph, node: BranchNode, production: GlueJob) -> Json:
    """Return CreateJob's fields of a clone: production's as deployed, with what makes it the branch's.

    Kept are role, capacity, connections, security configuration, concurrency, timeout and every field that we
    do not know. Changed are name, script, arguments and bookmarks; retries are off, for a fault in an edited
    script does not go away by itself.

    Raises:
        StateError: a streaming job.
    """
    properties: Json = production.creatable
    command: dict[str, Any] = dict(properties.get("Command") or {})
    if command.get("Name") == "gluestreaming":
        raise StateError(
            f"Node {node.id!r} cannot be branched: {node.production_job!r} is a streaming job, which never ends.",
            hint="branch a node further down",
        )
    properties["Name"] = node.job
    properties["Description"] = naming.clone_description(graph.branch, node.production_job)
    properties["MaxRetries"] = 0
    properties["Timeout"] = properties.get("Timeout") or _LONGEST_MINUTES
    properties["GlueVersion"] = _glue_version(production, node, str(command.get("Name")))
    if node.script_uri is not None:
        properties["Command"] = {**command, "ScriptLocation": node.script_uri}
        # A visual job's nodes would be shown, and saved again, in place of the edited script.
        properties.pop("CodeGenConfigurationNodes", None)
        if "JobMode" in properties:
            properties["JobMode"] = "SCRIPT"
    own = {**node.arguments, BOOKMARKS: BOOKMARKS_OFF}
    properties["DefaultArguments"] = {**production.default_arguments, **own}
    if locked := production.non_overridable_arguments:
        properties["NonOverridableArguments"] = {key: own.get(key, value) for key, value in locked.items()}
    return properties


def _glue_version(production: GlueJob, node: BranchNode, command: str) -> str:
    found = production.properties.get("GlueVersion") or node.properties.get("GlueVersion")
    return str(found or _GLUE_VERSION.get(command, _DEFAULT_GLUE_VERSION))
