"""One resident JVM with Spark's gateway in it: started, told a job's settings, and cleared after the job."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pypedream_dagster.errors import LocalAwsError
from pypedream_dagster.local_aws.java import find_java_home
from pypedream_dagster.local_aws.processes import launched
from pypedream_dagster.local_aws.state_dir import StateDir

# Ample: what is exceeded on a busy machine costs a JVM, not correctness.
_START_SECONDS = 120.0
_RESET_SECONDS = 60.0
_DETACH_SECONDS = 3.0
_EXIT_SECONDS = 5.0

# What Spark 3.5 opens up on Java 17 (org.apache.spark.launcher.JavaModuleOptions).
_OPENED = (
    *("java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util"),
    *("java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs"),
    *("sun.security.action", "sun.util.calendar"),
)

_LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %p %c{1}: %m%n%ex
logger.conf.name = org.apache.spark.SparkConf
logger.conf.level = error
logger.metrics.name = org.apache.hadoop.metrics2
logger.metrics.level = error
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
"""


@dataclass(frozen=True, slots=True)
class JvmOptions:
    """How JVMs are started.

    Args:
        max_heap_mb: the largest heap of one JVM, in MiB.
        flags: of the ``java`` command. The default gives up peak speed for a short start: the quick compiler
            only, and a collector without threads of its own.
    """

    max_heap_mb: int = 1536
    flags: tuple[str, ...] = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")


class ResidentJvm:
    """One resident JVM with Spark's gateway in it.

    It ends when :meth:`close` is called and also, by the end of its standard input, when this process dies
    in whatever way.
    """

    def __init__(
        self,
        *,
        jars: tuple[Path, ...],
        log_dir: Path,
        options: JvmOptions,
        java_home: Path | None = None,
        state_dir: Path | None = None,
    ) -> None:
        java_home = java_home or find_java_home()
        log_dir.mkdir(parents=True, exist_ok=True)
        self._home = Path(tempfile.mkdtemp(prefix="jvm-", dir=log_dir.resolve()))
        self.log_file = self._home / "jvm.log"
        (self._home / "log4j2.properties").write_text(_LOG4J)
        # Else a job could read the server's state by way of its JVM.
        confined = [] if state_dir is None else launched(0, state_dir, log_dir, StateDir(state_dir).runs)
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 the java that was found and verified
                [*confined, *_command(java_home, jars, self._home, options)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._home,
                env=_jvm_environment(java_home, self._home),
                start_new_session=True,  # Ctrl-C in the server's terminal is the server's to handle
            )
        try:
            self._port, self._secret = self._await_gateway()
            self._gateway = _connect(self._port, self._secret)
            self._initial = self._jvm_properties()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The process id of the JVM."""
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which PySpark attaches to this JVM."""
        return {"PYSPARK_GATEWAY_PORT": str(self._port), "PYSPARK_GATEWAY_SECRET": self._secret}

    def is_alive(self) -> bool:
        """Whether the JVM still runs."""
        return self._process.poll() is None

    def prepare(self, properties: Mapping[str, str]) -> None:
        """Give the JVM the settings of the job that comes next.

        Raises:
            LocalAwsError: the JVM is gone.
        """
        from py4j.protocol import Py4JError

        try:
            java_properties = self._gateway.jvm.java.lang.System.getProperties()
            for key, text in properties.items():
                java_properties.setProperty(key, text)
        except (Py4JError, OSError) as error:
            raise LocalAwsError(f"the JVM of process {self.pid} does not answer: {error}") from error
        finally:
            self._disconnect()

    def rehearse(self, properties: Mapping[str, str]) -> None:
        """Run a small query, so that the first job finds the classes it needs loaded and compiled.

        Raises:
            LocalAwsError: Spark does not run in this JVM.
        """
        from py4j.protocol import Py4JError

        self.prepare(properties)
        try:
            self._run_small_query()
        except (Py4JError, OSError) as error:
            raise LocalAwsError(f"Spark does not run in the JVM of process {self.pid}: {error}") from error
        finally:
            self._disconnect()
        if not self.reset():
            raise LocalAwsError(f"the JVM of process {self.pid} could not be reset")

    def reset(self) -> bool:
        """Remove all that the last job left; False when that did not work and the JVM must go."""
        outcome: list[bool] = []
        # In a thread: a context that does not stop must not hold up the server.
        worker = threading.Thread(target=lambda: outcome.append(self._reset()), daemon=True)
        worker.start()
        worker.join(_RESET_SECONDS)
        return bool(outcome and outcome[0])

    def close(self) -> None:
        """End the JVM and remove its folder."""
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._forget_objects()
        shutil.rmtree(self._home, ignore_errors=True)

    def _reset(self) -> bool:
        from py4j.protocol import Py4JError

        try:
            self._clear()
            return self._is_left_alone() and self._has_room()
        except (Py4JError, OSError):
            return False
        finally:
            self._disconnect()

    def _clear(self) -> None:
        jvm = self._gateway.jvm
        active = getattr(jvm.org.apache.spark, "SparkContext$").__getattr__("MODULE$").getActive()
        if active.isDefined():
            active.get().stop()
        sessions = jvm.org.apache.spark.sql.SparkSession
        sessions.clearActiveSession()
        sessions.clearDefaultSession()
        jvm.org.apache.hadoop.fs.FileSystem.closeAll()
        # Spark keeps the first context's local folders for the JVM's life: those of a run that may be another's.
        getattr(jvm.org.apache.spark.util, "Utils$").__getattr__("MODULE$").clearLocalRootDirs()
        fresh = jvm.java.util.Properties()
        for key, text in self._initial.items():
            fresh.setProperty(key, text)
        jvm.java.lang.System.setProperties(fresh)

    def _run_small_query(self) -> None:
        """What most jobs do: aggregate, write partitioned parquet, read it back and join; and set up S3A."""
        jvm = self._gateway.jvm
        session = jvm.org.apache.spark.sql.SparkSession.builder().getOrCreate()
        table = self._home / "rehearsal"
        columns = "id % 3 AS k, CAST(id AS string) AS s, CAST(id AS double) AS d, current_timestamp() AS t"
        rows = session.range(3000).selectExpr(self._strings(*columns.split(", ")))
        rows.write().mode("overwrite").partitionBy(self._strings("k")).parquet(f"file://{table}")
        session.read().parquet(self._strings(f"file://{table}")).createOrReplaceTempView("made")
        session.sql(
            "SELECT a.k, max(a.s), avg(b.d), count(DISTINCT b.s) "
            "FROM made a JOIN made b ON a.s = b.s GROUP BY a.k ORDER BY a.k"
        ).collectAsList()
        configuration = session.sparkContext().hadoopConfiguration()
        jvm.org.apache.hadoop.fs.Path("s3://rehearsal/").getFileSystem(configuration)
        shutil.rmtree(table, ignore_errors=True)

    def _strings(self, *values: str) -> Any:
        """A Java array of strings."""
        array = self._gateway.new_array(self._gateway.jvm.java.lang.String, len(values))
        for index, value in enumerate(values):
            array[index] = value
        return array

    def _jvm_properties(self) -> dict[str, str]:
        properties = self._gateway.jvm.java.lang.System.getProperties()
        return {name: properties.getProperty(name) for name in properties.stringPropertyNames()}

    def _is_left_alone(self) -> bool:
        """Whether nothing else is attached; a killed job's last call may need a moment to end."""
        deadline = time.monotonic() + _DETACH_SECONDS
        while self._attached_threads() > 1:  # one is ours
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def _attached_threads(self) -> int:
        stacks = self._gateway.jvm.java.lang.Thread.getAllStackTraces().values()
        # The outermost frame is Thread.run; the one inside it says what the thread is for.
        return sum(
            len(stack) > 1 and stack[len(stack) - 2].getClassName() == "py4j.ClientServerConnection" for stack in stacks
        )

    def _has_room(self) -> bool:
        """Whether less than half of the heap is taken; objects that jobs never released stay in the gateway."""
        runtime = self._gateway.jvm.java.lang.Runtime.getRuntime()
        runtime.gc()
        return bool(runtime.totalMemory() - runtime.freeMemory() < runtime.maxMemory() // 2)

    def _forget_objects(self) -> None:
        """Let the garbage collector drop references to the JVM's objects without calling the JVM that is gone.

        Each would try to connect, in the middle of whatever Python is doing: CPython 3.11 fails to compile then.
        """
        gateway = getattr(self, "_gateway", None)  # missing if the JVM never started
        if gateway is not None:
            gateway._gateway_client.is_connected = False

    def _disconnect(self) -> None:
        self._gateway.close(keep_callback_server=True)

    def _await_gateway(self) -> tuple[int, str]:
        """Port and secret, once the JVM has written them (by a rename, hence never half)."""
        info = self._home / "gateway"
        deadline = time.monotonic() + _START_SECONDS
        while not info.exists():
            if not self.is_alive() or time.monotonic() > deadline:
                lines = self.log_file.read_text(errors="replace").strip().splitlines()
                raise LocalAwsError(f"Spark's JVM did not start: {lines[-1] if lines else 'it said nothing'}")
            time.sleep(0.02)
        raw = info.read_bytes()
        info.unlink()  # the secret stays in memory only
        port, length = struct.unpack_from(">ii", raw)
        return port, raw[8 : 8 + length].decode()


def _connect(port: int, secret: str) -> Any:
    from py4j.java_gateway import GatewayParameters, JavaGateway

    return JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=secret, auto_convert=True))


