"""JSONPath expressions and intrinsic functions, over data that is partly known.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pypedream_dagster.importers.sources.step_functions.values import Unknown, is_known, joined, member, plain, text_of

Keys = tuple[str | int, ...]

_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]()\s'"]+) | \[\s*(?P<index>-?\d+)\s*\] | \[\s*(?:'(?P<one>[^']*)'|"(?P<two>[^"]*)")\s*\]
        | (?P<all>\[\s*\*\s*\]|\.\*)""",
    re.VERBOSE,
)
_ARGUMENT = re.compile(r"\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<word>true|false|null))\s*(?=[,)]|$)")
_DEEPEST, _LONGEST = 20, 10_000


@dataclass(frozen=True, slots=True)
class Scene:
    """What an expression may refer to.

    Attributes:
        data: the state's input, ``$``.
        context: the context object, ``$$``.
        variables: by name, without ``$``.
    """

    data: Any
    context: Any
    variables: dict[str, Any]


def evaluated(expression: str, scene: Scene) -> Any:
    """Return what a path or an intrinsic function gives; what cannot be computed is unknown, named after it."""
    text = expression.strip()
    if text.startswith("States."):
        try:
            value, end = _call(text, 0, scene, 0)
        except (ValueError, TypeError, LookupError, RecursionError, OverflowError):
            return Unknown(text)
        return value if not text[end:].strip() else Unknown(text)
    return at_path(text, scene)


def at_path(path: str, scene: Scene) -> Any:
    """Return what lies at a path."""
    start, _, rest = _root(path)
    keys = keys_of(rest)
    if start is None or keys is None:
        return Unknown(path.lstrip("$.") or "input")
    value: Any
    if start == "$":
        value = scene.data
    elif start == "$$":
        value = scene.context
    elif start[1:] in scene.variables:
        value = scene.variables[start[1:]]
    else:
        value = Unknown(start[1:])
    return _follow(value, keys)


@lru_cache(maxsize=10_000)
def keys_of(steps: str) -> tuple[str | int | None, ...] | None:
    """Return the keys of ``.a['b'][0][*]`` (None for all of them), or None where it is more than that."""
    keys: list[str | int | None] = []
    at = 0
    while at < len(steps):
        found = _STEP.match(steps, at)
        if not found:
            return None
        at = found.end()
        if found["all"]:
            keys.append(None)
        elif found["index"] is not None:
            keys.append(int(found["index"]))
        else:
            keys.append(next(part for part in (found["name"], found["one"], found["two"]) if part is not None))
    return tuple(keys)


def place_of(path: str) -> Keys | None:
    """Return where a ResultPath puts a result: keys below ``$``, or None where it is no such path."""
    start, _, rest = _root(path.strip())
    keys = keys_of(rest)
    return tuple(key for key in keys if key is not None) if start == "$" and keys is not None else None


def _root(path: str) -> tuple[str | None, str, str]:
    found = re.match(r"\$\$|\$[A-Za-z_]\w*|\$", path)
    return (found[0], "", path[found.end() :]) if found else (None, "", path)


def _follow(value: Any, keys: tuple[str | int | None, ...]) -> Any:
    for number, key in enumerate(keys):
        if key is None:
            if isinstance(value, dict):
                value = list(value.values())
            if not isinstance(value, list):
                return Unknown(f"{value.name}[_]") if isinstance(value, Unknown) else []
            return [_follow(item, keys[number + 1 :]) for item in value]
        value = member(value, key)
    return value


def _call(text: str, at: int, scene: Scene, depth: int) -> tuple[Any, int]:
    """Read and compute ``States.F(…)`` from a position on; give its value and where it ends."""
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    opened = text.index("(", at)
    name = text[at:opened].strip()
    arguments: list[Any] = []
    at = _past_space(text, opened + 1)
    while text[at] != ")":
        value, at = _argument(text, at, scene, depth)
        arguments.append(value)
        at = _past_space(text, at)
        if text[at] == ",":
            at = _past_space(text, at + 1)
        elif text[at] != ")":
            raise ValueError("no end of an argument")
    return _apply(name, arguments), at + 1


