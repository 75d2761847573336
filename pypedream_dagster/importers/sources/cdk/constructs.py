"""What a CDK program makes: constructs that become resources, assets, and the states of a state machine."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pypedream_dagster.importers.parameters import parameter
from pypedream_dagster.importers.sources.airflow.values import Value
from pypedream_dagster.importers.survey import Where

ASSETS = parameter("cdk.assets")
"""The bucket in which files lie that a program deploys with itself."""

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(slots=True, eq=False)
class Construct:
    """A construct.

    Attributes:
        kind: its class's name: ``CfnJob``, ``Bucket``.
        service: the library that the class comes from: ``aws_glue``.
        id: unlike any other's; its resource's logical id.
        at: where it is made.
        properties: what it is given, as TypeScript writes the names.
        type: of the resource that it becomes; empty for one that is not of interest.
        scope: the construct that it is made in.
    """

    kind: str
    service: str
    id: str
    at: Where
    properties: dict[str, Value] = field(default_factory=dict)
    type: str = ""
    scope: Construct | None = None

    @property
    def stack(self) -> Construct | None:
        """The stack that it is in, or is; nested ones are a part of the one that people name."""
        found: Construct | None = self
        while found is not None and found.kind != "Stack":
            found = found.scope
        return found


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the program's, deployed with it."""

    path: str

    @property
    def uri(self) -> str:
        """Where it lies then."""
        return f"s3://{ASSETS}/{self.key}"

    @property
    def key(self) -> str:
        """The same without the bucket."""
        return self.path.removeprefix("./").lstrip("/")


@dataclass(frozen=True, slots=True)
class InFile:
    """A definition that a file holds."""

    path: str


@dataclass(frozen=True, slots=True)
class PathOf:
    """What stands in a state's input, or in its context: ``$.day``."""

    path: str


@dataclass(slots=True, eq=False)
class State:
    """A state.

    Attributes:
        next: the state after it.
        branches: where the parts of a Parallel or a Map begin.
        choices: where the sides of a Choice lead to.
        handlers: of errors.
    """

    id: str
    kind: str
    at: Where
    properties: dict[str, Value] = field(default_factory=dict)
    next: State | None = None
    branches: list[State] = field(default_factory=list)
    choices: list[State] = field(default_factory=list)
    otherwise: State | None = None
    handlers: list[State] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """States one after the other: the first, and those that what comes next comes after."""

    start: State
    ends: tuple[State, ...]


def camel(name: str) -> str:
    """Return a name as TypeScript writes it: ``job_name`` → ``jobName``."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest) if rest and first else name


def snake(name: str) -> str:
    """Return a name as Python writes it: ``jobName`` → ``job_name``."""
    return "_".join(_WORD.split(name)).lower()


def reference(of: Construct) -> str:
    """Return what ``Ref`` gives of a resource without a name of its own: a bucket's is made up when it is deployed."""
    return parameter(of.id) if of.type == "AWS::S3::Bucket" else of.id
