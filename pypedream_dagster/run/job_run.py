"""Run one Glue job to its end: start it once, wait, re-attach after a crash, stop it on interruption.

StartJobRun is not idempotent, so every run carries a key as an argument. Whoever looks for a run looks for
that key in GetJobRuns first: a process that died between the call and its record, or an answer that was
lost on the way, leaves no second run.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from pypedream_dagster.aws.glue import GlueClient
from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.errors import AwsError, BusyError, ConcurrencyError, PypedreamError, RunError, StateError
from pypedream_dagster.run.turns import REST_SECONDS, RUN_KEY_ARGUMENT, Line, Turn

__all__ = ["RUN_KEY_ARGUMENT", "RunRequest", "run_job", "run_key"]

_REMEMBERED_RUNS = 1000  # how far back a key is looked for
_SHORTEST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.5, 15.0
_POLL_FRACTION = 0.1  # of the time waited so far: quick jobs are noticed quickly, long ones cost few calls
_LONGEST_QUEUE_SECONDS = 6 * 3600.0
_LONGEST_RETRY_SECONDS = REST_SECONDS / 1.25  # whoever keeps no place in a line asks once in each rest at least
_NOTE_SECONDS = 10.0  # until it is said again that a run waits; then twice as long, and so on
_START_ATTEMPTS = 8
_POLL_FAULTS = 20
_RETRY_SECONDS = 60.0  # within which Glue starts its own retry of a failed run


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run.

    Attributes:
        job_name: the Glue job.
        arguments: override the job's default arguments key by key.
        run_key: tells this run from all others of the job: see :func:`run_key`.
        session_policy: IAM policy (JSON) that narrows the job's role for this run.
    """

    job_name: str
    run_key: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    session_policy: str | None = None


