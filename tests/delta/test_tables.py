"""Delta Lake and Iceberg tables: the current snapshot, never the files that lie there."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import json
import shutil
import struct
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.model import DatasetDelta
from pypedream_dagster.delta.rules import CompareRules, EngineChoice, Format
from pypedream_dagster.delta.source import Side
from pypedream_dagster.local_aws.endpoint import Endpoint

pytest.importorskip("deltalake")
pytest.importorskip("pyiceberg")
pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' own

BY_ID = CompareRules(key=("id",))
TABLE = pa.table(
    {
        "id": pa.array(range(6), pa.int64()),
        "p": ["x", "y", "x", "y", None, "z z"],
        "v": [float(i) for i in range(6)],
        "t": pa.array([datetime(2020, 1, 1, i, tzinfo=UTC) for i in range(6)], pa.timestamp("us", "UTC")),
        "d": pa.array([Decimal("1.10")] * 6, pa.decimal128(20, 2)),
        "l": pa.array([[1], [], None, [None], [2], [3]], pa.list_(pa.int64())),
    }
)
Make = Callable[[str, pa.Table], Any]


def of(base: Path | str, head: Path | str, engine: EngineChoice = "duckdb", form: Format = "auto") -> DatasetDelta:
    return compare(Side(str(base), form), Side(str(head), form), BY_ID, engine=engine, name="d")


def counts(delta: DatasetDelta) -> tuple[int, int, int | None, int]:
    assert delta.error is None
    return (delta.rows.added, delta.rows.removed, delta.rows.changed, delta.rows.unchanged)


def delta_table(path: Path | str, table: pa.Table = TABLE, **options: Any) -> Any:
    from deltalake import DeltaTable, write_deltalake

    write_deltalake(path, table, partition_by=["p"], **options)
    return DeltaTable(path, storage_options=options.get("storage_options"))


@pytest.fixture
def catalog(tmp_path: Path) -> Any:
    from pyiceberg.catalog.sql import SqlCatalog

    made = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/warehouse")
    made.create_namespace("n")
    yield made
    made.engine.dispose()


def iceberg_table(catalog: Any, name: str, table: pa.Table = TABLE) -> Any:
    from pyiceberg.transforms import IdentityTransform

    made = catalog.create_table(f"n.{name}", table.schema)
    with made.update_spec() as spec:
        spec.add_field("p", IdentityTransform(), "p")
    made.append(table)
    return made


@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
@pytest.mark.parametrize("form", ["auto", "delta", "parquet"])
def test_a_delta_table_at_its_current_version(tmp_path: Path, engine: EngineChoice, form: Format) -> None:
    delta_table(tmp_path / "a")
    table = delta_table(tmp_path / "b")
    table.delete("id = 2")
    table.update(updates={"v": "99.0"}, predicate="id = 3")
    delta_table(tmp_path / "b", TABLE.slice(0, 1).set_column(0, "id", pa.array([77])), mode="append")
    found = of(tmp_path / "a", tmp_path / "b", engine, form)
    assert counts(found) == (1, 1, 1, 4)
    assert found.columns["v"].changed == 1
    assert not found.schema.is_changed
    same = of(tmp_path / "a", tmp_path / "a")
    assert (counts(same), same.verdict) == ((0, 0, 0, 6), "unchanged")


def test_a_delta_table_gains_a_column(tmp_path: Path) -> None:
    delta_table(tmp_path / "a")
    delta_table(tmp_path / "b")
    more = TABLE.slice(0, 1).set_column(0, "id", pa.array([77])).append_column("extra", pa.array([1]))
    delta_table(tmp_path / "b", more, mode="append", schema_mode="merge")
    found = of(tmp_path / "a", tmp_path / "b")
    assert (counts(found), found.schema.added) == ((1, 0, 0, 6), ("extra",))


def test_delta_tables_against_files_and_without_rows(tmp_path: Path) -> None:
    delta_table(tmp_path / "a").delete("id = 5")
    (tmp_path / "files").mkdir()
    pq.write_table(TABLE, tmp_path / "files" / "x.parquet")
    assert counts(of(tmp_path / "files", tmp_path / "a")) == (0, 1, 0, 5)
    delta_table(tmp_path / "none", TABLE.slice(0, 0))
    assert counts(of(tmp_path / "none", tmp_path / "a")) == (5, 0, 0, 0)
    assert of(tmp_path / "gone", tmp_path / "a", form="delta").status == "base_missing"
    wrong = of(tmp_path / "files", tmp_path / "a", form="delta")
    assert (wrong.status, "is not a Delta table" in (wrong.error or "")) == ("unreadable", True)


def test_deletion_vectors_are_applied(tmp_path: Path) -> None:
    from deltalake import write_deltalake

    for side in "ab":
        write_deltalake(tmp_path / side, TABLE)
    delete_by_vector(tmp_path / "b", [1, 4])
    found = of(tmp_path / "a", tmp_path / "b")
    assert counts(found) == (0, 2, 0, 4)
    assert [row["id"] for row in found.samples.removed] == [1, 4]


def delete_by_vector(table: Path, positions: list[int]) -> None:
    """What Spark does; by the protocol's `Deletion Vector Format`, stored inline."""
    first = table / "_delta_log" / "00000000000000000000.json"
    actions = [json.loads(line) for line in first.read_text().splitlines()]
    add = next(action["add"] for action in actions if "add" in action)
    # One roaring bitmap of 32 bits (cookie 12346: no runs) with one container of sorted 16-bit positions.
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(positions) - 1, 16) + struct.pack(f"<{len(positions)}H", *positions)
    data = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    vector = {
        "storageType": "i",
        "pathOrInlineDv": z85(data),
        "sizeInBytes": len(data),
        "cardinality": len(positions),
    }
    features = ["deletionVectors"]
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}
    remove = {"path": add["path"], "deletionTimestamp": 1, "dataChange": True}
    commit = [{"protocol": protocol}, {"remove": remove}, {"add": {**add, "deletionVector": vector}}]
    (first.parent / "00000000000000000001.json").write_text("\n".join(map(json.dumps, commit)))


