"""What is Spark's alone: its hash, its code on Glue, what it cannot read."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import datetime as dt
import hashlib
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import orc

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.glue_job import DeltaRequest, archive
from pypedream_dagster.delta.json_form import dataset_from_json, to_json, to_plain_json
from pypedream_dagster.delta.model import DatasetDelta, Tolerance
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import Side
from tests.delta.conftest import TINY, written


def test_the_archive_is_the_same_for_the_same_code() -> None:
    assert hashlib.sha256(archive()).digest() == hashlib.sha256(archive()).digest()
    names = zipfile.ZipFile(BytesIO(archive())).namelist()
    assert "pypedream_dagster/delta/engines/spark/engine.py" in names
    assert all(name.endswith(".py") for name in names)


def test_a_request_survives_its_way_to_glue() -> None:
    rules = CompareRules(key=("a", "b"), tolerance={"v": Tolerance(absolute=0.5)}, exact=True)
    request = DeltaRequest("s3://b/main/", "s3://b/x/", "auto", rules, "d", "n", "eu-west-1", "s3://b/x/r.json")
    assert DeltaRequest.from_json(request.to_json()) == request


BLOCKED = ("duckdb", "pandas", "pydantic", "dagster", "networkx", "click", "great_expectations", "moto")
ON_GLUE = """
import json, sys
archive, base, head, blocked, conf, project = sys.argv[1:]

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in json.loads(blocked):
            raise ImportError(f"{name} is not on Glue")

