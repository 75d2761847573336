"""The colours of plots, light and dark, by style name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Paint:
    """How a shape is painted: colours as ``#rrggbb``, ``none`` for nothing.

    Attributes:
        stroke_width: in pixels.
    """

    fill: str = "none"
    stroke: str = "none"
    stroke_width: float = 1.0


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme."""

    background: str
    paints: Mapping[str, Paint]


LIGHT: Final = Palette(
    background="#ffffff",
    paints={
        "heading": Paint(fill="#0f172a"),
        "note": Paint(fill="#64748b"),
        "node-plain": Paint("#f8fafc", "#94a3b8", 1.2),
        "node-origin": Paint("#fff4d6", "#d97706", 2.4),
        "node-affected": Paint("#e7f8f1", "#0d9668", 1.8),
        "node-unaffected": Paint("#fafbfc", "#d5dbe3", 1.0),
        "name-plain": Paint(fill="#0f172a"),
        "name-origin": Paint(fill="#7c2d12"),
        "name-affected": Paint(fill="#064e3b"),
        "name-unaffected": Paint(fill="#728197"),
        "job-plain": Paint(fill="#64748b"),
        "job-origin": Paint(fill="#92590a"),
        "job-affected": Paint(fill="#3f7d68"),
        "job-unaffected": Paint(fill="#95a2b2"),
        "rule-plain": Paint(stroke="#e2e8f0"),
        "rule-origin": Paint(stroke="#f3d9a4"),
        "rule-affected": Paint(stroke="#bfe6d6"),
        "rule-unaffected": Paint(stroke="#edf0f3"),
        "kind-spark": Paint(fill="#e8590c"),
        "kind-python-shell": Paint(fill="#2563eb"),
        "kind-noop": Paint(fill="#94a3b8"),
        "kind-other": Paint(fill="#9333ea"),
        "link-plain": Paint(stroke="#94a3b8", stroke_width=1.4),
        "link-head": Paint(stroke="#0d9668", stroke_width=2.0),
        "link-base": Paint(stroke="#2563eb", stroke_width=1.6),
        "link-unaffected": Paint(stroke="#d5dbe3", stroke_width=1.2),
        "link-high": Paint(stroke="#0d9668", stroke_width=1.8),
        "link-medium": Paint(stroke="#d97706", stroke_width=1.6),
        "link-low": Paint(stroke="#dc2626", stroke_width=1.4),
        "tip-plain": Paint(fill="#94a3b8"),
        "tip-head": Paint(fill="#0d9668"),
        "tip-base": Paint(fill="#2563eb"),
        "tip-unaffected": Paint(fill="#c3ccd6"),
        "tip-high": Paint(fill="#0d9668"),
        "tip-medium": Paint(fill="#d97706"),
        "tip-low": Paint(fill="#dc2626"),
    },
)

DARK: Final = Palette(
    background="#0f1520",
    paints={
        "heading": Paint(fill="#f1f5f9"),
        "note": Paint(fill="#94a3b8"),
        "node-plain": Paint("#1a2332", "#51617a", 1.2),
        "node-origin": Paint("#3a2a0d", "#f59e0b", 2.4),
        "node-affected": Paint("#0e2e25", "#34d399", 1.8),
        "node-unaffected": Paint("#141b27", "#2b3749", 1.0),
        "name-plain": Paint(fill="#f1f5f9"),
        "name-origin": Paint(fill="#fde6b8"),
        "name-affected": Paint(fill="#c9f7e4"),
        "name-unaffected": Paint(fill="#66748a"),
        "job-plain": Paint(fill="#94a3b8"),
        "job-origin": Paint(fill="#d9ae62"),
        "job-affected": Paint(fill="#7fbfa6"),
        "job-unaffected": Paint(fill="#536073"),
        "rule-plain": Paint(stroke="#2b3749"),
        "rule-origin": Paint(stroke="#5f4617"),
        "rule-affected": Paint(stroke="#1d5142"),
        "rule-unaffected": Paint(stroke="#1e2735"),
        "kind-spark": Paint(fill="#fb8a4a"),
        "kind-python-shell": Paint(fill="#60a5fa"),
        "kind-noop": Paint(fill="#64748b"),
        "kind-other": Paint(fill="#c084fc"),
        "link-plain": Paint(stroke="#5d6d86", stroke_width=1.4),
        "link-head": Paint(stroke="#34d399", stroke_width=2.0),
        "link-base": Paint(stroke="#60a5fa", stroke_width=1.6),
        "link-unaffected": Paint(stroke="#2b3749", stroke_width=1.2),
        "link-high": Paint(stroke="#34d399", stroke_width=1.8),
        "link-medium": Paint(stroke="#f59e0b", stroke_width=1.6),
        "link-low": Paint(stroke="#f87171", stroke_width=1.4),
        "tip-plain": Paint(fill="#5d6d86"),
        "tip-head": Paint(fill="#34d399"),
        "tip-base": Paint(fill="#60a5fa"),
        "tip-unaffected": Paint(fill="#3a475b"),
        "tip-high": Paint(fill="#34d399"),
        "tip-medium": Paint(fill="#f59e0b"),
        "tip-low": Paint(fill="#f87171"),
    },
)
