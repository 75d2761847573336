"""Opens the files of a side as a temporary view, with one schema for the whole side.

A view's columns are named by their place, ``c0``, ``c1`` …, so that no name of the data gets into SQL again.
Files that have the same columns are read together, and all of a side united by name. Hive partition columns are
put in from the paths that were listed, in the types of `delta.reading.partition_types`: Spark's own discovery
types each side for itself, and stumbles over folders of unequal depth.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by spark/sql.py
from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pypedream_dagster.delta.engines.spark.query import one_row
from pypedream_dagster.delta.engines.spark.schema import (
    FileColumn,
    FileSchema,
    first_line,
    read_schemas,
    unite,
)
from pypedream_dagster.delta.engines.spark.sql import convert, identifier, literal, spark_type
from pypedream_dagster.delta.engines.spark.text_files import csv_groups, guess_types, json_frame, json_types
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.rules import CompareRules, Format
from pypedream_dagster.delta.source import AnySide, DataFile, Frame, Side, UnreadableError
from pypedream_dagster.delta.types import BIGINT, DATE, VARCHAR, ColumnType

_HIVE = {"BIGINT": BIGINT, "DATE": DATE, "VARCHAR": VARCHAR}
_READ = {
    "__globPaths__": "false",  # the paths are files that were listed, whatever is in their names
    "recursiveFileLookup": "true",  # no discovery of partitions
    "datetimeRebaseMode": "CORRECTED",
    "int96RebaseMode": "CORRECTED",
}


@dataclass(slots=True)
class SparkReader:
    """Opens sides in a session of its own.

    Attributes:
        session: the session; its settings and views are nobody else's.
        rules: of the comparison.
    """

    session: Any
    rules: CompareRules
    _schemas: dict[str, tuple[FileSchema, int]] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _count: int = 0

    def close(self) -> None:
        """Give up what was cached."""
        self._stack.close()

    def open(
        self, side: AnySide, files: tuple[DataFile, ...], format_: Format, partition_types: Mapping[str, str]
    ) -> Table:
        """See `Engine.open`."""
        if isinstance(side, Frame):
            return self._framed(side)
        table = Table("", (), 0, side, files, format_, partition_types)
        try:
            return self._opened(table)
        except UnreadableError:
            raise
        except Exception as error:
            self.blame(table, error)
            raise

    def restrict(self, table: Table, files: tuple[DataFile, ...]) -> Table:
        """See `Engine.restrict`."""
        if files == table.files:
            return table
        if not files:
            return self._viewed(replace(table, rows=0, files=()), self._nothing(table.columns))
        if table.format in ("csv", "json"):
            return self._parsed(replace(table, files=files), dict(table.columns))
        return self._scanned(replace(table, files=files), dict(table.columns))

    def keep(self, frame: Any) -> Any:
        """The data frame, held in memory or on disk until the reader is closed."""
        self._stack.callback(frame.unpersist)
        return frame.persist()

    def view(self, frame: Any) -> str:
        """The name of a view on a data frame."""
        self._count += 1
        name = f"view_{self._count}"
        frame.createOrReplaceTempView(name)
        return name

    def blame(self, table: Table, error: Exception) -> None:
        """Raise what is wrong with a table's file, if one of its files cannot be read alone.

        Raises:
            UnreadableError: naming the file.
        """
        if not isinstance(table.side, Side):
            return
        # Spark's message mostly names the file that it was reading.
        text = str(error)
        likely = sorted(table.files, key=lambda file: Path(file.path).name not in text)
        for file in likely:
            try:
                alone = self._opened(replace(table, files=(file,)))
                hashed = ", ".join(f"count(c{i})" for i in range(len(alone.columns)))
                one_row(self.session.sql(f"SELECT {hashed} FROM {alone.sql}"))
            except UnreadableError:
                raise
            except Exception as fault:
                raise UnreadableError(f"{table.side.shown(file)}: {_cause(fault)}") from error

    def _opened(self, table: Table) -> Table:
        if table.format in ("csv", "json"):
            return self._parsed(table)
        assert isinstance(table.side, Side)
        unknown = tuple(file for file in table.files if file.path not in self._schemas)
        for file, schema in zip(unknown, read_schemas(table.side, unknown, table.format), strict=True):
            self._schemas[file.path] = schema
        schemas = dict.fromkeys(self._schemas[file.path][0] for file in table.files)
        return self._scanned(table, unite([(column.name, column.type) for column in one] for one in schemas))

    def _scanned(self, table: Table, columns: dict[str, ColumnType]) -> Table:
        groups: dict[FileSchema, list[DataFile]] = {}
        for file in table.files:
            groups.setdefault(self._schemas[file.path][0], []).append(file)
        kind = "orc" if table.format == "orc" else "parquet"
        frames = []
        for schema, files in groups.items():
            given = ", ".join(f"{identifier(column.name)} {column.read_as}" for column in schema)
            reader = self.session.read.options(**_READ).schema(given or "c0 INT")
            frames.append((schema, reader.format(kind).load(_uris(table, files))))
        rows = sum(self._schemas[file.path][1] for file in table.files)
        return self._united(replace(table, rows=rows), columns, frames)

    def _united(self, table: Table, columns: dict[str, ColumnType], frames: list[tuple[FileSchema, Any]]) -> Table:
        hive = _own_partitions(table)
        wanted = {name: type_ for name, type_ in columns.items() if name not in hive} | hive
        table = replace(table, columns=tuple(wanted.items()))
        parts = []
        for schema, frame in frames:
            found = {column.name: column for column in schema}
            cells = [_cell(found.get(name), type_) for name, type_ in wanted.items() if name not in hive]
            named = [f"{cell} AS c{i}" for i, cell in enumerate(cells)]
            folder = ["url_decode(replace(input_file_name(), '+', '%2B')) AS file"] if hive else []
            parts.append(frame.selectExpr(*named, *folder))
        united = parts[0]
        for part in parts[1:]:
            united = united.unionAll(part)
        return self._viewed(table, self._with_partitions(table, united, hive) if hive else united)

    def _with_partitions(self, table: Table, frame: Any, hive: dict[str, ColumnType]) -> Any:
        folders = {file.path.rsplit("/", 1)[0].lstrip("/"): dict(file.partition) for file in table.files}
        rows = ", ".join(
            f"({literal(folder)}, {', '.join(_literal(values.get(name), type_) for name, type_ in hive.items())})"
            for folder, values in folders.items()
        )
        start = len(table.columns) - len(hive)
        names = ", ".join(f"c{start + i}" for i in range(len(hive)))
        files = self.view(frame)
        folder = "regexp_extract(file, '^([a-z0-9]+:)?/*(.*)/[^/]*$', 2)"
        cells = ", ".join(f"c{i}" for i in range(len(table.columns)))
        return self.session.sql(
            f"SELECT /*+ BROADCAST(p) */ {cells} FROM {files} LEFT JOIN (VALUES {rows}) AS p(folder, {names}) "
            f"ON {folder} = p.folder"
        )

    def _parsed(self, table: Table, columns: dict[str, ColumnType] | None = None) -> Table:
        assert isinstance(table.side, Side)
        frames = list(self._texts(table, table.side))
        if not frames:
            return self._viewed(replace(table, columns=()), self._nothing(()))
        if columns is None:
            columns = unite([(column.name, column.type) for column in schema] for schema, _ in frames)
        whole = self._united(table, columns, frames)
        kept = self.keep(self.session.table(whole.sql))
        return replace(self._viewed(whole, kept), rows=kept.count())

    def _texts(self, table: Table, side: Side) -> list[tuple[FileSchema, Any]]:
        if table.format == "json":
            frame, order = json_frame(self.session, side, table.files, _uris(table, table.files))
            types = json_types(frame)
            texts = [name for name in order if types[name] == VARCHAR]
            types |= guess_types(frame, texts, is_json=True)[0]
            return [(tuple(_text_column(name, types[name]) for name in order), frame)]
        read = []
        for names, options, files in csv_groups(side, table.files, self.rules.csv_header):
            given = ", ".join(f"{identifier(name)} STRING" for name in names)
            frame = self.session.read.options(**_READ, **options).schema(given).csv(_uris(table, files))
            types = guess_types(frame, list(names), is_json=False)[0]
            read.append((tuple(_text_column(name, types[name]) for name in names), frame))
        return read

    def _framed(self, side: Frame) -> Table:
        """A frame, by way of a parquet file: Python rows would go through a Python worker."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        data = side.data
        table = data if isinstance(data, pa.Table) else pa.Table.from_pandas(data, preserve_index=False)
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="pypedream-delta-"))
        path = Path(folder) / "frame.parquet"
        try:
            pq.write_table(table, path)
        except pa.ArrowException as error:
            raise UnreadableError(f"{side.uri}: {first_line(error)}") from error
        files = (DataFile(str(path), path.stat().st_size),)
        opened = self._opened(Table("", (), 0, Side(str(path)), files, "parquet", {}))
        return replace(opened, side=side, files=())

    def _viewed(self, table: Table, frame: Any) -> Table:
        return replace(table, sql=self.view(frame))

    def _nothing(self, columns: tuple[tuple[str, ColumnType], ...]) -> Any:
        cells = [f"CAST(NULL AS {spark_type(type_)}) AS c{i}" for i, (_, type_) in enumerate(columns)]
        return self.session.sql(f"SELECT {', '.join(cells) or 'NULL AS c0'} WHERE false")


