"""IAM policy documents and what they decide: pure, no AWS and no moto.

Known: Effect, Action/NotAction, Resource/NotResource, and conditions of the String, Arn, Bool, Null, Numeric and
IpAddress families with IfExists and the set prefixes; policy variables in resources, with IAM's escapes ``${*}``,
``${?}`` and ``${$}``. Principal is read by :mod:`trust`. A condition that is not known holds for a Deny and fails for
an Allow, and so does a variable that the request does not tell, so that what is misread is refused.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pypedream_dagster.local_aws.access.conditions import Context, conditions_hold

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class Decision(Enum):
    """What one set of policies says about one action on one resource."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; of each pair (``x``, ``not_x``) exactly one is set, or neither for resources."""

    effect: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    conditions: Mapping[str, Mapping[str, Any]] | None = None

    def applies(self, action: str, resource: str, context: Context) -> bool:
        """Whether the statement speaks of this action on this resource under these circumstances."""
        if self.actions and not _any_match(self.actions, action, ignore_case=True):
            return False
        if self.not_actions and _any_match(self.not_actions, action, ignore_case=True):
            return False
        denies = self.effect == "Deny"
        if self.resources and not _any_holds(self.resources, resource, context, unknown=denies):
            return False
        if self.not_resources and _any_holds(self.not_resources, resource, context, unknown=not denies):
            return False
        return conditions_hold(self.conditions or {}, context, unknown=self.effect == "Deny")


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """The statements of one policy."""

    statements: tuple[Statement, ...]


class MalformedPolicyError(ValueError):
    """A text is not a policy document."""


@functools.lru_cache(maxsize=256)
def parse_policy(text: str) -> PolicyDocument:
    """Reads a policy document.

    Raises:
        MalformedPolicyError: it is not JSON, or lacks what every statement must have.
    """
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise MalformedPolicyError(f"Syntax errors in policy: {error}") from error
    if not isinstance(raw, dict) or not raw.get("Statement"):
        raise MalformedPolicyError("Missing required field Statement")
    return PolicyDocument(tuple(_statement(one) for one in _listed(raw["Statement"])))


def _statement(raw: Any) -> Statement:
    if not isinstance(raw, dict) or raw.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicyError("Missing required field Effect, which is Allow or Deny")
    if ("Action" in raw) == ("NotAction" in raw):
        raise MalformedPolicyError("A statement has either Action or NotAction")
    if "Resource" in raw and "NotResource" in raw:
        raise MalformedPolicyError("A statement has either Resource or NotResource")
    if not isinstance(raw.get("Condition", {}), dict):
        raise MalformedPolicyError("Condition is not an object")
    return Statement(
        effect=raw["Effect"],
        actions=_strings(raw.get("Action")),
        not_actions=_strings(raw.get("NotAction")),
        resources=_strings(raw.get("Resource")),
        not_resources=_strings(raw.get("NotResource")),
        conditions=raw.get("Condition"),
    )


def decide(documents: Sequence[PolicyDocument], action: str, resource: str, context: Context) -> Decision:
    """What a set of policies, such as all those of a role, says: a Deny anywhere wins, else any Allow."""
    applying = [
        statement.effect
        for document in documents
        for statement in document.statements
        if statement.applies(action, resource, context)
    ]
    if "Deny" in applying:
        return Decision.EXPLICIT_DENY
    return Decision.ALLOW if applying else Decision.IMPLICIT_DENY


def _any_match(patterns: tuple[str, ...], value: str, *, ignore_case: bool = False) -> bool:
    return any(wildcard(pattern, ignore_case).fullmatch(value) for pattern in patterns)


def _any_holds(patterns: tuple[str, ...], resource: str, context: Context, *, unknown: bool) -> bool:
    return any(_holds(pattern, resource, context, unknown) for pattern in patterns)


def _holds(pattern: str, resource: str, context: Context, unknown: bool) -> bool:
    """Whether a resource pattern holds a resource; ``unknown`` where a variable in it has no value."""
    if "${" not in pattern:
        return wildcard(pattern).fullmatch(resource) is not None
    parts: list[str] = []
    for index, text in enumerate(_VARIABLE.split(pattern)):
        if index % 2 == 0:  # between variables
            parts.append(wildcard(text).pattern)
        elif text in ("*", "?", "$"):
            parts.append(re.escape(text))
        elif isinstance(value := context.get(text.partition(",")[0].strip().lower()), str):
            parts.append(re.escape(value))
        else:
            return unknown
    return re.fullmatch("".join(parts), resource, re.DOTALL) is not None


@functools.lru_cache(maxsize=4096)
def wildcard(pattern: str, ignore_case: bool = False) -> re.Pattern[str]:
    """The regular expression of an IAM pattern, in which ``*`` is anything and ``?`` one character."""
    parts = ({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _strings(value: Any) -> tuple[str, ...]:
    return () if value is None else tuple(str(item) for item in _listed(value))
