"""Row outcomes, against the brute-force reference on random tables."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.model import DatasetDelta, Tolerance
from pypedream_dagster.delta.rules import CompareRules, EngineChoice
from pypedream_dagster.delta.source import Frame
from tests.delta.reference import expect

FLOATS = st.sampled_from([None, float("nan"), 0.0, -0.0, 1.5, float("inf"), -float("inf"), 1e-300])
TEXTS = st.sampled_from([None, "", "a", "A", "NULL", "ä'\"; --", "x" * 300])
COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "f": (pa.float64(), FLOATS),
    "s": (pa.string(), TEXTS),
    "d": (pa.decimal128(20, 3), st.sampled_from([None, Decimal("1.000"), Decimal("-0.001"), Decimal(0)])),
    "t": (pa.timestamp("us", "UTC"), st.sampled_from([None, dt.datetime(2020, 1, 1, tzinfo=dt.UTC)])),
    "y": (pa.date32(), st.sampled_from([None, dt.date(1, 1, 1), dt.date(2020, 2, 29)])),
    "b": (pa.binary(), st.sampled_from([None, b"", b"\x00", b"'"])),
    "o": (pa.bool_(), st.sampled_from([None, True, False])),
    "l": (pa.list_(pa.float64()), st.one_of(st.none(), st.lists(FLOATS, max_size=2))),
    "r": (
        pa.struct([("a", pa.int64()), ("q", pa.list_(pa.string()))]),
        st.one_of(
            st.none(), st.fixed_dictionaries({"a": st.sampled_from([None, 1]), "q": st.lists(TEXTS, max_size=2)})
        ),
    ),
}
KEYS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "i": (pa.int64(), st.one_of(st.none(), st.integers(0, 6))),
    "k": COLUMNS["s"],
    "g": COLUMNS["f"],
}
ENGINES: list[EngineChoice] = ["duckdb", "pandas"]


def tables(keys: list[str], values: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    every = {**KEYS, **COLUMNS}
    return st.lists(st.fixed_dictionaries({name: every[name][1] for name in keys + values}), max_size=12)


def arrow(rows: list[dict[str, Any]], names: list[str]) -> pa.Table:
    every = {**KEYS, **COLUMNS}
    return pa.table({name: pa.array([row[name] for row in rows], every[name][0]) for name in names})


def check(delta: DatasetDelta, base: list[Any], head: list[Any], key: list[str], values: list[str]) -> None:
    expected = expect(base, head, key, values)
    assert delta.status == "compared"
    assert (delta.rows.base, delta.rows.head) == (len(base), len(head))
    assert (delta.rows.added, delta.rows.removed) == (expected.added, expected.removed)
    assert delta.rows.unchanged == expected.unchanged
    if not key:
        assert delta.rows.changed is None
        return
    assert delta.rows.changed == expected.changed
    assert (delta.key.base_duplicates, delta.key.head_duplicates) == (
        expected.base_duplicates,
        expected.head_duplicates,
    )
    assert {name: delta.columns[name].changed for name in values} == {name: expected.columns[name] for name in values}
    assert len(delta.samples.added) == min(expected.added, 5)
    assert len(delta.samples.removed) == min(expected.removed, 5)
    assert len(delta.samples.changed) == min(expected.changed, 5)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_against_the_reference(engine: EngineChoice, data: st.DataObject) -> None:
    against_the_reference(engine, data)


@pytest.mark.spark
@pytest.mark.usefixtures("tiny_spark")
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_spark_against_the_reference(data: st.DataObject) -> None:
    against_the_reference("spark", data)


def against_the_reference(engine: EngineChoice, data: st.DataObject) -> None:
    key = data.draw(st.lists(st.sampled_from(sorted(KEYS)), unique=True, max_size=2))
    values = data.draw(st.lists(st.sampled_from(sorted(COLUMNS)), unique=True, min_size=1, max_size=4))
    base = data.draw(tables(key, values))
    kept = data.draw(st.permutations(base)) if data.draw(st.booleans()) else []
    head = kept + data.draw(tables(key, values))
    names = key + values
    rules = CompareRules(
        key=tuple(key), infer_key=False, sample_rows=5, statistics="none", exact=data.draw(st.booleans())
    )
    delta = compare(Frame(arrow(base, names)), Frame(arrow(head, names[::-1])), rules, engine=engine)
    check(delta, base, head, key, values)


NUMBERS = st.lists(st.tuples(st.integers(0, 400), st.integers(-8, 8)), max_size=15)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(numbers=NUMBERS, tolerance=st.integers(1, 4), is_keyed=st.booleans())
def test_tolerance_pairs_what_lies_near(
    engine: EngineChoice, numbers: list[tuple[int, int]], tolerance: int, is_keyed: bool
) -> None:
    tolerance_pairs(engine, numbers, tolerance, is_keyed)


@pytest.mark.spark
@pytest.mark.usefixtures("tiny_spark")
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(numbers=NUMBERS, tolerance=st.integers(1, 4), is_keyed=st.booleans())
def test_tolerance_on_spark(numbers: list[tuple[int, int]], tolerance: int, is_keyed: bool) -> None:
    tolerance_pairs("spark", numbers, tolerance, is_keyed)


def tolerance_pairs(engine: EngineChoice, numbers: list[tuple[int, int]], tolerance: int, is_keyed: bool) -> None:
    """Rows are told apart by a label, so that the pairing is plain with and without a key."""
    base = pa.table({"id": range(len(numbers)), "x": pa.array([at for at, _ in numbers], pa.int64())})
    head = pa.table({"id": range(len(numbers)), "x": pa.array([float(at + by) for at, by in numbers], pa.float64())})
    rules = CompareRules(
        key=("id",) if is_keyed else (), infer_key=False, tolerance={"x": Tolerance(absolute=float(tolerance))}
    )
    delta = compare(Frame(base), Frame(head), rules, engine=engine)
    far = sum(abs(by) > tolerance for _, by in numbers)
    near = sum(0 < abs(by) <= tolerance for _, by in numbers)
    assert (delta.rows.changed if is_keyed else delta.rows.added) == far
    assert delta.rows.unchanged == len(numbers) - far
    assert delta.columns["x"].within_tolerance == near
    if is_keyed:
        assert delta.columns["x"].changed == far
        shifts = [by for _, by in numbers if abs(by) > tolerance]
        largest = delta.columns["x"].largest_shift
        assert (None if largest is None else abs(largest)) == max(map(abs, shifts), default=None)
        assert delta.columns["x"].mean_shift == (pytest.approx(sum(shifts) / len(shifts)) if shifts else None)
