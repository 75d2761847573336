"""Reports of imports: complete, to the letter, inert whatever is imported, and without secrets."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import jsonschema
import pytest

from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.importers.finding import Imported, Question
from pypedream_dagster.report.imported import ImportReport, import_report, summary_text
from pypedream_dagster.report.imported_html import render_import_html
from pypedream_dagster.report.imported_json import (
    SCHEMA_PATH,
    import_from_json,
    import_json_schema,
    import_to_json,
)
from pypedream_dagster.report.imported_markdown import render_import_markdown
from pypedream_dagster.report.imported_terminal import render_import_terminal
from pypedream_dagster.report.page import policy_hash

from . import imported_samples as samples
from .conftest import Check
from .test_html import Page

IMPORTS = {
    "one": samples.one_job(),
    "none": samples.nothing(),
    "ordinary": samples.ordinary(),
    "hostile": samples.hostile(),
    "sixty": samples.many(60),
}


def _report(imported: Imported) -> ImportReport:
    return import_report(imported)


@pytest.mark.parametrize("name", ["one", "none", "ordinary", "hostile"])
def test_reports_to_the_letter(name: str, snapshot: Check) -> None:
    imported = IMPORTS[name]
    report = _report(imported)
    snapshot(f"import-{name}.txt", render_import_terminal(report))
    snapshot(f"import-{name}.md", render_import_markdown(report))
    snapshot(f"import-{name}.json", import_to_json(report))
    snapshot(f"import-{name}.html", render_import_html(report, imported.graph))


def test_the_summary_says_the_numbers() -> None:
    assert summary_text(_report(IMPORTS["ordinary"]).summary) == (
        "6 Glue nodes, 2 others; 7 links: 3 high, 1 medium, 1 low, 2 order only; 3 questions; 1 problem"
    )
    assert summary_text(_report(IMPORTS["one"]).summary) == "1 Glue node; 0 links; 0 questions"


def test_a_node_says_whether_it_can_be_branched_and_why_not() -> None:
    nodes = {node.id: node for node in _report(IMPORTS["ordinary"]).nodes}
    assert nodes["join"].branchable
    assert nodes["export"].why_not == (
        "it writes s3://partner-drop/ (export.py:41): no argument of the job moves it",
        "it writes somewhere (export.py:57): its place cannot be told",
    )
    assert nodes["notify"].why_not == ("lambda tasks cannot be branched yet",)
    assert nodes["clean-orders"].inputs[0].argument == "--source_path"


def test_a_job_that_is_defined_nowhere_cannot_be_branched() -> None:
    bare = {"id": "gone", "metadata": {"operation": "glue", "properties": {"Name": "gone"}}}
    [node] = _report(Imported(parse_graph({"nodes": [bare]}))).nodes
    assert node.why_not == ("its job is defined nowhere: what it writes is not known",)


@pytest.mark.parametrize("name", IMPORTS)
def test_json_is_as_its_schema_says_and_reads_back(name: str) -> None:
    report = _report(IMPORTS[name])
    text = import_to_json(report)
    jsonschema.Draft202012Validator(import_json_schema()).validate(json.loads(text))
    assert import_from_json(text) == report


def test_the_published_schema_is_current() -> None:
    assert json.loads(SCHEMA_PATH.read_text(encoding="utf-8")) == import_json_schema()


def test_json_of_another_version_is_refused() -> None:
    text = import_to_json(_report(IMPORTS["one"])).replace('"version": 1', '"version": 2')
    with pytest.raises(PypedreamError, match="of version 1: version"):
        import_from_json(text)


@pytest.mark.parametrize("name", IMPORTS)
def test_the_page_is_whole_and_nothing_in_it_can_run_but_its_own_script(name: str) -> None:
    imported = IMPORTS[name]
    text = render_import_html(_report(imported), imported.graph)
    page = Page(text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("script") == 1
    assert not [attribute for attribute, _ in page.attributes if attribute.startswith("on") or attribute == "style"]
    targets = {value for attribute, value in page.attributes if attribute == "href"}
    assert all(value and value.startswith("#") and value[1:] in page.ids for value in targets)
    policy = next(value for _, value in page.attributes if value and "default-src" in value)
    for inline in re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", text, re.DOTALL):
        assert policy_hash(inline) in policy


def test_nothing_that_is_imported_is_markup_or_secret() -> None:
    imported = IMPORTS["hostile"]
    report = _report(imported)
    shown = [
        render_import_terminal(report),
        render_import_markdown(report),
        render_import_html(report, imported.graph),
        import_to_json(report),
    ]
    for text in shown:
        assert not re.search("Sw0rdfish99|AKIAIOSFODNN7EXAMPLE|ghp_0123", text)
    assert all("\u202e" not in text for text in shown[:3])
    assert "<script>alert" not in shown[1].replace("`<script>alert(1)</script>", "")
    assert "<script>alert" not in shown[2]


def test_long_markdown_is_cut_and_says_so() -> None:
    report = _report(samples.many(120))
    text = render_import_markdown(report, limit=5_000)
    assert len(text.encode()) <= 5_000
    assert "the rest is left out" in text
    assert "left out" not in render_import_markdown(report)


def test_the_terminal_shows_some_of_each_kind_of_question_first() -> None:
    many = tuple(Question("direction", f"n --{number}", f"Is --{number} read?") for number in range(40))
    imported = replace(IMPORTS["one"], questions=(*many, Question("parameter", "Bucket", "What is Bucket?")))
    text = render_import_terminal(_report(imported), width=80)
    assert text.index("What is Bucket?") < text.index("Is --0 read?")
    assert "and 35 more: read or written? 35" in text
    assert "--questions FILE" in text
    assert max(map(len, text.splitlines())) <= 80
