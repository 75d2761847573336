"""State machines as a `Survey`: from files, and from definitions that stand in something else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.parameters import PARAMETER
from pypedream_dagster.importers.sources.step_functions.documents import Machine, is_machine, machines_in, read_text
from pypedream_dagster.importers.sources.step_functions.lenient import TooDeepError
from pypedream_dagster.importers.sources.step_functions.order import Steps
from pypedream_dagster.importers.sources.step_functions.prepared import prepared
from pypedream_dagster.importers.sources.step_functions.values import Unknown
from pypedream_dagster.importers.sources.step_functions.walk import Find, Walk
from pypedream_dagster.importers.survey import Flow, Problem, Survey, Task, Where

_UNTELLING = {"definition", "statemachine", "stepfunction", "stepfunctions", "main", "asl", "workflow", "machine"}

_TOO_SHORT = 3


def survey(files: Sequence[SourceFile], variables: Mapping[str, str]) -> Survey:
    """Return a flow for each state machine in some files; one that another starts is part of that one's flow."""
    found: list[Machine] = []
    problems: list[Problem] = []
    for file in files:
        try:
            found += [_ready(machine, variables) for machine in machines_in(file)]
        except (TooDeepError, RecursionError):
            problems.append(Problem(Where(file.path), "is nested too deeply to be a state machine"))
    return surveyed(_distinct(found)) + Survey(problems=tuple(problems))


def surveyed(machines: Sequence[Machine], elsewhere: Find = lambda _: None) -> Survey:
    """Return the flows of state machines that may start one another.

    Args:
        machines: those that are asked for.
        elsewhere: finds others that they start, by what names them.
    """
    among = _finder(machines)

    def near(caller: Machine) -> Find:
        return lambda name: among(name, caller) or elsewhere(name)

    told = Survey()
    flows: list[tuple[Machine, Survey]] = []
    inlined: set[str] = set()
    for machine in machines:
        one, within = _survey_of(machine, near(machine))
        flows.append((machine, one))
        inlined |= within - {machine.name}
    roots = [one for machine, one in flows if machine.name not in inlined]
    for one in roots or [one for _, one in flows]:  # all of them start each other
        told += one
    return told


def machine_of(
    definition: str | Mapping[str, object], name: str, at: Where, values: Mapping[str, str]
) -> Machine | None:
    """Return a definition made ready to be followed, or None where it is none.

    Args:
        definition: ASL as text (JSON or YAML, rendered or not) or as an object.
        name: the state machine's.
        at: where it stands; without a line, the text is a file of its own.
        values: by placeholder.
    """
    try:
        # Lines that nobody sees, as those of a definition within a template or at AWS, are not told.
        own_file = at.line is None and not at.source.startswith("arn:")
        read = read_text(definition, first_line=1 if own_file else None) if isinstance(definition, str) else definition
        ready = prepared(read, values) if read is not None else None
    except (TooDeepError, RecursionError):
        return None
    return Machine(name, ready, at) if isinstance(ready, Mapping) and is_machine(ready) else None


def _ready(machine: Machine, variables: Mapping[str, str]) -> Machine:
    return replace(machine, definition=prepared(machine.definition, variables))


def _survey_of(machine: Machine, find: Find) -> tuple[Survey, set[str]]:
    """Return a machine's flow, and the names of the machines that are part of it."""
    walk = Walk(find, Steps(), {}, [], {}, set())
    try:
        walk.machine(machine, Unknown("input"))
    except (RecursionError, TooDeepError):
        return Survey(problems=(Problem(machine.at, f"state machine {machine.name} is nested too deeply"),)), set()
    contracted = walk.steps.contracted()
    keys = _keys(walk.tasks)
    tasks = tuple(
        replace(walk.tasks[step], key=keys[step], trigger=contracted[step].trigger) for step in sorted(walk.tasks)
    )
    order = frozenset((keys[one], keys[step]) for step, told in contracted.items() for one in told.before)
    flow = Flow(machine.name, "step-functions", machine.at, tasks, order)
    return Survey(flows=(flow,) if tasks else (), problems=tuple(dict.fromkeys(walk.problems))), walk.inlined


def _keys(tasks: Mapping[int, Task]) -> dict[int, str]:
    """Return a key for each task; names that come twice (a fault of the definition) are numbered."""
    seen: Counter[str] = Counter()
    found: dict[int, str] = {}
    taken: set[str] = set()
    for step in sorted(tasks):
        key = tasks[step].key
        while key in taken:
            seen[key] += 1
            key = (
                f"{tasks[step].key}#{seen[key] + 1}" if f"{tasks[step].key}#{seen[key] + 1}" not in taken else f"{key}#"
            )
        taken.add(key)
        found[step] = key
    return found


def _distinct(machines: Sequence[Machine]) -> list[Machine]:
    """Give machines of one name the names of their folders as well."""
    count = Counter(machine.name for machine in machines)
    found: list[Machine] = []
    taken: Counter[str] = Counter()
    for machine in machines:
        name = machine.name
        if count[name] > 1 or _plain(name) in _UNTELLING:
            folder = machine.at.source.rpartition("/")[0].rpartition("/")[2]
            name = f"{folder}/{name}" if folder else name
        taken[name] += 1
        found.append(
            replace(machine, name=name if taken[name] == 1 else f"{name}#{taken[name]}", names=(machine.name,))
        )
    return found


def _finder(machines: Sequence[Machine]) -> Callable[[str, Machine], Machine | None]:
    by_name: dict[str, list[Machine]] = {}
    for machine in machines:
        for name in {machine.name, *machine.names}:
            for told in {name, _plain(name)}:
                by_name.setdefault(told, []).append(machine)

    def find(name: str, caller: Machine) -> Machine | None:
        exact = by_name.get(name) or by_name.get(_plain(name), [])
        return _only(exact or _ending(name, by_name), caller)

    return find


def _ending(name: str, by_name: Mapping[str, list[Machine]]) -> list[Machine]:
    """Return the machines whose name a name ends with: what is deployed has a team's or a stage's name before it."""
    bare = re.sub(r"(?:\.(?:arn|id|Arn))?\}?$", "", name)
    ends = [one for one in by_name if len(one) > _TOO_SHORT and re.search(rf"[-_]{re.escape(one)}$", bare)]
    return by_name[max(ends, key=len)] if ends else []


def _only(found: Sequence[Machine], caller: Machine) -> Machine | None:
    """Return the one machine among some, or the one that lies beside the caller."""
    beside = [one for one in found if _folder(one) == _folder(caller)] if len(found) > 1 else found
    return beside[0] if len(beside) == 1 else None


def _folder(machine: Machine) -> str:
    return machine.at.source.rpartition("/")[0]


def _plain(name: str) -> str:
    """Return a name without what templates put around it: ``${LoadStateMachineArn}`` may mean ``load``."""
    told = PARAMETER.sub(
        lambda found: re.sub(r"^(?:aws_sfn_state_machine|module|var|local)\.|\.(?:arn|id|Arn|Ref)$", "", found[1]), name
    )
    told = re.sub(r"[^a-z0-9]", "", told.lower())
    for _ in range(3):
        told = re.sub(r"(?<=.)(?:arn|statemachine|stepfunction|sfn|asl)$", "", told)
    return told
