"""Twenty branches on one main, side by side: nobody's command touches what is another's, and main stays as it was."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from pypedream_dagster.local_aws.endpoint import Endpoint
from tests.cli.conftest import Deployed, Pypedream, deployed, no_aws, pypedream

__all__ = ["deployed", "no_aws", "pypedream"]  # fixtures

pytestmark = pytest.mark.slow

NAMES = (
    "a",
    "a-b",
    "ab",
    "a-b-c",
    "abc",
    "a1",
    "a-1",
    "b",
    "b-a",
    "ba",
    "x_y",
    "x",
    "x-z",
    "1",
    "11",
    "0",
    "main-",
    "mai",
)
NAMES += ("data", "scripts")
NODES = ("extract", "transform", "load")
RUNS = 3  # of the branches run all of their jobs: a job run takes its time

# One process per batch: starting Python twenty times would be most of the test.
BATCH = """
import sys
from pypedream_dagster.cli.main import run
codes = [run(line.split()) for line in sys.argv[1:]]
sys.exit(max(codes, default=0))
"""


def side_by_side(folder: Any, lines: Iterable[str], processes: int = 4) -> None:
    """Run command lines in several processes at once."""
    lines = list(lines)

    def batch(own: Sequence[str]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", BATCH, *own]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)

    with ThreadPoolExecutor(processes) as pool:
        done = list(pool.map(batch, [lines[number::processes] for number in range(processes)]))
    assert [one.returncode for one in done] == [0] * processes, [one.stderr[-2000:] for one in done]


def account(project: Deployed) -> dict[str, dict[str, Any]]:
    """Everything of the test's bucket and jobs, with contents and tags, by the branch whose it is."""
    s3, glue = boto3.client("s3"), boto3.client("glue")
    found: dict[str, dict[str, Any]] = {}
    listed = [
        item
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=project.bucket)
        for item in page["Contents"]
    ]
    for item in listed:
        tags = s3.get_object_tagging(Bucket=project.bucket, Key=item["Key"])["TagSet"]
        owner = item["Key"].partition("/")[0].partition("_$")[0]
        found.setdefault(owner, {})[item["Key"]] = (item["ETag"], str(tags))
    for page in glue.get_paginator("get_jobs").paginate():
        for job in page["Jobs"]:
            head, _, owner = job["Name"].partition(f"-{project.suffix}-")
            if owner:
                arn = f"arn:aws:glue:us-east-1:123456789012:job/{job['Name']}"
                described = {key: value for key, value in job.items() if key not in {"CreatedOn", "LastModifiedOn"}}
                found.setdefault(owner, {})[head] = (str(described), str(glue.get_tags(ResourceArn=arn)["Tags"]))
    return found


def test_they_do_not_touch_each_other(deployed: Deployed, pypedream: Pypedream, aws_env: Endpoint) -> None:
    dice = random.Random(20)
    s3, glue = boto3.client("s3"), boto3.client("glue")
    for dataset in ("bronze", "silver", "gold"):
        s3.put_object(Bucket=deployed.bucket, Key=f"main/data/{dataset}/part.txt", Body=b"raw")
    for node in NODES:  # a job that all may run at once: waiting is tested elsewhere
        job: Any = glue.get_job(JobName=f"{node}-{deployed.suffix}-main")["Job"]
        update = {key: job[key] for key in ("Role", "Command", "DefaultArguments", "GlueVersion", "MaxCapacity")}
        glue.update_job(JobName=job["Name"], JobUpdate={**update, "ExecutionProperty": {"MaxConcurrentRuns": 25}})
    main = account(deployed)["main"]
    origins = {name: dice.choice(NODES) for name in NAMES}

    for name, origin in origins.items():
        assert pypedream("create-branch", origin, name).code == 0
    for taken in ("a_1", "x-y", "main", "a_b"):
        assert pypedream("create-branch", "load", taken).code == 2
    side_by_side(deployed.folder, [f"deploy-branch {name}" for name in NAMES])
    assert set(account(deployed)) == {"main", *NAMES}
    running = [name for name in NAMES if origins[name] != "extract"][:RUNS]
    side_by_side(deployed.folder, [f"trigger-branch {name}" for name in running])

    whole = account(deployed)
    assert whole["main"] == main
    written = {name: sum(key.startswith(f"{name}/data/") for key in whole[name]) for name in NAMES}
    assert all((count > 0) == (name in running) for name, count in written.items()), written

    order = dice.sample(NAMES, len(NAMES))
    for batch in (order[:4], order[4:12], order[12:]):
        side_by_side(deployed.folder, [f"destroy-branch {name}" for name in batch], min(4, len(batch)))
        for name in batch:
            del whole[name]
        assert account(deployed) == whole
    assert account(deployed) == {"main": main}
