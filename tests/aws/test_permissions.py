"""No AWS call of the package is missing from the list of permissions, and none on it is made nowhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore import xform_name

from pypedream_dagster.aws.permissions import AUDIENCES, CALLS, Target, actions_for, calls_of, commands_of, undeclared
from pypedream_dagster.aws.session import connect
from pypedream_dagster.cli.main import COMMANDS
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.settings import Settings
from tests.iam_lint import actions_of

AWS = Path(__file__).parents[2] / "pypedream_dagster" / "aws"
_CLIENTS = {"boto", "_boto", "starter"}
_SESSION = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")


def operations() -> dict[str, str]:
    """Return the API operation of each method of boto3's clients that we could mean, by method."""
    found: dict[str, str] = {}
    for service in dict.fromkeys(call.operation.partition(":")[0] for call in CALLS):  # TagResource: glue's
        model = _SESSION.client(service).meta.service_model  # type: ignore[call-overload]
        for name in model.operation_names:
            found.setdefault(xform_name(name), f"{service}:{name}")
    return found


def methods_called(source: str) -> Iterator[str]:
    """Yield the boto3 methods that a module calls on one of our clients, those of paginators and waiters included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute | ast.Name):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id
            if owner in _CLIENTS:
                yield node.attr
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_paginator":
            assert isinstance(node.args[0], ast.Constant), "which call a paginator makes must stand in the code"
            yield str(node.args[0].value)


def calls_in_code() -> set[str]:
    known = operations()
    methods = {method for path in AWS.rglob("*.py") for method in methods_called(path.read_text(encoding="utf-8"))}
    helpers = {"get_paginator", "meta", "exceptions"}
    assert not methods - known.keys() - helpers, "a method of boto3 that makes calls of its own: declare those"
    return {known[method] for method in methods - helpers}


def test_every_call_in_the_code_is_declared() -> None:
    assert not undeclared(calls_in_code()), "add a line to CALLS in aws/permissions.py"


def test_every_declared_call_is_in_the_code() -> None:
    assert not {call.operation for call in CALLS} - calls_in_code(), "strike it off CALLS in aws/permissions.py"


def test_a_call_that_nobody_declared_is_noticed() -> None:
    source = "def f(self):\n    self.boto.put_bucket_lifecycle_configuration(Bucket='b')\n"
    assert [operations()[name] for name in methods_called(source)] == ["s3:PutBucketLifecycleConfiguration"]
    assert undeclared({"s3:PutBucketPolicy", "s3:GetObject"}) == {"s3:PutBucketPolicy"}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.operation}-{call.action}")
def test_a_declaration_makes_sense(call: object) -> None:
    assert call in CALLS
    operation, action = call.operation, call.action  # type: ignore[attr-defined]
    assert operation in operations().values()
    if action:
        service, _, name = action.partition(":")
        assert re.fullmatch(r"[A-Za-z]+", name), "no wildcards: each action is shown to be needed"
        assert name.lower() in actions_of(service)


def test_the_calls_that_the_package_makes_are_seen(aws_env: Endpoint, calls_made: set[str], tmp_path: Path) -> None:
    aws = connect(Settings(tmp_path, endpoint_url=aws_env.url, region=aws_env.region))
    calls_made.discard("glue:GetJob")

    aws.glue.get_job("no-such-job")
    aws.s3.boto.list_buckets()  # a test's own

    assert "glue:GetJob" in calls_made
    assert "s3:ListBuckets" not in calls_made


def test_no_permission_is_declared_twice() -> None:
    keys = [(call.operation, call.action, call.targets) for call in CALLS]
    assert len(keys) == len(set(keys))


def test_commands_are_those_of_the_command_line() -> None:
    named = {command for call in CALLS for command in call.commands}
    audiences = {command for audience in AUDIENCES for command in commands_of(audience)}
    assert {command.split()[0] for command in named | audiences} <= COMMANDS.keys()
    assert named <= set(commands_of("developer")) | set(commands_of("gc"))


def test_only_who_deploys_may_pass_roles_or_write() -> None:
    for audience in AUDIENCES:
        actions = {call.action for call in calls_of(audience)}
        writes = {action for action in actions if re.match(r"\w+:(Put|Create|Update|Start|Pass|Tag)", action)}
        lease = {"s3:PutObject", "s3:PutObjectTagging"} if audience == "gc" else set()
        assert writes == lease or audience in {"developer", "ci"}
    reader = {call.action for call in calls_of("reader")}
    assert all(re.match(r"\w+:(Get|List|Describe)", action) for action in reader)
    assert {call.action for call in calls_of("ci")} < {call.action for call in calls_of("developer")}


def test_a_call_knows_its_permissions() -> None:
    assert actions_for("s3:DeleteObjects") == ("s3:DeleteObject", "s3:DeleteObjectVersion")
    assert actions_for("s3:SomethingNew") == ("s3:SomethingNew",)


def test_what_main_is_read_of_is_never_written() -> None:
    main = (Target.MAIN_OBJECTS, Target.MAIN_JOBS, Target.DATABASES, Target.CONNECTIONS, Target.ACCOUNT)
    actions = {call.action for call in CALLS for target in call.targets if target in main}
    assert all(
        re.match(r"\w+:(Get|List|Describe)", action)
        for action in actions - {"glue:StartJobRun", "glue:BatchStopJobRun"}
    )
