"""The awsglue stand-in on real Spark: one script uses it all, the tests look at what it found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .aws import unique
from .spark import Spark

pytestmark = pytest.mark.spark

CSV = b"id,name,amount,part\n1,ann,1.5,01\n2,bob,,02\n3,,x,01\n"

SCRIPT = """
import json, sys
from awsglue import DynamicFrame
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrameCollection
from awsglue.job import Job
from awsglue.transforms import *
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "LAKE", "DATABASE"])
glue = GlueContext(SparkContext.getOrCreate())
spark = glue.spark_session
job = Job(glue)
job.init(args["JOB_NAME"], args)
lake, database, found = args["LAKE"], args["DATABASE"], {}

def rows(frame):
    frame = frame.toDF() if isinstance(frame, DynamicFrame) else frame
    return sorted((row.asDict(True) for row in frame.collect()), key=str)

def types(frame):
    return frame.toDF().schema.simpleString()

def refused(what):
    try:
        what()
    except NotImplementedError as error:
        return str(error)

read = glue.create_dynamic_frame.from_options
raw = read("s3", {"paths": [lake + "csv/"]}, format="csv", format_options={"withHeader": True})
found["csv"] = rows(raw)
bare = read(connection_type="s3", connection_options={"paths": [lake + "csv/"]}, format="csv")
found["csv without header"] = [bare.toDF().columns, bare.count()]
found["nothing there"] = read("s3", {"paths": [lake + "none/"]}, format="parquet").count()

mapped = ApplyMapping.apply(frame=raw, mappings=[
    ("id", "string", "key", "long"), ("name", "string", "who.name", "string"),
    ("amount", "string", "who.amount", "double"), ("absent", "string", "absent", "int"),
    ("part", "string", "part", "string")])
found["apply_mapping"] = [types(mapped), rows(mapped)]
found["filter"] = rows(Filter.apply(frame=mapped, f=lambda row: row["who"]["amount"] is not None))

def enrich(row):
    row["shout"] = row["who"]["name"].upper()
    row["nothing"] = None
    return row

found["map"] = [types(mapped.map(f=enrich)), rows(mapped.map(f=enrich))[0]]
keys = SelectFields.apply(frame=mapped, paths=["key", "part"])
joined = Join.apply(mapped, keys, ["key"], ["key"])
left = DropFields.apply(joined, paths=[".key", ".part"])
found["join"] = [joined.toDF().columns, joined.count(), left.toDF().columns]
found["rename"] = types(mapped.rename_field("who.name", "who.title"))
found["rename top"] = types(RenameField.apply(keys, "part", "month"))
found["select nested"] = types(mapped.select_fields(["who.name"]))
found["drop nested"] = types(mapped.drop_fields(["who.name"]))
found["unnest"] = mapped.unnest().toDF().columns
found["resolve"] = types(ResolveChoice.apply(keys, specs=[("key", "cast:string"), ("absent", "cast:int")]))
found["resolve none"] = types(keys.resolveChoice(choice="make_cols"))
found["union"] = rows(keys.union(keys.drop_fields(["part"])))[0:2]
found["duplicates"] = DropDuplicates.apply(keys.union(keys)).count()
found["merge"] = rows(keys.mergeDynamicFrame(keys.filter(lambda row: row["key"] == 1), ["key"]))
found["collection"] = DynamicFrameCollection({"a": keys}, glue).select("a").count()
found["null fields"] = DropNullFields.apply(
    DynamicFrame.fromDF(spark.sql("select 1 a, null b"), glue, "n")).toDF().columns

sink = glue.getSink(path=lake + "sales/", connection_type="s3", updateBehavior="UPDATE_IN_DATABASE",
                    partitionKeys=["part"], enableUpdateCatalog=True, compression="snappy")
sink.setFormat("glueparquet")
sink.setCatalogInfo(catalogDatabase=database, catalogTableName="sales")
sink.writeFrame(mapped)
sink.writeFrame(mapped)
table = glue.create_dynamic_frame.from_catalog
found["appended"] = table(database=database, table_name="sales").count()
pushed = table(database=database, table_name="sales", push_down_predicate="part = '01'")
found["push down"] = [pushed.count(), types(pushed)]
glue.write_dynamic_frame.from_catalog(frame=pushed, database=database, table_name="sales")
found["written by table"] = glue.create_data_frame.from_catalog(database, "sales").count()
wider = DynamicFrame.fromDF(mapped.toDF().selectExpr("*", "1 as extra"), glue, "w")
sink.writeFrame(wider)
found["match catalog"] = types(wider.resolveChoice(choice="match_catalog", database=database, table_name="sales"))
glue.purge_table(database, "sales", {"retentionPeriod": 0, "partitionPredicate": "part = '02'"})
found["purged table"] = sorted({row["part"] for row in rows(table(database, "sales"))})

write = glue.write_dynamic_frame.from_options
for name in ("json", "orc", "parquet"):
    write(frame=keys, connection_type="s3", connection_options={"path": lake + name + "/", "partitionKeys": ["part"]},
          format=name)
    found[name] = read("s3", {"paths": [lake + name + "/"], "recurse": True}, format=name).count()
write(frame=keys.coalesce(1), connection_type="s3", connection_options={"path": lake + "piped/"}, format="csv",
      format_options={"separator": "|"})
found["piped"] = [row.value for row in spark.read.text(lake + "piped/").collect()]
glue.purge_s3_path(lake + "piped/", {"retentionPeriod": 24})
found["kept"] = spark.read.text(lake + "piped/").count()
glue.purge_s3_path(lake + "piped", {"retentionPeriod": 0})

