"""Which column of the base belongs to which of the head, and what each pair is used for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pypedream_dagster.delta.model import Column, ColumnRole, Retyped, SchemaDelta, Tolerance
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.types import DOUBLE, ColumnType, Form, NumberText, Plain, align, form_name
from pypedream_dagster.errors import DeltaError

NamedTypes = tuple[tuple[str, ColumnType], ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A column of both sides; ``name`` (the base's) is what reports call it."""

    name: str
    head_name: str
    base_type: ColumnType
    head_type: ColumnType
    form: Form
    role: ColumnRole = "compared"
    tolerance: Tolerance | None = None
    base_sql_name: str = ""
    head_sql_name: str = ""

    def sql_name(self, is_head: bool) -> str:
        """What SQL calls the column: its name, but for columns that differ by case only, which SQL does not know."""
        return (self.head_sql_name or self.head_name) if is_head else (self.base_sql_name or self.name)

    @property
    def is_number(self) -> bool:
        """Whether both sides are numbers."""
        return self.base_type.is_number and self.head_type.is_number


@dataclass(frozen=True, slots=True)
class Pairing:
    """All columns of both sides, sorted out; ``key`` is empty where no key is declared or usable."""

    pairs: tuple[Pair, ...]
    schema: SchemaDelta
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Pair, ...]:
        """The pairs that identify a row."""
        return tuple(pair for pair in self.pairs if pair.role == "key")

    @property
    def values(self) -> tuple[Pair, ...]:
        """The pairs whose cells are compared, volatile ones for presence."""
        return tuple(pair for pair in self.pairs if pair.role in ("compared", "volatile"))

    def with_key(self, names: Sequence[str]) -> Pairing:
        """The same with another key."""
        chosen = set(names)
        pairs = tuple(
            replace(pair, role="key")
            if pair.name in chosen
            else replace(pair, role="compared")
            if pair.role == "key"
            else pair
            for pair in self.pairs
        )
        return replace(self, pairs=pairs)

    def in_sql(self, base: Mapping[str, str], head: Mapping[str, str]) -> Pairing:
        """The same for tables in which SQL calls these columns otherwise."""
        pairs = tuple(
            replace(pair, base_sql_name=base.get(pair.name, ""), head_sql_name=head.get(pair.head_name, ""))
            for pair in self.pairs
        )
        return replace(self, pairs=pairs)


def pair_columns(base: NamedTypes, head: NamedTypes, rules: CompareRules) -> Pairing:
    """Pair columns by name, exactly first and then regardless of case, and give each pair its role.

    Raises:
        DeltaError: the rules name a column that neither side has, or tolerate what is no number.
    """
    names = _matches([name for name, _ in base], [name for name, _ in head])
    _check_known(rules, [name for name, _ in base], [name for name, _ in head])
    types = dict(head)
    key = _declared_key(rules, names)
    pairs = tuple(
        _pair(name, names[name], type_, types[names[name]], rules, key) for name, type_ in base if name in names
    )
    schema = _schema(base, head, names, pairs)
    notes: tuple[str, ...] = ()
    if rules.key and not key:
        notes = (f"the key {', '.join(rules.key)} is not on both sides: compared without it",)
    return Pairing(pairs, schema, notes)


def _matches(base: list[str], head: list[str]) -> dict[str, str]:
    left = set(head)
    matched = {name: name for name in base if name in left}
    free = {name.lower(): name for name in reversed(head) if name not in matched}
    for name in base:
        if name not in matched and name.lower() in free:
            matched[name] = free.pop(name.lower())
    return matched


def _check_known(rules: CompareRules, base: list[str], head: list[str]) -> None:
    known = {name.lower() for name in (*base, *head)}
    uses = {
        "key": rules.key,
        "ignored": rules.ignored_columns,
        "volatile": rules.volatile_columns,
        "tolerance": tuple(rules.tolerance),
        "partition": rules.partition_columns,
    }
    for use, named in uses.items():
        unknown = [name for name in named if name.lower() not in known]
        if unknown:
            raise DeltaError(
                f"unknown {use} column {', '.join(unknown)}",
                hint=f"the columns are {', '.join(dict.fromkeys((*base, *head)))}",
            )


def _declared_key(rules: CompareRules, names: dict[str, str]) -> set[str]:
    wanted = {name.lower() for name in rules.key}
    found = {name for name in names if name.lower() in wanted}
    return found if len(found) == len(wanted) else set()


def _pair(name: str, head_name: str, base: ColumnType, head: ColumnType, rules: CompareRules, key: set[str]) -> Pair:
    form = align(base, head)
    named = {name.lower(), head_name.lower()}
    tolerance = next((limit for column, limit in rules.tolerance.items() if column.lower() in named), None)
    role: ColumnRole = "compared"
    if name in key:
        role = "key"
    elif named & {column.lower() for column in rules.ignored_columns}:
        role = "ignored"
    elif named & {column.lower() for column in rules.volatile_columns}:
        role = "volatile"
    pair = Pair(name, head_name, base, head, form, role)
    if tolerance is None:
        return pair
    if not pair.is_number:
        raise DeltaError(f"{name} is no number ({base.name}, {head.name}): it can have no tolerance")
    if isinstance(form, NumberText):
        form = Plain(DOUBLE)
    return replace(pair, form=form, tolerance=tolerance)


def _schema(base: NamedTypes, head: NamedTypes, names: dict[str, str], pairs: tuple[Pair, ...]) -> SchemaDelta:
    taken = set(names.values())
    return SchemaDelta(
        added=tuple(name for name, _ in head if name not in taken),
        removed=tuple(name for name, _ in base if name not in names),
        retyped={
            pair.name: Retyped(pair.base_type.name, pair.head_type.name, form_name(pair.form))
            for pair in pairs
            if pair.base_type != pair.head_type
        },
        reordered=_moved([pair.head_name for pair in pairs], [name for name, _ in head if name in taken]),
        recased={pair.name: pair.head_name for pair in pairs if pair.name != pair.head_name},
        base=tuple(Column(name, type_.name) for name, type_ in base),
        head=tuple(Column(name, type_.name) for name, type_ in head),
    )


def _moved(before: list[str], after: list[str]) -> tuple[str, ...]:
    """The fewest names to move: those outside a longest increasing run of the old positions."""
    from bisect import bisect_left

    position = {name: index for index, name in enumerate(before)}
    tails: list[int] = []
    tail_names: list[str] = []
    previous: dict[str, str | None] = {}
    for name in after:
        slot = bisect_left(tails, position[name])
        previous[name] = tail_names[slot - 1] if slot else None
        tails[slot : slot + 1] = [position[name]]
        tail_names[slot : slot + 1] = [name]
    kept = set()
    name_or_none = tail_names[-1] if tail_names else None
    while name_or_none is not None:
        kept.add(name_or_none)
        name_or_none = previous[name_or_none]
    return tuple(name for name in after if name not in kept)
