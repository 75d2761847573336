"""A brute-force reference for deltas: plain Python over rows of plain values, nothing shared with the engines."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
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
    if isinstance(value, dict):
        return ("d", tuple((k, canonical(v)) for k, v in sorted(value.items())))
    if isinstance(value, list):
        return ("l", tuple(canonical(v) for v in value))
    return (type(value).__name__, value)


def expect(base: list[Row], head: list[Row], key: list[str], columns: list[str]) -> Expected:
    out = Expected()
    groups: dict[Any, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for side, rows in enumerate((base, head)):
        for row in rows:
            groups[tuple(canonical(row[k]) for k in key)][side].append({c: canonical(row[c]) for c in columns})
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
        pairs = min(len(rest), len(left)) if key else 0
        out.changed += pairs
        out.removed += len(rest) - pairs
        out.added += len(left) - pairs
        for column in columns:
            same = Counter(row[column] for row in rest) & Counter(row[column] for row in left)
            out.columns[column] += max(0, pairs - same.total())
    return out
