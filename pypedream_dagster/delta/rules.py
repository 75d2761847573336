"""How one dataset is to be compared: the key, what to leave out, what to tolerate, and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pypedream_dagster.delta.model import Tolerance
from pypedream_dagster.errors import DeltaError

Format = Literal["auto", "parquet", "csv", "json", "orc", "delta", "iceberg"]
Statistics = Literal["auto", "all", "changed", "none"]
EngineChoice = Literal["auto", "duckdb", "pandas", "spark"]

MEMORY_LIMIT_BYTES = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class CompareRules:
    """The rules of one comparison. Column names match regardless of case where no exact match exists.

    Attributes:
        key: columns that identify a row; empty: infer one, and compare without a key if none is unique.
        infer_key: False compares without a key where none is declared.
        ignored_columns: left out altogether.
        volatile_columns: known to differ in each run (clocks, random ids): only whether a value is there counts.
        tolerance: per numeric column, how far values may differ.
        partition_columns: Hive partition columns that must be there; those found in paths count anyway.
        format: ``auto`` tells Delta and Iceberg tables by their folders, files by their endings, and where there is
            none by the first bytes.
        csv_header: whether CSV files start with a header; None finds out, alike for both sides.
        sample_rows: the most sample rows of each outcome.
        statistics: columns to describe on both sides; ``auto`` is all for small datasets, else the changed.
        memory_limit_bytes: what the process may hold; beyond, DuckDB spills to ``temp_directory``.
        temp_directory: where to spill; None takes a fresh directory of the system's, removed at the end.
        threads: None leaves it to DuckDB.
        exact: compare values rather than 64-bit hashes of them; slower, without the 2^-64 chance per row.
        skip_identical_files: leave out files that are byte-identical on both sides.
    """

    key: tuple[str, ...] = ()
    infer_key: bool = True
    ignored_columns: tuple[str, ...] = ()
    volatile_columns: tuple[str, ...] = ()
    tolerance: Mapping[str, Tolerance] = field(default_factory=dict)
    partition_columns: tuple[str, ...] = ()
    format: Format = "auto"
    csv_header: bool | None = None
    sample_rows: int = 20
    statistics: Statistics = "auto"
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES
    temp_directory: str | None = None
    threads: int | None = None
    exact: bool = False
    skip_identical_files: bool = True

    def __post_init__(self) -> None:
        _check_names(self)
        for name, tolerance in self.tolerance.items():
            if not (tolerance.absolute >= 0 and tolerance.relative >= 0):
                raise DeltaError(f"the tolerance of {name!r} is negative or not a number", hint="give 0 or more")
        if self.sample_rows < 0:
            raise DeltaError(f"sample_rows is {self.sample_rows}", hint="give 0 or more")
        if self.memory_limit_bytes < 64 * 1024**2:
            raise DeltaError("the memory limit is below 64 MiB", hint="give at least 64 MiB")


def _check_names(rules: CompareRules) -> None:
    uses = {
        "key": [name.lower() for name in rules.key],
        "ignored": [name.lower() for name in rules.ignored_columns],
        "volatile": [name.lower() for name in rules.volatile_columns],
        "tolerated": [name.lower() for name in rules.tolerance],
    }
    if len(set(uses["key"])) < len(uses["key"]):
        raise DeltaError(f"the key names a column twice: {', '.join(rules.key)}")
    for first, second in (("key", "ignored"), ("key", "volatile"), ("key", "tolerated"), ("ignored", "volatile")):
        both = sorted(set(uses[first]) & set(uses[second]))
        if both:
            raise DeltaError(
                f"{', '.join(both)} cannot be both {first} and {second}", hint="name each column once in the rules"
            )
