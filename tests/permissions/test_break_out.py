"""With the developer's own credentials, past the command line: nothing of main's can be changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from pypedream_dagster.local_aws.endpoint import ACCOUNT_ID

from .production import JOBS_ROLE_TRUST, Production
from .test_policy_walk import printed

pytestmark = pytest.mark.slow

DENIED = r"\((?:AccessDenied|AccessDeniedException|403)\)"
Attempt = Callable[[Production, boto3.Session], Any]


def clone(made: Production, **changes: Any) -> dict[str, Any]:
    return {
        "Name": made.job("transform", "break-out"),
        "Role": f"arn:aws:iam::{ACCOUNT_ID}:role/jobs-{made.suffix}",
        "Command": {"Name": "pythonshell", "ScriptLocation": f"s3://{made.bucket}/break-out/x.py"},
        "Tags": {"pypedream:branch": "break-out"},
        **changes,
    }


def job_arn(name: str) -> str:
    return f"arn:aws:glue:us-east-1:123456789012:job/{name}"


def s3(method: str, key: str, **more: Any) -> Attempt:
    return lambda made, session: getattr(session.client("s3"), method)(Bucket=made.bucket, Key=key, **more)


def glue(method: str, **given: Any) -> Attempt:
    def attempt(made: Production, session: boto3.Session) -> Any:
        text = json.dumps(given).replace("SUFFIX", made.suffix).replace("BUCKET", made.bucket)
        return getattr(session.client("glue"), method)(**json.loads(text))

    return attempt


MAIN_KEY = "main/data/gold/day=1/part.parquet"
ROLE = "arn:aws:iam::123456789012:role/jobs-SUFFIX"
COMMAND = {"Name": "pythonshell", "ScriptLocation": "s3://BUCKET/x/x.py"}
ATTEMPTS: dict[str, Attempt] = {
    "write main's data": s3("put_object", MAIN_KEY, Body=b"x"),
    "write main's script": s3("put_object", "main/scripts/load.py", Body=b"x"),
    "write what main reads": s3("put_object", "raw/part.parquet", Body=b"x"),
    "write beside main": s3("put_object", "main_$folder$", Body=b""),
    "start an upload to main": s3("create_multipart_upload", MAIN_KEY),
    "copy over main": lambda made, session: session.client("s3").copy_object(
        Bucket=made.bucket, Key=MAIN_KEY, CopySource={"Bucket": made.bucket, "Key": "raw/part.parquet"}
    ),
    "delete main's data": s3("delete_object", MAIN_KEY),
    "delete a version of main's data": s3("delete_object", MAIN_KEY, VersionId="null"),
    "tag main's data": s3("put_object_tagging", MAIN_KEY, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
    "make main's data public": s3("put_object_acl", MAIN_KEY, ACL="public-read"),
    "open the bucket": lambda made, session: session.client("s3").put_bucket_policy(Bucket=made.bucket, Policy="{}"),
    "let the bucket expire": lambda made, session: session.client("s3").put_bucket_lifecycle_configuration(
        Bucket=made.bucket,
        LifecycleConfiguration={
            "Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
        },
    ),
    "delete the bucket": lambda made, session: session.client("s3").delete_bucket(Bucket=made.bucket),
    "delete main's job": glue("delete_job", JobName="load-SUFFIX-main"),
    "change main's job": glue("update_job", JobName="load-SUFFIX-main", JobUpdate={"Role": ROLE, "Command": COMMAND}),
    "tag main's job as a branch's": glue(
        "tag_resource", ResourceArn=job_arn("load-SUFFIX-main"), TagsToAdd={"pypedream:branch": "x"}
    ),
    "take tags off main's job": glue("untag_resource", ResourceArn=job_arn("load-SUFFIX-main"), TagsToRemove=["team"]),
    "make a job of main's name": glue(
        "create_job", Name="extract-SUFFIX-main", Role=ROLE, Command=COMMAND, Tags={"pypedream:branch": "x"}
    ),
    "make a job of another name": glue(
        "create_job", Name="other-SUFFIX", Role=ROLE, Command=COMMAND, Tags={"pypedream:branch": "x"}
    ),
    "make a clone without tags": glue("create_job", Name="load-SUFFIX-x", Role=ROLE, Command=COMMAND),
    "schedule main's job": glue(
        "create_trigger",
        Name="t",
        Type="SCHEDULED",
        Schedule="cron(0 1 * * ? *)",
        Actions=[{"JobName": "load-SUFFIX-main"}],
    ),
    "reset main's bookmark": glue("reset_job_bookmark", JobName="load-SUFFIX-main"),
    "delete main's table": glue("delete_table", DatabaseName="shop_SUFFIX", Name="gold"),
    "delete main's database": glue("delete_database", Name="shop_SUFFIX"),
    "make a table in main's database": glue("create_table", DatabaseName="shop_SUFFIX", TableInput={"Name": "x"}),
    "take the jobs' role": lambda made, session: session.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::123456789012:role/jobs-{made.suffix}", RoleSessionName="out"
    ),
    "give oneself rights": lambda made, session: session.client("iam").put_role_policy(
        RoleName=f"jobs-{made.suffix}", PolicyName="x", PolicyDocument="{}"
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS.keys())
def test_main_is_out_of_reach(production: Production, attempt: Attempt) -> None:
    before = production.holdings()
    with production.acting_as(printed(production)) as session, pytest.raises(ClientError, match=DENIED):
        attempt(production, session)
    assert production.holdings() == before


def test_a_clone_may_take_the_roles_of_mains_jobs_only(production: Production) -> None:
    iam = boto3.client("iam")
    iam.create_role(RoleName=f"admin-{production.suffix}", AssumeRolePolicyDocument=json.dumps(JOBS_ROLE_TRUST))
    other = f"arn:aws:iam::123456789012:role/admin-{production.suffix}"
    with production.acting_as(printed(production)) as session:
        own = session.client("glue")
        with pytest.raises(ClientError, match=rf"{DENIED}.*iam:PassRole"):
            own.create_job(**clone(production, Role=other))
        own.create_job(**clone(production))
        with pytest.raises(ClientError, match=rf"{DENIED}.*iam:PassRole"):
            own.update_job(
                JobName=clone(production)["Name"], JobUpdate={"Role": other, "Command": clone(production)["Command"]}
            )
        own.delete_job(JobName=clone(production)["Name"])


def test_a_job_without_a_branchs_tag_is_nobodys_to_delete(production: Production) -> None:
    name = production.job("transform", "somebodys")
    boto3.client("glue").create_job(**clone(production, Name=name, Tags={"team": "sales"}))
    refused = pytest.raises(ClientError, match=rf"{DENIED}.*glue:DeleteJob")
    with production.acting_as(printed(production)) as session, refused:
        session.client("glue").delete_job(JobName=name)
    boto3.client("glue").delete_job(JobName=name)


def test_branches_of_another_pattern_are_out_of_reach(production: Production) -> None:
    boto3.client("s3").put_object(Bucket=production.bucket, Key="bobs/data/x", Body=b"x")
    with production.acting_as(printed(production, branches="ann-*")) as session:
        own = session.client("s3")
        own.put_object(Bucket=production.bucket, Key="ann-1/data/x", Body=b"x")
        own.delete_object(Bucket=production.bucket, Key="ann-1/data/x")
        with pytest.raises(ClientError, match=DENIED):
            own.delete_object(Bucket=production.bucket, Key="bobs/data/x")
        with pytest.raises(ClientError, match=DENIED):
            session.client("glue").create_job(**clone(production, Name=production.job("transform", "bobs")))
    boto3.client("s3").delete_object(Bucket=production.bucket, Key="bobs/data/x")


@pytest.mark.parametrize("audience", ["reader", "gc"])
def test_who_only_reads_or_cleans_up_can_run_nothing(production: Production, audience: Any) -> None:
    with production.acting_as(printed(production, audience)) as session:
        own = session.client("glue")
        own.get_job_runs(JobName=production.job("load"))
        for attempt in (
            lambda: own.start_job_run(JobName=production.job("load")),
            lambda: own.create_job(**clone(production)),
            lambda: session.client("s3").put_object(Bucket=production.bucket, Key="x/data/x", Body=b"x"),
        ):
            with pytest.raises(ClientError, match=DENIED):
                attempt()
