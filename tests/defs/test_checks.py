"""The checks of a branch's assets, read back from the Dagster instance as the UI reads them."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from pypedream_dagster.defs.branch_report import report_job, report_sensor
from pypedream_dagster.defs.instance import open_instance
from pypedream_dagster.defs.launch import trigger
from pypedream_dagster.defs.locations import definitions_of
from pypedream_dagster.defs.progress import Progress
from pypedream_dagster.delta.json_form import dataset_from_json

from .production import ROUND_AMOUNTS, Project

pytestmark = pytest.mark.slow

ALL_CHECKS = ("schema_delta", "row_delta", "expectations", "isolation")


def evaluations(
    project: Project,
    asset: list[str],
    names: tuple[str, ...] = ("schema_delta", "row_delta", "expectations", "isolation"),
) -> dict[str, dg.AssetCheckEvaluation]:
    found = {}
    with open_instance(project.settings) as instance:
        for name in names:
            records: list[AssetCheckExecutionRecord] = list(
                instance.event_log_storage.get_asset_check_execution_history(
                    dg.AssetCheckKey(dg.AssetKey(asset), name), limit=1
                )
            )
            if records and records[0].event is not None:
                event = records[0].event.dagster_event
                assert event is not None
                found[name] = event.asset_check_evaluation_data
    return found


def test_deltas_are_shown_as_checks(project: Project) -> None:
    project.fill_main()
    project.create_branch(change=ROUND_AMOUNTS)
    project.deploy()
    heard: list[Progress] = []

    result = trigger(project.settings, "test", on_event=heard.append)

    assert result.success, result  # a delta is no failure
    checks = evaluations(project, ["test", "transform", "good"])
    assert {name: check.passed for name, check in checks.items()} == {
        "schema_delta": True,
        "row_delta": False,
        "expectations": True,
        "isolation": True,
    }
    rows = checks["row_delta"]
    assert rows.severity == dg.AssetCheckSeverity.WARN
    assert rows.metadata["rows_removed"].value == 3
    assert rows.metadata["rows_changed"].value == 48
    assert "| `amount` |" in str(rows.metadata["delta"].value)
    assert {name: check.passed for name, check in evaluations(project, ["test", "audit"]).items()} == {
        "isolation": True
    }
    said = [item.text for item in heard if item.moment == "checked"]
    assert "good: 3 removed, 48 changed of 100 rows" in said
    kept = project.store.folder("test") / "deltas" / "transform" / "good.json"
    assert dataset_from_json(kept.read_text()).rows.removed == 3
    assert kept.with_suffix(".html").is_file()
    review = evaluations(project, ["branch_report"], ("review",))["review"]
    assert not review.passed
    assert review.description == "4 of 4 datasets changed; main is untouched."
    assert (kept.parents[1] / "report.html").is_file()


def _with_policy(project: Project, policy: dict[str, Any]) -> None:
    document = json.loads(project.settings.graph_path.read_text())
    (transform,) = [node for node in document["nodes"] if node["id"] == "transform"]
    transform["metadata"]["output_data"]["good"]["delta_policy"] = policy
    project.settings.graph_path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("policy", "passed"), [({"max_removed_fraction": 0.03}, True), ({"max_removed_fraction": 0.0}, False)]
)
def test_policy_decides(project: Project, policy: dict[str, Any], passed: bool) -> None:
    _with_policy(project, {**policy, "blocking": True})
    project.fill_main()
    project.create_branch(change=ROUND_AMOUNTS)
    project.deploy()

    result = trigger(project.settings, "test")

    rows = evaluations(project, ["test", "transform", "good"])["row_delta"]
    assert (result.success, rows.passed) == (passed, passed)
    assert {node.node: node.state for node in result.nodes}["load"] == ("succeeded" if passed else "skipped")
    if not passed:
        assert rows.severity == dg.AssetCheckSeverity.ERROR
        assert "checks" in (result.error or "")


def test_one_check_runs_without_glue(project: Project) -> None:
    project.fill_main()
    project.create_branch(change=ROUND_AMOUNTS)
    project.deploy()
    trigger(project.settings, "test", select=("transform",))
    project.aws.s3.write(project.uri("main", "bronze") + "part.parquet", b"production has written it anew")
    definitions = definitions_of(project.settings, "test")
    key = dg.AssetCheckKey(dg.AssetKey(["test", "transform", "bad"]), "row_delta")
    job = dg.define_asset_job("again", selection=dg.AssetSelection.checks(key))
    merged = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))

    result = merged.resolve_job_def("again").execute_in_process()

    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.check_name == "row_delta"
    assert evaluation.metadata["rows_removed"].value == 3
    assert "bronze/, which transform read from main, has changed" in str(evaluation.metadata["main_has_moved"].value)
    assert "main's own" in (evaluation.description or "")
    assert len(project.runs("transform", "test")) == 1


def test_report_follows_runs_that_the_ui_started(project: Project) -> None:
    """The daemon's part: the sensor, asked about a finished run, requests the report of its branch."""
    project.create_branch()
    sensor = report_sensor(project.store, report_job())
    with open_instance(project.settings) as instance:
        for tags, wanted in (({"pypedream/branch": "test"}, ["test"]), ({"pypedream/branch": "main"}, []), ({}, [])):
            job = dg.JobDefinition(graph_def=dg.GraphDefinition("empty", node_defs=[]), tags=tags)
            result = job.execute_in_process(instance=instance)
            event = next(event for event in result.all_events if event.is_job_success)
            context = dg.build_run_status_sensor_context(sensor.name, event, instance, result.dagster_run)
            answer = sensor(context)
            assert ([answer.partition_key] if isinstance(answer, dg.RunRequest) else []) == wanted
        assert instance.get_dynamic_partitions("branch") == ["test"]