found["refused"] = [
    refused(lambda: Relationalize.apply(frame=mapped)),
    refused(lambda: mapped.split_fields(["key"])),
    refused(lambda: glue.getSource("s3")),
    refused(lambda: read("mysql", {"url": "x"})),
    refused(lambda: read("s3", {"paths": [lake]}, format="avro")),
    refused(lambda: read("s3", {"paths": [lake], "boundedFiles": 3}, format="csv")),
    refused(lambda: read("s3", {"paths": [lake]}, format="json", format_options={"jsonPath": "$"})),
]
found["sql"] = [glue.sql("select 1 as a").count(), hasattr(glue, "no_such_thing")]
glue.get_logger().info("logged")
job.commit()
print("FOUND" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def bucket(spark: Spark) -> str:
    return spark.aws.bucket()


@pytest.fixture(scope="module")
def database(spark: Spark) -> str:
    name = unique("db").replace("-", "_")
    spark.aws.glue.create_database(DatabaseInput={"Name": name})
    return name


@pytest.fixture(scope="module")
def found(spark: Spark, bucket: str, database: str) -> dict[str, Any]:
    spark.aws.s3.put_object(Bucket=bucket, Key="csv/a.csv", Body=CSV)
    spark.aws.s3.put_object(Bucket=bucket, Key="piped-neighbour/x", Body=b"x")
    arguments = ("--JOB_NAME", "j", "--LAKE", f"s3://{bucket}/", "--DATABASE", database)
    done = spark.run(SCRIPT, *arguments)
    output = done.output()
    assert "INFO GlueLogger: logged" in done.stderr
    result: dict[str, Any] = json.loads(output.rpartition("FOUND")[2])
    return result


def test_csv_is_text_and_empty_values_are_empty_text(found: dict[str, Any]) -> None:
    assert found["csv"][1] == {"id": "2", "name": "bob", "amount": "", "part": "02"}
    assert found["csv without header"] == [["col0", "col1", "col2", "col3"], 4]


def test_a_path_without_files_is_an_empty_frame(found: dict[str, Any]) -> None:
    assert found["nothing there"] == 0


def test_mapping_casts_nests_and_leaves_out_what_is_absent(found: dict[str, Any]) -> None:
    schema, rows = found["apply_mapping"]
    assert schema == "struct<key:bigint,who:struct<name:string,amount:double>,part:string>"
    assert [row["who"]["amount"] for row in rows] == [1.5, None, None]


def test_functions_over_records(found: dict[str, Any]) -> None:
    assert [row["key"] for row in found["filter"]] == [1]
    schema, row = found["map"]
    assert schema == (
        "struct<key:bigint,who:struct<name:string,amount:double>,part:string,nothing:string,shout:string>"
    )
    assert row == {"key": 1, "who": {"name": "ann", "amount": 1.5}, "part": "01", "nothing": None, "shout": "ANN"}


def test_join_marks_the_right_sides_clashing_fields(found: dict[str, Any]) -> None:
    assert found["join"] == [["key", "who", "part", ".key", ".part"], 3, ["key", "who", "part"]]


def test_fields_inside_structs(found: dict[str, Any]) -> None:
    assert found["rename"] == "struct<key:bigint,who:struct<amount:double,title:string>,part:string>"
    assert found["rename top"] == "struct<key:bigint,month:string>"
    assert found["select nested"] == "struct<who:struct<name:string>>"
    assert found["drop nested"] == "struct<key:bigint,who:struct<amount:double>,part:string>"
    assert found["unnest"] == ["key", "who.name", "who.amount", "part"]


def test_choices_are_cast_or_left(found: dict[str, Any]) -> None:
    assert found["resolve"] == "struct<key:string,part:string>"
    assert found["resolve none"] == "struct<key:bigint,part:string>"
    assert "extra:int" in found["match catalog"]


def test_rows_put_together(found: dict[str, Any]) -> None:
    assert found["union"] == [{"key": 1, "part": "01"}, {"key": 1, "part": None}]
    assert found["duplicates"] == 3
    assert [row["key"] for row in found["merge"]] == [1, 2, 3]
    assert found["collection"] == 3
    assert found["null fields"] == ["a"]


def test_sinks_append_and_keep_the_catalog_up_to_date(found: dict[str, Any], spark: Spark, database: str) -> None:
    assert found["appended"] == 6
    assert found["push down"] == [
        4,
        "struct<key:bigint,who:struct<name:string,amount:double>,part:string>",
    ]
    assert found["written by table"] == 10
    table = spark.aws.glue.get_table(DatabaseName=database, Name="sales")["Table"]
    assert [column["Name"] for column in table["StorageDescriptor"]["Columns"]] == ["key", "who", "extra"]
    assert [(key["Name"], key["Type"]) for key in table["PartitionKeys"]] == [("part", "string")]


def test_purging_honours_retention_predicate_and_folder(
    found: dict[str, Any], spark: Spark, bucket: str, database: str
) -> None:
    assert found["purged table"] == ["01"]
    partitions = spark.aws.glue.get_partitions(DatabaseName=database, TableName="sales")["Partitions"]
    assert [partition["Values"] for partition in partitions] == [["01"]]
    assert found["kept"] == 4
    assert spark.aws.keys(bucket, "piped") == ["piped-neighbour/x"]


def test_formats_and_their_options(found: dict[str, Any]) -> None:
    assert (found["json"], found["orc"], found["parquet"]) == (3, 3, 3)
    assert found["piped"][0] == "key|part"


def test_what_is_not_emulated_is_named(found: dict[str, Any]) -> None:
    names = ("Relationalize", "split_fields", "getSource", "mysql", "avro", "boundedFiles", "jsonPath")
    for name, message in zip(names, found["refused"], strict=True):
        assert message is not None, name
        assert name in message
        assert "is not emulated" in message
    assert found["sql"] == [1, False]
