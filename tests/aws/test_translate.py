"""What AWS answers, as our errors: the Stubber stands for AWS's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from pypedream_dagster.aws.glue import GlueClient
from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.aws.sts import StsClient
from pypedream_dagster.errors import (
    AccessDeniedError,
    AwsError,
    BusyError,
    NotConfiguredError,
    NotFoundError,
)

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient as BotoGlue

POLICY = "'pypedream policy' prints all that is needed"
_SESSION = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")


@pytest.fixture
def boto_glue() -> BotoGlue:
    return _SESSION.client("glue")


@pytest.fixture
def stub(boto_glue: BotoGlue) -> Iterator[Stubber]:
    with Stubber(boto_glue) as stubber:
        yield stubber


@pytest.fixture
def glue(boto_glue: BotoGlue) -> GlueClient:
    return GlueClient(boto=boto_glue, starter=boto_glue, sts=StsClient(_SESSION.client("sts")))


def test_a_denied_call_names_the_action_and_the_arn(stub: Stubber, glue: GlueClient) -> None:
    stub.add_client_error(
        "get_job",
        "AccessDeniedException",
        "User: arn:aws:iam::1:user/ann is not authorized to perform: glue:GetJob on resource: "
        "arn:aws:glue:eu-west-1:1:job/sales because no identity-based policy allows the glue:GetJob action",
        http_status_code=400,
    )
    with pytest.raises(AccessDeniedError) as raised:
        glue.get_job("sales")
    assert (
        raised.value.hint == "the credentials in use need glue:GetJob on arn:aws:glue:eu-west-1:1:job/sales; " + POLICY
    )
    assert "glue:GetJob on Glue job sales" in raised.value.message
    assert isinstance(raised.value.__cause__, ClientError)


def test_a_denied_s3_call_names_the_permission_that_s3_does_not_name() -> None:
    boto = _SESSION.client("s3")
    with Stubber(boto) as stubber:
        stubber.add_client_error("head_object", "403", "Forbidden", http_status_code=403)
        with pytest.raises(AccessDeniedError) as raised:
            S3Client(boto, filesystem=lambda: None).exists("s3://lake/main/x.py")
    assert raised.value.hint == "the credentials in use need s3:GetObject on s3://lake/main/x.py; " + POLICY


def test_a_missing_job_is_none_and_its_runs_are_not_found(stub: Stubber, glue: GlueClient) -> None:
    stub.add_client_error("get_job", "EntityNotFoundException", "Job not found", http_status_code=400)
    assert glue.get_job("sales") is None
    stub.add_client_error("get_job_runs", "EntityNotFoundException", "Job not found", http_status_code=400)
    with pytest.raises(NotFoundError, match="sales"):
        list(glue.job_runs("sales"))


@pytest.mark.parametrize(
    ("code", "status"),
    [("ConcurrentRunsExceededException", 400), ("ThrottlingException", 400), ("Whatever", 503)],
)
def test_what_passes_by_waiting_is_busy(stub: Stubber, glue: GlueClient, code: str, status: int) -> None:
    stub.add_client_error("start_job_run", code, "later", http_status_code=status)
    with pytest.raises(BusyError):
        glue.start_job_run("sales", {})


def test_refused_credentials_say_so(stub: Stubber, glue: GlueClient) -> None:
    stub.add_client_error("get_job", "UnrecognizedClientException", "The security token is invalid")
    with pytest.raises(NotConfiguredError, match="does not accept the credentials"):
        glue.get_job("sales")


def test_an_unknown_field_is_named(glue: GlueClient) -> None:
    with pytest.raises(AwsError, match="Colour"):
        glue.create_job("sales", {"Role": "r", "Command": {}, "Colour": "red"}, {})


def test_a_refused_connection_has_a_hint() -> None:
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=2)
    boto = _SESSION.client("glue", endpoint_url="http://127.0.0.1:9", config=config)
    client = GlueClient(boto=boto, starter=boto, sts=StsClient(_SESSION.client("sts")))
    with pytest.raises(AwsError, match="could not be reached") as raised:
        client.get_job("sales")
    assert "pypedream local up" in str(raised.value)


def test_stopping_a_run_that_has_ended_is_no_error_but_another_fault_is(stub: Stubber, glue: GlueClient) -> None:
    def answer(code: str) -> dict[str, Any]:
        detail = {"ErrorCode": code, "ErrorMessage": "no"}
        return {"Errors": [{"JobName": "sales", "JobRunId": "jr_1", "ErrorDetail": detail}]}

    stub.add_response("batch_stop_job_run", answer("JobRunInvalidStateTransitionException"))
    glue.stop_job_run("sales", "jr_1")
    for state in ("STOPPED", "STOPPING"):  # told in other words, or asked for twice
        stub.add_response("batch_stop_job_run", answer("InvalidInputException"))
        stub.add_response("get_job_run", {"JobRun": {"Id": "jr_1", "JobRunState": state}})
        glue.stop_job_run("sales", "jr_1")
    stub.add_response("batch_stop_job_run", answer("InternalServiceException"))
    stub.add_response("get_job_run", {"JobRun": {"Id": "jr_1", "JobRunState": "RUNNING"}})
    with pytest.raises(AwsError, match="did not stop run jr_1"):
        glue.stop_job_run("sales", "jr_1")


def test_a_sentence_of_awss_ends_once(stub: Stubber, glue: GlueClient) -> None:
    stub.add_client_error("get_crawlers", "InternalServiceException", "Something went wrong.", http_status_code=400)
    with pytest.raises(AwsError, match=r"[^.]\.( \(|$)"):
        list(glue.crawlers())
