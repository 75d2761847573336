"""The terminal's and the markdown report: their limits, and that nothing of the data acts on what shows it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.delta.model import BranchDelta, DatasetDelta, RowCounts
from pypedream_dagster.report import digest, wording
from pypedream_dagster.report.markdown import MAX_BYTES, code, plain, render_markdown, table
from pypedream_dagster.report.terminal import render_terminal

from . import samples

DELTAS: list[BranchDelta | DatasetDelta] = [
    samples.ordinary_branch(),
    samples.many_datasets(60),
    samples.wide_dataset(200),
    samples.hostile_dataset(),
    samples.foreign_dataset(),
    samples.branch(samples.foreign_dataset(), *samples.many_datasets(30).datasets),
    samples.branch(samples.hostile_dataset()),
]


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("delta", DELTAS, ids=range(len(DELTAS)))
def test_the_terminal_report_fits(delta: BranchDelta | DatasetDelta, width: int) -> None:
    from rich.cells import cell_len

    text = render_terminal(delta, width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "\x1b" not in text


def test_colour_only_where_asked() -> None:
    plain_text = render_terminal(samples.ordinary_branch())
    assert "\x1b[" not in plain_text
    assert "\x1b[" in render_terminal(samples.ordinary_branch(), colour=True)


def test_colours_of_the_data_do_not_reach_the_terminal() -> None:
    text = render_terminal(samples.hostile_dataset(), colour=True)
    assert "\\x1b[31m" in text
    assert "\x1b[31m|a|" not in text


@pytest.mark.parametrize("delta", DELTAS, ids=range(len(DELTAS)))
@pytest.mark.parametrize("fold", [True, False])
def test_markdown_keeps_to_its_limit(delta: BranchDelta | DatasetDelta, fold: bool) -> None:
    assert len(render_markdown(delta, fold=fold).encode()) <= MAX_BYTES


@pytest.mark.parametrize("limit", [2_000, 8_000, 20_000])
@pytest.mark.parametrize("name", ["dataset", "|`*_" * 40])
def test_markdown_says_what_it_leaves_out(limit: int, name: str) -> None:
    datasets = [samples.changed_dataset(f"{name}{index}") for index in range(120)]
    text = render_markdown(samples.branch(*datasets), limit=limit, fold=True)
    assert len(text.encode()) <= limit
    assert f"To keep within {limit // 1000} kB:" in text
    assert "more dataset" in text or limit == 20_000


def test_every_dataset_gets_a_little_before_any_gets_all() -> None:
    text = render_markdown(samples.branch(*(samples.changed_dataset(f"d{index}") for index in range(60))), limit=60_000)
    assert all(f"#### 🔴 `d{index}`" in text for index in range(60))
    assert "datasets shortened. The HTML report has all of it." in text
    assert "| Changed row |" in text


def test_many_unchanged_datasets_are_folded_in_a_pull_request() -> None:
    many = samples.many_datasets(60)
    folded = render_markdown(many, fold=True)
    assert "<details><summary>30 unchanged datasets</summary>\n\n|   | Dataset |" in folded
    assert folded.index("`dataset_02`") < folded.index("30 unchanged") < folded.index("`dataset_01`")
    assert "unchanged datasets" not in render_markdown(many)
    assert "unchanged datasets" not in render_markdown(samples.many_datasets(6), fold=True)


def test_one_dataset_that_is_too_long_is_shortened_and_not_left_out() -> None:
    text = render_markdown(samples.wide_dataset(200), limit=2_000)
    assert "1 added, 0 removed, 1,400 changed of 5,000 rows" in text
    assert "1 dataset shortened" in text


def test_dagsters_markdown_has_no_html() -> None:
    assert "<details>" not in render_markdown(samples.ordinary_branch())
    assert render_markdown(samples.ordinary_branch(), fold=True).count("<details>") == 4


@given(st.text(max_size=60))
def test_a_cell_of_markdown_stays_one_cell(text: str) -> None:
    for cell in (code(text), plain(text)):
        row = table(("A", "B"), [(cell, "end")]).splitlines()[-1]
        assert row.count("|") == 3
        assert "\n" not in cell
        assert cell.startswith("`") or not re.search(r"@(?!\u2060)|://|www\.", cell)


@given(st.text(max_size=60), st.integers(min_value=1, max_value=40))
def test_shown_text_is_printable_and_short(text: str, limit: int) -> None:
    shown = wording.visible(text, limit)
    assert len(shown) <= limit
    assert all(char.isprintable() or char == "\u3000" or char.isspace() for char in shown)
    assert not set(shown) & set("\n\r\t\x1b\u202e\u2028")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (5.0, "5"), (1234567.0, "1,234,567"), (12.64, "12.64"), (1039.94, "1,040"), (0.5, "0.5"),
        (0.00123, "0.00123"), (1.2e-7, "1.200e-07"), (-4.25, "-4.25"), (1e18, "1.000e+18"), (99.999, "100"),
        (None, "-"), (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_figures(value: float | None, text: str) -> None:
    assert wording.figure(value) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.0001, "<0.1 %"), (0.9999, ">99.9 %"), (0.213, "21.3 %"), (0.5, "50.0 %")],
)
def test_a_share_is_none_or_all_only_where_it_is(fraction: float, text: str) -> None:
    assert wording.share(fraction) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "NULL"), ("NULL", '"NULL"'), ("", '""'), (" a", '" a"'), (True, "true"), ("a\nb", "a\\nb"), (1.5, "1.5")],
)
def test_cells_tell_values_apart(value: str | float | bool | None, text: str) -> None:
    assert wording.cell(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (12_400_000, "12.4 MB"), (10**18, "1000.0 PB")],
)
def test_sizes(count: int, text: str) -> None:
    assert wording.size(count) == text


def test_a_status_names_the_sides_as_the_report_does() -> None:
    missing = samples.missing_dataset()
    assert wording.status(missing) == "missing: branch has no such data"
    assert wording.status(replace(missing, node="")) == "missing: head has no such data"


def test_large_numbers_leave_room_for_names() -> None:
    rows = RowCounts(base=10**11, head=10**11, added=12_345_678, removed=10**10, changed=10**11, unchanged=0)
    text = render_terminal(samples.branch(replace(samples.changed_dataset(), rows=rows)), width=60)
    line = text.splitlines()[4]
    assert line.startswith("flights_va")
    assert "12.3 M" in line
    assert "10.0 G" in line


def test_values_that_came_and_went_are_named() -> None:
    text = render_terminal(samples.changed_dataset())
    assert "carrier: new: WN; gone: YV, FL" in text
    assert "new: WN; gone: YV, FL" in render_markdown(samples.changed_dataset())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1970-01-01"), (59.9, "1970-01-01 00:01"), (-86_400.0, "1969-12-31"), (1e15, "about the year 3.169e+07")],
)
def test_instants(seconds: float, text: str) -> None:
    assert wording.instant(seconds) == text


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a", "b", ("a", "b")),
        (None, "", ("NULL", '""')),
        (True, "true", ("true", '"true"')),
        ("x" * 40, "y" * 40, ("x" * 19 + "…", "y" * 19 + "…")),
        ("x" * 40 + "a", "x" * 40 + "b", ("…xxxxxa", "…xxxxxb")),
        ("x" * 40, "x" * 40 + "b", ("…xxxxx", "…xxxxxb")),
        ("x" * 40, "x" * 40, ("x" * 19 + "…", "x" * 19 + "… (differs further on)")),
    ],
)
def test_where_two_values_differ_is_shown(before: str, after: str, shown: tuple[str, str]) -> None:
    assert wording.change(before, after, 20) == shown


def test_columns_of_data_that_came_or_went_did_not_move() -> None:
    delta = samples.changed_dataset()
    gone = replace(delta, rows=RowCounts(base=1000, removed=1000, changed=0), columns={"c": delta.columns["flight_id"]})
    assert digest.notable_columns(gone) == {}
    assert digest.notable_columns(replace(gone, rows=delta.rows)).keys() == {"c"}
