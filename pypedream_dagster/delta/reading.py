"""Opens the files of a side as something DuckDB can select from, with one schema for the whole side.

Parquet on this machine is read by DuckDB itself; parquet in S3, and ORC anywhere, through a pyarrow dataset (on
the caller's credentials). CSV and JSON are parsed once into a temporary table, which may spill (`delta.text`), and
so are the rows of Delta and Iceberg tables (`delta.tables`). Files of one side may differ in their columns: they
are united by name, and NULL where a file lacks one.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

import base64
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pypedream_dagster.delta import arrow, tables, text
from pypedream_dagster.delta.copies import Copies
from pypedream_dagster.delta.engines.duckdb.query import one_row
from pypedream_dagster.delta.engines.duckdb.sql import glob, identifier, literal, literals
from pypedream_dagster.delta.rules import CompareRules, Format
from pypedream_dagster.delta.source import AnySide, DataFile, Frame, Side, UnreadableError, first_line, open_file
from pypedream_dagster.delta.types import ColumnType, from_duckdb

if TYPE_CHECKING:
    import duckdb

_LIBRARIES_BYTES = 256 * 1024**2
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


@dataclass(frozen=True, slots=True)
class Table:
    """A side, or some of its files, as an item for FROM.

    Attributes:
        sql: what to put after FROM.
        columns: names and types in order.
        rows: how many rows it has.
        side: where it comes from.
        files: its files; none for a frame.
        format: how they are read.
        partition_types: SQL types of the Hive columns by name.
        texts: what was parsed, of CSV and JSON.
        text_types: in which types it is taken.
        sql_names: what SQL calls a column, where that is not its name (names that differ by case only).
    """

    sql: str
    columns: tuple[tuple[str, ColumnType], ...]
    rows: int
    side: AnySide
    files: tuple[DataFile, ...] = ()
    format: Format = "parquet"
    partition_types: Mapping[str, str] | None = None
    texts: text.Texts | None = None
    text_types: Mapping[str, str] | None = None
    sql_names: Mapping[str, str] = field(default_factory=dict)

    def sql_name(self, name: str) -> str:
        """What SQL calls a column."""
        return self.sql_names.get(name, name)


def _duckdb_mib(limit_bytes: int) -> int:
    """What is left for DuckDB's own buffers: the limit is on the process, which holds its libraries, too."""
    return (limit_bytes - min(_LIBRARIES_BYTES, limit_bytes // 2)) // 1024**2


class Reader:
    """A DuckDB connection of its own, bounded in memory, that opens sides; a context manager."""

    def __init__(self, rules: CompareRules, *, copies_remote: bool = False) -> None:
        """Without ``copies_remote``, remote parquet files are streamed by each scan, and only the columns it needs."""
        self._rules = rules
        self._copies_remote = copies_remote
        self._count = 0

    def __enter__(self) -> Reader:
        import duckdb

        self._folder = Path(tempfile.mkdtemp(prefix="pypedream-delta-", dir=self._rules.temp_directory))
        self._copies = Copies(self._folder)
        settings = {
            "memory_limit": f"{_duckdb_mib(self._rules.memory_limit_bytes)}MiB",
            "temp_directory": str(self._folder / "spill"),
            "preserve_insertion_order": False,
            "enable_external_file_cache": False,  # copies of remote files change when they are filled
            "TimeZone": "UTC",
            **({"threads": self._rules.threads} if self._rules.threads else {}),
        }
        self.connection: duckdb.DuckDBPyConnection = duckdb.connect()
        for name, value in settings.items():
            shown = literal(value) if isinstance(value, str) else str(value).lower()
            self.connection.execute(f"SET {name} = {shown}")
        self.connection.execute("SET enable_progress_bar = false")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def open(
        self, side: AnySide, files: tuple[DataFile, ...], format_: Format, partition_types: Mapping[str, str]
    ) -> Table:
        """A side as a table.

        Raises:
            UnreadableError: a file cannot be read; the message names it.
        """
        if isinstance(side, Frame):
            return self._framed(side)
        table = Table("", (), 0, side, files, format_, partition_types)
        opened: Table = self.guarded(table, lambda: self._opened(table))
        return opened

    def typed_alike(self, base: Table, head: Table) -> tuple[Table, Table]:
        """Both sides with the columns of CSV and JSON typed by the values of both.

        Raises:
            UnreadableError: a file cannot be read; the message names it.
        """
        sides = [side.texts for side in (base, head) if side.texts]
        if not sides:
            return base, head
        if base.format == head.format == "csv" and self._rules.csv_header is None:
            has_header = text.headers(self.connection, sides)
            base, head = (self._with_header(side, has_header) for side in (base, head))
        if base.format == head.format == "json":
            base, head = self._json_alike(base, head)
        types = text.types_of(self.connection, [side.texts for side in (base, head) if side.texts])
        base, head = (self._taken(side, types) if side.texts else side for side in (base, head))
        return base, head

    def restrict(self, table: Table, files: tuple[DataFile, ...]) -> Table:
        """The same table with some of its files only, in the schema of all; rows counted anew."""
        if files == table.files:
            return table
        if not files:
            return replace(table, sql=f"(SELECT * FROM {table.sql} WHERE false)", rows=0, files=())
        if table.texts is not None:
            return self._taken(replace(table, files=files), table.text_types or {})
        some = self._opened(replace(table, files=files))
        if some.columns == table.columns:
            return some
        listed = ", ".join(identifier(name) for name, _ in table.columns)
        none = f"SELECT * FROM {table.sql} WHERE false"
        united = f"(SELECT {listed} FROM ({none} UNION ALL BY NAME SELECT * FROM {some.sql}))"
        return replace(some, sql=united, columns=table.columns)

    def fetch(self, table: Table) -> None:
        """Bring the data of a remote table's copies, if it is read from copies; to be called before it is scanned.

        Raises:
            UnreadableError: a file cannot be read.
        """
        self.guarded(table, lambda: self._copies.fill(table.side, table.files))

    def to_describe(self, table: Table, columns: int) -> Table:
        """The same table as it is best scanned for some columns: streamed if they are few, and its data not here."""
        if 2 * columns > len(table.columns):
            self.fetch(table)
        if self._copies.are_filled(table.side, table.files):
            return table
        assert isinstance(table.side, Side)
        return self._dataset(table, table.side, "parquet")

    def guarded(self, table: Table, action: Any) -> Any:
        """The action's result; a failure to read is blamed on the file that causes it.

        Raises:
            UnreadableError: a file of the table cannot be read.
        """
        import duckdb
        import pyarrow as pa

        try:
            return action()
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            self.blame(table, error)
            raise UnreadableError(f"{table.side.uri}: {first_line(error)}") from error

    def blame(self, table: Table, error: Exception) -> None:
        """Raise what is wrong with a table's file, if one of its files cannot be read alone.

        Raises:
            UnreadableError: naming the file.
        """
        import duckdb
        import pyarrow as pa

        if isinstance(table.side, Frame):
            return
        for file in table.files:
            try:
                alone = self._opened(replace(table, files=(file,)))
                self._copies.fill(table.side, (file,))
                hashed = ", ".join(f"hash({identifier(alone.sql_name(name))})" for name, _ in alone.columns) or "0"
                self.connection.execute(f"SELECT bit_xor(hash({hashed})) FROM {alone.sql}").fetchall()
            except (duckdb.Error, pa.ArrowException, OSError) as fault:
                told = self._copies.shown(first_line(fault))
                raise UnreadableError(f"{table.side.shown(file)}: {told}") from error

    def _opened(self, table: Table) -> Table:
        assert isinstance(table.side, Side)
        match table.format:
            case "csv" | "json":
                texts = self._parsed(table, table.side)
                types = text.types_of(self.connection, [texts])
                return self._taken(replace(table, texts=texts), types)
            case "delta" | "iceberg":
                return self._streamed(table, table.side)
            case "orc":
                return self._dataset(table, table.side, "orc")
            case "parquet" | "auto":
                if not (table.side.is_local or (self._copies_remote and self._copies.fit(table.files))):
                    return self._dataset(table, table.side, "parquet")
        return self._local_parquet(table, table.side)

    def _local_parquet(self, table: Table, side: Side) -> Table:
        files = table.files if side.is_local else self._copies.of(side, table.files)
        paths = _globs(files)
        told = self._arrow_types(paths)
        if any(map(arrow.is_misread, told.values())) or _is_hive_odd(table.files):
            return self._dataset(table, side, "parquet")
        sql = f"read_parquet({paths}, union_by_name = true{_hive(table)})"
        sql = f"(SELECT *{_without_folders_above(table, side)} FROM {sql})"
        columns = self._columns(sql, told)
        if _may_be_twins(columns) and any(_has_twins(file) for file in table.files):
            return self._dataset(table, side, "parquet")
        rows = one_row(self.connection, f"SELECT coalesce(sum(num_rows), 0) FROM parquet_file_metadata({paths})")[0]
        return replace(table, sql=sql, columns=columns, rows=int(rows))

    def _arrow_types(self, paths: str) -> dict[str, Any]:
        """The types that Arrow's writers leave in a parquet file, beside parquet's own; none from other writers."""
        import pyarrow as pa

        kept = f"SELECT DISTINCT value FROM parquet_kv_metadata({paths}) WHERE key = 'ARROW:schema'::BLOB"
        schemas = [
            pa.ipc.read_schema(pa.py_buffer(base64.b64decode(value)))
            for (value,) in self.connection.execute(kept).fetchall()
        ]
        return {field.name: field.type for schema in schemas for field in schema}

    def _counted(self, table: Table, types: Mapping[str, Any] | None = None) -> Table:
        (rows,) = one_row(self.connection, f"SELECT count(*) FROM {table.sql}")
        return replace(table, columns=self._columns(table.sql, types or {}), rows=int(rows))

    def _columns(self, sql: str, types: Mapping[str, Any]) -> tuple[tuple[str, ColumnType], ...]:
        relation = self.connection.sql(f"SELECT * FROM {sql}")
        found = ((name, from_duckdb(type_)) for name, type_ in zip(relation.columns, relation.types, strict=True))
        return tuple((name, arrow.meaning(type_, types[name]) if name in types else type_) for name, type_ in found)

    def _name(self) -> str:
        self._count += 1
        return f"side_{self._count}"

    def _framed(self, side: Frame) -> Table:
        import duckdb
        import pyarrow as pa

        data = side.data if isinstance(side.data, pa.Table) else pa.Table.from_pandas(side.data, preserve_index=False)
        try:
            return self._registered(Table("", (), 0, side), data.cast(arrow.readable_schema(data.schema)), data.schema)
        except (duckdb.NotImplementedException, pa.ArrowException) as error:
            raise UnreadableError(f"{side.uri}: {first_line(error)}") from error

    def _registered(self, table: Table, data: Any, schema: Any) -> Table:
        """What Arrow has, as a table; ``schema`` is the one before `arrow.readable_schema`."""
        name = self._name()
        self.connection.register(name, data)
        counted = self._counted(replace(table, sql=name), {})
        # DuckDB renames a column whose name differs from another's by case only.
        columns = tuple(
            (own.name, arrow.meaning(type_, own.type)) for own, (_, type_) in zip(schema, counted.columns, strict=True)
        )
        renamed = {own: called for (own, _), (called, _) in zip(columns, counted.columns, strict=True) if own != called}
        return replace(counted, columns=columns, sql_names=renamed)

    def _streamed(self, table: Table, side: Side) -> Table:
        rows = tables.read_table(side)
        name, stream = self._name(), self._name()
        try:
            self.connection.register(stream, rows.cast(arrow.readable_schema(rows.schema)))
            self.connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {stream}")
            self.connection.unregister(stream)
        except Exception as error:  # the stream runs the table's library
            raise tables.unreadable(side, error) from error
        return self._counted(replace(table, sql=name), {field.name: field.type for field in rows.schema})

    def _dataset(self, table: Table, side: Side, format_: str) -> Table:
        import pyarrow as pa
        from pyarrow import dataset, fs

        options = pa.dataset.ParquetReadOptions(coerce_int96_timestamp_unit="us")
        kind = dataset.ParquetFileFormat(read_options=options) if format_ == "parquet" else dataset.OrcFileFormat()
        filesystem = fs.LocalFileSystem() if side.is_local else side.filesystem
        paths = [file.path for file in table.files]
        schemas = [_inspect(kind, path, filesystem, side) for path in paths]
        hive = pa.schema([(name, _arrow_type(type_)) for name, type_ in (table.partition_types or {}).items()])
        plain = [
            pa.schema([field for field in arrow.decoded_schema(one) if field.name not in hive.names]) for one in schemas
        ]
        try:
            schema = pa.unify_schemas(plain, promote_options="permissive")
        except pa.ArrowException:
            return self._united(table, side, format_, plain)
        found = dataset.dataset(
            paths,
            schema=pa.schema([*arrow.readable_schema(schema), *hive]),
            format=kind,
            filesystem=filesystem,
            partitioning=dataset.partitioning(hive, flavor="hive") if len(hive) else None,
            partition_base_dir=side.root if len(hive) else None,
        )
        return self._registered(table, found, pa.schema([*schema, *hive]))

    def _united(self, table: Table, side: Side, format_: str, schemas: list[Any]) -> Table:
        """Files whose types Arrow does not unite, such as numbers and text: DuckDB does."""
        files: dict[str, list[DataFile]] = {}
        for file, schema in zip(table.files, schemas, strict=True):
            files.setdefault(str(schema), []).append(file)
        parts = [self._dataset(replace(table, files=tuple(some)), side, format_).sql for some in files.values()]
        return self._counted(replace(table, sql=f"({' UNION ALL BY NAME '.join(f'SELECT * FROM {p}' for p in parts)})"))

    def _parsed(self, table: Table, side: Side) -> text.Texts:
        files = tuple(file for file in table.files if file.size_bytes)
        copies = files if side.is_local else self._downloaded(files, side)
        source = text.Source(
            tuple(file.path for file in copies),
            tuple(file.path for file in files),
            _hive(table),
            _folders_above(table, side),
        )
        if table.format == "csv":
            return text.read_csv(self.connection, self._name(), source, self._rules.csv_header)
        return text.read_json(self.connection, self._name(), source)

    def _with_header(self, table: Table, has_header: bool) -> Table:
        texts = table.texts
        if texts is None or texts.has_header == has_header:
            return table
        again = self.guarded(table, lambda: text.read_csv(self.connection, texts.table, texts.source, has_header))
        return replace(table, texts=again)

    def _json_alike(self, base: Table, head: Table) -> tuple[Table, Table]:
        """Both with those columns as JSON that hold values of several types on either side."""
        assert base.texts
        assert head.texts
        sources = [side.source for side in (base.texts, head.texts) if side.source.paths]
        if not sources:
            return base, head
        types = {name: type_ for name, type_ in text.json_types(self.connection, sources).items() if "JSON" in type_}
        found = []
        for side in (base, head):
            assert side.texts
            own = {name: type_ for name, type_ in types.items() if dict(side.texts.columns).get(name, type_) != type_}
            texts = text.read_json(self.connection, side.texts.table, side.texts.source, own) if own else side.texts
            found.append(replace(side, texts=texts))
        return found[0], found[1]

    def _taken(self, table: Table, types: Mapping[str, str]) -> Table:
        assert table.texts
        taken = replace(
            table, sql=text.typed(table.texts, types, (file.path for file in table.files)), text_types=types
        )
        return self._counted(taken) if table.texts.columns else replace(taken, columns=(), rows=0)

    def _downloaded(self, files: tuple[DataFile, ...], side: Side) -> tuple[DataFile, ...]:
        folder = self._folder / self._name()
        copies = []
        for file in files:
            copy = folder / file.path.removeprefix(side.root).strip("/")
            copy = folder / Path(file.path).name if copy == folder else copy
            copy.parent.mkdir(parents=True, exist_ok=True)
            with open_file(side, file.path) as stream, copy.open("wb") as target:
                shutil.copyfileobj(stream, target, 1024 * 1024)
            copies.append(replace(file, path=str(copy)))
        return tuple(copies)


def partition_types(*sides: tuple[DataFile, ...]) -> dict[str, str]:
    """The SQL types of Hive columns, from the values of all sides together, so that they are typed alike."""
    values: dict[str, set[str]] = {}
    for file in (file for side in sides for file in side):
        for name, value in file.partition:
            values.setdefault(name, set()).update(() if value is None else (value,))
    return {name: _hive_type(found) for name, found in values.items()}


def _hive_type(values: set[str]) -> str:
    if values and all(_INTEGER.match(value) for value in values):
        return "BIGINT"
    if values and all(_DATE.match(value) for value in values):
        return "DATE"
    return "VARCHAR"


def _arrow_type(name: str) -> Any:
    import pyarrow as pa

    return {"BIGINT": pa.int64(), "DATE": pa.date32(), "VARCHAR": pa.string()}[name]


def _is_hive_odd(files: tuple[DataFile, ...]) -> bool:
    """Whether DuckDB refuses the folders: not all files have the same, or a value has ``=`` in it."""
    names = {tuple(name for name, _ in file.partition) for file in files}
    return len(names) > 1 or any("=" in (value or "") for file in files for _, value in file.partition)


def _may_be_twins(columns: tuple[tuple[str, ColumnType], ...]) -> bool:
    """Whether DuckDB may have renamed a column because another has its name in other letters: ``a`` to ``a_1``."""
    names = {name.lower() for name, _ in columns}
    return any(re.sub(r"_[0-9]+\Z", "", name) in names for name in names if re.search(r"_[0-9]+\Z", name))


def _has_twins(file: DataFile) -> bool:
    import pyarrow.parquet as pq

    names = pq.read_schema(file.path).names
    return len({name.lower() for name in names}) < len(names)


def _own_partitions(table: Table) -> dict[str, str]:
    own = {name for file in table.files for name, _ in file.partition}
    return {name: type_ for name, type_ in (table.partition_types or {}).items() if name in own}


def _hive(table: Table) -> str:
    types = _own_partitions(table)
    if not types:
        return ", hive_partitioning = false"
    listed = ", ".join(f"{literal(name)}: {type_}" for name, type_ in types.items())
    return f", hive_partitioning = true, hive_types = {{{listed}}}"


def _folders_above(table: Table, side: Side) -> tuple[str, ...]:
    """Hive-like folders above the prefix: no columns of the dataset, though DuckDB takes them for such."""
    own = _own_partitions(table)
    parts = side.root.split("/") if side.is_local and own else []
    above = dict.fromkeys(part.split("=", 1)[0] for part in parts if "=" in part and not part.startswith("="))
    return tuple(name for name in above if name not in own)


def _without_folders_above(table: Table, side: Side) -> str:
    foreign = ", ".join(map(identifier, _folders_above(table, side)))
    return f" EXCLUDE ({foreign})" if foreign else ""


def _globs(files: tuple[DataFile, ...]) -> str:
    return literals(glob(file.path) for file in files)


def _inspect(kind: Any, path: str, filesystem: Any, side: Side) -> Any:
    import pyarrow as pa

    try:
        return kind.inspect(path, filesystem)
    except (pa.ArrowException, OSError) as error:
        shown = path if side.is_local else f"s3://{path}"
        raise UnreadableError(f"{shown}: {first_line(error)}") from error
