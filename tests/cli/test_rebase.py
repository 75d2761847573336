"""Drift and rebase through the command line, against production on the embedded AWS."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import boto3
import pytest

from pypedream_dagster.aws.session import connect
from pypedream_dagster.branch.rebase import plan_rebase, rederive
from pypedream_dagster.branch.staging import stage
from pypedream_dagster.branch.store import BranchStore, main_on_disk
from pypedream_dagster.deploy.production import Production
from pypedream_dagster.settings import load_settings
from tests.deploy.production import SCRIPT

from .conftest import Deployed, Outcome, Pypedream, files_below, write_graph

EDIT = ('text = "raw"', 'text = "edited"')


def well(outcome: Outcome, code: int = 0) -> Outcome:
    assert outcome.code == code, outcome
    return outcome


class Case:
    """A branch at transform with an edited script, and ways to move production under it."""

    def __init__(self, pypedream: Pypedream, deployed: Deployed) -> None:
        self.run, self.deployed = pypedream, deployed
        well(pypedream("create-branch", "transform", "test"))
        self.folder = deployed.folder / "branches" / "test"
        self.script = self.folder / "scripts" / "transform.py"
        self.edited = SCRIPT.replace(*EDIT)
        self.script.write_text(self.edited)

    def publish(self, body: str | bytes, node: str = "transform") -> None:
        data = body.encode() if isinstance(body, str) else body
        boto3.client("s3").put_object(Bucket=self.deployed.bucket, Key=f"main/scripts/{node}.py", Body=data)

    def change_job(self, node: str, **fields: Any) -> None:
        glue, name = boto3.client("glue"), f"{node}-{self.deployed.suffix}-main"
        job: Any = glue.get_job(JobName=name)["Job"]
        kept = {key: job[key] for key in ("Role", "Command", "DefaultArguments", "GlueVersion", "ExecutionProperty")}
        glue.update_job(JobName=name, JobUpdate=kept | {"MaxCapacity": job["MaxCapacity"]} | fields)

    def graph(self) -> Any:
        return json.loads((self.deployed.folder / "pipeline_graph" / "main.json").read_text())

    def write_graph(self, document: Any) -> None:
        write_graph(self.deployed.folder, document)

    def drift(self) -> Any:
        return well(self.run("plan", "test", "--json")).document["drift"]


@pytest.fixture
def case(pypedream: Pypedream, deployed: Deployed) -> Case:
    return Case(pypedream, deployed)


def _production_changed() -> str:
    return SCRIPT.replace("time.sleep(", "time.sleep(0 * ")


def test_nothing_has_drifted(case: Case) -> None:
    before = files_below(case.deployed.folder)
    assert case.drift() == {"kinds": [], "was_asked": True, "graph": None, "jobs": [], "scripts": []}
    assert "Main has changed" not in case.run("plan", "test").out
    assert case.run("branches", "--remote").out.splitlines()[2].split()[-1] == "unchanged"
    assert "up to date" in well(case.run("rebase", "test")).out
    assert files_below(case.deployed.folder) == before


def test_drift_is_told_field_by_field_and_line_by_line(case: Case) -> None:
    case.publish(_production_changed())
    case.publish(SCRIPT + "print('load')\n", "load")
    case.change_job("load", Timeout=77, DefaultArguments={"--DB_PASSWORD": "hunter2"})
    drift = case.drift()
    assert drift["kinds"] == ["job", "script"]
    changes = {change["field"]: (change["before"], change["after"]) for change in drift["jobs"][0]["changes"]}
    assert changes["Timeout"][1] == "77"
    assert changes["DefaultArguments.--DB_PASSWORD"][1] == '"***"'
    scripts = {script["node"]: script for script in drift["scripts"]}
    assert "+time.sleep(0 * " in "\n".join(scripts["transform"]["diff"])
    assert (scripts["load"]["is_origin"], scripts["load"]["diff"]) == (False, [])
    shown = well(case.run("plan", "test")).out
    assert "production's is not the one that the branch's was made from" in shown
    assert "load: production's has changed; the branch runs the new one" in shown
    assert "hunter2" not in shown
    offline, remote = (case.run("branches", *options).out.splitlines()[2] for options in ((), ("--remote",)))
    assert offline.endswith("graph unchanged")
    assert remote.endswith("job, script")
    assert not any(b"hunter2" in body for body in files_below(case.folder).values())


def test_drift_of_the_graph_and_what_of_it_matters(case: Case) -> None:
    document = case.graph()
    document["nodes"][1]["metadata"]["properties"]["Timeout"] = 99  # extract is not affected
    case.write_graph(document)
    graph = case.drift()["graph"]
    assert [change["field"] for change in graph["changes"]] == ["node extract.metadata.properties.Timeout"]
    assert graph["effects"] == []
    assert case.run("branches").out.splitlines()[2].endswith("graph, elsewhere")
    document["nodes"][3]["metadata"]["output_data"]["gold"] = "s3://other-lake/{branch-name}/gold/"
    case.write_graph(document)
    effects = case.drift()["graph"]["effects"]
    assert any("load's output gold has changed" in effect and "other-lake" in effect for effect in effects)
    assert "the branch may write s3://other-lake/test/, and might not" in effects
    assert case.run("branches").out.splitlines()[2].endswith("graph")


def test_a_rebase_keeps_the_edits_and_is_done_once(case: Case) -> None:
    case.publish(_production_changed())
    before = files_below(case.deployed.folder)
    dry = well(case.run("rebase", "test", "--dry-run"))
    assert "merged, the branch's edits kept" in dry.out
    assert files_below(case.deployed.folder) == before
    assert "edits kept" in well(case.run("rebase", "test")).out
    assert case.script.read_text() == _production_changed().replace(*EDIT)
    assert (case.folder / "base" / "scripts" / "transform.py").read_text() == _production_changed()
    assert json.loads((case.folder / "branch.json").read_text())["rebased_at"]
    after = files_below(case.deployed.folder)
    assert "up to date" in well(case.run("rebase", "test")).out
    assert files_below(case.deployed.folder) == after
    assert case.drift()["kinds"] == []


def test_a_script_that_is_no_utf8_and_has_windows_line_ends(case: Case) -> None:
    """Production's editor has rewritten every line's end: that is one change, and the branch's edit is another."""
    windows = (
        _production_changed().encode().replace(b"\n", b"\r\n").replace(b"import boto3", b"import boto3  # caf\xe9")
    )
    case.publish(windows)
    assert "caf\\xe9" in case.run("plan", "test", "--diff").out
    well(case.run("rebase", "test"))
    assert case.script.read_bytes() == windows.replace(EDIT[0].encode(), EDIT[1].encode())


