"""Answers files: what they may look like, what is wrong in them, and the file to fill in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.importers.answers import KINDS, Answers, answers_template, key_of, parse_answers, read_answers
from pypedream_dagster.importers.finding import Question
from pypedream_dagster.importers.survey import Where

DIRECTION = Question(
    "direction",
    "load --path",
    "Does load read or write what --path names?",
    ("input", "output", "neither"),
    "load",
    (Where("scripts/load.py", 12),),
)
BUCKET = Question("parameter", "LakeBucket", "What is the value of LakeBucket?", at=(Where("template.yaml", 3, "Ref"),))
WRITERS = Question("several-writers", "s3://lake/x/", "Whose is s3://lake/x/?", ("load", "report: daily"))


@pytest.mark.parametrize(
    "text",
    [
        "parameters:\n  LakeBucket: prod\ndirection:\n  load --path: output\n",
        '"parameter: LakeBucket": prod\n"direction: load --path": Output\n',
        f"{BUCKET.id}: prod\n{DIRECTION.id}: ' OUTPUT '\n",
        f"answers:\n  {BUCKET.id}: prod\n  direction:\n    {DIRECTION.id}: output\n",
        '{"parameters": {"LakeBucket": "prod"},\n\t"direction: load --path": "output"}',
        "\ufeff".encode().decode() + "parameter: {LakeBucket: prod}\ndirection: {load --path: output}\n",
    ],
)
def test_questions_are_named_in_several_ways(text: str, tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_text(text, encoding="utf-8")
    answers = read_answers(path)
    assert answers.of(DIRECTION) == "output"
    assert answers.of(BUCKET) == answers.parameter("LakeBucket") == "prod"
    assert answers.of(WRITERS) is None
    assert answers.unasked([DIRECTION, BUCKET]) == ()


def test_values_are_taken_as_they_stand() -> None:
    text = "parameters: {version: 1.10, on: yes, day: 2026-01-02, code: 007, none: null, empty: ''}"
    assert parse_answers(text).parameters == {"version": "1.10", "on": "yes", "day": "2026-01-02", "code": "007"}
    numbers = '{"parameters": {"version": 1.10, "on": true, "none": null}}'
    assert parse_answers(numbers).parameters == {"version": "1.10", "on": "true"}


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}", "direction:\nparameters:\n", "null"])
def test_a_file_may_hold_no_answer_yet(text: str) -> None:
    assert parse_answers(text) == Answers({}, "the answers")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("direktion:\n  load --path: output\n", "'direktion' is no question"),
        ("'load --path': output\n", "several-writers"),
        ("direction: [a, b]\n", "line 1"),
        ('{"direction": {"load --path": ["output"]}}', "list"),
        ("direction:\n  load --path:\n    deeper: {still: {more: x}}\n", "no answer"),
        ("x: &a {x: *a}\n", "no answer"),
        ("just text", "holds no answers"),
        ("a: b: c", "neither YAML nor JSON"),
        ("direction:\n  load --path: output\n  load --path: input\n", "twice"),
        ('{"parameters": {"a": "1", "a": "2"}}', "twice"),
    ],
)
def test_what_is_no_answer_is_named(text: str, said: str) -> None:
    with pytest.raises(PypedreamError, match=said):
        parse_answers(text)


def test_a_missing_file_and_bytes_that_are_no_text_are_errors(tmp_path: Path) -> None:
    with pytest.raises(PypedreamError, match="--questions"):
        read_answers(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PypedreamError, match="cannot be read"):
        read_answers(tmp_path / "bad.yaml")


def test_a_bad_choice_lists_the_choices() -> None:
    answers = parse_answers("direction: {load --path: sideways}", source="a.yaml")
    with pytest.raises(PypedreamError, match=r"a\.yaml.*load --path.*'sideways'.*input, output, neither"):
        answers.of(DIRECTION)


def test_an_answer_to_what_is_asked_no_more_can_be_told() -> None:
    answers = parse_answers("direction: {old --path: input}\nparameters: {LakeBucket: x}\nunknown-job:00000000: x\n")
    assert answers.unasked([BUCKET, WRITERS]) == ("direction: old --path", "unknown-job:00000000")


def test_the_template_reads_well() -> None:
    known = parse_answers("several-writers: {'s3://lake/x/': 'report: daily'}\nself-reading:12345678: merge\n")
    assert answers_template([DIRECTION, WRITERS, BUCKET], known).splitlines()[3:] == [
        "parameters:",
        "",
        "  # What is the value of LakeBucket?",
        "  # Where: template.yaml:3 (Ref)",
        '  "LakeBucket":',
        "",
        "direction:",
        "",
        "  # Does load read or write what --path names?",
        "  # Where: scripts/load.py:12",
        "  # One of: input, output, neither",
        '  "load --path":',
        "",
        "several-writers:",
        "",
        "  # Whose is s3://lake/x/?",
        "  # One of: load, report: daily",
        '  "s3://lake/x/": "report: daily"',
        "",
        "self-reading:",
        "",
        "  # Answered before:",
        '  "self-reading:12345678": "merge"',
    ]


def test_an_answer_is_kept_by_a_name_that_a_person_can_read() -> None:
    for question, key in ((DIRECTION, "direction: load --path"), (WRITERS, "several-writers: s3://lake/x/")):
        assert key_of(question) == key
    odd = Question("direction", " x\n", "")
    assert key_of(odd) == odd.id
    answers = Answers.recorded({"direction: load --path": "output"})
    assert answers.of(DIRECTION) == "output"
    assert '"load --path": "output"' in answers_template([], answers)


def test_what_a_graph_file_keeps_and_fits_no_more_is_asked_again() -> None:
    assert Answers.recorded({WRITERS.label: "gone"}).of(WRITERS) is None
    assert parse_answers("several-writers: {'s3://lake/x/': load}").of(WRITERS) == "load"
    with pytest.raises(PypedreamError, match="load, report: daily"):
        (Answers.recorded({WRITERS.label: "load"}) | parse_answers("several-writers: {'s3://lake/x/': gone}")).of(
            WRITERS
        )


@pytest.mark.parametrize("place", ["lake/x", "s3://", "s3:/lake/x", "here"])
def test_a_table_lies_at_an_s3_uri(place: str) -> None:
    table = Question("unknown-table", "dw.t", "Where does dw.t lie?")
    with pytest.raises(PypedreamError, match="give an S3 URI"):
        parse_answers(f"unknown-table: {{dw.t: '{place}'}}").of(table)
    assert parse_answers("unknown-table: {dw.t: 's3://${Lake}/x/'}").of(table) == "s3://${Lake}/x/"


def test_recorded_answers_are_those_of_the_graph_file() -> None:
    answers = Answers.recorded({DIRECTION.id: "output", "junk": "x", BUCKET.id: "old"})
    assert (answers.of(DIRECTION), answers.parameter("LakeBucket")) == ("output", "old")
    newer = answers | parse_answers("parameters: {LakeBucket: new}")
    assert (newer.of(DIRECTION), newer.parameter("LakeBucket")) == ("output", "new")


questions = st.builds(
    Question,
    st.sampled_from(KINDS),
    st.text(max_size=40) | st.sampled_from(["x" * 1_000, "é\u2028" * 400]),
    st.text(max_size=80),
    st.just(()),
    st.text(max_size=5),
    st.lists(st.builds(Where, st.text(max_size=20), st.none() | st.integers(1, 9), st.text(max_size=9))).map(tuple),
)
texts = st.text(min_size=1, max_size=30).filter(lambda text: text.strip() == text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(questions, texts | st.none()), max_size=6, unique_by=lambda pair: pair[0].id))
def test_a_filled_template_gives_the_answers_back(pairs: list[tuple[Question, str | None]]) -> None:
    filled = {
        question.id: {"kind": question.kind, "about": question.about, "text": text} for question, text in pairs if text
    }
    sections: dict[str, dict[str, str]] = {}
    for question, text in pairs:
        if text:
            sections.setdefault(question.kind, {})[question.about] = text
    known = parse_answers(json.dumps(sections))
    assert set(known.given) == set(filled)
    asked = [question for question, _ in pairs]
    for shown in (asked, asked[:1], []):  # whether still asked or not
        template = answers_template(shown, known)
        again = parse_answers(template)
        assert {name: given.text for name, given in again.given.items()} == {
            name: given["text"] for name, given in filled.items()
        }
        assert answers_template(shown, again) == template


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("abdirecton-:{}[]&*!|>'\"#%@`,? \n\t\\u0x"), max_size=40) | st.text(max_size=40))
def test_any_text_gives_answers_or_an_expected_error(text: str) -> None:
    try:
        parse_answers(text)
    except PypedreamError:
        return
