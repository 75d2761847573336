"""A module as it is called: its variables bound, its resources counted out, its references resolved."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.importers.parameters import PARAMETER, parameter
from pypedream_dagster.importers.terraform.attributes import identity
from pypedream_dagster.importers.terraform.documents import Block, Body
from pypedream_dagster.importers.terraform.evaluate import (
    Budget,
    Scope,
    Within,
    evaluate,
    plain_or_same,
    step,
)
from pypedream_dagster.importers.terraform.expressions import Access, Call, Constant, Expression, Name, ObjectOf
from pypedream_dagster.importers.terraform.functions import call_function
from pypedream_dagster.importers.terraform.modules import Module, World
from pypedream_dagster.importers.terraform.parser import HclError, Parser, parse_template
from pypedream_dagster.importers.terraform.values import (
    EvaluationError,
    FileText,
    NotKnownError,
    Unknown,
    label,
    plain,
    text_of,
)
from pypedream_dagster.masking.mask import is_secret

_DEEPEST = 10
_FAULTS = (EvaluationError, RecursionError, ValueError, TypeError, LookupError, OverflowError)
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
        if root in {"each", "count", "self", "terraform"}:
            return Unknown(f"{root}.{label(first)}" if root == "terraform" else self.qualified(root)), keys[1:]
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
            except _FAULTS:
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
                return _typed(evaluate(*self.inputs[name]), kind, self)
            if "default" in declared:
                return _typed(evaluate(declared["default"], self), kind, self)
            return Unknown(address)
        given = self.world.variables.get(
            address, self.world.variables.get(f"var.{name}", self.world.variables.get(name))
        )
        if given is not None:
            value = _as_typed(given, kind)
        elif (expression := self.module.values.get(name) or declared.get("default")) is not None:
            value = _typed(evaluate(expression, self), kind, self)
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

    # Functions that need files.

    def call(self, function: str, arguments: Sequence[Any]) -> Any:
        """Return what a function gives."""
        match function, arguments:
            case "lookup", (collection, key, *default):
                try:
                    return step(collection, key, self)
                except NotKnownError:
                    raise
                except EvaluationError:
                    if default:
                        return default[0]
                    raise
            case "file", (path,):
                found = self._file(path)
                return FileText.of(self.world.texts[found], found)
            case "fileexists", (path,):
                return self.world.file(text_of(plain(path, self.values)), *self._folders) is not None
            case "templatefile", (path, names):
                return self.render_file(self._file(path), names)
            case "fileset", (folder, pattern):
                return self._files(text_of(plain(folder, self.values)), text_of(plain(pattern, self.values)))
        return call_function(function, arguments, self.values)

    @property
    def _folders(self) -> tuple[str, ...]:
        return ("", self.root.folder, self.module.folder)

    def _file(self, path: Any) -> str:
        wanted = text_of(plain(path, self.values))
        found = self.world.file(wanted, *self._folders)
        if found is None:
            raise EvaluationError(f"the file {wanted} is not among those given")
        return found

    def render_file(self, path: str, names: Any) -> FileText:
        """Return a template file with values put in; names that have none stay unknown parts."""
        return FileText.of(self.render(self.world.texts[path], names), path)

    def render(self, text: str, names: Any) -> str:
        """Return a template with values put in; names that have none stay unknown parts."""
        try:
            template = parse_template(text)
        except HclError as error:
            raise EvaluationError(str(error)) from error
        bound = Within(_Alone(self), names if isinstance(names, dict) else {})
        return text_of(evaluate(template, bound))

    def _files(self, folder: str, pattern: str) -> list[str]:
        patterns = {pattern, pattern.replace("**/", "")}
        if "{" in pattern and (start := pattern.index("{")) < (end := pattern.find("}")):
            patterns = {pattern[:start] + one + pattern[end + 1 :] for one in pattern[start + 1 : end].split(",")}
        # Terraform runs in the root's folder; a path that begins with path.module is one from where all files are.
        for start_folder in dict.fromkeys((self.root.folder, "", self.module.folder)):
            below = posixpath.normpath(posixpath.join(start_folder, folder))
            prefix = "" if below == "." else f"{below}/"
            inner = (path.removeprefix(prefix) for path in self.world.texts if path.startswith(prefix))
            if found := sorted(path for path in inner if any(_fits(path, one) for one in patterns)):
                return found
        raise NotKnownError("fileset")


def _fits(path: str, pattern: str) -> bool:
    return fnmatch.fnmatch(path, pattern) and ("**" in pattern or path.count("/") == pattern.count("/"))


@dataclass(frozen=True, slots=True)
class _Alone:
    """The scope of a template in a file: functions, and no names."""

    outer: Instance

    @property
    def budget(self) -> Budget:
        return self.outer.budget

    @property
    def values(self) -> Mapping[str, str]:
        return self.outer.values

    def resolve(self, root: str, keys: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        return Unknown(root), keys

    def call(self, function: str, arguments: Sequence[Any]) -> Any:
        return self.outer.call(function, arguments)


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
            return None
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
        for ending, wanted in (("bucket", ("bucket", "bucket_name")), ("name", (name, "name"))):
            if ending in name.split("_") and not name.endswith(("arn", "domain_name")):
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


def attempt(make: Callable[[], Any], otherwise: Any) -> Any:
    """Return a value, or something else where there is none."""
    try:
        return make()
    except _FAULTS:
        return otherwise


def contents_of(body: Body, scope: Scope, address: str) -> dict[str, Any]:
    """Return what is set in a body; blocks, dynamic ones too, are lists of such."""
    found: dict[str, Any] = {
        name: attempt(lambda one=one: evaluate(one, scope), Unknown(f"{address}.{name}"))  # type: ignore[misc]
        for name, one in body.attributes.items()
    }
    for block in body.blocks:
        if block.kind == "dynamic" and block.labels:
            name = block.labels[0]
            made = _dynamic(block, scope, address)
        else:
            name, made = block.kind, [contents_of(block.body, scope, f"{address}.{block.kind}")]
        before = found.get(name)
        found[name] = [*(before if isinstance(before, list) else []), *made]
    return found


def _dynamic(block: Block, scope: Scope, address: str) -> list[dict[str, Any]]:
    attributes = block.body.attributes
    given = attributes.get("iterator")
    iterator = given.name if isinstance(given, Name) else block.labels[0]
    content = next((one for one in block.body.blocks if one.kind == "content"), None)
    if content is None or "for_each" not in attributes:
        return []
    items = attempt(lambda: evaluate(attributes["for_each"], scope), Unknown(f"{address}.{iterator}"))
    turns = attempt(lambda: turns_of(items, numbered=True), [(label(items), items)])
    return [
        contents_of(
            content.body, Within(scope, {iterator: {"key": key, "value": value}}), f"{address}.{block.labels[0]}"
        )
        for key, value in turns
    ]


def turns_of(value: Any, *, numbered: bool = False) -> list[tuple[Any, Any]]:
    """Return the keys and values that ``for_each`` goes through.

    Raises:
        EvaluationError: they are not known.
    """
    match value:
        case dict():
            return sorted(value.items())
        case list() if numbered:
            return list(enumerate(value))
        case list():
            return [(text_of(item), item) for item in value]
    raise EvaluationError("for_each is not known")


def _typed(value: Any, kind: Expression | None, scope: Scope) -> Any:
    """Return a value with the defaults that its type gives to attributes that are left out."""
    match kind:
        case Call("object", (ObjectOf(items),)) if isinstance(value, dict):
            found = dict(value)
            for key, inner in items:
                name = text_of(key.value) if isinstance(key, Constant) else ""
                optional = inner.arguments if isinstance(inner, Call) and inner.function == "optional" else ()
                inner_kind = optional[0] if optional else inner
                if found.get(name) is None and optional:
                    found[name] = evaluate(optional[1], scope) if len(optional) > 1 else None
                if found.get(name) is not None:
                    found[name] = _typed(found[name], inner_kind, scope)
            return found
        case Call("map", (inner,)) if isinstance(value, dict):
            return {key: _typed(item, inner, scope) for key, item in value.items()}
        case Call("list" | "set" | "tuple", (inner,)) if isinstance(value, list):
            return [_typed(item, inner, scope) for item in value]
        case Name("number" | "bool") if isinstance(value, str):
            return plain_or_same(value, scope.values)
    return value


def _as_typed(given: str, kind: Expression | None) -> Any:
    """Return a value that was given as text, as its variable's type wants it."""
    if kind is None or kind == Name("string"):
        return given
    try:
        expression = Parser(given).expression()
    except (HclError, RecursionError):
        return given
    if isinstance(expression, Name | Access | Call):
        return given
    return attempt(lambda: evaluate(expression, Within(_NOTHING, {})), given)


@dataclass(frozen=True, slots=True)
class _Nothing:
    budget: Budget
    values: Mapping[str, str]

    def resolve(self, root: str, keys: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        return Unknown(root), keys

    def call(self, function: str, arguments: Sequence[Any]) -> Any:  # noqa: ARG002
        raise NotKnownError(function)


_NOTHING = _Nothing(Budget(1_000_000), {})
