"""Prefixes as they are found: layouts, formats, partitions, what is missing or broken."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.model import DatasetDelta
from pypedream_dagster.delta.rules import CompareRules, EngineChoice
from pypedream_dagster.delta.source import Side
from tests.delta.conftest import SPARK, Compare, written

BY_ID = CompareRules(key=("id",))


def table(ids: Any = range(5), **columns: Any) -> pa.Table:
    ids = list(ids)
    return pa.table({"id": ids, "v": [f"v{i}" for i in ids], **columns})


def put(path: Path, data: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(data, path)


ENGINE: ContextVar[EngineChoice] = ContextVar("ENGINE", default="duckdb")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All tests here on both engines that read files themselves; those with ``run`` are on all already."""
    if "run" not in metafunc.fixturenames:
        metafunc.parametrize("engine", ["duckdb", SPARK], indirect=True)


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest) -> Iterator[None]:
    chosen = getattr(request, "param", "duckdb")
    if chosen == "spark":
        request.getfixturevalue("tiny_spark")
    token = ENGINE.set(chosen)
    yield
    ENGINE.reset(token)


def of(base: Path, head: Path, rules: CompareRules = BY_ID) -> DatasetDelta:
    return compare(Side(str(base)), Side(str(head)), rules, engine=ENGINE.get(), name="d", node="n")


def counts(delta: DatasetDelta) -> tuple[int, int, int | None, int]:
    rows = delta.rows
    return (rows.added, rows.removed, rows.changed, rows.unchanged)


def test_the_same_files_are_not_read(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.parquet", table())
    put(tmp_path / "a" / "y.parquet", table(range(5, 9)))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "x.parquet").rename(tmp_path / "b" / "renamed.parquet")
    delta = of(tmp_path / "a", tmp_path / "b")
    assert (delta.status, delta.verdict) == ("identical", "unchanged")
    assert counts(delta) == (0, 0, 0, 9)
    assert delta.reading.identical_files == 2
    assert delta.reading.bytes_read == 0


