"""Spark jobs for the tests: fresh Python processes on one pool of resident JVMs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pypedream_dagster.local_aws.spark_conf import SparkJob
from pypedream_dagster.local_aws.warm_jvm import JvmLease, JvmPool

from .aws import Aws, unique

SESSION = """
import sys
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.getOrCreate()
"""


@dataclass(frozen=True, slots=True)
class Done:
    """A job's process that has ended."""

    code: int
    stdout: str
    stderr: str
    jvm_pid: int

    def output(self) -> str:
        assert self.code == 0, self.stderr
        return self.stdout.strip()


@dataclass(slots=True)
class Spark:
    """Runs scripts as the embedded AWS does."""

    pool: JvmPool
    aws: Aws
    folder: Path

    def job(self, *, who: Aws | None = None, conf: Mapping[str, str] | None = None) -> SparkJob:
        """A job with the keys of ``who``; the root key unless said."""
        endpoint = self.aws.endpoint
        own = who.credentials if who else {}
        variables = {"PATH": os.environ["PATH"], **endpoint.environment()}
        variables.update({name.upper(): value for name, value in own.items()})
        return SparkJob(
            app_name="test",
            endpoint_url=endpoint.url,
            access_key_id=own.get("aws_access_key_id", endpoint.access_key_id),
            secret_access_key=own.get("aws_secret_access_key", endpoint.secret_access_key),
            session_token=own.get("aws_session_token"),
            scratch_dir=self.folder / unique("scratch"),
            conf=conf or {},
            environment=variables,
        )

    def run(self, script: str, *arguments: str, who: Aws | None = None, conf: Mapping[str, str] | None = None) -> Done:
        """Runs a script to its end."""
        with self.pool.lease(self.job(who=who, conf=conf)) as lease:
            process = self.start(script, *arguments, lease=lease)
            stdout, stderr = process.communicate(timeout=180)
            return Done(process.returncode, stdout, stderr, lease.jvm_pid)

    def start(self, script: str, *arguments: str, lease: JvmLease) -> subprocess.Popen[str]:
        path = self.folder / f"{unique('script')}.py"
        path.write_text(script)
        return subprocess.Popen(
            [sys.executable, path, *arguments],
            env=dict(lease.environment),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@contextmanager
def spark_on(aws: Aws, folder: Path, *, size: int = 2) -> Iterator[Spark]:
    """A pool of its own."""
    pool = JvmPool(log_dir=folder / "jvms", size=size)
    try:
        yield Spark(pool, aws, folder)
    finally:
        pool.close()


@pytest.fixture(scope="session")
def spark(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    """The pool that all tests share: one JVM unless they overlap."""
    with spark_on(aws, tmp_path_factory.mktemp("spark")) as shared:
        yield shared
