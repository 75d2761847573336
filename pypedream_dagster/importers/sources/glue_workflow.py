"""Glue workflows: triggers that start jobs and crawlers when others have ended, as flows of tasks.

Triggers come in the shape of Glue's API, whatever told them: GetTriggers, a CloudFormation template, Terraform. A task
is a job with the arguments that a trigger's action gives it: started by two triggers with the same, it is one task.
A condition names a job, not a task: it is met by all tasks of that job.

Run properties are no arguments: no job is started with them, its script asks for them by
``get_workflow_run_properties``. They are among the survey's values, as ``<workflow>.<property>``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import networkx as nx

from pypedream_dagster.importers.survey import Flow, Problem, Survey, Task, Trigger, Where
from pypedream_dagster.masking.mask import is_secret, learn, mask_arguments

_Kind = Literal["job", "crawler"]
_Entity = tuple[_Kind, str]
"""What a trigger starts or waits for."""

_STARTING = {"SCHEDULED", "ON_DEMAND", "EVENT"}
_FAILURES = {"FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED", "CANCELLED"}
_NEVER = 1 << 30
_ADRIFT = "triggers"


@dataclass(frozen=True, slots=True)
class _Condition:
    """What a trigger waits for; ``success``: for its success, not only for its failure."""

    entity: _Entity
    success: bool


@dataclass(frozen=True, slots=True, order=True)
class _Action:
    """What a trigger starts, and with which arguments."""

    entity: _Entity
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _TriggerFacts:
    """A trigger, as far as order goes."""

    name: str
    conditions: tuple[_Condition, ...]
    actions: tuple[_Action, ...]
    any_of: bool

    @property
    def entities(self) -> Iterator[_Entity]:
        yield from (condition.entity for condition in self.conditions)
        yield from (action.entity for action in self.actions)


def workflow_flow(
    name: str,
    triggers: Sequence[Mapping[str, Any]],
    *,
    at: Where,
    run_properties: Mapping[str, str] | None = None,
) -> Survey:
    """Return the flow of one workflow's triggers; nothing if they start nothing.

    Never raises: what is no trigger is passed over.

    Args:
        name: the workflow's.
        triggers: as GetTriggers answers; all of them are the workflow's, whatever ``WorkflowName`` says.
        at: where the workflow is defined.
        run_properties: the workflow's default run properties.
    """
    facts = tuple(_facts(triggers))
    values = _values(name, run_properties or {})
    if not any(trigger.actions for trigger in facts):
        return Survey(values=values)
    flow, problems = _flow(name, facts, at)
    return Survey(flows=(flow,), values=values, problems=problems)


def trigger_flows(
    triggers: Sequence[Mapping[str, Any]],
    *,
    at: Where,
    run_properties: Mapping[str, Mapping[str, str]] | None = None,
) -> Survey:
    """Return the flows of all triggers: one for each workflow, and one for each group outside of any.

    Triggers outside of a workflow belong together where one starts what another starts too or waits for; such a flow
    is called after its first trigger by name.
    """
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for raw in _mappings(triggers):
        groups[_text(raw.get("WorkflowName"))].append(raw)
    adrift = groups.pop("", [])
    survey = Survey()
    for name in sorted({*groups, *(run_properties or {})}):
        survey += workflow_flow(name, groups.get(name, []), at=at, run_properties=(run_properties or {}).get(name))
    for group in connected_triggers(adrift):
        survey += workflow_flow(min(_text(raw.get("Name")) for raw in group) or _ADRIFT, group, at=at)
    return survey


def connected_triggers(triggers: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], ...]]:
    """Give the groups of triggers that start or wait for the same; one that starts nothing is in none."""
    known = [(raw, next(_facts([raw]))) for raw in triggers]
    shared: nx.Graph[Hashable] = nx.Graph()
    for number, (_, trigger) in enumerate(known):
        if trigger.actions:
            shared.add_node(number)
            shared.add_edges_from((number, entity) for entity in trigger.entities)
    for component in nx.connected_components(shared):
        yield tuple(known[number][0] for number in sorted(item for item in component if isinstance(item, int)))


def _flow(name: str, triggers: Sequence[_TriggerFacts], at: Where) -> tuple[Flow, tuple[Problem, ...]]:
    starts = _starts(triggers)
    keys = _keys(starts)
    by_entity: dict[_Entity, list[_Action]] = defaultdict(list)
    for action in starts:
        by_entity[action.entity].append(action)
    order, problems = _order(triggers, by_entity, at)
    tasks = tuple(
        _task(keys[action], action, _waits(action, started_by, order), _within(at, *(t.name for t in started_by[:1])))
        for action, started_by in starts.items()
    )
    return Flow(name, "glue-workflow", at, tasks, frozenset((keys[a], keys[b]) for a, b in order)), problems


def _starts(triggers: Iterable[_TriggerFacts]) -> dict[_Action, list[_TriggerFacts]]:
    """Return the tasks and what starts each: nothing does, for a job that is only waited for."""
    found: dict[_Action, list[_TriggerFacts]] = {}
    for trigger in triggers:
        for action in trigger.actions:
            found.setdefault(action, [])
            if trigger not in found[action]:
                found[action].append(trigger)
    started = {action.entity for action in found}
    waited_for = {condition.entity for trigger in triggers if trigger.actions for condition in trigger.conditions}
    return {**{_Action(entity): [] for entity in sorted(waited_for - started)}, **found}


def _order(
    triggers: Sequence[_TriggerFacts], by_entity: Mapping[_Entity, Sequence[_Action]], at: Where
) -> tuple[frozenset[tuple[_Action, _Action]], tuple[Problem, ...]]:
    """Return which task comes before which, without circles.

    Of the pairs that form a circle those stay that a run of the workflow meets first, and what waits for a success
    goes before what waits for a failure: a handler that starts an early job again does not turn the order around.
    """
    rounds = _rounds(triggers)
    wanted: dict[tuple[_Action, _Action], tuple[bool, bool, int]] = {}
    reasons: list[tuple[_TriggerFacts, _Condition, set[tuple[_Action, _Action]]]] = []
    for trigger in triggers:
        for condition in trigger.conditions:
            pairs = {(a, b) for a in by_entity[condition.entity] for b in trigger.actions if a != b}
            reasons.append((trigger, condition, pairs))
            for a, b in pairs:
                before, after = rounds.get(a, -1), rounds.get(b, _NEVER)
                rank = (not condition.success, before >= after, before)
                wanted[a, b] = min(rank, wanted.get((a, b), rank))
    graph: nx.DiGraph[_Action] = nx.DiGraph(list(wanted))
    if not nx.is_directed_acyclic_graph(graph):
        graph = nx.DiGraph()
        graph.add_nodes_from(action for pair in wanted for action in pair)
        for a, b in sorted(wanted, key=lambda pair: (wanted[pair], pair)):
            if not nx.has_path(graph, b, a):
                graph.add_edge(a, b)
    kept = frozenset(graph.edges)
    problems = tuple(
        Problem(
            _within(at, trigger.name),
            f"waits for {condition.entity[0]} {condition.entity[1]}, which itself comes after what it starts: "
            "left out of the order",
        )
        for trigger, condition, pairs in reasons
        if condition.success and trigger.actions and not pairs & kept
    )
    return kept, problems


def _rounds(triggers: Sequence[_TriggerFacts]) -> dict[_Action, int]:
    """Return when each task is started first, if a run goes well and all that may start starts at once."""
    started = {entity: -1 for trigger in triggers for entity in trigger.entities}
    for trigger in triggers:
        for action in trigger.actions:
            started.pop(action.entity, None)  # the others are started from outside
    found: dict[_Action, int] = {}
    waiting = list(triggers)
    for number in range(len(triggers)):
        met = [trigger for trigger in waiting if _is_met(trigger, started)]
        if not met:
            break
        waiting = [trigger for trigger in waiting if trigger not in met]
        for trigger in met:
            for action in trigger.actions:
                found.setdefault(action, number)
        started |= {action.entity: number for trigger in met for action in trigger.actions}
    return found


def _is_met(trigger: _TriggerFacts, started: Mapping[_Entity, int]) -> bool:
    met = [condition.entity in started for condition in trigger.conditions]
    return not met or (any(met) if trigger.any_of else all(met))


def _waits(action: _Action, started_by: Sequence[_TriggerFacts], order: frozenset[tuple[_Action, _Action]]) -> Trigger:
    """Tell whether a task waits for all of those before it, or for any: of several triggers, one is enough."""
    before = {a for a, b in order if b == action}
    waiting = [t for t in started_by if any(a.entity == c.entity for a in before for c in t.conditions)]
    if len({a.entity for a in before}) < 2:
        return "ALL"
    return "ANY" if len(waiting) > 1 or any(trigger.any_of for trigger in waiting) else "ALL"


def _task(key: str, action: _Action, trigger: Trigger, at: Where) -> Task:
    kind, name = action.entity
    if kind == "crawler":
        return Task(key, "crawler", at, resource=name, trigger=trigger)
    return Task(key, "glue", at, job=name, arguments=dict(action.arguments), trigger=trigger)


def _keys(starts: Mapping[_Action, Sequence[_TriggerFacts]]) -> dict[_Action, str]:
    """Name each task: by its job, and by what starts it where the job has several."""
    names = [action.entity[1] for action in starts]
    keys: dict[_Action, str] = {}
    for action, started_by in starts.items():
        name = action.entity[1]
        key = name if names.count(name) == 1 else f"{name} ({started_by[0].name if started_by else action.entity[0]})"
        keys[action] = _free(key, set(keys.values()))
    return keys


def _free(key: str, taken: set[str]) -> str:
    found, number = key, 2
    while found in taken:
        found, number = f"{key} {number}", number + 1
    return found


def _within(at: Where, trigger: str = "") -> Where:
    return replace(at, part=f"{at.part} trigger {trigger}".strip()) if trigger else at


def _values(workflow: str, run_properties: Mapping[str, str]) -> dict[str, str]:
    found = {str(name): _argument(value) for name, value in run_properties.items()}
    learn(found)
    return {f"{workflow}.{name}": value for name, value in found.items() if not is_secret(name, value)}


def _facts(triggers: Sequence[Any]) -> Iterator[_TriggerFacts]:
    for raw in _mappings(triggers):
        starting = _text(raw.get("Type")).upper() in _STARTING
        predicate = next(_mappings(None if starting else raw.get("Predicate")), {})
        yield _TriggerFacts(
            name=_text(raw.get("Name")),
            conditions=tuple(_conditions(predicate.get("Conditions"))),
            actions=tuple(dict.fromkeys(_actions(raw.get("Actions")))),
            any_of=_text(predicate.get("Logical")).upper() in {"ANY", "OR"},
        )


def _conditions(raw: Any) -> Iterator[_Condition]:
    """Give what is waited for, each once; what waits for success and for failure waits for the end."""
    found: dict[_Entity, bool] = {}
    for item in _mappings(raw):
        if (entity := _entity(item)) is not None:
            state = _text(item.get("State") if entity[0] == "job" else item.get("CrawlState")).upper()
            found[entity] = found.get(entity, False) or state not in _FAILURES
    yield from (_Condition(entity, success) for entity, success in found.items())


def _actions(raw: Any) -> Iterator[_Action]:
    for item in _mappings(raw):
        if (entity := _entity(item)) is not None:
            given = item.get("Arguments") if entity[0] == "job" else None
            arguments = {str(k): _argument(v) for k, v in given.items()} if isinstance(given, Mapping) else {}
            learn(arguments)
            yield _Action(entity, tuple(sorted(mask_arguments(arguments).items())))


def _entity(item: Mapping[str, Any]) -> _Entity | None:
    if job := _text(item.get("JobName")):
        return "job", job
    if crawler := _text(item.get("CrawlerName")):
        return "crawler", crawler
    return None


def _mappings(raw: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(raw, Mapping):  # one, where a list belongs
        raw = [raw]
    if isinstance(raw, list | tuple):
        yield from (item for item in raw if isinstance(item, Mapping))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _argument(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)
