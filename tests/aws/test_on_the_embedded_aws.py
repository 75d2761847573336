"""The narrow clients against an AWS that answers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pypedream_dagster.aws.catalog import CatalogColumn, CatalogTable
from pypedream_dagster.aws.parquet_table import describe_table
from pypedream_dagster.aws.session import Aws, connect
from pypedream_dagster.errors import AwsError, NotFoundError, ProtectedError
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.settings import Settings

_PROPERTIES = {"Role": "arn:aws:iam::123456789012:role/x", "Command": {"Name": "glueetl", "ScriptLocation": "s3://x/y"}}


@pytest.fixture
def aws(aws_env: Endpoint, tmp_path: Path) -> Aws:
    return connect(Settings(tmp_path, endpoint_url=aws_env.url, region=aws_env.region))


@pytest.fixture
def name() -> str:
    return f"aws-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def uri(aws: Aws, name: str) -> Callable[[str], str]:
    aws.s3.create_bucket(name)
    return lambda key: f"s3://{name}/{key}"


def test_an_object_is_written_with_tags_read_and_deleted(aws: Aws, uri: Callable[[str], str]) -> None:
    aws.s3.write(uri("a b/é.txt"), "text", {"pypedream:branch": "test", "pypedream:owner": "ann@x.org"})
    assert aws.s3.read_text(uri("a b/é.txt")) == "text"
    assert aws.s3.tags(uri("a b/é.txt")) == {"pypedream:branch": "test", "pypedream:owner": "ann@x.org"}
    assert aws.s3.delete_object(uri("a b/é.txt")) == 1
    assert not aws.s3.exists(uri("a b/é.txt"))
    with pytest.raises(NotFoundError, match="é"):
        aws.s3.read_bytes(uri("a b/é.txt"))


@pytest.mark.slow
def test_a_prefix_is_deleted_to_its_last_version_and_no_neighbour_with_it(
    aws: Aws, name: str, uri: Callable[[str], str]
) -> None:
    aws.s3.boto.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: aws.s3.write(uri(f"test/{number:04}"), "x"), range(1003)))
    aws.s3.write(uri("test/0000"), "a second version")
    aws.s3.boto.delete_object(Bucket=name, Key="test/0001")
    aws.s3.boto.create_multipart_upload(Bucket=name, Key="test/unfinished")
    aws.s3.write(uri("test2/x"), "a neighbour's")
    aws.s3.write(uri("test"), "a neighbour's")
    assert aws.s3.delete_prefix(uri("test/")) == 1003 + 1 + 1 + 1
    assert aws.s3.is_empty(uri("test/"))
    assert [item.key for item in aws.s3.list_objects(uri(""))] == ["test", "test2/x"]
    assert aws.s3.delete_prefix(uri("test/")) == 0
    assert aws.s3.delete_object(uri("test")) == 1
    assert not aws.s3.is_empty(uri("test2/"))


@pytest.mark.parametrize("key", ["", "/", "test"])
def test_what_is_no_folder_in_a_bucket_is_not_deleted(aws: Aws, key: str) -> None:
    with pytest.raises((ProtectedError, ValueError)):
        aws.s3.delete_prefix(f"s3://some-bucket/{key}")


def test_a_partitioned_parquet_prefix_is_registered_as_a_table(aws: Aws, name: str, uri: Callable[[str], str]) -> None:
    import pyarrow as pa
    import pyarrow.dataset as ds

    rows = pa.table(
        {
            "id": pa.array([1, 2], pa.int64()),
            "price": pa.array([1, 2], pa.decimal128(10, 2)),
            "at": pa.array([0, 1], pa.timestamp("us")),
            "tags": pa.array([["a"], []], pa.list_(pa.string())),
            "place": pa.array([{"x": 1.0}, {"x": 2.0}], pa.struct([("x", pa.float64())])),
            "month": ["2013-01", "a b/c"],
        }
    )
    ds.write_dataset(
        rows,
        f"{name}/gold",
        filesystem=aws.s3.arrow_filesystem(),
        format="parquet",
        partitioning=["month"],
        partitioning_flavor="hive",
    )
    aws.s3.write(uri("gold/_SUCCESS"), "")
    database = name.replace("-", "_")
    aws.catalog.create_database(database, {"pypedream:branch": "test"})
    table, partitions = describe_table(aws.s3, uri("gold"), database, "orders")
    for _ in range(2):
        aws.catalog.put_table(table, partitions)
    found = aws.catalog.get_table(database, "orders")
    assert found == CatalogTable(
        database,
        "orders",
        uri("gold/"),
        tuple(
            CatalogColumn(*pair)
            for pair in [
                ("id", "bigint"),
                ("price", "decimal(10,2)"),
                ("at", "timestamp"),
                ("tags", "array<string>"),
                ("place", "struct<x:double>"),
            ]
        ),
        (CatalogColumn("month", "string"),),
    )
    assert {part.values for part in aws.catalog.partitions(database, "orders")} == {("2013-01",), ("a b/c",)}
    aws.catalog.set_tags(database, {"pypedream:owner": "ann"})
    assert aws.catalog.tags(database) == {"pypedream:branch": "test", "pypedream:owner": "ann"}
    aws.catalog.delete_database(database)
    aws.catalog.delete_database(database)
    assert not aws.catalog.has_database(database)
    assert aws.catalog.get_table(database, "orders") is None


def test_a_prefix_without_parquet_is_no_table(aws: Aws, uri: Callable[[str], str]) -> None:
    with pytest.raises(NotFoundError, match="No parquet files"):
        describe_table(aws.s3, uri("nothing/"), "database", "table")


def test_jobs_are_created_found_updated_tagged_and_deleted(aws: Aws, name: str) -> None:
    for number in range(3):
        aws.glue.create_job(f"{name}-{number}", {**_PROPERTIES, "GlueVersion": "5.0"}, {"pypedream:branch": "test"})
    assert [job.name for job in aws.glue.find_jobs(name)] == [f"{name}-{number}" for number in range(3)]
    assert [job.name for job in aws.glue.find_jobs(f"{name}-[12]")] == [f"{name}-1", f"{name}-2"]
    assert list(aws.glue.find_jobs(f"{name}-9*")) == []
    with pytest.raises(AwsError, match="already"):
        aws.glue.create_job(f"{name}-0", _PROPERTIES, {})
    job = aws.glue.get_job(f"{name}-0")
    assert job is not None
    aws.glue.update_job(job.name, {**job.creatable, "Timeout": 3})
    updated = aws.glue.get_job(job.name)
    assert updated is not None
    assert (updated.properties["Timeout"], updated.script_uri) == (3, "s3://x/y")
    aws.glue.set_tags(job.name, {"pypedream:owner": "ann"})
    assert aws.glue.tags(job.name) == {"pypedream:branch": "test", "pypedream:owner": "ann"}
    for number in (0, 0, 1, 2):
        aws.glue.delete_job(f"{name}-{number}")
    assert aws.glue.get_job(job.name) is None
