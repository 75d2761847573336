"""Land the hourly weather of the three New York airports, in metric units."""

import sys

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.job import Job
from awsglue.transforms import ApplyMapping
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import functions as F

args = getResolvedOptions(sys.argv, ["JOB_NAME", "RAW_WEATHER_PATH", "WEATHER_HOURLY_DATA_SINK"])
glue_context = GlueContext(SparkContext.getOrCreate())
glue_context.spark_session.conf.set("spark.sql.session.timeZone", "UTC")
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

raw = glue_context.create_dynamic_frame.from_options(
    connection_type="s3",
    connection_options={"paths": [args["RAW_WEATHER_PATH"]], "recurse": True},
    format="csv",
    format_options={"withHeader": True},
    transformation_ctx="raw_weather",
)
typed = ApplyMapping.apply(
    frame=raw,
    mappings=[
        ("origin", "string", "origin", "string"),
        ("time_hour", "string", "time_hour", "timestamp"),
        ("temp", "string", "temperature_f", "double"),
        ("wind_speed", "string", "wind_speed_mph", "double"),
        ("precip", "string", "precipitation_in", "double"),
        ("visib", "string", "visibility_miles", "double"),
    ],
    transformation_ctx="typed_weather",
)

weather = (
    typed.toDF()
    .withColumn("temperature_c", F.round((F.col("temperature_f") - 32) * 5 / 9, 1))
    .withColumn("wind_speed_kmh", F.round(F.col("wind_speed_mph") * 1.609344, 1))
    .withColumn("precipitation_mm", F.round(F.col("precipitation_in") * 25.4, 1))
    .withColumn("visibility_km", F.round(F.col("visibility_miles") * 1.609344, 1))
    .drop("temperature_f", "wind_speed_mph", "precipitation_in", "visibility_miles")
    .coalesce(1)
    .sortWithinPartitions("origin", "time_hour")
)

# A Glue sink appends, so the last run's files go first.
glue_context.purge_s3_path(args["WEATHER_HOURLY_DATA_SINK"], {"retentionPeriod": 0})
glue_context.write_dynamic_frame.from_options(
    frame=DynamicFrame.fromDF(weather, glue_context, "weather_hourly"),
    connection_type="s3",
    connection_options={"path": args["WEATHER_HOURLY_DATA_SINK"]},
    format="parquet",
    transformation_ctx="weather_hourly",
)
job.commit()