sys.meta_path.insert(0, Blocked())
sys.path = [archive] + [path for path in sys.path if path != project]
import pypedream_dagster.delta.glue_job
from pypedream_dagster.aws import session
from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.engines.spark.session import local_session
from pypedream_dagster.delta.json_form import to_plain_json
from pypedream_dagster.delta.source import Side
spark = local_session(json.loads(conf), threads=1)
text = to_plain_json(compare(Side(base), Side(head), engine="spark", name="d", spark=spark))
spark.stop()
ours = [module for name, module in sys.modules.items() if name.startswith("pypedream_dagster.")]
assert ours and all(module.__file__.startswith(archive) for module in ours)
print(text)
"""


@pytest.mark.spark
@pytest.mark.slow
def test_it_runs_from_the_archive_without_what_glue_lacks(tmp_path: Path, tiny_spark: Any) -> None:
    base = written(tmp_path / "base", {"id": [1, 2], "v": [1.0, None]})
    head = written(tmp_path / "head", {"id": [1, 3], "v": [1.5, None]})
    (tmp_path / "delta.zip").write_bytes(archive())
    (tmp_path / "job.py").write_text(ON_GLUE)
    given = [str(tmp_path / "delta.zip"), base.uri, head.uri, json.dumps(BLOCKED), json.dumps(TINY)]
    project = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, tmp_path / "job.py", *given, project], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = dataset_from_json(done.stdout.strip().splitlines()[-1])
    assert (found.rows.added, found.rows.removed, found.rows.changed) == (1, 1, 1)
    same = compare(base, head, engine="spark", name="d", spark=tiny_spark)
    assert facts(found) == facts(same)


def facts(delta: DatasetDelta) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(to_json(delta))
    return {name: value for name, value in document.items() if name != "seconds"}


def test_plain_json_is_the_json_of_the_model() -> None:
    delta = DatasetDelta("d", "n", "a", "b", "compared", "changed", notes=("one", "two"), columns={})
    assert json.loads(to_plain_json(delta)) == json.loads(to_json(delta))


@pytest.mark.spark
def test_what_spark_cannot_read_is_said(tmp_path: Path, tiny_spark: Any) -> None:
    side = written(tmp_path / "a", {"id": [1], "v": pa.array([1.5], pa.float16())})
    delta = compare(side, side, CompareRules(key=("id",)), engine="spark")
    assert delta.status == "unreadable"
    assert "part-00000.parquet: Spark cannot read column v of type halffloat" in (delta.error or "")


@pytest.mark.spark
def test_nulls_and_values_in_each_others_place_differ(tmp_path: Path, tiny_spark: Any) -> None:
    """``xxhash64(NULL, 1) = xxhash64(1, NULL)``."""
    ids = range(3)
    base = written(tmp_path / "a", {"id": ids, "x": [1, None, 0], "y": [None, "", "0"], "z": [[1], [], None]})
    head = written(tmp_path / "b", {"id": ids, "x": [None, 1, 0], "y": ["1", None, "0"], "z": [[], [1], None]})
    delta = compare(base, head, CompareRules(key=("id",)), engine="spark")
    assert (delta.rows.changed, delta.rows.unchanged) == (2, 1)


@pytest.mark.spark
def test_columns_whose_names_are_sql(tmp_path: Path, tiny_spark: Any) -> None:
    names = ["a.b", "`x`", 'q"', "it's ${x}", "_metadata", "c1", "k0", "file"]
    base = written(tmp_path / "a", {"id": [1, 2], **{name: [1, 2] for name in names}})
    head = written(tmp_path / "b", {"id": [1, 2], **{name: [1, 3] for name in names}})
    delta = compare(base, head, CompareRules(key=("id",)), engine="spark")
    assert {name for name, column in delta.columns.items() if column.changed} == set(names)
    assert delta.samples.changed[0].after == dict.fromkeys(names, 3)


@pytest.mark.spark
def test_orc_of_two_schemas(tmp_path: Path, tiny_spark: Any) -> None:
    for side, last in (("a", 2), ("b", 3)):
        (tmp_path / side).mkdir()
        orc.write_table(pa.table({"id": pa.array([1], pa.int32()), "v": [1]}), str(tmp_path / side / "x.orc"))
        orc.write_table(pa.table({"id": [2], "v": [last], "w": ["n"]}), str(tmp_path / side / "y.orc"))
    sides = [Side(str(tmp_path / side)) for side in "ab"]
    delta = compare(*sides, CompareRules(key=("id",)), engine="spark")
    assert (delta.error, delta.rows.changed, delta.rows.unchanged) == (None, 1, 1)


@pytest.mark.spark
def test_statistics_are_those_of_duckdb(tmp_path: Path, tiny_spark: Any) -> None:
    numbers = [None, float("nan"), float("-inf"), -0.0, *range(96)]
    data = pa.table(
        {
            "id": range(100),
            "v": pa.array(numbers, pa.float64()),
            "u": pa.array([2**64 - 1, None] * 50, pa.uint64()),
            "d": pa.array([Decimal("1.10"), Decimal("-2.00")] * 50, pa.decimal128(9, 2)),
            "o": [True, None] * 50,
            "s": ["b", "a", "a", None] * 25,
            "day": [dt.date(2020, 2, 29)] * 100,
            "at": [dt.datetime(2020, 2, 29, 12, 0, 0, 5)] * 100,
            "n": pa.array([1_582_934_400_123_456_789] * 100, pa.timestamp("ns", "UTC")),
            "b": [b"\x00", b""] * 50,
            "l": [[1], None] * 50,
        }
    )
    side = written(tmp_path / "a", data)
    rules = CompareRules(key=("id",), skip_identical_files=False)
    found = {engine: compare(side, side, rules, engine=engine).columns for engine in ("duckdb", "spark")}
    for name in data.column_names:
        ours, theirs = (found[engine][name].base for engine in ("duckdb", "spark"))
        assert ours
        assert theirs
        if name in ("id", "v"):
            assert theirs.distinct_estimate == pytest.approx(ours.distinct_estimate, rel=0.1)
            assert [q.value for q in theirs.quantiles] == pytest.approx([q.value for q in ours.quantiles], abs=1.5)
            ours = replace(ours, distinct_estimate=None, quantiles=())
            theirs = replace(theirs, distinct_estimate=None, quantiles=())
        for moment in ("mean", "stddev"):
            assert getattr(theirs, moment) == pytest.approx(getattr(ours, moment))
        assert replace(theirs, mean=None, stddev=None, quantiles=()) == replace(
            ours, mean=None, stddev=None, quantiles=()
        )


@pytest.mark.spark
def test_json_of_several_types_is_compared_as_it_is_written(tmp_path: Path, tiny_spark: Any) -> None:
    for side, values in (("a", [{"x": 1}, {"x": 2}, None]), ("b", [{"x": 1}, "two", None])):
        (tmp_path / side).mkdir()
        lines = (json.dumps({"id": number, "v": value}) for number, value in enumerate(values))
        (tmp_path / side / "part.json").write_text("\n".join(lines))
    sides = [Side(str(tmp_path / side)) for side in "ab"]
    delta = compare(*sides, CompareRules(key=("id",)), engine="spark")
    assert (delta.error, delta.rows.changed, delta.rows.unchanged) == (None, 1, 2)
