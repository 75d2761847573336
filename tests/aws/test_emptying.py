"""Emptying a prefix on the embedded AWS: versions, markers, uploads, many keys, odd keys, and what is held."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from pypedream_dagster.aws.emptying import delete_versions
from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.aws.session import connect
from pypedream_dagster.errors import BusyError, NotFoundError, ProtectedError
from pypedream_dagster.graph.uri import parse_uri
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.settings import Settings

ODD_KEYS = [
    "a b",
    "a+b",
    "100%25",
    "ü/日本",
    "new\nline",
    "<x>&amp;\"'",
    "//double",
    "trailing/",
    "tab\there",
    "control\x01",
    "{branch}[0]*?",
    "~!@#$^()=;:,|`\\",
]


@pytest.fixture
def bucket(aws_env: Endpoint) -> str:
    name = f"emptying-{uuid.uuid4().hex[:8]}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def s3(aws_env: Endpoint, tmp_path: Any) -> S3Client:
    return connect(Settings(tmp_path, endpoint_url=aws_env.url, region=aws_env.region)).s3


def everything(bucket: str) -> dict[str, list[str]]:
    """All versions, markers and uploads of a bucket with few."""
    page: Any = boto3.client("s3").list_object_versions(Bucket=bucket)
    found: dict[str, list[str]] = {}
    for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
        found.setdefault(item["Key"], []).append(item["VersionId"])
    for item in boto3.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        found.setdefault(item["Key"], []).append(item["UploadId"])
    return found


def versioning(bucket: str, status: Any) -> None:
    boto3.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def test_versions_markers_null_versions_and_uploads_go_and_neighbours_stay(s3: S3Client, bucket: str) -> None:
    raw = boto3.client("s3")

    def write(round_: str) -> None:
        for key in ("test/a", "test/b", "test2/a", "tes/a", "test", "main/a", "/test/a", "test_$folder$"):
            raw.put_object(Bucket=bucket, Key=key, Body=round_.encode())

    write("before versioning")
    versioning(bucket, "Enabled")
    write("one")
    write("two")
    raw.delete_object(Bucket=bucket, Key="test/a")
    raw.delete_object(Bucket=bucket, Key="main/a")
    raw.delete_object(Bucket=bucket, Key="test/a")
    versioning(bucket, "Suspended")
    write("suspended")
    raw.delete_object(Bucket=bucket, Key="test/b")
    raw.delete_object(Bucket=bucket, Key="main/b")
    for key in ("test/upload", "test2/upload"):
        raw.create_multipart_upload(Bucket=bucket, Key=key)
    before = everything(bucket)
    assert len(before["test/a"]) == 5  # two versions, two markers, and null, written again
    assert "null" in before["test/b"]
    deleted = s3.delete_prefix(f"s3://{bucket}/test/")
    kept = {key: ids for key, ids in before.items() if not key.startswith("test/")}
    assert everything(bucket) == kept
    assert deleted == sum(len(ids) for key, ids in before.items() if key.startswith("test/"))
    assert s3.is_empty(f"s3://{bucket}/test/")
    assert s3.delete_prefix(f"s3://{bucket}/test/") == 0
    assert s3.delete_object(f"s3://{bucket}/test") == len(kept["test"])
    assert "test" not in everything(bucket)
    assert everything(bucket)["test2/a"] == kept["test2/a"]


def test_suspended_versioning_is_as_on_s3(bucket: str) -> None:
    raw = boto3.client("s3")
    versioning(bucket, "Enabled")
    first = raw.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    versioning(bucket, "Suspended")
    for body in (b"2", b"3"):
        raw.put_object(Bucket=bucket, Key="k", Body=body)
    assert everything(bucket)["k"] == ["null", first]
    assert raw.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    assert raw.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"
    raw.delete_object(Bucket=bucket, Key="k")
    assert sorted(everything(bucket)["k"]) == sorted(["null", first])
    with pytest.raises(raw.exceptions.NoSuchKey):
        raw.get_object(Bucket=bucket, Key="k")
    raw.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert raw.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
    raw.delete_object(Bucket=bucket, Key="k", VersionId=first)
    assert everything(bucket) == {}


def test_keys_of_any_characters_go(s3: S3Client, bucket: str) -> None:
    raw = boto3.client("s3")
    versioning(bucket, "Enabled")
    for key in ODD_KEYS:
        raw.put_object(Bucket=bucket, Key=f"test/{key}", Body=b"1")
        raw.put_object(Bucket=bucket, Key=f"main/{key}", Body=b"1")
        if "\x01" not in key:  # moto answers it in XML, which cannot hold it
            raw.create_multipart_upload(Bucket=bucket, Key=f"test/{key}")
    before = {item.key for item in s3.list_objects(f"s3://{bucket}/main/")}
    assert len(before) == len(ODD_KEYS)
    assert s3.delete_prefix(f"s3://{bucket}/test/") == 2 * len(ODD_KEYS) - 1
    assert s3.is_empty(f"s3://{bucket}/test/")
    assert {item.key for item in s3.list_objects(f"s3://{bucket}/main/")} == before


@pytest.mark.slow
def test_more_than_one_page_of_versions_and_uploads(s3: S3Client, bucket: str) -> None:
    raw = boto3.client("s3")
    versioning(bucket, "Enabled")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: raw.put_object(Bucket=bucket, Key=f"test/{n % 11}", Body=b"1"), range(1005)))
        list(pool.map(lambda n: raw.create_multipart_upload(Bucket=bucket, Key=f"test/{n % 7}"), range(1005)))
    assert s3.delete_prefix(f"s3://{bucket}/test/") == 2010
    assert s3.is_empty(f"s3://{bucket}/test/")


def test_what_is_under_legal_hold_or_retained_is_named_and_the_rest_goes(s3: S3Client, aws_env: Endpoint) -> None:
    raw = boto3.client("s3")
    bucket = f"locked-{uuid.uuid4().hex[:8]}"
    raw.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    for number in range(20):
        raw.put_object(Bucket=bucket, Key=f"test/{number:02}", Body=b"1")
    raw.put_object(Bucket=bucket, Key="test2/x", Body=b"1")
    raw.put_object_legal_hold(Bucket=bucket, Key="test/07", LegalHold={"Status": "ON"})
    with pytest.raises(ProtectedError, match=r"test/07 was not deleted.*19 others.*legal hold"):
        s3.delete_prefix(f"s3://{bucket}/test/")
    assert everything(bucket).keys() == {"test/07", "test2/x"}
    raw.put_object_legal_hold(Bucket=bucket, Key="test/07", LegalHold={"Status": "OFF"})
    until = datetime.now(UTC) + timedelta(days=3)
    raw.put_object(
        Bucket=bucket, Key="test/08", Body=b"1", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until
    )
    with pytest.raises(ProtectedError, match=f"COMPLIANCE.*until {until:%Y-%m-%d}"):
        s3.delete_prefix(f"s3://{bucket}/test/")
    assert everything(bucket).keys() == {"test/08", "test2/x"}


def test_a_bucket_that_is_gone_is_named(s3: S3Client) -> None:
    with pytest.raises(NotFoundError, match="NoSuchBucket"):
        s3.delete_prefix("s3://no-such-bucket-at-all/test/")


def _stubbed() -> tuple[Any, Stubber]:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    return client, Stubber(client)


def _page(*keys: str) -> dict[str, Any]:
    return {"Versions": [{"Key": key, "VersionId": "v"} for key in keys], "IsTruncated": False}


def _fault(key: str, code: str) -> dict[str, Any]:
    return {"Errors": [{"Key": key, "VersionId": "v", "Code": code, "Message": "Please wait."}]}


def test_what_s3_puts_off_is_asked_for_again_and_then_told() -> None:
    client, stub = _stubbed()
    at, waits = parse_uri("s3://b/test/"), list[float]()
    stub.add_response("list_object_versions", _page("test/a", "test/b"))
    stub.add_response("delete_objects", _fault("test/b", "SlowDown"))
    stub.add_response("list_object_versions", _page("test/b"))
    stub.add_response("delete_objects", {})
    stub.add_response("list_object_versions", {})
    with stub:
        assert delete_versions(client, at, wait=waits.append) == 2
    assert len(waits) == 1
    client, stub = _stubbed()
    for _ in range(5):
        stub.add_response("list_object_versions", _page("test/a"))
        stub.add_response("delete_objects", _fault("test/a", "InternalError"))
    with stub, pytest.raises(BusyError, match=r"s3://b/test/a was not deleted: InternalError"):
        delete_versions(client, at, wait=waits.append)


def test_what_is_denied_is_passed_over_by_a_marker_that_holds() -> None:
    client, stub = _stubbed()
    asked = {"Bucket": "b", "Prefix": "test/", "MaxKeys": 1000}
    stub.add_response("list_object_versions", _page("test/a", "test/b", "test/c"), asked)
    stub.add_response("delete_objects", _fault("test/b", "AccessDenied"))
    after = {**asked, "KeyMarker": "test/b", "VersionIdMarker": "v"}
    stub.add_response("list_object_versions", _page("test/d"), after)
    stub.add_response("delete_objects", {})
    stub.add_response("list_object_versions", {}, after)
    stub.add_response("head_object", {})
    stub.add_response("get_bucket_versioning", {"Status": "Enabled", "MFADelete": "Enabled"})
    with stub, pytest.raises(ProtectedError, match=r"test/b was not deleted.*3 others.*MFA Delete"):
        delete_versions(client, parse_uri("s3://b/test/"))
    stub.assert_no_pending_responses()
