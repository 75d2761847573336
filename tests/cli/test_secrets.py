"""A production full of secrets, every command run on it in a process of its own, and then all read that is left."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

import boto3
import click
import pytest

from pypedream_dagster.aws.glue import GlueClient
from pypedream_dagster.aws.session import connect
from pypedream_dagster.cli.output import WithoutSecrets
from pypedream_dagster.errors import AwsError
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.masking.mask import learn
from pypedream_dagster.settings import Settings
from tests.deploy.production import make_role

from .conftest import Pypedream, graph_document, write_graph

ROOT = Path(__file__).parents[2]

PEM = """-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj
AgEAAoIBAQC7VJTUt9Us8cKj
-----END PRIVATE KEY-----"""
SECRETS = {
    "--DB_PASSWORD": 'Tr0ub4dor&3 "plus\\" quotes',
    "--apiKey": "k-93f2e0aa17",
    "--client-secret": "swordfish",
    "--SHORT_PWD": "pw-7",
    "--signing_key": PEM,
    "--session-token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJldGwifQ.c2lnbmF0dXJlLW9mLWV0bA",
    "--aws_access_key_id": "AKIAQ3EGSZ7XVNB2WT5K",
    "--aws_secret_access_key": "q7Wn2xVb9LkTz4RfYc8HjPm3Gd6SsAe1UoNi5QwE",
    "--github": "ghp_9aB8cD7eF6gH5iJ4kL3mN2oP1qR0sT",
    "--SENTRY_DSN": "https://0a1b2c3d4e5f@sentry.example.com/42",
}
WITHIN = {
    "--WAREHOUSE": ("redshift://etl:{}@cluster:5439/dev", "g3h31m-wh"),
    "--JDBC_URL": ("jdbc:postgresql://db:5432/x?user=app&password={}&ssl=true", "qwerty-4711"),
    "--conf": ("spark.app.warehouse.password={}", "Zm9vYmFyYmF6cXV4"),
    "--HOOK": ("https://hooks.slack.com/services/{}", "T0AB12/B0CD34/xyzzy5678"),
    "--EXPORT": ("https://lake.s3.amazonaws.com/x?X-Amz-Signature={}&X-Amz-Expires=60", "5f3e1d2c4b6a79880917"),
}
"""Arguments whose names say nothing, with the secret in their value."""
LOCKED = {"--locked_token": "lockedtoken-31337"}
SHOWN = {"--SECRET_ID": "prod/warehouse", "--key-columns": "id", "--token_count": "17"}

GIVEN = {**SECRETS, **{name: text.format(secret) for name, (text, secret) in WITHIN.items()}, **SHOWN}
ALL = [*SECRETS.values(), *LOCKED.values(), *(secret for _, secret in WITHIN.values())]

CHECK = f"""
import hashlib
given = sorted((name, value) for name, value in arguments.items() if name in {[*SECRETS, *LOCKED]!r})
if hashlib.sha256(repr(given).encode()).hexdigest() != EXPECTED:
    raise SystemExit("the arguments did not arrive")
"""
TELL_ALL = """
import json, traceback
try:
    raise KeyError(arguments["--DB_PASSWORD"])
except KeyError:
    traceback.print_exc()
print(json.dumps(arguments))
raise ValueError(f"no login to {arguments['--JDBC_URL']} with {arguments['--DB_PASSWORD']!r}, "
                 f"{arguments['--apiKey']} {arguments['--client-secret']} {arguments['--SHORT_PWD']} {arguments}")
"""


def spellings(secret: str) -> set[str]:
    return {secret, json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3], repr(secret)[1:-1]}


def leaks(text: str) -> list[str]:
    """Return the secrets in a text; of a key that spans lines, the lines."""
    parts = [*ALL, *(line for line in PEM.splitlines() if "KEY" not in line)]
    return [secret for secret in parts if any(spelling in text for spelling in spellings(secret))]


def texts_below(folder: Path) -> Iterator[tuple[str, str]]:
    """Give all that was written: files as text, and every row of SQLite's."""
    for path in sorted(folder.rglob("*")):
        # AWS's own side, and the scripts, which are the developer's.
        if path.is_file() and ".pypedream/local/" not in str(path) and "/scripts/" not in str(path):
            body = path.read_bytes()
            yield str(path), body.decode("utf-8", "replace")
            if body.startswith(b"SQLite format 3"):
                with sqlite3.connect(path) as database:
                    yield str(path), "\n".join(database.iterdump())
                database.close()