def _conflicting(case: Case) -> None:
    case.publish(SCRIPT.replace(EDIT[0], 'text = "theirs"'))


def test_a_conflict_stops_and_changes_nothing_until_it_is_resolved(case: Case) -> None:
    _conflicting(case)
    before = files_below(case.deployed.folder)
    assert "1 conflict" in well(case.run("rebase", "test", "--dry-run"), code=1).out
    stopped = well(case.run("rebase", "test"), code=2)
    merged = case.folder / "rebase" / "scripts" / "transform.py"
    assert "branches/test/rebase/scripts/transform.py (1 place)" in stopped.error
    assert "--continue" in stopped.error
    assert b'<<<<<<< branch\ntext = "edited"\n=======\ntext = "theirs"\n>>>>>>> production\n' in merged.read_bytes()
    kept = {name: body for name, body in files_below(case.deployed.folder).items() if "/rebase/" not in name}
    assert kept == before
    for command in (("deploy-branch", "test"), ("rebase", "test")):
        assert "rebase" in well(case.run(*command), code=2).error
    assert "still has conflict markers" in well(case.run("rebase", "test", "--continue"), code=2).error
    merged.write_text(SCRIPT.replace(EDIT[0], 'text = "both"'))
    record = case.folder / "branch.json"
    record.write_text(record.read_text().replace('"ann"', '"bob"'))  # what else is noted meanwhile stays
    well(case.run("rebase", "test", "--continue"))
    assert json.loads(record.read_text())["owner"] == "bob"
    assert 'text = "both"' in case.script.read_text()
    assert not (case.folder / "rebase").exists()
    assert case.drift()["kinds"] == []
    assert "No rebase" in well(case.run("rebase", "test", "--continue"), code=2).error


def test_an_aborted_rebase_leaves_the_branch_as_it_was(case: Case) -> None:
    _conflicting(case)
    before = files_below(case.deployed.folder)
    well(case.run("rebase", "test"), code=2)
    well(case.run("rebase", "test", "--abort"))
    assert files_below(case.deployed.folder) == before


def test_an_edit_during_a_conflict_is_not_overwritten(case: Case) -> None:
    _conflicting(case)
    well(case.run("rebase", "test"), code=2)
    (case.folder / "rebase" / "scripts" / "transform.py").write_text("resolved = True\n")
    case.script.write_text(case.edited + "more = 1\n")
    assert "was edited while the rebase was under way" in well(case.run("rebase", "test", "--continue"), code=2).error
    assert case.script.read_text() == case.edited + "more = 1\n"


