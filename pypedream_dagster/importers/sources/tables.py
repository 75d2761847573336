"""A table of the Glue catalog, whoever describes it: GetTable, or a template's TableInput."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypedream_dagster.importers.survey import CatalogEntry, Where

_FORMATS = ("parquet", "orc", "json", "csv")  # as they stand in classifications and in names of SerDes
_DELIMITED = ("lazysimple", "text")


def catalog_entry(database: str, table: Mapping[str, Any], at: Where) -> CatalogEntry | None:
    """Return where a table lies; None where it does not say so, as a view.

    Args:
        database: its database's name.
        table: in the shape of Glue's TableInput.
        at: where it is described.
    """
    storage = table.get("StorageDescriptor")
    location = storage.get("Location") if isinstance(storage, Mapping) else None
    name = table.get("Name")
    if not (isinstance(location, str) and location and isinstance(name, str)):
        return None
    return CatalogEntry(database.lower(), name.lower(), location, at, table_format(table))


def table_format(table: Mapping[str, Any]) -> str | None:
    """Return the format of a table's files as a graph's ``format``; None where that is none that it knows."""
    parameters = _texts(table.get("Parameters"))
    if parameters.get("table_type") == "iceberg" or table.get("OpenTableFormatInput"):
        return "iceberg"
    said = parameters.get("classification") or parameters.get("spark.sql.sources.provider") or ""
    if "delta" in (said, parameters.get("spark.sql.sources.provider")):
        return "delta"
    if said in _FORMATS or said == "iceberg":
        return said
    storage = table.get("StorageDescriptor")
    storage = storage if isinstance(storage, Mapping) else {}
    serde = _texts(storage.get("SerdeInfo")).get("serializationlibrary", "")
    text = f"{serde} {storage.get('InputFormat') or ''}".lower()
    found = next((name for name in _FORMATS if name in text), None)
    return found or ("csv" if any(word in text for word in _DELIMITED) else None)


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {str(name).lower(): text.lower() for name, text in value.items() if isinstance(text, str)}
