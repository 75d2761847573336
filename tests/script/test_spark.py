"""Spark's and Glue's interfaces are recognised by what they are, and their targets folded."""

from __future__ import annotations

import pytest

from tests.script.facts import facts, on_spark


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('df.write.mode("append").parquet(args["OUT"])', "write s3 {--OUT} append"),
        ('df.write.mode("Overwrite").partitionBy("d").parquet(args["OUT"])', "write s3 {--OUT} overwrite"),
        ('df.write.parquet(args["OUT"], mode="append")', "write s3 {--OUT} append"),
        ('df.write.parquet(args["OUT"], "overwrite")', "write s3 {--OUT} overwrite"),
        ("df.coalesce(1).write.json(f\"{args['OUT']}daily/\")", "write s3 {--OUT}daily/ once"),
        ('df.write.format("csv").option("path", "s3://b/x/").mode("ignore").save()', "write s3 s3://b/x/ once"),
        ('w = df.write\nw = w.format("orc")\nw.mode("append").save(args["OUT"])', "write s3 {--OUT} append"),
        ('df.write.mode(args["MODE"]).save(args["OUT"])', "write s3 {--OUT}"),
        (
            'df.write.option("partitionOverwriteMode", "dynamic").mode("overwrite").save("s3://b/x")',
            "write s3 s3://b/x partitions",
        ),
        (
            'spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")\n'
            'df.write.mode("overwrite").save("s3://b/x")',
            "write s3 s3://b/x partitions",
        ),
        ('df.write.option("replaceWhere", "d=1").mode("overwrite").save("s3://b/x")', "write s3 s3://b/x merge"),
        ('df.write.insertInto("db.t")', "write catalog db.t append"),
        ('df.write.insertInto("db.t", overwrite=True)', "write catalog db.t overwrite"),
        ('df.write.mode("append").saveAsTable(f"{args[\'DB\']}.orders")', "write catalog {--DB}.orders append"),
        (
            'df.write.format(args["SRC"]).option("path", args["OUT"]).saveAsTable("db.t")',
            "write catalog db.t once",
        ),
        ('df.writeTo("glue_catalog.db.t").append()', "write catalog db.t append"),
        (
            'df.writeTo("glue_catalog.db.t").using("iceberg").createOrReplace()',
            "write catalog db.t overwrite",
        ),
        ('df.writeTo("c.db.t").overwritePartitions()', "write catalog db.t partitions"),
        ('df.write.format("noop").save()', None),
        (
            'df.write.format("hudi").options(**{"hoodie.datasource.write.operation": "upsert"})'
            '.mode("append").save(args["OUT"])',
            "write s3 {--OUT} merge",
        ),
        (
            'df.write.format("jdbc").option("url", "jdbc:mysql://u:pw@h:3306/dw?user=u&password=pw").mode("append").save()',
            "write database jdbc:mysql://h:3306/dw append",
        ),
        ('df.write.jdbc(url, "t", "append", {"password": pw})', "write database {…} append"),
        (
            'df.write.format("snowflake").options(**sf).option("dbtable", "T").mode("overwrite").save()',
            "write snowflake T overwrite",
        ),
        (
            'df.write.format("io.github.spark_redshift_community.spark.redshift").option("url", u)'
            '.option("dbtable", "t").mode("append").save()',
            "write redshift {…} append",
        ),
        ('df.write.format("org.elasticsearch.spark.sql").mode("append").save("idx")', "write opensearch idx append"),
        ('df.write.format("kafka").option("topic", "orders").save()', "write kafka orders once"),
        ('df.rdd.saveAsTextFile("s3://b/text/")', "write s3 s3://b/text/ once"),
        ('spark.sql("SELECT * FROM db.t")', "read catalog db.t"),
        ('spark.sql("INSERT INTO db.t SELECT 1")', "write catalog db.t append"),
        ("spark.sql(f\"INSERT OVERWRITE TABLE {args['DB']}.t SELECT 1\")", "write catalog {--DB}.t overwrite"),
        ('spark.sql("insert overwrite db.t partition (d) select 1")', "write catalog db.t partitions"),
        ('spark.sql("CREATE TABLE IF NOT EXISTS db.t (a int)")', "write catalog db.t upkeep"),
        ('spark.sql("DELETE FROM db.t WHERE d = 1")', "write catalog db.t merge"),
        ('spark.sql("DROP TABLE IF EXISTS `db`.`t`")', "delete catalog db.t"),
        ('spark.sql("-- INSERT INTO db.no\\nSELECT 1")', None),
        ("spark.sql(\"SELECT 'insert into db.no'\")", None),
        ('df.createOrReplaceTempView("v")\nspark.sql("SELECT * FROM v")', None),
        ('spark.sql("WITH x AS (SELECT 1) SELECT * FROM x")', None),
        ('spark.sql("CREATE TABLE db.t USING iceberg AS SELECT 1")', "write catalog db.t once"),
        ("spark.sql(open_query())", "write catalog {…}"),
        ('spark.table("db.t")', "read catalog db.t"),
        ('spark.read.table("db.t")', "read catalog db.t"),
        ('spark.read.format("delta").load("s3://b/d/")', "read s3 s3://b/d/"),
        ('glueContext.purge_s3_path(args["OUT"], {"retentionPeriod": 0})', "delete s3 {--OUT} overwrite"),
        ('glueContext.purge_s3_path(args["OUT"])', "delete s3 {--OUT}"),
        ('glueContext.purge_table("db", "t")', "delete catalog db.t"),
        ('glueContext.transition_s3_path("s3://b/x/", "GLACIER")', "write s3 s3://b/x/"),
        (
            'spark.conf.set("fs.s3.customAWSCredentialsProvider", "x")',
            "identity the setting fs.s3.customAWSCredentialsProvider",
        ),
        ('spark._jsc.hadoopConfiguration().set("fs.s3a.access.key", key)', "identity the setting fs.s3a.access.key"),
        (
            'spark._sc._jvm.java.sql.DriverManager.getConnection("jdbc:x://h/d?password=p", "u", "p")',
            "write database jdbc:x://h/d",
        ),
    ],
)
def test_one_thing(code: str, expected: str | None) -> None:
    found = on_spark(code)
    assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            """
            glueContext.write_dynamic_frame.from_options(
                frame=dyf, connection_type="s3", connection_options={"path": args["OUT"] + "/x"}, format="parquet")
            """,
            ["write s3 {--OUT}/x append"],
        ),
        (
            """
            glueContext.write_dynamic_frame.from_jdbc_conf(
                frame=dyf, catalog_connection="dw", connection_options={"dbtable": "public.orders", "database": "dev"},
                redshift_tmp_dir=args["TempDir"], transformation_ctx="sink")
            """,
            ["write s3 {--TempDir} overwrite", "write database dw: public.orders append"],
        ),
        (
            """
            glueContext.write_dynamic_frame.from_options(frame=d, connection_type="postgresql",
                connection_options={"url": "jdbc:postgresql://h/db", "user": "u", "password": "p", "dbtable": "t"})
            """,
            ["write database postgresql t append"],
        ),
        (
            'glueContext.write_dynamic_frame.from_catalog(frame=d, database="db", table_name="t")',
            ["write catalog db.t append"],
        ),
        (
            """
            sink = glueContext.getSink(connection_type="s3", path="s3://b/x/", enableUpdateCatalog=True)
            sink.setCatalogInfo(catalogDatabase="db", catalogTableName="t")
            sink.writeFrame(d)
            """,
            ["write s3 s3://b/x/ append", "write catalog db.t append"],
        ),
        (
            'a = glueContext.create_dynamic_frame.from_catalog(database="db", table_name="t", transformation_ctx="a")',
            ["bookmark transformation_ctx", "read catalog db.t"],
        ),
        (
            'a = glueContext.create_dynamic_frame_from_options("s3", '
            '{"paths": ["s3://b/a/", "s3://b/c/"]}, format="json")',
            ["read s3 s3://b/a/", "read s3 s3://b/c/"],
        ),
        (
            """
            from delta.tables import DeltaTable
            t = DeltaTable.forPath(spark, args["OUT"])
            t.alias("o").merge(df.alias("n"), "o.id = n.id").whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
            """,
            ["write s3 {--OUT} merge"],
        ),
        (
            'spark.sql("""MERGE INTO db.t t USING src.s s ON t.id = s.id WHEN MATCHED THEN UPDATE SET *""")',
            ["read catalog src.s", "write catalog db.t merge"],
        ),
        (
            'stream = spark.readStream.format("kinesis").load()\n'
            'stream.writeStream.format("parquet").start(args["OUT"])',
            ["streaming readStream", "read kinesis {…}", "streaming writeStream", "write s3 {--OUT} append"],
        ),
        (
            """
            job = Job(glueContext)
            job.init(args["JOB_NAME"], args)
            job.commit()
            """,
            ["bookmark commit"],
        ),
    ],
)
def test_several_things(code: str, expected: list[str]) -> None:
    assert on_spark(code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('df = df.withColumn("at", F.current_timestamp())', ["clock current_timestamp in at"]),
        ('df = df.select("a", F.rand().alias("r"))', ["random rand in r"]),
        ("df = df.withColumn('r', F.rand(42))", []),
        ('df = df.withColumn("id", F.monotonically_increasing_id())', ["random monotonically_increasing_id in id"]),
        (
            "from datetime import datetime\nnow = datetime.now()\n"
            "df = df.withColumn('a', F.lit(now)).withColumn('b', F.lit(str(now)))",
            ["clock now in a", "clock now in b"],
        ),
        ("import datetime as dt\nprint(dt.datetime.utcnow())", ["clock utcnow"]),
        ("import time\nstart = time.time()", ["clock time"]),
        ("import uuid\nrun = str(uuid.uuid4())", ["random uuid4"]),
        ("from pyspark.sql.functions import *\ndf = df.withColumn('x', current_date())", ["clock current_date in x"]),
        ('df = df.selectExpr("id", "current_timestamp() AS loaded_at")', ["clock current_timestamp in loaded_at"]),
        ('x = spark.sql("SELECT CURRENT_DATE AS day, 1 FROM v")', ["clock current_date in day", "read catalog v"]),
    ],
)
def test_clocks(code: str, expected: list[str]) -> None:
    assert on_spark(code) == expected


