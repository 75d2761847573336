from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from .aws import Aws, unique

COMMAND = {"Name": "glueetl", "ScriptLocation": "s3://some/script.py", "PythonVersion": "3"}
FULL = {
    "JobMode": "SCRIPT",
    "JobRunQueuingEnabled": True,
    "Description": "all that CreateJob takes",
    "LogUri": "s3://logs/",
    "Role": "arn:aws:iam::123456789012:role/etl",
    "ExecutionProperty": {"MaxConcurrentRuns": 3},
    "Command": COMMAND,
    "DefaultArguments": {"--a": "1", "--empty": ""},
    "NonOverridableArguments": {"--fixed": "x"},
    "Connections": {"Connections": ["vpc"]},
    "MaxRetries": 2,
    "Timeout": 33,
    "SecurityConfiguration": "sse",
    "NotificationProperty": {"NotifyDelayAfter": 5},
    "GlueVersion": "5.0",
    "NumberOfWorkers": 4,
    "WorkerType": "G.2X",
    "ExecutionClass": "FLEX",
    "SourceControlDetails": {"Provider": "GITHUB", "Repository": "r", "Branch": "b"},
    "MaintenanceWindow": "Sun:10",
}


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=f"An error occurred \\({code}\\)")


def test_get_job_gives_every_field_that_create_job_took(aws: Aws) -> None:
    name = unique("job")

    assert aws.glue.create_job(Name=name, Tags={"k": "v"}, **FULL)["Name"] == name

    job = aws.glue.get_job(JobName=name)["Job"]
    assert {key: job[key] for key in FULL} == FULL
    assert job["MaxCapacity"] == 8.0
    assert "Tags" not in job
    pages = aws.glue.get_paginator("get_jobs").paginate()
    listed = next(one for page in pages for one in page["Jobs"] if one["Name"] == name)
    assert listed == job
    assert aws.glue.batch_get_jobs(JobNames=[name, "no"])["Jobs"] == [job]
    assert aws.glue.batch_get_jobs(JobNames=[name, "no"])["JobsNotFound"] == ["no"]


def test_a_minimal_job_gets_glues_defaults(aws: Aws) -> None:
    name = unique("job")
    aws.glue.create_job(Name=name, Role="r", Command=COMMAND)

    job = aws.glue.get_job(JobName=name)["Job"]

    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
    assert (job["MaxRetries"], job["Timeout"], job["GlueVersion"]) == (0, 480, "6.0")


def test_a_name_that_is_taken_is_refused(aws: Aws) -> None:
    name = unique("job")
    aws.glue.create_job(Name=name, Role="r", Command=COMMAND)

    with refused("AlreadyExistsException"):
        aws.glue.create_job(Name=name, Role="r", Command=COMMAND)
    with refused("IdempotentParameterMismatchException"):
        aws.glue.create_job(Name=name, Role="other", Command=COMMAND)
    assert aws.glue.get_job(JobName=name)["Job"]["Role"] == "r"


def test_update_replaces_the_whole_definition(aws: Aws) -> None:
    name = unique("job")
    aws.glue.create_job(Name=name, Tags={"k": "v"}, **FULL)
    before = aws.glue.get_job(JobName=name)["Job"]

    aws.glue.update_job(JobName=name, JobUpdate={"Role": "new", "Command": COMMAND})

    after = aws.glue.get_job(JobName=name)["Job"]
    assert after["Role"] == "new"
    assert not {"Description", "DefaultArguments", "WorkerType", "Connections"} & after.keys()
    assert after["CreatedOn"] == before["CreatedOn"]
    assert after["LastModifiedOn"] > before["LastModifiedOn"]
    assert aws.glue.get_tags(ResourceArn=f"arn:aws:glue:us-east-1:123456789012:job/{name}")["Tags"] == {"k": "v"}


def test_what_does_not_exist_is_said_so_except_by_delete(aws: Aws) -> None:
    glue = aws.glue
    for call in (
        lambda: glue.get_job(JobName="nope"),
        lambda: glue.update_job(JobName="nope", JobUpdate={"Role": "r", "Command": COMMAND}),
        lambda: glue.start_job_run(JobName="nope"),
        lambda: glue.get_job_runs(JobName="nope"),
        lambda: glue.get_job_run(JobName="nope", RunId="jr_1"),
    ):
        with refused("EntityNotFoundException"):
            call()
    assert glue.delete_job(JobName="nope")["JobName"] == "nope"


def test_a_deleted_job_is_gone_and_its_name_free(aws: Aws) -> None:
    name = unique("job")
    aws.glue.create_job(Name=name, Role="r", Command=COMMAND)

    aws.glue.delete_job(JobName=name)

    with refused("EntityNotFoundException"):
        aws.glue.get_job(JobName=name)
    aws.glue.create_job(Name=name, Role="other", Command=COMMAND)


