"""What a parquet prefix holds, in the catalog's words: columns, partition columns and partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pypedream_dagster.aws.catalog import CatalogColumn, CatalogPartition, CatalogTable
from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.errors import NotFoundError

if TYPE_CHECKING:
    import pyarrow as pa


def describe_table(
    s3: S3Client,
    prefix_uri: str,
    database: str,
    name: str,
    partition_columns: Sequence[str] | None = None,
    partition_types: Mapping[str, str] | None = None,
) -> tuple[CatalogTable, tuple[CatalogPartition, ...]]:
    """Return the table that the parquet files below a prefix make, and its Hive partitions.

    Args:
        partition_columns: named where known; else they are read from the ``column=value`` folders.
        partition_types: Hive types of partition columns, where they are known.

    Raises:
        NotFoundError: no parquet file lies below the prefix.
    """
    import pyarrow.parquet as pq

    base = prefix_uri.rstrip("/")
    files = [item.uri for item in s3.list_objects(f"{base}/") if _is_data(item.key, item.size_bytes)]
    if not files:
        raise NotFoundError(
            f"No parquet files at {prefix_uri}.",
            hint=f"run the job that writes it before {database}.{name} is registered",
        )
    schema = pq.read_schema(files[0].removeprefix("s3://"), filesystem=s3.arrow_filesystem())
    folders = {tuple(_partition_folders(base, uri)) for uri in files}
    keys = list(partition_columns or (pair.split("=", 1)[0] for pair in sorted(folders)[0]))
    table = CatalogTable(
        database=database,
        name=name,
        location_uri=f"{base}/",
        columns=tuple(CatalogColumn(field.name, hive_type(field.type)) for field in schema if field.name not in keys),
        # Folder names carry text only; a reader casts it. Saying more than what is known would be a guess.
        partition_columns=tuple(CatalogColumn(key, (partition_types or {}).get(key, "string")) for key in keys),
    )
    partitions = tuple(
        CatalogPartition(
            values=tuple(unquote(pair.split("=", 1)[1]) for pair in folder),
            location_uri="/".join([base, *folder, ""]),
        )
        for folder in sorted(folders)
        if folder
    )
    return table, partitions


def hive_type(arrow_type: pa.DataType) -> str:
    """Return the Hive type of an Arrow type: ``int64`` is ``bigint``; structs, lists and maps by content."""
    import pyarrow.types as types

    simple = (
        (types.is_boolean, "boolean"),
        (types.is_int8, "tinyint"),
        (types.is_int16, "smallint"),
        (types.is_uint8, "smallint"),
        (types.is_int32, "int"),
        (types.is_uint16, "int"),
        (types.is_integer, "bigint"),
        (types.is_float64, "double"),
        (types.is_floating, "float"),
        (types.is_timestamp, "timestamp"),
        (types.is_date, "date"),
        (types.is_binary, "binary"),
        (types.is_large_binary, "binary"),
        (types.is_fixed_size_binary, "binary"),
    )
    for matches, name in simple:
        if matches(arrow_type):
            return name
    return _composed_type(arrow_type)


def _composed_type(arrow_type: Any) -> str:
    import pyarrow.types as types

    if types.is_decimal(arrow_type):
        return f"decimal({arrow_type.precision},{arrow_type.scale})"
    if types.is_map(arrow_type):
        return f"map<{hive_type(arrow_type.key_type)},{hive_type(arrow_type.item_type)}>"
    if types.is_list(arrow_type) or types.is_large_list(arrow_type):
        return f"array<{hive_type(arrow_type.value_type)}>"
    if types.is_struct(arrow_type):
        return f"struct<{','.join(f'{field.name}:{hive_type(field.type)}' for field in arrow_type)}>"
    if types.is_dictionary(arrow_type):
        return hive_type(arrow_type.value_type)
    return "string"


def _is_data(key: str, size_bytes: int) -> bool:
    # Spark leaves _SUCCESS and hidden files beside its data; folders are empty objects ending in "/".
    return size_bytes > 0 and not key.rsplit("/", 1)[-1].startswith(("_", "."))


def _partition_folders(base: str, file_uri: str) -> list[str]:
    below = file_uri.removeprefix(f"{base}/").split("/")[:-1]
    return [folder for folder in below if "=" in folder]
