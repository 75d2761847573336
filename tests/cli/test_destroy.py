"""`pypedream destroy-branch` on buckets that make it hard: versions, markers, uploads, many and odd keys, locks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from .conftest import Deployed, Pypedream
from .expired import jobs, rename_project

pytestmark = pytest.mark.slow

ODD = ["a b", "a+b", "50%25", "ü日", "x\ny", "<&>'\"", "//d", "end/", "\x01"]


def contents(bucket: str) -> dict[str, dict[str, str]]:
    """Each version, marker and upload by key, with its ETag."""
    raw: Any = boto3.client("s3")
    found: dict[str, dict[str, str]] = {}
    for page in raw.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            found.setdefault(item["Key"], {})[item["VersionId"]] = item.get("ETag", "marker")
    for item in raw.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        found.setdefault(item["Key"], {})[item["UploadId"]] = "upload"
    return found


@pytest.fixture
def branch(pypedream: Pypedream, deployed: Deployed) -> Deployed:
    """A branch `test`, deployed to a bucket with versioning."""
    rename_project(deployed)
    boto3.client("s3").put_bucket_versioning(Bucket=deployed.bucket, VersioningConfiguration={"Status": "Enabled"})
    assert pypedream("create-branch", "transform", "test").code == 0
    assert pypedream("deploy-branch", "test").code == 0
    return deployed


def test_everything_of_the_branch_goes_and_all_neighbours_stay(pypedream: Pypedream, branch: Deployed) -> None:
    raw, bucket = boto3.client("s3"), branch.bucket
    neighbours = ("test2/data/x", "tes/x", "test.x", "/test/x", "test_/x", "Test/x", "main/data/silver/x")
    before = contents(bucket)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: raw.put_object(Bucket=bucket, Key=f"test/data/{n:05}", Body=b"1"), range(1005)))
    for round_ in (b"1", b"2"):
        for key in (*neighbours, *(f"{root}/data/silver/{odd}" for odd in ODD for root in ("main", "test"))):
            raw.put_object(Bucket=bucket, Key=key, Body=round_)
    for key in ("test/data/silver/a b", "main/data/silver/a b", "test2/data/x", "test/data/00000"):
        raw.delete_object(Bucket=bucket, Key=key)
    for key in ("test/data/half", "test2/data/half", "main/data/half"):
        raw.create_multipart_upload(Bucket=bucket, Key=key)
    for key in ("test_$folder$", "test2_$folder$"):
        raw.put_object(Bucket=bucket, Key=key, Body=b"")
        raw.delete_object(Bucket=bucket, Key=key)
    full = contents(bucket)
    done = pypedream("destroy-branch", "test")
    assert done.code == 0, done
    assert "nothing is left" in done.out
    kept = {key: found for key, found in full.items() if not key.startswith(("test/", "test_$"))}
    assert contents(bucket) == kept
    assert {key for key in before if key.startswith("main/")} <= kept.keys()
    assert jobs(branch) == {f"{node}-{branch.suffix}-main" for node in ("extract", "transform", "load")}
    assert "Nothing of branch 'test' is deployed" in pypedream("destroy-branch", "test").out


def test_what_a_legal_hold_keeps_is_named_and_goes_once_it_is_lifted(pypedream: Pypedream, branch: Deployed) -> None:
    raw: Any = boto3.client("s3")
    held = f"held-{branch.suffix}"
    raw.create_bucket(Bucket=held, ObjectLockEnabledForBucket=True)
    # A bucket cannot be locked once it holds objects: so the branch is made in one that is.
    graph = branch.folder / "pipeline_graph" / "main.json"
    graph.write_text(
        graph.read_text().replace(f"s3://{branch.bucket}/{{branch-name}}/data", f"s3://{held}/{{branch-name}}/data")
    )
    assert pypedream("create-branch", "transform", "kept").code == 0
    assert pypedream("deploy-branch", "kept").code == 0
    for key in ("kept/data/silver/a", "kept/data/silver/b", "main/data/silver/a"):
        raw.put_object(Bucket=held, Key=key, Body=b"1")
    raw.put_object_legal_hold(Bucket=held, Key="kept/data/silver/a", LegalHold={"Status": "ON"})
    done = pypedream("destroy-branch", "kept")
    assert done.code == 2
    assert f"s3://{held}/kept/data/silver/a was not deleted" in done.err
    assert "legal hold" in done.err
    assert contents(held).keys() == {"kept/data/silver/a", "kept_$pypedream$", "main/data/silver/a"}
    assert pypedream("branches", "--json").document["branches"][0]["state"] == "partly deployed"
    raw.put_object_legal_hold(Bucket=held, Key="kept/data/silver/a", LegalHold={"Status": "OFF"})
    assert pypedream("destroy-branch", "kept").code == 0
    assert contents(held).keys() == {"main/data/silver/a"}


def test_a_bucket_that_was_deleted_meanwhile_holds_nothing(pypedream: Pypedream, branch: Deployed) -> None:
    bucket = boto3.resource("s3").Bucket(branch.bucket)
    bucket.object_versions.delete()
    bucket.delete()
    done = pypedream("destroy-branch", "test")
    assert done.code == 0, done
    assert f"transform-{branch.suffix}-test" not in jobs(branch)
    assert pypedream("delete-branch", "test").code == 0
