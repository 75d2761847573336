"""All templates as stacks: nested below their parents, told apart where they call other things alike.

A template that others nest is read once for each time that they do, with the parameters that they pass.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pypedream_dagster.importers.sources.cloudformation import physical
from pypedream_dagster.importers.sources.cloudformation.intrinsics import text_of
from pypedream_dagster.importers.sources.cloudformation.locations import Paths
from pypedream_dagster.importers.sources.cloudformation.stacks import Stack, World, export_pattern
from pypedream_dagster.importers.sources.cloudformation.templates import Template

_DEEPEST = 40
_STACK_NAME = "AWS::StackName"
_MOST_STACKS = 2_000
_MADE = re.compile(r"packag|transformed|(^|/)(\.aws-sam|\.serverless|build|dist)/", re.IGNORECASE)
_SAYS_LITTLE = {"cfn", "cloudformation", "index", "main", "packaged", "serverless", "stack", "template"}


def build_world(templates: Sequence[Template], paths: Paths, variables: Mapping[str, str]) -> World:
    """Return the stacks of all templates, nested ones below their parents."""
    world = World(variables, paths)
    by_path = {template.path: template for template in templates}
    nested = {template.path: _nested(template, world, by_path) for template in templates}
    inner = {path for found in nested.values() for path in found.values()}
    names = _stack_names([template.path for template in templates])
    roots = [template for template in templates if template.path not in inner]
    reached = _below((template.path for template in roots), nested)
    # Those that nest each other in a circle are below no root.
    for template in (*_distinct(roots), *(one for one in templates if one.path not in reached)):
        if not any(stack.template is template for stack in world.stacks):
            _grow(world, Stack(world, template, names[template.path]), nested, by_path, (template.path,))
    world.ambiguous = _ambiguous(world.stacks, variables)
    counts = Counter(logical_id for stack in world.stacks for logical_id in stack.template.resources)
    world.repeated = frozenset(logical_id for logical_id, count in counts.items() if count > 1)
    _publish(world)
    return world


def _distinct(templates: Sequence[Template]) -> Iterator[Template]:
    """Give each template once: not its copies, and not what a build made of it, which deploys the same again."""
    kept: dict[frozenset[tuple[str, str]], list[Template]] = {}
    for template in sorted(templates, key=lambda template: bool(_MADE.search(template.path))):
        key = frozenset((logical_id, resource["Type"]) for logical_id, resource in template.resources.items())
        others = kept.setdefault(key, [])
        made = _MADE.search(template.path) and others
        if not made and all(other.resources != template.resources for other in others):
            others.append(template)
    known = {template.path for others in kept.values() for template in others}
    yield from (template for template in templates if template.path in known)


def _nested(template: Template, world: World, by_path: Mapping[str, Template]) -> dict[str, str]:
    """Return the paths of the templates that a template nests, by the logical id of the nested stack."""
    alone = Stack(World({}, world.paths), template, "")
    found: dict[str, str] = {}
    for logical_id, resource in template.resources.items():
        where = physical.NESTED.get(resource["Type"])
        if where is None:
            continue
        metadata = resource.get("Metadata")
        asset = metadata.get("aws:asset:path") if isinstance(metadata, Mapping) else None
        raw = resource.get("Properties")
        said = asset if isinstance(asset, str) else alone.text(raw.get(where) if isinstance(raw, Mapping) else None)
        said = alone.filled(said).partition("?")[0]
        path = (world.paths.asset(said, template.path) or world.paths.meant(said, template.path)) if said else None
        if path is not None and path in by_path and path != template.path:
            found[logical_id] = path
    return found


def _below(paths: Iterable[str], nested: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Return some templates' paths and those of all that they nest."""
    reached: set[str] = set()
    open_ = list(paths)
    while open_:
        path = open_.pop()
        if path not in reached:
            reached.add(path)
            open_ += nested[path].values()
    return reached


def _grow(
    world: World,
    stack: Stack,
    nested: Mapping[str, Mapping[str, str]],
    by_path: Mapping[str, Template],
    above: tuple[str, ...],
) -> None:
    world.stacks.append(stack)
    for logical_id, path in nested[stack.template.path].items():
        if path in above or len(above) > _DEEPEST or len(world.stacks) >= _MOST_STACKS:
            continue
        raw = stack.template.resources[logical_id].get("Properties")
        passed = raw.get("Parameters") if isinstance(raw, Mapping) else None
        bound = {name: (stack, value) for name, value in passed.items()} if isinstance(passed, Mapping) else {}
        child = Stack(world, by_path[path], f"{stack.name}.{logical_id}", bound)
        stack.children[logical_id] = child
        _grow(world, child, nested, by_path, (*above, path))


def _stack_names(paths: Sequence[str]) -> dict[str, str]:
    """Return a name for the stack of each template: its file's name, and of the folders what tells it apart."""
    names: dict[str, str] = {}
    for path in paths:
        *folders, file = path.split("/")
        stem = file.partition(".")[0]
        names[path] = folders[-1] if stem.lower() in _SAYS_LITTLE and folders else stem
    shared = {name for name, count in Counter(names.values()).items() if count > 1}
    return {path: path.rpartition(".")[0] if name in shared else name for path, name in names.items()}


def _ambiguous(stacks: Sequence[Stack], variables: Mapping[str, str]) -> frozenset[str]:
    """Return the names that mean different things in different stacks: other defaults, or resources without names."""
    meanings: dict[str, set[Any]] = defaultdict(set)
    for stack in stacks:
        for name, declared in stack.template.parameters.items():
            if name not in stack.bound and isinstance(declared, Mapping) and declared.get("Default") is not None:
                meanings[name].add(variables.get(name, text_of(declared["Default"])))
        for logical_id in stack.template.resources:
            if not stack.is_named(logical_id):
                meanings[logical_id].add(id(stack))
        if stack.template.named_by_stack:
            meanings[_STACK_NAME].add(id(stack))
    return frozenset(name for name, found in meanings.items() if len(found) > 1)


def _publish(world: World) -> None:
    """Note what stacks export and store for each other."""
    for stack in world.stacks:
        for output in stack.template.outputs.values():
            export = output.get("Export") if isinstance(output, Mapping) else None
            if isinstance(export, Mapping) and "Name" in export:
                name = stack.text(export["Name"])
                for key in dict.fromkeys((name, stack.known(name) or name, export_pattern(name))):
                    world.exports[key].append((stack, output.get("Value")))
        for logical_id, resource in stack.template.resources.items():
            raw = resource.get("Properties")
            if resource["Type"] == "AWS::SSM::Parameter" and isinstance(raw, Mapping) and "Value" in raw:
                name = stack.physical_name(logical_id)
                for key in (name, stack.known(name) or name):
                    world.stored.setdefault(key, (stack, raw["Value"]))
