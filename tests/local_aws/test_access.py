from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from .aws import Aws, allow, policy, unique

DENIED = r"An error occurred \((AccessDenied|AccessDeniedException|403)\)"


def denied() -> Any:
    return pytest.raises(ClientError, match=DENIED)


def branch_policy(bucket: str, prefix: str = "branch/") -> str:
    """What a branch's runs carry: all that the role may, less writes to anything but the branch's prefix."""
    writes = {"Effect": "Deny", "Action": ["s3:Put*", "s3:Delete*"]}
    return policy(allow("*"), {**writes, "NotResource": f"arn:aws:s3:::{bucket}/{prefix}*"})


def test_a_run_may_do_what_both_its_role_and_its_session_policy_allow(aws: Aws) -> None:
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key="main/data", Body=b"main's")
    role = aws.role(allow("s3:*", "logs:*"))
    job = aws.job(
        "import boto3, sys\n"
        "key = sys.argv[sys.argv.index('--key') + 1]\n"
        f"s3 = boto3.client('s3'); s3.get_object(Bucket={bucket!r}, Key='main/data')\n"
        f"s3.put_object(Bucket={bucket!r}, Key=key, Body=b'the run was here')",
        Role=role,
    )
    narrowed = branch_policy(bucket)

    good = aws.run(job, Arguments={"--key": "branch/data"}, ExecutionRoleSessionPolicy=narrowed)
    bad = aws.run(job, Arguments={"--key": "main/data"}, ExecutionRoleSessionPolicy=narrowed)

    assert good["JobRunState"] == "SUCCEEDED", good
    assert bad["JobRunState"] == "FAILED"
    assert "AccessDenied" in bad["ErrorMessage"]
    assert "explicit deny in a session policy" in bad["ErrorMessage"]
    assert aws.s3.get_object(Bucket=bucket, Key="main/data")["Body"].read() == b"main's"
    assert aws.run(job, Arguments={"--key": "main/data"})["JobRunState"] == "SUCCEEDED"


def test_the_script_itself_is_read_with_the_narrowed_role(aws: Aws) -> None:
    job = aws.job("pass")

    run = aws.run(job, ExecutionRoleSessionPolicy=policy(allow("logs:*")))

    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("LAUNCH ERROR")


@pytest.fixture
def narrowed(aws: Aws) -> tuple[Aws, str]:
    """A session that may write only below branch/ of a bucket that holds main's data."""
    bucket = aws.bucket()
    for key in ("main/a", "main/b", "branch/a", "branch/b"):
        aws.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return aws.as_role(aws.role(), session_policy=branch_policy(bucket)), bucket


def test_every_way_to_write_an_object_is_checked(narrowed: tuple[Aws, str], aws: Aws) -> None:
    session, bucket = narrowed
    s3 = session.s3
    source = {"Bucket": bucket, "Key": "main/a"}
    upload = aws.s3.create_multipart_upload(Bucket=bucket, Key="main/big")["UploadId"]
    ways: list[Callable[[str], Any]] = [
        lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b"x"),
        lambda key: s3.copy_object(Bucket=bucket, Key=key, CopySource=source),
        lambda key: s3.create_multipart_upload(Bucket=bucket, Key=key),
        lambda key: s3.delete_object(Bucket=bucket, Key=key),
        lambda key: s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": []}),
    ]
    for way in ways:
        with denied():
            way("main/b")
    for way in (*ways[:3], *ways[3:4]):
        way("branch/b")
    with denied():
        s3.upload_part(Bucket=bucket, Key="main/big", UploadId=upload, PartNumber=1, Body=b"x")
    assert aws.s3.get_object(Bucket=bucket, Key="main/b")["Body"].read() == b"main/b"
    assert aws.keys(bucket, "main/") == ["main/a", "main/b"]


def test_a_multi_delete_is_decided_key_by_key(narrowed: tuple[Aws, str], aws: Aws) -> None:
    session, bucket = narrowed
    keys = ["main/a", "branch/a", "main/b", "branch/not-there"]

    answer = session.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})

    assert {one["Key"] for one in answer["Deleted"]} == {"branch/a", "branch/not-there"}
    assert {(one["Key"], one["Code"]) for one in answer["Errors"]} == {
        ("main/a", "AccessDenied"),
        ("main/b", "AccessDenied"),
    }
    assert aws.keys(bucket) == ["branch/b", "main/a", "main/b"]
    only_denied = session.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "main/a"}]})
    assert len(only_denied["Errors"]) == 1
    assert "main/a" in aws.keys(bucket)


