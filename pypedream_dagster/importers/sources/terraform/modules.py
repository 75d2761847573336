"""Terraform's modules: folders of files, which call one another with inputs. Each call is an instance of its own."""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.terraform import terragrunt
from pypedream_dagster.importers.sources.terraform.documents import Block, read_document
from pypedream_dagster.importers.sources.terraform.environments import chosen, production_of
from pypedream_dagster.importers.sources.terraform.evaluate import Budget
from pypedream_dagster.importers.sources.terraform.expressions import Constant, Expression

_CODE = (".tf", ".tf.json")
_VALUES = (".tfvars", ".tfvars.json")
_SELF_APPLIED = re.compile(r"(^|/)(terraform\.tfvars(\.json)?|[^/]*\.auto\.tfvars(\.json)?)$")


@dataclass(slots=True)
class Module:
    """A folder of Terraform files.

    Attributes:
        values: of its variables, from the ``.tfvars`` that apply to it.
    """

    folder: str
    resources: dict[tuple[str, str], Block] = field(default_factory=dict)
    data: dict[tuple[str, str], Block] = field(default_factory=dict)
    variables: dict[str, Block] = field(default_factory=dict)
    outputs: dict[str, Block] = field(default_factory=dict)
    calls: dict[str, Block] = field(default_factory=dict)
    locals: dict[str, Expression] = field(default_factory=dict)
    providers: list[Block] = field(default_factory=list)
    values: dict[str, Expression] = field(default_factory=dict)

    def add(self, block: Block) -> None:
        """Take in a block of one of its files."""
        match block.kind, block.labels:
            case "resource", (kind, name):
                self.resources.setdefault((kind, name), block)
            case "data", (kind, name):
                self.data.setdefault((kind, name), block)
            case "variable", (name,):
                self.variables.setdefault(name, block)
            case "output", (name,):
                self.outputs.setdefault(name, block)
            case "module", (name,):
                self.calls.setdefault(name, block)
            case "locals", ():
                self.locals = {**block.body.attributes, **self.locals}
            case "provider", _:
                self.providers.append(block)

    @property
    def blocks(self) -> Iterator[Block]:
        """All blocks that were looked at."""
        for group in (self.resources, self.data, self.variables, self.outputs, self.calls):
            yield from group.values()


@dataclass(slots=True)
class World:
    """All that is given.

    Attributes:
        modules: by folder.
        texts: of all files, by path.
        variables: values that a person gives.
        values: of the unknown parts of texts, as they come to be known.
        roots: the modules that no other calls; of those that deploy one pipeline for several environments, one.
        remarks: what was left out of that, by file or folder.
    """

    modules: Mapping[str, Module]
    texts: Mapping[str, str]
    variables: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    qualified: frozenset[tuple[str, str]] = frozenset()
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    roots: Sequence[Module] = ()
    remarks: list[tuple[str, str]] = field(default_factory=list)

    def folder_of(self, call: Block, folder: str) -> str | None:
        """Return the folder of the module that is called, if it is among those given."""
        source = call.body.attributes.get("source")
        if not isinstance(source, Constant) or not isinstance(source.value, str):
            return None
        place = source.value
        if place.startswith("."):
            found = posixpath.normpath(posixpath.join(folder, place))
            return found if found in self.modules else None
        # A repository that takes its own modules by their address.
        inner = re.search(r"(?:github|gitlab|bitbucket|git@|git::|codecommit).*?[^:]//([\w./-]+)", place)
        ending = inner[1].strip("/") if inner else ""
        alike = [one for one in self.modules if ending and (one == ending or one.endswith(f"/{ending}"))]
        return alike[0] if len(alike) == 1 else None

    def file(self, path: str, *folders: str) -> str | None:
        """Return the file that a path names, seen from some folders; else the only one whose path ends so."""
        for folder in folders:
            found = posixpath.normpath(posixpath.join(folder, path))
            if found in self.texts:
                return found
        bare = re.sub(r"^(\.{0,2}/)+", "", posixpath.normpath(path))
        alike = [one for one in self.names.get(posixpath.basename(bare), ()) if f"/{one}".endswith(f"/{bare}")]
        return alike[0] if len(alike) == 1 else None


