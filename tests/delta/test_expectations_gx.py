"""What DuckDB computes, against Great Expectations' own pandas engine on the same ugly rows."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout; nothing here is a secret
from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pypedream_dagster.delta.expectations import gx, sql
from pypedream_dagster.delta.expectations.plan import Observed
from pypedream_dagster.delta.reading import Reader
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import Frame

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

Ask = tuple[str, dict[str, Any]]

TEXTS = [
    "",
    "a",
    "b",
    "bb",
    "B",
    "é",
    "\uff41",
    "12",
    "٣",
    "a1",
    "x\n",
    "tab\t",
    " ",
    "\x0b",
    "🙂",
    "NULL",
    "nan",
    "a'b",
    "naïve",
]
FLOATS = [0.0, -0.0, 0.1, 0.2, 1.0, -1.5, 2.5, math.nan, math.inf, -math.inf, 1e300, 5e-324]
TAME = [0.0, -0.0, 0.1, 0.25, 1.0, -1.5, 2.5, math.nan, 1e6]
DAY, MOMENT = date(2020, 1, 1), datetime(2020, 1, 1)


def column(rng: random.Random, rows: int, values: list[Any], nulls: float) -> list[Any]:
    return [None if rng.random() < nulls else rng.choice(values) for _ in range(rows)]


def ugly(seed: int, rows: int, nulls: float) -> pa.Table:
    """A table of every kind of column, with few distinct values, so that sets and repetition mean something."""
    rng = random.Random(seed)
    cents = [Decimal(number) / 100 for number in (0, 10, 25, 100, -150, 99999)]
    moments = [MOMENT + timedelta(hours=7 * step, microseconds=step) for step in range(6)]
    kinds: dict[str, tuple[list[Any], pa.DataType]] = {
        "i": ([0, 1, 2, 3, -4, 12], pa.int64()),
        "j": ([1, 2, 3, -4], pa.int32()),
        "u": ([0, 1, 7], pa.uint8()),
        "f": (TAME, pa.float64()),
        "inf": (FLOATS, pa.float64()),
        "g": ([0.1, 0.25, 1.0, math.nan], pa.float32()),
        "s": (TEXTS, pa.string()),
        "p": (["a", "b", "bb", "AB12", "7"], pa.string()),
        "d": ([DAY + timedelta(days=step) for step in range(5)], pa.date32()),
        "e": ([DAY + timedelta(days=step) for step in range(5)], pa.date32()),
        "ts": (moments, pa.timestamp("us")),
        "tz": ([moment.replace(tzinfo=UTC) for moment in moments], pa.timestamp("us", "UTC")),
        "c": (cents, pa.decimal128(12, 2)),
        "b": ([True, False], pa.bool_()),
        "y": ([b"", b"a", b"\xff"], pa.binary()),
        "one": ([4], pa.int64()),
    }
    table = {name: pa.array(column(rng, rows, values, nulls), type_) for name, (values, type_) in kinds.items()}
    return pa.table(table | {"id": pa.array(range(rows), pa.int64()), "z": pa.array([None] * rows, pa.float64())})


TABLES = {
    "ugly": ugly(1, 40, 0.2),
    "uglier": ugly(2, 60, 0.5),
    "full": ugly(3, 30, 0.0),
    "one row": ugly(4, 1, 0.0),
    "all null": ugly(5, 3, 1.0),
    "empty": ugly(6, 0, 0.0),
}
COLUMNS = [*TABLES["full"].column_names, "nope"]
NUMBERS = ["i", "j", "u", "f", "inf", "g", "c", "z", "one"]


def asks() -> Iterator[Ask]:
    yield from of_values()
    yield from of_sets()
    yield from of_texts()
    yield from of_repetition()
    yield from of_figures()
    yield from of_pairs()
    yield from of_tables()
    yield from odd_arguments()


def of_values() -> Iterator[Ask]:
    for name in COLUMNS:
        for type_ in ("expect_column_values_to_not_be_null", "expect_column_values_to_be_null"):
            yield type_, {"column": name}
            yield type_, {"column": name, "mostly": 0.5}
        yield "expect_column_values_to_be_unique", {"column": name}
        yield "expect_column_to_exist", {"column": name}
    between = "expect_column_values_to_be_between"
    for name in NUMBERS:
        yield between, {"column": name, "min_value": 0.1, "max_value": 2}
        yield between, {"column": name, "min_value": 0.1, "strict_min": True, "mostly": 0.4}
        yield between, {"column": name, "max_value": 0.25, "strict_max": True, "min_value": None}
        yield between, {"column": name, "max_value": 0.1, "mostly": 0}
        yield between, {"column": name, "min_value": -1.5, "max_value": 1e30}
    for name in ("d", "ts", "tz"):
        for bound in ("2020-01-02", "2020-01-01T14:00:00.000002", "2020-01-01 14:00:00Z", "2020-01-01T15:00:00+01:00"):
            yield between, {"column": name, "min_value": bound}
            yield between, {"column": name, "max_value": bound, "strict_max": True, "mostly": 0.3}


def of_sets() -> Iterator[Ask]:
    sets: dict[str, list[list[Any]]] = {
        "i": [[0, 1, 2], [1.0, 2, 2.5], list(range(-4, 13))],
        "j": [[1, 2, 3, -4], [99]],
        "f": [[0, 0.1, 0.25, 1, -1.5, 2.5, 1e6], [0.1]],
        "g": [[0.25, 1], [0.1]],
        "c": [[0, 0.25, 1, -1.5], [0.1], [0, 0.25, 999.99]],
        "s": [["a", "b", "x\n", "é"], TEXTS],
        "p": [["a", "b"], ["a", "b", "bb", "AB12", "7"], ["a'b"]],
        "b": [[True], [True, False]],
        "d": [["2020-01-01", "2020-01-02"]],
        "ts": [["2020-01-01T00:00:00"]],
        "z": [[1]],
        "nope": [[1]],
    }
    for name, choices in sets.items():
        for values in choices:
            yield "expect_column_values_to_be_in_set", {"column": name, "value_set": values}
            yield "expect_column_values_to_be_in_set", {"column": name, "value_set": values, "mostly": 0.3}
            yield "expect_column_values_to_not_be_in_set", {"column": name, "value_set": values, "mostly": 0.6}
            for relation in ("be_in", "contain", "equal"):
                yield f"expect_column_distinct_values_to_{relation}_set", {"column": name, "value_set": values}


def of_texts() -> Iterator[Ask]:
    patterns = [
        "a",
        "^a",
        "b$",
        "^$",
        r"\d",
        r"^\d+$",
        r"^\w+$",
        r"\s",
        r"\bb\b",
        "(?i)^B",
        "^[a-z]{1,2}$",
        ".",
        "^(?!a)",
        r"(.)\1",
    ]
    for name in ("s", "p", "i", "nope"):
        for pattern in patterns:
            yield "expect_column_values_to_match_regex", {"column": name, "regex": pattern, "mostly": 0.5}
            yield "expect_column_values_to_not_match_regex", {"column": name, "regex": pattern}
        for bounds in (
            {"min_value": 1},
            {"max_value": 1, "mostly": 0.5},
            {"min_value": 1, "max_value": 2, "strict_min": True},
        ):
            yield "expect_column_value_lengths_to_be_between", {"column": name, **bounds}
        yield "expect_column_value_lengths_to_equal", {"column": name, "value": 1, "mostly": 0.1}


def of_repetition() -> Iterator[Ask]:
    for columns in (["i", "p"], ["id", "s"], ["f", "z"], ["d", "ts", "b"], ["c", "inf"], ["i", "nope"]):
        yield "expect_compound_columns_to_be_unique", {"column_list": columns}
        for ignored in ("all_values_are_missing", "any_value_is_missing", "never"):
            arguments = {"column_list": columns, "ignore_row_if": ignored, "mostly": 0.5}
            yield "expect_compound_columns_to_be_unique", arguments
    yield "expect_column_values_to_be_unique", {"column": "i", "mostly": 0.01}


def of_figures() -> Iterator[Ask]:
    for name in [*NUMBERS, "d", "ts", "s", "nope"]:
        for figure in ("min", "max", "mean", "median", "sum", "stdev"):
            type_ = f"expect_column_{figure}_to_be_between"
            yield type_, {"column": name, "min_value": 0, "max_value": 3}
            yield type_, {"column": name, "min_value": 0, "strict_min": True}
            yield type_, {"column": name}
        for figure in ("min", "max"):
            for bound in ("2020-01-02", "2020-01-01T14:00:00.000002"):
                yield f"expect_column_{figure}_to_be_between", {"column": name, "min_value": bound}
    for name in COLUMNS:
        yield "expect_column_unique_value_count_to_be_between", {"column": name, "min_value": 2, "max_value": 5}
        for proportion in ("unique", "non_null"):
            type_ = f"expect_column_proportion_of_{proportion}_values_to_be_between"
            yield type_, {"column": name, "min_value": 0.5}
            yield type_, {"column": name, "min_value": 0, "max_value": 1, "strict_max": True}


def of_pairs() -> Iterator[Ask]:
    for first, second in (
        ("i", "j"),
        ("f", "inf"),
        ("i", "f"),
        ("c", "i"),
        ("s", "p"),
        ("d", "e"),
        ("ts", "tz"),
        ("c", "f"),
        ("i", "nope"),
    ):
        arguments = {"column_A": first, "column_B": second}
        yield "expect_column_pair_values_to_be_equal", arguments
        yield "expect_column_pair_values_a_to_be_greater_than_b", arguments
        yield "expect_column_pair_values_a_to_be_greater_than_b", {**arguments, "or_equal": True, "mostly": 0.3}
        for ignored in ("both_values_are_missing", "either_value_is_missing", "neither"):
            yield "expect_column_pair_values_to_be_equal", {**arguments, "ignore_row_if": ignored, "mostly": 0.2}
            yield "expect_column_pair_values_a_to_be_greater_than_b", {**arguments, "ignore_row_if": ignored}


def of_tables() -> Iterator[Ask]:
    names = TABLES["full"].column_names
    for columns in (names, names[::-1], names[:-1], [*names, "nope"], []):
        yield "expect_table_columns_to_match_set", {"column_set": columns}
        yield "expect_table_columns_to_match_set", {"column_set": columns, "exact_match": False}
        yield "expect_table_columns_to_match_ordered_list", {"column_list": columns}
    for bounds in (
        {"min_value": 1},
        {"max_value": 40},
        {"min_value": 1, "strict_min": True, "max_value": 60, "strict_max": True},
        {},
    ):
        yield "expect_table_row_count_to_be_between", bounds
    for value in (0, 30, 40):
        yield "expect_table_row_count_to_equal", {"value": value}
    yield "expect_table_column_count_to_equal", {"value": len(names)}


def odd_arguments() -> Iterator[Ask]:
    """What is for Great Expectations to judge: ours must hand it over, or say the same."""
    condition = {"row_condition": "i > 0", "condition_parser": "pandas"}
    yield "expect_column_values_to_not_be_null", {"column": "s", **condition}
    yield "expect_column_values_to_be_between", {"column": "f", "max_value": 1, "mostly": 0.5, **condition}
    yield "expect_table_row_count_to_be_between", {"max_value": 9, **condition}
    yield "expect_compound_columns_to_be_unique", {"column_list": ["id", "j"], **condition}
    yield "expect_column_values_to_not_be_null", {"column": "s", "row_condition": None, "condition_parser": None}
    yield "expect_column_values_to_be_between", {"column": "i"}
    yield "expect_column_values_to_be_between", {"column": "i", "min_value": 3, "max_value": 1}
    yield "expect_column_values_to_be_between", {"column": "i", "min_value": "0"}
    yield "expect_column_values_to_be_between", {"column": "s", "min_value": "a"}
    yield "expect_column_values_to_be_between", {"column": "i", "min_value": {"$PARAMETER": "least"}}
    yield "expect_column_values_to_be_between", {"column": "i", "min_value": 0, "parse_strings_as_datetimes": True}
    yield "expect_column_values_to_be_in_set", {"column": "i", "value_set": ["1", 2, None]}
    yield "expect_column_values_to_be_in_set", {"column": "i", "value_set": []}
    yield "expect_column_values_to_be_in_set", {"column": "s"}
    yield "expect_column_values_to_match_regex", {"column": "s", "regex": "("}
    yield "expect_column_values_to_not_be_null", {"column": "s", "mostly": 2}
    yield "expect_column_values_to_not_be_null", {"column": ""}
    yield "expect_column_values_to_not_be_null", {}
    yield "expect_column_to_exist", {"column": "i", "column_index": 1}
    yield "expect_column_value_lengths_to_be_between", {"column": "s"}
    yield "expect_column_value_lengths_to_equal", {"column": "s", "value": "1"}
    yield "expect_table_row_count_to_equal", {"value": 30.5}
    yield "expect_compound_columns_to_be_unique", {"column_list": ["i"]}
    yield "expect_column_pair_values_to_be_equal", {"column_A": "i", "column_B": "j", "ignore_row_if": "never"}


ASKS = list(asks())


def test_every_type_that_sql_knows_is_asked() -> None:
    asked = {type_ for type_, _ in ASKS}
    assert set(sql.PLANNERS) <= asked
    assert len(sql.PLANNERS) == 30


@pytest.mark.parametrize("name", TABLES)
def test_sql_says_what_great_expectations_says(name: str) -> None:
    table, asked = TABLES[name], ASKS if name == "ugly" else ASKS[list(TABLES).index(name) % 3 :: 3]
    with Reader(CompareRules()) as reader:
        opened = reader.open(Frame(table), (), "parquet", {})
        ours = sql.evaluate(reader.connection, opened, asked)
    differing = [
        (*ask, mine, theirs)
        for ask, mine, theirs in zip(asked, ours, reference(table, asked), strict=True)
        if mine is not None and not _agree(mine, theirs, *ask, table)
    ]
    assert not differing, "\n".join(map(str, differing))
    # Handing everything over would agree, too.
    assert sum(mine is not None for mine in ours) > 0.75 * len(asked)


@pytest.mark.parametrize("name", ["ugly", "empty"])
def test_what_is_handed_over_is_judged_on_the_columns_that_it_names(name: str) -> None:
    asked = [*odd_arguments(), *list(of_tables())[-1:]]
    with Reader(CompareRules()) as reader:
        opened = reader.open(Frame(TABLES[name]), (), "parquet", {})
        ours = [gx.evaluate(reader.connection, opened, *ask) for ask in asked]
    for ask, mine, theirs in zip(asked, ours, reference(TABLES[name], asked), strict=True):
        if theirs is None:
            assert isinstance(mine, str), ask
            assert mine.startswith("not run: "), ask
        else:
            assert isinstance(mine, Observed), ask
            assert (mine.success, mine.unexpected) == (theirs.success, theirs.unexpected), ask


def reference(table: pa.Table, asked: list[Ask]) -> list[Observed | None]:
    """What Great Expectations says of a whole table; None for what it does not accept."""
    import great_expectations as gx
    from great_expectations.core.expectation_suite import ExpectationSuite

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": table.to_pandas()})
    return [_asked(batch, ExpectationSuite, *ask) for ask in asked]


def _asked(batch: Any, suite: Any, type_: str, arguments: dict[str, Any]) -> Observed | None:
    try:
        (result,) = batch.validate(suite("one", [{"type": type_, "kwargs": arguments}])).results
    except Exception:  # it raises what it likes for what it does not accept
        return None
    info = str(result.exception_info)
    is_raised = "'raised_exception': True" in info
    seen, unexpected = result.result.get("observed_value"), result.result.get("unexpected_count")
    fault: Any = "" if not is_raised else "absent" if "does not exist" in info else "raised"
    return Observed(bool(result.success), "", unexpected, seen, fault)


def _agree(mine: Observed, theirs: Observed | None, type_: str, arguments: dict[str, Any], table: pa.Table) -> bool:
    if theirs is None:
        return False
    if theirs.fault == "raised":
        return _is_pandas_lack(type_, arguments, table)
    if mine.fault == "absent":
        return not theirs.success and (theirs.fault == "absent" or type_ == "expect_column_to_exist")
    if theirs.unexpected is not None and mine.unexpected is not None and mine.unexpected != theirs.unexpected:
        return False
    if theirs.value is None or mine.value is None:
        return mine.success == theirs.success
    return _close(mine.value, theirs.value) and (mine.success == theirs.success or _at_bound(mine.value, arguments))


def _is_pandas_lack(type_: str, arguments: dict[str, Any], table: pa.Table) -> bool:
    """Python's objects in a pandas column can neither be added to nor compared with None: not the data's fault."""
    if type_.startswith("expect_column_pair"):
        types = [table.schema.field(arguments[name]).type for name in ("column_A", "column_B")]
        return any(pa.types.is_date(found) or pa.types.is_decimal(found) for found in types)
    return bool(pa.types.is_decimal(table.schema.field(arguments["column"]).type))


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, int | float | Decimal) and not isinstance(other, str | list | datetime):
        # pandas adds up 32-bit floats in 32 bits.
        digits = 1e-6 if getattr(other, "dtype", None) == "float32" else 1e-9
        return bool(math.isclose(float(one), float(other), rel_tol=digits) or float(one) == float(other))
    return bool(one == other)


def _at_bound(value: Any, arguments: dict[str, Any]) -> bool:
    bounds = [bound for key in ("min_value", "max_value") if isinstance(bound := arguments.get(key), int | float)]
    return isinstance(value, float) and any(math.isclose(value, bound, rel_tol=1e-9, abs_tol=1e-12) for bound in bounds)
