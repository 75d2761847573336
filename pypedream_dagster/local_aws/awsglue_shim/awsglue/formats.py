# ruff: noqa: TID253 this runs in a Spark job
"""Glue's data formats and their options, in Spark's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, DataFrameReader, DataFrameWriter

from awsglue.errors import NotEmulatedError

_SPARK_FORMATS = {"parquet": "parquet", "glueparquet": "parquet", "csv": "csv", "json": "json", "orc": "orc"}

_READ_OPTIONS = {
    "csv": {
        "separator": "sep",
        "escaper": "escape",
        "quoteChar": "quote",
        "multiLine": "multiLine",
        "multiline": "multiLine",
        "withHeader": "header",
        "encoding": "encoding",
    },
    "json": {"multiLine": "multiLine", "multiline": "multiLine", "encoding": "encoding"},
}
_WRITE_OPTIONS = {
    "csv": {"separator": "sep", "escaper": "escape", "quoteChar": "quote", "writeHeader": "header"},
    "parquet": {"compression": "compression", "blockSize": "parquet.block.size", "pageSize": "parquet.page.size"},
    "orc": {"compression": "compression"},
}
# Speed, not meaning.
_WITHOUT_EFFECT = frozenset(
    {
        "optimizePerformance",
        "strictCheckForQuoting",
        "useGlueParquetWriter",
        "version",
        "mergeSchema",
        "classification",
    }
)


@dataclass(frozen=True, slots=True)
class Format:
    """One data format with the options that a script gave for it."""

    name: str
    options: Mapping[str, Any]

    @classmethod
    def of(cls, name: str | None, options: Mapping[str, Any] | None = None) -> Format:
        """The format of Glue's name.

        Raises:
            NotEmulatedError: no such format here.
        """
        spark_name = _SPARK_FORMATS.get((name or "").lower())
        if spark_name is None:
            raise NotEmulatedError(f"the data format {name!r}", f"use one of {', '.join(_SPARK_FORMATS)}")
        return cls(spark_name, dict(options or {}))

    def reader(self, reader: DataFrameReader) -> DataFrameReader:
        """A reader for this format, set up by its options."""
        reader = reader.format(self.name)
        if self.name == "parquet" and str(self.options.get("mergeSchema", "false")).lower() == "true":
            reader = reader.option("mergeSchema", "true")
        return reader.options(**self._translated(_READ_OPTIONS, "reading"))

    def named(self, frame: DataFrame) -> DataFrame:
        """What was read, as a DynamicFrame would hold it.

        Without a header CSV columns are called col0, col1, …, and an empty value is an empty text, not null.
        """
        if self.name != "csv":
            return frame
        if not _is_true(self.options.get("withHeader")):
            frame = frame.toDF(*(f"col{number}" for number in range(len(frame.columns))))
        return frame.na.fill("")

    def writer(self, frame: DataFrame, compression: str | None = None) -> DataFrameWriter:
        """An appending writer for this format: Glue's sinks never replace what is there."""
        options = self._translated(_WRITE_OPTIONS, "writing")
        if self.name == "csv":
            options.setdefault("header", "true")
        if compression:
            options.setdefault("compression", compression)
        # Glue's own writer leaves no _SUCCESS object.
        options["mapreduce.fileoutputcommitter.marksuccessfuljobs"] = "false"
        return frame.write.mode("append").format(self.name).options(**options)

    def _translated(self, known: Mapping[str, Mapping[str, str]], doing: str) -> dict[str, str]:
        names = known.get(self.name, {})
        translated = {}
        for name, value in self.options.items():
            if name in names:
                translated[names[name]] = _text(name, value)
            elif name not in _WITHOUT_EFFECT:
                raise NotEmulatedError(f"the option {name!r} for {doing} {self.name}")
        return translated


def _text(name: str, value: Any) -> str:
    if name == "quoteChar" and value in (-1, "-1"):  # no quoting at all
        return "\u0000"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"
