"""Templates as stacks: parameters bound by the parent, resources by their names, exports found by each other.

A template that others nest is read once for each time that they do, with the parameters that they pass.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.importers.cloudformation import physical
from pypedream_dagster.importers.cloudformation.intrinsics import NO_VALUE, holds, resolve, text_of
from pypedream_dagster.importers.cloudformation.locations import Paths
from pypedream_dagster.importers.cloudformation.templates import Json, Template
from pypedream_dagster.importers.parameters import PARAMETER, filled, parameter, parameters_in
from pypedream_dagster.masking.mask import is_secret

_STACK_NAME = "AWS::StackName"
# China and GovCloud have others; a variables file may say so.
_PSEUDO = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
_DEEPEST = 40
_MOST_STACKS = 2_000
_MADE = re.compile(r"packag|transformed|(^|/)(\.aws-sam|\.serverless|build|dist)/", re.IGNORECASE)
_SAYS_LITTLE = {"cfn", "cloudformation", "index", "main", "packaged", "serverless", "stack", "template"}


@dataclass(eq=False, slots=True)
class World:
    """All stacks of an import.

    Attributes:
        variables: what the user's file says.
        values: of parameters that texts hold, as far as they have defaults.
        ambiguous: names that mean different things in different stacks: each is qualified by its stack.
        repeated: logical ids that stand in several stacks: alone, they name nothing.
        undecided: conditions whose true side was taken, with their stacks.
    """

    variables: Mapping[str, str]
    paths: Paths
    stacks: list[Stack] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    ambiguous: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()
    undecided: dict[tuple[str, str], None] = field(default_factory=dict)
    exports: dict[str, list[tuple[Stack, Any]]] = field(default_factory=lambda: defaultdict(list))
    stored: dict[str, tuple[Stack, Any]] = field(default_factory=dict)
    open: list[tuple[Stack, str]] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Stack:
    """A template with what its parameters are bound to; a scope for its functions."""

    world: World
    template: Template
    name: str
    bound: Mapping[str, tuple[Stack, Any]] = field(default_factory=dict)
    children: dict[str, Stack] = field(default_factory=dict)
    _names: dict[str, str | None] = field(default_factory=dict)

    def resolved(self, value: Any) -> Any:
        """Return a value of the template with its functions worked out."""
        found = resolve(value, self)
        return None if found is NO_VALUE else found

    def text(self, value: Any) -> str:
        """Return a value of the template as text."""
        return text_of(self.resolved(value))

    def filled(self, text: str) -> str:
        """Return a text with those of its parts put in that have defaults."""
        return filled(text, self.world.values)

    def properties(self, logical_id: str) -> dict[str, Any]:
        """Return a resource's properties, worked out."""
        found = self.resolved(self.template.resources[logical_id].get("Properties"))
        return found if isinstance(found, dict) else {}

    def physical_name(self, logical_id: str) -> str:
        """Return what a resource is called: as its properties say, else its logical id."""
        resource = self.template.resources[logical_id]
        if logical_id not in self._names:
            raw: Any = resource.get("Properties")
            for step in physical.name_property(resource["Type"]):
                raw = raw.get(step) if isinstance(raw, Mapping) else None
            self._names[logical_id] = None  # in a circle of names, the logical id
            self._names[logical_id] = self.text(raw).strip() or None
        found = self._names[logical_id]
        if found is not None:
            return found
        if resource["Type"] == physical.BUCKET:
            return self._named(logical_id)
        return f"{self.name}-{logical_id}" if logical_id in self.world.ambiguous else logical_id

    def is_named(self, logical_id: str) -> bool:
        """Tell whether a resource's properties name it."""
        raw: Any = self.template.resources[logical_id].get("Properties")
        for step in physical.name_property(self.template.resources[logical_id]["Type"]):
            raw = raw.get(step) if isinstance(raw, Mapping) else None
        return raw not in (None, "")

    def ref(self, name: str) -> Any:
        """See `intrinsics.Scope`."""
        if name in self.bound:
            owner, raw = self.bound[name]
            return owner._guarded(f"parameter {name}", lambda: resolve(raw, owner), self._named(name))
        if name in self.template.resources:
            kind = self.template.resources[name]["Type"]
            return physical.reference(kind, self.physical_name(name))
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in _PSEUDO and name not in self.world.variables:
            return _PSEUDO[name]
        declared = self.template.parameters.get(name)
        if isinstance(declared, Mapping):
            return self._parameter(name, declared)
        return self._named(name)

    def attribute(self, logical_id: str, name: str) -> Any:
        """See `intrinsics.Scope`."""
        resource = self.template.resources.get(logical_id)
        if resource is None:
            return parameter(f"{logical_id}.{name}")
        if resource["Type"] in physical.NESTED and name.startswith("Outputs."):
            child = self.children.get(logical_id)
            output = child.template.outputs.get(name.removeprefix("Outputs.")) if child else None
            if child is not None and isinstance(output, Mapping):
                value = output.get("Value")
                return child._guarded(
                    f"output {name}", lambda: resolve(value, child), parameter(f"{logical_id}.{name}")
                )
            return parameter(f"{logical_id}.{name}")
        known = physical.attribute(resource["Type"], self.physical_name(logical_id), name)
        return known if known is not None else parameter(f"{logical_id}.{name}")

    def imported(self, name: str) -> Any:
        """See `intrinsics.Scope`."""
        candidates = self.world.exports.get(name) or self.world.exports.get(_pattern(name), [])
        if len(candidates) != 1 and (known := self.known(name)) is not None:
            candidates = self.world.exports.get(known, [])
        if len(candidates) != 1:
            return parameter(name)
        owner, raw = candidates[0]
        return owner._guarded(f"export {name}", lambda: resolve(raw, owner), parameter(name))

    def mapping(self, name: str) -> Mapping[str, Any] | None:
        """See `intrinsics.Scope`."""
        found = self.template.mappings.get(name)
        return found if isinstance(found, Mapping) else None

    def condition(self, name: str) -> bool | None:
        """See `intrinsics.Scope`."""
        raw = self.template.conditions.get(name)
        found = self._guarded(f"condition {name}", lambda: holds(raw, self), None)
        return found if isinstance(found, bool) else None

    def known(self, text: str) -> str | None:
        """See `intrinsics.Scope`."""
        found = filled(text, self.world.values)
        return None if PARAMETER.search(found) else found

    def secret_or_parameter(self, service: str, name: str) -> str:
        """See `intrinsics.Scope`."""
        if service != "ssm":
            return parameter(f"{service}:{name}")
        path, _, version = name.rpartition(":")
        name = path if version.isdigit() else name
        if name in self.world.stored:
            owner, raw = self.world.stored[name]
            found = owner._guarded(f"stored {name}", lambda: text_of(resolve(raw, owner)), None)
            if isinstance(found, str):
                return found
        return parameter(f"ssm:{name.strip('/')}")

    def undecided(self, condition: str) -> None:
        """See `intrinsics.Scope`."""
        self.world.undecided[self.template.path, condition] = None

    def _parameter(self, name: str, declared: Json) -> str:
        default = self.world.variables.get(name, resolve(declared.get("Default"), self))
        if str(declared.get("Type", "")).startswith("AWS::SSM::Parameter::Value") and default is not None:
            return self.secret_or_parameter("ssm", text_of(default))
        text = self._named(name)
        if default is not None and not declared.get("NoEcho") and not is_secret(name, text_of(default)):
            for key in parameters_in(text):
                self.world.values.setdefault(key, self.world.variables.get(key, text_of(default)))
        return text

    def _named(self, name: str) -> str:
        return parameter(f"{self.name}.{name}" if name in self.world.ambiguous else name)

    def _guarded(self, what: str, work: Any, otherwise: Any) -> Any:
        """Do what may lead from stack to stack, but for circles and chains without end."""
        here = (self, what)
        if here in self.world.open or len(self.world.open) > _DEEPEST:
            return otherwise
        self.world.open.append(here)
        try:
            return work()
        finally:
            self.world.open.pop()


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
    world.ambiguous = _ambiguous(world.stacks)
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
        path = world.paths.meant(alone.filled(said).partition("?")[0], template.path) if said else None
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


def _ambiguous(stacks: Sequence[Stack]) -> frozenset[str]:
    """Return the names that mean different things in different stacks: other defaults, or resources without names."""
    meanings: dict[str, set[Any]] = defaultdict(set)
    for stack in stacks:
        for name, declared in stack.template.parameters.items():
            if name not in stack.bound and isinstance(declared, Mapping) and declared.get("Default") is not None:
                meanings[name].add(text_of(declared["Default"]))
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
                for key in dict.fromkeys((name, stack.known(name) or name, _pattern(name))):
                    world.exports[key].append((stack, output.get("Value")))
        for logical_id, resource in stack.template.resources.items():
            raw = resource.get("Properties")
            if resource["Type"] == "AWS::SSM::Parameter" and isinstance(raw, Mapping) and "Value" in raw:
                name = stack.physical_name(logical_id)
                for key in (name, stack.known(name) or name):
                    world.stored.setdefault(key, (stack, raw["Value"]))


def _pattern(name: str) -> str:
    """Return an export's name with its unknown parts left open: a stack's name is told by no template."""
    return PARAMETER.sub("*", name)
