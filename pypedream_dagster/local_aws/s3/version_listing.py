"""ListObjectVersions and ListMultipartUploads, answered from moto's objects.

moto 5.2.5 copies all versions of a bucket for each page, shows an empty page where the version that a marker names
has been deleted since, and knows no ``encoding-type``; it lists all unfinished uploads on one page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_MAX_KEYS = 1000
_PLAIN_PARAMETERS = frozenset({"prefix", "encoding-type", "x-id"})
_OF_VERSIONS = _PLAIN_PARAMETERS | {"versions", "key-marker", "version-id-marker", "max-keys"}
_OF_UPLOADS = _PLAIN_PARAMETERS | {"uploads", "key-marker", "upload-id-marker", "max-uploads"}
_OWNER = "<Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a</ID></Owner>"


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """One version of an object, or a delete marker, which has neither size nor ETag."""

    key: str
    version_id: str
    is_latest: bool
    last_modified: datetime
    etag: str | None = None
    size_bytes: int = 0
    storage_class: str = "STANDARD"


@dataclass(frozen=True, slots=True)
class ListedUpload:
    """One unfinished multipart upload."""

    key: str
    upload_id: str


def asks_for_versions(query: Mapping[str, str]) -> bool:
    """Whether a bucket's GET is a listing of versions that is answered here: one without a delimiter."""
    return "versions" in query and _OF_VERSIONS.issuperset(query) and _limit(query, "max-keys") is not None


def asks_for_uploads(query: Mapping[str, str]) -> bool:
    """Whether a bucket's GET is a listing of uploads that is answered here: one without a delimiter."""
    return "uploads" in query and _OF_UPLOADS.issuperset(query) and _limit(query, "max-uploads") is not None


def versions_xml(bucket: str, query: Mapping[str, str], versions: Iterable[ListedVersion]) -> str:
    """One page of the versions, which come with those of one key together, newest first."""
    prefix, key_marker, id_marker = (query.get(name, "") for name in ("prefix", "key-marker", "version-id-marker"))
    wanted = [one for one in versions if one.key.startswith(prefix) and one.key >= key_marker]
    wanted.sort(key=lambda one: one.key.encode())
    of_marker = [one.version_id for one in wanted if one.key == key_marker]
    if id_marker in of_marker:
        wanted = wanted[of_marker.index(id_marker) + 1 :]
    elif not id_marker:
        wanted = wanted[len(of_marker) :]
    page = wanted[: _limit(query, "max-keys")]
    truncated = bool(page) and len(page) < len(wanted)
    fields = [*_head(bucket, query), f"<MaxKeys>{_limit(query, 'max-keys')}</MaxKeys>"]
    fields += [f"<VersionIdMarker>{escape(id_marker)}</VersionIdMarker>", *_truncation(truncated)]
    if truncated:
        fields.append(f"<NextKeyMarker>{_shown(page[-1].key, query)}</NextKeyMarker>")
        fields.append(f"<NextVersionIdMarker>{page[-1].version_id}</NextVersionIdMarker>")
    body = "".join([*fields, *(_version_xml(one, query) for one in page)])
    return f'<ListVersionsResult xmlns="{_NAMESPACE}">{body}</ListVersionsResult>'


def uploads_xml(bucket: str, query: Mapping[str, str], uploads: Iterable[ListedUpload]) -> str:
    """One page of the unfinished uploads."""
    prefix, after = query.get("prefix", ""), (query.get("key-marker", ""), query.get("upload-id-marker", ""))
    wanted = sorted((one.key, one.upload_id) for one in uploads if one.key.startswith(prefix))
    # Without an id, the marker stands for all uploads of its key.
    wanted = [one for one in wanted if (one > after if after[1] else one[0] > after[0])]
    page = wanted[: _limit(query, "max-uploads")]
    truncated = bool(page) and len(page) < len(wanted)
    fields = [*_head(bucket, query, name="Bucket"), f"<MaxUploads>{_limit(query, 'max-uploads')}</MaxUploads>"]
    fields += [f"<UploadIdMarker>{escape(after[1])}</UploadIdMarker>", *_truncation(truncated)]
    if truncated:
        fields.append(f"<NextKeyMarker>{_shown(page[-1][0], query)}</NextKeyMarker>")
        fields.append(f"<NextUploadIdMarker>{escape(page[-1][1])}</NextUploadIdMarker>")
    items = [
        f"<Upload><Key>{_shown(key, query)}</Key><UploadId>{escape(upload_id)}</UploadId>{_OWNER}"
        "<StorageClass>STANDARD</StorageClass></Upload>"
        for key, upload_id in page
    ]
    return f'<ListMultipartUploadsResult xmlns="{_NAMESPACE}">{"".join([*fields, *items])}</ListMultipartUploadsResult>'


def _version_xml(one: ListedVersion, query: Mapping[str, str]) -> str:
    tag = "DeleteMarker" if one.etag is None else "Version"
    content = (
        ""
        if one.etag is None
        else f"<ETag>{escape(one.etag)}</ETag><Size>{one.size_bytes}</Size>"
        f"<StorageClass>{one.storage_class}</StorageClass>"
    )
    return (
        f"<{tag}><Key>{_shown(one.key, query)}</Key><VersionId>{escape(one.version_id)}</VersionId>"
        f"<IsLatest>{str(one.is_latest).lower()}</IsLatest>"
        f"<LastModified>{one.last_modified:%Y-%m-%dT%H:%M:%S}.000Z</LastModified>{content}{_OWNER}</{tag}>"
    )


def _head(bucket: str, query: Mapping[str, str], *, name: str = "Name") -> list[str]:
    fields = [f"<{name}>{escape(bucket)}</{name}>", f"<Prefix>{_shown(query.get('prefix', ''), query)}</Prefix>"]
    fields.append(f"<KeyMarker>{_shown(query.get('key-marker', ''), query)}</KeyMarker>")
    return [*fields, "<EncodingType>url</EncodingType>"] if query.get("encoding-type") == "url" else fields


def _truncation(truncated: bool) -> list[str]:
    return [f"<IsTruncated>{str(truncated).lower()}</IsTruncated>"]


def _limit(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, str(_MAX_KEYS))
    return min(int(text), _MAX_KEYS) if text.isdecimal() else None


def _shown(text: str, query: Mapping[str, str]) -> str:
    return quote(text) if query.get("encoding-type") == "url" else escape(text)
