"""What Airflow's own names mean while a DAG file is walked: calls, methods and attributes."""

from __future__ import annotations

import re

from pypedream_dagster.importers.sources.airflow import natives
from pypedream_dagster.importers.sources.airflow.modules import Gathered
from pypedream_dagster.importers.sources.airflow.natives import NotNativeError
from pypedream_dagster.importers.sources.airflow.pipeline import (
    Dag,
    Group,
    Label,
    Operator,
    XCom,
    chained,
    connect,
    operator_in,
)
from pypedream_dagster.importers.sources.airflow.running import Running
from pypedream_dagster.importers.sources.airflow.settings import Settings
from pypedream_dagster.importers.sources.airflow.starts import (
    hook_like,
    process_starts,
    start_of,
    starts_of_an_operator,
)
from pypedream_dagster.importers.sources.airflow.text_template import TextTemplate
from pypedream_dagster.importers.sources.airflow.transfers import touched_by
from pypedream_dagster.importers.sources.airflow.values import (
    MISSING,
    Bound,
    ClassValue,
    Decorated,
    FilePath,
    Function,
    Instance,
    OpenFile,
    Partial,
    Symbol,
    Unknown,
    Value,
    named,
)

_DECORATOR = re.compile(r"^airflow(\.\w+)*\.(?P<kind>(dag|task|task_group|setup|teardown)(\.[a-z_]+)?)$")
_OPERATOR = re.compile(r"(Operator|Sensor)(Async)?$")
_CHAINS = {"chain", "chain_linear", "cross_downstream"}


