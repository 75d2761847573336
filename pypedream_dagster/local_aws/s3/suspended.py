"""Buckets whose versioning is suspended: moto 5.2.5 takes them for unversioned and drops all versions at a write.

On S3 a write then replaces the version ``null`` and leaves the others; a delete without a version puts a delete marker
of that id in its place, one with a version removes that version.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/VersionSuspendedBehavior.html
"""

from __future__ import annotations

from typing import Any

_NULL = "null"


def install() -> None:
    """Makes moto's S3 know suspended versioning."""
    from moto.s3.exceptions import AccessDeniedByLock
    from moto.s3.models import FakeDeleteMarker, FakeKey, S3Backend

    put, delete = S3Backend.put_object, S3Backend.delete_object

    def put_object(self: Any, bucket_name: str, key_name: str, *args: Any, **kwargs: Any) -> Any:
        bucket = self.get_bucket(bucket_name)
        before = _others(bucket, key_name) if _is_suspended(bucket) else []
        new = put(self, bucket_name, key_name, *args, **kwargs)
        if before:
            bucket.keys.setlist(key_name, [*before, new])
        return new

    def delete_object(
        self: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> Any:
        bucket = self.get_bucket(bucket_name)
        if not _is_suspended(bucket):
            return delete(self, bucket_name, key_name, version_id, bypass)
        found = bucket.keys.getlist(key_name, [])
        if version_id is not None:
            doomed = [one for one in found if _id(one) == version_id]
            if any(isinstance(one, FakeKey) and one.is_locked(bypass) for one in doomed):
                raise AccessDeniedByLock
            _set(bucket, key_name, [one for one in found if _id(one) != version_id])
            return bool(doomed), {"version-id": version_id}
        if not found:
            return False, {}
        marker = FakeDeleteMarker(key=found[-1])
        marker._version_id = _NULL
        _set(bucket, key_name, [*_others(bucket, key_name), marker])
        return True, {"version-id": _NULL, "delete-marker": "true"}

    S3Backend.put_object = put_object
    S3Backend.delete_object = delete_object


def _is_suspended(bucket: Any) -> bool:
    return getattr(bucket, "versioning_status", None) == "Suspended"


def _id(version: Any) -> str:
    return str(version.version_id or _NULL)


def _others(bucket: Any, key_name: str) -> list[Any]:
    return [one for one in bucket.keys.getlist(key_name, []) if _id(one) != _NULL]


def _set(bucket: Any, key_name: str, versions: list[Any]) -> None:
    if key_name in bucket.keys or versions:
        bucket.keys.setlist(key_name, versions)
    if not versions and key_name in bucket.keys:
        bucket.keys.pop(key_name)  # emptied before: moto would dispose of the versions, which markers cannot
