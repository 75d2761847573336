"""Deltas to render: hand-made, deterministic, and ugly where data is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pypedream_dagster.delta.model import (
    BranchDelta,
    ChangedRow,
    Column,
    ColumnDelta,
    ColumnStats,
    DatasetDelta,
    ExpectationDelta,
    ExpectationResult,
    Key,
    MainMoved,
    PartitionDelta,
    Quantile,
    Reading,
    Retyped,
    RowCounts,
    Samples,
    SchemaDelta,
    Tolerance,
    ValueCount,
)

SCRIPT = "<script>alert(1)</script>"
WHEN = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)


def stats(mean: float, spread: float, *, nulls: int = 0, rows: int = 1000) -> ColumnStats:
    """Statistics of a bell-like column."""
    steps = ((0.01, -2.3), (0.05, -1.6), (0.25, -0.7), (0.5, 0.0), (0.75, 0.7), (0.95, 1.6), (0.99, 2.3))
    return ColumnStats(
        nulls=nulls,
        null_fraction=nulls / rows,
        distinct_estimate=412,
        min=round(mean - 3 * spread, 3),
        max=round(mean + 3 * spread, 3),
        mean=mean,
        stddev=spread,
        quantiles=tuple(Quantile(fraction, round(mean + step * spread, 4)) for fraction, step in steps),
    )


def counted(counts: dict[str | bool, int]) -> ColumnStats:
    """Statistics of a column of few values."""
    values = tuple(ValueCount(value, count) for value, count in counts.items())
    return ColumnStats(0, 0.0, len(values), min(counts), max(counts), values=values)


def instants(start: float, step: float) -> ColumnStats:
    """Statistics of a column of timestamps."""
    fractions = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    quantiles = tuple(Quantile(fraction, start + index * step) for index, fraction in enumerate(fractions))
    return ColumnStats(0, 0.0, 9000, "2013-01-01T00:00:00", "2013-01-09T00:00:00", quantiles=quantiles)


def changed_dataset(name: str = "flights_valid", node: str = "clean_flights") -> DatasetDelta:
    """A dataset in which everything that a delta can tell has happened."""
    columns = {
        "flight_id": ColumnDelta(
            role="key", base_type="bigint", head_type="bigint", base=stats(500, 288), head=stats(505, 289)
        ),
        "dep_delay": ColumnDelta(
            role="compared",
            base_type="double",
            head_type="double",
            changed=212,
            within_tolerance=9,
            tolerance=Tolerance(absolute=0.5),
            base_nulled=3,
            head_filled=41,
            mean_shift=-1.7,
            largest_shift=-412.0,
            base=stats(12.64, 40.2, nulls=82),
            head=stats(10.94, 36.1, nulls=44),
        ),
        "carrier": ColumnDelta(
            role="compared",
            base_type="varchar",
            head_type="varchar",
            changed=17,
            base=counted({"UA": 400, "AA": 300, "9E": 150, "YV": 100, "B6": 30, "FL": 20}),
            head=counted({"UA": 430, "AA": 290, "9E": 150, "WN": 102, "B6": 40}),
        ),
        "is_late": ColumnDelta(
            role="compared",
            base_type="boolean",
            head_type="boolean",
            changed=40,
            base=counted({False: 700, True: 300}),
            head=counted({False: 740, True: 272}),
        ),
        "departed_at": ColumnDelta(
            role="compared",
            base_type="timestamp",
            head_type="timestamp",
            changed=31,
            base=instants(1_356_998_400, 86_400),
            head=instants(1_357_002_000, 90_000),
        ),
        "distance": ColumnDelta(
            role="compared",
            base_type="int",
            head_type="bigint",
            changed=0,
            base=stats(1039.9, 733),
            head=stats(1039.9, 733),
        ),
        "ingested_at": ColumnDelta(role="volatile", base_type="timestamp", head_type="timestamp"),
        "air_time_hours": ColumnDelta(role="added", head_type="double", head=stats(2.5, 1.5)),
        "legacy_code": ColumnDelta(role="removed", base_type="varchar", base=ColumnStats(990, 0.99, 2, "A", "B")),
    }
    return DatasetDelta(
        dataset=name,
        node=node,
        base_uri=f"s3://pypedream-demo-lake/main/data/{name}/",
        head_uri=f"s3://pypedream-demo-lake/test/data/{name}/",
        status="compared",
        verdict="changed",
        schema=SchemaDelta(
            added=("air_time_hours",),
            removed=("legacy_code",),
            retyped={"distance": Retyped("int", "bigint", "bigint")},
            reordered=("carrier",),
            base=(
                Column("flight_id", "bigint"),
                Column("legacy_code", "varchar"),
                Column("distance", "int"),
                Column("carrier", "varchar"),
            ),
            head=(
                Column("flight_id", "bigint"),
                Column("carrier", "varchar"),
                Column("distance", "bigint"),
                Column("air_time_hours", "double"),
            ),
        ),
        rows=RowCounts(base=1000, head=1012, added=15, removed=3, changed=226, unchanged=771),
        key=Key(("flight_id",), "declared", 0, 2),
        columns=columns,
        samples=Samples(
            added=({"flight_id": 2001, "dep_delay": None, "carrier": "UA", "distance": 719},),
            removed=({"flight_id": 12, "dep_delay": 853.0, "carrier": "MQ", "distance": 184},),
            changed=(
                ChangedRow({"flight_id": 7}, {"dep_delay": 2.0, "carrier": "UA"}, {"dep_delay": None, "carrier": "AA"}),
                ChangedRow({"flight_id": 9}, {"dep_delay": None}, {"dep_delay": -4.0}),
            ),
            limit=5,
        ),
        partitions=(
            PartitionDelta("month=1", "touched", 2, 2, 182_000, 183_500),
            PartitionDelta("month=13", "added", 0, 1, 0, 9_100),
        ),
        reading=Reading(16, 16, 12_400_000, 12_500_000, 14, 10_900_000, 3_100_000),
        volatile_columns=("ingested_at",),
        tolerated_columns=("dep_delay",),
        identity="rows by a 64-bit hash, changed cells exactly",
        engine="duckdb",
        seconds=0.42,
        expectations=ExpectationDelta(
            suite=name,
            results=(
                ExpectationResult("expect_column_values_to_not_be_null", "carrier", "passed", True, True),
                ExpectationResult(
                    "expect_column_values_to_be_between", "dep_delay", "regression", True, False, "min -43", "min -412"
                ),
                ExpectationResult(
                    "expect_table_row_count_to_be_between", None, "failed_on_both", False, False, "1000", "1012"
                ),
            ),
        ),
        notes=("2 key values repeat on the branch: their rows are compared as multisets.",),
    )


def unchanged_dataset(name: str = "airports", node: str = "ingest_reference") -> DatasetDelta:
    """A dataset whose files are the same."""
    return DatasetDelta(
        dataset=name,
        node=node,
        base_uri=f"s3://lake/main/{name}/",
        head_uri=f"s3://lake/test/{name}/",
        status="identical",
        verdict="unchanged",
        rows=RowCounts(base=1458, head=1458, changed=0, unchanged=1458),
        key=Key(("faa",), "declared"),
        reading=Reading(1, 1, 52_000, 52_000, 1, 52_000, 0),
        seconds=0.01,
    )


def keyless_dataset(name: str = "kpi_summary", node: str = "kpi_summary") -> DatasetDelta:
    """A dataset without a key."""
    return DatasetDelta(
        dataset=name,
        node=node,
        base_uri=f"s3://lake/main/{name}/",
        head_uri=f"s3://lake/test/{name}/",
        status="compared",
        verdict="changed",
        rows=RowCounts(base=120, head=120, added=4, removed=4, unchanged=116),
        columns={
            "kpi": ColumnDelta(
                role="compared",
                base_type="varchar",
                head_type="varchar",
                base=ColumnStats(0, 0.0, 12, "a", "z"),
                head=ColumnStats(0, 0.0, 12, "a", "z"),
            ),
            "value": ColumnDelta(
                role="compared",
                base_type="double",
                head_type="double",
                base=stats(0.71, 0.1, rows=120),
                head=stats(0.74, 0.12, rows=120),
            ),
        },
        samples=Samples(
            added=({"kpi": "on_time", "value": 0.7425},), removed=({"kpi": "on_time", "value": 0.7101},), limit=5
        ),
        engine="duckdb",
        seconds=0.08,
    )


def broken_dataset(name: str = "route_delays", node: str = "route_delays") -> DatasetDelta:
    """A dataset that cannot be read."""
    return DatasetDelta(
        dataset=name,
        node=node,
        base_uri=f"s3://lake/main/{name}/",
        head_uri=f"s3://lake/test/{name}/",
        status="unreadable",
        verdict="not_compared",
        error=f"s3://lake/test/{name}/part-0003.parquet is no parquet file: no magic bytes at its end",
    )


def missing_dataset(name: str = "weather_delays", node: str = "weather_delays") -> DatasetDelta:
    """A dataset that the branch has not written."""
    return DatasetDelta(
        dataset=name,
        node=node,
        base_uri=f"s3://lake/main/{name}/",
        head_uri=f"s3://lake/test/{name}/",
        status="head_missing",
        verdict="not_compared",
    )


def hostile_dataset() -> DatasetDelta:
    """Names and values that would act on what shows them."""
    name = f"{SCRIPT}|`x`[link](javascript:alert(1))"
    value = f"{SCRIPT}\x1b[31m|a|`b`\n@everyone \u202e ]]> ${{7*7}} {{{{7*7}}}}"
    column = ColumnDelta(role="compared", base_type=SCRIPT, head_type=SCRIPT, changed=1)
    return DatasetDelta(
        dataset=name,
        node=SCRIPT,
        base_uri=f"s3://b/{SCRIPT}/",
        head_uri=f"s3://b/{value}/",
        status="compared",
        verdict="changed",
        error=value,
        schema=SchemaDelta(added=(value,), retyped={name: Retyped(SCRIPT, value, value)}, recased={value: SCRIPT}),
        rows=RowCounts(base=1, head=1, added=0, removed=0, changed=1),
        key=Key((name,), "inferred", note=value),
        columns={name: column, value: column},
        samples=Samples(
            added=({name: value},),
            removed=({value: SCRIPT},),
            changed=(ChangedRow({name: value}, {name: value}, {name: SCRIPT}),),
        ),
        partitions=(PartitionDelta(value, "added", 0, 1, 0, 1),),
        ignored_columns=(value,),
        volatile_columns=(value,),
        notes=(value,),
        identity=value,
        expectations=ExpectationDelta(
            suite=value,
            error=value,
            results=(ExpectationResult(SCRIPT, value, "regression", True, False, value, value, value),),
        ),
    )


def foreign_dataset() -> DatasetDelta:
    """Names and values in wide, right-to-left and combining characters, and far too long."""
    wide, right, smile = "データ列" * 30, "قيمة שלום " * 30, "📦👩\u200d👩\u200d👧é" * 30
    column = ColumnDelta(role="compared", base_type=wide, head_type=right, changed=10**12, largest_shift=-1e300)
    return DatasetDelta(
        dataset=wide,
        node=right,
        base_uri=f"s3://b/{smile}/",
        head_uri=f"s3://b/{wide}/",
        status="compared",
        verdict="changed",
        schema=SchemaDelta(added=(smile,), reordered=(right,)),
        rows=RowCounts(base=10**12, head=10**12, changed=10**12),
        key=Key((right, wide), "declared"),
        columns={wide: column, right: column, smile: column},
        samples=Samples(changed=(ChangedRow({right: wide}, {wide: smile}, {wide: right}),), added=({smile: right},)),
        notes=(right, wide),
        engine="spark",
        seconds=1e6,
    )


def wide_dataset(columns: int = 200) -> DatasetDelta:
    """A table of many columns, every third changed."""
    found = {
        f"column_{index:03}": ColumnDelta(
            role="compared",
            base_type="double",
            head_type="double",
            changed=index * 7 if index % 3 == 0 else 0,
            base=stats(index, 5),
            head=stats(index * 1.02, 5),
            largest_shift=float(index),
            mean_shift=index / 10,
        )
        for index in range(1, columns)
    }
    row = {f"column_{index:03}": index * 1.5 for index in range(1, columns)}
    return DatasetDelta(
        dataset="wide",
        node="widen",
        base_uri="s3://lake/main/wide/",
        head_uri="s3://lake/test/wide/",
        status="compared",
        verdict="changed",
        rows=RowCounts(base=5000, head=5001, added=1, changed=1400, unchanged=3600),
        key=Key(("id",), "inferred"),
        columns={"id": ColumnDelta(role="key", base_type="int", head_type="int")} | found,
        samples=Samples(
            added=({"id": 5001, **row},),
            changed=(ChangedRow({"id": 3}, row, {name: value + 1 for name, value in row.items()}),),
            limit=5,
        ),
        engine="duckdb",
        seconds=1.8,
    )


def branch(*datasets: DatasetDelta) -> BranchDelta:
    """A branch of these datasets."""
    return BranchDelta(branch="test", created_at=WHEN, datasets=datasets)


def ordinary_branch() -> BranchDelta:
    """One of each."""
    return branch(changed_dataset(), unchanged_dataset(), keyless_dataset(), broken_dataset(), missing_dataset())


def moved_branch() -> BranchDelta:
    """A branch under which main has moved: its graph, and its data on both ends."""
    compared = MainMoved(
        "s3://lake/main/data/flights_valid/",
        "compared",
        "clean_flights",
        WHEN,
        12,
        17,
        3_000_000,
        4_100_000,
        written_at=WHEN + timedelta(minutes=37),
        production_run_ids=("jr_77", "jr_78"),
    )
    raw = MainMoved("s3://lake/raw/flights/", "input", "clean_flights", WHEN, 4, 4, 999, 999)
    changed = replace(changed_dataset(), main_moved=(compared, raw))
    quiet = replace(unchanged_dataset(), main_moved=(raw,))
    note = "Since this branch was made, main's graph and production's script of clean_flights have changed."
    return replace(branch(changed, quiet), notes=(note,))


def many_datasets(count: int = 60) -> BranchDelta:
    """A branch that reaches far."""
    kinds = (changed_dataset, unchanged_dataset, keyless_dataset, unchanged_dataset, unchanged_dataset, missing_dataset)
    return branch(*(kinds[index % len(kinds)](f"dataset_{index:02}", f"node_{index:02}") for index in range(count)))
