"""A branch graph: the abstract graph made concrete for one branch, or for main.

``base`` is main's side of a dataset, ``head`` the branch's. On ``main`` itself both are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pypedream_dagster.graph.model import MAIN, Dataset, Json, UnexplainedWrite
from pypedream_dagster.masking.mask import mask_document


class Frozen(BaseModel):
    """Immutable, and strict about unknown fields: these files are ours."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Input(Frozen):
    """A dataset that a node reads.

    Attributes:
        producer: the node that makes it.
        dataset: its name.
        uri: where this branch reads it.
        side: ``head`` if the branch makes it, ``base`` if it comes from main.
        argument: the job argument that takes the URI.
        table: ``database.table`` in the catalog where this branch reads it; None if it is not catalogued.
    """

    producer: str
    dataset: str
    uri: str
    side: Literal["base", "head"]
    argument: str
    table: str | None = None


class Output(Frozen):
    """A dataset that a node writes.

    Attributes:
        name: its name.
        base_uri: main's URI.
        head_uri: the branch's URI.
        argument: the job argument that takes the URI.
        base_table: ``database.table`` in the catalog on main, if it is catalogued there.
        head_table: the same on the branch; None if the dataset is not catalogued.
        settings: as the graph file gives them.
        seeded: whether the branch's starts as a copy of main's, anew before each run: its job builds on what is
            there.
    """

    name: str
    base_uri: str
    head_uri: str
    argument: str
    base_table: str | None = None
    head_table: str | None = None
    settings: Dataset
    seeded: bool = False

    @property
    def registered_table(self) -> str | None:
        """The table that is registered for it after its run; None for what can be none."""
        return self.head_table if self.settings.format == "parquet" else None


class BranchNode(Frozen):
    """A node as a branch runs it.

    Attributes:
        id: the node.
        operation: as in the graph; only ``glue`` can run.
        action: ``clone``: the branch has a Glue job of its own; ``reuse``: production's job is started with
            other arguments.
        is_origin: the developer's script runs here.
        production_job: the Glue job on main.
        job: the Glue job that the branch starts.
        script_uri: the script that runs: the branch's own for an origin, else None (production's).
        properties: CreateJob fields as the graph remembers them, rendered for ``job``; secrets are masked.
        arguments: what StartJobRun is given; overrides the job's defaults key by key.
        inputs, outputs: datasets.
        upstream: nodes of this branch that must have ended before.
        why_cloned: for a clone that is no origin: the reason.
        unexplained_writes: as the graph file gives them, less those that the branch's script has no more.
    """

    id: str
    operation: str = "glue"
    action: Literal["clone", "reuse"]
    is_origin: bool = False
    production_job: str
    job: str
    script_uri: str | None = None
    properties: Json = Field(default_factory=dict)
    arguments: Mapping[str, str] = Field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    upstream: tuple[str, ...] = ()
    why_cloned: str | None = None
    unexplained_writes: tuple[UnexplainedWrite, ...] = ()

    @field_validator("properties")
    @classmethod
    def _without_secrets(cls, value: Json) -> Json:
        """Mask what is recorded: a clone is made from the job as deployed, whose secrets are needed in no file."""
        masked: Json = mask_document(value)
        return masked


class BranchLink(Frozen):
    """A link between two nodes of the branch; without data it only orders."""

    source: str
    target: str
    data: tuple[str, ...] = ()


class BranchGraph(Frozen):
    """All that a branch runs, reads and writes; nodes in running order.

    Attributes:
        branch: its name, or ``main``.
        origins: where it starts; empty on main.
        nodes: the affected nodes (all jobs on main).
        links: between them.
        write_prefixes: the only prefixes that its runs may write.
        protected_uris: what main reads and writes: no write prefix equals, contains or lies in one of them.
        producers: main's datasets, all of them: base URI → the Glue job that writes it; empty in older files.
        read_actions: IAM actions that its runs may do beside those that every run may.
    """

    branch: str
    origins: tuple[str, ...] = ()
    nodes: tuple[BranchNode, ...]
    links: tuple[BranchLink, ...] = ()
    write_prefixes: tuple[str, ...] = ()
    protected_uris: tuple[str, ...] = ()
    producers: Mapping[str, str] = Field(default_factory=dict)
    read_actions: tuple[str, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, BranchNode]:
        """Nodes by id."""
        return {node.id: node for node in self.nodes}

    @property
    def is_main(self) -> bool:
        """Tell whether this is production."""
        return self.branch == MAIN

    @property
    def clones(self) -> tuple[BranchNode, ...]:
        """Nodes with a Glue job of the branch's own."""
        return tuple(node for node in self.nodes if node.action == "clone")

    def datasets(self) -> Iterator[tuple[BranchNode, Output]]:
        """Yield all outputs, in running order."""
        return ((node, output) for node in self.nodes for output in node.outputs)

    @property
    def databases(self) -> tuple[str, ...]:
        """Catalog databases of the branch's own."""
        tables = {output.head_table for _, output in self.datasets() if output.head_table}
        return () if self.is_main else tuple(sorted({table.partition(".")[0] for table in tables}))


class DeployedTo(Frozen):
    """The account and region that a branch is deployed to, whether that is the embedded AWS, and since when (UTC)."""

    account: str
    region: str
    is_local: bool
    since: datetime


class Acknowledgement(Frozen):
    """Somebody has seen a severe hazard and goes on: this very finding, of this very code.

    Attributes:
        id: of the finding.
        by: who.
        at: UTC.
        what: the finding in one line, as it was shown.
    """

    id: str
    by: str
    at: datetime
    what: str


class GivenUp(Frozen):
    """A node whose runs carry no session policy, by whose will and since when."""

    node: str
    by: str
    at: datetime


class Branch(Frozen):
    """``branch.json``: what was branched, by whom, and what main looked like then.

    Attributes:
        created_at, expires_at: UTC.
        graph_sha256: of the main graph's file.
        script_sha256: per origin, of production's script as of then, or of what was brought in its place.
        follow_order: whether links that only order were followed.
        rebased_at: when it was last brought up to date with main, UTC; the digests are as of then.
        deployed_to: since when and where something of it is on AWS; None while nothing is. What tells a deployment
            record that was lost from one that never was.
        acknowledged: the severe hazards that somebody has taken upon themselves.
        given_up: nodes that run without a session policy: nothing but the proof after a run watches over main.
    """

    version: Literal[1] = 1
    name: str
    origins: tuple[str, ...]
    owner: str
    project: str
    created_at: datetime
    expires_at: datetime
    graph_sha256: str
    script_sha256: Mapping[str, str] = Field(default_factory=dict)
    follow_order: bool = False
    rebased_at: datetime | None = None
    deployed_to: DeployedTo | None = None
    acknowledged: tuple[Acknowledgement, ...] = ()
    given_up: tuple[GivenUp, ...] = ()

    def has_given_up(self, node: str) -> bool:
        """Tell whether a node's runs carry no session policy."""
        return any(item.node == node for item in self.given_up)
