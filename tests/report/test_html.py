"""The HTML report: complete in itself, inert, and well formed however ugly the data."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from pypedream_dagster.delta.model import (
    BranchDelta,
    ColumnDelta,
    ColumnStats,
    DatasetDelta,
    PartitionDelta,
    Quantile,
    ValueCount,
)
from pypedream_dagster.report import charts, digest
from pypedream_dagster.report.html import render_html
from pypedream_dagster.report.wording import Sides

from . import samples

SIDES = Sides("main", "branch")
VOID = {"meta", "br", "link", "img", "input"}
DELTAS: dict[str, BranchDelta | DatasetDelta] = {
    "one": samples.changed_dataset(),
    "ordinary": samples.ordinary_branch(),
    "hostile": samples.branch(samples.hostile_dataset(), samples.changed_dataset()),
    "foreign": samples.branch(samples.foreign_dataset()),
    "many": samples.many_datasets(60),
    "wide": samples.wide_dataset(200),
    "none": samples.branch(),
}


class Page(HTMLParser):
    """Reads a page: its tags, attributes and text, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("name", DELTAS)
def test_a_page_is_well_formed_and_needs_nothing_else(name: str) -> None:
    text = render_html(DELTAS[name])
    page = Page(text)
    assert page.open == []
    assert not {"link", "img", "iframe", "object", "form", "base"} & set(page.tags)
    assert not [key for key, _ in page.attributes if key.startswith("on") or key in {"src", "srcset", "style"}]
    targets = [value or "" for key, value in page.attributes if key == "href"]
    assert all(target.startswith("#") for target in targets)
    assert {target[1:] for target in targets} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "url(" not in text
    assert "@import" not in text


