"""Three-way merge of two scripts that come from one: the developer's edits and production's, kept both.

By lines, in bytes: a script need not be UTF-8. diff3 on top of `difflib`: where base, ours and theirs agree the three
are in step, and what lies between two such places is taken from the one side that changed it. Where both changed it,
and not alike, that is a conflict, marked as git marks it. Line ends and the newline at the end of the file are merged
by themselves, so that an editor that rewrites them does not make every line a change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeVar

OURS, THEIRS = "branch", "production"
"""What the two sides are called in the markers of a conflict."""

_START, _MIDDLE, _END = f"{'<' * 7} {OURS}\n".encode(), b"=======\n", f"{'>' * 7} {THEIRS}\n".encode()
_MARKED = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
_AGREED_LINES = 3  # fewer lines that are the same by chance do not part a conflict into two
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged script.

    Attributes:
        body: the result; with markers where there are conflicts.
        conflicts: how many places both sides changed, and not alike.
        is_mergeable: False where lines mean nothing (binary content) and both sides changed: ``body`` is ours.
    """

    body: bytes
    conflicts: int = 0
    is_mergeable: bool = True


def merge(base: bytes | None, ours: bytes, theirs: bytes) -> Merge:
    """Merge two versions of a script.

    Args:
        base: what both come from; None where that is not known: then all in which the two differ is a conflict.
        ours: the developer's.
        theirs: production's as it is now.
    """
    if ours == theirs or theirs == base:
        return Merge(ours)
    if ours == base:
        return Merge(theirs)
    sides = (base or b"", ours, theirs)
    if any(b"\0" in side for side in sides):
        return Merge(ours, conflicts=1, is_mergeable=False)
    ends = [_line_end(side) for side in sides] if base is not None else [None, *map(_line_end, sides[1:])]
    end = _one_of(*ends)
    if None in ends[1:]:  # mixed: each line keeps its own
        lines = [_lines(side) for side in sides]
        end = b"\n"
    else:
        lines = [_lines(side.replace(b"\r\n", b"\n")) for side in sides]
    merged: list[bytes] = []
    conflicts = 0
    for part in _parts(*lines):
        if isinstance(part, _Conflict):
            conflicts += 1
            merged += [_START, *part.ours, _MIDDLE, *part.theirs, _END]
        else:
            merged += part
    body = b"".join(merged)
    if end == b"\r\n":
        body = body.replace(b"\n", b"\r\n")
    is_closed = _one_of(*(side.endswith(b"\n") or not side for side in sides))
    return Merge(body if is_closed or conflicts else re.sub(rb"\r?\n\Z", b"", body), conflicts)


def has_markers(body: bytes) -> bool:
    """Tell whether a script holds conflict markers: lines that no language of Glue knows."""
    return len(set(_MARKED.findall(body))) == 2


@dataclass(frozen=True, slots=True)
class _Conflict:
    ours: Sequence[bytes]
    theirs: Sequence[bytes]


def _one_of(base: _T, ours: _T, theirs: _T) -> _T:
    """Return which of two values a merge takes: the one that is not the base's."""
    return theirs if ours == base else ours


def _line_end(body: bytes) -> bytes | None:
    """Return what ends a script's lines; None where they end in different ways."""
    windows, all_lines = body.count(b"\r\n"), body.count(b"\n")
    if windows == 0:
        return b"\n"
    return b"\r\n" if windows == all_lines else None


def _lines(body: bytes) -> list[bytes]:
    """Return the lines, each with an end: the last line's missing one is merged by itself."""
    closed = body if body.endswith(b"\n") or not body else body + b"\n"
    return re.findall(rb"[^\n]*\n", closed)  # not splitlines: a lone carriage return ends no line here


def _parts(
    base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]
) -> Iterator[Sequence[bytes] | _Conflict]:
    at, at_ours, at_theirs = 0, 0, 0
    for start, stop, start_ours, start_theirs in _in_step(base, ours, theirs):
        yield from _changed(base[at:start], ours[at_ours:start_ours], theirs[at_theirs:start_theirs])
        yield base[start:stop]
        at, at_ours, at_theirs = stop, start_ours + stop - start, start_theirs + stop - start


def _in_step(
    base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]
) -> Iterator[tuple[int, int, int, int]]:
    """Give the runs of base lines that both sides still have: from, to, and where they start in each; the ends last."""
    one, other = (SequenceMatcher(None, base, side, autojunk=False).get_matching_blocks() for side in (ours, theirs))
    i = j = 0
    while i < len(one) and j < len(other):
        mine, its = one[i], other[j]
        start, stop = max(mine.a, its.a), min(mine.a + mine.size, its.a + its.size)
        if start < stop:
            yield start, stop, mine.b + start - mine.a, its.b + start - its.a
        if mine.a + mine.size < its.a + its.size:
            i += 1
        else:
            j += 1
    yield len(base), len(base), len(ours), len(theirs)


def _changed(
    base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]
) -> Iterator[Sequence[bytes] | _Conflict]:
    if ours == theirs or theirs == base:
        yield ours
    elif ours == base:
        yield theirs
    else:
        yield from _narrowed(ours, theirs)


def _narrowed(ours: Sequence[bytes], theirs: Sequence[bytes]) -> Iterator[Sequence[bytes] | _Conflict]:
    """Give a conflict without what the two sides agree on: at its ends, and in runs of lines within it."""
    at_ours = at_theirs = 0
    for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        is_first = block.a == block.b == 0
        is_last = (block.a + block.size, block.b + block.size) == (len(ours), len(theirs))
        if block.size < _AGREED_LINES and not (is_first or is_last):
            continue
        mine, its = ours[at_ours : block.a], theirs[at_theirs : block.b]
        if mine or its:
            yield _Conflict(mine, its)
        yield ours[block.a : block.a + block.size]
        at_ours, at_theirs = block.a + block.size, block.b + block.size
