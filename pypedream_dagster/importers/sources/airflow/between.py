"""What DAGs say of each other: sensors that wait for another's tasks, triggers that wait, data that starts a DAG."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from pypedream_dagster.importers.sources.airflow.pipeline import Dag, Operator
from pypedream_dagster.importers.sources.airflow.values import Unknown, Value, truth

_WAITS = re.compile(r"^ExternalTask\w*Sensor")
_ASSET = re.compile(r"^airflow\.(?:[\w.]+\.)?(?:Dataset|Asset)\.(?P<name>.+)$", re.DOTALL)
_JOINED = re.compile(r"\.bit(?:and|or)\.")
_MOST = 200


def waited_for(operator: Operator, text: Callable[[Value], str]) -> Iterator[tuple[str, str]]:
    """Give the DAGs and tasks that an operator waits for, by their ids; an empty one for all of the DAG's tasks."""
    given, kinds = operator.arguments, operator.lineage or (operator.kind,)
    if "external_dag_id" in given and any(_WAITS.search(kind) for kind in kinds):
        several = given.get("external_task_ids")
        names = list(several) if isinstance(several, list | tuple) else [given.get("external_task_id")]
        for name in names[:_MOST]:
            yield text(given["external_dag_id"]), "" if name is None else text(name)
    elif "trigger_dag_id" in given and truth(given.get("wait_for_completion")) is True:
        yield text(given["trigger_dag_id"]), ""


def assets_in(value: Value) -> Iterator[str]:
    """Give the names of the data sets of Airflow in ``outlets`` or ``schedule``, however these are joined."""
    for one in list(value)[:_MOST] if isinstance(value, list | tuple | set) else [value]:
        if isinstance(one, Unknown):
            for part in _JOINED.split(one.name):
                if (asset := _ASSET.match(part)) is not None:
                    yield asset["name"]


def made_before(dag: Dag, makers: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    """Give the tasks that make the data which starts a DAG, with their DAGs."""
    for name in ("schedule", "schedule_interval"):
        for asset in assets_in(dag.arguments.get(name)):
            yield from makers.get(asset, ())
