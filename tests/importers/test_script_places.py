"""A script's texts as places: an argument's value, else what the script takes for it, else the argument by name."""

from __future__ import annotations

import pytest

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.inference.places import place_of_text, places_of_text
from pypedream_dagster.script.pieces import Argument, Each, Gap, Text

from .surveys import asked, imported, job, links, script


def test_an_argument_that_the_job_is_not_given_is_what_the_script_takes_for_it() -> None:
    text = Text(("s3://b/", Argument("layer", "raw"), "/", Argument("day"), "/", Gap("table")))
    assert place_of_text(text, {}, {}) == "s3://b/raw/${argument.day}/*"
    assert place_of_text(text, {"layer": "silver", "day": "1"}, {}) == "s3://b/silver/1/*"


def test_what_an_argument_lists_is_a_place_each() -> None:
    names, pairs = Argument("tables", keys=(Each(","),)), Argument("pairs", keys=(Each(), "in"))
    text = Text(("s3://b/", names, "/", names, ".csv"))
    assert list(places_of_text(text, {"tables": "x, y,"}, {})) == ["s3://b/x/x.csv", "s3://b/y/y.csv"]
    assert list(places_of_text(text, {}, {})) == ["s3://b/${argument.tables}/${argument.tables}.csv"]
    given = {"pairs": '[{"in": "s3://b/1/"}, {"in": "s3://b/2/"}]', "tables": "x,y"}
    assert list(places_of_text(Text((pairs,)), given, {})) == ["s3://b/1/", "s3://b/2/"]
    both = list(places_of_text(Text((pairs, names)), given, {}))
    assert both == ["s3://b/1/x", "s3://b/1/y", "s3://b/2/x", "s3://b/2/y"]
    default = Argument("tables", keys=(Each(",", default="x,y"),))
    assert list(places_of_text(Text(("s3://b/", default)), {}, {})) == ["s3://b/x", "s3://b/y"]


def test_an_argument_in_which_nothing_is_listed_is_unknown() -> None:
    text = Text(("s3://b/", Argument("tables", keys=(Each(), "name"))))
    for odd in ("", "[]", "{", "7", '["x"]', "[[]]", '{"a": 1}'):
        assert list(places_of_text(text, {"tables": odd}, {})) == ["s3://b/${argument.tables.name}"]


def test_a_bucket_that_is_a_uri_is_that_uri() -> None:
    text = Text(("s3://", Argument("path"), "/x/"))
    assert place_of_text(text, {"path": "s3://b/y"}, {}) == "s3://b/y/x/"


def test_a_bucket_and_a_key_are_taken_out_of_an_arguments_uri() -> None:
    bucket, key = Argument("src").taken("bucket"), Argument("src").taken("key")
    text = Text(("s3://", bucket, "/clean/", key))
    assert place_of_text(text, {"src": "s3://b/raw/x.csv"}, {}) == "s3://b/clean/raw/x.csv"
    assert place_of_text(text, {"src": "b"}, {}) == "s3://b/clean/"
    unknown = "s3://${argument.src.bucket}/clean/${argument.src.key}"
    assert place_of_text(text, {}, {}) == place_of_text(text, {"src": "${local.src}"}, {}) == unknown


def test_the_environments_variable_has_the_value_of_the_argument_of_its_name() -> None:
    code = (
        "import os\ndef put(bucket, key):\n    df.write.parquet(f's3://{bucket}/{key}')\n"
        "put(os.getenv('LAKE', '').strip(), 'x')\nput(os.environ['LAKE'], 'y')\nput(os.environ['OTHER'], 'z')"
    )
    found = imported(job("a", {"LAKE": "lake"}), script("a", code))
    assert sorted(data.base_uri for data in found.graph.by_id["a"].outputs.values()) == ["s3://lake/x", "s3://lake/y"]
    assert "s3://*/z" in str(found.graph.by_id["a"].metadata.unexplained_writes)


