from __future__ import annotations

import json
from typing import Any

import pytest

from pypedream_dagster.local_aws.access.policy import Decision, MalformedPolicyError, decide, parse_policy

OBJECT = "arn:aws:s3:::bucket/branch/data/part-0.parquet"
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def decided(*statements: Any, action: str = "s3:PutObject", resource: str = OBJECT, **context: str) -> Decision:
    document = parse_policy(json.dumps({"Statement": list(statements)}))
    return decide([document], action, resource, {key.replace("__", ":").lower(): v for key, v in context.items()})


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": "s3:*"}, True),
        ({"Action": "S3:putobject"}, True),
        ({"Action": "s3:Put*"}, True),
        ({"Action": "s3:PutObjec?"}, True),
        ({"Action": ["s3:Get*", "glue:*"]}, False),
        ({"NotAction": "s3:Get*"}, True),
        ({"NotAction": ["s3:Put*"]}, False),
        ({"Action": "*", "Resource": "arn:aws:s3:::bucket/branch/*"}, True),
        ({"Action": "*", "Resource": "arn:aws:s3:::bucket/Branch/*"}, False),
        ({"Action": "*", "Resource": "arn:aws:s3:::bucket/branch"}, False),
        ({"Action": "*", "Resource": ["arn:aws:s3:::other/*", "arn:aws:s3:::*/part-?.parquet"]}, True),
        ({"Action": "*", "NotResource": "arn:aws:s3:::bucket/main/*"}, True),
        ({"Action": "*", "NotResource": "arn:aws:s3:::bucket/branch/*"}, False),
        ({"Action": "*", "Resource": "arn:aws:s3:::bucket/[b]ranch/*"}, False),
    ],
)
def test_actions_and_resources_match_as_iam_matches_them(statement: dict[str, Any], expected: bool) -> None:
    whole = {"Effect": "Allow", **statement}
    if "NotResource" not in whole:
        whole.setdefault("Resource", "*")

    assert (decided(whole) is Decision.ALLOW) == expected


def test_deny_wins_whatever_the_order_and_nothing_said_is_no() -> None:
    deny = {"Effect": "Deny", "Action": "s3:Put*", "NotResource": "arn:aws:s3:::bucket/other/*"}

    assert decided(ALLOW_ALL, deny) is Decision.EXPLICIT_DENY
    assert decided(deny, ALLOW_ALL) is Decision.EXPLICIT_DENY
    assert decided(deny, ALLOW_ALL, resource="arn:aws:s3:::bucket/other/k") is Decision.ALLOW
    assert decided(deny, action="s3:GetObject") is Decision.IMPLICIT_DENY


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"s3:prefix": "a/b"}}, True),
        ({"StringEquals": {"S3:Prefix": ["x", "a/b"]}}, True),
        ({"StringEquals": {"s3:prefix": "a/B"}}, False),
        ({"StringEqualsIgnoreCase": {"s3:prefix": "A/B"}}, True),
        ({"StringNotEquals": {"s3:prefix": ["a/b", "c"]}}, False),
        ({"StringNotEquals": {"s3:prefix": "c"}}, True),
        ({"StringLike": {"s3:prefix": "a/*"}}, True),
        ({"StringLike": {"s3:prefix": "[a]/*"}}, False),
        ({"StringNotLike": {"s3:prefix": "a/*"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:sts::1:assumed-role/*"}}, True),
        ({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:sts::1:*"}}, False),
        ({"Bool": {"aws:SecureTransport": True}}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"Null": {"s3:delimiter": "true"}}, True),
        ({"Null": {"s3:prefix": True}}, False),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, True),
        ({"NumericGreaterThan": {"s3:max-keys": "10"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
        ({"StringEquals": {"aws:nowhere": "x"}}, False),
        ({"StringNotEquals": {"aws:nowhere": "x"}}, True),
        ({"StringEqualsIfExists": {"aws:nowhere": "x"}}, True),
        ({"StringEqualsIfExists": {"s3:prefix": "x"}}, False),
        ({"ForAllValues:StringEquals": {"aws:nowhere": "x"}}, True),
        ({"ForAnyValue:StringLike": {"s3:prefix": ["x", "a*"]}}, True),
        ({"StringEquals": {"s3:prefix": "a/b"}, "Bool": {"aws:SecureTransport": "false"}}, False),
        ({"DateLessThan": {"aws:CurrentTime": "2030-01-01"}}, False),
    ],
)
def test_conditions(condition: dict[str, Any], expected: bool) -> None:
    context = {
        "s3:prefix": "a/b",
        "s3:max-keys": "10",
        "aws:principalarn": "arn:aws:sts::1:assumed-role/r/s",
        "aws:securetransport": "true",
        "aws:sourceip": "127.0.0.1",
    }
    document = parse_policy(json.dumps({"Statement": {**ALLOW_ALL, "Condition": condition}}))

    assert (decide([document], "s3:ListBucket", "arn:aws:s3:::b", context) is Decision.ALLOW) == expected


def test_a_condition_that_is_not_known_never_lets_anything_through() -> None:
    unknown = {"Condition": {"BinaryEquals": {"k": "v"}}}

    assert decided({**ALLOW_ALL, **unknown}) is Decision.IMPLICIT_DENY
    assert decided(ALLOW_ALL, {**ALLOW_ALL, **unknown, "Effect": "Deny"}) is Decision.EXPLICIT_DENY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"Statement": [7]}',
        '{"Statement": {"Effect": "allow", "Action": "*", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "NotAction": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "NotResource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": []}}',
    ],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(MalformedPolicyError):
        parse_policy(text)


@pytest.mark.parametrize(
    ("pattern", "resource", "holds"),
    [
        ("arn:aws:s3:::b/${*}/*", "arn:aws:s3:::b/*/k", True),
        ("arn:aws:s3:::b/${*}/*", "arn:aws:s3:::b/other/k", False),
        ("arn:aws:s3:::b/${?}/*", "arn:aws:s3:::b/x/k", False),
        ("arn:aws:s3:::b/${$}{aws:username}/*", "arn:aws:s3:::b/${aws:username}/k", True),
        ("arn:aws:s3:::b/${$}{aws:username}/*", "arn:aws:s3:::b/ann/k", False),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/ann/k", True),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/k", False),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/${aws:username}/k", False),
        ("arn:aws:s3:::b/$folder$/*", "arn:aws:s3:::b/$folder$/k", True),
    ],
)
def test_policy_variables_and_their_escapes(pattern: str, resource: str, holds: bool) -> None:
    context = {"aws__username": "ann"}
    for effect in ("Allow", "Deny"):
        statement = {"Effect": effect, "Action": "*", "Resource": pattern}
        told = decided(ALLOW_ALL, statement, resource=resource, **context)
        assert (told is Decision.EXPLICIT_DENY) == (holds and effect == "Deny")
    allowed = decided({"Effect": "Allow", "Action": "*", "Resource": pattern}, resource=resource, **context)
    assert (allowed is Decision.ALLOW) == holds


def test_a_variable_without_a_value_opens_nothing() -> None:
    pattern = "arn:aws:s3:::bucket/${aws:nobody}/*"
    for key in ("Resource", "NotResource"):
        allow = {"Effect": "Allow", "Action": "*", key: pattern}
        deny = {"Effect": "Deny", "Action": "*", key: pattern}
        assert decided(ALLOW_ALL, deny) is Decision.EXPLICIT_DENY
        assert decided(allow) is Decision.IMPLICIT_DENY
