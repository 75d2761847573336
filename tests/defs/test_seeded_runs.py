"""A job that builds on what is there: each of its runs on a branch begins at main's data, not at the last run's."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest

from pypedream_dagster.defs.launch import trigger
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.plan import plan_deployment

from .production import Project

pytestmark = pytest.mark.slow

# Beside the parquet file; readers of data leave out what begins with "_".
APPEND = """
import uuid
there, below = split(arguments["--GOLD_DATA_SINK"])
s3.put_object(Bucket=there, Key=f"{below}_run-{uuid.uuid4()}", Body=b"rows")
"""


def test_a_second_run_appends_once(project: Project) -> None:
    path = project.settings.graph_path
    document = json.loads(path.read_text())
    load = next(node for node in document["nodes"] if node["id"] == "load")
    load["metadata"]["output_data"]["gold"]["write_mode"] = "append"
    path.write_text(json.dumps(document))
    project.fill_main()
    project.aws.s3.write(project.uri("main", "gold") + "_run-of-main", "rows")
    project.create_branch(origin="load", change=APPEND)
    plan = plan_deployment(project.aws, project.store, "test", seeds=["load.gold"])
    execute(plan, project.aws, project.store, now=lambda: datetime.now(UTC), wait=time.sleep)
    before = project.listing()

    appended = []
    for _ in range(2):
        assert trigger(project.settings, "test", select=["load"]).success
        runs = [uri for uri in project.listing("test") if "_run-" in uri]
        assert project.uri("test", "gold") + "_run-of-main" in runs
        appended.append(sorted(set(runs) - {project.uri("test", "gold") + "_run-of-main"}))

    assert [len(new) for new in appended] == [1, 1]
    assert appended[0] != appended[1]
    assert project.listing() == before


def test_bookmarks_of_triggers_and_jobs_never_reach_a_branchs_run(project: Project) -> None:
    """Production's trigger turns bookmarks on for its own runs: the branch's run of the same job has none."""
    name = project.job("load")
    job = project.aws.glue.get_job(name)
    assert job is not None
    project.aws.glue.boto.create_trigger(
        Name=f"nightly-{project.suffix}",
        Type="ON_DEMAND",
        Actions=[{"JobName": name, "Arguments": {"--job-bookmark-option": "job-bookmark-enable"}}],
    )
    audit = project.aws.glue.get_job(project.job("audit"))
    assert audit is not None
    arguments = {**audit.default_arguments, "--job-bookmark-option": "job-bookmark-enable"}
    project.aws.glue.update_job(audit.name, {**audit.creatable, "DefaultArguments": arguments})
    project.fill_main()
    project.create_branch()
    project.deploy()
    assert trigger(project.settings, "test").success
    options = {node: project.runs(node)[0].arguments.get("--job-bookmark-option") for node in ("load", "audit")}
    # Where the job itself says nothing, Glue's default is off.
    assert options == {"load": None, "audit": "job-bookmark-disable"}
    clone = project.aws.glue.get_job(project.job("transform", "test"))
    assert clone is not None
    assert clone.default_arguments["--job-bookmark-option"] == "job-bookmark-disable"
