"""What a script takes of several by one of its job's arguments: other arguments never come to it."""

from __future__ import annotations

import pytest

from pypedream_dagster.script.model import Access
from pypedream_dagster.script.reading import read_script

HEAD = """
import sys
from awsglue.utils import getResolvedOptions
args = getResolvedOptions(sys.argv, ["JOB_NAME", "table"])
CONFIG = {
    "orders": {"raw": "s3://b/raw/o/", "out": "s3://b/out/o/", "name": "o"},
    "items": {"raw": "s3://b/raw/i/", "out": "s3://b/out/i/", "name": "i"},
}
LIST = [{"of": "orders", **CONFIG["orders"]}, {"of": "items", **CONFIG["items"]}]
"""


def reached(code: str, table: str) -> set[str]:
    """Return what code reads and writes where the job is given a table."""
    facts = read_script((HEAD + code).encode()).facts
    return {
        f"{fact.action} {fact.target}"
        for fact in facts
        if isinstance(fact, Access) and all(one.may_hold({"table": table}) for one in fact.at.conditions)
    }


@pytest.mark.parametrize(
    "code",
    [
        'c = CONFIG[args["table"]]\nspark.read.json(c["raw"]).write.parquet(c["out"])',
        'c = CONFIG.get(args["table"])\nspark.read.json(c["raw"].rstrip("/") + "/").write.parquet(f"{c[\'out\']}")',
        'c = [c for c in LIST if c["of"] == args["table"]][0]\nspark.read.json(c["raw"]).write.parquet(c["out"])',
        'c = next(c for c in LIST if c["of"] == args["table"])\nspark.read.json(c["raw"]).write.parquet(c["out"])',
        'for c in LIST:\n    if c["of"] == args["table"]:\n        spark.read.json(c["raw"]).write.parquet(c["out"])',
        'for name, c in CONFIG.items():\n    if name != args["table"]:\n        continue\n'
        '    spark.read.json(c["raw"]).write.parquet(c["out"])',
        'for path in {"orders": ["s3://b/raw/o/"], "items": ["s3://b/raw/i/"]}[args["table"]]:\n'
        '    spark.read.json(path).write.parquet(CONFIG[args["table"]]["out"])',
        'if args["table"] == "orders":\n    raw, out = "s3://b/raw/o/", "s3://b/out/o/"\n'
        'else:\n    raw, out = "s3://b/raw/i/", "s3://b/out/i/"\nspark.read.json(raw).write.parquet(out)',
        'def name_of(table):\n    if table == "orders":\n        return "o"\n    return "i"\n'
        'n = name_of(args["table"])\nspark.read.json(f"s3://b/raw/{n}/").write.parquet("s3://b/out/%s/" % n)',
        'def orders():\n    spark.read.json("s3://b/raw/o/").write.parquet("s3://b/out/o/")\n'
        'def items():\n    spark.read.json("s3://b/raw/i/").write.parquet("s3://b/out/i/")\n'
        'RUN = {"orders": orders, "items": items}\nRUN[args["table"]]()',
        'c = CONFIG[args["table"]]\n'
        'f = glueContext.create_dynamic_frame.from_options("s3", {"paths": [c["raw"]]}, "json")\n'
        'glueContext.write_dynamic_frame.from_options(frame=f, connection_type="s3",'
        ' connection_options={"path": c["out"]}, format="parquet")',
    ],
)
def test_each_argument_comes_to_its_own_places(code: str) -> None:
    """A dict's item, a list's by a name in it, a branch of an if, a function by its name."""
    assert reached(code, "orders") == {"read s3://b/raw/o/", "write s3://b/out/o/"}
    assert reached(code, "items") == {"read s3://b/raw/i/", "write s3://b/out/i/"}
    assert len(reached(code, "${unknown}")) == 4


def test_an_item_that_a_dict_has_not_is_its_default() -> None:
    """``get`` with a second argument."""
    code = 'spark.read.json({"orders": "s3://b/o/", "items": "s3://b/i/"}.get(args["table"], "s3://b/rest/"))'
    assert reached(code, "orders") == {"read s3://b/o/"}
    assert reached(code, "other") == {"read s3://b/rest/"}


def test_of_many_items_each_is_told_apart() -> None:
    """More than a value may otherwise be; what frames and options are made of goes with them."""
    items = ", ".join(f'"t{n}": {{"raw": "s3://b/raw/{n}/", "out": "s3://b/out/{n}/", "f": "json"}}' for n in range(60))
    code = f'c = {{{items}}}[args["table"]]\nframe = spark.read.format(c["f"]).load(c["raw"]).filter("x")\n'
    code += 'frame.join(frame, "id").write.format(c["f"]).save(c["out"])'
    assert reached(code, "t59") == {"read s3://b/raw/59/", "write s3://b/out/59/"}


def test_an_item_of_a_list_is_that_item() -> None:
    """Its place in the list is known, whatever argument says which list."""
    code = 'spark.read.json({"orders": ["s3://b/1/", "s3://b/2/"], "items": ["s3://b/3/"]}[args["table"]][0])'
    assert reached(code, "orders") == {"read s3://b/1/"}


def test_what_an_argument_lists_comes_to_the_places_of_all_that_it_lists() -> None:
    """One job does several tables."""
    code = 'for t in args["table"].split(","):\n    spark.read.json({"a": "s3://b/a/", "b": "s3://b/b/", "c": "s3://c/"}[t])'
    assert reached(code, "a") == {"read s3://b/a/"}
    assert reached(code, "a,b") == {"read s3://b/a/", "read s3://b/b/"}
