"""A judged delta as workflow commands of GitHub Actions, which become annotations of the run and of the files.

The form and its escapes are those of "Workflow commands for GitHub Actions": ``::error file=…,title=…::message``.
GitHub shows ten errors and ten warnings of a step, so the most serious come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pypedream_dagster.delta.failures import Judged, Judgement, failures
from pypedream_dagster.delta.model import DatasetDelta, ExpectationResult
from pypedream_dagster.report import digest, wording

_LONGEST_MESSAGE = 2000

Level = Literal["error", "warning", "notice"]
_LEVELS: tuple[Level, ...] = ("error", "warning", "notice")


@dataclass(frozen=True, slots=True)
class _Annotation:
    level: Level
    title: str
    message: str
    file: str | None = None


def render_github(judgement: Judgement, files: Mapping[str, str] | None = None) -> str:
    """Return a judged delta as lines to print in a step of a workflow.

    Args:
        judgement: the deltas. What fails is an error; where nothing is judged, so are a regression and data that
            is missing or cannot be compared.
        files: node → the path of the file that its annotations belong to, from the root of the repository.
    """
    places = files or {}
    found = [item for judged in judgement.datasets for item in _annotations(judged, judgement, places)]
    # What concerns all comes before what concerns one.
    found[:0] = [_Annotation("warning", f"Pypedream: {judgement.name}", note) for note in judgement.notes]
    found.sort(key=lambda item: _LEVELS.index(item.level))
    return "".join(f"{_line(item)}\n" for item in (*found, _summary(judgement)))


def _annotations(judged: Judged, judgement: Judgement, files: Mapping[str, str]) -> Iterator[_Annotation]:
    delta, file = judged.delta, files.get(judged.delta.node)
    title = f"{delta.dataset} ({delta.node})" if delta.node else delta.dataset
    found = judged.failures if judgement.fail_on else failures(delta, "policy")
    for failure in found:
        yield _Annotation("error", title, failure.text, file)
    for item in delta.main_moved:
        yield _Annotation("warning", title, wording.moved(item), file)
    if delta.verdict == "changed" and delta.status != "head_missing":
        yield _Annotation("notice", title, _differences(delta), file)
    told = [failure.result for failure in found]
    for result in delta.expectations.results if delta.expectations else ():
        if not any(result is other for other in told):
            yield from _expectation(result, title, file)
    if delta.expectations and delta.expectations.error and not any(item.aspect == "expectations" for item in found):
        yield _Annotation("warning", title, f"its expectations could not run: {delta.expectations.error}", file)


def _expectation(result: ExpectationResult, title: str, file: str | None) -> Iterator[_Annotation]:
    name = f"{result.expectation}{f' of {result.column}' if result.column else ''}"
    match result.outcome:
        case "regression":
            yield _Annotation("warning", title, f"{name} no longer holds, which its policy allows", file)
        case "failed_on_both":
            yield _Annotation("warning", title, f"{name} fails on main as well: {result.head_observed}", file)
        case "not_run":
            yield _Annotation("warning", title, f"{name}: {result.head_observed or 'not run'}", file)
        case "fixed":
            yield _Annotation("notice", title, f"{name} fails on main and holds on the branch", file)
        case "passed":
            pass


def _differences(delta: DatasetDelta) -> str:
    rows = delta.rows
    outcomes = (("added", rows.added), ("removed", rows.removed), ("changed", rows.changed or 0))
    counted = ", ".join(f"{count:,} {what}" for what, count in outcomes if count)
    lines = [f"{counted or 'no row differs'}; {rows.base:,} → {rows.head:,} rows"]
    lines += [f"{sign} {column}: {what}" for sign, column, what in digest.schema_lines(delta)]
    lines += [
        f"{name}: {wording.plural(column.changed or 0, 'cell')} changed"
        for name, column in delta.changed_columns.items()
    ]
    return "\n".join(lines[:20])


def _summary(judgement: Judgement) -> _Annotation:
    verdicts = [judged.delta.verdict for judged in judgement.datasets]
    counts = [f"{verdicts.count('changed')} changed", f"{verdicts.count('unchanged')} unchanged"]
    if missing := verdicts.count("not_compared"):
        counts.append(f"{missing} not compared")
    failed = [judged.delta.dataset for judged in judgement.datasets if judged.failures]
    over = f"; --fail-on {judgement.fail_on} fails {', '.join(failed)}" if failed else ""
    text = f"{wording.plural(len(verdicts), 'dataset')}: {', '.join(counts)}{over}"
    return _Annotation("notice", f"Pypedream: {judgement.name}", text)


def _line(item: _Annotation) -> str:
    properties = {"file": item.file, "title": wording.visible(item.title, 200)}
    shown = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    message = "\n".join(wording.visible(line) for line in item.message.split("\n"))
    cut = message if len(message) <= _LONGEST_MESSAGE else f"{message[: _LONGEST_MESSAGE - 1]}…"
    return f"::{item.level} {shown}::{_data(cut)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
