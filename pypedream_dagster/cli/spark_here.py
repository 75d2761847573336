"""Spark on this machine for ``compare --engine spark``: with the Java and the S3A jars of the embedded AWS."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pypedream_dagster.errors import DeltaError, LocalAwsError

if TYPE_CHECKING:
    from pypedream_dagster.aws.s3 import S3Client


def start_spark(s3: S3Client | None) -> Any:
    """Start Spark, or return the one that runs.

    Args:
        s3: whose credentials ``s3://`` is read on; None where all data is local.

    Raises:
        DeltaError: there is no pyspark, no Java 17, or the S3A jars cannot be fetched.
    """
    from pypedream_dagster.delta.engines.spark.session import local_session
    from pypedream_dagster.local_aws.jars import ensure_jars
    from pypedream_dagster.local_aws.java import find_java_home

    try:
        os.environ["JAVA_HOME"] = str(find_java_home())
        jars = ensure_jars() if s3 else ()
    except LocalAwsError as error:
        raise DeltaError(f"engine spark cannot start: {error.message}", hint=error.hint) from error
    return local_session(s3.spark_conf() if s3 else None, jars=jars)
