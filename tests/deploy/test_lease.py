"""Two people at once: a branch's lease, its claims, and what is said to whoever comes second."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from pypedream_dagster.aws.session import connect
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.lease import Lease, held, holder_of, joined, release_run
from pypedream_dagster.deploy.plan import plan_deployment, plan_destruction
from pypedream_dagster.errors import AccessDeniedError, AwsError, ProtectedError, StateError
from pypedream_dagster.settings import Settings

from .production import NOW, Project

HOLD = """
import sys, time
from pathlib import Path
from pypedream_dagster.aws.session import connect
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.lease import held
from pypedream_dagster.settings import Settings
folder, url = sys.argv[1:]
aws = connect(Settings(Path(folder), endpoint_url=url, region="us-east-1"))
with held(aws, BranchStore(Path(folder) / "branches"), "test", "deploy-branch", owner="bob"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def lease_uri(project: Project) -> str:
    return naming.lease_uri(f"s3://{project.bucket}/test/")


@contextmanager
def holding(project: Project) -> Iterator[subprocess.Popen[str]]:
    """Hold the branch's lease in another process, for as long as the block runs or until it is killed."""
    command = [sys.executable, "-c", HOLD, str(project.store.root.parent), str(project.aws.endpoint_url)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.communicate("\n")


def forge(project: Project, **changes: Any) -> None:
    """Write the lease as somebody else's machine would."""
    document = {
        "branch": "test",
        "owner": "bob",
        "host": "elsewhere",
        "worker": "elsewhere:12:345",
        "machine": "another",
        "command": "destroy-branch",
        "since": datetime.now(UTC).isoformat(),
        "lasts_seconds": 90.0,
        "token": "theirs",
    }
    project.aws.s3.write(lease_uri(project), json.dumps({**document, **changes}))


def test_it_lies_beside_the_claim_with_the_branchs_tags_and_goes_with_the_command(project: Project) -> None:
    project.create_branch()

    with held(project.aws, project.store, "test", "deploy-branch", owner="bob"):
        found = json.loads(project.aws.s3.read_text(lease_uri(project)))
        assert project.aws.s3.tags(lease_uri(project))[naming.TAG_BRANCH] == "test"
        assert (found["owner"], found["command"]) == ("bob", "deploy-branch")

    assert not project.aws.s3.exists(lease_uri(project))


def test_a_second_process_is_told_who_holds_it_since_when_and_what_to_do(project: Project) -> None:
    project.create_branch()

    with (
        holding(project) as process,
        pytest.raises(StateError) as raised,
        held(project.aws, project.store, "test", "destroy-branch"),
    ):
        pytest.fail("two hold it")

    assert "'test' is being deployed by bob since " in raised.value.message
    assert f"(process {process.pid})" in raised.value.message
    assert "wait for its end" in str(raised.value.hint)
    with held(project.aws, project.store, "test", "destroy-branch"):
        pass  # free again


def test_what_a_killed_process_of_this_machine_left_is_taken_at_once(project: Project) -> None:
    project.create_branch()
    with holding(project) as process:
        process.kill()
        process.wait()
    assert project.aws.s3.exists(lease_uri(project))

    assert holder_of(project.aws, project.store, "test") is None
    with held(project.aws, project.store, "test", "deploy-branch"):
        pass

    assert not project.aws.s3.exists(lease_uri(project))


@pytest.mark.slow
def test_what_another_machine_left_is_taken_once_it_has_run_out(project: Project) -> None:
    project.create_branch()
    # Another machine's clock may be wrong by hours: only S3's counts.
    forge(project, since="2031-01-01T00:00:00+00:00", lasts_seconds=2.0)

    with pytest.raises(StateError, match=r"is being destroyed by bob .* on host elsewhere"), _held(project):
        pass
    time.sleep(3.5)  # S3 tells whole seconds
    with _held(project):
        pass


def test_process_ids_of_another_machine_of_the_same_name_say_nothing(project: Project) -> None:
    import socket

    project.create_branch()
    forge(project, host=socket.gethostname(), worker=f"{socket.gethostname()}:999999:1")

    with pytest.raises(StateError, match="is being destroyed by bob"), _held(project):
        pass


def test_an_unreadable_lease_is_respected(project: Project) -> None:
    project.create_branch()
    project.aws.s3.write(lease_uri(project), '{"version": 2}')

    with pytest.raises(StateError, match="another version"), _held(project):
        pass


def test_within_a_block_it_is_shared(project: Project) -> None:
    project.create_branch()

    with _held(project) as outer, held(project.aws, project.store, "test", "deltas") as inner:
        assert inner is outer
    assert not project.aws.s3.exists(lease_uri(project))


def test_steps_of_one_dagster_run_share_it_and_others_are_refused(project: Project) -> None:
    project.create_branch()
    aws, store = project.aws, project.store

    first = joined(aws, store, "test", "run-1", owner="ann")
    with ThreadPoolExecutor(4) as pool:
        others = list(pool.map(lambda _: joined(aws, store, "test", "run-1"), range(4)))
    assert all(lease is first for lease in others)
    with pytest.raises(StateError, match="running already, triggered by Dagster run run-1 of ann"):
        joined(aws, store, "test", "run-2")
    with pytest.raises(StateError, match="running already"), _held(project):
        pass
    release_run("run-1")
    joined(aws, store, "test", "run-2")
    release_run("run-2")
    assert not aws.s3.exists(lease_uri(project))


@pytest.mark.slow
def test_it_is_renewed_and_who_lost_it_may_not_go_on(project: Project) -> None:
    project.create_branch()

    with held(project.aws, project.store, "test", "deploy-branch", lasts_seconds=3) as lease:
        time.sleep(4.5)
        with ThreadPoolExecutor(1) as other, pytest.raises(StateError, match="is being deployed by ann"):
            other.submit(_hold, project).result()
        forge(project)
        with pytest.raises(StateError, match=r"was lost: .* is being destroyed by bob"):
            _check_for(30, lease)
    assert json.loads(project.aws.s3.read_text(lease_uri(project)))["token"] == "theirs"  # not removed


STOPPED = """
import sys
from pathlib import Path
from pypedream_dagster.aws.session import connect
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.lease import held
from pypedream_dagster.settings import Settings
folder, url = sys.argv[1:]
aws = connect(Settings(Path(folder), endpoint_url=url, region="us-east-1"))
with held(aws, BranchStore(Path(folder) / "branches"), "test", "deploy-branch", owner="bob", lasts_seconds=2) as lease:
    print("held", flush=True)
    sys.stdin.readline()
    lease.check()
"""


@pytest.mark.slow
def test_a_process_that_was_stopped_goes_no_step_further_once_it_wakes(project: Project) -> None:
    project.create_branch()
    command = [sys.executable, "-c", STOPPED, str(project.store.root.parent), str(project.aws.endpoint_url)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(4)
        with _held(project):
            process.send_signal(signal.SIGCONT)
            _, errors = process.communicate("\n")

    assert process.returncode == 1
    assert "was lost: Branch 'test' is being deployed by ann" in errors


def test_credentials_that_may_not_write_it(project: Project) -> None:
    project.create_branch()
    limited = project.connect_denied("s3:PutObject")

    with (
        pytest.raises(AccessDeniedError, match=r"cannot be held against other commands.*s3:PutObject"),
        held(limited, project.store, "test", "deploy-branch"),
    ):
        pass


def test_of_many_at_once_one_holds_it(project: Project) -> None:
    project.create_branch()

    def attempt(_: int) -> bool:
        try:
            with _held(project):
                inside.append(1)
                crowd.append(len(inside))
                time.sleep(0.02)
                inside.pop()
        except StateError:
            return False
        return True

    inside: list[int] = []
    crowd: list[int] = []
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(40)))
    assert any(outcomes)
    assert set(crowd) == {1}
    assert not project.aws.s3.exists(lease_uri(project))


def test_two_people_who_claim_one_name_at_once(project: Project) -> None:
    """Planned side by side, as both saw nothing there: the second to claim is refused, and has made nothing."""
    project.create_branch(owner="ann")
    theirs = Project(
        project.aws, BranchStore(project.store.root.parent / "theirs"), project.graph, project.bucket, project.suffix
    )
    theirs.create_branch(owner="bob")
    plans = [(one, plan_deployment(one.aws, one.store, "test")) for one in (project, theirs)]

    def deploy(index: int) -> str | None:
        one, plan = plans[index]
        try:
            execute(plan, one.aws, one.store, now=lambda: NOW, wait=time.sleep)
        except ProtectedError as error:
            return error.message
        return None

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(deploy, range(2)))

    (winner,) = [index for index, said in enumerate(outcomes) if said is None]
    owner = ("ann", "bob")[winner]
    said = str(outcomes[1 - winner])
    assert f"of {owner}" in said
    loser = plans[1 - winner][0]
    assert not (loser.store.folder("test") / "deployment.json").exists()
    claim = project.aws.s3.tags(naming.claim_uri(f"s3://{project.bucket}/test/"))
    assert claim[naming.TAG_OWNER] == owner
    winning = plans[winner][0]
    destruction = plan_destruction(winning.aws, winning.store, "test")
    execute(destruction, winning.aws, winning.store, now=lambda: NOW, wait=time.sleep)
    assert not [item.key for item in project.aws.s3.list_objects(f"s3://{project.bucket}/test")]


