"""The abstract pipeline graph as its file holds it: frozen, with unknown fields kept.

URIs and names are templates: ``{branch-name}`` stands for ``main`` or a branch, ``${name}`` for a part that an import
could not tell (see :mod:`graph.uri`).
The models check the shape of each part; :mod:`graph.validate` checks what the parts mean together.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from pypedream_dagster.graph.uri import BRANCH_PLACEHOLDER

MAIN = "main"
"""The name of production, where a branch's name would stand."""

Json = dict[str, Any]
DataFormat = Literal["parquet", "csv", "json", "orc", "iceberg", "delta"]
WriteMode = Literal["overwrite", "append", "merge"]


def render(template: str, branch: str) -> str:
    """Put a branch's name, or ``main``, into a template."""
    return template.replace(BRANCH_PLACEHOLDER, branch)


class Part(BaseModel):
    """A part of the graph file: immutable, unknown fields kept, ``null`` as good as absent."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: item for key, item in value.items() if item is not None or key not in cls.model_fields}


class Tolerance(Part):
    """How far two numbers of a column may lie apart and still count as equal: either bound suffices."""

    absolute: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    relative: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        return {"absolute": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class DeltaPolicy(Part):
    """Thresholds over which a dataset's delta counts as a failure; None means no limit.

    An unknown field is a fault here: a misspelt limit would limit nothing. So is a share above 1, meant as per cent.

    Attributes:
        max_added_fraction, max_removed_fraction, max_changed_fraction: of main's rows.
        max_null_fraction_increase: how much larger a column's fraction of NULLs may be than on main.
        allow_schema_change: whether columns may come, go, or change their type or name.
        allow_expectation_regressions: whether expectations that main meets may fail on the branch.
        blocking: whether a failure keeps Dagster from running what is downstream.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_added_fraction: Annotated[float, Field(ge=0)] | None = None
    max_removed_fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    max_changed_fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    max_null_fraction_increase: Annotated[float, Field(ge=0, le=1)] | None = None
    allow_schema_change: bool = True
    allow_expectation_regressions: bool = False
    blocking: bool = False


class Dataset(Part):
    """An output of a node.

    A file may give the URI template alone; the object form says what a string cannot.

    Attributes:
        uri: S3 URI template, with ``{branch-name}``.
        main_uri: production's URI where it is not the template rendered for ``main``.
        format: how the files are read.
        primary_key: columns that identify a row.
        ignored_columns: left out of deltas.
        volatile_columns: known to differ in each run (clocks, random ids): compared for presence only.
        tolerance: per column, how far numbers may differ.
        partition_columns: Hive partition columns.
        table: ``database.table`` in production's catalog.
        write_mode: what the job does to rows that are there already.
        delta_policy: when a delta counts as a failure.
    """

    uri: str
    main_uri: str | None = None
    format: DataFormat = "parquet"
    primary_key: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    volatile_columns: tuple[str, ...] = ()
    tolerance: Mapping[str, Tolerance] = Field(default_factory=dict)
    partition_columns: tuple[str, ...] = ()
    table: str | None = None
    write_mode: WriteMode = "overwrite"
    delta_policy: DeltaPolicy | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"uri": value} if isinstance(value, str) else value

    @model_serializer(mode="wrap")
    def _to_text(self, handler: SerializerFunctionWrapHandler) -> Any:
        return self.uri if self.model_fields_set == {"uri"} else handler(self)

    @property
    def base_uri(self) -> str:
        """Production's URI."""
        return self.main_uri if self.main_uri is not None else render(self.uri, MAIN)

    def uri_on(self, branch: str) -> str:
        """Return the URI on a branch, or on ``main``."""
        return self.base_uri if branch == MAIN else render(self.uri, branch)


class UnexplainedWrite(Part):
    """A write of a node's job that a branch could not send elsewhere, as an import has found it.

    Attributes:
        what: an S3 URI or ``database.table``, or what is known of it; perhaps nothing.
        at: where it stands: ``script.py:12`` or ``--dest``.
        why: in one line: ``no argument moves it``, ``its place cannot be told``, ``belongs to node x``.
        dataset: the output of the node's that it is, if it is one.
    """

    what: str = ""
    at: str
    why: str
    dataset: str | None = None


