"""The executor ``threads``: one process, one thread per step, for steps that wait on Glue rather than compute.

A hundred steps that wait cost the multiprocess executor gigabytes and minutes, threads some megabytes and
nothing (docs/architecture.md). It is dagster's in-process executor but for the scheduling loop: the loop, on the
calling thread, alone touches dagster's `ActiveExecution`; the threads hand it their events over a queue.

All of this is private API of dagster 1.13: hence the pinned minor version and the tests of each behaviour.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any

from dagster import DagsterEvent, Field, InitExecutorContext, IntSource, executor
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.events import EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.compute_logs import create_compute_log_file_key
from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.execute_plan import (
    _handle_compute_log_setup_error,
    _trigger_hook,
    dagster_event_sequence_for_step,
)
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.objects import step_failure_event_from_exc_info
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode, get_retries_config
from dagster._core.execution.tags import get_tag_concurrency_limits_config
from dagster._core.executor.base import Executor

from pypedream_dagster.defs.worker import WORKER_TAG, current_worker
from pypedream_dagster.deploy.lease import release_run

DEFAULT_MAX_CONCURRENT = 200
_LOOP_SECONDS = 0.25  # how late an interrupt or a free pool slot may be noticed

_stop: ContextVar[threading.Event | None] = ContextVar("pypedream_stop", default=None)
_never = threading.Event()


def stop_event() -> threading.Event:
    """Return the event that is set when the step of this thread is to stop; one that never is, elsewhere."""
    return _stop.get() or _never


def interruptible_sleep(seconds: float) -> None:
    """Sleep, but no longer than until the Dagster run is cancelled.

    Raises:
        DagsterExecutionInterruptedError: it is cancelled.
    """
    if stop_event().wait(seconds):
        raise DagsterExecutionInterruptedError("The Dagster run was asked to stop.")


@dataclass(frozen=True, slots=True)
class _Ended:
    """Said by a step's thread when no further event of the step will come."""

    step_key: str


_Inbox = queue.SimpleQueue[DagsterEvent | _Ended]


