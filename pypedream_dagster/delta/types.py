"""Column types and the form in which two columns of different type are compared; engine-neutral.

A `Form` is where both sides' values meet: equal values of either type have one form, and different values
have different forms. Every engine brings values into the form in its own way.

- numbers meet in the narrowest type that holds both without loss; where none does (``bigint`` against
  ``double``, decimals whose digits exceed 38) in their exact decimal text; only decimals *typed* with more than 38
  digits meet floats as floats;
- dates and timestamps meet as instants, those without a zone taken as UTC;
- lists, structs and maps meet by content: struct fields pair by name, and a field that is missing on one side
  is NULL there; the order of a map's entries does not matter;
- anything else meets as text: ``1`` and ``'1'`` are equal, ``1`` and ``'01'`` are not; timestamps are written in UTC
  without an offset.

What is not told apart: a struct's field that is missing from one that is NULL; the order of a map's entries; NaNs by
sign; -0.0 from 0.0. What is: NULL from an empty list, map, struct or text; letters by case and by Unicode's normal
form. INT96 timestamps count in microseconds, as Spark writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "boolean",
    "integer",
    "float",
    "decimal",
    "text",
    "binary",
    "date",
    "timestamp",
    "nanoseconds",
    "duration",
    "list",
    "struct",
    "map",
    "null",
    "other",
]

DECIMAL_DIGITS = 38
"""The most digits of a decimal that SQL can hold; one with more is carried as its text."""

_DOUBLE_SAFE_DIGITS = 15  # every decimal of 15 digits survives the way to a double and back
_INTEGER_DIGITS = {8: 3, 16: 5, 32: 10, 64: 19, 128: 38}
_SIGNED = {8: "tinyint", 16: "smallint", 32: "integer", 64: "bigint", 128: "hugeint"}
_INTEGERS = {
    "tinyint": (8, True),
    "smallint": (16, True),
    "integer": (32, True),
    "bigint": (64, True),
    "hugeint": (128, True),
    "utinyint": (8, False),
    "usmallint": (16, False),
    "uinteger": (32, False),
    "ubigint": (64, False),
}


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type as SQL names it, with what the rules need: digits for decimals, children for nested types."""

    kind: Kind
    name: str
    bits: int = 0
    signed: bool = True
    precision: int = 0
    scale: int = 0
    zoned: bool = False
    children: tuple[tuple[str, ColumnType], ...] = ()

    @property
    def is_nested(self) -> bool:
        """Whether it holds other types."""
        return self.kind in ("list", "struct", "map")

    @property
    def is_number(self) -> bool:
        """Whether arithmetic makes sense on it."""
        return self.kind in ("integer", "float", "decimal")


@dataclass(frozen=True, slots=True)
class Plain:
    """Both sides cast to one type of SQL, whose own equality then holds."""

    type: ColumnType


@dataclass(frozen=True, slots=True)
class NumberText:
    """The exact decimal text of a number without trailing zeros; ``scale`` digits follow the point at most."""

    scale: int


@dataclass(frozen=True, slots=True)
class EpochNanoseconds:
    """A timestamp as a whole number of nanoseconds since 1970 in UTC; a duration as that of its nanoseconds."""


@dataclass(frozen=True, slots=True)
class Text:
    """The value as SQL casts it to text."""


@dataclass(frozen=True, slots=True)
class ListForm:
    """A list of forms."""

    item: Form


@dataclass(frozen=True, slots=True)
class StructForm:
    """Fields by name; one that a side lacks is NULL there."""

    fields: tuple[tuple[str, Form], ...]


@dataclass(frozen=True, slots=True)
class MapForm:
    """Entries regardless of their order."""

    key: Form
    value: Form


Form = Plain | NumberText | EpochNanoseconds | Text | ListForm | StructForm | MapForm

BIGINT = ColumnType("integer", "bigint", 64)
DOUBLE = ColumnType("float", "double", 64)
VARCHAR = ColumnType("text", "varchar")
BLOB = ColumnType("binary", "blob")
BOOLEAN = ColumnType("boolean", "boolean")
DATE = ColumnType("date", "date")
TIMESTAMP = ColumnType("timestamp", "timestamp")


def from_duckdb(type_: Any) -> ColumnType:
    """The neutral type of a ``DuckDBPyType`` (whose declared children are wider than what they are)."""
    id_ = str(type_.id)
    if id_ in _INTEGERS:
        bits, signed = _INTEGERS[id_]
        return ColumnType("integer", id_, bits, signed)
    match id_:
        case "decimal":
            digits: dict[str, Any] = dict(type_.children)
            precision, scale = int(digits["precision"]), int(digits["scale"])
            return decimal(precision, scale)
        case "list" | "array":
            item = from_duckdb(type_.children[0][1])
            return ColumnType("list", f"{item.name}[]", children=(("item", item),))
        case "struct":
            fields = tuple((name, from_duckdb(child)) for name, child in type_.children)
            shown = ", ".join(f"{name} {child.name}" for name, child in fields)
            return ColumnType("struct", f"struct({shown})", children=fields)
        case "map":
            key, value = (from_duckdb(child) for _, child in type_.children)
            return ColumnType("map", f"map({key.name}, {value.name})", children=(("key", key), ("value", value)))
        case _:
            return _simple(id_)


