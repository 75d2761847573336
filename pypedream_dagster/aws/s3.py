"""S3, narrowed to what branches need: read, write, list, and delete a prefix to its last version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pypedream_dagster.aws.emptying import abort_uploads, delete_if_empty, delete_versions, uploads, versions
from pypedream_dagster.aws.translate import translated
from pypedream_dagster.errors import NotFoundError, ProtectedError
from pypedream_dagster.graph.uri import S3Uri, parse_uri, unknown_parts

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client as BotoS3

_SMALLEST_MOVED = "TransitionDefaultMinimumObjectSize"
_S3A = "org.apache.hadoop.fs.s3a.S3AFileSystem"
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html: larger objects are copied part by part.
_LARGEST_COPY_BYTES = 5 * 1024**3
_COPY_PART_BYTES = 512 * 1024**2  # at most 10,000 parts of an object of at most 5 TiB
_KEPT_HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Metadata")


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
        largest_copy_bytes: objects above are copied part by part, in parts of ``copy_part_bytes``.
        filesystem: builds the pyarrow file system on the same credentials.
        s3a: gives the Hadoop settings of Spark's S3A on the same credentials.
    """

    boto: BotoS3
    filesystem: Callable[[], Any]
    s3a: Callable[[], Mapping[str, str]] = dict
    largest_copy_bytes: int = _LARGEST_COPY_BYTES
    copy_part_bytes: int = _COPY_PART_BYTES

    def read_bytes(self, uri: str) -> bytes:
        """Return an object's content.

        Raises:
            NotFoundError: no such object or bucket.
        """
        at = _address(uri)
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
        at = _address(uri)
        data = body.encode() if isinstance(body, str) else body
        with translated("s3", uri):
            self.boto.put_object(Bucket=at.bucket, Key=at.key, Body=data, Tagging=urlencode(dict(tags or {})))

    def exists(self, uri: str) -> bool:
        """Tell whether the object exists.

        Raises:
            AccessDeniedError: also where the credentials may not list the bucket and the object is missing.
        """
        at = _address(uri)
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
        at = _address(uri)
        with translated("s3", uri):
            answer = self.boto.get_object_tagging(Bucket=at.bucket, Key=at.key)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def set_tags(self, uri: str, tags: Mapping[str, str]) -> None:
        """Add tags to an object, replacing the values of those that it has.

        Raises:
            NotFoundError: no such object.
        """
        at = _address(uri)
        merged = {**self.tags(uri), **tags}
        tag_set: Any = [{"Key": key, "Value": value} for key, value in merged.items()]
        with translated("s3", uri):
            self.boto.put_object_tagging(Bucket=at.bucket, Key=at.key, Tagging={"TagSet": tag_set})

    def list_level(self, prefix_uri: str) -> tuple[tuple[str, ...], tuple[S3Object, ...]]:
        """Return the URIs of the folders, and the objects, that lie directly below a prefix.

        Raises:
            NotFoundError: no such bucket.
        """
        at = _address(prefix_uri)
        folders: list[str] = []
        objects: list[S3Object] = []
        with translated("s3", prefix_uri):
            pages = self.boto.get_paginator("list_objects_v2").paginate(Bucket=at.bucket, Prefix=at.key, Delimiter="/")
            for page in pages:
                folders += [f"s3://{at.bucket}/{item['Prefix']}" for item in page.get("CommonPrefixes", [])]
                objects += [_object(at.bucket, item) for item in page.get("Contents", [])]
        return tuple(folders), tuple(objects)

    def list_objects(self, prefix_uri: str) -> Iterator[S3Object]:
        """Give the current objects below a prefix, in key order.

        Raises:
            NotFoundError: no such bucket. A prefix without objects gives nothing.
        """
        at = _address(prefix_uri)
        with translated("s3", prefix_uri):
            for page in self.boto.get_paginator("list_objects_v2").paginate(Bucket=at.bucket, Prefix=at.key):
                for item in page.get("Contents", []):
                    yield _object(at.bucket, item)

    def unfinished_uploads(self, prefix_uri: str) -> int:
        """Return how many multipart uploads below a prefix were begun and not ended.

        Raises:
            NotFoundError: no such bucket.
        """
        return sum(1 for _ in uploads(self.boto, _address(prefix_uri)))

    def is_empty(self, prefix_uri: str) -> bool:
        """Tell whether nothing is left below a prefix: no object, no old version, no unfinished upload."""
        at = _address(prefix_uri)
        return next(versions(self.boto, at), None) is None and next(uploads(self.boto, at), None) is None

    def delete_object(self, uri: str) -> int:
        """Delete one object with all its versions and markers; return how many those were."""
        return delete_versions(self.boto, _address(uri), only_key=True)

    def delete_old_versions(self, uri: str) -> None:
        """Delete an object's versions and markers, but not its current version, if it has one."""
        at = _address(uri)
        with translated("s3", uri):
            pages = list(self.boto.get_paginator("list_object_versions").paginate(Bucket=at.bucket, Prefix=at.key))
        versions = [item for page in pages for item in page.get("Versions", []) if not item["IsLatest"]]
        markers = [item for page in pages for item in page.get("DeleteMarkers", [])]
        # The current marker last: without it, an older version would be the current one.
        markers.sort(key=lambda item: item["IsLatest"])
        for item in (*versions, *markers):
            if item["Key"] == at.key:
                with translated("s3", uri):
                    self.boto.delete_object(Bucket=at.bucket, Key=at.key, VersionId=item["VersionId"])

    def delete_beside(self, uri: str) -> None:
        """Delete all objects whose URI begins so, with all their versions: those that lie beside a branch's prefix.

        Raises:
            ProtectedError: the URI is none that only Pypedream writes.
        """
        at = _address(uri)
        if "_$pypedream" not in at.key.rpartition("/")[2]:
            raise ProtectedError(f"{uri}… is not deleted: it is nothing that Pypedream alone writes.")
        delete_versions(self.boto, at)

    def delete_if_empty(self, uri: str) -> int:
        """Delete one object with all its versions and markers if none of them holds a byte; return how many."""
        return delete_if_empty(self.boto, _address(uri))

    def delete_prefix(self, prefix_uri: str) -> int:
        """Delete all below a prefix: objects, old versions, delete markers, unfinished uploads.

        Returns:
            How many versions, markers and uploads were deleted; 0 when there was nothing.

        Raises:
            ProtectedError: the prefix does not end in ``/`` or is a whole bucket, or Object Lock holds some of it.
            NotFoundError: no such bucket.
        """
        at = _address(prefix_uri)
        if not at.key.strip("/") or not at.key.endswith("/"):
            raise ProtectedError(
                f"{prefix_uri} is not deleted: it is a whole bucket or does not end in '/'.",
                hint="name a folder within the bucket",
            )
        # Uploads first: one that completes in between leaves a version, which then is deleted.
        aborted = abort_uploads(self.boto, at)
        return aborted + delete_versions(self.boto, at)

    def copy_object(self, source: S3Object, bucket: str, key: str) -> None:
        """Copy an object within S3, as it was listed: one that has changed since is refused. Its tags stay behind.

        Raises:
            AwsError: it has changed, or is archived.
            NotFoundError: it is gone.
        """
        origin: Any = {"Bucket": source.uri.split("/", 3)[2], "Key": source.key}
        same: Any = {"CopySource": origin, "CopySourceIfMatch": f'"{source.etag}"'}
        with translated("s3", f"{source.uri} (copied to s3://{bucket}/{key})"):
            if source.size_bytes > self.largest_copy_bytes:
                self._copy_parts(source, same, bucket, key)
            else:
                self.boto.copy_object(Bucket=bucket, Key=key, TaggingDirective="REPLACE", **same)

    def _copy_parts(self, source: S3Object, same: Any, bucket: str, key: str) -> None:
        described: Any = self.boto.head_object(**same["CopySource"])
        kept = {name: described[name] for name in _KEPT_HEADERS if described.get(name)}
        upload = self.boto.create_multipart_upload(Bucket=bucket, Key=key, **kept)["UploadId"]
        here: Any = {"Bucket": bucket, "Key": key, "UploadId": upload}
        try:
            parts: list[Any] = []
            for number, start in enumerate(range(0, source.size_bytes, self.copy_part_bytes), start=1):
                end = min(start + self.copy_part_bytes, source.size_bytes) - 1
                answer = self.boto.upload_part_copy(
                    **here, **same, PartNumber=number, CopySourceRange=f"bytes={start}-{end}"
                )
                parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
            self.boto.complete_multipart_upload(**here, MultipartUpload={"Parts": parts})
        except BaseException:
            self.boto.abort_multipart_upload(**here)
            raise

    def delete_current(self, objects: Iterable[S3Object]) -> None:
        """Delete current objects; in a versioned bucket their versions stay."""
        for item in objects:
            with translated("s3", item.uri):
                self.boto.delete_object(Bucket=item.uri.split("/", 3)[2], Key=item.key)

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

    def lifecycle(self, bucket: str) -> dict[str, Any] | None:
        """Return a bucket's lifecycle configuration as PutBucketLifecycleConfiguration takes it; None without one.

        Raises:
            NotFoundError: no such bucket.
        """
        with translated("s3", f"s3://{bucket}/"):
            try:
                answer: Any = self.boto.get_bucket_lifecycle_configuration(Bucket=bucket)
            except self.boto.exceptions.ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
                    return None
                raise
        return {key: answer[key] for key in ("Rules", _SMALLEST_MOVED) if key in answer}

    def put_lifecycle(self, bucket: str, configuration: Mapping[str, Any] | None) -> None:
        """Replace a bucket's lifecycle configuration, whole; None, or one without rules, removes it.

        Raises:
            NotFoundError: no such bucket.
        """
        with translated("s3", f"s3://{bucket}/"):
            if configuration is None or not configuration["Rules"]:
                self.boto.delete_bucket_lifecycle(Bucket=bucket)
                return
            # Left out, S3 falls back to its default.
            kept: Any = {_SMALLEST_MOVED: configuration[_SMALLEST_MOVED]} if _SMALLEST_MOVED in configuration else {}
            rules: Any = configuration["Rules"]
            self.boto.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules}, **kept)

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


def _object(bucket: str, item: Any) -> S3Object:
    return S3Object(
        uri=f"s3://{bucket}/{item['Key']}",
        key=item["Key"],
        size_bytes=item["Size"],
        etag=item["ETag"].strip('"'),
        last_modified=item["LastModified"],
    )


def _address(uri: str) -> S3Uri:
    """Parse a URI that S3 is to be asked with.

    Raises:
        NotFoundError: its bucket is not known: S3 would refuse the name.
    """
    at = parse_uri(uri)
    if unknown := unknown_parts(at.bucket):
        raise NotFoundError(
            f"{uri} cannot be looked at: ${{{unknown[0]}}} is not known.",
            hint="answer the import's question for it, or write the value into the graph file",
        )
    return at
