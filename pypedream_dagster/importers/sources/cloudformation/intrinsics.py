"""CloudFormation's functions, worked out as far as a template tells: what stays unknown is a named part of a text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from pypedream_dagster.importers.parameters import PARAMETER, parameter

_SUBSTITUTED = re.compile(r"\$\{(!?)\s*([A-Za-z0-9_.:-]+)\s*\}")
_DYNAMIC = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):((?:[^{}]|\$\{[^{}]*\})+)\}\}")
_LONGEST = 1_000_000


class _NoValue:
    """What ``AWS::NoValue`` gives: the property is as if it were not there."""


NO_VALUE: Final = _NoValue()

Local = Mapping[str, Any]


class Scope(Protocol):
    """What a template's functions refer to."""

    def ref(self, name: str) -> Any:
        """Return what ``Ref`` gives."""

    def attribute(self, logical_id: str, name: str) -> Any:
        """Return what ``Fn::GetAtt`` gives."""

    def imported(self, name: str) -> Any:
        """Return what another template exports under a name."""

    def mapping(self, name: str) -> Mapping[str, Any] | None:
        """Return a section of Mappings."""

    def condition(self, name: str) -> bool | None:
        """Tell whether a condition holds; None where that is not known."""

    def known(self, text: str) -> str | None:
        """Return a text with all its parts put in from defaults; None where one is not known."""

    def secret_or_parameter(self, service: str, name: str) -> str:
        """Return what a dynamic reference gives."""

    def undecided(self, condition: str) -> None:
        """Take note that a condition is not known, and its true side was taken."""


