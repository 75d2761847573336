"""The Condition block of an IAM policy statement: pure."""

from __future__ import annotations

import fnmatch
import ipaddress
import operator
from collections.abc import Callable, Mapping
from typing import Any

# Condition keys in lower case → the request's value, or its values where the key may have several.
Context = Mapping[str, str | tuple[str, ...]]
Comparison = Callable[[str, str], bool]


def _like(value: str, pattern: str) -> bool:
    # IAM knows no character classes: only * and ? are special.
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def _equals_ignoring_case(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


def _numeric(compare: Callable[[float, float], bool]) -> Comparison:
    def compared(value: str, wanted: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return compared


def _in_network(value: str, network: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)


_POSITIVE: dict[str, Comparison] = {
    "stringequals": operator.eq,
    "stringequalsignorecase": _equals_ignoring_case,
    "stringlike": _like,
    "arnequals": _like,
    "arnlike": _like,
    "bool": _equals_ignoring_case,
    "numericequals": _numeric(operator.eq),
    "numericlessthan": _numeric(operator.lt),
    "numericlessthanequals": _numeric(operator.le),
    "numericgreaterthan": _numeric(operator.gt),
    "numericgreaterthanequals": _numeric(operator.ge),
    "ipaddress": _in_network,
}
_NEGATED: dict[str, Comparison] = {
    "stringnotequals": operator.eq,
    "stringnotequalsignorecase": _equals_ignoring_case,
    "stringnotlike": _like,
    "arnnotequals": _like,
    "arnnotlike": _like,
    "numericnotequals": _numeric(operator.eq),
    "notipaddress": _in_network,
}


def conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Context, *, unknown: bool) -> bool:
    """Whether every condition holds.

    Args:
        conditions: the Condition block.
        context: the request's condition keys, in lower case.
        unknown: what to take an operator for that is not known here.
    """
    return all(
        _holds(name, context.get(key.lower()), wanted, unknown)
        for name, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(name: str, value: str | tuple[str, ...] | None, wanted: Any, unknown: bool) -> bool:
    operation = name.lower()
    for_all = operation.startswith("forallvalues:")
    operation = operation.removeprefix("forallvalues:").removeprefix("foranyvalue:")
    if_exists = operation.endswith("ifexists")
    operation = operation.removesuffix("ifexists")
    candidates = [str(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
    if operation == "null":
        return (value is None) == (candidates[0].lower() == "true")
    negated = operation in _NEGATED
    comparison = _NEGATED.get(operation) or _POSITIVE.get(operation)
    if comparison is None:
        return unknown
    if value is None:
        return if_exists or negated or for_all
    # Booleans of the JSON text arrive as Python's: "True" for true.
    values = value if isinstance(value, tuple) else (value,)
    verdicts = [any(comparison(one, candidate) for candidate in candidates) != negated for one in values]
    return all(verdicts) if for_all else any(verdicts)
