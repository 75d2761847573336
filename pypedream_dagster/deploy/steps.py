"""The steps that a plan is made of: a closed union, and how each is told to a reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from pypedream_dagster.branch.model import Output
from pypedream_dagster.deploy.resources import Database, Job, Kind, Prefix, Resource, Script, identity, kind_of


@dataclass(frozen=True, slots=True)
class Create:
    """Make a resource that is not there."""

    resource: Resource


@dataclass(frozen=True, slots=True)
class Update:
    """Change a resource that is there and the branch's.

    Attributes:
        changes: what differs: names of fields, or ``content``, or ``tags``.
    """

    resource: Resource
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """A resource is there as it shall be: only noted."""

    resource: Resource


@dataclass(frozen=True, slots=True)
class StopRun:
    """Stop a job run of the branch, and wait for its end: it would write again what is deleted."""

    job_name: str
    job_run_id: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a resource that its tags say is the branch's; a prefix with all of its data."""

    kind: Kind
    identity: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Strike a resource off the record that is not there any more."""

    kind: Kind
    identity: str


@dataclass(frozen=True, slots=True)
class Seed:
    """Copy main's dataset to the branch's prefix: the job builds on what is there.

    Attributes:
        objects, size_bytes: of main's dataset when the plan was made.
    """

    node: str
    output: Output
    objects: int
    size_bytes: int


Step: TypeAlias = Create | Update | Keep | Seed | StopRun | Delete | Forget

_WORDS: dict[Kind, str] = {
    "prefix": "prefix",
    "script": "script",
    "job": "Glue job",
    "database": "catalog database",
}


def describe(step: Step) -> str:
    """Return a step in one line, verb first."""
    match step:
        case Create(resource):
            return f"create {_described(resource)}"
        case Update(resource, changes):
            return f"update {_described(resource)}: {', '.join(changes)}"
        case Keep(resource):
            return f"keep {_WORDS[kind_of(resource)]} {identity(resource)}"
        case Seed(node, output, objects, size_bytes):
            size = f"{objects:,} objects, {size_bytes:,} bytes"
            return f"copy main's {node}.{output.name} to {output.head_uri}: {size}"
        case StopRun(job_name, job_run_id):
            return f"stop run {job_run_id} of Glue job {job_name}"
        case Delete("prefix", uri):
            return f"delete all data below {uri}"
        case Delete(kind, name):
            return f"delete {_WORDS[kind]} {name}"
        case Forget(kind, name):
            return f"strike off {_WORDS[kind]} {name}: it is gone already"
        case _:
            assert_never(step)


def _described(resource: Resource) -> str:
    match resource:
        case Prefix(uri):
            return f"claim on {uri}"
        case Script(uri, None):
            return f"code of the delta engine {uri}"
        case Script(uri, node):
            return f"script {uri} from scripts of {node}"
        case Job(name, None, production_job):
            return f"Glue job {name}, which compares on Spark in the role of {production_job}"
        case Job(name, _, production_job):
            return f"Glue job {name}, a clone of {production_job}"
        case Database(name):
            return f"catalog database {name}"
        case _:
            assert_never(resource)
