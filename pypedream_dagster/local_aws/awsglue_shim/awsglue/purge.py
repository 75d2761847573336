"""Deletes objects that are older than a retention period: ``purge_s3_path`` and ``purge_table``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from awsglue.errors import NotEmulatedError

_URI = re.compile(r"^s3[an]?://([^/]+)/?(.*)$")
_RETENTION_HOURS = 168
_KNOWN = frozenset({"retentionPeriod", "excludeStorageClasses", "partitionPredicate"})


def purge_path(uri: str, options: Mapping[str, Any] | None = None) -> bool:
    """Delete what lies under ``uri`` and is older than ``retentionPeriod`` hours (7 days unless said).

    Returns:
        Whether nothing is left.

    Raises:
        PermissionError: an object may not be deleted.
    """
    import boto3

    options = dict(options or {})
    unknown = options.keys() - _KNOWN
    if unknown:
        raise NotEmulatedError(f"the purge option {', '.join(sorted(unknown))}")
    match = _URI.match(uri)
    if match is None:
        raise ValueError(f"no S3 path: {uri!r}")
    bucket, prefix = match.group(1), match.group(2)
    prefix = prefix if not prefix or prefix.endswith("/") else prefix + "/"
    cutoff = datetime.now(UTC) - timedelta(hours=float(options.get("retentionPeriod", _RETENTION_HOURS)))
    spared = set(options.get("excludeStorageClasses", ()))
    s3 = boto3.client("s3")
    kept = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        found = page.get("Contents", [])
        # S3 tells whole seconds: what was written within this second is as old as the cut-off.
        doomed = [
            item
            for item in found
            if item["LastModified"].replace(microsecond=0) <= cutoff
            and item.get("StorageClass", "STANDARD") not in spared
        ]
        kept += len(found) - len(doomed)
        if doomed:
            _delete(s3, bucket, [item["Key"] for item in doomed])
    return kept == 0


def _delete(s3: Any, bucket: str, keys: list[str]) -> None:
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
    for error in answer.get("Errors", ()):
        raise PermissionError(
            f"{error['Code']}: s3://{bucket}/{error['Key']} could not be deleted ({error['Message']})"
        )