@pytest.fixture
def shop(tmp_path: Path, aws_env: Endpoint, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """extract → transform → load on the embedded AWS, all with secrets; transform's output can be compared."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    suffix = uuid.uuid4().hex[:8]
    bucket = f"shop-{suffix}"
    s3, glue = boto3.client("s3"), boto3.client("glue")
    s3.create_bucket(Bucket=bucket)
    document = graph_document(suffix, bucket, make_role(suffix))
    import hashlib

    given = sorted((name, value) for name, value in {**GIVEN, **LOCKED}.items() if name in {**SECRETS, **LOCKED})
    expected = hashlib.sha256(repr(given).encode()).hexdigest()
    for node in document["nodes"][1:-1]:
        properties = node["metadata"]["properties"]
        name, output = node["id"], next(iter(node["metadata"]["output_data"]))
        script = SCRIPT.replace("EXPECTED", repr(expected))
        s3.put_object(Bucket=bucket, Key=f"main/scripts/{name}.py", Body=script.encode())
        s3.put_object(Bucket=bucket, Key=f"main/data/{output}/part.csv", Body=b"id,n\n1,2\n3,4\n")
        node["metadata"]["output_data"][output] = {
            "uri": f"s3://{bucket}/{{branch-name}}/data/{output}/",
            "format": "csv",
        }
        main: dict[str, Any] = json.loads(json.dumps(properties).replace("{branch-name}", "main"))
        main["DefaultArguments"] |= GIVEN
        main["NonOverridableArguments"] = LOCKED
        main["Connections"] = {"Connections": ["warehouse"]}
        glue.create_job(**main)
        properties["DefaultArguments"] |= GIVEN  # a graph file that somebody imported before they were masked
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    write_graph(tmp_path, document)
    return tmp_path, suffix


SCRIPT = """
import sys
import boto3
import click
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
CHECK
s3 = boto3.client("s3")
def split(uri):
    return uri.removeprefix("s3://").split("/", 1)
body = b"id,n\\n1,2\\n3,5\\n"
for name, value in arguments.items():
    if name.endswith("_DATA_SINK"):
        bucket, prefix = split(value)
        s3.put_object(Bucket=bucket, Key=prefix + "part.csv", Body=body)
""".replace("CHECK", CHECK)


@pytest.mark.slow
def test_no_command_shows_or_keeps_a_secret(shop: tuple[Path, str]) -> None:
    folder, suffix = shop
    said: list[str] = []

    def pypedream(*arguments: str, code: int = 0) -> str:
        # A process of its own has learnt nothing from the commands before it.
        command = [sys.executable, "-m", "pypedream_dagster.cli.main", "--project", str(folder), *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert not leaks(done.stdout + done.stderr), arguments
        said.append(done.stdout + done.stderr)
        return done.stdout

    main_graph = folder / "pipeline_graph" / "main.json"
    pypedream("nodes", "--json")
    pypedream("create-branch", "transform", "test")
    plan = json.loads(pypedream("plan", "test", "--json"))
    assert [run["node"] for run in plan["runs"]] == ["transform", "load"]
    pypedream("plan", "test")
    pypedream("plot", "--branch", "test", "--format", "html", "-o", "plot.html")
    pypedream("deploy-branch", "test", "--dry-run", "--json")
    pypedream("deploy-branch", "test")
    clone = boto3.client("glue").get_job(JobName=f"transform-{suffix}-test")["Job"]
    assert {name: clone["DefaultArguments"][name] for name in GIVEN} == GIVEN
    assert clone["NonOverridableArguments"] == LOCKED
    assert clone["Connections"] == {"Connections": ["warehouse"]}
    pypedream("trigger-branch", "test")  # the script checks that its secrets arrived
    pypedream("deltas", "test", "--format", "json", "-o", "deltas.json")
    pypedream("deltas", "test", "--format", "html", "-o", "deltas.html")
    pypedream("branches", "--json")
    script = folder / "branches" / "test" / "scripts" / "transform.py"
    script.write_text(script.read_text().replace("s3 = boto3", TELL_ALL + "s3 = boto3", 1))
    pypedream("deploy-branch", "test")
    pypedream("trigger-branch", "test", code=2)
    assert "no login to jdbc:postgresql://db:5432/x?user=app&password=***" in said[-1]
    pypedream("import-dag", suffix, "-o", "found.json")
    pypedream("import-dag", suffix, "-o", "-")
    pypedream("import-dag", suffix, "--merge")
    found = json.loads((folder / "found.json").read_text())["nodes"][0]["metadata"]["properties"]
    assert found["DefaultArguments"]["--DB_PASSWORD"] == "***"
    assert found["DefaultArguments"]["--JDBC_URL"] == "jdbc:postgresql://db:5432/x?user=app&password=***&ssl=true"
    assert {name: found["DefaultArguments"][name] for name in SHOWN} == SHOWN
    assert found["Connections"] == {"Connections": ["warehouse"]}
    assert not leaks(main_graph.read_text())
    pypedream("destroy-branch", "test")

    kept = list(texts_below(folder))
    assert any("dagster" in name and "SQLite format 3" in text for name, text in kept)
    assert any("runs/transform.json" in name and "no login" in text for name, text in kept)
    assert [(name, found) for name, text in kept if (found := leaks(text))] == []
    assert any("DROP TABLE" not in text and "***" in text for name, text in kept if name.endswith(".db"))


def test_a_secret_among_run_arguments_is_refused_without_showing_it(pypedream: Pypedream, project: Path) -> None:
    document = graph_document("x", "shop-lake")
    arguments = {"--DB_PASSWORD": "hunter2-xyz", "--JDBC": "jdbc:x://h?password=hunter3-xyz", "--SECRET_ID": "prod/db"}
    document["nodes"][1]["metadata"]["arguments"] = arguments
    write_graph(project, document)
    outcome = pypedream("create-branch", "transform", "test", "--script", "own.py")
    assert outcome.code == 2
    assert "'--DB_PASSWORD' looks like a secret" in outcome.err
    assert "'--JDBC' looks like a secret" in outcome.err
    assert "SECRET_ID" not in outcome.err
    assert not re.search("hunter[23]", outcome.err + outcome.out)
    assert not (project / "branches").exists()
    arguments = {"--DB_PASSWORD": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"}
    document["nodes"][1]["metadata"]["arguments"] = arguments
    write_graph(project, document)
    assert pypedream("create-branch", "transform", "test", "--script", "own.py").code == 0


def test_what_boto_repeats_of_a_request_is_masked_with_its_cause(aws_env: Endpoint, tmp_path: Path) -> None:
    glue: GlueClient = connect(Settings(tmp_path, endpoint_url=aws_env.url, region=aws_env.region)).glue
    secret = f"pa55-{uuid.uuid4().hex}"
    properties = {
        "Role": {"password": secret},
        "DefaultArguments": {"--API_KEY": f"{secret}-2", "--N": [f"{secret}-2"]},
    }
    with pytest.raises(AwsError) as caught:
        glue.create_job("x", properties, {})
    error: BaseException | None = caught.value
    while error is not None:
        assert secret not in f"{error} {error.args}"
        error = error.__cause__
    assert "Role" in str(caught.value)


def test_what_a_command_prints_past_all_helpers_is_masked_if_it_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    learn({"--DB_PASSWORD": 'known "by" heart'})
    stream = WithoutSecrets(sys.stdout)
    print('said known "by" heart', file=cast("TextIO", stream))
    click.echo(json.dumps(['known "by" heart']), file=cast("TextIO", stream))
    assert capsys.readouterr().out == 'said ***\n["***"]\n'
