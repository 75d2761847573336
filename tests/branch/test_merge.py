"""The three-way merge: what holds for all scripts, and the odd ones of real projects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.branch.merge import has_markers, merge

# Few different lines: what repeats is what confuses a diff.
LINES = st.lists(st.sampled_from([b"a", b"b", b"if x:", b"    y = 1", b"", b"\xff\xfe", b"z\r"]), max_size=12)
TEXTS = st.builds(lambda lines, end: b"\n".join(lines) + end, LINES, st.sampled_from([b"", b"\n"]))


def text(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


BASE = text("import sys", "rate = 1", "", "def run():", "    return rate", "", "run()")


def test_both_sides_edits_are_kept() -> None:
    ours = BASE.replace(b"rate = 1", b"rate = 2")
    theirs = BASE.replace(b"run()\n", b"run()\nprint('done')\n")
    merged = merge(BASE, ours, theirs)
    assert merged.conflicts == 0
    assert merged.body == ours.replace(b"\nrun()\n", b"\nrun()\nprint('done')\n")


def test_the_same_change_on_both_sides_is_made_once() -> None:
    both = BASE.replace(b"rate = 1", b"rate = 2")
    theirs = both.replace(b"return rate", b"return rate + 1")
    assert merge(BASE, both, theirs).body == theirs


def test_a_conflict_is_marked_as_git_marks_it_and_no_wider_than_it_is() -> None:
    ours, theirs = BASE.replace(b"rate = 1", b"rate = 2"), BASE.replace(b"rate = 1", b"rate = 3")
    merged = merge(BASE, ours, theirs)
    assert merged.conflicts == 1
    assert merged.body == BASE.replace(
        b"rate = 1\n", b"<<<<<<< branch\nrate = 2\n=======\nrate = 3\n>>>>>>> production\n"
    )
    assert has_markers(merged.body)
    assert not has_markers(b"Title\n=======\nx <<<<<<< y\n")


def test_an_unknown_base_makes_a_conflict_of_every_difference_and_of_nothing_else() -> None:
    ours, theirs = BASE.replace(b"rate = 1", b"rate = 2"), BASE.replace(b"run()\n", b"run(5)\n")
    merged = merge(None, ours, theirs)
    assert merged.conflicts == 2
    assert merged.body.count(b"import sys") == merged.body.count(b"    return rate") == 1
    assert merge(None, ours, ours).body == ours


@pytest.mark.parametrize(
    ("ours_ends", "theirs_ends", "ends"),
    [(b"\r\n", b"\n", b"\r\n"), (b"\n", b"\r\n", b"\r\n"), (b"\r\n", b"\r\n", b"\r\n"), (b"\n", b"\n", b"\n")],
)
def test_line_ends_are_merged_by_themselves(ours_ends: bytes, theirs_ends: bytes, ends: bytes) -> None:
    ours = BASE.replace(b"rate = 1", b"rate = 2").replace(b"\n", ours_ends)
    theirs = BASE.replace(b"return rate", b"return 2 * rate").replace(b"\n", theirs_ends)
    expected = BASE.replace(b"rate = 1", b"rate = 2").replace(b"return rate", b"return 2 * rate").replace(b"\n", ends)
    merged = merge(BASE, ours, theirs)
    assert (merged.body, merged.conflicts) == (expected, 0)


def test_a_missing_newline_at_the_end_is_no_change_of_the_last_line() -> None:
    ours = BASE.replace(b"rate = 1", b"rate = 2")
    theirs = BASE.replace(b"return rate", b"return 2 * rate").rstrip(b"\n")
    merged = merge(BASE, ours, theirs)
    assert (merged.body, merged.conflicts) == (ours.replace(b"return rate", b"return 2 * rate").rstrip(b"\n"), 0)
    clash = merge(b"a", b"b", b"c")
    assert clash.body == b"<<<<<<< branch\nb\n=======\nc\n>>>>>>> production\n"


def test_what_is_no_text_is_not_merged_by_lines() -> None:
    merged = merge(b"\0base\n", b"\0ours\n", b"\0theirs\n")
    assert (merged.body, merged.is_mergeable) == (b"\0ours\n", False)
    assert merge(b"\0base\n", b"\0base\n", b"\0theirs\n").body == b"\0theirs\n"


@given(TEXTS, TEXTS)
def test_one_side_unchanged_gives_the_other(base: bytes, changed: bytes) -> None:
    assert merge(base, changed, base).body == changed
    assert merge(base, base, changed).body == changed
    assert merge(base, changed, changed).body == changed


@given(TEXTS, TEXTS, TEXTS, st.booleans())
def test_no_line_of_either_side_is_lost_where_there_is_a_conflict(
    base: bytes, ours: bytes, theirs: bytes, is_known: bool
) -> None:
    """What is not in the merge is what one side has removed or replaced: a line that is new on a side is there."""
    merged = merge(base if is_known else None, ours, theirs)
    found = [line.rstrip(b"\r") for line in merged.body.split(b"\n")]
    known = {line.rstrip(b"\r") for line in base.split(b"\n")} if is_known else set()
    for side in (ours, theirs):
        assert {line.rstrip(b"\r") for line in side.split(b"\n") if line.strip()} - known <= set(found)
    assert has_markers(merged.body) == bool(merged.conflicts)


@given(st.data())
def test_edits_of_disjoint_regions_are_all_in_the_merge(data: st.DataObject) -> None:
    base = [f"line {number}" for number in range(data.draw(st.integers(4, 30)))]
    split = data.draw(st.integers(1, len(base) - 2))  # ours edits what is before this line, theirs what is after
    edits = st.dictionaries(st.integers(0, len(base) - 1), st.sampled_from(["drop", "change", "insert"]), max_size=6)
    drawn = (data.draw(edits), data.draw(edits))
    per_side = (
        {at: what for at, what in drawn[0].items() if at < split},
        {at: what for at, what in drawn[1].items() if at > split},
    )
    ours, theirs = (_edited(base, mine, name) for mine, name in zip(per_side, ("ours", "theirs"), strict=True))
    both = _edited(_edited(base, per_side[1], "theirs"), per_side[0], "ours")
    merged = merge(text(*base), text(*ours), text(*theirs))
    assert (merged.body, merged.conflicts) == (text(*both), 0)


def _edited(lines: list[str], edits: dict[int, str], who: str) -> list[str]:
    """Apply edits, the last first, so that the numbers of the lines before stay what they are."""
    found = list(lines)
    for at in sorted(edits, reverse=True):
        match edits[at]:
            case "drop":
                del found[at]
            case "change":
                found[at] = f"{who} changed {at}"
            case _:
                found.insert(at, f"{who} new before {at}")
    return found
