"""What tasks that are no Glue jobs read and write on S3: by what operators are given, by what Python code calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, TypeAlias

from pypedream_dagster.importers.parameters import parameters_in
from pypedream_dagster.importers.sources.airflow.natives import text_of
from pypedream_dagster.importers.sources.airflow.values import Value

Touch: TypeAlias = tuple[Literal["read", "write"], str]
"""A direction and an S3 URI."""

_BUCKETS = ("s3_bucket", "s3_bucket_name", "dest_bucket", "bucket_name")
_KEYS = ("s3_key", "dest_s3_key", "dest_key", "s3_key_prefix", "s3_destination_key", "key")
_Way: TypeAlias = tuple[Literal["read", "write"], tuple[str, ...], tuple[str, ...]]
_NAMES: tuple[tuple[str, tuple[_Way, ...]], ...] = (
    (
        r"^S3Copy(Object|Prefix)Operator$|^S3FileTransformOperator$",
        (
            ("read", ("source_bucket_name",), ("source_bucket_key", "source_bucket_prefix", "source_s3_key")),
            ("write", ("dest_bucket_name",), ("dest_bucket_key", "dest_bucket_prefix", "dest_s3_key")),
        ),
    ),
    (r"^S3To\w+(Operator|Transfer)$", (("read", _BUCKETS, _KEYS),)),
    (r"^\w+ToS3(Operator|Transfer)$|^S3CreateObjectOperator$", (("write", _BUCKETS, _KEYS),)),
)
_OPERATORS = tuple((re.compile(pattern), ways) for pattern, ways in _NAMES)
# Methods of boto3 and of Airflow's S3Hook, with the names of their parameters in order.
_CALLS: Mapping[str, tuple[Literal["read", "write"], tuple[str, ...]]] = {
    "upload_file": ("write", ("Filename", "Bucket", "Key")),
    "upload_fileobj": ("write", ("Fileobj", "Bucket", "Key")),
    "put_object": ("write", ()),
    "copy_object": ("write", ()),
    "load_file": ("write", ("filename", "key", "bucket_name")),
    "load_string": ("write", ("string_data", "key", "bucket_name")),
    "load_bytes": ("write", ("bytes_data", "key", "bucket_name")),
    "load_file_obj": ("write", ("file_obj", "key", "bucket_name")),
    "download_file": ("read", ("Bucket", "Key", "Filename")),
    "get_object": ("read", ()),
    "read_key": ("read", ("key", "bucket_name")),
    "to_parquet": ("write", ("path",)),
    "to_csv": ("write", ("path_or_buf",)),
    "to_json": ("write", ("path_or_buf",)),
    "read_parquet": ("read", ("path",)),
    "read_csv": ("read", ("filepath_or_buffer",)),
    "read_json": ("read", ("path_or_buf",)),
}
_KNOWN = re.compile(r"^(?:var|env)\.|^(?:ds|ts)(?:_nodash)?$|^(?:execution|logical)_date\b|^data_interval_|^datetime\.")


def given_places(kinds: tuple[str, ...], given: Mapping[str, Value], text: Callable[[Value], str]) -> Iterator[Touch]:
    """Give the places that an operator is given."""
    for pattern, ways in _OPERATORS:
        if any(pattern.search(kind) for kind in kinds):
            for way, buckets, keys in ways:
                bucket = next((text(given[name]) for name in buckets if given.get(name) is not None), "")
                key = next((given[name] for name in keys if given.get(name) is not None), None)
                for one in key if isinstance(key, list | tuple) else [key]:
                    if one is not None and (uri := _uri(bucket, text(one))) is not None:
                        yield way, uri
            return


def touched_by(name: str, positional: list[Value], keywords: Mapping[str, Value]) -> Iterator[Touch]:
    """Give the places that a call of a method reads or writes, as far as they are known before a run."""
    if name not in _CALLS:
        return
    way, names = _CALLS[name]
    given = {key.lower(): value for key, value in {**dict(zip(names, positional, strict=False)), **keywords}.items()}
    bucket = given.get("bucket", given.get("bucket_name", ""))
    key = given.get("key", given.get("path", given.get("path_or_buf", given.get("filepath_or_buffer"))))
    if not isinstance(key, str):
        return
    uri = _uri(text_of(bucket), key)
    if uri is not None and all(_KNOWN.match(part) for part in parameters_in(uri)):
        yield way, uri


def _uri(bucket: str, key: str) -> str | None:
    """Return the place of a key, which may name its bucket itself; None if there is none."""
    if key.startswith(("s3://", "s3a://")):
        return key
    return f"s3://{bucket.removeprefix('s3://').strip('/')}/{key.lstrip('/')}" if bucket and key.strip("/") else None
