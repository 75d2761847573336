"""What executions tell of a flow: run-time arguments, put in where the definition leaves them open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pypedream_dagster.aws.step_functions import JobStart
from pypedream_dagster.importers.parameters import PARAMETER, parameters_in
from pypedream_dagster.importers.survey import Flow, Problem, Task

_ITEM = re.compile(r"\[[^\[\]]*\]")


def with_history(
    flow: Flow, problems: Sequence[Problem], starts: Sequence[JobStart]
) -> tuple[Flow, tuple[Problem, ...]]:
    """Return a flow with the job runs that were seen, one task for each distinct set of arguments.

    Args:
        problems: of the flow; those that a run settles are left out.
        starts: by the keys of tasks: ``Caller/State`` within a nested state machine.
    """
    by_state: dict[str, list[JobStart]] = {}
    for start in starts:
        by_state.setdefault(start.state, []).append(start)
    tasks: list[Task] = []
    keys: dict[str, tuple[str, ...]] = {}
    settled = set()
    for task in flow.tasks:
        new = _seen(task, by_state.get(task.key, []) or by_state.get(_ITEM.sub("", task.key), []))
        settled |= {task.at} if new != (task,) else set()
        keys[task.key] = tuple(one.key for one in new)
        tasks += new
    order = frozenset((one, other) for before, after in flow.order for one in keys[before] for other in keys[after])
    left = tuple(problem for problem in problems if problem.at not in settled)
    return replace(flow, tasks=tuple(tasks), order=order), left


def _seen(task: Task, starts: Sequence[JobStart]) -> tuple[Task, ...]:
    """Return a task as it was run: itself where nothing in it is open, or no run of it was seen."""
    if task.operation != "glue":
        return (task,)
    fitting = {(start.job, tuple(sorted(start.arguments.items()))): start for start in starts if _fits(task, start)}
    found = tuple(_filled(task, start) for start in fitting.values())
    # By what they are, and not by when they were: a map's items run at once, in another order each time.
    distinct = sorted({(one.job, tuple(sorted(one.arguments.items()))) for one in found}, key=repr)
    if not distinct:
        return (task,)
    if len(distinct) == 1:
        return (found[0],)
    return tuple(
        replace(task, key=f"{task.key}[run {number}]", job=job, arguments=dict(arguments))
        for number, (job, arguments) in enumerate(distinct, 1)
    )


def _fits(task: Task, start: JobStart) -> bool:
    told = [(task.job or "", start.job), *_pairs(task.arguments, start.arguments)]
    return all(_pattern(text).fullmatch(seen) for text, seen in told)


def _pairs(told: Mapping[str, str], seen: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((text, seen[key]) for key, text in told.items() if key in seen)


def _filled(task: Task, start: JobStart) -> Task:
    """Put in what a run had: where a text is open, and arguments that the definition does not name."""
    job = start.job if task.job is None or parameters_in(task.job) else task.job
    own = {key: start.arguments.get(key, text) if parameters_in(text) else text for key, text in task.arguments.items()}
    return replace(task, job=job, arguments={**start.arguments, **own})


def _pattern(text: str) -> re.Pattern[str]:
    """Return what a text with unknown parts may have been."""
    parts = PARAMETER.split(text)[::2]
    return re.compile(".*".join(map(re.escape, parts)), re.DOTALL)
