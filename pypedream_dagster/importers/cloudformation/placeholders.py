"""What renders a template before CloudFormation sees it: Jinja, mustache, ERB, ``__X__``.

Only so far that the template can be read: an expression becomes a named unknown part, a line that holds nothing
but a statement goes, so that both sides of an ``if`` and one turn of a loop are read.
"""

from __future__ import annotations

import re

from pypedream_dagster.importers.parameters import parameter

_EXPRESSION = re.compile(r"\{\{\{?[-~&]?\s*(?!resolve:)([^{}#/^!>][^{}]*?)\s*[-~]?\}?\}\}")
_STATEMENT_LINE = re.compile(r"^[ \t]*(\{%.*%\}|\{\{[#/^!>~-].*\}\}|\{#.*#\}|<%.*%>)[ \t]*$", re.MULTILINE)
_ERB = re.compile(r"<%=\s*([^%]*?)\s*%>")
_UNDERSCORED = re.compile(r"__([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)__")


def readable(text: str) -> str:
    """Return a text with what a template engine would render made into named unknown parts; lines stay in place."""
    if "{%" in text or "{{" in text or "<%" in text or "{#" in text:
        text = _STATEMENT_LINE.sub("", text)
        text = _EXPRESSION.sub(lambda match: parameter(match[1].partition("|")[0]), text)
        text = _ERB.sub(lambda match: parameter(match[1]), text)
    if "__" in text:
        text = _UNDERSCORED.sub(lambda match: parameter(match[1]), text)
    return text
