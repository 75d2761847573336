"""A branch from trigger to deltas, and ``compare``: on small CSV data that jobs of the embedded AWS write."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from pypedream_dagster.delta.json_form import branch_from_json, dataset_from_json

from .conftest import Deployed, Outcome, Pypedream

ROOT = Path(__file__).parents[2]

SCRIPT = """
import csv, io, sys
import boto3
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
s3 = boto3.client("s3")
rows = [{"id": number, "amount": number * 10} for number in range(1, 101)]
for name, uri in given.items():
    if name.endswith("_DATA_SOURCE"):
        bucket, prefix = uri.removeprefix("s3://").split("/", 1)
        text = s3.get_object(Bucket=bucket, Key=prefix + "part.csv")["Body"].read().decode()
        rows = list(csv.DictReader(io.StringIO(text)))
# edit here
for name, uri in given.items():
    if name.endswith("_DATA_SINK"):
        bucket, prefix = uri.removeprefix("s3://").split("/", 1)
        out = io.StringIO()
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
        s3.put_object(Bucket=bucket, Key=prefix + "part.csv", Body=out.getvalue().encode())
"""
EDIT = "rows = [row | {'amount': 7} if row['id'] == '5' else row for row in rows if row['id'] != '9']"


@pytest.fixture
def flowing(deployed: Deployed) -> Deployed:
    """The deployed project, with jobs that pass a small table on, and what the graph knows of their data."""
    path = deployed.folder / "pipeline_graph" / "main.json"
    document: dict[str, Any] = json.loads(path.read_text())
    for node in document["nodes"][1:-1]:
        outputs = node["metadata"]["output_data"]
        for name, uri in outputs.items():
            outputs[name] = {"uri": uri, "format": "csv", "primary_key": ["id"]}
        body = SCRIPT.encode()
        boto3.client("s3").put_object(Bucket=deployed.bucket, Key=f"main/scripts/{node['id']}.py", Body=body)
    document["nodes"][3]["metadata"]["output_data"]["gold"]["delta_policy"] = {"max_removed_fraction": 0.001}
    path.write_text(json.dumps(document))
    return deployed


def well(outcome: Outcome, code: int = 0) -> Outcome:
    assert outcome.code == code, outcome
    return outcome


@pytest.mark.slow
def test_a_branch_from_trigger_to_deltas(pypedream: Pypedream, flowing: Deployed) -> None:
    ran = well(pypedream("trigger-branch", "main", "--production"))
    assert "3 nodes" in ran.out
    assert "load: succeeded" in ran.err
    well(pypedream("create-branch", "transform", "test"))
    script = flowing.folder / "branches" / "test" / "scripts" / "transform.py"
    script.write_text(script.read_text().replace("# edit here", EDIT))
    well(pypedream("deploy-branch", "test"))
    assert pypedream("trigger-branch", "test", "--production").code == 2
    assert "does not run extract" in pypedream("trigger-branch", "test", "--select", "extract").error
    assert "2 nodes" in well(pypedream("trigger-branch", "test")).out
    assert pypedream("branches", "--json").document["branches"][0]["state"] == "triggered"

    outcome = well(pypedream("deltas", "test", "--json"))
    delta = branch_from_json(outcome.out)
    assert [(found.node, found.dataset) for found in delta.datasets] == [("transform", "silver"), ("load", "gold")]
    for found in delta.datasets:
        rows = found.rows
        assert (rows.base, rows.head, rows.added, rows.removed, rows.changed) == (100, 99, 0, 1, 1)
        assert list(found.changed_columns) == ["amount"]
    folder = flowing.folder / "branches" / "test" / "deltas"
    assert branch_from_json((folder / "delta.json").read_text()) == delta
    assert "<!doctype html>" in (folder / "report.html").read_text()

    assert delta.notes == ()
    assert all(found.main_moved == () for found in delta.datasets)
    assert "silver" in well(pypedream("deltas", "test")).out
    well(pypedream("deltas", "test", "--fail-on", "any"), code=1)
    over = well(pypedream("deltas", "test", "--fail-on", "policy"), code=1)
    assert "gold: 1 rows removed" in over.err
    well(pypedream("deltas", "test", "--dataset", "transform.silver", "--fail-on", "policy"))
    reports = ("-o", "out/report.xml", "-o", "out/report.html", "-o", "-", "--format", "github")
    for_ci = well(pypedream("deltas", "test", "--fail-on", "policy", *reports), code=1)
    assert "::error file=pipeline_graph/main.json,title=gold (load)::1 rows removed, 1.00%25" in for_ci.out
    assert (
        "::notice file=branches/test/scripts/transform.py,title=silver (transform)::1 removed, 1 changed" in for_ci.out
    )
    assert (flowing.folder / "out" / "report.xml").read_text().count("<failure ") == 1
    assert "<!doctype html>" in (flowing.folder / "out" / "report.html").read_text()
    well(pypedream("deltas", "test", "--dataset", "gold", "-o", "gold.md"))
    assert (flowing.folder / "gold.md").read_text().startswith("###")
    assert "its datasets: transform.silver, load.gold" in pypedream("deltas", "test", "--dataset", "nope").error

    _main_moves(pypedream, flowing)

    # A fault in the edited script ends in one line that names the node, its run and the reason.
    script.write_text(script.read_text().replace(EDIT, "raise RuntimeError('the edit is wrong')"))
    assert "transform's script was edited" in pypedream("trigger-branch", "test", "--select", "load").err
    well(pypedream("deploy-branch", "test"))
    failed = pypedream("trigger-branch", "test")
    assert failed.code == 2
    assert "transform failed" in failed.error
    assert "the edit is wrong" in failed.error
    assert "skipped after it: load" in failed.error
    assert "nothing is left" in well(pypedream("destroy-branch", "test")).out
    assert pypedream("branches", "--json").document["branches"][0]["state"] == "destroyed"
    assert "is not deployed" in pypedream("deltas", "test").error


def _main_moves(pypedream: Pypedream, flowing: Deployed) -> None:
    """Main's raw side and its result are written again, by other means than the branch's: the delta says so."""
    s3, bucket = boto3.client("s3"), flowing.bucket
    body = s3.get_object(Bucket=bucket, Key="main/data/gold/part.csv")["Body"].read()
    s3.put_object(Bucket=bucket, Key="main/data/gold/more.csv", Body=body.splitlines(True)[0] + b"101,5\n")
    s3.put_object(Bucket=bucket, Key="main/data/bronze/part.csv", Body=body.replace(b"1,10", b"1,11"))
    s3.put_object(Bucket=bucket, Key="main/scripts/transform.py", Body=f"{SCRIPT}# faster\n".encode())
    delta = branch_from_json(well(pypedream("deltas", "test", "--json")).out)
    assert "production's script of transform (+1 -0 lines)." in delta.notes[0]
    assert "pypedream rebase test" in delta.notes[0]
    silver, gold = ({(item.role, item.uri): item for item in found.main_moved} for found in delta.datasets)
    bronze = ("input", f"s3://{bucket}/main/data/bronze/")
    assert silver.keys() == {bronze}
    assert gold.keys() == {bronze, ("compared", f"s3://{bucket}/main/data/gold/")}
    compared = gold["compared", f"s3://{bucket}/main/data/gold/"]
    assert (compared.node, compared.objects_then, compared.objects_now) == ("load", 1, 2)
    assert gold[bronze].node == "transform"
    shown = well(pypedream("deltas", "test")).out
    assert "Main has moved: what this is compared with has changed since load ran" in " ".join(shown.split())
    # Run again in part, the one node is told apart from the other.
    well(pypedream("trigger-branch", "test", "--select", "load"))
    again = branch_from_json(well(pypedream("deltas", "test", "--json")).out).datasets[1]
    assert {item.role for item in again.main_moved} == {"input"}
    well(pypedream("trigger-branch", "test", "--select", "transform"))
    stale = branch_from_json(well(pypedream("deltas", "test", "--json")).out)
    assert [found.main_moved for found in stale.datasets] == [(), ()]
    assert any("transform has run again since load ran" in note for note in stale.datasets[1].notes)
    s3.delete_object(Bucket=bucket, Key="main/data/gold/more.csv")


@pytest.fixture
def two_files(tmp_path: Path, no_aws: None) -> tuple[str, str]:
    (tmp_path / "base.csv").write_text("id,amount,when\n1,10,a\n2,20,b\n3,30,c\n")
    (tmp_path / "head.csv").write_text("id,amount,when,new\n1,10,x,n\n2,25,b,n\n4,40,d,n\n")
    return "base.csv", "head.csv"


def test_comparing_without_a_project(pypedream: Pypedream, two_files: tuple[str, str]) -> None:
    outcome = well(pypedream("compare", *two_files, "--key", "id", "--json"))
    document = outcome.document
    assert document["schema"]["added"] == ["new"]
    rows = {"base": 3, "head": 3, "added": 1, "removed": 1, "changed": 2, "unchanged": 0}
    assert document["rows"] == rows
    assert document["columns"]["amount"]["changed"] == 1
    assert (document["key"]["columns"], document["engine"]) == (["id"], "duckdb")
    assert document["samples"]["removed"] == [{"id": 3, "amount": 30, "when": "c"}]
    assert dataset_from_json(outcome.out).verdict == "changed"


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (["--key", "id"], 2),
        (["--key", "id", "--ignore", "when"], 1),
        (["--key", "id", "--ignore", "when,amount"], 0),
        (["--key", "id", "--volatile", "when", "--tolerance", "amount=5"], 0),
        (["--key", "id", "--ignore", "when", "--tolerance", "amount=25%"], 0),
        (["--key", "id", "--ignore", "when", "--tolerance", "amount=24%"], 1),
        (["--key", "id", "--engine", "pandas", "--exact"], 2),
        (["--no-key"], None),
    ],
)
def test_rules_of_a_comparison(
    pypedream: Pypedream, two_files: tuple[str, str], options: list[str], changed: int | None
) -> None:
    assert well(pypedream("compare", *two_files, "--json", *options)).document["rows"]["changed"] == changed


def test_exit_codes_of_a_comparison(pypedream: Pypedream, two_files: tuple[str, str]) -> None:
    base, head = two_files
    well(pypedream("compare", base, head))
    well(pypedream("compare", base, head, "--fail-on", "any"), code=1)
    well(pypedream("compare", base, base, "--fail-on", "any"))
    missing = well(pypedream("compare", base, "nowhere.csv", "--fail-on", "any", "--format", "junit"), code=2)
    assert 'failures="1"' in missing.out
    missing = well(pypedream("compare", base, "nowhere.csv", "--json"), code=2)
    assert missing.document["status"] == "head_missing"
    assert "Error: base.csv and nowhere.csv were not compared" in missing.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--key", "nope"], "unknown key column nope"),
        (["--key", "id", "--no-key"], "contradict"),
        (["--json", "--format", "html"], "contradict"),
        (["--tolerance", "amount"], "is not COLUMN=NUMBER"),
        (["--tolerance", "amount=-1"], "is not COLUMN=NUMBER"),
        (["--tolerance", "when=1"], "when"),
        (["--engine", "abacus"], "abacus"),
    ],
)
def test_comparisons_that_make_no_sense(
    pypedream: Pypedream, two_files: tuple[str, str], options: list[str], words: str
) -> None:
    outcome = well(pypedream("compare", *two_files, *options), code=2)
    assert outcome.out == ""
    assert "Error: " in outcome.err
    assert words in outcome.err


def test_comparing_on_s3_without_aws(pypedream: Pypedream, two_files: tuple[str, str]) -> None:
    outcome = pypedream("compare", two_files[0], "s3://bucket/prefix/")
    assert (outcome.code, outcome.out) == (2, "")
    assert "pypedream local up" in outcome.error


@pytest.mark.parametrize("name", ["report.html", "report.md", "report.json", "report.txt", "report.xml"])
def test_the_format_follows_the_files_name(pypedream: Pypedream, two_files: tuple[str, str], name: str) -> None:
    outcome = well(pypedream("compare", *two_files, "--key", "id", "-o", f"out/{name}"))
    assert outcome.out == ""
    text = Path("out", name).read_text()
    starts = {"html": "\n<!doctype html>", "md": "#### ", "json": "{", "txt": "base.csv", "xml": "<?xml "}
    assert text.lstrip().startswith(starts[name.rpartition(".")[2]].lstrip())


def test_several_reports_of_one_comparison(pypedream: Pypedream, two_files: tuple[str, str]) -> None:
    command = ("compare", *two_files, "--key", "id", "--fail-on", "any", "-o", "a.json", "-o", "b.out", "-o", "-")
    outcome = well(pypedream(*command, "--format", "github"), code=1)
    assert outcome.out == Path("b.out").read_text()
    assert outcome.out.startswith(
        "::error title=base.csv::its columns differ: new added\n::error title=base.csv::rows "
    )
    assert dataset_from_json(Path("a.json").read_text()).rows.changed == 2
    assert "Written: a.json" in outcome.err
    twice = well(pypedream("compare", *two_files, "-o", "a.md", "-o", "a.md"), code=2)
    assert "-o names a file twice" in twice.err


@pytest.mark.slow
def test_an_interrupt_stops_what_runs(pypedream: Pypedream, flowing: Deployed) -> None:
    glue, job = boto3.client("glue"), f"extract-{flowing.suffix}-main"
    slow = "import time\ntime.sleep(300)\n"
    boto3.client("s3").put_object(Bucket=flowing.bucket, Key="main/scripts/extract.py", Body=slow.encode())
    command = [sys.executable, "-m", "pypedream_dagster.cli.main", "--project", str(flowing.folder)]
    command += ["trigger-branch", "main", "--production"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        shown = []
        for line in process.stderr:
            shown.append(line)
            if "extract: RUNNING" in line:
                process.send_signal(signal.SIGINT)
                break
        shown += process.stderr.readlines()
        assert process.wait() == 130, shown
    assert any("Interrupted" in line for line in shown)
    assert not any("Traceback" in line for line in shown)
    assert [run["JobRunState"] for run in glue.get_job_runs(JobName=job)["JobRuns"]] == ["STOPPED"]
