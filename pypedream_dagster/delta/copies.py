"""Copies of remote parquet files on this machine: their footers at once, their data when it is asked for.

A footer holds a file's schema and number of rows, all that is needed to pair columns and to strike identical files.
So a copy starts as a sparse file of the same size that has only the footer, and is filled before it is scanned: each
byte crosses the network once at most, and DuckDB reads local files at twice the speed of a stream through Arrow.
"""

from __future__ import annotations

import os
import shutil
import struct
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pypedream_dagster.delta.source import AnySide, DataFile, Frame, Side, open_file

_REQUESTS_AT_ONCE = 16
_TAIL_BYTES = 64 * 1024
_MAGIC = b"PAR1"
_SHARE_OF_DISK = 0.3


class Copies:
    """Copies below a folder; one that is filled stays so."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sides: dict[str, int] = {}
        self._copied: dict[str, tuple[Side, DataFile]] = {}
        self._filled: set[str] = set()
        self._lock = threading.Lock()

    def fit(self, files: Iterable[DataFile]) -> bool:
        """Whether the disk has room enough for copies of these files, twice and to spare."""
        return sum(file.size_bytes for file in files) < _SHARE_OF_DISK * shutil.disk_usage(self._folder).free

    def of(self, side: Side, files: Iterable[DataFile]) -> tuple[DataFile, ...]:
        """The files' copies; of new ones, only the footers are there."""
        found = [(file, self._path(side, file)) for file in files]
        new = [(file, path) for file, path in found if path not in self._copied]
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            list(pool.map(lambda one: self._begin(side, *one), new))
        return tuple(replace(file, path=path) for file, path in found)

    def fill(self, side: AnySide, files: Iterable[DataFile]) -> None:
        """Bring the data of those files that have copies."""
        if isinstance(side, Frame):
            return
        wanting = [path for path in self._paths(side, files) if path in self._copied and path not in self._filled]
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            list(pool.map(self._fill, wanting))

    def are_filled(self, side: AnySide, files: Iterable[DataFile]) -> bool:
        """Whether no file has a copy that is still to be filled."""
        if isinstance(side, Frame):
            return True
        return not any(path in self._copied and path not in self._filled for path in self._paths(side, files))

    def shown(self, message: str) -> str:
        """A message with the copies' paths as the files that they are copies of."""
        for path, (side, file) in self._copied.items():
            message = message.replace(path, side.shown(file))
        return message

    def _paths(self, side: Side, files: Iterable[DataFile]) -> list[str]:
        return [self._path(side, file) for file in files]

    def _path(self, side: Side, file: DataFile) -> str:
        number = self._sides.setdefault(side.root, len(self._sides))
        below = file.path.removeprefix(side.root).strip("/") or Path(file.path).name
        return str(self._folder / f"copy_{number}" / below)

    def _begin(self, side: Side, file: DataFile, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        footer = _footer(side, file)
        with open(path, "wb") as copy:
            copy.truncate(file.size_bytes)
            copy.seek(file.size_bytes - len(footer))
            copy.write(footer)
        with self._lock:
            self._copied[path] = (side, file)
            if len(footer) == file.size_bytes:
                self._filled.add(path)

    def _fill(self, path: str) -> None:
        side, file = self._copied[path]
        with open_file(side, file.path) as stream, open(path, "r+b") as copy:
            shutil.copyfileobj(stream, copy, 1024 * 1024)
            copy.flush()
            if os.fstat(copy.fileno()).st_size != file.size_bytes:
                raise OSError(f"{side.shown(file)} changed while it was read")
        with self._lock:
            self._filled.add(path)


def _footer(side: Side, file: DataFile) -> bytes:
    """The end of a parquet file from its footer on; the whole of it if it is no parquet file that we understand."""
    size = file.size_bytes
    with side.filesystem.open_input_file(file.path) as source:
        tail: bytes = source.read_at(min(size, _TAIL_BYTES), max(0, size - _TAIL_BYTES))
        if len(tail) < 8 or tail[-4:] != _MAGIC:
            return bytes(source.read_at(size, 0))
        (length,) = struct.unpack("<I", tail[-8:-4])
        wanted = min(size, length + 8)
        if wanted > len(tail):
            tail = source.read_at(wanted, size - wanted)
        return tail