def test_functions_are_read_where_they_are_called_and_once_where_they_are_not() -> None:
    code = """
        import sys
        from awsglue.utils import getResolvedOptions

        BASE = "s3://lake/main"

        def save(frame, path, mode="overwrite"):
            frame.write.mode(mode).parquet(path)

        def never_called(frame):
            frame.write.mode("append").parquet(BASE + "/stray/")

        class Writer:
            def __init__(self, target):
                self.target = target

            def write(self, frame):
                save(frame, self.target)

        def main():
            args = getResolvedOptions(sys.argv, ["A", "B"])
            for name in ("x", "y"):
                save(spark.read.parquet(f"{BASE}/{name}/"), "%s/%s" % (args["A"], name))
            Writer("{}/z".format(args["B"])).write(df)

        if __name__ == "__main__":
            main()
    """
    found = facts(code)
    assert found[:5] == [
        "read s3 s3://lake/main/x/",
        "write s3 {--A}/x overwrite",
        "read s3 s3://lake/main/y/",
        "write s3 {--A}/y overwrite",
        "write s3 {--B}/z overwrite",
    ]
    assert "write s3 s3://lake/main/stray/ append" in found[5:]


def test_what_a_value_may_be_is_followed_into_texts() -> None:
    code = """
        import os
        CONFIG = {"prod": {"bucket": "p", "db": "pd"}, "dev": {"bucket": "d", "db": "dd"}}
        c = CONFIG[os.environ["STAGE"]]
        df.write.mode("overwrite").parquet(f"s3://{c['bucket']}/x/")
        df.write.mode("overwrite").parquet("s3://{}/y/".format(c["bucket"]))
        df.write.mode("overwrite").parquet(os.path.join("s3://" + c["bucket"], "z"))
        spark.sql(f"INSERT INTO {c['db']}.t SELECT 1")
    """
    assert facts(code) == [
        *(f"write s3 s3://{bucket}/x/ overwrite" for bucket in "pd"),
        *(f"write s3 s3://{bucket}/y/ overwrite" for bucket in "pd"),
        *(f"write s3 s3://{bucket}/z overwrite" for bucket in "pd"),
        *(f"write catalog {bucket}d.t append" for bucket in "pd"),
    ]


def test_both_sides_of_an_if_are_read() -> None:
    code = """
        import os
        target = "s3://prod/x/" if os.environ.get("STAGE") == "prod" else "s3://dev/x/"
        mode = "append"
        if full:
            mode = "overwrite"
        df.write.mode("overwrite").parquet(target)
        if full:
            df.write.mode("append").parquet("s3://a/")
        else:
            df.write.mode("append").parquet("s3://b/")
    """
    assert facts(code) == [
        "write s3 s3://prod/x/ overwrite",
        "write s3 s3://dev/x/ overwrite",
        "write s3 s3://a/ append",
        "write s3 s3://b/ append",
    ]
