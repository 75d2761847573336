"""Drafted suites: what a draft says of good data, and that the data meets it whatever it looks like."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import json
import warnings
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.orc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pypedream_dagster.delta.expectations.draft import draft_suite
from pypedream_dagster.delta.expectations.suite import Expectation, Suite, read_suite, run_suite
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import Frame, Side
from pypedream_dagster.errors import DeltaError

NUMBER = "expect_column_values_to_be_between"

ORDERS = pa.table(
    {
        "id": pa.array(range(100, 200), pa.int64()),
        "line": pa.array([number % 4 for number in range(100)], pa.int32()),
        "state": ["new", "paid", "sent", "back"] * 25,
        "note": [None if number % 3 else f"note {number}" for number in range(100)],
        "price": pa.array([Decimal(number) / 100 for number in range(5, 1005, 10)], pa.decimal128(9, 2)),
        "share": [number / 100 for number in range(100)],
        "day": [date(2020, 1, 1) + timedelta(days=number) for number in range(100)],
        "at": pa.array([datetime(2020, 1, 1, number % 24) for number in range(100)], pa.timestamp("us", "UTC")),
    }
)


def drafted(table: pa.Table, **rules: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for item in draft_suite(Frame(table), "orders", CompareRules(**rules))["expectations"]:
        found.setdefault(item["type"], []).append(item["kwargs"])
    return found


def test_what_is_drafted() -> None:
    found = drafted(ORDERS)
    assert found["expect_table_columns_to_match_set"] == [{"column_set": ORDERS.column_names}]
    assert found["expect_table_row_count_to_be_between"] == [{"min_value": 50, "max_value": 150}]
    assert found["expect_column_values_to_be_unique"] == [{"column": "id"}]
    assert found["expect_column_values_to_be_in_set"] == [
        {"column": "state", "value_set": ["back", "new", "paid", "sent"]}
    ]
    filled = [item["column"] for item in found["expect_column_values_to_not_be_null"]]
    assert filled == [name for name in ORDERS.column_names if name != "note"]
    assert found[NUMBER] == [
        {"column": "id", "min_value": 90, "max_value": 209},
        {"column": "line", "min_value": 0, "max_value": 4},
        {"column": "price", "min_value": 0.0, "max_value": 11.0},
        {"column": "share", "min_value": 0.0, "max_value": 1.0},
        {"column": "day", "min_value": "2019-12-01", "max_value": "2020-05-11"},
        {"column": "at", "min_value": "2019-12-01T00:00:00+00:00", "max_value": "2020-02-02T00:00:00+00:00"},
    ]


def test_the_rules_of_the_dataset_count() -> None:
    found = drafted(ORDERS, key=("Line", "ID"), volatile_columns=("AT",), ignored_columns=("price",))
    assert "expect_column_values_to_be_unique" not in found
    assert found["expect_compound_columns_to_be_unique"] == [{"column_list": ["line", "id"]}]
    assert not {"at", "price"} & {item["column"] for item in found[NUMBER]}
    # A declared key that repeats is not drafted: main itself would fail.
    assert "expect_column_values_to_be_unique" not in drafted(ORDERS, key=("line",))


def test_a_draft_catches_what_it_should(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(draft_suite(Frame(ORDERS), "orders")))
    rows = ORDERS.to_pylist()
    broken = [
        row | {"state": None if index == 3 else "lost" if index == 4 else row["state"], "share": row["share"] * 100}
        for index, row in enumerate(rows)
    ]
    result = run_suite(
        read_suite(path), Frame(ORDERS), Frame(pa.Table.from_pylist([*broken, broken[0]], ORDERS.schema))
    )
    assert [(item.expectation, item.column) for item in result.regressions] == [
        ("expect_column_values_to_be_unique", "id"),
        ("expect_column_values_to_not_be_null", "state"),
        ("expect_column_values_to_be_in_set", "state"),
        (NUMBER, "share"),
    ]
    assert not result.old_failures


@pytest.mark.parametrize("form", ["csv", "json", "orc"])
def test_other_formats(tmp_path: Path, form: str) -> None:
    table = ORDERS.select(["id", "state", "share", "day"])
    folder = tmp_path / "orders" / "month=1"
    folder.mkdir(parents=True)
    match form:
        case "csv":
            pyarrow.csv.write_csv(table, folder / "part.csv")
        case "json":
            lines = [json.dumps(row, default=str) for row in table.to_pylist()]
            (folder / "part.json").write_text("\n".join(lines))
        case _:
            pyarrow.orc.write_table(table, folder / "part.orc")
    side = Side(str(tmp_path / "orders"))
    suite = draft_suite(side, "orders")
    asked = tuple(Expectation(item["type"], item["kwargs"]) for item in suite["expectations"])
    assert {"column_set": [*table.column_names, "month"]} == asked[0].arguments
    assert {item.outcome for item in run_suite(Suite("orders", asked), side, side).results} == {"passed"}


def test_nothing_to_draft_from(tmp_path: Path) -> None:
    with pytest.raises(DeltaError, match="holds no data"):
        draft_suite(Side(str(tmp_path)), "s")
    (tmp_path / "part.parquet").write_text("no parquet")
    with pytest.raises(DeltaError, match=r"part\.parquet"):
        draft_suite(Side(str(tmp_path)), "s")
    empty = draft_suite(Frame(ORDERS.slice(0, 0)), "s")
    assert [item["type"] for item in empty["expectations"]] == ["expect_table_columns_to_match_set"]


VALUES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.int64(), st.integers(-5, 5)),
    (pa.uint8(), st.integers(0, 255)),
    (pa.float64(), st.floats()),
    (pa.float64(), st.floats(-1e3, 1e3)),
    (pa.float32(), st.floats(width=32)),
    (pa.string(), st.text(max_size=4)),
    (pa.string(), st.sampled_from(["a", "b'", "é\n"])),
    (pa.decimal128(38, 10), st.decimals(-(10**20), 10**20, places=10)),
    (pa.decimal128(4, 2), st.decimals(-99, 99, places=2)),
    (pa.date32(), st.dates()),
    (pa.timestamp("us"), st.datetimes()),
    (pa.timestamp("us", "UTC"), st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))),
    (pa.timestamp("ns"), st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))),
    (pa.bool_(), st.booleans()),
    (pa.binary(), st.binary(max_size=3)),
    (pa.list_(pa.int64()), st.lists(st.integers(0, 3), max_size=2)),
]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.sampled_from([0, 1, 3, 25]))
    columns = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=5))
    names = draw(
        st.lists(
            st.text(min_size=1, max_size=4).filter(lambda name: "\0" not in name),
            min_size=len(columns),
            max_size=len(columns),
            unique_by=str.casefold,
        )
    )
    nulls = draw(st.sampled_from([0, 1, 4]))
    arrays = []
    for type_, values in columns:
        cells = st.one_of(*[values] * 4, *[st.none()] * nulls)
        arrays.append(pa.array(draw(st.lists(cells, min_size=rows, max_size=rows)), type_))
    return pa.table(dict(zip(names, arrays, strict=True)))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables())
def test_data_meets_the_suite_that_was_drafted_from_it(table: pa.Table) -> None:
    side, suite = Frame(table), draft_suite(Frame(table), "s")
    json.dumps(suite, allow_nan=False)
    asked = tuple(Expectation(item["type"], item["kwargs"]) for item in suite["expectations"])
    assert {item.outcome for item in run_suite(Suite("s", asked), side, side).results} <= {"passed"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_great_expectations_accepts_drafts_and_agrees() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.core.expectation_suite import ExpectationSuite

    def check(table: pa.Table) -> None:
        context = gx.get_context(mode="ephemeral")  # a context remembers figures of the batches that it has seen
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_pandas("memory").add_dataframe_asset("frame")
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": table.to_pandas()})
        document = json.loads(json.dumps(draft_suite(Frame(table), "s")))
        suite = ExpectationSuite(name=document["name"], expectations=document["expectations"], meta=document["meta"])
        result = batch.validate(suite)
        assert result.success, [item for item in result.results if not item.success]

    check(ORDERS)
    settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))(given(tables())(check))()
