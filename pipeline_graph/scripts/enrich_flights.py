"""Give every valid flight its destination's name and the weather of its hour of departure."""

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import functions as F

args = getResolvedOptions(
    sys.argv,
    [
        "JOB_NAME",
        "FLIGHTS_VALID_DATA_SOURCE",
        "WEATHER_HOURLY_DATA_SOURCE",
        "AIRPORTS_DATA_SOURCE",
        "FLIGHTS_ENRICHED_DATA_SINK",
    ],
)
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
spark.conf.set("spark.sql.session.timeZone", "UTC")
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

flights = spark.read.parquet(args["FLIGHTS_VALID_DATA_SOURCE"])
weather = spark.read.parquet(args["WEATHER_HOURLY_DATA_SOURCE"])
destinations = spark.read.parquet(args["AIRPORTS_DATA_SOURCE"]).select(
    F.col("airport").alias("dest"), F.col("airport_name").alias("dest_name")
)

severe = (
    (F.col("visibility_km") < 5) | (F.col("wind_speed_kmh") >= 45) | (F.col("precipitation_mm") >= 2.5)
)
unpleasant = (
    (F.col("visibility_km") < 10) | (F.col("wind_speed_kmh") >= 30) | (F.col("precipitation_mm") > 0)
)

enriched = (
    flights.join(F.broadcast(weather), ["origin", "time_hour"], "left")
    .join(F.broadcast(destinations), "dest", "left")
    .withColumn(
        "weather_class",
        F.when(F.col("visibility_km").isNull(), "unknown")
        .when(severe, "severe")
        .when(unpleasant, "unpleasant")
        .otherwise("fair"),
    )
    .withColumn("processed_at", F.current_timestamp())
)

# A month comes as one file and stays one: no shuffle is needed.
(
    enriched.sortWithinPartitions("month", "time_hour", "carrier", "flight", "origin")
    .write.mode("overwrite")
    .partitionBy("month")
    .parquet(args["FLIGHTS_ENRICHED_DATA_SINK"])
)
job.commit()
