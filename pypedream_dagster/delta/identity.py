"""Which files are byte-identical on both sides, decided without reading rows.

Local files: equal size and equal bytes, in the same Hive partition; where several have one size, equal BLAKE2b digests.

S3 objects: equal size and equal ETag, in the same Hive partition. By Amazon's documentation of the Object type
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html) an ETag reflects changes to the content only:
for a plain upload it is the MD5 digest of the data; for a multipart upload, the digest of the parts' digests,
then ``-`` and the number of parts; under SSE-KMS and SSE-C it is no MD5 digest. Hence equal ETags mean equal
bytes in either form (equal part digests in equal order, and the size guards against the rest), while
*different* ETags prove nothing: the same bytes uploaded in parts of another size, or encrypted, have another.
Such files are simply read.

A row that lies in a file on both sides can be struck from both: what remains of each key's rows is the same,
so no count is affected but the number of keys that repeat.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pypedream_dagster.delta.source import DataFile, Side, open_file

_REQUESTS_AT_ONCE = 16
_THREADS = 2
_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """Files that remain to be compared, and those that need not be (named by the base's)."""

    base: tuple[DataFile, ...]
    head: tuple[DataFile, ...]
    identical: tuple[DataFile, ...]


def without_identical(
    base: Side, head: Side, base_files: tuple[DataFile, ...], head_files: tuple[DataFile, ...]
) -> Identity:
    """Strike files that are the same on both sides, each as often as it occurs on both."""
    if base.is_local != head.is_local:
        return Identity(base_files, head_files, ())
    sizes = {_shape(file) for file in base_files} & {_shape(file) for file in head_files}
    base_likely = [file for file in base_files if _shape(file) in sizes]
    head_likely = [file for file in head_files if _shape(file) in sizes]
    pairs = _mark_pairs(base_likely, head_likely) if base.is_local and base_files != head_files else {}
    ours = _marks(base, base_likely, pairs)
    theirs = _marks(head, head_likely, pairs)
    common = Counter(ours.values()) & Counter(theirs.values())
    struck_base, struck_head = _strike(ours, common), _strike(theirs, common)
    return Identity(
        tuple(file for file in base_files if file not in struck_base),
        tuple(file for file in head_files if file not in struck_head),
        tuple(file for file in base_files if file in struck_base),
    )


def _shape(file: DataFile) -> tuple[object, ...]:
    return (file.size_bytes, file.partition)


def _strike(contents: dict[DataFile, object], common: Counter[object]) -> set[DataFile]:
    left = Counter(common)
    struck = set()
    for file, content in contents.items():
        if left[content] > 0:
            left[content] -= 1
            struck.add(file)
    return struck


def _marks(side: Side, files: list[DataFile], pairs: dict[DataFile, object]) -> dict[DataFile, object]:
    rest = _by_content(side, [file for file in files if file not in pairs])
    return {file: pairs[file] if file in pairs else rest[file] for file in files}


def _mark_pairs(ours: list[DataFile], theirs: list[DataFile]) -> dict[DataFile, object]:
    """Marks of local files that are alone in their shape on both sides: compared directly, faster than hashed."""
    shapes = Counter(_shape(file) for file in ours), Counter(_shape(file) for file in theirs)
    alone = {_shape(file): file for file in theirs if shapes[0][_shape(file)] == shapes[1][_shape(file)] == 1}
    pairs = [(file, alone[_shape(file)]) for file in ours if _shape(file) in alone]
    with ThreadPoolExecutor(_THREADS) as pool:
        are_same = pool.map(lambda pair: _same_bytes(pair[0].path, pair[1].path), pairs)
        marks: dict[DataFile, object] = {}
        for (file, other), is_same in zip(pairs, are_same, strict=True):
            marks |= {file: (_shape(file), "base"), other: (_shape(file), "base" if is_same else "head")}
    return marks


def _same_bytes(base: str, head: str) -> bool:
    """Whether two files of one size hold the same; both are read into the same memory again and again."""
    one, other = bytearray(_CHUNK_BYTES), bytearray(_CHUNK_BYTES)
    with open(base, "rb", buffering=0) as ours, open(head, "rb", buffering=0) as theirs:
        while read := ours.readinto(one):
            if theirs.readinto(memoryview(other)[:read]) != read or one != other:
                return False
    return True


def _by_content(side: Side, files: list[DataFile]) -> dict[DataFile, object]:
    with ThreadPoolExecutor(_THREADS if side.is_local else _REQUESTS_AT_ONCE) as pool:
        marks = pool.map(lambda file: _digest(side, file) if side.is_local else _etag(side, file), files)
        return {file: (_shape(file), mark) for file, mark in zip(files, marks, strict=True)}


def _digest(side: Side, file: DataFile) -> object:
    with open_file(side, file.path) as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()


def _etag(side: Side, file: DataFile) -> object:
    with side.filesystem.open_input_file(file.path) as stream:
        metadata = stream.metadata() or {}
    etag = metadata.get("ETag")
    return etag if etag else ("no ETag", file.path)
