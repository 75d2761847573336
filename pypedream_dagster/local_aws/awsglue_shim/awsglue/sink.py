# ruff: noqa: N802, N803, N812, TID253 the names are awsglue's, and this runs in a Spark job
"""Appends frames to places in S3, and keeps catalog tables up to date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from awsglue import catalog
from awsglue.connection import FILE_TYPES, file_format, refuse_unknown
from awsglue.formats import Format


class Sink:
    """What ``getSink`` gives: a place in S3 to append to, which may keep a catalog table up to date."""

    def __init__(self, connection_type: str, options: Mapping[str, Any]) -> None:
        options = dict(options)
        file_format(connection_type, None)
        self._path = options.pop("path", None)
        self._partition_keys = list(options.pop("partitionKeys", None) or ())
        self._compression = options.pop("compression", None)
        self._updates_catalog = str(options.pop("enableUpdateCatalog", False)).lower() == "true"
        self._update_behavior = options.pop("updateBehavior", "UPDATE_IN_DATABASE")
        options.pop("groupFiles", None)
        refuse_unknown(options, "the sink option")
        self._format = Format.of(connection_type if connection_type in FILE_TYPES else "parquet")
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
