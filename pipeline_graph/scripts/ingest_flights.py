"""Land the year's flight records as typed parquet, in the order in which they came."""

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import functions as F

SCHEMA = """
    year INT, month INT, day INT, dep_time INT, sched_dep_time INT, dep_delay INT,
    arr_time INT, sched_arr_time INT, arr_delay INT, carrier STRING, flight INT, tailnum STRING,
    origin STRING, dest STRING, air_time INT, distance INT, hour INT, minute INT, time_hour TIMESTAMP
"""

args = getResolvedOptions(sys.argv, ["JOB_NAME", "RAW_FLIGHTS_PATH", "FLIGHTS_BRONZE_DATA_SINK"])
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
spark.conf.set("spark.sql.session.timeZone", "UTC")
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

flights = spark.read.csv(args["RAW_FLIGHTS_PATH"], schema=SCHEMA, header=True, nullValue="NA")
bronze = flights.withColumn("ingested_at", F.current_timestamp())

bronze.coalesce(2).write.mode("overwrite").parquet(args["FLIGHTS_BRONZE_DATA_SINK"])
job.commit()
