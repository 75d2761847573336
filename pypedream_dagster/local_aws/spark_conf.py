"""What a Spark job on this machine is told: S3A towards the embedded AWS, its own role's keys, Glue's defaults.

Pure: from a :class:`SparkJob` to ``spark.*`` properties. The properties of one job are all that a resident
JVM knows of it (see :mod:`pypedream_dagster.local_aws.warm_jvm`), so whatever must not outlive the job, its
credentials first of all, is put here and nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

AWSGLUE_SHIM = Path(__file__).with_name("awsglue_shim")
"""Belongs on the PYTHONPATH of every job, so that ``import awsglue`` finds our stand-in."""

_CONF_FLAG = re.compile(r"(?:^|\s)--conf(?:\s+|=)")

# Sized for Glue's workers, or decided by the embedded AWS: set by a job, they are passed over.
_OURS = (
    "spark.master",
    "spark.submit.",
    "spark.driver.host",
    "spark.driver.bindAddress",
    "spark.driver.memory",
    "spark.driver.extraJavaOptions",
    "spark.executor.memory",
    "spark.executor.instances",
    "spark.dynamicAllocation.",
    "spark.local.dir",
    "spark.ui.",
    "spark.hadoop.fs.s3.",
    "spark.hadoop.fs.s3n.",
    "spark.hadoop.fs.s3a.endpoint",
    "spark.hadoop.fs.s3a.access.key",
    "spark.hadoop.fs.s3a.secret.key",
    "spark.hadoop.fs.s3a.session.token",
    "spark.hadoop.fs.s3a.aws.credentials.provider",
    "spark.hadoop.fs.s3a.impl",
)


@dataclass(frozen=True, slots=True)
class SparkJob:
    """One job run as Spark needs to know it.

    Args:
        app_name: shown in Spark's logs; scripts that set their own keep it.
        endpoint_url: the embedded AWS, ``http://127.0.0.1:<port>``.
        access_key_id: of the job's role session, with the two below.
        scratch_dir: the run's own folder for shuffle files and upload buffers; removed after the run.
        conf: Spark settings of the job itself, see :func:`parse_conf_argument`.
        environment: variables that Python workers (UDFs) see as well as the driver, ``AWS_*`` for one.
        py_files: modules, zips and wheels to import from, on the driver and in workers.
        extra_jars: put on the classpath; such a job gets a JVM of its own.
        cores: how many tasks run at once.
    """

    app_name: str
    endpoint_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    scratch_dir: Path
    session_token: str | None = field(default=None, repr=False)
    conf: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    py_files: tuple[Path, ...] = ()
    extra_jars: tuple[Path, ...] = ()
    cores: int = 2


def parse_conf_argument(value: str) -> dict[str, str]:
    """The settings in the value of a Glue job's ``--conf`` argument.

    Glue takes one ``--conf`` only, so people chain further ones inside its value. Nothing is unquoted:

    >>> parse_conf_argument("spark.sql.shuffle.partitions=8 --conf spark.app.name=two words")
    {'spark.sql.shuffle.partitions': '8', 'spark.app.name': 'two words'}
    """
    pairs = (part.strip().partition("=") for part in _CONF_FLAG.split(value))
    return {key.strip(): text.strip() for key, equals, text in pairs if equals}


def spark_properties(job: SparkJob) -> dict[str, str]:
    """All ``spark.*`` properties of one job; the job's own settings win where they may."""
    own = {key: text for key, text in job.conf.items() if key.startswith("spark.") and not _is_ours(key)}
    return {**_glue_defaults(job), **own, **_fixed(job), **_s3a(job)}


def driver_environment(job: SparkJob) -> dict[str, str]:
    """The variables of the job's Python process that are about Spark and Python, the gateway's aside."""
    return {
        **job.environment,
        "PYTHONPATH": _python_path(job),
        "PYTHONHASHSEED": "0",  # Spark refuses to partition by strings while their hashes are random
        "TZ": "UTC",  # as on Glue's workers
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def _is_ours(key: str) -> bool:
    return any(key == ours or (ours.endswith(".") and key.startswith(ours)) for ours in _OURS)


def _python_path(job: SparkJob) -> str:
    return os.pathsep.join([*map(str, job.py_files), str(AWSGLUE_SHIM)])


def _glue_defaults(job: SparkJob) -> dict[str, str]:
    return {
        "spark.app.name": job.app_name,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(2 * job.cores),
        "spark.default.parallelism": str(job.cores),
        # A dataset of many small files costs a task per file otherwise; adaptive execution splits as needed.
        "spark.sql.files.openCostInBytes": "1048576",
        "spark.sql.warehouse.dir": f"file://{job.scratch_dir}/warehouse",
        "spark.sql.catalogImplementation": "in-memory",
        # Version 2 shows each finished task's files at once, so a failing job leaves some; Glue leaves none.
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "1",
    }


def _fixed(job: SparkJob) -> dict[str, str]:
    workers = {**job.environment, "PYTHONPATH": _python_path(job), "TZ": "UTC"}
    return {
        "spark.master": f"local[{job.cores}]",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(job.scratch_dir),
        "spark.submit.deployMode": "client",
        **{f"spark.executorEnv.{name}": text for name, text in workers.items()},
    }


def _s3a(job: SparkJob) -> dict[str, str]:
    s3a = {
        "endpoint": job.endpoint_url,
        "path.style.access": "true",
        "connection.ssl.enabled": str(job.endpoint_url.startswith("https:")).lower(),
        "access.key": job.access_key_id,
        "secret.key": job.secret_access_key,
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "buffer.dir": str(job.scratch_dir / "s3a"),
        "bucket.probe": "0",  # a missing bucket shows at the first request anyway
        # On loopback a refused connection means that the server is gone: no use in minutes of retries.
        "attempts.maximum": "2",
        "retry.limit": "2",
        "retry.interval": "200ms",
        "connection.establish.timeout": "5000",
        "connection.maximum": "64",
        "committer.name": "file",
        **_session(job.session_token),
    }
    schemes = {
        f"spark.hadoop.fs.{scheme}.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem" for scheme in ("s3", "s3a", "s3n")
    }
    return {**schemes, **{f"spark.hadoop.fs.s3a.{key}": text for key, text in s3a.items()}}


def _session(token: str | None) -> dict[str, str]:
    if token is None:
        return {}
    return {
        "session.token": token,
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider",
        # S3A 3.3.1's provider says that it has no credentials to a thread that asks while another one makes them, as
        # when several paths are read at once: so one request is made before the file system is shared.
        "bucket.probe": "1",
    }
