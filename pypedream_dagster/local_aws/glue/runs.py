"""Glue job runs: one record per run, on disk at every change."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pypedream_dagster.local_aws.glue.errors import EntityNotFoundException
from pypedream_dagster.local_aws.state_dir import write_atomically

TERMINAL_STATES = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED")


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a Glue job; ``job_definition`` is the job's as of the start, so later updates do not reach it."""

    id: str
    job_name: str
    job_definition: dict[str, Any]
    arguments: dict[str, str]
    effective_arguments: dict[str, str]
    state: str
    started_on: float
    last_modified_on: float
    timeout_minutes: int
    capacity_dpu: float
    attempt: int = 0
    previous_run_id: str | None = None
    completed_on: float | None = None
    running_since: float | None = None
    error_message: str | None = None
    state_detail: str | None = None
    worker_type: str | None = None
    number_of_workers: int | None = None
    execution_class: str | None = None
    security_configuration: str | None = None
    notification_property: dict[str, Any] | None = None
    queuing_enabled: bool = False
    session_policy: str | None = None
    # The process that runs it: what a later server must kill if this one is killed.
    pid: int | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended."""
        return self.state in TERMINAL_STATES

    @property
    def holds_concurrency(self) -> bool:
        """Whether the run counts towards the job's MaxConcurrentRuns."""
        return not self.is_terminal and self.state != "WAITING"

    @property
    def command_name(self) -> str:
        """``glueetl``, ``pythonshell``, …."""
        return str(self.job_definition["Command"]["Name"])

    def execution_seconds(self) -> int:
        """Whole seconds that the script ran, so far or in all."""
        if self.running_since is None:
            return 0
        return int((self.completed_on or time.time()) - self.running_since)

    def described(self) -> dict[str, Any]:
        """The ``JobRun`` structure of GetJobRun."""
        seconds = self.execution_seconds()
        shown: dict[str, Any] = {
            "Id": self.id,
            "Attempt": self.attempt,
            "PreviousRunId": self.previous_run_id,
            "JobName": self.job_name,
            "JobMode": self.job_definition.get("JobMode", "SCRIPT"),
            "JobRunQueuingEnabled": self.queuing_enabled,
            "StartedOn": self.started_on,
            "LastModifiedOn": self.last_modified_on,
            "CompletedOn": self.completed_on,
            "JobRunState": self.state,
            "StateDetail": self.state_detail,
            "Arguments": self.arguments or None,
            "ErrorMessage": self.error_message,
            "PredecessorRuns": [],
            "AllocatedCapacity": int(self.capacity_dpu),
            "ExecutionTime": seconds,
            "Timeout": self.timeout_minutes,
            "MaxCapacity": self.capacity_dpu,
            "WorkerType": self.worker_type,
            "NumberOfWorkers": self.number_of_workers,
            "SecurityConfiguration": self.security_configuration,
            "NotificationProperty": self.notification_property,
            "LogGroupName": log_group_prefix(self.command_name),
            "GlueVersion": self.job_definition.get("GlueVersion"),
            "DPUSeconds": seconds * self.capacity_dpu if self.is_terminal else None,
            "ExecutionClass": self.execution_class,
            "ExecutionRoleSessionPolicy": self.session_policy,
        }
        return {key: value for key, value in shown.items() if value is not None}


def next_attempt(failed: JobRun) -> JobRun:
    """The run that Glue starts by itself after a failure, while the job's MaxRetries allow."""
    now = time.time()
    return replace(
        failed,
        id=f"{failed.id.split('_attempt_')[0]}_attempt_{failed.attempt + 1}",
        state="STARTING",
        started_on=now,
        last_modified_on=now,
        attempt=failed.attempt + 1,
        previous_run_id=failed.id,
        completed_on=None,
        running_since=None,
        error_message=None,
        state_detail=None,
        pid=None,
    )


def log_group_prefix(command_name: str) -> str:
    """The CloudWatch Logs groups of a job's runs are ``<prefix>/output`` and ``<prefix>/error``."""
    return "/aws-glue/python-jobs" if command_name == "pythonshell" else "/aws-glue/jobs"


def new_run_id() -> str:
    """An id as Glue writes them."""
    return "jr_" + secrets.token_hex(32)


class RunStore:
    """All job runs, in memory and on disk; ``changed`` is notified at every change of any run."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.changed = threading.Condition(threading.RLock())
        self._runs: dict[str, JobRun] = {}
        self._by_job: dict[str, list[str]] = {}
        stored = (JobRun(**json.loads(path.read_text())) for path in directory.glob("*/run.json"))
        for run in sorted(stored, key=lambda run: run.started_on):
            self._index(run)

    def directory(self, run_id: str) -> Path:
        """The run's own directory: its record, output and files."""
        return self._directory / run_id

    def add(self, run: JobRun) -> None:
        """Keeps a new run."""
        with self.changed:
            self.directory(run.id).mkdir(mode=0o700)
            self._write(run)
            self._index(run)
            self.changed.notify_all()

    def find(self, run_id: str) -> JobRun | None:
        """The run with this id, of whatever job, or None."""
        with self.changed:
            return self._runs.get(run_id)

    def get(self, job_name: str, run_id: str) -> JobRun:
        """The run of this job with this id.

        Raises:
            EntityNotFoundException: there is none.
        """
        run = self.find(run_id)
        if run is None or run.job_name != job_name:
            raise EntityNotFoundException(f"JobRun not found for the given id: {run_id}")
        return run

    def of_job(self, job_name: str) -> list[JobRun]:
        """A job's runs, newest first."""
        with self.changed:
            return [self._runs[run_id] for run_id in reversed(self._by_job.get(job_name, []))]

    def all(self) -> list[JobRun]:
        """Every run, oldest first."""
        with self.changed:
            return list(self._runs.values())

    def update(self, run_id: str, changes: Mapping[str, Any], *, unless: tuple[str, ...] = TERMINAL_STATES) -> JobRun:
        """Applies field changes, except to a run whose state is in ``unless``; the run as it then is."""
        with self.changed:
            run = self._runs[run_id]
            if run.state in unless:
                return run
            run = replace(run, last_modified_on=time.time(), **changes)
            self._write(run)
            self._runs[run_id] = run
            self.changed.notify_all()
            return run

    def _index(self, run: JobRun) -> None:
        self._runs[run.id] = run
        self._by_job.setdefault(run.job_name, []).append(run.id)

    def _write(self, run: JobRun) -> None:
        write_atomically(self.directory(run.id) / "run.json", json.dumps(asdict(run), indent=1).encode())
