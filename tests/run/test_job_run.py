"""Starting once, waiting, joining and stopping, against the answers that Glue gives in each case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from pypedream_dagster.aws.glue import GlueClient
from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.aws.sts import StsClient
from pypedream_dagster.errors import AccessDeniedError, RunError
from pypedream_dagster.run.job_run import RUN_KEY_ARGUMENT, RunRequest, run_job, run_key

_SESSION = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")
_REQUEST = RunRequest("sales", run_key="key-1", arguments={"--A": "1"}, session_policy='{"Version":"2012-10-17"}')


class _Interrupted(BaseException):
    """What Dagster raises into a waiting step."""


class _Glue:
    """A Glue client that gives the answers it is told, in order; it fails on any other call."""

    def __init__(self) -> None:
        boto = _SESSION.client("glue", config=Config(retries={"total_max_attempts": 1}))
        self.stub = Stubber(boto)
        self.client = GlueClient(boto=boto, starter=boto, sts=StsClient(_SESSION.client("sts")))

    def knows(self, *runs: dict[str, Any]) -> None:
        self.stub.add_response("get_job_runs", {"JobRuns": list(runs)})

    def starts(self, run_id: str = "jr_1") -> None:
        expected = {
            "JobName": "sales",
            "Arguments": {"--A": "1", RUN_KEY_ARGUMENT: "key-1"},
            "ExecutionRoleSessionPolicy": '{"Version":"2012-10-17"}',
        }
        self.stub.add_response("start_job_run", {"JobRunId": run_id}, expected)

    def refuses(self, call: str, code: str, status: int = 400) -> None:
        self.stub.add_client_error(call, code, "not now", http_status_code=status)

    def tells(self, state: str, run_id: str = "jr_1", **fields: Any) -> None:
        self.stub.add_response("get_job_run", {"JobRun": _answer(state, run_id, **fields)})


def _answer(state: str, run_id: str = "jr_1", key: str = "key-1", **fields: Any) -> dict[str, Any]:
    return {"Id": run_id, "JobRunState": state, "Arguments": {RUN_KEY_ARGUMENT: key}, **fields}


@pytest.fixture
def glue() -> Iterator[_Glue]:
    glue = _Glue()
    with glue.stub:
        yield glue
    glue.stub.assert_no_pending_responses()


@pytest.fixture
def run(glue: _Glue) -> Callable[..., JobRun]:
    def run_it(wait: Callable[[float], None] = lambda _: None, states: list[str] | None = None) -> JobRun:
        def told(state: JobRun) -> None:
            if states is not None:
                states.append(state.state)

        return run_job(glue.client, _REQUEST, wait=wait, on_state=told)

    return run_it


def test_a_run_is_started_once_and_followed_to_its_end(glue: _Glue, run: Callable[..., JobRun]) -> None:
    glue.knows(_answer("SUCCEEDED", "jr_0", key="another"))
    glue.starts()
    for state in ("STARTING", "RUNNING", "RUNNING"):
        glue.tells(state)
    glue.tells("SUCCEEDED", ExecutionTime=10, MaxCapacity=2.0)
    states: list[str] = []
    done = run(states=states)
    assert (done.job_run_id, done.dpu_seconds) == ("jr_1", 20.0)
    assert states == ["STARTING", "RUNNING", "SUCCEEDED"]


@pytest.mark.parametrize("state", ["RUNNING", "WAITING", "SUCCEEDED"])
def test_a_live_or_succeeded_run_of_the_same_key_is_joined(glue: _Glue, run: Callable[..., JobRun], state: str) -> None:
    glue.knows(_answer("RUNNING", "jr_9", key="another"), _answer(state, "jr_7"))
    glue.tells("SUCCEEDED", "jr_7")
    assert run().job_run_id == "jr_7"


def test_a_failed_run_of_the_same_key_is_not_joined(glue: _Glue, run: Callable[..., JobRun]) -> None:
    glue.knows(_answer("FAILED", "jr_7"))
    glue.starts()
    glue.tells("SUCCEEDED")
    assert run().job_run_id == "jr_1"


def test_a_run_that_is_being_stopped_is_waited_for_before_a_new_one(glue: _Glue, run: Callable[..., JobRun]) -> None:
    glue.knows(_answer("STOPPING", "jr_7"))
    glue.tells("STOPPING", "jr_7")
    glue.tells("STOPPED", "jr_7")
    glue.knows(_answer("STOPPED", "jr_7"))
    glue.starts()
    glue.tells("SUCCEEDED")
    assert run().job_run_id == "jr_1"


def test_a_start_whose_answer_was_lost_is_found_by_its_key(glue: _Glue, run: Callable[..., JobRun]) -> None:
    glue.knows()
    glue.refuses("start_job_run", "InternalServiceException", 500)
    glue.knows(_answer("RUNNING"))
    glue.tells("SUCCEEDED")
    assert run().job_run_id == "jr_1"


def test_room_for_a_run_is_waited_for(glue: _Glue, run: Callable[..., JobRun]) -> None:
    glue.knows()
    for _ in range(3):
        glue.refuses("start_job_run", "ConcurrentRunsExceededException")
        glue.knows(_answer("RUNNING", "jr_9", key="another"))
    glue.starts()
    glue.tells("SUCCEEDED")
    waits: list[float] = []
    assert run(wait=waits.append).succeeded
    assert len(waits) == 3


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "STOPPED", "EXPIRED", "ERROR"])
def test_every_other_end_is_an_error_with_the_place_of_the_logs(
    glue: _Glue, run: Callable[..., JobRun], state: str
) -> None:
    glue.knows()
    glue.starts()
    glue.tells(state, ErrorMessage="AnalysisException: no column cafe au lait", LogGroupName="/aws-glue/jobs")
    # Asked for the secrets that the message may repeat, and whether Glue tries again.
    secret = {"--DB_PASSWORD": "cafe au lait"}
    for _ in range(2 if state in {"FAILED", "ERROR"} else 1):
        glue.stub.add_response("get_job", {"Job": {"Name": "sales", "MaxRetries": 0, "DefaultArguments": secret}})
    with pytest.raises(RunError, match=f"jr_1 ended {state}: AnalysisException: no column") as raised:
        run()
    assert "cafe" not in raised.value.message
    assert raised.value.hint is not None
    assert "/aws-glue/jobs/error --log-stream-name-prefix jr_1" in raised.value.hint


def test_a_message_whose_secrets_cannot_be_known_is_not_shown(glue: _Glue, run: Callable[..., JobRun]) -> None:
    glue.knows()
    glue.starts()
    glue.tells("TIMEOUT", ErrorMessage="no login with cafe au lait")
    glue.refuses("get_job", "AccessDeniedException")
    with pytest.raises(RunError, match="not shown") as raised:
        run()
    assert "cafe" not in raised.value.message


def test_glues_own_retry_is_followed(glue: _Glue, run: Callable[..., JobRun]) -> None:
    glue.knows()
    glue.starts()
    glue.tells("FAILED")
    glue.stub.add_response("get_job", {"Job": {"Name": "sales", "MaxRetries": 1}})
    glue.knows(_answer("FAILED"))
    glue.knows(_answer("STARTING", "jr_1_attempt_1"), _answer("FAILED"))
    glue.tells("SUCCEEDED", "jr_1_attempt_1")
    assert run().job_run_id == "jr_1_attempt_1"


def test_an_interrupted_wait_stops_the_run(glue: _Glue, run: Callable[..., JobRun]) -> None:
    glue.knows()
    glue.starts()
    glue.tells("RUNNING")
    glue.stub.add_response("batch_stop_job_run", {}, {"JobName": "sales", "JobRunIds": ["jr_1"]})

    def wait(_: float) -> None:
        raise _Interrupted

    with pytest.raises(_Interrupted):
        run(wait=wait)


def test_a_wait_that_is_interrupted_before_the_start_starts_nothing(glue: _Glue, run: Callable[..., JobRun]) -> None:
    glue.knows()
    glue.refuses("start_job_run", "ThrottlingException")
    glue.knows()

    def wait(_: float) -> None:
        raise _Interrupted

    with pytest.raises(_Interrupted):
        run(wait=wait)


def test_a_refused_start_is_no_reason_to_wait(glue: _Glue, run: Callable[..., JobRun]) -> None:
    glue.knows()
    glue.refuses("start_job_run", "AccessDeniedException")
    with pytest.raises(AccessDeniedError, match="sales"):
        run()


def test_a_short_fault_while_waiting_is_borne(glue: _Glue, run: Callable[..., JobRun]) -> None:
    glue.knows()
    glue.starts()
    glue.refuses("get_job_run", "ThrottlingException")
    glue.tells("SUCCEEDED")
    assert run().succeeded


def test_the_key_is_the_same_for_every_attempt_of_a_step_and_no_other() -> None:
    def key(**changed: Any) -> str:
        given: dict[str, Any] = {
            "root_run_id": "r",
            "asset": "test/transform",
            "job_name": "sales",
            "arguments": {"--A": "1", "--B": "2"},
            "partition": "2013-01",
        }
        return run_key(**{**given, **changed})

    assert key() == key(arguments={"--B": "2", "--A": "1"})
    others = {key(root_run_id="q"), key(asset="x"), key(job_name="y"), key(partition=""), key(arguments={})}
    assert len(others | {key()}) == 6
