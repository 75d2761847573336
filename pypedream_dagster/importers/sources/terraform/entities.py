"""Resources, data sources and called modules, as references see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pypedream_dagster.importers.sources.terraform.attributes import identity
from pypedream_dagster.importers.sources.terraform.contents import attempt, contents_of
from pypedream_dagster.importers.sources.terraform.documents import Block
from pypedream_dagster.importers.sources.terraform.evaluate import Scope, evaluate
from pypedream_dagster.importers.sources.terraform.expressions import Expression
from pypedream_dagster.importers.sources.terraform.values import Unknown, label, text_of

_NAMES = ("job_name", "workflow_name", "crawler_name", "database_name", "table_name", "trigger_name", "function_name")

if TYPE_CHECKING:
    from pypedream_dagster.importers.sources.terraform.instances import Instance


@dataclass(slots=True)
class Resource:
    """A resource or data source, one turn of it."""

    instance: Instance
    block: Block
    local_address: str
    scope: Scope
    key: str | int | None = None

    @property
    def address(self) -> str:
        """What it is called, the same for the same everywhere."""
        address = self.instance.qualified(self.local_address)
        if self.key is None:
            return address
        return f"{address}[{self.key}]" if isinstance(self.key, int) else f"{address}[{text_of(self.key)}]"

    @property
    def kind(self) -> str:
        """Its type: ``aws_glue_job``."""
        return self.block.labels[0]

    @property
    def is_data(self) -> bool:
        """Tell whether it is a data source."""
        return self.block.kind == "data"

    def own(self, name: str) -> Any:
        """Return what an attribute is set to; None if it is not."""
        expression = self.block.body.attributes.get(name)
        if expression is None:
            block = next((block for block in self.block.body.blocks if block.kind == name), None)
            return contents_of(block.body, self.scope, f"{self.address}.{name}") if block else None
        key = (id(self.block), self.key, name)
        return self.instance.once(
            (self.local_address, label(self.key), name, key), lambda: evaluate(expression, self.scope)
        )

    def attribute(self, name: str) -> Any:
        """Return an attribute as others refer to it."""
        found = self.own(name)
        return identity(self, name) if found is None else found

    def render(self, text: str, names: Any) -> str:
        """Return a template with values put in."""
        return self.instance.render(text, names)

    def contents(self) -> dict[str, Any]:
        """Return all that is set, blocks as lists."""
        return contents_of(self.block.body, self.scope, self.address)


@dataclass(slots=True)
class Called:
    """A module, as its caller sees it."""

    caller: Instance
    local_address: str
    block: Block
    inputs: Mapping[str, tuple[Expression, Scope]]
    instance: Instance | None

    @property
    def address(self) -> str:
        """What it is called, the same for the same everywhere."""
        return self.caller.qualified(self.local_address)

    def attribute(self, name: str) -> Any:
        """Return an output."""
        if self.instance is None:
            return self._guessed(name)
        block = self.instance.module.outputs.get(name)
        if block is None or "value" not in block.body.attributes:
            return Unknown(f"{self.address}.{name}")
        inner = self.instance
        return inner.once(("output", name), lambda: evaluate(block.body.attributes["value"], inner))

    def _guessed(self, name: str) -> Any:
        """Return an output of a module that is not given, where it can only be one of the inputs."""
        wanted = _inputs_for(name, self.inputs)
        for one in wanted:
            if one in self.inputs:
                return attempt(lambda one=one: evaluate(*self.inputs[one]), Unknown(f"{self.address}.{name}"))  # type: ignore[misc]
        return Unknown(f"{self.address}.{name}")

    def contents(self) -> dict[str, Any]:
        """Return all inputs."""
        return {
            name: attempt(lambda one=one: evaluate(*one), Unknown(f"{self.address}.{name}"))  # type: ignore[misc]
            for name, one in self.inputs.items()
        }


def _inputs_for(output: str, inputs: Iterable[str]) -> Sequence[str]:
    """Return the inputs that an output may be, by the names that public modules give to both."""
    words = output.split("_")
    if output.endswith(("arn", "domain_name")):
        return ()
    if "bucket" in words:
        return ("bucket", "bucket_name")
    if "object" in words and words[-1] in {"id", "key"}:
        return ("key",)
    if "name" in words or output == "id":
        return (output, "name", *(one for one in sorted(inputs) if one.endswith(_NAMES)))
    return ()
