"""How numbers, values and verdicts of a delta are put into words: the same in every renderer."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, assert_never

from pypedream_dagster.delta.model import (
    Cell,
    DatasetDelta,
    ExpectationOutcome,
    MainMoved,
    Status,
    Tolerance,
    Verdict,
)

_SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB")


def number(value: int) -> str:
    """Return ``1,234``."""
    return f"{value:,}"


def short_number(value: int) -> str:
    """Return ``1,234,567``; from ten millions on ``12.3 M``, ``12.3 G``."""
    if value < 10_000_000:
        return number(value)
    return f"{value / 1e6:,.1f} M" if value < 10_000_000_000 else f"{value / 1e9:,.1f} G"


def share(fraction: float) -> str:
    """Return a fraction as a percentage that is 0 % or 100 % only where it is exactly that."""
    if fraction in {0.0, 1.0}:
        return f"{fraction:.0%}".replace("%", " %")
    if fraction < 0.001:
        return "<0.1 %"
    if fraction > 0.999:
        return ">99.9 %"
    return f"{fraction * 100:.1f} %"


def optional(value: int | None) -> str:
    """Return a number, or ``-`` where there is none."""
    return "-" if value is None else number(value)


def ratio(part: int, whole: int) -> str:
    """Return ``share`` of a part; empty where there is no whole."""
    return share(part / whole) if whole else ""


def figure(value: float | None) -> str:
    """Return a statistic with four significant digits, ``-`` where there is none."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if 1e-4 <= abs(value) < 1e15:
        digits = max(0, 4 - len(str(int(abs(value))))) if abs(value) >= 1 else 5
        return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:,.0f}"
    return f"{value:.3e}"


def signed(value: float | None) -> str:
    """Return a shift with its sign."""
    return figure(value) if value is None or value <= 0 else f"+{figure(value)}"


def instant(seconds_since_1970: float) -> str:
    """Return a point in time to the minute, without the time of day at midnight; beyond the calendar, the year's."""
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=round(seconds_since_1970 / 60) * 60)
    except OverflowError:
        return f"about the year {1970 + seconds_since_1970 / (365.2425 * 86400):.4g}"
    return when.strftime("%Y-%m-%d" if not (when.hour or when.minute) else "%Y-%m-%d %H:%M")


def size(count: int) -> str:
    """Return a number of bytes: ``1.5 MB``."""
    amount = float(count)
    for unit in _SIZES:
        if amount < 1000 or unit == _SIZES[-1]:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("the loop always returns")


def seconds(value: float) -> str:
    """Return a duration."""
    return f"{value:.2f} s" if value < 10 else f"{value:,.0f} s"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """Return ``1 row``, ``2 rows``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def visible(text: str, limit: int = 0) -> str:
    """Return a text of the data so that it cannot act on what shows it: control and direction characters escaped.

    Args:
        text: any.
        limit: the most characters, the rest being ``…``; 0 for all.
    """
    # Only as much is escaped as can be shown: a value may be megabytes long.
    head = text[: limit + 1] if limit else text
    shown = "".join(_escaped(char) if unicodedata.category(char) in _HIDDEN else char for char in head)
    return f"{shown[: limit - 1]}…" if limit and len(shown) > limit else shown


def came_and_went(gone: list[str], new: list[str], most: int = 5) -> str:
    """Say which values a column has lost and got: ``new: A, B; gone: C``; empty where none."""
    parts = []
    for what, values in (("new", new), ("gone", gone)):
        if values:
            more = f" and {len(values) - most} more" if len(values) > most else ""
            parts.append(f"{what}: {', '.join(shorter(value, 28) for value in values[:most])}{more}")
    return "; ".join(parts)


def sentence(text: str) -> str:
    """Return a text with a capital first letter and an end."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?', '…')) else '.'}" if text else ""


def shorter(text: str, limit: int) -> str:
    """Return a text that is visible already, cut to ``limit`` characters."""
    return f"{text[: limit - 1]}…" if len(text) > limit else text


# Control, format (right-to-left marks), surrogate, private; line and paragraph separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(char: str) -> str:
    return _ESCAPES.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}")


