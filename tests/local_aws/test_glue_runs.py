from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from .aws import Aws, allow, policy, unique

SLEEP = "import time; time.sleep(60)"


def test_a_run_gets_the_arguments_merged_key_by_key(aws: Aws) -> None:
    job = aws.job(
        "import sys, json; print(json.dumps(sys.argv[1:]))",
        DefaultArguments={"--a": "default", "--b": "default", "--c": "default"},
        NonOverridableArguments={"--c": "fixed"},
    )

    run = aws.run(job, Arguments={"--b": "given", "--c": "given", "--d": ""})

    assert run["JobRunState"] == "SUCCEEDED"
    assert run["Arguments"] == {"--b": "given", "--c": "given", "--d": ""}
    words = json.loads(messages(aws, "output", run["Id"])[0])
    pairs = dict(zip(words[::2], words[1::2], strict=True))
    assert pairs == {
        "--JOB_NAME": job,
        "--JOB_RUN_ID": run["Id"],
        "--a": "default",
        "--b": "given",
        "--c": "fixed",
        "--d": "",
    }


def messages(aws: Aws, kind: str, run_id: str) -> list[str]:
    events = aws.client("logs").get_log_events(
        logGroupName=f"/aws-glue/python-jobs/{kind}", logStreamName=run_id, startFromHead=True
    )
    return [event["message"] for event in events["events"]]


def test_a_job_works_with_boto3_as_its_role_and_needs_no_settings(aws: Aws) -> None:
    role = aws.role()
    job = aws.job("import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])", Role=role)

    run = aws.run(job)

    assert run["JobRunState"] == "SUCCEEDED", run
    assert f":assumed-role/{role}/GlueJobRunnerSession" in messages(aws, "output", run["Id"])[0]
    assert run["CompletedOn"] >= run["StartedOn"]
    assert run["DPUSeconds"] == run["ExecutionTime"] * 0.0625
    assert run["LogGroupName"] == "/aws-glue/python-jobs"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise ValueError('the\\nreason')", "ValueError: the reason"),
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("raise SystemExit(7)", "Command failed with exit code 7"),
        ("def f(:", "SyntaxError: invalid syntax"),
    ],
)
def test_a_failing_script_fails_the_run_with_its_reason(aws: Aws, script: str, message: str) -> None:
    run = aws.run(aws.job(script))

    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", message)


def test_a_run_that_cannot_be_launched_fails(aws: Aws) -> None:
    no_role = aws.run(aws.job(Role="arn:aws:iam::123456789012:role/nobody"))
    no_trust = aws.run(aws.job(Role=aws.role(trust={"Version": "2012-10-17", "Statement": []})))
    script = {"Name": "pythonshell", "ScriptLocation": f"s3://{aws.bucket()}/not/there.py"}
    no_script = aws.run(aws.job(Command=script))
    not_readable = aws.run(aws.job(Role=aws.role(allow("logs:*"))))

    for run in (no_role, no_trust, no_script, not_readable):
        assert run["JobRunState"] == "FAILED"
        assert run["ExecutionTime"] == 0
    assert "should be given assume role permissions for Glue Service" in no_role["ErrorMessage"]
    assert "should be given assume role permissions for Glue Service" in no_trust["ErrorMessage"]
    assert no_script["ErrorMessage"].startswith("LAUNCH ERROR | ")
    assert "NoSuchKey" in no_script["ErrorMessage"]
    assert "AccessDenied" in not_readable["ErrorMessage"]


def test_extra_py_files_are_importable_and_extra_files_lie_beside(aws: Aws) -> None:
    bucket = aws.bucket()
    aws.s3.put_object(Bucket=bucket, Key="lib/extra_module.py", Body=b"VALUE = 41")
    aws.s3.put_object(Bucket=bucket, Key="conf/settings.txt", Body=b"1")
    job = aws.job(
        "import extra_module; assert extra_module.VALUE + int(open('settings.txt').read()) == 42",
        DefaultArguments={
            "--extra-py-files": f"s3://{bucket}/lib/extra_module.py",
            "--extra-files": f"s3://{bucket}/conf/settings.txt",
        },
    )

    assert aws.run(job)["JobRunState"] == "SUCCEEDED"


