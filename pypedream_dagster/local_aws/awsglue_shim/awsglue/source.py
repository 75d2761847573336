# ruff: noqa: N812, TID253 this runs in a Spark job
"""Reads files and catalog tables as DataFrames."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from awsglue import catalog
from awsglue.connection import file_format, refuse_unknown
from awsglue.formats import Format

_INFER_PARTITION_TYPES = "spark.sql.sources.partitionColumnTypeInference.enabled"


class Source:
    """Reads DataFrames for a GlueContext."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def from_options(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None,
        format: str | None,  # noqa: A002 awsglue's name
        format_options: Mapping[str, Any] | None,
    ) -> DataFrame:
        """The files at some paths; an empty frame where there are none, as on AWS."""
        kind = file_format(connection_type, format)
        options = dict(connection_options or {})
        paths = _paths(options)
        exclusions, recurse = options.pop("exclusions", None), options.pop("recurse", False)
        refuse_unknown(options, "the connection option")
        data_format = Format.of(kind, format_options)
        reader = data_format.reader(self._session.read)
        present = [path for path in paths if self._children(path)]
        if not present:
            return self._session.createDataFrame([], StructType([]))
        if str(recurse).lower() == "true" and not any(
            "=" in child for path in present for child in self._children(path)
        ):
            reader = reader.option("recursiveFileLookup", "true")
        frame = data_format.named(reader.load(present))
        if exclusions:
            frame = _without(frame, json.loads(exclusions) if isinstance(exclusions, str) else exclusions)
        return frame

    def from_rdd(self, data: Any, schema: Any, sample_ratio: float | None) -> DataFrame:
        """The rows of an RDD."""
        return self._session.createDataFrame(data, schema, sample_ratio)

    def from_catalog(self, database: str, table_name: str, push_down_predicate: str = "") -> DataFrame:
        """A catalog table; of a partitioned one, the partitions that are registered and meet the predicate."""
        table = catalog.get_table(database, table_name)
        if not table.partition_keys:
            return self._load(table, [table.location]) if self._children(table.location) else self._empty(table)
        partitions = self.selected_partitions(table, catalog.get_partitions(table), push_down_predicate)
        partitions = [partition for partition in partitions if self._children(partition.location)]
        if not partitions:
            return self._empty(table)
        hive_style = [found for found in partitions if _is_hive_style(table, found)]
        frames = [self._load(table, [found.location for found in hive_style])] if hive_style else []
        for found in partitions:
            if found not in hive_style:
                frame = self._load(table, [found.location])
                for key, value in zip(table.partition_keys, found.values, strict=True):
                    frame = frame.withColumn(key, F.lit(value))
                frames.append(frame)
        frame = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), frames)
        for key, kind in table.partition_keys.items():
            frame = frame.withColumn(key, F.col(f"`{key}`").cast(kind))
        return frame

    def _load(self, table: catalog.Table, locations: Sequence[str]) -> DataFrame:
        reader = self._session.read.format(table.format).option("basePath", table.location)
        if any(not location.startswith(table.location) for location in locations):
            reader = self._session.read.format(table.format)
        if table.format in ("csv", "json"):
            reader = reader.schema(_ddl({**table.columns, **table.partition_keys}))
        if table.format == "csv":
            reader = reader.option("sep", table.separator).option("header", str(table.has_header).lower())
        # As text, so that month=01 stays 01 until it is cast to the catalog's type.
        before = self._session.conf.get(_INFER_PARTITION_TYPES)
        self._session.conf.set(_INFER_PARTITION_TYPES, "false")
        try:
            return reader.load(list(locations))
        finally:
            self._session.conf.set(_INFER_PARTITION_TYPES, before)

    def selected_partitions(
        self, table: catalog.Table, partitions: list[catalog.Partition], predicate: str
    ) -> list[catalog.Partition]:
        """The partitions that meet a predicate over the partition columns."""
        if not predicate or not partitions:
            return partitions
        schema = _ddl({"_number": "int", **dict.fromkeys(table.partition_keys, "string")})
        rows = [(number, *partition.values) for number, partition in enumerate(partitions)]
        frame = self._session.createDataFrame(rows, schema)
        for key, kind in table.partition_keys.items():
            frame = frame.withColumn(key, F.col(f"`{key}`").cast(kind))
        return [partitions[row[0]] for row in frame.where(predicate).select("_number").collect()]

    def _empty(self, table: catalog.Table) -> DataFrame:
        return self._session.createDataFrame([], _ddl({**table.columns, **table.partition_keys}))

    def _children(self, path: str) -> list[str]:
        """Names directly under a path, or of the files that a pattern or a file's own name matches."""
        hadoop = self._session._jvm.org.apache.hadoop.fs
        root = hadoop.Path(path)
        found = root.getFileSystem(self._session._jsc.hadoopConfiguration()).globStatus(root)
        names = []
        for status in found or ():
            if status.isDirectory():
                files = root.getFileSystem(self._session._jsc.hadoopConfiguration()).listStatus(status.getPath())
                names.extend(file.getPath().getName() for file in files)
            else:
                names.append(status.getPath().getName())
        return [name for name in names if not name.startswith(("_", "."))]


def _paths(options: dict[str, Any]) -> list[str]:
    given = options.pop("paths", None) or options.pop("path", None)
    options.pop("path", None)
    if not given:
        raise ValueError("connection_options holds no paths")
    if isinstance(given, str):
        return list(json.loads(given)) if given.startswith("[") else [given]
    return list(given)


def _without(frame: DataFrame, patterns: Sequence[str]) -> DataFrame:
    """The rows of files whose path no pattern matches."""
    keep = F.lit(True)
    for pattern in patterns:
        keep = keep & ~F.input_file_name().rlike(_glob_regex(pattern))
    return frame.where(keep)


def _glob_regex(pattern: str) -> str:
    """A regular expression for a glob in which ``**`` crosses folders and ``*`` does not."""
    escaped = re.escape(pattern.removeprefix("s3://"))
    for glob, expression in ((r"\*\*", ".*"), (r"\*", "[^/]*"), (r"\?", "[^/]")):
        escaped = escaped.replace(glob, expression)
    return f"{escaped}$"


def _is_hive_style(table: catalog.Table, partition: catalog.Partition) -> bool:
    folders = (f"{key}={value}/" for key, value in zip(table.partition_keys, partition.values, strict=True))
    return partition.location == table.location + "".join(folders)


def _ddl(columns: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