def test_a_copy_needs_to_read_its_source(aws: Aws) -> None:
    bucket, secret = aws.bucket(), aws.bucket()
    aws.s3.put_object(Bucket=secret, Key="k", Body=b"secret")
    role = aws.role(allow("s3:*", resource=f"arn:aws:s3:::{bucket}/*"))

    with denied():
        aws.as_role(role).s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": secret, "Key": "k"})
    assert aws.keys(bucket) == []


def test_listing_may_be_bound_to_a_prefix(aws: Aws) -> None:
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key="own/k", Body=b"")
    condition = {"StringLike": {"s3:prefix": "own/*"}}
    session = aws.as_role(aws.role({**allow("s3:ListBucket"), "Condition": condition}))

    assert session.keys(bucket, "own/") == ["own/k"]
    for prefix in ("", "o", "other/"):
        with denied():
            session.keys(bucket, prefix)
    with denied():
        session.s3.get_object(Bucket=bucket, Key="own/k")
    with denied():
        session.s3.head_object(Bucket=bucket, Key="own/k")


def test_roles_take_inline_and_attached_policies_and_boundaries(aws: Aws) -> None:
    bucket = aws.bucket()
    iam, role = aws.iam, aws.role(allow("sts:*"))
    session = aws.as_role(role)
    with denied():
        session.keys(bucket)

    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    assert session.keys(bucket) == []

    document = policy({"Effect": "Deny", "Action": "s3:ListBucket", "Resource": "*"})
    own = iam.create_policy(PolicyName=unique("p"), PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=own)
    with denied():
        session.keys(bucket)
    iam.detach_role_policy(RoleName=role, PolicyArn=own)
    assert session.keys(bucket) == []

    boundary = iam.create_policy(PolicyName=unique("p"), PolicyDocument=policy(allow("glue:*")))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=boundary)
    with denied():
        session.keys(bucket)


def test_users_are_bound_by_their_own_and_their_groups_policies(aws: Aws) -> None:
    bucket, user, group = aws.bucket(), unique("user"), unique("group")
    iam = aws.iam
    iam.create_user(UserName=user)
    iam.create_group(GroupName=group)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    session = Aws(
        aws.endpoint,
        {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]},
    )
    with denied():
        session.keys(bucket)

    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=policy(allow("s3:*")))
    iam.add_user_to_group(GroupName=group, UserName=user)

    assert session.keys(bucket) == []
    assert session.client("sts").get_caller_identity()["Arn"].endswith(f":user/{user}")


def test_glue_calls_are_bound_by_job(aws: Aws) -> None:
    mine, other = aws.job("pass"), aws.job("pass")
    arn = f"arn:aws:glue:us-east-1:123456789012:job/{mine}"
    session = aws.as_role(aws.role(allow("glue:*", resource=arn)))

    assert session.glue.get_job(JobName=mine)["Job"]["Name"] == mine
    assert session.run(mine)["JobRunState"] == "SUCCEEDED"
    for call in (
        lambda: session.glue.get_job(JobName=other),
        lambda: session.glue.update_job(JobName=other, JobUpdate={"Role": "r", "Command": {"Name": "glueetl"}}),
        lambda: session.glue.delete_job(JobName=other),
        lambda: session.glue.start_job_run(JobName=other),
        lambda: session.glue.get_jobs(),
    ):
        with denied():
            call()


def test_catalog_writes_are_bound_by_database(aws: Aws) -> None:
    mine, other = unique("mine").replace("-", "_"), unique("other").replace("-", "_")
    for name in (mine, other):
        aws.glue.create_database(DatabaseInput={"Name": name})
    arn = "arn:aws:glue:us-east-1:123456789012:"
    own = [f"{arn}catalog", f"{arn}database/{mine}", f"{arn}table/{mine}/*"]
    narrowed = policy(allow("*"), {"Effect": "Deny", "Action": "glue:*Table", "NotResource": own})
    glue = aws.as_role(aws.role(), session_policy=narrowed).glue

    glue.create_table(DatabaseName=mine, TableInput={"Name": "t"})
    with denied():
        glue.create_table(DatabaseName=other, TableInput={"Name": "t"})
    assert [table["Name"] for table in glue.get_tables(DatabaseName=other)["TableList"]] == []
    assert [table["Name"] for table in glue.get_tables(DatabaseName=mine)["TableList"]] == ["t"]


