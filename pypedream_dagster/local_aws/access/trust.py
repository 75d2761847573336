"""STS: whom a role's trust policy lets assume it, and what a session may not ask for at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pypedream_dagster.local_aws import moto_backends
from pypedream_dagster.local_aws.access.conditions import conditions_hold
from pypedream_dagster.local_aws.access.identity import Principal
from pypedream_dagster.local_aws.access.policy import wildcard
from pypedream_dagster.local_aws.endpoint import ACCOUNT_ID

_SESSION = ":assumed-role/"


def sts_refusal(principal: Principal, operation: str, parameters: Mapping[str, Any]) -> str | None:
    """Why STS refuses a call that the caller's own policies allow, as AWS words it, or None.

    Root is not bound: it stands for whoever set the embedded AWS up, and AWS's own root may assume no role at all.
    Stricter than AWS in one point: a role that names the caller still needs the caller's policies to allow it.
    """
    if not principal.layers:
        return None
    action = f"sts:{operation}"
    if operation == "AssumeRole":
        arn = str(parameters.get("RoleArn", ""))
        if _trusts(arn, principal.arn, action):
            return None
        return f"User: {principal.arn} is not authorized to perform: {action} on resource: {arn}"
    if operation in ("GetSessionToken", "GetFederationToken") and _SESSION in principal.arn:
        return f"Cannot call {operation} with session credentials"
    if operation.startswith(("AssumeRoleWith", "AssumeRoot")):
        return f"Not authorized to perform {action}"
    return None


def _trusts(role_arn: str, caller: str, action: str) -> bool:
    role = moto_backends.role_named(role_arn)
    if role is None or role.arn != role_arn:
        return False
    document = role.assume_role_policy_document
    statements = (json.loads(document) if isinstance(document, str) else document).get("Statement", [])
    effects = [
        statement.get("Effect")
        for statement in (statements if isinstance(statements, list) else [statements])
        if _applies(statement, caller, action)
    ]
    return bool(effects) and "Deny" not in effects


def _applies(statement: Mapping[str, Any], caller: str, action: str) -> bool:
    if not any(wildcard(pattern, ignore_case=True).fullmatch(action) for pattern in _listed(statement.get("Action"))):
        return False
    if not any(_is_named(name, caller) for name in _principals(statement.get("Principal"))):
        return False
    context = {"aws:principalarn": caller, "aws:principalaccount": ACCOUNT_ID}
    return conditions_hold(statement.get("Condition") or {}, context, unknown=statement.get("Effect") == "Deny")


def _is_named(name: str, caller: str) -> bool:
    """Whether a principal of a trust policy is the caller: its account, its role, or the caller itself."""
    account = f"arn:aws:iam::{ACCOUNT_ID}:"
    if name in ("*", ACCOUNT_ID, f"{account}root", caller):
        return True
    if _SESSION not in caller:
        return False
    role = caller.partition(_SESSION)[2].rpartition("/")[0]
    return name.startswith(f"{account}role/") and name.rpartition("/")[2] == role


def _principals(named: Any) -> Iterator[str]:
    if isinstance(named, str):
        yield named
    elif isinstance(named, dict):
        yield from _listed(named.get("AWS"))


def _listed(value: Any) -> list[str]:
    return [] if value is None else list(value) if isinstance(value, list) else [str(value)]
