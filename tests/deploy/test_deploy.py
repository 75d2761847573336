"""Deploying and destroying a branch on the embedded AWS, crashes and strangers included."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pypedream_dagster.branch import naming
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.plan import Plan, branch_tags, plan_deployment, plan_destruction, undeployed_edits
from pypedream_dagster.deploy.record import read_deployment
from pypedream_dagster.deploy.steps import Create, Delete, Keep, Step, StopRun, Update, describe
from pypedream_dagster.errors import AccessDeniedError, NotFoundError, ProtectedError, StateError
from pypedream_dagster.graph.files import graph_document, parse_graph

from .production import NOW, Project


def _execute(project: Project, plan: Plan, on_step: Any = lambda _: None) -> Any:
    import time

    return execute(plan, project.aws, project.store, now=lambda: NOW, wait=time.sleep, on_step=on_step)


def _deploy(project: Project, name: str = "test") -> Plan:
    plan = plan_deployment(project.aws, project.store, name)
    _execute(project, plan)
    return plan


def _destroy(project: Project, name: str = "test") -> Plan:
    plan = plan_destruction(project.aws, project.store, name)
    _execute(project, plan)
    return plan


def _main_listing(project: Project) -> dict[str, str]:
    return {item.uri: item.etag for item in project.aws.s3.list_objects(f"s3://{project.bucket}/")}


def test_a_branch_is_cloned_from_production_as_deployed(project: Project) -> None:
    project.create_branch()
    production = project.aws.glue.get_job(project.job("transform"))
    assert production is not None
    project.aws.glue.update_job(production.name, {**production.creatable, "Timeout": 9, "Description": "live"})
    plan = _deploy(project)
    clone = project.aws.glue.get_job(f"transform-{project.suffix}-test")
    assert clone is not None
    assert clone.script_uri == f"s3://{project.bucket}/test/scripts/transform.py"
    assert clone.default_arguments == {
        "--BRONZE_DATA_SOURCE": f"s3://{project.bucket}/main/data/bronze/",
        "--SILVER_DATA_SINK": f"s3://{project.bucket}/test/data/silver/",
        "--job-bookmark-option": "job-bookmark-disable",
    }
    kept = {key: clone.creatable[key] for key in ("Timeout", "GlueVersion", "ExecutionProperty", "MaxCapacity", "Role")}
    assert kept == {key: production.creatable[key] for key in kept} | {"Timeout": 9}
    assert clone.creatable["MaxRetries"] == 0
    assert project.aws.glue.tags(clone.name) == plan.tags
    assert project.aws.catalog.tags("pypedream_test") == plan.tags
    assert [type(step) for step in plan.steps] == [Create] * 4
    assert project.aws.glue.get_job(f"load-{project.suffix}-test") is None
    record = read_deployment(project.store.folder("test"))
    assert record is not None
    assert record.is_complete
    assert {item.kind for item in record.resources} == {"prefix", "script", "job", "database"}


def test_planning_changes_nothing(project: Project) -> None:
    project.create_branch()
    before = _main_listing(project)
    plan = plan_deployment(project.aws, project.store, "test")
    assert [describe(step).split()[0] for step in plan.steps] == ["create"] * 4
    assert _main_listing(project) == before
    assert read_deployment(project.store.folder("test")) is None


def test_deploying_again_keeps_and_after_an_edit_updates(project: Project) -> None:
    project.create_branch()
    _deploy(project)
    assert all(isinstance(step, Keep) for step in _deploy(project).steps)
    node = project.store.graph("test").by_id["transform"]
    project.store.script_path("test", node).write_text("print('edited')\n")
    record = read_deployment(project.store.folder("test"))
    assert record is not None
    assert undeployed_edits(project.store, "test", record) == ("transform",)
    plan = _deploy(project)
    assert [describe(step) for step in plan.changes] == [
        f"update script s3://{project.bucket}/test/scripts/transform.py from scripts of transform: content"
    ]
    record = read_deployment(project.store.folder("test"))
    assert record is not None
    assert undeployed_edits(project.store, "test", record) == ()
    production = project.aws.glue.get_job(project.job("transform"))
    assert production is not None
    project.aws.glue.update_job(production.name, {**production.creatable, "Timeout": 11})
    changed = [step for step in _deploy(project).steps if isinstance(step, Update)]
    assert [step.changes for step in changed] == [("Timeout",)]


def test_destroying_leaves_nothing_of_the_branch_and_all_of_main(project: Project) -> None:
    project.create_branch()
    before = _main_listing(project)
    _deploy(project)
    for key in ("data/silver/a.parquet", "temporary/x", "_odd"):
        project.aws.s3.write(f"s3://{project.bucket}/test/{key}", "data")
    project.aws.s3.write(f"s3://{project.bucket}/test_$folder$", "")
    project.aws.s3.write(f"s3://{project.bucket}/test2/data/x", "a neighbour's")
    plan = _destroy(project)
    assert [step.kind for step in plan.steps if isinstance(step, Delete)] == ["job", "database", "script", "prefix"]
    left = _main_listing(project)
    assert left.pop(f"s3://{project.bucket}/test2/data/x")
    assert left == before
    assert project.aws.glue.get_job(f"transform-{project.suffix}-test") is None
    assert not project.aws.catalog.has_database("pypedream_test")
    assert read_deployment(project.store.folder("test")) is None
    assert all(project.aws.glue.get_job(project.job(name)) for name in ("extract", "transform", "load"))
    assert _destroy(project).steps == ()


class _CrashError(Exception):
    pass


def _crash_at(project: Project, plan: Plan, at: int) -> None:
    done: list[Step] = []

    def crash(step: Step) -> None:
        if len(done) == at:
            raise _CrashError
        done.append(step)

    with pytest.raises(_CrashError):
        _execute(project, plan, on_step=crash)


def test_a_crash_at_any_step_of_a_deployment_is_resumed_or_destroyed(project: Project) -> None:
    project.create_branch()
    before = _main_listing(project)
    for at in range(4):
        for then in ("deploy", "destroy"):
            _crash_at(project, plan_deployment(project.aws, project.store, "test"), at)
            record = read_deployment(project.store.folder("test"))
            assert record is None or not record.is_complete
            if then == "deploy":
                assert len(_deploy(project).changes) == 4 - at
                assert all(isinstance(step, Keep) for step in _deploy(project).steps)
            _destroy(project)
            assert _main_listing(project) == before


def test_a_crash_at_any_step_of_a_destruction_is_resumed(project: Project) -> None:
    project.create_branch()
    before = _main_listing(project)
    for at in range(4):
        _deploy(project)
        _crash_at(project, plan_destruction(project.aws, project.store, "test"), at)
        _destroy(project)
        assert _main_listing(project) == before
        assert read_deployment(project.store.folder("test")) is None


def test_a_crash_between_the_call_and_its_record_converges(project: Project) -> None:
    """The job is there, the record knows only that it was being made."""
    branch = project.create_branch()
    plan = plan_deployment(project.aws, project.store, "test")
    clone = next(step.resource for step in plan.steps if isinstance(step, Create) and "Job" in repr(step.resource))
    project.aws.glue.create_job(f"transform-{project.suffix}-test", clone.properties, branch_tags(branch))  # type: ignore[union-attr]
    assert len(_deploy(project).changes) == 4
    assert all(isinstance(step, Keep) for step in _deploy(project).steps)
    _destroy(project)


def test_a_lost_record_leaks_nothing(project: Project) -> None:
    project.create_branch()
    before = _main_listing(project)
    _deploy(project)
    (project.store.folder("test") / "deployment.json").unlink()
    _destroy(project)
    assert _main_listing(project) == before
    assert project.aws.glue.get_job(f"transform-{project.suffix}-test") is None


def test_a_job_of_the_same_tags_that_neither_record_nor_graph_names_is_untouched(project: Project) -> None:
    branch = project.create_branch()
    _deploy(project)
    production = project.aws.glue.get_job(project.job("load"))
    assert production is not None
    other = f"other-{project.suffix}"
    properties = {key: value for key, value in production.creatable.items() if key != "Name"}
    project.aws.glue.create_job(other, properties, branch_tags(branch))
    _destroy(project)
    assert project.aws.glue.get_job(other) is not None


@pytest.mark.parametrize("denied", ["glue:CreateJob", "glue:CreateDatabase", "s3:PutObject"])
def test_a_denied_call_is_named_and_leaves_nothing_behind(project: Project, denied: str) -> None:
    project.create_branch()
    before = _main_listing(project)
    limited = dataclasses.replace(project, aws=project.connect_denied(denied))
    with pytest.raises(AccessDeniedError) as raised:
        _deploy(limited)
    assert denied in str(raised.value)
    assert _main_listing(project) == before
    assert read_deployment(project.store.folder("test")) is None
    _deploy(project)
    _destroy(project)


def test_a_denied_read_is_named(project: Project) -> None:
    project.create_branch()
    limited = dataclasses.replace(project, aws=project.connect_denied("glue:GetJob"))
    with pytest.raises(AccessDeniedError, match="glue:GetJob on Glue job"):
        _deploy(limited)


def test_a_strangers_job_of_the_clones_name_is_untouched(project: Project) -> None:
    project.create_branch()
    production = project.aws.glue.get_job(project.job("transform"))
    assert production is not None
    name = f"transform-{project.suffix}-test"
    stranger = {key: value for key, value in production.creatable.items() if key != "Name"}
    project.aws.glue.create_job(name, stranger, {})
    with pytest.raises(ProtectedError, match="no tags of Pypedream"):
        plan_deployment(project.aws, project.store, "test")
    assert plan_destruction(project.aws, project.store, "test").steps == ()
    project.aws.glue.set_tags(name, {naming.TAG_BRANCH: "test", naming.TAG_OWNER: "bob", naming.TAG_PROJECT: "shop"})
    with pytest.raises(ProtectedError, match="branch 'test' of bob"):
        plan_deployment(project.aws, project.store, "test")


def test_a_prefix_that_holds_anothers_data_is_untouched(project: Project) -> None:
    project.create_branch()
    project.aws.s3.write(f"s3://{project.bucket}/test/data/old", "somebody's")
    with pytest.raises(ProtectedError, match="not this branch's"):
        plan_deployment(project.aws, project.store, "test")
    assert plan_destruction(project.aws, project.store, "test").steps == ()


def test_data_whose_claim_is_gone_is_not_deleted(project: Project) -> None:
    project.create_branch()
    _deploy(project)
    project.aws.s3.delete_object(naming.claim_uri(f"s3://{project.bucket}/test/"))
    project.aws.s3.write(f"s3://{project.bucket}/test/data/silver/a", "data")
    with pytest.raises(ProtectedError, match="is gone"):
        plan_destruction(project.aws, project.store, "test")


def test_a_doctored_record_cannot_delete_main(project: Project) -> None:
    branch = project.create_branch()
    _deploy(project)
    record = read_deployment(project.store.folder("test"))
    assert record is not None
    main = f"s3://{project.bucket}/main/"
    project.aws.s3.write(naming.claim_uri(main), "", branch_tags(branch))
    path = project.store.folder("test") / "deployment.json"
    path.write_text(path.read_text().replace(f's3://{project.bucket}/test/"', f'{main}"'))
    with pytest.raises(ProtectedError, match="main uses"):
        plan_destruction(project.aws, project.store, "test")


def test_production_that_locks_an_argument_is_cloned_too(project: Project) -> None:
    project.create_branch()
    job = project.aws.glue.get_job(project.job("load"))
    assert job is not None
    locked = {"--GOLD_DATA_SINK": f"s3://{project.bucket}/main/data/gold/"}
    project.aws.glue.update_job(job.name, {**job.creatable, "NonOverridableArguments": locked})
    _deploy(project)
    node = project.store.graph("test").by_id["load"]
    assert (node.action, node.why_cloned) == (
        "clone",
        "production's job does not let --GOLD_DATA_SINK be overridden",
    )
    clone = project.aws.glue.get_job(node.job)
    assert clone is not None
    assert clone.non_overridable_arguments == {"--GOLD_DATA_SINK": f"s3://{project.bucket}/test/data/gold/"}
    assert clone.script_uri == f"s3://{project.bucket}/main/scripts/load.py"
    _destroy(project)
    assert project.aws.glue.get_job(node.job) is None


def test_a_run_under_way_is_stopped_before_its_data_goes(project: Project) -> None:
    project.create_branch()
    _deploy(project)
    project.aws.s3.write(f"s3://{project.bucket}/main/data/bronze/part.txt", "raw")
    node = project.store.graph("test").by_id["transform"]
    run_id = project.aws.glue.start_job_run(node.job, {**node.arguments, "--SLEEP": "600"})
    plan = _destroy(project)
    assert plan.steps[0] == StopRun(node.job, run_id)
    assert project.aws.s3.is_empty(f"s3://{project.bucket}/test/")


def test_a_missing_production_job_is_named(project: Project) -> None:
    project.create_branch()
    project.aws.glue.delete_job(project.job("load"))
    with pytest.raises(NotFoundError, match=project.job("load")):
        plan_deployment(project.aws, project.store, "test")


def test_a_missing_script_is_named(project: Project) -> None:
    project.create_branch()
    project.store.script_path("test", project.store.graph("test").by_id["transform"]).unlink()
    with pytest.raises(StateError, match=r"transform\.py is missing"):
        plan_deployment(project.aws, project.store, "test")


def test_another_account_is_refused(project: Project) -> None:
    project.create_branch()
    _deploy(project)
    path = project.store.folder("test") / "deployment.json"
    path.write_text(path.read_text().replace("123456789012", "210987654321"))
    with pytest.raises(StateError, match="is deployed to"):
        plan_destruction(project.aws, project.store, "test")


@pytest.mark.parametrize("mode", ["append", "merge"])
def test_an_output_that_builds_on_what_is_there_is_refused(project: Project, mode: str) -> None:
    document = graph_document(project.graph)
    uri = document["nodes"][2]["metadata"]["output_data"]["gold"]
    document["nodes"][2]["metadata"]["output_data"]["gold"] = {"uri": uri, "write_mode": mode}
    dataclasses.replace(project, graph=parse_graph(document)).create_branch()
    with pytest.raises(StateError, match=rf"load\.gold \({mode}; 0 objects, 0 bytes on main\).*--seed"):
        plan_deployment(project.aws, project.store, "test")
