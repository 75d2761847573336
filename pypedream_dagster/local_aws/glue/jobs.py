"""Glue jobs: kept as the raw request, one JSON file each, answered as Glue answers them."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pypedream_dagster.local_aws.glue.errors import (
    AlreadyExistsException,
    EntityNotFoundException,
    IdempotentParameterMismatchException,
    InvalidInputException,
)
from pypedream_dagster.local_aws.state_dir import write_atomically

SPARK_COMMANDS = ("glueetl", "gluestreaming")
SHELL_COMMAND = "pythonshell"
_COMMANDS = (*SPARK_COMMANDS, SHELL_COMMAND, "glueray")

DPU_PER_WORKER = {
    "G.025X": 0.25,
    "Standard": 1.0,
    "G.1X": 1.0,
    "G.2X": 2.0,
    "G.4X": 4.0,
    "G.8X": 8.0,
    "G.12X": 12.0,
    "G.16X": 16.0,
    "R.1X": 1.0,
    "R.2X": 2.0,
    "R.4X": 4.0,
    "R.8X": 8.0,
    "Z.2X": 2.0,
}


@dataclass(frozen=True, slots=True)
class Job:
    """One Glue job: ``definition`` holds the fields of CreateJob (or JobUpdate) exactly as they were sent."""

    name: str
    definition: dict[str, Any]
    created_on: float
    last_modified_on: float
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def command(self) -> dict[str, str]:
        """The Command structure."""
        command: dict[str, str] = self.definition["Command"]
        return command

    @property
    def max_concurrent_runs(self) -> int:
        """How many runs may be active at once."""
        return int((self.definition.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1))

    @property
    def max_retries(self) -> int:
        """How often Glue retries a failed run by itself."""
        return int(self.definition.get("MaxRetries", 0))

    def arguments(self, key: str) -> dict[str, str]:
        """``DefaultArguments`` or ``NonOverridableArguments``."""
        return dict(self.definition.get(key) or {})

    def timeout_minutes(self) -> int:
        """The job's own timeout, or Glue's default for its version."""
        default = 480 if self._glue_version().startswith(("5", "6")) else 2880
        return int(self.definition.get("Timeout") or default)

    def _glue_version(self) -> str:
        # A Spark job without GlueVersion gets the newest; a Python shell job's version says nothing.
        fallback = "3.0" if self.command.get("Name") == SHELL_COMMAND else "6.0"
        return str(self.definition.get("GlueVersion") or fallback)

    def described(self) -> dict[str, Any]:
        """The ``Job`` structure of GetJob: what was sent, and the defaults that Glue fills in."""
        dpu = capacity(self.definition, self.command.get("Name", ""))
        defaults: dict[str, Any] = {
            "JobMode": "SCRIPT",
            "ExecutionProperty": {"MaxConcurrentRuns": 1},
            "MaxRetries": 0,
            "Timeout": self.timeout_minutes(),
            "AllocatedCapacity": int(dpu),
            "MaxCapacity": dpu,
            "GlueVersion": self._glue_version(),
        }
        return {
            **defaults,
            **self.definition,
            "Name": self.name,
            "CreatedOn": self.created_on,
            "LastModifiedOn": self.last_modified_on,
        }


def capacity(definition: dict[str, Any], command_name: str) -> float:
    """The DPUs that a definition asks for."""
    if definition.get("WorkerType") and definition.get("NumberOfWorkers"):
        return DPU_PER_WORKER[definition["WorkerType"]] * int(definition["NumberOfWorkers"])
    if definition.get("MaxCapacity") is not None:
        return float(definition["MaxCapacity"])
    if definition.get("AllocatedCapacity"):
        return float(definition["AllocatedCapacity"])
    return 0.0625 if command_name == SHELL_COMMAND else 10.0


def check_capacity(request: dict[str, Any], command_name: str) -> None:
    """Refuses the combinations of worker fields that Glue refuses.

    Raises:
        InvalidInputException: naming the fields in conflict.
    """
    workers = bool(request.get("WorkerType")), request.get("NumberOfWorkers") is not None
    if any(workers) and request.get("MaxCapacity") is not None:
        raise InvalidInputException("Please do not set Max Capacity if using Worker Type and Number of Workers.")
    if any(workers) and request.get("AllocatedCapacity"):
        raise InvalidInputException("Please do not set Allocated Capacity if using Worker Type and Number of Workers.")
    if workers[0] != workers[1]:
        raise InvalidInputException("Please set both Worker Type and Number of Workers.")
    if workers[1] and int(request["NumberOfWorkers"]) < 1:
        raise InvalidInputException("Number of Workers must be at least 1.")
    if command_name == SHELL_COMMAND:
        if any(workers):
            raise InvalidInputException("Worker Type is not supported for Job Command pythonshell.")
        if request.get("MaxCapacity") not in (None, 0.0625, 1, 1.0):
            raise InvalidInputException("Max Capacity of a pythonshell job must be either 0.0625 or 1.0.")


class JobStore:
    """All Glue jobs, in memory and on disk."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        for path in directory.glob("*.json"):
            job = Job(**json.loads(path.read_text()))
            self._jobs[job.name] = job

    def create(self, request: dict[str, Any]) -> Job:
        """CreateJob.

        Glue takes the name as the idempotency token: another definition under a known name is a mismatch.
        """
        name = request["Name"]
        definition = {key: value for key, value in request.items() if key not in ("Name", "Tags")}
        _check_definition(definition)
        with self._lock:
            existing = self._jobs.get(name)
            if existing is not None and existing.definition == definition:
                raise AlreadyExistsException(f"Job with name: {name} already exists")
            if existing is not None:
                raise IdempotentParameterMismatchException(
                    f"Job with name: {name} already submitted with different configuration"
                )
            now = time.time()
            return self._put(Job(name, definition, now, now, dict(request.get("Tags") or {})))

    def update(self, name: str, definition: dict[str, Any]) -> Job:
        """UpdateJob: the definition replaces the old one whole; only name, creation time and tags stay."""
        with self._lock:
            job = self.get(name)
            _check_definition(definition)
            return self._put(replace(job, definition=dict(definition), last_modified_on=time.time()))

    def set_tags(self, name: str, tags: dict[str, str]) -> None:
        """Replaces a job's tags."""
        with self._lock:
            self._put(replace(self.get(name), tags=tags))

    def get(self, name: str) -> Job:
        """The job called ``name``.

        Raises:
            EntityNotFoundException: there is none.
        """
        with self._lock:
            if name not in self._jobs:
                raise EntityNotFoundException(f"Entity not found: job {name} does not exist.")
            return self._jobs[name]

    def find(self, name: str) -> Job | None:
        """The job called ``name``, or None."""
        with self._lock:
            return self._jobs.get(name)

    def all(self) -> list[Job]:
        """Every job, by name."""
        with self._lock:
            return [self._jobs[name] for name in sorted(self._jobs)]

    def delete(self, name: str) -> None:
        """Forgets a job; silent, as Glue is, where there is none."""
        with self._lock:
            if self._jobs.pop(name, None) is not None:
                self._path(name).unlink(missing_ok=True)

    def _put(self, job: Job) -> Job:
        write_atomically(self._path(job.name), json.dumps(asdict(job), indent=1).encode())
        self._jobs[job.name] = job
        return job

    def _path(self, name: str) -> Path:
        # Job names hold slashes and may be longer than a file name.
        return self._directory / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _check_definition(definition: dict[str, Any]) -> None:
    command = definition.get("Command")
    if not definition.get("Role"):
        raise InvalidInputException("Role cannot be null or empty.")
    if not command or not command.get("Name"):
        raise InvalidInputException("Command name should not be null or empty.")
    if command["Name"] not in _COMMANDS:
        raise InvalidInputException(f"Unknown command {command['Name']}; use one of {', '.join(_COMMANDS)}.")
    if not command.get("ScriptLocation"):
        raise InvalidInputException("Script location should not be null or empty.")
    check_capacity(definition, command["Name"])
    runs = (definition.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1)
    if runs < 1:
        raise InvalidInputException("MaxConcurrentRuns must be at least 1.")
