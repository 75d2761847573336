"""A repository of scripts alone is a pipeline, too."""

from __future__ import annotations

from pathlib import Path

from pypedream_dagster.importers.answers import Answers
from pypedream_dagster.importers.finding import Imported
from pypedream_dagster.importers.inference.build import import_graph
from pypedream_dagster.importers.request import Request, gathered

_LANDING = """CREATE EXTERNAL TABLE IF NOT EXISTS `shop`.`orders_landing` (`id` string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://shop-lake/orders/landing/';
"""
_TRUSTED = """
from awsglue.context import GlueContext
glueContext = GlueContext(SparkContext())
landing = glueContext.create_dynamic_frame.from_catalog(database="shop", table_name="orders_landing")
glueContext.write_dynamic_frame.from_options(
    frame=landing, connection_type="s3", connection_options={"path": "s3://shop-lake/orders/trusted/"}, format="json"
)
"""
_CURATED = """
import sys
from awsglue.utils import getResolvedOptions
orders = spark.read.json("s3://shop-lake/orders/trusted/")
orders.write.parquet("s3://shop-lake/orders/curated/")
"""
_INGEST = """
from awsglue.context import GlueContext
df.write.json("s3://shop-lake/orders/landing/")
"""


def _imported(folder: Path, *sources: str) -> Imported:
    def no_account() -> None:
        raise AssertionError("files alone ask for no account")

    request = Request(sources=sources, paths=(Path(),))  # type: ignore[arg-type]
    return import_graph(gathered(request, Answers(), no_account, base=folder))  # type: ignore[arg-type]


def test_scripts_alone_are_jobs_by_their_names(tmp_path: Path) -> None:
    for name, text in {
        "sql/landing.sql": _LANDING,
        "jobs/ingest.py": _INGEST,
        "jobs/trusted.py": _TRUSTED,
        "jobs/curated.py": _CURATED,
        "tools/plot.py": "import matplotlib",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for found in (_imported(tmp_path), _imported(tmp_path, "scripts")):
        assert {(link.source, link.target, *link.data) for link in found.links} == {
            ("ingest", "trusted", "orders_landing"),
            ("trusted", "curated", "trusted"),
        }
        assert {node.id for node in found.graph.nodes} == {"curated", "ingest", "trusted"}
        formats = {data.format for node in found.graph.nodes for data in node.outputs.values()}
        assert (formats, found.graph.by_id["trusted"].outputs["trusted"].format) == ({"json", "parquet"}, "json")
    assert _imported(tmp_path, "step-functions").graph.nodes == ()


def test_of_two_scripts_of_one_name_the_folders_tell(tmp_path: Path) -> None:
    for folder in ("eu", "us"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "load.py").write_text(_INGEST.replace("landing", folder))
    assert {node.id for node in _imported(tmp_path).graph.nodes} == {"eu-load", "us-load"}


def test_what_only_defines_things_is_no_job_and_what_runs_on_glue_by_a_module_is_one(tmp_path: Path) -> None:
    for name, text in {
        "lib/__init__.py": "from .session import session",
        "lib/session.py": "from awsglue.context import GlueContext\nlogger = get_logger()\ndef session():\n    pass",
        "jobs/clean.py": "from lib import session\nif __name__ == '__main__':\n    session().read.csv('s3://l/x/')",
        "jobs/serve.py": "from flask import Flask\nif __name__ == '__main__':\n    Flask().run()",
        "tests/test_clean.py": "from awsglue.context import GlueContext\nspark.read.csv('s3://l/x/')",
        "jobs/old.py": "from awsglue.context import GlueContext\nprint 'Python 2'",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert {node.id for node in _imported(tmp_path).graph.nodes} == {"clean", "old"}


_BY_SETTINGS = """
import boto3, json, yaml
from awsglue.context import GlueContext

def settings(name):
    with open(f"config/{name}") as file:
        return yaml.safe_load(file)

def fetched(bucket, key):
    return json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8"))

for table in settings("tables.yaml")["tables"]:
    df = spark.read.csv(table["source"])
    df.write.mode("overwrite").parquet(f"s3://lake/{table['name']}/")
place = fetched(args["bucket"], f"{args['prefix']}/report.json")["report"]
statement = open("sql/report.sql").read()
spark.sql(statement.format(db="sales")).write.parquet(place)
unknown = json.load(open(f"config/{args['file']}"))
"""


def test_settings_and_statements_that_come_with_a_script_are_read(tmp_path: Path) -> None:
    for name, text in {
        "jobs/load.py": _BY_SETTINGS,
        "jobs/config/tables.yaml": "tables:\n- {name: orders, source: 's3://in/o/'}\n- {name: items, source: 's3://in/i/'}",
        "settings/report.json": '{"report": "s3://lake/report/"}',
        "sql/report.sql": "SELECT * FROM {db}.orders",
        "jobs/use.py": _INGEST + "spark.read.parquet('s3://lake/items/')",
        "jobs/sell.py": _INGEST.replace("landing", "x") + "df.write.saveAsTable('sales.orders')",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    found = _imported(tmp_path)
    assert set(found.graph.by_id["load"].outputs) == {"orders", "items", "report"}
    assert {(link.source, link.target) for link in found.links} == {("load", "use"), ("sell", "load")}
