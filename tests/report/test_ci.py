"""What CI reads: JUnit XML and GitHub's workflow commands, of the same judgement as the exit code."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from pypedream_dagster.delta.failures import FailOn, Judgement, judge
from pypedream_dagster.delta.model import BranchDelta, DatasetDelta, ExpectationDelta
from pypedream_dagster.graph.model import DeltaPolicy
from pypedream_dagster.report.github import render_github
from pypedream_dagster.report.junit import render_junit

from . import samples
from .conftest import Check

# What Jenkins' junit-10.xsd allows.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "time", "tests", "failures", "errors", "skipped", "timestamp"},
    "testcase": {"name", "time", "classname"},
    **{tag: {"type", "message"} for tag in ("failure", "error", "skipped")},
    "system-out": set(),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}
COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def junit(delta: BranchDelta | DatasetDelta, fail_on: FailOn | None, *policies: DeltaPolicy | None) -> Element:
    text = render_junit(judge(delta, fail_on, policies))
    root = ElementTree.fromstring(text)
    check_shape(root)
    return root


def check_shape(root: Element) -> None:
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag], element.tag
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        assert len(element) <= 1 or element.tag in {"testsuites", "testsuite"}
    for element in (root, *root):
        cases = list(element.iter("testcase"))
        assert element.get("tests") == str(len(cases))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            if attribute in element.attrib:
                assert element.get(attribute) == str(sum(case.find(tag) is not None for case in cases))
        names = [(case.get("classname"), case.get("name")) for case in cases]
        assert len(set(names)) == len(names)


def outcomes(suite: Element) -> dict[str, str]:
    found = {}
    for case in suite:
        tags = [child.tag for child in case if child.tag != "system-out"]
        found[str(case.get("name")).split("(")[0]] = tags[0] if tags else "passed"
    return found


NOT_NULL, BETWEEN = "expect_column_values_to_not_be_null", "expect_column_values_to_be_between"
ROW_COUNT = "expect_table_row_count_to_be_between"


@pytest.mark.parametrize(
    ("fail_on", "policy", "failing", "skipped"),
    [
        (None, None, set(), {"policy", BETWEEN, ROW_COUNT}),
        ("any", None, {"schema", "rows", BETWEEN}, {"policy", ROW_COUNT}),
        ("policy", None, {BETWEEN}, {ROW_COUNT}),
        ("policy", DeltaPolicy(allow_expectation_regressions=True), set(), {BETWEEN, ROW_COUNT}),
        ("policy", DeltaPolicy(max_removed_fraction=0), {"policy", BETWEEN}, {ROW_COUNT}),
        ("policy", DeltaPolicy(allow_schema_change=False, max_changed_fraction=0.5), {"policy", BETWEEN}, {ROW_COUNT}),
    ],
)
def test_a_changed_dataset(
    fail_on: FailOn | None, policy: DeltaPolicy | None, failing: set[str], skipped: set[str]
) -> None:
    (suite,) = junit(samples.branch(samples.changed_dataset()), fail_on, policy)
    assert suite.get("name") == "clean_flights.flights_valid"
    found = outcomes(suite)
    assert set(found) == {"data", "schema", "rows", "policy", NOT_NULL, BETWEEN, ROW_COUNT}
    assert {name for name, outcome in found.items() if outcome == "failure"} == failing
    assert {name for name, outcome in found.items() if outcome == "skipped"} == skipped


@pytest.mark.parametrize(
    ("fail_on", "missing", "broken"),
    [(None, "skipped", "skipped"), ("any", "failure", "error"), ("policy", "failure", "error")],
)
def test_what_is_not_compared_never_passes(fail_on: FailOn | None, missing: str, broken: str) -> None:
    gone = replace(samples.missing_dataset(), verdict="changed")
    root = junit(samples.branch(samples.unchanged_dataset(), gone, samples.broken_dataset()), fail_on)
    assert [outcomes(suite)["data"] for suite in root] == ["passed", missing, broken]
    assert len(root[1]) == len(root[2]) == 1  # nothing is said of rows that nobody has seen
    assert judge(samples.branch(gone), fail_on).failed == (fail_on is not None)


def test_a_new_dataset_is_judged_by_what_it_has() -> None:
    delta = replace(samples.changed_dataset(), status="base_missing")
    found = outcomes(junit(samples.branch(delta), "policy", DeltaPolicy(max_added_fraction=0))[0])
    assert (found["data"], found["policy"], found[BETWEEN]) == ("failure", "passed", "failure")
    assert outcomes(junit(samples.branch(delta), "policy")[0])["data"] == "passed"


def test_a_broken_suite_and_what_was_not_run() -> None:
    delta = replace(samples.unchanged_dataset(), expectations=ExpectationDelta("s", error="s.json is no suite"))
    assert outcomes(junit(delta, "policy")[0])["policy"] == "failure"
    assert outcomes(junit(delta, "any")[0])["expectations"] == "failure"
    assert outcomes(junit(delta, None)[0])["expectations"] == "skipped"
    assert (
        "::error title=airports (ingest_reference)::its expectations could not run: s.json is no suite"
        in render_github(judge(delta, None))
    )


def test_cases_of_one_name_are_told_apart() -> None:
    found = samples.changed_dataset().expectations
    assert found is not None
    twice = replace(found, results=found.results * 2)
    (suite,) = junit(replace(samples.changed_dataset(), expectations=twice), "any")
    assert len(suite) == 10


@pytest.mark.parametrize("fail_on", [None, "any", "policy"])
def test_hostile_texts_act_on_nothing(fail_on: FailOn | None) -> None:
    delta = samples.branch(samples.hostile_dataset(), samples.hostile_dataset())
    text = render_junit(judge(delta, fail_on))
    root = ElementTree.fromstring(text)
    assert samples.SCRIPT in str(root[0].get("name"))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\ufffe\uffff]", text)

    lines = render_github(judge(delta, fail_on), {samples.SCRIPT: "a,b:c%\r\nd.py"}).splitlines()
    for line in lines:
        matched = COMMAND.fullmatch(line)
        assert matched, line
        assert re.sub(r"%(25|0A|0D)", "", matched[3]).count("%") == 0
        for item in matched[2].split(","):
            assert re.fullmatch(r"(file|title)=[^,:\r\n]*", item), line
    assert sum("file=a%2Cb%3Ac%25%0D%0Ad.py" in line for line in lines) >= 2


def test_annotations_come_by_weight_and_name_the_file() -> None:
    delta = samples.ordinary_branch()
    lines = render_github(
        judge(delta, "policy"), {"clean_flights": "branches/test/scripts/clean_flights.py"}
    ).splitlines()
    levels = [line.split(" ")[0].strip(":") for line in lines]
    assert levels == sorted(levels, key=["error", "warning", "notice"].index)
    assert lines[0].startswith(
        "::error file=branches/test/scripts/clean_flights.py,title=flights_valid (clean_flights)::"
    )
    assert "no longer holds: min -412" in lines[0]
    assert any(line.startswith("::warning") and "fails on main as well" in line for line in lines)
    assert lines[-1].startswith("::notice title=Pypedream%3A test::5 datasets: ")


def test_that_main_has_moved_is_told(snapshot: Check) -> None:
    judgement = judge(samples.moved_branch(), "policy")
    root = junit(samples.moved_branch(), "policy")
    assert root[0].get("name") == "test"
    assert root[0][0][0].tag == "skipped"
    snapshot("moved.junit.xml", render_junit(judgement))
    snapshot("moved.github.txt", render_github(judgement))


def test_reports_for_ci(snapshot: Check) -> None:
    judgement: Judgement = judge(
        samples.ordinary_branch(), "policy", [DeltaPolicy(max_removed_fraction=0), *[None] * 4]
    )
    snapshot("branch.junit.xml", render_junit(judgement))
    snapshot("branch.github.txt", render_github(judgement, {"clean_flights": "branches/test/scripts/clean_flights.py"}))
