"""Small inline SVG charts for the HTML report; its style sheet colours them, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from pypedream_dagster.delta.model import ColumnDelta, ColumnStats, RowCounts
from pypedream_dagster.report import digest, wording

_BAR_WIDTH = 160.0
_LEAST_WIDTH = 2.5
_BOX_WIDTH = 160.0
_SHARE_WIDTH = 60
_MARGIN = 4.0
_BARS_SHOWN = 4
_FEW_NUMBERS = 5
"""Distinct numbers or dates up to which bars say more than a box: flags, grades."""


def outcome_bar(rows: RowCounts) -> Markup:
    """Return a bar of the rows by outcome: removed, changed, unchanged, added.

    An outcome that happened at all can be seen, however rare it is.
    """
    counts = {
        "removed": rows.removed,
        "changed": rows.changed or 0,
        "unchanged": rows.unchanged,
        "added": rows.added,
    }
    total = sum(counts.values())
    if not total:
        return Markup("")
    rare = {name for name, count in counts.items() if count and count / total * _BAR_WIDTH < _LEAST_WIDTH}
    room = _BAR_WIDTH - _LEAST_WIDTH * len(rare)
    scale = room / (sum(count for name, count in counts.items() if name not in rare) or 1)
    parts, left = [], 0.0
    for name, count in counts.items():
        width = 0.0 if not count else _LEAST_WIDTH if name in rare else count * scale
        if width:
            parts.append(f'<rect class="{name}" x="{left:.1f}" y="0" width="{width:.1f}" height="10"/>')
        left += width
    label = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    return _svg(_BAR_WIDTH, 10, label, "".join(parts), "outcomes")


def share_bar(part: int, whole: int) -> Markup:
    """Return a thin bar of ``part`` in ``whole``; empty where there is nothing to show."""
    if not part or not whole:
        return Markup("")
    inner = f'<rect class="track" width="{_SHARE_WIDTH}" height="5" rx="2"/>'
    inner += f'<rect class="changed" width="{_long(part / whole)}" height="5" rx="2"/>'
    return _svg(_SHARE_WIDTH, 5, "", inner, "share")


def pair_bar(base: float, head: float) -> Markup:
    """Return two thin bars, one for each side's share; empty where the shares are equal."""
    if base == head:
        return Markup("")
    inner = f'<rect class="track" width="{_SHARE_WIDTH}" height="9"/>{_pair(base, head)}'
    return _svg(_SHARE_WIDTH, 9, "", inner, "share")


def _pair(base: float, head: float) -> str:
    bars = (("base", base, 0), ("head", head, 5))
    return "".join(f'<rect class="{name}" y="{y}" width="{_long(share)}" height="4"/>' for name, share, y in bars)


def _long(share: float) -> str:
    width = max(_LEAST_WIDTH, min(1.0, share) * _SHARE_WIDTH) if share else 0.0
    return f"{width:.1f}".removesuffix(".0")


def distribution(column: ColumnDelta, sides: wording.Sides) -> Markup:
    """Return how both sides' values are spread: bars where they are few, else boxes on one scale.

    Empty where the type has no such figures, or where they cannot be held against each other. A box's words call the
    sides by ``sides``.
    """
    base, head = digest.shares(column.base), digest.shares(column.head)
    known = [side for side in (column.base, column.head) if side]
    is_counted = bool(base or head) and all(side.values or side.null_fraction == 1 for side in known)
    values = list(dict.fromkeys((*base, *head)))
    if not any(side.quantiles for side in known):
        values.sort(key=lambda value: -max(base.get(value, 0), head.get(value, 0)))
        return _frequencies(values, base, head) if is_counted else Markup("")
    if is_counted and len(values) <= _FEW_NUMBERS:
        return _frequencies(sorted(values, key=_natural_order), base, head)
    return _spread(column, sides)


def _natural_order(value: str) -> tuple[float, str]:
    try:
        return float(value), ""
    except ValueError:
        return 0.0, value  # a date, which sorts as text


def _frequencies(values: list[str], base: Mapping[str, float], head: Mapping[str, float]) -> Markup:
    """Return a pair of bars for each of the first values, and one for the others together.

    The longest bar is as long as there is room; the percentages stand beside the bars.
    """
    # One value more takes no more room than a line for "1 other".
    shown = values if len(values) <= _BARS_SHOWN + 1 else values[:_BARS_SHOWN]
    lines = [(escape(wording.shorter(value, 40)), base.get(value, 0.0), head.get(value, 0.0)) for value in shown]
    if others := values[len(shown) :]:
        one, other = (sum(side.get(value, 0.0) for value in others) for side in (base, head))
        lines.append((Markup("<i>{} others</i>").format(len(others)), one, other))
    most = max(max(one, other) for _, one, other in lines)
    items = (_frequency(name, one, other, most) for name, one, other in lines)
    return Markup('<ul class="values">{}</ul>').format(Markup("").join(items))


