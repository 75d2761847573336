"""A deployment record that was lost or broken is rebuilt from the tags on AWS, and nothing is leaked or taken."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import Branch
from pypedream_dagster.deploy.execute import execute
from pypedream_dagster.deploy.plan import Plan, branch_tags, plan_deployment, plan_destruction
from pypedream_dagster.deploy.record import DeploymentRecord, read_deployment
from pypedream_dagster.deploy.search import find_tagged

from .production import NOW, Project


def run(project: Project, plan: Plan) -> DeploymentRecord | None:
    return execute(plan, project.aws, project.store, now=lambda: NOW, wait=time.sleep)


def deploy(project: Project) -> DeploymentRecord:
    record = run(project, plan_deployment(project.aws, project.store, "test"))
    assert record is not None
    return record


def listing(project: Project) -> dict[str, str]:
    return {item.uri: item.etag for item in project.aws.s3.list_objects(f"s3://{project.bucket}/")}


def record_path(project: Project) -> Path:
    return project.store.folder("test") / "deployment.json"


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BREAKS: dict[str, Callable[[Path], object]] = {
    "lost": Path.unlink,
    "empty": lambda path: path.write_text(""),
    "truncated": lambda path: path.write_text(path.read_text()[:200]),
    "not JSON": lambda path: path.write_bytes(b"\xff\x00binary"),
    "other JSON": lambda path: path.write_text("[]"),
    "other version": lambda path: path.write_text(path.read_text().replace('"version": 1', '"version": 2')),
    "a folder": as_folder,
    "a dead link": lambda path: (path.unlink(), path.symlink_to(path)),
}
breaks = pytest.mark.parametrize("how", list(BREAKS))


@breaks
def test_destroying_without_a_usable_record_leaves_nothing(project: Project, how: str) -> None:
    project.create_branch()
    before = listing(project)
    deploy(project)
    project.aws.s3.write(f"s3://{project.bucket}/test/data/silver/a", "data")
    BREAKS[how](record_path(project))

    plan = plan_destruction(project.aws, project.store, "test")
    run(project, plan)

    assert plan.rebuilt is not None
    assert "rebuilt from the branch's tags" in plan.rebuilt
    assert listing(project) == before
    assert project.aws.glue.get_job(f"transform-{project.suffix}-test") is None
    assert not project.aws.catalog.has_database("pypedream_test")
    assert read_deployment(project.store.folder("test")) is None
    assert project.store.branch("test").deployed_to is None


@breaks
def test_deploying_without_a_usable_record_converges(project: Project, how: str) -> None:
    project.create_branch()
    deployed = deploy(project)
    BREAKS[how](record_path(project))

    again = deploy(project)

    assert set(again.resources) == set(deployed.resources)
    assert again.is_complete
    kept = [path.name for path in project.store.folder("test").iterdir() if ".broken-" in path.name]
    assert kept == ([] if how == "lost" else ["deployment.json.broken-1"])


def test_planning_with_a_broken_record_changes_nothing(project: Project) -> None:
    project.create_branch()
    deploy(project)
    record_path(project).write_text("{")
    before = {path: path.read_bytes() for path in project.store.folder("test").rglob("*") if path.is_file()}
    plan = plan_destruction(project.aws, project.store, "test")
    assert plan.record is not None
    assert plan.record.is_complete
    assert {path: path.read_bytes() for path in before} == before
    assert len(list(project.store.folder("test").rglob("*"))) == len(before) + 1  # scripts/


def test_broken_records_are_all_kept(project: Project) -> None:
    project.create_branch()
    for text in ("one", "two"):
        deploy(project)
        record_path(project).write_text(text)
    deploy(project)
    folder = project.store.folder("test")
    assert [(folder / f"deployment.json.broken-{number}").read_text() for number in (1, 2)] == ["one", "two"]


def test_a_clone_that_the_graph_has_forgotten_is_found_by_its_tags(project: Project) -> None:
    branch = project.create_branch()
    deploy(project)
    clone = project.aws.glue.get_job(f"transform-{project.suffix}-test")
    assert clone is not None
    former = f"former-{project.suffix}"
    project.aws.glue.create_job(former, {**clone.creatable, "Name": former}, branch_tags(branch))
    record_path(project).unlink()
    run(project, plan_destruction(project.aws, project.store, "test"))
    assert project.aws.glue.get_job(former) is None


def test_what_another_project_of_the_same_name_has_is_untouched(project: Project) -> None:
    """Same project, owner and branch in the tags; cloned from a job, and lying in a bucket, that are not ours."""
    branch = project.create_branch()
    deploy(project)
    clone = project.aws.glue.get_job(f"transform-{project.suffix}-test")
    assert clone is not None
    bucket = f"other-{project.suffix}"
    project.aws.s3.create_bucket(bucket)
    claim = naming.claim_uri(f"s3://{bucket}/test/")
    project.aws.s3.write(claim, "{}", branch_tags(branch))
    stranger = f"stranger-{project.suffix}"
    arguments = {"--SINK": f"s3://{bucket}/test/data/"}
    properties = {**clone.creatable, "Description": "Pypedream branch test of theirs", "DefaultArguments": arguments}
    project.aws.glue.create_job(stranger, properties, branch_tags(branch))
    record_path(project).unlink()

    run(project, plan_destruction(project.aws, project.store, "test"))

    assert project.aws.glue.get_job(stranger) is not None
    assert project.aws.s3.exists(claim)


def test_half_a_deployment_without_a_record_is_not_taken_for_a_whole_one(project: Project) -> None:
    project.create_branch()
    deploy(project)
    project.aws.glue.delete_job(f"transform-{project.suffix}-test")
    record_path(project).write_text("{")
    plan = plan_destruction(project.aws, project.store, "test")
    assert plan.record is not None
    assert not plan.record.is_complete


def test_the_search_finds_all_of_a_branch_by_its_name_alone(project: Project) -> None:
    branch = project.create_branch(name=f"b{project.suffix}")
    plan = plan_deployment(project.aws, project.store, branch.name)
    run(project, plan)
    found = find_tagged(project.aws, {naming.TAG_BRANCH: branch.name})
    kinds = {(item.kind, item.identity) for item in found}
    assert all(item.tags == branch_tags(branch) for item in found)
    assert kinds == {
        ("job", f"transform-{project.suffix}-{branch.name}"),
        ("database", f"pypedream_{branch.name}"),
        ("prefix", f"s3://{project.bucket}/{branch.name}/"),
    }
    run(project, plan_destruction(project.aws, project.store, branch.name))
    assert find_tagged(project.aws, {naming.TAG_BRANCH: branch.name}) == ()


def test_a_branch_written_before_it_noted_its_deployment_is_read(project: Project) -> None:
    branch = project.create_branch()
    document = branch.model_dump(mode="json")
    del document["deployed_to"]
    assert Branch.model_validate(document) == branch


def test_the_record_of_another_account_stays_refused(project: Project) -> None:
    """A record that can be read is never rebuilt: it may be right, and the credentials wrong."""
    project.create_branch()
    record = deploy(project)
    other = dataclasses.replace(project.aws, region="eu-west-1")
    with pytest.raises(Exception, match="is deployed to"):
        plan_destruction(other, project.store, "test")
    assert read_deployment(project.store.folder("test")) == record
