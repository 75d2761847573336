"""Which file is a job's script."""

from __future__ import annotations

import json
from dataclasses import replace

from pypedream_dagster.importers.answers import Answers
from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.survey import Survey

from .surveys import flow, imported, job, run, script

_WRITES = "df.write.parquet('s3://lake/x/')"


def _file(path: str, code: str = _WRITES) -> SourceFile:
    return SourceFile(path, code, code.encode())


def _writes(*parts: object, node: str = "a") -> bool:
    return bool(imported(*parts).graph.by_id[node].outputs)  # type: ignore[arg-type]


def test_the_locations_name_tells() -> None:
    assert _writes(job("a"), script("a", _WRITES))
    assert not _writes(job("a"), _file("scripts/b.py"))


def test_of_several_the_one_in_the_like_folder() -> None:
    located = job("a", Command={"Name": "glueetl", "ScriptLocation": "s3://code/sales/load.py"})
    assert _writes(located, _file("hr/load.py", "pass"), _file("src/sales/load.py"))
    assert not _writes(located, _file("one/load.py", "pass"), _file("two/load.py"))


def test_a_part_of_the_name_may_be_unknown() -> None:
    located = job("a", Command={"Name": "glueetl", "ScriptLocation": "s3://${Code}/${Env}_load.py"})
    assert _writes(located, _file("prod_load.py"), _file("prod_report.py", "pass"))


def test_a_job_that_is_defined_nowhere_has_the_script_of_its_name() -> None:
    assert _writes(flow(run("t", "Load_Orders-prod")), _file("src/load_orders.py"), node="Load_Orders-prod")
    assert _writes(flow(run("t", "acme-sales-load-orders")), _file("load_orders.py"), node="acme-sales-load-orders")
    assert not _writes(
        flow(run("t", "load-orders")), _file("a/load_orders.py"), _file("b/load_orders.py"), node="load-orders"
    )
    assert not _writes(flow(run("t", "load-orders")), _file("load.py"), node="load-orders")


def test_a_job_of_unknown_name_has_the_script_that_its_placeholder_or_its_task_is_called_like() -> None:
    files = (_file("glue/Load-01-Orders.py"), _file("glue/report.py", "pass"))
    for task, name in (
        ("t", "${LOAD_01_ORDERS_GLUE_JOB_NAME}"),
        ("Load01Orders", "${first}"),
        ("x", "${aws.load_01_orders.name}"),
    ):
        (only,) = imported(flow(run(task, name)), *files).graph.nodes
        assert only.outputs
    (only,) = imported(flow(run("Load", "${first}")), *files).graph.nodes
    assert not only.outputs
    assert not _writes(flow(run("Load01Orders", "other")), *files, node="other")


def test_a_job_that_is_defined_nowhere_may_be_told_its_script() -> None:
    glue = "from awsglue.utils import getResolvedOptions\n" + _WRITES
    parts = (flow(run("t", "nightly")), _file("src/first.py", glue), _file("src/second.py", glue), _file("lib.py", "1"))
    found = imported(*parts)
    (question,) = found.questions
    assert "or its script: src/first.py or src/second.py)" in question.text
    (node,) = imported(*parts, answers=Answers.recorded({question.id: "src/second.py"})).graph.nodes
    assert (node.id, [output.base_uri for output in node.outputs.values()]) == ("nightly", ["s3://lake/x/"])


def test_a_notebook_is_read_without_its_magic() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Load"]},
        {"cell_type": "code", "source": ["%idle_timeout 60\n", "%glue_version 4.0\n", "import sys\n"]},
        {"cell_type": "code", "source": "!pip list\n" + _WRITES},
    ]
    assert _writes(
        flow(run("t", "load_notebook")),
        _file("load_notebook.ipynb", json.dumps({"cells": cells})),
        node="load_notebook",
    )
    assert not _writes(flow(run("t", "load_notebook")), _file("load_notebook.ipynb", "{}"), node="load_notebook")


def test_what_a_source_says_is_the_script() -> None:
    told = job("a", Command={"Name": "glueetl", "ScriptLocation": "s3://code/other.py"})
    assert _writes(told, _file("other.py"))
    fetched = imported(told, survey=Survey(scripts={"s3://code/other.py": _WRITES.encode()}))
    assert fetched.graph.by_id["a"].outputs


def test_modules_that_come_with_a_script_are_followed() -> None:
    code = "from common.io import save\nsave(df, 'x')"
    module = "def save(df, name):\n    df.write.parquet(f's3://lake/{name}/')"
    assert _writes(job("a"), _file("jobs/a.py", code), _file("jobs/common/io.py", module))
    assert _writes(job("a"), _file("src/jobs/a.py", code), _file("lib/common/io.py", module))
    assert not _writes(job("a"), _file("jobs/a.py", code))


def test_of_a_script_and_the_copy_that_a_build_made_the_script_is_told() -> None:
    located = job("a", Command={"Name": "glueetl", "ScriptLocation": "s3://assets/0af3.py"})
    copied = replace(located, script="cdk.out/asset.0af3.py")
    found = imported(copied, _file("cdk.out/asset.0af3.py"), _file("jobs/a.py"))
    (write,) = found.graph.by_id["a"].model_dump()["metadata"]["unexplained_writes"]
    assert write["at"] == "a.py:1"
