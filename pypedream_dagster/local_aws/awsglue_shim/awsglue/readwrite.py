# ruff: noqa: TID253 the names are awsglue's, and this runs in a Spark job
"""What ``create_dynamic_frame``, ``create_data_frame`` and ``write_dynamic_frame`` are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyspark.sql import DataFrame

from awsglue import catalog
from awsglue.connection import FILE_TYPES, refuse_unknown
from awsglue.sink import Sink
from awsglue.source import Source


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
        refuse_unknown(options, "from_catalog's additional option")
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
        return self._wrap(self._source.from_rdd(data, schema, sample_ratio), name)


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
        elif connection_type not in FILE_TYPES:
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
