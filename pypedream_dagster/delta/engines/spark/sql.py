"""SQL text for Spark: quoting, types, and values brought into a form, hashed and told apart.

Spark's ``xxhash64()`` passes over NULLs and lengths: (NULL, 1) and (1, NULL) have one hash, as have ``[[1],[2]]``
and ``[[1,2]]``; maps it refuses. So every value is hashed with a mark of whether it is NULL, nested ones level by
level with their length, and maps as lists of their entries in order.
"""

from __future__ import annotations

from pypedream_dagster.delta.model import Tolerance
from pypedream_dagster.delta.types import (
    TIMESTAMP,
    VARCHAR,
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

_NANOSECONDS = "DECIMAL(38,0)"
_SIGNED = {8: "TINYINT", 16: "SMALLINT", 32: "INT", 64: "BIGINT", 128: "DECIMAL(38,0)"}
_UNSIGNED = {8: "SMALLINT", 16: "INT", 32: "BIGINT", 64: "DECIMAL(20,0)"}
_PLAIN_DIGITS = 21
"""Digits after the point of a double that is written without an exponent: 17, below 4 zeros."""


def identifier(name: str) -> str:
    """A quoted identifier."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """A quoted text."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def spark_type(type_: ColumnType) -> str:
    """The type in which Spark holds values of a type."""
    match type_.kind:
        case "integer":
            return _SIGNED[type_.bits] if type_.signed else _UNSIGNED[type_.bits]
        case "float":
            return "FLOAT" if type_.bits == 32 else "DOUBLE"
        case "decimal":
            return f"DECIMAL({type_.precision},{type_.scale})"
        case "text":
            return "STRING"
        case "binary":
            return "BINARY"
        case "boolean" | "date" | "timestamp":
            return type_.kind.upper()
        case "list":
            return f"ARRAY<{spark_type(type_.children[0][1])}>"
        case "struct":
            return f"STRUCT<{', '.join(f'{identifier(name)}: {spark_type(child)}' for name, child in type_.children)}>"
        case "map":
            return f"MAP<{spark_type(type_.children[0][1])}, {spark_type(type_.children[1][1])}>"
        case "null":
            return "INT"
        case _:  # nanoseconds; times, as microseconds
            return "BIGINT"


def form_type(form: Form) -> str:
    """The type of values in a form."""
    match form:
        case Plain(type_):
            return spark_type(type_)
        case NumberText() | Text():
            return "STRING"
        case EpochNanoseconds():
            return _NANOSECONDS
        case ListForm(item):
            return f"ARRAY<{form_type(item)}>"
        case StructForm(fields):
            return f"STRUCT<{', '.join(f'{identifier(name)}: {form_type(field)}' for name, field in fields)}>"
        case MapForm(key, value):
            return f"ARRAY<STRUCT<key: {form_type(key)}, value: {form_type(value)}>>"


def in_form(value: str, type_: ColumnType, form: Form, depth: int = 0) -> str:
    """The value in its form; equal values of either side become the same, by ``<=>``, GROUP BY and ORDER BY."""
    if type_.kind == "null":
        return f"CAST(NULL AS {form_type(form)})"
    match form:
        case Plain(target):
            return _plain(value, type_, target)
        case NumberText(scale):
            return _number_text(value, type_, scale)
        case EpochNanoseconds():
            return _nanoseconds(value, type_)
        case Text():
            return text_of(value, type_)
        case ListForm(item):
            each = f"x{depth}"
            inner = in_form(each, _child(type_, 0), item, depth + 1)
            return value if inner == each else f"transform({value}, {each} -> {inner})"
        case StructForm(fields):
            types = dict(type_.children)
            parts = [
                (name, in_form(f"{value}.{identifier(name)}", types[name], field, depth))
                if name in types
                else (name, f"CAST(NULL AS {form_type(field)})")
                for name, field in fields
            ]
            return _struct(value, parts)
        case MapForm(key, item):
            each = f"x{depth}"
            entry = _struct(
                "",
                [
                    ("key", in_form(f"{each}.key", _child(type_, 0), key, depth + 1)),
                    ("value", in_form(f"{each}.value", _child(type_, 1), item, depth + 1)),
                ],
            )
            return f"array_sort(transform(map_entries({value}), {each} -> {entry}))"


def hash_parts(value: str, form: Form, depth: int = 0) -> list[str]:
    """What to hand to ``xxhash64()`` for a value that is in its form already."""
    match form:
        case ListForm(item):
            each = f"y{depth}"
            inner = ", ".join(hash_parts(each, item, depth + 1))
            return [f"coalesce(size({value}), -1)", f"transform({value}, {each} -> xxhash64({inner}))"]
        case StructForm(fields):
            inner_parts = [
                part for name, field in fields for part in hash_parts(f"{value}.{identifier(name)}", field, depth)
            ]
            return [f"isnull({value})", *inner_parts]
        case MapForm(key, item):
            return hash_parts(value, ListForm(StructForm((("key", key), ("value", item)))), depth)
        case _:
            return [f"isnull({value})", value]


def convert(value: str, type_: ColumnType, target: ColumnType, depth: int = 0) -> str:
    """The value in another type that holds it: for files of one side that differ in their types."""
    if type_ == target:
        return value
    if type_.kind == "null":
        return f"CAST(NULL AS {spark_type(target)})"
    each = f"z{depth}"
    match target.kind:
        case "text":
            return text_of(value, type_)
        case "nanoseconds":
            return f"CAST({_nanoseconds(value, type_)} AS BIGINT)"
        case "list":
            inner = convert(each, _child(type_, 0), _child(target, 0), depth + 1)
            return f"transform({value}, {each} -> {inner})"
        case "struct":
            types = dict(type_.children)
            parts = [
                (name, convert(f"{value}.{identifier(name)}", types[name], child, depth))
                if name in types
                else (name, f"CAST(NULL AS {spark_type(child)})")
                for name, child in target.children
            ]
            return _struct(value, parts)
        case "map":
            key = convert(f"{each}.key", _child(type_, 0), _child(target, 0), depth + 1)
            item = convert(f"{each}.value", _child(type_, 1), _child(target, 1), depth + 1)
            return f"map_from_entries(transform(map_entries({value}), {each} -> struct({key}, {item})))"
        case _:
            return f"CAST({value} AS {spark_type(target)})"


def is_within(base: str, head: str, tolerance: Tolerance, kind: str) -> str:
    """Whether two numbers lie within the tolerance; never NULL. Integers and decimals subtract exactly."""
    size = f"abs({shift(base, head, kind)})"
    bounds = []
    if tolerance.absolute or not tolerance.relative:
        bounds.append(f"{size} <= {double(tolerance.absolute)}")
    if tolerance.relative:
        bounds.append(f"{size} <= {double(tolerance.relative)} * abs(CAST({base} AS DOUBLE))")
    return f"coalesce({is_finite(base)} AND {is_finite(head)} AND ({' OR '.join(bounds)}), false)"


def shift(base: str, head: str, kind: str) -> str:
    """Head - base of two numbers as a double."""
    rounded = f"CAST({head} AS DOUBLE) - CAST({base} AS DOUBLE)"
    if kind == "integer":
        return f"CAST(CAST({head} AS DECIMAL(38,0)) - CAST({base} AS DECIMAL(38,0)) AS DOUBLE)"
    if kind == "decimal":  # NULL where the difference needs more than 38 digits
        return f"coalesce(CAST({head} - {base} AS DOUBLE), {rounded})"
    return f"({rounded})"


def is_finite(value: str) -> str:
    """Whether a number is neither NaN nor infinite (in Spark NaN is the largest number); NULL for NULL."""
    return f"(abs(CAST({value} AS DOUBLE)) < {double(float('inf'))})"


def double(number: float) -> str:
    """A double literal."""
    return f"CAST('{number!r}' AS DOUBLE)"


def text_of(value: str, type_: ColumnType) -> str:
    """The value as DuckDB casts it to text; instants in UTC and without an offset."""
    match type_.kind:
        case "text":
            return value
        case "float":
            return _float_text(value)
        case "decimal":
            return _decimal_text(value, type_.scale)
        case "nanoseconds":
            return f"CAST({_micros_of_nanos(value)} AS STRING)"
        case "binary":
            return f"hex({value})"
        case "other":
            return shown(value, type_)
        case _:
            return f"CAST({value} AS STRING)"


def shown(value: str, type_: ColumnType, depth: int = 0) -> str:
    """The value as `SparkRows` takes it: instants as ISO text, which Python's own may not be able to hold."""
    each = f"w{depth}"
    match type_.kind:
        case "date":
            return f"CAST({value} AS STRING)"
        case "timestamp":
            return _iso(value, zoned=type_.zoned)
        case "nanoseconds":
            return _iso(_micros_of_nanos(value), zoned=type_.zoned)
        case "other":
            return _without_zero_fraction(f"date_format(timestamp_micros({value}), 'HH:mm:ss.SSSSSS')")
        case "list":
            inner = shown(each, _child(type_, 0), depth + 1)
            return value if inner == each else f"transform({value}, {each} -> {inner})"
        case "struct":
            parts = [(name, shown(f"{value}.{identifier(name)}", child, depth)) for name, child in type_.children]
            return _struct(value, parts)
        case "map":
            key = shown(f"{each}.key", _child(type_, 0), depth + 1)
            item = shown(f"{each}.value", _child(type_, 1), depth + 1)
            return f"transform(map_entries({value}), {each} -> struct({key}, {item}))"
        case _:
            return value


def _iso(value: str, *, zoned: bool) -> str:
    text = _without_zero_fraction(f"date_format({value}, \"yyyy-MM-dd'T'HH:mm:ss.SSSSSS\")")
    return f"concat({text}, '+00:00')" if zoned else text


def _without_zero_fraction(text: str) -> str:
    return f"regexp_replace({text}, '[.]000000$', '')"


def _micros_of_nanos(value: str) -> str:
    return f"timestamp_micros({value} div 1000L)"  # towards 1970, as DuckDB does


def _plain(value: str, type_: ColumnType, target: ColumnType) -> str:
    if target == TIMESTAMP:
        return value if type_.kind == "timestamp" else f"CAST({value} AS TIMESTAMP)"
    own = spark_type(target)
    same = value if spark_type(type_) == own else f"CAST({value} AS {own})"
    return f"({same} + CAST(0 AS {own}))" if target.kind == "float" else same  # -0.0 becomes 0.0


def _number_text(value: str, type_: ColumnType, scale: int) -> str:
    if type_.kind == "boolean":
        return f"CAST(CAST({value} AS TINYINT) AS STRING)"
    if type_.kind == "integer":
        return f"CAST({value} AS STRING)"
    if type_.kind == "decimal":
        return _trimmed(_decimal_text(value, type_.scale), type_.scale)
    number = f"CAST({value} AS DOUBLE)"
    exact = f"CAST({number} AS DECIMAL(38,{scale}))"
    text = _trimmed(_decimal_text(exact, scale), scale)
    return f"CASE WHEN CAST({exact} AS DOUBLE) = {number} THEN {text} ELSE CAST({number} AS STRING) END"


def _decimal_text(value: str, scale: int) -> str:
    # A plain cast writes 1E-7 for some.
    return f"replace(format_number({value}, {scale}), ',', '')"


def _trimmed(text: str, scale: int) -> str:
    return f"TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM {text}))" if scale else text


def _float_text(value: str) -> str:
    """A float as DuckDB and Python write it; Java writes other exponents."""
    java = f"CAST({value} AS STRING)"
    special = (
        f"WHEN isnan({value}) THEN 'nan' WHEN {value} = {double(float('inf'))} THEN 'inf' "
        f"WHEN {value} = {double(-float('inf'))} THEN '-inf'"
    )
    plain = _trimmed(_decimal_text(f"CAST({java} AS DECIMAL(38,{_PLAIN_DIGITS}))", _PLAIN_DIGITS), _PLAIN_DIGITS)
    pointed = f"CASE WHEN contains({plain}, '.') THEN {plain} ELSE concat({plain}, '.0') END"
    digits = f"regexp_replace(substring_index({java}, 'E', 1), '[.]0$', '')"
    power = f"CAST(substring_index({java}, 'E', -1) AS INT)"
    sign = f"CASE WHEN {power} < 0 THEN '-' ELSE '+' END"
    # lpad() would cut a third digit off.
    padded = f"CASE WHEN abs({power}) < 10 THEN concat('0', abs({power})) ELSE CAST(abs({power}) AS STRING) END"
    scientific = f"concat({digits}, 'e', {sign}, {padded})"
    is_plain = f"{value} = 0 OR (abs({value}) >= 0.0001D AND abs({value}) < 1e16D)"
    return f"CASE WHEN {value} IS NULL THEN NULL {special} WHEN {is_plain} THEN {pointed} ELSE {scientific} END"


def _nanoseconds(value: str, type_: ColumnType) -> str:
    if type_.kind == "nanoseconds":
        return f"CAST({value} AS {_NANOSECONDS})"
    if type_.kind == "duration":
        return f"CAST(CAST({value} AS DECIMAL(28,0)) * {10 ** (9 - type_.scale)} AS {_NANOSECONDS})"
    return f"CAST(CAST(unix_micros(CAST({value} AS TIMESTAMP)) AS DECIMAL(30,0)) * 1000 AS {_NANOSECONDS})"


def _struct(value: str, parts: list[tuple[str, str]]) -> str:
    packed = f"named_struct({', '.join(f'{literal(name)}, {part}' for name, part in parts)})"
    return f"CASE WHEN {value} IS NULL THEN NULL ELSE {packed} END" if value else packed


def _child(type_: ColumnType, index: int) -> ColumnType:
    return type_.children[index][1] if type_.children else VARCHAR