class NodeMetadata(Part):
    """What a node is and does.

    Attributes:
        operation: ``glue`` for a Glue job, ``NOOP`` for none; others order and reach but cannot be branched.
        properties: the fields of Glue's CreateJob, whole.
        output_data: outputs by dataset name.
        arguments: run arguments that tell this node from others on the same job.
        input_arguments: argument by input, where it is not ``--<DATASET>_DATA_SOURCE``; the key is the
            dataset's name, or ``<node>.<dataset>`` where two producers' datasets share one.
        output_arguments: argument by output, where it is not ``--<DATASET>_DATA_SINK``.
        unexplained_writes: what its job writes and no argument moves: a branch with such a node is not deployed.
    """

    operation: str
    trigger: str | None = None
    properties: Json = Field(default_factory=dict)
    output_data: Mapping[str, Dataset] = Field(default_factory=dict)
    arguments: Mapping[str, str] = Field(default_factory=dict)
    input_arguments: Mapping[str, str] = Field(default_factory=dict)
    output_arguments: Mapping[str, str] = Field(default_factory=dict)
    unexplained_writes: tuple[UnexplainedWrite, ...] = ()


class Node(Part):
    """One step of the pipeline."""

    id: str
    # Files of networkx may hold nodes of nothing but an id.
    metadata: NodeMetadata = Field(default_factory=lambda: NodeMetadata(operation="NOOP"))

    @property
    def is_job(self) -> bool:
        """Tell whether a Glue job backs the node."""
        return self.metadata.operation.lower() == "glue"

    @property
    def is_noop(self) -> bool:
        """Tell whether the node does nothing (``start`` and ``stop`` of old files)."""
        return self.metadata.operation.upper() == "NOOP"

    @property
    def outputs(self) -> Mapping[str, Dataset]:
        """Datasets by name."""
        return self.metadata.output_data

    @property
    def command(self) -> Json:
        """The job's ``Command``; empty where the file has none."""
        command = self.metadata.properties.get("Command")
        return command if isinstance(command, dict) else {}

    @property
    def is_python_shell(self) -> bool:
        """Tell whether the job is plain Python, not Spark."""
        return self.command.get("Name") == "pythonshell"

    @property
    def script_template(self) -> str | None:
        """Where the job's script lies, as a template."""
        location = self.command.get("ScriptLocation")
        return location if isinstance(location, str) else None

    def job_name(self, branch: str) -> str:
        """Return the Glue job's name on a branch or on ``main``; a plain name gets the branch appended."""
        template = str(self.metadata.properties.get("Name", self.id))
        if branch != MAIN and BRANCH_PLACEHOLDER not in template:
            return f"{template}-{branch}"
        return render(template, branch)

    def input_argument(self, producer: str, dataset: str) -> str:
        """Return the argument that takes the URI of a producer's dataset."""
        names = self.metadata.input_arguments
        return names.get(f"{producer}.{dataset}") or names.get(dataset) or f"--{dataset.upper()}_DATA_SOURCE"

    def output_argument(self, dataset: str) -> str:
        """Return the argument that takes the URI of an own output."""
        return self.metadata.output_arguments.get(dataset) or f"--{dataset.upper()}_DATA_SINK"


class LinkMetadata(Part):
    """What a link carries: datasets by name, or nothing where it only orders."""

    data: tuple[str, ...] = ()
    crawl_data: bool = False


class Link(Part):
    """From a producer to a consumer."""

    source: str
    target: str
    metadata: LinkMetadata = Field(default_factory=LinkMetadata)

    @property
    def data(self) -> tuple[str, ...]:
        """The datasets that it carries; empty where it only orders."""
        return self.metadata.data


class PipelineGraph(BaseModel):
    """The whole pipeline, nodes in the file's order.

    Attributes:
        metadata: the file's ``graph``, as networkx calls what is said of the whole.
        others: the file's further fields, kept as they are.
    """

    model_config = ConfigDict(frozen=True)

    nodes: tuple[Node, ...]
    links: tuple[Link, ...] = ()
    metadata: Json = Field(default_factory=dict)
    others: Json = Field(default_factory=dict)

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        """Nodes by id."""
        return {node.id: node for node in self.nodes}

    def inbound(self, node_id: str) -> tuple[Link, ...]:
        """Links that end in a node."""
        return tuple(link for link in self.links if link.target == node_id)

    @cached_property
    def catalogued(self) -> frozenset[tuple[str, str]]:
        """The ``(node, dataset)`` pairs to register in the catalog: those with a table or on a crawled link."""
        tables = {(n.id, name) for n in self.nodes for name, data in n.outputs.items() if data.table}
        crawled = {(link.source, name) for link in self.links if link.metadata.crawl_data for name in link.data}
        return frozenset(tables | crawled)
