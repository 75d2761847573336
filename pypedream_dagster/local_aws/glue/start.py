"""StartJobRun: from a job and a request to a run that is STARTING or WAITING."""

from __future__ import annotations

import time
from typing import Any

from pypedream_dagster.local_aws.access.policy import MalformedPolicyError, parse_policy
from pypedream_dagster.local_aws.glue.errors import (
    ConcurrentRunsExceededException,
    EntityNotFoundException,
    InvalidInputException,
)
from pypedream_dagster.local_aws.glue.jobs import Job, capacity, check_capacity
from pypedream_dagster.local_aws.glue.runs import JobRun, RunStore, new_run_id

_FINE_GRAINED_ACCESS = "--enable-lakeformation-fine-grained-access"
_CAPACITY_FIELDS = ("WorkerType", "NumberOfWorkers", "MaxCapacity", "AllocatedCapacity")


def start_run(job: Job, request: dict[str, Any], runs: RunStore) -> JobRun:
    """Starts a run, or lets it wait where the job queues its runs.

    Raises:
        ConcurrentRunsExceededException: MaxConcurrentRuns of the job are active and it does not queue.
        EntityNotFoundException: the run to be retried does not exist.
        InvalidInputException: the worker fields conflict, or the session policy is no policy.
    """
    _check(job, request)
    previous = _previous_run(job, request, runs)
    with runs.changed:
        active = sum(run.holds_concurrency for run in runs.of_job(job.name))
        queuing = bool(request.get("JobRunQueuingEnabled", job.definition.get("JobRunQueuingEnabled", False)))
        full = active >= job.max_concurrent_runs
        if full and not queuing:
            raise ConcurrentRunsExceededException(f"Concurrent runs exceeded for {job.name}")
        run = _new_run(job, request, previous, queuing=queuing, waiting=full)
        runs.add(run)
    return run


def _check(job: Job, request: dict[str, Any]) -> None:
    check_capacity(request, job.command["Name"])
    policy = request.get("ExecutionRoleSessionPolicy")
    if policy is not None:
        try:
            parse_policy(policy)
        except MalformedPolicyError as error:
            raise InvalidInputException(f"ExecutionRoleSessionPolicy is malformed: {error}") from error
        arguments = {**job.arguments("DefaultArguments"), **(request.get("Arguments") or {})}
        arguments |= job.arguments("NonOverridableArguments")
        if arguments.get(_FINE_GRAINED_ACCESS, "").lower() == "true":
            raise InvalidInputException(
                "ExecutionRoleSessionPolicy is not supported for jobs with Lake Formation fine-grained access control."
            )


def _previous_run(job: Job, request: dict[str, Any], runs: RunStore) -> JobRun | None:
    if "JobRunId" not in request:
        return None
    previous = runs.find(request["JobRunId"])
    if previous is None or previous.job_name != job.name:
        raise EntityNotFoundException(f"JobRun not found for the given id: {request['JobRunId']}")
    if not previous.is_terminal:
        raise InvalidInputException(f"Job run {previous.id} is {previous.state} and cannot be retried.")
    return previous


def _new_run(job: Job, request: dict[str, Any], previous: JobRun | None, *, queuing: bool, waiting: bool) -> JobRun:
    now = time.time()
    definition = job.definition
    given = dict(request.get("Arguments") or (previous.arguments if previous else {}))
    # A run that names any capacity field names them all: the job's own do not mix in.
    own = any(request.get(field) is not None for field in _CAPACITY_FIELDS)
    sizing = request if own else definition
    return JobRun(
        id=new_run_id(),
        job_name=job.name,
        job_definition={**definition, "GlueVersion": job.described()["GlueVersion"]},
        arguments=given,
        effective_arguments={
            **job.arguments("DefaultArguments"),
            **given,
            **job.arguments("NonOverridableArguments"),
        },
        state="WAITING" if waiting else "STARTING",
        state_detail="Waiting for a concurrent run of the job to end." if waiting else None,
        started_on=now,
        last_modified_on=now,
        timeout_minutes=int(request.get("Timeout") or job.timeout_minutes()),
        capacity_dpu=capacity(sizing, job.command["Name"]),
        attempt=previous.attempt + 1 if previous else 0,
        previous_run_id=previous.id if previous else None,
        worker_type=sizing.get("WorkerType"),
        number_of_workers=sizing.get("NumberOfWorkers"),
        execution_class=request.get("ExecutionClass") or definition.get("ExecutionClass"),
        security_configuration=request.get("SecurityConfiguration") or definition.get("SecurityConfiguration"),
        notification_property=request.get("NotificationProperty") or definition.get("NotificationProperty"),
        queuing_enabled=queuing,
        session_policy=request.get("ExecutionRoleSessionPolicy"),
    )
