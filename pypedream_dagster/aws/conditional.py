"""Objects that are written only if nobody else wrote them first: what leases and claims are made of.

S3 decides: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html. Ages are S3's own, the
difference of two times that it tells, so that no clock of ours matters.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.aws.translate import translated
from pypedream_dagster.errors import AwsError, BusyError, ConflictError, NotFoundError
from pypedream_dagster.graph.uri import parse_uri

_CONFLICT_ATTEMPTS = 6
_CONFLICT_SECONDS = 0.2
_NO_CONDITIONS = "needs conditional writes (If-None-Match and If-Match of PutObject), which this S3 store does not have"


@dataclass(frozen=True, slots=True)
class Found:
    """An object as S3 answered it.

    Attributes:
        etag: as S3 writes it, for a condition.
        age_seconds: how long ago it was last written, by S3's clock.
        answered_at: S3's time.
    """

    body: bytes
    etag: str
    age_seconds: float
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """An object in a listing; as in `Found`."""

    uri: str
    etag: str
    age_seconds: float


def create_object(s3: S3Client, uri: str, body: str, tags: Mapping[str, str]) -> str:
    """Write an object that does not exist yet, and return its ETag.

    Raises:
        ConflictError: it exists.
    """
    return _put(s3, uri, body, tags, {"IfNoneMatch": "*"})


def replace_object(s3: S3Client, uri: str, body: str, tags: Mapping[str, str], etag: str) -> str:
    """Write an object anew that is as it was when it had this ETag, and return the new one.

    Raises:
        ConflictError: it is another by now.
        NotFoundError: it is gone.
    """
    return _put(s3, uri, body, tags, {"IfMatch": etag})


def remove_object(s3: S3Client, uri: str, etag: str) -> None:
    """Delete an object that is as it was when it had this ETag, with its older versions.

    Raises:
        ConflictError: it is another by now.
        NotFoundError: it is gone.
    """
    at = parse_uri(uri)
    with _conditional(uri):
        answer = s3.boto.delete_object(Bucket=at.bucket, Key=at.key, IfMatch=etag)
    if answer.get("VersionId") or answer.get("DeleteMarker"):
        s3.delete_old_versions(uri)


def look(s3: S3Client, uri: str) -> Found | None:
    """Return an object as it is now; None if there is none."""
    at = parse_uri(uri)
    try:
        with translated("s3", uri):
            answer: Any = s3.boto.get_object(Bucket=at.bucket, Key=at.key)
            body = answer["Body"].read()
    except NotFoundError:
        return None
    now = _answered(answer)
    return Found(body, answer["ETag"], (now - answer["LastModified"]).total_seconds(), now)


def siblings(s3: S3Client, folder_uri: str, suffix: str) -> Iterator[Entry]:
    """Give the objects directly below a folder, and not deeper, whose key ends so."""
    at = parse_uri(folder_uri)
    with translated("s3", folder_uri):
        pages: Any = s3.boto.get_paginator("list_objects_v2").paginate(Bucket=at.bucket, Prefix=at.key, Delimiter="/")
        for page in pages:
            now = _answered(page)
            for item in page.get("Contents", []):
                if item["Key"].endswith(suffix):
                    age = (now - item["LastModified"]).total_seconds()
                    yield Entry(f"s3://{at.bucket}/{item['Key']}", item["ETag"], age)


def check_conditions(s3: S3Client, uri: str, body: str, tags: Mapping[str, str]) -> None:
    """Refuse a store that takes conditions and does not heed them; the object exists.

    Raises:
        AwsError: it was overwritten.
    """
    try:
        create_object(s3, uri, body, tags)
    except ConflictError:
        return
    s3.delete_object(uri)
    raise AwsError(f"{uri} was overwritten although it exists: Pypedream {_NO_CONDITIONS}.", hint="use another store")


def _put(s3: S3Client, uri: str, body: str, tags: Mapping[str, str], condition: Mapping[str, str]) -> str:
    at = parse_uri(uri)
    request: dict[str, Any] = {"Bucket": at.bucket, "Key": at.key, "Body": body.encode(), **condition}
    attempt = 0
    while True:
        try:
            with _conditional(uri):
                return s3.boto.put_object(**request, Tagging=urlencode(dict(tags)))["ETag"]
        except BusyError as error:
            # Two requests at once: S3 asks to try again, and then says which of the two was first.
            attempt += 1
            if attempt == _CONFLICT_ATTEMPTS or "ConditionalRequestConflict" not in error.message:
                raise
            time.sleep(_CONFLICT_SECONDS * attempt)


@contextmanager
def _conditional(uri: str) -> Iterator[None]:
    try:
        with translated("s3", uri):
            yield
    except AwsError as error:
        if "NotImplemented" in error.message:
            raise AwsError(f"{uri}: Pypedream {_NO_CONDITIONS}.", hint="use another store") from error
        raise


def _answered(answer: Mapping[str, Any]) -> datetime:
    """Return the time at which S3 answered; this machine's where a proxy has taken it out."""
    date = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date) if date else datetime.now(UTC)
