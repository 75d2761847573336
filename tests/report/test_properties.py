"""What holds of the report of any delta."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from pypedream_dagster.delta.json_form import branch_from_json, dataset_from_json, json_schema, to_json
from pypedream_dagster.delta.model import BranchDelta
from pypedream_dagster.report.html import render_html
from pypedream_dagster.report.markdown import render_markdown
from pypedream_dagster.report.terminal import render_terminal

from . import samples
from .strategies import branches
from .test_html import Page

# To shrink a whole delta takes minutes and helps little.
few = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate)
)


@few
@given(branches)
def test_the_json_form_comes_back(delta: BranchDelta) -> None:
    text = to_json(delta)
    assert branch_from_json(text) == delta
    assert to_json(branch_from_json(text)) == text
    jsonschema.validate(json.loads(text, parse_constant=pytest.fail), json_schema())


@few
@given(branches)
def test_a_page_is_whole(delta: BranchDelta) -> None:
    text = render_html(delta)
    page = Page(text)
    assert page.open == []
    assert "img" not in page.tags
    assert text.count("<script") == 1
    assert text == render_html(delta)


@few
@given(branches)
def test_a_terminal_is_not_overrun(delta: BranchDelta) -> None:
    from rich.cells import cell_len

    for width in (60, 100):
        text = render_terminal(delta, width=width)
        assert max(map(cell_len, text.split("\n"))) <= width
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", text)


@few
@given(branches)
def test_tables_of_markdown_keep_their_columns(delta: BranchDelta) -> None:
    for fold in (True, False):
        text = render_markdown(delta, fold=fold, limit=8000)
        assert len(text.encode()) <= 8000
        markup = re.sub(r"`[^`\n]*`", "", text)
        assert markup.count("<details>") == markup.count("</details>")
        for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            bars = {line.count("|") for line in block.splitlines()}
            assert len(bars) == 1


def test_names_that_are_no_utf_8_can_be_written() -> None:
    delta = replace(samples.broken_dataset(), error=b"no parquet file: part-\xff".decode(errors="surrogateescape"))
    assert dataset_from_json(to_json(delta)).error == "no parquet file: part-?"
    for render in (to_json, render_html, render_markdown, render_terminal):
        assert render(delta).encode()