def test_stop_ends_a_run_and_all_its_processes(aws: Aws) -> None:
    bucket = aws.bucket()
    job = aws.job(
        "import boto3, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"boto3.client('s3').put_object(Bucket={bucket!r}, Key='pid', Body=str(child.pid))\n"
        "time.sleep(600)"
    )
    run_id = aws.glue.start_job_run(JobName=job)["JobRunId"]
    while not aws.keys(bucket):
        time.sleep(0.05)
    child = int(aws.s3.get_object(Bucket=bucket, Key="pid")["Body"].read())

    answer = aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id, "jr_unknown"])

    assert answer["SuccessfulSubmissions"] == [{"JobName": job, "JobRunId": run_id}]
    assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    assert aws.job_run(job, run_id)["JobRunState"] in ("STOPPING", "STOPPED")
    run = aws.ended(job, run_id)
    assert run["JobRunState"] == "STOPPED"
    assert "ErrorMessage" not in run
    assert not runs(child)
    again = aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id])
    assert again["Errors"][0]["ErrorDetail"]["ErrorCode"] == "InvalidInputException"


def runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_run_beyond_the_jobs_concurrency_is_refused(aws: Aws) -> None:
    job = aws.job(SLEEP)
    first = aws.glue.start_job_run(JobName=job)["JobRunId"]

    with pytest.raises(ClientError, match="ConcurrentRunsExceededException"):
        aws.glue.start_job_run(JobName=job)

    aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[first])
    aws.ended(job, first)
    second = aws.glue.start_job_run(JobName=job)["JobRunId"]
    aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[second])
    aws.ended(job, second)
    assert [run["Id"] for run in aws.glue.get_job_runs(JobName=job)["JobRuns"]] == [second, first]


def test_a_job_that_queues_lets_runs_wait(aws: Aws) -> None:
    job = aws.job(SLEEP, JobRunQueuingEnabled=True)
    first, second, third = (aws.glue.start_job_run(JobName=job)["JobRunId"] for _ in range(3))

    assert aws.job_run(job, second)["JobRunState"] == "WAITING"
    assert aws.job_run(job, third)["JobRunState"] == "WAITING"
    aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[third])
    assert aws.job_run(job, third)["JobRunState"] == "STOPPED"
    aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[first])
    aws.until(job, second, lambda run: run["JobRunState"] == "RUNNING")
    aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[second])
    aws.ended(job, second)


def test_runs_are_listed_newest_first_in_pages(aws: Aws) -> None:
    job = aws.job("pass", ExecutionProperty={"MaxConcurrentRuns": 5})
    ids = [aws.glue.start_job_run(JobName=job)["JobRunId"] for _ in range(3)]

    first = aws.glue.get_job_runs(JobName=job, MaxResults=2)
    rest = aws.glue.get_job_runs(JobName=job, MaxResults=2, NextToken=first["NextToken"])

    assert [run["Id"] for run in first["JobRuns"] + rest["JobRuns"]] == ids[::-1]
    for run_id in ids:
        aws.ended(job, run_id)


def test_a_run_names_its_own_size_timeout_and_policy(aws: Aws) -> None:
    name = unique("job")
    command = {"Name": "glueetl", "ScriptLocation": "s3://none/such.py"}
    aws.glue.create_job(
        Name=name, Role="nobody", Command=command, GlueVersion="5.0", WorkerType="G.1X", NumberOfWorkers=10
    )
    narrowing = policy(allow("s3:*"))

    run = aws.run(name, WorkerType="G.2X", NumberOfWorkers=3, Timeout=7, ExecutionRoleSessionPolicy=narrowing)

    assert (run["WorkerType"], run["NumberOfWorkers"], run["MaxCapacity"]) == ("G.2X", 3, 6.0)
    assert run["Timeout"] == 7
    assert run["ExecutionRoleSessionPolicy"] == narrowing
    assert run["GlueVersion"] == "5.0"
    assert aws.run(name)["MaxCapacity"] == 10.0


