"""From the tasks of all flows to the nodes of one graph: a job with its distinguishing arguments is a node.

One job that is run fifteen times with another ``--table`` is fifteen nodes; a job that two flows run alike is one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from pypedream_dagster.importers.inference.job_index import JobIndex
from pypedream_dagster.importers.inference.templates import node_id
from pypedream_dagster.importers.parameters import PARAMETER, filled, parameters_in
from pypedream_dagster.importers.survey import Flow, FlowKind, JobDefinition, Survey, Task, Trigger, Where
from pypedream_dagster.masking.mask import is_secret, mask_text

_LONGEST_ID = 100
_STARTS_FLOWS = {"airflow-dag", "state-machine", "step-functions"}
# Glue's own, in lower case: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
GLUES_OWN = frozenset(
    [
        "--additional-python-modules",
        "--auto-scale-within-microbatch",
        "--class",
        "--conf",
        "--continuous-log-conversionpattern",
        "--continuous-log-loggroup",
        "--continuous-log-logstreamprefix",
        "--custom-log4j2-properties",
        "--customer-driver-env-vars",
        "--customer-executor-env-vars",
        "--datalake-formats",
        "--disable-proxy-v2",
        "--enable-auto-scaling",
        "--enable-continuous-cloudwatch-log",
        "--enable-continuous-log-filter",
        "--enable-glue-datacatalog",
        "--enable-job-insights",
        "--enable-metrics",
        "--enable-observability-metrics",
        "--enable-rename-algorithm-v2",
        "--enable-s3-parquet-optimized-committer",
        "--enable-spark-ui",
        "--executor-cores",
        "--extra-files",
        "--extra-jars",
        "--extra-py-files",
        "--job-bookmark-from",
        "--job-bookmark-option",
        "--job-bookmark-to",
        "--job-language",
        "--job_name",
        "--library-set",
        "--python-modules-installer-option",
        "--scriptlocation",
        "--spark-event-logs-path",
        "--spark-ui-event-logs-path",
        "--tempdir",
        "--use-postgres-driver",
        "--user-jars-first",
        "--write-shuffle-files-to-s3",
        "--write-shuffle-spills-to-s3",
    ]
)


@dataclass(frozen=True, slots=True)
class Step:
    """A node of the graph to be, before it is known what it reads and writes.

    Attributes:
        id: the node's.
        operation: ``glue``, or another task's.
        name: the Glue job's name; empty for other operations.
        job: its definition, where there is one.
        arguments: of the run, over the job's defaults; without secrets.
        effective: all arguments of a run: the job's defaults, the run's, the locked ones.
        resource: of other operations, what they work on.
        trigger: whether it waits for all before it, or any.
        at: where it was found.
        rerun_of: the node that is the same job with the same arguments, earlier in the same flow.
        flow: the flow that runs it, the first by name; empty where none does.
        task: what that flow calls it.
        database: of a statement: the one of tables that it names without one.
        reads, writes: of other operations, what else of S3 is known of them.
    """

    id: str
    operation: str
    name: str = ""
    job: JobDefinition | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    effective: Mapping[str, str] = field(default_factory=dict, repr=False)
    resource: str | None = None
    trigger: Trigger = "ALL"
    at: tuple[Where, ...] = ()
    rerun_of: str | None = None
    flow: str = ""
    task: str = ""
    database: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def is_job(self) -> bool:
        """Tell whether it is a Glue job."""
        return self.operation == "glue"


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a survey becomes nodes.

    Attributes:
        flows: the kinds of flows whose tasks are nodes.
        all_jobs: whether jobs are nodes that no such flow runs.
    """

    flows: frozenset[FlowKind] = frozenset(get_args(FlowKind))
    all_jobs: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """The nodes and their order.

    Attributes:
        steps: in the order of the sources.
        order: direct pairs of node ids, by all flows.
        notes: what a reader should know.
        taken: jobs that are taken for ones that are defined nowhere, by what tasks call these.
    """

    steps: tuple[Step, ...]
    order: frozenset[tuple[str, str]]
    notes: tuple[str, ...]
    taken: Mapping[str, str] = field(default_factory=dict)


