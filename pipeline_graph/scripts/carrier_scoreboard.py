"""Punctuality of every carrier by month, with its rank among the carriers of that month."""

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import Window
from pyspark.sql import functions as F

args = getResolvedOptions(
    sys.argv,
    ["JOB_NAME", "FLIGHTS_VALID_DATA_SOURCE", "CARRIERS_DATA_SOURCE", "CARRIER_SCOREBOARD_DATA_SINK"],
)
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

flights = spark.read.parquet(args["FLIGHTS_VALID_DATA_SOURCE"])
carriers = spark.read.parquet(args["CARRIERS_DATA_SOURCE"])

monthly = flights.groupBy("carrier", "month").agg(
    F.count("*").alias("flights"),
    F.round(F.avg("arr_delay"), 2).alias("mean_arr_delay"),
    F.round(F.avg(F.col("on_time").cast("int")), 4).alias("on_time_fraction"),
)
best_first = Window.partitionBy("month").orderBy(F.desc("on_time_fraction"), "carrier")

scoreboard = (
    monthly.join(F.broadcast(carriers), "carrier", "left")
    .withColumn("rank", F.row_number().over(best_first))
    .withColumn("refreshed_at", F.current_timestamp())
    .select(
        "carrier",
        "carrier_name",
        "month",
        "flights",
        "mean_arr_delay",
        "on_time_fraction",
        "rank",
        "refreshed_at",
    )
)

(
    scoreboard.coalesce(1)
    .sortWithinPartitions("month", "rank")
    .write.mode("overwrite")
    .parquet(args["CARRIER_SCOREBOARD_DATA_SINK"])
)
job.commit()
