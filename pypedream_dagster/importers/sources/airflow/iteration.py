"""Python's functions that call what they are given for each item, and those of ``itertools``.

The order in which a DAG's code goes through a list is often the order of its tasks: a list that is sorted by a key
must not stay as it was written.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Protocol

from pypedream_dagster.importers.sources.airflow.values import LARGEST, MISSING, Value, is_open, truth

_MOST = {False: 1_000, True: 5}  # how many items, or how often the same: more would fill the memory


class Caller(Protocol):
    """What calls values and goes through them."""

    def call(self, callee: Value, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a call gives."""

    def iterated(self, value: Value) -> list[Value]:
        """Return what a loop over a value goes through."""


def iteration(caller: Caller, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
    """Return what such a function gives, without the name of its module; MISSING if it is none, or cannot be told."""
    if not positional:
        return MISSING
    first, *rest = positional
    match name:
        case "map" | "starmap" if rest:
            columns = [caller.iterated(values) for values in rest]
            rows = columns[0] if name == "starmap" else zip(*columns, strict=False)
            return [caller.call(first, list(row), {}) for row in rows if isinstance(row, list | tuple)]
        case "filter" if len(rest) == 1:
            items = caller.iterated(rest[0])
            return [item for item in items if first is None or truth(caller.call(first, [item], {})) is not False]
        case "reduce" if rest:
            items = [*rest[1:2], *caller.iterated(rest[0])]
            made = items[0] if items else MISSING
            for item in items[1:]:
                made = caller.call(first, [made, item], {})
            return made
        case "sorted" | "min" | "max" if keywords.get("key") is not None:
            items = positional if rest else caller.iterated(first)
            backwards = name == "max" or (name == "sorted" and truth(keywords.get("reverse")) is True)
            found = sorted_by_key(caller, items, keywords["key"], backwards=backwards)
            return found if name == "sorted" else found[0] if found else MISSING
        case _:
            return MISSING


def sorted_by_key(caller: Caller, items: list[Value], key: Value, *, backwards: bool) -> list[Value]:
    """Return items by what a function gives of them; as they are where that cannot be told."""
    keys = [caller.call(key, [item], {}) for item in items]
    if any(map(is_open, keys)):
        return items
    try:
        order = sorted(range(len(items)), key=lambda index: keys[index], reverse=backwards)
    except (TypeError, RecursionError):
        return items
    return [items[index] for index in order]


def of_itertools(caller: Caller, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
    """Return what a function of ``itertools`` gives, by its name there; MISSING if it cannot be told."""
    if name == "chain.from_iterable" and positional:
        name, positional = "chain", caller.iterated(positional[0])
    function = _ITERTOOLS.get(name)
    numbers = [value for value in (*positional, *keywords.values()) if isinstance(value, int)]
    if function is None or any(abs(number) > _MOST[name == "product"] for number in numbers):
        return MISSING
    given = [value if value is None or isinstance(value, int) else caller.iterated(value) for value in positional]
    try:
        return list(itertools.islice(function(*given, **keywords), LARGEST))
    except (TypeError, ValueError):
        return MISSING


def _batched(items: list[Value], n: int) -> Iterable[Value]:
    return (tuple(items[start : start + n]) for start in range(0, len(items), n))


_ITERTOOLS: dict[str, Callable[..., Iterable[Value]]] = {
    "chain": itertools.chain,
    "product": itertools.product,
    "pairwise": itertools.pairwise,
    "islice": itertools.islice,
    "zip_longest": itertools.zip_longest,
    "batched": _batched,
    "combinations": itertools.combinations,
    "permutations": itertools.permutations,
}
