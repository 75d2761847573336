"""The demo's pipeline, deployed to the embedded AWS with its scripts, is found again by a live import."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import boto3

from pypedream_dagster.aws.session import connect
from pypedream_dagster.graph.files import read_graph
from pypedream_dagster.graph.model import MAIN, PipelineGraph, render
from pypedream_dagster.importers.answers import Answers
from pypedream_dagster.importers.inference.build import import_graph
from pypedream_dagster.importers.request import Request, gathered
from pypedream_dagster.importers.update.check import drift_of
from pypedream_dagster.importers.update.merge import EMPTY, merge_graphs
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]


def _deploy(demo: PipelineGraph, word: str) -> None:
    glue, s3 = boto3.client("glue"), boto3.client("s3")
    s3.create_bucket(Bucket=word)
    for node in demo.nodes:
        if not node.is_job:
            continue
        properties = json.loads(render(json.dumps(node.metadata.properties), MAIN))
        name = f"{word}-{node.id}"
        script = next(path for path in (_ROOT / "pipeline_graph").rglob(f"{Path(str(node.script_template)).name}"))
        s3.put_object(Bucket=word, Key=f"{node.id}.py", Body=script.read_bytes())
        command = {**properties["Command"], "ScriptLocation": f"s3://{word}/{node.id}.py"}
        glue.create_job(**{**properties, "Name": name, "Command": command})


def _data(graph: PipelineGraph) -> set[tuple[str, str, str]]:
    by_id = graph.by_id
    return {
        (by_id[link.source].id, by_id[link.target].id, by_id[link.source].outputs[name].base_uri)
        for link in graph.links
        for name in link.data
        if by_id[link.target].is_job
    }


def test_the_demos_pipeline_is_found_again(aws_env: Endpoint, tmp_path: Path) -> None:
    demo = read_graph(_ROOT / "pipeline_graph" / "main.json")
    word = f"trip{uuid.uuid4().hex[:8]}"
    _deploy(demo, word)
    aws = connect(Settings(tmp_path, endpoint_url=aws_env.url, region=aws_env.region))
    given = gathered(Request(queries=(word,)), Answers(), lambda: aws, base=tmp_path)
    found = import_graph(given)
    expected = {(f"{word}-{source}", f"{word}-{target}", uri) for source, target, uri in _data(demo)}
    assert _data(found.graph) == expected
    assert {link.confidence for link in found.links} == {"high"}
    assert found.questions == ()
    assert [write for node in found.graph.nodes for write in node.metadata.unexplained_writes] == []
    merged = merge_graphs(EMPTY, found.graph).graph
    assert drift_of(merged, import_graph(given).graph).differences == ()


def test_what_files_only_name_is_looked_up(aws_env: Endpoint, tmp_path: Path) -> None:
    word = f"look{uuid.uuid4().hex[:8]}"
    glue, s3 = boto3.client("glue"), boto3.client("s3")
    s3.create_bucket(Bucket=word)
    s3.put_object(Bucket=word, Key="b.py", Body=b"spark.read.parquet('s3://lake-123456789012/x/')")
    command = {"Name": "glueetl", "ScriptLocation": f"s3://{word}/b.py"}
    glue.create_job(
        Name=f"{word}-a", Role="x", Command=command, DefaultArguments={"--target": "s3://lake-123456789012/x/"}
    )
    glue.create_job(Name=f"{word}-b", Role="x", Command=command)
    states = {
        name: {
            "Type": "Task",
            "Resource": "arn:aws:states:::glue:startJobRun.sync",
            "Parameters": {"JobName": f"{word}-{name}", "Arguments": {"--t": "s3://lake-${AWS::AccountId}/x/"}},
            **({"Next": "b"} if name == "a" else {"End": True}),
        }
        for name in ("a", "b")
    }
    (tmp_path / "m.asl.json").write_text(json.dumps({"StartAt": "a", "States": states}))
    aws = connect(Settings(tmp_path, endpoint_url=aws_env.url, region=aws_env.region))
    request = Request(sources=("step-functions",), paths=(Path("m.asl.json"),), look_up=True)
    found = import_graph(gathered(request, Answers(), lambda: aws, base=tmp_path))
    assert {node.id for node in found.graph.nodes} == {f"{word}-a", f"{word}-b"}
    assert [question.kind for question in found.questions if question.kind in {"parameter", "unknown-job"}] == []
    assert found.graph.nodes[0].metadata.arguments == {"--t": "s3://lake-123456789012/x/"}