def test_markers_left_in_a_script_are_not_deployed(case: Case) -> None:
    case.script.write_text("<<<<<<< branch\na = 1\n=======\na = 2\n>>>>>>> production\n")
    assert "conflict markers" in well(case.run("deploy-branch", "test"), code=2).error
    assert not (case.folder / "deployment.json").exists()


def test_a_script_that_was_brought_is_not_taken_for_productions(
    pypedream: Pypedream, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made offline from a file of one's own, a branch does not lose it to a merge that thinks it was production's."""
    (deployed.folder / "own.py").write_text(SCRIPT.replace(*EDIT))
    with monkeypatch.context() as offline:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
            offline.delenv(name)
        offline.setenv("AWS_EC2_METADATA_DISABLED", "true")
        assert "is not kept" in well(pypedream("create-branch", "transform", "test", "--script", "own.py")).err
    assert "transform" in well(pypedream("plan", "test", "--json")).document["drift"]["scripts"][0]["node"]
    stopped = well(pypedream("rebase", "test"), code=2)
    assert "(1 place)" in stopped.error
    # With AWS at hand, production's is the base, and the file an edit of it.
    well(pypedream("create-branch", "transform", "online", "--script", "own.py"))
    boto3.client("s3").put_object(
        Bucket=deployed.bucket, Key="main/scripts/transform.py", Body=_production_changed().encode()
    )
    well(pypedream("rebase", "online"))
    merged = (deployed.folder / "branches" / "online" / "scripts" / "transform.py").read_text()
    assert merged == _production_changed().replace(*EDIT)


def test_a_branch_of_before_there_was_a_base(case: Case) -> None:
    shutil.rmtree(case.folder / "base")
    case.write_graph(case.graph() | {"graph": {"metadata": {"name": "renamed"}}})
    drift = case.drift()
    assert (drift["kinds"], drift["graph"]["is_known"]) == (["graph"], False)
    assert "is not kept for this branch" in case.run("plan", "test").out
    well(case.run("rebase", "test"))
    assert case.script.read_text() == case.edited
    assert case.drift()["kinds"] == []


@pytest.mark.parametrize("how", ["gone", "no-glue", "into-main", "job-gone", "script-gone", "broken"])
def test_what_cannot_be_rebased_is_refused_and_left_alone(case: Case, how: str) -> None:
    document = case.graph()
    expected = {
        "gone": "There is no node 'transform'",
        "no-glue": "'transform' cannot be branched",
        "into-main": "Branch 'test' may not be",
        "job-gone": "is not deployed any more",
        "script-gone": "cannot be found or read",
        "broken": "is not JSON",
    }[how]
    match how:
        case "gone":
            text = json.dumps(document).replace('"transform"', '"reshape"')
            document = json.loads(text)
        case "no-glue":
            document["nodes"][2]["metadata"] |= {"operation": "lambda"}
        case "into-main":
            document["nodes"][1]["metadata"]["output_data"]["bronze"] = (
                f"s3://{case.deployed.bucket}/{{branch-name}}/b/"
            )
            document["nodes"][1]["metadata"]["properties"]["DefaultArguments"] = {
                "--OTHER": f"s3://{case.deployed.bucket}/test/data/silver/"
            }
        case "job-gone":
            boto3.client("glue").delete_job(JobName=f"transform-{case.deployed.suffix}-main")
        case "script-gone":
            boto3.client("s3").delete_object(Bucket=case.deployed.bucket, Key="main/scripts/transform.py")
    case.write_graph(document)
    if how == "broken":
        (case.deployed.folder / "pipeline_graph" / "main.json").write_text("{")
    before = files_below(case.deployed.folder)
    assert expected in well(case.run("rebase", "test"), code=2).error
    assert files_below(case.deployed.folder) == before
    well(case.run("plan", "test"))  # and the plan says it, too


@pytest.mark.slow
def test_a_deployed_branch_is_brought_up_to_date_by_the_next_deployment(case: Case) -> None:
    well(case.run("deploy-branch", "test"))
    s3, bucket = boto3.client("s3"), case.deployed.bucket
    document = case.graph()
    other = f"{bucket}-other"
    s3.create_bucket(Bucket=other)
    document["nodes"][3]["metadata"]["output_data"]["gold"] = f"s3://{other}/{{branch-name}}/gold/"
    case.write_graph(document)
    well(case.run("rebase", "test"))
    assert "deploy-branch" in well(case.run("trigger-branch", "test"), code=2).error
    assert "create claim on" in well(case.run("deploy-branch", "test")).err
    s3.put_object(Bucket=other, Key="test/gold/part", Body=b"x")
    # Back again: what vanished from the graph is cleaned up, and only that.
    document["nodes"][3]["metadata"]["output_data"]["gold"] = f"s3://{bucket}/{{branch-name}}/data/gold/"
    case.write_graph(document)
    well(case.run("rebase", "test"))
    assert f"delete all data below s3://{other}/test/" in well(case.run("deploy-branch", "test")).err
    assert s3.list_objects_v2(Bucket=other)["KeyCount"] == 0
    # Rebased and not deployed, it is destroyed as it was deployed.
    document["nodes"][3]["metadata"]["output_data"]["gold"] = f"s3://{other}/{{branch-name}}/gold/"
    case.write_graph(document)
    well(case.run("rebase", "test"))
    assert "nothing is left" in well(case.run("destroy-branch", "test")).out
    left = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert not [key for key in left if not key.startswith("main/")]


@pytest.mark.slow
def test_prefixes_that_part_while_deployed_are_refused(case: Case) -> None:
    """The old root holds the new prefixes, and main's data: it could be neither kept nor deleted."""
    well(case.run("deploy-branch", "test"))
    document, old = case.graph(), case.graph()
    # main reads below the branch's root now: the root is not the branch's alone any more
    document["nodes"][1]["metadata"]["properties"]["DefaultArguments"] = {
        "--LOOKUP": f"s3://{case.deployed.bucket}/test/lookup/"
    }
    case.write_graph(document)
    before = files_below(case.deployed.folder)
    refused = well(case.run("rebase", "test"), code=2).error
    assert "today's main uses" in refused
    assert "put the main graph of before back, 'pypedream destroy-branch test'" in refused
    assert files_below(case.deployed.folder) == before
    case.write_graph(old)
    well(case.run("destroy-branch", "test"))
    case.write_graph(document)
    well(case.run("rebase", "test"))
    well(case.run("deploy-branch", "test"))
    well(case.run("destroy-branch", "test"))


@pytest.mark.slow
def test_a_rebase_that_breaks_off_anywhere_is_completed_by_the_next(
    case: Case, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Killed after any of the files that it replaces, the branch comes to the same, and is not deployed meanwhile."""
    case.publish(_production_changed())
    document = case.graph()
    document["nodes"][3]["metadata"]["properties"]["Timeout"] = 99
    case.write_graph(document)
    store = BranchStore(case.folder.parent)
    record = store.branch("test")
    graph_path = case.deployed.folder / "pipeline_graph" / "main.json"
    aws = connect(load_settings(os.environ, cwd=case.deployed.folder))
    now = Production(aws).now(rederive(record, main_on_disk(graph_path)), graph_path)
    ours = {"transform": case.script.read_bytes()}
    rebase = plan_rebase(record, store.graph("test"), ours, store.baseline("test"), now, at=record.created_at)
    assert rebase is not None
    stage(store, "test", rebase)
    staged_folder = tmp_path_factory.mktemp("staged") / "test"
    shutil.copytree(case.folder, staged_folder)
    well(case.run("rebase", "test"))
    whole = files_below(case.folder)
    changed = sorted(name for name, body in whole.items() if files_below(staged_folder).get(name) != body)
    base = ["base/main.json", "base/scripts/transform.py", "base/jobs.json"]
    order = ["scripts/transform.py", *base, "graph.json", "branch.json"]
    assert sorted(order) == changed
    for done in range(len(order) + 1):
        shutil.rmtree(case.folder)
        shutil.copytree(staged_folder, case.folder)
        for name in order[:done]:
            (case.folder / name).write_bytes(whole[name])
        assert "middle of a rebase" in well(case.run("deploy-branch", "test"), code=2).error
        assert "cannot be taken back" in well(case.run("rebase", "test", "--abort"), code=2).error
        assert "completed" in well(case.run("rebase", "test")).err
        assert files_below(case.folder) == whole


def test_an_edit_after_a_rebase_broke_off_is_not_overwritten(case: Case) -> None:
    _conflicting(case)
    well(case.run("rebase", "test"), code=2)
    state = case.folder / "rebase" / "state.json"
    state.write_text(state.read_text().replace('"is_ready": false', '"is_ready": true'))
    case.script.write_text(case.edited + "more = 1\n")
    assert "was edited after a rebase had broken off" in well(case.run("rebase", "test"), code=2).error
    assert case.script.read_text() == case.edited + "more = 1\n"
