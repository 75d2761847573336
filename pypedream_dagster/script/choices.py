"""One of several values: what a name is after both sides of an ``if``, or an argument with what stands for it."""

from __future__ import annotations

from dataclasses import replace

from pypedream_dagster.script.pieces import (
    Argument,
    Text,
    is_gap,
    text_of,
)
from pypedream_dagster.script.values import (
    Constant,
    Either,
    Member,
    Parameters,
    Result,
    Sequence,
    Table,
    Unknown,
    Value,
    literal,
)

_MOST_ALTERNATIVES = 8


_MOST_TAKEN = 64


def defaulted(value: Value, default: Value) -> Value:
    """Return a value that is another where it is not given: an argument with its default, else either of them."""
    text = literal(default)
    match value:
        case Text((Argument(name, None) as argument,)) if name != "*" and text is not None:
            return Text((replace(argument, default=text),))
        case Text((Argument(),)) if isinstance(default, Constant | Unknown):
            return value
        case _:
            return either(value, default)


def preferred(argument: Argument, value: Value, otherwise: Value) -> Value:
    """Return what is made of an argument that may be empty, and something else where it is: one text, if it can be."""
    match value, otherwise:
        case Text((Argument() as first, *others)), Text() if first.taken("") == argument.taken(""):
            rest = Text(tuple(others)).literal
            if rest is not None and (kept := otherwise.without_end(rest)) is not None:
                return text_of((replace(first, default=None, otherwise=kept), rest))
    return either(value, otherwise)


def alternatives(value: Value) -> tuple[Value, ...]:
    """Return the values that a value may be."""
    return value.options if isinstance(value, Either) else (value,)


def either(*values: Value) -> Value:
    """Return one of several values; those that say nothing are left out where others say something."""
    if len(values) == 1:
        return values[0]
    flat: list[Value] = []
    for value in values:
        for option in alternatives(value):
            if not any(option is known or option == known for known in flat):
                flat.append(option)
    telling = [value for value in flat if not isinstance(value, Unknown)] or flat[:1]
    defaults = {default for value in telling if (default := _default_of(value)) is not None}
    telling = [value for value in telling if literal(value) is None or literal(value) not in defaults]
    if len(telling) == 1:
        return telling[0]
    most = _MOST_ALTERNATIVES
    if len(telling) > most:
        telling.sort(key=lambda value: not isinstance(value, Text) or is_gap(value))
        most = _MOST_TAKEN if any(map(_is_taken, telling)) else most
    return Either(tuple(telling[:most])) if telling else Unknown()


def _is_taken(value: Value, depth: int = 2) -> bool:
    """Tell whether an argument says if a value is taken."""
    match value:
        case Text(_, conditions):
            return bool(conditions)
        case Result(call):
            return bool(call.taken)
        case Member(owner):
            return _is_taken(owner, depth)
        case Sequence(items):
            return depth > 0 and any(_is_taken(item, depth - 1) for item in items)
        case Table(items):
            return depth > 0 and any(_is_taken(item, depth - 1) for item in items.values())
        case _:
            return False


def either_arguments(one: Parameters, two: Parameters) -> Parameters:
    """Return the arguments where two ways put in different things: what the one puts in is for what is not given."""
    defaults, put = {**one.defaults, **two.defaults}, dict(one.put)
    for name in {**one.put, **two.put}:
        if name in one.put and name in two.put:
            put[name] = either(one.put[name], two.put[name])
        elif (text := literal(one.put.get(name, two.put.get(name)))) is not None:
            put.pop(name, None)
            defaults[name] = text
        else:
            put[name] = either(one.argument(name), two.argument(name))
    return Parameters(defaults, put)


def _default_of(value: Value) -> str | None:
    match value:
        case Text((Argument(_, default),)):
            return default
        case _:
            return None
