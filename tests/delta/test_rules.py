"""Rules, inferred keys, statistics, and the JSON form."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest

from pypedream_dagster.delta import json_form
from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.model import BranchDelta, Tolerance, ValueCount
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import Frame
from pypedream_dagster.errors import DeltaError
from tests.delta.conftest import Compare

BASE = pa.table({"id": [1, 2, 3, 4], "at": ["t1", "t2", None, "t4"], "v": [1.0, 2.0, float("nan"), 100.0]})
HEAD = pa.table({"id": [1, 2, 3, 5], "at": ["u1", "u2", "u3", "u4"], "v": [1.0, 2.5, float("inf"), 100.0]})


def test_ignored_columns_are_left_out(run: Compare) -> None:
    delta = run(BASE, HEAD, key=("id",), ignored_columns=("AT", "v"))
    assert (delta.rows.changed, delta.rows.unchanged) == (0, 3)
    assert delta.ignored_columns == ("at", "v")
    assert (delta.columns["v"].role, delta.columns["v"].changed) == ("ignored", None)


def test_volatile_columns_count_by_presence(run: Compare) -> None:
    delta = run(BASE, HEAD, key=("id",), volatile_columns=("at",), ignored_columns=("v",))
    assert (delta.rows.changed, delta.rows.unchanged) == (1, 2)
    at = delta.columns["at"]
    assert (at.role, at.changed, at.head_filled, at.base_nulled) == ("volatile", 1, 1, 0)
    assert delta.samples.changed[0].after == {"at": "u3"}


@pytest.mark.parametrize(
    ("tolerance", "changed", "inside"),
    [(Tolerance(absolute=0.5), 1, 1), (Tolerance(relative=0.25), 1, 1), (Tolerance(absolute=0.4), 2, 0)],
)
def test_tolerance(run: Compare, tolerance: Tolerance, changed: int, inside: int) -> None:
    delta = run(BASE, HEAD, key=("id",), ignored_columns=("at",), tolerance={"v": tolerance})
    assert (delta.rows.changed, delta.columns["v"].changed) == (changed, changed)
    assert delta.columns["v"].within_tolerance == inside
    assert delta.tolerated_columns == ("v",)


def test_relative_tolerance_does_not_swallow_infinity(run: Compare) -> None:
    base, head = pa.table({"id": [1], "v": [float("inf")]}), pa.table({"id": [1], "v": [1.0]})
    assert run(base, head, key=("id",), tolerance={"v": Tolerance(relative=0.1)}).rows.changed == 1


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"key": ("nope",)}, "unknown key column nope"),
        ({"ignored_columns": ("nope",)}, "unknown ignored column nope"),
        ({"tolerance": {"at": Tolerance(absolute=1)}}, "at is no number"),
        ({"key": ("id", "ID")}, "names a column twice"),
        ({"key": ("id",), "ignored_columns": ("id",)}, "both key and ignored"),
        ({"tolerance": {"v": Tolerance(absolute=-1)}}, "is negative"),
        ({"tolerance": {"v": Tolerance(absolute=float("nan"))}}, "not a number"),
    ],
)
def test_rules_that_make_no_sense(rules: dict[str, Any], said: str) -> None:
    with pytest.raises(DeltaError, match=said):
        compare(Frame(BASE), Frame(HEAD), CompareRules(**rules))


def test_a_key_is_inferred_and_said_so(run: Compare) -> None:
    delta = run(BASE, HEAD)
    assert (delta.key.columns, delta.key.source) == (("id",), "inferred")
    assert "unique" in delta.key.note
    assert (delta.rows.added, delta.rows.removed, delta.rows.changed) == (1, 1, 3)


def test_no_key_is_inferred_where_none_identifies(run: Compare) -> None:
    base, head = pa.table({"a": [1, 1, 2]}), pa.table({"a": [1, 2, 2]})
    delta = run(base, head)
    assert (delta.key.columns, delta.key.source) == ((), "none")
    assert (delta.rows.added, delta.rows.removed, delta.rows.changed, delta.rows.unchanged) == (1, 1, None, 2)
    strangers = run(pa.table({"a": [1, 2, 3]}), pa.table({"a": [7, 8, 9]}))
    assert strangers.key.source == "none"


def test_statistics() -> None:
    base = pa.table({"id": range(100), "v": [None, float("nan"), *range(98)], "l": [[1]] * 100})
    delta = compare(Frame(base), Frame(base), CompareRules(key=("id",)))
    stats = delta.columns["v"].base
    assert stats is not None
    assert (stats.nulls, stats.null_fraction, stats.min, stats.max, stats.mean) == (1, 0.01, 0.0, 97.0, 48.5)
    assert stats.stddev == pytest.approx(28.4341, abs=1e-3)
    assert {q.fraction: q.value for q in stats.quantiles}[0.5] == pytest.approx(48.5, abs=1)
    assert delta.columns["l"].base is not None
    none = compare(Frame(base), Frame(base), CompareRules(key=("id",), statistics="none"))
    assert none.columns["v"].base is None


def test_nan_is_in_no_moment(run: Compare) -> None:
    data = [pa.table({"id": [1], "v": [0.0]}), pa.table({"id": [2, 3], "v": [-0.0, float("nan")]})]
    stats = run(data, data[0], key=("id",)).columns["v"].base
    assert stats is not None
    assert (stats.mean, stats.stddev) == (0.0, 0.0)


def test_huge_numbers_do_not_overflow_statistics(run: Compare) -> None:
    data = pa.table({"id": [1, 2], "v": [1e308, -1e308]})
    assert run(data, data, key=("id",)).columns["v"].changed == 0


def test_shifts(run: Compare) -> None:
    base = pa.table({"id": [1, 2, 3], "v": [2**62, 0, 5], "w": [1, None, 3]})
    head = pa.table({"id": [1, 2, 3], "v": [-(2**62), 1, 5], "w": [None, 2, 3]})
    delta = run(base, head, key=("id",))
    assert delta.columns["v"].largest_shift == -(2.0**63)
    w = delta.columns["w"]
    assert (w.changed, w.base_nulled, w.head_filled, w.mean_shift) == (2, 1, 1, None)


def test_the_json_form_comes_back_and_meets_its_schema() -> None:
    delta = compare(Frame(BASE), Frame(HEAD), CompareRules(key=("id",)), name="d", node="n")
    branch = BranchDelta("b", datetime(2026, 1, 1, tzinfo=UTC), (delta,))
    text = json_form.to_json(delta)
    assert json_form.dataset_from_json(text) == delta
    assert json_form.branch_from_json(json_form.to_json(branch)) == branch
    assert "NaN" not in text.replace('"NaN"', "")
    document = json.loads(text)
    assert document["rows"] == {"base": 4, "head": 4, "added": 1, "removed": 1, "changed": 3, "unchanged": 0}
    assert document["columns"]["v"]["changed"] == 2
    assert set(document["schema"]) >= {"added", "removed", "retyped"}
    schema = json_form.json_schema()
    jsonschema.validate(json.loads(json_form.to_json(branch)), schema)
    jsonschema.validate(document, {**schema["$defs"]["DatasetDelta"], "$defs": schema["$defs"]})


def test_other_documents_are_refused() -> None:
    with pytest.raises(DeltaError, match="not a DatasetDelta of version 1"):
        json_form.dataset_from_json('{"schema_version": 2}')


def test_the_published_schema_is_the_model_s() -> None:
    published = Path(json_form.__file__).with_name("delta.schema.json")
    assert json.loads(published.read_text()) == json_form.json_schema()


def test_importing_compare_imports_nothing_heavy() -> None:
    code = (
        "import sys, pypedream_dagster.delta.compare, pypedream_dagster.delta.expectations.suite;"
        "print([m for m in ('duckdb', 'pandas', 'pyarrow', 'great_expectations', 'pyspark') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_spilling_leaves_nothing_behind(tmp_path: Path) -> None:
    base = pa.table({"id": range(300_000), "v": [f"value {i}" for i in range(300_000)]})
    rules = CompareRules(key=("id",), memory_limit_bytes=64 * 1024**2, temp_directory=str(tmp_path), statistics="none")
    delta = compare(Frame(base), Frame(base.slice(1)), rules)
    assert (delta.rows.removed, delta.rows.unchanged) == (1, 299_999)
    assert list(tmp_path.iterdir()) == []


def test_wide_tables(run: Compare) -> None:
    base = pa.table({f"c{i}": [i, i + 1] for i in range(80)})
    head = pa.table({f"c{i}": [i, i + 1 + (i in (7, 79))] for i in range(80)})
    delta = run(base, head, key=("c0",), volatile_columns=("c7",))
    assert {name: column.changed for name, column in delta.columns.items() if column.changed} == {"c79": 1}
    assert (delta.rows.changed, delta.rows.unchanged) == (1, 1)


def test_the_few_values_of_a_column_are_counted(run: Compare) -> None:
    base = pa.table({"id": range(40), "c": ["a", None, "b", "b"] * 10, "f": [True, False] * 20})
    head = pa.table({"id": range(40), "c": ["a", "c", "b", "b"] * 10, "f": [True, True] * 20})
    columns = run(base, head, key=("id",)).columns
    before, after = columns["c"].base, columns["c"].head
    assert before is not None
    assert after is not None
    assert before.values == (ValueCount("b", 20), ValueCount("a", 10))
    assert after.values == (ValueCount("b", 20), ValueCount("a", 10), ValueCount("c", 10))
    assert columns["f"].head is not None
    assert columns["f"].head.values == (ValueCount(True, 40),)
    assert columns["id"].base is not None
    assert columns["id"].base.values == ()  # forty are not few


def test_quantiles_of_instants_are_seconds_since_1970(run: Compare) -> None:
    days = [date(1970, 1, 1) + timedelta(days=day) for day in range(101)]
    times = [datetime(1970, 1, 1) + timedelta(days=day) for day in range(101)]
    nanoseconds = pa.array(times, pa.timestamp("ns"))
    zoned = pa.array(times, pa.timestamp("us", "UTC"))
    data = pa.table({"id": range(101), "d": days, "t": times, "n": nanoseconds, "z": zoned})
    columns = run(data, data.slice(1), key=("id",)).columns
    for name in "dtnz":
        stats = columns[name].base
        assert stats is not None
        assert {q.fraction: q.value for q in stats.quantiles}[0.5] == pytest.approx(50 * 86400, rel=0.02)


def rows_of(*columns: str, n: int = 60) -> dict[str, list[Any]]:
    made = {
        "day": [datetime(2026, 1, 1 + i // 6, tzinfo=UTC).date() for i in range(n)],
        "store": [f"s{i % 6 // 2}" for i in range(n)],
        "till": [i % 2 for i in range(n)],
        "amount": [float(i % 7) for i in range(n)],
        "country": ["it"] * n,
    }
    return {name: made[name] for name in columns}


def test_columns_that_identify_only_together(run: Compare) -> None:
    base = rows_of("amount", "country", "till", "store", "day")
    head = {**base, "amount": [*base["amount"][:-1], 99.0]}
    delta = run(pa.table(base), pa.table(head))
    assert (set(delta.key.columns), delta.key.source) == ({"till", "store", "day"}, "inferred")
    assert "together" in delta.key.note
    assert (delta.rows.added, delta.rows.removed, delta.rows.changed, delta.rows.unchanged) == (0, 0, 1, 59)


def test_two_columns_are_preferred_to_three(run: Compare) -> None:
    base = rows_of("till", "amount")
    base["line_id"] = [i // 2 for i in range(60)]
    base["kind"] = [f"k{i % 3}" for i in range(60)]
    delta = run(pa.table(base), pa.table({**base, "amount": [9.0] * 60}))
    assert set(delta.key.columns) == {"line_id", "till"}
    assert delta.rows.changed == 60


def test_columns_that_repeat_together_are_no_key(run: Compare) -> None:
    base = rows_of("amount", "till", "store", "day")
    twice = {name: values + values[:1] for name, values in base.items()}
    for sides in ((base, twice), (twice, base), (twice, twice)):
        assert run(*(pa.table(side) for side in sides), skip_identical_files=False).key.source == "none"
    strangers = {**base, "day": [datetime(1999, 1, 1 + i // 6, tzinfo=UTC).date() for i in range(60)]}
    assert run(pa.table(base), pa.table(strangers)).key.source == "none"


def test_a_key_is_unique_in_identical_files_too(run: Compare) -> None:
    same = pa.table({"id": [1, 2, 3], "n": [5, 5, 5]})
    base = [same, pa.table({"id": [4, 5], "n": [6, 7]})]
    head = [same, pa.table({"id": [4, 5], "n": [6, 8]})]
    shuffled = [table.select(["n", "id"]) for table in base], [table.select(["n", "id"]) for table in head]
    assert run(*shuffled).key.columns == ("id",)
    repeating = (
        [pa.table({"n": [5, 5, 5]}), pa.table({"n": [6, 7]})],
        [pa.table({"n": [5, 5, 5]}), pa.table({"n": [6, 8]})],
    )
    assert run(*repeating).key.source == "none"
