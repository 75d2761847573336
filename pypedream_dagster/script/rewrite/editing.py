"""The edits of a script as they come together, and what all that make them need to know."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pypedream_dagster.script.pieces import Text
from pypedream_dagster.script.rewrite.constants import Constants
from pypedream_dagster.script.rewrite.model import LiteralPlace, Replaced
from pypedream_dagster.script.rewrite.names import Names
from pypedream_dagster.script.rewrite.source import Edit, Source

_SCHEME = re.compile(r"s3[an]?://")
_CATALOGS = {"spark_catalog", "awsdatacatalog"}
_IS_ALONE = re.compile(r"(?:[(,\[]|(?<![=!<>:])=)\Z")
"""What stands before an expression that may be a condition without parentheses around it."""
_WIDEST = 110


@dataclass(slots=True)
class Editing:
    """The edits of one script.

    Attributes:
        source: the script.
        places: what shall come from arguments.
        constants: its certain texts.
        names: what its head defines.
        visit: goes on with what is within an expression.
        arguments: the job's as the branch runs it, by name without dashes.
        made: the edits, none within another.
        replaced: what they replace.
    """

    source: Source
    places: Sequence[LiteralPlace]
    constants: Constants
    names: Names
    visit: Callable[[Editing, ast.AST], None]
    arguments: Mapping[str, str] = field(default_factory=dict)
    made: list[Edit] = field(default_factory=list)
    replaced: list[Replaced] = field(default_factory=list)

    def text(self, node: ast.expr) -> Text:
        """Return what an expression certainly is."""
        return self.constants.text(node)

    def place(self, start: str, *, is_whole: bool) -> LiteralPlace | None:
        """Return the innermost place that a text lies in."""
        if not _SCHEME.match(start):
            return None
        text = folder(start) if is_whole else _SCHEME.sub("s3://", start, count=1)
        inside = [place for place in self.places if text.startswith(folder(place.uri))]
        return max(inside, key=lambda place: len(place.uri), default=None)

    def place_of_table(self, name: str | None) -> LiteralPlace | None:
        """Return the place of a table, by its name as a script writes it: with its database, perhaps its catalog."""
        parts = (name or "").replace("`", "").lower().split(".")
        if len(parts) == 3 and parts[0] in _CATALOGS:
            parts = parts[1:]
        wanted = ".".join(parts)
        return next((one for one in self.places if one.table and one.table.lower() == wanted), None)

    def code(self, node: ast.expr) -> str:
        """Return an expression's code as it will be."""
        known = len(self.replaced)
        code = self._with_edits(node, [node])
        del self.replaced[known:]  # it stands a second time where they were noted
        return code

    def _with_edits(self, node: ast.expr, parts: Iterable[ast.AST]) -> str:
        start, end = self.source.span(node)
        before = len(self.made)
        for part in parts:
            self.visit(self, part)
        within = [edit for edit in self.made[before:] if start <= edit.start and edit.end <= end]
        self.made[before:] = [edit for edit in self.made[before:] if edit not in within]
        text = self.source.text[start:end]
        for edit in sorted(within, key=lambda one: one.start, reverse=True):
            text = text[: edit.start - start] + edit.text + text[edit.end - start :]
        return text

    def replace(self, node: ast.expr, code: str, place: LiteralPlace) -> None:
        """Put other code in an expression's place."""
        self.names.use(place)
        self.edit(self._in_place_of(node, code), node, place)

    def replace_table(self, node: ast.expr, code: str, place: LiteralPlace) -> None:
        """Put code that names the place's table in an expression's place."""
        self.edit_table(self._in_place_of(node, code), node, place)

    def _in_place_of(self, node: ast.expr, code: str) -> Edit:
        start, end = self.source.span(node)
        before = self.source.text[:start].rstrip(" \t")
        is_apart = before.endswith(("=", "(", ",", "[", "\n")) and self._ends_at(end)
        word = self.source.text[start - 1 : start].isalnum() or self.source.text[end : end + 1].isalnum()
        if word or (not is_apart and not code.isidentifier()):
            code = f"({code})"
        return Edit(start, end, code)

    def choose(self, node: ast.expr, elsewhere: str, place: LiteralPlace) -> None:
        """Keep an expression where the place is production's, and put another where it is not."""
        kept = self._with_edits(node, ast.iter_child_nodes(node))
        self._choose(node, kept, self.names.is_mains(place), elsewhere, place)

    def prefer(self, node: ast.expr, code: str, place: LiteralPlace, *, otherwise: str = "", rest: str = "") -> None:
        """Put code in an expression's place where the place's argument is given."""
        kept, given = otherwise or self.source.code(node), self.names.given(place)
        if rest:
            self.edit(self._in_place_of(node, f"({code} if {given} else {kept}) + {rest}"), node, place)
        else:
            self._choose(node, code, given, kept, place)

    def _choose(self, node: ast.expr, one: str, test: str, other: str, place: LiteralPlace) -> None:
        start, end = self.source.span(node)
        line = f"{one} if {test} else {other}"
        line = line if _IS_ALONE.search(self.source.text[:start].rstrip()) and self._ends_at(end) else f"({line})"
        if len(line) > _WIDEST or "\n" in line:
            first = self.source.text[self.source.line_start(node.lineno) : start]
            margin = self.source.newline + first[: len(first) - len(first.lstrip())]
            if not _holds_lines(node):
                one, other = (re.sub(r"\r\n|\r|\n", lambda end: f"{end[0]}    ", code) for code in (one, other))
            line = f"({margin}    {one}{margin}    if {test}{margin}    else {other}{margin})"
        self.edit(Edit(start, end, line), node, place)

    def _ends_at(self, end: int) -> bool:
        return self.source.text[end:].lstrip(" \t")[:1] in {"", ")", ",", "]", "\n", "\r", "#"}

    def edit(self, edit: Edit, node: ast.expr, place: LiteralPlace) -> None:
        """Make an edit, and note what it replaces."""
        self.made.append(edit)
        self.replaced.append(Replaced(node.lineno, self.source.code(node), place.argument))

    def edit_table(self, edit: Edit, node: ast.expr, place: LiteralPlace) -> None:
        """Make an edit by which a table is read that an argument names."""
        self.made.append(edit)
        self.replaced.append(Replaced(node.lineno, self.source.code(node), place.table_argument or ""))


def _holds_lines(node: ast.expr) -> bool:
    """Tell whether texts in an expression go over several lines: those may not be moved."""
    texts = (part for part in ast.walk(node) if isinstance(part, ast.Constant | ast.JoinedStr))
    return any(part.lineno != part.end_lineno for part in texts)


def folder(uri: str) -> str:
    """Return a URI in the form in which containment is string prefixing."""
    return _SCHEME.sub("s3://", uri, count=1).rstrip("/") + "/"
