"""What Airflow's own names mean while a DAG file is walked: DAGs, operators, groups, decorators, orders."""

from __future__ import annotations

import ast
import itertools
import re
from dataclasses import dataclass, field

from pypedream_dagster.importers.airflow import natives
from pypedream_dagster.importers.airflow.expressions import GivenUpError
from pypedream_dagster.importers.airflow.libraries import Libraries
from pypedream_dagster.importers.airflow.natives import NotNativeError
from pypedream_dagster.importers.airflow.pipeline import (
    Dag,
    Group,
    Label,
    Operator,
    XCom,
    chained,
    connect,
    operator_in,
    operators_within,
)
from pypedream_dagster.importers.airflow.starts import hook_like, start_of
from pypedream_dagster.importers.airflow.statements import Statements
from pypedream_dagster.importers.airflow.values import (
    MISSING,
    Bound,
    ClassValue,
    Decorated,
    FilePath,
    Frame,
    Function,
    Instance,
    Module,
    OpenFile,
    Partial,
    Symbol,
    Unknown,
    Value,
    named,
)
from pypedream_dagster.importers.survey import Problem, Where

_DECORATOR = re.compile(r"^airflow(\.\w+)*\.(?P<kind>(dag|task|task_group|setup|teardown)(\.[a-z_]+)?)$")
_OPERATOR = re.compile(r"(Operator|Sensor)(Async)?$")
_CHAINS = {"chain", "chain_linear", "cross_downstream"}
_STEPS_OF_A_CALLABLE = 20_000
_MOST_MAPPED = 200
_CONTEXT = ("ti", "task_instance", "dag_run", "ds", "ds_nodash", "ts", "ts_nodash", "execution_date", "logical_date",
            "run_id", "data_interval_start", "data_interval_end", "params", "dag", "task", "conf", "var", "macros",
            "next_ds", "prev_ds", "yesterday_ds", "tomorrow_ds", "templates_dict")  # fmt: skip


@dataclass(slots=True)
class Gathered:
    """What all files of an import build up together.

    Attributes:
        modules: by path.
        entered: code that was walked, in whichever file's name.
    """

    libraries: Libraries
    modules: dict[str, Module] = field(default_factory=dict)
    dags: list[Dag] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    entered: set[ast.AST] = field(default_factory=set)


