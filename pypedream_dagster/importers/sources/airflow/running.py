"""Functions that are DAGs, tasks or groups, and what tasks' own code starts while they run."""

from __future__ import annotations

import ast
import itertools

from pypedream_dagster.importers.parameters import PARAMETER
from pypedream_dagster.importers.sources.airflow.expressions import GivenUpError
from pypedream_dagster.importers.sources.airflow.making import Making
from pypedream_dagster.importers.sources.airflow.modules import parsed, script_of
from pypedream_dagster.importers.sources.airflow.pipeline import (
    Dag,
    Group,
    Operator,
    XCom,
    operator_in,
    operators_within,
)
from pypedream_dagster.importers.sources.airflow.values import (
    MISSING,
    Bound,
    Decorated,
    Frame,
    Function,
    Module,
    Partial,
    Symbol,
    Unknown,
    Value,
    named,
)
from pypedream_dagster.importers.survey import Where

_STEPS_OF_A_CALLABLE = 20_000
_MOST_MAPPED = 200
_CONTEXT = ("ti", "task_instance", "dag_run", "ds", "ds_nodash", "ts", "ts_nodash", "execution_date", "logical_date",
            "run_id", "data_interval_start", "data_interval_end", "params", "dag", "task", "conf", "var", "macros",
            "next_ds", "prev_ds", "yesterday_ds", "tomorrow_ds", "templates_dict")  # fmt: skip


class Running(Making):
    """The part of a reader that walks what tasks run."""

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
            return self._grouped(decorated, name, positional, keywords, rows or [{}])
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

    def _grouped(
        self,
        decorated: Decorated,
        name: str,
        positional: list[Value],
        keywords: dict[str, Value],
        rows: list[dict[str, Value]],
    ) -> Value:
        """Walk a task group's function, once for each item of a list that it is mapped over."""
        given = {"group_id": name, **decorated.keywords}
        results: list[Value] = []
        for index, row in enumerate(rows):
            group = self.make_group([], given, unique=index == 0)
            given = {**given, "group_id": group.group_id.rpartition(".")[2]}
            group.suffix = f"[{index}]" if len(rows) > 1 else ""
            result = self._inside(group, decorated.function, positional, {**keywords, **row}, None)
            results.append(result if result is not None else group)
        return results if len(results) > 1 else results[0]

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
            context = {} if isinstance(function, Bound) else self.context_of(task)
            return self.call(function, given, {**context, **{n: _given(v) for n, v in keywords.items()}})
        except GivenUpError:
            return None
        finally:
            self.running, self.steps, self.within = outer, steps + 1, within

    def context_of(self, task: Operator) -> dict[str, Value]:
        """Return what Airflow gives to a task's code."""
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
                self.run(task, task.callable, [self.context_of(task)], {})
                continue
            self._run_script(task)
            function = task.arguments.get("python_callable")
            if isinstance(function, Function | Bound | Decorated | Partial | Symbol):
                positional, keywords = task.arguments.get("op_args"), task.arguments.get("op_kwargs")
                task.result = self.run(
                    task,
                    function,
                    list(positional) if isinstance(positional, list | tuple) else [],
                    {str(k): v for k, v in keywords.items()} if isinstance(keywords, dict) else {},
                )

    def _run_script(self, task: Operator) -> None:
        """Walk the script of the given files that a shell's task runs."""
        command = task.arguments.get("bash_command")
        path = script_of(command) if isinstance(command, str) else None
        file = self.libraries.workspace.config(path, task.at.source) if path is not None else None
        tree = parsed(file.text) if file is not None and "start_job_run" in file.text else None
        if file is None or tree is None:
            return
        module = Module(file.path, "__main__")
        scope = ast.arguments([], [], None, [], [], None, [])
        body = ast.FunctionDef("script", scope, tree.body, [], lineno=1, col_offset=0)
        self.run(task, Function(body, Frame(module, module.names), {}), [], {})

    def mapping_method(self, owner: Value, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a method of an operator's class or of a decorated function gives; MISSING if it is not known."""
        match owner:
            case Decorated(kind, function, given) if name == "override":
                return Decorated(kind, function, {**given, **keywords})
            case Partial(callee, first, given) if name == "override":
                return Partial(callee, first, {**given, **keywords})
        if name == "partial":
            return Partial(owner, (), keywords)
        if name == "expand_kwargs" or (name == "expand" and positional):
            source: Value = positional[0] if positional else None
            rows = source
            if isinstance(rows, XCom):
                rows = rows.result
            known = isinstance(rows, list | tuple) and all(isinstance(row, dict) for row in rows)
            return self._expanded(owner, {}, list(rows or ())[:_MOST_MAPPED] if known else None, source)
        if name == "expand":
            return self._expanded(owner, keywords, self._product(keywords), keywords)
        return MISSING

    def _product(self, keywords: dict[str, Value]) -> list[dict[str, Value]] | None:
        columns = []
        for value in keywords.values():
            if isinstance(value, XCom):
                value = value.result
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
        inner = callee.function if isinstance(callee, Decorated) else None
        name = inner.name if isinstance(inner, Function) else named(given.get("task_id", "task"))
        unknown = {n: Unknown(f"{self.frame.module.name}.{name}.{n}") for n in keywords}
        if isinstance(callee, Decorated):
            return self.decorated_call(callee, [], {**given, **unknown}, rows, list(operators_within(given_by)))
        made = self.call(callee, [], {**given, **unknown})
        task = operator_in(made)
        if task is not None:
            # How many items a list has whose items a run makes up is the run's matter, too.
            task.mapped = rows[:1] if rows and all(map(_is_made_up, rows)) else rows
            if not keywords and not rows:  # whatever it is given comes from elsewhere
                task.arguments.setdefault("job_name", Unknown(f"{task.dag.dag_id}.{task.task_id}.job_name"))
            for source in operators_within(given_by):
                source.before(task)
        return made


def _given(value: Value) -> Value:
    """Return what a task is given for another's result."""
    if isinstance(value, XCom):
        return value.result if value.result is not None else Unknown(value.name)
    if isinstance(value, dict):
        return {key: _given(item) for key, item in list(value.items())[:_MOST_MAPPED]}
    if isinstance(value, list):
        return [_given(item) for item in value[:_MOST_MAPPED]]
    return value


def _is_made_up(value: Value) -> bool:
    """Tell whether nothing of a value is known before a run."""
    if isinstance(value, dict):
        return all(_is_made_up(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(map(_is_made_up, value))
    return isinstance(value, Unknown | XCom) or (isinstance(value, str) and not PARAMETER.sub("", value).strip())
