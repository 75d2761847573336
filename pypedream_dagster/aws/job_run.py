"""A Glue job run as a value: its state, what it took, and where its logs are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pypedream_dagster.aws.prices import PriceList, Rate, minimum_seconds, rate_of
from pypedream_dagster.masking.mask import learn, mask_text

ACTIVE_STATES = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})
"""All others are terminal: SUCCEEDED, FAILED, STOPPED, TIMEOUT, ERROR, EXPIRED, and what Glue may add."""

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
        error_message: Glue's, with secrets masked.
        execution_seconds: how long the job held resources; 0 before it started.
        dpu_seconds: Glue's own number, else seconds times capacity; None where Glue tells no capacity.
        billed_dpu_seconds: the same, of as many seconds as Glue bills at least.
        rate: by which Glue bills them.
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
    billed_dpu_seconds: float | None = None
    rate: Rate = "spark"
    arguments: Mapping[str, str] = field(default_factory=dict, repr=False)
    session_policy: str | None = None
    log_group: str | None = None

    @classmethod
    def from_answer(cls, job_name: str, answer: Mapping[str, Any]) -> JobRun:
        """Read a ``JobRun`` structure of Glue's API."""
        seconds = int(answer.get("ExecutionTime") or 0)
        arguments = dict(answer.get("Arguments") or {})
        learn(arguments)
        return cls(
            job_name=job_name,
            job_run_id=answer["Id"],
            state=answer["JobRunState"],
            error_message=mask_text(answer.get("ErrorMessage") or "") or None,
            started_on=answer.get("StartedOn"),
            completed_on=answer.get("CompletedOn"),
            execution_seconds=seconds,
            dpu_seconds=_dpu_seconds(answer, seconds),
            billed_dpu_seconds=_billed_dpu_seconds(answer, seconds),
            rate=rate_of(answer),
            arguments=arguments,
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

    def usd(self, prices: PriceList) -> float | None:
        """Return what Glue bills for the run; None where it tells no capacity."""
        if self.billed_dpu_seconds is None:
            return None
        return self.billed_dpu_seconds / 3600 * prices.price(self.rate).usd_per_dpu_hour


def _dpu_seconds(answer: Mapping[str, Any], seconds: int) -> float | None:
    if answer.get("DPUSeconds") is not None:  # Glue fills it for Flex and auto-scaling runs only
        return float(answer["DPUSeconds"])
    capacity = _capacity(answer)
    return None if capacity is None else seconds * capacity


def _billed_dpu_seconds(answer: Mapping[str, Any], seconds: int) -> float | None:
    used, short = _dpu_seconds(answer, seconds), minimum_seconds(answer)
    if used is None or seconds >= short:
        return used
    if not seconds and answer["JobRunState"] != "SUCCEEDED":
        return 0.0  # it never held resources
    # Of a run too short for a whole second only the capacity tells.
    per_second = used / seconds if seconds else _capacity(answer)
    return None if per_second is None else short * per_second


def _capacity(answer: Mapping[str, Any]) -> float | None:
    if answer.get("MaxCapacity") is not None:
        return float(answer["MaxCapacity"])
    per_worker = _DPU_PER_WORKER.get(answer.get("WorkerType") or "")
    if per_worker is None or answer.get("NumberOfWorkers") is None:
        return None
    return per_worker * int(answer["NumberOfWorkers"])
