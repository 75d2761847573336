"""CSV and JSON, whose values have no types of their own: parsed once, then typed alike on both sides.

CSV cells are kept as text, and a column is given the narrowest type that all its cells on *both* sides fit:
``true`` and ``false``; whole numbers; decimals (as floats up to 15 digits, else exact); floats; ISO dates; ISO
timestamps up to microseconds; else text. A whole number with leading zeros (``007``) is an identifier and makes its
column text. An empty cell is NULL, quoted or not. The first line is a header if it looks like names in every file
of both sides.

JSON has types but for the precision of numbers (so those with a point are kept as text and typed like CSV's) and
for values of several types in one column, which are compared as JSON text. Strings stay text, whatever they hold.
"""

# ruff: noqa: S608 - SQL is text here; every identifier and literal in it is quoted by engines/duckdb/sql.py
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pypedream_dagster.delta.engines.duckdb.query import one_row
from pypedream_dagster.delta.engines.duckdb.sql import glob, identifier, literal, literals

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SNIFFED_FILES = 10
_AT_ONCE = 20
_FILE = "the file of this row"
_DOUBLE_DIGITS = 15  # every decimal of 15 digits survives the way to a double and back
_BIGINT_DIGITS, _DECIMAL_DIGITS = 18, 38
INTEGER = "-?(0|[1-9][0-9]*)"
NUMBER = r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)"
FLOAT = rf"({NUMBER})([eE][+-]?[0-9]+)?|NaN|nan|[+-]?(Infinity|inf)"
DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
ZONE = "Z|[+-][0-9]{2}(:?[0-9]{2})?"
STAMP = rf"{DATE}([ T]{CLOCK})?"
_LIKE_A_VALUE = re.compile(rf"({FLOAT}|{STAMP}({ZONE})?|[+-]?[0-9.,]+|true|false)\Z", re.IGNORECASE)
# Patterns that no date has, so that strings stay strings.
_NO_DATES = "dateformat = '-', timestampformat = '-'"


@dataclass(frozen=True, slots=True)
class Source:
    """The files of one side as paths on this machine, and its Hive columns as an option of DuckDB's readers."""

    paths: tuple[str, ...]
    names: tuple[str, ...]
    hive: str
    foreign: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Texts:
    """A parsed side: the temporary table ``table``.

    Attributes:
        columns: its columns and their types in order, without the one that tells the file.
        untyped: the columns that hold numbers and the like as text.
        has_header: of a CSV: whether the first lines are headers.
    """

    table: str
    source: Source
    columns: tuple[tuple[str, str], ...]
    untyped: frozenset[str]
    has_header: bool | None = None


def read_csv(connection: DuckDBPyConnection, name: str, source: Source, has_header: bool | None) -> Texts:
    """Parse the CSV files of a side into table ``name``; whether there is a header is found out if not given."""
    if not source.paths:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({identifier(_FILE)} VARCHAR)")
        return Texts(name, source, (), frozenset(), has_header)
    dialect, guess = _dialect(connection, source.paths)
    if has_header is None:
        has_header = _has_header(_first_lines(connection, source.paths, dialect), guess)
    sql = (
        f"read_csv({_globs(source.paths)}, all_varchar = true, union_by_name = true, "
        f"header = {_word(has_header)}, filename = {literal(_FILE)}{dialect}{source.hive})"
    )
    columns = _parse(connection, name, source, sql)
    hive = _hive_names(source)
    return Texts(name, source, columns, frozenset(column for column, _ in columns) - hive, has_header)


def headers(connection: DuckDBPyConnection, sides: Iterable[Texts]) -> bool:
    """Whether the CSV files of all sides start with a header, decided for all alike."""
    lines, guesses = [], []
    for texts in sides:
        dialect, guess = _dialect(connection, texts.source.paths)
        lines += _first_lines(connection, texts.source.paths, dialect)
        guesses.append(guess)
    return _has_header(lines, any(guesses))


def read_json(
    connection: DuckDBPyConnection, name: str, source: Source, types: Mapping[str, str] | None = None
) -> Texts:
    """Parse the JSON files of a side into table ``name``; ``types`` decides for the columns that it names."""
    if not source.paths:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({identifier(_FILE)} VARCHAR)")
        return Texts(name, source, (), frozenset())
    own = json_types(connection, (source,))
    found = {**own, **({name: type_ for name, type_ in (types or {}).items() if name in own})}
    numbers = frozenset(column for column, type_ in found.items() if type_ == "DOUBLE")
    told = {column: "VARCHAR" if column in numbers else type_ for column, type_ in found.items()}
    listed = ", ".join(f"{literal(column)}: {literal(type_)}" for column, type_ in told.items())
    if any(re.sub(r"_[0-9]+\Z", "", name).lower() in map(str.lower, own.keys() - {name}) for name in own):
        # Perhaps a field that DuckDB renamed, for its name differs from another's by case only: not to be named.
        numbers, listed = frozenset(), ""
    columns = f"columns = {{{listed}}}" if listed else "union_by_name = true, sample_size = -1"
    sql = (
        f"read_json({_globs(source.paths)}, format = 'auto', {columns}, {_NO_DATES}, "
        f"filename = {literal(_FILE)}{source.hive})"
    )
    return Texts(name, source, _parse(connection, name, source, sql), numbers)


