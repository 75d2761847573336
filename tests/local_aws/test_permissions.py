from __future__ import annotations

from typing import Any

import pytest

from pypedream_dagster.local_aws.access.permissions import glue_permissions, other_permissions, s3_permissions

GLUE = "arn:aws:glue:us-east-1:123456789012:"


@pytest.mark.parametrize(
    ("method", "key", "query", "action"),
    [
        ("GET", "k", {}, "s3:GetObject"),
        ("HEAD", "k", {}, "s3:GetObject"),
        ("GET", "k", {"versionId": "1"}, "s3:GetObjectVersion"),
        ("GET", "k", {"uploadId": "u"}, "s3:ListMultipartUploadParts"),
        ("GET", "k", {"tagging": ""}, "s3:GetObjectTagging"),
        ("PUT", "k", {}, "s3:PutObject"),
        ("PUT", "k", {"partNumber": "1", "uploadId": "u"}, "s3:PutObject"),
        ("PUT", "k", {"acl": ""}, "s3:PutObjectAcl"),
        ("POST", "k", {"uploads": ""}, "s3:PutObject"),
        ("POST", "k", {"uploadId": "u"}, "s3:PutObject"),
        ("DELETE", "k", {}, "s3:DeleteObject"),
        ("GET", "k", {"tagging": "", "versionId": "1"}, "s3:GetObjectVersionTagging"),
        ("DELETE", "k", {"uploadId": "u"}, "s3:AbortMultipartUpload"),
        ("DELETE", "k", {"tagging": ""}, "s3:DeleteObjectTagging"),
        ("GET", "", {}, "s3:ListBucket"),
        ("HEAD", "", {}, "s3:ListBucket"),
        ("GET", "", {"versions": ""}, "s3:ListBucketVersions"),
        ("GET", "", {"uploads": ""}, "s3:ListBucketMultipartUploads"),
        ("GET", "", {"location": ""}, "s3:GetBucketLocation"),
        ("PUT", "", {}, "s3:CreateBucket"),
        ("PUT", "", {"policy": ""}, "s3:PutBucketPolicy"),
        ("DELETE", "", {"policy": ""}, "s3:DeleteBucketPolicy"),
        ("DELETE", "", {}, "s3:DeleteBucket"),
    ],
)
def test_s3_requests_need_what_s3_documents(method: str, key: str, query: dict[str, str], action: str) -> None:
    [needed] = s3_permissions(method, "bucket", key, query, None)

    assert needed.action == action
    assert needed.resource == ("arn:aws:s3:::bucket/k" if key else "arn:aws:s3:::bucket")


def test_a_copy_needs_both_ends() -> None:
    needed = s3_permissions("PUT", "to", "k", {}, ("from", "dir/k"))

    assert [(one.action, one.resource) for one in needed] == [
        ("s3:PutObject", "arn:aws:s3:::to/k"),
        ("s3:GetObject", "arn:aws:s3:::from/dir/k"),
    ]


@pytest.mark.parametrize(
    ("operation", "request_", "resources"),
    [
        ("GetJob", {"JobName": "j"}, ["job/j"]),
        ("CreateJob", {"Name": "j"}, ["job/j"]),
        ("BatchGetJobs", {"JobNames": ["a", "b"]}, ["job/a", "job/b"]),
        ("StartJobRun", {"JobName": "j"}, ["job/j"]),
        ("CreateDatabase", {"DatabaseInput": {"Name": "d"}}, ["catalog", "database/d"]),
        ("DeleteDatabase", {"Name": "d"}, ["catalog", "database/d", "table/d/*", "userDefinedFunction/d/*"]),
        ("GetConnection", {"Name": "c"}, ["catalog", "connection/c"]),
        ("GetTable", {"DatabaseName": "d", "Name": "t"}, ["catalog", "database/d", "table/d/t"]),
        ("CreateTable", {"DatabaseName": "d", "TableInput": {"Name": "t"}}, ["catalog", "database/d", "table/d/t"]),
        ("GetTables", {"DatabaseName": "d"}, ["catalog", "database/d", "table/d/*"]),
        (
            "BatchDeleteTable",
            {"DatabaseName": "d", "TablesToDelete": ["t", "u"]},
            ["catalog", "database/d", "table/d/t", "table/d/u"],
        ),
        ("CreatePartition", {"DatabaseName": "d", "TableName": "t"}, ["catalog", "database/d", "table/d/t"]),
    ],
)
def test_glue_calls_need_each_resource(operation: str, request_: dict[str, Any], resources: list[str]) -> None:
    needed = glue_permissions(operation, request_)

    assert [one.resource for one in needed] == [GLUE + resource for resource in resources]
    assert {one.action for one in needed} == {f"glue:{operation}"}


