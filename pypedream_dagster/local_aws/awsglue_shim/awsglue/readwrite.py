# ruff: noqa: N802, N803, N812, TID253 the names are awsglue's, and this runs in a Spark job
"""Sources and sinks: what ``create_dynamic_frame`` reads and ``write_dynamic_frame`` and ``getSink`` write."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from awsglue import catalog
from awsglue.errors import NotEmulatedError
from awsglue.formats import Format

_INFER_PARTITION_TYPES = "spark.sql.sources.partitionColumnTypeInference.enabled"
# A connection type may be a format as well: files of that format.
_FILE_TYPES = frozenset({"parquet", "orc"})
# How files are listed and grouped, not what is read from them.
_WITHOUT_EFFECT = frozenset(
    {
        "groupFiles",
        "groupSize",
        "inPartition",
        "maxBand",
        "maxFilesInBand",
        "useS3ListImplementation",
        "compressionType",
        "enableSizeEstimation",
    }
)


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
        kind = _file_format(connection_type, format)
        options = dict(connection_options or {})
        paths = _paths(options)
        exclusions, recurse = options.pop("exclusions", None), options.pop("recurse", False)
        _refuse_unknown(options, "the connection option")
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


class Sink:
    """What ``getSink`` gives: a place in S3 to append to, which may keep a catalog table up to date."""

    def __init__(self, connection_type: str, options: Mapping[str, Any]) -> None:
        options = dict(options)
        _file_format(connection_type, None)
        self._path = options.pop("path", None)
        self._partition_keys = list(options.pop("partitionKeys", None) or ())
        self._compression = options.pop("compression", None)
        self._updates_catalog = str(options.pop("enableUpdateCatalog", False)).lower() == "true"
        self._update_behavior = options.pop("updateBehavior", "UPDATE_IN_DATABASE")
        options.pop("groupFiles", None)
        _refuse_unknown(options, "the sink option")
        self._format = Format.of(connection_type if connection_type in _FILE_TYPES else "parquet")
        self._table: tuple[str, str] | None = None

    def setFormat(self, format: str, **options: Any) -> None:  # noqa: A002 awsglue's name
        """The format to write."""
        self._format = Format.of(format, options)

    def setCatalogInfo(self, catalogDatabase: str, catalogTableName: str, catalogId: str | None = None) -> None:
        """The table to keep up to date where ``enableUpdateCatalog`` is set."""
        del catalogId
        self._table = (catalogDatabase, catalogTableName)

    def writeFrame(self, dynamic_frame: Any, info: str = "") -> Any:
        """Append a DynamicFrame's rows (a DataFrame's do as well)."""
        del info
        frame = dynamic_frame if isinstance(dynamic_frame, DataFrame) else dynamic_frame.toDF()
        if not self._path:
            raise ValueError("the sink has no path")
        if not frame.columns:  # an empty source: nothing is written, as on AWS
            return dynamic_frame
        writer = self._format.writer(frame, self._compression)
        if self._partition_keys:
            writer = writer.partitionBy(*self._partition_keys)
        writer.save(self._path)
        if self._updates_catalog:
            self._register(frame)
        return dynamic_frame

    write = writeFrame

    def _register(self, frame: DataFrame) -> None:
        if self._table is None:
            raise ValueError("enableUpdateCatalog needs setCatalogInfo(catalogDatabase=…, catalogTableName=…)")
        database, name = self._table
        kinds = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
        catalog.register_table(
            database,
            name,
            self._path.rstrip("/") + "/",
            data_format=self._format.name,
            columns={column: kind for column, kind in kinds.items() if column not in self._partition_keys},
            partition_keys={key: kinds[key] for key in self._partition_keys},
            update=self._update_behavior == "UPDATE_IN_DATABASE",
        )
        if self._partition_keys:
            keys = [F.col(f"`{key}`").cast("string") for key in self._partition_keys]
            rows = frame.select(*keys).distinct().collect()
            catalog.register_partitions(
                catalog.get_table(database, name), [[str(value) for value in row] for row in rows]
            )


class DynamicFrameReader:
    """``glueContext.create_dynamic_frame`` and ``create_data_frame``, which ``wrap`` tells apart."""

    def __init__(self, source: Source, wrap: Callable[[DataFrame, str], Any]) -> None:
        self._source = source
        self._wrap = wrap

    def from_options(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,  # noqa: A002 awsglue's name
        format_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **_: Any,
    ) -> Any:
        """The files at some paths in S3."""
        frame = self._source.from_options(connection_type, connection_options, format, format_options)
        return self._wrap(frame.where(push_down_predicate) if push_down_predicate else frame, transformation_ctx)

    def from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Mapping[str, Any] | None = None,
        catalog_id: str | None = None,
        name_space: str | None = None,
        **_: Any,
    ) -> Any:
        """A table of the Data Catalog."""
        del redshift_tmp_dir, catalog_id
        name = database or name_space
        if not name or not table_name:
            raise ValueError("from_catalog needs database and table_name")
        options = dict(additional_options or {})
        predicate = options.pop("catalogPartitionPredicate", "") or push_down_predicate
        options.pop("mergeSchema", None)
        _refuse_unknown(options, "from_catalog's additional option")
        return self._wrap(self._source.from_catalog(name, table_name, predicate), transformation_ctx)

    def from_rdd(
        self,
        data: Any,
        name: str,
        schema: Any = None,
        sample_ratio: float | None = None,
        transformation_ctx: str = "",
    ) -> Any:
        """The rows of an RDD."""
        del transformation_ctx
        return self._wrap(self._source._session.createDataFrame(data, schema, sample_ratio), name)


class DynamicFrameWriter:
    """``glueContext.write_dynamic_frame`` and ``write_data_frame``."""

    def from_options(
        self,
        frame: Any,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,  # noqa: A002 awsglue's name
        format_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        **_: Any,
    ) -> Any:
        """Append to a place in S3."""
        del transformation_ctx
        sink = Sink(connection_type, connection_options or {})
        if format:
            sink.setFormat(format, **(format_options or {}))
        elif connection_type not in _FILE_TYPES:
            raise ValueError("writing to S3 needs a format")
        return sink.writeFrame(frame)

    def from_catalog(
        self,
        frame: Any,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        additional_options: Mapping[str, Any] | None = None,
        catalog_id: str | None = None,
        name_space: str | None = None,
        **_: Any,
    ) -> Any:
        """Append to a table of the Data Catalog, in its format, at its location and by its partitions."""
        del redshift_tmp_dir, transformation_ctx, catalog_id
        name = database or name_space
        if not name or not table_name:
            raise ValueError("from_catalog needs database and table_name")
        table = catalog.get_table(name, table_name)
        options = {"partitionKeys": list(table.partition_keys), **(additional_options or {})}
        sink = Sink("s3", {**options, "path": table.location})
        is_csv = table.format == "csv"
        sink.setFormat(
            table.format, **({"separator": table.separator, "writeHeader": table.has_header} if is_csv else {})
        )
        sink.setCatalogInfo(name, table_name)
        return sink.writeFrame(frame)


def _file_format(connection_type: str, data_format: str | None) -> str | None:
    if connection_type in _FILE_TYPES:
        return data_format or connection_type
    if connection_type not in ("s3", "file"):
        raise NotEmulatedError(f"the connection type {connection_type!r}", "read and write S3, or run it on AWS")
    return data_format


def _paths(options: dict[str, Any]) -> list[str]:
    given = options.pop("paths", None) or options.pop("path", None)
    options.pop("path", None)
    if not given:
        raise ValueError("connection_options holds no paths")
    if isinstance(given, str):
        return list(json.loads(given)) if given.startswith("[") else [given]
    return list(given)


def _refuse_unknown(options: Mapping[str, Any], what: str) -> None:
    unknown = sorted(options.keys() - _WITHOUT_EFFECT)
    if unknown:
        raise NotEmulatedError(f"{what} {', '.join(unknown)}")


def _without(frame: DataFrame, patterns: Sequence[str]) -> DataFrame:
    """The rows of files whose path no pattern matches."""
    keep = F.lit(True)
    for pattern in patterns:
        keep = keep & ~F.input_file_name().rlike(_glob_regex(pattern))
    return frame.where(keep)


def _glob_regex(pattern: str) -> str:
    """A regular expression for a glob in which ``**`` crosses folders and ``*`` does not."""
    import re

    escaped = re.escape(pattern.removeprefix("s3://"))
    for glob, expression in ((r"\*\*", ".*"), (r"\*", "[^/]*"), (r"\?", "[^/]")):
        escaped = escaped.replace(glob, expression)
    return f"{escaped}$"


def _is_hive_style(table: catalog.Table, partition: catalog.Partition) -> bool:
    folders = (f"{key}={value}/" for key, value in zip(table.partition_keys, partition.values, strict=True))
    return partition.location == table.location + "".join(folders)


def _ddl(columns: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
