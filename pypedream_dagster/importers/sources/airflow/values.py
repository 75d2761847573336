"""What names hold while a DAG file is walked: Python's own values where they are known, and these where they are not.

An unknown value has a name. Within a string it stands as ``${name}`` (:mod:`importers.parameters`), so that strings
stay strings whatever is made of them.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pypedream_dagster.importers.parameters import parameter

Value: TypeAlias = Any
"""A str, number, bool, None, list, tuple, dict or set, or one of the classes of this package."""

LARGEST = 10_000
_LONGEST_NAME = 120


class _Missing:
    """Nothing was given."""


MISSING = _Missing()


def _bounded(name: str) -> str:
    """Return a name that stays short however it was put together, and as distinct as it was."""
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 10]}~{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that the code does not tell.

    Attributes:
        name: the same for the same value.
        default: what the code declares it to be where nothing else is said.
    """

    name: str
    default: Value = field(default=MISSING, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _bounded(self.name))

    def __str__(self) -> str:
        return parameter(self.name)


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something imported from a file that is not given, or built in, by its dotted name."""

    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _bounded(self.name))

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    def __str__(self) -> str:
        return parameter(self.name)


class EnumText(str):
    """The text that a member of an enumeration is, with the member's name."""

    __slots__ = ("member",)

    def __new__(cls, value: str, member: str) -> EnumText:
        """Return a member's text."""
        made = super().__new__(cls, value)
        made.member = member
        return made

    member: str


@dataclass(slots=True, eq=False)
class Module:
    """A file of the given ones, while and after it is walked."""

    path: str
    name: str
    names: dict[str, Value] = field(default_factory=dict)
    tree: ast.Module | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def fresh(self, hint: str) -> Unknown:
        """Return an unknown value of this file that is equal to no other."""
        name = _bounded(f"{self.name}.{hint}")
        count = self.counts[name] = self.counts.get(name, 0) + 1
        return Unknown(name if count == 1 else f"{name}#{count}")


@dataclass(slots=True, eq=False)
class Frame:
    """The names of a module, a function's call or a comprehension."""

    module: Module
    names: dict[str, Value]
    outer: Frame | None = None
    foreign: set[str] = field(default_factory=set)
    yields: list[Value] = field(default_factory=list)
    possible: list[Value] = field(default_factory=list)
    within: ClassValue | None = None

    def find(self, name: str) -> Value:
        """Return what a name holds; MISSING for one that is not bound."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            frame = frame.outer
        return self.module.names.get(name, MISSING)

    def bind(self, name: str, value: Value) -> None:
        """Bind a name, an outer one where it was declared so."""
        frame = self.outer
        if name in self.foreign:
            while frame is not None:
                if name in frame.names:
                    frame.names[name] = value
                    return
                frame = frame.outer
            self.module.names[name] = value
        else:
            self.names[name] = value


@dataclass(slots=True, eq=False)
class Function:
    """A function of the given files.

    Attributes:
        node: its code.
        frame: where it was defined.
        defaults: of its parameters, by name.
        static: whether it takes no ``self``.
        of_class: whether it takes the class instead.
        computed: whether it is a property.
        within: the class that it was defined in.
    """

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    frame: Frame
    defaults: dict[str, Value]
    static: bool = False
    of_class: bool = False
    computed: bool = False
    within: ClassValue | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return "lambda" if isinstance(self.node, ast.Lambda) else self.node.name


@dataclass(slots=True, eq=False)
class ClassValue:
    """A class of the given files."""

    name: str
    bases: tuple[Value, ...]
    members: dict[str, Value]
    module: Module

    def lineage(self) -> Iterator[ClassValue | Symbol]:
        """Give the class and what it inherits from, nearest first."""
        frontier: list[Value] = [self]
        for _ in range(50):
            if not frontier:
                return
            one = frontier.pop(0)
            if isinstance(one, ClassValue):
                yield one
                frontier += one.bases
            elif isinstance(one, Symbol):
                yield one

    @property
    def root(self) -> Symbol | None:
        """The first class of the lineage that is not of the given files, if it has one."""
        return next((c for c in self.lineage() if isinstance(c, Symbol) and c.last not in {"object", "ABC"}), None)

    @property
    def enumerated(self) -> dict[str, Value] | None:
        """The members of an enumeration by their names; None of another class."""
        if not any(isinstance(one, Symbol) and one.last.endswith(("Enum", "Flag")) for one in self.lineage()):
            return None
        return {k: v for k, v in self.members.items() if not k.startswith("_") and not isinstance(v, Function)}

    def member(self, name: str, after: ClassValue | None = None) -> Value:
        """Return a member, inherited ones too; those of classes after one of the lineage."""
        passed = after is None
        for one in self.lineage():
            if passed and isinstance(one, ClassValue) and name in one.members:
                return one.members[name]
            passed = passed or one is after
        return MISSING


@dataclass(slots=True, eq=False)
class Instance:
    """An object of a class of the given files; ``core`` is the DAG, task or group that it is, if it is one.

    Attributes:
        line: where it was made, in the file ``path``.
    """

    of: ClassValue
    path: str = ""
    line: int = 0
    attributes: dict[str, Value] = field(default_factory=dict)
    core: Value = None


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A function with what its first parameter is."""

    function: Function
    owner: Value


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """An attribute that is only of use when called."""

    owner: Value
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Super:
    """``super()`` of an instance, as seen from a class."""

    instance: Instance
    after: ClassValue


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """A callable with some of what it is given: ``functools.partial``, ``Operator.partial``, ``task.override``."""

    callee: Value
    positional: tuple[Value, ...]
    keywords: dict[str, Value]


@dataclass(frozen=True, slots=True, eq=False)
class Getter:
    """``operator.itemgetter`` or ``operator.attrgetter``: a callable that takes items or attributes of a value."""

    keys: tuple[Value, ...]
    of_attributes: bool


@dataclass(frozen=True, slots=True, eq=False)
class Decorated:
    """A function under one of Airflow's decorators: ``dag``, ``task``, ``task.branch``, ``task_group``, …."""

    kind: str
    function: Value
    keywords: dict[str, Value]


@dataclass(frozen=True, slots=True)
class OpenFile:
    """One of the given files, opened by the code."""

    path: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FilePath:
    """A ``pathlib.Path``."""

    text: str

    def __str__(self) -> str:
        return self.text


def is_open(value: Value) -> bool:
    """Tell whether a value is not known, or not wholly."""
    return isinstance(value, Unknown | Symbol) or (isinstance(value, str) and "${" in value)


def truth(value: Value) -> bool | None:
    """Return a value's truth; None if it cannot be told."""
    if isinstance(value, Unknown | Symbol):
        return None
    if isinstance(value, str | int | float | list | tuple | dict | set | frozenset | type(None)):
        return bool(value)
    return True


def is_small(value: Value, most: int = LARGEST) -> bool:
    """Tell whether a value can be shown and compared at once, however its parts are shared."""
    frontier, count = [value], 0
    while frontier:
        count += 1
        if count > most:
            return False
        one = frontier.pop()
        if isinstance(one, dict):
            frontier += [*one, *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            frontier += one
    return True


def named(value: Value) -> str:
    """Return a value as a part of an unknown value's name."""
    if isinstance(value, Unknown | Symbol):
        return value.name
    if isinstance(value, str | int | float | bool):
        return str(value).replace("${", "").replace("}", "")[:60]
    if isinstance(value, Method):
        return f"{named(value.owner)}.{value.name}"
    return type(value).__name__.lower()