def test_identical_files_are_struck_and_the_rest_is_compared(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.parquet", table(range(5)))
    put(tmp_path / "a" / "y.parquet", table(range(5, 9)))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    put(tmp_path / "b" / "y.parquet", table(range(6, 12)))
    delta = of(tmp_path / "a", tmp_path / "b")
    assert delta.status == "compared"
    assert counts(delta) == (3, 1, 0, 8)
    assert (delta.rows.base, delta.rows.head) == (9, 11)
    assert delta.reading.identical_files == 1


def test_one_file_more_of_the_same_counts(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.parquet", table(range(5)))
    put(tmp_path / "b" / "x.parquet", table(range(5)))
    put(tmp_path / "b" / "again.parquet", table(range(5)))
    delta = of(tmp_path / "a", tmp_path / "b")
    assert counts(delta) == (5, 0, 0, 5)


def test_files_that_are_no_data_are_left_out(tmp_path: Path) -> None:
    for side in "ab":
        put(tmp_path / side / "x.parquet", table())
        for name in ("_SUCCESS", ".x.parquet.crc", "_metadata", "_temporary/0/y.parquet", ".hidden/z.parquet"):
            path = tmp_path / side / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(side)
    put(tmp_path / "b" / "x.parquet", table(range(6)))
    delta = of(tmp_path / "a", tmp_path / "b")
    assert counts(delta) == (1, 0, 0, 5)
    assert (delta.reading.base_files, delta.reading.head_files) == (1, 1)


@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_or_empty_prefix(tmp_path: Path, empty: bool) -> None:
    put(tmp_path / "a" / "x.parquet", table())
    if empty:
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "_SUCCESS").touch()
    gone = of(tmp_path / "a", tmp_path / "b")
    assert (gone.status, gone.verdict) == ("head_missing", "changed")
    assert counts(gone) == (0, 5, 0, 0)
    assert gone.schema.removed == ("id", "v")
    new = of(tmp_path / "b", tmp_path / "a")
    assert (new.status, counts(new)) == ("base_missing", (5, 0, 0, 0))
    neither = of(tmp_path / "b", tmp_path / "b")
    assert (neither.status, neither.verdict) == ("both_missing", "not_compared")


def test_files_without_rows(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.parquet", table(range(0)).cast(pa.schema([("id", pa.int64()), ("v", pa.string())])))
    put(tmp_path / "b" / "x.parquet", table(range(2)))
    assert counts(of(tmp_path / "a", tmp_path / "b")) == (2, 0, 0, 0)
    assert counts(of(tmp_path / "b", tmp_path / "a")) == (0, 2, 0, 0)
    assert counts(of(tmp_path / "a", tmp_path / "a", CompareRules())) == (0, 0, None, 0)


@pytest.mark.parametrize("damage", ["footer", "page", "empty", "text"])
def test_a_corrupt_file_is_named(tmp_path: Path, damage: str) -> None:
    put(tmp_path / "a" / "x.parquet", table(range(1000)))
    put(tmp_path / "b" / "good.parquet", table(range(10)))
    bad = tmp_path / "b" / "bad.parquet"
    put(bad, table(range(1000)))
    whole = bad.read_bytes()
    match damage:
        case "footer":
            bad.write_bytes(whole[:-20])
        case "page":
            bad.write_bytes(whole[:4] + b"\xff" * (len(whole) // 2) + whole[4 + len(whole) // 2 :])
        case "empty":
            bad.write_bytes(b"")
        case _:
            bad.write_text("id,v\n1,2\n")
    delta = of(tmp_path / "a", tmp_path / "b")
    assert (delta.status, delta.verdict) == ("unreadable", "not_compared")
    assert delta.error is not None
    assert str(bad) in delta.error


def test_files_of_one_side_with_other_columns(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.parquet", table(range(3)))
    put(tmp_path / "a" / "y.parquet", table(range(3, 5), extra=[1, 2]))
    put(tmp_path / "b" / "x.parquet", table(range(5), extra=[None, None, None, 1, 3]))
    delta = of(tmp_path / "a", tmp_path / "b")
    assert counts(delta) == (0, 0, 1, 4)
    assert delta.columns["extra"].changed == 1
    assert not delta.schema.is_changed


def test_files_of_one_side_with_other_types_and_order(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.parquet", pa.table({"id": pa.array([1], pa.int32()), "v": ["a"]}))
    put(tmp_path / "a" / "y.parquet", pa.table({"v": ["b"], "id": pa.array([2], pa.int64())}))
    put(tmp_path / "b" / "x.parquet", pa.table({"id": [1, 2], "v": ["a", "c"]}))
    delta = of(tmp_path / "a", tmp_path / "b")
    assert counts(delta) == (0, 0, 1, 1)
    assert not delta.schema.retyped


def test_identical_file_whose_side_has_another_schema(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.parquet", table(range(3)))
    put(tmp_path / "b" / "x.parquet", table(range(3)))
    put(tmp_path / "b" / "y.parquet", table(range(3, 4), extra=[1]))
    delta = of(tmp_path / "a", tmp_path / "b")
    assert counts(delta) == (1, 0, 0, 3)
    assert delta.schema.added == ("extra",)


def test_partitions_are_columns_typed_alike(tmp_path: Path) -> None:
    put(tmp_path / "a" / "month=1" / "day=01" / "x.parquet", table([1]))
    put(tmp_path / "a" / "month=2" / "day=02" / "x.parquet", table([2]))
    put(tmp_path / "b" / "month=1" / "day=01" / "y.parquet", table([1]))
    put(tmp_path / "b" / "month=12" / "day=__HIVE_DEFAULT_PARTITION__" / "y.parquet", table([2]))
    put(tmp_path / "b" / "month=x%2Fy" / "day=a b" / "y.parquet", table([3]))
    delta = of(tmp_path / "a", tmp_path / "b")
    assert counts(delta) == (1, 0, 1, 1)
    assert not delta.schema.retyped
    assert {c.name: c.type for c in delta.schema.head} == {
        "id": "bigint",
        "v": "varchar",
        "month": "varchar",
        "day": "varchar",
    }
    (changed,) = delta.samples.changed
    assert (dict(changed.before), dict(changed.after)) == (
        {"month": "2", "day": "02"},
        {"month": "12", "day": None},
    )
    assert delta.samples.added[0]["month"] == "x/y"
    assert {p.partition: p.status for p in delta.partitions} == {
        "month=2/day=02": "removed",
        "month=12/day=__HIVE_DEFAULT_PARTITION__": "added",
        "month=x/y/day=a b": "added",
    }


def test_partitioned_on_one_side_only(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.parquet", table([1, 2], month=pa.array([1, 2], pa.int32())))
    put(tmp_path / "b" / "month=1" / "y.parquet", table([1]))
    put(tmp_path / "b" / "month=3" / "y.parquet", table([2]))
    delta = of(tmp_path / "a", tmp_path / "b")
    assert counts(delta) == (0, 0, 1, 1)
    assert delta.columns["month"].changed == 1


def test_hive_like_folders_above_the_prefix_are_no_columns(tmp_path: Path) -> None:
    put(tmp_path / "env=main" / "t" / "p=1" / "x.parquet", table())
    put(tmp_path / "env=test" / "t" / "p=1" / "x.parquet", table(range(6)))
    delta = of(tmp_path / "env=main" / "t", tmp_path / "env=test" / "t")
    assert counts(delta) == (1, 0, 0, 5)
    assert [c.name for c in delta.schema.base] == ["id", "v", "p"]


def test_the_same_file_in_another_partition_is_not_the_same(tmp_path: Path) -> None:
    put(tmp_path / "a" / "p=1" / "x.parquet", table())
    put(tmp_path / "b" / "p=2" / "x.parquet", table())
    delta = of(tmp_path / "a", tmp_path / "b")
    assert counts(delta) == (0, 0, 5, 0)
    assert delta.columns["p"].changed == 5


def test_odd_names(tmp_path: Path) -> None:
    odd = 'it\'s [1]*?"x" ä'
    put(tmp_path / odd / "p[0]*.parquet", pa.table({"id": [1], odd: ["'"], "select": [1]}))
    put(tmp_path / "b" / "x.parquet", pa.table({"id": [1], odd: ['"'], "select": [2]}))
    delta = of(tmp_path / odd, tmp_path / "b")
    assert delta.error is None
    assert counts(delta) == (0, 0, 1, 0)
    assert delta.columns[odd].changed == 1


def test_single_files_and_file_uris(tmp_path: Path) -> None:
    put(tmp_path / "a.parquet", table())
    put(tmp_path / "b b.parquet", table(range(6)))
    delta = compare(
        Side((tmp_path / "a.parquet").as_uri()), Side((tmp_path / "b b.parquet").as_uri()), BY_ID, engine=ENGINE.get()
    )
    assert counts(delta) == (1, 0, 0, 5)


def test_csv(tmp_path: Path) -> None:
    for side, rows in (("a", "1,x,2020-01-01\n2,,2020-01-02\n"), ("b", "2,y,2020-01-02\n1,x,2020-01-01\n3,z,\n")):
        (tmp_path / side).mkdir()
        (tmp_path / side / "part-0.csv").write_text("id,v,day\n" + rows)
    delta = of(tmp_path / "a", tmp_path / "b")
    assert delta.error is None
    assert counts(delta) == (1, 0, 1, 1)
    assert delta.columns["v"].head_filled == 1


def test_csv_without_header(tmp_path: Path) -> None:
    for side, rows in (("a", "1,x\n2,y\n"), ("b", "1,x\n2,z\n")):
        (tmp_path / side).mkdir()
        (tmp_path / side / "part-0.csv").write_text(rows)
    delta = of(tmp_path / "a", tmp_path / "b", CompareRules(key=("column0",), csv_header=False))
    assert counts(delta) == (0, 0, 1, 1)


def test_json_lines_compressed(tmp_path: Path) -> None:
    for side, v in (("a", {"x": [1, None]}), ("b", {"x": [1, 2]})):
        (tmp_path / side).mkdir()
        lines = [json.dumps({"id": 1, "v": v}), json.dumps({"id": 2, "v": None})]
        (tmp_path / side / "part-0.json.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    delta = of(tmp_path / "a", tmp_path / "b")
    assert delta.error is None
    assert counts(delta) == (0, 0, 1, 1)


def test_orc(tmp_path: Path) -> None:
    for side, ids in (("a", range(5)), ("b", range(1, 7))):
        (tmp_path / side).mkdir()
        orc.write_table(table(ids), str(tmp_path / side / "part-0.orc"))
    delta = of(tmp_path / "a", tmp_path / "b")
    assert delta.error is None
    assert counts(delta) == (2, 1, 0, 4)


def test_formats_that_differ(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.parquet", table())
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.csv").write_text("id,v\n0,v0\n1,v1\n")
    assert counts(of(tmp_path / "a", tmp_path / "b")) == (0, 3, 0, 2)
    put(tmp_path / "b" / "y.parquet", table())
    mixed = of(tmp_path / "a", tmp_path / "b")
    assert mixed.status == "unreadable"
    assert "mixes files" in (mixed.error or "")


def test_timestamps_as_spark_writes_them(tmp_path: Path) -> None:
    stamps = pa.array([1_577_934_245_123_456], pa.timestamp("us", "UTC"))
    for side, deprecated in (("a", True), ("b", False)):
        (tmp_path / side).mkdir()
        data = pa.table({"id": [1], "t": stamps})
        pq.write_table(data, tmp_path / side / "x.parquet", use_deprecated_int96_timestamps=deprecated)
    assert counts(of(tmp_path / "a", tmp_path / "b")) == (0, 0, 0, 1)


def test_duplicate_keys_are_reported(run: Compare) -> None:
    base = pa.table({"id": [1, 1, 2, 3, 3], "v": ["a", "b", "c", "d", "d"]})
    head = pa.table({"id": [1, 1, 2, 2, 3], "v": ["b", "x", "c", "c", "d"]})
    delta = run(base, head, key=("id",))
    assert counts(delta) == (1, 1, 1, 3)
    assert (delta.key.base_duplicates, delta.key.head_duplicates) == (2, 2)
    assert delta.columns["v"].changed == 1


def test_duplicates_that_balance_are_seen(run: Compare) -> None:
    base = pa.table({"id": [1] * 2 + [2] * 3, "v": [0] * 5})
    head = pa.table({"id": [1] * 3 + [2] * 2, "v": [0] * 5})
    delta = run(base, head, key=("id",))
    assert counts(delta) == (1, 1, 0, 4)


def test_schema_changes(run: Compare) -> None:
    base = pa.table({"id": [1], "Name": ["a"], "gone": [1], "n": pa.array([1], pa.int32()), "z": [1]})
    head = pa.table({"z": [1], "id": [1], "name": ["a"], "n": ["1"], "new": [1]})
    delta = run(base, head, key=("ID",))
    assert delta.schema.added == ("new",)
    assert delta.schema.removed == ("gone",)
    assert {name: (r.base, r.head) for name, r in delta.schema.retyped.items()} == {"n": ("integer", "varchar")}
    assert delta.schema.recased == {"Name": "name"}
    assert delta.schema.reordered == ("z",)
    assert delta.verdict == "changed"
    assert counts(delta) == (0, 0, 0, 1)
    assert (delta.columns["gone"].role, delta.columns["new"].role) == ("removed", "added")


def test_key_on_one_side_only(run: Compare) -> None:
    delta = run(pa.table({"id": [1], "v": [1]}), pa.table({"v": [1]}), key=("id",))
    assert (delta.key.columns, delta.rows.unchanged) == ((), 1)
    assert "not on both sides" in delta.notes[0]


def test_parquet_written_by_hand_is_a_side(tmp_path: Path) -> None:
    side = written(tmp_path / "a", [table(range(3)), table(range(3, 5))])
    assert counts(compare(side, side, BY_ID, engine=ENGINE.get())) == (0, 0, 0, 5)


def test_columns_that_differ_by_case_only(run: Compare) -> None:
    base = pa.table({"id": [1, 2], "a": [1, 2]})
    head = pa.table({"A": [1, 2], "id": [1, 2], "a": [1, 3]})
    one_side = run(base, head, key=("id",))
    assert (one_side.schema.added, one_side.schema.removed) == (("A",), ())
    assert (counts(one_side), one_side.columns["a"].changed) == ((0, 0, 1, 1), 1)
    both = run(head, head.select(["a", "id", "A"]).set_column(2, "A", pa.array([1, 7])), key=("id",))
    assert not both.schema.added
    assert {name: column.changed for name, column in both.columns.items()} == {"A": 1, "id": 0, "a": 0}
    assert (dict(both.samples.changed[0].before), dict(both.samples.changed[0].after)) == ({"A": 2}, {"A": 7})
    keyless = run(base, head.set_column(2, "a", pa.array([1, 3])), infer_key=False)
    assert (keyless.rows.added, keyless.rows.removed, keyless.samples.added[0]["A"]) == (1, 1, 2)


def test_names_written_in_other_cases_within_one_side(run: Compare) -> None:
    base = [pa.table({"ID": [1], "v": [1]}), pa.table({"id": [2], "V": [2]})]
    delta = run(base, pa.table({"id": [1, 2], "v": [1, 3]}), key=("id",))
    assert counts(delta) == (0, 0, 1, 1)


def test_partitions_of_other_depth_and_with_equals_signs(tmp_path: Path) -> None:
    put(tmp_path / "a" / "p=1" / "x.parquet", table([1]))
    put(tmp_path / "a" / "x.parquet", table([2]))
    put(tmp_path / "a" / "p=a=b" / "x.parquet", table([3]))
    put(tmp_path / "b" / "x.parquet", table([1, 2, 3], p=["1", None, "a=b"]))
    assert counts(of(tmp_path / "a", tmp_path / "b")) == (0, 0, 0, 3)
