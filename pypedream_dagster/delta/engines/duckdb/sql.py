"""SQL text for DuckDB: quoting, and values brought into a form, hashed and told apart.

DuckDB's ``hash()`` gives one value for a NULL list and an empty one, for a NULL struct and a struct of NULLs, for
``[[1],[2]]`` and ``[[1,2]]``, for 0 and -1 where they are 128 bits wide, and different values for equal numbers of
different types. So values are cast into their form first, and nested ones are hashed level by level, lengths and
NULLs included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pypedream_dagster.delta.model import Tolerance
from pypedream_dagster.delta.types import (
    BLOB,
    DECIMAL_DIGITS,
    TIMESTAMP,
    ColumnType,
    EpochNanoseconds,
    Form,
    ListForm,
    MapForm,
    NumberText,
    Plain,
    StructForm,
    Text,
)

_KEY, _VALUE = "key", "value"
_DIGITS_IN_64_BITS = 18


def identifier(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted text."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """A list of quoted texts."""
    return "[" + ", ".join(literal(text) for text in texts) + "]"


def glob(path: str) -> str:
    """The path as a pattern that only it matches."""
    return re.sub(r"([\[*?])", r"[\1]", path)


def in_form(value: str, type_: ColumnType, form: Form, depth: int = 0) -> str:
    """The value in its form; equal values of either side become the same, by DuckDB's own equality."""
    if type_.kind == "null":
        return f"CAST(NULL AS {_sql_type(form)})"
    match form:
        case Plain(target):
            return _cast(value, type_, target)
        case NumberText(scale):
            return _number_text(value, type_, scale)
        case EpochNanoseconds():
            return _nanoseconds(value, type_)
        case Text():
            # An instant is written in UTC and without an offset, as Spark does it.
            is_instant = type_.kind == "timestamp" and type_.zoned
            return f"CAST({f'make_timestamp(epoch_us({value}))' if is_instant else value} AS VARCHAR)"
        case ListForm(item):
            each = f"x{depth}"
            inner = in_form(each, _child(type_, 0), item, depth + 1)
            return value if inner == each else f"list_transform({value}, lambda {each}: {inner})"
        case StructForm(fields):
            return _struct(value, type_, fields, depth)
        case MapForm(key, item):
            each = f"x{depth}"
            return (
                f"list_sort(list_transform(map_entries({value}), lambda {each}: struct_pack("
                f"{_KEY} := {in_form(each + '.key', _child(type_, 0), key, depth + 1)}, "
                f"{_VALUE} := {in_form(each + '.value', _child(type_, 1), item, depth + 1)})))"
            )


def hashable(value: str, form: Form, depth: int = 0) -> str:
    """What to hand to ``hash()`` for a value that is in its form already."""
    match form:
        case ListForm(item):
            each = f"y{depth}"
            inner = hashable(each, item, depth + 1)
            return f"hash(coalesce(len({value}), -1), list_transform({value}, lambda {each}: hash({inner})))"
        case StructForm(fields):
            inner = ", ".join(hashable(f"{value}.{identifier(name)}", form, depth) for name, form in fields)
            return f"hash({value} IS NULL, {inner})" if inner else f"hash({value} IS NULL)"
        case MapForm(key, item):
            return hashable(value, ListForm(StructForm(((_KEY, key), (_VALUE, item)))), depth)
        case Plain(type_) if _is_128_bits_wide(type_):
            # DuckDB hashes both halves and XORs: 0 and -1 have one hash, and so have 1 and 2^64.
            return f"hash({value}, CAST({value} AS DOUBLE))"
        case EpochNanoseconds():
            return f"hash({value}, CAST({value} AS DOUBLE))"
        case Plain(type_) if type_.kind == "other":
            return f"CAST({value} AS VARCHAR)"
        case _:
            return value


def is_within(base: str, head: str, tolerance: Tolerance, kind: str) -> str:
    """Whether two numbers lie within the tolerance; never NULL. Integers and decimals subtract exactly."""
    wide = "CAST({} AS HUGEINT)" if kind == "integer" else "{}"
    size = f"abs(CAST({wide.format(head)} - {wide.format(base)} AS DOUBLE))"
    bounds = []
    if tolerance.absolute or not tolerance.relative:
        bounds.append(f"{size} <= {tolerance.absolute!r}::DOUBLE")
    if tolerance.relative:
        bounds.append(f"{size} <= {tolerance.relative!r}::DOUBLE * abs(CAST({base} AS DOUBLE))")
    finite = f"isfinite(CAST({base} AS DOUBLE)) AND isfinite(CAST({head} AS DOUBLE))"
    return f"coalesce({finite} AND ({' OR '.join(bounds)}), false)"


