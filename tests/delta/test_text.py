"""CSV and JSON: what text means, alike on both sides."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pypedream_dagster.delta.compare import compare
from pypedream_dagster.delta.model import DatasetDelta
from pypedream_dagster.delta.rules import CompareRules, EngineChoice
from pypedream_dagster.delta.source import Side

Content = str | bytes | dict[str, str | bytes]
Counts = tuple[int, int, int | None, int]


def lines(*rows: Any) -> dict[str, str | bytes]:
    return {"x.json": "".join(json.dumps(row) + "\n" for row in rows)}


def of(
    folder: Path, base: Content, head: Content, key: tuple[str, ...], engine: EngineChoice = "duckdb"
) -> DatasetDelta:
    sides = []
    for name, content in (("base", base), ("head", head)):
        for file, data in (content if isinstance(content, dict) else {"x.csv": content}).items():
            path = folder / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
        sides.append(Side(str(folder / name)))
    rules = CompareRules(key=key, infer_key=False, skip_identical_files=False)
    return compare(*sides, rules, engine=engine, name="d")


CSV: dict[str, tuple[Content, Content, Counts]] = {
    "leading zeros": ("id,v\n1,00501\n2,10001\n", "id,v\n1,501\n2,10001\n", (0, 0, 1, 1)),
    "leading zeros beside text": ("id,v\n1,001\n", "id,v\n1,001\n2,x\n", (1, 0, 0, 1)),
    "numbers written otherwise": ("id,v\n1,1.0\n2,2.50\n", "id,v\n1,1\n2,2.5\n", (0, 0, 0, 2)),
    "a number becomes text": ("id,v\n1,1\n2,2\n", "id,v\n1,1\n2,two\n", (0, 0, 1, 1)),
    "a date becomes text": ("id,v\n1,2020-01-01\n2,2020-01-02\n", "id,v\n1,2020-01-01\n2,n/a\n", (0, 0, 1, 1)),
    "stamps beside text": ("id,v\n1,2020-01-01T00:00:00Z\n", "id,v\n1,2020-01-01T00:00:00Z\n2,x\n", (1, 0, 0, 1)),
    "one instant": ("id,v\n1,2020-01-01T00:00:00Z\n", "id,v\n1,2020-01-01 01:00:00+01:00\n", (0, 0, 0, 1)),
    "long ids": ("id,v\n12345678901234567890,a\n", "id,v\n12345678901234567891,a\n", (1, 1, 0, 0)),
    "long decimals": ("id,v\n1,12345678901234567890.01\n", "id,v\n1,12345678901234567890.02\n", (0, 0, 1, 0)),
    "floats": ("id,v\n1,0.30000000000000004\n2,1e-7\n", "id,v\n1,0.30000000000000004\n2,0.0000001\n", (0, 0, 0, 2)),
    "nan and infinity": ("id,v\n1,NaN\n2,inf\n3,1.5\n", "id,v\n1,nan\n2,Infinity\n3,1.50\n", (0, 0, 0, 3)),
    "booleans": ("id,v\n1,true\n2,False\n", "id,v\n1,TRUE\n2,true\n", (0, 0, 1, 1)),
    "semicolon": ("id;v\n1;a\n2;b\n", "id,v\n1,a\n2,c\n", (0, 0, 1, 1)),
    "tab": ({"x.tsv": "id\tv\n1\ta b\n2\tb\n"}, "id,v\n1,a b\n2,c\n", (0, 0, 1, 1)),
    "quotes": ('id,v\n1,"a\nb"\n2,"x ""y"" z"\n', 'id,v\n2,"x ""y"" z"\n1,"a\nc"\n', (0, 0, 1, 1)),
    "byte order mark": ("\ufeffid,v\r\n1,a\r\n", "id,v\n1,a\n", (0, 0, 0, 1)),
    "header only": ("id,v\n", "id,v\n1,a\n", (1, 0, 0, 0)),
    "all text": ("id,v\nann,rome\nbob,oslo\n", "id,v\nann,rome\nbob,bern\n", (0, 0, 1, 1)),
    "empty file beside": ({"x.csv": "id,v\n1,a\n", "y.csv": ""}, "id,v\n1,a\n", (0, 0, 0, 1)),
    "quoted and not": ('id,v\n1,\n2,""\n', "id,v\n1,\n2,\n", (0, 0, 0, 2)),
    "compressed": ({"x.csv.gz": gzip.compress(b"id,v\n1,a\n")}, "id,v\n1,b\n", (0, 0, 1, 0)),
    "columns reordered": ("id,v,w\n1,a,x\n", "w,id,v\nx,1,a\n", (0, 0, 0, 1)),
    "files with other columns": (
        {"x.csv": "id,v\n1,a\n", "y.csv": "id,v,w\n2,b,c\n"},
        "id,v,w\n1,a,\n2,b,c\n",
        (0, 0, 0, 2),
    ),
    "names with brackets": (
        {"x[1].csv": "id,v\n1,a\n", "y*.csv": "id,v\n2,a\n"},
        {"x[1].csv": "id,v\n1,a\n", "y*.csv": "id,v\n2,b\n"},
        (0, 0, 1, 1),
    ),
    "partitions": (
        {"p=1/x.csv": "id,v\n1,a\n", "p=2/x.csv": "id,v\n2,b\n"},
        {"p=1/x.csv": "id,v\n1,a\n", "p=3/x.csv": "id,v\n2,b\n"},
        (0, 0, 1, 1),
    ),
    "header in other case": ("ID,V\n1,a\n", "id,v\n1,a\n", (0, 0, 0, 1)),
}
JSON: dict[str, tuple[Content, Content, Counts]] = {
    "order of fields": (
        lines({"id": 1, "v": {"a": 1, "b": [1]}}),
        lines({"v": {"b": [1], "a": 1}, "id": 1}),
        (0, 0, 0, 1),
    ),
    "missing and null": (
        lines({"id": 1, "v": 1}, {"id": 2}),
        lines({"id": 1, "v": 1}, {"id": 2, "v": None}),
        (0, 0, 0, 2),
    ),
    "several types on one side": (
        lines({"id": 1, "v": 1}, {"id": 2, "v": 2}),
        lines({"id": 1, "v": 1}, {"id": 2, "v": "x"}),
        (0, 0, 1, 1),
    ),
    "number and its text": (
        lines({"id": 1, "v": 1}, {"id": 2, "v": "x"}),
        lines({"id": 1, "v": "1"}, {"id": 2, "v": "x"}),
        (0, 0, 1, 1),
    ),
    "object becomes number": (
        lines({"id": 1, "v": {"a": 1}}, {"id": 2, "v": {"a": 2}}),
        lines({"id": 1, "v": {"a": 1}}, {"id": 2, "v": 3}),
        (0, 0, 1, 1),
    ),
    "texts like dates": (
        lines({"id": 1, "v": "2020-01-01T00:00:00Z"}),
        lines({"id": 1, "v": "2020-01-01T00:00:00Z"}, {"id": 2, "v": "x"}),
        (1, 0, 0, 1),
    ),
    "texts like uuids": (
        lines({"id": 1, "v": "C9A0E3D4-7F4C-4F59-9A52-1B7C1D6F7A11"}),
        lines({"id": 1, "v": "c9a0e3d4-7f4c-4f59-9a52-1b7c1d6f7a11"}),
        (0, 0, 1, 0),
    ),
    "beyond double": (
        lines({"id": 1, "v": 9007199254740993}, {"id": 2, "v": 1.5}),
        lines({"id": 1, "v": 9007199254740992}, {"id": 2, "v": 1.5}),
        (0, 0, 1, 1),
    ),
    "whole and not": (lines({"id": 1, "v": 1}), lines({"id": 1, "v": 1.0}), (0, 0, 0, 1)),
    "array": ({"x.json": '[{"id": 1, "v": "a"},\n {"id": 2, "v": "b"}]'}, lines({"id": 1, "v": "a"}), (0, 1, 0, 1)),
    "fields in other case": (lines({"id": 1, "A": 1, "a": 2}), lines({"id": 1, "A": 1, "a": 3}), (0, 0, 1, 0)),
    "partitions": ({"p=1/x.json": '{"id":1}\n'}, {"p=2/x.json": '{"id":1}\n'}, (0, 0, 1, 0)),
    "nothing on base": ({"x.json": '{"id":1}\n', "y.json": ""}, lines({"id": 1}), (0, 0, 0, 1)),
}


@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
@pytest.mark.parametrize("name", [*CSV, *(f"json {name}" for name in JSON)])
def test_text(tmp_path: Path, name: str, engine: EngineChoice) -> None:
    base, head, expected = JSON[name.removeprefix("json ")] if name.startswith("json ") else CSV[name]
    delta = of(tmp_path, base, head, ("id",), engine)
    assert delta.error is None
    rows = delta.rows
    assert (rows.added, rows.removed, rows.changed, rows.unchanged) == expected


def test_json_numbers_of_either_sign_are_no_wider(tmp_path: Path) -> None:
    base, head = lines({"id": 1, "v": 5, "w": [1]}), lines({"id": 1, "v": -5, "w": [-1]}, {"id": 2, "v": 6, "w": [2]})
    delta = of(tmp_path, base, head, ("id",))
    assert delta.schema.retyped == {}
    assert {column.name: column.type for column in delta.schema.head} == {
        "id": "bigint",
        "v": "bigint",
        "w": "bigint[]",
    }


def test_json_numbers_that_are_wide_stay_exact(tmp_path: Path) -> None:
    wide = 2**63 + 1
    delta = of(
        tmp_path, lines({"id": -1, "v": -1}, {"id": wide, "v": wide}), lines({"id": wide, "v": wide + 1}), ("id",)
    )
    assert (delta.rows.removed, delta.rows.changed) == (1, 1)


def test_no_header_on_either_side(tmp_path: Path) -> None:
    delta = of(tmp_path, "1,a\n2,b\n", "1,a\n2,c\n", ("column0",))
    assert (delta.rows.changed, delta.rows.unchanged) == (1, 1)


def test_files_of_zero_bytes_have_no_columns(tmp_path: Path) -> None:
    delta = of(tmp_path, "", "id,v\n1,a\n", ())
    assert (delta.status, delta.rows.added, delta.schema.added) == ("compared", 1, ("id", "v"))


@pytest.mark.parametrize("content", ["id,v\n1,a\n2,b,c\n", b"id,v\n1,caf\xe9\n"])
def test_bad_csv_is_named(tmp_path: Path, content: Content) -> None:
    delta = of(tmp_path, content, "id,v\n1,a\n", ("id",))
    assert delta.status == "unreadable"
    assert "x.csv" in (delta.error or "")


def test_bad_json_is_named(tmp_path: Path) -> None:
    delta = of(tmp_path, {"x.json": '{"id": 1\n'}, lines({"id": 1}), ("id",))
    assert delta.status == "unreadable"
    assert "x.json" in (delta.error or "")
