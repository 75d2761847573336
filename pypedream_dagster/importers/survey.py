"""What the sources of an import tell: jobs, flows of tasks, tables. Each source gives a `Survey`, and they add up.

Nothing is concluded here: which task writes what another reads is found later, from all surveys together. Values
that a source does not know are texts with named unknown parts (:mod:`importers.parameters`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Trigger = Literal["ALL", "ANY"]
FlowKind = Literal["step-functions", "glue-workflow", "airflow", "lambda"]


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """Where something was read, for a reader to open: evidence.

    Attributes:
        source: a file's path as it was given, or an ARN, or ``glue:job/NAME``.
        line: in the file, from 1, where it is known.
        part: what in it: ``States.Extract``, ``Resources.LoadJob``, ``aws_glue_job.load``.
    """

    source: str
    line: int | None = None
    part: str = ""

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place} ({self.part})" if self.part else place


@dataclass(frozen=True, slots=True)
class JobDefinition:
    """A Glue job as it is deployed, or as the code says that deploys it.

    Attributes:
        name: its name.
        properties: the fields of CreateJob, whole, as far as they are told; DefaultArguments are texts.
        at: where it is defined.
        aliases: what the same source may call it by: a logical id, a Terraform address, a construct's id.
        script: the local file of its script, where the source tells which it is; else ScriptLocation names it.
        tags: its tags.
    """

    name: str
    properties: Mapping[str, Any] = field(repr=False)
    at: Where
    aliases: tuple[str, ...] = ()
    script: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """One step of a flow.

    Attributes:
        key: names it within its flow.
        operation: ``glue`` for a Glue job; else what does the work, in lower case: ``lambda``, ``athena``, ``ecs``,
            ``batch``, ``emr``, ``crawler``, ``databrew``, ``sagemaker``, ``redshift``, ``shell``, ``python``, ….
            Steps that only steer (Pass, Wait, Choice, EmptyOperator) are no tasks: order goes through them.
        at: where it stands.
        job: of ``glue``: the Glue job's name, or one of its aliases.
        arguments: of ``glue``: the run's arguments, which override the job's defaults: ``--table`` → value.
        resource: of others: what they work on: a function's or crawler's name, a cluster, a query's text.
        trigger: whether it waits for all of the tasks before it, or for any.
        database: of a statement: the one of tables that it names without one.
        reads, writes: of others: what else of S3 is known of them, as URIs.
    """

    key: str
    operation: str
    at: Where
    job: str | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    resource: str | None = None
    trigger: Trigger = "ALL"
    database: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """An orchestration: a state machine, a Glue workflow, a DAG, a Lambda function that starts jobs.

    Attributes:
        name: its name.
        kind: what it is.
        at: where it is defined.
        tasks: in the order of the source; keys are distinct.
        order: ``(before, after)`` by task keys, direct ones only: steps that only steer are gone through.
        follows: ``(flow, its task, own task)``: the own runs after the other flow's; an empty key stands for the
            other's last tasks, or for the own first ones.
    """

    name: str
    kind: FlowKind
    at: Where
    tasks: tuple[Task, ...]
    order: frozenset[tuple[str, str]] = frozenset()
    follows: frozenset[tuple[str, str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A table of the Glue catalog.

    Attributes:
        database, name: together its identity, in lower case as Glue keeps them.
        location: its S3 URI.
        at: where it is defined.
        format: as the graph file's ``format``, where it is known.
    """

    database: str
    name: str
    location: str
    at: Where
    format: str | None = None


@dataclass(frozen=True, slots=True)
class CrawlerDefinition:
    """A crawler: it makes tables of what lies at its targets.

    Attributes:
        targets: S3 URIs.
        table_prefix: put before each table's name.
    """

    name: str
    database: str
    targets: tuple[str, ...]
    at: Where
    table_prefix: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectionDefinition:
    """A Glue connection, by name and kind (``JDBC``, ``KAFKA``, ``NETWORK``); never its credentials."""

    name: str
    kind: str
    at: Where


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """A Lambda function.

    Attributes:
        code: the file or folder of its code, among those given; empty where that is not told.
        handler: ``module.function``.
        environment: its variables.
        inline: its code, where it stands in the definition.
    """

    name: str
    at: Where
    code: str = ""
    handler: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    aliases: tuple[str, ...] = ()
    inline: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read, in one line: told to the user, it stops nothing."""

    at: Where
    what: str


@dataclass(frozen=True, slots=True)
class Survey:
    """All that one or several sources tell.

    Attributes:
        databases: where tables of a database lie that do not say so, by its name.
        values: of parameters: defaults that the sources declare. An answer or a variables file overrides them.
        scripts: texts of scripts by the S3 URI or local path that job definitions name.
    """

    jobs: tuple[JobDefinition, ...] = ()
    flows: tuple[Flow, ...] = ()
    tables: tuple[CatalogEntry, ...] = ()
    crawlers: tuple[CrawlerDefinition, ...] = ()
    connections: tuple[ConnectionDefinition, ...] = ()
    functions: tuple[FunctionDefinition, ...] = ()
    databases: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()

    def __add__(self, other: Survey) -> Survey:
        return Survey(
            jobs=self.jobs + other.jobs,
            flows=self.flows + other.flows,
            tables=self.tables + other.tables,
            crawlers=self.crawlers + other.crawlers,
            connections=self.connections + other.connections,
            functions=self.functions + other.functions,
            databases={**self.databases, **other.databases},
            values={**self.values, **other.values},
            scripts={**self.scripts, **other.scripts},
            problems=self.problems + other.problems,
        )
