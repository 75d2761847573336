"""What a session policy lets through, as the embedded AWS itself decides it."""

from __future__ import annotations

from collections.abc import Mapping

from pypedream_dagster.local_aws.access.policy import Decision, decide, parse_policy


def allows(policy: str, action: str, resource: str, context: Mapping[str, str] | None = None) -> bool:
    return decide([parse_policy(policy)], action, resource, context or {}) is Decision.ALLOW


def object_arn(bucket_and_key: str) -> str:
    return f"arn:aws:s3:::{bucket_and_key}"
