"""DAGs that YAML files declare, as dag-factory and MWAA Serverless take them: operators by name, with dependencies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.airflow.pipeline import Dag, Operator
from pypedream_dagster.importers.survey import Where

_LOOKS = re.compile(r"^\s+-?\s*operator:\s*[\"']?(?:airflow\.[\w.]+|\w+(?:Operator|Sensor))\b", re.MULTILINE)
_MOST_TASKS = 2_000


def declared_dags(file: SourceFile) -> Iterator[Dag]:
    """Give the DAGs that a file declares; none if it is no such file."""
    if not file.path.endswith((".yaml", ".yml")) or not _LOOKS.search(file.text):
        return
    try:
        document = yaml.safe_load(file.text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    given = document if isinstance(document, dict) else {}
    shared = given.get("default")
    for name, declared in given.items():
        if name != "default" and isinstance(declared, dict) and (tasks := dict(_tasks(declared.get("tasks")))):
            yield _dag(str(declared.get("dag_id") or name), declared, shared, tasks, Where(file.path))


def _tasks(given: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give tasks by their ids, from a mapping or from a list."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(given, dict):
        pairs = list(given.items())
    elif isinstance(given, list):
        pairs = [(None, task) for task in given]
    for name, task in pairs[:_MOST_TASKS]:
        if isinstance(task, dict) and isinstance(task.get("operator"), str):
            yield str(task.get("task_id") or name), task


def _dag(name: str, declared: Mapping[str, Any], shared: Any, tasks: Mapping[str, Mapping[str, Any]], at: Where) -> Dag:
    defaults: dict[str, Any] = {}
    for level in (shared, declared):
        inner = level.get("default_args") if isinstance(level, dict) else None
        defaults |= inner if isinstance(inner, dict) else {}
    dag = Dag(name, at, {**declared, "default_args": defaults})
    made = {task_id: _operator(task_id, task, dag) for task_id, task in tasks.items()}
    dag.operators += made.values()
    groups = declared.get("task_groups")
    members: dict[str, list[Operator]] = {}
    for task_id, task in tasks.items():
        members.setdefault(str(task.get("task_group_name", "")), []).append(made[task_id])
    for task_id, task in tasks.items():
        for before in _before(task, made, members):
            before.before(made[task_id])
    for group, of_group in groups.items() if isinstance(groups, dict) else ():
        for before in _before(of_group, made, members):
            for member in members.get(str(group), ()):
                before.before(member)
    return dag


def _before(given: Any, made: Mapping[str, Operator], members: Mapping[str, list[Operator]]) -> Iterator[Operator]:
    """Give the tasks that a task's or a group's ``dependencies`` name."""
    names = given.get("dependencies") if isinstance(given, dict) else None
    for name in names if isinstance(names, list) else ():
        yield from [made[str(name)]] if str(name) in made else members.get(str(name), ())


def _operator(task_id: str, task: Mapping[str, Any], dag: Dag) -> Operator:
    kind = str(task["operator"]).rpartition(".")[2]
    partial = task.get("partial")
    given = {**dag.default_args, **(partial if isinstance(partial, dict) else {}), **task}
    expand = task.get("expand")
    rows = None
    if isinstance(expand, dict) and len(expand) == 1:
        ((name, items),) = expand.items()
        rows = [{name: item} for item in items[:_MOST_TASKS]] if isinstance(items, list) else None
    return Operator(task_id, kind, dag.at, dag, {str(key): value for key, value in given.items()}, (kind,), mapped=rows)
