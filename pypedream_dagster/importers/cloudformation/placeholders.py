"""What renders a template before CloudFormation sees it (Jinja, mustache, ``__X__``, the Serverless Framework).

Only so far that the template can be read: an expression becomes a named unknown part, a line that holds nothing
but a statement goes, so that both sides of an ``if`` and one turn of a loop are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pypedream_dagster.importers.parameters import parameter

_EXPRESSION = re.compile(r"\{\{\{?[-~&]?\s*(?!resolve:)([^{}#/^!>][^{}]*?)\s*[-~]?\}?\}\}")
_STATEMENT_LINE = re.compile(r"^[ \t]*(\{%.*%\}|\{\{[#/^!>~-].*\}\}|\{#.*#\}|<%.*%>)[ \t]*$", re.MULTILINE)
_ERB = re.compile(r"<%=\s*([^%]*?)\s*%>")
_UNDERSCORED = re.compile(r"__([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)__")
_VARIABLE = re.compile(r"\$\{((?:self|opt|env|file|param|ssm|cf|sls|aws|s3)[:(][^${}]*)\}")
_QUOTED = re.compile(r"""^(?:'([^']*)'|"([^"]*)")$""")
_ROUNDS = 10


def readable(text: str) -> str:
    """Return a text with what a template engine would render made into named unknown parts; lines stay in place."""
    if "{%" in text or "{{" in text or "<%" in text or "{#" in text:
        text = _STATEMENT_LINE.sub("", text)
        text = _EXPRESSION.sub(lambda match: parameter(match[1].partition("|")[0]), text)
        text = _ERB.sub(lambda match: parameter(match[1]), text)
    if "__" in text:
        text = _UNDERSCORED.sub(lambda match: parameter(match[1]), text)
    return text


def of_serverless(value: Any, document: Mapping[str, Any], variables: Mapping[str, str]) -> Any:
    """Return a part of a serverless.yml with its ``${self:…}`` and ``${opt:…, default}`` put in, as far as known."""
    match value:
        case str():
            return _rendered(value, document, variables)
        case list():
            return [of_serverless(item, document, variables) for item in value]
        case dict():
            return {
                _text(_rendered(key, document, variables)): of_serverless(item, document, variables)
                for key, item in value.items()
            }
    return value


def _rendered(text: str, document: Mapping[str, Any], variables: Mapping[str, str]) -> Any:
    for _ in range(_ROUNDS):
        match = _VARIABLE.search(text)
        if match is None or len(text) > 100_000:
            return text
        found = _first_known(match[1], document, variables)
        if match[0] == text and not isinstance(found, str):
            return found
        text = text[: match.start()] + _text(found) + text[match.end() :]
    return _VARIABLE.sub(lambda match: parameter(_bare(match[1])), text)


def _first_known(expression: str, document: Mapping[str, Any], variables: Mapping[str, str]) -> Any:
    sources = [part.strip() for part in re.split(r",(?![^()]*\))", expression)]
    for source in sources:
        if quoted := _QUOTED.match(source):
            return quoted[1] if quoted[1] is not None else quoted[2]
        if source in variables:
            return variables[source]
        kind, _, path = source.partition(":")
        if kind == "self":
            found = _within(document, path)
            if isinstance(found, str | int | float | bool) and f"${{{expression}}}" not in str(found):
                return found
        if not re.match(r"^[a-z]+[:(]", source) and len(sources) > 1:
            return source
    return parameter(_bare(sources[0]))


def _within(document: Mapping[str, Any], path: str) -> Any:
    found: Any = document
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _bare(expression: str) -> str:
    """Name an unknown part so that it is not taken for an expression again: ``self:custom.x`` → ``custom.x``."""
    source = expression.partition(",")[0].strip()
    return re.sub(r"^(self|opt|env|param|sls|aws):", "", source).replace(":", ".").replace("(", ".").replace(")", "")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