def read_world(files: Sequence[SourceFile], variables: Mapping[str, str]) -> World:
    """Return the modules among some files."""
    modules: defaultdict[str, Module] = defaultdict(lambda: Module(""))
    for file in files:
        if file.path.endswith(_CODE):
            folder = posixpath.dirname(file.path)
            module = modules[folder]
            module.folder = folder
            for block in read_document(file).blocks:
                module.add(block)
    own = {folder: module.variables for folder, module in modules.items()}
    terragrunt_files = {posixpath.dirname(file.path): file for file in files if file.name == terragrunt.NAME}
    for folder, blocks in terragrunt.calls(terragrunt_files, own).items():
        modules[folder].folder = folder
        for block in blocks:
            modules[folder].add(block)
    texts = {file.path: file.text for file in files}
    names: defaultdict[str, list[str]] = defaultdict(list)
    for path in texts:
        names[posixpath.basename(path)].append(path)
    world = World(dict(modules), texts, variables, names=names)
    left = _choose_roots(world)
    values = [file for file in files if file.path.endswith(_VALUES) and posixpath.dirname(file.path) not in left]
    _apply_values(world, values)
    world.qualified = _ambiguous(world)
    return world


def _choose_roots(world: World) -> set[str]:
    """Find the modules to begin with, and return the folders of those that deploy the same elsewhere."""
    uncalled = {module.folder: module for module in _uncalled(world)}
    groups = chosen({folder: frozenset(_deployed(module)) for folder, module in uncalled.items()})
    world.roots = [uncalled[folder] for folder in sorted(groups)]
    for folder, others in groups.items():
        world.remarks += (
            (
                other,
                f"left out, since {folder} deploys the same for another environment; import it by itself to have it",
            )
            for other in others
        )
    return {other for others in groups.values() for other in others}


def _deployed(module: Module) -> Iterator[str]:
    yield from (f"{kind}.{name}" for kind, name in module.resources)
    yield from (f"module.{name}" for name in module.calls)


def _uncalled(world: World) -> list[Module]:
    called = {
        folder
        for module in world.modules.values()
        for call in module.calls.values()
        if (folder := world.folder_of(call, module.folder)) is not None and folder != module.folder
    }
    found = [module for folder, module in sorted(world.modules.items()) if folder not in called]
    return found or [module for _, module in sorted(world.modules.items())]


def _apply_values(world: World, files: Sequence[SourceFile]) -> None:
    """Give each root the values of the files that Terraform would read, and of one that it could be given."""
    known = world.roots
    own_values: defaultdict[str, list[SourceFile]] = defaultdict(list)
    others: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in sorted(files, key=lambda one: one.path):
        folder = posixpath.dirname(file.path)
        own = next((module for module in known if module.folder == folder), None)
        if own and _SELF_APPLIED.search(file.path):
            own_values[own.folder].append(file)
        elif root := own or _nearest(folder, known):
            others[root.folder].append(file)
    for module in known:
        for file in [*own_values[module.folder], *_likely(others[module.folder], world)]:
            for name, value in read_document(file).attributes.items():
                module.values[name] = value


def _likely(files: Sequence[SourceFile], world: World) -> Sequence[SourceFile]:
    """Return, of files with values of which a person would name one, the one for production, or the only one."""
    if len(files) < 2:
        return files
    taken = production_of([file.path for file in files])
    rest = ", ".join(file.path for file in files if file.path != taken)
    if taken:
        world.remarks.append((taken, f"its values are taken, and not those of {rest}: --variables FILE takes others"))
    else:
        world.remarks.append((files[0].path, f"no values are taken from any of {rest}: --variables FILE takes them"))
    return [file for file in files if file.path == taken]


def _nearest(folder: str, known: Sequence[Module]) -> Module | None:
    above = [module for module in known if not module.folder or f"{folder}/".startswith(f"{module.folder}/")]
    if above:
        return max(above, key=lambda module: len(module.folder))
    return known[0] if len(known) == 1 else None


def _ambiguous(world: World) -> frozenset[tuple[str, str]]:
    """Return what has to be named with its folder: it may mean something else in another root."""
    known = world.roots
    if len(known) < 2:
        return frozenset()
    addresses: Counter[str] = Counter()
    values: defaultdict[str, list[Expression | None]] = defaultdict(list)
    for module in known:
        addresses.update(f"{kind}.{name}" for kind, name in module.resources)
        addresses.update(f"data.{kind}.{name}" for kind, name in module.data)
        addresses.update(f"module.{name}" for name in module.calls)
        for name, block in module.variables.items():
            values[name].append(module.values.get(name) or block.body.attributes.get("default"))
    several = {address for address, count in addresses.items() if count > 1}
    for name, declared in values.items():
        same = all(value is not None and value == declared[0] for value in declared)
        if len(declared) > 1 and not same and not {name, f"var.{name}"} & set(world.variables):
            several.add(f"var.{name}")
    return frozenset((module.folder, name) for module in known for name in several)
