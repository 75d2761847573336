"""Neutral column types from the schemas of files, and the type that holds what several files of a side have.

Parquet and ORC schemas are read with pyarrow on the driver: two small requests per file, and they name the
columns' types more exactly than Spark's own (unsigned numbers, nanoseconds), and the number of rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pypedream_dagster.delta.engines.spark.sql import spark_type
from pypedream_dagster.delta.rules import Format
from pypedream_dagster.delta.source import DataFile, Side, UnreadableError, first_line
from pypedream_dagster.delta.types import (
    BLOB,
    BOOLEAN,
    DATE,
    DOUBLE,
    TIMESTAMP,
    VARCHAR,
    ColumnType,
    Plain,
    align,
    decimal,
    duration,
)

_FILES_AT_ONCE = 16
_INTEGER_NAMES = {8: "tinyint", 16: "smallint", 32: "integer", 64: "bigint", 128: "hugeint"}
_TIME = ColumnType("other", "time")
_NULL = ColumnType("null", "null")


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of one file.

    Attributes:
        name: its name.
        type: what it holds.
        read_as: the Spark type in which the file gives it.
        converted: how to make ``type`` of that; ``{}`` stands for the value.
    """

    name: str
    type: ColumnType
    read_as: str
    converted: str = "{}"


FileSchema = tuple[FileColumn, ...]


def read_schemas(side: Side, files: tuple[DataFile, ...], format_: Format) -> list[tuple[FileSchema, int]]:
    """The schema and the number of rows of each file.

    Raises:
        UnreadableError: a file cannot be read, or has a column that Spark cannot read; names the file.
    """
    from pyarrow import fs

    filesystem = fs.LocalFileSystem() if side.is_local else side.filesystem
    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        return list(pool.map(lambda file: _read_schema(side, file, format_, filesystem), files))


def unite(schemas: Iterable[Collection[tuple[str, ColumnType]]]) -> dict[str, ColumnType]:
    """All columns by name, in the order in which they first occur, each in a type that holds those of all files."""
    united: dict[str, ColumnType] = {}
    for schema in schemas:
        names = same_names([name for name, _ in schema], united)
        for own, type_ in schema:
            name = names.get(own, own)
            united[name] = wider(united[name], type_) if name in united else type_
    return united


def same_names(names: Collection[str], united: Collection[str]) -> dict[str, str]:
    """A file's names → those of its side: the same, or where there is none, the same but for the case."""
    free = {name.lower(): name for name in united if name not in names}
    return {
        name: name if name in united else free[name.lower()] for name in names if name in united or name.lower() in free
    }


def wider(one: ColumnType, other: ColumnType) -> ColumnType:
    """The type that holds values of both; text where nothing else does."""
    if one == other or other.kind == "null":
        return one
    if one.kind == "null":
        return other
    if one.kind == other.kind == "list":
        return _list(wider(one.children[0][1], other.children[0][1]))
    if one.kind == other.kind == "struct":
        return _struct(tuple(unite((one.children, other.children)).items()))
    if one.kind == other.kind == "map":
        pairs = zip(one.children, other.children, strict=True)
        return _map(*(wider(mine, yours) for (_, mine), (_, yours) in pairs))
    if one.is_number and other.is_number:
        form = align(one, other)
        return form.type if isinstance(form, Plain) else DOUBLE
    kinds = {one.kind, other.kind}
    if kinds <= {"date", "timestamp"}:
        return one if one.zoned else other if other.zoned else TIMESTAMP
    if kinds <= {"date", "timestamp", "nanoseconds"}:
        return one if one.kind == "nanoseconds" else other
    return VARCHAR