def test_a_version_needs_both_permissions_to_be_deleted() -> None:
    needed = s3_permissions("DELETE", "bucket", "k", {"versionId": "1"}, None)

    assert [one.action for one in needed] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]


def test_an_object_that_is_written_with_tags_needs_both_permissions() -> None:
    needed = s3_permissions("PUT", "bucket", "k", {}, None, {"team": "data"})

    assert [one.action for one in needed] == ["s3:PutObject", "s3:PutObjectTagging"]
    assert all(one.context == {"s3:requestobjecttag/team": "data"} for one in needed)


@pytest.mark.parametrize("operation", ["GetJobs", "ListJobs", "GetTriggers", "ResetJobBookmark"])
def test_some_glue_calls_know_no_resources(operation: str) -> None:
    assert [one.resource for one in glue_permissions(operation, {"JobName": "j"})] == ["*"]


@pytest.mark.parametrize("role", ["shop", "arn:aws:iam::123456789012:role/shop"])
def test_a_job_needs_its_role_passed_to_glue(role: str) -> None:
    for operation, request in (
        ("CreateJob", {"Name": "j", "Role": role}),
        ("UpdateJob", {"JobName": "j", "JobUpdate": {"Role": role}}),
    ):
        passed = glue_permissions(operation, request)[-1]

        assert (passed.action, passed.resource) == ("iam:PassRole", "arn:aws:iam::123456789012:role/shop")
        assert passed.context == {"iam:passedtoservice": "glue.amazonaws.com"}


def test_tags_are_a_permission_of_their_own_and_known_to_conditions() -> None:
    asked: list[str] = []

    def tags_of(arn: str) -> dict[str, str]:
        asked.append(arn)
        return {"Team": "data"}

    created, tagged = glue_permissions("CreateJob", {"Name": "j", "Tags": {"Branch": "b"}}, tags_of)

    assert (created.action, tagged.action) == ("glue:CreateJob", "glue:TagResource")
    assert created.resource == tagged.resource == GLUE + "job/j"
    wanted = {"aws:requesttag/branch": "b", "aws:tagkeys": ("Branch",), "aws:resourcetag/team": "data"}
    assert created.context == tagged.context == wanted
    assert set(asked) == {GLUE + "job/j"}
    [listed] = glue_permissions("ListJobs", {"Tags": {"Branch": "b"}})
    assert listed.context == {}


def test_tags_of_a_database_need_the_database_to_be_read() -> None:
    needed = glue_permissions("GetTags", {"ResourceArn": GLUE + "database/d"})

    assert [(one.action, one.resource) for one in needed] == [
        ("glue:GetTags", GLUE + "database/d"),
        ("glue:GetDatabase", GLUE + "catalog"),
        ("glue:GetDatabase", GLUE + "database/d"),
    ]


def test_other_services() -> None:
    assert other_permissions("sts", "GetCallerIdentity", {}) == []
    [role] = other_permissions("iam", "GetRole", {"RoleName": "r"})
    assert (role.action, role.resource) == ("iam:GetRole", "arn:aws:iam::123456789012:role/r")
    [logs] = other_permissions("logs", "PutLogEvents", {"logGroupName": "/g"})
    assert logs.resource == "arn:aws:logs:us-east-1:123456789012:log-group:/g:*"