def text_of(value: Any) -> str:
    """Return a value as CloudFormation passes it on where a text is wanted."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case None | _NoValue():
            return ""
        case list():
            return ",".join(text_of(item) for item in value)
        case dict():
            return json.dumps(value, ensure_ascii=False, default=text_of)
    return str(value)


def resolve(value: Any, scope: Scope, local: Local | None = None) -> Any:
    """Return a value with its functions worked out."""
    local = local or {}
    match value:
        case str():
            return _dynamic(value, scope) if "{{resolve:" in value else value
        case list():
            items = (resolve(item, scope, local) for item in value)
            return [item for item in items if item is not NO_VALUE]
        case dict():
            if len(value) == 1:
                ((name, argument),) = value.items()
                if name == "Ref" or name.startswith("Fn::"):
                    return _call(name, argument, scope, local)
            pairs = ((key, resolve(item, scope, local)) for key, item in value.items() if not key.startswith("Fn::"))
            return {key: item for key, item in pairs if item is not NO_VALUE}
    return value


def holds(condition: Any, scope: Scope) -> bool | None:
    """Tell whether a condition holds; None where that hangs on something unknown."""
    match condition:
        case {"Condition": str(name)}:
            return scope.condition(name)
        case {"Fn::Equals": [left, right]}:
            one, other = text_of(resolve(left, scope)), text_of(resolve(right, scope))
            if one == other:
                return True
            first, second = scope.known(one), scope.known(other)
            return None if first is None or second is None else first == second
        case {"Fn::Not": [inner]}:
            found = holds(inner, scope)
            return None if found is None else not found
        case {"Fn::And": list(parts)}:
            all_found = [holds(part, scope) for part in parts]
            return False if False in all_found else None if None in all_found else True
        case {"Fn::Or": list(parts)}:
            any_found = [holds(part, scope) for part in parts]
            return True if True in any_found else None if None in any_found else False
    return None


def _call(name: str, argument: Any, scope: Scope, local: Local) -> Any:
    match name, argument:
        case "Ref", str():
            return local[argument] if argument in local else scope.ref(argument)
        case "Fn::Sub", str():
            return _substituted(argument, scope, local)
        case "Fn::Sub", [str(text), dict(own)]:
            return _substituted(
                text, scope, {**local, **{key: resolve(item, scope, local) for key, item in own.items()}}
            )
        case "Fn::Sub", [str(text)]:
            return _substituted(text, scope, local)
        case "Fn::GetAtt", [str(logical_id), *parts] if parts:
            return scope.attribute(logical_id, ".".join(text_of(resolve(part, scope, local)) for part in parts))
        case "Fn::GetAtt", str() if "." in argument:
            return scope.attribute(*argument.split(".", 1))
        case "Fn::Join", [separator, items]:
            return _joined(text_of(separator), resolve(items, scope, local), scope)
        case "Fn::Split", [separator, text]:
            return _split(text_of(separator), text_of(resolve(text, scope, local)), scope)
        case "Fn::Select", [index, items]:
            return _selected(resolve(index, scope, local), resolve(items, scope, local), scope)
        case "Fn::FindInMap", [section, first, second, *_]:
            keys = [text_of(resolve(part, scope, local)) for part in (section, first, second)]
            return _in_map(keys, argument, scope, local)
        case "Fn::If", [str(condition), yes, no]:
            return _either(condition, yes, no, scope, local)
        case "Fn::ImportValue", _:
            return scope.imported(text_of(resolve(argument, scope, local)))
        case "Fn::ToJsonString", _:
            return text_of(_as_json(resolve(argument, scope, local)))
        case "Fn::Base64", _:
            return resolve(argument, scope, local)
        case "Fn::Length", _:
            items = resolve(argument, scope, local)
            return len(items) if isinstance(items, list) else parameter(name)
    return parameter(name)


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=text_of)


def _substituted(text: str, scope: Scope, local: Local) -> str:
    def put(match: re.Match[str]) -> str:
        literal, name = match[1], match[2]
        if literal:
            return f"${{{name}}}"
        if name in local:
            return text_of(local[name])
        logical_id, dot, attribute = name.partition(".")
        return text_of(scope.attribute(logical_id, attribute) if dot else scope.ref(name))

    found = _SUBSTITUTED.sub(put, text)
    if len(found) > max(_LONGEST, 2 * len(text)):
        return parameter("too long")
    return _dynamic(found, scope) if "{{resolve:" in found else found


def _dynamic(text: str, scope: Scope) -> str:
    return _DYNAMIC.sub(lambda match: scope.secret_or_parameter(match[1], match[2]), text)


def _joined(separator: str, items: Any, scope: Scope) -> str:
    if not isinstance(items, list):
        return text_of(items)  # a parameter that holds a list
    found = separator.join(text_of(item) for item in items)
    if len(found) > _LONGEST * 3:
        return parameter("too long")
    return _dynamic(found, scope) if "{{resolve:" in found else found


def _split(separator: str, text: str, scope: Scope) -> Any:
    if PARAMETER.fullmatch(text):
        known = scope.known(text)
        return known.split(separator) if known is not None and separator else text
    if not separator:
        return [text]
    parts: list[str] = [""]
    for place, piece in enumerate(re.split(r"(\$\{[^${}]+\})", text)):
        first, *others = [piece] if place % 2 else piece.split(separator)  # a name such as AWS::Region stays whole
        parts[-1] += first
        parts += others
    return parts


def _selected(index: Any, items: Any, scope: Scope) -> Any:
    try:
        place = int(text_of(index))
    except ValueError:
        return parameter("Fn::Select")
    if isinstance(items, str):
        known = scope.known(items)
        if known is None:
            name = PARAMETER.fullmatch(items)
            return parameter(f"{name[1] if name else 'Fn::Select'}.{place}")
        items = [part.strip() for part in known.split(",")]
    if isinstance(items, list) and 0 <= place < len(items):
        return items[place]
    return parameter("Fn::Select")


def _in_map(keys: list[str], argument: list[Any], scope: Scope, local: Local) -> Any:
    section = scope.mapping(keys[0])
    first, second = scope.known(keys[1]), scope.known(keys[2])
    if section is not None:
        rows = [section.get(first)] if first is not None else list(section.values())
        found = [row[second] for row in rows if isinstance(row, Mapping) and second in row]
        if found and all(item == found[0] for item in found) and len(found) == len(rows):
            return resolve(found[0], scope, local)
    match argument[3:]:
        case [{"DefaultValue": default}]:
            return resolve(default, scope, local)
    return parameter(".".join(keys))


def _either(condition: str, yes: Any, no: Any, scope: Scope, local: Local) -> Any:
    found = scope.condition(condition)
    if found is not None:
        return resolve(yes if found else no, scope, local)
    one, other = resolve(yes, scope, local), resolve(no, scope, local)
    if one is NO_VALUE or one == other:
        return other
    if other is not NO_VALUE:
        scope.undecided(condition)
    return one