def _frequency(name: Markup, base: float, head: float, most: float) -> Markup:
    one, other = wording.share(base), wording.share(head)
    text = one if one == other else f"{one} → {other}"
    svg = _svg(_SHARE_WIDTH, 9, "", _pair(base / most, head / most), "share")
    return Markup("<li><span>{}</span>{}<small>{}</small></li>").format(name, svg, text)


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    width: float
    is_instant: bool

    def at(self, value: float) -> float:
        """Return where a value lies, in pixels; all in the middle where there is but one value."""
        if not self.width:
            return _BOX_WIDTH / 2
        return _MARGIN + (value - self.low) / self.width * (_BOX_WIDTH - 2 * _MARGIN)

    def text(self, value: float) -> str:
        return wording.instant(value) if self.is_instant else wording.figure(value)


def _spread(column: ColumnDelta, names: wording.Sides) -> Markup:
    """Return both sides' quantiles on one scale: whiskers, the middle half as a box, the median, the mean as a dot.

    The scale reaches from the lowest to the highest quantile of both sides, so that one outlier does not squeeze
    everything else; a mean that lies outside is not drawn. Empty where neither side has quantiles.
    """
    sides = [(name, side) for name, side in (("base", column.base), ("head", column.head)) if side and side.quantiles]
    kinds = {_is_instant(type_) for type_ in (column.base_type, column.head_type) if type_}
    if not sides or len(kinds) > 1:
        return Markup("")
    low = min(side.quantiles[0].value for _, side in sides)
    high = max(side.quantiles[-1].value for _, side in sides)
    width = high - low
    # The width of all doubles is no double.
    scale = _Scale(low, width if math.isfinite(width) else 0.0, kinds == {True})
    inner = "".join(_box(name, side, scale, 8 + 14 * index) for index, (name, side) in enumerate(sides))
    label = "; ".join(f"{getattr(names, name)}: {_in_words(side, scale)}" for name, side in sides)
    return _svg(_BOX_WIDTH, 16 + 14 * (len(sides) - 1), label, inner, "spread")


def _is_instant(type_: str) -> bool:
    return type_.lower().startswith(("date", "timestamp"))


def _in_words(side: ColumnStats, scale: _Scale) -> str:
    return ", ".join(f"{q.fraction:.0%} {scale.text(q.value)}" for q in side.quantiles)


def _box(name: str, side: ColumnStats, scale: _Scale, middle: int) -> str:
    values = {quantile.fraction: scale.at(quantile.value) for quantile in side.quantiles}
    first, last = scale.at(side.quantiles[0].value), scale.at(side.quantiles[-1].value)
    top = middle - 5
    inner = f'<path d="M{first:.1f} {middle}H{last:.1f}"/>'
    if 0.25 in values and 0.75 in values:
        left, right = values[0.25], values[0.75]
        inner += f'<rect x="{left:.1f}" y="{top}" width="{max(right - left, 1.5):.1f}" height="10"/>'
    if 0.5 in values:
        inner += f'<path class="median" d="M{values[0.5]:.1f} {top}v10"/>'
    if side.mean is not None and 0 <= scale.at(side.mean) <= _BOX_WIDTH:
        inner += f'<circle cx="{scale.at(side.mean):.1f}" cy="{middle}" r="2"/>'
    return f'<g class="{name}">{inner}</g>'


def shift_of(column: ColumnDelta) -> str:
    """Return how far the mean moved in units of main's standard deviation; empty where it did not, or has none."""
    shift = round(digest.mean_shift(column) or 0.0, 2)
    return f"{wording.signed(shift)} σ" if shift else ""  # noqa: RUF001


def _svg(width: float, height: float, label: str, inner: str, kind: str) -> Markup:
    """Return a drawing; one without a label stands beside the figure that says the same."""
    stretch = ' preserveAspectRatio="none"' if kind == "outcomes" else ""
    role = f' role="img"><title>{escape(label)}</title>' if label else ' aria-hidden="true">'
    # `inner` is numbers and our own class names; only the label could hold a text from outside.
    return Markup(  # noqa: S704
        f'<svg class="{kind}" width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"{stretch}{role}'
        f"{inner}</svg>"
    )
