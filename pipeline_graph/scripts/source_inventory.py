"""List the raw files that the reports of this run were made from (a Python shell job, last in line)."""

import io
import sys
from urllib.parse import urlparse

import boto3
import pandas as pd
from awsglue.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["RAW_PATH", "SOURCE_INVENTORY_DATA_SINK"])
s3 = boto3.client("s3")

raw = urlparse(args["RAW_PATH"])
files = [
    {"key": item["Key"], "size_bytes": item["Size"], "etag": item["ETag"].strip('"')}
    for page in s3.get_paginator("list_objects_v2").paginate(
        Bucket=raw.netloc, Prefix=raw.path.lstrip("/")
    )
    for item in page.get("Contents", [])
]

sink = urlparse(args["SOURCE_INVENTORY_DATA_SINK"])
buffer = io.BytesIO()
pd.DataFrame(files, columns=["key", "size_bytes", "etag"]).sort_values("key").to_parquet(buffer, index=False)
s3.put_object(
    Bucket=sink.netloc,
    Key=sink.path.lstrip("/").rstrip("/") + "/part-00000.parquet",
    Body=buffer.getvalue(),
)
print(f"{len(files)} raw files listed")
