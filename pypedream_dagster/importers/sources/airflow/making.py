"""DAGs, task groups and tasks, made as the code of a DAG file makes them."""

from __future__ import annotations

import itertools
import re

from pypedream_dagster.importers.sources.airflow import natives
from pypedream_dagster.importers.sources.airflow.modules import Gathered, Modules
from pypedream_dagster.importers.sources.airflow.pipeline import (
    Dag,
    Group,
    Operator,
    connect,
    operator_in,
    operators_within,
)
from pypedream_dagster.importers.sources.airflow.values import (
    Bound,
    ClassValue,
    Function,
    Instance,
    Value,
)
from pypedream_dagster.importers.survey import Where

_OPERATOR = re.compile(r"(Operator|Sensor)(Async)?$")


class Making(Modules):
    """The part of a reader that makes what DAGs consist of.

    Attributes:
        made: the tasks whose own code was not walked yet.
        running: the task whose own code is being walked.
    """

    def __init__(self, gathered: Gathered) -> None:
        super().__init__(gathered)
        self.made: list[Operator] = []
        self.running: Operator | None = None
        self._implied: dict[str, Dag] = {}
        self._teardowns: list[tuple[Operator, list[Operator], int]] = []

    @property
    def dag(self) -> Dag | None:
        """The DAG whose context the code is in."""
        for context in reversed(self.within):
            found = context if isinstance(context, Dag) else context.dag
            if found is not None:
                return found
        return None

    @property
    def group(self) -> Group | None:
        """The task group whose context the code is in."""
        return self.within[-1] if self.within and isinstance(self.within[-1], Group) else None

    def opened(self, context: Value) -> Value:
        """Enter a context and return what it is bound to."""
        bound = context
        if isinstance(context, list) and context:  # a generator under contextlib.contextmanager
            bound = context[0]
        core = bound.core if isinstance(bound, Instance) else bound
        if isinstance(core, Dag | Group):
            self.within.append(core)
        elif (teardown := operator_in(bound)) is not None:
            self._teardowns.append((teardown, list(teardown.upstream), len(teardown.dag.operators)))
        return bound

    def closed(self, context: Value) -> None:
        """Leave a context."""
        core = context.core if isinstance(context, Instance) else context
        if self.within and self.within[-1] is core:
            self.within.pop()
        elif self._teardowns and self._teardowns[-1][0] is operator_in(context):
            teardown, setups, count = self._teardowns.pop()
            inside = teardown.dag.operators[count:]
            for task in inside:
                if not any(before in inside for before in task.upstream):
                    connect(setups, task)
                if not any(after in inside for after in task.downstream):
                    task.before(teardown)

    def make_dag(self, positional: list[Value], keywords: dict[str, Value], at: Where) -> Dag:
        """Return a new DAG."""
        name = keywords.get("dag_id", positional[0] if positional else self.frame.module.name)
        made = Dag(natives.text_of(name), at, keywords)
        self.gathered.dags.append(made)
        return made

    def make_group(self, positional: list[Value], keywords: dict[str, Value], *, unique: bool = False) -> Group:
        """Return a new task group."""
        parent = keywords.get("parent_group")
        parent = parent if isinstance(parent, Group) else self.group
        given = keywords.get("dag")
        dag = given if isinstance(given, Dag) else parent.dag if parent is not None else self.dag
        name = natives.text_of(keywords.get("group_id", positional[0] if positional else "group"))
        full = parent.label(name) if parent is not None else name
        if unique:
            taken = [g for g in (parent.children if parent is not None else []) if isinstance(g, Group)]
            taken += [o.group for o in (dag.operators if dag is not None else []) if o.group is not None]
            full = unique_name(full, {g.group_id for g in taken})
        inherited = {**parent.default_args} if parent is not None else {}
        own = keywords.get("default_args")
        made = Group(
            full,
            dag,
            parent,
            keywords.get("prefix_group_id") is not False,
            {**inherited, **(own if isinstance(own, dict) else {})},
        )
        if parent is not None:
            parent.children.append(made)
        return made

    def _implied_dag(self) -> Dag:
        path = self.frame.module.path
        if path not in self._implied:
            made = Dag(self.frame.module.name, Where(path), implied=True)
            self._implied[path] = made
            self.gathered.dags.append(made)
        return self._implied[path]

    def make_operator(
        self,
        kind: str,
        lineage: tuple[str, ...],
        positional: list[Value],
        keywords: dict[str, Value],
        at: Where,
        *,
        unique: bool = False,
    ) -> Operator:
        """Return a new task of the DAG that it is given or that the code is in."""
        given, group = keywords.get("dag"), keywords.get("task_group")
        given = given.core if isinstance(given, Instance) else given
        group = group if isinstance(group, Group) else self.group
        dag = given if isinstance(given, Dag) else group.dag if group is not None and group.dag else self.dag
        if dag is None:  # one that a task's own code makes is of no DAG
            dag = Dag(self.running.dag.dag_id, at) if self.running is not None else self._implied_dag()
        group = group if group is not None and group.dag in (dag, None) else None
        name = natives.text_of(keywords.get("task_id", positional[0] if positional else kind))
        full = group.label(name) if group is not None else name
        taken = {task.task_id for task in dag.operators}
        if unique:
            full = unique_name(full, taken)
        inherited = {**dag.default_args, **(group.default_args if group is not None else {})}
        made = Operator(full, kind, at, dag, {**inherited, **keywords}, lineage, group)
        dag.operators.append(made)
        if self.running is None:
            self.made.append(made)
        if group is not None:
            group.children.append(made)
        for source in operators_within({n: v for n, v in keywords.items() if n != "dag"}):
            source.before(made)
        nested = keywords.get("subdag")
        if isinstance(nested, Dag):
            made.nested, nested.nested = nested, True
        return made

    def construct(self, instance: Instance, positional: list[Value], keywords: dict[str, Value]) -> None:
        """Make an instance the DAG, task or group that its first class outside of the given files says."""
        root = instance.of.root
        if instance.core is not None or root is None:
            return
        at = Where(instance.path, instance.line or None)
        if root.last.endswith("DAG"):
            instance.core = self.make_dag(positional, keywords, at)
        elif root.last == "TaskGroup":
            instance.core = self.make_group(positional, keywords)
        elif _OPERATOR.search(root.last) or "task_id" in keywords:
            names = tuple(c.name if isinstance(c, ClassValue) else c.last for c in instance.of.lineage())
            given = {**instance.attributes, **keywords}
            instance.core = self.make_operator(root.last, names, positional, given, at)
            executed = instance.of.member("execute")
            if isinstance(executed, Function):
                instance.core.callable = Bound(executed, instance)

    def assign(self, task: Operator, dag: Dag) -> None:
        """Make a task one of a DAG's."""
        if task.dag is not dag:
            task.dag.operators.remove(task)
            task.arguments = {**dag.default_args, **task.arguments}
            task.dag = dag
            dag.operators.append(task)

    def regroup(self, task: Operator, group: Group) -> None:
        """Make a task one of a group's."""
        task.group = group
        task.task_id = group.label(task.task_id)
        group.children.append(task)


def unique_name(name: str, taken: set[str]) -> str:
    """Return a name as Airflow makes it distinct."""
    if name not in taken:
        return name
    return next(f"{name}__{n}" for n in itertools.count(1) if f"{name}__{n}" not in taken)
