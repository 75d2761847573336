"""What rewriting is given, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LiteralPlace:
    """A place on S3 that shall come from an argument.

    Attributes:
        uri: production's; ends in ``/`` if the argument's values do.
        argument: with dashes: ``--SILVER_DATA_SINK``.
        table: ``database.table`` of the same dataset, if it has one.
        table_argument: the argument that names the table to read instead; None where there is none.
        format: how its files are written.
        partition_columns: its Hive partition columns.
        stays: whether the branch reads production's own, so that a use that is left is right.
    """

    uri: str
    argument: str
    table: str | None = None
    table_argument: str | None = None
    format: str = "parquet"
    partition_columns: tuple[str, ...] = ()
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Replaced:
    """A literal that comes from an argument now."""

    line: int
    code: str
    argument: str


@dataclass(frozen=True, slots=True)
class Left:
    """A use of a place that was left as it is, and why."""

    line: int | None
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A script after rewriting.

    Attributes:
        body: its bytes; the ones given where nothing could be replaced.
        replaced: in the order of the script, by the lines that it had.
        left: what still names one of the places, by the lines that it has now.
    """

    body: bytes = field(repr=False)
    replaced: tuple[Replaced, ...] = ()
    left: tuple[Left, ...] = ()
