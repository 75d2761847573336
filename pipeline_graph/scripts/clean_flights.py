"""Split the flight records into the ones that every report counts and the ones set aside with a reason."""

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import functions as F

ON_TIME_MINUTES = 15

args = getResolvedOptions(
    sys.argv,
    ["JOB_NAME", "FLIGHTS_BRONZE_DATA_SOURCE", "FLIGHTS_VALID_DATA_SINK", "FLIGHTS_REJECTED_DATA_SINK"],
)
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
spark.conf.set("spark.sql.session.timeZone", "UTC")
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

flights = (
    spark.read.parquet(args["FLIGHTS_BRONZE_DATA_SOURCE"])
    .withColumn("flight_date", F.make_date("year", "month", "day"))
    .withColumn("reason", F.when(F.col("tailnum").isNull(), "no_tail_number"))
)

rejected = flights.where(F.col("reason").isNotNull()).select(
    "flight_date", "carrier", "flight", "origin", "dest", "sched_dep_time", "reason"
)

valid = (
    flights.where(F.col("reason").isNull())
    .withColumn("arr_delay", F.coalesce(F.col("arr_delay"), F.lit(0)))
    .withColumn("on_time", F.col("arr_delay") <= ON_TIME_MINUTES)
    .select(
        "time_hour",
        "carrier",
        "flight",
        "origin",
        "dest",
        "tailnum",
        "flight_date",
        "sched_dep_time",
        "dep_time",
        "dep_delay",
        "arr_delay",
        "on_time",
        "air_time",
        "distance",
        "month",
    )
)

(
    valid.repartition("month")
    .sortWithinPartitions("month", "time_hour", "carrier", "flight", "origin")
    .write.mode("overwrite")
    .partitionBy("month")
    .parquet(args["FLIGHTS_VALID_DATA_SINK"])
)
(
    rejected.coalesce(1)
    .sortWithinPartitions("flight_date", "carrier", "flight", "origin")
    .write.mode("overwrite")
    .parquet(args["FLIGHTS_REJECTED_DATA_SINK"])
)
job.commit()
