"""A template that is no YAML as a whole, read resource by resource: one fault does not hide all others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pypedream_dagster.importers.sources.cloudformation.documents import Lines, UnreadableError, read_document

_SECTION = re.compile(r"^([A-Za-z][A-Za-z0-9]*)\s*:\s*(#.*)?$")
_SECTIONS = {"Parameters", "Mappings", "Conditions", "Resources", "Outputs"}
_KEY = re.compile(r"""^([ \t]+)["']?[^\s"'#:-][^:]*["']?\s*:""")


def read_pieces(text: str) -> tuple[Mapping[str, Any], Lines]:
    """Return what of a template's sections can be read, each of their members by itself."""
    found: dict[str, dict[str, Any]] = {}
    lines: Lines = {}
    for section, start, piece in _pieces(text):
        try:
            body, inner = read_document(piece)
        except UnreadableError:
            continue
        found[section] = {**found.get(section, {}), **body}
        for path, line in inner.items():
            if len(path) == 1:
                lines[section, path[0]] = start + line
    return found, lines


def _pieces(text: str) -> Iterator[tuple[str, int, str]]:
    """Give each member of each section: the section, the number of lines before it, its text."""
    section, indentation, start = "", "", 0
    piece: list[str] = []
    for number, line in enumerate([*text.splitlines(), "End:"]):
        title = _SECTION.match(line)
        key = _KEY.match(line)
        first = key is not None and section in _SECTIONS and (not indentation or key[1] == indentation)
        if title is not None or first:
            if piece:
                yield section, start, "\n".join(piece)
            piece = []
        if title is not None:
            section, indentation = title[1], ""
        elif first and key is not None:
            indentation, start, piece = key[1], number, [line]
        elif piece:
            piece.append(line)
