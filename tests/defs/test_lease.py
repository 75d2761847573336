"""Dagster runs that no command of ours started hold the branch's lease too, from their first step on."""

from __future__ import annotations

import signal

import pytest

from pypedream_dagster.branch import naming
from pypedream_dagster.defs.launch import trigger
from pypedream_dagster.deploy.lease import held, holder_of
from pypedream_dagster.errors import StateError

from .conftest import MakeProject
from .production import ROUND_AMOUNTS, Project
from .test_crash import is_running, triggering, wait_for

pytestmark = pytest.mark.slow

EXECUTE = ("-m", "dagster", "job", "execute", "-m", "pypedream_dagster.branch_definitions", "-j", "branch__test")
# Materialized from the asset graph, a run has no branch tag before its first step, so Dagster's limit of one run per
# branch does not see it.
MATERIALIZE = ("-m", "dagster", "asset", "materialize", "-m", "pypedream_dagster.branch_definitions", "--select")


@pytest.fixture
def deployed(make_project: MakeProject) -> Project:
    project = make_project(60)
    project.fill_main()
    project.create_branch(change=ROUND_AMOUNTS)
    project.deploy()
    return project


def test_a_run_of_dagsters_own_keeps_others_out_until_its_process_ends(deployed: Project) -> None:
    with triggering(deployed, *EXECUTE) as process:
        wait_for(lambda: is_running(deployed, "transform", "test"))

        assert "running already, triggered by Dagster run" in str(holder_of(deployed.aws, deployed.store, "test"))
        with (
            pytest.raises(StateError, match=r"running already, triggered by Dagster run .* since"),
            held(deployed.aws, deployed.store, "test", "destroy-branch"),
        ):
            pass
        with pytest.raises(StateError, match="running already"):
            trigger(deployed.settings, "test")
        process.send_signal(signal.SIGKILL)
        process.wait()

    with held(deployed.aws, deployed.store, "test", "destroy-branch"):
        pass  # at once
    stop(deployed)


def stop(project: Project) -> None:
    for run in project.runs("transform", "test"):
        project.aws.glue.stop_job_run(run.job_name, run.job_run_id)


def test_two_materializations_from_the_asset_graph(deployed: Project) -> None:
    with triggering(deployed, *MATERIALIZE, "test/transform/good,test/transform/bad") as first:
        wait_for(lambda: is_running(deployed, "transform", "test"))
        with triggering(deployed, *MATERIALIZE, "test/transform/good,test/transform/bad") as second:
            output, _ = second.communicate(timeout=120)
        assert second.returncode == 1
        assert "running already, triggered by Dagster run" in output
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=120)

    assert len(deployed.runs("transform", "test")) == 1
    assert not deployed.aws.s3.exists(naming.lease_uri(f"s3://{deployed.bucket}/test/"))