class Reader(Running):
    """Walks one DAG file and what it imports."""

    def __init__(self, gathered: Gathered) -> None:
        super().__init__(gathered)
        self._labels: dict[str, Label] = {}

    def symbol_call(self, symbol: Symbol, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a call of something of Airflow's or a library's gives; MISSING if it is not known."""
        name, last = symbol.name, symbol.last
        try:
            found = self.libraries.call(name, positional, keywords, self.frame.module.path)
        except NotNativeError:
            return MISSING
        if found is not MISSING:
            return found
        if (decorator := _DECORATOR.match(name)) is not None:
            return self._decorator(symbol, decorator["kind"], positional, keywords)
        if last == "__init__" and positional and isinstance(positional[0], Instance):
            self.construct(positional[0], positional[1:], keywords)
            return None
        if last in _CHAINS and "airflow" in name:
            return self._chain(last, positional)
        if last == "Label" or last == "EdgeModifier":
            return Label()
        if last == "get_current_context" and self.running is not None:
            return self.context_of(self.running)
        if last == "Param":
            return keywords.get("default", positional[0] if positional else Unknown(name))
        if last == "XComArg":
            source = operator_in(positional[0] if positional else keywords.get("operator"))
            return XCom(source, named(keywords["key"]) if "key" in keywords else "") if source else MISSING
        if last == "TaskGroup":
            return self.make_group(positional, keywords)
        if last == "DAG" or (last.endswith("DAG") and last.isidentifier() and "dag_id" in keywords):
            return self.make_dag(positional, keywords, self.where)
        if last in {"partial"} and _OPERATOR.search(name.rpartition(".")[0]):
            return Partial(Symbol(name.rpartition(".")[0]), (), keywords)
        if hook_like(symbol):
            return Partial(symbol, tuple(positional), keywords)
        if _OPERATOR.search(last) or "task_id" in keywords:
            return self.make_operator(last, (last,), positional, keywords, self.where)
        if self.running is not None:
            self.running.touches += touched_by(last, positional, keywords)
            start = start_of(symbol, last, positional, keywords)
            self.running.starts += process_starts(name, positional) if start is None else [start]
        if last in {"import_string", "import_module"} and positional and isinstance(positional[0], str):
            return self.imported(positional[0], 0)
        if name in {"contextlib.contextmanager", "functools.wraps", "functools.lru_cache", "functools.cache"}:
            return positional[0] if positional else Unknown(name)
        if any(isinstance(value, Function | Bound) for value in positional) and not keywords:
            return positional[0]
        return MISSING

    def _decorator(self, symbol: Symbol, kind: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        given = positional[0] if positional else keywords.get("python_callable")
        if isinstance(given, Function | Bound | Decorated):
            if isinstance(given, Decorated):  # setup and teardown stand over task
                return given
            return Decorated(kind, given, {k: v for k, v in keywords.items() if k != "python_callable"})
        if kind == "dag" and positional and isinstance(positional[0], str):
            keywords = {"dag_id": positional[0], **keywords}
        return Partial(symbol, (), keywords)

    def _chain(self, name: str, positional: list[Value]) -> None:
        ends = tuple(self._between_all(value) for value in positional)
        if name == "cross_downstream" and len(ends) == 2:
            connect(ends[0], ends[1])
        else:
            chained(ends, linear=name == "chain_linear")

    def _between_all(self, value: Value) -> Value:
        if isinstance(value, list | tuple):
            return [self.between(item) for item in value]
        return self.between(value)

    def standing_for(self, value: Unknown | Symbol) -> Label:
        """Return the one thing that order through an unknown value goes through."""
        if value.name not in self._labels:
            self._labels[value.name] = Label()
        return self._labels[value.name]

    def outside(self, name: str, default: Value) -> Value:
        """Return a value that the code does not tell, but for its default: as it is given, if it is."""
        return self.libraries.outside(name, default)

    def method_call(self, owner: Value, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a method of Airflow's or a library's gives; MISSING if it is not known."""
        if self.running is not None:
            self.running.touches += touched_by(name, positional, keywords)
        if self.running is not None and (start := start_of(owner, name, positional, keywords)) is not None:
            self.running.starts.append(start)
            return Unknown(f"{self.running.dag.dag_id}.{self.running.task_id}.started")
        if isinstance(owner, Instance) and owner.core is not None:
            owner = owner.core
        match owner:
            case Operator() | XCom() | Group() | Label():
                return self._order_method(owner, name, positional, keywords)
            case Dag():
                return self._dag_method(owner, name, positional, keywords)
            case Partial() | Decorated() | ClassValue() | Function():
                return self.mapping_method(owner, name, positional, keywords)
            case FilePath():
                return self.libraries.path_method(owner, name, positional, self.frame.module.path)
            case OpenFile():
                return self.libraries.file_method(owner, name)
            case TextTemplate():
                return owner.method(name, positional, keywords)
            case Settings():
                found = owner.method(name, positional, keywords, self.libraries.workspace, self.frame.module.path)
                return self.libraries.outside(found.name, found.default) if isinstance(found, Unknown) else found
            case Unknown(known, default):
                try:
                    return self._unknown_method(known, default, name, positional, keywords)
                except NotNativeError:
                    return MISSING
            case _:
                return MISSING

    def _unknown_method(
        self, known: str, default: Value, name: str, positional: list[Value], keywords: dict[str, Value]
    ) -> Value:
        if name == "xcom_pull":
            task = keywords.get("task_ids", positional[0] if positional else "xcom")
            key = keywords.get("key", positional[1] if len(positional) > 1 else "return_value")
            task = task[0] if isinstance(task, list) and task else task
            dag = self.running.dag if self.running is not None else self.dag
            source = dag.find(named(task)) if dag is not None else None
            if source is not None and source.result is not None and key == "return_value":
                return source.result
            return Unknown(f"{dag.dag_id if dag else known}.{named(task)}.{named(key)}")
        if name == "get" and positional and isinstance(positional[0], str):
            inner = default.get(positional[0], MISSING) if isinstance(default, dict) else MISSING
            given = positional[1] if len(positional) > 1 else inner
            return self.libraries.outside(f"{known}.{positional[0]}", MISSING if given is None else given)
        if name in {"items", "keys", "values"} and not positional:
            if isinstance(default, dict) and default:
                return natives.method(default, name, [], {})
            return Unknown(f"{known}.{name}")
        if name == "split":
            parts = natives.method(default, name, positional, keywords) if isinstance(default, str) else MISSING
            return Unknown(f"{known}.split", parts)
        if name in {"strip", "lstrip", "rstrip"}:
            return Unknown(known, default)
        return MISSING

    def _order_method(self, owner: Value, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        ends = [self._between_all(value) for value in (*positional, *keywords.values())]
        match name:
            case "execute" if self.running is not None and (task := operator_in(owner)) is not None:
                self.running.starts += starts_of_an_operator(task)
                return Unknown(f"{self.running.dag.dag_id}.{self.running.task_id}.executed")
            case "set_downstream":
                connect(owner, ends[:1])
                return None
            case "set_upstream":
                connect(ends[:1], owner)
                return None
            case "as_teardown":
                connect(keywords.get("setups", positional[0] if positional else []), owner)
                return owner
            case "add" if isinstance(owner, Group):
                for value in positional:
                    task = operator_in(value)
                    if task is not None and task.group is None:
                        self.regroup(task, owner)
                return None
            case "map" if isinstance(owner, XCom) and positional:
                return XCom(owner.operator, made=[self.call(positional[0], [row], {}) for row in self.iterated(owner)])
            case "zip" | "as_setup" | "override":
                return owner
            case _:
                return owner if isinstance(owner, XCom) else MISSING

    def _dag_method(self, owner: Dag, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        first = positional[0] if positional else keywords.get("task_id", keywords.get("task"))
        if name == "get_task":
            found = owner.find(named(first))
            return found if found is not None else MISSING
        if name in {"add_task", "add_tasks"}:
            for value in first if isinstance(first, list | tuple) else [first]:
                if (task := operator_in(value)) is not None:
                    self.assign(task, owner)
            return None
        if name == "task":
            return Partial(Symbol("airflow.decorators.task"), (), keywords) if not positional else MISSING
        return MISSING

    def attribute_of(self, owner: Value, name: str) -> Value:
        """Return an attribute of something of Airflow's or a library's; MISSING if it is not known."""
        match owner:
            case Symbol() if owner.last in {"TriggerRule", "WeightRule"}:
                return name.lower()
            case Dag():
                return self._dag_attribute(owner, name)
            case Group(group_id):
                known = {"group_id": group_id, "children": {_label(c): c for c in owner.children}, "dag": owner.dag}
                return known.get(name, MISSING)
            case Operator():
                return _operator_attribute(owner, name)
            case XCom(operator):
                return operator if name == "operator" else MISSING
            case FilePath():
                return self.libraries.path_attribute(owner, name)
            case Partial(Symbol() as symbol) if hook_like(symbol) and name in {"conn", "job_name"}:
                return owner.keywords.get(name, Unknown(f"{symbol.last}.{name}"))
            case Decorated(_, function) if name == "function":
                return function
            case _:
                return MISSING

    def _dag_attribute(self, owner: Dag, name: str) -> Value:
        known: dict[str, Value] = {
            "dag_id": owner.dag_id,
            "default_args": owner.arguments.get("default_args", {}),
            "params": owner.arguments.get("params", {}),
            "tasks": owner.operators,
            "task_dict": {task.task_id: task for task in owner.operators},
            "task_ids": [task.task_id for task in owner.operators],
            "leaves": [task for task in owner.operators if not task.downstream],
            "roots": [task for task in owner.operators if not task.upstream],
        }
        return known.get(name, owner.arguments.get(name, MISSING))

    def item_of(self, owner: Value, key: Value) -> Value:
        """Return an item of something that is no container; MISSING if it is not known."""
        if isinstance(owner, Symbol) and owner.name == "os.environ":
            return self.libraries.outside(f"env.{named(key)}")
        return owner.section(key) if isinstance(owner, Settings) else MISSING


def _operator_attribute(owner: Operator, name: str) -> Value:
    known: dict[str, Value] = {
        "task_id": owner.task_id,
        "output": XCom(owner),
        "dag": owner.dag,
        "dag_id": owner.dag.dag_id,
        "operator": owner,
        "task_group": owner.group,
        "upstream_list": owner.upstream,
        "downstream_list": owner.downstream,
    }
    return known.get(name, owner.arguments.get(name, MISSING))


def _label(child: Operator | Group) -> str:
    return child.task_id if isinstance(child, Operator) else child.group_id
