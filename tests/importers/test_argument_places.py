"""Places that only a task's arguments tell, for jobs without a script."""

from __future__ import annotations

import pytest

from pypedream_dagster.importers.survey import CrawlerDefinition, Flow, Survey, Task, Where
from tests.importers.surveys import HERE, asked, imported, job, links, run, script
from tests.importers.surveys import flow as flow_of


def _run(key: str, arguments: dict[str, str]) -> Task:
    return run(key, key, **arguments)


def _two(written: dict[str, str], read: dict[str, str]) -> Flow:
    return flow_of(_run("w", written), _run("r", read), order=[("w", "r")])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"target_table": "silver.orders"}, {"source_table": "silver.orders"}),
        ({"database": "lake", "target_table": "orders"}, {"database": "lake", "source_table": "orders"}),
        ({"catalog_database": "lake", "output_table": "orders"}, {"input_table": "lake.orders"}),
        ({"target_db": "lake", "target_table": "orders"}, {"src_db": "lake", "src_table": "orders"}),
        ({"bucket": "lake", "output_prefix": "clean/x/"}, {"input_path": "s3://lake/clean/x/"}),
        (
            {"context": '{"destination_bucket": "${Lake}", "destination_path": "clean/x/"}'},
            {"context": '{"source_bucket": "${Lake}", "source_path": "clean/x/", "keys": ["a"]}'},
        ),
        ({"config": '[{"target_path": "s3://lake/x/y"}]'}, {"input": '["s3://lake/x/y"]'}),
        ({"s3_bucket": "${Lake}", "dest_key": "clean/x"}, {"data_bucket": "${Lake}", "source_folder": "clean/x"}),
    ],
)
def test_tables_and_parts_of_places_are_told_by_arguments(written: dict[str, str], read: dict[str, str]) -> None:
    assert links(imported(_two(written, read)))["w", "r"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"redshift_target_table": "public.orders"}, {"redshift_source_table": "public.orders"}),
        ({"scripts_bucket": "code", "output_prefix": "x/y"}, {"input_path": "s3://code/x/y"}),
        ({"database": "lake", "log_db": "logs", "target_table": "t"}, {"source_table": "logs.t"}),
        ({"table": "lake.t"}, {"table": "lake.t"}),
        ({"target_bucket": "${Lake}"}, {"source_bucket": "${Lake}"}),
    ],
)
def test_what_arguments_leave_open_is_no_link(written: dict[str, str], read: dict[str, str]) -> None:
    assert links(imported(_two(written, read)))["w", "r"] == ()


def test_a_runs_clock_is_no_place_of_its_own() -> None:
    found = imported(
        _two(
            {"result_path": "${ds_nodash}", "output_path": "s3://lake/clean/${ds}"},
            {"input_path": "s3://lake/clean/${data_interval_start.Y}"},
        )
    )
    (node,) = [node for node in found.graph.nodes if node.id == "w"]
    assert [output.base_uri for output in node.outputs.values()] == ["s3://lake/clean/"]
    assert links(found)["w", "r"]


def test_values_are_put_into_a_crawlers_targets() -> None:
    crawler = CrawlerDefinition("c", "db", ("s3://${Bucket}/x/",), HERE)
    survey = Survey(crawlers=(crawler,), values={"Bucket": "lake"})
    found = imported(flow_of(Task("crawl", "crawler", Where("a"), resource="c")), survey=survey)
    assert asked(found) == []


def test_a_job_without_a_definition_is_asked_for_unless_its_script_is_given_all_that_it_asks_for() -> None:
    code = "from awsglue.utils import getResolvedOptions\nargs = getResolvedOptions(sys.argv, ['JOB_NAME', 'path'])"
    loads = script("load_orders", code)
    assert asked(imported(flow_of(run("t", "load_orders", path="x")), loads)) == []
    assert asked(imported(flow_of(run("t", "load_orders")), loads)) == ["unknown-job: load_orders"]
    assert asked(imported(flow_of(run("t", "load_orders", path="x")))) == ["unknown-job: load_orders"]
    assert "unknown-job: load_orders" not in asked(imported(job("load_orders"), loads))


@pytest.mark.parametrize(("operation", "linked"), [("athena", True), ("redshift", False), ("snowflake", False)])
def test_tables_of_databases_are_none_of_the_catalog(operation: str, linked: bool) -> None:
    found = imported(
        flow_of(
            Task("w", operation, HERE, resource="INSERT INTO silver.orders SELECT * FROM raw.orders"),
            Task("c", operation, HERE, resource="COPY silver.items FROM 's3://lake/items/'"),
            Task("r", operation, HERE, resource="SELECT * FROM silver.orders"),
            run("g", "g", output_path="s3://lake/items/"),
            order=[("w", "r"), ("g", "c")],
        )
    )
    assert bool(links(found)["w", "r"]) == linked
    assert links(found)["g", "c"] == ("items",)
    assert any(question.startswith("unknown-table") for question in asked(found)) == linked


def test_a_statement_that_only_creates_a_table_writes_no_data() -> None:
    def linked(query: str) -> bool:
        tasks = [Task("w", "athena", HERE, resource=query), Task("r", "athena", HERE, resource="SELECT * FROM db.t")]
        return bool(links(imported(flow_of(*tasks, order=[("w", "r")])))["w", "r"])

    assert not linked("CREATE EXTERNAL TABLE IF NOT EXISTS db.t (a int) LOCATION 's3://lake/t/'")
    assert linked("CREATE TABLE db.t WITH (format = 'parquet') AS SELECT * FROM db.u")
    assert linked("CREATE TABLE db.t (a int); INSERT INTO db.t SELECT 1")


def test_a_table_without_a_database_is_in_the_statements_one() -> None:
    found = imported(
        flow_of(
            Task("w", "athena", HERE, resource="INSERT INTO t SELECT * FROM raw.x", database="gold"),
            Task("r", "athena", HERE, resource="SELECT * FROM gold.t"),
            Task("o", "athena", HERE, resource="SELECT * FROM t", database="silver"),
            order=[("w", "r"), ("w", "o")],
        )
    )
    assert (bool(links(found)["w", "r"]), links(found)["w", "o"]) == (True, ())


def test_what_tasks_that_are_no_jobs_read_and_write_links_them() -> None:
    found = imported(
        flow_of(
            Task("take", "s3", HERE, writes=("s3://lake/raw/x/",)),
            run("g", "g", input_path="s3://lake/raw/x/", output_path="s3://lake/gold/"),
            Task("load", "redshift", HERE, reads=("s3://lake/gold/", "s3://lake")),
            order=[("take", "g"), ("g", "load")],
        )
    )
    assert {pair: len(data) for pair, data in links(found).items()} == {("take", "g"): 1, ("g", "load"): 1}


def test_the_clock_of_what_no_branch_runs_is_not_asked_for() -> None:
    take = Task("take", "s3", HERE, writes=("s3://${Lake}/${ds}/x",))

    def parameters(load: Task) -> list[str]:
        found = asked(imported(flow_of(take, load, order=[("take", "g")])))
        return [item for item in found if item.startswith("parameter")]

    assert parameters(run("g", "g")) == ["parameter: Lake"]
    assert parameters(run("g", "g", day="${ds}")) == ["parameter: Lake", "parameter: ds"]
