"""Opens the files of a side as a temporary view, with one schema for the whole side.

A view's columns are named by their place, ``c0``, ``c1`` …, so that no name of the data gets into SQL again.
Files that have the same columns are read together, and all of a side united by name. Hive partition columns are
put in from the paths that were listed, in the types of `delta.reading.partition_types`: Spark's own discovery
types each side for itself, and stumbles over folders of unequal depth.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by spark/sql.py
from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pypedream_dagster.delta.engines.spark.query import one_row
from pypedream_dagster.delta.engines.spark.schema import (
    FileColumn,
    FileSchema,
    read_schemas,
    same_names,
    unite,
)
from pypedream_dagster.delta.engines.spark.sql import convert, identifier, literal, spark_type
from pypedream_dagster.delta.engines.spark.text_files import (
    TextGroup,
    csv_groups,
    first_lines,
    has_header,
    json_group,
    mixed,
    shapes,
    type_of,
)
from pypedream_dagster.delta.reading import Table
from pypedream_dagster.delta.rules import CompareRules, Format
from pypedream_dagster.delta.source import AnySide, DataFile, Frame, Side, UnreadableError, first_line
from pypedream_dagster.delta.text import Shape
from pypedream_dagster.delta.types import BIGINT, DATE, VARCHAR, ColumnType

_HIVE = {"BIGINT": BIGINT, "DATE": DATE, "VARCHAR": VARCHAR}
_FILE = "regexp_replace(url_decode(replace(input_file_name(), '+', '%2B')), '^([a-z0-9]+:)?/*', '')"
"""The path of a row's file as `DataFile` has it, without the slash in front."""

_READ = {
    "__globPaths__": "false",  # the paths are files that were listed, whatever is in their names
    "recursiveFileLookup": "true",  # no discovery of partitions
    "datetimeRebaseMode": "CORRECTED",
    "int96RebaseMode": "CORRECTED",
}


@dataclass(frozen=True, slots=True)
class _Texts:
    """A side of CSV or JSON as it was read.

    Attributes:
        view: its rows: columns ``c…`` and the ``file``.
        columns: names and types as read.
        untyped: those whose text stands for a value of another type.
        has_header: of CSV.
    """

    view: str
    columns: dict[str, ColumnType]
    untyped: frozenset[str]
    has_header: bool

    @property
    def places(self) -> dict[str, str]:
        """Where the untyped columns are in the view."""
        return {name: f"c{i}" for i, name in enumerate(self.columns) if name in self.untyped}


