"""S3, narrowed to what branches need: read, write, list, and delete a prefix to its last version."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pypedream_dagster.aws.translate import translated
from pypedream_dagster.errors import AccessDeniedError, AwsError, NotFoundError, ProtectedError
from pypedream_dagster.graph.uri import S3Uri, parse_uri

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client as BotoS3
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_S3A = "org.apache.hadoop.fs.s3a.S3AFileSystem"
_DELETE_BATCH = 1000  # the most that one DeleteObjects call takes


@dataclass(frozen=True, slots=True)
class S3Object:
    """One current object; ``etag`` is without quotes, ``last_modified`` in UTC."""

    uri: str
    key: str
    size_bytes: int
    etag: str
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class S3Client:
    """The S3 calls in use.

    Attributes:
        boto: makes them.
        filesystem: builds the pyarrow file system on the same credentials.
        s3a: gives the Hadoop settings of Spark's S3A on the same credentials.
    """

    boto: BotoS3
    filesystem: Callable[[], Any]
    s3a: Callable[[], Mapping[str, str]] = dict

    def read_bytes(self, uri: str) -> bytes:
        """Return an object's content.

        Raises:
            NotFoundError: no such object or bucket.
        """
        at = parse_uri(uri)
        with translated("s3", uri):
            return self.boto.get_object(Bucket=at.bucket, Key=at.key)["Body"].read()

    def read_text(self, uri: str) -> str:
        """Return an object's content as UTF-8 text.

        Raises:
            NotFoundError: no such object or bucket.
        """
        return self.read_bytes(uri).decode()

    def write(self, uri: str, body: bytes | str, tags: Mapping[str, str] | None = None) -> None:
        """Write an object whole, with its tags."""
        at = parse_uri(uri)
        data = body.encode() if isinstance(body, str) else body
        with translated("s3", uri):
            self.boto.put_object(Bucket=at.bucket, Key=at.key, Body=data, Tagging=urlencode(dict(tags or {})))

    def exists(self, uri: str) -> bool:
        """Tell whether the object exists.

        Raises:
            AccessDeniedError: also where the credentials may not list the bucket and the object is missing.
        """
        at = parse_uri(uri)
        try:
            with translated("s3", uri):
                self.boto.head_object(Bucket=at.bucket, Key=at.key)
        except NotFoundError:
            return False
        return True

    def tags(self, uri: str) -> dict[str, str]:
        """Return the object's tags.

        Raises:
            NotFoundError: no such object.
        """
        at = parse_uri(uri)
        with translated("s3", uri):
            answer = self.boto.get_object_tagging(Bucket=at.bucket, Key=at.key)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def list_objects(self, prefix_uri: str) -> Iterator[S3Object]:
        """Give the current objects below a prefix, in key order.

        Raises:
            NotFoundError: no such bucket. A prefix without objects gives nothing.
        """
        at = parse_uri(prefix_uri)
        with translated("s3", prefix_uri):
            for page in self.boto.get_paginator("list_objects_v2").paginate(Bucket=at.bucket, Prefix=at.key):
                for item in page.get("Contents", []):
                    yield S3Object(
                        uri=f"s3://{at.bucket}/{item['Key']}",
                        key=item["Key"],
                        size_bytes=item["Size"],
                        etag=item["ETag"].strip('"'),
                        last_modified=item["LastModified"],
                    )

    def is_empty(self, prefix_uri: str) -> bool:
        """Tell whether nothing is left below a prefix: no object, no old version, no unfinished upload."""
        at = parse_uri(prefix_uri)
        return next(self._versions(at), None) is None and next(self._uploads(at), None) is None

    def delete_object(self, uri: str) -> int:
        """Delete one object with all its versions and markers; return how many those were."""
        at = parse_uri(uri)
        versions = (item for item in self._versions(at) if item["Key"] == at.key)
        return self._delete(at.bucket, versions)

    def delete_prefix(self, prefix_uri: str) -> int:
        """Delete all below a prefix: objects, old versions, delete markers, unfinished uploads.

        Returns:
            How many versions, markers and uploads were deleted; 0 when there was nothing.

        Raises:
            ProtectedError: the prefix does not end in ``/`` or is a whole bucket.
        """
        at = parse_uri(prefix_uri)
        if not at.key.strip("/") or not at.key.endswith("/"):
            raise ProtectedError(
                f"{prefix_uri} is not deleted: it is a whole bucket or does not end in '/'.",
                hint="name a folder within the bucket",
            )
        deleted = self._delete(at.bucket, self._versions(at))
        for upload in list(self._uploads(at)):
            # Gone already: an answer was lost, and asked for again; or the upload was finished just now.
            with suppress(NotFoundError), translated("s3", prefix_uri):
                self.boto.abort_multipart_upload(Bucket=at.bucket, Key=upload[0], UploadId=upload[1])
            deleted += 1
        return deleted

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket in the client's region; one that is there already and ours is left as it is."""
        region = self.boto.meta.region_name
        with translated("s3", f"s3://{bucket}/"):
            try:
                if region == "us-east-1":  # the one region that may not be named as a constraint
                    self.boto.create_bucket(Bucket=bucket)
                else:
                    self.boto.create_bucket(
                        Bucket=bucket,
                        CreateBucketConfiguration={"LocationConstraint": region},  # type: ignore[typeddict-item]
                    )
            except self.boto.exceptions.BucketAlreadyOwnedByYou:
                return

    def arrow_filesystem(self) -> Any:
        """Return a ``pyarrow.fs.S3FileSystem`` on the same credentials, region and endpoint.

        Temporary credentials are taken as they are now: ask again rather than keep it for hours.
        """
        return self.filesystem()

    def spark_conf(self) -> dict[str, str]:
        """Return the Spark settings with which ``s3://`` is read on the same credentials and endpoint.

        Temporary credentials are taken as they are now: for a session of hours, make another.
        """
        schemes = {f"spark.hadoop.fs.{scheme}.impl": _S3A for scheme in ("s3", "s3a", "s3n")}
        return {**schemes, **{f"spark.hadoop.fs.s3a.{name}": value for name, value in self.s3a().items()}}

    def _versions(self, at: S3Uri) -> Iterator[ObjectIdentifierTypeDef]:
        with translated("s3", str(at)):
            pages = self.boto.get_paginator("list_object_versions").paginate(Bucket=at.bucket, Prefix=at.key)
            for page in pages:
                for version in page.get("Versions", []):
                    yield {"Key": version["Key"], "VersionId": version["VersionId"]}
                for marker in page.get("DeleteMarkers", []):
                    yield {"Key": marker["Key"], "VersionId": marker["VersionId"]}

    def _uploads(self, at: S3Uri) -> Iterator[tuple[str, str]]:
        with translated("s3", str(at)):
            pages = self.boto.get_paginator("list_multipart_uploads").paginate(Bucket=at.bucket, Prefix=at.key)
            for page in pages:
                for upload in page.get("Uploads", []):
                    yield upload["Key"], upload["UploadId"]

    def _delete(self, bucket: str, versions: Iterator[ObjectIdentifierTypeDef]) -> int:
        deleted = 0
        # Listed to the end first: some stores renumber the pages of a listing while it is being emptied.
        for batch in _batches(list(versions)):
            with translated("s3", f"s3://{bucket}/"):
                answer = self.boto.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            for fault in answer.get("Errors", []):
                said = f"s3://{bucket}/{fault.get('Key')} was not deleted: {fault.get('Code')}"
                if fault.get("Code") == "AccessDenied":
                    raise AccessDeniedError(
                        f"{said}.", hint="the credentials in use need s3:DeleteObject and s3:DeleteObjectVersion on it"
                    )
                raise AwsError(f"{said}: {fault.get('Message')}.", hint="run the command again")
            deleted += len(batch)
        return deleted


def _batches(items: list[ObjectIdentifierTypeDef]) -> Iterator[list[ObjectIdentifierTypeDef]]:
    for start in range(0, len(items), _DELETE_BATCH):
        yield items[start : start + _DELETE_BATCH]
