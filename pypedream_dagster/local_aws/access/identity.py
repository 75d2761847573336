"""Who sends a request: from the access key to the policies that bound it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pypedream_dagster.local_aws import moto_backends
from pypedream_dagster.local_aws.access.conditions import Context
from pypedream_dagster.local_aws.access.policy import Decision, PolicyDocument, decide, parse_policy
from pypedream_dagster.local_aws.endpoint import ACCOUNT_ID, RootKey

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Layer:
    """One set of policies that must allow what is done; ``noun`` is how a refusal names it."""

    noun: str
    documents: tuple[PolicyDocument, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: its ARN, and every layer of policies, which all must allow. Root has no layer.

    Attributes:
        context: condition keys that tell of the caller.
    """

    arn: str
    layers: tuple[Layer, ...] = ()
    context: Context = field(default_factory=dict)

    def refusal(self, action: str, resource: str, context: Context) -> str | None:
        """Why an action is refused, as AWS words it, or None where it is allowed."""
        circumstances = {
            "aws:principalarn": self.arn,
            "aws:principalaccount": ACCOUNT_ID,
            "aws:resourceaccount": ACCOUNT_ID,
            "aws:sourceip": "127.0.0.1",
            # The loopback stands for the TLS connection that a job on AWS has.
            "aws:securetransport": "true",
            **self.context,
            **context,
        }
        decisions = [(layer, decide(layer.documents, action, resource, circumstances)) for layer in self.layers]
        start = f'User: {self.arn} is not authorized to perform: {action} on resource: "{resource}"'
        for layer, decision in decisions:
            if decision is Decision.EXPLICIT_DENY:
                return f"{start} with an explicit deny in {layer.noun}"
        for layer, decision in decisions:
            if decision is Decision.IMPLICIT_DENY:
                return f"{start} because no {layer.noun.split(' ', 1)[-1]} allows the {action} action"
        return None


@dataclass(frozen=True, slots=True)
class Credential:
    """What the Authorization header says."""

    access_key_id: str
    region: str
    service: str


def credential_of(authorization: str | None, query: dict[str, str]) -> Credential | None:
    """The access key of a signed or presigned request, or None for an anonymous one."""
    signed = authorization or ""
    if not signed and "X-Amz-Credential" in query:
        signed = f"Credential={query['X-Amz-Credential']}"
    match = _CREDENTIAL.search(signed)
    return Credential(match[1], match[2], match[3].lower()) if match else None


def principal_of(access_key_id: str, root: RootKey, token: str | None) -> Principal | None:
    """The caller with this access key, or None where there is none, or its session is over."""
    if access_key_id == root.access_key_id:
        return Principal(f"arn:aws:iam::{ACCOUNT_ID}:root")
    session = moto_backends.assumed_role(access_key_id)
    if session is not None:
        expired = session.expiration.replace(tzinfo=UTC) < datetime.now(UTC)
        return None if expired or token != session.session_token else _session_principal(session)
    user = moto_backends.user_with_key(access_key_id)
    if user is None:
        return None
    context = {"aws:username": user.name, "aws:userid": user.id, "aws:principaltype": "User"}
    return Principal(user.arn, _user_layers(user), context)


def _session_principal(session: Any) -> Principal:
    role = moto_backends.role_named(session.role_arn)
    layers = () if role is None else _identity_layers(role, ())
    if role is None:
        layers = (Layer("an identity-based policy", ()),)
    if session.policy:
        layers = (*layers, Layer("a session policy", (parse_policy(session.policy),)))
    return Principal(session.arn, layers, {"aws:userid": session.user_id, "aws:principaltype": "AssumedRole"})


def _user_layers(user: Any) -> tuple[Layer, ...]:
    return _identity_layers(user, tuple(moto_backends.groups_of(user.name)))


def _identity_layers(owner: Any, groups: tuple[Any, ...]) -> tuple[Layer, ...]:
    documents = tuple(parse_policy(text) for one in (owner, *groups) for text in moto_backends.policy_documents(one))
    layers: tuple[Layer, ...] = (Layer("an identity-based policy", documents),)
    boundary = moto_backends.permissions_boundary(owner)
    if boundary is not None:
        layers = (*layers, Layer("a permissions boundary", (parse_policy(boundary),)))
    return layers
