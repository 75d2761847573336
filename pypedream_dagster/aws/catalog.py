"""The Glue Data Catalog by branch: a database of its own, and tables registered directly (no crawler)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from pypedream_dagster.aws.sts import StsClient
from pypedream_dagster.aws.translate import translated
from pypedream_dagster.errors import AwsError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient as BotoGlue

_PARTITION_BATCH = 100  # the most that one BatchCreatePartition call takes
_FORMAT = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """A column by its name and its Hive type, such as ``bigint``."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class CatalogPartition:
    """One partition: the values of the partition columns, in their order, and where its files lie."""

    values: tuple[str, ...]
    location_uri: str


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """A parquet table: where it lies and what it holds."""

    database: str
    name: str
    location_uri: str
    columns: tuple[CatalogColumn, ...]
    partition_columns: tuple[CatalogColumn, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogClient:
    """The catalog calls in use."""

    boto: BotoGlue
    sts: StsClient

    def has_database(self, name: str) -> bool:
        """Tell whether the database exists."""
        try:
            with translated("glue", f"catalog database {name}"):
                self.boto.get_database(Name=name)
        except NotFoundError:
            return False
        return True

    def database_names(self, prefix: str = "") -> Iterator[str]:
        """Give the names of the databases whose name begins with ``prefix``."""
        with translated("glue", "the account's catalog databases"):
            for page in self.boto.get_paginator("get_databases").paginate():
                yield from (item["Name"] for item in page["DatabaseList"] if item["Name"].startswith(prefix))

    def create_database(self, name: str, tags: Mapping[str, str], description: str = "") -> None:
        """Create a database with its tags.

        Raises:
            AwsError: a database of that name exists.
        """
        with translated("glue", f"catalog database {name}"):
            self.boto.create_database(DatabaseInput={"Name": name, "Description": description}, Tags=dict(tags))

    def delete_database(self, name: str) -> None:
        """Delete a database with its tables; one that is gone already is no error."""
        try:
            for table in list(self.table_names(name)):
                # Gone already: an answer was lost, and asked for again.
                with suppress(NotFoundError), translated("glue", f"catalog table {name}.{table}"):
                    self.boto.delete_table(DatabaseName=name, Name=table)
            with translated("glue", f"catalog database {name}"):
                self.boto.delete_database(Name=name)
        except NotFoundError:
            return

    def tags(self, name: str) -> dict[str, str]:
        """Return a database's tags.

        Raises:
            NotFoundError: no such database.
        """
        with translated("glue", f"catalog database {name}"):
            return self.boto.get_tags(ResourceArn=self.arn(name))["Tags"]

    def set_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Add tags to a database, replacing the values of those that it has."""
        with translated("glue", f"catalog database {name}"):
            self.boto.tag_resource(ResourceArn=self.arn(name), TagsToAdd=dict(tags))

    def arn(self, name: str) -> str:
        """Return the ARN of a database in the account and region in use."""
        caller = self.sts.caller()
        return f"arn:{caller.partition}:glue:{self.boto.meta.region_name}:{caller.account}:database/{name}"

    def table_names(self, database: str) -> Iterator[str]:
        """Give the names of a database's tables.

        Raises:
            NotFoundError: no such database.
        """
        with translated("glue", f"catalog database {database}"):
            for page in self.boto.get_paginator("get_tables").paginate(DatabaseName=database):
                yield from (table["Name"] for table in page["TableList"])

    def get_table(self, database: str, name: str) -> CatalogTable | None:
        """Return a table, or None if there is none of that name."""
        found = self.whole_table(database, name)
        if found is None:
            return None
        storage = found.get("StorageDescriptor", {})
        return CatalogTable(
            database=database,
            name=name,
            location_uri=storage.get("Location", ""),
            columns=_columns(storage.get("Columns", [])),
            partition_columns=_columns(found.get("PartitionKeys", [])),
        )

    def whole_table(self, database: str, name: str) -> Mapping[str, Any] | None:
        """Return a table as GetTable answers, whole; None if there is none of that name."""
        try:
            with translated("glue", f"catalog table {database}.{name}"):
                return cast("Mapping[str, Any]", self.boto.get_table(DatabaseName=database, Name=name)["Table"])
        except NotFoundError:
            return None

    def put_table(self, table: CatalogTable, partitions: Sequence[CatalogPartition] = ()) -> None:
        """Create a parquet table or replace it, its partitions with it.

        Raises:
            NotFoundError: no such database.
            AwsError: Glue refused one of the partitions.
        """
        resource = f"catalog table {table.database}.{table.name}"
        with translated("glue", resource):
            if self.get_table(table.database, table.name) is not None:
                # Replaced, not updated: the partitions of the run before may be gone from S3.
                self.boto.delete_table(DatabaseName=table.database, Name=table.name)
            self.boto.create_table(DatabaseName=table.database, TableInput=_table_input(table))
        for start in range(0, len(partitions), _PARTITION_BATCH):
            batch = partitions[start : start + _PARTITION_BATCH]
            with translated("glue", resource):
                answer = self.boto.batch_create_partition(
                    DatabaseName=table.database,
                    TableName=table.name,
                    PartitionInputList=[
                        {"Values": list(part.values), "StorageDescriptor": _storage(table, part.location_uri)}
                        for part in batch
                    ],
                )
            for fault in answer.get("Errors", []):
                detail = fault.get("ErrorDetail", {})
                raise AwsError(
                    f"{resource}: partition {fault.get('PartitionValues')} was refused: "
                    f"{detail.get('ErrorCode')}: {detail.get('ErrorMessage')}."
                )

    def partitions(self, database: str, table: str) -> Iterator[CatalogPartition]:
        """Give a table's partitions.

        Raises:
            NotFoundError: no such table.
        """
        with translated("glue", f"catalog table {database}.{table}"):
            for page in self.boto.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table):
                for item in page["Partitions"]:
                    location = item.get("StorageDescriptor", {}).get("Location", "")
                    yield CatalogPartition(values=tuple(item.get("Values", [])), location_uri=location)


def _columns(items: Sequence[Mapping[str, str]]) -> tuple[CatalogColumn, ...]:
    return tuple(CatalogColumn(item["Name"], item.get("Type", "")) for item in items)


def _storage(table: CatalogTable, location_uri: str) -> Any:
    return {
        **_FORMAT,
        "Location": location_uri,
        "Columns": [{"Name": column.name, "Type": column.type} for column in table.columns],
    }


def _table_input(table: CatalogTable) -> Any:
    return {
        "Name": table.name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
        "PartitionKeys": [{"Name": column.name, "Type": column.type} for column in table.partition_columns],
        "StorageDescriptor": _storage(table, table.location_uri),
    }