class ThreadExecutor(Executor):
    """Runs up to ``max_concurrent`` steps at once, each on a thread of its own; steps must be sync functions."""

    def __init__(
        self,
        retries: RetryMode,
        max_concurrent: int = DEFAULT_MAX_CONCURRENT,
        tag_concurrency_limits: list[dict[str, Any]] | None = None,
    ) -> None:
        self._retries = retries
        self._max_concurrent = max_concurrent
        self._tag_concurrency_limits = tag_concurrency_limits

    @property
    def retries(self) -> RetryMode:
        """Whether and how failed steps are tried again."""
        return self._retries

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        """Execute the plan and yield its events as they happen."""
        try:
            yield from self._execute(plan_context, execution_plan)
        finally:
            run = plan_context.dagster_run
            release_run(run.root_run_id or run.run_id)

    def _execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        keys = execution_plan.step_keys_to_execute
        plan_context.instance.add_run_tags(plan_context.run_id, {WORKER_TAG: current_worker()})
        yield DagsterEvent.engine_event(
            plan_context,
            f"Executing {len(keys)} steps on threads (pid: {os.getpid()}, at most {self._max_concurrent} at once)",
            EngineEventData.in_process(os.getpid(), list(keys)),
        )
        yield from ExecuteRunWithPlanIterable(
            execution_plan=execution_plan,
            iterator=self._iterate,
            execution_context_manager=PlanExecutionContextManager(
                job=plan_context.job,
                retry_mode=plan_context.retry_mode,
                execution_plan=execution_plan,
                run_config=plan_context.run_config,
                dagster_run=plan_context.dagster_run,
                instance=plan_context.instance,
                # An exception would leave the other steps' threads unheard.
                raise_on_error=False,
                output_capture=plan_context.output_capture,
                step_dependency_config=self.step_dependency_config,
            ),
        )

    def _iterate(self, job_context: PlanExecutionContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        with ExitStack() as stack:
            slots = stack.enter_context(InstanceConcurrencyContext(job_context.instance, job_context.dagster_run))
            active = stack.enter_context(
                execution_plan.start(
                    retry_mode=self._retries,
                    max_concurrent=self._max_concurrent,
                    tag_concurrency_limits=self._tag_concurrency_limits,
                    instance_concurrency_context=slots,
                    step_dependency_config=self.step_dependency_config,
                )
            )
            yield from _capture_logs(stack, job_context, execution_plan)
            pool = stack.enter_context(ThreadPoolExecutor(self._max_concurrent, thread_name_prefix="step"))
            yield from _Loop(job_context, active, pool, self._max_concurrent).run()


class _Loop:
    """The scheduling loop of one Dagster run."""

    def __init__(
        self, job_context: PlanExecutionContext, active: ActiveExecution, pool: ThreadPoolExecutor, limit: int
    ) -> None:
        self._context = job_context
        self._active = active
        self._pool = pool
        self._limit = limit
        self._inbox: _Inbox = queue.SimpleQueue()
        self._stop = threading.Event()
        self._in_flight: set[str] = set()

    def run(self) -> Iterator[DagsterEvent]:
        try:
            while self._in_flight or not (self._active.is_complete or self._stop.is_set()):
                yield from self._heed_interrupt()
                if not self._stop.is_set():
                    yield from self._start_steps()
                yield from self._receive()
                if not self._stop.is_set():
                    yield from self._active.plan_events_iterator(self._context)
        finally:
            # Also when the caller drops this generator: no thread may wait on Glue for ever.
            self._stop.set()
        if self._active._interrupted:
            raise DagsterExecutionInterruptedError("The Dagster run was interrupted.")

    def _heed_interrupt(self) -> Iterator[DagsterEvent]:
        if self._active.check_for_interrupts() and not self._stop.is_set():
            self._active.mark_interrupted()
            self._stop.set()
            yield DagsterEvent.engine_event(
                self._context,
                f"Interrupted: asking {len(self._in_flight)} steps to stop",
                EngineEventData.interrupted(sorted(self._in_flight)),
            )

    def _start_steps(self) -> Iterator[DagsterEvent]:
        for step in self._active.get_steps_to_execute(limit=self._limit - len(self._in_flight)):
            self._in_flight.add(step.key)
            state = self._active.get_known_state()
            self._pool.submit(copy_context().run, _run_step, self._context, step, state, self._inbox, self._stop)
        yield from self._active.concurrency_event_iterator(self._context)

    def _receive(self) -> Iterator[DagsterEvent]:
        """Wait a moment for events, then take all that have come."""
        timeout = _LOOP_SECONDS
        while True:
            try:
                item = self._inbox.get(timeout=timeout)
            except queue.Empty:
                return
            timeout = 0
            match item:
                case _Ended(step_key):
                    self._in_flight.discard(step_key)
                    self._active.verify_complete(self._context, step_key)
                case event:
                    yield event
                    if event.step_key and not event.is_step_skipped:
                        self._active.handle_event(event)


def _run_step(
    job_context: PlanExecutionContext,
    step: ExecutionStep,
    known_state: KnownExecutionState,
    inbox: _Inbox,
    stop: threading.Event,
) -> None:
    """Execute one step on this thread, its events to the inbox, whatever happens."""
    _stop.set(stop)
    events: list[DagsterEvent] = []
    try:
        step_context = job_context.for_step(step, known_state)
        try:
            for event in dagster_event_sequence_for_step(step_context):
                events.append(event)
                inbox.put(event)
            for event in _trigger_hook(step_context, events):
                inbox.put(event)
        except (KeyboardInterrupt, DagsterExecutionInterruptedError):
            pass  # dagster has made a STEP_FAILURE of it already
        except BaseException:
            if not any(
                event.is_step_failure or event.is_step_success or event.is_step_up_for_retry for event in events
            ):
                inbox.put(step_failure_event_from_exc_info(step_context, sys.exc_info()))
    finally:
        inbox.put(_Ended(step.key))


def _capture_logs(
    stack: ExitStack, job_context: PlanExecutionContext, execution_plan: ExecutionPlan
) -> Iterator[DagsterEvent]:
    """Capture stdout and stderr of the whole run: threads share them."""
    manager = job_context.instance.compute_log_manager
    key = manager.build_log_key_for_run(job_context.run_id, create_compute_log_file_key())  # type: ignore[no-untyped-call]
    try:
        captured = stack.enter_context(manager.capture_logs(key))
        yield DagsterEvent.capture_logs(job_context, execution_plan.step_keys_to_execute, list(key), captured)
    except Exception:
        yield from _handle_compute_log_setup_error(job_context, sys.exc_info())


@executor(
    name="threads",
    config_schema={
        "max_concurrent": Field(IntSource, default_value=DEFAULT_MAX_CONCURRENT, description="Steps at once."),
        "retries": get_retries_config(),  # type: ignore[no-untyped-call]
        "tag_concurrency_limits": get_tag_concurrency_limits_config(),  # type: ignore[no-untyped-call]
    },
)
def thread_executor(context: InitExecutorContext) -> ThreadExecutor:
    """One thread per step, in one process: for steps that wait."""
    config = context.executor_config
    return ThreadExecutor(
        RetryMode.from_config(config["retries"]),  # type: ignore[arg-type]
        config["max_concurrent"],  # type: ignore[arg-type]
        config.get("tag_concurrency_limits"),  # type: ignore[arg-type]
    )
