"""A module as it is called: its variables bound, its resources counted out, its references resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.importers.parameters import PARAMETER, parameter
from pypedream_dagster.importers.sources.terraform.contents import FAULTS, attempt, turns_of
from pypedream_dagster.importers.sources.terraform.documents import Block, Body
from pypedream_dagster.importers.sources.terraform.entities import Called, Resource
from pypedream_dagster.importers.sources.terraform.evaluate import Budget, Scope, Within, evaluate
from pypedream_dagster.importers.sources.terraform.expressions import Constant, Expression
from pypedream_dagster.importers.sources.terraform.file_functions import Files
from pypedream_dagster.importers.sources.terraform.modules import Module, World
from pypedream_dagster.importers.sources.terraform.typed import as_typed, typed
from pypedream_dagster.importers.sources.terraform.values import EvaluationError, Unknown, label, plain, text_of
from pypedream_dagster.masking.mask import is_secret

_DEEPEST = 10
_LONGEST_SYMBOL = 300
_CALLED_FOR = {"source", "version", "providers", "for_each", "count", "depends_on"}


@dataclass(slots=True)
class Instance:
    """A module as one call makes it.

    Attributes:
        path: ``module.a.module.b``; empty for a root.
        root: the module that all began with.
        inputs: what the call binds, and in which scope.
    """

    world: World
    module: Module
    root: Module
    path: str = ""
    inputs: Mapping[str, tuple[Expression, Scope]] | None = None
    depth: int = 0
    _known: dict[Any, Any] = field(default_factory=dict, repr=False)
    _open: set[Any] = field(default_factory=set, repr=False)

    @property
    def budget(self) -> Budget:
        """What may still be evaluated."""
        return self.world.budget

    @property
    def values(self) -> Mapping[str, str]:
        """Of the unknown parts of texts."""
        return self.world.values

    def qualified(self, address: str) -> str:
        """Return what to call something of this module, the same nowhere else."""
        first = self.path.split("[")[0] if self.path else address
        names = {address, ".".join(first.split(".")[:2])}
        here = any((self.root.folder, name) in self.world.qualified for name in names)
        whole = f"{self.path}.{address}" if self.path else address
        return f"{self.root.folder or '.'}:{whole}" if here else whole

    # What references mean.

    def resolve(self, root: str, keys: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        """Return what a reference means, and the keys that lead on from there."""
        first = text_of(keys[0]) if keys and isinstance(keys[0], str) else None
        if root == "var" and first is not None:
            return self.once(("var", first), lambda: self._variable(first)), keys[1:]
        if root == "local" and first is not None:
            return self.once(("local", first), lambda: self._local(first)), keys[1:]
        if root == "module" and first is not None:
            return self.once(("module", first), lambda: self._called(first)), keys[1:]
        if root == "path":
            folder = self.module.folder if first == "module" else self.root.folder
            return folder or ".", keys[1:]
        if root == "data" and len(keys) > 1:
            return self.entities(self.module.data, "data.", text_of(keys[0]), text_of(keys[1])), keys[2:]
        if root == "terraform":
            name = f"{root}.{label(first)}"  # its workspace is what a person says it is
            return self.world.variables.get(name, Unknown(name)), keys[1:]
        if root in {"each", "count", "self"}:
            return Unknown(self.qualified(root)), keys[1:]
        if first is not None:
            return self.entities(self.module.resources, "", root, first), keys[1:]
        return Unknown(self.qualified(root)), keys

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what is made, made once; what has no value, or refers to itself, has a name."""
        if key not in self._known:
            if key in self._open:
                raise EvaluationError(f"{key} refers to itself")
            self._open.add(key)
            try:
                self._known[key] = make()
            except FAULTS:
                self._known[key] = Unknown(self.qualified(".".join(text_of(part) for part in key)))
            finally:
                self._open.discard(key)
        return self._known[key]

    def _local(self, name: str) -> Any:
        expression = self.module.locals.get(name)
        return Unknown(self.qualified(f"local.{name}")) if expression is None else evaluate(expression, self)

    def _variable(self, name: str) -> Any:
        block = self.module.variables.get(name)
        declared = block.body.attributes if block else {}
        kind = declared.get("type")
        address = self.qualified(f"var.{name}")
        if self.inputs is not None:
            if name in self.inputs:
                return typed(evaluate(*self.inputs[name]), kind, self)
            if "default" in declared:
                return typed(evaluate(declared["default"], self), kind, self)
            return Unknown(address)
        given = self.world.variables.get(
            address, self.world.variables.get(f"var.{name}", self.world.variables.get(name))
        )
        if given is not None:
            value = as_typed(given, kind)
        elif (expression := self.module.values.get(name) or declared.get("default")) is not None:
            value = typed(evaluate(expression, self), kind, self)
        else:
            return Unknown(address)
        if not isinstance(value, str) or len(value) > _LONGEST_SYMBOL or "\n" in value:
            return value
        if is_secret(name, value) or declared.get("sensitive") == Constant(True):
            return Unknown(address)
        shown = parameter(address)
        self.world.values[PARAMETER.sub(r"\1", shown)] = value
        return shown

    def entities(self, blocks: Mapping[tuple[str, str], Block], prefix: str, kind: str, name: str) -> Any:
        """Return a resource or data source: one, or a map or list of them."""
        block = blocks.get((kind, name))
        if block is None or (prefix and kind in {"aws_caller_identity", "aws_region", "aws_partition"}):
            address = f"{prefix}{kind}.{name}"
            return Resource(self, Block("data", (kind, name), "", 1, Body()), address, self)
        return self.once((prefix, kind, name), lambda: self._expanded(block, f"{prefix}{kind}.{name}"))

    def _expanded(self, block: Block, address: str) -> Any:
        entities = {key: Resource(self, block, address, scope, key) for key, scope in self.expansions(block, address)}
        if None in entities:
            return entities[None]
        return entities if "for_each" in block.body.attributes else list(entities.values())

    def expansions(self, block: Block, address: str) -> list[tuple[str | int | None, Scope]]:
        """Return the turns of a block that ``for_each`` or ``count`` repeats; one where that is not known."""
        return self.once(("turns", address), lambda: self._turns(block, address)) or []

    def _turns(self, block: Block, address: str) -> list[tuple[str | int | None, Scope]]:
        attributes = block.body.attributes
        unknown = Unknown(self.qualified(f"{address}.each"))
        if "for_each" in attributes:
            turns = attempt(lambda: turns_of(evaluate(attributes["for_each"], self)), None)
            if turns or (turns is not None and self.inputs is not None):
                return [(key, Within(self, {"each": {"key": key, "value": value}})) for key, value in turns]
            return [(None, Within(self, {"each": unknown}))]  # by default none: who writes the values has some
        if "count" in attributes:
            count = attempt(lambda: int(plain(evaluate(attributes["count"], self), self.values)), None)
            if count is not None and (count > 0 or self.inputs is not None):
                self.budget.spend(count)
                single = count == 1 and not isinstance(attributes["count"], Constant)
                turns_ = [(None, 0)] if single else [(turn, turn) for turn in range(count)]
                return [(key, Within(self, {"count": {"index": turn}})) for key, turn in turns_]
            return [(None, Within(self, {"count": {"index": 0}}))]
        return [(None, self)]

    # Modules that this one calls.

    def _called(self, name: str) -> Any:
        call = self.module.calls.get(name)
        if call is None:
            return Unknown(self.qualified(f"module.{name}"))
        found = dict(self.children(name, call))
        if None in found:
            return found[None]
        return found if "for_each" in call.body.attributes else list(found.values())

    def children(self, name: str, call: Block) -> list[tuple[str | int | None, Called]]:
        """Return the instances that one module call makes."""
        return self.once(("calls", name), lambda: list(self._children(name, call))) or []

    def _children(self, name: str, call: Block) -> Iterator[tuple[str | int | None, Called]]:
        folder = self.world.folder_of(call, self.module.folder) if self.depth < _DEEPEST else None
        for key, scope in self.expansions(call, f"module.{name}"):
            self.budget.spend(100)
            address = f"module.{name}" + ("" if key is None else f'["{key}"]')
            inputs = {one: (value, scope) for one, value in call.body.attributes.items() if one not in _CALLED_FOR}
            inner = None
            if folder is not None:
                path = f"{self.path}.{address}" if self.path else address
                inner = Instance(self.world, self.world.modules[folder], self.root, path, inputs, self.depth + 1)
            yield key, Called(self, address, call, inputs, inner)

    def call(self, function: str, arguments: Sequence[Any]) -> Any:
        """Return what a function gives."""
        return Files(self.world, (self.root.folder, self.module.folder), self).call(function, arguments)

    def render(self, text: str, names: Any) -> str:
        """Return a template with values put in; names that have none stay unknown parts."""
        return Files(self.world, (self.root.folder, self.module.folder), self).render(text, names)
