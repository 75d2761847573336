"""Make the demo's developer: an IAM user who may do what ``pypedream policy`` printed, and nothing else.

Prints the user's keys as a shell reads them. Running it again replaces policies and keys.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from infrastructure import require_loopback

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

USER = "pypedream-demo-developer"


def make_developer(files: Sequence[Path]) -> Mapping[str, str]:
    """Bring the user to exactly the policies in some files; return the environment that makes one this user."""
    iam = boto3.client("iam")
    if all(user["UserName"] != USER for user in iam.list_users()["Users"]):
        iam.create_user(UserName=USER)
    _drop(iam)
    for index, file in enumerate(files):
        document = json.loads(file.read_text(encoding="utf-8"))
        made = iam.create_policy(PolicyName=f"{USER}-{index}", PolicyDocument=json.dumps(document))
        iam.attach_user_policy(UserName=USER, PolicyArn=made["Policy"]["Arn"])
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def _drop(iam: IAMClient) -> None:
    for policy in iam.list_attached_user_policies(UserName=USER)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=USER, PolicyArn=policy["PolicyArn"])
        iam.delete_policy(PolicyArn=policy["PolicyArn"])
    for key in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])


def main(arguments: Sequence[str]) -> int:
    """Make the user of the policies in the files named."""
    require_loopback(os.environ)
    if not arguments:
        print("usage: developer.py POLICY.json…", file=sys.stderr)
        return 2
    for name, value in make_developer([Path(argument) for argument in arguments]).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
