"""Land carriers, airports and planes as parquet (a Python shell job: three small files need no Spark)."""

import io
import sys
from urllib.parse import urlparse

import boto3
import pandas as pd
from awsglue.utils import getResolvedOptions

args = getResolvedOptions(
    sys.argv,
    ["RAW_REFERENCE_PATH", "CARRIERS_DATA_SINK", "AIRPORTS_DATA_SINK", "PLANES_DATA_SINK"],
)
s3 = boto3.client("s3")


def read_csv(uri):
    location = urlparse(uri)
    body = s3.get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"].read()
    return pd.read_csv(io.BytesIO(body))


def write_parquet(frame, prefix):
    location = urlparse(prefix)
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    key = location.path.lstrip("/").rstrip("/") + "/part-00000.parquet"
    s3.put_object(Bucket=location.netloc, Key=key, Body=buffer.getvalue())
    print(f"{len(frame)} rows to s3://{location.netloc}/{key}")


raw = args["RAW_REFERENCE_PATH"].rstrip("/")

carriers = read_csv(f"{raw}/airlines.csv").rename(columns={"name": "carrier_name"})
write_parquet(carriers.sort_values("carrier"), args["CARRIERS_DATA_SINK"])

airports = read_csv(f"{raw}/airports.csv").rename(columns={"faa": "airport", "name": "airport_name"})
airports = airports[["airport", "airport_name", "lat", "lon", "tzone"]]
write_parquet(airports.sort_values("airport"), args["AIRPORTS_DATA_SINK"])

planes = read_csv(f"{raw}/planes.csv").rename(columns={"year": "built_year"})
planes["built_year"] = planes["built_year"].astype("Int32")
planes["seats"] = planes["seats"].astype("int32")
planes = planes[["tailnum", "built_year", "manufacturer", "model", "engine", "seats"]]
write_parquet(planes.sort_values("tailnum"), args["PLANES_DATA_SINK"])
