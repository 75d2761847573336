"""Deleting all versions of what lies below a prefix, page by page: memory stays bounded, whatever lies there.

Each page is listed from the start again: what is deleted is not listed any more, so nothing depends on what a
listing's markers mean once the version that they name is gone. What cannot be deleted is passed over, the rest goes,
and at the end the first of them is named.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from pypedream_dagster.aws.permissions import actions_for, denied_hint
from pypedream_dagster.aws.translate import translated
from pypedream_dagster.errors import AccessDeniedError, AwsError, BusyError, NotFoundError, ProtectedError
from pypedream_dagster.graph.uri import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client as BotoS3

_PAGE = 1000  # the most that one ListObjectVersions gives and one DeleteObjects takes
_ATTEMPTS = 5
_TRANSIENT = {"InternalError", "ServiceUnavailable", "SlowDown", "OperationAborted"}
_GONE = {"NoSuchKey", "NoSuchVersion"}
# XML 1.0 cannot hold them, so DeleteObjects cannot name such a key; DeleteObject has it in its URL.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Version = tuple[str, str]
"""A key and a version id; of an object from before versioning, or without it, the id is ``null``."""


@dataclass(slots=True)
class _Faults:
    """What could not be deleted: how many, and the first."""

    count: int = 0
    first: dict[str, Any] = field(default_factory=dict)

    def note(self, refused: Mapping[Version, dict[str, Any]]) -> None:
        """Add those of one page."""
        self.first = self.first or next(iter(refused.values()))
        self.count += len(refused)


def versions(boto: BotoS3, at: S3Uri) -> Iterator[Version]:
    """Give all versions and delete markers whose key begins with ``at``'s.

    Raises:
        NotFoundError: no such bucket.
    """
    with translated("s3", str(at)):
        for page in boto.get_paginator("list_object_versions").paginate(Bucket=at.bucket, Prefix=at.key):
            yield from _of_page(page)


def delete_versions(
    boto: BotoS3, at: S3Uri, *, only_key: bool = False, wait: Callable[[float], None] = time.sleep
) -> int:
    """Delete all versions and delete markers below a prefix; return how many those were.

    Args:
        boto: the client.
        at: the prefix.
        only_key: delete those of this very key, and not of longer ones.
        wait: sleeps so many seconds where S3 asks to come back later.

    Raises:
        NotFoundError: no such bucket.
        ProtectedError: some are under Object Lock, or the bucket asks for MFA; the others are deleted.
        AccessDeniedError: some may not be deleted; the others are.
        BusyError: S3 asks to come back later.
    """
    deleted, attempts, after, faults = 0, 0, dict[str, str](), _Faults()
    while True:
        page = _list_page(boto, at, after)
        # Of the keys that begin with a key, that key itself is listed first.
        found = [version for version in _of_page(page) if not only_key or version[0] == at.key]
        if not found:
            break
        refused, busy = _delete_page(boto, at, found)
        gone = len(found) - len(refused) - len(busy)
        deleted += gone
        if busy:
            attempts = 1 if gone else attempts + 1
            if attempts == _ATTEMPTS:
                fault = next(iter(busy.values()))
                raise BusyError(f"{_said(at, fault)}.", hint="wait a little and run the command again")
            wait(0.2 * 2**attempts)
        elif refused:
            faults.note(refused)
            # It is still there: a marker that holds.
            last = sorted((version for version in found if version in refused), key=lambda one: one[0].encode())[-1]
            after = {"KeyMarker": last[0], "VersionIdMarker": last[1]}
            if not deleted and faults.count >= _PAGE:
                break  # the rest would be refused as well
    if faults.count:
        raise _refusal(boto, at, faults, deleted)
    return deleted


def delete_if_empty(boto: BotoS3, at: S3Uri) -> int:
    """Delete an object of which no version holds a byte, with all its versions and markers; return how many.

    Any other object is left as it is.

    Raises:
        NotFoundError: no such bucket.
    """
    with translated("s3", str(at)):
        for page in boto.get_paginator("list_object_versions").paginate(Bucket=at.bucket, Prefix=at.key):
            found: Any = page
            if any(item["Key"] == at.key and item["Size"] for item in found.get("Versions", [])):
                return 0
            if any(item["Key"] != at.key for item in found.get("Versions", [])):
                break  # of the keys that begin with a key, that key itself is listed first
    return delete_versions(boto, at, only_key=True)


def uploads(boto: BotoS3, at: S3Uri) -> Iterator[tuple[str, str]]:
    """Give key and id of the unfinished multipart uploads below a prefix.

    Raises:
        NotFoundError: no such bucket.
    """
    markers: dict[str, str] = {}
    while True:
        page = _upload_page(boto, at, markers)
        yield from _uploads_of(page)
        if not page.get("IsTruncated"):
            return
        markers = {
            "KeyMarker": _decoded(page, page.get("NextKeyMarker", "")),
            "UploadIdMarker": page.get("NextUploadIdMarker", ""),
        }


def abort_uploads(boto: BotoS3, at: S3Uri) -> int:
    """Abort all unfinished multipart uploads below a prefix; return how many those were.

    Raises:
        NotFoundError: no such bucket.
        AwsError: an upload is listed still after it was aborted.
    """
    aborted, before = 0, list[tuple[str, str]]()
    while found := list(_uploads_of(_upload_page(boto, at, {}))):
        if found == before:
            raise AwsError(
                f"The unfinished upload of s3://{at.bucket}/{found[0][0]} is there still after it was aborted.",
                hint="a part may have been under way: run the command again",
            )
        for key, upload_id in found:
            with suppress(NotFoundError), translated("s3", f"s3://{at.bucket}/{key}"):
                boto.abort_multipart_upload(Bucket=at.bucket, Key=key, UploadId=upload_id)
        aborted, before = aborted + len(found), found
    return aborted


def _list_page(boto: BotoS3, at: S3Uri, after: dict[str, str]) -> Any:
    request: Any = {"Bucket": at.bucket, "Prefix": at.key, "MaxKeys": _PAGE, **after}
    with translated("s3", str(at)):
        return boto.list_object_versions(**request)


def _of_page(page: Any) -> Iterator[Version]:
    for kind in ("Versions", "DeleteMarkers"):
        for item in page.get(kind, []):
            yield item["Key"], item.get("VersionId") or "null"


def _delete_page(
    boto: BotoS3, at: S3Uri, found: list[Version]
) -> tuple[dict[Version, dict[str, Any]], dict[Version, dict[str, Any]]]:
    """Delete these versions; return the faults of those that were refused, and of those that may go later."""
    plain = [version for version in found if not _NOT_XML.search(version[0])]
    odd = [version for version in found if _NOT_XML.search(version[0])]
    faults: list[Any] = []
    if plain:
        objects: Any = [{"Key": key, "VersionId": version_id} for key, version_id in plain]
        with translated("s3", str(at)):
            answer = boto.delete_objects(Bucket=at.bucket, Delete={"Objects": objects, "Quiet": True})
        faults += answer.get("Errors", [])
    for key, version_id in odd:
        with suppress(NotFoundError), translated("s3", f"s3://{at.bucket}/{key}"):
            boto.delete_object(Bucket=at.bucket, Key=key, VersionId=version_id)
    refused: dict[Version, dict[str, Any]] = {}
    busy: dict[Version, dict[str, Any]] = {}
    for fault in faults:
        if fault.get("Code") in _GONE:
            continue
        where = busy if fault.get("Code") in _TRANSIENT else refused
        # Some stores name no version: then any of that key's.
        same = [v for v in found if v[0] == fault.get("Key") and fault.get("VersionId") in (None, "", v[1])]
        where.update(dict.fromkeys(same or found[:1], fault))
    return refused, busy


def _refusal(boto: BotoS3, at: S3Uri, faults: _Faults, deleted: int) -> AwsError | ProtectedError:
    fault = faults.first
    more = f" (and {faults.count - 1:,} more)" if faults.count > 1 else ""
    said = f"{_said(at, fault)}{more}; {deleted:,} others below {at} are deleted"
    if fault.get("Code") != "AccessDenied":
        return AwsError(f"{said}.", hint="run the command again")
    if held := _hold(boto, at, fault):
        return ProtectedError(f"{said}: {held}.", hint="lift the hold or wait for its end, then run the command again")
    if _asks_for_mfa(boto, at):
        return ProtectedError(
            f"{said}: bucket {at.bucket} has MFA Delete on, so versions go only with its owner's MFA code.",
            hint="have the bucket's owner suspend MFA Delete or delete the versions, then run the command again",
        )
    return AccessDeniedError(f"{said}.", hint=denied_hint(" and ".join(actions_for("s3:DeleteObjects")), f"{at}*"))


def _hold(boto: BotoS3, at: S3Uri, fault: dict[str, Any]) -> str:
    """Return how Object Lock holds an object, as far as the credentials may see it; empty if it does not."""
    found: Any = {}
    with suppress(AwsError), translated("s3", str(at)):
        version = {"VersionId": fault["VersionId"]} if fault.get("VersionId") else {}
        found = boto.head_object(Bucket=at.bucket, Key=str(fault.get("Key")), **version)
    if found.get("ObjectLockLegalHoldStatus") == "ON":
        return "it is under legal hold"
    if until := found.get("ObjectLockRetainUntilDate"):
        return f"Object Lock ({found.get('ObjectLockMode')}) retains it until {until:%Y-%m-%d %H:%M} UTC"
    return "Object Lock protects it" if "object lock" in str(fault.get("Message", "")).lower() else ""


def _asks_for_mfa(boto: BotoS3, at: S3Uri) -> bool:
    with suppress(AwsError), translated("s3", str(at)):
        return boto.get_bucket_versioning(Bucket=at.bucket).get("MFADelete") == "Enabled"
    return False


def _said(at: S3Uri, fault: dict[str, Any]) -> str:
    message = f" ({fault['Message'].rstrip('.')})" if fault.get("Message") else ""
    return f"s3://{at.bucket}/{fault.get('Key')} was not deleted: {fault.get('Code')}{message}"


def _upload_page(boto: BotoS3, at: S3Uri, markers: dict[str, str]) -> Any:
    request: Any = {"Bucket": at.bucket, "Prefix": at.key, "EncodingType": "url", **markers}
    with translated("s3", str(at)):
        return boto.list_multipart_uploads(**request)


def _uploads_of(page: Any) -> Iterator[tuple[str, str]]:
    for item in page.get("Uploads", []):
        yield _decoded(page, item["Key"]), item["UploadId"]


def _decoded(page: Any, text: str) -> str:
    # botocore decodes the other listings, not this one.
    return unquote_plus(text) if page.get("EncodingType") == "url" else text
