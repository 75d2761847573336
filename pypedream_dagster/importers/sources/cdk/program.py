"""What a CDK program's code makes, found by walking it; nothing of it is run."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pypedream_dagster.importers.parameters import parameter
from pypedream_dagster.importers.sources.airflow.libraries import Libraries
from pypedream_dagster.importers.sources.airflow.modules import Gathered, Modules
from pypedream_dagster.importers.sources.airflow.natives import NotNativeError, has_method
from pypedream_dagster.importers.sources.airflow.pipeline import Label
from pypedream_dagster.importers.sources.airflow.values import (
    MISSING,
    ClassValue,
    Decorated,
    Frame,
    Function,
    Instance,
    Module,
    Symbol,
    Unknown,
    Value,
    named,
)
from pypedream_dagster.importers.sources.cdk import script
from pypedream_dagster.importers.sources.cdk.calls import attribute, chained, constructed, told_of
from pypedream_dagster.importers.sources.cdk.constructs import Asset, Chain, Construct, State, camel, snake
from pypedream_dagster.importers.sources.cdk.functions import Closure
from pypedream_dagster.importers.sources.cdk.resources import resource_type
from pypedream_dagster.importers.sources.cdk.states import is_state
from pypedream_dagster.importers.sources.cdk.tokens import UntoldError
from pypedream_dagster.importers.sources.cdk.typescript import parsed_typescript
from pypedream_dagster.importers.survey import Problem, Where

TYPESCRIPT = (".ts", ".js", ".mjs")
_LIBRARY = re.compile(r"^(aws_cdk|constructs|cdk_)")
_STRUCT = re.compile(r"(Property|Props|Options|Config)$")


@dataclass(slots=True)
class Made:
    """All that programs make.

    Attributes:
        constructs: those that become resources of interest.
        context: values that ``cdk.json`` gives.
        ids: that are taken.
    """

    constructs: list[Construct] = field(default_factory=list)
    context: Mapping[str, Value] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)


class Program(Modules):
    """Walks one program and what it imports."""

    def __init__(self, gathered: Gathered, made: Made) -> None:
        super().__init__(gathered)
        self.made = made
        self.libraries: Libraries = gathered.libraries

    @property
    def in_script(self) -> bool:
        """Tell whether the code that is being walked is TypeScript."""
        return self.frame.module.path.endswith(TYPESCRIPT)

    def loaded(self, path: str) -> Module:
        """Return a module of the given files, walked if it was not yet."""
        if not path.endswith(TYPESCRIPT) or path in self.gathered.modules:
            return super().loaded(path)
        file = self.libraries.workspace.file(path)
        module = self.gathered.modules[path] = Module(path, posixpath.basename(path).partition(".")[0])
        try:
            module.tree = parsed_typescript(file.text if file is not None else "")
        except (UntoldError, RecursionError) as error:
            self.gathered.problems.append(Problem(Where(path), f"cannot be read as TypeScript: {error}"))
            return module
        outer = self.frame, self.line
        self.frame = Frame(module, module.names)
        try:
            self.module_body(module.tree.body)
        finally:
            self.frame, self.line = outer
        return module

    def imported(self, dotted: str, level: int) -> Value:
        """Return an imported module, a given file's or a name only."""
        if not self.in_script:
            return super().imported(dotted, level)
        if dotted.startswith("."):
            near = posixpath.normpath(posixpath.join(posixpath.dirname(self.frame.module.path), dotted))
            for ending in ("", *TYPESCRIPT, "/index.ts", "/index.js"):
                bare = near.removesuffix(".js") if ending else near
                if (file := self.libraries.workspace.file(f"{bare}{ending}")) is not None:
                    return self.loaded(file.path) if file.path.endswith(TYPESCRIPT) else _data(file.text)
            return Symbol(posixpath.basename(dotted))
        name = dotted.replace("aws-cdk-lib", "aws_cdk").removeprefix("@").replace("/", ".").replace("-", "_")
        return Symbol(name)

    def value(self, node: ast.expr) -> Value:
        """Return what an expression is."""
        if isinstance(node, Closure):
            self.step()
            return Function(node.definition, self.frame, self.defaults(node.definition.args))
        if isinstance(node, ast.Name) and self.in_script and node.id in {"__dirname", "process"}:
            return Symbol("process") if node.id == "process" else posixpath.dirname(self.frame.module.path) or "."
        found = super().value(node)
        if isinstance(node, ast.BoolOp) and isinstance(found, Unknown) and found.default not in (MISSING, "", None):
            self.libraries.declare(found.name, found.default)  # process.env.STAGE || 'dev'
        return found

    def attribute(self, owner: Value, name: str) -> Value:
        """Return an attribute; in TypeScript, a field of an object too."""
        if self.in_script:
            if isinstance(owner, Symbol) and owner.name == "process.env":
                return self.libraries.outside(f"env.{name}")
            if isinstance(owner, dict) and name in owner:
                return owner[name]
            if name == "length" and (found := script.length(owner)) is not MISSING:
                return found
            if isinstance(owner, dict) and not has_method(owner, name):
                return None
        return super().attribute(owner, name)

    def set_attribute(self, owner: Value, name: str, value: Value) -> None:
        """Assign to an attribute."""
        match owner:
            case dict() if self.in_script:
                self.note(owner, name)
                owner[name] = value
            case Construct():
                owner.properties[camel(name)] = value
            case _:
                super().set_attribute(owner, name, value)

    def symbol_call(self, symbol: Symbol, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a call of something of the CDK's or a library's gives; MISSING if it is not known."""
        name, last = symbol.name, symbol.last
        if self.in_script:
            if last == "require" and positional and isinstance(positional[0], str):
                return self.imported(positional[0], 0)
            found = script.function(name, positional, self._text_of)
            if found is not MISSING:
                return found
        if not _LIBRARY.match(name):
            if last == "__init__" and positional and isinstance(positional[0], Instance):
                self.construct(positional[0], positional[1:], keywords)
                return None
            try:
                return self.libraries.call(name, positional, keywords, self.frame.module.path)
            except NotNativeError:
                return MISSING
        service, _, kind = name.rpartition(".")
        if last[:1].isupper():
            return self._made(kind, service, positional, keywords)
        return told_of(self, service, snake(last), positional, keywords)

    def _text_of(self, path: str) -> str | None:
        file = self.libraries.workspace.config(path, self.frame.module.path)
        return file.text if file is not None else None

    def _made(self, kind: str, service: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        given = {camel(key): value for key, value in keywords.items() if key not in {"scope", "id"}}
        told = positional[2] if len(positional) > 2 and isinstance(positional[2], dict) else {}
        scope = positional[0] if positional else keywords.get("scope")
        named = positional[1] if len(positional) > 1 else keywords.get("id")
        if kind in {"App", "Stage"} and named is None:
            return Construct(kind, service, kind, self.where)
        if _STRUCT.search(kind) or (not positional and not isinstance(named, str)):
            return {**(positional[0] if positional and isinstance(positional[0], dict) else {}), **given}
        if isinstance(scope, dict) and len(positional) == 1:
            return {**scope, **given}
        label = str(named) if named is not None else kind
        return self.construct_of(kind, service, label, scope, {**told, **given})

    def construct_of(
        self, kind: str, service: str, label: str, scope: Value, properties: dict[str, Value]
    ) -> Construct | State | Asset:
        """Return a new construct."""
        if kind == "Asset" and (path := properties.get("path")) is not None:
            return Asset(str(path))
        if is_state(kind, service):
            return State(self._free(label, scope, spaced=True), kind, self.where, properties)
        above = scope.core if isinstance(scope, Instance) else scope
        within = above if isinstance(above, Construct) else None
        made = Construct(kind, service, label, self.where, properties, resource_type(kind, service), within)
        if made.type:
            made.id = self._free(label, scope)
            self.made.constructs.append(made)
        return made

    def _free(self, label: str, scope: Value, *, spaced: bool = False) -> str:
        """Return an id that nothing else has."""
        bare = label if spaced else re.sub(r"[^A-Za-z0-9]", "", label) or "Resource"
        above = scope.core if isinstance(scope, Instance) else scope
        wanted = [bare]
        if isinstance(above, Construct):
            wanted.append(f"{re.sub(r'[^A-Za-z0-9]', '', above.id)}{bare}")
        wanted += [f"{bare}{number}" for number in range(2, len(self.made.ids) + 3)]
        found = next(one for one in wanted if one not in self.made.ids)
        self.made.ids.add(found)
        return found

    def construct(self, instance: Instance, positional: list[Value], keywords: dict[str, Value]) -> None:
        """Make an instance the construct that its first class outside of the given files says."""
        root = instance.of.root
        if root is None or instance.core is not None or not _LIBRARY.match(root.name):
            return
        service, _, kind = root.name.rpartition(".")
        made = self._made(kind, service, positional, keywords)
        if isinstance(made, Construct | State | Asset):
            instance.core = made

    def method_call(self, owner: Value, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a method of the CDK's or of JavaScript's gives; MISSING if it is not known."""
        if isinstance(owner, Instance) and owner.core is not None:
            owner = owner.core
        match owner:
            case State() | Chain():
                return chained(owner, snake(name), positional, keywords)
            case Construct():
                return constructed(self, owner, snake(name), positional, keywords)
            case str() if self.in_script:
                try:
                    return script.text_method(owner, name, positional)
                except NotNativeError:
                    return MISSING
            case list() | tuple() if self.in_script:
                return script.list_method(owner, name, positional, lambda f, given: self.call(f, given, {}))
            case Unknown() if self.in_script and name in script.LOOPS:
                items = self.iterated(owner)  # of what is not known, one that is not known
                return script.list_method(items, name, positional, lambda f, given: self.call(f, given, {}))
        return MISSING

    def attribute_of(self, owner: Value, name: str) -> Value:
        """Return an attribute of something of the CDK's; MISSING if it is not known."""
        match owner:
            case Symbol() if owner.last == "Aws":
                known = {"ACCOUNT_ID": "AWS::AccountId", "REGION": "AWS::Region", "PARTITION": "AWS::Partition"}
                return parameter(known[name]) if name in known else MISSING
            case Construct() | Asset() | State() | Chain():
                return attribute(owner, name)
        return MISSING

    def item_of(self, owner: Value, key: Value) -> Value:
        """Return an item of something that is no container; MISSING if it is not known."""
        if isinstance(owner, Symbol) and owner.name in {"process.env", "os.environ"}:
            return self.libraries.outside(f"env.{named(key)}")
        return MISSING

    def decorated_call(self, decorated: Decorated, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Call a function that Airflow decorates: as it is, since nothing of Airflow's is here."""
        return self.call(decorated.function, positional, keywords)

    def opened(self, context: Value) -> Value:
        """Enter a context and return what it is bound to."""
        return context

    def closed(self, context: Value) -> None:
        """Leave a context."""

    def standing_for(self, value: Unknown | Symbol) -> Label:  # noqa: ARG002 - nothing is ordered by an operator
        """Return the one thing that order through an unknown value goes through."""
        return Label()

    def stands_alone(self, of: ClassValue) -> None:
        """Make one of a class that nothing makes one of: what it is given is not known."""
        if of.root is not None and _LIBRARY.match(of.root.name):
            app = Construct("App", "aws_cdk", "App", self.where)
            self.instance(of, [app, of.name], {})


def _data(text: str) -> Value:
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return Unknown("file")
