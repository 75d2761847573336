"""What stands in a resource's block, evaluated: attributes as values, blocks as lists of such contents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pypedream_dagster.importers.sources.terraform.documents import Block, Body
from pypedream_dagster.importers.sources.terraform.evaluate import Scope, Within, evaluate
from pypedream_dagster.importers.sources.terraform.expressions import Name
from pypedream_dagster.importers.sources.terraform.values import EvaluationError, Unknown, label, text_of

FAULTS = (EvaluationError, RecursionError, ValueError, TypeError, LookupError, OverflowError)


def attempt(make: Callable[[], Any], otherwise: Any) -> Any:
    """Return a value, or something else where there is none."""
    try:
        return make()
    except FAULTS:
        return otherwise


def contents_of(body: Body, scope: Scope, address: str) -> dict[str, Any]:
    """Return what is set in a body; blocks, dynamic ones too, are lists of such."""
    found: dict[str, Any] = {
        name: attempt(lambda one=one: evaluate(one, scope), Unknown(f"{address}.{name}"))  # type: ignore[misc]
        for name, one in body.attributes.items()
    }
    for block in body.blocks:
        if block.kind == "dynamic" and block.labels:
            name = block.labels[0]
            made = _dynamic(block, scope, address)
        else:
            name, made = block.kind, [contents_of(block.body, scope, f"{address}.{block.kind}")]
        before = found.get(name)
        found[name] = [*(before if isinstance(before, list) else []), *made]
    return found


def _dynamic(block: Block, scope: Scope, address: str) -> list[dict[str, Any]]:
    attributes = block.body.attributes
    given = attributes.get("iterator")
    iterator = given.name if isinstance(given, Name) else block.labels[0]
    content = next((one for one in block.body.blocks if one.kind == "content"), None)
    if content is None or "for_each" not in attributes:
        return []
    items = attempt(lambda: evaluate(attributes["for_each"], scope), Unknown(f"{address}.{iterator}"))
    turns = attempt(lambda: turns_of(items, numbered=True), [(label(items), items)])
    return [
        contents_of(
            content.body, Within(scope, {iterator: {"key": key, "value": value}}), f"{address}.{block.labels[0]}"
        )
        for key, value in turns
    ]


def turns_of(value: Any, *, numbered: bool = False) -> list[tuple[Any, Any]]:
    """Return the keys and values that ``for_each`` goes through.

    Raises:
        EvaluationError: they are not known.
    """
    match value:
        case dict():
            return sorted(value.items())
        case list() if numbered:
            return list(enumerate(value))
        case list():
            return [(text_of(item), item) for item in value]
    raise EvaluationError("for_each is not known")