def test_versions_of_the_lease_go_too(project: Project) -> None:
    project.create_branch()
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket=project.bucket, VersioningConfiguration={"Status": "Enabled"})

    for _ in range(2):
        with _held(project):
            pass

    found: Any = s3.list_object_versions(Bucket=project.bucket, Prefix="test")
    assert not found.get("Versions")
    assert not found.get("DeleteMarkers")


def test_destroying_takes_the_tickets_of_killed_runs_along(project: Project) -> None:
    project.create_branch()
    run(project, plan_deployment)
    root = f"s3://{project.bucket}/test/"
    beside = naming.waiting_uri(root, "load", "0123456789abcdef0123")
    others = naming.waiting_uri(f"s3://{project.bucket}/test2/", "load", "0123456789abcdef0123")
    for uri in (beside, others):
        project.aws.s3.write(uri, "{}")

    run(project, plan_destruction)

    left = [item.uri for item in project.aws.s3.list_objects(f"s3://{project.bucket}/test")]
    assert left == [others]


def run(project: Project, plan: Any) -> None:
    execute(plan(project.aws, project.store, "test"), project.aws, project.store, now=lambda: NOW, wait=time.sleep)


def _held(project: Project) -> Any:
    return held(project.aws, project.store, "test", "deploy-branch")


def _check_for(seconds: float, lease: Lease) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        lease.check()
        time.sleep(0.1)


def _hold(project: Project) -> None:
    with _held(project):
        pass


def test_a_store_that_ignores_conditions_is_refused(project: Project, tmp_path: Path) -> None:
    from .deaf_store import deaf_store

    project.create_branch()
    with deaf_store(str(project.aws.endpoint_url)) as url:
        aws = connect(Settings(tmp_path, endpoint_url=url, region=project.aws.region))
        with pytest.raises(AwsError, match="conditional writes"), held(aws, project.store, "test", "deploy-branch"):
            pass
    assert not project.aws.s3.exists(lease_uri(project))