def steps_of(
    survey: Survey, selection: Selection, values: Mapping[str, str], job_named: Callable[[str], str | None]
) -> Steps:
    """Return the nodes of a survey; the same for the same survey, whatever the order of its parts.

    Args:
        survey: of all sources.
        selection: what becomes nodes.
        values: of parameters.
        job_named: the job that an answer names for one that is defined nowhere.
    """
    called = (task.job or task.key for flow in survey.flows for task in flow.tasks if task.operation == "glue")
    jobs = JobIndex(survey.jobs, values, job_named, called)
    drafts: dict[tuple[object, ...], _Draft] = {}
    order: set[tuple[_Draft, _Draft]] = set()
    notes: list[str] = []
    of_flow: dict[str, tuple[Flow, dict[str, _Draft]]] = {}
    flows = [flow for flow in _distinct_flows(survey.flows, values) if flow.kind in selection.flows]
    for flow in sorted(flows, key=lambda flow: (flow.name, str(flow.at))):
        of_task = dict(_drafts_of_flow(flow, jobs, values, drafts))
        order |= {(of_task[a], of_task[b]) for a, b in flow.order if of_task[a] is not of_task[b]}
        of_flow[flow.name] = (flow, of_task)
    order |= set(_between_flows(of_flow, values))
    used = {draft.name for draft in drafts.values() if draft.operation == "glue"}
    if selection.all_jobs:
        for job in jobs.left(used):
            drafts["glue", job.name, frozenset(), 0] = _Draft("glue", job.name, job, {}, None, "ALL", [])
    named = _named(list(drafts.values()), notes)
    return Steps(
        tuple(_step(draft, name, values, named) for draft, name in named.items()),
        frozenset((named[a], named[b]) for a, b in order),
        tuple(notes),
        jobs.taken,
    )


@dataclass(eq=False, slots=True)
class _Draft:
    operation: str
    name: str
    job: JobDefinition | None
    arguments: Mapping[str, str]
    resource: str | None
    trigger: Trigger
    at: list[Where]
    label: str = ""
    flow: str = ""
    rerun_of: _Draft | None = None
    database: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


def _distinct_flows(flows: Iterable[Flow], values: Mapping[str, str]) -> Iterator[Flow]:
    """Give each flow once: a definition's file may be found by itself and through the template that deploys it.

    Of those that stand at one place, the ones that know most are kept: what deploys a definition puts its values in.
    """
    known = list(flows)
    # A flow that stands for itself is deployed by nobody that tells; one that is deployed has a part of its template.
    deployed = {at.source for flow in known if flow.at.part for at in (flow.at, *(task.at for task in flow.tasks))}
    by_place: defaultdict[frozenset[object], list[Flow]] = defaultdict(list)
    for flow in known:
        if not flow.at.part and flow.at.source in deployed:
            continue
        stands = frozenset((task.key, task.at.source, task.at.line) for task in flow.tasks)
        by_place[stands].append(flow)
    for group in by_place.values():
        fewest = min(_unknowns(flow, values) for flow in group)
        said: set[object] = set()
        for flow in sorted(group, key=lambda flow: (str(flow.at), flow.name)):
            tells = frozenset((task.key, task.job, frozenset(task.arguments.items())) for task in flow.tasks)
            if _unknowns(flow, values) == fewest and tells not in said:
                said.add(tells)
                yield flow


def _unknowns(flow: Flow, values: Mapping[str, str]) -> int:
    texts = (text for task in flow.tasks for text in (task.job or "", *task.arguments.values()))
    return sum(len(parameters_in(filled(text, values))) for text in texts)


