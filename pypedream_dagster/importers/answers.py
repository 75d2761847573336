"""Answers to an import's questions: read from a file, and the file to fill in.

::

    parameters:
      LakeBucket: prod-lake
    direction:
      "load --path": output
    direction:1f0c9a3b: input          # by the question's id
    "several-writers: s3://lake/x/": load

YAML or JSON. A section is a question's kind; in it each key is what the question is about, or its id. An empty answer
is none yet.
"""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, get_args

from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.graph.uri import is_uri
from pypedream_dagster.importers.finding import Question, QuestionKind
from pypedream_dagster.masking.mask import mask_text

KINDS: tuple[QuestionKind, ...] = get_args(QuestionKind)
_PARAMETERS = "parameters"
_SECTIONS: Mapping[str, QuestionKind] = {**{kind: kind for kind in KINDS}, _PARAMETERS: "parameter"}
_ID = re.compile(rf"({'|'.join(KINDS)}):[0-9a-f]{{8}}")
_ABOUT = re.compile(rf"({'|'.join(KINDS)}):\s+(.*\S)\s*", re.DOTALL)
_LONGEST_KEY = 1_000  # YAML's keys end at 1,024 characters
_COMMENT_WIDTH = 100
_PLACES_SHOWN = 5

_DEEPEST = 3  # answers, a section, a question
_AS_WRITTEN: Mapping[str, Any] = {"parse_int": str, "parse_float": str, "parse_constant": str}

_Tree: TypeAlias = "str | list[tuple[str, _Tree]]"


