"""DAGs as Airflow itself loads them, where it is installed. This runs the DAG files' code: only when asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.importers.files import read_files
from pypedream_dagster.importers.sources.airflow.flows import Flows
from pypedream_dagster.importers.sources.airflow.libraries import Libraries
from pypedream_dagster.importers.sources.airflow.operations import PYTHON
from pypedream_dagster.importers.sources.airflow.pipeline import Dag, Operator
from pypedream_dagster.importers.sources.airflow.source import survey
from pypedream_dagster.importers.sources.airflow.workspace import Workspace
from pypedream_dagster.importers.survey import Flow, Problem, Survey, Task, Where

_SHOWN = (str, int, float, bool, dict, list, tuple)


def dagbag_survey(path: Path, base: Path) -> Survey:
    """Return what Airflow's DagBag finds in a file or folder; its code is run, with the rights of this process.

    What Airflow does not tell, the code does: the lines of tasks, and which jobs Python functions start.

    Args:
        path: a DAG file, or a folder of them.
        base: the project's folder, from which files are named.

    Raises:
        PypedreamError: Airflow is not installed here.
    """
    try:
        from airflow.models import DagBag  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise PypedreamError(
            "Airflow is not installed here, so its DagBag cannot be asked.",
            hint="pip install apache-airflow apache-airflow-providers-amazon, or import the files without it",
        ) from error
    bag = DagBag(dag_folder=str(path), include_examples=False, safe_mode=False)
    flows = Flows(Libraries(Workspace(()), {}))
    for _, loaded in sorted(bag.dags.items()):
        flows.add(_dag(loaded, base))
    files, unread = read_files([path], base)
    known = {(flow.name, task.key): task for flow in survey(files, {}).flows for task in flow.tasks}
    problems = [
        Problem(Where(_named(file, base)), _last_line(text)) for file, text in sorted(bag.import_errors.items())
    ]
    found = flows.survey
    return replace(
        found,
        flows=tuple(_told_by_the_code(flow, known) for flow in found.flows),
        problems=(*problems, *unread, *found.problems),
    )


def _told_by_the_code(flow: Flow, known: Mapping[tuple[str, str], Task]) -> Flow:
    tasks = []
    for task in flow.tasks:
        read = known.get((flow.name, task.key))
        if read is not None:
            task = replace(read, trigger=task.trigger) if task.operation == PYTHON else replace(task, at=read.at)
        tasks.append(task)
    return replace(flow, tasks=tuple(tasks))


def _named(file: object, base: Path) -> str:
    return Path(os.path.relpath(str(file), base)).as_posix()


def _last_line(text: str) -> str:
    lines = [line for line in str(text).splitlines() if line.strip()]
    return lines[-1].strip() if lines else "cannot be loaded"


def _dag(loaded: Any, base: Path) -> Dag:
    at = Where(_named(loaded.fileloc, base))
    params = {str(name): loaded.params[name] for name in loaded.params}
    made = Dag(str(loaded.dag_id), at, {"params": params, "user_defined_macros": loaded.user_defined_macros})
    by_id: dict[str, Operator] = {}
    for task in loaded.tasks:
        by_id[task.task_id] = _operator(task, made, at)
    for task in loaded.tasks:
        for after in sorted(task.downstream_task_ids):
            by_id[task.task_id].before(by_id[after])
    return made


def _operator(task: Any, dag: Dag, at: Where) -> Operator:
    mapped = getattr(task, "partial_kwargs", None)
    of = getattr(task, "operator_class", type(task)) if mapped is not None else type(task)
    names = of.__mro__ if isinstance(of, type) else ()
    arguments = dict(mapped) if mapped is not None else vars(task)
    made = Operator(
        str(task.task_id),
        str(task.task_type),
        at,
        dag,
        {name: value for name, value in arguments.items() if isinstance(value, _SHOWN) or callable(value)},
        tuple(c.__name__ for c in names if c.__name__.endswith(("Operator", "Sensor"))) or (str(task.task_type),),
    )
    made.arguments["trigger_rule"] = str(getattr(task.trigger_rule, "value", task.trigger_rule))
    given = getattr(getattr(task, "expand_input", None), "value", None)
    if isinstance(given, dict) and len(given) == 1 and isinstance(rows := next(iter(given.values())), list | tuple):
        made.mapped = [{next(iter(given)): row} for row in rows]
    dag.operators.append(made)
    return made
