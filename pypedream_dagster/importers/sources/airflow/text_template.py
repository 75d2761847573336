"""What ``string.Template`` of the standard library makes of a text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pypedream_dagster.importers.parameters import parameter
from pypedream_dagster.importers.sources.airflow.natives import limited, text_of
from pypedream_dagster.importers.sources.airflow.values import MISSING, Unknown, Value

_FIELD = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<braced>[^\W\d]\w*)\}|(?P<plain>[^\W\d]\w*))")


@dataclass(frozen=True, slots=True)
class TextTemplate:
    """A text with fields such as ``$name`` and ``${name}``."""

    text: str

    def method(self, name: str, positional: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a method gives: a field that is not known stays an unknown part; MISSING if it is not known."""
        if name not in {"substitute", "safe_substitute"}:
            return MISSING
        given: Value = positional[0] if positional else {}
        known = {**given, **keywords} if isinstance(given, dict) else keywords

        def fill(found: re.Match[str]) -> str:
            if found["escaped"]:
                return "$"
            field = found["braced"] or found["plain"]
            if field in known:
                return text_of(known[field])
            return parameter(f"{given.name}.{field}" if isinstance(given, Unknown) else field)

        return limited(_FIELD.sub(fill, self.text))
