"""When an unexplained write of an origin counts as settled by its script, and when not."""

from __future__ import annotations

import pytest

from pypedream_dagster.branch.model import BranchNode
from pypedream_dagster.deploy.hazards.unexplained import unsettled_writes
from pypedream_dagster.graph.model import UnexplainedWrite
from pypedream_dagster.script.reading import read_script

HEAD = "import sys\nimport awswrangler as wr\nfrom awsglue.utils import getResolvedOptions\n"
SINK = 'getResolvedOptions(sys.argv, ["SINK"])["SINK"]'


def _left(what: str, code: str) -> bool:
    write = UnexplainedWrite(what=what, at="script.py:3", why="no argument moves it")
    node = BranchNode(id="a", action="clone", production_job="a", job="a-b", unexplained_writes=(write,))
    reading = read_script((HEAD + code).encode())
    return bool(unsettled_writes(node, reading, {"SINK": "s3://lake/b/silver/"}, ["s3://lake/b/"]))


@pytest.mark.parametrize(
    "what", ["s3://lake/silver/", "s3://lake/silver/{day}/", "s3://${Lake}/silver/", "", "{--dest}x"]
)
@pytest.mark.parametrize("uri", ["s3://lake/silver/", "s3a://lake/silver/day=1/"])
def test_it_is_left_while_the_script_writes_it(what: str, uri: str) -> None:
    assert _left(what, f'wr.s3.to_parquet(df, "{uri}")\n')
    assert not _left(what, f"wr.s3.to_parquet(df, {SINK})\n")
    assert not _left(what, f'wr.s3.read_parquet("{uri}")\n')


def test_another_place_is_not_it() -> None:
    assert not _left("s3://lake/silver/", 'wr.s3.to_parquet(df, "s3://lake/silverware/")\n')


def test_a_table_is_left_while_it_is_written() -> None:
    code = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
    assert _left("shop.silver", f'{code}spark.table("x").write.insertInto("Shop.silver")\n')
    assert not _left("shop.silver", f'{code}spark.table("x").write.insertInto("pypedream_b_shop.silver")\n')


def test_what_cannot_be_read_settles_nothing() -> None:
    assert _left("s3://lake/silver/", "x = (\n")
