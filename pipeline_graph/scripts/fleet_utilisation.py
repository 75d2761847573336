"""What every plane of the fleet did over the year: flights flown, hours in the air, seat miles."""

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

# Older than the naming convention of the other jobs, hence its own argument names.
args = getResolvedOptions(sys.argv, ["JOB_NAME", "flights_path", "planes_path", "target_path"])
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

spark.read.parquet(args["flights_path"]).createOrReplaceTempView("flights")
spark.read.parquet(args["planes_path"]).createOrReplaceTempView("planes")

fleet = spark.sql(
    """
    SELECT f.tailnum,
           MAX(p.manufacturer)                              AS manufacturer,
           MAX(p.model)                                     AS model,
           MAX(p.built_year)                                AS built_year,
           MAX(p.seats)                                     AS seats,
           COUNT(*)                                         AS flights_flown,
           COUNT(DISTINCT f.flight_date)                    AS days_in_service,
           ROUND(SUM(f.air_time) / 60, 1)                   AS hours_in_the_air,
           SUM(f.distance)                                  AS miles,
           SUM(f.distance * CAST(p.seats AS BIGINT))        AS seat_miles
      FROM flights f
      LEFT JOIN planes p ON p.tailnum = f.tailnum
     WHERE f.air_time IS NOT NULL
     GROUP BY f.tailnum
    """
)

fleet.coalesce(1).sortWithinPartitions("tailnum").write.mode("overwrite").parquet(args["target_path"])
job.commit()
