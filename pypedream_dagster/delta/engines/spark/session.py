"""A Spark on this machine, for comparisons that are not sent to Glue."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from pypedream_dagster.errors import DeltaError

_CONF = {
    "spark.app.name": "pypedream-delta",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.driver.memory": "4g",
    # Stale .crc files beside the data are not its business.
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    # The embedded AWS's choice: half the time to start, and for speed on this machine there is DuckDB.
    "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto",
}


def local_session(
    conf: Mapping[str, str] | None = None, *, jars: Iterable[os.PathLike[str]] = (), threads: int | None = None
) -> Any:
    """The SparkSession that is active in this process, else a new one on this machine.

    Args:
        conf: further Spark settings for a new one.
        jars: to put on its classpath: S3A, for ``s3://``.
        threads: how many tasks at once; None takes all cores.

    Raises:
        DeltaError: there is no pyspark, or no Java that runs it.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise DeltaError(
            "engine spark needs pyspark, which is not installed",
            hint="pip install 'pypedream-dagster[local]'; or use engine duckdb, which spills to disk",
        ) from error
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    # Java takes the encoding of file names from the locale.
    if not any("UTF-8" in os.environ.get(name, "").upper() for name in ("LC_ALL", "LC_CTYPE", "LANG")):
        os.environ["LC_ALL"] = "C.UTF-8"
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master(f"local[{threads or '*'}]")
    settings = {
        **_CONF,
        # Enough for each to fit into memory where there is much data, and few where there is little.
        "spark.sql.shuffle.partitions": str(4 * (threads or os.cpu_count() or 1)),
        **({"spark.driver.extraClassPath": os.pathsep.join(map(str, jars))} if jars else {}),
        **(conf or {}),
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except Exception as error:  # pyspark raises its own and Java's errors
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DeltaError(f"Spark did not start: {first}", hint="engine spark needs Java 17: set JAVA_HOME") from error
    session.sparkContext.setLogLevel("ERROR")
    return session
