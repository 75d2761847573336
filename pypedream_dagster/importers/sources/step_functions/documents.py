"""State machines found in files: by what they are (StartAt and States), whatever the file is called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.step_functions.lenient import Lined, TooDeepError, read_value
from pypedream_dagster.importers.sources.step_functions.yaml_text import read_yaml
from pypedream_dagster.importers.survey import Where

_START = re.compile(r"""["']?\bStartAt\b\\*["']?\s*[:=]""")
_STATES = re.compile(r"""["']?\bStates\b\\*["']?\s*[:=]""")
_NOT_MINE = (".tf", ".tfvars", ".md", ".tf.json", ".hcl")
_SPEAKS_CLOUDFORMATION = re.compile(r"AWS::StepFunctions::StateMachine|AWS::Serverless::StateMachine")
_TELLS_NOTHING = {
    "definition",
    "definitionbody",
    "definitionstring",
    "properties",
    "statemachine",
    "state_machine",
    "statemachines",
    "fn::sub",
    "resources",
}
_DOUBLED = re.compile(r"\{\{\s*[\"'\n]")  # an f-string's, or str.format's
_DEEPEST = 60
_CANDIDATES = 40


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine's definition and where it stands.

    Attributes:
        names: what it may be called by, its own name first.
    """

    name: str
    definition: Mapping[str, Any]
    at: Where
    names: tuple[str, ...] = ()


def is_machine(value: Any) -> bool:
    """Tell whether a value is a definition, whole enough to be followed."""
    return isinstance(value, Mapping) and "StartAt" in value and isinstance(value.get("States"), Mapping)


def machines_in(file: SourceFile) -> tuple[Machine, ...]:
    """Return the state machines that a file holds; those in CloudFormation and Terraform are read with these."""
    text = file.text
    if (
        "StartAt" not in text
        or not _START.search(text)
        or not _STATES.search(text)
        or file.name.lower().endswith(_NOT_MINE)
    ):
        return ()
    if _SPEAKS_CLOUDFORMATION.search(text) and re.search(r"""^\s*["']?Resources["']?\s*:""", text, re.MULTILINE):
        return ()
    found = list(_in_document(file)) or list(_in_code(file))
    return tuple(found)


def read_text(text: str, *, first_line: int | None = 1) -> Mapping[str, Any] | None:
    """Return the first definition in a text, or None."""
    file = SourceFile("definition", text)
    found = list(_in_document(file)) or list(_in_code(file))
    if not found:
        return None
    if first_line is None:
        _forget_lines(found[0].definition)
    return found[0].definition


def _in_document(file: SourceFile) -> Iterator[Machine]:
    stripped = file.text.lstrip("\ufeff \t\r\n")
    if file.name.lower().endswith((".py", ".ts", ".js", ".sh", ".java", ".go")):
        return
    document: Any = None
    if not _looks_like_json(stripped):
        document = read_yaml(file.text)
    if document is None:
        opened = file.text.find("{")
        if opened < 0 or _DOUBLED.match(file.text, opened):
            return
        try:
            document, _ = read_value(file.text, opened)
        except TooDeepError:
            return
    yield from _within(document, _stem(file), file.path, 0)


def _looks_like_json(stripped: str) -> bool:
    return stripped.startswith(("{", "[", "//", "/*", "${"))


def _within(value: Any, name: str, path: str, depth: int, line: int | None = None) -> Iterator[Machine]:
    if depth > _DEEPEST:
        return
    if is_machine(value):
        yield Machine(name, value, Where(path, value.line if isinstance(value, Lined) and depth else None))
    elif isinstance(value, Mapping):
        own = value.get("name") or value.get("Name") or value.get("StateMachineName")
        for key, inner in value.items():
            told = str(own) if isinstance(own, str) and own else str(key)
            kept = name if str(key).lower() in _TELLS_NOTHING and not isinstance(own, str) else told
            start = getattr(value, "line", line)
            yield from _within(inner, kept, path, depth + 1, start)
    elif isinstance(value, list):
        for inner in value:
            yield from _within(inner, name, path, depth + 1, line)
    elif isinstance(value, str) and "StartAt" in value and _START.search(value):
        inner = read_text(value, first_line=None)
        if inner is not None:
            yield Machine(name, inner, Where(path, line))


def _in_code(file: SourceFile) -> Iterator[Machine]:
    """Give the definitions that stand somewhere in a text as literals."""
    at = 0
    while found := _START.search(file.text, at):
        at = found.end()
        for opened in _enclosing(file.text, found.start()):
            text, start = file.text, opened
            line = text.count("\n", 0, opened) + 1
            doubled = (
                opened > 0 and text[opened - 1] == "{" and text[opened + 1 : opened + 2] in {"", " ", "\n", '"', "\r"}
            )
            if doubled:
                text, start = _without_doubled_braces(text[opened - 1 :]), 0
            try:
                value, end = read_value(text, start, first_line=line if doubled else 1)
            except TooDeepError:
                break
            if is_machine(value) and (doubled or end > found.start()):
                yield Machine(_stem(file), value, Where(file.path, line))
                within = len(_START.findall(text, start, end))
                for inner in islice(_START.finditer(file.text, found.start()), within):
                    at = max(at, inner.end())
                break


def _enclosing(text: str, at: int) -> Iterator[int]:
    """Give the opening braces around a position, the innermost first."""
    depth = given = 0
    for position in range(at - 1, max(-1, at - 200_000), -1):
        if text[position] == "}":
            depth += 1
        elif text[position] == "{" and depth:
            depth -= 1
        elif text[position] == "{":
            yield position
            given += 1
            if given >= _CANDIDATES:
                return


def _without_doubled_braces(text: str) -> str:
    """Undo an f-string's braces: ``{{`` is one, and ``{x}`` a placeholder."""
    single = re.sub(r"(?<![{$])\{([^{}\n\"':]+)\}(?!\})", r"${\1}", text)
    return re.sub(r"(\$\{[^{}]*\})|\{\{|\}\}", lambda found: found[1] or found[0][0], single)


def _stem(file: SourceFile) -> str:
    return re.sub(
        r"(?:\.(?:asl|json|ya?ml|tpl|tftpl|template|j2|jinja2?|py|txt|tmpl))+\Z", "", file.name, flags=re.IGNORECASE
    )


def _forget_lines(value: Any) -> None:
    if isinstance(value, Lined):
        value.line = None
    if isinstance(value, Mapping):
        for inner in value.values():
            _forget_lines(inner)
    elif isinstance(value, list):
        for inner in value:
            _forget_lines(inner)