def _spark_home() -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise LocalAwsError("PySpark is not installed", hint="install it with `pip install 'pypedream-dagster[local]'`")
    return Path(spec.origin).parent


def _command(java_home: Path, jars: tuple[Path, ...], home: Path, options: JvmOptions) -> list[str]:
    """The gateway's main class itself: the spark-submit script would first run a JVM to find out as much."""
    classpath = [*map(str, jars), str(_spark_home() / "jars" / "*")]
    return [
        str(java_home / "bin" / "java"),
        f"-Xmx{options.max_heap_mb}m",
        *options.flags,
        "-XX:+IgnoreUnrecognizedVMOptions",
        "-XX:+ExitOnOutOfMemoryError",  # a JVM that ran out once is not to be trusted with the next job
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
        "--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
        "-Djdk.reflect.useDirectMethodHandle=false",
        "-Duser.timezone=UTC",
        "-Dfile.encoding=UTF-8",
        "-Djava.net.preferIPv4Stack=true",
        f"-Djava.io.tmpdir={home}",
        f"-Dlog4j2.configurationFile=file:{home / 'log4j2.properties'}",
        *("-cp", os.pathsep.join(classpath)),
        "org.apache.spark.api.python.PythonGatewayServer",
    ]


def _jvm_environment(java_home: Path, home: Path) -> dict[str, str]:
    """Nothing of ours but what finds programs: no credentials, no proxies, no Spark settings."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL", "PATH", "USER") if name in os.environ}
    return {
        **kept,
        "JAVA_HOME": str(java_home),
        "SPARK_HOME": str(_spark_home()),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TZ": "UTC",
        "_PYSPARK_DRIVER_CONN_INFO_PATH": str(home / "gateway"),
    }
