"""Any delta at all: whatever the model can hold, the renderers must show."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from hypothesis import strategies as st

from pypedream_dagster.delta.model import (
    BranchDelta,
    ChangedRow,
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

floats = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(min_value=0, max_value=1)
counts = st.integers(min_value=0, max_value=10**15)
texts = st.text(max_size=12) | st.sampled_from(
    ["<img src=x onerror=alert(1)>", '"><svg>', "a|b", "`x`", "@me #1", "</details>", "-->", "\\", "\u202e", "漢字" * 9]
)
cells = st.none() | st.booleans() | st.integers() | floats | texts
rows = st.dictionaries(texts, cells, max_size=3)


def _several(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=3).map(tuple)


stats = st.builds(
    ColumnStats,
    nulls=counts,
    null_fraction=shares,
    distinct_estimate=st.none() | counts,
    min=cells,
    max=cells,
    mean=st.none() | floats,
    stddev=st.none() | floats,
    quantiles=st.just(())
    | st.lists(floats, min_size=3, max_size=3).map(
        lambda found: tuple(Quantile(at, value) for at, value in zip((0.25, 0.5, 0.75), sorted(found), strict=True))
    ),
    values=_several(st.builds(ValueCount, cells, st.integers(min_value=1, max_value=10**9))),
)
types = st.none() | st.sampled_from(["bigint", "date", "timestamp", "decimal(12,2)"]) | texts
columns = st.builds(
    ColumnDelta,
    base_type=types,
    head_type=types,
    changed=st.none() | counts,
    tolerance=st.none() | st.builds(Tolerance, absolute=floats, relative=floats),
    within_tolerance=counts,
    base_nulled=counts,
    head_filled=counts,
    mean_shift=st.none() | floats,
    largest_shift=st.none() | floats,
    base=st.none() | stats,
    head=st.none() | stats,
)
expectations = st.builds(
    ExpectationDelta,
    suite=texts,
    error=st.none() | texts,
    results=_several(
        st.builds(ExpectationResult, expectation=texts, base_observed=texts, head_observed=texts, arguments=texts)
    ),
)
datasets = st.builds(
    DatasetDelta,
    dataset=texts,
    node=texts,
    base_uri=texts,
    head_uri=texts,
    error=st.none() | texts,
    schema=st.builds(
        SchemaDelta,
        added=_several(texts),
        removed=_several(texts),
        retyped=st.dictionaries(texts, st.builds(Retyped, texts, texts, texts), max_size=2),
        recased=st.dictionaries(texts, texts, max_size=2),
        reordered=_several(texts),
    ),
    rows=st.builds(RowCounts, counts, counts, counts, counts, st.none() | counts, counts),
    key=st.builds(Key, columns=_several(texts), base_duplicates=counts, head_duplicates=counts, note=texts),
    columns=st.dictionaries(texts, columns, max_size=4),
    samples=st.builds(
        Samples, added=_several(rows), removed=_several(rows), changed=_several(st.builds(ChangedRow, rows, rows, rows))
    ),
    partitions=_several(
        st.builds(
            PartitionDelta, partition=texts, base_files=counts, head_files=counts, base_bytes=counts, head_bytes=counts
        )
    ),
    reading=st.builds(Reading, *[counts] * 7),
    ignored_columns=_several(texts),
    volatile_columns=_several(texts),
    tolerated_columns=_several(texts),
    notes=_several(texts),
    identity=texts,
    seconds=st.floats(min_value=0, max_value=1e9),
    expectations=st.none() | expectations,
    main_moved=_several(
        st.builds(
            MainMoved,
            uri=texts,
            role=st.sampled_from(["compared", "input"]),
            node=texts,
            ran_at=st.none() | st.datetimes(timezones=st.just(UTC)),
            objects_then=counts,
            objects_now=counts,
            bytes_then=counts,
            bytes_now=counts,
            written_at=st.none() | st.datetimes(timezones=st.just(UTC)),
            production_run_ids=_several(texts),
        )
    ),
)
branches = st.builds(
    BranchDelta,
    branch=texts,
    created_at=st.datetimes(timezones=st.just(UTC)),
    datasets=_several(datasets),
    notes=_several(texts),
)
