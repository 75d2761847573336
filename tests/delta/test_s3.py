"""Sides in S3, on the embedded AWS."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import Side
from pypedream_dagster.errors import DeltaError
from pypedream_dagster.local_aws.endpoint import Endpoint

BY_ID = CompareRules(key=("id",))


@pytest.fixture
def s3(local_aws: Endpoint) -> Any:
    filesystem = fs.S3FileSystem(
        access_key=local_aws.access_key_id,
        secret_key=local_aws.secret_access_key,
        endpoint_override=local_aws.url.removeprefix("http://"),
        scheme="http",
        region=local_aws.region,
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )
    filesystem.create_dir("delta-engine")
    yield filesystem
    filesystem.delete_dir("delta-engine")


def put(s3: Any, key: str, data: pa.Table | bytes) -> None:
    with s3.open_output_stream(f"delta-engine/{key}") as stream:
        if isinstance(data, bytes):
            stream.write(data)
        else:
            pq.write_table(data, stream)


def table(ids: range, **columns: Any) -> pa.Table:
    return pa.table({"id": list(ids), "v": [f"v{i}" for i in ids], **columns})


def test_parquet_with_partitions_and_identical_files(s3: Any) -> None:
    put(s3, "a/_SUCCESS", b"")
    put(s3, "a/p=1/x.parquet", table(range(5)))
    put(s3, "a/p=2/y.parquet", table(range(5, 9)))
    put(s3, "b/p=1/renamed.parquet", table(range(5)))
    put(s3, "b/p=2/y.parquet", table(range(6, 12)))
    put(s3, "b/p=__HIVE_DEFAULT_PARTITION__/z.parquet", table(range(20, 21)))
    delta = compare(Side("s3://delta-engine/a/", "auto", s3), Side("s3://delta-engine/b", "auto", s3), BY_ID)
    assert delta.error is None
    rows = delta.rows
    assert (rows.added, rows.removed, rows.changed, rows.unchanged) == (4, 1, 0, 8)
    assert delta.reading.identical_files == 1
    assert {c.name: c.type for c in delta.schema.head} == {"id": "bigint", "v": "varchar", "p": "bigint"}
    assert {p.partition for p in delta.partitions} == {"p=2", "p=__HIVE_DEFAULT_PARTITION__"}
    same = compare(Side("s3://delta-engine/a", "auto", s3), Side("s3://delta-engine/a/", "auto", s3), BY_ID)
    assert (same.status, same.rows.unchanged) == ("identical", 9)


def test_s3_against_local(s3: Any, tmp_path: Any) -> None:
    put(s3, "a/x.parquet", table(range(5), n=pa.array([1] * 5, pa.int32())))
    pq.write_table(table(range(1, 6), n=pa.array([1] * 5, pa.int64())), tmp_path / "x.parquet")
    delta = compare(Side("s3://delta-engine/a/", "auto", s3), Side(str(tmp_path)), BY_ID)
    assert (delta.rows.added, delta.rows.removed, delta.rows.unchanged) == (1, 1, 4)
    assert list(delta.schema.retyped) == ["n"]


def test_text_formats(s3: Any) -> None:
    put(s3, "csv-a/p=1/x.csv", b"id,v\n1,a\n2,b\n")
    put(s3, "csv-b/p=1/x.csv", b"id,v\n1,a\n2,c\n")
    delta = compare(Side("s3://delta-engine/csv-a/", "auto", s3), Side("s3://delta-engine/csv-b/", "auto", s3), BY_ID)
    assert (delta.error, delta.rows.changed, delta.rows.unchanged) == (None, 1, 1)


def test_missing_and_corrupt(s3: Any) -> None:
    put(s3, "a/x.parquet", table(range(5)))
    put(s3, "bad/ok.parquet", table(range(5)))
    put(s3, "bad/x.parquet", b"PAR1 and nothing else")
    good = Side("s3://delta-engine/a/", "auto", s3)
    assert compare(good, Side("s3://delta-engine/none/", "auto", s3), BY_ID).status == "head_missing"
    assert compare(good, Side("s3://no-such-bucket-here/none/", "auto", s3), BY_ID).status == "head_missing"
    delta = compare(good, Side("s3://delta-engine/bad/", "auto", s3), BY_ID)
    assert delta.status == "unreadable"
    assert "s3://delta-engine/bad/x.parquet" in (delta.error or "")
    with pytest.raises(DeltaError, match="needs a file system"):
        compare(good, Side("s3://delta-engine/a/"), BY_ID)


class Counting:
    """A file system that notes which files are opened as a whole."""

    def __init__(self, filesystem: Any) -> None:
        self.filesystem = filesystem
        self.streams: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.filesystem, name)

    def open_input_stream(self, path: str) -> Any:
        self.streams.append(path.rsplit("/", 1)[-1])
        return self.filesystem.open_input_stream(path)


def test_each_file_is_fetched_once_and_identical_ones_never(s3: Any) -> None:
    for number in range(4):
        put(s3, f"a/{number}.parquet", table(range(number * 9000, number * 9000 + 9000)))
        put(s3, f"b/{number}.parquet", table(range(number * 9000, number * 9000 + 9000 - number % 2)))
    counting = Counting(s3)
    sides = (Side("s3://delta-engine/a", "auto", counting), Side("s3://delta-engine/b", "auto", counting))
    delta = compare(*sides, CompareRules(key=("id",), statistics="none"))
    assert (delta.status, delta.rows.removed, delta.rows.unchanged) == ("compared", 2, 35_998)
    assert delta.reading.identical_files == 2
    assert sorted(counting.streams) == ["1.parquet", "1.parquet", "3.parquet", "3.parquet"]


def test_statistics_include_identical_files(s3: Any) -> None:
    put(s3, "a/0.parquet", table(range(10)))
    put(s3, "a/1.parquet", table(range(10, 20)))
    put(s3, "b/0.parquet", table(range(10)))
    put(s3, "b/1.parquet", table(range(10, 21)))
    delta = compare(Side("s3://delta-engine/a", "auto", s3), Side("s3://delta-engine/b", "auto", s3), BY_ID)
    found = delta.columns["id"]
    assert found.base is not None
    assert found.head is not None
    assert (found.base.min, found.base.max, found.head.max) == (0, 19, 20)


def test_keys_that_need_quoting(s3: Any) -> None:
    put(s3, "a b/p=x%2Fy/ü+1 %41.parquet", table(range(3)))
    put(s3, "a b/p=z+z/'[1]*.parquet", table(range(3, 5)))
    put(s3, "c%20d/p=x%2Fy/1.parquet", table(range(4)))
    put(s3, "c%20d/p=z+z/1.parquet", table(range(4, 5)))
    sides = [Side(f"s3://delta-engine/{prefix}/", "auto", s3) for prefix in ("a b", "c%20d")]
    delta = compare(*sides, BY_ID)
    assert delta.error is None
    assert (delta.rows.added, delta.rows.changed, delta.rows.unchanged) == (0, 1, 4)
    assert delta.samples.changed[0].before == {"p": "z+z"}
    assert delta.samples.changed[0].after == {"p": "x/y"}
