"""A pipeline whose scripts hold their places as literals: refused, rewritten, deployed, run; main stays as it is."""

from __future__ import annotations

import json
import os
import pty
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from .conftest import Deployed, Pypedream, files_below

TRANSFORM = """\
import boto3

BUCKET = "{bucket}"
s3 = boto3.client("s3")


def main():
    text = s3.get_object(Bucket=BUCKET, Key="main/data/bronze/part.txt")["Body"].read()
    s3.put_object(Bucket=BUCKET, Key="main/data/silver/part.txt", Body=text + b">silver")  # to main


main()
"""
LOAD = """\
import boto3

s3 = boto3.client("s3")
text = s3.get_object(Bucket="{bucket}", Key="main/data/silver/part.txt")["Body"].read()
s3.put_object(Bucket="{bucket}", Key="main/data/gold/part.txt", Body=text + b">gold")
"""


@pytest.fixture
def literal(deployed: Deployed) -> Deployed:
    """Production with literals in the scripts of transform and load, and what an import says of them."""
    s3, bucket = boto3.client("s3"), deployed.bucket
    for name, script in (("transform", TRANSFORM), ("load", LOAD)):
        s3.put_object(Bucket=bucket, Key=f"main/scripts/{name}.py", Body=script.format(bucket=bucket).encode())
    for name in ("bronze", "silver", "gold"):
        s3.put_object(Bucket=bucket, Key=f"main/data/{name}/part.txt", Body=f"main's {name}".encode())
    _explain(deployed.folder, transform=_write(bucket, "silver", 9), load=_write(bucket, "gold", 5))
    return deployed


def _write(bucket: str, dataset: str, line: int) -> dict[str, Any]:
    what = f"s3://{bucket}/main/data/{dataset}/"
    return {"what": what, "at": f"script.py:{line}", "why": "no argument moves it", "dataset": dataset}


def _explain(folder: Path, **writes: dict[str, Any]) -> None:
    path = folder / "pipeline_graph" / "main.json"
    document = json.loads(path.read_text())
    for node in document["nodes"]:
        if node["id"] in writes:
            node["metadata"]["unexplained_writes"] = [writes[node["id"]]]
            arguments = node["metadata"]["properties"]["DefaultArguments"]
            node["metadata"]["properties"]["DefaultArguments"] = {
                key: value for key, value in arguments.items() if "_DATA_" not in key
            }
    path.write_text(json.dumps(document))


def _unexplained(folder: Path, branch: str = "test") -> dict[str, list[Any]]:
    document = json.loads((folder / "branches" / branch / "graph.json").read_text())
    return {node["id"]: node["metadata"]["unexplained_writes"] for node in document["nodes"]}


def _objects(bucket: str, prefix: str) -> dict[str, bytes]:
    s3 = boto3.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {item["Key"]: s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in listed}


def test_a_branch_whose_writes_are_unexplained_is_not_deployed(literal: Deployed, pypedream: Pypedream) -> None:
    assert pypedream("create-branch", "transform", "test").code == 0
    refused = pypedream("deploy-branch", "test")
    assert refused.code == 2
    assert (
        f"transform (script.py:9) writes s3://{literal.bucket}/main/data/silver/: no argument moves it" in refused.error
    )
    assert "load (script.py:5) writes" in refused.error
    assert "--SILVER_DATA_SINK" in refused.error
    assert "--rewrite-literals" in refused.error
    assert "--also load" in refused.error
    assert not _objects(literal.bucket, "test")
    hazards = pypedream("plan", "test", "--json").document["hazards"]
    told = [hazard for hazard in hazards if hazard["kind"] == "unexplained-write"]
    assert [hazard["node"] for hazard in told] == ["transform", "load"]
    # The scan sees the same writes, and says nothing more about them.
    assert not [hazard for hazard in hazards if hazard["kind"] == "outside-write"]
    acknowledged = pypedream("deploy-branch", "test", "--acknowledge", told[0]["id"])
    assert acknowledged.code == 2


