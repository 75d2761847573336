"""S3 URIs as values: parsing, and the one relation that isolation stands on (does one contain another).

An imported graph may not know all of a URI: ``s3://${LakeBucket}/raw/`` has the unknown part ``LakeBucket``. Such a URI
is compared as the text that it is, and AWS is never asked with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

BRANCH_PLACEHOLDER = "{branch-name}"
"""Replaced by ``main`` for production and by the branch's name for a branch."""

UNKNOWN_PART = re.compile(r"\$\{([^${}\s]+)\}")
_URI = re.compile(r"^s3[an]?://(?P<bucket>[^/]*)(?:/(?P<key>.*))?$", re.DOTALL)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
# Wider than today's rules: buckets from before 2018 may have capitals and '_', S3-compatible stores short names.
_BUCKET = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z")


@dataclass(frozen=True, slots=True)
class S3Uri:
    """A bucket and a key or prefix in it."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def is_known(self) -> bool:
        """Whether it has no unknown part: whether AWS can be asked with it."""
        return not unknown_parts(str(self))

    @property
    def folder(self) -> str:
        """Bucket and key with exactly one trailing slash: the form in which containment is string prefixing."""
        return f"{self.bucket}/{self.key}".rstrip("/") + "/"

    def contains(self, other: S3Uri) -> bool:
        """Tell whether ``other`` is this or lies below it."""
        return other.folder.startswith(self.folder)

    def overlaps(self, other: S3Uri) -> bool:
        """Tell whether one of the two is or contains the other."""
        return self.contains(other) or other.contains(self)


@lru_cache(maxsize=16384)
def parse_uri(text: str) -> S3Uri:
    """Parse ``s3://bucket/key`` (``s3a`` and ``s3n`` too).

    Unknown parts (``${name}``) may stand anywhere in it.

    Raises:
        ValueError: not an S3 URI, a bad bucket name, or a key with an empty, ``.`` or ``..`` segment.
    """
    match = _URI.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not an S3 URI (s3://bucket/prefix/)")
    bucket, key = match["bucket"], match["key"] or ""
    if not _BUCKET.match(without_unknown_parts(bucket, "x")):
        raise ValueError(f"{text!r} has no valid bucket name")
    # "//" names another object than "/" on S3, but every reader folds it: what looks apart would not be.
    if any(part in {"", ".", ".."} for part in key.rstrip("/").split("/")) and key.strip("/"):
        raise ValueError(f"{text!r} has an empty, '.' or '..' segment")
    if any(ord(char) < 32 or char in "*?" for char in text):
        raise ValueError(f"{text!r} has a control or wildcard character")
    return S3Uri(bucket, key)


def unknown_parts(text: str) -> tuple[str, ...]:
    """Return the names of the unknown parts in a text, each once: ``LakeBucket`` of ``s3://${LakeBucket}/raw/``."""
    return tuple(dict.fromkeys(UNKNOWN_PART.findall(text)))


def without_unknown_parts(text: str, instead: str = "") -> str:
    """Return a text with something plain in place of its unknown parts."""
    return UNKNOWN_PART.sub(instead, text)


def is_uri(text: str) -> bool:
    """Tell whether a text is one S3 URI."""
    try:
        parse_uri(text)
    except ValueError:
        return False
    return True


def plain_prefix(text: str) -> S3Uri | None:
    """Return the longest plain prefix of a URI that may hold wildcards or odd segments; None if there is none.

    ``s3://b/raw/*.csv`` reads from ``s3://b/raw/``.
    """
    parts = text.split("/")
    for length in range(len(parts), 2, -1):
        if is_uri(prefix := "/".join(parts[:length])):
            return parse_uri(prefix)
    return None


def join_uri(prefix: str, *parts: str) -> str:
    """Join path parts below a prefix: ``join_uri("s3://b/x", "y.py") == "s3://b/x/y.py"``."""
    return "/".join([prefix.rstrip("/"), *parts])


def find_uris(text: str) -> tuple[str, ...]:
    """Return the S3 URIs that stand in a text such as a job argument (comma-separated lists included)."""
    return tuple(re.findall(r"s3[an]?://[^\s,;\"'|]+", text))
