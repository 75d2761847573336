"""``import-dag`` from files, as a user runs it: graph, questions, answers, report, merge, check."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from .conftest import Pypedream

_TEMPLATE = """
Parameters:
  Env: {Type: String, Default: prod}
  Scripts: {Type: String}
Resources:
  Lake: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "acme-${Env}"}}
  Ingest:
    Type: AWS::Glue::Job
    Properties:
      Name: !Sub "ingest-${Env}"
      Role: arn:aws:iam::123456789012:role/glue
      Command: {Name: glueetl, ScriptLocation: !Sub "s3://${Scripts}/ingest.py"}
      DefaultArguments: {"--target_path": !Sub "s3://${Lake}/main/bronze/"}
  Clean:
    Type: AWS::Glue::Job
    Properties:
      Name: !Sub "clean-${Env}"
      Role: arn:aws:iam::123456789012:role/glue
      Command: {Name: glueetl, ScriptLocation: !Sub "s3://${Scripts}/clean.py"}
      DefaultArguments: {"--path": !Sub "s3://${Lake}/main/bronze/", "--other": "s3://side/data/"}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionString: !Sub |
        {"StartAt": "A", "States": {
          "A": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync",
                "Parameters": {"JobName": "${Ingest}"}, "Next": "B"},
          "B": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync",
                "Parameters": {"JobName": "${Clean}"}, "End": true}}}
