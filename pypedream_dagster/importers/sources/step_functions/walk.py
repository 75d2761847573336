"""A state machine followed from its start: which tasks it runs with which data, in which order.

Every way is followed that data does not rule out: a Choice over the execution's input may go any way; within a Map
over known items, or a nested machine with known input, the data of each item decides. Loops are gone through until
what is known at their head holds for every round.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pypedream_dagster.importers.parameters import PARAMETER
from pypedream_dagster.importers.sources.step_functions import choices, paths
from pypedream_dagster.importers.sources.step_functions.documents import Machine
from pypedream_dagster.importers.sources.step_functions.frame import (
    Env,
    Frame,
    field_of,
    filled,
    is_level,
    key_of,
    language_of,
    placed,
    selected,
    where,
)
from pypedream_dagster.importers.sources.step_functions.order import Steps
from pypedream_dagster.importers.sources.step_functions.paths import Scene
from pypedream_dagster.importers.sources.step_functions.services import Work, work_of
from pypedream_dagster.importers.sources.step_functions.shape import Edge, Shape, shape_of
from pypedream_dagster.importers.sources.step_functions.values import Unknown, holds, replaced, text_of
from pypedream_dagster.importers.survey import Problem, Task
from pypedream_dagster.masking.mask import learn

_ROUNDS = 3
_MOST_ITEMS = 200
_MOST_TASKS = 5_000
_DEEPEST_NESTING = 20

Find = Callable[[str], Machine | None]


@dataclass(frozen=True, slots=True)
class Ends:
    """What a state or a level of states came to: its first and last step, and what it gives."""

    entry: int
    exit: int
    env: Env


@dataclass(slots=True)
class Walk:
    """One machine being followed, and what was found so far."""

    find: Find
    steps: Steps
    tasks: dict[int, Task]
    problems: list[Problem]
    shapes: dict[int, Shape]
    inlined: set[str]

    def machine(self, machine: Machine, data: Any, frame: Frame | None = None) -> Ends:
        """Follow a machine with its input."""
        within = (*(frame.within if frame else ()), machine.name)
        context = {
            "Execution": Unknown("Execution", {"Input": data}),
            "StateMachine": Unknown("StateMachine", {"Name": machine.name}),
        }
        inner = Frame(
            machine,
            str(machine.definition.get("QueryLanguage", "JSONPath")),
            context,
            prefix=frame.prefix if frame else "",
            suffix=frame.suffix if frame else "",
            decided=frame is not None,
            within=within,
        )
        return self.level(machine.definition, Env(data, {}), inner)

    def level(self, machine: Mapping[str, Any], env: Env, frame: Frame) -> Ends:
        """Follow the states of a machine, a branch or an iteration."""
        shape = self.shapes.get(id(machine))
        if shape is None:
            shape = self.shapes[id(machine)] = shape_of(machine)
        known: dict[str, Env] = {}
        for rounds in range(_ROUNDS):
            mark = len(self.steps.joins)
            told = len(self.problems)
            ends, came, again = self._round(machine, shape, env, known, frame)
            changed = {
                name: came[name].merged(one, name)
                for name, one in again.items()
                if name in came
                and not (
                    holds(came[name].data, came[name].merged(one, name).data)
                    and holds(came[name].variables, came[name].merged(one, name).variables)
                )
            }
            if not changed or rounds == _ROUNDS - 1:
                break
            known |= changed
            self._forget(mark, told)
        return ends

    def _forget(self, mark: int, told: int) -> None:
        del self.steps.joins[mark:], self.steps.tasks[mark:], self.steps.before[mark:], self.problems[told:]
        for step in [step for step in self.tasks if step >= mark]:
            del self.tasks[step]

    def _round(
        self, machine: Mapping[str, Any], shape: Shape, env: Env, known: Mapping[str, Env], frame: Frame
    ) -> tuple[Ends, dict[str, Env], dict[str, Env]]:
        """Follow each state once; also give the data that came to each, and that came back round a loop."""
        entry, last = self.steps.add(), self.steps.add()
        came: dict[str, Env] = {}
        again: dict[str, Env] = {}
        before: dict[str, list[int]] = {}
        led_to = {edge.target for edges in shape.edges.values() for edge in edges if not edge.back}
        out: Env | None = None
        for number, name in enumerate(shape.states):
            state = machine["States"][name]
            if number == 0:
                came[name], before[name] = env, [entry]
            elif name not in came and name not in led_to:
                came[name] = env  # nothing leads to it
            if name not in came:
                continue
            came[name] = came[name].merged(known[name], name) if name in known else came[name]
            ends = self._state(name, state, came[name], frame)
            for step in before.get(name, ()):
                self.steps.follow(step, ends.entry)
            ways = self._ways(state, came[name], frame) if state.get("Type") == "Choice" else None
            for edge in shape.edges[name]:
                if ways is not None and edge.kind == "choice" and edge.rule not in ways:
                    continue
                given = self._along(edge, state, came[name], ends.env, frame)
                target = again if edge.back else came
                if edge.orders or edge.back or edge.target not in shape.ordered:
                    target[edge.target] = (
                        target[edge.target].merged(given, edge.target) if edge.target in target else given
                    )
                if edge.orders:
                    before.setdefault(edge.target, []).append(ends.exit)
            if name in shape.ends:
                self.steps.follow(ends.exit, last)
                out = ends.env if out is None else out.merged(ends.env, "output")
        return Ends(entry, last, out or env), came, again

    def _ways(self, state: Mapping[str, Any], env: Env, frame: Frame) -> set[int | None] | None:
        if not frame.decided:
            return None
        scene = Scene(env.data, frame.context, env.variables)
        return choices.ways(state, scene, {"input": env.data, "context": frame.context})

    def _along(self, edge: Edge, state: Mapping[str, Any], came: Env, gave: Env, frame: Frame) -> Env:
        """Return what goes along an edge: a rule or a catcher may assign variables and change the data."""
        if edge.rule is None:
            return gave
        rule = state["Catch" if edge.kind == "catch" else "Choices"][edge.rule]
        if edge.kind == "catch":
            error = Unknown(f"{edge.source}.error")
            if language_of(state, frame) == "JSONata":
                data = error
            else:
                data = placed(rule.get("ResultPath", "$"), came.data, error)
            return self._given(rule, state, Env(data, came.variables), frame, came.data, error)
        return self._given(rule, state, _proven(rule, gave), frame, came.data, None)

    def _given(
        self, rule: Mapping[str, Any], state: Mapping[str, Any], env: Env, frame: Frame, data: Any, error: Any
    ) -> Env:
        if "Assign" not in rule and "Output" not in rule:
            return env
        scope = {"input": data, "errorOutput": error, "context": frame.context}
        language = language_of(state, frame)
        scene = Scene(env.data, frame.context, env.variables)
        variables = env.variables
        if isinstance(rule.get("Assign"), Mapping):
            variables = {**variables, **filled(rule["Assign"], language, scene, scope)}
        given = (
            filled(rule["Output"], language, scene, scope) if "Output" in rule and language == "JSONata" else env.data
        )
        return Env(given, variables)

    def _state(self, name: str, state: Mapping[str, Any], env: Env, frame: Frame) -> Ends:
        """Follow one state."""
        context = {**frame.context, "State": {"Name": name}} if isinstance(frame.context, dict) else frame.context
        frame = replace(frame, context=context)
        language = language_of(state, frame)
        data = env.data
        if language != "JSONata" and "InputPath" in state:
            path = state["InputPath"]
            data = {} if path is None else selected(path, Scene(env.data, context, env.variables))
        scene = Scene(data, context, env.variables)
        scope = {"input": env.data, "context": context}
        given = data
        wanted = "Arguments" if language == "JSONata" else "Parameters"
        if wanted in state and state.get("Type") != "Map":
            given = filled(state[wanted], language, scene, scope)
        match state.get("Type"):
            case "Task":
                entry, last, result = self._task(name, state, given, frame)
            case "Parallel":
                entry, last, result = self._parallel(name, state, Env(given, env.variables), frame)
            case "Map":
                entry, last, result = self._map(name, state, env, scene, frame)
            case "Pass":
                entry = last = self.steps.add()
                result = state["Result"] if "Result" in state and language != "JSONata" else given
            case _:
                entry = last = self.steps.add()
                return Ends(entry, last, self._given(state, state, Env(data, env.variables), frame, env.data, None))
        return Ends(entry, last, self._after(state, env, result, scope, language, context))

    def _after(
        self, state: Mapping[str, Any], env: Env, result: Any, scope: dict[str, Any], language: str, context: Any
    ) -> Env:
        """Return what a state gives on, of its result."""
        scope = {**scope, "result": result}
        if language == "JSONata":
            scene = Scene(env.data, context, env.variables)
            data = filled(state["Output"], language, scene, scope) if "Output" in state else result
        else:
            if "ResultSelector" in state:
                result = filled(state["ResultSelector"], language, Scene(result, context, env.variables), scope)
            elif isinstance(result, Unknown) and ":states:::" in str(state.get("Resource")):
                result = replace(result, beneath=env.data)
            data = placed(state.get("ResultPath", "$"), env.data, result)
            if "OutputPath" in state:
                path = state["OutputPath"]
                data = {} if path is None else selected(path, Scene(data, context, env.variables))
            scene = Scene(result, context, env.variables)
        variables = env.variables
        if isinstance(state.get("Assign"), Mapping):
            variables = {**variables, **filled(state["Assign"], language, scene, scope)}
        return Env(data, variables)

    def _task(self, name: str, state: Mapping[str, Any], given: Any, frame: Frame) -> tuple[int, int, Any]:
        resource = state.get("Resource")
        explicit = "Parameters" in state or "Arguments" in state
        work = work_of(text_of(resource) if resource is not None else "", given, explicit=explicit)
        if work.operation == "look":
            step = self.steps.add()
            return step, step, Unknown(name)
        if work.operation == "state-machine" and (nested := self._nested(name, work, given, frame)):
            return nested
        if len(self.tasks) >= _MOST_TASKS:
            what = f"the state machine has more than {_MOST_TASKS:,} tasks: the others are left out"
            self.problems.append(Problem(frame.machine.at, what))
            step = self.steps.add()
            return step, step, Unknown(name)
        if work.operation == "glue":
            return self._job(name, state, work, given, frame)
        step = self.steps.add(task=True)
        self.tasks[step] = Task(key_of(name, frame), work.operation, where(name, state, frame), resource=work.resource)
        return step, step, Unknown(name)

    def _job(self, name: str, state: Mapping[str, Any], work: Work, given: Any, frame: Frame) -> tuple[int, int, Any]:
        """Follow a state that runs a Glue job: one task, or one for each job that different ways here name."""
        told = field_of(given, "Arguments")
        if isinstance(told, str) and (open_one := PARAMETER.fullmatch(told)):  # a template's, for the whole of them
            told = Unknown(open_one[1])
        fields = told.fields if isinstance(told, Unknown) else told if isinstance(told, dict) else {}
        at, key = where(name, state, frame), key_of(name, frame)
        if isinstance(told, Unknown):
            what = f"the job's arguments are ${{{told.name}}}: a run's history may tell them, or its value"
            self.problems.append(Problem(at, what))
        named = field_of(given, "JobName")
        jobs = named.options if isinstance(named, Unknown) else ()
        entry, last = self.steps.add(), self.steps.add()
        for number, job in enumerate(jobs or (work.resource,)):
            # Of arguments that differ by the way as well, each way's own: the ways come in one order.
            chosen = {
                str(argument): value.options[number]
                if isinstance(value, Unknown) and jobs and len(value.options) == len(jobs)
                else value
                for argument, value in fields.items()
            }
            arguments = {argument: text_of(value) for argument, value in chosen.items() if value is not None}
            learn(arguments)
            step = self.steps.add(task=True)
            self.steps.follow(entry, step)
            self.steps.follow(step, last)
            self.tasks[step] = Task(f"{key}[{job}]" if jobs else key, "glue", at, job=job, arguments=arguments)
        return entry, last, Unknown(name, {"JobName": named, "Arguments": told if told is not None else {}})

    def _nested(self, name: str, work: Work, given: Any, frame: Frame) -> tuple[int, int, Any] | None:
        """Follow a state machine that is started, if it is known which it is; not within itself."""
        machine = self.find(work.machine) or self.find(work.resource or "")
        if machine is None or machine.name in frame.within or len(frame.within) > _DEEPEST_NESTING:
            return None
        self.inlined.add(machine.name)
        data = field_of(given, "Input")
        if isinstance(data, str):
            try:
                data = json.loads(data)
            except ValueError:
                data = Unknown("input")
        inner = replace(frame, prefix=f"{key_of(name, frame)}/", suffix="")
        ends = self.machine(machine, data if data is not None else Unknown("input"), inner)
        result = Unknown(name, {"Output": ends.env.data})
        if work.waits or any("describeExecution" in str(one.get("Resource")) for one in _states(frame.machine)):
            return ends.entry, ends.exit, result
        step = self.steps.add()  # nothing waits for it: what comes next runs beside it
        self.steps.follow(step, ends.entry)
        return step, step, result

    def _parallel(self, name: str, state: Mapping[str, Any], env: Env, frame: Frame) -> tuple[int, int, Any]:
        entry, last = self.steps.add(), self.steps.add(joins="all")
        results = []
        branches = state.get("Branches")
        for branch in branches if isinstance(branches, list) else ():
            if not is_level(branch):
                continue
            ends = self.level(branch, env, frame)
            self.steps.follow(entry, ends.entry)
            self.steps.follow(ends.exit, last)
            results.append(ends.env.data)
        if not results:
            self.steps.follow(entry, last)
        return entry, last, results if results else Unknown(name)

    def _map(self, name: str, state: Mapping[str, Any], env: Env, scene: Scene, frame: Frame) -> tuple[int, int, Any]:
        language = language_of(state, frame)
        entry, last = self.steps.add(), self.steps.add(joins="all")
        iteration = state.get("ItemProcessor", state.get("Iterator"))
        if not is_level(iteration):
            self.steps.follow(entry, last)
            return entry, last, Unknown(name)
        items = self._items(state, language, scene, env)
        known = isinstance(items, list) and 0 < len(items) <= _MOST_ITEMS and "ItemBatcher" not in state
        outputs = []
        one_by_one = state.get("MaxConcurrency") in {1, "1"}
        previous = entry
        for number, item in enumerate(items if known else [Unknown(f"{name}.item")]):
            index: Any = number if known else Unknown(f"{name}.index")
            suffix = f"{frame.suffix}[{number}]" if known else frame.suffix
            context = {**frame.context, "Map": {"Item": {"Index": index, "Value": item}}}
            inner = replace(
                frame, context=context, suffix=suffix, decided=frame.decided or known,
                language=str(iteration.get("QueryLanguage") or frame.language),
            )  # fmt: skip
            selector = state.get("ItemSelector", state.get("Parameters"))
            data = item
            if selector is not None:
                scope = {"input": env.data, "context": context}
                data = filled(selector, language, Scene(scene.data, context, env.variables), scope)
            if "ItemBatcher" in state:
                data = self._batch(name, state["ItemBatcher"], language, replace(scene, context=context), env)
            ends = self.level(iteration, Env(data, env.variables), inner)
            self.steps.follow(previous if one_by_one else entry, ends.entry)
            if not (one_by_one and known) or number == len(items) - 1:
                self.steps.follow(ends.exit, last)
            previous = ends.exit
            outputs.append(ends.env.data)
        return entry, last, outputs if known else Unknown(name)

    def _items(self, state: Mapping[str, Any], language: str, scene: Scene, env: Env) -> Any:
        if "ItemReader" in state:
            return None
        if language == "JSONata":
            scope = {"input": env.data, "context": scene.context}
            return filled(state["Items"], language, scene, scope) if "Items" in state else env.data
        items = state.get("Items")
        if isinstance(items, list):
            return filled(items, language, scene, {})
        path = state.get("ItemsPath")
        return selected(path, scene) if path is not None else scene.data

    def _batch(self, name: str, batcher: Any, language: str, scene: Scene, env: Env) -> Any:
        given = batcher.get("BatchInput") if isinstance(batcher, Mapping) else None
        told = {} if given is None else filled(given, language, scene, {"input": env.data, "context": scene.context})
        return {"Items": Unknown(f"{name}.item"), "BatchInput": told}


def _states(machine: Machine) -> list[Mapping[str, Any]]:
    return [state for state in machine.definition["States"].values() if isinstance(state, Mapping)]


def _proven(rule: Mapping[str, Any], env: Env) -> Env:
    """Return what a rule's way knows of the data: that a part of it, unknown otherwise, is a certain text."""
    path, text = rule.get("Variable"), rule.get("StringEquals")
    keys = paths.place_of(path) if isinstance(path, str) and isinstance(text, str) else None
    if not keys:
        return env
    value = paths.at_path(str(path), Scene(env.data, {}, {}))
    if not isinstance(value, Unknown) or value.options:
        return env
    return replace(env, data=replaced(env.data, keys, replace(value, options=(text,))))