def _read_schema(side: Side, file: DataFile, format_: Format, filesystem: Any) -> tuple[FileSchema, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import orc

    try:
        with filesystem.open_input_file(file.path) as stream:
            if format_ == "orc":
                found = orc.ORCFile(stream)
                schema, rows = found.schema, found.nrows
            else:
                whole = pq.ParquetFile(stream, coerce_int96_timestamp_unit="us")
                schema, rows = whole.schema_arrow, whole.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableError(f"{side.shown(file)}: {first_line(error)}") from error
    try:
        return tuple(_column(field.name, field.type, format_) for field in schema), int(rows)
    except UnreadableError as error:
        raise UnreadableError(f"{side.shown(file)}: {error.message}", hint=error.hint) from None


def _column(name: str, type_: Any, format_: Format) -> FileColumn:
    import pyarrow as pa

    if pa.types.is_time32(type_):
        return FileColumn(name, _TIME, "INT", "({} * 1000L)")
    if pa.types.is_time64(type_):
        return FileColumn(name, _TIME, "BIGINT", "({} div 1000L)" if type_.unit == "ns" else "{}")
    neutral = _neutral(name, type_)
    if format_ == "orc" and neutral.kind == "nanoseconds":  # Spark reads microseconds of them
        neutral = TIMESTAMP
    return FileColumn(name, neutral, spark_type(neutral))


def _neutral(name: str, type_: Any) -> ColumnType:
    import pyarrow as pa

    types = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        return _neutral(name, type_.storage_type)
    if types.is_dictionary(type_):
        return _neutral(name, type_.value_type)
    if types.is_integer(type_):
        prefix = "" if types.is_signed_integer(type_) else "u"
        return ColumnType(
            "integer", prefix + _INTEGER_NAMES[type_.bit_width], type_.bit_width, types.is_signed_integer(type_)
        )
    if types.is_float32(type_):
        return ColumnType("float", "float", 32)
    if types.is_float64(type_):
        return DOUBLE
    if types.is_decimal(type_) and type_.precision <= 38:
        return decimal(type_.precision, type_.scale)
    if types.is_string(type_) or types.is_large_string(type_):
        return VARCHAR
    if types.is_binary(type_) or types.is_large_binary(type_) or types.is_fixed_size_binary(type_):
        return BLOB
    if types.is_timestamp(type_):
        return _instant(type_)
    if types.is_duration(type_):
        return duration(type_.unit)
    if types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        return _list(_neutral(name, type_.value_type))
    if types.is_struct(type_):
        return _struct(tuple((field.name, _neutral(name, field.type)) for field in type_))
    if types.is_map(type_):
        return _map(_neutral(name, type_.key_type), _neutral(name, type_.item_type))
    simple = {"bool": BOOLEAN, "date32[day]": DATE, "date64[ms]": DATE, "null": _NULL}
    if str(type_) in simple:
        return simple[str(type_)]
    raise UnreadableError(f"Spark cannot read column {name} of type {type_}", hint="use engine duckdb")


def _instant(type_: Any) -> ColumnType:
    if type_.unit == "ns":
        zone = "timestamptz_ns" if type_.tz else "timestamp_ns"
        return ColumnType("nanoseconds", zone, zoned=bool(type_.tz))
    return ColumnType("timestamp", "timestamptz", zoned=True) if type_.tz else TIMESTAMP


def _list(item: ColumnType) -> ColumnType:
    return ColumnType("list", f"{item.name}[]", children=(("item", item),))


def _struct(fields: tuple[tuple[str, ColumnType], ...]) -> ColumnType:
    shown = ", ".join(f"{name} {child.name}" for name, child in fields)
    return ColumnType("struct", f"struct({shown})", children=fields)


def _map(key: ColumnType, value: ColumnType) -> ColumnType:
    return ColumnType("map", f"map({key.name}, {value.name})", children=(("key", key), ("value", value)))


def from_spark(name: str, type_: Any) -> ColumnType:
    """The neutral type of a type that Spark inferred from JSON; all whole numbers are ``bigint``."""
    match type_.typeName():
        case "long":
            return ColumnType("integer", "bigint", 64)
        case "double":
            return DOUBLE
        case "boolean":
            return BOOLEAN
        case "decimal":
            return decimal(type_.precision, type_.scale)
        case "array":
            return _list(from_spark(name, type_.elementType))
        case "struct":
            return _struct(tuple((field.name, from_spark(name, field.dataType)) for field in type_.fields))
        case _:
            return VARCHAR
