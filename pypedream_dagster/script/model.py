"""What was found in a script: a closed union of frozen facts, in the order in which they would happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pypedream_dagster.script.pieces import Condition, Text

Action = Literal["read", "write", "delete"]
Mode = Literal["overwrite", "append", "merge", "partitions", "once", "upkeep", "unknown"]
"""What a write does to what is there: ``partitions`` replaces some of them, ``once`` fails if anything is there.

``upkeep`` keeps a table in order, or makes an empty one: which data are in it stays the same."""

System = Literal[
    "s3",
    "catalog",
    "database",
    "redshift",
    "snowflake",
    "opensearch",
    "mongodb",
    "kafka",
    "kinesis",
    "dynamodb",
    "aws",
    "http",
    "mail",
    "transfer",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the script something stands.

    Attributes:
        line: its line.
        code: its code in normal form.
        order: what runs earlier has a smaller number, as far as can be told.
        conditions: what the job's arguments must be for it to run, as far as can be told.
    """

    line: int
    code: str
    order: int
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """The script reads, writes or deletes something.

    Attributes:
        at: where.
        action: what it does.
        system: to what kind of thing.
        target: S3 URI, ``database.table``, or what names the thing; as far as it is known, never a credential.
        through: which interface: ``spark``, ``glue``, ``boto3``, …; after a comma what for, where it is no data.
        mode: of a write.
        service: for ``aws``: its boto3 name.
    """

    at: Place
    action: Action
    system: System
    target: Text
    through: str
    mode: Mode = "unknown"
    service: str = ""

    @property
    def is_of_data(self) -> bool:
        """Whether it is of data that the script works on: no listing, temporary place or report of a run."""
        return "," not in self.through


@dataclass(frozen=True, slots=True)
class Clock:
    """The script asks the time, or makes random or run-dependent values.

    Attributes:
        what: the function.
        column: the column that gets it, where it can be told.
        kind: whether it is a time or a random value.
    """

    at: Place
    what: str
    column: str | None = None
    kind: Literal["clock", "random"] = "clock"


@dataclass(frozen=True, slots=True)
class Bookmark:
    """The script commits a job bookmark, or names a source for it (``transformation_ctx``)."""

    at: Place
    what: Literal["commit", "transformation_ctx"]


@dataclass(frozen=True, slots=True)
class OtherIdentity:
    """The script uses other credentials than its job's role: no session policy narrows them."""

    at: Place
    what: str


@dataclass(frozen=True, slots=True)
class Process:
    """The script starts another program, or runs code that is made up at run time."""

    at: Place
    what: str


@dataclass(frozen=True, slots=True)
class Streaming:
    """The script streams: its run does not end."""

    at: Place
    what: str


@dataclass(frozen=True, slots=True)
class Location:
    """The script says where a table of the catalog lies.

    Attributes:
        table: ``database.table``.
        place: S3 URI.
    """

    table: Text
    place: Text


@dataclass(frozen=True, slots=True)
class Start:
    """The script starts a run of a Glue job.

    Attributes:
        at: where.
        job: its name.
        arguments: of the run, by name, as far as they are told.
    """

    at: Place
    job: Text
    arguments: Mapping[str, Text] = field(default_factory=dict, hash=False)


Fact: TypeAlias = Access | Clock | Bookmark | OtherIdentity | Process | Streaming


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a script cannot be read; ``line`` where there is one."""

    reason: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was found in a script.

    Attributes:
        facts: in the order in which they would happen, as far as can be told.
        declared: names of the arguments that it asks for, without dashes.
        modules: the modules that it imports.
        locations: where it says that tables of the catalog lie.
        starts: the runs of Glue jobs that it starts.
        unreadable: set where nothing can be said; then there are no facts.
    """

    facts: tuple[Fact, ...] = ()
    declared: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    unreadable: Unreadable | None = None
    locations: tuple[Location, ...] = ()
    starts: tuple[Start, ...] = ()