def run_key(*, root_run_id: str, asset: str, job_name: str, arguments: Mapping[str, str], partition: str = "") -> str:
    """Return the key of a step's job run: the same for every retry and re-execution of that step.

    Args:
        root_run_id: the Dagster run that all re-executions go back to.
        asset: what the step makes.
        job_name: the Glue job.
        arguments: the run's arguments: changed ones are another run.
        partition: the partition's key, if any.
    """
    parts = [root_run_id, asset, partition, job_name, sorted(arguments.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def run_job(
    glue: GlueClient,
    request: RunRequest,
    *,
    wait: Callable[[float], None],
    on_state: Callable[[JobRun], None],
    on_note: Callable[[str], None] = lambda _: None,
    line: Line | None = None,
    longest_queue_seconds: float = _LONGEST_QUEUE_SECONDS,
    before_start: Callable[[], None] = lambda: None,
) -> JobRun:
    """Run a Glue job to its end, or join the run that was started for the same key before.

    Args:
        glue: the client.
        request: what to run.
        wait: sleeps so many seconds; whatever it raises is an interruption and stops the Glue run.
        on_state: told the run whenever its state changes, first when it is found or started.
        on_note: told why nothing moves, in one line.
        line: where to queue for a job that others run as well.
        longest_queue_seconds: how long to wait for room at most.
        before_start: called before a run is started, and not where one is joined.

    Returns:
        The run that succeeded.

    Raises:
        RunError: the run ended otherwise, with Glue's message and the place of the logs.
        StateError: there was no room for it in ``longest_queue_seconds``; nothing was started.
        AwsError: AWS refuses or cannot be reached; the run itself is left alone and can be joined again.
    """
    runner = _Runner(glue, request, wait, on_state, on_note, line, longest_queue_seconds)
    run = runner.attach()
    if run is None:
        before_start()
        run = runner.start()
    else:
        on_note(f"Joined run {run.job_run_id} of Glue job {run.job_name}, which was started before.")
    run = runner.follow(run)
    while not run.succeeded:
        retry = runner.retried_by_glue(run)
        if retry is None:
            raise _failure(run)
        on_note(f"Run {run.job_run_id} {run.state}; Glue retries it itself as {retry.job_run_id}.")
        run = runner.follow(retry)
    return run


@dataclass(frozen=True, slots=True)
class _Runner:
    """The steps of one request."""

    glue: GlueClient
    request: RunRequest
    wait: Callable[[float], None]
    on_state: Callable[[JobRun], None]
    on_note: Callable[[str], None]
    line: Line | None
    longest_queue_seconds: float

    def attach(self) -> JobRun | None:
        """Return the live or succeeded run of this key, if there is one.

        A run that is being stopped is waited for: it can succeed no more, but still holds the job.
        """
        own = list(self._own_runs())
        stopping = next((run for run in own if run.state == "STOPPING"), None)
        if stopping is None:
            return _usable(own)
        self.on_note(f"Run {stopping.job_run_id} is being stopped; waiting for its end.")
        self._poll(stopping)
        return _usable(self._own_runs())

    def start(self) -> JobRun:
        """Start a run, as soon as there is room for it and it is its turn, and never two."""
        turn = Turn(self.glue, self.line, self.request.run_key, _utc_now) if self.line else None
        try:
            return self._start_in_turn(turn)
        except PypedreamError:
            raise
        except BaseException:
            self._stop_found()
            raise
        finally:
            if turn is not None:
                turn.leave()

    def _start_in_turn(self, turn: Turn | None) -> JobRun:
        waited, faults, next_note = 0.0, 0, 0.0
        while True:
            try:
                hindrance = turn.hindrance(waited) if turn else None
                if hindrance is None:
                    return self._start_now()
            except ConcurrencyError as error:
                hindrance = error.message
                if turn is not None:
                    turn.stay(waited)
            except BusyError as error:
                faults += 1
                if faults == _START_ATTEMPTS:
                    raise
                hindrance = None
                self.on_note(f"{self.request.job_name} is tried again: {error.message}")
            if waited > self.longest_queue_seconds:
                raise self._too_long(waited, hindrance)
            if hindrance is not None and waited >= next_note:
                self.on_note(_waiting(self.request.job_name, hindrance, waited))
                next_note = max(_NOTE_SECONDS, 2 * waited)
            delay = turn.delay_seconds(waited) if turn else _retry_delay(waited)
            self.wait(delay)
            waited += delay
            # The refused call, or the one before whose answer was lost, may have started it after all.
            if (run := _usable(self._own_runs())) is not None:
                return run

    def _start_now(self) -> JobRun:
        run_id = self.glue.start_job_run(
            self.request.job_name,
            {**self.request.arguments, RUN_KEY_ARGUMENT: self.request.run_key},
            self.request.session_policy,
            # A branch's run in Glue's own queue would go before production's next one, whatever the line says.
            queuing=False if self.line else None,
        )
        return JobRun(self.request.job_name, run_id, "STARTING", arguments=self.request.arguments)

    def _too_long(self, waited: float, hindrance: str | None) -> StateError:
        why = (hindrance or "AWS is busy").rstrip(".")
        return StateError(
            f"Glue job {self.request.job_name} had no room in {_span(waited)}: {why}.",
            hint="run it again later, or raise the job's MaxConcurrentRuns; nothing was started",
        )

    def follow(self, run: JobRun) -> JobRun:
        """Wait for a run's end; stop it if the waiting is interrupted."""
        try:
            return self._poll(run)
        except PypedreamError:
            raise  # AWS is away, the run may be well: left to be joined again
        except BaseException as interruption:
            self._stop(run, interruption)
            raise

    def retried_by_glue(self, run: JobRun) -> JobRun | None:
        """Return the run by which Glue retries a failed one (MaxRetries): same arguments, another id."""
        if run.state not in {"FAILED", "ERROR"}:
            return None
        job = self.glue.get_job(run.job_name)
        retries = int(job.properties.get("MaxRetries") or 0) if job else 0
        attempt = int(run.job_run_id.partition("_attempt_")[2] or 0)
        waited = 0.0
        while attempt < retries and waited < _RETRY_SECONDS:
            if (retry := _usable(self._own_runs())) is not None:
                return retry
            self.wait(5.0)
            waited += 5.0
        return None

    def _own_runs(self) -> Iterator[JobRun]:
        for run in islice(self.glue.job_runs(self.request.job_name), _REMEMBERED_RUNS):
            if run.arguments.get(RUN_KEY_ARGUMENT) == self.request.run_key:
                yield run

    def _poll(self, run: JobRun) -> JobRun:
        waited, faults, told = 0.0, 0, ""
        while True:
            try:
                run, faults = self.glue.get_job_run(run.job_name, run.job_run_id), 0
            except BusyError as error:
                faults += 1
                if faults == _POLL_FAULTS:
                    raise
                self.on_note(error.message)
            else:
                if run.state != told:
                    self.on_state(run)
                    told = run.state
                if run.is_terminal:
                    return run
            delay = _jitter(min(max(waited * _POLL_FRACTION, _SHORTEST_POLL_SECONDS), _LONGEST_POLL_SECONDS))
            self.wait(delay)
            waited += delay

    def _stop(self, run: JobRun, interruption: BaseException) -> None:
        try:
            self.glue.stop_job_run(run.job_name, run.job_run_id)
            self.on_note(f"Interrupted: run {run.job_run_id} of Glue job {run.job_name} is being stopped.")
        except AwsError as error:
            note = f"Run {run.job_run_id} of Glue job {run.job_name} could not be stopped: {error}"
            self.on_note(note)
            interruption.add_note(note)

    def _stop_found(self) -> None:
        """Stop the run that an interrupted start may have left: its id is not known."""
        try:
            run = _usable(self._own_runs())
            if run is not None and not run.is_terminal:
                self.glue.stop_job_run(run.job_name, run.job_run_id)
        except AwsError as error:
            self.on_note(f"Interrupted while {self.request.job_name} was starting: {error}")


def _usable(runs: Iterable[JobRun]) -> JobRun | None:
    """Return the first run that has succeeded or still can."""
    return next((run for run in runs if run.succeeded or not (run.is_terminal or run.state == "STOPPING")), None)


def _retry_delay(waited: float) -> float:
    return _jitter(min(2.0 + waited * _POLL_FRACTION, _LONGEST_RETRY_SECONDS))


def _jitter(seconds: float) -> float:
    # Spread, so that steps which were refused together do not all ask again together.
    return seconds * random.uniform(0.75, 1.25)  # noqa: S311


def _waiting(job: str, hindrance: str, waited: float) -> str:
    so_far = f"; waiting for {_span(waited)} so far" if waited else ""
    return f"{job} waits for its turn: {hindrance.rstrip('.')}{so_far}"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _failure(run: JobRun) -> RunError:
    group = run.log_group or "/aws-glue/jobs"
    return RunError(
        f"Glue job {run.job_name}: run {run.job_run_id} ended {run.state}"
        + (f": {run.error_message}" if run.error_message else "."),
        hint=f"its logs: aws logs tail {group}/error --log-stream-name-prefix {run.job_run_id}",
    )
