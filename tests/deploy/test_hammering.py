"""Many processes deploy and destroy one name, from several folders: never two at once, and one state at the end."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.plan import plan_deployment, plan_destruction

from .production import NOW, Project

HAMMER = """
import fcntl, os, random, sys, time
from datetime import UTC, datetime
from pathlib import Path
from pypedream_dagster.aws.session import connect
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.lease import held
from pypedream_dagster.deploy.plan import plan_deployment, plan_destruction
from pypedream_dagster.errors import ProtectedError, StateError
from pypedream_dagster.settings import Settings

folder, url, sentinel, seed, seconds = sys.argv[1:]
aws = connect(Settings(Path(folder), endpoint_url=url, region="us-east-1"))
store, dice = BranchStore(Path(folder)), random.Random(int(seed))
done = {"deploy-branch": 0, "destroy-branch": 0, "refused": 0, "foreign": 0}
until = time.monotonic() + float(seconds)
while time.monotonic() < until:
    command = dice.choice(["deploy-branch", "destroy-branch"])
    try:
        with held(aws, store, "test", command, owner=f"process {seed}") as lease:
            # A lock that the kernel gives back when its process is killed, as the lease is then taken over.
            lock = os.open(sentinel, os.O_CREAT | os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: two hold it
                plan = (plan_deployment if command == "deploy-branch" else plan_destruction)(aws, store, "test")
                execute(plan, aws, store, now=lambda: datetime.now(UTC), wait=time.sleep)
            finally:
                os.close(lock)
            done[command] += 1
    except StateError as error:
        assert "is being" in str(error) or "changes hands" in str(error), error
        done["refused"] += 1
        time.sleep(dice.random() / 5)
    except ProtectedError as error:
        assert "carries the tags of branch 'test' of" in str(error), error
        done["foreign"] += 1
print(done)
"""


@pytest.mark.slow
def test_hammered_by_many_processes(project: Project) -> None:
    before = state(project)
    jobs = [job.name for job in project.aws.glue.find_jobs(project.suffix)]
    clones = [
        Project(
            project.aws, BranchStore(project.store.root / f"clone-{n}"), project.graph, project.bucket, project.suffix
        )
        for n in range(3)
    ]
    for clone, owner in zip(clones, ("ann", "ann", "bob"), strict=True):
        clone.create_branch(owner=owner)
    sentinel = project.store.root / "held"
    seeds = random.Random(4).sample(range(1000), 5)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(folder), str(project.aws.endpoint_url), str(sentinel), str(seed), "7"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for seed, folder in zip(seeds, [clones[n].store.root for n in (0, 0, 1, 1, 2)], strict=True)
    ]
    try:
        # One of them is killed, wherever it is: nobody on this machine waits for it.
        time.sleep(4)
        processes[0].kill()
        outputs = [process.communicate(timeout=120)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()

    assert [process.returncode for process in processes[1:]] == [0, 0, 0, 0], outputs
    assert any("'refused': 0" not in output for output in outputs[1:]), outputs
    # One last time by the owner whose it is, if anybody's: whole, then nothing.
    for clone in clones:
        tags = project.aws.s3.tags(claim) if project.aws.s3.exists(claim := claim_uri(project)) else {}
        if tags.get("pypedream:owner") in (None, clone.store.branch("test").owner):
            run(clone, plan_deployment)
            run(clone, plan_destruction)
    assert state(project) == before
    assert [job.name for job in project.aws.glue.find_jobs(project.suffix)] == jobs
    assert not project.aws.catalog.has_database("pypedream_test")


def claim_uri(project: Project) -> str:
    return f"s3://{project.bucket}/test_$pypedream$"


def run(project: Project, plan: object) -> None:
    assert callable(plan)
    execute(plan(project.aws, project.store, "test"), project.aws, project.store, now=lambda: NOW, wait=time.sleep)


def state(project: Project) -> dict[str, str]:
    lease = f"{claim_uri(project).removesuffix('$')}_lease$"
    found = project.aws.s3.list_objects(f"s3://{project.bucket}/")
    return {item.uri: item.etag for item in found if item.uri != lease}