def _drafts_of_flow(
    flow: Flow, jobs: JobIndex, values: Mapping[str, str], drafts: dict[tuple[object, ...], _Draft]
) -> Iterator[tuple[str, _Draft]]:
    after = _reached(flow)
    same: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    for task in flow.tasks:
        key, draft = _draft(task, flow, jobs, values)
        # A second run of the same in one flow is a second node, else the order would be a circle.
        earlier = [other for other in same[key] if task.key in after[other] and other not in after[task.key]]
        same[key].append(task.key)
        known = drafts.setdefault((*key, len(earlier)), draft)
        if known is draft and earlier:
            draft.rerun_of = drafts[(*key, 0)]
        known.arguments = {**known.arguments, **draft.arguments}
        known.at.append(task.at)
        yield task.key, known


def _between_flows(
    of_flow: Mapping[str, tuple[Flow, Mapping[str, _Draft]]], values: Mapping[str, str]
) -> Iterator[tuple[_Draft, _Draft]]:
    """Give the order between the tasks of different flows: one starts the other, or waits for it."""
    for flow, drafts in of_flow.values():
        for task in flow.tasks:
            started = of_flow.get(filled(task.resource or "", values)) if task.operation in _STARTS_FLOWS else None
            if started is not None and started[0] is not flow:
                yield from ((drafts[task.key], first) for first in _ends(*started, last=False))
        for name, theirs, own in flow.follows:
            other = of_flow.get(filled(name, values))
            if other is not None and other[0] is not flow:
                before = [other[1][theirs]] if theirs in other[1] else _ends(*other, last=True)
                after = [drafts[own]] if own in drafts else _ends(flow, drafts, last=False)
                yield from ((one, two) for one in before for two in after if one is not two)


def _ends(flow: Flow, drafts: Mapping[str, _Draft], *, last: bool) -> list[_Draft]:
    """Return a flow's first tasks, or its last ones."""
    inner = {pair[0] if last else pair[1] for pair in flow.order}
    return [drafts[task.key] for task in flow.tasks if task.key not in inner]


def _draft(task: Task, flow: Flow, jobs: JobIndex, values: Mapping[str, str]) -> tuple[tuple[object, ...], _Draft]:
    if task.operation != "glue":
        resource = None if task.resource is None else filled(task.resource, values)
        draft = _Draft(task.operation, "", None, {}, resource, task.trigger, [], task.key, flow.name)
        draft.database = filled(task.database, values)
        draft.reads, draft.writes = (tuple(filled(uri, values) for uri in uris) for uris in (task.reads, task.writes))
        return (task.operation, flow.name, flow.at, task.key), draft
    name, job = jobs.find(task.job or task.key)
    arguments = {_dashed(key): filled(value, values) for key, value in task.arguments.items()}
    draft = _Draft("glue", name, job, arguments, None, task.trigger, [], task.key, flow.name)
    given = _defaults(job, values)
    telling = frozenset((k, v) for k, v in arguments.items() if k.lower() not in GLUES_OWN and given.get(k) != v)
    return ("glue", name, telling), draft