def test_an_edit_settles_an_origins_writes(literal: Deployed, pypedream: Pypedream) -> None:
    assert pypedream("create-branch", "load", "test").code == 0
    assert pypedream("deploy-branch", "test").code == 2
    script = literal.folder / "branches" / "test" / "scripts" / "load.py"
    written = script.read_text().replace(
        f'put_object(Bucket="{literal.bucket}", Key="main/data/gold/part.txt"',
        'put_object(Bucket=sys.argv[sys.argv.index("--GOLD_DATA_SINK") + 1].split("/")[2], '
        'Key=sys.argv[sys.argv.index("--GOLD_DATA_SINK") + 1].split("/", 3)[3] + "part.txt"',
    )
    script.write_text(f"import sys\n{written}")
    deployed = pypedream("deploy-branch", "test")
    assert deployed.code == 0, deployed.err


def test_without_a_terminal_the_diff_is_shown_and_nothing_made(literal: Deployed, pypedream: Pypedream) -> None:
    before = files_below(literal.folder)
    shown = pypedream("create-branch", "transform", "test", "--rewrite-literals")
    assert shown.code == 2
    assert '-    s3.put_object(Bucket=BUCKET, Key="main/data/silver/part.txt"' in shown.out
    assert "+    s3.put_object(Bucket=silver_data_sink_bucket, Key=silver_data_sink_key" in shown.out
    assert "--yes" in shown.err
    assert files_below(literal.folder) == before


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A terminal, and what types at it."""
    keyboard, terminal = pty.openpty()
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield lambda text: (os.write(keyboard, text.encode()), None)[1]
    os.close(keyboard)


@pytest.mark.parametrize(
    ("text", "code"), [("y\n", 0), ("Yes\n", 0), ("what?\ny\n", 0), ("n\n", 2), ("\n", 2), ("\x04", 130)]
)
def test_at_a_terminal_the_diff_is_applied_if_it_is_agreed_to(
    literal: Deployed, pypedream: Pypedream, typed: Callable[[str], None], text: str, code: int
) -> None:
    before = files_below(literal.folder)
    typed(text)
    asked = pypedream("create-branch", "transform", "test", "--rewrite-literals")
    assert (asked.code, asked.err) == (code, asked.err)
    assert "+    s3.put_object(Bucket=silver_data_sink_bucket, Key=silver_data_sink_key" in asked.out
    assert "Create branch 'test' with this script? [y/N]" in asked.err
    if code == 0:
        script = (literal.folder / "branches" / "test" / "scripts" / "transform.py").read_text()
        assert "s3.put_object(Bucket=silver_data_sink_bucket" in script
    else:
        assert files_below(literal.folder) == before
        assert code == 130 or "Branch 'test' is not created" in asked.err


COMPOSED = """\
import sys