def json_types(connection: DuckDBPyConnection, sources: Iterable[Source]) -> dict[str, str]:
    """The types of the columns of all sources together, as DuckDB finds them; no Hive columns."""
    paths = [path for source in sources for path in source.paths]
    options = f"format = 'auto', union_by_name = true, sample_size = -1, hive_partitioning = false, {_NO_DATES}"
    described = connection.execute(f"DESCRIBE SELECT * FROM read_json({_globs(paths)}, {options})").fetchall()
    # A UUID's text has letters of either case; whether they are the same is for the comparison to say.
    types = {str(row[0]): re.sub(r"\bUUID\b", "VARCHAR", str(row[1])) for row in described}
    return {**types, **_narrowed(connection, paths, types)}


def _narrowed(connection: DuckDBPyConnection, paths: list[str], types: Mapping[str, str]) -> dict[str, str]:
    """The columns that DuckDB calls HUGEINT only because they hold numbers of either sign, as BIGINT."""
    import duckdb

    found = {}
    for name, type_ in types.items():
        narrow = re.sub(r"\bHUGEINT\b", "BIGINT", type_)
        if narrow == type_:
            continue
        columns = f"columns = {{{literal(name)}: {literal(narrow)}}}, hive_partitioning = false"
        try:
            one_row(
                connection,
                f"SELECT count({identifier(name)}) FROM read_json({_globs(paths)}, format = 'auto', {columns}, "
                f"{_NO_DATES})",
            )
        except duckdb.Error:
            continue
        found[name] = narrow
    return found


def types_of(connection: DuckDBPyConnection, sides: Iterable[Texts]) -> dict[str, str]:
    """The SQL types of the untyped columns, by lower name, from the cells of all sides."""
    found: dict[str, list[Shape]] = {}
    for texts in sides:
        names = [column for column, _ in texts.columns if column in texts.untyped]
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            row = one_row(connection, f"SELECT {', '.join(map(_shape_sql, some))} FROM {texts.table}")
            for column, values in zip(some, row, strict=True):
                found.setdefault(column.lower(), []).append(Shape(**values))
    return {name: narrowest_type(shapes) for name, shapes in found.items()}


def typed(texts: Texts, types: Mapping[str, str], names: Iterable[str]) -> str:
    """What to put after FROM: the rows of the files with these names, in these types."""
    cells = []
    for column, _ in texts.columns:
        quoted = identifier(column)
        type_ = types[column.lower()] if column in texts.untyped else "VARCHAR"
        is_own = column not in texts.untyped or type_ == "VARCHAR"
        cells.append(quoted if is_own else f"CAST({quoted} AS {type_}) AS {quoted}")
    chosen = set(names)
    where = "" if chosen >= set(texts.source.names) else f" WHERE {identifier(_FILE)} IN {_in(texts.source, chosen)}"
    return f"(SELECT {', '.join(cells) or 'NULL AS nothing'} FROM {texts.table}{where})"


def _parse(connection: DuckDBPyConnection, name: str, source: Source, sql: str) -> tuple[tuple[str, str], ...]:
    foreign = ", ".join(map(identifier, source.foreign))
    excluded = f" EXCLUDE ({foreign})" if foreign else ""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT *{excluded} FROM {sql}")
    relation = connection.sql(f"SELECT * FROM {name}")
    columns = zip(relation.columns, relation.types, strict=True)
    return tuple((column, str(type_)) for column, type_ in columns if column != _FILE)


def _hive_names(source: Source) -> frozenset[str]:
    return frozenset(re.findall(r"'((?:[^']|'')+)': (?:BIGINT|DATE|VARCHAR)", source.hive))


def _in(source: Source, chosen: set[str]) -> str:
    paths = [path for path, name in zip(source.paths, source.names, strict=True) if name in chosen]
    return f"({', '.join(map(literal, paths)) or 'NULL'})"


def _globs(paths: Iterable[str]) -> str:
    return literals(map(glob, paths))


def _word(value: bool) -> str:
    return "true" if value else "false"


