"""CloudFormation and SAM templates, among whatever files are given, to a `Survey`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.parameters import filled
from pypedream_dagster.importers.sources.cloudformation import jobs, physical
from pypedream_dagster.importers.sources.cloudformation.locations import Paths
from pypedream_dagster.importers.sources.cloudformation.machines import state_machines
from pypedream_dagster.importers.sources.cloudformation.stacks import Stack, World
from pypedream_dagster.importers.sources.cloudformation.templates import read_templates
from pypedream_dagster.importers.sources.cloudformation.world import build_world
from pypedream_dagster.importers.sources.glue_workflow import connected_triggers, workflow_flow
from pypedream_dagster.importers.survey import Problem, Survey, Where

_READ = {
    "AWS::Glue::Connection",
    "AWS::Glue::Crawler",
    "AWS::Glue::Job",
    "AWS::Glue::Table",
    "AWS::Glue::Trigger",
    "AWS::Glue::Workflow",
    "AWS::Scheduler::Schedule",
    *physical.FUNCTIONS,
    *physical.MACHINES,
}


def survey(files: Sequence[SourceFile], variables: Mapping[str, str]) -> Survey:
    """Return what the templates among some files tell; other files are passed over, but for those that these mean."""
    # It makes templates of its own, and is needed by few.
    from pypedream_dagster.importers.sources.cdk import programs_of

    templates, problems = read_templates(files, variables)
    programs = programs_of(files, variables)
    templates, problems = (*templates, *programs.templates), (*problems, *programs.problems)
    world = build_world(templates, Paths(files), variables)
    bodies = {file.path: file.body for file in files}
    texts = {file.path: file.text for file in files}
    found = Survey(problems=problems)
    resources = tuple(_resources(world))
    for stack, logical_id, kind in resources:
        found += _read(stack, logical_id, kind)
    machines = [(stack, logical_id) for stack, logical_id, kind in resources if kind in physical.MACHINES]
    found += state_machines(machines, texts) + _triggered(resources, world)
    scripts = {job.script: bodies[job.script] for job in found.jobs if job.script}
    undecided = tuple(
        Problem(Where(path, None, f"Conditions.{name}"), "its value is not known: it is taken to hold")
        for path, name in world.undecided
    )
    values = {**programs.values, **world.values}
    return found + Survey(values=values, scripts=scripts, problems=undecided)


def _resources(world: World) -> Iterator[tuple[Stack, str, str]]:
    """Give the resources to read; of two with one name the one whose condition holds, for one is the other's stead."""
    readable = [
        (stack, logical_id, str(resource["Type"]))
        for stack in world.stacks
        for logical_id, resource in stack.template.resources.items()
        if resource["Type"] in _READ
    ]
    live = [item for item in readable if not _is_off(item[0], item[1])]
    yield from live
    taken = {(kind, stack.physical_name(logical_id)) for stack, logical_id, kind in live}
    for stack, logical_id, kind in readable:
        key = (kind, stack.physical_name(logical_id))
        if _is_off(stack, logical_id) and key not in taken:
            taken.add(key)
            yield stack, logical_id, kind


def _is_off(stack: Stack, logical_id: str) -> bool:
    condition = stack.template.resources[logical_id].get("Condition")
    return isinstance(condition, str) and stack.condition(condition) is False


def _read(stack: Stack, logical_id: str, kind: str) -> Survey:
    match kind:
        case "AWS::Glue::Job":
            return Survey(jobs=(jobs.job_definition(stack, logical_id),))
        case "AWS::Glue::Table":
            entry = jobs.table(stack, logical_id)
            return Survey(tables=(entry,) if entry else ())
        case "AWS::Glue::Crawler":
            return Survey(crawlers=(jobs.crawler(stack, logical_id),))
        case "AWS::Glue::Connection":
            return Survey(connections=(jobs.connection(stack, logical_id),))
        case _ if kind in physical.FUNCTIONS:
            return Survey(functions=(jobs.function(stack, logical_id),))
    return Survey()


def _triggered(resources: Sequence[tuple[Stack, str, str]], world: World) -> Survey:
    """Return the flows of Glue workflows, whose triggers may stand in other stacks, and of triggers outside of any."""
    triggers: dict[str, list[dict[str, Any]]] = defaultdict(list)
    workflows: dict[str, tuple[str, Where, dict[str, str]]] = {}
    places: dict[int, Where] = {}
    for stack, logical_id, kind in resources:
        at = stack.template.where(logical_id)
        if kind == "AWS::Glue::Workflow":
            name = stack.physical_name(logical_id)
            workflows[filled(name, world.values)] = name, at, jobs.run_properties(stack, logical_id)
        elif kind in {"AWS::Glue::Trigger", "AWS::Scheduler::Schedule"}:
            read = jobs.trigger if kind == "AWS::Glue::Trigger" else jobs.schedule
            if (found := read(stack, logical_id)) is not None:
                places[id(found)] = at
                triggers[filled(str(found.get("WorkflowName") or ""), world.values)].append(found)
    survey = Survey()
    for group in connected_triggers(triggers.pop("", [])):
        first = min(group, key=lambda trigger: str(trigger["Name"]))
        survey += workflow_flow(first["Name"], group, at=places[id(first)])
    for key in dict.fromkeys((*workflows, *triggers)):
        own = triggers[key]
        name, at, properties = workflows.get(key) or (str(own[0]["WorkflowName"]), places[id(own[0])], {})
        survey += workflow_flow(name, own, at=at, run_properties=properties)
    return survey
