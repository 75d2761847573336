# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.engines.spark.session import local_session
from pypedream_dagster.delta.model import DatasetDelta
from pypedream_dagster.delta.rules import CompareRules, EngineChoice
from pypedream_dagster.delta.source import Side
from pypedream_dagster.local_aws.java import find_java_home

Compare = Callable[..., DatasetDelta]


SPARK = pytest.param("spark", marks=pytest.mark.spark)
TINY = {
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    # For a few rows, planning anew and compiling code cost more than they save.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.driver.memory": "700m",
}


@pytest.fixture(scope="session")
def tiny_spark() -> Iterator[Any]:
    """One Spark for all tests, which engine "spark" finds; set up for a few rows."""
    os.environ["JAVA_HOME"] = str(find_java_home())
    session = local_session(TINY, threads=1)
    yield session
    session.stop()


@pytest.fixture(params=["duckdb", "duckdb-exact", "pandas", SPARK])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Compare:
    """Compares two tables, or lists of tables, written as parquet; with each engine."""
    engine: EngineChoice = request.param.removesuffix("-exact")
    if engine == "spark":
        request.getfixturevalue("tiny_spark")

    def of(base: Any, head: Any, **rules: Any) -> DatasetDelta:
        sides = [written(tmp_path / name, data) for name, data in (("base", base), ("head", head))]
        # Statistics take Spark longer than comparing a few rows: that many cells need not have them all.
        is_brief = engine == "spark" and request.module.__name__.endswith("test_equality")
        given = {"statistics": "none"} if is_brief else {}
        rules = {"exact": request.param.endswith("-exact"), **given, **rules}
        delta = compare(*sides, CompareRules(**rules), engine=engine, name="d")
        if engine == "spark" and "Spark cannot read column" in (delta.error or ""):
            pytest.skip(str(delta.error))
        return delta

    return of


def written(folder: Path, data: Any) -> Side:
    if isinstance(data, Side):
        return data
    folder.mkdir(exist_ok=True)
    for number, table in enumerate(data if isinstance(data, list) else [data]):
        table = table if isinstance(table, pa.Table) else pa.table(table)
        pq.write_table(table, folder / f"part-{number:05d}.parquet")
    return Side(str(folder))