"""
_CLEAN = """
import sys
from awsglue.utils import getResolvedOptions
args = getResolvedOptions(sys.argv, ["path", "other"])
df = spark.read.parquet(args["path"])
"""


_GLUE_TASK = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync"}


@pytest.fixture
def repository(pypedream: Pypedream, tmp_path: Path, no_aws: None) -> Path:
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "template.yaml").write_text(_TEMPLATE)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "clean.py").write_text(dedent(_CLEAN))
    return tmp_path


def graph(folder: Path) -> Any:
    document: Any = json.loads((folder / "pipeline_graph" / "main.json").read_text())
    return document


def test_a_repository_is_imported_without_aws(pypedream: Pypedream, repository: Path) -> None:
    done = pypedream("import-dag", ".")
    assert done.code == 0, done.err
    assert "2 Glue nodes" in done.out
    assert [node["id"] for node in graph(repository)["nodes"]] == ["ingest-prod", "clean-prod"]
    (link,) = graph(repository)["links"]
    assert link["metadata"]["data"] == ["bronze"]
    assert link["metadata"]["confidence"] == "medium"
    assert {entry["kind"] for entry in link["metadata"]["evidence"]} == {"order", "same-uri"}
    assert pypedream("plot", "--format", "terminal").code == 0
    assert pypedream("import-dag", ".").error.endswith(
        "(extend it with --merge, compare with --check, or write another file with -o)"
    )


def test_questions_are_filled_in_and_answered(pypedream: Pypedream, repository: Path) -> None:
    assert pypedream("import-dag", ".", "--questions", "ask.yaml", "-o", "first.json").code == 0
    asked = (repository / "ask.yaml").read_text()
    assert '"clean-prod --other":' in asked
    (repository / "ask.yaml").write_text(asked.replace('"clean-prod --other":', '"clean-prod --other": output'))
    assert pypedream("import-dag", ".", "--answers", "ask.yaml").code == 0
    clean = next(node for node in graph(repository)["nodes"] if node["id"] == "clean-prod")
    assert clean["metadata"]["output_data"]["other"]["main_uri"] == "s3://side/data/"
    # The answer stays with the graph: nobody has to give it again.
    before = (repository / "pipeline_graph" / "main.json").read_bytes()
    again = pypedream("import-dag", ".", "--merge")
    assert (again.code, (repository / "pipeline_graph" / "main.json").read_bytes()) == (0, before)
    (repository / "bad.yaml").write_text('direction:\n  "clean-prod --other": sideways\n')
    refused = pypedream("import-dag", ".", "--answers", "bad.yaml", "-o", "x.json")
    assert (refused.code, "input, output, neither" in refused.error) == (2, True)
    assert not (repository / "x.json").exists()


def test_check_tells_drift_from_edits(pypedream: Pypedream, repository: Path) -> None:
    assert pypedream("import-dag", ".", "--from", "cloudformation").code == 0
    clean = pypedream("import-dag", "--check")
    assert (clean.code, clean.out) == (0, "Production is as the graph has it.\n")
    path = repository / "pipeline_graph" / "main.json"
    path.write_text(path.read_text().replace('"bronze": "s3', '"bronze": "s3', 1))
    assert pypedream("import-dag", "--check").code == 0
    template = repository / "infra" / "template.yaml"
    template.write_text(template.read_text().replace("main/bronze/", "main/silver/"))
    before = path.read_bytes()
    drifted = pypedream("import-dag", "--check", "--json")
    assert (drifted.code, drifted.document["drifted"], path.read_bytes()) == (1, True, before)
    assert "main/silver/" in json.dumps(drifted.document)


def test_a_graph_of_two_imports_is_checked_against_both(pypedream: Pypedream, repository: Path) -> None:
    asl = {"StartAt": "A", "States": {"A": {**_GLUE_TASK, "Parameters": {"JobName": "nightly-load"}, "End": True}}}
    (repository / "etl.asl.json").write_text(json.dumps(asl))
    assert pypedream("import-dag", "infra", "--from", "cloudformation", "--with", "src").code == 0
    assert pypedream("import-dag", "etl.asl.json", "--from", "step-functions", "--merge").code == 0
    path = repository / "pipeline_graph" / "main.json"
    before = path.read_bytes()
    clean = pypedream("import-dag", "--check")
    assert (clean.code, clean.out) == (0, "Production is as the graph has it.\n")
    assert (pypedream("import-dag", "--merge").code, path.read_bytes()) == (0, before)
    (repository / "etl.asl.json").write_text(json.dumps(asl).replace("nightly-load", "weekly-load"))
    template = repository / "infra" / "template.yaml"
    template.write_text(template.read_text().replace("main/bronze/", "main/silver/"))
    drifted = pypedream("import-dag", "--check")
    assert (drifted.code, "weekly-load" in drifted.out, "main/silver/" in drifted.out) == (1, True, True)


def test_the_report_as_json_and_html(pypedream: Pypedream, repository: Path) -> None:
    report = pypedream("import-dag", ".", "--report", "json", "-o", "g.json").document
    assert [node["id"] for node in report["nodes"]] == ["ingest-prod", "clean-prod"]
    assert report["links"][0]["confidence"] == "medium"
    assert pypedream("import-dag", ".", "--report", "html", "-o", "h.json").code == 0
    assert "clean" in (repository / "import-report.html").read_text()


def test_bad_requests_are_refused_and_change_nothing(pypedream: Pypedream, repository: Path) -> None:
    assert "No AWS is configured" in pypedream("import-dag", "nothing-here").error
    assert pypedream("import-dag", "missing.asl.json").code == 2
    assert "is read from files" in pypedream("import-dag", "--from", "terraform").error
    assert pypedream("import-dag", "--tag", "team", ".").code == 2
    assert not (repository / "pipeline_graph").exists()


def test_the_example_of_init_gives_way(pypedream: Pypedream, repository: Path) -> None:
    assert pypedream("init").code == 0
    example = (repository / "pipeline_graph" / "main.json").read_bytes()
    for more in ((), ("--merge",)):
        (repository / "pipeline_graph" / "main.json").write_bytes(example)
        assert pypedream("import-dag", "infra", "--with", "src", *more).code == 0
        assert [node["id"] for node in graph(repository)["nodes"]] == ["ingest-prod", "clean-prod"]


def test_variables_are_put_in(pypedream: Pypedream, repository: Path) -> None:
    (repository / "dev.json").write_text('{"Env": "dev", "Scripts": "code"}')
    assert pypedream("import-dag", ".", "--variables", "dev.json").code == 0
    assert [node["id"] for node in graph(repository)["nodes"]] == ["ingest-dev", "clean-dev"]


def test_what_to_do_next_is_said_once_and_can_be_done(pypedream: Pypedream, repository: Path) -> None:
    asked = pypedream("import-dag", ".", "--questions", "ask.yaml")
    assert (asked.out + asked.err).count("Next:") == 1
    assert "--merge --answers" in asked.out
    settled = pypedream("import-dag", "--merge", "--answers", "ask.yaml")
    assert (settled.code, settled.err) == (0, settled.err)
    plain = pypedream("import-dag", "src", "-o", "other.json")
    assert (plain.out + plain.err).count("Next:") == 1
