"""Evaluates expressions, as far as their parts are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, assert_never

from pypedream_dagster.importers.sources.terraform.environments import is_environment, production_of
from pypedream_dagster.importers.sources.terraform.expressions import (
    Access,
    Call,
    Choice,
    Constant,
    Expression,
    Loop,
    Name,
    ObjectOf,
    Operation,
    Template,
    TupleOf,
    Unreadable,
)
from pypedream_dagster.importers.sources.terraform.values import (
    Entity,
    EvaluationError,
    NotKnownError,
    Unknown,
    label,
    named,
    plain,
    text_of,
)

SPLAT: Final = object()
"""Among keys: all items."""

_LONGEST = 2_000_000
_LONGEST_CHOICE = 240
_MOST_STEPS = 3_000_000


@dataclass(slots=True)
class Budget:
    """How much an import may still evaluate: faulty files can ask for more than there is time for."""

    steps: int = _MOST_STEPS
    trying: int = 0
    """How many ``try()`` are being evaluated: there, what has no value must not get a name instead."""
    assumed: dict[str, str] = field(default_factory=dict)
    """Environments that were taken where one is not known, by what would tell it."""

    def spend(self, steps: int = 1) -> None:
        """Count steps.

        Raises:
            EvaluationError: there are none left.
        """
        self.steps -= steps
        if self.steps < 0:
            raise EvaluationError("too much to evaluate")


class Scope(Protocol):
    """What the words of an expression mean."""

    @property
    def budget(self) -> Budget:
        """What may still be evaluated."""
        ...

    @property
    def values(self) -> Mapping[str, str]:
        """Of the unknown parts of texts."""
        ...

    def resolve(self, root: str, keys: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        """Return what a reference means, and the keys that lead on from there."""
        ...

    def call(self, function: str, arguments: Sequence[Any]) -> Any:
        """Return what a function gives."""
        ...


@dataclass(frozen=True, slots=True)
class Within:
    """A scope with some names of its own: a loop's variables, ``each``, a template's variables."""

    outer: Scope
    names: Mapping[str, Any]

    @property
    def budget(self) -> Budget:
        """What may still be evaluated."""
        return self.outer.budget

    @property
    def values(self) -> Mapping[str, str]:
        """Of the unknown parts of texts."""
        return self.outer.values

    def resolve(self, root: str, keys: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        """Return what a reference means, and the keys that lead on from there."""
        return (self.names[root], keys) if root in self.names else self.outer.resolve(root, keys)

    def call(self, function: str, arguments: Sequence[Any]) -> Any:
        """Return what a function gives."""
        return self.outer.call(function, arguments)


def evaluate(expression: Expression, scope: Scope) -> Any:
    """Return an expression's value.

    Raises:
        EvaluationError: it has none.
    """
    scope.budget.spend()
    match expression:
        case Constant(value):
            return value
        case Template(parts):
            return _template(parts, scope)
        case Choice():
            return _choice(expression, scope)
        case Loop():
            return _loop(expression, scope)
        case Name(name):
            return walk(*scope.resolve(name, ()), scope)
        case Access(base, steps):
            keys = [SPLAT if step.key is None else evaluate(step.key, scope) for step in steps]
            if isinstance(base, Name):
                return walk(*scope.resolve(base.name, keys), scope)
            return walk(evaluate(base, scope), keys, scope)
        case Call():
            return _call(expression, scope)
        case TupleOf(items):
            return [_part(item, scope) for item in items]
        case ObjectOf(items):
            return {text_of(evaluate(key, scope)): _part(value, scope) for key, value in items}
        case Operation(operator, operands):
            return _operation(operator, operands, scope)
        case Unreadable(text):
            raise EvaluationError(text)
    assert_never(expression)


def walk(value: Any, keys: Sequence[Any], scope: Scope) -> Any:
    """Return what lies in a value at some keys.

    Raises:
        EvaluationError: nothing does.
    """
    for number, key in enumerate(keys):
        if key is SPLAT:
            if isinstance(value, Unknown):
                return value if number + 1 == len(keys) else Unknown(f"{value.name}.{_path(keys[number + 1 :])}")
            items = value if isinstance(value, list) else list(value.values()) if _is_expanded(value) else [value]
            # `.*.id[0]` means the first of all ids.
            end = next((at for at in range(number + 1, len(keys)) if isinstance(keys[at], int)), len(keys))
            found = [walk(item, keys[number + 1 : end], scope) for item in items if item is not None]
            return walk(found, keys[end:], scope)
        value = step(value, key, scope)
    return value


def step(value: Any, key: Any, scope: Scope) -> Any:
    """Return what lies in a value at one key.

    Raises:
        EvaluationError: nothing does.
    """
    match value:
        case Unknown(name):
            return Unknown(f"{name}.{label(key)}")
        case dict():
            text = text_of(key)
            if text in value:
                return value[text]
            try:
                known = text_of(plain(text, scope.values))
            except NotKnownError:
                taken = production_of([str(name) for name in value if is_environment(str(name))])
                if taken is None:
                    raise
                scope.budget.assumed[label(key)] = taken
                return value[taken]
            by_known = {plain_or_same(name, scope.values): item for name, item in value.items()}
            if known not in by_known:
                raise EvaluationError(f"no {text}")
            return by_known[known]
        case list():
            try:
                return value[int(plain(key, scope.values))]
            except (ValueError, TypeError, IndexError) as error:
                raise EvaluationError(f"no item {text_of(key)}") from error
        case Entity():
            # A resource that is one may be written as the first of many, and the other way round.
            return value if isinstance(key, int) else value.attribute(text_of(key))
    raise EvaluationError(f"no {text_of(key)}")


def plain_or_same(value: Any, values: Mapping[str, str]) -> Any:
    """Return a value without unknown parts; with some, as it is."""
    try:
        return plain(value, values)
    except NotKnownError:
        return value


def truth(value: Any, scope: Scope) -> bool | None:
    """Tell whether a condition holds; None if that is not known."""
    found = plain_or_same(value, scope.values)
    if isinstance(found, bool):
        return found
    return {"true": True, "false": False}.get(found) if isinstance(found, str) else None


def _path(keys: Sequence[Any]) -> str:
    return ".".join("*" if key is SPLAT else label(key) for key in keys)


def _is_expanded(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(item, Entity) for item in value.values())


def _part(expression: Expression, scope: Scope) -> Any:
    """Return the value of a part; one that has none costs not the whole: it is known by name."""
    try:
        return evaluate(expression, scope)
    except EvaluationError:
        if scope.budget.trying or scope.budget.steps < 0:
            raise
        turn, _ = scope.resolve("each", ())
        key = f"[{label(turn['key'])}]" if isinstance(turn, dict) and "key" in turn else ""
        return named(_described(expression) + key)


def _described(expression: Expression) -> str:
    match expression:
        case Name(name):
            return name
        case Access(base, steps):
            keys = (step.key.value if isinstance(step.key, Constant) else "*" for step in steps)
            return ".".join([_described(base), *map(str, keys)])
        case Call(function, arguments):
            return f"{function}({','.join(map(_described, arguments))})"
        case Constant(value):
            return str(value)
        case Template(parts):
            return "".join(map(_described, parts))
    return "expression"


def _template(parts: Sequence[Expression], scope: Scope) -> Any:
    if len(parts) == 1:
        return evaluate(parts[0], scope)
    text = "".join(text_of(_part(part, scope)) for part in parts)
    if len(text) > _LONGEST:
        raise EvaluationError("too long a text")
    scope.budget.spend(len(text) // 1000)
    return text


def _choice(choice: Choice, scope: Scope) -> Any:
    condition = evaluate(choice.condition, scope)
    holds = truth(condition, scope)
    if holds is not None:
        return evaluate(choice.yes if holds else choice.no, scope)
    yes, no = evaluate(choice.yes, scope), evaluate(choice.no, scope)
    if yes == no or no in ({}, [], None, ""):
        return yes  # what may be there is better told than left out
    if yes in ({}, [], None, ""):
        return no
    text = f"{label(condition)}?{label(yes)}:{label(no)}"
    whole = isinstance(yes, str) and isinstance(no, str) and len(text) <= _LONGEST_CHOICE
    return replace(Unknown(text) if whole else named(text), options=(yes, no))


def _loop(loop: Loop, scope: Scope) -> Any:
    collection = evaluate(loop.collection, scope)
    if isinstance(collection, Unknown | Entity):
        if loop.kind != "text":
            return named(f"for({label(collection)})")
        collection = {text_of(collection): collection}  # once, so that what a turn holds is seen
    made: list[tuple[Any, Any]] = []
    for key, value in items_of(collection):
        scope.budget.spend()
        inner = Within(scope, {loop.value: value, **({loop.key: key} if loop.key else {})})
        if loop.condition is not None and truth(evaluate(loop.condition, inner), scope) is False:
            continue
        result_key = evaluate(loop.result_key, inner) if loop.result_key is not None else None
        made.append((result_key, evaluate(loop.result, inner)))
    if loop.kind == "tuple":
        return [value for _, value in made]
    if loop.kind == "text":
        return "".join(text_of(value) for _, value in made)
    found: dict[str, Any] = {}
    for key, value in made:
        if loop.grouped:
            found.setdefault(text_of(key), []).append(value)
        else:
            found[text_of(key)] = value
    return found


def items_of(collection: Any) -> list[tuple[Any, Any]]:
    """Return what a loop goes through, in Terraform's order.

    Raises:
        EvaluationError: it is no collection.
    """
    if isinstance(collection, dict):
        return sorted(collection.items())
    if isinstance(collection, list):
        return list(enumerate(collection))
    raise EvaluationError("no collection")


def _call(call: Call, scope: Scope) -> Any:
    if call.function in {"try", "can"}:
        for argument in call.arguments:
            scope.budget.trying += 1
            try:
                found = evaluate(argument, scope)
            except EvaluationError:
                continue
            finally:
                scope.budget.trying -= 1
            return True if call.function == "can" else found
        if call.function == "can":
            return False
        raise EvaluationError("try() has nothing left")
    arguments = [_part(argument, scope) for argument in call.arguments]
    if call.spread and arguments:
        last = arguments.pop()
        if isinstance(last, dict):
            last = list(last.values())
        arguments += last if isinstance(last, list) else [last]
    try:
        return scope.call(call.function, arguments)
    except NotKnownError:
        return named(f"{call.function}({','.join(label(argument) for argument in arguments)})")


def _operation(operator: str, operands: Sequence[Expression], scope: Scope) -> Any:
    left = evaluate(operands[0], scope)
    if operator in {"&&", "||"}:
        return _logical(operator, left, operands[1], scope)
    right = evaluate(operands[1], scope) if len(operands) > 1 else None
    try:
        return _computed(operator, plain(left, scope.values), plain(right, scope.values))
    except NotKnownError:
        if operator in {"==", "!="} and isinstance(left, list | dict) != isinstance(right, list | dict):
            return operator == "!="
        text = f"{label(left)}{operator}{label(right)}" if len(operands) > 1 else f"{operator}{label(left)}"
        return named(text)


def _logical(operator: str, left: Any, second: Expression, scope: Scope) -> Any:
    decisive = operator == "||"
    if truth(left, scope) is decisive:
        return decisive
    right = evaluate(second, scope)
    if truth(right, scope) is decisive:
        return decisive
    if truth(left, scope) is None or truth(right, scope) is None:
        return named(f"{label(left)}{operator}{label(right)}")
    return not decisive


def _computed(operator: str, left: Any, right: Any) -> Any:
    match operator:
        case "!":
            return text_of(left) != "true"
        case "==":
            return _same(left, right)
        case "!=":
            return not _same(left, right)
    one, two = _number(left), _number(right) if right is not None else 0
    try:
        match operator:
            case "-":
                return one - two if right is not None else -one
            case "+":
                return one + two
            case "*":
                return one * two
            case "/":
                return one / two
            case "%":
                return one % two
            case "<":
                return one < two
            case ">":
                return one > two
            case "<=":
                return one <= two
            case ">=":
                return one >= two
    except (ArithmeticError, ValueError) as error:
        raise EvaluationError(f"{operator} cannot be computed") from error
    raise EvaluationError(f"no operator {operator}")


def _same(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is right
    return bool(left == right) or (not isinstance(left, dict | list) and text_of(left) == text_of(right))


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise EvaluationError("no number")
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise EvaluationError("no number") from error
    if not -1e15 < number < 1e15:
        raise EvaluationError("too large a number")
    return int(number) if number.is_integer() else number
