"""What a script's facts and a job's settings mean on a branch, without AWS."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from pypedream_dagster.aws.glue import GlueJob, GlueTrigger
from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.deploy.hazards.jobs import (
    connection_finding,
    event_findings,
    job_findings,
    trigger_findings,
    uses_bookmarks,
)
from pypedream_dagster.deploy.hazards.model import KINDS, Finding, in_order
from pypedream_dagster.deploy.hazards.places import arguments_of
from pypedream_dagster.deploy.hazards.scripts import Scanned, read_arguments, script_findings
from pypedream_dagster.deploy.seed import with_seeds
from pypedream_dagster.graph.files import parse_graph, read_graph
from pypedream_dagster.script.reading import read_script

ROOT = Path(__file__).parents[3]
HEAD = "args = getResolvedOptions(sys.argv, ['X_DATA_SOURCE', 'Y_DATA_SINK'])\n"


def graph(**y: Any) -> BranchGraph:
    """Return the branch ``test`` at ``a`` of a → b, whose datasets x and y have tables on main."""

    def node(name: str, output: str, arguments: dict[str, str], **extra: Any) -> dict[str, Any]:
        location = f"s3://lake/{{branch-name}}/scripts/{name}.py"
        properties = {"Name": f"{name}-{{branch-name}}", "Command": {"Name": "glueetl", "ScriptLocation": location}}
        data = {"uri": f"s3://lake/{{branch-name}}/data/{output}/", "table": f"shop.{output}", **extra}
        metadata = {"operation": "glue", "properties": {**properties, "DefaultArguments": arguments}}
        return {"id": name, "metadata": {**metadata, "output_data": {output: data}}}

    document = {
        "nodes": [node("a", "x", {}), node("b", "y", {"--OTHER": "7"}, **y)],
        "links": [{"source": "a", "target": "b", "metadata": {"data": ["x"]}}],
    }
    return derive_branch(parse_graph(document), "test", ["a"])


def findings(
    code: str, branch: BranchGraph | None = None, *, bookmarks: bool = False, **defaults: str
) -> list[Finding]:
    """Return what is found in a script of ``b``."""
    branch = branch or graph()
    reading = read_script((HEAD + dedent(code)).encode())
    assert reading.unreadable is None
    node = branch.by_id["b"]
    arguments = arguments_of(node, {f"--{name}": value for name, value in defaults.items()})
    return list(script_findings(branch, Scanned(node, "b.py", reading, arguments, bookmarks)))


def shown(found: list[Finding]) -> list[str]:
    return [f"{finding.severity} {finding.kind}" for finding in found]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("df.write.mode('overwrite').parquet(args['Y_DATA_SINK'])", []),
        ("df.write.mode('append').parquet(args['Y_DATA_SINK'])", ["severe append-output"]),
        ("df.write.mode('append').parquet(args['Y_DATA_SINK'] + 'part/')", ["severe append-output"]),
        ("df.write.parquet(args['Y_DATA_SINK'])", ["warning write-once-output"]),
        (
            "import awswrangler as wr\n"
            "wr.s3.to_parquet(df, args['Y_DATA_SINK'], mode='overwrite_partitions')",
            ["severe partition-output"],
        ),
        (
            "from delta.tables import DeltaTable\nDeltaTable.forPath(spark, args['Y_DATA_SINK']).delete('d = 1')",
            ["severe merge-output"],
        ),
        (
            "glueContext.purge_s3_path(args['Y_DATA_SINK'], {'retentionPeriod': 0})\n"
            "glueContext.write_dynamic_frame.from_options(f, 's3', {'path': args['Y_DATA_SINK']}, 'parquet')",
            [],
        ),
        (  # what is younger than seven days stays
            "glueContext.purge_s3_path(args['Y_DATA_SINK'])\n"
            "glueContext.write_dynamic_frame.from_options(f, 's3', {'path': args['Y_DATA_SINK']}, 'parquet')",
            ["severe append-output"],
        ),
        (  # the second of two appends goes onto what the first has overwritten
            "df.write.mode('overwrite').parquet(args['Y_DATA_SINK'])\n"
            "df.write.mode('append').parquet(args['Y_DATA_SINK'])",
            [],
        ),
        (
            "import boto3\nboto3.resource('s3').Bucket('lake').objects.filter(Prefix='test/data/y/').delete()\n"
            "df.write.mode('append').parquet(args['Y_DATA_SINK'])",
            [],
        ),
        (
            "old = spark.read.parquet(args['Y_DATA_SINK'])\n"
            "df.union(old).write.mode('overwrite').parquet(args['Y_DATA_SINK'])",
            ["severe self-read"],
        ),
        (
            "df.write.mode('overwrite').parquet(args['Y_DATA_SINK'])\n"
            "spark.read.parquet(args['Y_DATA_SINK']).count()",
            [],
        ),
        ("spark.read.parquet(args['X_DATA_SOURCE'])", []),
        ("spark.read.parquet('s3://lake/main/data/x/')", ["severe main-read"]),
        ("spark.read.parquet('s3a://lake/main/data/x')", ["severe main-read"]),
        ("spark.read.parquet('s3://lake/main/data/x/day=1/')", ["severe main-read"]),
        ("spark.read.parquet('s3://lake/main/data/')", ["severe main-read", "severe main-read"]),
        ("spark.read.parquet(f's3://lake/main/data/{name}/')", ["warning main-read", "warning main-read"]),
        ("spark.read.parquet('s3://lake/main/data/x2/')", []),
        ("spark.read.parquet('s3://other/raw/')", []),
        ("spark.table('shop.x')", ["severe main-read"]),
        ("spark.sql('SELECT * FROM Shop.X JOIN shop.customers USING (id)')", ["severe main-read"]),
        ("df.write.mode('overwrite').parquet('s3://lake/main/data/y/')", ["warning outside-write"]),
        ("df.write.mode('overwrite').parquet('s3://elsewhere/y/')", ["warning outside-write"]),
        ("df.write.mode('overwrite').parquet(find())", ["info unknown-target"]),
        ("df.write.mode('overwrite').parquet('/tmp/x')", []),
        ("df.write.mode('overwrite').parquet('s3://lake/test/data/extra/')", []),
        ("df.write.mode('append').saveAsTable('shop.y')", ["warning catalog-write"]),
        ("df.write.mode('overwrite').saveAsTable('pypedream_test_shop.y')", []),
        ("df.write.mode('append').saveAsTable('pypedream_test_shop.y')", ["severe append-output"]),
        ("df.writeTo('glue_catalog.pypedream_test_shop.y').append()", ["severe append-output"]),
        ("import boto3\nboto3.resource('s3').Bucket('lake').objects.all()", ["warning main-read", "warning main-read"]),
        ("df.write.jdbc('jdbc:x://h/d', 't', 'append', p)", ["severe jdbc-sink"]),
        ("import requests\nrequests.post('https://x/')", ["severe http-write"]),
        ("import boto3\nboto3.client('sqs').send_message(QueueUrl='q', MessageBody='')", ["warning aws-write"]),
        (
            "import boto3\n"
            "boto3.client('s3', aws_access_key_id='k', aws_secret_access_key='s')",
            ["severe other-identity"],
        ),
        ("import boto3\nboto3.client('ssm').get_parameter(Name='x')", []),
        ("from pyspark.sql import functions as F\ndf.withColumn('t', F.current_timestamp())", ["warning clock"]),
        ("import time\nprint(time.time())", ["info clock"]),
        ("import uuid\ndf['id'] = str(uuid.uuid4())", ["warning random"]),
        ("spark.readStream.load('s3://lake/raw/')", ["severe streaming"]),
    ],
)  # fmt: skip
def test_what_a_line_means(code: str, expected: list[str]) -> None:
    assert shown(findings(code)) == expected


def test_arguments_are_judged_by_their_values_on_the_branch() -> None:
    code = "spark.read.parquet(f\"{args['ROOT']}data/x/\")"
    assert shown(findings(code, ROOT="s3://lake/main/")) == ["severe main-read"]
    assert "--ROOT" in findings(code, ROOT="s3://lake/main/")[0].what
    assert shown(findings(code, ROOT="s3://lake/test/")) == []
    # Mapped by the graph: the branch's own value counts, not the job's default.
    assert shown(findings("spark.read.parquet(args['X_DATA_SOURCE'])", X_DATA_SOURCE="s3://lake/main/data/x/")) == []


def test_bookmarks_make_a_glue_sink_a_warning_and_seeding_wrong() -> None:
    code = "glueContext.write_dynamic_frame.from_options(f, 's3', {'path': args['Y_DATA_SINK']}, 'parquet')"
    (finding,) = findings(code, bookmarks=True)
    assert (finding.kind, finding.severity) == ("append-output", "warning")
    assert "Do not seed" in finding.advice
    assert shown(findings(code)) == ["severe append-output"]


def test_seeding_settles_it() -> None:
    seeded = with_seeds(graph(), ["b.y"])
    for code in (
        "df.write.mode('append').parquet(args['Y_DATA_SINK'])",
        "spark.read.parquet(args['Y_DATA_SINK'])",
        "df.write.mode('append').saveAsTable('pypedream_test_shop.y')",
    ):
        assert [finding.severity for finding in findings(code, seeded)] == ["info"]


def test_a_declared_clock_column_is_no_warning() -> None:
    code = "from pyspark.sql import functions as F\ndf.withColumn('t', F.current_timestamp())"
    assert shown(findings(code, graph(volatile_columns=["t"]))) == ["info clock"]
    assert 'volatile_columns": ["t"]' in findings(code)[0].advice


def test_an_id_outlives_moving_and_formatting_and_no_change() -> None:
    (one,) = findings("import requests\nrequests.post('https://x/', json={'a': 1})")
    (moved,) = findings("import requests\n\n\n# later\nrequests.post(\n    \"https://x/\",\n    json={'a': 1},\n)")
    assert moved.line != one.line
    assert moved.id == one.id
    (other,) = findings("import requests\nrequests.post('https://y/', json={'a': 1})")
    (constant,) = findings("import requests\nU = 'https://x/'\nrequests.post(U, json={})")
    (changed,) = findings("import requests\nU = 'https://y/'\nrequests.post(U, json={})")
    assert len({one.id, other.id, constant.id, changed.id}) == 4


def test_findings_hold_no_credentials() -> None:
    code = """
        import psycopg2, requests
        psycopg2.connect("postgresql://etl:hunter2@dw:5432/x?password=hunter2")
        requests.post("https://user:hunter2@x/y?token=hunter2")
        df.write.jdbc("jdbc:oracle:thin:etl/hunter2@dw:1521/x", "t", "append", {"password": "hunter2"})
        df.write.format("jdbc").option("url", "jdbc:sqlserver://h;user=u;password=hunter2").save()
    """
    found = findings(code)
    assert len([finding for finding in found if finding.severity == "severe"]) == 4
    assert not any("hunter2" in text for f in found for text in (f.what, f.id, f.advice, f.place))


def test_unreadable_scripts_are_findings() -> None:
    branch = graph()
    for body, reason in [
        (b"print 'two'\n", "Python 2"),
        (b"import com.amazonaws.services.glue.GlueContext\nobject GlueApp {\n}\n", "Scala"),
        (b'{"cells": [], "nbformat": 4}', "notebook"),
        (b"def f(:\n", "does not accept"),
        (b"%idle_timeout 60\nx = 1\n", "magic"),
        (b"\xff\xfe\x00", "does not accept|too large"),
    ]:
        scanned = Scanned(branch.by_id["b"], "s3://b/x.py", read_script(body), {})
        (finding,) = script_findings(branch, scanned)
        assert (finding.kind, finding.severity) == ("unreadable-script", "severe")
        assert any(word in finding.what for word in reason.split("|")), finding.what


def _job(**fields: Any) -> GlueJob:
    return GlueJob("b-main", {"Name": "b-main", "ExecutionProperty": {"MaxConcurrentRuns": 3}, **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"ExecutionProperty": {"MaxConcurrentRuns": 1}}, ["warning busy-job"]),
        ({"JobRunQueuingEnabled": True}, ["info queued-runs"]),
        ({"MaxRetries": 2}, ["info retries"]),
        ({"DefaultArguments": {"--extra-py-files": "s3://lib/x.whl"}}, ["warning other-code"]),
        ({"DefaultArguments": {"--additional-python-modules": "pandas==2"}}, ["info other-code"]),
        ({"DefaultArguments": {"--LOOKUP": "s3://lake/main/data/x/"}}, ["severe unmapped-argument"]),
        ({"DefaultArguments": {"--EXTRA": "s3://lake/main/data/y/"}}, ["warning unmapped-argument"]),
        ({"DefaultArguments": {"--TempDir": "s3://lake/main/data/x/tmp/"}}, []),
        ({"DefaultArguments": {"--X_DATA_SOURCE": "s3://lake/main/data/x/"}}, []),
        ({"DefaultArguments": {"--RAW": "s3://raw/"}}, []),
        ({"DefaultArguments": {"--conf": "spark.hadoop.fs.s3a.access.key=AKIA"}}, ["severe other-identity"]),
    ],
)
def test_what_a_jobs_settings_mean(fields: dict[str, Any], expected: list[str]) -> None:
    branch = graph()
    assert shown(list(job_findings(branch, branch.by_id["b"], _job(**fields), frozenset()))) == expected


def test_settings_of_productions_job_do_not_matter_to_a_clone() -> None:
    branch = graph()
    job = _job(ExecutionProperty={"MaxConcurrentRuns": 1}, MaxRetries=3)
    assert list(job_findings(branch, branch.by_id["a"], job, frozenset())) == []


def test_triggers() -> None:
    branch = graph()
    chain = GlueTrigger("after-b", "CONDITIONAL", "ACTIVATED", None, "nightly", ("c",), ("b-main",))
    nightly = GlueTrigger("nightly", "SCHEDULED", "ACTIVATED", "cron(0 1 * * ? *)", None, ("a-main",), ())
    off = GlueTrigger("old", "SCHEDULED", "DEACTIVATED", "cron(0 1 * * ? *)", None, ("a-main",), ())
    others = GlueTrigger("x", "CONDITIONAL", "ACTIVATED", None, None, ("y",), ("z",))
    found = list(trigger_findings(branch, [chain, nightly, off, others]))
    assert shown(found) == ["info trigger", "info schedule"]
    assert "after-b of workflow nightly waits for b-main" in found[0].what
    [told] = event_findings(branch)
    assert told.kind == "state-change-event"
    again = branch.by_id["b"].model_copy(update={"id": "b2"})
    assert list(event_findings(branch.model_copy(update={"nodes": (*branch.nodes, again)}))) == [told]


def test_connections() -> None:
    node = graph().by_id["b"]
    found = [connection_finding(node, "dw", "JDBC"), connection_finding(node, "vpc", "NETWORK")]
    assert shown(found) == ["warning connection", "info connection"]
    assert "dw (JDBC)" in found[0].what


def test_bookmarks_on_a_production_job() -> None:
    assert not uses_bookmarks(_job())
    assert uses_bookmarks(_job(DefaultArguments={"--job-bookmark-option": "job-bookmark-enable"}))
    assert uses_bookmarks(_job(NonOverridableArguments={"--job-bookmark-option": "job-bookmark-pause"}))


def test_a_job_that_asks_for_its_workflows_run_is_told() -> None:
    code = "args = getResolvedOptions(sys.argv, ['WORKFLOW_NAME', 'WORKFLOW_RUN_ID'])"
    [told] = findings(code)
    assert (told.kind, told.what) == ("workflow-run", "asks for WORKFLOW_NAME and WORKFLOW_RUN_ID")
    assert findings(code, WORKFLOW_NAME="nightly", WORKFLOW_RUN_ID="wr_1") == []


def test_the_demo_has_no_severe_hazard() -> None:
    main = read_graph(ROOT / "pipeline_graph" / "main.json")
    for origin in (node.id for node in main.nodes if node.is_job):
        branch = derive_branch(main, "test", [origin])
        found: list[Finding] = []
        for node in branch.nodes:
            job = GlueJob(node.production_job, node.properties)
            body = (ROOT / "pipeline_graph" / "scripts" / f"{node.id}.py").read_bytes()
            scanned = Scanned(node, "x.py", read_script(body), arguments_of(node, job.default_arguments))
            assert scanned.reading.unreadable is None
            found += script_findings(branch, scanned)
            found += job_findings(branch, node, job, read_arguments(scanned))
        assert [(f.node, f.what) for f in found if f.severity == "severe"] == []
        assert not [f for f in found if f.kind in {"outside-write", "unknown-target"}]
        in_order(found)


def test_every_kind_says_why_and_what_to_do() -> None:
    for kind, known in KINDS.items():
        assert known.severities, kind
        assert all(text and not text.endswith(".") for text in (known.about, known.why, known.remedy)), kind


@pytest.mark.parametrize("node", ["a", "b"])
def test_a_script_that_is_shared_is_judged_for_each_node(node: str) -> None:
    """The same code is an output of the one and a foreign place to the other."""
    branch = graph()
    reading = read_script(b"df.write.mode('append').parquet('s3://lake/test/data/y/')")
    found = list(script_findings(branch, Scanned(branch.by_id[node], "x.py", reading, {})))
    assert shown(found) == ([] if node == "a" else ["severe append-output"])