def test_iam_itself_is_closed_to_who_may_not(aws: Aws) -> None:
    session = aws.as_role(aws.role(allow("s3:*")))

    with denied():
        session.iam.list_roles()
    with denied():
        session.client("sts").assume_role(RoleArn=f"arn:aws:iam::123456789012:role/{aws.role()}", RoleSessionName="up")


@pytest.mark.parametrize("service", ["s3", "glue", "iam", "sts", "logs"])
def test_unknown_keys_and_stolen_sessions_get_nowhere(aws: Aws, service: str) -> None:
    calls: dict[str, Callable[[Any], Any]] = {
        "s3": lambda client: client.list_buckets(),
        "glue": lambda client: client.get_jobs(),
        "iam": lambda client: client.list_roles(),
        "sts": lambda client: client.get_caller_identity(),
        "logs": lambda client: client.describe_log_groups(),
    }
    unknown = Aws(aws.endpoint, {"aws_access_key_id": "local", "aws_secret_access_key": "local"})
    session = aws.as_role(aws.role())
    without_token = Aws(aws.endpoint, {**session.credentials, "aws_session_token": "wrong"})

    for stranger in (unknown, without_token):
        with pytest.raises(
            ClientError, match=r"\((InvalidAccessKeyId|UnrecognizedClientException|InvalidClientTokenId)\)"
        ):
            calls[service](stranger.client(service))
    calls[service](session.client(service))


def test_who_shows_no_key_gets_nothing(aws: Aws) -> None:
    bucket = aws.bucket()
    client = boto3.client(
        "s3", endpoint_url=aws.endpoint.url, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )

    with denied():
        client.list_objects_v2(Bucket=bucket)


def test_a_runs_credentials_end_with_it(aws: Aws) -> None:
    bucket = aws.bucket()
    job = aws.job(
        "import boto3, json, os\n"
        "names = ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN')\n"
        "body = json.dumps({name.lower(): os.environ[name] for name in names})\n"
        f"boto3.client('s3').put_object(Bucket={bucket!r}, Key='leaked', Body=body)"
    )
    assert aws.run(job)["JobRunState"] == "SUCCEEDED"
    leaked = json.loads(aws.s3.get_object(Bucket=bucket, Key="leaked")["Body"].read())

    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        Aws(aws.endpoint, leaked).keys(bucket)


def test_who_may_not_list_a_bucket_is_not_told_which_objects_are_missing(aws: Aws) -> None:
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    objects = allow("s3:GetObject*", resource=f"arn:aws:s3:::{bucket}/*")
    by_prefix = {
        **allow("s3:ListBucket", resource=f"arn:aws:s3:::{bucket}"),
        "Condition": {"StringLike": {"s3:prefix": "k*"}},
    }
    lists = allow("s3:ListBucket", resource=f"arn:aws:s3:::{bucket}")

    for blind in (aws.as_role(aws.role(objects)).s3, aws.as_role(aws.role(objects, by_prefix)).s3):
        assert blind.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
        with pytest.raises(ClientError, match=r"AccessDenied.*s3:ListBucket"):
            blind.get_object(Bucket=bucket, Key="missing")
        with pytest.raises(ClientError, match=r"AccessDenied.*s3:ListBucket"):
            blind.get_object_tagging(Bucket=bucket, Key="missing")
        with pytest.raises(ClientError, match="403"):
            blind.head_object(Bucket=bucket, Key="missing")
    seeing = aws.as_role(aws.role(objects, lists)).s3
    with pytest.raises(ClientError, match="NoSuchKey"):
        seeing.get_object(Bucket=bucket, Key="missing")
    with pytest.raises(ClientError, match="404"):
        seeing.head_object(Bucket=bucket, Key="missing")


def test_tags_of_requests_and_of_jobs_are_conditions(aws: Aws) -> None:
    made = {**allow("glue:CreateJob", "glue:TagResource"), "Condition": {"StringLike": {"aws:RequestTag/team": "d*"}}}
    only = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}}
    own = {**allow("glue:DeleteJob"), "Condition": {"StringEquals": {"aws:ResourceTag/team": "data"}}}
    limit = {
        "Effect": "Deny",
        "Action": "glue:CreateJob",
        "Resource": "*",
        "Condition": {"Null": {"aws:TagKeys": "true"}},
    }
    glue = aws.as_role(
        aws.role({**made, "Condition": {**made["Condition"], **only}}, own, limit, allow("iam:PassRole"))
    ).glue
    job = {"Role": aws.role(), "Command": {"Name": "pythonshell", "ScriptLocation": "s3://bucket/x.py"}}
    name = unique("tagged")

    for tags in ({}, {"team": "sales"}, {"team": "data", "other": "x"}):
        with denied():
            glue.create_job(Name=name, Tags=tags, **job)
    glue.create_job(Name=name, Tags={"team": "data", "cost": "1"}, **job)
    other = aws.job("", Tags={"team": "sales"})
    with denied():
        glue.delete_job(JobName=other)
    glue.delete_job(JobName=name)


