"""CSV and JSON: read once, their cells as text, and typed alike on both sides by the rules of `delta.text`.

Spark's own inference would type each side for itself, and take the header of one CSV file for those of all.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pypedream_dagster.delta.engines.spark.query import one_row
from pypedream_dagster.delta.engines.spark.schema import from_spark
from pypedream_dagster.delta.engines.spark.sql import identifier, literal
from pypedream_dagster.delta.source import DataFile, Side, UnreadableError, first_line, open_file
from pypedream_dagster.delta.text import DATE as DAY
from pypedream_dagster.delta.text import (
    FLOAT,
    INTEGER,
    NUMBER,
    STAMP,
    ZONE,
    Shape,
    may_be_names,
    narrowest_type,
)
from pypedream_dagster.delta.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    TIMESTAMP,
    VARCHAR,
    ColumnType,
    decimal,
)

_HEAD_BYTES = 256 * 1024
_FILES_AT_ONCE = 16
_CODECS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4"}
_SEPARATORS = ",|;\t"
_TYPES = {
    "BOOLEAN": BOOLEAN,
    "BIGINT": BIGINT,
    "DOUBLE": DOUBLE,
    "DATE": DATE,
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMPTZ": ColumnType("timestamp", "timestamptz", zoned=True),
    "VARCHAR": VARCHAR,
}


@dataclass(frozen=True, slots=True)
class TextGroup:
    """Files that have the same columns.

    Attributes:
        columns: names and types as they are read.
        untyped: those whose text stands for a value of another type.
        frame: their rows, columns by name.
    """

    columns: dict[str, ColumnType]
    untyped: frozenset[str]
    frame: Any


def first_lines(side: Side, files: tuple[DataFile, ...]) -> list[list[str]]:
    """The cells of the first line of each CSV file.

    Raises:
        UnreadableError: a file cannot be read; names it.
    """
    return _first_rows(_heads(side, files))[1]


def has_header(lines: Iterable[list[str]]) -> bool:
    """Whether all first lines look like names."""
    return all(may_be_names(tuple(cell or None for cell in line)) for line in lines if line)


def csv_groups(
    reader: Any, side: Side, files: tuple[DataFile, ...], uris: Mapping[DataFile, str], *, header: bool
) -> Iterator[TextGroup]:
    """The CSV files of a side, read by their headers."""
    separator, rows = _first_rows(_heads(side, files))
    groups: dict[tuple[str, ...], list[str]] = {}
    for row, file in zip(rows, files, strict=True):
        names = _unique(row) if header else tuple(f"column{i}" for i in range(len(row)))
        groups.setdefault(names, []).append(uris[file])
    options = {"sep": separator, "header": str(header).lower(), "escape": '"', "multiLine": "true", "mode": "FAILFAST"}
    for names, some in groups.items():
        if names:
            given = ", ".join(f"{identifier(name)} STRING" for name in names)
            frame = reader.options(**options).schema(given).csv(some)
            yield TextGroup(dict.fromkeys(names, VARCHAR), frozenset(names), frame)


def json_group(
    reader: Any, side: Side, files: tuple[DataFile, ...], uris: list[str], as_text: frozenset[str]
) -> TextGroup:
    """The JSON files of a side: its columns in the order in which records name them, numbers with a point as text.

    Args:
        reader: reads.
        side: the side.
        files: its files.
        uris: where they lie.
        as_text: columns to be taken as JSON text, whatever they hold.
    """
    from pyspark.sql.types import StringType, StructField, StructType

    heads = _heads(side, files)
    is_array = any(head.lstrip().startswith("[") for head in heads)
    reader = reader.options(mode="FAILFAST", multiLine=str(is_array).lower())
    found = {field.name: field for field in reader.json(uris).schema.fields}
    order = {name: index for index, name in enumerate(_json_names(heads))}
    names = sorted(found, key=lambda name: order.get(name, len(order)))
    types = {name: from_spark(name, found[name].dataType) for name in names}
    numbers = frozenset(name for name, type_ in types.items() if type_ == DOUBLE) - as_text
    texts = numbers | as_text
    fields = [StructField(name, StringType()) if name in texts else found[name] for name in names]
    columns = {name: VARCHAR if name in texts else type_ for name, type_ in types.items()}
    return TextGroup(columns, numbers, reader.schema(StructType(fields)).json(uris))


def mixed(ours: Mapping[str, ColumnType], theirs: Mapping[str, ColumnType]) -> frozenset[str]:
    """Columns that are text on one side only: for Spark that is what holds values of several types."""
    both = {name for name in ours if name in theirs}
    return frozenset(name for name in both if (ours[name] == VARCHAR) != (theirs[name] == VARCHAR))


def shapes(frame: Any, values: Mapping[str, str]) -> dict[str, Shape]:
    """What the cells of untyped columns look like; ``values`` has the column of the frame for each name."""
    if not values:
        return {}
    fields = {name: _shape_sql(value) for name, value in values.items()}
    row = one_row(frame.selectExpr(*(sql for checks in fields.values() for sql in checks.values())))
    found, at = {}, 0
    for name, checks in fields.items():
        found[name] = Shape(**dict(zip(checks, row[at : at + len(checks)], strict=True)))
        at += len(checks)
    return found


def type_of(found: list[Shape]) -> ColumnType:
    """The narrowest type that all cells fit."""
    name = narrowest_type(found)
    if not name.startswith("DECIMAL"):
        return _TYPES[name]
    precision, scale = name.removeprefix("DECIMAL(").removesuffix(")").split(",")
    return decimal(int(precision), int(scale))


def _shape_sql(value: str) -> dict[str, str]:
    def every(condition: str) -> str:
        return f"coalesce(every({condition}), true)"

    def full(pattern: str) -> str:
        return f"{value} RLIKE {literal(f'^({pattern})' + chr(92) + 'z')}"

    return {
        "n": f"count({value})",
        "boolean": every(f"lower({value}) IN ('true', 'false')"),
        "integer": every(full(INTEGER)),
        "number": every(full(NUMBER)),
        "floating": every(full(FLOAT)),
        "day": every(f"{full(DAY)} AND CAST({value} AS DATE) IS NOT NULL"),
        "stamp": every(f"{full(f'{STAMP}({ZONE})?')} AND CAST({value} AS TIMESTAMP) IS NOT NULL"),
        "zoned": f"coalesce(some({full(f'{STAMP}({ZONE})')}), false)",
        "whole": f"coalesce(max(length(ltrim('-', substring_index({value}, '.', 1)))), 0)",
        "fraction": f"coalesce(max(length({value}) - length(substring_index({value}, '.', 1)) "
        f"- CASE WHEN contains({value}, '.') THEN 1 ELSE 0 END), 0)",
    }


def _json_names(heads: list[str]) -> dict[str, None]:
    names: dict[str, None] = {}
    for head in heads:
        try:
            record = json.loads(head.splitlines()[0]) if head.strip() else {}
        except ValueError:  # longer than what was read of it, or not of one line
            continue
        names.update(dict.fromkeys(record if isinstance(record, dict) else ()))
    return names


def _first_rows(heads: list[str]) -> tuple[str, list[list[str]]]:
    separator = _separator(next((head for head in heads if head.strip()), ""))
    return separator, [next(csv.reader(io.StringIO(head), delimiter=separator), []) for head in heads]


def _heads(side: Side, files: tuple[DataFile, ...]) -> list[str]:
    with ThreadPoolExecutor(_FILES_AT_ONCE) as pool:
        return list(pool.map(lambda file: _head(side, file), files))


def _head(side: Side, file: DataFile) -> str:
    import pyarrow as pa

    codec = next((codec for ending, codec in _CODECS.items() if file.path.lower().endswith(ending)), None)
    try:
        with open_file(side, file.path) as stream:
            plain = pa.CompressedInputStream(stream, codec) if codec else stream
            return str(plain.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableError(f"{side.shown(file)}: {first_line(error)}") from error


def _separator(head: str) -> str:
    line = head.splitlines()[0] if head else ""
    return max(_SEPARATORS, key=line.count)


def _unique(names: list[str]) -> tuple[str, ...]:
    """The names, with a number where one occurs again."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        again = seen.get(name, 0)
        seen[name] = again + 1
        found.append(f"{name}_{again}" if again else name)
    return tuple(found)
