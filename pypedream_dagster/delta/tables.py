"""Delta Lake and Iceberg tables, at their current snapshot; never as the plain files that lie there.

A folder with ``_delta_log`` is a Delta table, one with ``metadata/*.metadata.json`` an Iceberg table. Among the
files of either are such as no longer belong to it, and rows that it has deleted; so both are read by their own
libraries (the extra ``tables``), which apply deletion vectors and position deletes, and give partition columns,
renamed and added columns as the table's schema says. What a library cannot read it refuses, and so do we
(Iceberg's equality deletes, features of Delta that it does not know).

Rows come as a stream of record batches, and go to a temporary table of DuckDB's, which spills: in memory are a
few batches of a Delta table, one data file of an Iceberg table. Files are not struck as identical: the same file
may have other rows deleted on the other side.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from pypedream_dagster.delta.rules import CompareRules, Format
from pypedream_dagster.delta.source import AnySide, DataFile, Frame, Side, UnreadableError, first_line, list_files

if TYPE_CHECKING:
    from pyarrow import RecordBatchReader

TableFormat = Literal["delta", "iceberg"]
TABLE_FORMATS: tuple[Format, ...] = ("delta", "iceberg")
_NAMES: dict[str, str] = {"delta": "a Delta table", "iceberg": "an Iceberg table"}
_MARKS: dict[str, str] = {"delta": "_delta_log/*.json", "iceberg": "metadata/*.metadata.json"}
_METADATA = re.compile(r"(?:v(\d+)|(\d+)-.*)(?:\.gz)?\.metadata\.json(?:\.gz)?\Z")


_AnySide = TypeVar("_AnySide", Side, AnySide)


def resolved(side: _AnySide, rules: CompareRules) -> _AnySide:
    """The side with its format as it or the rules say it; but what is such a table is never parquet.

    Raises:
        UnreadableError: the table's log cannot be listed.
    """
    if isinstance(side, Frame):
        return side
    asked = rules.format if side.format == "auto" else side.format
    return replace(side, format=(_detected(side) if asked in ("auto", "parquet") else None) or asked)


def files_of(side: Side) -> tuple[DataFile, ...]:
    """The data files of a side; of a table those of its current snapshot, after the file that describes it.

    Raises:
        UnreadableError: the side cannot be listed, its library is missing, or it is no such table.
    """
    if side.format not in TABLE_FORMATS:
        return list_files(side)
    if _detected(side) != side.format:
        if not list_files(side):
            return ()
        raise UnreadableError(f"{side.uri} is not {_NAMES[side.format]}: it has no {_MARKS[side.format]}")
    return tuple(_guarded(side, lambda: list(_table_files(side))))


def read_table(side: Side) -> RecordBatchReader:
    """The rows of the current snapshot.

    Raises:
        UnreadableError: the library is missing, or cannot read the table.
    """
    read = _delta_rows if side.format == "delta" else _iceberg_rows
    return _guarded(side, lambda: read(side))


def unreadable(side: Side, error: Exception) -> UnreadableError:
    """What to say of a table that its library cannot read."""
    return UnreadableError(f"{side.uri} cannot be read as {_NAMES.get(side.format, 'files')}: {first_line(error)}")


def _detected(side: Side) -> TableFormat | None:
    if any(name.endswith(".json") for name in _names(side, "_delta_log")):
        return "delta"
    return "iceberg" if any(map(_METADATA.match, _names(side, "metadata"))) else None


def _table_files(side: Side) -> Iterator[DataFile]:
    if side.format == "delta":
        newest = max(name for name in _names(side, "_delta_log") if name.endswith(".json"))
        yield DataFile(f"{side.root}/_delta_log/{newest}", 0)
        actions = _arrow(_delta(side).get_add_actions(flatten=True))
        for path, size in zip(*(actions.column(name).to_pylist() for name in ("path", "size_bytes")), strict=True):
            yield DataFile(f"{side.root}/{path}", size)
    else:
        table = _iceberg(side)
        yield DataFile(table.metadata_location, 0)
        for task in table.scan().plan_files():
            yield DataFile(task.file.file_path, task.file.file_size_in_bytes)


def _guarded(side: Side, action: Any) -> Any:
    try:
        return action()
    except ImportError as error:
        raise UnreadableError(
            f"{side.uri} is {_NAMES[side.format]}; the library that reads it is not installed ({error.name})",
            hint="pip install 'pypedream-dagster[tables]'",
        ) from error
    except UnreadableError:
        raise
    except Exception as error:  # the libraries raise errors of many kinds, panics of Rust among them
        raise unreadable(side, error) from error


def _names(side: Side, folder: str) -> list[str]:
    """The names in a folder of the side; none where there is no such folder."""
    if side.is_local:
        path = os.path.join(side.root, folder)
        return os.listdir(path) if os.path.isdir(path) else []
    if side.filesystem is None:
        return []
    from pyarrow import fs

    try:
        found = side.filesystem.get_file_info(fs.FileSelector(f"{side.root}/{folder}", allow_not_found=True))
    except OSError as error:
        raise unreadable(side, error) from error
    return [info.base_name for info in found]


def _delta(side: Side) -> Any:
    from deltalake import DeltaTable

    if side.is_local:
        return DeltaTable(side.root)
    return DeltaTable(f"s3://{side.root}", storage_options=_storage_options(side.filesystem))


def _delta_rows(side: Side) -> RecordBatchReader:
    import pyarrow as pa
    from deltalake import QueryBuilder

    rows = QueryBuilder().register("t", _delta(side)).execute("SELECT * FROM t")
    return pa.RecordBatchReader.from_stream(rows)


def _storage_options(filesystem: Any) -> dict[str, str]:
    """The credentials and the endpoint of a ``pyarrow.fs.S3FileSystem`` as deltalake wants them.

    What a file system was made with can be learnt only from how it is pickled.
    """
    (settings,) = filesystem.__reduce__()[1]
    options = {
        "AWS_ACCESS_KEY_ID": settings.get("access_key"),
        "AWS_SECRET_ACCESS_KEY": settings.get("secret_key"),
        "AWS_SESSION_TOKEN": settings.get("session_token"),
        "AWS_REGION": settings.get("region"),
    }
    endpoint = settings.get("endpoint_override")
    if endpoint:
        scheme = settings.get("scheme") or "https"
        options |= {"AWS_ENDPOINT_URL": f"{scheme}://{endpoint}", "AWS_ALLOW_HTTP": str(scheme == "http").lower()}
    return {name: value for name, value in options.items() if value}


def _arrow(data: Any) -> Any:
    import pyarrow as pa

    return pa.table(data)


def _iceberg(side: Side) -> Any:
    from pyiceberg.catalog.noop import NoopCatalog
    from pyiceberg.serializers import FromInputFile
    from pyiceberg.table import StaticTable

    io = _file_io(side)
    location = f"{'' if side.is_local else 's3://'}{side.root}/metadata/{_current(side)}"
    metadata = FromInputFile.table_metadata(io.new_input(location))
    if _place(metadata.location) != _place(side.root if side.is_local else f"s3://{side.root}"):
        raise UnreadableError(
            f"{side.uri} is the copy of an Iceberg table: by its metadata its files lie at {metadata.location}",
            hint="compare the table where it lies, or register a copy with paths of its own",
        )
    return StaticTable(("table",), metadata, location, io, NoopCatalog("none"))


def _current(side: Side) -> str:
    """The metadata file with the highest number: without a catalog, that is the newest."""
    found = {name: match for name in _names(side, "metadata") for match in [_METADATA.match(name)] if match}
    return max(sorted(found), key=lambda name: int(found[name][1] or found[name][2]))


def _place(location: str) -> tuple[str, str]:
    parts = urlsplit(location)
    if parts.scheme in ("s3", "s3a", "s3n"):
        return parts.netloc, parts.path.strip("/")
    path = unquote(parts.path) if parts.scheme == "file" else location
    return "", os.path.realpath(path).rstrip("/")


def _file_io(side: Side) -> Any:
    from pyiceberg.io.pyarrow import PyArrowFileIO

    class SideFileIO(PyArrowFileIO):
        """pyiceberg's own reader on the side's file system, and so on its credentials."""

        def _initialize_fs(self, scheme: str, netloc: str | None = None) -> Any:
            return side.filesystem if scheme.startswith("s3") else super()._initialize_fs(scheme, netloc)

    return SideFileIO()


def _iceberg_rows(side: Side) -> RecordBatchReader:
    import pyarrow as pa
    from pyiceberg.expressions import AlwaysTrue
    from pyiceberg.io.pyarrow import ArrowScan, schema_to_pyarrow

    table = _iceberg(side)
    scan = table.scan()
    tasks = list(scan.plan_files())
    schema = schema_to_pyarrow(scan.projection(), include_field_ids=False)

    def batches() -> Iterator[Any]:
        # One task after the other: pyiceberg reads all that it is given at once.
        for task in tasks:
            arrow = ArrowScan(table.metadata, table.io, scan.projection(), AlwaysTrue(), case_sensitive=True)
            for batch in arrow.to_record_batches([task]):
                yield batch.cast(schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
