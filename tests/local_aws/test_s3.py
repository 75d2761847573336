from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .aws import Aws

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def tree(aws: Aws) -> str:
    """A bucket with keys that sort differently as folders and as text."""
    bucket = aws.bucket()
    for key in ("a", "a/1", "a/2", "a-b/1", "a/b/c", "b", "b/", "b/ä ü/x", "b/&<>", "c//d", "z"):
        aws.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def listed(page: dict[str, Any]) -> list[str]:
    return [one["Key"] for one in page.get("Contents", [])] + [one["Prefix"] for one in page.get("CommonPrefixes", [])]


@pytest.mark.parametrize("method", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("page_size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("prefix", "delimiter", "expected"),
    [
        ("", "", {"a", "a-b/1", "a/1", "a/2", "a/b/c", "b", "b/", "b/&<>", "b/ä ü/x", "c//d", "z"}),
        ("", "/", {"a", "a-b/", "a/", "b", "b/", "c/", "z"}),
        ("a/", "/", {"a/1", "a/2", "a/b/"}),
        ("b/", "/", {"b/", "b/&<>", "b/ä ü/"}),
        ("a", "b", {"a", "a-b", "a/1", "a/2", "a/b"}),
        ("c", "//", {"c//"}),
        ("nothing", "/", set()),
    ],
)
def test_listing_pages_through_everything_once(
    aws: Aws, tree: str, method: str, page_size: int, prefix: str, delimiter: str, expected: set[str]
) -> None:
    pages = aws.s3.get_paginator(method).paginate(
        Bucket=tree, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": page_size}
    )

    seen = [name for page in pages for name in listed(page)]

    assert sorted(seen) == sorted(expected)


def test_a_listing_says_what_s3_says(aws: Aws, tree: str) -> None:
    page = aws.s3.list_objects_v2(Bucket=tree, Prefix="a/", Delimiter="/", MaxKeys=2)

    assert (page["Name"], page["Prefix"], page["MaxKeys"], page["KeyCount"]) == (tree, "a/", 2, 2)
    assert page["IsTruncated"] is True
    head = aws.s3.head_object(Bucket=tree, Key="a/1")
    first = page["Contents"][0]
    assert (first["Key"], first["Size"], first["StorageClass"]) == ("a/1", 3, "STANDARD")
    assert first["ETag"] == head["ETag"] == f'"{hashlib.md5(b"a/1").hexdigest()}"'
    assert first["LastModified"] == head["LastModified"]
    later = aws.s3.list_objects_v2(Bucket=tree, StartAfter="b/")
    assert listed(later) == ["b/&<>", "b/ä ü/x", "c//d", "z"]
    assert aws.s3.list_objects_v2(Bucket=tree, MaxKeys=0)["IsTruncated"] is False
    with pytest.raises(ClientError, match="NoSuchBucket"):
        aws.s3.list_objects_v2(Bucket="there-is-no-such-bucket")


def test_deleted_objects_leave_no_folder_behind(aws: Aws) -> None:
    bucket = aws.bucket()
    aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    aws.s3.put_object(Bucket=bucket, Key="folder/k", Body=b"1")
    aws.s3.put_object(Bucket=bucket, Key="folder/k", Body=b"2")

    aws.s3.delete_object(Bucket=bucket, Key="folder/k")

    assert listed(aws.s3.list_objects_v2(Bucket=bucket, Delimiter="/")) == []
    versions = aws.s3.list_object_versions(Bucket=bucket)
    assert len(versions["Versions"]) == 2
    assert len(versions["DeleteMarkers"]) == 1


def test_ranges_are_read_as_s3_reads_them(aws: Aws) -> None:
    bucket, body = aws.bucket(), os.urandom(2 * MIB)
    aws.s3.put_object(Bucket=bucket, Key="k", Body=body)

    def get(wanted: str) -> tuple[int, bytes]:
        answer = aws.s3.get_object(Bucket=bucket, Key="k", Range=wanted)
        return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Body"].read()

    assert get("bytes=0-0") == (206, body[:1])
    assert get("bytes=1000-1999") == (206, body[1000:2000])
    assert get(f"bytes={MIB}-") == (206, body[MIB:])
    assert get("bytes=-10") == (206, body[-10:])
    assert get("bytes=0-99999999") == (206, body)
    assert get("bytes=5-2") == (200, body)
    assert aws.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body
    with pytest.raises(ClientError, match="InvalidRange"):
        get(f"bytes={2 * MIB}-")


@pytest.mark.parametrize("size", [0, 1, 1024, 1025, 100_000])
def test_bodies_of_any_size_come_back_as_they_were(aws: Aws, size: int) -> None:
    bucket, body = aws.bucket(), os.urandom(size)

    aws.s3.put_object(Bucket=bucket, Key="k", Body=body, Metadata={"m": "x"})
    aws.s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    aws.s3.delete_object(Bucket=bucket, Key="k")

    copy = aws.s3.get_object(Bucket=bucket, Key="copy")
    assert copy["Body"].read() == body
    assert copy["Metadata"] == {"m": "x"}
    assert copy["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    with pytest.raises(ClientError, match="NoSuchKey"):
        aws.s3.get_object(Bucket=bucket, Key="k")


def test_a_multipart_upload_is_one_object(aws: Aws) -> None:
    bucket, body = aws.bucket(), os.urandom(20 * MIB)

    aws.s3.upload_fileobj(io.BytesIO(body), bucket, "big")

    target = io.BytesIO()
    aws.s3.download_fileobj(bucket, "big", target)
    assert target.getvalue() == body
    assert aws.s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-3"')


def test_of_conditional_writers_at_once_exactly_one_wins(aws: Aws) -> None:
    bucket = aws.bucket()

    def put(body: bytes, condition: dict[str, str]) -> str:
        try:
            aws.s3.put_object(Bucket=bucket, Key="x", Body=body * 5000, **condition)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "written"

    def put_at_once(**condition: str) -> list[str]:
        return sorted(pool.map(put, [b"%d" % number for number in range(8)], [condition] * 8))

    with ThreadPoolExecutor(8) as pool:
        for _ in range(6):
            assert put_at_once(IfNoneMatch="*") == ["PreconditionFailed"] * 7 + ["written"]
            etag = aws.s3.put_object(Bucket=bucket, Key="x", Body=b"y")["ETag"]
            assert put_at_once(IfMatch=etag) == ["PreconditionFailed"] * 7 + ["written"]
            with pytest.raises(ClientError, match="PreconditionFailed"):
                aws.s3.delete_object(Bucket=bucket, Key="x", IfMatch=etag)
            aws.s3.delete_object(Bucket=bucket, Key="x")


def test_a_conditional_put_does_not_overwrite(aws: Aws) -> None:
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key="k", Body=b"first", IfNoneMatch="*")

    with pytest.raises(ClientError, match="PreconditionFailed"):
        aws.s3.put_object(Bucket=bucket, Key="k", Body=b"second", IfNoneMatch="*")

    assert aws.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


def test_pyarrow_reads_what_boto3_wrote(aws: Aws) -> None:
    import pyarrow as pa
    import pyarrow.dataset
    import pyarrow.fs
    import pyarrow.parquet

    bucket, buffer = aws.bucket(), io.BytesIO()
    table = pa.table({"n": list(range(1000))})
    pyarrow.parquet.write_table(table, buffer)
    aws.s3.put_object(Bucket=bucket, Key="data/part=1/p.parquet", Body=buffer.getvalue())
    filesystem = pyarrow.fs.S3FileSystem(
        access_key=aws.endpoint.access_key_id,
        secret_key=aws.endpoint.secret_access_key,
        endpoint_override=aws.endpoint.url,
        region="us-east-1",
    )

    read = pyarrow.dataset.dataset(f"{bucket}/data", filesystem=filesystem, partitioning="hive").to_table()

    assert read.num_rows == 1000
    assert set(read.column_names) == {"n", "part"}
