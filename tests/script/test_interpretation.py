"""What a script's own functions, classes, arguments and configuration come to: each read and write with its target."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pypedream_dagster.script.model import Access
from pypedream_dagster.script.pieces import Argument, Gap, Text
from pypedream_dagster.script.reading import read_script
from tests.script.facts import line

_HEAD = """
import sys, os, json, boto3
from awsglue.utils import getResolvedOptions
args = getResolvedOptions(sys.argv, ["JOB_NAME", "SRC", "OUT", "BUCKET", "CONFIG"])
"""


def accesses(code: str) -> list[str]:
    """Return what a snippet reads and writes, without how it writes."""
    reading = read_script((_HEAD + dedent(code)).encode())
    assert reading.unreadable is None, reading.unreadable
    return [
        f"{fact.action} {fact.system} {fact.target}"
        for fact in reading.facts
        if isinstance(fact, Access) and fact.system in {"s3", "catalog", "unknown"}
    ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("spark.read.csv(args.get('SRC', 's3://d/x/'))", ["read s3 {--SRC}"]),
        ("spark.read.csv(args['SRC'] if 'SRC' in args else 's3://d/x/')", ["read s3 {--SRC}"]),
        ("p = args['SRC'] or 's3://d/x/'\nspark.read.csv(p)", ["read s3 {--SRC}"]),
        (
            """
            def given(name, default=None):
                if f"--{name}" in sys.argv:
                    return getResolvedOptions(sys.argv, [name])[name]
                return default
            spark.read.csv(given("ALSO", "s3://d/x/"))
            """,
            ["read s3 {--ALSO}"],
        ),
        (
            """
            given = {}
            for index in range(1, len(sys.argv), 2):
                given[sys.argv[index].replace("--", "")] = sys.argv[index + 1]
            spark.read.csv(given["HAND"])
            spark.read.csv(given.get("ALSO", "s3://d/x/"))
            """,
            ["read s3 {--HAND}", "read s3 {--ALSO}"],
        ),
        (
            """
            def given(name):
                flag = "--" + name
                return sys.argv[sys.argv.index(flag) + 1]
            spark.read.csv(given("HAND"))
            """,
            ["read s3 {--HAND}"],
        ),
        (
            """
            try:
                out = getResolvedOptions(sys.argv, ["MAYBE"])["MAYBE"]
            except Exception:
                out = "s3://d/o/"
            df.write.csv(out)
            """,
            ["write s3 {--MAYBE}"],
        ),
        (
            """
            defaults = {"SRC": "s3://d/x/"}
            every = {**defaults, **args}
            spark.read.csv(every["SRC"])
            """,
            ["read s3 {--SRC}"],
        ),
        (
            """
            import argparse
            parser = argparse.ArgumentParser()
            parser.add_argument("--source-path", dest="src", default="s3://d/x/")
            known, _ = parser.parse_known_args()
            spark.read.csv(known.src)
            """,
            ["read s3 {--source-path}"],
        ),
        (
            """
            import click
            @click.command()
            @click.option("--input-path", "given", default="s3://d/x/")
            @click.option("--out_path", required=True)
            def main(given, out_path):
                spark.read.csv(given).write.csv(out_path)
            main()
            """,
            ["read s3 {--input-path}", "write s3 {--out_path}"],
        ),
        ("c = json.loads(args['CONFIG'])\nspark.read.csv(c['src']['path'])", ["read s3 {--CONFIG.src.path}"]),
        (
            """
            glue = boto3.client("glue")
            given = glue.get_workflow_run_properties(Name="w", RunId=args["R"])["RunProperties"]
            spark.read.csv(given["landing"])
            """,
            ["read s3 {--landing}"],
        ),
        ("spark.read.csv('s3://b/' + os.environ.get('PREFIX', 'raw') + '/')", ["read s3 s3://b/raw/"]),
        ("spark.read.csv(f\"s3://{os.environ['BUCKET']}/raw/\")", ["read s3 s3://{BUCKET}/raw/"]),
        (
            """
            os.environ["LAKE"] = args["BUCKET"]
            spark.read.csv(f"s3://{os.environ['LAKE']}/raw/")
            df.write.csv("s3://" + os.getenv("LAKE", "b") + "/clean/")
            """,
            ["read s3 s3://{--BUCKET}/raw/", "write s3 s3://{--BUCKET}/clean/"],
        ),
        (
            """
            found = {}
            for i in range(1, len(sys.argv) - 1):
                if sys.argv[i].startswith("--"):
                    found[sys.argv[i].lstrip("-")] = sys.argv[i + 1]
            found["LEVEL"] = "1"
            spark.read.csv(f"s3://{found.get('LAKE')}/{found.get('PREFIX', 'raw/')}{found['LEVEL']}")
            """,
            ["read s3 s3://{--LAKE}/{--PREFIX}1"],
        ),
        (
            """
            def main():
                spark.read.csv(given["LATE"]).write.csv(CONF["out"])
            if __name__ == "__main__":
                given = getResolvedOptions(sys.argv, ["LATE"])
                CONF = {"out": "s3://b/x/"}
                main()
            """,
            ["read s3 {--LATE}", "write s3 s3://b/x/"],
        ),
        (
            """
            conf = dict(args)
            conf["SRC"] = "s3://b/fixed/"
            if "OUT" not in conf:
                conf["OUT"] = "s3://b/out/"
            conf.update({"more": f"s3://{conf['BUCKET']}/more/"})
            spark.read.csv(conf["SRC"]).write.csv(conf["OUT"])
            df.write.csv({**conf, "last": "s3://b/last/"}["last"])
            df.write.csv(conf["more"])
            """,
            ["read s3 s3://b/fixed/", "write s3 {--OUT}", "write s3 s3://b/last/", "write s3 s3://{--BUCKET}/more/"],
        ),
        (
            """
            class Step:
                def __init__(self, given):
                    self.given = given
                    self.given["out"] = "s3://b/x/"
                def run(self):
                    spark.read.csv(self.given["SRC"]).write.csv(self.given["out"])
            Step(args).run()
            """,
            ["read s3 {--SRC}", "write s3 s3://b/x/"],
        ),
        (
            """
            import re
            found = re.match(r"s3://([^/]+)/(.*)", args["SRC"])
            bucket, key = found.groups()
            boto3.client("s3").get_object(Bucket=bucket, Key=key)
            boto3.client("s3").put_object(
                Bucket=args["OUT"].split("/")[2], Key="/".join(args["OUT"].split("/")[3:]), Body=""
            )
            """,
            ["read s3 {--SRC}", "write s3 {--OUT}"],
        ),
        (
            """
            from enum import Enum
            from string import Template
            class Layer(Enum):
                RAW = "raw"
            spark.read.csv(f"s3://b/{Layer.RAW.value}/")
            df.write.csv(Template("s3://$bucket/${layer}/").substitute(bucket=args["BUCKET"], layer="clean"))
            """,
            ["read s3 s3://b/raw/", "write s3 s3://{--BUCKET}/clean/"],
        ),
        (
            """
            bucket, key, prefix = None, None, "raw"
            for i in range(len(sys.argv)):
                if sys.argv[i] == "--lake_bucket":
                    bucket = sys.argv[i + 1]
                elif sys.argv[i] in ("-k", "--object_key"):
                    key = sys.argv[i + 1]
                elif sys.argv[i].startswith("--prefix="):
                    prefix = sys.argv[i].split("=")[1]
            boto3.client("s3").get_object(Bucket=bucket, Key=f"{prefix}/{key}")
            """,
            ["read s3 s3://{--lake_bucket}/{--prefix}/{--object_key}"],
        ),
        (
            """
            import argparse
            parser = argparse.ArgumentParser()
            parser.add_argument("--in-path")
            parser.add_argument("-o", "--out-path", dest="target")
            given = vars(parser.parse_args())
            spark.read.csv(given["in_path"]).write.csv(given["target"])
            """,
            ["read s3 {--in-path}", "write s3 {--out-path}"],
        ),
        (
            """
            conf = json.loads('{"in": "s3://b/x/", "out": ["s3://b/y/"]}')
            spark.read.csv(conf["in"]).write.csv(conf["out"][0])
            """,
            ["read s3 s3://b/x/", "write s3 s3://b/y/"],
        ),
        (
            """
            import pandas as pd
            conf = json.loads(boto3.client("s3").get_object(Bucket="b", Key="conf.json")["Body"].read())
            pd.DataFrame().to_csv(conf["out"])
            pd.DataFrame().to_csv(conf.buffer())
            """,
            ["read s3 s3://b/conf.json", "write s3 {out}"],
        ),
        (
            "key = args['SRC'].replace('/raw', '/clean')\nspark.read.csv(args['SRC'])\ndf.write.csv(key)",
            ["read s3 {--SRC}", "write s3 {--SRC.clean}"],
        ),
        (
            """
            def key_of(uri):
                rest = uri.replace("s3://", "")
                if "/" in rest:
                    return rest.split("/", 1)[1]
                return None
            boto3.client("s3").put_object(Bucket="b", Key=key_of("s3://b/x/").rstrip("/") + "/y.csv", Body="")
            """,
            ["write s3 s3://b/x/y.csv"],
        ),
    ],
)
def test_arguments(code: str, expected: list[str]) -> None:
    assert accesses(code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            """
            from dataclasses import dataclass, field
            @dataclass
            class Config:
                bucket: str
                layer: str = "raw"
                names: list = field(default_factory=lambda: ["a"])
                @property
                def out(self):
                    return f"s3://{self.bucket}/out/"
            c = Config(args["BUCKET"], layer="bronze")
            for n in c.names:
                spark.read.csv(f"s3://{c.bucket}/{c.layer}/{n}/").write.csv(c.out)
            """,
            ["read s3 s3://{--BUCKET}/bronze/a/", "write s3 s3://{--BUCKET}/out/"],
        ),
        (
            """
            class Base:
                def __init__(self, src, out):
                    self.src, self.out = src, out
                def run(self):
                    self.load(self.extract())
                def extract(self):
                    return spark.read.json(self.src)
            class Orders(Base):
                def __init__(self, given):
                    super().__init__(given["SRC"], given["OUT"])
                def load(self, df):
                    df.write.parquet(self.out)
            Orders(args).run()
            """,
            ["read s3 {--SRC}", "write s3 {--OUT}"],
        ),
        (
            """
            def copy(name, to="x"):
                spark.table(f"db.{name}").write.parquet(f"s3://{to}/{name}/")
            with ThreadPoolExecutor() as pool:
                jobs = [pool.submit(copy, n, to="y") for n in ["a"]]
                pool.map(copy, ["b"])
            threading.Thread(target=copy, args=("c", "z")).start()
            import functools
            functools.partial(copy, to="w")("d")
            """,
            [
                "read catalog db.a",
                "write s3 s3://y/a/",
                "read catalog db.b",
                "write s3 s3://x/b/",
                "read catalog db.c",
                "write s3 s3://z/c/",
                "read catalog db.d",
                "write s3 s3://w/d/",
            ],
        ),
        (
            """
            paths = {n: f"s3://b/{n}/" for n in ("a", "b")}
            spark.read.csv(paths["b"])
            """,
            ["read s3 s3://b/b/"],
        ),
        ("spark.read.csv('s3://b/x/y.csv'.rsplit('/', 1)[0] + '/')", ["read s3 s3://b/x/"]),
        ("items = ['s3://a/1/', 's3://b/2/']\nspark.read.csv(items[-1])", ["read s3 s3://b/2/"]),
        ("items = ['s3://a/1/', 's3://b/2/']\nfor i in items[1:]:\n    spark.read.csv(i)", ["read s3 s3://b/2/"]),
        ("n = 1\nspark.read.csv(f's3://b/part={n + 1}/')", ["read s3 s3://b/part=2/"]),
    ],
)
def test_functions_and_classes(code: str, expected: list[str]) -> None:
    assert accesses(code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            """
            def split(uri):
                bucket, key = uri.replace("s3://", "").split("/", 1)
                return bucket, key
            s3 = boto3.client("s3")
            b, k = split(args["OUT"])
            s3.put_object(Bucket=b, Key=k, Body="")
            b, k = split("s3://b/x/y")
            s3.put_object(Bucket=b, Key=k, Body="")
            """,
            ["write s3 {--OUT}", "write s3 s3://b/x/y"],
        ),
        (
            """
            bucket = args["SRC"][5:].split("/", 1)[0]
            df.to_parquet(f"s3://{bucket}/clean/x.parquet")
            boto3.client("s3").put_object(Bucket=bucket, Key="done/" + "/".join(args["SRC"].split("/")[3:]), Body="")
            from urllib.parse import urlparse
            df.to_csv(f"s3://{urlparse(args['SRC']).netloc}/log.csv")
            """,
            [
                "write s3 s3://{--SRC.bucket}/clean/x.parquet",
                "write s3 s3://{--SRC.bucket}/done/{--SRC.key}",
                "write s3 s3://{--SRC.bucket}/log.csv",
            ],
        ),
        (
            """
            from urllib.parse import urlparse
            u = urlparse(args["SRC"])
            boto3.client("s3").get_object(Bucket=u.netloc, Key=u.path.lstrip("/"))
            """,
            ["read s3 {--SRC}"],
        ),
        (
            """
            bucket = boto3.resource("s3").Bucket(args["BUCKET"])
            for each in list(bucket.objects.filter(Prefix=args["SRC"])):
                df = spark.read.csv(f"s3://{args['BUCKET']}/{each.key}")
                df.write.csv("s3://o/" + each.key.replace(args["SRC"], args["OUT"]))
            """,
            ["read s3 s3://{--BUCKET}/{--SRC}", "read s3 s3://{--BUCKET}/{--SRC}{key}", "write s3 s3://o/{--OUT}{key}"],
        ),
        (
            """
            s3 = boto3.client("s3")
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket="b", Prefix="raw/x/"):
                for each in page.get("Contents", []):
                    body = s3.get_object(Bucket="b", Key=each["Key"])["Body"].read()
                    s3.put_object(Bucket="b", Key=each["Key"].replace("raw/", "clean/"), Body=body)
                    s3.put_object(Bucket="c", Key=each["Key"].split("/")[-1], Body=body)
            """,
            [
                "read s3 s3://b/raw/x/",
                "read s3 s3://b/raw/x/{key}",
                "write s3 s3://b/clean/x/{key}",
                "write s3 s3://c/{key}",
            ],
        ),
        (
            """
            s3 = boto3.client("s3")
            names = []
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket="b", Prefix="raw/"):
                if "Contents" in page:
                    for each in page["Contents"]:
                        if each["Key"].endswith(".csv"):
                            names.append(each["Key"])
            for name in names:
                s3.get_object(Bucket="b", Key=name)
            """,
            ["read s3 s3://b/raw/", "read s3 s3://b/raw/{key}"],
        ),
        (
            """
            s3 = boto3.client("s3")
            def keys(prefix):
                for page in s3.get_paginator("list_objects_v2").paginate(Bucket="b", Prefix=prefix):
                    yield from (each["Key"] for each in page["Contents"])
            for key in keys("raw/"):
                s3.download_file("b", key, "/tmp/x")
            def latest(prefix):
                found = s3.list_objects_v2(Bucket="b", Prefix=prefix)["Contents"]
                return max(found, key=lambda each: each["LastModified"])["Key"]
            s3.get_object(Bucket="b", Key=latest("bronze/"))
            """,
            [
                "read s3 s3://b/raw/",
                "read s3 s3://b/raw/{key}",
                "read s3 s3://b/bronze/",
                "read s3 s3://b/bronze/{key}",
            ],
        ),
        (
            """
            import s3fs
            import pandas as pd
            fs = s3fs.S3FileSystem()
            for path in fs.glob(f"{args['BUCKET']}/raw/*.csv"):
                pd.read_csv(f"s3://{path}")
            """,
            ["read s3 s3://{--BUCKET}/raw/*.csv", "read s3 s3://{--BUCKET}/raw/{key}"],
        ),
        (
            """
            def place(bucket, *parts):
                return "s3://" + "/".join([bucket, *parts])
            class Lake:
                BUCKET = "b"
                @classmethod
                def read(cls, name):
                    return spark.read.csv(place(cls.BUCKET, "raw", name))
            Lake.read("x")
            """,
            ["read s3 s3://b/raw/x"],
        ),
        ("boto3.resource('s3').Bucket('b').download_file('x/y', '/tmp/y')", ["read s3 s3://b/x/y"]),
        (
            """
            def location(database, name):
                found = boto3.client("glue").get_table(DatabaseName=database, Name=name)
                return found["Table"]["StorageDescriptor"]["Location"]
            df.write.parquet(location("db", "t"))
            """,
            ["read catalog db.t", "write catalog db.t"],
        ),
    ],
)
def test_places_on_s3(code: str, expected: list[str]) -> None:
    assert accesses(code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            """
            from string import Template
            spark.read.csv(Template("s3://$bucket/${table}/$$x/").substitute(bucket=args["BUCKET"], table="t"))
            """,
            ["read s3 s3://{--BUCKET}/t/$x/"],
        ),
        (
            """
            from jinja2 import Template
            spark.sql(Template("SELECT * FROM {{ db }}.orders").render({"db": "sales"}))
            """,
            ["read catalog sales.orders"],
        ),
        (
            """
            class Layer(str, Enum):
                RAW = "raw"
            spark.read.csv(f"s3://lake/{Layer.RAW.value}/")
            """,
            ["read s3 s3://lake/raw/"],
        ),
        (
            """
            from collections import namedtuple
            Way = namedtuple("Way", "source target")
            way = Way("s3://l/a/", target="s3://l/b/")
            spark.read.csv(way.source).write.csv(way.target)
            """,
            ["read s3 s3://l/a/", "write s3 s3://l/b/"],
        ),
        (
            """
            stream.writeStream.format("delta").option("checkpointLocation", "s3://l/c/").start("s3://l/out/")
            stream.writeStream.format("parquet").option("path", "s3://l/also/").start().awaitTermination()
            stream.writeStream.format("iceberg").toTable("glue_catalog.db.t")
            stream.writeStream.format("console").start()
            stream.writeStream.foreachBatch(f).start()
            """,
            ["write s3 s3://l/out/", "write s3 s3://l/also/", "write catalog db.t"],
        ),
    ],
)
def test_templates_tuples_enumerations_and_streams(code: str, expected: list[str]) -> None:
    assert accesses(code) == expected


def test_settings_are_the_jobs_arguments_or_their_defaults() -> None:
    code = """
    from pydantic import BaseModel, Field

    class Settings(BaseModel):
        lake: str = Field(default="prod-lake")
        table: str = Field(...)
        kind: str = "orders"

        @classmethod
        def from_arguments(cls):
            found = {}
            for name, info in cls.model_fields.items():
                given = cls._given(name)
                if given is not None:
                    found[name] = given
                    continue
                found[name] = info.default
            return cls(**found)

        @classmethod
        def _given(cls, name):
            for index, word in enumerate(sys.argv):
                if word == f"--{name}":
                    return sys.argv[index + 1]
            return None

        def model_post_init(self, context):
            self.place = f"s3://{self.lake}/{self.kind}/"

    class Base(Generic[T]):
        def __init__(self, settings):
            self.settings = settings

    class Job(Base[Settings]):
        def run(self):
            spark.read.csv(self.settings.place)
            spark.table(f"db.{self.settings.table}")

    Job(Settings.from_arguments()).run()
    """
    (first, second) = [fact for fact in read_script((_HEAD + dedent(code)).encode()).facts if isinstance(fact, Access)]
    assert first.target == Text(("s3://", Argument("lake", "prod-lake"), "/", Argument("kind", "orders"), "/"))
    assert second.target == Text(("db.", Argument("table")))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            """
            def place(full):
                name = "s3://l/part/"
                if full:
                    name = "s3://l/all/"
                    return name
                return name
            spark.read.csv(place(x))
            """,
            ["read s3 s3://l/all/", "read s3 s3://l/part/"],
        ),
        (
            """
            def load(kind):
                if kind == "a":
                    path = "s3://l/a/"
                    return spark.read.csv(path)
                path = "s3://l/b/"
                return spark.read.csv(path)
            load(x)
            """,
            ["read s3 s3://l/a/", "read s3 s3://l/b/"],
        ),
        (
            """
            options = {}
            if x:
                options["path"] = "s3://l/a/"
            else:
                options["path"] = "s3://l/b/"
            spark.read.csv(options["path"])
            """,
            ["read s3 s3://l/a/", "read s3 s3://l/b/"],
        ),
        (
            """
            options = {"path": "s3://l/a/"}
            if x:
                spark.read.csv(options["path"])
                options["path"] = "s3://l/b/"
                df.write.csv(options["path"])
            """,
            ["read s3 s3://l/a/", "write s3 s3://l/b/"],
        ),
        (
            """
            found = "s3://l/a/"
            for name in names:
                if name:
                    found = "s3://l/b/"
                    break
            spark.read.csv(found)
            """,
            ["read s3 s3://l/b/", "read s3 s3://l/a/"],
        ),
    ],
)
def test_what_follows_a_way_out_is_the_other_way(code: str, expected: list[str]) -> None:
    assert accesses(code) == expected


def test_a_list_of_defaults_beside_an_argument_is_gone_through() -> None:
    code = """
    KNOWN = {"a": 1, "b": 2}
    PLACES = {"a": "s3://l/a/", "b": "s3://l/b/", "c": "s3://l/c/"}
    try:
        names = getResolvedOptions(sys.argv, ["tables"])["tables"].split(",")
    except Exception:
        names = list(KNOWN.keys())
    for name in names:
        name = name.strip()
        spark.read.csv(PLACES[name])
    """
    assert accesses(code) == ["read s3 s3://l/a/", "read s3 s3://l/b/"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('spark.table("glue_catalog.db.t")', ["read catalog db.t"]),
        ('spark.read.format("iceberg").load("lake.db.t")', ["read catalog db.t"]),
        ('df.write.format("iceberg").mode("append").save("db.t")', ["write catalog db.t"]),
        ('spark.sql("USE shop")\nspark.sql("SELECT * FROM orders")', ["read catalog shop.orders"]),
        (
            'spark.sql("SELECT * FROM db.a x, db.b y WHERE EXTRACT(YEAR FROM d) = 1")',
            ["read catalog db.a", "read catalog db.b"],
        ),
        ("spark.sql(\"SELECT TRIM(BOTH 'x' FROM name) FROM db.a\")", ["read catalog db.a"]),
        ('df.createOrReplaceTempView(f"tmp_{x}")\nspark.sql(f"SELECT * FROM tmp_{x}")', []),
        ('spark.sql("SELECT * FROM v")\ndf.createOrReplaceTempView("v")', []),
        ("spark.sql(\"CALL glue_catalog.system.expire_snapshots(table => 'db.t')\")", ["write catalog db.t"]),
        ("spark.sql(\"CREATE EXTERNAL TABLE db.t (a int) LOCATION 's3://b/t/'\")", ["write catalog db.t"]),
        (
            'o = {"hoodie.datasource.hive_sync.database": "db", "hoodie.datasource.hive_sync.table": "t",'
            ' "path": "s3://b/t/"}\n'
            'glueContext.write_dynamic_frame.from_options(frame=f, connection_type="marketplace.spark",'
            " connection_options=o)",
            ["write catalog db.t", "write s3 s3://b/t/"],
        ),
        (
            'boto3.client("athena").start_query_execution(QueryString="INSERT INTO t SELECT * FROM s",'
            ' QueryExecutionContext={"Database": "db"}, ResultConfiguration={"OutputLocation": "s3://r/"})',
            ["read catalog db.s", "write catalog db.t", "write s3 s3://r/"],
        ),
        ('import awswrangler as wr\nwr.athena.read_sql_query("SELECT * FROM t", database="db")', ["read catalog db.t"]),
        (
            'import awswrangler as wr\nwr.s3.read_parquet(["s3://a/", "s3://b/"])',
            ["read s3 s3://a/", "read s3 s3://b/"],
        ),
        ('import s3fs\ns3fs.S3FileSystem().open("b/k", "w")', ["write s3 s3://b/k"]),
        ('import pyarrow.parquet as pq\npq.ParquetDataset("s3://b/k/")', ["read s3 s3://b/k/"]),
        ('import pandas as pd\npd.read_csv("/tmp/x.csv").to_csv("y.csv")', []),
        (
            'EvaluateDataQuality().process_rows(frame=f, ruleset=r, publishing_options={"resultsS3Prefix": "s3://q/"})',
            ["write s3 s3://q/"],
        ),
    ],
)
def test_catalogs_and_libraries(code: str, expected: list[str]) -> None:
    assert accesses(code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('df.writeTo("cat.db.t").tableProperty("location", "s3://b/t/").createOrReplace()', ("db.t", "s3://b/t/")),
        ("spark.sql(\"CREATE TABLE IF NOT EXISTS db.t (a int) LOCATION 's3://b/t/'\")", ("db.t", "s3://b/t/")),
        (
            's = glueContext.getSink(connection_type="s3", path=args["OUT"])\n'
            's.setCatalogInfo(catalogDatabase="db", catalogTableName="t")',
            ("db.t", "{--OUT}"),
        ),
        ('df.write.option("path", "s3://b/t/").saveAsTable("db.t")', ("db.t", "s3://b/t/")),
        (
            'import awswrangler as wr\nwr.s3.to_parquet(df, path="s3://b/t/", dataset=True, database="db", table="t")',
            ("db.t", "s3://b/t/"),
        ),
    ],
)
def test_where_tables_lie(code: str, expected: tuple[str, str]) -> None:
    reading = read_script((_HEAD + code).encode())
    assert [(str(found.table), str(found.place)) for found in reading.locations] == [expected]


def test_an_argument_that_is_not_given_is_its_default_else_a_gap_of_its_name() -> None:
    text = Text(("s3://b/", Argument("x", "raw"), "/", Argument("y"), "/", Argument("c", None, ("k",))))
    assert str(text.resolved({})) == "s3://b/raw/{y}/{c.k}"
    assert str(text.resolved({"x": "1", "y": "2", "c": '{"k": "3"}'})) == "s3://b/1/2/3"
    assert str(text.resolved({"x": "1", "y": "2", "c": "no JSON"})) == "s3://b/1/2/{c.k}"
    assert Gap("a") != Gap("b")


def test_two_parts_that_cannot_be_told_keep_their_names() -> None:
    code = "def f(table, day):\n    df.write.csv(f's3://b/{table}/dt={day}/')\n"
    assert accesses(code) == ["write s3 s3://b/{table}/dt={day}/"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"print 'copying'\ndf.write.csv('s3://b/x/')\nprint 'a', \\\n  'b'\n", "Python 2"),
        (b"%glue_version 4.0\ndf.write.csv('s3://b/x/')\n", "magic"),
        (
            b'{"cells": [{"cell_type": "code", "source": ["%idle_timeout 9\\n", "df.write.csv(\'s3://b/x/\')"]}]}',
            "notebook",
        ),
    ],
)
def test_what_can_be_told_of_what_is_no_python_3_is_told(body: bytes, why: str) -> None:
    reading = read_script(body)
    assert reading.unreadable is not None
    assert why in reading.unreadable.reason
    assert [line(fact) for fact in reading.facts] == ["write s3 s3://b/x/ once"]


def test_a_function_that_looks_through_the_arguments_gives_the_one_it_is_asked_for() -> None:
    code = """
    def given(flag):
        found = False
        for each in sys.argv:
            if found:
                return each
            found = each == flag
    spark.read.csv("s3://" + given("--bucket") + "/x/")
    """
    assert accesses(code) == ["read s3 s3://{--bucket}/x/"]


def test_what_is_listed_or_put_aside_is_no_data() -> None:
    code = """
    s3 = boto3.client("s3")
    s3.list_objects_v2(Bucket="b", Prefix="x/")
    boto3.client("glue").get_table(DatabaseName="db", Name="t")
    df.write.csv("s3://b/y/")
    """
    reading = read_script((_HEAD + dedent(code)).encode())
    found = [fact for fact in reading.facts if isinstance(fact, Access)]
    assert [(str(fact.target), fact.is_of_data) for fact in found] == [
        ("s3://b/x/", False),
        ("db.t", False),
        ("s3://b/y/", True),
    ]


def test_what_a_script_does_elsewhere_than_on_glue_is_not_read() -> None:
    code = """
    try:
        from awsglue.context import GlueContext
        ON_GLUE = True
    except ImportError:
        ON_GLUE = False
        spark.read.csv("s3://nowhere/")
    if ON_GLUE:
        out = args["OUT"]
    else:
        out = "s3://local/out/"
    if not ON_GLUE:
        spark.read.csv("s3://local/in/")
    df.write.parquet(out)
    """
    assert accesses(code) == ["write s3 {--OUT}"]


def test_modules_that_come_with_a_script_are_followed() -> None:
    files = {
        "common.io": b"from common.paths import BASE\n"
        b"def load(spark, name):\n    return spark.read.csv(f'{BASE}/{name}/')\n"
        b"def never(spark):\n    spark.read.csv('s3://never/')\n",
        "common.paths": b"import common.io\nBASE = 's3://b/raw'\nclass Paths:\n    OUT = BASE + '/out/'\n",
        "broken": b"def (",
    }
    code = (
        "from common.io import load\nfrom common import paths\nimport common.paths as p\nfrom broken import x\n"
        "load(spark, 'orders').write.csv(paths.Paths.OUT)\n"
        "spark.read.csv(p.BASE + '/y/')\nspark.read.csv(f's3://b/{x}/')\n"
    )
    found = read_script(code.encode(), sources=files.get).facts
    assert [line(fact) for fact in found] == [
        "read s3 s3://b/raw/orders/",
        "write s3 s3://b/raw/out/ once",
        "read s3 s3://b/raw/y/",
        "read s3 s3://b/{x}/",
    ]


@pytest.mark.parametrize(
    "taken",
    [
        'bucket, _, key = uri[5:].partition("/")',
        'bucket, _, key = uri.removeprefix("s3://").partition("/")',
        'bucket, key = uri.replace("s3://", "").split("/", 1)',
        'bucket, key = uri[len("s3://"):].split("/", 1)',
        '_, _, bucket, key = uri.split("/", 3)',
    ],
)
def test_bucket_and_key_of_a_uri_that_begins_with_an_argument_are_that_uri(taken: str) -> None:
    code = f"""
        args = getResolvedOptions(sys.argv, ["LAKE", "TABLE"])

        def store(body, uri):
            {taken}
            boto3.client("s3").put_object(Bucket=bucket, Key=key + "part.parquet", Body=body)

        store(b"", f"{{args['LAKE']}}{{args['TABLE']}}/")
        store(b"", args["LAKE"])
        """
    assert accesses(code) == ["write s3 {--LAKE}{--TABLE}/part.parquet", "write s3 {--LAKE}part.parquet"]