def z85(data: bytes) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    assert len(data) % 4 == 0
    words = struct.unpack(f">{len(data) // 4}I", data)
    return "".join(digits[word // 85**i % 85] for word in words for i in (4, 3, 2, 1, 0))


@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
def test_an_iceberg_table_at_its_current_snapshot(tmp_path: Path, catalog: Any, engine: EngineChoice) -> None:
    base, head = (iceberg_table(catalog, name) for name in "ab")
    head.delete("id = 2")
    head.overwrite(TABLE.slice(3, 1).set_column(2, "v", pa.array([99.0])), overwrite_filter="id = 3")
    found = of(base.location(), head.location(), engine)
    assert counts(found) == (0, 1, 1, 4)
    assert found.columns["v"].changed == 1
    same = of(base.location().removeprefix("file://"), base.location(), form="iceberg")
    assert (counts(same), same.verdict) == ((0, 0, 0, 6), "unchanged")


def test_an_iceberg_schema_evolves(catalog: Any) -> None:
    from pyiceberg.types import LongType

    base, head = (iceberg_table(catalog, name) for name in "ab")
    with head.update_schema() as schema:
        schema.add_column("extra", LongType())
        schema.rename_column("v", "w")
        schema.delete_column("l")
    found = of(base.location(), head.location())
    assert counts(found) == (0, 0, 0, 6)
    assert (found.schema.added, found.schema.removed) == (("w", "extra"), ("v", "l"))


def test_an_iceberg_table_without_rows_and_a_copy(tmp_path: Path, catalog: Any) -> None:
    full = iceberg_table(catalog, "full")
    empty = catalog.create_table("n.empty", TABLE.schema)
    assert counts(of(empty.location(), full.location())) == (6, 0, 0, 0)
    shutil.copytree(full.location().removeprefix("file://"), tmp_path / "copy")
    copied = of(full.location(), tmp_path / "copy")
    assert copied.status == "unreadable"
    assert "is the copy of an Iceberg table" in (copied.error or "")


@pytest.mark.parametrize(("library", "folder"), [("deltalake", "_delta_log"), ("pyiceberg", "metadata")])
def test_without_the_library(tmp_path: Path, monkeypatch: Any, library: str, folder: str) -> None:
    (tmp_path / "a" / folder).mkdir(parents=True)
    for name in ("00000000000000000000.json", "00000-a.metadata.json"):
        (tmp_path / "a" / folder / name).write_text("{}")
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    found = of(tmp_path / "a", tmp_path / "a")
    assert found.status == "unreadable"
    assert "is not installed" in (found.error or "")
    assert "pypedream-dagster[tables]" in (found.error or "")


def test_a_delta_table_below_the_prefix_is_not_read_as_files(tmp_path: Path) -> None:
    delta_table(tmp_path / "a" / "t")
    found = of(tmp_path / "a", tmp_path / "a" / "t")
    assert found.status == "unreadable"
    assert "holds a Delta table" in (found.error or "")


def test_a_broken_log(tmp_path: Path) -> None:
    delta_table(tmp_path / "a")
    (tmp_path / "a" / "_delta_log" / "00000000000000000000.json").write_text("garbage")
    found = of(tmp_path / "a", tmp_path / "a")
    assert found.status == "unreadable"
    assert f"{tmp_path}/a cannot be read as a Delta table" in (found.error or "")


def test_on_s3(local_aws: Endpoint, tmp_path: Path) -> None:
    from pyiceberg.catalog.sql import SqlCatalog

    filesystem = fs.S3FileSystem(
        access_key=local_aws.access_key_id,
        secret_key=local_aws.secret_access_key,
        endpoint_override=local_aws.url.removeprefix("http://"),
        scheme="http",
        region=local_aws.region,
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )
    filesystem.create_dir("delta-tables")
    options = {
        "AWS_ACCESS_KEY_ID": local_aws.access_key_id,
        "AWS_SECRET_ACCESS_KEY": local_aws.secret_access_key,
        "AWS_REGION": local_aws.region,
        "AWS_ENDPOINT_URL": local_aws.url,
        "AWS_ALLOW_HTTP": "true",
    }
    settings = {
        "s3.endpoint": local_aws.url,
        "s3.access-key-id": local_aws.access_key_id,
        "s3.secret-access-key": local_aws.secret_access_key,
        "s3.region": local_aws.region,
    }
    catalog = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse="s3://delta-tables/w", **settings)
    try:
        delta_table("s3://delta-tables/d d", storage_options=options).delete("id = 1")
        catalog.create_namespace("n")
        iceberg = iceberg_table(catalog, "i")
        iceberg.delete("id = 2")
        sides = [Side(uri, "auto", filesystem) for uri in ("s3://delta-tables/d d/", iceberg.location())]
        assert counts(compare(*sides, BY_ID)) == (1, 1, 0, 4)
        files_only = compare(Side("s3://delta-tables/w", "auto", filesystem), sides[0], BY_ID)
        assert files_only.status == "unreadable"
    finally:
        catalog.engine.dispose()
        filesystem.delete_dir("delta-tables")
