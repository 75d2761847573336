"""Random tables whose two sides, and files, have other types for the same values; against the reference."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.model import DatasetDelta, Tolerance
from pypedream_dagster.delta.rules import CompareRules, EngineChoice
from pypedream_dagster.delta.source import AnySide, Frame, Side
from tests.delta.reference import Row, expect

DAYS = [datetime(1905, 5, 5), datetime(1970, 1, 1), datetime(2020, 2, 29)]
STRUCTS = [
    pa.struct([("a", pa.int32()), ("b", pa.string())]),
    pa.struct([("b", pa.large_string()), ("a", pa.decimal128(20, 2))]),
]
# Per column: types that all hold its values without loss, and its values.
COLUMNS: dict[str, tuple[list[pa.DataType], list[Any]]] = {
    "n": (
        [
            *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64()),
            *(pa.decimal128(5, 2), pa.decimal128(20, 4), pa.decimal128(38, 0), pa.decimal256(60, 3)),
        ],
        [None, 0, -1, 1, 2, 7],
    ),
    "e": (
        [pa.decimal128(6, 2), pa.decimal128(12, 4), pa.decimal128(38, 10), pa.decimal256(70, 30), pa.float64()],
        [None, Decimal("0.00"), Decimal("1.25"), Decimal("-0.25")],
    ),
    "t": (
        [pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC", "Asia/Kolkata")]
        + [pa.date32()],
        [None, *DAYS],
    ),
    "m": (
        [pa.map_(pa.string(), type_) for type_ in (pa.int32(), pa.int64(), pa.float64(), pa.decimal128(9, 1))],
        [None, [("a", 1)], [("a", 1), ("b", None)], [("b", None), ("a", 1)], [("a", 2)]],
    ),
    "l": (
        [pa.list_(pa.int16()), pa.large_list(pa.int64()), pa.list_(pa.float64()), pa.list_(pa.decimal128(30, 5))],
        [None, [], [None], [0], [-1], [1, 2], [2, 1]],
    ),
    "r": (STRUCTS, [None, {"a": None, "b": None}, {"a": 1, "b": "x"}, {"a": 1, "b": None}]),
    "x": ([pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], [None, "", "a", "é", "e\u0301"]),
}
KEYS = ["e", "n", "t", "x"]
ENGINES: list[EngineChoice] = ["duckdb", "pandas"]
FEW = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def rows(names: list[str]) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.fixed_dictionaries({name: st.sampled_from(COLUMNS[name][1]) for name in names}), max_size=10)


def typed(data: st.DataObject, made: list[Row], names: list[str], *, sql_only: bool = False) -> pa.Table:
    columns = {}
    for name in data.draw(st.permutations(names)):
        # Files with decimals beyond SQL are read by Arrow, which unites fewer types.
        types = [type_ for type_ in COLUMNS[name][0] if not (sql_only and pa.types.is_decimal256(type_))]
        type_ = data.draw(st.sampled_from(types))
        columns[name] = pa.array([stored(row[name], type_) for row in made], type_)
    return pa.table(columns)


def stored(value: Any, type_: pa.DataType) -> Any:
    if isinstance(value, datetime):
        if pa.types.is_date(type_):
            return date(value.year, value.month, value.day)
        return value.replace(tzinfo=UTC) if type_.tz else value
    if isinstance(value, Decimal) and pa.types.is_floating(type_):
        return float(value)
    return value


def check(
    delta: DatasetDelta, base: list[Row], head: list[Row], key: list[str], names: list[str], **rules: Any
) -> None:
    expected = expect(base, head, key, [name for name in names if name not in key], **rules)
    assert delta.error is None
    found = delta.rows
    assert (found.base, found.head) == (len(base), len(head))
    assert (found.added, found.removed, found.unchanged) == (expected.added, expected.removed, expected.unchanged)
    assert found.changed == (expected.changed if key else None)
    if key:
        changed = {name: delta.columns[name].changed for name in names if name not in key}
        assert changed == {name: expected.columns[name] for name in names if name not in key}
        duplicates = (delta.key.base_duplicates, delta.key.head_duplicates)
        assert duplicates == (expected.base_duplicates, expected.head_duplicates)


def drawn(data: st.DataObject) -> tuple[list[str], list[str], list[Row], list[Row]]:
    key = data.draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=2))
    others = st.lists(
        st.sampled_from([name for name in COLUMNS if name not in key]), unique=True, min_size=1, max_size=3
    )
    names = [*key, *data.draw(others)]
    base = data.draw(rows(names))
    kept = data.draw(st.permutations(base)) if data.draw(st.booleans()) else []
    return key, names, base, kept + data.draw(rows(names))


@pytest.mark.parametrize("engine", ENGINES)
@FEW
@given(data=st.data())
def test_sides_of_other_types(engine: EngineChoice, data: st.DataObject) -> None:
    key, names, base, head = drawn(data)
    volatile = frozenset(data.draw(st.sets(st.sampled_from([name for name in names if name not in key]), max_size=1)))
    rules = CompareRules(
        key=tuple(key),
        infer_key=False,
        statistics="none",
        exact=data.draw(st.booleans()),
        volatile_columns=tuple(volatile),
    )
    delta = compare(Frame(typed(data, base, names)), Frame(typed(data, head, names)), rules, engine=engine)
    check(delta, base, head, key, names, volatile=volatile)


@pytest.mark.parametrize("engine", ENGINES)
@FEW
@given(data=st.data(), limit=st.sampled_from([0.0, 1.0, 5.0]), key=st.sampled_from([[], ["x"], ["t", "x"]]))
def test_tolerance_with_repeated_keys(engine: EngineChoice, data: st.DataObject, limit: float, key: list[str]) -> None:
    names = [*key, "n", "e"]
    base, head = data.draw(rows(names)), data.draw(rows(names))
    rules = CompareRules(key=tuple(key), infer_key=False, statistics="none", tolerance={"n": Tolerance(absolute=limit)})
    delta = compare(Frame(typed(data, base, names)), Frame(typed(data, head, names)), rules, engine=engine)
    check(delta, base, head, key, names, tolerance={"n": limit})


@pytest.mark.parametrize("engine", ENGINES)
@FEW
@given(data=st.data())
def test_files_of_other_types_and_columns(engine: EngineChoice, data: st.DataObject) -> None:
    key, names, base, head = drawn(data)
    with tempfile.TemporaryDirectory() as folder:
        sides: list[AnySide] = []
        for place, made in (("base", base), ("head", head)):
            (Path(folder) / place).mkdir()
            cut = data.draw(st.integers(0, len(made)))
            for number, part in enumerate((made[:cut], made[cut:])):
                # A column without any value may lack.
                present = [name for name in names if number == 0 or any(row[name] is not None for row in part)]
                present = present or names[:1]
                pq.write_table(typed(data, part, present, sql_only=True), Path(folder) / place / f"{number}.parquet")
            sides.append(Side(str(Path(folder) / place)))
        rules = CompareRules(key=tuple(key), infer_key=False, statistics="none")
        delta = compare(*sides, rules, engine=engine)
    check(delta, base, head, key, names)
