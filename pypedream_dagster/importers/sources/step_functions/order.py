"""What runs after what: the steps of an orchestration, contracted to its tasks.

A step is a task or only steers. It begins once any of the steps before it has ended (a state is entered from one
other), or once all have (where branches come together).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from pypedream_dagster.importers.survey import Trigger

Joins = Literal["any", "all"]


@dataclass(frozen=True, slots=True)
class Contracted:
    """Of one task: the tasks directly before it, and whether it waits for all of them."""

    before: tuple[int, ...]
    trigger: Trigger


@dataclass(slots=True)
class Steps:
    """Steps and their order, as they are found."""

    joins: list[Joins] = field(default_factory=list)
    tasks: list[bool] = field(default_factory=list)
    before: list[dict[int, None]] = field(default_factory=list)

    def add(self, *, task: bool = False, joins: Joins = "any") -> int:
        """Add a step and return its number."""
        self.joins.append(joins)
        self.tasks.append(task)
        self.before.append({})
        return len(self.joins) - 1

    def follow(self, one: int, other: int) -> None:
        """Say that one step ends before another begins."""
        if one != other:
            self.before[other][one] = None

    def contracted(self) -> dict[int, Contracted]:
        """Return the tasks, each with the tasks before it; steps that steer are gone through.

        An alternative that lies on the way of another (a state that a choice may skip) is no alternative: what comes
        after both waits for the longer way.
        """
        direct: dict[int, int] = {}  # sets of tasks as bits: hundreds of steps may each have hundreds before them
        either: dict[int, bool] = {}
        found: dict[int, Contracted] = {}
        numbers = {step: bit for bit, step in enumerate(step for step, task in enumerate(self.tasks) if task)}
        steps = list(numbers)
        reach: list[int] = [0] * len(numbers)  # by task: all tasks before it

        def before_of(bits: int) -> int:
            total = 0
            for bit in _bits(bits):
                total |= reach[bit]
            return total

        for step in self._sorted():
            ways: dict[int, bool] = {}
            for one in self.before[step]:
                bits, any_of = (1 << numbers[one], False) if self.tasks[one] else (direct[one], either[one])
                if bits:
                    ways[bits] = ways.get(bits, False) or any_of
            total = 0
            for bits in ways:
                total |= bits
            behind = {bits: before_of(bits) for bits in ways} if len(ways) > 1 and self.joins[step] == "any" else {}
            apart = [
                bits
                for bits in ways
                if not any(other != bits and bits & ~(behind[other] | other) == 0 for other in behind)
            ]
            if self.joins[step] == "any" and len(apart) > 1:
                either[step] = all(bits.bit_count() == 1 or ways[bits] for bits in apart)
            else:
                either[step] = len(apart) == 1 and ways[apart[0]]
            direct[step] = total
            if self.tasks[step]:
                reach[numbers[step]] = total | before_of(total)
                before = tuple(steps[bit] for bit in _bits(total))
                found[step] = Contracted(before, "ANY" if either[step] and len(before) > 1 else "ALL")
        return found

    def _sorted(self) -> list[int]:
        after: list[list[int]] = [[] for _ in self.joins]
        missing = [len(before) for before in self.before]
        for step, before in enumerate(self.before):
            for one in before:
                after[one].append(step)
        ready = deque(step for step, count in enumerate(missing) if not count)
        found: list[int] = []
        while ready:
            step = ready.popleft()
            found.append(step)
            for other in after[step]:
                missing[other] -= 1
                if not missing[other]:
                    ready.append(other)
        return found


def _bits(bits: int) -> list[int]:
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found
