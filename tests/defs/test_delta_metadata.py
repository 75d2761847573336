"""Deltas as Dagster's metadata: bounded, plain, and what needs a look first."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import pytest
from report import samples

from pypedream_dagster.defs.delta_metadata import branch_metadata, expectation_metadata, row_metadata, schema_metadata
from pypedream_dagster.delta.model import Column, DatasetDelta, SchemaDelta

DATASETS = [
    samples.changed_dataset(),
    samples.keyless_dataset(),
    samples.broken_dataset(),
    samples.hostile_dataset(),
    samples.foreign_dataset(),
    samples.wide_dataset(200),
]


def rows(value: object) -> list[dict[str, object]]:
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]


@pytest.mark.parametrize("delta", DATASETS, ids=range(len(DATASETS)))
def test_any_delta_is_metadata_that_dagster_keeps(delta: DatasetDelta) -> None:
    for metadata in (schema_metadata(delta), row_metadata(delta), expectation_metadata(delta)):
        result = dg.AssetCheckResult(passed=True, asset_key="a", check_name="c", metadata=metadata)
        text = dg.serialize_value(dict(result.metadata))
        assert dg.deserialize_value(text) == dict(result.metadata)
        assert len(text.encode()) < 100_000
        assert "\u202e" not in text


def test_both_sides_columns_are_told_those_that_differ_first() -> None:
    delta = samples.changed_dataset()
    found = schema_metadata(delta)
    assert (found["columns_added"], found["columns_removed"], found["columns_retyped"]) == (1, 1, 1)
    assert rows(found["schema"]) == [
        {"column": "legacy_code", "main": "varchar", "branch": "", "change": "removed, was varchar"},
        {"column": "distance", "main": "int", "branch": "bigint", "change": "int → bigint, compared as bigint"},
        {"column": "carrier", "main": "varchar", "branch": "varchar", "change": "at another place in the order"},
        {"column": "air_time_hours", "main": "", "branch": "double", "change": "added, double"},
        {"column": "flight_id", "main": "bigint", "branch": "bigint", "change": ""},
    ]


def test_a_renamed_column_has_one_row() -> None:
    schema = SchemaDelta(recased={"id": "ID"}, base=(Column("id", "int"),), head=(Column("ID", "int"),))
    found = schema_metadata(replace(samples.changed_dataset(), schema=schema))
    assert rows(found["schema"]) == [{"column": "id", "main": "int", "branch": "int", "change": "now written ID"}]


def test_rows_are_numbers_and_the_most_changed_columns_come_first() -> None:
    found = row_metadata(samples.changed_dataset())
    assert (found["rows_added"], found["rows_changed"], found["bytes_read"]) == (15, 226, 3_100_000)
    assert [row["column"] for row in rows(found["columns"])][:3] == ["dep_delay", "is_late", "departed_at"]
    assert rows(found["samples"])[0] == {
        "outcome": "changed", "row": "flight_id=7", "column": "dep_delay", "main": "2.0", "branch": "NULL"
    }  # fmt: skip
    assert "rows_changed" not in row_metadata(samples.keyless_dataset())


def test_wide_tables_are_cut_and_say_so() -> None:
    found = rows(row_metadata(samples.wide_dataset(200))["columns"])
    assert len(found) == 21
    assert found[-1]["column"] == "and 179 more"


def test_regressions_come_first() -> None:
    found = expectation_metadata(samples.changed_dataset())
    assert (found["regressions"], found["failed_on_both"], found["holding"]) == (1, 1, 1)
    assert [row["outcome"] for row in rows(found["results"])] == ["newly fails", "fails on both", "holds"]
    assert expectation_metadata(samples.keyless_dataset()) == {}


def test_a_branch_is_summed_up() -> None:
    found = branch_metadata(samples.ordinary_branch())
    assert (found["datasets_changed"], found["datasets_not_compared"], found["rows_added"]) == (2, 2, 19)
    assert [row["verdict"] for row in rows(found["datasets"])] == [
        "changed", "it cannot be read", "missing: branch has no such data", "changed", "unchanged"
    ]  # fmt: skip