def _dialect(connection: DuckDBPyConnection, paths: tuple[str, ...]) -> tuple[str, bool]:
    """The delimiter and so on as options, and whether DuckDB takes the first line for a header."""
    best: tuple[int, str, bool] | None = None
    for path in paths[:_SNIFFED_FILES]:
        try:
            delimiter, quote, escape, guess, columns = one_row(
                connection,
                f"SELECT Delimiter, Quote, Escape, HasHeader, len(Columns) FROM sniff_csv({literal(glob(path))})",
            )
        except Exception:  # noqa: S112 - what cannot be sniffed may still be read; if not, reading says why
            continue
        if best is None or columns > best[0]:
            marks = [mark if mark != "(empty)" else '"' for mark in (quote, escape)]
            options = zip(("delim", "quote", "escape"), (delimiter, *marks), strict=True)
            best = columns, "".join(f", {name} = {literal(value)}" for name, value in options), guess
    # Else DuckDB skips lines at the start that have fewer cells than most.
    return (f"{best[1]}, skip = 0", best[2]) if best else (", skip = 0", True)


def _first_lines(connection: DuckDBPyConnection, paths: tuple[str, ...], dialect: str) -> list[tuple[Any, ...]]:
    lines: list[tuple[Any, ...]] = []
    for path in paths[:_SNIFFED_FILES]:
        options = f"all_varchar = true, header = false, hive_partitioning = false{dialect}"
        lines += connection.execute(f"SELECT * FROM read_csv({literal(glob(path))}, {options}) LIMIT 1").fetchall()
    return lines


def _has_header(lines: list[tuple[Any, ...]], guess: bool) -> bool:
    if not all(may_be_names(line) for line in lines):
        return False
    names = [set(line) for line in lines]
    every = set.intersection(*names) if names else set()
    return guess or (len(names) > 1 and 2 * len(every) >= max(map(len, names)))


def may_be_names(line: tuple[Any, ...]) -> bool:
    """Whether the cells of a CSV's first line look like names."""
    while line and line[-1] is None:  # a header with fewer cells than some row
        line = line[:-1]
    return all(cell and not _LIKE_A_VALUE.match(cell) for cell in line) and len(set(line)) == len(line) > 0


@dataclass(frozen=True, slots=True)
class Shape:
    """What the cells of a column look like; each flag holds for all that are not NULL."""

    n: int
    boolean: bool
    integer: bool
    number: bool
    floating: bool
    day: bool
    stamp: bool
    zoned: bool
    whole: int
    fraction: int


def _shape_sql(name: str) -> str:
    v = identifier(name)

    def every(condition: str) -> str:
        return f"coalesce(bool_and({condition}), true)"

    def full(pattern: str) -> str:
        return every(f"regexp_full_match({v}, {literal(pattern)})")

    whole = f"length(ltrim(split_part({v}, '.', 1), '-'))"
    has_zone = f"regexp_full_match({v}, {literal(f'{STAMP}({ZONE})')})"
    fields = {
        "n": f"count({v})",
        "boolean": every(f"lower({v}) IN ('true', 'false')"),
        "integer": full(INTEGER),
        "number": full(NUMBER),
        "floating": full(FLOAT),
        "day": every(f"regexp_full_match({v}, {literal(DATE)}) AND TRY_CAST({v} AS DATE) IS NOT NULL"),
        "stamp": every(
            f"regexp_full_match({v}, {literal(f'{STAMP}({ZONE})?')}) AND TRY_CAST({v} AS TIMESTAMPTZ) IS NOT NULL"
        ),
        "zoned": f"coalesce(bool_or({has_zone}), false)",
        "whole": f"coalesce(max({whole}), 0)",
        "fraction": f"coalesce(max(length(split_part({v}, '.', 2))), 0)",
    }
    return "{" + ", ".join(f"{literal(field)}: {sql}" for field, sql in fields.items()) + "}"


def narrowest_type(shapes: list[Shape]) -> str:
    """The narrowest type that all cells fit; a column without any cell is text."""
    shapes = [shape for shape in shapes if shape.n]
    if not shapes:
        return "VARCHAR"
    whole, fraction = (max(getattr(shape, part) for shape in shapes) for part in ("whole", "fraction"))

    def all_are(*flags: str) -> bool:
        return all(any(getattr(shape, flag) for flag in flags) for shape in shapes)

    if all_are("boolean"):
        return "BOOLEAN"
    if all_are("integer") and whole <= _BIGINT_DIGITS:
        return "BIGINT"
    if all_are("number") and whole + fraction <= _DOUBLE_DIGITS:
        return "DOUBLE"
    if all_are("number") and whole + fraction <= _DECIMAL_DIGITS:
        return f"DECIMAL({whole + fraction}, {fraction})"
    if all_are("floating") and not all_are("integer"):
        return "DOUBLE"
    if all_are("day"):
        return "DATE"
    if all_are("stamp"):
        return "TIMESTAMPTZ" if any(shape.zoned for shape in shapes) else "TIMESTAMP"
    return "VARCHAR"