def test_a_slash_at_an_arguments_end_is_not_doubled() -> None:
    text = Text((Argument("path"), "/orders/"))
    assert place_of_text(text, {"path": "s3://b/x/"}, {}) == "s3://b/x/orders/"
    assert place_of_text(text, {"path": "s3://b/x"}, {}) == "s3://b/x/orders/"
    assert place_of_text(Text((Argument("scheme"), "/b/x")), {"scheme": "s3://"}, {}) == "s3:///b/x"


_FROM_A_FILE = """
import json, sys, boto3
from awsglue.utils import getResolvedOptions
args = getResolvedOptions(sys.argv, ["JOB_NAME", "config_key", "section"])
answer = boto3.client("s3").get_object(Bucket="code", Key=args["config_key"])
config = json.loads(answer["Body"].read().decode("utf-8"))[args["section"]]
spark.read.json(f"s3://lake/{config['in']}")
frame.write.parquet("s3://lake/" + config.get("out", "nowhere"))
"""


def _held(path: str, text: str) -> SourceFile:
    return SourceFile(path, text, text.encode())


def test_what_a_script_loads_from_a_file_of_the_repository_is_known() -> None:
    jobs = [
        job(name, {"config_key": "conf/tables.json", "section": name}, Command={"ScriptLocation": "s3://c/etl.py"})
        for name in ("clean", "report")
    ]
    told = '{"clean": {"in": "raw/", "out": "silver/"}, "report": {"in": "silver/", "out": "gold/"}}'
    other = '{"clean": {"in": "x/", "out": "y/"}}'
    held = (_held("infra/conf/tables.json", told), _held("other/tables.json", other))
    found = imported(*jobs, script("etl", _FROM_A_FILE), *held)
    assert links(found) == {("clean", "report"): ("silver",)}
    assert found.graph.by_id["report"].outputs["gold"].base_uri == "s3://lake/gold/"
    assert asked(found) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("conf.yaml", "clean: {in: raw/, out: silver/}"),
        ("conf.yml", "clean:\n  in: raw/\n  out: silver/"),
        ("conf.toml", '[clean]\nin = "raw/"\nout = "silver/"'),
    ],
)
@pytest.mark.parametrize("load", ["load(open(path))", "loads(open(path).read())"])
def test_a_file_that_lies_beside_the_script_is_read_in_its_own_form(path: str, text: str, load: str) -> None:
    module, names = ("tomllib", "load") if path.endswith("toml") else ("yaml", "safe_load")
    code = f"""
    import {module}
    path = "/tmp/{path}"
    config = {module}.{load.replace("loads", "load") if module == "yaml" else load}["clean"]
    frame.write.parquet(f"s3://lake/{{config['out']}}")
    """.replace("yaml.load", f"yaml.{names}")
    found = imported(job("clean"), script("clean", code), _held(path, text))
    assert [output.base_uri for output in found.graph.by_id["clean"].outputs.values()] == ["s3://lake/silver/"]


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"clean": 1}', '{"clean": {"out": {"deep": 1}}}', '{"clean": {"out": null}}']
)
def test_a_file_that_does_not_tell_leaves_the_place_unknown(text: str) -> None:
    jobs = job("clean", {"config_key": "tables.json", "section": "clean"}, Command={"ScriptLocation": "s3://c/etl.py"})
    found = imported(jobs, script("etl", _FROM_A_FILE), _held("tables.json", text))
    assert not found.graph.by_id["clean"].outputs
    assert any(question.startswith("unexplained-write: clean") for question in asked(found))


def test_of_an_argument_that_says_where_a_table_lies_no_direction_is_asked() -> None:
    code = """
        import sys
        from awsglue.utils import getResolvedOptions
        args = getResolvedOptions(sys.argv, ["lake_path"])
        spark.sql(f"CREATE TABLE IF NOT EXISTS d.t (a INT) USING iceberg LOCATION '{args['lake_path']}/t'")
        spark.sql("MERGE INTO d.t USING s ON t.a = s.a WHEN NOT MATCHED THEN INSERT *")
    """
    found = imported(job("load", {"lake_path": "s3://b/lake"}), script("load", code))
    assert [question for question in asked(found) if question.startswith("direction")] == []
