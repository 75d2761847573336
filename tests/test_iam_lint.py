"""The lint of IAM policies finds what IAM would refuse, so that a clean result means something."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.iam_lint import actions_of, iam_faults


def _policy(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement}]}


def test_a_good_policy_has_no_faults() -> None:
    objects = ["arn:aws:s3:::bucket/${*}${?}${$}/*", "arn:aws:s3:::bucket/${aws:userid}/*"]
    assert iam_faults(_policy(Action=["s3:Put*", "s3:GetObject"], Resource=objects)) == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ({"Action": "glue:GetTabl"}, "'gettabl' is not one of"),
        ({"Action": "s3:GetFoo*"}, r"'getfoo\*' is not one of"),
        ({"Action": "s4:GetObject"}, "'s4' is not one of"),
        ({"Action": "s3:GetObject", "Effect": "Maybe"}, "'Maybe' is not one of"),
        ({"Action": "s3:GetObject", "Resource": "bucket/*"}, "'bucket/.*' does not match"),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:glue:*:*:catalog"}, "requires a resource of"),
        ({"Action": "s3:GetObject", "NotResource": "*"}, "Only one of"),
        ({"Action": "s3:GetObject", "Effekt": "Allow"}, "Effekt"),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/${own}/*"}, "unknown variable"),
    ],
)
def test_faults_are_found(statement: dict[str, Any], fault: str) -> None:
    faults = iam_faults(_policy(**statement))
    assert len(faults) > 0
    assert any(re.search(fault, one) for one in faults), faults


def test_the_action_lists_are_aws_s_own() -> None:
    assert {"putobject", "deleteobject", "getobject"} <= actions_of("s3")
    assert "startjobrun" in actions_of("glue")