import boto3
from awsglue.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["LAKE"])
lake = args["LAKE"]
s3 = boto3.client("s3")
text = s3.get_object(Bucket=lake, Key="main/data/silver/part.txt")["Body"].read()
s3.put_object(Bucket=lake, Key="main/data/gold/part.txt", Body=text + b">gold")
"""


@pytest.mark.slow
def test_places_of_a_bucket_that_an_argument_names_are_rewritten_too(literal: Deployed, pypedream: Pypedream) -> None:
    bucket, s3, glue = literal.bucket, boto3.client("s3"), boto3.client("glue")
    s3.put_object(Bucket=bucket, Key="main/scripts/load.py", Body=COMPOSED.encode())
    job = f"load-{literal.suffix}-main"
    known: Any = glue.get_job(JobName=job)["Job"]
    update = {key: known[key] for key in ("Role", "Command", "MaxCapacity", "GlueVersion", "ExecutionProperty")}
    glue.update_job(JobName=job, JobUpdate={**update, "DefaultArguments": {"--LAKE": bucket}})
    path = literal.folder / "pipeline_graph" / "main.json"
    document = json.loads(path.read_text())
    next(node for node in document["nodes"] if node["id"] == "load")["metadata"]["properties"]["DefaultArguments"] = {
        "--LAKE": bucket
    }
    path.write_text(json.dumps(document))
    before = _objects(bucket, "main/data/")

    made = pypedream("create-branch", "load", "test", "--rewrite-literals", "--yes")
    assert made.code == 0, made.err
    assert _unexplained(literal.folder) == {"load": []}
    for command in ("deploy-branch", "trigger-branch"):
        done = pypedream(command, "test")
        assert done.code == 0, done.err
    assert _objects(bucket, "test/data/") == {"test/data/gold/part.txt": b"main's silver>gold"}
    assert _objects(bucket, "main/data/") == before


@pytest.mark.slow
def test_rewritten_the_branch_runs_and_main_is_unchanged(literal: Deployed, pypedream: Pypedream) -> None:
    bucket = literal.bucket
    before = _objects(bucket, "main/")
    made = pypedream("create-branch", "transform", "test", "--also", "load", "--rewrite-literals", "--yes")
    assert made.code == 0, made.err
    assert _unexplained(literal.folder) == {"transform": [], "load": []}
    deployed = pypedream("deploy-branch", "test")
    assert deployed.code == 0, deployed.err
    triggered = pypedream("trigger-branch", "test")
    assert triggered.code == 0, triggered.err
    assert _objects(bucket, "main/") == before
    on_branch = _objects(bucket, "test/data/")
    assert on_branch["test/data/gold/part.txt"] == b"main's bronze>silver>gold"
    assert on_branch["test/data/silver/part.txt"] == b"main's bronze>silver"
    # The same scripts on main, without arguments, do what the old ones did.
    for name in ("transform", "load"):
        namespace: dict[str, Any] = {"__name__": "__main__"}
        code = (literal.folder / "branches" / "test" / "scripts" / f"{name}.py").read_bytes()
        exec(compile(code, name, "exec"), namespace)
    after = _objects(bucket, "main/data/")
    assert after["main/data/silver/part.txt"] == b"main's bronze>silver"
    assert after["main/data/gold/part.txt"] == b"main's bronze>silver>gold"


def test_a_place_that_is_not_known_stops_a_branch_before_aws_is_asked(deployed: Deployed, pypedream: Pypedream) -> None:
    path = deployed.folder / "pipeline_graph" / "main.json"
    path.write_text(
        path.read_text().replace(f"s3://{deployed.bucket}/{{branch-name}}/data", "s3://${Lake}/{branch-name}")
    )
    assert pypedream("nodes").code == 0
    assert pypedream("plot", "--format", "mermaid").code == 0
    assert pypedream("create-branch", "transform", "test").code == 0
    assert pypedream("branches").code == 0
    for command in (("plan", "test"), ("deploy-branch", "test"), ("deploy-branch", "test", "--dry-run")):
        refused = pypedream(*command)
        assert refused.code == 2, refused
        assert "${Lake} (" in refused.error
        assert "of transform: s3://${Lake}/test/silver/" in refused.error
        assert "--answers" in refused.error
    assert pypedream("trigger-branch", "test").code == 2
    assert pypedream("deltas", "test").code == 2
    assert "nothing of it is deployed" in pypedream("destroy-branch", "test").error
    assert pypedream("delete-branch", "test").code == 0


def test_a_job_that_is_not_known_stops_a_branch_before_aws_is_asked(deployed: Deployed, pypedream: Pypedream) -> None:
    path = deployed.folder / "pipeline_graph" / "main.json"
    path.write_text(path.read_text().replace(f"transform-{deployed.suffix}-{{branch-name}}", "${Job}"))
    refused = pypedream("create-branch", "transform", "test")
    assert refused.code == 2
    assert "${Job} (Glue job of transform: ${Job}" in refused.error
    (deployed.folder / "own.py").write_text("print('mine')\n")
    assert pypedream("create-branch", "transform", "test", "--script", "own.py").code == 0
    assert "${Job}" in pypedream("deploy-branch", "test").error
