"""A hazard as it is found, and the closed list of kinds: each says why it matters on a branch and what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["severe", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("severe", "warning", "info")

_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of hazard.

    Attributes:
        severities: the ones that it may have; the first is the usual one.
        about: what it is, for the documentation.
        why: why it matters on a branch.
        remedy: what to do.
    """

    severities: tuple[Severity, ...]
    about: str
    why: str
    remedy: str


_NOT_NARROWED = "a session policy narrows calls to AWS, not this: a run of the branch writes where production writes"
_ARGUMENT = "let the script take the place from a job argument, and give the branch another or none"
_DENIED = "the session policy of the branch's runs does not allow it: the run will fail with AccessDenied there"
_GUARD = "leave the call out on a branch, for instance by a job argument that the script asks for"
_SEED = "deploy with --seed NODE.DATASET, which puts a copy of main's data there before each run"
_BUILDS = "the branch starts with none of main's rows, and a second run adds to the first: a delta that nobody made"

KINDS: Mapping[str, Kind] = {
    "jdbc-sink": Kind(("severe",), "writes a database: JDBC, a driver, a connection", _NOT_NARROWED, _ARGUMENT),
    "redshift-sink": Kind(("severe",), "writes Redshift by user and password", _NOT_NARROWED, _ARGUMENT),
    "snowflake-sink": Kind(("severe",), "writes Snowflake", _NOT_NARROWED, _ARGUMENT),
    "opensearch-sink": Kind(("severe",), "writes OpenSearch or Elasticsearch", _NOT_NARROWED, _ARGUMENT),
    "mongodb-sink": Kind(("severe",), "writes MongoDB or DocumentDB", _NOT_NARROWED, _ARGUMENT),
    "kafka-sink": Kind(("severe",), "writes Kafka or another message broker", _NOT_NARROWED, _ARGUMENT),
    "http-write": Kind(("severe",), "sends data over HTTP or to a web service", _NOT_NARROWED, _GUARD),
    "mail": Kind(("severe",), "sends mail", _NOT_NARROWED, _GUARD),
    "file-transfer": Kind(("severe",), "moves files by SFTP, FTP or the like", _NOT_NARROWED, _GUARD),
    "unknown-sink": Kind(("severe",), "writes through what cannot be told", _NOT_NARROWED, _ARGUMENT),
    "other-identity": Kind(
        ("severe",),
        "uses access keys, a profile or a role other than the job's",
        "the session policy narrows the job's own role, not this identity: what it may do, the branch may do",
        "take the credentials out on a branch, or make sure that they cannot write what is main's",
    ),
    "kinesis-sink": Kind(("warning",), "writes Kinesis or Firehose", _DENIED, _GUARD),
    "dynamodb-sink": Kind(("warning",), "writes DynamoDB", _DENIED, _GUARD),
    "aws-write": Kind(
        ("warning",),
        "calls another service of AWS that changes something (SNS, SQS, SES, Lambda, Step Functions, Athena, Glue, …)",
        _DENIED,
        _GUARD,
    ),
    "outside-write": Kind(
        ("warning",),
        "writes or deletes S3 objects outside the branch's prefixes, by a literal or by an argument that is not mapped",
        _DENIED,
        "take the URI from the output's argument, or map the argument in the graph (output_arguments)",
    ),
    "unexplained-write": Kind(
        ("severe",),
        "the import found a write of the job's that no argument moves, and the script still does it",
        "the run would be denied in its middle, or write what the branch's delta never sees; it cannot be acknowledged",
        "create the branch with --rewrite-literals, or let the script take the place from the output's argument",
    ),
    "catalog-write": Kind(
        ("warning",),
        "writes a catalog table that is not the branch's",
        _DENIED,
        "take database and table from job arguments, or let the graph register the dataset (table, crawl_data)",
    ),
    "unknown-target": Kind(
        ("info",),
        "writes to a place that cannot be told from the script",
        "if it is not below the branch's prefixes, the run will fail with AccessDenied there",
        "look at the line; nothing to do if an output's argument decides it",
    ),
    "main-read": Kind(
        ("severe", "warning"),
        "reads a dataset of main's that the branch makes anew, by a literal or by an argument that is not mapped",
        "the run silently reads main's data instead of the branch's: the change does not reach what is downstream",
        "take it from the input's argument, or map the argument in the graph (a link, and input_arguments)",
    ),
    "self-read": Kind(
        ("severe", "info"),
        "reads its own output before it writes it",
        "the branch's is empty at first: the run fails or starts from nothing, unlike on main",
        _SEED,
    ),
    "append-output": Kind(
        ("severe", "warning", "info"),
        "appends to an output (mode append, INSERT INTO, a Glue sink that nothing empties before)",
        _BUILDS,
        f"{_SEED}; or empty the output first, or acknowledge it",
    ),
    "merge-output": Kind(
        ("severe", "info"),
        "merges into an output: MERGE, UPDATE, DELETE … WHERE, upsert",
        _BUILDS,
        f"{_SEED}; or acknowledge it",
    ),
    "partition-output": Kind(
        ("severe", "info"),
        "replaces only some partitions of an output",
        "the branch's holds only the partitions of this run: the delta shows the others as removed",
        f"{_SEED}; or acknowledge it",
    ),
    "unseeded-output": Kind(
        ("severe",),
        "the graph says that an output is appended to or merged into, and it is not seeded",
        _BUILDS,
        "deploy with --seed",
    ),
    "write-once-output": Kind(
        ("warning",),
        "writes an output only if nothing is there (Spark's default mode)",
        "the branch's second run fails, or writes nothing, because the first has written",
        'write with mode("overwrite")',
    ),
    "clock": Kind(
        ("warning", "info"),
        "asks the time",
        "a column or path that holds it differs in each run: a delta that nobody made",
        'name the column in the dataset\'s "volatile_columns"; nothing to do if it only goes into logs',
    ),
    "random": Kind(
        ("warning", "info"),
        "makes random values, or ids that depend on how Spark splits its work",
        "a column that holds them differs in each run: a delta that nobody made",
        'name the column in the dataset\'s "volatile_columns", or give a seed',
    ),
    "bookmark": Kind(
        ("info",),
        "uses job bookmarks",
        "they are disabled on a branch, so that it moves none of production's: it reads everything, not what is new",
        "nothing to do; expect a longer run",
    ),
    "database-read": Kind(
        ("info",),
        "reads a database or a web service",
        "it may hold other rows than when main's run read it: a delta that nobody made",
        "run main's job again just before, or mind it when reading the delta",
    ),
    "process": Kind(
        ("warning",),
        "starts another program, or runs code that is made up at run time",
        "what it does cannot be seen from here; its calls to AWS are narrowed by the session policy, others are not",
        "look at what it starts",
    ),
    "streaming": Kind(
        ("severe",),
        "streams",
        "the run does not end by itself: the branch waits for it until the job's timeout",
        "branch a node further down, or let the script stop after one batch (trigger once)",
    ),
    "workflow-run": Kind(
        ("warning",),
        "asks for the run of the Glue workflow that it is part of (WORKFLOW_NAME, WORKFLOW_RUN_ID)",
        "the branch starts the job by itself, outside of any workflow: a script that needs them fails at once",
        "give the values that it takes from the workflow's run properties as arguments, too",
    ),
    "unreadable-script": Kind(
        ("severe", "warning"),
        "the script cannot be read: not found, Scala, Python 2, a notebook, a syntax error, too large",
        "nothing can be said about what it does; the session policy still holds",
        "look at the script yourself, then acknowledge it",
    ),
    "other-code": Kind(
        ("warning", "info"),
        "the job brings code of its own that is not scanned: wheels, archives, jars, modules",
        "what is in it cannot be seen from here; the session policy still holds",
        "look at whether it writes elsewhere than to what it is given",
    ),
    "unmapped-argument": Kind(
        ("severe", "warning"),
        "a job argument names a dataset of main's that the branch makes anew, and the graph does not map it",
        "the run reads main's instead of the branch's, or is denied when it writes there",
        "map it in the graph: input_arguments or output_arguments of the node, and a link",
    ),
    "missing-job": Kind(
        ("warning",), "production's job is not deployed", "the branch cannot be deployed", "deploy main first"
    ),
    "busy-job": Kind(
        ("warning",),
        "production's job runs only once at a time",
        "while the branch runs it, production cannot start it; while production runs it, the branch waits",
        "raise the job's MaxConcurrentRuns, or trigger the branch when production does not run",
    ),
    "queued-runs": Kind(
        ("info",),
        "production's job queues its runs",
        "a run of production that comes while the branch runs it waits in the queue, and starts late",
        "trigger the branch when production does not run",
    ),
    "retries": Kind(
        ("warning", "info"),
        "production's job retries failed runs",
        "Glue retries a failed run of the branch as well; one that appends has then appended twice",
        "nothing to do but to wait for the retry",
    ),
    "trigger": Kind(
        ("info",),
        "a trigger or workflow of Glue's waits for production's job",
        "it fires only after runs that a trigger started: the branch's runs, started one by one, do not fire it",
        "nothing to do",
    ),
    "schedule": Kind(
        ("info",),
        "a trigger starts production's job by schedule, event or workflow",
        "production may run the job while the branch runs it; triggers are never copied to a branch's own jobs",
        "trigger the branch at another time if the job's MaxConcurrentRuns is small",
    ),
    "state-change-event": Kind(
        ("info",),
        "the branch runs production's own jobs",
        "EventBridge tells each run's end (Glue Job State Change): a rule on the job's name fires for the branch's too",
        "let such rules look at the run's arguments, or disable them meanwhile",
    ),
    "connection": Kind(
        ("warning", "info"),
        "the job has a connection",
        "a branch's run has it, too: what it may write through a database's or a broker's is not narrowed",
        "look at whether the script writes through it",
    ),
    "not-looked-up": Kind(
        ("severe", "info"),
        "something could not be looked up",
        "hazards may be missing from this list",
        "ask for the permission that is named",
    ),
}  # fmt: skip

