"""Hazards in ``plan`` and ``deploy-branch``: shown with place and remedy, severe ones stop until acknowledged."""

from __future__ import annotations

import json
import re
import shlex
from datetime import datetime
from typing import Any

import boto3
import pytest

from tests.deploy.production import SCRIPT

from .conftest import Deployed, Pypedream

HOOK = "\nimport requests\nrequests.post('https://hooks.example.com/done?token=abc', json={})\n"


@pytest.fixture
def hazardous(deployed: Deployed, pypedream: Pypedream) -> Deployed:
    """A branch at transform, whose script calls a web hook, before a load that reads main by a literal."""
    literal = f"\nimport awswrangler as wr\nwr.s3.read_parquet('s3://{deployed.bucket}/main/data/silver/')\n"
    boto3.client("s3").put_object(Bucket=deployed.bucket, Key="main/scripts/load.py", Body=(SCRIPT + literal).encode())
    assert pypedream("create-branch", "transform", "test").code == 0
    script = deployed.folder / "branches" / "test" / "scripts" / "transform.py"
    script.write_text(SCRIPT + HOOK)
    return deployed


def severe(document: Any) -> dict[str, Any]:
    return {hazard["kind"]: hazard for hazard in document["hazards"] if hazard["severity"] == "severe"}


def test_a_plan_shows_each_with_its_place_and_what_to_do(hazardous: Deployed, pypedream: Pypedream) -> None:
    document = pypedream("plan", "test", "--json").document
    hook, literal = severe(document)["http-write"], severe(document)["main-read"]
    lines = (SCRIPT + HOOK).splitlines()
    assert (hook["file"], hook["node"]) == ("branches/test/scripts/transform.py", "transform")
    assert lines[hook["line"] - 1].startswith("requests.post")
    assert "abc" not in json.dumps(hook)
    assert (literal["file"], literal["node"]) == (f"s3://{hazardous.bucket}/main/scripts/load.py", "load")
    assert all(hazard["why"] and hazard["do"] and not hazard["acknowledged"] for hazard in document["hazards"])
    order = [hazard["severity"] for hazard in document["hazards"]]
    assert order == sorted(order, key=["severe", "warning", "info"].index)
    text = pypedream("plan", "test").out
    assert f"branches/test/scripts/transform.py:{hook['line']}  [{hook['id']}]" in text


def test_deploy_stops_until_each_severe_hazard_is_acknowledged(hazardous: Deployed, pypedream: Pypedream) -> None:
    refused = pypedream("deploy-branch", "test")
    assert refused.code == 2
    ids = {hazard["id"] for hazard in severe(pypedream("plan", "test", "--json").document).values()}
    assert len(ids) == 2
    assert all(f"[{name}]" in refused.error for name in ids)
    assert not list((hazardous.folder / "branches" / "test").glob("deployment.json"))
    assert boto3.client("s3").list_objects_v2(Bucket=hazardous.bucket, Prefix="test/")["KeyCount"] == 0

    command = re.search(r"pypedream (deploy-branch .*)\)", refused.error)
    assert command is not None
    assert pypedream("deploy-branch", "test", "--acknowledge", sorted(ids)[0]).code == 2  # one is left
    assert pypedream(*shlex.split(command[1])).code == 0  # the very command that the error gives
    record = json.loads((hazardous.folder / "branches" / "test" / "branch.json").read_text())
    assert {(item["id"], item["by"]) for item in record["acknowledged"]} == {(name, "ann") for name in ids}
    assert all(datetime.fromisoformat(item["at"]).tzinfo and item["what"] for item in record["acknowledged"])
    assert pypedream("deploy-branch", "test").code == 0
    assert all(h["acknowledged"] for h in severe(pypedream("plan", "test", "--json").document).values())


@pytest.mark.slow
def test_an_acknowledgement_holds_for_its_code_alone(hazardous: Deployed, pypedream: Pypedream) -> None:
    ids = [hazard["id"] for hazard in severe(pypedream("plan", "test", "--json").document).values()]
    assert pypedream("deploy-branch", "test", *(word for name in ids for word in ("--acknowledge", name))).code == 0
    script = hazardous.folder / "branches" / "test" / "scripts" / "transform.py"
    script.write_text("# moved down\n\n" + SCRIPT + HOOK)
    assert pypedream("deploy-branch", "test").code == 0
    script.write_text(SCRIPT + HOOK.replace("/done", "/other"))
    assert "http-write:transform:" in pypedream("deploy-branch", "test").error


def test_an_unknown_id_is_refused_and_recorded_nowhere(hazardous: Deployed, pypedream: Pypedream) -> None:
    before = (hazardous.folder / "branches" / "test" / "branch.json").read_bytes()
    refused = pypedream("deploy-branch", "test", "--acknowledge", "http-write:transform:00000000")
    assert "no severe hazard http-write:transform:00000000" in refused.error
    assert (hazardous.folder / "branches" / "test" / "branch.json").read_bytes() == before


@pytest.mark.slow
def test_a_dry_run_shows_them_and_is_not_refused(hazardous: Deployed, pypedream: Pypedream) -> None:
    shown = pypedream("deploy-branch", "test", "--dry-run")
    assert shown.code == 0
    assert "severe   transform: writes https://hooks.example.com/done through requests" in shown.out
    document = pypedream("deploy-branch", "test", "--dry-run", "--json").document
    assert set(severe(document)) == {"http-write", "main-read"}


