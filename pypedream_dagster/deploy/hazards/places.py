"""Where an access of a script goes on the branch: its target with the node's arguments put in, held to the graph."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pypedream_dagster.branch.model import BranchNode, Output
from pypedream_dagster.script.pieces import Argument, Gap, Text


@dataclass(frozen=True, slots=True)
class Target:
    """An access's target as far as it is known.

    Attributes:
        start: what is known from its beginning.
        exact: whether that is all of it.
        by_argument: whether an argument whose name cannot be told decides it.
    """

    start: str
    exact: bool
    by_argument: bool = False

    @property
    def is_s3(self) -> bool:
        """Whether it is known to be on S3."""
        return re.match(r"s3[an]?://.", self.start) is not None

    def lies_in(self, uri: str) -> bool:
        """Tell whether it is a URI or lies below it."""
        return folder(self.start).startswith(folder(uri)) if self.is_s3 else False

    def may_hold(self, uri: str) -> bool:
        """Tell whether a URI lies below it, or may."""
        known = self.start if not self.exact else folder(self.start)
        return self.is_s3 and folder(uri).startswith(_plain(known))


def resolve(text: Text, arguments: Mapping[str, str]) -> Target:
    """Return a target with the arguments' values put in.

    A bucket and a key that were both taken from one argument's URI are that URI.
    """
    pieces = text.settled(arguments).pieces
    if len(pieces) > 1 and pieces[0] == "s3://" and isinstance(pieces[1], Argument):
        value = arguments.get(pieces[1].name, "")
        if "://" in value:
            return Target(_plain(value), exact=False)
        if pieces[1].name == "*":
            return Target("", exact=False, by_argument=True)
    known = text.resolved(arguments)
    by_argument = any(isinstance(piece, Argument) and piece.name == "*" for piece in pieces) and known.start == ""
    return Target(_plain(known.start), known.literal is not None, by_argument)


def arguments_of(node: BranchNode, defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments that a node's run has on the branch, by name without dashes."""
    return {name.removeprefix("--"): value for name, value in {**defaults, **node.arguments}.items()}


def folder(uri: str) -> str:
    """Return a URI in the form in which containment is string prefixing."""
    return _plain(uri).rstrip("/") + "/"


def _plain(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    if not separator or not re.fullmatch(r"s3[an]?", scheme):
        return uri
    return f"s3://{re.sub('/+', '/', rest)}"


def output_at(node: BranchNode, target: Target) -> Output | None:
    """Return the node's output that a target on the branch belongs to."""
    return next((output for output in node.outputs if target.lies_in(output.head_uri)), None)


def has_gap(text: Text) -> bool:
    """Tell whether a part of a text cannot be told."""
    return any(isinstance(piece, Gap) for piece in text.pieces)
