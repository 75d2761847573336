"""Resident JVMs that Spark jobs attach to, so that a small job costs seconds and not twenty.

Each job is still a fresh Python process; PySpark attaches it to a running JVM where ``PYSPARK_GATEWAY_PORT``
and ``PYSPARK_GATEWAY_SECRET`` are set, and scripts notice nothing. A JVM holds one SparkContext at a time, so
every job leases one of its own from a small pool.

What one job leaves behind must not reach the next. A job's settings and credentials live in system properties
of the JVM; after the job its context is stopped, all file systems are closed, and the properties are put back
to what they were at the start. A JVM that cannot be brought back to that state, or that anybody is still
attached to, is killed and replaced.
"""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pypedream_dagster.errors import LocalAwsError
from pypedream_dagster.local_aws.jars import ensure_jars
from pypedream_dagster.local_aws.resident_jvm import JvmOptions, ResidentJvm
from pypedream_dagster.local_aws.spark_conf import SparkJob, driver_environment, spark_properties

__all__ = ["JvmLease", "JvmOptions", "JvmPool"]


@dataclass(slots=True)
class JvmLease:
    """A JVM that belongs to one job run until the lease ends.

    Attributes:
        environment: what the job's Python process needs to attach, beside the caller's own variables.
    """

    environment: Mapping[str, str]
    _jvm: ResidentJvm
    _log_offset: int
    _discarded: bool = False

    @property
    def jvm_pid(self) -> int:
        """The process id of the leased JVM."""
        return self._jvm.pid

    def jvm_log(self) -> str:
        """What the JVM has printed since the lease began: Spark's warnings and stack traces."""
        with suppress(OSError), self._jvm.log_file.open("rb") as log:
            log.seek(self._log_offset)
            return log.read().decode(errors="replace")
        return ""

    def discard(self) -> None:
        """Have the JVM replaced instead of reset when the lease ends."""
        self._discarded = True


@dataclass(slots=True)
class _Pool:
    """What the threads of a pool share, guarded by its condition."""

    idle: list[ResidentJvm] = field(default_factory=list)
    in_use: list[ResidentJvm] = field(default_factory=list)
    reserved: int = 0
    warming: bool = False
    closed: bool = False


class JvmPool:
    """Up to ``size`` resident JVMs, each started when first needed.

    Safe to use from several threads; a lease waits while all JVMs are taken.

    Args:
        log_dir: where JVMs keep their log and working files.
        size: how many Spark jobs may run at once.
        options: how JVMs are started.
        find_jars: gives the S3A jars; called once, when the first JVM starts.
        state_dir: the server's, which is closed to the JVMs but for the runs' folders; None leaves all open.
    """

    def __init__(
        self,
        *,
        log_dir: Path,
        size: int = 2,
        options: JvmOptions | None = None,
        find_jars: Callable[[], tuple[Path, ...]] = ensure_jars,
        state_dir: Path | None = None,
    ) -> None:
        self._log_dir = log_dir
        self._size = size
        self._options = options or JvmOptions()
        self._find_jars = find_jars
        self._state_dir = state_dir
        self._state = _Pool()
        self._changed = threading.Condition()

    @contextmanager
    def lease(self, job: SparkJob) -> Iterator[JvmLease]:
        """A JVM for one job run, prepared with its settings; waits for a free one.

        The job's Python process must have ended before the lease does.

        Raises:
            LocalAwsError: no JVM could be started, or the pool is closed.
        """
        job.scratch_dir.mkdir(parents=True, exist_ok=True)
        jvm = self._acquire(job)
        lease = JvmLease(
            environment={**driver_environment(job), **_python_environment(), **jvm.environment},
            _jvm=jvm,
            _log_offset=jvm.log_file.stat().st_size,
        )
        try:
            yield lease
        finally:
            self._release(jvm, keep=not lease._discarded and not job.extra_jars)
            shutil.rmtree(job.scratch_dir, ignore_errors=True)

    def warm(self) -> None:
        """Start one JVM and rehearse in it; meant for a background thread.

        A lease that comes meanwhile waits for it: on its own it would take as long.

        Raises:
            LocalAwsError: no JVM could be started.
        """
        with self._changed:
            if self._state.closed or self._state.idle or self._state.reserved:
                return
            self._state.reserved += 1
            self._state.warming = True
        jvm: ResidentJvm | None = None
        ready: ResidentJvm | None = None
        try:
            jvm = self._start(())
            rehearsal = _rehearsal(self._log_dir)
            jvm.rehearse(spark_properties(rehearsal))
            shutil.rmtree(rehearsal.scratch_dir, ignore_errors=True)
            ready = jvm
        finally:
            if jvm is not None and ready is None:
                jvm.close()
            self._settle(idle=ready)

    def close(self) -> None:
        """End all JVMs, leased ones too; further leases are refused."""
        with self._changed:
            self._state.closed = True
            jvms = [*self._state.idle, *self._state.in_use]
            self._state.idle.clear()
            self._changed.notify_all()
        for jvm in jvms:
            jvm.close()

    def _acquire(self, job: SparkJob) -> ResidentJvm:
        properties = spark_properties(job)
        for reused in (self._reserve(reuse=not job.extra_jars), None):
            jvm: ResidentJvm | None = None
            try:
                jvm = reused or self._start(job.extra_jars)
                jvm.prepare(properties)
            except BaseException as error:
                if jvm is not None:
                    jvm.close()
                if reused is not None and isinstance(error, LocalAwsError):
                    continue  # it died while idle: start another in its place
                self._settle()
                raise
            with self._changed:
                if not self._state.closed:
                    self._state.in_use.append(jvm)
                    return jvm
            jvm.close()
            self._settle()
            break
        raise LocalAwsError("the embedded AWS is shutting down")

    def _reserve(self, *, reuse: bool) -> ResidentJvm | None:
        """Take one of the ``size`` places, and an idle JVM with it where there is one."""
        with self._changed:
            self._changed.wait_for(self._may_reserve)
            if self._state.closed:
                raise LocalAwsError("the embedded AWS is shutting down")
            self._state.reserved += 1
            return self._state.idle.pop() if reuse and self._state.idle else None

    def _may_reserve(self) -> bool:
        state = self._state
        return state.closed or (state.reserved < self._size and not state.warming)

    def _release(self, jvm: ResidentJvm, *, keep: bool) -> None:
        reset = keep and jvm.is_alive() and jvm.reset()
        if not reset:
            jvm.close()
        with self._changed:
            if jvm in self._state.in_use:
                self._state.in_use.remove(jvm)
        self._settle(idle=jvm if reset else None)

    def _settle(self, *, idle: ResidentJvm | None = None) -> None:
        """Give a place back, and with it the JVM that is ready for the next job."""
        with self._changed:
            self._state.reserved -= 1
            self._state.warming = False  # only one place is taken while warming
            closed = self._state.closed
            if idle is not None and not closed:
                self._state.idle.append(idle)
            self._changed.notify_all()
        if idle is not None and closed:
            idle.close()

    def _start(self, extra_jars: tuple[Path, ...]) -> ResidentJvm:
        jars = (*self._find_jars(), *extra_jars)
        return ResidentJvm(jars=jars, log_dir=self._log_dir, options=self._options, state_dir=self._state_dir)


def _rehearsal(folder: Path) -> SparkJob:
    """A job that reaches nothing: S3A is set up with it, and never used."""
    return SparkJob("rehearsal", "http://127.0.0.1:9", "none", "none", folder.resolve() / "rehearsal")


def _python_environment() -> dict[str, str]:
    return {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
