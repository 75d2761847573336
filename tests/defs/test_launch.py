"""Branches and main run through Dagster, on the embedded AWS, with jobs that really run."""

from __future__ import annotations

import json

import pytest

from pypedream_dagster.branch.policy import session_policy
from pypedream_dagster.defs.launch import TriggerResult, trigger
from pypedream_dagster.defs.progress import Progress
from pypedream_dagster.errors import BranchError, StateError
from pypedream_dagster.run.record import read_run_record

from .production import FAIL, ROUND_AMOUNTS, WRITE_TO_MAIN, Project

pytestmark = pytest.mark.slow


def states(result: TriggerResult) -> dict[str, str]:
    return {node.node: node.state for node in result.nodes}


def test_main_runs_whole_and_in_order(project: Project) -> None:
    heard: list[Progress] = []

    result = trigger(project.settings, on_event=heard.append)

    assert result.success, result
    assert states(result) == dict.fromkeys(["extract", "transform", "load", "audit", "report"], "succeeded")
    assert len(project.listing()) == 5 + 5  # scripts and datasets
    ended = [item.node for item in heard if item.moment == "succeeded"]
    began = [item.node for item in heard if item.moment == "started"]
    assert ended.index("load") < len(ended)
    assert began.index("report") > began.index("load")  # a link without data orders
    assert all(run.session_policy is None for run in project.runs("extract"))


def test_branch_runs_what_it_affects_and_leaves_main_alone(project: Project) -> None:
    project.fill_main()
    project.create_branch(change=ROUND_AMOUNTS)
    project.deploy()
    before = project.listing()

    result = trigger(project.settings, "test")

    assert result.success, result
    assert set(states(result)) == {"transform", "load", "audit", "report"}
    assert project.listing() == before
    graph = project.store.graph("test")
    runs = {node.id: list(project.aws.glue.job_runs(node.job)) for node in graph.nodes}
    for node in graph.nodes:
        (run,) = runs[node.id]
        assert json.loads(run.session_policy or "") == json.loads(session_policy(graph, node))
        record = read_run_record(project.store.folder("test"), node.id)
        assert record is not None
        assert record.succeeded
        assert record.isolation is not None
        assert record.isolation.holds
        assert record.job_run_id == run.job_run_id
    table = graph.by_id["load"].outputs[0].head_table
    assert table is not None
    found = project.aws.catalog.get_table(*table.split("."))
    assert found is not None
    assert found.location_uri == project.uri("test", "gold")


def test_failure_is_told_and_stops_only_its_downstream(project: Project) -> None:
    project.fill_main()
    project.create_branch(change=FAIL)
    project.deploy()

    result = trigger(project.settings, "test")

    assert not result.success
    assert states(result) == {"transform": "failed", "load": "skipped", "audit": "skipped", "report": "skipped"}
    assert "no such flight" in result.nodes[0].reason
    assert len(project.runs("transform", "test")) == 1  # what failed in Glue is not tried again


def test_write_to_main_is_denied(project: Project) -> None:
    project.fill_main()
    project.create_branch(change=WRITE_TO_MAIN)
    project.deploy()
    before = project.listing()

    result = trigger(project.settings, "test")

    assert states(result)["transform"] == "failed"
    assert "AccessDenied" in result.nodes[0].reason
    assert project.listing() == before


def test_branch_waits_for_productions_run_and_says_so(project: Project) -> None:
    project.fill_main()
    project.create_branch()
    project.deploy()
    load = project.aws.glue.get_job(project.job("load"))
    assert load is not None
    project.aws.glue.update_job(load.name, {**load.creatable, "ExecutionProperty": {"MaxConcurrentRuns": 1}})
    production = project.aws.glue.start_job_run(load.name, {"--SLEEP": "600"})
    said: list[str] = []

    def listen(progress: Progress) -> None:
        if progress.node == "load" and progress.moment == "note":
            said.append(progress.text)
            project.aws.glue.stop_job_run(load.name, production)

    result = trigger(project.settings, "test", select=("transform", "load"), on_event=listen)

    assert result.success, result
    assert f"{load.name} waits for its turn: run {production} of production since " in said[0]
    assert len(project.runs("load")) == 2
    beside = [item.key for item in project.aws.s3.list_objects(f"s3://{project.bucket}/test_")]
    assert beside == ["test_$pypedream$"]  # the claim: neither ticket nor lease is left


def test_selected_nodes_run_alone(project: Project) -> None:
    project.fill_main()
    project.create_branch()
    project.deploy()

    result = trigger(project.settings, "test", select=("transform",))

    assert result.success
    assert states(result) == {"transform": "succeeded"}
    assert project.runs("load") == []


def test_run_after_an_edit_runs_anew(project: Project) -> None:
    project.fill_main()
    project.create_branch(change=FAIL)
    project.deploy()
    failed = trigger(project.settings, "test", select=("transform",))
    project.edit(ROUND_AMOUNTS)
    project.deploy()
    mended = trigger(project.settings, "test", select=("transform",))

    assert (failed.success, mended.success, mended.resumed) == (False, True, False), mended


def test_too_early(project: Project) -> None:
    project.create_branch()

    with pytest.raises(StateError, match="not deployed"):
        trigger(project.settings, "test")
    with pytest.raises(BranchError, match="no branch 'other'"):
        trigger(project.settings, "other")
    project.deploy()
    with pytest.raises(BranchError, match="does not run extract"):
        trigger(project.settings, "test", select=("extract",))
    assert project.runs("transform", "test") == []


def test_unexpected_failure_has_its_reason(project: Project) -> None:
    project.fill_main()
    project.create_branch()
    project.deploy()
    runs = project.store.folder("test") / "runs"
    runs.write_text("in the way")  # the step cannot keep its record there

    result = trigger(project.settings, "test", select=("transform",))

    assert states(result) == {"transform": "failed"}
    assert "runs" in result.nodes[0].reason
