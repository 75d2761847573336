"""How much later flights leave in bad weather, by airport."""

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import functions as F

args = getResolvedOptions(
    sys.argv, ["JOB_NAME", "FLIGHTS_ENRICHED_DATA_SOURCE", "WEATHER_DELAYS_DATA_SINK"]
)
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

by_weather = (
    spark.read.parquet(args["FLIGHTS_ENRICHED_DATA_SOURCE"])
    .groupBy("origin", "weather_class")
    .agg(
        F.count("*").alias("flights"),
        F.round(F.avg("dep_delay"), 2).alias("mean_dep_delay"),
        F.round(F.avg(F.col("on_time").cast("int")), 4).alias("on_time_fraction"),
    )
)

(
    by_weather.coalesce(1)
    .sortWithinPartitions("origin", "weather_class")
    .write.mode("overwrite")
    .parquet(args["WEATHER_DELAYS_DATA_SINK"])
)
job.commit()
