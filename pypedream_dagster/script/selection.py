"""What a script takes of several by one of its job's arguments: ``CONFIG[args["table"]]`` is each item, with its key.

Each text of an item knows what the argument must be for it to be taken, and hands that on to what is made of it. Two
texts that ask different things of one argument never meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pypedream_dagster.script.choices import alternatives, either
from pypedream_dagster.script.pieces import Argument, Condition, Text
from pypedream_dagster.script.values import (
    Constant,
    Either,
    Function,
    Instance,
    Member,
    Partial,
    Result,
    Sequence,
    Table,
    Value,
    as_text,
)

_DEEPEST = 4
_DEEPEST_GIVEN = 2  # {"paths": [path]}
_MOST_ITEMS = 32
_MOST_CHOICES = 64


def selected(items: Mapping[str, Value], key: Value) -> Value | None:
    """Return what a dict gives for an argument: one of its items; None where the key is anything else."""
    match key:
        case Text((Argument(name) as argument,)) if name != "*" and 1 < len(items) <= _MOST_CHOICES:
            if any(known.startswith("?") for known in items):
                return None
            return Either(tuple(under(item, Condition(argument, (known,), True)) for known, item in items.items()))
        case _:
            return None


def under(value: Value, condition: Condition, depth: int = _DEEPEST) -> Value:
    """Return a value that is taken where a condition holds."""
    if depth == 0:
        return value
    match value:
        case Text(_, conditions):
            return replace(value, conditions=_joined((*conditions, condition)))
        case Sequence(items):
            return Sequence(tuple(under(item, condition, depth - 1) for item in items))
        case Table(items):
            return Table({name: under(item, condition, depth - 1) for name, item in items.items()})
        case Either(options):
            return Either(tuple(under(option, condition, depth - 1) for option in options))
        case Instance(of, attributes):
            return Instance(of, {name: under(item, condition, depth - 1) for name, item in attributes.items()})
        case Function():
            return Partial(value, (), {}, (condition,))
        case _:
            return value


def where(value: Value, condition: Condition) -> Value:
    """Return a text, or several, that a name has where a condition holds; what else it may be is as it is."""
    if isinstance(value, Text) or (isinstance(value, Either) and all(isinstance(o, Text) for o in value.options)):
        options = [under(option, condition) for option in alternatives(value)]
        return either(*(option for option in options if can_hold(conditions_of(option))))
    return value


def conditions_of(value: Value, depth: int = _DEEPEST_GIVEN) -> tuple[Condition, ...]:
    """Return what must hold for a value to be taken; nothing where parts of it ask for what cannot be together."""
    while isinstance(value, Member):
        value = value.owner
    match value:
        case Text(_, conditions):
            return conditions
        case Result(call):
            return call.taken
        case Sequence(items) | Table(items) if depth and len(items) <= _MOST_ITEMS:
            within = items.values() if isinstance(items, Mapping) else items
            asked = [found for item in within if (found := conditions_of(item, depth - 1))]
            return together(*asked) if asked else ()
        case _:
            return ()


def together(*conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Return conditions as one tuple; nothing where they cannot hold at once."""
    joined = _joined(condition for several in conditions for condition in several)
    return joined if can_hold(joined) else ()


def can_hold(conditions: tuple[Condition, ...]) -> bool:
    """Tell whether conditions may hold at once."""
    if len(conditions) < 2:
        return True
    left: dict[tuple[object, ...], set[str]] = {}
    for condition in conditions:
        if condition.is_one:
            asked = _plain(condition.argument)
            left[asked] = left.get(asked, set(condition.texts)) & set(condition.texts)
    for condition in conditions:
        if not condition.is_one and (asked := _plain(condition.argument)) in left:
            left[asked] -= set(condition.texts)
    return all(left.values())


def choices(values: tuple[Value, ...]) -> list[tuple[Value, ...]]:
    """Return the things that several values may be, each of which may be one of several.

    Not all that they could be together: the first goes with the first, the second with the second; but those that are
    taken by an argument go with those that are taken by the same.
    """
    found: list[tuple[tuple[Value, ...], tuple[Condition, ...]]] = [((), ())]
    for value in values:
        options = [(option, conditions_of(option)) for option in _options(value)]
        if any(conditions for _, conditions in options):
            both = [((*one, option), (*asked, *also)) for one, asked in found for option, also in options]
            found = [choice for choice in both if can_hold(choice[1])][:_MOST_CHOICES]
        elif found:
            width = max(len(found), len(options))
            found = [
                ((*found[i % len(found)][0], options[i % len(options)][0]), found[i % len(found)][1])
                for i in range(width)
            ]
    return [choice for choice, _ in found]


def _options(value: Value) -> tuple[Value, ...]:
    """Return what a value may be; a list or dict is each of those that its parts make it."""
    match value:
        case Sequence(items) if any(_is_selected(item) for item in items):
            return tuple(Sequence(choice) for choice in choices(items))
        case Table(items) if any(_is_selected(item) for item in items.values()):
            return tuple(Table(dict(zip(items, choice, strict=True))) for choice in choices(tuple(items.values())))
        case _:
            return given(value)


def given(value: Value) -> tuple[Value, ...]:
    """Return what a value may be, None left out where it may be anything else: nobody hands that on as a place."""
    options = alternatives(value)
    return tuple(option for option in options if option != Constant(None)) or options


def _is_selected(value: Value) -> bool:
    """Tell whether a value is one of several that are taken by an argument."""
    match value:
        case Either(options):
            return any(conditions_of(option) for option in options)
        case Sequence(items):
            return any(_is_selected(item) for item in items if isinstance(item, Either))
        case Table(items):
            return any(_is_selected(item) for item in items.values() if isinstance(item, Either))
        case _:
            return False


def with_conditions(value: Value, *sources: Value | None) -> Value:
    """Return a value that was made of others, with what must hold for these to be taken."""
    asked = together(*(conditions_of(as_text(source)) for source in sources if source is not None))
    for condition in asked:
        value = under(value, condition)
    return value


def _plain(argument: Argument) -> tuple[object, ...]:
    """Return what tells an argument from others, whatever holds where it is not given."""
    return argument.name, argument.keys, argument.replaced


def _joined(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    return tuple(dict.fromkeys(conditions))
