"""What a step tells the UI of its run and its data, and the one place that makes values fit for metadata."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from dagster import MetadataValue, TableColumn, TableSchema

from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.aws.parquet_table import hive_type
from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch.model import Output

Metadata = dict[str, Any]

_FOOTERS_READ = 200  # files; counting the rows of more would cost more than a glance at the UI is worth
_COLUMNS_SHOWN = 500


def plain(value: Any) -> Any:
    """Return a value that Dagster's metadata takes: numpy scalars, missing values and times raise there."""
    match value:
        case None | str() | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime() | date() | Decimal():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
    item = getattr(value, "item", None)  # numpy's scalars
    if callable(item) and getattr(value, "ndim", None) == 0:
        return plain(item())
    return str(value)


def run_metadata(aws: Aws, run: JobRun) -> Metadata:
    """Return what a job run was and took."""
    found: Metadata = {
        "glue/job": run.job_name,
        "glue/job_run_id": run.job_run_id,
        "glue/state": run.state,
        "glue/execution_seconds": run.execution_seconds,
    }
    if run.log_group:
        found["glue/log_group"] = run.log_group
    if run.error_message:
        found["glue/error"] = run.error_message
    if run.dpu_seconds is not None:
        found["glue/dpu_seconds"] = float(run.dpu_seconds)
    if run.billed_dpu_seconds is not None:
        found["glue/billed_dpu_hours"] = round(run.billed_dpu_seconds / 3600, 6)
    if (usd := run.usd(aws.prices)) is not None:
        price = aws.prices.price(run.rate)
        found["glue/estimated_usd"] = round(usd, 6)
        found["glue/price"] = f"{price.usd_per_dpu_hour} USD per DPU-hour ({price.source}, {price.read or 'your own'})"
    if not aws.is_local:
        console = f"https://{aws.region}.console.aws.amazon.com/gluestudio/home?region={aws.region}"
        found["glue/console"] = MetadataValue.url(f"{console}#/job/{run.job_name}/run/{run.job_run_id}")
    return found


def dataset_metadata(s3: S3Client, output: Output) -> Metadata:
    """Return where an output lies and what its parquet footers say; no row is read.

    A dataset in another format, or an empty one, has its place alone.
    """
    found: Metadata = {"dagster/uri": output.head_uri}
    if output.head_table:
        found["dagster/table_name"] = output.head_table
    if output.settings.format != "parquet":
        return found
    footers = _read_footers(s3, output.head_uri)
    if footers is None:
        return found
    if footers.rows is not None:
        found["dagster/row_count"] = footers.rows
    found["size_bytes"] = footers.size_bytes
    columns = [TableColumn(name, kind) for name, kind in footers.columns]
    # In the folders' names, not in the files.
    columns += [TableColumn(name, "string", description="partition") for name in output.settings.partition_columns]
    found["dagster/column_schema"] = TableSchema(columns)
    return found


@dataclass(frozen=True, slots=True)
class _Footers:
    columns: tuple[tuple[str, str], ...]
    rows: int | None
    size_bytes: int


def _read_footers(s3: S3Client, prefix_uri: str) -> _Footers | None:
    import pyarrow.parquet as pq

    files = [
        item
        for item in s3.list_objects(prefix_uri.rstrip("/") + "/")
        if item.size_bytes and not item.key.rsplit("/", 1)[-1].startswith(("_", "."))
    ]
    if not files:
        return None
    filesystem = s3.arrow_filesystem()
    rows: int | None = 0
    schema = None
    for item in files if len(files) <= _FOOTERS_READ else files[:1]:
        try:
            footer = pq.read_metadata(item.uri.removeprefix("s3://"), filesystem=filesystem)
        except (OSError, ValueError):  # a file of another kind: pyarrow's own errors are ValueErrors
            return None
        schema = schema or footer.schema.to_arrow_schema()
        rows = rows + footer.num_rows if rows is not None else None
    assert schema is not None
    columns = tuple((field.name, hive_type(field.type)) for field in schema)[:_COLUMNS_SHOWN]
    return _Footers(columns, rows if len(files) <= _FOOTERS_READ else None, sum(item.size_bytes for item in files))
