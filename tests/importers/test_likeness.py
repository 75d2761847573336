"""Scripts that only words of their names tell."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.importers.answers import parse_answers
from pypedream_dagster.importers.inference.likeness import likely_scripts
from tests.importers.surveys import asked, flow, imported, job, links, run, script


@pytest.mark.parametrize(
    ("jobs", "paths", "expected"),
    [
        (["shop_quality_job", "shop_transform_job"], ["quality_check.py", "transformation.py"], {0: 0, 1: 1}),
        (["glue_job_raw_to_trusted"], ["raw_to_trusted_s3.py", "trusted_to_refined_s3.py"], {0: 0}),
        (["tranform_orders_silver"], ["transform_silver.py", "etl.py"], {0: 0}),
        (["finflow-batch-etl"], ["jobs/finflow_job.py"], {0: 0}),
        (["${env.GLUE_SILVER_JOB}", "${env.GLUE_GOLD_JOB}"], ["silver.py", "gold.py"], {0: 0, 1: 1}),
        (["${var.env}-load-orders"], ["orders_load.py"], {0: 0}),
        (["LoadOrders"], ["load_orders_etl.py"], {0: 0}),
        (["silver_to_gold"], ["silver.py"], {}),
        (["bronze_to_silver"], ["silver_to_gold.py"], {}),
        (["load_customers"], ["load_orders.py"], {}),
        (["load"], ["load_orders.py", "load_customers.py"], {}),
        (["load_orders", "load_customers"], ["load.py"], {}),
        (["glue_job"], ["etl.py"], {}),
        (["${x}"], ["a.py"], {}),
    ],
)
def test_words_of_names_tell_where_they_leave_one_choice(
    jobs: list[str], paths: list[str], expected: Mapping[int, int]
) -> None:
    assert likely_scripts(jobs, paths) == {jobs[one]: paths[other] for one, other in expected.items()}


@given(st.lists(st.text("ab_-", max_size=6), unique=True), st.lists(st.text("ab_-/", max_size=6), unique=True))
def test_a_script_is_one_jobs_at_most(jobs: list[str], paths: list[str]) -> None:
    found = likely_scripts(jobs, paths)
    assert len(set(found.values())) == len(found)


_READS = "import boto3\nfrom pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"


def test_what_a_guessed_script_tells_is_less_sure_and_asked() -> None:
    found = imported(
        flow(run("w", "shop-clean-orders"), run("r", "shop-report-daily"), order=[("w", "r")]),
        script("clean", _READS + "spark.read.csv('s3://raw/x/').write.parquet('s3://lake/orders/')"),
        script("report_job", _READS + "spark.read.parquet('s3://lake/orders/')"),
    )
    assert links(found) == {("shop-clean-orders", "shop-report-daily"): ("orders",)}
    assert [link.confidence for link in found.links] == ["medium"]
    assert asked(found) == ["unknown-job: shop-clean-orders", "unknown-job: shop-report-daily"]
    assert all("is taken for its script" in question.text for question in found.questions)


def test_an_answer_settles_a_guess() -> None:
    answers = parse_answers("unknown-job: {shop-clean-orders: scripts/clean.py}\nunreadable-script: {located: ignore}")
    write = _READS + "spark.read.csv('s3://raw/x/').write.parquet('s3://lake/orders/')"
    where = {"Name": "glueetl", "ScriptLocation": "s3://code/report_of_sales_v3.py"}
    found = imported(
        flow(run("w", "shop-clean-orders"), run("r", "located")),
        job("located", Command=where),
        script("clean", write),
        script("report_of_sales", _READS + "spark.read.parquet('s3://lake/orders/')"),
        answers=answers,
    )
    assert asked(found) == []
    assert links(found) == {("shop-clean-orders", "located"): ("orders",)}


def test_a_dag_a_test_and_a_function_are_no_scripts() -> None:
    write = "spark.read.csv('s3://raw/x/').write.parquet('s3://lake/orders/')"
    for code in ("import airflow\n", "import pytest\n", "def lambda_handler(event, context): ...\n"):
        found = imported(flow(run("w", "shop-clean-orders")), script("clean", _READS + code + write))
        assert asked(found) == ["unknown-job: shop-clean-orders"]


def test_a_job_is_the_one_that_is_spelled_alike() -> None:
    found = imported(flow(run("t", "load_orders")), job("Load-Orders.py"), job("load-items"))
    assert [node.id for node in found.graph.nodes if node.is_job] == ["Load-Orders.py", "load-items"]
    assert "unknown-job: load_orders" not in asked(found)
    twice = imported(flow(run("t", "load_orders")), job("Load-Orders"), job("load.orders".replace(".", "_") + ".py"))
    assert "unknown-job: load_orders" in asked(twice)


def test_a_script_that_several_jobs_share_is_asked_for_once() -> None:
    def at(location: str) -> dict[str, str]:
        return {"Name": "glueetl", "ScriptLocation": location}

    found = imported(
        *(job(f"j{number}", Command=at("s3://code/x.py")) for number in range(3)),
        *(job(f"k{number}", Command=at("${var.script}")) for number in range(3)),
        job("alone", Command=at("s3://${Code}/y.py")),
    )
    assert asked(found) == [
        "parameter: Code",
        "parameter: var.script",
        "unreadable-script: alone",
        "unreadable-script: s3://code/x.py",
    ]
    assert "j0, j1 and j2" in found.questions[-1].text
