# ruff: noqa: N802, N803, TID253 the names are awsglue's, and this runs in a Spark job
"""``GlueContext``: the door to everything else."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from pyspark import SparkContext
from pyspark.sql import DataFrame, SparkSession, SQLContext

from awsglue import catalog
from awsglue.dynamicframe import DynamicFrame, DynamicFrameReader, DynamicFrameWriter
from awsglue.errors import NotEmulatedError
from awsglue.purge import purge_path
from awsglue.sink import Sink
from awsglue.source import Source

__all__ = ["GlueContext"]


class GlueContext(SQLContext):
    """A SQLContext that reads and writes DynamicFrames."""

    def __init__(self, sparkContext: SparkContext | None = None, **_: Any) -> None:
        session = SparkSession.builder.getOrCreate()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PySpark has deprecated the base class
            super().__init__(sparkContext or session.sparkContext, session)
        self.spark_session = session
        source = Source(session)
        self.create_dynamic_frame = DynamicFrameReader(source, lambda frame, name: DynamicFrame(frame, self, name))
        self.create_data_frame = DynamicFrameReader(source, lambda frame, _name: frame)
        self.write_dynamic_frame = DynamicFrameWriter()
        self.write_data_frame = DynamicFrameWriter()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotEmulatedError(f"GlueContext.{name}")

    # -- reading ------------------------------------------------------------------------------------------------

    def create_dynamic_frame_from_options(self, *args: Any, **kwargs: Any) -> DynamicFrame:
        """See :meth:`DynamicFrameReader.from_options`."""
        return self.create_dynamic_frame.from_options(*args, **kwargs)

    def create_dynamic_frame_from_catalog(self, *args: Any, **kwargs: Any) -> DynamicFrame:
        """See :meth:`DynamicFrameReader.from_catalog`."""
        return self.create_dynamic_frame.from_catalog(*args, **kwargs)

    def create_dynamic_frame_from_rdd(self, *args: Any, **kwargs: Any) -> DynamicFrame:
        """See :meth:`DynamicFrameReader.from_rdd`."""
        return self.create_dynamic_frame.from_rdd(*args, **kwargs)

    def create_data_frame_from_options(self, *args: Any, **kwargs: Any) -> DataFrame:
        """See :meth:`DynamicFrameReader.from_options`."""
        return self.create_data_frame.from_options(*args, **kwargs)

    def create_data_frame_from_catalog(self, *args: Any, **kwargs: Any) -> DataFrame:
        """See :meth:`DynamicFrameReader.from_catalog`."""
        return self.create_data_frame.from_catalog(*args, **kwargs)

    # -- writing ------------------------------------------------------------------------------------------------

    def write_dynamic_frame_from_options(self, *args: Any, **kwargs: Any) -> Any:
        """See :meth:`DynamicFrameWriter.from_options`."""
        return self.write_dynamic_frame.from_options(*args, **kwargs)

    def write_dynamic_frame_from_catalog(self, *args: Any, **kwargs: Any) -> Any:
        """See :meth:`DynamicFrameWriter.from_catalog`."""
        return self.write_dynamic_frame.from_catalog(*args, **kwargs)

    def write_data_frame_from_options(self, *args: Any, **kwargs: Any) -> Any:
        """See :meth:`DynamicFrameWriter.from_options`."""
        return self.write_data_frame.from_options(*args, **kwargs)

    def write_data_frame_from_catalog(self, *args: Any, **kwargs: Any) -> Any:
        """See :meth:`DynamicFrameWriter.from_catalog`."""
        return self.write_data_frame.from_catalog(*args, **kwargs)

    def getSink(
        self,
        connection_type: str,
        format: str | None = None,  # noqa: A002 awsglue's name
        transformation_ctx: str = "",
        **options: Any,
    ) -> Sink:
        """A sink, to be told its format and catalog table before it writes."""
        del transformation_ctx
        sink = Sink(connection_type, options)
        if format:
            sink.setFormat(format)
        return sink

    # -- purging ------------------------------------------------------------------------------------------------

    def purge_s3_path(
        self, s3_path: str, options: Mapping[str, Any] | None = None, transformation_ctx: str = ""
    ) -> None:
        """Delete the objects under a path that are older than ``retentionPeriod`` hours (168 unless said)."""
        del transformation_ctx
        purge_path(s3_path, options)

    def purge_table(
        self,
        database: str,
        table_name: str,
        options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> None:
        """Delete a table's old files, and from the catalog the partitions of which nothing is left."""
        del transformation_ctx, catalog_id
        table = catalog.get_table(database, table_name)
        predicate = str((options or {}).get("partitionPredicate", ""))
        if not table.partition_keys:
            purge_path(table.location, options)
            return
        source = Source(self.spark_session)
        chosen = source.selected_partitions(table, catalog.get_partitions(table), predicate)
        emptied = [partition for partition in chosen if purge_path(partition.location, options)]
        catalog.drop_partitions(table, emptied)

    # -- the rest -----------------------------------------------------------------------------------------------

    def get_logger(self) -> logging.Logger:
        """A logger into the run's error log."""
        return _glue_logger()

    def setTempDir(self, tmpDir: str) -> None:
        """Accepted: temporary files of the embedded AWS never go to S3."""
        del tmpDir


class _GlueLogger(logging.Logger):
    """A logger with the method names of Log4j as well."""

    def warn(self, msg: object, *args: object, **kwargs: Any) -> None:  # type: ignore[override]
        """Like ``warning``, without Python's deprecation."""
        self.warning(msg, *args, **kwargs)

    def trace(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Like ``debug``."""
        self.debug(msg, *args, **kwargs)


def _glue_logger() -> logging.Logger:
    logger = _GlueLogger("GlueLogger", logging.INFO)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    return logger