@dataclass(frozen=True, slots=True)
class _Given:
    """One answer.

    Attributes:
        text: the answer.
        kind, about: of the question; ``about`` is None where only its id is known.
        is_old: whether a graph file keeps it from an import before: what was asked then may have changed.
    """

    text: str
    kind: str
    about: str | None = None
    is_old: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """What people have answered.

    Attributes:
        given: answers by the question's id.
        source: the file that they come from; empty where they come from none.
    """

    given: Mapping[str, _Given] = field(default_factory=dict)
    source: str = ""

    @classmethod
    def recorded(cls, answers: Mapping[str, str]) -> Answers:
        """Return the answers that a graph file holds; what is no question's name is passed over."""
        given: dict[str, _Given] = {}
        for name, text in answers.items():
            if text and (found := _named(name)):
                given[found[0]] = _Given(text, found[1], found[2], is_old=True)
        return cls(given)

    def of(self, question: Question) -> str | None:
        """Return the answer to a question, None where there is none.

        One that a graph file keeps and that fits no more, since production has changed, is none.

        Raises:
            PypedreamError: it is none of the question's choices, or nothing that such a question can be answered with.
        """
        given = self.given.get(question.id)
        if given is None:
            return None
        hint = "give an S3 URI, such as s3://bucket/folder/"
        if question.choices:
            hint = f"choose one of: {', '.join(question.choices)}"
            fitting = [choice for choice in question.choices if choice.casefold() == given.text.casefold()]
        else:
            fitting = [given.text] if question.kind != "unknown-table" or is_uri(given.text) else []
        if not fitting and not given.is_old:
            about = f"{self.source or 'The answers'}: {question.label}"
            raise PypedreamError(f"{about}: {given.text!r} is no answer to it.", hint=hint)
        return fitting[0] if fitting else None

    def parameter(self, name: str) -> str | None:
        """Return the value of a parameter, also where its question's id alone was answered."""
        given = self.given.get(Question("parameter", name, "").id)
        return given.text if given else None

    @property
    def parameters(self) -> Mapping[str, str]:
        """Values of parameters by name, as far as they were answered by name."""
        return {given.about: given.text for given in self.given.values() if given.kind == "parameter" and given.about}

    def unasked(self, asked: Iterable[Question], settled: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the answers to which there is no question among these, nor was (by key), as a person knows them."""
        ids = {question.id for question in asked} | {found[0] for key in settled if (found := _named(key))}
        return tuple(_label(name, given) for name, given in self.given.items() if name not in ids)

    def __or__(self, other: Answers) -> Answers:
        """Return both; where both answer a question, the other's answer counts."""
        return Answers({**self.given, **other.given}, other.source or self.source)


def read_answers(path: Path) -> Answers:
    """Read an answers file.

    Raises:
        PypedreamError: it is missing, no YAML or JSON, or holds what is no answer; the place is named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise PypedreamError(
            f"There is no answers file {path}.", hint="'pypedream import-dag … --questions FILE' writes one to fill in"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PypedreamError(f"{path} cannot be read: {error}.") from error
    return parse_answers(text, source=str(path))


def parse_answers(text: str, *, source: str = "the answers") -> Answers:
    """Make answers of a file's text; see `read_answers`.

    Raises:
        PypedreamError: it is no YAML or JSON, or holds what is no answer.
    """
    tree = _tree(text, source)
    if isinstance(tree, str):
        if tree.strip():
            raise PypedreamError(f"{source} holds no answers: a mapping of questions to answers is expected.")
        tree = []
    given: dict[str, _Given] = {}
    for name, one in _all(tree, source):
        if not one.text.strip():
            continue
        if name in given and given[name].text != one.text:
            raise PypedreamError(
                f"{source} answers {_label(name, one)!r} twice: {given[name].text!r} and {one.text!r}.",
                hint="keep one of them",
            )
        given[name] = one
    return Answers(given, source)


def _all(tree: Sequence[tuple[str, _Tree]], source: str) -> Iterator[tuple[str, _Given]]:
    for key, value in tree:
        if not isinstance(value, str):
            if key == "answers":
                yield from _all(value, source)
            elif key in _SECTIONS:
                yield from (_answer(name, text, _SECTIONS[key], source) for name, text in value)
            else:
                raise _unknown(key, source)
        elif value or key not in {*_SECTIONS, "answers"}:  # a section may be empty
            yield _answer(key, value, None, source)


def _answer(key: str, value: _Tree, kind: QuestionKind | None, source: str) -> tuple[str, _Given]:
    if not isinstance(value, str):
        raise PypedreamError(f"{source}: the answer to {key!r} is no text.", hint="an answer is one text or number")
    if kind is not None and not _ID.fullmatch(key):
        return Question(kind, key, "").id, _Given(value.strip(), kind, key)
    if not (found := _named(key)):
        raise _unknown(key, source)
    return found[0], _Given(value.strip(), found[1], found[2])


def key_of(question: Question) -> str:
    """Return what a graph file keeps an answer by: what a person can read, if it stands for the question, or its id."""
    found = _named(question.label)
    return question.label if found and found[0] == question.id else question.id


def _named(key: str) -> tuple[str, QuestionKind, str | None] | None:
    """Return the id, kind and subject of a question that is named by its id, or by kind and subject."""
    if match := _ID.fullmatch(key):
        return key, _SECTIONS[match[1]], None
    if match := _ABOUT.fullmatch(key):
        return Question(_SECTIONS[match[1]], match[2], "").id, _SECTIONS[match[1]], match[2]
    return None


def _unknown(key: str, source: str) -> PypedreamError:
    return PypedreamError(
        f"{source}: {key!r} is no question.",
        hint=f"a key is a question's id, 'kind: about', or a section: {', '.join((_PARAMETERS, *KINDS))}",
    )


def _tree(text: str, source: str) -> _Tree:
    """Return the texts of a YAML or JSON document as they stand: ``yes`` is a word, and 1.10 is not 1.1."""
    # YAML's reader would refuse JSON's tabs and tear its surrogate pairs.
    if text.lstrip().startswith("{"):
        try:
            return _of_json(json.loads(text, object_pairs_hook=_Pairs, **_AS_WRITTEN), source)
        except (ValueError, RecursionError):
            pass  # perhaps YAML in braces
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return _of_yaml(node, source) if node is not None else []
    except (yaml.YAMLError, RecursionError) as error:
        raise PypedreamError(f"{source} is neither YAML nor JSON: {' '.join(str(error).split())}.") from error


class _Pairs(list[tuple[str, Any]]):
    """A JSON object, repeated keys included."""


def _of_json(value: Any, source: str) -> _Tree:
    match value:
        case _Pairs():
            return [(key, _of_json(item, source)) for key, item in value]
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return value
        case _:
            raise PypedreamError(f"{source} holds a list, which is no answer.", hint="an answer is one text or number")


def _of_yaml(node: Any, source: str, depth: int = 0) -> _Tree:
    import yaml

    match node:
        case yaml.ScalarNode():
            return "" if node.tag == "tag:yaml.org,2002:null" else str(node.value)
        case yaml.MappingNode() if depth < _DEEPEST:  # aliases could make it endless
            below = depth + 1
            pairs = [(_of_yaml(key, source, below), _of_yaml(value, source, below)) for key, value in node.value]
            return [(key, value) for key, value in pairs if isinstance(key, str)]
        case _:
            raise PypedreamError(
                f"{source}, line {node.start_mark.line + 1}: a list or a mapping is no answer.",
                hint="an answer is one text or number",
            )


def _label(name: str, given: _Given) -> str:
    return name if given.about is None else f"{given.kind}: {given.about}"


def answers_template(questions: Sequence[Question], known: Answers) -> str:
    """Return a YAML file to answer questions in: each with its text, where to look, its choices, and no answer yet.

    Answers that are known already stand in it, those to questions that are not among these as well: nothing that a
    person filled in is lost by writing the file anew.
    """
    lines = [*_HEADER]
    by_kind: defaultdict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_kind[question.kind].append(question)
    asked = {question.id for question in questions}
    kept = {name: given for name, given in known.given.items() if name not in asked}
    for kind in sorted({*by_kind, *(given.kind for given in kept.values())}, key=_section_order):
        lines += ["", f"{_PARAMETERS if kind == 'parameter' else kind}:"]
        for question in dict.fromkeys(by_kind[kind]):
            given = known.given.get(question.id)
            lines += ["", *_comment(question), _line(_key(question.id, question.about), given.text if given else "")]
        old = [(name, given) for name, given in kept.items() if given.kind == kind]
        lines += ["", "  # Answered before:"] if old else []
        lines += [_line(_key(name, given.about), given.text) for name, given in old]
    return "\n".join(lines) + "\n"


_HEADER = (
    "# What the import could not tell. Answer after the colon what you know, leave the rest empty, and run",
    "# 'pypedream import-dag --merge --answers FILE'. Writing the file anew keeps the answers, not your own comments.",
)


def _section_order(kind: str) -> tuple[bool, int]:
    return kind != "parameter", KINDS.index(kind)  # a value often settles other questions


def _key(name: str, about: str | None) -> str:
    return name if about is None or len(_quoted(about)) > _LONGEST_KEY or not about.strip() else about


def _line(key: str, answer: str) -> str:
    return f"  {_quoted(key)}:{' ' if answer else ''}{_quoted(answer) if answer else ''}"


def _quoted(text: str) -> str:
    import yaml

    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=math.inf).strip()


def _comment(question: Question) -> Iterator[str]:
    said = [mask_text(question.text)]
    said += [f"Where: {place}" for place in question.at[:_PLACES_SHOWN]]
    said += [f"One of: {', '.join(question.choices)}"] if question.choices else []
    for text in said:
        # A comment ends with its line, and YAML holds no control characters.
        shown = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        yield from textwrap.wrap(
            shown, _COMMENT_WIDTH, initial_indent="  # ", subsequent_indent="  #   ", break_on_hyphens=False
        )