def test_a_failed_run_is_retried_as_often_as_the_job_says(aws: Aws) -> None:
    job = aws.job("raise ValueError", MaxRetries=2, ExecutionProperty={"MaxConcurrentRuns": 1})

    run = aws.run(job)

    last_id = f"{run['Id']}_attempt_2"
    deadline = time.monotonic() + 60
    while last_id not in {one["Id"] for one in aws.glue.get_job_runs(JobName=job)["JobRuns"]}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    last = aws.ended(job, last_id)
    assert (last["Attempt"], last["PreviousRunId"]) == (2, f"{run['Id']}_attempt_1")
    assert len(aws.glue.get_job_runs(JobName=job)["JobRuns"]) == 3


def test_a_run_can_be_retried_by_its_id(aws: Aws) -> None:
    job = aws.job("pass")
    first = aws.run(job, Arguments={"--x": "1"})

    second = aws.run(job, JobRunId=first["Id"])

    assert second["Id"] != first["Id"]
    assert second["PreviousRunId"] == first["Id"]
    assert second["Arguments"] == {"--x": "1"}
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        aws.run(job, JobRunId="jr_unknown")


@pytest.mark.parametrize("text", ["not json", '{"Statement": []}', '{"Statement": [{"Effect": "Maybe"}]}', "x" * 2049])
def test_a_session_policy_that_is_none_is_refused(aws: Aws, text: str) -> None:
    job = aws.job("pass")

    with pytest.raises(ClientError, match=r"InvalidInputException|ValidationException"):
        aws.glue.start_job_run(JobName=job, ExecutionRoleSessionPolicy=text)
    with pytest.raises(ParamValidationError):
        aws.glue.start_job_run(JobName=job, ExecutionRoleSessionPolicy="x")
    assert aws.glue.get_job_runs(JobName=job)["JobRuns"] == []


def test_a_run_ends_at_its_timeout(hasty_aws: Aws) -> None:
    job = hasty_aws.job(SLEEP, Timeout=1)

    run = hasty_aws.run(job)

    assert run["JobRunState"] == "TIMEOUT"
    assert run["ErrorMessage"] == "JobRun timed out"


def test_runs_beyond_the_slots_start_one_after_the_other(hasty_aws: Aws) -> None:
    job = hasty_aws.job(SLEEP, ExecutionProperty={"MaxConcurrentRuns": 2})
    first, second = (hasty_aws.glue.start_job_run(JobName=job)["JobRunId"] for _ in range(2))

    hasty_aws.until(job, first, lambda run: run["JobRunState"] == "RUNNING")
    assert hasty_aws.job_run(job, second)["JobRunState"] == "STARTING"
    hasty_aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[second])
    assert hasty_aws.job_run(job, second)["JobRunState"] == "STOPPED"
    hasty_aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[first])
    assert hasty_aws.ended(job, first)["JobRunState"] == "STOPPED"


def test_a_ray_job_is_not_pretended_to_run(aws: Aws) -> None:
    command = {"Name": "glueray", "ScriptLocation": f"s3://{aws.bucket()}/script.py"}

    run = aws.run(aws.job(Command=command))

    assert run["JobRunState"] == "FAILED"
    assert "does not run glueray jobs" in run["ErrorMessage"]


def test_more_concurrency_lets_waiting_runs_go(aws: Aws) -> None:
    job = aws.job(SLEEP, JobRunQueuingEnabled=True)
    first, second = (aws.glue.start_job_run(JobName=job)["JobRunId"] for _ in range(2))
    assert aws.job_run(job, second)["JobRunState"] == "WAITING"
    definition = aws.glue.get_job(JobName=job)["Job"]

    aws.glue.update_job(
        JobName=job,
        JobUpdate={
            "Role": definition["Role"],
            "Command": definition["Command"],
            "ExecutionProperty": {"MaxConcurrentRuns": 2},
        },
    )

    aws.until(job, second, lambda run: run["JobRunState"] == "RUNNING")
    aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[first, second])
    for run_id in (first, second):
        assert aws.ended(job, run_id)["JobRunState"] == "STOPPED"
