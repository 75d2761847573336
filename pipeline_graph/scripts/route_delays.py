"""Delays by route: how many flights, how late, and how often the weather was against them."""

import sys

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(
    sys.argv, ["JOB_NAME", "FLIGHTS_ENRICHED_DATA_SOURCE", "ROUTE_DELAYS_DATA_SINK"]
)
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

flights = glue_context.create_dynamic_frame.from_options(
    connection_type="s3",
    connection_options={"paths": [args["FLIGHTS_ENRICHED_DATA_SOURCE"]], "recurse": True},
    format="parquet",
    transformation_ctx="flights",
)
flights.toDF().createOrReplaceTempView("flights")

routes = spark.sql(
    """
    SELECT origin,
           dest,
           MAX(dest_name)                                             AS dest_name,
           COUNT(*)                                                   AS flights,
           ROUND(AVG(dep_delay), 2)                                   AS mean_dep_delay,
           ROUND(AVG(arr_delay), 2)                                   AS mean_arr_delay,
           ROUND(PERCENTILE(arr_delay, 0.9), 1)                       AS p90_arr_delay,
           ROUND(AVG(CAST(on_time AS INT)), 4)                        AS on_time_fraction,
           ROUND(AVG(CAST(weather_class = 'severe' AS INT)), 4)       AS severe_weather_fraction
      FROM flights
     GROUP BY origin, dest
    """
)

glue_context.purge_s3_path(args["ROUTE_DELAYS_DATA_SINK"], {"retentionPeriod": 0})
glue_context.write_dynamic_frame.from_options(
    frame=DynamicFrame.fromDF(
        routes.coalesce(1).sortWithinPartitions("origin", "dest"), glue_context, "route_delays"
    ),
    connection_type="s3",
    connection_options={"path": args["ROUTE_DELAYS_DATA_SINK"]},
    format="parquet",
    transformation_ctx="route_delays",
)
job.commit()
