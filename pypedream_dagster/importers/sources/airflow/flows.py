"""From DAGs to flows: tasks with what they do, order gone through whatever only steers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pypedream_dagster.importers.sources.airflow.between import assets_in, made_before, waited_for
from pypedream_dagster.importers.sources.airflow.catalog import crawler_of, tables_of
from pypedream_dagster.importers.sources.airflow.libraries import Libraries
from pypedream_dagster.importers.sources.airflow.operations import GLUE, SHELL, STEERING, Operation, operation_of
from pypedream_dagster.importers.sources.airflow.order import all_operators, instances, next_tasks, trigger_of
from pypedream_dagster.importers.sources.airflow.pipeline import Dag, Operator, Start, XCom
from pypedream_dagster.importers.sources.airflow.starts import shell_starts
from pypedream_dagster.importers.sources.airflow.templates import rendered
from pypedream_dagster.importers.sources.airflow.transfers import given_places
from pypedream_dagster.importers.sources.airflow.values import Bound, Decorated, Function, Symbol, Unknown, Value
from pypedream_dagster.importers.survey import (
    CatalogEntry,
    CrawlerDefinition,
    Flow,
    JobDefinition,
    Problem,
    Survey,
    Task,
    Where,
)

_DEFAULT_JOB = "aws_glue_default_job"
_LONGEST_RESOURCE = 2_000
_STATEMENT_FILES = (".sql", ".hql")


@dataclass(slots=True)
class Flows:
    """The flows of an import's DAGs, and the jobs that their tasks create where there are none."""

    libraries: Libraries
    flows: list[Flow] = field(default_factory=list)
    jobs: dict[tuple[str, str], JobDefinition] = field(default_factory=dict)
    crawlers: dict[str, CrawlerDefinition] = field(default_factory=dict)
    tables: dict[CatalogEntry, None] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    dags: dict[int, Dag] = field(default_factory=dict)
    makers: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def survey(self) -> Survey:
        """All that was added."""
        return Survey(
            flows=tuple(self._started_by_data(number, flow) for number, flow in enumerate(self.flows)),
            jobs=tuple(self.jobs.values()),
            crawlers=tuple(self.crawlers.values()),
            tables=tuple(self.tables),
            values={n: value for n, value in self.libraries.values.items() if n not in self.libraries.variables},
            problems=tuple(dict.fromkeys(self.problems)),
        )

    def add(self, dag: Dag) -> None:
        """Add the flow of a DAG."""
        operators = list(all_operators(dag))
        tasks: dict[int, list[Task]] = {}
        keys: set[str] = set()
        for operator in operators:
            found = [self._named(task, keys) for task in self._tasks(operator)]
            if found:
                tasks[id(operator)] = found
        if not tasks:
            return
        order, follows = set(), set()
        name = rendered(dag.dag_id, operators[0], self.libraries)
        for operator in operators:
            following = [task.key for after in next_tasks(operator, tasks) for task in tasks[id(after)]]
            order |= {(a.key, key) for a in tasks.get(id(operator), ()) for key in following if a.key != key}
            for other, theirs in waited_for(operator, partial(self._text, operator=operator)):
                follows |= {(other, theirs, key) for key in following}
            for asset in assets_in(operator.arguments.get("outlets")):
                self.makers.setdefault(asset, []).extend((name, task.key) for task in tasks.get(id(operator), ()))
        every = tuple(task for operator in operators for task in tasks.get(id(operator), ()))
        self.dags[len(self.flows)] = dag
        self.flows.append(Flow(name, "airflow", dag.at, every, frozenset(order), frozenset(follows)))

    def _started_by_data(self, number: int, flow: Flow) -> Flow:
        made = made_before(self.dags[number], self.makers)
        return replace(flow, follows=flow.follows | {(dag, task, "") for dag, task in made})

    def _named(self, task: Task, keys: set[str]) -> Task:
        key, count = task.key, 1
        while key in keys:
            count += 1
            key = f"{task.key}#{count}"
        keys.add(key)
        return replace(task, key=key, at=replace(task.at, part=key))

    def _tasks(self, operator: Operator) -> Iterator[Task]:
        operation = operation_of(operator)
        starts = list(operator.starts)
        if operation.name == SHELL:
            command = operator.arguments.get("bash_command", operator.arguments.get("command", operator.result))
            if isinstance(command, str):
                starts += shell_starts(command, lambda text: rendered(text, operator, self.libraries))
        direct = (
            operation.name == GLUE and operator.lineage and any(n in operator.arguments for n in operation.resource)
        )
        if starts and not direct:
            yield from self._started(operator, starts)
        elif operation.name == GLUE:
            for key, arguments in instances(operator):
                yield self._glue(operator, key, arguments, operation)
        elif operation.name != STEERING and operator.nested is None and operator.kind:
            key = self._key(operator)
            self._catalog(operator, operation)
            database = operator.arguments.get("database") if operation.name == "athena" else None
            text = partial(self._text, operator=operator)
            touches = [*operator.touches, *given_places(operator.lineage or (operator.kind,), operator.arguments, text)]
            yield Task(
                key,
                operation.name,
                operator.at,
                resource=self._resource(operator, operation),
                trigger=trigger_of(operator),
                database="" if database is None else text(database),
                reads=tuple(dict.fromkeys(uri for way, uri in touches if way == "read")),
                writes=tuple(dict.fromkeys(uri for way, uri in touches if way == "write")),
            )

    def _key(self, operator: Operator) -> str:
        return rendered(operator.task_id, operator, self.libraries)

    def _started(self, operator: Operator, starts: list[Start]) -> Iterator[Task]:
        key, trigger = self._key(operator), trigger_of(operator)
        seen: set[tuple[str, str, tuple[tuple[str, str], ...]]] = set()
        for start in starts:
            resource = self._text(start.resource, operator)
            arguments = self._arguments(start.arguments, operator)
            sign = (start.operation, resource, tuple(sorted(arguments.items())))
            if sign in seen:
                continue
            seen.add(sign)
            if start.operation == GLUE:
                self._define(operator, resource, start.definition)
                yield Task(key, GLUE, operator.at, job=resource, arguments=arguments, trigger=trigger)
            else:
                yield Task(key, start.operation, operator.at, resource=resource, trigger=trigger)

    def _glue(self, operator: Operator, key: str, arguments: Mapping[str, Value], operation: Operation) -> Task:
        given = next((arguments[name] for name in operation.resource if arguments.get(name) is not None), None)
        if given is None:
            named = operator.kind.lower().removeprefix("aws") == "gluejoboperator"
            given = _DEFAULT_JOB if named else Unknown(f"{operator.dag.dag_id}.{operator.task_id}.job_name")
        job = self._text(given, operator)
        self._define(operator, job, arguments)
        script_args: dict[str, str] = {}
        for name in ("script_args", "script_arguments", "job_args", "arguments", "glue_args", "job_arguments"):
            script_args |= self._arguments(arguments.get(name), operator)
        run = arguments.get("run_job_kwargs")
        if isinstance(run, dict):
            script_args |= self._arguments(run.get("Arguments"), operator)
        return Task(
            rendered(key, operator, self.libraries),
            GLUE,
            operator.at,
            job=job,
            arguments=script_args,
            trigger=trigger_of(operator),
        )

    def _arguments(self, given: Value, operator: Operator) -> dict[str, str]:
        if isinstance(given, XCom):
            given = given.result
        if isinstance(given, Unknown):
            if not isinstance(given.default, dict):
                at = replace(operator.at, part=operator.task_id)
                self.problems.append(Problem(at, f"the arguments come from {given}, which the code does not tell"))
                return {}
            given = {key: Unknown(f"{given.name}.{key}", value) for key, value in given.default.items()}
        if not isinstance(given, dict):
            return {}
        return {
            self._text(key, operator): self._text(value, operator) for key, value in given.items() if value is not None
        }

    def _text(self, value: Value, operator: Operator) -> str:
        if isinstance(value, XCom):
            value = value.result if isinstance(value.result, str | int | float) else value
        return rendered(value, operator, self.libraries)

    def _resource(self, operator: Operator, operation: Operation) -> str | None:
        for name in operation.resource:
            value: Value = operator.arguments
            for part in name.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if isinstance(value, list | tuple) and value:
                value = value[0].get("Name") if isinstance(value[0], dict) else value[0]
            if isinstance(value, Function | Bound | Decorated):
                return _function_name(value)
            if isinstance(value, Symbol) and name == "python_callable":
                return value.name.removeprefix("builtins.")
            if value is not None and not isinstance(value, dict):
                return self._said(self._text(value, operator), operator)[:_LONGEST_RESOURCE]
        return None

    def _said(self, text: str, operator: Operator) -> str:
        """Return a statement, from its file where the task names that."""
        if not text.endswith(_STATEMENT_FILES) or "\n" in text:
            return text
        found = self.libraries.workspace.config(text, operator.at.source)
        return rendered(found.text, operator, self.libraries) if found is not None else text

    def _define(self, operator: Operator, job: str, arguments: Mapping[str, Value]) -> None:
        """Note the job that the operator creates where there is none: one that is given a script is defined here."""
        location, made = arguments.get("script_location"), arguments.get("create_job_kwargs")
        if location is None and not (isinstance(made, dict) and "Command" in made):
            return
        properties: dict[str, Any] = {"Name": job}
        if isinstance(made, dict):
            properties |= {str(key): self._plain(value, operator) for key, value in made.items()}
        if isinstance(role := arguments.get("iam_role_name"), str):
            properties.setdefault("Role", self._text(role, operator))
        script = None
        if location is not None:
            where = self._text(location, operator)
            command = properties.get("Command")
            properties["Command"] = {**(command if isinstance(command, dict) else {}), "ScriptLocation": where}
            properties["Command"].setdefault("Name", "glueetl")
            if "://" not in where:
                found = self.libraries.workspace.config(where, operator.at.source)
                script = found.path if found is not None else None
        at = Where(operator.at.source, operator.at.line, operator.task_id)
        self.jobs.setdefault((job, str(properties)), JobDefinition(job, properties, at, script=script))

    def _catalog(self, operator: Operator, operation: Operation) -> None:
        def text(value: Value) -> str:
            return self._text(value, operator)

        if operation.name == "crawler" and (crawler := crawler_of(operator, text)) is not None:
            self.crawlers.setdefault(crawler.name, crawler)
        if operation.name == "athena":
            self.tables.update(dict.fromkeys(tables_of(operator, text)))

    def _plain(self, value: Value, operator: Operator, depth: int = 6) -> Any:
        if isinstance(value, dict) and depth:
            return {str(key): self._plain(item, operator, depth - 1) for key, item in value.items()}
        if isinstance(value, list | tuple) and depth:
            return [self._plain(item, operator, depth - 1) for item in value]
        return value if isinstance(value, int | float | None) else self._text(value, operator)


def _function_name(value: Value) -> str:
    function = value.function if isinstance(value, Bound | Decorated) else value
    return function.name if isinstance(function, Function) else "function"