BUILDING = frozenset({"append-output", "merge-output", "partition-output", "self-read"})
"""Kinds of an output that builds on what is there: seeding settles them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One hazard.

    Attributes:
        kind: a key of `KINDS`.
        node: whose job; empty for the branch as a whole.
        what: what was found, in one line.
        file: the script: a path in the branch's folder, or production's S3 URI; None where a job's settings are meant.
        line: in it, from 1.
        identity: what makes it this finding and no other: its code in normal form and its target, not its line.
        remedy: what to do; the kind's unless there is better advice.
        dataset: the output that it is about, if it is about one.
    """

    kind: str
    severity: Severity
    node: str
    what: str
    file: str | None = None
    line: int | None = None
    identity: str = field(default="", repr=False)
    remedy: str = ""
    dataset: str = ""

    @property
    def id(self) -> str:
        """Name the finding, the same for as long as its code stays the same, wherever that moves."""
        text = f"{self.kind}\n{self.node}\n{self.identity or self.what}"
        return f"{self.kind}:{self.node or 'branch'}:{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"

    @property
    def place(self) -> str:
        """Return ``file:line``, or the job's node where no file is meant."""
        if self.file is None:
            return "job settings" if self.node else "branch"
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def why(self) -> str:
        """Say why it matters on a branch."""
        return KINDS[self.kind].why

    @property
    def advice(self) -> str:
        """Say what to do."""
        return self.remedy or KINDS[self.kind].remedy


def found(
    kind: str,
    node: str,
    what: str,
    *,
    severity: Severity | None = None,
    file: str | None = None,
    line: int | None = None,
    identity: str = "",
    remedy: str = "",
    dataset: str = "",
) -> Finding:
    """Return a finding of a kind, with the kind's usual severity unless another is given."""
    known = KINDS[kind].severities
    chosen = severity or known[0]
    assert chosen in known, (kind, chosen)
    return Finding(kind, chosen, node, what, file, line, identity, remedy, dataset)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings once each, the severe first, then as the branch runs."""
    distinct: dict[str, Finding] = {}
    for finding in findings:
        distinct.setdefault(finding.id, finding)
    return tuple(sorted(distinct.values(), key=lambda finding: SEVERITIES.index(finding.severity)))
