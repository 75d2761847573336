"""The Glue Data Catalog as jobs use it: tables, their partitions, and registering what a sink wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from awsglue.errors import NotEmulatedError

_BATCH = 100

_STORAGE = {
    "parquet": (
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    "orc": (
        "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
    ),
    "json": (
        "org.apache.hadoop.mapred.TextInputFormat",
        "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "org.openx.data.jsonserde.JsonSerDe",
    ),
    "csv": (
        "org.apache.hadoop.mapred.TextInputFormat",
        "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
    ),
}


@dataclass(frozen=True, slots=True)
class Partition:
    """One registered partition."""

    values: tuple[str, ...]
    location: str


@dataclass(frozen=True, slots=True)
class Table:
    """What a job needs to know of a catalog table; ``columns`` are without the partition keys."""

    database: str
    name: str
    location: str
    format: str
    columns: Mapping[str, str]
    partition_keys: Mapping[str, str]
    separator: str
    has_header: bool
    raw: Mapping[str, Any]


def client() -> Any:
    """The catalog's client, with the job's own credentials."""
    import boto3

    return boto3.client("glue")


def get_table(database: str, name: str) -> Table:
    """One table.

    Raises:
        NotEmulatedError: it is a view, or of a format that is not emulated.
    """
    raw = client().get_table(DatabaseName=database, Name=name)["Table"]
    storage = raw.get("StorageDescriptor", {})
    if not storage.get("Location"):
        raise NotEmulatedError(f"the catalog table {database}.{name}, which has no location (a view?)")
    serde = storage.get("SerdeInfo", {}).get("Parameters", {})
    parameters = raw.get("Parameters", {})
    return Table(
        database=database,
        name=name,
        location=storage["Location"].rstrip("/") + "/",
        format=_format(raw, f"{database}.{name}"),
        columns={column["Name"]: column.get("Type", "string") for column in storage.get("Columns", ())},
        partition_keys={key["Name"]: key.get("Type", "string") for key in raw.get("PartitionKeys", ())},
        separator=serde.get("field.delim") or serde.get("separatorChar") or parameters.get("delimiter") or ",",
        has_header=parameters.get("skip.header.line.count", serde.get("skip.header.line.count", "0")) != "0",
        raw=raw,
    )


def get_partitions(table: Table) -> list[Partition]:
    """All registered partitions of a table."""
    pages = client().get_paginator("get_partitions").paginate(DatabaseName=table.database, TableName=table.name)
    return [
        Partition(tuple(found["Values"]), found["StorageDescriptor"]["Location"].rstrip("/") + "/")
        for page in pages
        for found in page["Partitions"]
    ]


def register_table(
    database: str,
    name: str,
    location: str,
    *,
    data_format: str,
    columns: Mapping[str, str],
    partition_keys: Mapping[str, str],
    update: bool,
) -> None:
    """Create a table, or bring its columns up to date where ``update`` says so.

    As on AWS, an update adds and changes columns and keeps those that the new data lacks.
    """
    catalog = client()
    wanted = {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": data_format, "EXTERNAL": "TRUE"},
        "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in partition_keys.items()],
        "StorageDescriptor": _storage(location, data_format, columns),
    }
    try:
        current = get_table(database, name)
    except catalog.exceptions.EntityNotFoundException:
        if not any(found["Name"] == database for found in _databases(catalog)):
            raise
        catalog.create_table(DatabaseName=database, TableInput=wanted)
        return
    if update and any(current.columns.get(column) != kind for column, kind in columns.items()):
        merged = {**current.columns, **columns}
        kept = {**current.raw.get("Parameters", {}), **wanted["Parameters"]}
        storage = {**current.raw["StorageDescriptor"], "Columns": _columns(merged)}
        table = {**wanted, "Parameters": kept, "StorageDescriptor": storage}
        catalog.update_table(DatabaseName=database, TableInput=table)


def register_partitions(table: Table, values: Iterable[Sequence[str]]) -> None:
    """Add the partitions that are not there yet, each at its Hive-style folder."""
    known = {partition.values for partition in get_partitions(table)}
    missing = [tuple(row) for row in values if tuple(row) not in known]
    storage = dict(table.raw["StorageDescriptor"])
    for batch in _batches(missing):
        answer = client().batch_create_partition(
            DatabaseName=table.database,
            TableName=table.name,
            PartitionInputList=[
                {"Values": list(row), "StorageDescriptor": {**storage, "Location": _folder(table, row)}}
                for row in batch
            ],
        )
        for error in answer.get("Errors", ()):
            detail = error["ErrorDetail"]
            if detail["ErrorCode"] != "AlreadyExistsException":
                raise RuntimeError(f"partition {error['PartitionValues']} of {table.name}: {detail}")


def drop_partitions(table: Table, partitions: Sequence[Partition]) -> None:
    """Remove partitions from the catalog, their data apart."""
    for batch in _batches(partitions):
        client().batch_delete_partition(
            DatabaseName=table.database,
            TableName=table.name,
            PartitionsToDelete=[{"Values": list(partition.values)} for partition in batch],
        )


def _format(raw: Mapping[str, Any], shown: str) -> str:
    storage = raw["StorageDescriptor"]
    said = str(raw.get("Parameters", {}).get("classification", "")).lower()
    serde = str(storage.get("SerdeInfo", {}).get("SerializationLibrary", "")).lower()
    for name in _STORAGE:
        if said == name or name in serde:
            return name
    if "lazysimple" in serde:
        return "csv"
    raise NotEmulatedError(f"the format of the catalog table {shown} ({said or serde or 'none given'})")


def _storage(location: str, data_format: str, columns: Mapping[str, str]) -> dict[str, Any]:
    reads, writes, serde = _STORAGE[data_format]
    delimiter = {"field.delim": ","} if data_format == "csv" else {}
    return {
        "Columns": _columns(columns),
        "Location": location,
        "InputFormat": reads,
        "OutputFormat": writes,
        "SerdeInfo": {
            "SerializationLibrary": serde,
            "Parameters": {"serialization.format": "1", **delimiter},
        },
    }


def _columns(columns: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind} for name, kind in columns.items()]


def _databases(catalog: Any) -> Iterator[dict[str, Any]]:
    for page in catalog.get_paginator("get_databases").paginate():
        yield from page["DatabaseList"]


def _folder(table: Table, values: Sequence[str]) -> str:
    pairs = zip(table.partition_keys, values, strict=True)
    return table.location + "".join(f"{key}={value}/" for key, value in pairs)


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
