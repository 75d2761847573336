"""The scheduled removal of expired branches, through Dagster: the job, what the UI shows, and its schedule."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from pypedream_dagster.branch import naming
from pypedream_dagster.defs.collection import JOB, collection_job
from pypedream_dagster.defs.locations import branch_definitions
from pypedream_dagster.deploy.extend import extend
from pypedream_dagster.settings import Settings

from .offline import offline_project
from .production import Project


def _of_its_own(project: Project) -> None:
    """Give graph and branch a project name that no other test has."""
    name = f"shop-{project.suffix}"
    document = json.loads(project.settings.graph_path.read_text())
    document.setdefault("graph", {})["metadata"] = {"name": name}
    project.settings.graph_path.write_text(json.dumps(document))
    project.store.update_branch(project.store.branch("test").model_copy(update={"project": name}))


def test_the_schedule_is_there_and_runs(tmp_path: Path) -> None:
    settings: Settings = offline_project(tmp_path)
    definitions = branch_definitions(settings)
    schedule = definitions.resolve_schedule_def(f"{JOB}_daily")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == JOB
    with dg.instance_for_test() as instance:
        context = dg.build_schedule_context(instance, scheduled_execution_time=datetime(2026, 1, 2, 4, 17, tzinfo=UTC))
        assert len(schedule.evaluate_tick(context).run_requests or []) == 1


@pytest.mark.slow
def test_what_is_expired_goes_and_the_ui_shows_what(project: Project) -> None:
    project.create_branch()
    _of_its_own(project)
    project.deploy()
    job = collection_job(project.settings)
    with dg.instance_for_test() as instance:
        assert _table(job.execute_in_process(instance=instance)) == []
        extend(lambda: project.aws, project.store, "test", datetime(2026, 1, 2, tzinfo=UTC))
        rows = _table(job.execute_in_process(instance=instance))
    assert [(row["branch"], row["owner"], row["outcome"]) for row in rows] == [("test", "ann@example.com", "removed")]
    assert project.aws.glue.get_job(project.job("transform", "test")) is None
    assert not project.listing("test")


@pytest.mark.slow
def test_a_failure_is_red_and_says_which(project: Project) -> None:
    project.create_branch()
    _of_its_own(project)
    project.deploy()
    extend(lambda: project.aws, project.store, "test", datetime(2026, 1, 2, tzinfo=UTC))
    project.aws.glue.set_tags(project.job("transform", "test"), {naming.TAG_PROJECT: "another"})
    with dg.instance_for_test() as instance:
        result = collection_job(project.settings).execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "Not removed: test of ann@example.com" in str(failure.step_failure_data.error)


def _table(result: dg.ExecuteInProcessResult) -> list[dict[str, object]]:
    assert result.success
    [output] = [event for event in result.all_events if event.is_successful_output]
    table = output.event_specific_data.metadata["branches"]  # type: ignore[union-attr]
    return [dict(record.data) for record in table.records]
