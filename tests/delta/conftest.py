# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.model import DatasetDelta
from pypedream_dagster.delta.rules import CompareRules, EngineChoice
from pypedream_dagster.delta.source import Side

Compare = Callable[..., DatasetDelta]


@pytest.fixture(params=["duckdb", "duckdb-exact", "pandas"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Compare:
    """Compares two tables, or lists of tables, written as parquet; with each engine."""
    engine: EngineChoice = "pandas" if request.param == "pandas" else "duckdb"

    def of(base: Any, head: Any, **rules: Any) -> DatasetDelta:
        sides = [written(tmp_path / name, data) for name, data in (("base", base), ("head", head))]
        rules = {"exact": request.param == "duckdb-exact", **rules}
        return compare(*sides, CompareRules(**rules), engine=engine, name="d")

    return of


def written(folder: Path, data: Any) -> Side:
    if isinstance(data, Side):
        return data
    folder.mkdir(exist_ok=True)
    for number, table in enumerate(data if isinstance(data, list) else [data]):
        table = table if isinstance(table, pa.Table) else pa.table(table)
        pq.write_table(table, folder / f"part-{number:05d}.parquet")
    return Side(str(folder))