def test_a_user_is_known_by_name(aws: Aws) -> None:
    name, bucket = unique("ann"), aws.bucket()
    aws.iam.create_user(UserName=name)
    mine = {
        **allow("s3:ListBucket"),
        "Condition": {"StringEquals": {"aws:username": name, "aws:PrincipalType": "User"}},
    }
    aws.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(mine))
    key = aws.iam.create_access_key(UserName=name)["AccessKey"]
    own = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    Aws(aws.endpoint, own).s3.list_objects_v2(Bucket=bucket)
    with denied():
        aws.as_role(aws.role(mine)).s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize(
    ("principal", "may"),
    [
        ({"Service": "glue.amazonaws.com"}, False),
        ({"AWS": "arn:aws:iam::123456789012:root"}, True),
        ({"AWS": "123456789012"}, True),
        ({"AWS": "ROLE"}, True),
        ({"AWS": ["arn:aws:iam::123456789012:role/somebody-else"]}, False),
        ({"AWS": "arn:aws:iam::210987654321:root"}, False),
        ("*", True),
    ],
)
def test_a_role_is_assumed_by_whom_it_trusts(aws: Aws, principal: Any, may: bool) -> None:
    role = aws.role()
    own = f"arn:aws:iam::123456789012:role/{role}"
    named = json.loads(json.dumps(principal).replace("ROLE", own))
    statement = {"Effect": "Allow", "Principal": named, "Action": "sts:AssumeRole"}
    other = aws.role(trust={"Version": "2012-10-17", "Statement": [statement]})
    sts = aws.as_role(role).client("sts")
    asked = {"RoleArn": f"arn:aws:iam::123456789012:role/{other}", "RoleSessionName": "up"}

    if may:
        assert sts.assume_role(**asked)["Credentials"]["AccessKeyId"]
    else:
        with denied():
            sts.assume_role(**asked)
    narrowed = aws.as_role(role, session_policy=policy(allow("s3:*"))).client("sts")
    with denied():
        narrowed.assume_role(**asked)


def test_a_session_gets_no_further_tokens(aws: Aws) -> None:
    sts = aws.as_role(aws.role()).client("sts")

    for call in (sts.get_session_token, lambda: sts.get_federation_token(Name="up")):
        with denied():
            call()


def test_an_upload_is_its_own_keys_only(aws: Aws) -> None:
    bucket = aws.bucket()
    upload = aws.s3.create_multipart_upload(Bucket=bucket, Key="main/big")["UploadId"]
    session = aws.as_role(aws.role(), session_policy=policy(allow("s3:*", resource=f"arn:aws:s3:::{bucket}/own/*")))
    mine = {"Bucket": bucket, "Key": "own/big", "UploadId": upload}

    for call in (
        lambda: session.s3.upload_part(**mine, PartNumber=1, Body=b"x"),
        lambda: session.s3.complete_multipart_upload(**mine, MultipartUpload={"Parts": []}),
        lambda: session.s3.abort_multipart_upload(**mine),
    ):
        with pytest.raises(ClientError, match="NoSuchUpload"):
            call()
    part = aws.s3.upload_part(Bucket=bucket, Key="main/big", UploadId=upload, PartNumber=1, Body=b"main's")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    aws.s3.complete_multipart_upload(Bucket=bucket, Key="main/big", UploadId=upload, MultipartUpload=parts)
    assert aws.s3.get_object(Bucket=bucket, Key="main/big")["Body"].read() == b"main's"


@pytest.mark.parametrize("role_of_the_run", ["narrowed", "whole"])
def test_glue_takes_no_session_policy_beside_fine_grained_access(aws: Aws, role_of_the_run: str) -> None:
    job = aws.job("pass", DefaultArguments={"--enable-lakeformation-fine-grained-access": "true"})
    if role_of_the_run == "whole":
        assert aws.run(job)["JobRunState"] == "SUCCEEDED"
        return
    with pytest.raises(ClientError, match="InvalidInputException"):
        aws.glue.start_job_run(JobName=job, ExecutionRoleSessionPolicy=policy(allow("*")))
    assert aws.glue.get_job_runs(JobName=job)["JobRuns"] == []