@pytest.mark.slow
def test_triggers_connections_and_scripts_that_cannot_be_had(deployed: Deployed, pypedream: Pypedream) -> None:
    glue, load = boto3.client("glue"), f"load-{deployed.suffix}-main"
    glue.create_connection(
        ConnectionInput={
            "Name": f"dw-{deployed.suffix}",
            "ConnectionType": "JDBC",
            "ConnectionProperties": {"JDBC_CONNECTION_URL": "jdbc:x://h/d", "USERNAME": "u", "PASSWORD": "hunter2"},
        }
    )
    glue.create_trigger(
        Name=f"nightly-{deployed.suffix}", Type="SCHEDULED", Schedule="cron(0 1 * * ? *)", Actions=[{"JobName": load}]
    )
    job = glue.get_job(JobName=load)["Job"]
    update = {key: job[key] for key in ("Role", "Command", "DefaultArguments", "GlueVersion", "MaxCapacity")}
    library = f"s3://{deployed.bucket}/main/lib/"
    update["DefaultArguments"]["--extra-py-files"] = f"{library}mail.py,{library}other.whl"
    glue.update_job(
        JobName=load,
        JobUpdate={**update, "Connections": {"Connections": [f"dw-{deployed.suffix}", "gone"]}},  # type: ignore[typeddict-item]
    )
    s3 = boto3.client("s3")
    s3.delete_object(Bucket=deployed.bucket, Key="main/scripts/load.py")
    s3.put_object(Bucket=deployed.bucket, Key="main/lib/mail.py", Body=b"import smtplib\nsmtplib.SMTP('h')\n")
    assert pypedream("create-branch", "transform", "test").code == 0
    outcome = pypedream("plan", "test", "--json")
    found = {(h["kind"], h["severity"]): h["what"] for h in outcome.document["hazards"] if h["node"] == "load"}
    assert f"dw-{deployed.suffix}" in found["connection", "warning"]
    assert "gone does not exist" in found["not-looked-up", "info"]
    assert f"nightly-{deployed.suffix} (cron(0 1 * * ? *)) starts {load}" in found["schedule", "info"]
    assert "not there" in found["unreadable-script", "severe"]
    assert ("busy-job", "warning") in found
    assert found["other-code", "warning"].endswith(f"--extra-py-files {library}other.whl")
    assert found["mail", "severe"] == "writes smtplib.SMTP h through smtplib"
    assert "hunter2" not in outcome.out


def test_without_aws_the_own_script_is_scanned(pypedream: Pypedream, project: Any) -> None:
    (project / "own.py").write_text("import requests\nrequests.post('https://x/')\n")
    assert pypedream("create-branch", "transform", "test", "--script", "own.py").code == 0
    outcome = pypedream("plan", "test", "--json")
    assert "Production's jobs are not scanned" in outcome.err
    assert severe(outcome.document)["http-write"]["line"] == 2
    assert any(hazard["kind"] == "not-looked-up" for hazard in outcome.document["hazards"])


@pytest.mark.slow
def test_seeding_from_the_command_line(deployed: Deployed, pypedream: Pypedream) -> None:
    path = deployed.folder / "pipeline_graph" / "main.json"
    graph = json.loads(path.read_text())
    load = next(node for node in graph["nodes"] if node["id"] == "load")
    load["metadata"]["output_data"]["gold"] = {"uri": load["metadata"]["output_data"]["gold"], "write_mode": "append"}
    path.write_text(json.dumps(graph))
    s3 = boto3.client("s3")
    s3.put_object(Bucket=deployed.bucket, Key="main/data/gold/part.txt", Body=b"rows")
    assert pypedream("create-branch", "transform", "test").code == 0
    assert "--seed" in pypedream("deploy-branch", "test").error
    (row,) = pypedream("plan", "test", "--json").document["seeds"]
    assert (row["node"], row["dataset"], row["objects"], row["bytes"], row["seeded"]) == ("load", "gold", 1, 4, False)
    assert (
        "load.gold  1 object, 4 bytes; not copied: deploy-branch test --seed load.gold" in pypedream("plan", "test").out
    )
    assert "copy main's load.gold" in pypedream("deploy-branch", "test", "--seed", "--dry-run").out
    assert s3.list_objects_v2(Bucket=deployed.bucket, Prefix="test/")["KeyCount"] == 0
    assert pypedream("deploy-branch", "test", "--seed").code == 0
    assert s3.get_object(Bucket=deployed.bucket, Key="test/data/gold/part.txt")["Body"].read() == b"rows"
    assert pypedream("plan", "test", "--json").document["seeds"][0]["seeded"] is True
    assert pypedream("deploy-branch", "test").code == 0  # what was seeded once stays so
    assert pypedream("destroy-branch", "test").code == 0
    assert s3.list_objects_v2(Bucket=deployed.bucket, Prefix="test/")["KeyCount"] == 0
    assert s3.get_object(Bucket=deployed.bucket, Key="main/data/gold/part.txt")["Body"].read() == b"rows"


@pytest.mark.slow
def test_what_only_the_script_shows_is_seeded_too(deployed: Deployed, pypedream: Pypedream) -> None:
    append = "\nimport awswrangler as wr\nwr.s3.to_parquet(df, arguments['--GOLD_DATA_SINK'], dataset=True)\n"
    boto3.client("s3").put_object(Bucket=deployed.bucket, Key="main/scripts/load.py", Body=(SCRIPT + append).encode())
    assert pypedream("create-branch", "transform", "test").code == 0
    refused = pypedream("deploy-branch", "test")
    assert "append-output:load:" in refused.error
    assert pypedream("deploy-branch", "test", "--seed").code == 0
    document = pypedream("plan", "test", "--json").document
    assert not severe(document)
    assert [row["seeded"] for row in document["seeds"]] == [True]
