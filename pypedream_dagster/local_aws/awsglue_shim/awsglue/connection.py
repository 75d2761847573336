"""Connection types and options that sources and sinks share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awsglue.errors import NotEmulatedError

# A connection type may be a format as well: files of that format.
FILE_TYPES = frozenset({"parquet", "orc"})
# How files are listed and grouped, not what is read from them.
_WITHOUT_EFFECT = frozenset(
    {
        "groupFiles",
        "groupSize",
        "inPartition",
        "maxBand",
        "maxFilesInBand",
        "useS3ListImplementation",
        "compressionType",
        "enableSizeEstimation",
    }
)


def file_format(connection_type: str, data_format: str | None) -> str | None:
    """The format of what a connection reads or writes; refuses what are no files."""
    if connection_type in FILE_TYPES:
        return data_format or connection_type
    if connection_type not in ("s3", "file"):
        raise NotEmulatedError(f"the connection type {connection_type!r}", "read and write S3, or run it on AWS")
    return data_format


def refuse_unknown(options: Mapping[str, Any], what: str) -> None:
    """Raise for options that would change the outcome and are not emulated."""
    unknown = sorted(options.keys() - _WITHOUT_EFFECT)
    if unknown:
        raise NotEmulatedError(f"{what} {', '.join(unknown)}")