def cell(value: Cell, limit: int = 0) -> str:
    """Return a value of the data as a reader sees it; texts are quoted where they could be taken for something else."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case str():
            odd = value != value.strip() or value in {"", "NULL", "true", "false"}
            return f'"{visible(value, limit)}"' if odd else visible(value, limit)
        case int() | float():
            return str(value)
        case _:
            assert_never(value)


def change(before: Cell, after: Cell, limit: int) -> tuple[str, str]:
    """Return a cell's two values, long texts cut where their first difference can still be seen.

    Values reach the report cut to a few hundred characters; two that differ only behind that say so.
    """
    one, other = cell(before), cell(after)
    if one == other:
        return shorter(one, limit), f"{shorter(other, limit)} (differs further on)"
    shortest = min(len(one), len(other))
    same = next((i for i in range(shortest) if one[i] != other[i]), shortest)
    start = max(0, same - limit // 4) if same >= limit - 1 else 0
    ahead = "…" if start else ""
    return shorter(f"{ahead}{one[start:]}", limit), shorter(f"{ahead}{other[start:]}", limit)


def verdict(value: Verdict) -> str:
    """Return a verdict in words."""
    return value.replace("_", " ")


class Sides(NamedTuple):
    """What the two sides of a delta are called."""

    base: str
    head: str


def sides(dataset: DatasetDelta) -> Sides:
    """Return ``main`` and ``branch``; ``base`` and ``head`` in a lone comparison, which knows of no branch."""
    return Sides("main", "branch") if dataset.node else Sides("base", "head")


def status(dataset: DatasetDelta) -> str:
    """Say what a dataset's status means."""
    base, head = sides(dataset)
    match dataset.status:
        case "compared":
            return "compared row by row"
        case "identical":
            return "identical: no file differs"
        case "base_missing":
            return f"new: {base} has no such data"
        case "head_missing":
            return f"missing: {head} has no such data"
        case "both_missing":
            return "missing: neither side has any data"
        case "unreadable":
            return "it cannot be read"
        case _:
            assert_never(dataset.status)


SHORT_STATUS: dict[Status, str] = {
    "identical": "same files",
    "base_missing": "new",
    "head_missing": "missing",
    "both_missing": "no data",
    "unreadable": "unreadable",
}
"""Statuses other than ``compared``, in a word or two."""


def expectation_outcome(value: ExpectationOutcome) -> str:
    """Say what became of an expectation."""
    match value:
        case "passed":
            return "holds"
        case "regression":
            return "newly fails"
        case "fixed":
            return "fixed"
        case "failed_on_both":
            return "fails on both"
        case "not_run":
            return "not run"
        case _:
            assert_never(value)


def tolerance(value: Tolerance | None) -> str:
    """Say how far apart two numbers may be: ``± 0.5``, ``± 1 %``."""
    if value is None:
        return ""
    parts = [f"± {figure(value.absolute)}"] if value.absolute else []
    parts += [f"± {figure(value.relative * 100)} %"] if value.relative else []
    return " or ".join(parts)


def partition_counts(dataset: DatasetDelta) -> str:
    """Return how many partitions were added, removed and touched."""
    counts = Counter(item.status for item in dataset.partitions)
    return ", ".join(f"{counts[status]:,} {status}" for status in ("added", "removed", "touched") if counts[status])


def key(dataset: DatasetDelta) -> str:
    """Say what identifies a row."""
    match dataset.key.source:
        case "none":
            return "no key: rows are compared as whole rows"
        case "declared":
            return ", ".join(visible(column) for column in dataset.key.columns)
        case "inferred":
            return f"{', '.join(visible(column) for column in dataset.key.columns)} (inferred)"
        case _:
            assert_never(dataset.key.source)


def moved(item: MainMoved) -> str:
    """Say that data of main has changed since the branch ran, how, and what that means for the delta."""
    ran = f"since {visible(item.node)} ran{f' ({moment(item.ran_at)})' if item.ran_at else ''}"
    if item.role == "compared":
        text = f"what this is compared with has changed {ran}"
        meaning = "Part of this delta may be main's own change, not the branch's"
    else:
        text = f"{visible(item.uri)}, which {visible(item.node)} read from main, has changed {ran}"
        meaning = "The branch's data comes from the old one, main's may come from the new one"
    counts = (plural(item.objects_then, "object"), plural(item.objects_now, "object"))
    sizes = (size(item.bytes_then), size(item.bytes_now))
    if (item.objects_then, item.bytes_then) == (item.objects_now, item.bytes_now):
        details = [f"{counts[0]} of {sizes[0]} as before, with other content"]
    else:
        details = [f"{counts[0]} of {sizes[0]} → {counts[1]} of {sizes[1]}"]
    details += [f"last written {moment(item.written_at)}"] if item.written_at else []
    if runs := item.production_run_ids:
        more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
        details.append(f"production has run meanwhile ({visible(runs[0])}{more})")
    return f"{text}: {'; '.join(details)}. {meaning}"


def moment(value: datetime) -> str:
    """Return a time to the minute, in UTC."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def effort(dataset: DatasetDelta) -> str:
    """Say by which engine, how fast, and from how much data."""
    read = dataset.reading
    files = read.base_files + read.head_files
    parts: list[str] = [dataset.engine] if dataset.engine != "none" else []
    parts.append(seconds(dataset.seconds))
    if files:
        parts.append(f"{size(read.bytes_read)} read of {size(read.base_bytes + read.head_bytes)}")
        parts.append(plural(files, "file"))
    if read.identical_files:
        parts.append(f"{plural(read.identical_files, 'file')} identical on both sides and left unread")
    return " · ".join(parts)
