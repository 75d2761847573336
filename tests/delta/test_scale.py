"""What only shows on more than a handful of rows: repeats found late, joins that would explode, little memory."""

# ruff: noqa: TID253 - what these tests write needs pyarrow throughout
from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.model import DatasetDelta
from pypedream_dagster.delta.rules import CompareRules
from pypedream_dagster.delta.source import Frame, Side

ROWS = 60_000
UNIQUE = list(range(ROWS))
LATE = 40_000  # beyond the rows that are looked at first


def with_key(keys: list[int | None], shift: int = 0) -> pa.Table:
    return pa.table({"id": keys, "v": [(i if key is None else key) % 97 + shift for i, key in enumerate(keys)]})


def counts(delta: DatasetDelta) -> tuple[int, int, int | None, int]:
    return delta.rows.added, delta.rows.removed, delta.rows.changed, delta.rows.unchanged


def test_keys_that_repeat_late_on_one_side() -> None:
    head = with_key([*UNIQUE, LATE, LATE, LATE + 1])
    delta = compare(Frame(with_key(UNIQUE)), Frame(head), CompareRules(key=("id",)))
    assert counts(delta) == (3, 0, 0, ROWS)
    assert (delta.key.base_duplicates, delta.key.head_duplicates) == (0, 2)


def test_keys_that_repeat_late_on_both_sides_alike() -> None:
    table = with_key([*UNIQUE, LATE, LATE])
    delta = compare(Frame(table), Frame(table), CompareRules(key=("id",)))
    assert counts(delta) == (0, 0, 0, ROWS + 2)
    assert (delta.key.base_duplicates, delta.key.head_duplicates) == (1, 1)


def test_repeats_that_balance() -> None:
    """One key repeats on the base, another on the head: the numbers of rows on both sides are equal."""
    base, head = with_key([*UNIQUE, LATE]), with_key([*UNIQUE, LATE + 1])
    delta = compare(Frame(base), Frame(head), CompareRules(key=("id",)))
    assert counts(delta) == (1, 1, 0, ROWS)
    assert (delta.key.base_duplicates, delta.key.head_duplicates) == (1, 1)


@pytest.mark.parametrize("key", [("id",), ()])
def test_one_value_in_a_third_of_the_rows(key: tuple[str, ...]) -> None:
    """A join on it would make 4·10^8 pairs."""
    keys = [i if i < LATE else 7 for i in range(ROWS)]
    base, head = with_key(keys), with_key([*keys, 7, ROWS])
    delta = compare(Frame(base), Frame(head), CompareRules(key=key, infer_key=False))
    assert counts(delta) == (2, 0, 0 if key else None, ROWS)


def test_rows_that_repeat_late_without_a_key() -> None:
    base, head = with_key([*UNIQUE, LATE, LATE]), with_key([*UNIQUE, LATE + 1])
    delta = compare(Frame(base), Frame(head), CompareRules(infer_key=False))
    assert counts(delta) == (1, 2, None, ROWS)
    assert [row["id"] for row in delta.samples.added] == [LATE + 1]
    assert [row["id"] for row in delta.samples.removed] == [LATE, LATE]


def test_one_null_key_on_each_side_is_one_key() -> None:
    keys = [None, *UNIQUE[1:]]
    delta = compare(Frame(with_key(keys)), Frame(with_key(keys, shift=1)), CompareRules(key=("id",), sample_rows=3))
    assert counts(delta) == (0, 0, ROWS, 0)
    assert delta.key.base_duplicates == 0


def test_every_row_changed_in_little_memory(tmp_path: Path) -> None:
    """The head's rows, which usually ride along, do not fit: they are read again instead."""
    rows = 400_000
    text = pc.binary_repeat("x", pa.array([150] * rows))
    base = pa.table({"id": range(rows), "v": [0] * rows, "text": text})
    head = pa.table({"id": range(rows), "v": [1] * rows, "text": text})
    sides = []
    for name, table in (("base", base), ("head", head)):
        (tmp_path / name).mkdir()
        pq.write_table(table, tmp_path / name / "part.parquet", row_group_size=50_000)
        sides.append(Side(str(tmp_path / name)))
    rules = CompareRules(key=("id",), memory_limit_bytes=128 * 1024**2, statistics="none", sample_rows=2)
    delta = compare(*sides, rules)
    assert (delta.status, delta.error) == ("compared", None)
    assert counts(delta) == (0, 0, rows, 0)
    assert {name: column.changed for name, column in delta.columns.items()} == {"id": 0, "v": rows, "text": 0}
    assert [dict(row.key) for row in delta.samples.changed] == [{"id": 0}, {"id": 1}]


def test_one_side_is_all_identical_files(tmp_path: Path) -> None:
    """What is left to compare is empty on the base: there is nothing to join."""
    for name, parts in (("base", 1), ("head", 2)):
        (tmp_path / name).mkdir()
        for part in range(parts):
            pq.write_table(with_key(list(range(part * 10, part * 10 + 10))), tmp_path / name / f"{part}.parquet")
    delta = compare(Side(str(tmp_path / "base")), Side(str(tmp_path / "head")), CompareRules(key=("id",)))
    assert counts(delta) == (10, 0, 0, 10)
    assert delta.reading.identical_files == 1
    assert len(delta.samples.added) == 10


def test_quantiles_of_many_rows_are_near() -> None:
    rows = 1_200_000
    table = pa.table({"id": pa.array(range(rows)), "v": pc.random(rows, initializer=1)})
    head = table.set_column(1, "v", pc.add(table["v"], 1.0))
    delta = compare(Frame(table), Frame(head), CompareRules(key=("id",), statistics="all", sample_rows=0))
    ours, theirs = delta.columns["v"].base, delta.columns["v"].head
    assert ours is not None
    assert theirs is not None
    for before, after in zip(ours.quantiles, theirs.quantiles, strict=True):
        assert before.value == pytest.approx(before.fraction, abs=0.01)
        assert after.value == pytest.approx(1 + after.fraction, abs=0.01)
    # The sample is not just the first rows.
    ids = delta.columns["id"].base
    assert ids is not None
    assert ids.quantiles[-1].value == pytest.approx(0.99 * rows, rel=0.01)
