"""What DuckDB cannot take from Arrow by value, read as something that it can; and what the columns then mean.

Decimals of more than 38 digits are read as their text, durations as whole numbers of their unit, half floats as
floats, coded values as what the codes stand for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pypedream_dagster.delta.types import DECIMAL_DIGITS, ColumnType, decimal, duration


def readable_schema(schema: Any) -> Any:
    """The schema in which DuckDB can read data of a ``pyarrow.Schema``."""
    import pyarrow as pa

    return pa.schema([field.with_type(_readable(field.type)) for field in schema])


def decoded_schema(schema: Any) -> Any:
    """The schema with columns of what codes stand for, rather than of codes."""
    import pyarrow as pa

    def is_coded(type_: Any) -> bool:
        return bool(pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_))

    return pa.schema([field.with_type(field.type.value_type) if is_coded(field.type) else field for field in schema])


def is_misread(type_: Any) -> bool:
    """Whether DuckDB's own parquet reader takes a ``pyarrow.DataType`` for something else.

    It rounds decimals of more than 38 digits, and misunderstands the statistics of half floats.
    """
    import pyarrow as pa

    if pa.types.is_decimal(type_):
        return bool(type_.precision > DECIMAL_DIGITS)
    return pa.types.is_float16(type_) or any(is_misread(type_.field(i).type) for i in range(type_.num_fields))


def meaning(type_: ColumnType, arrow: Any) -> ColumnType:
    """What a column means that was a ``pyarrow.DataType`` and is read as ``type_``."""
    import pyarrow as pa

    if pa.types.is_dictionary(arrow) or pa.types.is_run_end_encoded(arrow):
        return meaning(type_, arrow.value_type)
    if pa.types.is_duration(arrow) and type_.kind == "integer":
        return duration(arrow.unit)
    if pa.types.is_decimal(arrow) and arrow.precision > DECIMAL_DIGITS and type_.kind == "text":
        return decimal(arrow.precision, arrow.scale)
    if not type_.is_nested or (len(type_.children) != arrow.num_fields and type_.kind != "map"):
        return type_
    if type_.kind == "map":
        parts = [arrow.key_type, arrow.item_type]
    else:
        parts = [arrow.field(i).type for i in range(arrow.num_fields)]
    children = [(name, meaning(child, part)) for (name, child), part in zip(type_.children, parts, strict=True)]
    if children == list(type_.children):
        return type_
    return replace(type_, name=_nested_name(type_, children), children=tuple(children))


def _nested_name(type_: ColumnType, children: list[tuple[str, ColumnType]]) -> str:
    match type_.kind:
        case "list":
            return f"{children[0][1].name}[]"
        case "map":
            return f"map({children[0][1].name}, {children[1][1].name})"
        case _:
            return f"struct({', '.join(f'{name} {child.name}' for name, child in children)})"


def _readable(type_: Any) -> Any:
    import pyarrow as pa

    is_ = pa.types
    if is_.is_decimal256(type_):
        is_plain = type_.precision <= DECIMAL_DIGITS
        return pa.decimal128(type_.precision, type_.scale) if is_plain else pa.string()
    if is_.is_float16(type_):
        return pa.float32()
    if is_.is_duration(type_):
        return pa.int64()
    if is_.is_dictionary(type_) or is_.is_run_end_encoded(type_):
        return _readable(type_.value_type)
    if is_.is_map(type_):
        return pa.map_(_readable(type_.key_type), _readable(type_.item_type))
    if is_.is_fixed_size_list(type_):
        return pa.list_(_readable(type_.value_type), type_.list_size)
    if is_.is_list(type_):
        return pa.list_(_readable(type_.value_type))
    if is_.is_large_list(type_):
        return pa.large_list(_readable(type_.value_type))
    if is_.is_struct(type_):
        return pa.struct([field.with_type(_readable(field.type)) for field in type_])
    return type_
