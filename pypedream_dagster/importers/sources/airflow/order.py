"""A DAG's tasks as they run: those within others, instances of mapped ones, what comes next, what is waited for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pypedream_dagster.importers.sources.airflow.operations import STEERING, operation_of
from pypedream_dagster.importers.sources.airflow.pipeline import Dag, Operator
from pypedream_dagster.importers.sources.airflow.values import Value
from pypedream_dagster.importers.survey import Trigger

_ANY = {"one_success", "one_failed", "one_done"}


def all_operators(dag: Dag, prefix: str = "", depth: int = 5) -> Iterator[Operator]:
    """Give a DAG's tasks, those of the DAGs within it in the place of the task that runs them."""
    for operator in dag.operators:
        if prefix and not operator.task_id.startswith(prefix):
            operator.task_id = f"{prefix}{operator.task_id}"
        yield operator
        if operator.nested is not None and depth:
            inner = operator.nested
            for after in list(operator.downstream):
                for last in [o for o in inner.operators if not o.downstream]:
                    last.before(after)
            for first in [o for o in inner.operators if not o.upstream]:
                operator.before(first)
            yield from all_operators(inner, f"{operator.task_id}.", depth - 1)


def instances(operator: Operator) -> Iterable[tuple[str, Mapping[str, Value]]]:
    """Give the instances of a mapped task, or the one task, with their ids and arguments."""
    if not operator.mapped:
        return [(operator.task_id, operator.arguments)]
    if len(operator.mapped) == 1:
        return [(operator.task_id, {**operator.arguments, **operator.mapped[0]})]
    return [(f"{operator.task_id}[{i}]", {**operator.arguments, **row}) for i, row in enumerate(operator.mapped)]


def trigger_of(operator: Operator) -> Trigger:
    """Return whether a task waits for all before it, or for any."""
    rule = str(operator.arguments.get("trigger_rule", "")).lower()
    if any(rule.endswith(any_rule) for any_rule in _ANY) or "${triggerrule.one" in rule.replace("airflow.utils.", ""):
        return "ANY"
    if len(operator.upstream) == 1 and operation_of(operator.upstream[0]).name == STEERING:
        return trigger_of(operator.upstream[0])
    return "ALL"


def next_tasks(operator: Operator, tasks: Mapping[int, Any]) -> Iterator[Operator]:
    """Give the tasks that come directly after one: order goes through what only steers."""
    frontier, seen = list(operator.downstream), {id(operator)}
    while frontier:
        one = frontier.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if id(one) in tasks:
            yield one
        else:
            frontier += one.downstream
