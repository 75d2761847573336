"""A Glue job run as a value: its state, what it took, and where its logs are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ACTIVE_STATES = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})
"""All others are terminal: SUCCEEDED, FAILED, STOPPED, TIMEOUT, ERROR, EXPIRED, and what Glue may add."""

USD_PER_DPU_HOUR = 0.44
"""Glue's list price in most regions, for estimates: https://aws.amazon.com/glue/pricing/"""

# https://docs.aws.amazon.com/glue/latest/dg/worker-types.html
_DPU_PER_WORKER = {
    "Standard": 1.0,
    "G.025X": 0.25,
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
class JobRun:
    """One run of a Glue job, as of one answer of Glue.

    Attributes:
        execution_seconds: how long the job held resources; 0 before it started.
        dpu_seconds: Glue's own number, else seconds times capacity; None where Glue tells no capacity.
        arguments: what the run was started with.
        session_policy: the IAM policy (JSON) that narrowed the run, as Glue echoes it.
        log_group: CloudWatch log group; the streams in it begin with the run's id.
    """

    job_name: str
    job_run_id: str
    state: str
    error_message: str | None = None
    started_on: datetime | None = None
    completed_on: datetime | None = None
    execution_seconds: int = 0
    dpu_seconds: float | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    session_policy: str | None = None
    log_group: str | None = None

    @classmethod
    def from_answer(cls, job_name: str, answer: Mapping[str, Any]) -> JobRun:
        """Read a ``JobRun`` structure of Glue's API."""
        seconds = int(answer.get("ExecutionTime") or 0)
        return cls(
            job_name=job_name,
            job_run_id=answer["Id"],
            state=answer["JobRunState"],
            error_message=answer.get("ErrorMessage") or None,
            started_on=answer.get("StartedOn"),
            completed_on=answer.get("CompletedOn"),
            execution_seconds=seconds,
            dpu_seconds=_dpu_seconds(answer, seconds),
            arguments=dict(answer.get("Arguments") or {}),
            session_policy=answer.get("ExecutionRoleSessionPolicy") or None,
            log_group=answer.get("LogGroupName") or None,
        )

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended, well or not."""
        return self.state not in ACTIVE_STATES

    @property
    def succeeded(self) -> bool:
        """Whether the run has ended well."""
        return self.state == "SUCCEEDED"

    @property
    def estimated_usd(self) -> float | None:
        """What the run costs at Glue's list price; None where Glue tells no capacity."""
        return None if self.dpu_seconds is None else self.dpu_seconds / 3600 * USD_PER_DPU_HOUR


def _dpu_seconds(answer: Mapping[str, Any], seconds: int) -> float | None:
    if answer.get("DPUSeconds") is not None:  # Glue fills it for Flex and auto-scaling runs only
        return float(answer["DPUSeconds"])
    if answer.get("MaxCapacity") is not None:
        return seconds * float(answer["MaxCapacity"])
    per_worker = _DPU_PER_WORKER.get(answer.get("WorkerType") or "")
    if per_worker is None or answer.get("NumberOfWorkers") is None:
        return None
    return seconds * per_worker * int(answer["NumberOfWorkers"])
