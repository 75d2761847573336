"""CSV and JSON files: read as text first, then in the types that all values of a side allow.

Spark's own inference would type CSV by other rules than DuckDB, and take the first file's header for all files.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pypedream_dagster.delta.engines.spark.query import one_row
from pypedream_dagster.delta.engines.spark.schema import first_line, from_spark
from pypedream_dagster.delta.engines.spark.sql import identifier
from pypedream_dagster.delta.source import DataFile, Side, UnreadableError, open_file
from pypedream_dagster.delta.types import BIGINT, BOOLEAN, DATE, DOUBLE, TIMESTAMP, VARCHAR, ColumnType

_HEAD_BYTES = 256 * 1024
_FILES_AT_ONCE = 16
_CODECS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4"}
_SEPARATORS = ",|;\t"

_WHOLE = "^[+-]?[0-9]+$"
_NUMBER = "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"
_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_INSTANT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?$"

_GUESSES: tuple[tuple[ColumnType, str], ...] = (
    (BOOLEAN, "lower({}) IN ('true', 'false')"),
    (BIGINT, f"({{}} RLIKE '{_WHOLE}' AND CAST({{}} AS BIGINT) IS NOT NULL)"),
    (DOUBLE, f"({{}} RLIKE '{_NUMBER}')"),
    (DATE, f"({{}} RLIKE '{_DAY}' AND CAST({{}} AS DATE) IS NOT NULL)"),
    (TIMESTAMP, f"({{}} RLIKE '{_INSTANT}' AND CAST({{}} AS TIMESTAMP) IS NOT NULL)"),
)
_TEXT_GUESSES = _GUESSES[3:]
"""For JSON, whose numbers and booleans are no texts."""


def csv_groups(
    side: Side, files: tuple[DataFile, ...], has_header: bool | None
) -> Iterator[tuple[tuple[str, ...], dict[str, str], tuple[DataFile, ...]]]:
    """Files that have the same columns: names, reader options, files.

    Raises:
        UnreadableError: a file cannot be read; names it.
    """
    heads = _heads(side, files)
    separator = _separator(next((head for head in heads if head.strip()), ""))
    rows = [next(csv.reader(io.StringIO(head), delimiter=separator), []) for head in heads]
    if has_header is None:
        has_header = all(_is_header(row) for row in rows if row)
    groups: dict[tuple[str, ...], list[DataFile]] = {}
    for row, file in zip(rows, files, strict=True):
        names = _unique(row) if has_header else tuple(f"column{i}" for i in range(len(row)))
        groups.setdefault(names, []).append(file)
    options = {
        "sep": separator,
        "header": str(has_header).lower(),
        "escape": '"',
        "multiLine": "true",
        "mode": "FAILFAST",
        "enforceSchema": "true",
    }
    for names, some in groups.items():
        if names:
            yield names, options, tuple(some)


def json_frame(session: Any, side: Side, files: tuple[DataFile, ...], uris: list[str]) -> tuple[Any, list[str]]:
    """The files as a data frame, and its columns in the order in which records name them."""
    heads = _heads(side, files)
    is_array = any(head.lstrip().startswith("[") for head in heads)
    options = {"mode": "FAILFAST", "multiLine": str(is_array).lower(), "recursiveFileLookup": "true"}
    frame = session.read.options(__globPaths__="false", **options).json(uris)
    first: dict[str, None] = {}
    for head in heads:
        try:
            record = json.loads(head.splitlines()[0]) if head.strip() else {}
        except ValueError:  # longer than what was read of it, or not of one line
            record = {}
        first.update(dict.fromkeys(record if isinstance(record, dict) else ()))
    order = {name: index for index, name in enumerate(first)}
    return frame, sorted(frame.columns, key=lambda name: order.get(name, len(order)))


def json_types(frame: Any) -> dict[str, ColumnType]:
    """The types that Spark found."""
    return {field.name: from_spark(field.name, field.dataType) for field in frame.schema.fields}


def guess_types(frame: Any, names: list[str], *, is_json: bool) -> tuple[dict[str, ColumnType], int]:
    """The narrowest type that holds all of a text column's values, and the number of rows."""
    guesses = _TEXT_GUESSES if is_json else _GUESSES
    checks = ["count(1)"]
    for name in names:
        value = identifier(name)
        checks.append(f"count({value})")
        checks += [f"coalesce(every({check.replace('{}', value)}), true)" for _, check in guesses]
    rows, *found = one_row(frame.selectExpr(*checks))
    types = {}
    width = len(guesses) + 1
    for i, name in enumerate(names):
        filled, *holds = found[i * width : (i + 1) * width]
        fitting = [type_ for (type_, _), holding in zip(guesses, holds, strict=True) if filled and holding]
        types[name] = fitting[0] if fitting else VARCHAR
    return types, int(rows)


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


def _is_header(row: list[str]) -> bool:
    return len(set(row)) == len(row) and not any(_is_value(cell) for cell in row)


def _is_value(cell: str) -> bool:
    import re

    return not cell or any(re.match(pattern, cell) for pattern in (_NUMBER, _DAY, _INSTANT))


def _unique(names: list[str]) -> tuple[str, ...]:
    """The names, with a number where one occurs again."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        again = seen.get(name, 0)
        seen[name] = again + 1
        found.append(f"{name}_{again}" if again else name)
    return tuple(found)
