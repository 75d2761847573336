"""Decides which job run goes next: MaxConcurrentRuns per job, and as many processes as there are slots."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from pypedream_dagster.local_aws.glue.jobs import JobStore
from pypedream_dagster.local_aws.glue.runs import JobRun, RunStore, next_attempt

_log = logging.getLogger(__name__)

_JOIN_SECONDS = 20.0


class Runner(Protocol):
    """Runs job runs one after the other, in one slot."""

    def run(self, run: JobRun, stop: threading.Event) -> None:
        """Runs to a terminal state, ending early when ``stop`` is set."""

    def close(self) -> None:
        """Ends whatever the slot keeps alive between runs."""


class Scheduler:
    """A fixed number of slots that take STARTING runs, oldest first.

    Args:
        runs: the run store.
        jobs: the job store, for MaxConcurrentRuns and MaxRetries.
        make_runner: makes one slot's runner, in the slot's own thread.
        slots: how many runs may run at once.
    """

    def __init__(self, runs: RunStore, jobs: JobStore, make_runner: Callable[[], Runner], slots: int) -> None:
        self._runs = runs
        self._jobs = jobs
        self._make_runner = make_runner
        self._stops: dict[str, threading.Event] = {}
        self._closing = False
        # The threads live as long as the server: a job process dies with the thread that started it.
        self._threads = [
            threading.Thread(target=self._slot, name=f"slot-{number}", daemon=True) for number in range(slots)
        ]

    def start(self) -> None:
        """Opens the slots."""
        for thread in self._threads:
            thread.start()

    def stop(self, run_id: str) -> None:
        """Stops a run: at once where it has no process yet, else through STOPPING."""
        with self._runs.changed:
            run = self._runs.find(run_id)
            if run is None or run.is_terminal:
                return
            event = self._stops.get(run_id)
            if event is None:
                self._runs.update(run_id, {"state": "STOPPED", "completed_on": time.time(), "state_detail": None})
                if not self._closing:
                    self.promote(run.job_name)
                return
            self._runs.update(run_id, {"state": "STOPPING"})
            event.set()

    def close(self) -> None:
        """Asks every run to stop and starts no more; runs without a process are stopped at once."""
        with self._runs.changed:
            self._closing = True
            for run in self._runs.all():
                if not run.is_terminal:
                    self.stop(run.id)
            self._runs.changed.notify_all()

    def join(self) -> None:
        """Waits until the slots are closed."""
        for thread in self._threads:
            thread.join(timeout=_JOIN_SECONDS)

    def promote(self, job_name: str) -> None:
        """Lets waiting runs of a job start, oldest first, as far as its concurrency allows."""
        with self._runs.changed:
            runs = self._runs.of_job(job_name)
            job = self._jobs.find(job_name)
            free = (job.max_concurrent_runs if job else 1) - sum(run.holds_concurrency for run in runs)
            waiting = [run for run in reversed(runs) if run.state == "WAITING"]
            for run in waiting[: max(free, 0)]:
                self._runs.update(run.id, {"state": "STARTING", "state_detail": None})

    def _slot(self) -> None:
        runner = self._make_runner()
        while (claimed := self._claim()) is not None:
            run, stop = claimed
            try:
                runner.run(run, stop)
            except Exception as error:  # a fault of ours must not cost the slot, nor leave the run RUNNING
                _log.exception("job run %s", run.id)
                message = f"Internal service error: {type(error).__name__}: {error}"
                self._runs.update(run.id, {"state": "FAILED", "completed_on": time.time(), "error_message": message})
            self._after(run.id)
        runner.close()

    def _claim(self) -> tuple[JobRun, threading.Event] | None:
        """The next run and its stop event; None once the scheduler closes."""
        with self._runs.changed:
            while not self._closing:
                for run in self._runs.all():
                    if run.state == "STARTING" and run.id not in self._stops:
                        self._stops[run.id] = threading.Event()
                        return run, self._stops[run.id]
                self._runs.changed.wait()
        return None

    def _after(self, run_id: str) -> None:
        with self._runs.changed:
            self._stops.pop(run_id, None)
            run = self._runs.find(run_id)
            assert run is not None
            job = self._jobs.find(run.job_name)
            if run.state == "FAILED" and job is not None and run.attempt < job.max_retries and not self._closing:
                self._runs.add(next_attempt(run))
            self.promote(run.job_name)