def test_nothing_but_our_own_style_and_script_may_act() -> None:
    text = render_html(samples.branch(samples.hostile_dataset()))
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[0]
    for kind in ("style", "script"):
        (inline,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_what_the_data_says_is_shown_and_never_acts() -> None:
    text = render_html(samples.hostile_dataset())
    page = Page(text)
    assert text.count("<script") == 1
    assert "{{" in "".join(page.texts)  # template syntax in the data is data
    assert any(samples.SCRIPT in data for data in page.texts)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_what_needs_a_look_comes_first_then_the_pipelines_order() -> None:
    delta = samples.many_datasets(60)
    text = render_html(delta)
    places = [int(place) for place in re.findall(r'<details class="dataset card" id="dataset-(\d+)"', text)]
    weights = [digest.weight(delta.datasets[place - 1]) for place in places]
    assert weights == sorted(weights)
    for weight in (0, 1, 2):
        some = [place for place, of in zip(places, weights, strict=True) if of == weight]
        assert some == sorted(some)
    assert [int(place) for place in re.findall(r'href="#dataset-(\d+)"', text)] == places
    assert len(re.findall(r'<details class="dataset card" id="[^"]*" open>', text)) == 6


def test_regressions_come_before_what_holds() -> None:
    text = render_html(samples.changed_dataset())
    assert text.index("newly fails</span>") < text.index("fails on both</span>") < text.index("holds</span>")


def test_sixty_datasets_of_two_hundred_columns_are_not_too_much() -> None:
    wide = samples.wide_dataset(200)
    many = replace(wide.samples, added=wide.samples.added * 20, changed=wide.samples.changed * 20)
    datasets = [replace(wide, dataset=f"wide_{index}", samples=many) for index in range(60)]
    assert len(render_html(samples.branch(*datasets))) < 10_000_000


@pytest.mark.slow
def test_more_of_everything_than_can_be_read_is_cut_and_said_to_be() -> None:
    wide = samples.wide_dataset(3000)
    long = dict.fromkeys(wide.columns, "x" * 500)
    rows = replace(wide.samples, added=(long,) * 1000, removed=(long,) * 1000)
    partitions = tuple(PartitionDelta(f"day={day}", "added", 0, 1, 0, 1) for day in range(5000))
    dataset = replace(wide, samples=rows, partitions=partitions)
    text = render_html(samples.branch(*[dataset] * 10))
    assert len(text) < 20_000_000
    assert re.search(r"and 1,4\d\d more columns", text)
    assert "and 4,800 more partitions" in text
    assert 'Added rows <span class="soft">(33 of 1)' in text


def test_an_outcome_that_happened_at_all_can_be_seen() -> None:
    from pypedream_dagster.delta.model import RowCounts
    from pypedream_dagster.report.charts import outcome_bar

    bar = str(outcome_bar(RowCounts(base=10**9, head=10**9 + 1, added=1, removed=0, changed=0, unchanged=10**9)))
    widths = {kind: float(width) for kind, width in re.findall(r'class="(\w+)" x="[\d.]+" y="0" width="([\d.]+)"', bar)}
    assert widths.keys() == {"unchanged", "added"}
    assert widths["added"] >= 2
    assert sum(widths.values()) == pytest.approx(160)


def test_samples_of_a_wide_table_are_cut_and_say_so() -> None:
    text = render_html(samples.wide_dataset(200))
    assert "and 159 more columns" in text
    assert text.count("<tr>") > 200  # but every column has its row


def column(base: ColumnStats | None, head: ColumnStats | None, *types: str) -> ColumnDelta:
    base_type, head_type = (*types, *types)[:2]
    return ColumnDelta("compared", base_type, head_type, base=base, head=head)


def test_few_values_are_shown_as_bars_and_the_others_together() -> None:
    base = samples.counted({"A": 40, "B": 30, "C": 20, "D": 8, "E": 1, "F": 1})
    chart = str(charts.distribution(column(base, samples.counted({"A": 50, "B": 50}), "varchar"), SIDES))
    assert re.findall(r"<span>(.*?)</span>", chart) == ["A", "B", "C", "D", "<i>2 others</i>"]
    assert re.findall(r"<small>(.*?)</small>", chart)[:2] == ["40.0 % → 50.0 %", "30.0 % → 50.0 %"]
    assert "2.0 % → 0 %" in chart


def test_few_numbers_are_shown_as_bars_in_their_order() -> None:
    def grades(*values: int) -> ColumnStats:
        return replace(samples.stats(2, 1), values=tuple(ValueCount(value, 1) for value in values))

    chart = str(charts.distribution(column(grades(10, 2), grades(1, 9), "integer"), SIDES))
    assert re.findall(r"<span>(.*?)</span>", chart) == ["1", "2", "9", "10"]
    many = charts.distribution(column(grades(1, 2, 3), grades(4, 5, 6), "integer"), SIDES)
    assert 'class="spread"' in many


def test_values_of_the_data_are_escaped_in_charts() -> None:
    base = samples.counted({samples.SCRIPT: 1})
    assert "<script" not in str(charts.distribution(column(base, base, "varchar"), SIDES))


def test_instants_are_read_as_dates() -> None:
    chart = str(charts.distribution(column(samples.instants(0, 86_400), None, "timestamp"), SIDES))
    assert "50% 1970-01-04" in chart
    far = str(charts.distribution(column(samples.instants(1e15, 0), None, "timestamp"), SIDES))
    assert "about the year 3.169e+07" in far


def test_sides_that_cannot_be_held_against_each_other_have_no_chart() -> None:
    numbers, instants = samples.stats(1, 2), samples.instants(0, 1)
    assert charts.distribution(column(instants, numbers, "date", "integer"), SIDES) == ""
    assert charts.distribution(column(None, None, "struct(a integer)"), SIDES) == ""


@pytest.mark.parametrize("most", [0.0, 5e-324, 1.7e308])
def test_boxes_of_the_ends_of_the_scale(most: float) -> None:
    quantiles = tuple(Quantile(fraction, value) for fraction, value in ((0.25, -most), (0.5, 0.0), (0.75, most)))
    chart = str(charts.distribution(column(ColumnStats(0, 0.0, mean=most, quantiles=quantiles), None, "double"), SIDES))
    assert 'class="median"' in chart
    assert not re.search(r"nan|inf\b", chart)


def test_means_that_lie_further_apart_than_doubles_reach_have_no_shift() -> None:
    base, head = (replace(samples.stats(0, 1), mean=mean, stddev=1e-300) for mean in (-1e300, 1e300))
    assert digest.mean_shift(column(base, head, "double")) is None
    assert charts.shift_of(column(base, head, "double")) == ""


def test_columns_that_moved_without_a_changed_cell_are_notable() -> None:
    columns = {
        "same": column(samples.stats(10, 5), samples.stats(10, 5), "double"),
        "moved": column(samples.stats(10, 5), replace(samples.stats(10, 5), mean=10.1), "double"),
        "most": column(samples.stats(10, 5), replace(samples.stats(10, 5), mean=2.0), "double"),
        "noise": column(samples.stats(10, 5), replace(samples.stats(10, 5), mean=10.000001), "double"),
        "came": column(samples.counted({"A": 2}), samples.counted({"A": 1, "B": 1}), "varchar"),
    }
    delta = replace(samples.keyless_dataset(), columns=columns)
    assert list(digest.notable_columns(delta)) == ["most", "moved", "came"]
    assert digest.new_values(columns["came"]) == ([], ["B"])
