"""The handful of figures that the weekly operations meeting looks at."""

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(
    sys.argv,
    [
        "JOB_NAME",
        "ROUTE_DELAYS_DATA_SOURCE",
        "CARRIER_SCOREBOARD_DATA_SOURCE",
        "AIRPORT_DAILY_DATA_SOURCE",
        "KPI_SUMMARY_DATA_SINK",
    ],
)
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

spark.read.parquet(args["ROUTE_DELAYS_DATA_SOURCE"]).createOrReplaceTempView("routes")
spark.read.parquet(args["CARRIER_SCOREBOARD_DATA_SOURCE"]).createOrReplaceTempView("scoreboard")
spark.read.parquet(args["AIRPORT_DAILY_DATA_SOURCE"]).createOrReplaceTempView("daily")

kpis = spark.sql(
    """
    SELECT k.kpi, k.value, k.unit, CURRENT_TIMESTAMP() AS computed_at
      FROM (
        SELECT 'flights_counted' AS kpi, CAST(SUM(flights) AS DOUBLE) AS value, 'flights' AS unit FROM scoreboard
        UNION ALL
        SELECT 'on_time_share', ROUND(100 * SUM(flights * on_time_fraction) / SUM(flights), 1), 'percent'
          FROM scoreboard
        UNION ALL
        SELECT 'routes_served', CAST(COUNT(*) AS DOUBLE), 'routes' FROM routes
        UNION ALL
        SELECT 'routes_late_on_average', CAST(COUNT_IF(mean_arr_delay > 15) AS DOUBLE), 'routes' FROM routes
        UNION ALL
        SELECT 'departures', CAST(SUM(departures) AS DOUBLE), 'flights' FROM daily
        UNION ALL
        SELECT 'busiest_day_departures', CAST(MAX(departures) AS DOUBLE), 'flights' FROM daily
      ) AS k
    """
)

kpis.coalesce(1).sortWithinPartitions("kpi").write.mode("overwrite").parquet(args["KPI_SUMMARY_DATA_SINK"])
job.commit()
