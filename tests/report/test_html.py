"""The HTML report: complete in itself, inert, and well formed however ugly the data."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from pypedream_dagster.delta.model import BranchDelta, DatasetDelta
from pypedream_dagster.report.html import render_html

from . import samples

VOID = {"meta", "br", "rect", "line", "circle", "link", "img", "input"}
DELTAS: dict[str, BranchDelta | DatasetDelta] = {
    "one": samples.changed_dataset(),
    "ordinary": samples.ordinary_branch(),
    "hostile": samples.branch(samples.hostile_dataset(), samples.changed_dataset()),
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
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(page.tags)
    assert not [key for key, _ in page.attributes if key.startswith("on") or key in {"src", "srcset", "style"}]
    targets = [value or "" for key, value in page.attributes if key == "href"]
    assert all(target.startswith("#") for target in targets)
    assert {target[1:] for target in targets} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_what_the_data_says_is_shown_and_never_acts() -> None:
    text = render_html(samples.hostile_dataset())
    page = Page(text)
    assert "<script" not in text
    assert "{{" in "".join(page.texts)  # template syntax in the data is data
    assert any(samples.SCRIPT in data for data in page.texts)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_overview_and_datasets_come_in_the_pipelines_order() -> None:
    delta = samples.many_datasets(60)
    page = Page(render_html(delta))
    assert [f"dataset-{index}" for index in range(1, 61)] == page.ids
    opened = re.findall(r'<details class="dataset card" open>', render_html(delta))
    assert len(opened) == 6


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
