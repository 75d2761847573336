"""Each command from outside: what it prints where, and what it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import boto3
import pytest

from pypedream_dagster.branch.store import sha256
from pypedream_dagster.cli.main import COMMANDS, cli
from pypedream_dagster.graph.files import read_graph

from .conftest import Deployed, Pypedream, files_below

ROOT = Path(__file__).parents[2]
HEAVY = {"dagster", "pandas", "duckdb", "pyspark", "great_expectations", "pyarrow", "boto3", "matplotlib", "moto"}


def test_help_names_every_command_with_its_own_first_line() -> None:
    context = cli.make_context("pypedream", ["--help"], resilient_parsing=True)
    for name, entry in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert entry.summary == str(command.help).splitlines()[0]


@pytest.mark.parametrize("arguments", [["--help"], ["nodes"], ["nodes", "--json"], ["branches"], ["plot"], ["policy"]])
def test_light_commands_import_nothing_heavy(project: Path, arguments: list[str]) -> None:
    heavy = HEAVY if arguments == ["plot"] else HEAVY | {"networkx"}
    code = (
        "import sys; from pypedream_dagster.cli.main import run; "
        f"code = run({['--project', str(project), *arguments]!r}); "
        f"print(code, sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 []"


def test_nodes(pypedream: Pypedream, project: Path) -> None:
    document = pypedream("nodes", "--json").document
    assert [node["node"] for node in document["nodes"]] == ["extract", "transform", "load"]
    assert document["cannot_be_branched"] == ["start", "stop"]
    transform = document["nodes"][1]
    assert transform["job"] == "transform-x-main"
    assert transform["kind"] == "Python shell"
    assert transform["affects"] == ["transform", "load"]
    assert transform["inputs"] == [
        {"producer": "extract", "dataset": "bronze", "uri": "s3://shop-lake/main/data/bronze/"}
    ]
    table = pypedream("nodes")
    assert table.out.splitlines()[2].split() == [
        "transform",
        "transform-x-main",
        "Python",
        "shell",
        "bronze",
        "silver",
        "2",
    ]
    assert "start, stop" in table.err


def test_a_branch_is_created_with_ones_own_script_and_without_aws(pypedream: Pypedream, project: Path) -> None:
    outcome = pypedream("create-branch", "transform", "test", "--script", "own.py", "--expires", "2w")
    assert outcome.code == 0
    folder = project / "branches" / "test"
    assert (folder / "scripts" / "transform.py").read_text() == "print('mine')\n"
    assert "branches/test/scripts/transform.py" in outcome.out
    assert "s3://shop-lake/test/data/gold/" in outcome.out
    record = json.loads((folder / "branch.json").read_text())
    assert record["origins"] == ["transform"]
    assert record["owner"] == "ann"
    assert record["project"] == "shop"
    assert record["graph_sha256"] == sha256((project / "pipeline_graph" / "main.json").read_bytes())
    assert record["script_sha256"] == {"transform": sha256(b"print('mine')\n")}
    created, expires = (datetime.fromisoformat(record[key]) for key in ("created_at", "expires_at"))
    assert expires - created == timedelta(weeks=2)


def test_several_origins_each_with_its_script(pypedream: Pypedream, project: Path) -> None:
    (project / "other.py").write_text("print('other')\n")
    scripts = ("--script", "extract=own.py", "--script", "load=other.py")
    assert pypedream("create-branch", "extract", "test", "--also", "load", *scripts).code == 0
    bodies = {path.name: path.read_text() for path in (project / "branches" / "test" / "scripts").iterdir()}
    assert bodies == {"extract.py": "print('mine')\n", "load.py": "print('other')\n"}


def test_branches_tell_how_each_stands(pypedream: Pypedream, project: Path) -> None:
    assert [line.split()[0] for line in pypedream("branches").out.splitlines()] == ["BRANCH", "main"]
    pypedream("create-branch", "transform", "test", "--script", "own.py")
    branch = pypedream("branches", "--json").document["branches"][0]
    assert (branch["branch"], branch["state"], branch["owner"]) == ("test", "created", "ann")
    assert (branch["expired"], branch["main_has_moved"]) == (False, False)
    graph = project / "pipeline_graph" / "main.json"
    graph.write_text(graph.read_text().replace('"ALL"', '"ANY"').replace("MaxCapacity", "AllocatedCapacity"))
    assert pypedream("branches", "--json").document["branches"][0]["main_has_moved"] is True
    row = pypedream("branches").out.splitlines()[2]
    assert row.split() == ["test", "transform", "created", "0", "min", "7", "d", "ann", "graph"]


def test_a_plan_without_any_aws(pypedream: Pypedream, project: Path) -> None:
    pypedream("create-branch", "transform", "test", "--script", "own.py")
    before = files_below(project)
    outcome = pypedream("plan", "test", "--json")
    plan = outcome.document
    assert "No AWS is configured" in outcome.err
    assert plan["creates"] == [
        {"kind": "glue_job", "name": "transform-x-test", "node": "transform", "from": "transform-x-main"},
        {"kind": "script", "name": "s3://shop-lake/test/scripts/transform.py", "node": "transform"},
    ]
    assert [run["job"] for run in plan["runs"]] == ["transform-x-test", "load-x-main"]
    assert plan["runs"][1]["after"] == ["transform"]
    assert [read["side"] for run in plan["runs"] for read in run["reads"]] == ["base", "head"]
    assert plan["write_prefixes"] == ["s3://shop-lake/test/"]
    assert plan["expected_seconds"] is None
    assert any(hazard["kind"] == "bookmark" and hazard["node"] == "load" for hazard in plan["hazards"])
    text = pypedream("plan", "test").out
    assert "Glue job  transform-x-test (clone of transform-x-main)" in text
    assert "main    s3://shop-lake/main/data/bronze/" in text
    assert files_below(project) == before


def test_deleting_a_branch(pypedream: Pypedream, project: Path) -> None:
    pypedream("create-branch", "transform", "test", "--script", "own.py")
    assert pypedream("delete-branch", "test").code == 0
    assert not list((project / "branches").iterdir())


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["--format", "svg"], "<svg"),
        (["--format", "html"], "<!doctype html>"),
        (["--format", "mermaid"], "flowchart"),
        ([], "shop"),
    ],
)
def test_plots(pypedream: Pypedream, project: Path, arguments: list[str], start: str) -> None:
    outcome = pypedream("plot", *arguments)
    assert outcome.code == 0
    assert outcome.out.lower().startswith(start.lower())


def test_a_plot_into_a_file_takes_its_format_from_the_name(pypedream: Pypedream, project: Path) -> None:
    pypedream("create-branch", "transform", "test", "--script", "own.py")
    outcome = pypedream("plot", "--branch", "test", "-o", "out/graph.svg")
    assert (outcome.code, outcome.out) == (0, "")
    assert (project / "out" / "graph.svg").read_text().startswith("<svg")


def test_a_project_of_ones_own(pypedream: Pypedream, tmp_path: Path, no_aws: None) -> None:
    assert pypedream("init", "shop").code == 0
    folder = tmp_path / "shop"
    assert read_graph(folder / "pipeline_graph" / "main.json").by_id.keys() == {"extract", "transform"}
    for name in ("workspace.yaml", "dagster.yaml"):
        assert (folder / name).read_text() == (ROOT / name).read_text()
    assert ".pypedream/" in (folder / ".gitignore").read_text()
    nodes = pypedream("--project", str(folder), "nodes", "--json").document["nodes"]
    assert [node["node"] for node in nodes] == ["extract", "transform"]
    before = files_below(folder)
    again = pypedream("init", "shop")
    assert again.code == 2
    assert "Nothing was written" in again.error
    assert files_below(folder) == before


def test_the_local_aws_when_it_does_not_run(pypedream: Pypedream, project: Path) -> None:
    assert pypedream("local", "status", "--json").document["running"] is False
    env = pypedream("local", "env")
    assert (env.code, env.out) == (2, "")
    assert "pypedream local up" in env.error
    assert pypedream("local", "down").code == 0


def test_the_local_aws_from_up_to_down(pypedream: Pypedream, project: Path) -> None:
    try:
        url = pypedream("local", "up").out.split()[-1]
        assert pypedream("local", "up").out.split()[-1] == url
        assert pypedream("local", "status", "--json").document["url"] == url
        assert f"export AWS_ENDPOINT_URL={url}" in pypedream("local", "env").out.splitlines()
        # Found without any variable set: what is missing now is only the job.
        assert "is not deployed" in pypedream("create-branch", "transform", "test").error
    finally:
        pypedream("local", "down")
    assert pypedream("local", "status", "--json").document["running"] is False


def test_from_create_to_delete(pypedream: Pypedream, deployed: Deployed) -> None:
    glue = boto3.client("glue")

    def jobs() -> set[str]:
        pages = glue.get_paginator("list_jobs").paginate()
        return {name for page in pages for name in page["JobNames"] if deployed.suffix in name}

    production = jobs()
    assert pypedream("create-branch", "transform", "test").code == 0
    script = deployed.folder / "branches" / "test" / "scripts" / "transform.py"
    assert "DATA_SINK" in script.read_text()
    dry = pypedream("deploy-branch", "test", "--dry-run", "--json").document
    assert (dry["goal"], {step["step"] for step in dry["steps"]}) == ("deploy", {"create"})
    assert jobs() == production
    assert pypedream("deploy-branch", "test").code == 0
    assert jobs() - production == {f"transform-{deployed.suffix}-test"}
    assert pypedream("branches", "--json").document["branches"][0]["state"] == "deployed"
    assert "nothing had changed" in pypedream("deploy-branch", "test").out
    script.write_text(script.read_text() + "\n# edited\n")
    assert "1 change" in pypedream("deploy-branch", "test").out
    assert pypedream("destroy-branch", "test", "--dry-run").code == 0
    assert len(jobs() - production) == 1
    destroyed = pypedream("destroy-branch", "test")
    assert "nothing is left" in destroyed.out
    assert jobs() == production
    assert "Nothing of branch 'test' is deployed" in pypedream("destroy-branch", "test").out
    assert pypedream("delete-branch", "test").code == 0


def test_importing_what_is_deployed(pypedream: Pypedream, deployed: Deployed) -> None:
    refused = pypedream("import-dag", deployed.suffix)
    assert refused.code == 2
    assert "--merge" in refused.error
    assert pypedream("import-dag", deployed.suffix, "-o", "found.json").code == 0
    found = read_graph(deployed.folder / "found.json")
    assert {(link.source.split("-")[0], link.target.split("-")[0]) for link in found.links} == {
        ("extract", "transform"),
        ("transform", "load"),
    }
    assert len(pypedream("import-dag", deployed.suffix, "-o", "-").document["nodes"]) == 3
    assert pypedream("import-dag", deployed.suffix, "--merge").code == 0
    assert read_graph(deployed.folder / "pipeline_graph" / "main.json").by_id.keys() >= {"start", "extract", "load"}


def test_a_reader_that_leaves(project: Path) -> None:
    command = [sys.executable, "-m", "pypedream_dagster.cli.main", "--project", str(project), "nodes", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 141
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
