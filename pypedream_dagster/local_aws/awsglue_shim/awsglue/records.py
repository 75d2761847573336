# ruff: noqa: N812, TID253 this runs in a Spark job
"""Python functions over single records, as ``DynamicFrame.filter`` and ``map`` take them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    ByteType,
    DataType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    NullType,
    ShortType,
    StringType,
    StructField,
    StructType,
)

Record = dict[str, Any]

_NESTED_DICTS = "spark.sql.pyspark.inferNestedDictAsStruct.enabled"
# What Python has one type for, Spark has several: a column that was narrow before stays so.
_NARROWED = {
    LongType: (ByteType, ShortType, IntegerType),
    DoubleType: (FloatType,),
    DecimalType: (DecimalType,),
}


def filtered(frame: DataFrame, keep: Callable[[Record], bool]) -> DataFrame:
    """The rows that ``keep`` wants."""
    rows = frame.rdd.filter(lambda row: keep(_as_record(row)))
    return frame.sparkSession.createDataFrame(rows, frame.schema, verifySchema=False)


def mapped(frame: DataFrame, change: Callable[[Record], Record]) -> DataFrame:
    """The records that ``change`` returns, under a schema inferred from all of them.

    Fields that were there before keep their place and, where the values allow it, their type; new ones follow
    by name.
    """
    session = frame.sparkSession
    rows = frame.rdd.map(lambda row: change(_as_record(row)))
    before = session.conf.get(_NESTED_DICTS)
    session.conf.set(_NESTED_DICTS, "true")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PySpark would rather have Rows than dicts
            inferred = session.createDataFrame(rows, samplingRatio=1.0).schema
    finally:
        session.conf.set(_NESTED_DICTS, before)
    wide = StructType([StructField(field.name, _without_nulls(field.dataType)) for field in inferred])
    made = session.createDataFrame(rows, wide, verifySchema=False)
    old = [name for name in frame.columns if name in wide.names]
    new = [name for name in wide.names if name not in frame.columns]
    narrow = [_narrowed(name, wide[name].dataType, frame.schema[name].dataType) for name in old]
    return made.select(*narrow, *(F.col(f"`{name}`") for name in new))


def _as_record(row: Row) -> Record:
    return row.asDict(recursive=True)


def _narrowed(name: str, inferred: DataType, before: DataType) -> Any:
    value = F.col(f"`{name}`")
    if isinstance(before, _NARROWED.get(type(inferred), ())) or isinstance(inferred, NullType):
        return value.cast(before).alias(name)
    return value


def _without_nulls(data_type: DataType) -> DataType:
    """The type with text in place of what no record had a value for."""
    match data_type:
        case NullType():
            return StringType()
        case ArrayType(elementType=element):
            return ArrayType(_without_nulls(element))
        case StructType(fields=fields):
            return StructType([StructField(field.name, _without_nulls(field.dataType)) for field in fields])
        case _:
            return data_type