def _cause(error: BaseException) -> str:
    """The first line of the innermost cause that Java tells."""
    causes = [line for line in str(error).splitlines() if line.startswith("Caused by: ")]
    return causes[-1].removeprefix("Caused by: ") if causes else first_line(error)


def _cell(column: FileColumn | None, type_: ColumnType) -> str:
    if column is None:
        return f"CAST(NULL AS {spark_type(type_)})"
    return convert(column.converted.replace("{}", identifier(column.name)), column.type, type_)


def _text_column(name: str, type_: ColumnType) -> FileColumn:
    # Spark's cast to DATE and the like of a text that a guess has found to be one.
    is_guessed = type_.kind not in ("text", "list", "struct")
    return FileColumn(name, type_, "STRING", f"CAST({{}} AS {spark_type(type_)})" if is_guessed else "{}")


def _own_partitions(table: Table) -> dict[str, ColumnType]:
    own = {name for file in table.files for name, _ in file.partition}
    return {name: _HIVE[type_] for name, type_ in (table.partition_types or {}).items() if name in own}


def _literal(value: str | None, type_: ColumnType) -> str:
    text = "NULL" if value is None else literal(value)
    return f"CAST({text} AS {spark_type(type_)})"


def _uris(table: Table, files: list[DataFile] | tuple[DataFile, ...]) -> list[str]:
    assert isinstance(table.side, Side)
    scheme = "file://" if table.side.is_local else "s3://"
    return [scheme + file.path for file in files]
