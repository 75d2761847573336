"""Tables of the catalog turned into arguments: read by a name of their own, written to the place on a branch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pypedream_dagster.script.model import Access
from pypedream_dagster.script.reading import read_script
from pypedream_dagster.script.rewrite import LiteralPlace, rewrite_literals

SILVER = LiteralPlace("s3://lake/silver/", "--SILVER", "shop.silver", partition_columns=("day",))
ORDERS = LiteralPlace("s3://lake/orders/", "--ORDERS", "shop.orders", "--ORDERS_TABLE")
PLACES = (SILVER, ORDERS)
BRANCH = ("--SILVER", "s3://dev/b/silver/", "--ORDERS", "s3://dev/b/orders/", "--ORDERS_TABLE", "b_shop.orders")

PRELUDE = '''\
class Told:
    """Says what is done to it."""

    def __init__(self, text):
        self.text = text

    def __getattr__(self, name):
        return Told(f"{self.text}.{name}")

    def __call__(self, *given, **named):
        shown = [repr(one) for one in given] + [f"{name}={value!r}" for name, value in named.items()]
        return Told(f"{self.text}({', '.join(shown)})")

    def __repr__(self):
        return self.text


spark, glue, df, wr = Told("spark"), Told("glue"), Told("df"), Told("wr")
DATABASE = "shop"
NAME = "orders"


def told(what):
    print(what)


'''

MOVED = {
    'spark.table("shop.orders")': "spark.table('b_shop.orders')",
    "spark.table(f'{DATABASE}.{NAME}')": "spark.table('b_shop.orders')",
    'spark.read.table("`shop`.`orders`")': "spark.read.table('b_shop.orders')",
    'spark.read.option("a", 1).table(tableName="spark_catalog.shop.orders").where("x")': (
        "spark.read.option('a', 1).table(tableName='b_shop.orders').where('x')"
    ),
    'df.write.saveAsTable("shop.silver")': "df.write.save('s3://dev/b/silver/')",
    'df.write.mode("overwrite").format("orc").partitionBy("day").saveAsTable("shop.silver")': (
        "df.write.mode('overwrite').format('orc').partitionBy('day').save('s3://dev/b/silver/')"
    ),
    'df.write.saveAsTable(name="shop.silver", mode="append", partitionBy=["day"])': (
        "df.write.save('s3://dev/b/silver/', mode='append', partitionBy=['day'])"
    ),
    'df.write.option("path", "s3://lake/silver/").saveAsTable("shop.silver")': (
        "df.write.option('path', 's3://dev/b/silver/').save()"
    ),
    'spark.table("shop.orders").write.saveAsTable("shop.silver")': (
        "spark.table('b_shop.orders').write.save('s3://dev/b/silver/')"
    ),
    'spark.sql("SELECT * FROM shop.orders")': "spark.sql('SELECT * FROM b_shop.orders')",
    'spark.sql(f"SELECT * FROM {DATABASE}.orders AS o")': "spark.sql('SELECT * FROM b_shop.orders AS o')",
    "spark.sql('''select orders.id\n  from b, `shop`.orders -- of shop.orders\n where a = \"shop.orders\"''')": (
        "spark.sql('select orders.id\\n  from b, b_shop.orders -- of shop.orders\\n where a = \"shop.orders\"')"
    ),
    'spark.sql("INSERT OVERWRITE TABLE shop.silver SELECT * FROM shop.orders o")': (
        "spark.sql(\"INSERT OVERWRITE DIRECTORY 's3://dev/b/silver/' USING parquet SELECT * FROM b_shop.orders o\")"
    ),
    'spark.sql(f"insert overwrite {DATABASE}.silver SELECT 1")': (
        "spark.sql(\"insert overwrite DIRECTORY 's3://dev/b/silver/' USING parquet SELECT 1\")"
    ),
    'glue.create_dynamic_frame.from_catalog(database="shop", table_name=NAME)': (
        "glue.create_dynamic_frame.from_catalog(database='b_shop', table_name='orders')"
    ),
    'glue.create_dynamic_frame.from_catalog(name_space="shop", table_name="orders", push_down_predicate="day > 1", '
    'additional_options={"mergeSchema": True}, transformation_ctx="x").toDF()': (
        "glue.create_dynamic_frame.from_catalog(name_space='b_shop', table_name='orders', "
        "push_down_predicate='day > 1', additional_options={'mergeSchema': True}, transformation_ctx='x').toDF()"
    ),
    'glue.create_data_frame_from_catalog("shop", "orders")': "glue.create_data_frame_from_catalog('b_shop', 'orders')",
    'glue.write_dynamic_frame.from_catalog(frame=df, database=DATABASE, table_name="silver")': (
        "glue.write_dynamic_frame.from_options(frame=df, connection_type='s3', connection_options={'path': "
        "'s3://dev/b/silver/', 'partitionKeys': ['day']}, format='parquet')"
    ),
    'glue.write_dynamic_frame_from_catalog(df, "shop", "silver", additional_options={"partitionKeys": ["x"], '
    '"enableUpdateCatalog": True}, transformation_ctx="w")': (
        "glue.write_dynamic_frame.from_options(frame=df, connection_type='s3', connection_options={'path': "
        "'s3://dev/b/silver/', 'partitionKeys': ['x']}, format='parquet', transformation_ctx='w')"
    ),
    'wr.s3.to_parquet(df, path="s3://lake/silver/", dataset=True, database="shop", table="silver")': (
        "wr.s3.to_parquet(df, path='s3://dev/b/silver/', dataset=True, database=None, table=None)"
    ),
    'wr.athena.read_sql_table("orders", database="shop")': "wr.athena.read_sql_table('orders', database='b_shop')",
    'wr.s3.read_parquet_table(table="orders", database="shop")': (
        "wr.s3.read_parquet_table(table='orders', database='b_shop')"
    ),
}


def _script(*codes: str) -> bytes:
    return (PRELUDE + "".join(f"told({code})\n" for code in codes)).encode()


def _run(body: bytes, folder: Path, *arguments: str) -> str:
    script = folder / "script.py"
    script.write_bytes(body)
    return subprocess.run(
        [sys.executable, "-I", str(script), *arguments], capture_output=True, text=True, check=True
    ).stdout


def test_on_a_branch_its_own_table_or_place_and_on_main_what_there_was(tmp_path: Path) -> None:
    body = _script(*MOVED)
    rewriting = rewrite_literals(body, PLACES)
    assert _run(rewriting.body, tmp_path, *BRANCH).splitlines() == list(MOVED.values())
    for given in [(), ("--SILVER", "s3://lake/silver/", "--ORDERS", "s3://lake/orders")]:
        for line, was in zip(
            _run(rewriting.body, tmp_path, *given).splitlines(), _run(body, tmp_path).splitlines(), strict=True
        ):
            # However the script writes a table's name, the argument's default is its plain one.
            assert (
                line.replace("OVERWRITE TABLE", "OVERWRITE").lower()
                == (was.replace("`", "").replace("spark_catalog.", "").replace("OVERWRITE TABLE", "OVERWRITE"))
                .replace("overwrite shop", "overwrite table shop")
                .lower()
            )
    assert not rewriting.left


@pytest.mark.parametrize("code", MOVED)
def test_of_each_form_nothing_names_the_catalog_any_more(code: str) -> None:
    rewriting = rewrite_literals(_script(code), PLACES)
    assert rewriting.replaced
    assert (rewrite_literals(rewriting.body, PLACES).body, rewriting.left) == (rewriting.body, ())
    accesses = [fact for fact in read_script(rewriting.body).facts if isinstance(fact, Access)]
    assert not any("shop" in str(fact.target) for fact in accesses)
    assert {name for fact in accesses for name in fact.target.arguments} <= {"SILVER", "ORDERS_TABLE"}


def test_what_is_read_of_the_new_script_are_the_arguments() -> None:
    body = (
        b"from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
        b'query = """SELECT * FROM shop.orders"""\n'
        b'spark.sql(query).write.mode("overwrite").saveAsTable("shop.silver")\n'
        b'spark.sql("INSERT OVERWRITE TABLE shop.silver SELECT 1")\n'
    )
    rewriting = rewrite_literals(body, PLACES)
    facts = [fact for fact in read_script(rewriting.body).facts if isinstance(fact, Access)]
    assert [(fact.action, fact.system, fact.target.arguments, fact.mode) for fact in facts] == [
        ("read", "catalog", ("ORDERS_TABLE",), "unknown"),
        ("write", "s3", ("SILVER",), "overwrite"),
        ("write", "s3", ("SILVER",), "overwrite"),
    ]


def test_a_glue_sink_updates_the_catalog_on_main_only(tmp_path: Path) -> None:
    body = PRELUDE.encode() + (
        b'sink = glue.getSink(path="s3://lake/silver/", connection_type="s3", enableUpdateCatalog=True)\n'
        b'told(sink)\ntold(sink.setCatalogInfo(catalogDatabase="shop", catalogTableName="silver"))\n'
    )
    rewriting = rewrite_literals(body, PLACES)
    assert _run(rewriting.body, tmp_path) == _run(body, tmp_path)
    assert _run(rewriting.body, tmp_path, *BRANCH).splitlines() == [
        "glue.getSink(path='s3://dev/b/silver/', connection_type='s3', enableUpdateCatalog=False)",
        "None",
    ]
    assert not rewriting.left


@pytest.mark.parametrize(
    ("code", "verb"),
    [
        ('df.write.insertInto("shop.silver")', "writes"),
        ('df.write.bucketBy(4, "x").saveAsTable("shop.silver")', "writes"),
        ('df.write.format("iceberg").saveAsTable("shop.silver")', "writes"),
        ('df.write.option("path", "s3://lake/other/").saveAsTable("shop.silver")', "writes"),
        ('spark.sql("INSERT INTO shop.silver SELECT 1")', "writes"),
        ('spark.sql("INSERT OVERWRITE TABLE shop.silver PARTITION (day) SELECT 1")', "writes"),
        ('spark.sql("MERGE INTO shop.silver USING x ON a WHEN MATCHED THEN DELETE")', "writes"),
        ('spark.sql("CREATE TABLE shop.silver AS SELECT 1")', "writes"),
        ('spark.sql("SELECT shop.orders.id FROM shop.orders")', "reads"),
        ('spark.sql("SELECT * FROM {}.orders".format("shop"))', "reads"),
        ('spark.sql("SELECT * " "FROM shop.orders")', "reads"),
    ],
)
def test_what_cannot_be_rewritten_stays_and_is_told(code: str, verb: str) -> None:
    body = (
        "from pyspark.sql import SparkSession\nfrom awsglue.context import GlueContext\n"
        f"spark = SparkSession.builder.getOrCreate()\nglue = GlueContext(spark)\ndf = spark.range(1)\n{code}\n"
    ).encode()
    rewriting = rewrite_literals(body, PLACES)
    assert rewriting.body == body
    assert [(left.line, left.what.split()[0]) for left in rewriting.left] == [(6, verb)]


def test_a_table_that_the_branch_registers_none_for_stays() -> None:
    body = b'import pyspark\nspark = pyspark.sql.SparkSession.builder.getOrCreate()\nx = spark.table("shop.orders")\n'
    place = LiteralPlace("s3://lake/orders/", "--ORDERS", "shop.orders", format="csv")
    rewriting = rewrite_literals(body, [place])
    assert (rewriting.body, len(rewriting.left)) == (body, 1)


def test_of_mains_own_a_table_that_is_left_is_right_and_not_told() -> None:
    body = (
        b"from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
        b'spark.sql("SELECT shop.orders.id FROM shop.orders")\n'
    )
    place = LiteralPlace("s3://lake/orders/", "--ORDERS", "shop.orders", stays=True)
    assert rewrite_literals(body, [place]).left == ()


def test_other_tables_and_other_calls_stay() -> None:
    body = (
        b'class my: pass\nmy.table = print\nmy.table("shop.other")\nx = {"shop.orders": 1}\ny = "shop.silver"\n'
        b'cursor = 1\nprint("SELECT * FROM shop.orders")\n'
    )
    assert rewrite_literals(body, PLACES).body == body
