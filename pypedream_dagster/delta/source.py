"""Where a side's data lies: the files of a prefix, local or in S3, and frames that are in memory already.

Which names are data follows Spark's readers: names that start with ``.`` or ``_`` are not (``_SUCCESS``,
``_temporary``, ``_delta_log``), except Hive folders such as ``_day=1``; nor are empty folder markers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pypedream_dagster.aws.permissions import actions_for, denied_hint
from pypedream_dagster.delta.rules import Format
from pypedream_dagster.errors import DeltaError

if TYPE_CHECKING:
    import pandas
    import pyarrow

_ENDINGS: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".orc": "orc",
}
_COMPRESSED = (".gz", ".zst", ".bz2", ".snappy", ".lz4")
_MAGIC: dict[bytes, Format] = {b"PAR1": "parquet", b"ORC": "orc"}
_DELTA_LOG = "_delta_log"
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_PERMISSION = re.compile(r"s3:[A-Z]\w+")
_REFUSED = re.compile(r"ACCESS_DENIED during (?P<operation>\w+) operation")


@dataclass(frozen=True, slots=True)
class DataFile:
    """One data file; ``partition`` holds the Hive values of its folders below the prefix, None for NULL."""

    path: str
    size_bytes: int
    partition: tuple[tuple[str, str | None], ...] = ()

    @property
    def partition_name(self) -> str:
        """The partition as its folders say it; empty for none."""
        return "/".join(f"{name}={HIVE_NULL if value is None else value}" for name, value in self.partition)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison: a prefix or a single file.

    Attributes:
        uri: a local path, ``file://…`` or ``s3://…``.
        format: how to read it; ``auto`` finds out.
        filesystem: a ``pyarrow.fs.S3FileSystem`` for ``s3://``; local paths need none.
    """

    uri: str
    format: Format = "auto"
    filesystem: Any = None

    @property
    def is_local(self) -> bool:
        """Whether it lies on this machine."""
        return not self.uri.startswith(("s3://", "s3a://", "s3n://"))

    @property
    def root(self) -> str:
        """The path without its scheme: as the file system wants it."""
        if self.is_local:
            return os.path.abspath(unquote(self.uri.removeprefix("file://")) if "://" in self.uri else self.uri)
        return self.uri.split("://", 1)[1].rstrip("/")

    def shown(self, file: DataFile) -> str:
        """The file's name as a message should say it."""
        return file.path if self.is_local else f"s3://{file.path}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One side in memory: a pandas DataFrame or a pyarrow Table."""

    data: pandas.DataFrame | pyarrow.Table
    uri: str = "memory"


AnySide = Side | Frame


class UnreadableError(DeltaError):
    """A side's data cannot be read; the message names the file."""


def list_files(side: Side) -> tuple[DataFile, ...]:
    """The data files of a side by path; none where the prefix is missing or empty.

    Raises:
        UnreadableError: the location cannot be listed.
    """
    found = _local_files(side.root) if side.is_local else _remote_files(side)
    return tuple(sorted(found, key=lambda file: file.path))


def detect_format(side: Side, files: tuple[DataFile, ...]) -> Format:
    """The format of a side's files, from the rules, their endings, or their first bytes.

    Raises:
        UnreadableError: the files are of different formats.
    """
    if side.format != "auto":
        return side.format
    found = {_ending_format(file.path) or _magic_format(side, file) for file in files}
    if len(found) > 1:
        raise UnreadableError(
            f"{side.uri} mixes files of the formats {', '.join(sorted(found))}", hint="say which with format"
        )
    return found.pop() if found else "parquet"


def open_file(side: Side, path: str) -> Any:
    """An open binary stream of a file, local or remote; use it as a context manager."""
    if side.is_local:
        return open(path, "rb")
    return side.filesystem.open_input_stream(path)


def _local_files(root: str) -> Iterator[DataFile]:
    if os.path.isfile(root):
        yield DataFile(root, os.path.getsize(root))
        return
    for folder, folders, names in os.walk(root, followlinks=True):
        if _DELTA_LOG in folders and folder != root:
            raise _table_below(root, folder)
        folders[:] = sorted(name for name in folders if _is_data(name))
        below = Path(folder).relative_to(root).parts
        partition = _partition(below)
        for name in names:
            path = os.path.join(folder, name)
            if _is_data(name) and os.path.isfile(path):
                yield DataFile(path, os.path.getsize(path), partition)


def _remote_files(side: Side) -> Iterator[DataFile]:
    from pyarrow import fs

    if side.filesystem is None:
        raise DeltaError(f"{side.uri} needs a file system with credentials", hint="pass Side(uri, filesystem=…)")
    root = side.root
    try:
        infos = side.filesystem.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
        if not infos:
            infos = [side.filesystem.get_file_info(root)]
    except OSError as error:
        raise UnreadableError(f"{side.uri} cannot be listed: {first_line(error)}") from error
    for info in infos:
        if info.type != fs.FileType.File:
            continue
        below = [part for part in info.path.removeprefix(root).split("/") if part]
        folders, name = below[:-1], info.base_name
        if _DELTA_LOG in folders[1:]:
            raise _table_below(side.uri, "/".join(folders[: folders.index(_DELTA_LOG)]))
        is_marker = info.size == 0 and (name.endswith("_$folder$") or info.path.endswith("/"))
        if not is_marker and _is_data(name) and all(_is_data(folder) for folder in folders):
            yield DataFile(info.path, info.size, _partition(folders))


def _table_below(root: str, folder: str) -> UnreadableError:
    # Read as plain files it would show rows that it has deleted.
    return UnreadableError(f"{root} holds a Delta table in {folder}", hint="name the table's own folder")


def _is_data(name: str) -> bool:
    if name.startswith(".") or name.endswith(("_$folder$", "._COPYING_", ".crc")):
        return False
    return not name.startswith("_") or "=" in name


def _partition(folders: tuple[str, ...] | list[str]) -> tuple[tuple[str, str | None], ...]:
    parts = (folder.split("=", 1) for folder in folders if "=" in folder and not folder.startswith("="))
    return tuple((unquote(name), None if value == HIVE_NULL else unquote(value)) for name, value in parts)


def _ending_format(path: str) -> Format | None:
    name = path.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return _ENDINGS.get(os.path.splitext(name)[1])


def _magic_format(side: Side, file: DataFile) -> Format:
    with open_file(side, file.path) as stream:
        start = stream.read(4)
    return next((format_ for magic, format_ in _MAGIC.items() if start.startswith(magic)), "parquet")


def first_line(error: BaseException) -> str:
    """The first line of what an error says, and for a refusal of S3's the permission that is missing."""
    text = str(error).strip()
    if not text:
        return type(error).__name__
    line = text.splitlines()[0]
    refused = _REFUSED.search(line)
    if refused is None:
        return line
    named = _PERMISSION.search(line)  # S3 itself names it where its answer has a body
    needed = named[0] if named else " and ".join(actions_for(f"s3:{refused['operation']}"))
    return f"{line.rstrip('.')} ({denied_hint(needed, 'it')})"
