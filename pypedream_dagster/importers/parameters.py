"""Texts with named unknown parts: ``s3://${LakeBucket}/raw/``, whatever the source calls them.

CloudFormation's ``!Ref``, Terraform's ``var.x``, a template's ``__X__``, an execution's input ``$.x`` and a value
that a DAG takes from elsewhere all become ``${name}``. One name means one value throughout an import.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pypedream_dagster.graph.uri import UNKNOWN_PART, unknown_parts

PARAMETER = UNKNOWN_PART
"""A named unknown part; its first group is the name."""

_ROUNDS = 8


def parameter(name: str) -> str:
    """Return the text that stands for an unknown part of this name."""
    # What ends a URI in a text, or a part of one, is in no name.
    return "${" + re.sub(r"[${}\[\]\\\s/*?,;\"'|]+", "_", name).strip("_") + "}" if name.strip() else "${unknown}"


def parameters_in(text: str) -> tuple[str, ...]:
    """Return the names of the unknown parts in a text, each once, in their order."""
    return unknown_parts(text)


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with the known values put in, those within values too; others stay."""
    for _ in range(_ROUNDS):  # a value may refer to others, and a faulty one to itself
        new = PARAMETER.sub(lambda match: values.get(match[1], match[0]), text)
        if new == text:
            break
        text = new
    return text
