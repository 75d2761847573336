"""What renders a template before CloudFormation sees it: Jinja, mustache, ERB, ``__X__``.

Only so far that the template can be read: an expression becomes a named unknown part, a line that holds nothing
but a statement goes, so that both sides of an ``if`` and one turn of a loop are read; within a line, the first side.
"""

from __future__ import annotations

import re

from pypedream_dagster.importers.parameters import parameter

_EXPRESSION = re.compile(r"\{\{\{?[-~&]?\s*(?!resolve:)([^{}#/^!>][^{}]*?)\s*[-~]?\}?\}\}")
# By its first word: {% $states.input %} is an expression of a state machine.
_WORDS = (
    r"(?:if|elif|else|endif|for|endfor|set|endset|macro|endmacro|include|import|from|block|endblock|extends|raw|endraw"
    r"|with|endwith|call|endcall|filter|endfilter|do|load)\b"
)
_STATEMENT = re.compile(
    rf"^[ \t]*(?:\{{%[-+]?\s*{_WORDS}(?:[^%]|%(?!\}}))*%\}}|\{{\{{[#/^!>~-].*\}}\}}|\{{\#.*\#\}}|<%[^=].*%>)[ \t]*$",
    re.MULTILINE,
)
_TEXT = r"(?:(?!\{%).)*"
_EITHER = re.compile(
    rf"\{{%[-+]?\s*if\b[^%\n]*%\}}({_TEXT})(?:\{{%[-+]?\s*(?:else|elif)\b[^%\n]*%\}}{_TEXT})*\{{%[-+]?\s*endif\s*[-+]?%\}}"
)
_ERB = re.compile(r"<%=\s*([^%]*?)\s*%>")
_UNDERSCORED = re.compile(r"__([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)__")


def readable(text: str) -> str:
    """Return a text with what a template engine would render made into named unknown parts; lines stay in place."""
    if "{%" in text or "{{" in text or "<%" in text or "{#" in text:
        text = _STATEMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
        text = _EXPRESSION.sub(lambda match: parameter(match[1].partition("|")[0]), text)
        text = _EITHER.sub(lambda match: match[1], text)
        text = _ERB.sub(lambda match: parameter(match[1]), text)
    if "__" in text:
        text = _UNDERSCORED.sub(lambda match: parameter(match[1]), text)
    return text