def _defaults(job: JobDefinition | None, values: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments that a job has where a run gives it no others."""
    told = dict(job.properties.get("DefaultArguments") or {}) if job else {}
    return {_dashed(name): filled(str(value), values) for name, value in told.items()}


def _reached(flow: Flow) -> dict[str, set[str]]:
    """Return what lies after each task."""
    following: defaultdict[str, list[str]] = defaultdict(list)
    for before, after in flow.order:
        following[before].append(after)
    return {task.key: reachable(following, task.key) for task in flow.tasks}


def reachable(following: Mapping[str, Sequence[str]], start: str) -> set[str]:
    """Return what can be reached from a node, itself only by a circle."""
    seen: set[str] = set()
    open_ = list(following.get(start, ()))
    while open_:
        node = open_.pop()
        if node not in seen:
            seen.add(node)
            open_ += following.get(node, ())
    return seen


def _named(drafts: Sequence[_Draft], notes: list[str]) -> dict[_Draft, str]:
    """Give each node an id that says what tells it from the others, and that files and arguments can hold."""
    by_job: defaultdict[str, list[_Draft]] = defaultdict(list)
    for draft in drafts:
        by_job[draft.name if draft.operation == "glue" else ""].append(draft)
    named: dict[_Draft, str] = {}
    taken: set[str] = set()
    for name, group in by_job.items():
        differing = _differing(group) if name else set()
        for draft in group:
            wanted = _wanted_id(draft, differing, alone=len(group) == 1)
            free = _free(wanted, draft, taken)
            taken.add(_folded(free))
            named[draft] = free
        if name and len(group) > 1:
            told = ", ".join(sorted(differing)) or "their place in the order"
            notes.append(f"{name} is run as {len(group)} nodes, told apart by {told}.")
    return {draft: named[draft] for draft in drafts}


def _differing(group: Sequence[_Draft]) -> set[str]:
    names = {
        name
        for draft in group
        for name, value in draft.arguments.items()
        if name.lower() not in GLUES_OWN and not _is_telling(name, value)
    }
    return {name for name in names if len({draft.arguments.get(name) for draft in group}) > 1}


def _wanted_id(draft: _Draft, differing: set[str], *, alone: bool) -> str:
    if draft.operation != "glue":
        return node_id(_readable(draft.label)) or draft.operation
    base = node_id(_readable(draft.name))
    if alone:
        return base
    values = [_short(draft.arguments[name]) for name in sorted(differing) if name in draft.arguments]
    told = "-".join(dict.fromkeys(value for value in values if value))
    if not told or len(told) > _LONGEST_ID // 2:
        told = _short(draft.label)
    return f"{base}-{told}" if told else base


def _free(wanted: str, draft: _Draft, taken: set[str]) -> str:
    wanted = wanted.lstrip(" .")[:_LONGEST_ID] or "node"
    choices = [wanted]
    if draft.label:
        choices.append(f"{wanted}-{_short(draft.label)}")
    if draft.flow:
        choices.append(f"{wanted}-{_short(draft.flow)}")
    choices += [f"{wanted}-{number}" for number in range(2, len(taken) + 3)]
    return next(choice for choice in choices if _folded(choice) not in taken)


def _folded(text: str) -> str:
    return re.sub(r"\W", "_", text.casefold())


def _readable(text: str) -> str:
    """Return a name without its unknown parts, or with their names where nothing else is known of it."""
    known = re.sub(r"[-_. ]{2,}", lambda found: found[0][0], PARAMETER.sub("", text)).strip("-_. ")
    return known or re.sub(r"[${}]+", "", text).strip() or text


def _short(value: str) -> str:
    last = value.rstrip("/").rpartition("/")[2] if "://" in value else value
    return re.sub(r"[^\w.]+", "-", _readable(last)).strip("-._")[:40]


def _step(draft: _Draft, name: str, values: Mapping[str, str], named: Mapping[_Draft, str]) -> Step:
    properties = draft.job.properties if draft.job else {}
    defaults = _defaults(draft.job, values)
    locked = {_dashed(k): str(v) for k, v in dict(properties.get("NonOverridableArguments") or {}).items()}
    places = (draft.job.at, *draft.at) if draft.job else tuple(draft.at)
    return Step(
        id=name,
        operation=draft.operation,
        name=draft.name,
        job=draft.job,
        arguments={key: value for key, value in sorted(draft.arguments.items()) if not _is_telling(key, value)},
        effective={**defaults, **draft.arguments, **{k: filled(v, values) for k, v in locked.items()}},
        resource=draft.resource,
        trigger=draft.trigger,
        at=tuple(dict.fromkeys(places)),
        rerun_of=named[draft.rerun_of] if draft.rerun_of else None,
        flow=draft.flow,
        task=draft.label,
        database=draft.database,
        reads=draft.reads,
        writes=draft.writes,
    )


def _is_telling(name: str, value: str) -> bool:
    """Tell whether an argument gives away a secret."""
    return is_secret(name, value) or mask_text(value) != value


def _dashed(name: str) -> str:
    return name if name.startswith("-") else f"--{name}"