def _sql_type(form: Form) -> str:
    """The type in which DuckDB has values of a form."""
    match form:
        case Plain(type_):
            return "INTEGER" if type_.kind == "null" else type_.name
        case NumberText() | Text():
            return "VARCHAR"
        case EpochNanoseconds():
            return "HUGEINT"
        case ListForm(item):
            return f"{_sql_type(item)}[]"
        case StructForm(fields):
            return f"STRUCT({', '.join(f'{identifier(name)} {_sql_type(field)}' for name, field in fields)})"
        case MapForm(key, item):
            return f"STRUCT({_KEY} {_sql_type(key)}, {_VALUE} {_sql_type(item)})[]"


def _is_128_bits_wide(type_: ColumnType) -> bool:
    return (type_.kind == "decimal" and type_.precision > _DIGITS_IN_64_BITS) or type_.bits == 128


def _cast(value: str, type_: ColumnType, target: ColumnType) -> str:
    if type_.kind == "text" and target == BLOB:
        return f"encode({value})"
    if target == TIMESTAMP:
        return f"make_timestamp(epoch_us({value}))" if type_.zoned else f"CAST({value} AS TIMESTAMP)"
    return value if type_ == target else f"CAST({value} AS {target.name})"


def _number_text(value: str, type_: ColumnType, scale: int) -> str:
    if type_.kind in ("integer", "boolean"):
        whole = f"CAST({value} AS TINYINT)" if type_.kind == "boolean" else value
        return f"CAST({whole} AS VARCHAR)"
    if type_.kind == "decimal":
        text = _without_exponent(value) if type_.precision > DECIMAL_DIGITS else f"CAST({value} AS VARCHAR)"
        return _shortest(text, type_.scale)
    double = f"CAST({value} AS DOUBLE)"
    exact = f"TRY_CAST(CAST({double} AS VARCHAR) AS DECIMAL({DECIMAL_DIGITS},{scale}))"
    text = _shortest(f"CAST({exact} AS VARCHAR)", scale)
    return f"CASE WHEN CAST({exact} AS DOUBLE) = {double} THEN {text} ELSE CAST({double} AS VARCHAR) END"


def _shortest(text: str, scale: int) -> str:
    """The text of a decimal without zeros at its end; where all digits follow the point, SQL writes none before it."""
    if scale == DECIMAL_DIGITS:
        text = f"regexp_replace({text}, '^(-?)[.]', '\\10.')"
    return f"rtrim(rtrim({text}, '0'), '.')" if scale else text


def _without_exponent(text: str) -> str:
    """The text of a decimal that Arrow may have written as ``1.25E-9``."""
    sign = f"CASE WHEN {text} LIKE '-%' THEN '-' ELSE '' END"
    digits = f"replace(ltrim(split_part({text}, 'E', 1), '-'), '.', '')"
    zeros = f"repeat('0', -1 - CAST(split_part({text}, 'E', 2) AS INTEGER))"
    return f"CASE WHEN contains({text}, 'E-') THEN {sign} || '0.' || {zeros} || {digits} ELSE {text} END"


def _nanoseconds(value: str, type_: ColumnType) -> str:
    if type_.kind == "nanoseconds":
        return f"CAST(epoch_ns({value}) AS HUGEINT)"
    if type_.kind == "duration":
        return f"CAST({value} AS HUGEINT) * {10 ** (9 - type_.scale)}"
    instant = value if type_.zoned else f"CAST({value} AS TIMESTAMP)"
    return f"CAST(epoch_us({instant}) AS HUGEINT) * 1000"


def _struct(value: str, type_: ColumnType, fields: tuple[tuple[str, Form], ...], depth: int) -> str:
    types = dict(type_.children)
    parts = []
    for name, form in fields:
        field = f"{value}.{identifier(name)}"
        parts.append((name, field, in_form(field, types[name], form, depth) if name in types else "NULL"))
    if [name for name, _, _ in parts] == list(types) and all(plain == own for _, plain, own in parts):
        return value
    packed = ", ".join(f"{identifier(name)} := {own}" for name, _, own in parts)
    return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({packed}) END"


def _child(type_: ColumnType, index: int) -> ColumnType:
    return type_.children[index][1]
