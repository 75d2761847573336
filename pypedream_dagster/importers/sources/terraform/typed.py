"""Values as a variable's type wants them: left-out attributes with their defaults, texts read as what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pypedream_dagster.importers.sources.terraform.contents import attempt
from pypedream_dagster.importers.sources.terraform.evaluate import Budget, Scope, Within, evaluate, plain_or_same
from pypedream_dagster.importers.sources.terraform.expressions import Access, Call, Constant, Expression, Name, ObjectOf
from pypedream_dagster.importers.sources.terraform.parser import HclError, Parser
from pypedream_dagster.importers.sources.terraform.values import NotKnownError, Unknown, text_of


def typed(value: Any, kind: Expression | None, scope: Scope) -> Any:
    """Return a value with the defaults that its type gives to attributes that are left out."""
    match kind:
        case Call("object", (ObjectOf(items),)) if isinstance(value, dict):
            found = dict(value)
            for key, inner in items:
                name = text_of(key.value) if isinstance(key, Constant) else ""
                optional = inner.arguments if isinstance(inner, Call) and inner.function == "optional" else ()
                inner_kind = optional[0] if optional else inner
                if found.get(name) is None and optional:
                    found[name] = evaluate(optional[1], scope) if len(optional) > 1 else None
                if found.get(name) is not None:
                    found[name] = typed(found[name], inner_kind, scope)
            return found
        case Call("map", (inner,)) if isinstance(value, dict):
            return {key: typed(item, inner, scope) for key, item in value.items()}
        case Call("list" | "set" | "tuple", (inner,)) if isinstance(value, list):
            return [typed(item, inner, scope) for item in value]
        case Name("number" | "bool") if isinstance(value, str):
            return plain_or_same(value, scope.values)
    return value


def as_typed(given: str, kind: Expression | None) -> Any:
    """Return a value that was given as text, as its variable's type wants it."""
    if kind is None or kind == Name("string"):
        return given
    try:
        expression = Parser(given).expression()
    except (HclError, RecursionError):
        return given
    if isinstance(expression, Name | Access | Call):
        return given
    return attempt(lambda: evaluate(expression, Within(_NOTHING, {})), given)


@dataclass(frozen=True, slots=True)
class _Nothing:
    budget: Budget
    values: Mapping[str, str]

    def resolve(self, root: str, keys: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        return Unknown(root), keys

    def call(self, function: str, arguments: Sequence[Any]) -> Any:  # noqa: ARG002
        raise NotKnownError(function)


_NOTHING = _Nothing(Budget(1_000_000), {})
