"""How long an import takes apart from the network, as ratios to the floor: parsing every script to a syntax tree.

    python benchmarks/bench_import.py [--jobs N …] [--repeat 3] [--live]

The jobs form layers: each reads what two of the layer before write, by argument, literal or catalog table, in scripts
of 60 to 900 lines. With ``--live`` they are deployed on an embedded AWS of its own and read from there through the API,
one machine playing both sides.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pypedream_dagster.importers.finding import Imported
from pypedream_dagster.importers.inference.build import Given, import_graph
from pypedream_dagster.importers.inference.nodes import Selection
from pypedream_dagster.importers.survey import CatalogEntry, JobDefinition, Survey, Where
from pypedream_dagster.script.reading import read_script

BUCKET = "bench-import"
_LAYER = 20
_HEAD = """
import sys
import logging
from datetime import datetime, timedelta
import boto3
from awsglue.transforms import ApplyMapping, Filter, ResolveChoice
from awsglue.utils import getResolvedOptions
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.job import Job
from pyspark.context import SparkContext
from pyspark.sql import functions as F, types as T
from pyspark.sql.window import Window

args = getResolvedOptions(sys.argv, ["JOB_NAME", "source", "target", "database"])
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
job = Job(glue_context)
job.init(args["JOB_NAME"], args)
logger = logging.getLogger(__name__)
s3 = boto3.client("s3")
"""
_STEP = """

def step_{k}(frame, day, dry_run=False):
    window = Window.partitionBy("customer_{k}", "region").orderBy(F.col("updated_at").desc())
    renamed = (
        frame.withColumnRenamed("id_{k}", "key_{k}")
        .withColumn("amount_{k}", F.col("amount").cast(T.DecimalType(18, 2)))
        .withColumn("day", F.lit(day))
        .withColumn("rank", F.row_number().over(window))
        .filter(F.col("rank") == 1)
        .drop("rank")
    )
    totals = {{}}
    for column in ["amount_{k}", "quantity", "discount"]:
        if column in renamed.columns:
            totals[column] = renamed.agg(F.sum(column)).collect()[0][0]
        else:
            logger.warning("no column %s in step %s", column, "{k}")
    if dry_run:
        logger.info(f"step {k} would give {{totals}}")
        return frame
    renamed.createOrReplaceTempView("step_{k}")
    joined = spark.sql(f'''
        SELECT a.*, b.segment, COALESCE(b.weight, 0) AS weight_{k}
        FROM step_{k} a LEFT JOIN segments b ON a.key_{k} = b.key AND b.day = '{{day}}'
    ''')
    return joined.dropDuplicates(["key_{k}", "day"])
"""
_TAIL = """

if __name__ == "__main__":
    day = (datetime.now() - timedelta(days=1)).strftime("%Y-%m-%d")
    first = spark.read.parquet(args["source"])
    second = {second}
    frame = first.join(second, on="id", how="left")
{calls}
    frame.write.mode("overwrite").partitionBy("day").parquet(args["target"])
    s3.put_object(Bucket="{bucket}", Key=f"logs/{{args['JOB_NAME']}}/{{day}}.json", Body=b"done")
    job.commit()
"""


def script(number: int) -> str:
    """The script of the job of this number; one in ten is long."""
    steps = 30 if number % 10 == 9 else number % 6 + 1
    other = max(number - _LAYER - 1, 0)
    by_table = f'glue_context.create_dynamic_frame.from_catalog(database="lake", table_name="out_{other}").toDF()'
    second = by_table if number % 3 == 0 else f'spark.read.parquet("s3://{BUCKET}/data/out_{other}/")'
    calls = "\n".join(f"    frame = step_{k}(frame, day)" for k in range(steps))
    body = "".join(_STEP.format(k=k) for k in range(steps))
    return _HEAD + body + _TAIL.format(second=second, calls=calls, bucket=BUCKET)


def jobs(count: int) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    """The jobs' names, properties and scripts."""
    for number in range(count):
        source = f"s3://{BUCKET}/data/out_{number - _LAYER}/" if number >= _LAYER else f"s3://{BUCKET}/raw/in_{number}/"
        properties = {
            "Role": "arn:aws:iam::123456789012:role/bench",
            "GlueVersion": "5.0",
            "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/scripts/job_{number}.py"},
            "DefaultArguments": {
                "--source": source,
                "--target": f"s3://{BUCKET}/data/out_{number}/",
                "--database": "lake",
            },
        }
        yield f"job_{number}", properties, script(number).encode()


def survey(count: int) -> Survey:
    """The jobs as a source in memory tells them."""
    at, made = Where("bench"), list(jobs(count))
    return Survey(
        jobs=tuple(JobDefinition(name, {"Name": name, **properties}, at) for name, properties, _ in made),
        tables=tuple(CatalogEntry("lake", f"out_{n}", f"s3://{BUCKET}/data/out_{n}/", at) for n in range(count)),
        scripts={properties["Command"]["ScriptLocation"]: body for _, properties, body in made},
    )


def timed(repeat: int, action: Callable[[], Any]) -> float:
    """The median of some runs, in seconds of this process: other work of the machine does not count."""
    found = []
    for _ in range(repeat):
        started = time.process_time()
        action()
        found.append(time.process_time() - started)
    return statistics.median(found)


def each(action: Callable[[bytes], Any], bodies: Iterable[bytes]) -> None:
    """Do something with each script and keep nothing."""
    for body in bodies:
        action(body)


def imported(given: Survey) -> Imported:
    """The whole import, from a survey to the graph."""
    return import_graph(Given(given, Selection(frozenset(), all_jobs=True)))


def bench(count: int, repeat: int) -> None:
    """Print one line."""
    given = survey(count)
    bodies = list(given.scripts.values())
    floor = timed(repeat, lambda: each(ast.parse, bodies))
    reading = timed(repeat, lambda: each(read_script, bodies))
    whole = timed(repeat, lambda: imported(given))
    result = imported(given)
    lines = sum(body.count(b"\n") for body in bodies)
    print(
        f"{count:5} jobs {lines:8,} lines | floor {floor:6.2f} s | scripts read {reading / floor:5.1f}x |"
        f" import {whole / floor:5.1f}x = {whole:6.2f} s | {len(result.graph.nodes)} nodes, {len(result.links)} links"
    )


def bench_live(count: int) -> None:
    """Deploy on an embedded AWS, import from there through the API, print one line."""
    from pypedream_dagster.aws.session import connect
    from pypedream_dagster.importers.sources import live
    from pypedream_dagster.local_aws import control
    from pypedream_dagster.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder))
        endpoint = control.up(settings.local_state_dir)
        try:
            aws = connect(replace(settings, endpoint_url=endpoint.url, region=endpoint.region))
            aws.s3.create_bucket(BUCKET)
            for name, properties, body in jobs(count):
                aws.s3.write(properties["Command"]["ScriptLocation"], body)
                aws.glue.create_job(name, properties, {})
            started = time.perf_counter()
            found = live.survey_jobs(aws)
            network = time.perf_counter() - started
            result = imported(found)
            whole = time.perf_counter() - started
            print(
                f"{count:5} jobs live | through the API {network:6.2f} s | all {whole:6.2f} s |"
                f" {len(result.graph.nodes)} nodes, {len(found.scripts)} scripts"
            )
        finally:
            control.down(settings.local_state_dir)


def main() -> int:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[60, 500])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--live", action="store_true")
    options = parser.parse_args()
    for count in options.jobs:
        bench(count, options.repeat)
        if options.live:
            bench_live(count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
