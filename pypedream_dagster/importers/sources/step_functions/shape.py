"""The shape of one level of states: who may follow whom, without going round in circles, and what handles errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pypedream_dagster.importers.parameters import PARAMETER, parameter

EdgeKind = Literal["next", "choice", "catch"]
_WORKS = {"Task", "Parallel", "Map"}
_ONLY_TELLS = ("sns", "sqs", "ses", "events", "eventbridge", "sesv2", "chatbot")


@dataclass(frozen=True, slots=True)
class Edge:
    """One state may follow another.

    Attributes:
        kind: how it comes to that.
        rule: of a Choice state: the number of the rule, None for the default; of a Catch: the number of the catcher.
        back: whether it leads back, round a loop.
        orders: whether the two run in this order in a run that succeeds.
    """

    source: str
    target: str
    kind: EdgeKind
    rule: int | None = None
    back: bool = False
    orders: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """The states, each after all that lead to it but for loops.

    Attributes:
        edges: out of each state.
        ordered: the states that a run that succeeds may come to.
        ends: those of them with which it may end.
    """

    states: tuple[str, ...]
    edges: Mapping[str, tuple[Edge, ...]]
    ordered: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()

    @property
    def has_loops(self) -> bool:
        """Whether any edge leads back."""
        return any(edge.back for edges in self.edges.values() for edge in edges)


def shape_of(machine: Mapping[str, Any]) -> Shape:
    """Return the shape of a machine, or of a branch or an iteration.

    A catcher's edge orders only where it steers: where it leads to states from which the run goes on to success on
    the common way, and not by a message alone. A state that merely handles an error runs in no run that succeeds.
    """
    states = {str(name): state for name, state in machine["States"].items() if isinstance(state, Mapping)}
    start = machine.get("StartAt")
    if not isinstance(start, str) or start not in states:
        start = next(iter(states), None)
    if start is None:
        return Shape((), {})
    out = {name: [one for edge in _edges(name, state) for one in _told(edge, states)] for name, state in states.items()}
    common = _reached(start, out, catches=False)
    order, backs = _depth_first(start, out)
    lost = [name for name in states if name not in set(order)]  # states that nothing leads to: their tasks are told too
    for name in lost:
        more, also_backs = _depth_first(name, out, set(order))
        order, backs = [*order, *more], backs | also_backs
    reach: dict[str, set[str]] = {}
    edges = {}
    for name in order:
        told = []
        for edge in out[name]:
            key = (edge.source, edge.target)
            orders = key not in backs
            if orders and edge.kind == "catch":
                normal = reach.setdefault(name, _reached(name, out, catches=False))
                steers = edge.target not in normal and _steers(edge.target, out, states, common)
                orders = steers
            elif orders and name not in common and edge.target in common:
                orders = _steers(name, out, states, common)
            told.append(Edge(edge.source, edge.target, edge.kind, edge.rule, key in backs, orders))
        edges[name] = tuple(told)
    ordered = _reached(
        start, {name: [edge for edge in told if edge.orders] for name, told in edges.items()}, catches=True
    )
    ends = (name for name in ordered if _may_end(states[name], out[name]))
    return Shape(tuple(order), edges, frozenset(ordered), frozenset(ends))


def _may_end(state: Mapping[str, Any], edges: list[Edge]) -> bool:
    """Tell whether a run may succeed with a state: it is the last, and fails not."""
    return str(state.get("Type")) not in {"Fail", "Choice"} and not any(edge.kind != "catch" for edge in edges)


def _told(edge: Edge, states: Mapping[str, Any]) -> Iterator[Edge]:
    """Give an edge; both of two where a template decides by what is not known: ``${var.quick?Load:Clean_all}``."""
    if edge.target in states:
        yield edge
        return
    unknown = PARAMETER.fullmatch(edge.target)
    yes, colon, no = unknown[1].rpartition(":") if unknown else ("", "", "")
    for name in states if colon else ():
        told = parameter(name)[2:-1]
        if no == told or yes.endswith(f"_{told}"):
            yield replace(edge, target=name)


def _edges(name: str, state: Mapping[str, Any]) -> Iterator[Edge]:
    kind = state.get("Type")
    if kind == "Choice":
        choices = state.get("Choices")
        for number, rule in enumerate(choices if isinstance(choices, list) else ()):
            if isinstance(rule, Mapping) and isinstance(rule.get("Next"), str):
                yield Edge(name, rule["Next"], "choice", number)
        if isinstance(state.get("Default"), str):
            yield Edge(name, state["Default"], "choice")
    elif isinstance(state.get("Next"), str):  # also where a slip says End as well
        yield Edge(name, state["Next"], "next")
    catchers = state.get("Catch")
    for number, catcher in enumerate(catchers if isinstance(catchers, list) else ()):
        if isinstance(catcher, Mapping) and isinstance(catcher.get("Next"), str):
            yield Edge(name, catcher["Next"], "catch", number)


def _reached(start: str, out: Mapping[str, list[Edge]], *, catches: bool) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        for edge in out[waiting.pop()]:
            if (catches or edge.kind != "catch") and edge.target not in found:
                found.add(edge.target)
                waiting.append(edge.target)
    return found


def _depth_first(
    start: str, out: Mapping[str, list[Edge]], done: set[str] | None = None
) -> tuple[list[str], set[tuple[str, str]]]:
    """Return the states in topological order, and the edges that lead back to one that is being followed."""
    seen = set(done or ())
    open_states, backs, ended = {start}, set(), []
    stack = [(start, reversed(out[start]))]
    seen.add(start)
    while stack:
        name, edges = stack[-1]
        for edge in edges:
            if edge.target in open_states:
                backs.add((name, edge.target))
            elif edge.target not in seen:
                seen.add(edge.target)
                open_states.add(edge.target)
                stack.append((edge.target, reversed(out[edge.target])))
                break
        else:
            stack.pop()
            open_states.discard(name)
            ended.append(name)
    return ended[::-1], backs


def _steers(start: str, out: Mapping[str, list[Edge]], states: Mapping[str, Any], common: set[str]) -> bool:
    """Tell whether the way from a catcher on joins the common way, succeeds there, and does more than tell somebody."""
    if start in common:
        return _succeeds(start, out, states)
    seen, waiting, works = {start}, [start], False
    joined = []
    while waiting:
        name = waiting.pop()
        state = states[name]
        told = str(state.get("Resource", "")).lower()
        works = works or (str(state.get("Type")) in _WORKS and not any(f":{one}:" in told for one in _ONLY_TELLS))
        for edge in out[name]:
            if edge.kind == "catch":
                continue
            if edge.target in common:
                joined.append(edge.target)
            elif edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)
    all_only_steer = all(str(states[name].get("Type")) not in _WORKS for name in seen)
    return (works or all_only_steer) and any(_succeeds(name, out, states) for name in joined)


def _succeeds(start: str, out: Mapping[str, list[Edge]], states: Mapping[str, Any]) -> bool:
    return any(_may_end(states[name], out[name]) for name in _reached(start, out, catches=False))