def _argument(text: str, at: int, scene: Scene, depth: int) -> tuple[Any, int]:
    if text.startswith("States.", at):
        return _call(text, at, scene, depth + 1)
    if text[at] == "'":
        return _quoted(text, at + 1)
    if plain_one := _ARGUMENT.match(text, at):
        return json.loads(plain_one["number"] or plain_one["word"]), plain_one.end()
    end, open_brackets = at, 0
    while end < len(text) and (open_brackets or text[end] not in ",)"):
        open_brackets += (text[end] == "[") - (text[end] == "]")
        end += 1
    path = text[at:end].strip()
    return (at_path(path, scene) if path.startswith("$") and not path.startswith("${") else path), end


def _quoted(text: str, at: int) -> tuple[str, int]:
    found: list[str] = []
    while text[at] != "'":
        if text[at] == "\\" and text[at + 1] in "'\\":
            at += 1
        elif text[at] == "\\" and text[at + 1] in "{}":  # kept for Format, which takes it for the brace itself
            found.append("\\")
            at += 1
        found.append(text[at])
        at += 1
    return "".join(found), at + 1


def _past_space(text: str, at: int) -> int:
    while text[at].isspace():
        at += 1
    return at


def _format(template: str, *values: Any) -> str:
    rest = iter(values)
    told = re.sub(
        r"(?<!\\)(?<!\$)\{\}", lambda _: text_of(next(rest, Unknown("unknown"))).replace("\\", "\0"), template
    )
    return re.sub(r"\\([{}])", r"\1", told).replace("\0", "\\")


def _apply(name: str, arguments: list[Any]) -> Any:
    short = name.removeprefix("States.")
    if short == "Format" and arguments and isinstance(arguments[0], str):
        return _format(*arguments)
    if short == "Array":
        return arguments
    if short == "JsonToString" and len(arguments) == 1:
        only = arguments[0]
        return only if isinstance(only, Unknown) else json.dumps(plain(only), ensure_ascii=False)
    if short == "ArrayGetItem" and isinstance(arguments[1], int):
        return member(arguments[0], arguments[1])
    if short == "ArrayLength" and isinstance(arguments[0], list):
        return len(arguments[0])
    function = _FUNCTIONS.get(short)
    if function is not None and is_known(arguments):
        return function(*arguments)
    told = ", ".join(one.name if isinstance(one, Unknown) else text_of(one) for one in arguments)
    if short == "JsonMerge" and len(arguments) >= 2:
        return joined(arguments[:2], f"{short}({told})")
    return Unknown(f"{short}({told})")


def _range(first: int, last: int, step: int) -> list[int]:
    if abs((last - first) // step) > _LONGEST:
        raise ValueError("too long")
    return list(range(first, last + (1 if step > 0 else -1), step))


def _unique(items: list[Any]) -> list[Any]:
    return [item for number, item in enumerate(items) if item not in items[:number]]


def _hash(value: Any, algorithm: str) -> str:
    return hashlib.new(algorithm.replace("-", "").lower(), text_of(value).encode(), usedforsecurity=False).hexdigest()


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "StringToJson": json.loads,
    "ArrayPartition": lambda items, size: [items[at : at + size] for at in range(0, len(items), size)],
    "ArrayContains": lambda items, value: value in items,
    "ArrayRange": _range,
    "ArrayUnique": _unique,
    "Base64Encode": lambda text: base64.b64encode(text.encode()).decode(),
    "Base64Decode": lambda text: base64.b64decode(text).decode(),
    "Hash": _hash,
    "MathAdd": lambda one, other: one + other,
    "StringSplit": lambda text, marks: [part for part in re.split(f"[{re.escape(marks)}]", text) if part],
}
