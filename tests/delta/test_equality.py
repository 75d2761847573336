"""Which values are equal, in every engine."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.delta.conftest import Compare

NAN, INF = float("nan"), float("inf")
UTC = dt.UTC


def column(values: list[Any], type_: pa.DataType | None = None) -> pa.Table:
    return pa.table({"id": range(len(values)), "v": pa.array(values, type_)})


EQUAL = {
    "null": (column([None, 1]), column([None, 1])),
    "nan": (column([NAN]), column([-NAN])),
    "negative zero": (column([-0.0]), column([0.0])),
    "infinity": (column([INF, -INF]), column([INF, -INF])),
    "int widened": (column([1, -5], pa.int32()), column([1, -5], pa.int64())),
    "unsigned": (column([2**63 - 1], pa.uint64()), column([2**63 - 1], pa.int64())),
    "int to double": (column([1, 2], pa.int32()), column([1.0, 2.0])),
    "bigint to double": (column([1, 2**53]), column([1.0, 2.0**53])),
    "huge int to double": (column([10**18]), column([1e18])),
    "float to double": (column([1.5], pa.float32()), column([1.5])),
    "decimal scale": (
        column([Decimal("1.10")], pa.decimal128(12, 2)),
        column([Decimal("1.1000")], pa.decimal128(20, 4)),
    ),
    "decimal too wide for both": (
        column([Decimal("1.10")], pa.decimal128(38, 2)),
        column([Decimal("1.1")], pa.decimal128(38, 37)),
    ),
    "decimal to double": (column([Decimal("1.10")], pa.decimal128(12, 2)), column([1.1])),
    "wide decimal to double": (column([Decimal("0.25")], pa.decimal128(38, 20)), column([0.25])),
    "bool to int": (column([True, False]), column([1, 0])),
    "date to timestamp": (column([dt.date(2020, 1, 2)]), column([dt.datetime(2020, 1, 2)])),
    "timestamp precision": (
        column([dt.datetime(2020, 1, 2, 3)], pa.timestamp("ms")),
        column([dt.datetime(2020, 1, 2, 3)], pa.timestamp("ns")),
    ),
    "instants": (
        column([dt.datetime(2020, 1, 2, 3)], pa.timestamp("us")),
        column([dt.datetime(2020, 1, 2, 3, tzinfo=UTC)], pa.timestamp("us", "America/New_York")),
    ),
    "timestamp to text": (
        column([dt.datetime(2020, 1, 2, 3), dt.datetime(2020, 1, 2, 3, 4, 5, 600000)]),
        column(["2020-01-02 03:00:00", "2020-01-02 03:04:05.6"]),
    ),
    "instant to text": (
        column([dt.datetime(2020, 1, 2, 3)], pa.timestamp("us", "America/New_York")),
        column(["2020-01-02 03:00:00"]),
    ),
    "int to text": (column([1, None, -7]), column(["1", None, "-7"])),
    "double to text": (column([1.5, 1e22, 1e-7]), column(["1.5", "1e+22", "1e-07"])),
    "text to binary": (column(["ä\\x41", ""]), column(["ä\\x41".encode(), b""])),
    "all null": (column([None, None], pa.null()), column([None, None], pa.string())),
    "all null to list": (column([None, None], pa.null()), column([None, None], pa.list_(pa.list_(pa.int64())))),
    "all null from struct": (column([None], pa.struct([("a", pa.int64())])), column([None], pa.null())),
    "all null to map": (column([None], pa.null()), column([None], pa.map_(pa.string(), pa.float64()))),
    "null type on both sides": (column([None, None], pa.null()), column([None, None], pa.null())),
    "nan in list": (column([[NAN, -0.0, None]]), column([[NAN, 0.0, None]])),
    "list retyped": (column([[1, 2]], pa.list_(pa.int32())), column([[1.0, 2.0]])),
    "map order": (
        column([[("a", 1), ("b", 2)]], pa.map_(pa.string(), pa.int64())),
        column([[("b", 2), ("a", 1)]], pa.map_(pa.string(), pa.int32())),
    ),
    "struct field order": (column([{"a": 1, "b": "x"}]), column([{"b": "x", "a": 1}])),
    "struct with a new null field": (
        column([{"a": 1}]),
        column([{"a": 1, "b": None}], pa.struct([("a", pa.int64()), ("b", pa.string())])),
    ),
    "nested map": (
        column([{"m": [("a", [NAN]), ("b", [])]}], pa.struct([("m", pa.map_(pa.string(), pa.list_(pa.float64())))])),
        column([{"m": [("b", []), ("a", [NAN])]}], pa.struct([("m", pa.map_(pa.string(), pa.list_(pa.float64())))])),
    ),
    "decimal in struct": (
        column([{"d": Decimal("1.10")}], pa.struct([("d", pa.decimal128(5, 2))])),
        column([{"d": Decimal("1.1")}], pa.struct([("d", pa.decimal128(5, 1))])),
    ),
    "decimal beyond SQL": (
        column([Decimal("1.5"), Decimal(10) ** 45, None], pa.decimal256(60, 5)),
        column([Decimal("1.50"), Decimal(10) ** 45, None], pa.decimal256(70, 7)),
    ),
    "decimal beyond SQL narrowed": (
        column([Decimal("1.5"), Decimal(2**64)], pa.decimal256(60, 5)),
        column([Decimal("1.5"), Decimal(2**64)], pa.decimal128(38, 2)),
    ),
    "small decimals beyond SQL": (
        column([Decimal(0), Decimal("1.25e-9"), Decimal("-1e-20")], pa.decimal256(70, 30)),
        column([Decimal(0), Decimal("1.25e-9"), Decimal("-1e-20")], pa.decimal256(60, 20)),
    ),
    "decimals without a whole digit": (
        column([Decimal(0), Decimal("-0.25")], pa.decimal128(38, 38)),
        column([Decimal(0), Decimal("-0.25")], pa.decimal128(38, 2)),
    ),
    "durations": (column([1, None], pa.duration("s")), column([1000, None], pa.duration("ms"))),
    "durations in a list": (column([[1]], pa.list_(pa.duration("s"))), column([[10**9]], pa.list_(pa.duration("ns")))),
    "list of numbers and of texts": (column([[1, None]]), column([["1", None]])),
    "list of booleans and of texts": (column([[True]]), column([["true"]])),
    "map of numbers and of texts": (
        column([[("a", 1), ("b", 2)]], pa.map_(pa.string(), pa.int64())),
        column([[("b", "2"), ("a", "1")]], pa.map_(pa.string(), pa.string())),
    ),
    "half": (column([1.5, NAN], pa.float16()), column([1.5, NAN], pa.float64())),
    "nanoseconds with a zone": (
        column([1], pa.timestamp("ns", "UTC")),
        column([1], pa.timestamp("ns", "Asia/Kolkata")),
    ),
    "first and last year": (
        column([-62135596800, 253402300799], pa.timestamp("s")),
        column([-62135596800000, 253402300799000], pa.timestamp("ms", "UTC")),
    ),
    "time": (column([dt.time(1, 2, 3)], pa.time32("s")), column([dt.time(1, 2, 3)], pa.time64("us"))),
    "dictionary": (pa.table({"id": [0], "v": pa.array(["x"]).dictionary_encode()}), column(["x"])),
}

DIFFERENT = {
    "null and zero": (column([None], pa.int64()), column([0])),
    "null and empty": (column([None], pa.string()), column([""])),
    "nan and null": (column([NAN]), column([None], pa.float64())),
    "nan and infinity": (column([NAN]), column([INF])),
    "infinities": (column([INF]), column([-INF])),
    "case": (column(["a"]), column(["A"])),
    "trailing space": (column(["a"]), column(["a "])),
    "normal forms": (column(["é"]), column(["e\u0301"])),
    "long text": (column(["x" * 100_000 + "a"]), column(["x" * 100_000 + "b"])),
    "beyond double": (column([2**53 + 1]), column([float(2**53)])),
    "float to double": (column([0.1], pa.float32()), column([0.1])),
    "wide decimal to double": (
        column([Decimal("0.12345678901234567890")], pa.decimal128(38, 20)),
        column([0.12345678901234568]),
    ),
    "wide decimals": (
        column([Decimal("1.10")], pa.decimal128(38, 2)),
        column([Decimal("1.1000000001")], pa.decimal128(38, 37)),
    ),
    "nanoseconds": (
        column([1_000_000_000], pa.timestamp("us")),
        column([1_000_000_000_001], pa.timestamp("ns")),
    ),
    "null type and empty list": (column([None], pa.null()), column([[]], pa.list_(pa.int64()))),
    "null type and map": (column([None], pa.null()), column([[("a", 1)]], pa.map_(pa.string(), pa.int64()))),
    "null list and empty": (column([None], pa.list_(pa.int64())), column([[]], pa.list_(pa.int64()))),
    "empty list and null item": (column([[]], pa.list_(pa.int64())), column([[None]], pa.list_(pa.int64()))),
    "list shape": (
        column([[[1], [2]]], pa.list_(pa.list_(pa.int64()))),
        column([[[1, 2]]], pa.list_(pa.list_(pa.int64()))),
    ),
    "list order": (column([[1, 2]]), column([[2, 1]])),
    "null struct and struct of null": (
        column([None], pa.struct([("a", pa.int64())])),
        column([{"a": None}], pa.struct([("a", pa.int64())])),
    ),
    "null map and empty": (
        column([None], pa.map_(pa.string(), pa.int64())),
        column([[]], pa.map_(pa.string(), pa.int64())),
    ),
    "struct with a new field": (column([{"a": 1}]), column([{"a": 1, "b": 2}])),
    "binary": (column([b"\x00\xff"]), column([b"\x00\xfe"])),
    "text of numbers": (column(["01"]), column([1])),
    # DuckDB's hash is the same for these: it XORs the halves of 128 bits.
    "decimal zero and the least below": (
        column([Decimal("0.00")], pa.decimal128(20, 2)),
        column([Decimal("-0.01")], pa.decimal128(20, 2)),
    ),
    "decimal of which the halves are swapped": (
        column([Decimal(1)], pa.decimal128(38, 0)),
        column([Decimal(2**64)], pa.decimal128(38, 0)),
    ),
    "zero and minus one, unsigned": (column([0], pa.uint64()), column([-1])),
    "decimals in a list": (
        column([[Decimal(0)]], pa.list_(pa.decimal128(38, 0))),
        column([[Decimal(-1)]], pa.list_(pa.decimal128(38, 0))),
    ),
    "decimals beyond SQL": (
        column([Decimal(10) ** 45], pa.decimal256(60, 0)),
        column([Decimal(10) ** 45 + Decimal("1e18")], pa.decimal256(60, 0)),
    ),
    "durations": (column([1], pa.duration("s")), column([1], pa.duration("ms"))),
    "zoned nanoseconds": (column([1], pa.timestamp("ns", "UTC")), column([2], pa.timestamp("ns", "UTC"))),
    "zero byte in text": (column(["a\0b"]), column(["a\0c"])),
    "quotes in list": (column([["a', 'b"]]), column([["a", "b"]])),
    "null and its name": (column([["NULL"]]), column([[None]], pa.list_(pa.string()))),
    "wide decimal in list": (
        column([[Decimal("12345678901234567890.01")]], pa.list_(pa.decimal128(38, 2))),
        column([[Decimal("12345678901234567890.02")]], pa.list_(pa.decimal128(38, 2))),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_values(run: Compare, name: str) -> None:
    base, head = EQUAL[name]
    delta = run(base, head, key=("id",))
    assert (delta.status, delta.error) in (("compared", None), ("identical", None))
    assert delta.rows.changed == 0, delta.samples.changed
    assert delta.rows.unchanged == base.num_rows
    assert delta.columns["v"].changed == 0


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_values(run: Compare, name: str) -> None:
    base, head = DIFFERENT[name]
    delta = run(base, head, key=("id",))
    assert (delta.status, delta.error) == ("compared", None)
    assert delta.rows.changed == base.num_rows
    assert delta.columns["v"].changed == base.num_rows
    assert set(delta.samples.changed[0].before) == {"v"}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_values_as_keys_and_keyless(run: Compare, name: str) -> None:
    base, head = (table.select(["v"]) for table in EQUAL[name])
    keyed = run(base, head, key=("v",))
    assert (keyed.rows.added, keyed.rows.removed, keyed.rows.changed) == (0, 0, 0)
    keyless = run(base, head, infer_key=False)
    assert (keyless.rows.added, keyless.rows.removed, keyless.rows.changed) == (0, 0, None)


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_values_as_keys_and_keyless(run: Compare, name: str) -> None:
    base, head = (table.select(["v"]) for table in DIFFERENT[name])
    keyed = run(base, head, key=("v",))
    assert (keyed.rows.added, keyed.rows.removed, keyed.rows.changed) == (1, 1, 0)
    keyless = run(base, head, infer_key=False)
    assert (keyless.rows.added, keyless.rows.removed) == (1, 1)
