"""What DAG files build up: DAGs, groups and tasks with their order. Changed step by step, as Airflow's own are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pypedream_dagster.importers.sources.airflow.values import Instance, Unknown, Value
from pypedream_dagster.importers.survey import Where


@dataclass(slots=True, eq=False)
class Dag:
    """A DAG.

    Attributes:
        implied: whether no DAG was seen, but tasks that must have one.
        nested: whether it is a part of another: a SubDagOperator's.
    """

    dag_id: str
    at: Where
    arguments: dict[str, Value] = field(default_factory=dict)
    operators: list[Operator] = field(default_factory=list)
    implied: bool = False
    nested: bool = False

    @property
    def default_args(self) -> Mapping[str, Value]:
        """What its tasks are given where they do not say otherwise."""
        given = self.arguments.get("default_args")
        return given if isinstance(given, dict) else {}

    def find(self, task_id: str) -> Operator | None:
        """Return a task by its id."""
        return next((o for o in self.operators if o.task_id == task_id), None)


@dataclass(slots=True, eq=False)
class Group:
    """A task group; ``suffix`` tells apart the copies of one that is mapped over a list."""

    group_id: str
    dag: Dag | None
    parent: Group | None
    prefixes: bool = True
    default_args: dict[str, Value] = field(default_factory=dict)
    children: list[Operator | Group] = field(default_factory=list)
    suffix: str = ""

    def label(self, name: str) -> str:
        """Return a child's id."""
        return f"{self.group_id}.{name}{self.suffix}" if self.prefixes and self.group_id else f"{name}{self.suffix}"

    def operators(self) -> Iterator[Operator]:
        """Give the tasks of the group and of those within it."""
        for child in self.children:
            if isinstance(child, Group):
                yield from child.operators()
            else:
                yield child

    def ends(self, *, last: bool) -> list[Operator]:
        """Return the group's tasks that none of the group comes after, or before."""
        inside = list(self.operators())
        known = set(map(id, inside))
        return [o for o in inside if not any(id(n) in known for n in (o.downstream if last else o.upstream))]


@dataclass(frozen=True, slots=True)
class Start:
    """Something that a task's own code starts on AWS: a Glue job, a crawler, a function."""

    operation: str
    resource: Value
    arguments: Value = None
    definition: Mapping[str, Value] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Operator:
    """A task.

    Attributes:
        kind: its class's name; ``task``, ``task.branch``, … of decorated functions; empty where only order is known.
        arguments: what it was given by name.
        upstream, downstream: the tasks before and after it, directly.
        starts: what its code starts.
        touches: what its code reads (``read``) and writes on S3.
        mapped: of ``expand``: what each of its instances is given besides.
        result: of a decorated function: what it gives, as far as that is known.
    """

    task_id: str
    kind: str
    at: Where
    dag: Dag
    arguments: dict[str, Value] = field(default_factory=dict)
    lineage: tuple[str, ...] = ()
    group: Group | None = None
    upstream: list[Operator] = field(default_factory=list)
    downstream: list[Operator] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    touches: list[tuple[str, str]] = field(default_factory=list)
    mapped: list[dict[str, Value]] | None = None
    result: Value = None
    callable: Value = None
    nested: Dag | None = None

    def before(self, other: Operator) -> None:
        """Put this task before another."""
        if other is not self and other not in self.downstream:
            self.downstream.append(other)
            other.upstream.append(self)


@dataclass(slots=True, eq=False)
class Label:
    """A word on an edge, or a value that is known only to stand between tasks: order goes through it."""

    before: list[Operator] = field(default_factory=list)
    after: list[Operator] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class XCom:
    """What a task gives, or a part of it.

    Attributes:
        made: what was made of it by ``map``, as far as that is known.
    """

    operator: Operator
    key: str = ""
    made: Value = None

    @property
    def result(self) -> Value:
        """What it is, as far as the task's code tells; None where it does not."""
        result = self.made if self.made is not None else self.operator.result
        if not self.key:
            return result
        return result.get(self.key) if isinstance(result, dict) else None

    @property
    def name(self) -> str:
        """Its name as an unknown value."""
        return f"{self.operator.dag.dag_id}.{self.operator.task_id}.{self.key or 'return_value'}"

    def __str__(self) -> str:
        return str(Unknown(self.name))


def operator_in(value: Value) -> Operator | None:
    """Return the task that a value is or comes from."""
    match value:
        case Operator():
            return value
        case XCom(operator):
            return operator
        case Instance(core=Operator() as core):
            return core
        case _:
            return None


def operators_within(value: Value, depth: int = 8, *, given_only: bool = False) -> Iterator[Operator]:
    """Give the tasks whose results a value is made of; ``given_only``: not those that stand there themselves."""
    if (found := operator_in(value)) is not None:
        if not given_only or isinstance(value, XCom):
            yield found
    elif depth and isinstance(value, dict):
        for item in list(value.values())[:200]:
            yield from operators_within(item, depth - 1, given_only=given_only)
    elif depth and isinstance(value, list | tuple | set):
        for item in list(value)[:200]:
            yield from operators_within(item, depth - 1, given_only=given_only)


def connect(before: Value, after: Value) -> None:
    """Put tasks before others: single ones, groups, and lists of them."""
    for left in _flat(before):
        for right in _flat(after):
            _connect(left, right)


def _connect(left: Value, right: Value) -> None:
    lefts, rights = _ends(left, last=True), _ends(right, last=False)
    for one in lefts:
        for other in rights:
            one.before(other)
    if isinstance(left, Label):
        left.after += rights
    if isinstance(right, Label):
        right.before += lefts
        for one in lefts:
            for other in right.after:
                one.before(other)


def _ends(value: Value, *, last: bool) -> list[Operator]:
    match value:
        case Group():
            return value.ends(last=last)
        case Label():
            return value.before if last else value.after
        case Instance(core=Group() as group):
            return group.ends(last=last)
        case _:
            found = operator_in(value)
            return [found] if found is not None else []


def _flat(value: Value, depth: int = 6) -> Iterator[Value]:
    if depth and isinstance(value, list | tuple | set | frozenset):
        for item in list(value):
            yield from _flat(item, depth - 1)
    elif depth and isinstance(value, dict):
        for item in list(value.values()):
            yield from _flat(item, depth - 1)
    else:
        yield value


def is_dependable(value: Value) -> bool:
    """Tell whether a value can stand in an order: ``a >> b``."""
    return any(
        operator_in(one) is not None
        or isinstance(one, Group | Label)
        or (isinstance(one, Instance) and isinstance(one.core, Group))
        for one in _flat(value)
    )


def chained(values: tuple[Value, ...], *, linear: bool = False) -> None:
    """Order as ``chain`` does: lists of the same length pair up; ``chain_linear`` crosses them."""
    for left, right in itertools.pairwise(values):
        pairs = isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) == len(right)
        if pairs and not linear:
            for one, other in zip(left, right, strict=True):
                connect(one, other)
        else:
            connect(left, right)