class Reader(Statements):
    """Walks one DAG file and what it imports."""

    def __init__(self, gathered: Gathered) -> None:
        super().__init__()
        self.gathered = gathered
        self.libraries = gathered.libraries
        self.entered = gathered.entered
        self.within: list[Dag | Group] = []
        self.made: list[Operator] = []
        self.running: Operator | None = None
        self.labels: dict[str, Label] = {}
        self.implied: dict[str, Dag] = {}
        self.dags: list[Dag] = []
        self.teardowns: list[tuple[Operator, list[Operator], int]] = []

    # Where it is

    @property
    def where(self) -> Where:
        """Where the code is being walked."""
        return Where(self.frame.module.path, self.line or None)

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

    # Modules

    def imported(self, dotted: str, level: int) -> Value:
        """Return an imported module, a given file's or a name only."""
        importer = self.frame.module.path
        workspace = self.libraries.workspace
        path = workspace.module(dotted, level, importer)
        if path is not None:
            return self.loaded(path)
        last = dotted.rpartition(".")[2]
        if _OPERATOR.search(last) or last.endswith("Hook"):
            path = workspace.class_file(last, importer) if not dotted.startswith("airflow.providers.") else None
            if path is not None:
                return self.loaded(path).names.get(last, Symbol(dotted))
        return Symbol(dotted)

    def loaded(self, path: str) -> Module:
        """Return a module of the given files, walked if it was not yet."""
        known = self.gathered.modules.get(path)
        if known is not None:
            return known
        file = self.libraries.workspace.file(path)
        name = path.removesuffix(".py").rpartition("/")[2] if not path.endswith("/__init__.py") else path.split("/")[-2]
        module = self.gathered.modules[path] = Module(path, name)
        module.tree = parsed(file.text) if file is not None else None
        if module.tree is None:
            self.gathered.problems.append(Problem(Where(path), "is no Python that can be parsed"))
            return module
        outer = self.frame, self.within, self.line
        self.frame, self.within = Frame(module, module.names), []
        try:
            self.module_body(module.tree.body)
        finally:
            self.frame, self.within, self.line = outer
        return module

    # Contexts

    def opened(self, context: Value) -> Value:
        """Enter a context and return what it is bound to."""
        bound = context
        if isinstance(context, list) and context:  # a generator under contextlib.contextmanager
            bound = context[0]
        core = bound.core if isinstance(bound, Instance) else bound
        if isinstance(core, Dag | Group):
            self.within.append(core)
        elif (teardown := operator_in(bound)) is not None:
            self.teardowns.append((teardown, list(teardown.upstream), len(teardown.dag.operators)))
        return bound

    def closed(self, context: Value) -> None:
        """Leave a context."""
        core = context.core if isinstance(context, Instance) else context
        if self.within and self.within[-1] is core:
            self.within.pop()
        elif self.teardowns and self.teardowns[-1][0] is operator_in(context):
            teardown, setups, count = self.teardowns.pop()
            inside = teardown.dag.operators[count:]
            for task in inside:
                if not any(before in inside for before in task.upstream):
                    connect(setups, task)
                if not any(after in inside for after in task.downstream):
                    task.before(teardown)

    # Calls

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
        if last in _CHAINS and "airflow" in name:
            return self._chain(last, positional)
        if last == "Label" or last == "EdgeModifier":
            return Label()
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
        if self.running is not None and (start := start_of(symbol, last, positional, keywords)) is not None:
            self.running.starts.append(start)
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
        if value.name not in self.labels:
            self.labels[value.name] = Label()
        return self.labels[value.name]

    def method_call(self, owner: Value, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a method of Airflow's or a library's gives; MISSING if it is not known."""
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
                return self._mapping_method(owner, name, positional, keywords)
            case FilePath():
                return self.libraries.path_method(owner, name, positional, self.frame.module.path)
            case OpenFile():
                return self.libraries.file_method(owner, name)
            case Unknown(known, default):
                return self._unknown_method(known, default, name, positional, keywords)
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
            if isinstance(default, dict):
                return natives.method(default, name, [], {})
            return Unknown(f"{known}.{name}")
        if name in {"strip", "lstrip", "rstrip"}:
            return Unknown(known, default)
        return MISSING

    def _order_method(self, owner: Value, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        ends = [self._between_all(value) for value in (*positional, *keywords.values())]
        match name:
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
                        self._regroup(task, owner)
                return None
            case "map" | "zip" | "as_setup" | "override":
                return owner
            case _:
                return owner if isinstance(owner, XCom) else MISSING

    def _regroup(self, task: Operator, group: Group) -> None:
        task.group = group
        task.task_id = group.label(task.task_id)
        group.children.append(task)

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

    def assign(self, task: Operator, dag: Dag) -> None:
        """Make a task one of a DAG's."""
        if task.dag is not dag:
            task.dag.operators.remove(task)
            task.arguments = {**dag.default_args, **task.arguments}
            task.dag = dag
            dag.operators.append(task)

    def _mapping_method(self, owner: Value, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        match owner:
            case Decorated(kind, function, given) if name == "override":
                return Decorated(kind, function, {**given, **keywords})
            case Partial(callee, first, given) if name == "override":
                return Partial(callee, first, {**given, **keywords})
        if name == "partial":
            return Partial(owner, (), keywords)
        if name == "expand_kwargs" or (name == "expand" and positional):
            given = rows = positional[0] if positional else None
            if isinstance(rows, XCom):
                rows = rows.operator.result
            known = isinstance(rows, list | tuple) and all(isinstance(row, dict) for row in rows)
            return self._expanded(owner, {}, list(rows or ())[:_MOST_MAPPED] if known else None, given)
        if name == "expand":
            return self._expanded(owner, keywords, self._product(keywords), keywords)
        return MISSING

    def _product(self, keywords: dict[str, Value]) -> list[dict[str, Value]] | None:
        columns = []
        for value in keywords.values():
            if isinstance(value, XCom):
                value = value.operator.result
            if isinstance(value, Unknown):
                value = value.default
            if isinstance(value, dict):
                value = list(value.items())
            if not isinstance(value, list | tuple):
                return None
            columns.append(value)
        rows = itertools.islice(itertools.product(*columns), _MOST_MAPPED)
        return [dict(zip(keywords, row, strict=True)) for row in rows]

    def _expanded(
        self, owner: Value, keywords: dict[str, Value], rows: list[dict[str, Value]] | None, given_by: Value
    ) -> Value:
        callee = owner
        given: dict[str, Value] = {}
        while isinstance(callee, Partial):
            given = {**callee.keywords, **given}
            callee = callee.callee
        unknown = {n: Unknown(f"{named(given.get('task_id', 'task'))}.{n}") for n in keywords}
        if isinstance(callee, Decorated):
            return self.decorated_call(callee, [], {**given, **unknown}, rows, list(operators_within(given_by)))
        made = self.call(callee, [], {**given, **unknown})
        task = operator_in(made)
        if task is not None:
            task.mapped = rows
            for source in operators_within(given_by):
                source.before(task)
        return made

    # DAGs, groups, tasks

    def make_dag(self, positional: list[Value], keywords: dict[str, Value], at: Where) -> Dag:
        """Return a new DAG."""
        name = keywords.get("dag_id", positional[0] if positional else self.frame.module.name)
        made = Dag(natives.text_of(name), at, keywords)
        self.dags.append(made)
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
            full = _unique(full, {g.group_id for g in taken})
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
        if path not in self.implied:
            made = Dag(self.frame.module.name, Where(path), implied=True)
            self.implied[path] = made
            self.gathered.dags.append(made)
        return self.implied[path]

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
        dag = dag if dag is not None else self._implied_dag()
        group = group if group is not None and group.dag in (dag, None) else None
        name = natives.text_of(keywords.get("task_id", positional[0] if positional else kind))
        full = group.label(name) if group is not None else name
        taken = {task.task_id for task in dag.operators}
        if unique:
            full = _unique(full, taken)
        inherited = {**dag.default_args, **(group.default_args if group is not None else {})}
        made = Operator(full, kind, at, dag, {**inherited, **keywords}, lineage, group)
        dag.operators.append(made)
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

    def decorated_call(
        self,
        decorated: Decorated,
        positional: list[Value],
        keywords: dict[str, Value],
        rows: list[dict[str, Value]] | None = None,
        sources: list[Operator] | None = None,
    ) -> Value:
        """Call a function that is a DAG, a task or a task group."""
        function = decorated.function
        inner = function.function if isinstance(function, Bound) else function
        name = inner.name if isinstance(inner, Function) else "task"
        if decorated.kind == "dag":
            dag = self.make_dag([], {"dag_id": name, **decorated.keywords}, self._at(inner))
            return self._inside(dag, function, positional, keywords, dag)
        if decorated.kind == "task_group":
            group = self.make_group([], {"group_id": name, **decorated.keywords}, unique=True)
            first = rows[0] if rows else {}
            result = self._inside(group, function, positional, {**keywords, **first}, None)
            return result if result is not None else group
        if self.running is not None and not self.within:
            return self.call(function, positional, keywords)
        task = self.make_operator(
            decorated.kind,
            (decorated.kind,),
            [],
            {"task_id": name, **decorated.keywords},
            self.where,
            unique=True,
        )
        for source in [*operators_within([*positional, keywords]), *(sources or [])]:
            source.before(task)
        results = [self.run(task, function, positional, {**keywords, **row}) for row in rows or [{}]]
        task.result = results if rows else results[0]
        return XCom(task)

    def _at(self, function: Value) -> Where:
        if isinstance(function, Function) and not isinstance(function.node, ast.Lambda):
            return Where(function.frame.module.path, function.node.lineno)
        return self.where

    def _inside(
        self, context: Dag | Group, function: Value, positional: list[Value], keywords: dict[str, Value], gives: Value
    ) -> Value:
        self.within.append(context)
        try:
            result = self.call(function, positional, keywords)
        finally:
            self.within.pop()
        return gives if gives is not None else result

    def run(self, task: Operator, function: Value, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Walk the code that a task runs, and note what it starts."""
        outer, steps, within = self.running, self.steps, self.within
        self.running, self.within = task, []
        self.steps = max(steps, self.most_steps - _STEPS_OF_A_CALLABLE)
        try:
            given = [_given(value) for value in positional]
            context = {} if isinstance(function, Bound) else self._context(task)
            return self.call(function, given, {**context, **{n: _given(v) for n, v in keywords.items()}})
        except GivenUpError:
            return None
        finally:
            self.running, self.steps, self.within = outer, steps + 1, within

    def _context(self, task: Operator) -> dict[str, Value]:
        dag = task.dag
        context: dict[str, Value] = {name: Unknown(name) for name in _CONTEXT}
        params = dag.arguments.get("params")
        own = task.arguments.get("params")
        context["params"] = Unknown(f"{dag.dag_id}.params", params if isinstance(params, dict) else MISSING)
        if isinstance(own, dict):
            context["params"] = {**(params if isinstance(params, dict) else {}), **own}
        context["dag_run"], context["dag"], context["task"] = Unknown(dag.dag_id), dag, task
        if isinstance(task.arguments.get("templates_dict"), dict):
            context["templates_dict"] = task.arguments["templates_dict"]
        return context

    def run_callables(self) -> None:
        """Walk what the tasks' own code does that no decorator did already."""
        for task in list(self.made):
            if task.callable is not None:
                self.run(task, task.callable, [self._context(task)], {})
                continue
            function = task.arguments.get("python_callable")
            if isinstance(function, Function | Bound | Decorated | Partial):
                positional, keywords = task.arguments.get("op_args"), task.arguments.get("op_kwargs")
                task.result = self.run(
                    task,
                    function,
                    list(positional) if isinstance(positional, list | tuple) else [],
                    {str(k): v for k, v in keywords.items()} if isinstance(keywords, dict) else {},
                )

    # Attributes

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
        if isinstance(owner, XCom) and isinstance(owner.operator.result, dict | list | tuple):
            try:
                if natives.item_of(owner.operator.result, key) is not None:
                    return XCom(owner.operator, named(key))
            except NotNativeError:
                return MISSING
        return MISSING


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


def _given(value: Value) -> Value:
    """Return what a task is given for another's result."""
    if isinstance(value, XCom):
        result: Value = value.operator.result
        if value.key and isinstance(result, dict):
            result = result.get(value.key)
        return result if result is not None else Unknown(value.name)
    if isinstance(value, dict):
        return {key: _given(item) for key, item in list(value.items())[:_MOST_MAPPED]}
    if isinstance(value, list):
        return [_given(item) for item in value[:_MOST_MAPPED]]
    return value


def _label(child: Operator | Group) -> str:
    return child.task_id if isinstance(child, Operator) else child.group_id


def _unique(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(f"{name}__{n}" for n in itertools.count(1) if f"{name}__{n}" not in taken)


_PRINT = re.compile(r"^(\s*)print\s+(?![=(])(.*)$", re.MULTILINE)
_EXCEPT = re.compile(r"^(\s*except\s+[\w.()]+)\s*,\s*(\w+)\s*:", re.MULTILINE)


def parsed(text: str) -> ast.Module | None:
    """Return a file's syntax tree; Python 2's commonest forms are put right first. None if it is no Python."""
    import warnings

    for attempt in (text, _EXCEPT.sub(r"\1 as \2:", _PRINT.sub(r"\1print(\2)", text)).expandtabs(8)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(attempt)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None
