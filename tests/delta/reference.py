"""A brute-force reference for deltas: plain Python over rows of plain values, nothing shared with the engines."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Row = dict[str, Any]


@dataclass
class Expected:
    added: int = 0
    removed: int = 0
    changed: int = 0
    unchanged: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    base_duplicates: int = 0
    head_duplicates: int = 0


def canonical(value: Any) -> Any:
    if isinstance(value, bool):
        return ("b", value)
    if isinstance(value, float):
        if math.isnan(value):
            return ("n", "nan")
        return ("n", value + 0.0)
    if isinstance(value, int | Decimal):
        return ("n", value)
    if isinstance(value, datetime):
        return ("t", value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, dict):
        return ("d", tuple((k, canonical(v)) for k, v in sorted(value.items())))
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return ("m", frozenset((k, canonical(v)) for k, v in value))
    if isinstance(value, list):
        return ("l", tuple(canonical(v) for v in value))
    return (type(value).__name__, value)


def expect(
    base: list[Row],
    head: list[Row],
    key: list[str],
    columns: list[str],
    *,
    volatile: frozenset[str] = frozenset(),
    tolerance: dict[str, float] | None = None,
) -> Expected:
    """What a delta must be; ``tolerance`` is absolute."""
    out = Expected()
    limits = tolerance or {}
    groups: dict[Any, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for side, rows in enumerate((base, head)):
        for row in rows:
            cells = {c: row[c] is None if c in volatile else canonical(row[c]) for c in columns}
            groups[tuple(canonical(row[k]) for k in key)][side].append(cells)
    for ours, theirs in groups.values():
        out.base_duplicates += len(ours) > 1 and bool(key)
        out.head_duplicates += len(theirs) > 1 and bool(key)
        left = list(theirs)
        rest = []
        for row in ours:
            if row in left:
                left.remove(row)
                out.unchanged += 1
            else:
                rest.append(row)
        out.unchanged += _strike_close(rest, left, limits)
        pairs = min(len(rest), len(left)) if key else 0
        out.changed += pairs
        out.removed += len(rest) - pairs
        out.added += len(left) - pairs
        for column in columns:
            if len(rest) == len(left) == 1:
                is_same = _is_close(rest[0][column], left[0][column], limits.get(column))
                out.columns[column] += pairs and not is_same
                continue
            same = Counter(row[column] for row in rest) & Counter(row[column] for row in left)
            out.columns[column] += max(0, pairs - same.total())
    return out


def _is_close(base: Any, head: Any, limit: float | None) -> bool:
    if base == head:
        return True
    numbers = [cell[1] for cell in (base, head) if isinstance(cell, tuple) and cell[0] == "n" and cell[1] != "nan"]
    return limit is not None and len(numbers) == 2 and abs(numbers[0] - numbers[1]) <= limit


def _strike_close(rest: list[Row], left: list[Row], limits: dict[str, float]) -> int:
    """Of rows that are equal but for tolerated cells, strike those of one rank that are close."""
    groups: dict[Any, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for side, rows in enumerate((rest, left)):
        for row in rows if limits else []:
            groups[tuple((c, cell) for c, cell in row.items() if c not in limits)][side].append(row)
    struck = 0
    for ours, theirs in groups.values():
        for rows in (ours, theirs):
            rows.sort(key=lambda row: [_rank(row[column]) for column in limits])
        for one, other in zip(ours, theirs, strict=False):
            if all(_is_close(one[column], other[column], limit) for column, limit in limits.items()):
                rest.remove(one)
                left.remove(other)
                struck += 1
    return struck


def _rank(cell: Any) -> tuple[int, Any]:
    """NULL last, NaN before it."""
    kind, value = cell
    return (2, 0) if kind != "n" else (1, 0) if value == "nan" else (0, value)