@dataclass(slots=True)
class SparkReader:
    """Opens sides in a session of its own.

    Attributes:
        session: the session; its settings and views are nobody else's.
        rules: of the comparison.
    """

    session: Any
    rules: CompareRules
    _texts: dict[str, _Texts] = field(default_factory=dict)
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
        if format_ in ("delta", "iceberg"):
            raise UnreadableError(f"{side.uri}: engine spark reads no {format_} tables", hint="use engine duckdb")
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
            return self._typed(replace(table, files=files), self._texts[table.sql], dict(table.columns))
        return self._scanned(replace(table, files=files), dict(table.columns))

    def typed_alike(self, base: Table, head: Table) -> tuple[Table, Table]:
        """See `Engine.typed_alike`."""
        sides = [base, head]
        texts = [self._texts.get(side.sql) for side in sides]
        if base.format == head.format == "csv" and len({text.has_header for text in texts if text}) > 1:
            sides = [self._parsed(side, header=False) for side in sides]
            texts = [self._texts.get(side.sql) for side in sides]
        if base.format == head.format == "json" and texts[0] and texts[1]:
            as_text = mixed(texts[0].columns, texts[1].columns) - texts[0].untyped - texts[1].untyped
            if as_text:
                sides = [self._parsed(side, as_text=as_text) for side in sides]
                texts = [self._texts.get(side.sql) for side in sides]
        found: dict[str, list[Shape]] = {}
        for read in filter(None, texts):
            for name, shape in shapes(self.session.table(read.view), read.places).items():
                found.setdefault(name.lower(), []).append(shape)
        for i, (side, text) in enumerate(zip(sides, texts, strict=True)):
            if text:
                types = dict(side.columns) | {name: type_of(found[name.lower()]) for name in text.untyped}
                sides[i] = side if types == dict(side.columns) else self._typed(side, text, types)
        return sides[0], sides[1]

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

    def _united(
        self,
        table: Table,
        columns: dict[str, ColumnType],
        frames: list[tuple[FileSchema, Any]],
        *,
        keeps_file: bool = False,
    ) -> Table:
        hive = _own_partitions(table)
        wanted = {name: type_ for name, type_ in columns.items() if name not in hive} | hive
        table = replace(table, columns=tuple(wanted.items()))
        parts = []
        for schema, frame in frames:
            names = same_names([column.name for column in schema], wanted)
            found = {names[column.name]: column for column in schema if column.name in names}
            cells = [_cell(found.get(name), type_) for name, type_ in wanted.items() if name not in hive]
            named = [f"{cell} AS c{i}" for i, cell in enumerate(cells)]
            parts.append(frame.selectExpr(*named, *([f"{_FILE} AS file"] if hive or keeps_file else [])))
        united = parts[0]
        for part in parts[1:]:
            united = united.unionAll(part)
        if hive:
            united = self._with_partitions(table, united, hive, keeps_file=keeps_file)
        return self._viewed(table, united)

    def _with_partitions(self, table: Table, frame: Any, hive: dict[str, ColumnType], *, keeps_file: bool) -> Any:
        folders = {file.path.rpartition("/")[0].lstrip("/"): dict(file.partition) for file in table.files}
        rows = ", ".join(
            f"({literal(folder)}, {', '.join(_literal(values.get(name), type_) for name, type_ in hive.items())})"
            for folder, values in folders.items()
        )
        start = len(table.columns) - len(hive)
        names = ", ".join(f"c{start + i}" for i in range(len(hive)))
        cells = [*(f"c{i}" for i in range(len(table.columns))), *(["file"] if keeps_file else [])]
        return self.session.sql(
            f"SELECT /*+ BROADCAST(p) */ {', '.join(cells)} FROM {self.view(frame)} "
            f"LEFT JOIN (VALUES {rows}) AS p(folder, {names}) ON regexp_replace(file, '/[^/]*$', '') = p.folder"
        )

    def _parsed(self, table: Table, *, header: bool | None = None, as_text: frozenset[str] = frozenset()) -> Table:
        """Parse the files once; own types for now."""
        assert isinstance(table.side, Side)
        if header is None:
            header = self.rules.csv_header
        if header is None and table.format == "csv":
            header = has_header(first_lines(table.side, table.files))
        groups = list(self._groups(table, table.side, bool(header), as_text))
        if not groups:
            return self._viewed(replace(table, columns=(), rows=0), self._nothing(()))
        columns = unite(group.columns.items() for group in groups)
        schemas = [tuple(FileColumn(*item, "") for item in group.columns.items()) for group in groups]
        frames = [(schema, group.frame) for schema, group in zip(schemas, groups, strict=True)]
        whole = self._united(table, columns, frames, keeps_file=True)
        hive = _own_partitions(table)
        untyped = frozenset().union(*(group.untyped for group in groups)) - hive.keys()
        view = self.view(self.keep(self.session.table(whole.sql)))
        texts = _Texts(view, dict(whole.columns), untyped, bool(header))
        found = shapes(self.session.table(view), texts.places)
        types = texts.columns | {name: type_of([shape]) for name, shape in found.items()}
        return self._typed(whole, texts, types)

    def _typed(self, table: Table, texts: _Texts, types: dict[str, ColumnType]) -> Table:
        """The rows of the table's files in these types."""
        cells = [
            f"CAST(c{i} AS {spark_type(types[name])}) AS c{i}" if name in texts.untyped else f"c{i}"
            for i, name in enumerate(texts.columns)
        ]
        files = ", ".join(literal(file.path.lstrip("/")) for file in table.files)
        frame = self.session.table(texts.view).where(f"file IN ({files})").selectExpr(*cells)
        typed = self._viewed(replace(table, columns=tuple((name, types[name]) for name in texts.columns)), frame)
        self._texts[typed.sql] = texts
        return replace(typed, rows=frame.count())

    def _groups(self, table: Table, side: Side, header: bool, as_text: frozenset[str]) -> Iterator[TextGroup]:
        files = tuple(file for file in table.files if file.size_bytes)
        reader = self.session.read.options(**_READ)
        uris = _uris(table, files)
        if table.format == "csv":
            yield from csv_groups(reader, side, files, dict(zip(files, uris, strict=True)), header=header)
        elif files:
            yield json_group(reader, side, files, uris, as_text)

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
