"""Small inline SVG charts for the HTML report; its style sheet colours them, so that they follow light and dark."""

from __future__ import annotations

from markupsafe import Markup, escape

from pypedream_dagster.delta.model import ColumnDelta, ColumnStats, RowCounts
from pypedream_dagster.report import wording

_BAR_WIDTH = 160.0
_LEAST_WIDTH = 2.5
_BOX_WIDTH = 140.0
_MARGIN = 4.0


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
    width = max(_LEAST_WIDTH, min(1.0, part / whole) * 60)
    inner = '<rect class="track" width="60" height="5" rx="2"/>'
    inner += f'<rect class="changed" width="{width:.1f}" height="5" rx="2"/>'
    return _svg(60, 5, wording.ratio(part, whole), inner, "share")


def spread(column: ColumnDelta) -> Markup:
    """Return both sides' quantiles on one scale: whiskers, the middle half as a box, the median, the mean as a dot.

    The scale reaches from the lowest to the highest quantile of both sides, so that one outlier does not squeeze
    everything else; empty where neither side has quantiles.
    """
    sides = [(name, side) for name, side in (("base", column.base), ("head", column.head)) if side and side.quantiles]
    if not sides:
        return Markup("")
    low = min(side.quantiles[0].value for _, side in sides)
    high = max(side.quantiles[-1].value for _, side in sides)
    scale = (_BOX_WIDTH - 2 * _MARGIN) / (high - low) if high > low else 0.0
    inner = "".join(_box(name, side, low, scale, 8.0 + 14.0 * index) for index, (name, side) in enumerate(sides))
    label = "; ".join(
        f"{name}: " + ", ".join(f"{q.fraction:.0%} at {wording.figure(q.value)}" for q in side.quantiles)
        for name, side in sides
    )
    return _svg(_BOX_WIDTH, 16.0 + 14.0 * (len(sides) - 1), label, inner, "spread")


def _box(name: str, side: ColumnStats, low: float, scale: float, middle: float) -> str:
    def at(value: float) -> float:
        inside = _MARGIN + (value - low) * scale if scale else _BOX_WIDTH / 2
        return min(max(inside, _MARGIN), _BOX_WIDTH - _MARGIN)

    values = {quantile.fraction: quantile.value for quantile in side.quantiles}
    first, last = at(side.quantiles[0].value), at(side.quantiles[-1].value)
    inner = f'<line x1="{first:.1f}" x2="{last:.1f}" y1="{middle}" y2="{middle}"/>'
    if 0.25 in values and 0.75 in values:
        left, right = at(values[0.25]), at(values[0.75])
        inner += f'<rect x="{left:.1f}" y="{middle - 5}" width="{max(right - left, 1.5):.1f}" height="10" rx="1.5"/>'
    if 0.5 in values:
        x = at(values[0.5])
        inner += f'<line class="median" x1="{x:.1f}" x2="{x:.1f}" y1="{middle - 5}" y2="{middle + 5}"/>'
    if side.mean is not None:
        inner += f'<circle cx="{at(side.mean):.1f}" cy="{middle}" r="2"/>'
    return f'<g class="{name}">{inner}</g>'


def shift_of(column: ColumnDelta) -> str:
    """Return how far the mean moved in units of main's standard deviation, ``-`` where that has no meaning."""
    base, head = column.base, column.head
    if base is None or head is None or base.mean is None or head.mean is None or not base.stddev:
        return "-"
    shift = round((head.mean - base.mean) / base.stddev, 2)
    return f"{wording.signed(shift)} σ" if shift else "0"  # noqa: RUF001


def _svg(width: float, height: float, label: str, inner: str, kind: str) -> Markup:
    stretch = ' preserveAspectRatio="none"' if kind == "outcomes" else ""
    # `inner` is numbers and our own class names; only the label could hold a text from outside.
    return Markup(  # noqa: S704
        f'<svg class="{kind}" role="img" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}"{stretch}>'
        f"<title>{escape(label)}</title>{inner}</svg>"
    )
