"""What a delta found: one frozen model that every engine fills and every renderer reads.

`DatasetDelta` compares one dataset's base (main's side) with its head (the branch's side);
`BranchDelta` holds those of a whole branch in topological order. Nothing here computes anything about data.

The JSON form (see `json_form.py`) has the same names. Values of the data (`Cell`) are held in a form
that JSON can carry: decimals, dates and timestamps as text, binary as ``0x…``, nested values as JSON text,
and the floats that JSON lacks as the texts ``NaN``, ``Infinity`` and ``-Infinity``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

SCHEMA_VERSION: Literal[1] = 1

Cell = str | int | float | bool | None
Status = Literal["compared", "identical", "base_missing", "head_missing", "both_missing", "unreadable"]
Verdict = Literal["unchanged", "changed", "not_compared"]
KeySource = Literal["declared", "inferred", "none"]
ColumnRole = Literal["key", "compared", "volatile", "ignored", "added", "removed"]
EngineName = Literal["duckdb", "pandas", "spark", "none"]
PartitionStatus = Literal["added", "removed", "touched"]
MovedRole = Literal["compared", "input"]
ExpectationOutcome = Literal["passed", "regression", "fixed", "failed_on_both", "not_run"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name and its type as SQL would write it, such as ``decimal(12,2)``."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Retyped:
    """A column whose type differs; ``compared_as`` is the type in which both sides were compared."""

    base: str
    head: str
    compared_as: str


@dataclass(frozen=True, slots=True)
class SchemaDelta:
    """How the columns differ; columns pair by name, and where no name is the same, regardless of case.

    Attributes:
        added: names on the head only.
        removed: names on the base only.
        retyped: base name → both types.
        reordered: names of the fewest columns whose move explains the new order.
        recased: base name → head name, where only the case differs.
        base: all columns of the base in order.
        head: all columns of the head in order.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: Mapping[str, Retyped] = field(default_factory=dict)
    reordered: tuple[str, ...] = ()
    recased: Mapping[str, str] = field(default_factory=dict)
    base: tuple[Column, ...] = ()
    head: tuple[Column, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether columns came, went, or have another type or name (another order alone does not count)."""
        return bool(self.added or self.removed or self.retyped or self.recased)


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Row outcomes. ``base = removed + changed + unchanged`` and ``head = added + changed + unchanged``.

    Without a key no row can be called changed: ``changed`` is None and counts as 0 in the sums above.
    """

    base: int = 0
    head: int = 0
    added: int = 0
    removed: int = 0
    changed: int | None = None
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """The columns that identify a row, where they come from, and how many key values repeat on each side.

    ``note`` says in a sentence what a reader should know, such as why an inferred key was chosen.
    """

    columns: tuple[str, ...] = ()
    source: KeySource = "none"
    base_duplicates: int = 0
    head_duplicates: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Two numbers are equal if they differ by at most ``absolute``, or by at most ``relative * |base|``."""

    absolute: float = 0.0
    relative: float = 0.0


@dataclass(frozen=True, slots=True)
class Quantile:
    """The value below which about ``fraction`` of the column lies.

    For dates and timestamps it is in seconds since 1970-01-01 in UTC.
    """

    fraction: float
    value: float


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value of a column, and in how many rows it stands."""

    value: Cell
    count: int


@dataclass(frozen=True, slots=True)
class ColumnStats:
    """A column of one side. ``None`` where the type has no such figure (or it is not finite).

    ``values`` has every value but NULL, the most frequent first, where few are distinct; else it is empty.
    """

    nulls: int
    null_fraction: float
    distinct_estimate: int | None = None
    min: Cell = None
    max: Cell = None
    mean: float | None = None
    stddev: float | None = None
    quantiles: tuple[Quantile, ...] = ()
    values: tuple[ValueCount, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnDelta:
    """One column on both sides.

    Attributes:
        role: what the column was used for; only ``compared`` columns can have changed cells.
        base_type: None where the base has no such column.
        head_type: None where the head has no such column.
        changed: cells of paired rows that differ beyond the tolerance; None where cells are not compared
            (keyless, volatile, ignored, or on one side only). In keys that repeat it is the
            fewest cells that any pairing of the key's rows would leave different.
        within_tolerance: cells that differ, but within the tolerance (counted only in changed rows and
            rows that the tolerance made equal).
        base_nulled: cells with a value on the base and NULL on the head.
        head_filled: cells with NULL on the base and a value on the head.
        mean_shift: mean of head - base over the changed cells, for numbers.
        largest_shift: the head - base of the largest size over the changed cells, for numbers.
        base: statistics of the base's side.
        head: statistics of the head's side.
    """

    role: ColumnRole
    base_type: str | None = None
    head_type: str | None = None
    changed: int | None = None
    tolerance: Tolerance | None = None
    within_tolerance: int = 0
    base_nulled: int = 0
    head_filled: int = 0
    mean_shift: float | None = None
    largest_shift: float | None = None
    base: ColumnStats | None = None
    head: ColumnStats | None = None


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row found on both sides; ``before`` and ``after`` hold the columns that differ, and only those."""

    key: Mapping[str, Cell]
    before: Mapping[str, Cell]
    after: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Samples:
    """A few rows of each outcome, in the order of the key; ``limit`` is the most asked for of each."""

    added: tuple[Mapping[str, Cell], ...] = ()
    removed: tuple[Mapping[str, Cell], ...] = ()
    changed: tuple[ChangedRow, ...] = ()
    limit: int = 0


@dataclass(frozen=True, slots=True)
class PartitionDelta:
    """A Hive partition (``year=2013/month=1``) whose files are not the same on both sides."""

    partition: str
    status: PartitionStatus
    base_files: int
    head_files: int
    base_bytes: int
    head_bytes: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read and what could be left unread."""

    base_files: int = 0
    head_files: int = 0
    base_bytes: int = 0
    head_bytes: int = 0
    identical_files: int = 0
    identical_bytes: int = 0
    bytes_read: int = 0


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """One expectation on both sides; ``base_success`` is None where the base could not be checked."""

    expectation: str
    column: str | None
    outcome: ExpectationOutcome
    base_success: bool | None
    head_success: bool | None
    base_observed: str = ""
    head_observed: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ExpectationDelta:
    """A dataset's suite on base and head; ``error`` says why a suite could not run at all."""

    suite: str
    results: tuple[ExpectationResult, ...] = ()
    error: str | None = None

    @property
    def regressions(self) -> tuple[ExpectationResult, ...]:
        """What passed on the base and fails on the head."""
        return tuple(result for result in self.results if result.outcome == "regression")

    @property
    def old_failures(self) -> tuple[ExpectationResult, ...]:
        """What fails on both sides."""
        return tuple(result for result in self.results if result.outcome == "failed_on_both")


@dataclass(frozen=True, slots=True)
class MainMoved:
    """Data of main that is not what it was when the branch ran: part of a delta may be main's own change.

    Attributes:
        uri: main's.
        role: ``compared`` is the delta's base, ``input`` what a run of the branch read from main.
        node: whose run it is about.
        ran_at: when that run began, UTC.
        objects_then, bytes_then: what the prefix held before the run.
        objects_now, bytes_now: what it holds.
        written_at: when the newest of its objects was written.
        production_run_ids: runs of the production job that writes it, since the branch's run began.
    """

    uri: str
    role: MovedRole
    node: str
    ran_at: datetime | None
    objects_then: int
    objects_now: int
    bytes_then: int
    bytes_now: int
    written_at: datetime | None = None
    production_run_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetDelta:
    """One dataset's base against its head.

    Attributes:
        dataset: its name in the graph, or what a lone comparison calls it.
        node: the node that writes it; empty in a lone comparison.
        status: whether it could be compared; `identical` means that no data differs, established from the
            files' checksums or bytes without reading rows.
        error: for `unreadable`, what is wrong, naming the file.
        verdict: `unchanged` if neither rows nor columns differ.
        identity: how a row's equality was established, in a sentence (hash width, tolerance, exactness).
        main_moved: data of main that has changed since the branch ran.
    """

    dataset: str
    node: str
    base_uri: str
    head_uri: str
    status: Status
    verdict: Verdict
    error: str | None = None
    schema: SchemaDelta = SchemaDelta()
    rows: RowCounts = RowCounts()
    key: Key = Key()
    columns: Mapping[str, ColumnDelta] = field(default_factory=dict)
    samples: Samples = Samples()
    partitions: tuple[PartitionDelta, ...] = ()
    reading: Reading = Reading()
    ignored_columns: tuple[str, ...] = ()
    volatile_columns: tuple[str, ...] = ()
    tolerated_columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    identity: str = ""
    engine: EngineName = "none"
    seconds: float = 0.0
    expectations: ExpectationDelta | None = None
    main_moved: tuple[MainMoved, ...] = ()
    schema_version: Literal[1] = SCHEMA_VERSION

    @property
    def changed_columns(self) -> dict[str, ColumnDelta]:
        """The columns with changed cells, the most changed first."""
        changed = [(name, column) for name, column in self.columns.items() if column.changed]
        return dict(sorted(changed, key=lambda item: -(item[1].changed or 0)))


@dataclass(frozen=True, slots=True)
class BranchDelta:
    """The deltas of a branch, in topological order of their nodes; ``notes`` say what concerns all of them."""

    branch: str
    created_at: datetime
    datasets: tuple[DatasetDelta, ...]
    notes: tuple[str, ...] = ()
    schema_version: Literal[1] = SCHEMA_VERSION

    @property
    def verdict(self) -> Verdict:
        """`not_compared` if any dataset could not be, else `changed` if any changed."""
        verdicts = {dataset.verdict for dataset in self.datasets}
        if "not_compared" in verdicts:
            return "not_compared"
        return "changed" if "changed" in verdicts else "unchanged"
