"""Daily departures of the three New York airports, partitioned by month."""

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import functions as F

args = getResolvedOptions(
    sys.argv, ["JOB_NAME", "FLIGHTS_VALID_DATA_SOURCE", "AIRPORT_DAILY_DATA_SINK"]
)
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

departed = spark.read.parquet(args["FLIGHTS_VALID_DATA_SOURCE"]).where(F.col("dep_time").isNotNull())

daily = departed.groupBy(F.col("origin").alias("airport"), "flight_date", "month").agg(
    F.count("*").alias("departures"),
    F.countDistinct("dest").alias("destinations"),
    F.round(F.avg("dep_delay"), 2).alias("mean_dep_delay"),
    F.max("dep_delay").alias("max_dep_delay"),
)

(
    daily.coalesce(1)
    .sortWithinPartitions("month", "airport", "flight_date")
    .write.mode("overwrite")
    .partitionBy("month")
    .parquet(args["AIRPORT_DAILY_DATA_SINK"])
)
job.commit()
