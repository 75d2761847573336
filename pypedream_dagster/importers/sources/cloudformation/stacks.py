"""A template as a stack: what its functions refer to, in itself, in its parent and in all other stacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.importers.parameters import PARAMETER, filled, parameter, parameters_in
from pypedream_dagster.importers.sources.cloudformation import physical
from pypedream_dagster.importers.sources.cloudformation.intrinsics import NO_VALUE, holds, resolve, text_of
from pypedream_dagster.importers.sources.cloudformation.locations import Paths
from pypedream_dagster.importers.sources.cloudformation.templates import Json, Template
from pypedream_dagster.masking.mask import is_secret

# China and GovCloud have others; a variables file may say so.
_PSEUDO = {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
_DEEPEST = 40


@dataclass(eq=False, slots=True)
class World:
    """All stacks of an import.

    Attributes:
        variables: what the user's file says.
        values: of parameters that texts hold, as far as they have defaults.
        ambiguous: names that mean different things in different stacks: each is qualified by its stack.
        repeated: logical ids that stand in several stacks: alone, they name nothing.
        undecided: conditions whose true side was taken, with their templates.
        exports: what stacks export, by name, with the stack that says so.
        stored: what stacks store in SSM parameters, by name.
        open: what is being worked out: what leads back to it is a circle.
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
        candidates = self.world.exports.get(name) or self.world.exports.get(export_pattern(name), [])
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


def export_pattern(name: str) -> str:
    """Return an export's name with its unknown parts left open: a stack's name is told by no template."""
    return PARAMETER.sub("*", name)
