"""Runs job runs, one at a time in its slot: launch, watch, and end in one of Glue's states."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pypedream_dagster.errors import LocalAwsError
from pypedream_dagster.local_aws.endpoint import REGION, RootKey
from pypedream_dagster.local_aws.execution.failure import error_message
from pypedream_dagster.local_aws.execution.logs import RunLog
from pypedream_dagster.local_aws.execution.session import LaunchError, RunSession, run_session
from pypedream_dagster.local_aws.glue.jobs import SHELL_COMMAND, SPARK_COMMANDS
from pypedream_dagster.local_aws.glue.runs import JobRun, RunStore
from pypedream_dagster.local_aws.processes import end_job_process, start_job_process
from pypedream_dagster.local_aws.snapshots import Snapshots
from pypedream_dagster.local_aws.spark_conf import AWSGLUE_SHIM, SparkJob, parse_conf_argument

if TYPE_CHECKING:
    import subprocess

    from pypedream_dagster.local_aws.warm_jvm import JvmPool

_POLL_SECONDS = 0.05
_LOG_SECONDS = 0.5
_STOP_GRACE_SECONDS = 3.0
_STDERR_TAIL_BYTES = 262_144
# Of the server's own environment: what programs need, and no credentials, proxies or AWS settings.
_INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "USER", "XDG_CACHE_HOME")


@dataclass(frozen=True, slots=True)
class RunnerContext:
    """What every slot's runner shares.

    Args:
        url: of the endpoint.
        root: the unrestricted key.
        runs: the run store.
        snapshots: is told of changes to moto's state.
        jvms: resident JVMs for Spark jobs.
        owner: the state directory.
        minute_seconds: how long a minute of a job's Timeout lasts; 60 but in tests.
        cores: how many tasks a Spark job runs at once.
    """

    url: str
    root: RootKey
    runs: RunStore
    snapshots: Snapshots
    jvms: JvmPool
    owner: Path
    minute_seconds: float = 60.0
    cores: int = 2


@dataclass(frozen=True, slots=True)
class _Launch:
    """A run that is ready to start: its folder, script and libraries."""

    run: JobRun
    folder: Path
    script: Path
    libraries: tuple[Path, ...]
    environment: Mapping[str, str]


class JobRunner:
    """One slot's runner."""

    def __init__(self, context: RunnerContext) -> None:
        self._context = context

    def run(self, run: JobRun, stop: threading.Event) -> None:
        """Runs to a terminal state, ending early when ``stop`` is set."""
        folder = self._context.runs.directory(run.id) / "work"
        folder.mkdir(exist_ok=True)
        logs = (
            RunLog(run, "output", folder.parent / "stdout", self._context.snapshots),
            RunLog(run, "error", folder.parent / "stderr", self._context.snapshots),
        )
        try:
            with run_session(run, self._context.root, self._context.snapshots) as session:
                launch = self._launch(run, session, folder, logs[1])
                with self._environment(launch, session, logs[1]) as environment:
                    outcome = self._execute(launch, environment, stop, logs)
        except LaunchError as error:
            outcome = {"state": "FAILED", "error_message": str(error)}
        except LocalAwsError as error:
            outcome = {"state": "FAILED", "error_message": f"LAUNCH ERROR | {error}"}
            if stop.is_set():  # the JVMs go when the server does
                outcome = {"state": "STOPPED"}
        for log in logs:
            log.forward(last=True)
        # The run ended when its process did; the state says so once nothing of it can still write.
        self._context.runs.update(run.id, {"completed_on": time.time(), **outcome, "pid": None})
        shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Nothing of its own to end: the JVMs are the pool's."""

    def _launch(self, run: JobRun, session: RunSession, folder: Path, errors: RunLog) -> _Launch:
        if run.command_name not in (*SPARK_COMMANDS, SHELL_COMMAND):
            raise LaunchError(f"LAUNCH ERROR | The embedded AWS does not run {run.command_name} jobs.")
        if run.effective_arguments.get("--additional-python-modules"):
            errors.append("--additional-python-modules: nothing is installed here; the server's own modules are used")
        script = session.download(run.job_definition["Command"]["ScriptLocation"], folder)
        arguments = run.effective_arguments
        libraries_folder = folder / "libraries"
        libraries_folder.mkdir(exist_ok=True)
        libraries = tuple(session.download(uri, libraries_folder) for uri in _uris(arguments, "--extra-py-files"))
        for uri in _uris(arguments, "--extra-files"):
            session.download(uri, folder)
        environment = {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            **session.environment(),
            "AWS_ENDPOINT_URL": self._context.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "*",
            "PYTHONUNBUFFERED": "1",
        }
        return _Launch(run, folder, script, _importable(libraries), environment)

    @contextlib.contextmanager
    def _environment(self, launch: _Launch, session: RunSession, errors: RunLog) -> Iterator[Mapping[str, str]]:
        """The environment of the job's process; for a Spark job with a JVM of its own for as long."""
        if launch.run.command_name not in SPARK_COMMANDS:
            path = os.pathsep.join([*map(str, launch.libraries), str(AWSGLUE_SHIM)])
            yield {**launch.environment, "PYTHONPATH": path}
            return
        jars = launch.folder / "jars"
        jars.mkdir(exist_ok=True)
        arguments = launch.run.effective_arguments
        job = SparkJob(
            app_name=launch.run.job_name,
            endpoint_url=self._context.url,
            access_key_id=session.access_key_id,
            secret_access_key=session.secret_access_key,
            session_token=session.session_token,
            scratch_dir=launch.folder / "scratch",
            conf=parse_conf_argument(arguments.get("--conf", "")),
            environment=launch.environment,
            py_files=launch.libraries,
            extra_jars=tuple(session.download(uri, jars) for uri in _uris(arguments, "--extra-jars")),
            cores=self._context.cores,
        )
        with self._context.jvms.lease(job) as lease:
            try:
                yield {**launch.environment, **lease.environment}
            finally:
                errors.append(lease.jvm_log())

    def _execute(
        self, launch: _Launch, environment: Mapping[str, str], stop: threading.Event, logs: tuple[RunLog, RunLog]
    ) -> dict[str, Any]:
        """Runs the process and says how it ended, as changes to the run."""
        run = launch.run
        if stop.is_set():
            return {"state": "STOPPED"}
        process = start_job_process(
            [str(launch.script), *_command_line(run)],
            environment=environment,
            cwd=launch.folder,
            stdout=logs[0].path,
            stderr=logs[1].path,
            owner=self._context.owner,
        )
        self._context.runs.update(
            run.id, {"state": "RUNNING", "running_since": time.time(), "pid": process.pid}, unless=("STOPPING",)
        )
        self._watch(process, run.timeout_minutes * self._context.minute_seconds, stop, logs)
        ended_itself = process.poll() is not None
        end_job_process(process, grace_seconds=_STOP_GRACE_SECONDS)
        completed = {"completed_on": time.time()}
        # With the server's JVMs a Spark script may fail before it is stopped.
        if stop.is_set() and not (ended_itself and process.returncode == 0):
            return {"state": "STOPPED", **completed}
        if not ended_itself:
            return {"state": "TIMEOUT", "error_message": "JobRun timed out", **completed}
        if process.returncode == 0:
            return {"state": "SUCCEEDED", **completed}
        message = error_message(
            _tail(logs[1].path),
            returncode=process.returncode,
            script_name=launch.script.name,
            is_spark=run.command_name in SPARK_COMMANDS,
        )
        return {"state": "FAILED", "error_message": message, **completed}

    def _watch(
        self,
        process: subprocess.Popen[bytes],
        timeout_seconds: float,
        stop: threading.Event,
        logs: tuple[RunLog, RunLog],
    ) -> None:
        """Forwards the output until the process ends, is to be stopped, or has had its time."""
        deadline = time.monotonic() + timeout_seconds
        logged = time.monotonic()
        while process.poll() is None and not stop.is_set() and time.monotonic() < deadline:
            stop.wait(_POLL_SECONDS)
            if time.monotonic() - logged > _LOG_SECONDS:
                logged = time.monotonic()
                for log in logs:
                    log.forward()


def _uris(arguments: Mapping[str, str], name: str) -> list[str]:
    return [uri.strip() for uri in arguments.get(name, "").split(",") if uri.strip()]


def _importable(libraries: tuple[Path, ...]) -> tuple[Path, ...]:
    """What goes on the path: archives themselves, and the folder of plain modules."""
    archives = [path for path in libraries if path.suffix in (".zip", ".whl", ".egg")]
    modules = {path.parent for path in libraries if path.suffix == ".py"}
    return (*archives, *sorted(modules))


def _command_line(run: JobRun) -> list[str]:
    arguments = {"--JOB_NAME": run.job_name, "--JOB_RUN_ID": run.id, **run.effective_arguments}
    return [word for pair in arguments.items() for word in pair]


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(file.tell() - _STDERR_TAIL_BYTES, 0))
        return file.read().decode("utf-8", "replace")
