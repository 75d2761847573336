"""Method chains: ``df.write.mode("append").save(x)`` as its root and its links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pypedream_dagster.script.model import Place
from pypedream_dagster.script.values import Call, Member, Result, Symbol, Table, Value, literal

_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Link:
    """One ``.name`` of a chain, with the call that it is part of, if it is called."""

    name: str
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """What a call hangs on.

    Attributes:
        call: the outermost call; the last link is its own.
        root: what the chain begins with.
        links: from the root outwards; an imported name's dotted parts are links, too.
        names: of the links.
    """

    call: Call
    root: Value
    links: tuple[Link, ...]
    names: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple([link.name for link in self.links]))

    @property
    def name(self) -> str:
        """The name of what is called; empty where it has none."""
        return self.links[-1].name if self.links else ""

    @property
    def dotted(self) -> str:
        """The dotted name of what is called, where it is imported or built in; else empty."""
        return self.call.callee.name if isinstance(self.call.callee, Symbol) else ""

    @property
    def module(self) -> str:
        """The first part of the root's dotted name: the package that the chain comes from; else empty."""
        return self.root.name if isinstance(self.root, Symbol) else ""

    @property
    def place(self) -> Place:
        """Where the call stands."""
        return place(self.call)

    def last(self, name: str) -> int | None:
        """Return the position of the last link of a name."""
        return next((i for i in range(len(self.links) - 1, -1, -1) if self.links[i].name == name), None)

    def find(self, *names: str) -> Call | None:
        """Return the last call among the links that has one of the names."""
        return next((k.call for k in reversed(self.links) if k.name in names and k.call is not None), None)


def place(call: Call) -> Place:
    """Return where a call stands."""
    return Place(call.line, call.code(), call.order, call.conditions)


def chains_of(calls: Iterable[Call]) -> list[Chain]:
    """Return the chain of each call; quicker than one by one, for most go on where another ends."""
    known: dict[Call, Chain] = {}
    for call in calls:
        known[call] = chain_of(call, known)
    return list(known.values())


def chain_of(call: Call, known: Mapping[Call, Chain] = MappingProxyType({})) -> Chain:
    """Return the chain that ends in a call; of calls whose chains are known, these are taken."""
    links: list[Link] = []
    value: Value = Result(call)
    while len(links) < _LONGEST:
        made: Call | None = None
        if isinstance(value, Result):
            before = known.get(value.call)
            if before is not None and len(before.links) + len(links) <= _LONGEST:
                return Chain(call, before.root, before.links + tuple(reversed(links)))
            made, value = value.call, value.call.callee
        match value:
            case Member(owner, name):
                links.append(Link(name, made))
                value = owner
            case Symbol(name):
                first, *rest = name.split(".")
                parts = [Link(part) for part in rest]
                if parts:
                    parts[-1] = Link(parts[-1].name, made)
                elif made is not None:
                    parts = [Link(first, made)]
                return Chain(call, Symbol(first), (*parts, *reversed(links)))
            case Result():
                continue
            case _:
                break
    return Chain(call, value, tuple(reversed(links)))


def properties_of(links: tuple[Link, ...]) -> Mapping[str, Value]:
    """Return the options and the table's properties that are set among the links."""
    found = dict(options_of(links))
    for link in links:
        if link.name == "tableProperty" and link.call is not None:
            key, value = literal(link.call.argument(0, "property")), link.call.argument(1, "value")
            if key is not None and value is not None:
                found[key] = value
    return found


def options_of(links: tuple[Link, ...]) -> Mapping[str, Value]:
    """Return the options that ``.option(k, v)`` and ``.options(**all)`` among the links set."""
    found: dict[str, Value] = {}
    for link in links:
        if link.call is None:
            continue
        if link.name == "option" and (key := literal(link.call.argument(0, "key"))) is not None:
            value = link.call.argument(1, "value")
            if value is not None:
                found[key] = value
        if link.name == "options":
            found |= link.call.keywords
            for given in link.call.positional:
                if isinstance(given, Table):
                    found |= given.items
    return found
