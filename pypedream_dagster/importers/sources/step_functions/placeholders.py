"""Placeholders of templates, whatever their form, as ``${name}``: the one form of an unknown part.

A JSONata expression, ``{% … %}``, is no template: texts that are one are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pypedream_dagster.importers.parameters import filled, parameter

_FORMS = re.compile(
    r"""
    (?P<skip>\$\{[^${}]+\})                                  # ${x}: as it is, but for its name
    | \$\$?\{\{\s*(?P<actions>[^{}]+?)\s*\}\}                # ${{ x }}
    | \{\{-?\s*(?P<jinja>[^{}]+?)\s*-?\}\}                   # {{ x }}
    | <%=?-?\s*(?P<erb>[^%<>]+?)\s*-?%>                      # <%= x %>
    | <(?P<angle>[A-Za-z][\w-]*(?:[ .][\w-]+)*)>             # <X>
    | @@(?P<at>\w+)@@
    | \#\{(?P<hash>[^{}]+)\}\#?
    | \[\[\s*(?P<square>[A-Za-z_][\w.-]*)\s*\]\]
    | (?<![A-Za-z0-9])__(?P<under>[A-Za-z](?:[A-Za-z0-9-]|_(?!_))*)__
    | %(?P<percent>[A-Z][A-Z0-9_]{2,})%
    | (?<![\w$])\$(?P<shell>(?!LATEST\b)[A-Z][A-Z0-9_]{2,})(?![\w.\[])
    """,
    re.VERBOSE,
)
_COULD_HOLD_ONE = re.compile(r"[${<@#\[%]|__")
_ENCODING = re.compile(r"\A(?:jsonencode|yamlencode|tojson|tostring|toset|tolist)\(\s*([\w.-]+)\s*\)\Z")
_FILTER = re.compile(r"\s*\|.*\Z", re.DOTALL)


def is_jsonata(text: str) -> bool:
    """Tell whether a text is a JSONata expression."""
    stripped = text.strip()
    return stripped.startswith("{%") and stripped.endswith("%}")


def named(text: str) -> str:
    """Return a text with each placeholder as ``${name}``.

    >>> named("s3://__BUCKET__/{{ env }}/${var.table}")
    's3://${BUCKET}/${env}/${var.table}'
    """
    return text if not _COULD_HOLD_ONE.search(text) or is_jsonata(text) else _FORMS.sub(_name, text)


def rendered(text: str, values: Mapping[str, str]) -> str:
    """Return a text with the placeholders that have a value filled, the others named."""
    told = named(text)
    return filled(told, values) if values and "${" in told else told


def _name(found: re.Match[str]) -> str:
    if found["skip"]:
        return parameter(_ENCODING.sub(r"\1", found["skip"][2:-1].strip()))
    inner = next(group for name, group in found.groupdict().items() if name != "skip" and group is not None)
    return parameter(_FILTER.sub("", inner))  # {{ x | default('y') }}