def _simple(id_: str) -> ColumnType:
    match id_:
        case "float" | "double":
            return ColumnType("float", id_, 32 if id_ == "float" else 64)
        case "varchar" | "enum":
            return VARCHAR
        case "timestamp" | "timestamp_s" | "timestamp_ms":
            return TIMESTAMP
        case "timestamp with time zone":
            return ColumnType("timestamp", "timestamptz", zoned=True)
        case "timestamp_ns":
            return ColumnType("nanoseconds", "timestamp_ns")
        case "boolean" | "date":
            return ColumnType("boolean" if id_ == "boolean" else "date", id_)
        case "blob":
            return BLOB
        case '"null"' | "sqlnull" | "null":
            return ColumnType("null", "null")
        case _ if "timestamp" in id_ and "ns" in id_:
            return ColumnType("nanoseconds", "timestamptz_ns", zoned=True)
        case _:
            return ColumnType("other", id_)


def decimal(precision: int, scale: int) -> ColumnType:
    """The type ``decimal(precision,scale)``."""
    return ColumnType("decimal", f"decimal({precision},{scale})", precision=precision, scale=scale)


def duration(unit: str) -> ColumnType:
    """The type of a whole number of ``s``, ``ms``, ``us`` or ``ns``; ``scale`` tells how many make a second."""
    return ColumnType("duration", f"duration({unit})", 64, scale={"s": 0, "ms": 3, "us": 6, "ns": 9}[unit])


def align(base: ColumnType, head: ColumnType) -> Form:
    """The form in which values of both types compare by value."""
    if base.kind == "null" or head.kind == "null":
        other = head if base.kind == "null" else base
        return Plain(other) if other.kind == "null" else align(other, other)
    if base.is_nested and base.kind == head.kind:
        return _nested(base, head)
    kinds = {base.kind, head.kind}
    if any(side.kind == "decimal" and side.precision > DECIMAL_DIGITS for side in (base, head)):
        return _wide_decimals(base, head)
    if base == head:
        return Plain(base)
    if kinds <= {"integer", "float", "decimal", "boolean"}:
        return _numbers(base, head)
    if kinds <= {"date", "timestamp"}:
        return Plain(TIMESTAMP)
    if kinds <= {"date", "timestamp", "nanoseconds"} or kinds == {"duration"}:
        return EpochNanoseconds()
    if kinds == {"text", "binary"}:
        return Plain(BLOB)
    return Text()


def form_name(form: Form) -> str:
    """How a report names the form."""
    match form:
        case Plain(type_):
            return type_.name
        case NumberText():
            return "exact decimal text"
        case EpochNanoseconds():
            return "nanoseconds since 1970"
        case Text():
            return "text"
        case ListForm() | StructForm() | MapForm():
            return "content"


def _nested(base: ColumnType, head: ColumnType) -> Form:
    if base.kind == "list":
        return ListForm(align(base.children[0][1], head.children[0][1]))
    if base.kind == "map":
        (_, base_key), (_, base_value) = base.children
        (_, head_key), (_, head_value) = head.children
        return MapForm(align(base_key, head_key), align(base_value, head_value))
    ours, theirs = dict(base.children), dict(head.children)
    names = [*ours, *(name for name in theirs if name not in ours)]
    return StructForm(tuple((name, _field(ours.get(name), theirs.get(name))) for name in names))


def _field(base: ColumnType | None, head: ColumnType | None) -> Form:
    one = base or head or VARCHAR
    return align(base or one, head or one)


def _numbers(base: ColumnType, head: ColumnType) -> Form:
    sides = (base, head)
    if any(side.kind == "float" for side in sides):
        if all(_fits_double(side) for side in sides):
            return Plain(DOUBLE)
        return NumberText(max(side.scale for side in sides))
    if any(side.kind == "decimal" for side in sides):
        scale = max(side.scale for side in sides)
        whole = max(_digits(side) - side.scale for side in sides)
        if whole + scale <= DECIMAL_DIGITS:
            return Plain(decimal(whole + scale, scale))
        return NumberText(scale)
    bits = max(_signed_bits(side) for side in sides)
    return Plain(ColumnType("integer", _SIGNED[bits], bits))


def _wide_decimals(base: ColumnType, head: ColumnType) -> Form:
    kinds = {base.kind, head.kind}
    if kinds <= {"integer", "decimal", "boolean"}:
        return NumberText(max(base.scale, head.scale))
    return Plain(DOUBLE) if kinds == {"decimal", "float"} else Text()


def _fits_double(side: ColumnType) -> bool:
    return side.kind in ("float", "boolean") or _digits(side) <= _DOUBLE_SAFE_DIGITS


def _digits(side: ColumnType) -> int:
    if side.kind == "decimal":
        return side.precision
    if side.kind == "boolean":
        return 1
    return _INTEGER_DIGITS[_signed_bits(side)]


def _signed_bits(side: ColumnType) -> int:
    if side.kind == "boolean":
        return 8
    return side.bits if side.signed else side.bits * 2
