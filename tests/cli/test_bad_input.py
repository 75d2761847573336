"""Bad input: each is one clear line on stderr, exit code 2, and nothing changed."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from .conftest import Deployed, Outcome, Pypedream, files_below, graph_document, write_graph


def refused(outcome: Outcome, *words: str) -> None:
    assert outcome.code == 2, outcome
    for word in words:
        assert word in outcome.error


def _create(pypedream: Pypedream, branch: str = "test", node: str = "transform") -> None:
    outcome = pypedream("create-branch", node, branch, "--script", "own.py")
    assert outcome.code == 0, outcome


def test_no_project(pypedream: Pypedream, tmp_path: Path) -> None:
    refused(pypedream("nodes"), "No project here", "pypedream init")
    refused(pypedream("--project", str(tmp_path), "nodes"), "No project at", "pypedream init")


def test_a_missing_graph_file(pypedream: Pypedream, tmp_path: Path) -> None:
    (tmp_path / "pipeline_graph").mkdir()
    refused(pypedream("nodes"), "no graph file", "import-dag")


def test_a_graph_file_that_is_no_json(pypedream: Pypedream, tmp_path: Path) -> None:
    (tmp_path / "pipeline_graph").mkdir()
    (tmp_path / "pipeline_graph" / "main.json").write_text("{,}")
    refused(pypedream("create-branch", "a", "test"), "is not JSON")


def test_a_broken_graph_lists_every_fault_on_its_own_line(pypedream: Pypedream, tmp_path: Path) -> None:
    document = graph_document("x", "shop-lake")
    document["links"].append({"source": "load", "target": "nowhere", "metadata": {"data": ["silver"]}})
    del document["nodes"][1]["metadata"]["properties"]["Name"]
    write_graph(tmp_path, document)
    outcome = pypedream("nodes")
    refused(outcome, "faults")
    faults = [line for line in outcome.err.splitlines() if line.startswith("  - ")]
    assert any("nowhere" in fault for fault in faults)
    assert any("Name is missing" in fault for fault in faults)
    assert len(faults) >= 3


@pytest.mark.parametrize("node", ["nowhere", "start", "stop", ""])
def test_a_node_that_cannot_be_branched(pypedream: Pypedream, project: Path, node: str) -> None:
    before = files_below(project)
    outcome = pypedream("create-branch", node, "test", "--script", "own.py")
    refused(outcome, "nodes that can be branched: extract, transform, load")
    assert files_below(project) == before


@pytest.mark.parametrize(
    "name",
    ["main", "start", "stop", "MAIN", "-x", "_x", "Test", "a b", "a/b", "../up", "..", ".", "", "x" * 64, "é", "a\n"],
)
def test_forbidden_branch_names(pypedream: Pypedream, project: Path, name: str) -> None:
    before = files_below(project)
    outcome = pypedream("create-branch", "--script", "own.py", "--", "transform", name)
    refused(outcome, "choose another name")
    assert files_below(project) == before


def test_an_existing_branch(pypedream: Pypedream, project: Path) -> None:
    _create(pypedream)
    before = files_below(project)
    refused(pypedream("create-branch", "load", "test", "--script", "own.py"), "'test' exists already", "delete-branch")
    assert files_below(project) == before


def test_a_branch_whose_name_collides_with_another(pypedream: Pypedream, project: Path) -> None:
    _create(pypedream, "a-b")
    refused(pypedream("create-branch", "load", "a_b", "--script", "own.py"), "collide", "'a-b'")


@pytest.mark.parametrize(
    "command",
    [["plan"], ["deploy-branch"], ["deploy-branch", "--dry-run"], ["trigger-branch"], ["deltas"], ["destroy-branch"]],
)
def test_unknown_branches(pypedream: Pypedream, project: Path, command: list[str]) -> None:
    refused(pypedream(*command, "nope"), "There is no branch 'nope'", "none yet")


def test_deleting_and_plotting_unknown_branches(pypedream: Pypedream, project: Path) -> None:
    _create(pypedream)
    refused(pypedream("delete-branch", "nope"), "There is no branch 'nope'", "branches: test")
    refused(pypedream("plot", "--branch", "nope"), "There is no branch 'nope'")


@pytest.mark.parametrize("command", ["plan", "deploy-branch", "destroy-branch", "delete-branch", "deltas"])
def test_main_is_no_branch(pypedream: Pypedream, project: Path, command: str) -> None:
    before = files_below(project)
    refused(pypedream(command, "main"), "main is production")
    assert files_below(project) == before


def test_main_is_not_triggered_by_its_name_alone(pypedream: Pypedream, project: Path) -> None:
    refused(pypedream("trigger-branch", "main"), "production", "--production")


@pytest.mark.parametrize("command", ["trigger-branch", "deltas"])
def test_before_deploy(pypedream: Pypedream, project: Path, command: str) -> None:
    _create(pypedream)
    before = files_below(project)
    refused(pypedream(command, "test"), "'test' is not deployed", "pypedream deploy-branch test")
    assert files_below(project) == before


def test_no_aws_says_how_to_start_the_embedded_one(pypedream: Pypedream, project: Path) -> None:
    before = files_below(project)
    refused(pypedream("create-branch", "transform", "test"), "No AWS is configured", "pypedream local up")
    assert files_below(project) == before
    _create(pypedream)
    for command in ("deploy-branch", "destroy-branch"):
        refused(pypedream(command, "test"), "No AWS is configured", "pypedream local up")
    refused(pypedream("import-dag", "x", "-o", "new.json"), "No AWS is configured", "pypedream local up")


def test_deltas_before_trigger(pypedream: Pypedream, deployed: Deployed) -> None:
    pypedream("create-branch", "transform", "test")
    pypedream("deploy-branch", "test")
    refused(pypedream("deltas", "test"), "has not run", "pypedream trigger-branch test")
    pypedream("destroy-branch", "test")


def test_triggering_elsewhere_than_it_is_deployed(
    pypedream: Pypedream, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    pypedream("create-branch", "transform", "test")
    pypedream("deploy-branch", "test")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for command in ("trigger-branch", "deploy-branch", "destroy-branch"):
        refused(pypedream(command, "test"), "us-east-1", "eu-west-1", "with")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert pypedream("destroy-branch", "test").code == 0


def test_deleting_while_deployed(pypedream: Pypedream, deployed: Deployed) -> None:
    assert pypedream("create-branch", "transform", "test").code == 0
    assert pypedream("deploy-branch", "test").code == 0
    before = files_below(deployed.folder)
    refused(pypedream("delete-branch", "test"), "still deployed", "pypedream destroy-branch test")
    assert files_below(deployed.folder) == before
    assert pypedream("destroy-branch", "test").code == 0
    assert pypedream("delete-branch", "test").code == 0


def test_a_script_deleted_from_the_branchs_folder(pypedream: Pypedream, deployed: Deployed) -> None:
    pypedream("create-branch", "transform", "test")
    script = deployed.folder / "branches" / "test" / "scripts" / "transform.py"
    script.unlink()
    refused(pypedream("deploy-branch", "test"), "no script for 'transform'", str(script))
    assert not (deployed.folder / "branches" / "test" / "deployment.json").exists()


def test_a_job_that_is_not_deployed(pypedream: Pypedream, deployed: Deployed) -> None:
    boto3.client("glue").delete_job(JobName=f"transform-{deployed.suffix}-main")
    refused(pypedream("create-branch", "transform", "test"), f"'transform-{deployed.suffix}-main'", "not deployed")
    assert not (deployed.folder / "branches").exists()


def test_a_script_that_is_gone_from_production(pypedream: Pypedream, deployed: Deployed) -> None:
    boto3.client("s3").delete_object(Bucket=deployed.bucket, Key="main/scripts/transform.py")
    refused(pypedream("create-branch", "transform", "test"), "cannot be found", "--script")
    assert not (deployed.folder / "branches").exists()


def test_a_call_that_aws_denies(pypedream: Pypedream, deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    iam = boto3.client("iam")
    user = f"nobody-{deployed.suffix}"
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    refused(pypedream("create-branch", "transform", "test"), "Access denied", "glue:GetJob")
    assert not (deployed.folder / "branches").exists()


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "7y", "1.5d", "99999w"])
def test_durations(pypedream: Pypedream, project: Path, text: str) -> None:
    outcome = pypedream("create-branch", "transform", "test", "--script", "own.py", f"--expires={text}")
    assert outcome.code == 2
    assert "is no duration" in outcome.err
    assert not (project / "branches").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere"],
        ["nodes", "--nope"],
        ["create-branch", "transform"],
        ["plot", "--format", "gif"],
        ["deploy-branch", "test", "--json"],
        ["create-branch", "transform", "test", "--script", "missing.py"],
        ["create-branch", "transform", "test", "--also", "load", "--script", "own.py"],
    ],
)
def test_usage_errors(pypedream: Pypedream, project: Path, arguments: list[str]) -> None:
    before = files_below(project)
    outcome = pypedream(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Error: " in outcome.err
    assert files_below(project) == before


def test_a_broken_branch_is_named_and_hides_no_other(pypedream: Pypedream, project: Path) -> None:
    _create(pypedream, "good")
    _create(pypedream, "bad")
    (project / "branches" / "bad" / "branch.json").write_text("{")
    outcome = pypedream("branches", "--json")
    states = {branch["branch"]: branch["state"] for branch in outcome.document["branches"]}
    assert states == {"good": "created", "bad": "broken"}
    refused(pypedream("plan", "bad"), "branch.json is broken")


def test_a_broken_deployment_record(pypedream: Pypedream, project: Path) -> None:
    _create(pypedream)
    (project / "branches" / "test" / "deployment.json").write_text(json.dumps({"version": 9}))
    refused(pypedream("delete-branch", "test"), "deployment.json is broken")


@pytest.mark.parametrize("how", ["lost", "broken"])
def test_deleting_a_deployed_branch_whose_record_is_unusable(
    pypedream: Pypedream, deployed: Deployed, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    pypedream("create-branch", "transform", "test")
    pypedream("deploy-branch", "test")
    record = deployed.folder / "branches" / "test" / "deployment.json"
    record.unlink() if how == "lost" else record.write_text("{")
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        refused(pypedream("delete-branch", "test"), "AWS cannot be asked", "deployment.json")
    refused(pypedream("delete-branch", "test"), "still deployed", "pypedream destroy-branch test")
    assert json.loads(record.read_text())["resources"]  # rebuilt, to destroy by
    assert pypedream("destroy-branch", "test").code == 0
    assert pypedream("delete-branch", "test").code == 0


def test_a_lost_record_does_not_follow_other_credentials(
    pypedream: Pypedream, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    pypedream("create-branch", "transform", "test")
    pypedream("deploy-branch", "test")
    (deployed.folder / "branches" / "test" / "deployment.json").unlink()
    with monkeypatch.context() as patch:
        patch.setenv("AWS_REGION", "eu-west-1")
        for command in ("delete-branch", "destroy-branch", "trigger-branch", "deploy-branch"):
            refused(pypedream(command, "test"), "us-east-1", "eu-west-1")
    assert pypedream("destroy-branch", "test").code == 0


def test_branches_rebuilds_a_broken_record(pypedream: Pypedream, deployed: Deployed) -> None:
    pypedream("create-branch", "transform", "test")
    pypedream("deploy-branch", "test")
    (deployed.folder / "branches" / "test" / "deployment.json").write_text("")
    outcome = pypedream("branches", "--json")
    assert [branch["state"] for branch in outcome.document["branches"]] == ["deployed"]
    assert "rebuilt from the branch's tags" in outcome.err
    assert pypedream("destroy-branch", "test").code == 0