def test_listing_pages_and_filters_by_tags(aws: Aws) -> None:
    mark = unique("mark")
    names = sorted(unique("listed") for _ in range(5))
    for name in names:
        aws.glue.create_job(Name=name, Role="r", Command=COMMAND, Tags={"mark": mark, "own": name})

    first = aws.glue.list_jobs(Tags={"mark": mark}, MaxResults=2)
    second = aws.glue.list_jobs(Tags={"mark": mark}, MaxResults=2, NextToken=first["NextToken"])
    third = aws.glue.list_jobs(Tags={"mark": mark}, MaxResults=2, NextToken=second["NextToken"])

    assert [*first["JobNames"], *second["JobNames"], *third["JobNames"]] == names
    assert "NextToken" not in third
    assert aws.glue.list_jobs(Tags={"mark": mark, "own": names[3]})["JobNames"] == [names[3]]
    pages = aws.glue.get_paginator("get_jobs").paginate(PaginationConfig={"PageSize": 2})
    assert {job["Name"] for page in pages for job in page["Jobs"]} >= set(names)
    with refused("InvalidInputException"):
        aws.glue.list_jobs(NextToken="rubbish")


@pytest.mark.parametrize("kind", ["job", "database"])
def test_tags_are_added_removed_and_read(aws: Aws, kind: str) -> None:
    name = unique("tagged").replace("-", "_")
    if kind == "job":
        aws.glue.create_job(Name=name, Role="r", Command=COMMAND, Tags={"a": "1"})
    else:
        aws.glue.create_database(DatabaseInput={"Name": name}, Tags={"a": "1"})
    arn = f"arn:aws:glue:us-east-1:123456789012:{kind}/{name}"

    aws.glue.tag_resource(ResourceArn=arn, TagsToAdd={"b": "2", "a": "changed"})
    assert aws.glue.get_tags(ResourceArn=arn)["Tags"] == {"a": "changed", "b": "2"}
    aws.glue.untag_resource(ResourceArn=arn, TagsToRemove=["a", "never-there"])
    assert aws.glue.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}

    missing = arn + "_not"
    with refused("EntityNotFoundException"):
        aws.glue.get_tags(ResourceArn=missing)
    with refused("EntityNotFoundException"):
        aws.glue.tag_resource(ResourceArn=missing, TagsToAdd={"a": "1"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"Role": None},
        {"Command": None},
        {"Command": "glueetl"},
        {"Name": 5},
        {"Timeout": "60"},
        {"DefaultArguments": {"--n": 1}},
        {"Unknown": "x"},
        {"Name": ""},
    ],
)
def test_botocore_refuses_before_sending(aws: Aws, wrong: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"Name": unique("job"), "Role": "r", "Command": COMMAND, **wrong}

    with pytest.raises(ParamValidationError):
        aws.glue.create_job(**{key: value for key, value in fields.items() if value is not None})


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"WorkerType": "G.3X", "NumberOfWorkers": 2}, "ValidationException"),
        ({"Name": "x" * 256}, "ValidationException"),
        ({"GlueVersion": "five"}, "ValidationException"),
        ({"ExecutionClass": "CHEAP"}, "ValidationException"),
        ({"Tags": {str(n): "" for n in range(51)}}, "ValidationException"),
        ({"Role": ""}, "InvalidInputException"),
        ({"Command": {"Name": "gluebtl", "ScriptLocation": "s3://b/k"}}, "InvalidInputException"),
        ({"Command": {"Name": "glueetl"}}, "InvalidInputException"),
        ({"WorkerType": "G.1X"}, "InvalidInputException"),
        ({"NumberOfWorkers": 2}, "InvalidInputException"),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 2, "MaxCapacity": 2.0}, "InvalidInputException"),
        ({"Command": {**COMMAND, "Name": "pythonshell"}, "MaxCapacity": 4.0}, "InvalidInputException"),
    ],
)
def test_glue_refuses_what_botocore_lets_pass(aws: Aws, wrong: dict[str, Any], code: str) -> None:
    name = unique("job")

    with refused(code):
        aws.glue.create_job(**{"Name": name, "Role": "r", "Command": COMMAND, **wrong})
    with refused("EntityNotFoundException"):
        aws.glue.get_job(JobName=name)


def test_a_client_that_checks_nothing_is_refused_all_the_same(aws: Aws) -> None:
    parts = urlsplit(aws.endpoint.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    credential = f"{aws.endpoint.access_key_id}/20260101/us-east-1/glue/aws4_request"
    connection.request(
        "POST",
        "/",
        body=json.dumps({"Name": "raw", "Timeout": "soon"}),
        headers={
            "X-Amz-Target": "AWSGlue.CreateJob",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
        },
    )
    answer = connection.getresponse()
    error = json.loads(answer.read())
    connection.close()

    assert answer.status == 400
    assert error["__type"] == "ValidationException"
    assert "'role' failed to satisfy constraint: Member must not be null" in error["message"]
    assert "'command' failed" in error["message"]
    assert "'soon' at 'timeout'" in error["message"]
