"""JSONata expressions as state machines hold them, over data that is partly known.

What is not read here (functions of one's own, filters, sorting) gives an unknown named after its text.
https://docs.jsonata.org/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pypedream_dagster.importers.sources.step_functions.jsonata_functions import (
    FUNCTIONS,
    MISSING,
    UnreadError,
    as_string,
    operate,
    step,
)
from pypedream_dagster.importers.sources.step_functions.values import Unknown, is_known, joined, member, text_of

_TOKEN = re.compile(
    r"""\s*(?:/\*.*?\*/\s*)*(?:
        (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*') | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
        | (?P<name>\$\$|\$[A-Za-z_]\w*|\$|[A-Za-z_]\w*|`[^`]*`)
        | (?P<op>:=|!=|<=|>=|~>|\.\.|\?:|\?\?|[-.\[\](){},:;?&+*/%=<>^|@\#]))""",
    re.VERBOSE | re.DOTALL,
)
_POWERS = {
    "or": 20, "and": 25, "=": 30, "!=": 30, "<": 30, ">": 30, "<=": 30, ">=": 30, "in": 30,
    "&": 40, "+": 40, "-": 40, "*": 50, "/": 50, "%": 50, ".": 75, "[": 80, "(": 80, "?": 15, "?:": 15, "??": 15,
}  # fmt: skip
_DEEPEST = 60


def evaluated(text: str, states: Mapping[str, Any], variables: Mapping[str, Any]) -> Any:
    """Return what ``{% … %}`` gives."""
    inner = text.strip().removeprefix("{%").removesuffix("%}").strip()
    try:
        value = _Parser(inner, {"states": dict(states), **variables}).whole()
    except (ValueError, TypeError, LookupError, RecursionError, ArithmeticError, AttributeError, re.error):
        return Unknown(_name(inner))
    return None if value is MISSING else value


def _name(text: str) -> str:
    """Name an unknown after its expression."""
    return re.sub(r"\$states\.(?:input\b|context\.)", lambda at: "input" if "input" in at[0] else "", text).replace(
        "$", ""
    )


class _Parser:
    """Reads and computes in one go: expressions are short, and each is computed once."""

    def __init__(self, text: str, scope: Mapping[str, Any]) -> None:
        self._text, self._scopes = text, [dict(scope)]
        self._tokens: list[tuple[str, str, int, int]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if not found:
                raise UnreadError
            kind = str(found.lastgroup)
            self._tokens.append((kind, found[kind], found.start(kind), found.end()))
            at = found.end()
        self._at = self._depth = 0

    def whole(self) -> Any:
        value = self._expression(0)
        if self._at != len(self._tokens):
            raise UnreadError
        return value

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at][:2] if self._at < len(self._tokens) else ("end", "")

    def _take(self, wanted: str | None = None) -> tuple[str, str]:
        kind, sign = self._peek()
        if kind == "end" or (wanted is not None and sign != wanted):
            raise UnreadError
        self._at += 1
        return kind, sign

    def _expression(self, power: int) -> Any:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UnreadError
        first = self._at
        left = self._prefix()
        while True:
            kind, sign = self._peek()
            strength = _POWERS.get(sign, 0) if kind in {"op", "name"} else 0
            if strength <= power:
                break
            self._at += 1
            left = self._infix(left, sign, strength, first)
        self._depth -= 1
        return left

    def _told(self, first: int) -> Unknown:
        return Unknown(_name(self._text[self._tokens[first][2] : self._tokens[self._at - 1][3]]))

    def _prefix(self) -> Any:
        kind, sign = self._take()
        if kind == "string":
            return json.loads(sign) if sign[0] == '"' else re.sub(r"\\(.)", r"\1", sign[1:-1])
        if kind == "number":
            return json.loads(sign)
        if kind == "name":
            return self._named(sign)
        if sign == "-":
            value = self._expression(70)
            return -value if isinstance(value, int | float) else Unknown("number")
        if sign == "(":
            return self._block()
        if sign == "[":
            return self._array()
        if sign == "{":
            return self._object()
        raise UnreadError

    def _named(self, sign: str) -> Any:
        if sign in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[sign]
        if sign == "function" or sign == "$$" or sign == "$":
            raise UnreadError
        if sign.startswith("$"):
            if self._peek()[1] == "(":
                return self._call(sign[1:])
            if self._peek()[1] == ":=":
                self._take()
                self._scopes[-1][sign[1:]] = self._expression(10)
                return self._scopes[-1][sign[1:]]
            for scope in reversed(self._scopes):
                if sign[1:] in scope:
                    return scope[sign[1:]]
            return Unknown(sign[1:])
        return Unknown(sign.strip("`"))  # a path of the context, which has no meaning in a state machine

    def _infix(self, left: Any, sign: str, strength: int, first: int) -> Any:
        if sign == ".":
            kind, name = self._take()
            if kind == "string":
                name = name[1:-1]
            elif kind != "name" or name.startswith("$"):
                raise UnreadError
            return step(left, name.strip("`"))
        if sign == "[":
            if self._peek()[1] == "]":
                self._take()
                return left if isinstance(left, list | Unknown) else [left]
            index = self._expression(0)
            self._take("]")
            if isinstance(index, int) and not isinstance(index, bool):
                return left if index == 0 and not isinstance(left, list | Unknown) else member(left, index)
            return self._told(first)
        if sign in {"?", "?:", "??"}:
            return self._either(left, sign, first)
        right = self._expression(strength)
        return operate(left, sign, right, lambda: self._told(first))

    def _either(self, left: Any, sign: str, first: int) -> Any:
        one = left if sign != "?" else self._expression(0)
        if sign != "?":
            other: Any = self._expression(15)
            if isinstance(left, Unknown):
                return left
            return (one if left else other) if sign == "?:" else (other if left in (None, MISSING) else one)
        other = MISSING
        if self._peek()[1] == ":":
            self._take()
            other = self._expression(0)
        if isinstance(left, Unknown):
            if one is not MISSING and one == other:
                return one
            unknown = [value for value in (one, other) if isinstance(value, Unknown)]  # the usual default: x ? x : "y"
            return unknown[0] if len(unknown) == 1 and left.name.find(unknown[0].name) >= 0 else self._told(first)
        return one if left and left is not MISSING else other

    def _block(self) -> Any:
        self._scopes.append({})
        value: Any = MISSING
        while self._peek()[1] != ")":
            value = self._expression(0)
            if self._peek()[1] == ";":
                self._take()
        self._take(")")
        self._scopes.pop()
        return value

    def _array(self) -> list[Any]:
        items: list[Any] = []
        while self._peek()[1] != "]":
            value = self._expression(0)
            if self._peek()[1] == "..":
                self._take()
                last = self._expression(0)
                if not isinstance(value, int) or not isinstance(last, int) or last - value > 10_000:
                    raise UnreadError
                items += range(value, last + 1)
            elif value is not MISSING:
                items.append(value)
            if self._peek()[1] == ",":
                self._take()
        self._take("]")
        return items

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._peek()[1] != "}":
            key = self._expression(0)
            self._take(":")
            value = self._expression(0)
            if value is not MISSING:
                found[text_of(key)] = value
            if self._peek()[1] == ",":
                self._take()
        self._take("}")
        return found

    def _call(self, name: str) -> Any:
        first = self._at - 1
        self._take("(")
        arguments: list[Any] = []
        while self._peek()[1] != ")":
            arguments.append(self._expression(0))
            if self._peek()[1] == ",":
                self._take()
        self._take(")")
        if name in {"now", "millis", "uuid", "random"}:
            return Unknown(name)
        if name == "string" and len(arguments) == 1:
            return as_string(arguments[0])
        if name == "merge" and arguments and isinstance(arguments[0], list):
            return joined(arguments[0], self._told(first).name)
        if name == "join" and isinstance(arguments[0], list):
            return text_of(arguments[1] if len(arguments) > 1 else "").join(map(text_of, arguments[0]))
        if name == "append" and all(isinstance(one, list) for one in arguments):
            return arguments[0] + arguments[1]
        if name == "count" and isinstance(arguments[0], list):
            return len(arguments[0])
        if name == "exists" and len(arguments) == 1 and not isinstance(arguments[0], Unknown):
            return arguments[0] is not MISSING
        function = FUNCTIONS.get(name)
        if function is None or not is_known(arguments) or MISSING in arguments:
            return self._told(first)
        return function(*arguments)
