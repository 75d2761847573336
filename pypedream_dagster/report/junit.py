"""A judged delta as JUnit XML, as GitLab, Jenkins and actions for GitHub read it (Jenkins' junit-10.xsd).

A dataset is a test suite; its cases are its data, its columns, its rows, its policy and each of its expectations.
What fails is what the rule of ``--fail-on`` says: by ``any`` the cases of columns and rows, by ``policy`` that of the
policy. Nothing fails without a rule: what cannot be called good is skipped then, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pypedream_dagster.delta.failures import Failure, Judged, Judgement
from pypedream_dagster.delta.model import DatasetDelta, ExpectationResult
from pypedream_dagster.report import digest, wording

_LONGEST_MESSAGE = 500

Outcome = Literal["passed", "failure", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    outcome: Outcome = "passed"
    kind: str = ""
    lines: tuple[str, ...] = ()


def render_junit(judgement: Judgement) -> str:
    """Return a judged delta as an XML document."""
    root = Element("testsuites", name=_shown(f"pypedream {judgement.name}"))
    found = [
        (_place(judged.delta), judged.delta.seconds, list(_cases(judged, judgement))) for judged in judgement.datasets
    ]
    if judgement.notes:
        found.insert(0, (judgement.name, 0.0, [_Case("main", "skipped", "main has changed", judgement.notes)]))
    _count(root, [case for _, _, cases in found for case in cases], sum(seconds for _, seconds, _ in found))
    for place, seconds, cases in found:
        suite = SubElement(root, "testsuite", name=_shown(place))
        _count(suite, cases, seconds)
        suite.set("skipped", str(sum(case.outcome == "skipped" for case in cases)))
        if judgement.created_at is not None:
            suite.set("timestamp", judgement.created_at.strftime("%Y-%m-%dT%H:%M:%S"))
        seen: Counter[str] = Counter()
        for case in cases:
            seen[case.name] += 1  # GitLab takes cases of one name for one
            again = f" #{seen[case.name]}" if seen[case.name] > 1 else ""
            _write(suite, replace(case, name=f"{case.name}{again}"), place)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _place(delta: DatasetDelta) -> str:
    return f"{delta.node}.{delta.dataset}" if delta.node else delta.dataset


def _count(element: Element, cases: list[_Case], seconds: float) -> None:
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.outcome == "failure" for case in cases)))
    element.set("errors", str(sum(case.outcome == "error" for case in cases)))
    element.set("time", f"{seconds:.3f}")


def _write(suite: Element, case: _Case, place: str) -> None:
    element = SubElement(suite, "testcase", classname=_shown(place), name=_shown(case.name))
    text = "\n".join(wording.visible(line) for line in case.lines)
    if case.outcome == "passed":
        if text:
            SubElement(element, "system-out").text = text
        return
    message = _shown("; ".join(case.lines))
    verdict = SubElement(element, case.outcome, message=message, type=case.kind or case.outcome)
    verdict.text = text


def _shown(text: str) -> str:
    return wording.visible(text, _LONGEST_MESSAGE)


def _cases(judged: Judged, judgement: Judgement) -> Iterator[_Case]:
    delta = judged.delta
    yield _data(judged)
    if delta.verdict == "not_compared" or delta.status == "head_missing":
        return
    by_policy = judgement.fail_on == "policy"
    changes = tuple(f"{sign} {column}: {what}" for sign, column, what in digest.schema_lines(delta))
    for name, lines in (("schema", changes), ("rows", tuple(_row_lines(delta)))):
        # By the policy, columns and rows may differ as far as its own case says.
        found = () if by_policy else _of(judged.failures, name)
        yield _failed(name, "difference", found, lines) if found else _Case(name, lines=lines)
    over = [item for item in judged.failures if by_policy and item.result is None and item.aspect != "data"]
    if over:
        yield _failed("policy", "over policy", over)
    else:
        yield (
            _Case("policy") if by_policy else _Case("policy", "skipped", "not judged", ("--fail-on policy judges it",))
        )
    yield from _expectations(judged, judgement)


def _of(failures: Iterable[Failure], aspect: str) -> list[Failure]:
    return [failure for failure in failures if failure.aspect == aspect]


def _failed(name: str, kind: str, found: Iterable[Failure], lines: tuple[str, ...] = ()) -> _Case:
    return _Case(name, "failure", kind, (*(failure.text for failure in found), *lines))


def _data(judged: Judged) -> _Case:
    delta = judged.delta
    sides = wording.sides(delta)
    told = (f"{sides.base}: {delta.base_uri}", f"{sides.head}: {delta.head_uri}", *delta.notes)
    told = (*told, *(f"main has moved: {wording.moved(item)}" for item in delta.main_moved))
    if found := _of(judged.failures, "data"):
        is_missing = delta.verdict != "not_compared"
        return replace(
            _failed("data", "missing", found), outcome="failure" if is_missing else "error", kind=delta.status
        )
    if delta.verdict == "not_compared" or delta.status == "head_missing":
        return _Case("data", "skipped", delta.status, (delta.error or wording.status(delta),))
    return _Case("data", lines=(wording.status(delta), *told))


def _row_lines(delta: DatasetDelta) -> Iterator[str]:
    rows = delta.rows
    changed = "" if rows.changed is None else f", {rows.changed:,} changed"
    yield (
        f"{rows.base:,} → {rows.head:,} rows: {rows.added:,} added, {rows.removed:,} removed{changed}, "
        f"{rows.unchanged:,} unchanged"
    )
    for name, column in delta.changed_columns.items():
        yield f"{name}: {wording.plural(column.changed or 0, 'cell')} changed"


def _expectations(judged: Judged, judgement: Judgement) -> Iterator[_Case]:
    found = judged.delta.expectations
    if found is None:
        return
    if found.error:
        failing = judgement.fail_on == "any"  # by the policy, the policy's case says it
        yield _Case("expectations", "failure" if failing else "skipped", "suite", (found.error,))
    failing_results = [failure.result for failure in judged.failures if failure.result is not None]
    for result in found.results:
        yield _expectation(result, is_failure=any(result is other for other in failing_results))


def _expectation(result: ExpectationResult, *, is_failure: bool) -> _Case:
    told = tuple(part for part in (result.column or "", result.arguments) if part)
    name = f"{result.expectation}({', '.join(told)})"
    main, branch = f"main: {result.base_observed or '-'}", f"branch: {result.head_observed or '-'}"
    match result.outcome:
        case "regression":
            lines = ("it holds on main, and no longer on the branch", main, branch)
            return _Case(name, "failure" if is_failure else "skipped", "regression", lines)
        case "failed_on_both":
            return _Case(name, "skipped", "failed on both", ("it fails on main as well", main, branch))
        case "not_run":
            return _Case(name, "skipped", "not run", (result.head_observed or "it was not run",))
        case "passed" | "fixed":
            return _Case(name, lines=(main, branch))
