"""What a Spark script on a branch may try to reach main; as ``attempts.py``, run inside of a job."""

import json
import os

import boto3
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from pyspark.context import SparkContext

TARGETS: dict = globals()["TARGETS"]
BUCKET, DATABASE = TARGETS["bucket"], TARGETS["database"]
MAIN, KEY, OWN = f"s3://{BUCKET}/main/data/bronze/", TARGETS["key"], f"s3://{BUCKET}/{TARGETS['own']}"
REFUSALS = ("AccessDenied", "Access Denied", "403", "Forbidden", "InvalidAccessKeyId")
S3A_PROVIDERS = "org.apache.hadoop.fs.s3a."
OUTCOMES: dict[str, str] = {}

glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
jvm, conf = spark._jvm, spark._jsc.hadoopConfiguration()
Path, FileSystem = jvm.org.apache.hadoop.fs.Path, jvm.org.apache.hadoop.fs.FileSystem
rows = spark.range(20).selectExpr("id", "id % 2 AS part")
frame = DynamicFrame.fromDF(rows.selectExpr("id", "CAST(part AS string) AS p"), glue_context, "rows")


def attempt(name, act):
    try:
        answer = act()
    except Exception as error:
        text = str(error)
        denied = any(
            word in text
            for word in (
                "AccessDenied",
                "Access Denied",
                "403",
                "Forbidden",
                "InvalidAccessKeyId",
                "java.nio.file.AccessDenied",
            )
        )
        OUTCOMES[name] = f"{'refused' if denied else 'FAILED'}: {type(error).__name__}: {text[:600]}"
    else:
        OUTCOMES[name] = f"refused: {answer}" if answer is False else f"DONE: {answer}"[:300]


def writes():
    for mode in ("overwrite", "append"):
        for scheme in ("s3", "s3a", "s3n"):
            target = MAIN.replace("s3", scheme, 1)
            attempt(f"{scheme} {mode}", lambda mode=mode, target=target: rows.write.mode(mode).parquet(target))
    dynamic = rows.write.mode("overwrite").option("partitionOverwriteMode", "dynamic").partitionBy("part")
    attempt("partitions", lambda: dynamic.parquet(MAIN))
    attempt("csv beside", lambda: rows.write.csv(f"{MAIN}stray/"))
    attempt("text of an RDD", lambda: rows.rdd.map(str).saveAsTextFile(f"{MAIN}stray-text/"))
    directory = f"INSERT OVERWRITE DIRECTORY '{MAIN}' USING parquet SELECT 1 AS id"
    attempt("a directory by SQL", lambda: spark.sql(directory))
    attempt("checkpoint", lambda: checkpoint())
    attempt("an executor's boto3", lambda: rows.rdd.foreachPartition(put_from_executor))
    attempt("another branch", lambda: rows.write.parquet(f"s3://{BUCKET}/other/data/"))


def checkpoint():
    spark.sparkContext.setCheckpointDir(f"{MAIN}stray-checkpoint/")
    rows.checkpoint()


def put_from_executor(_):
    boto3.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"broken")


def file_system():
    main, mine = Path(MAIN), Path(f"{OWN}moved/")
    fs = main.getFileSystem(conf)
    part = Path(f"s3://{BUCKET}/{KEY}")
    attempt("delete", lambda: fs.delete(main, True))
    attempt("delete a file", lambda: fs.delete(part, False))
    attempt("rename away", lambda: fs.rename(main, mine))
    rows.coalesce(1).write.mode("overwrite").parquet(f"{OWN}moved-in/")
    attempt("rename in", lambda: fs.rename(Path(f"{OWN}moved-in/"), Path(f"{MAIN}moved-in/")))
    attempt("create", lambda: fs.create(part, True).close())
    attempt("append", lambda: fs.create(Path(f"{MAIN}stray-file"), True).close())
    attempt("mkdirs", lambda: fs.mkdirs(Path(f"{MAIN}stray-folder/")))
    attempt(
        "copy onto", lambda: jvm.org.apache.hadoop.fs.FileUtil.copy(fs, Path(f"{OWN}moved-in/"), fs, main, False, conf)
    )
    for name, settings in {
        "anonymous": {"fs.s3a.aws.credentials.provider": f"{S3A_PROVIDERS}AnonymousAWSCredentialsProvider"},
        "without its token": {"fs.s3a.aws.credentials.provider": f"{S3A_PROVIDERS}SimpleAWSCredentialsProvider"},
        "an unknown key": {
            "fs.s3a.access.key": "AKIAUNKNOWN",
            "fs.s3a.aws.credentials.provider": f"{S3A_PROVIDERS}SimpleAWSCredentialsProvider",
        },
    }.items():
        changed = jvm.org.apache.hadoop.conf.Configuration(conf)
        for key, value in settings.items():
            changed.set(key, value)
        attempt(name, lambda changed=changed: FileSystem.newInstance(main.toUri(), changed).delete(part, False))


def awsglue():
    attempt("purge_s3_path", lambda: purged(lambda: glue_context.purge_s3_path(MAIN, {"retentionPeriod": 0})))
    attempt("purge_table", lambda: purged(lambda: glue_context.purge_table(DATABASE, "gold", {"retentionPeriod": 0})))
    options = {"path": MAIN}
    write = glue_context.write_dynamic_frame
    attempt("sink", lambda: write.from_options(frame, "s3", options, "parquet"))
    attempt("sink of the catalog", lambda: write.from_catalog(frame, DATABASE, "gold"))
    attempt("sink that updates the catalog", lambda: updating_sink())


def purged(act):
    """A purge that deletes nothing may be silent: what main's state says decides."""
    act()
    return False


def updating_sink():
    sink = glue_context.getSink("s3", path=MAIN, enableUpdateCatalog=True, updateBehavior="UPDATE_IN_DATABASE")
    sink.setCatalogInfo(catalogDatabase=DATABASE, catalogTableName="gold")
    sink.setFormat("glueparquet")
    sink.writeFrame(frame)


def machine():
    files, system = jvm.java.nio.file.Files, jvm.java.lang.System
    state = Path_of(system.getProperty("java.io.tmpdir")).getParent().getParent()
    for name in ("credentials.json", "endpoint.json"):
        attempt(f"{name} by the JVM", lambda name=name: str(files.readString(state.resolve(name))))
    attempt("objects by the JVM", lambda: files.list(state.resolve("objects")).count())
    parent = f"/proc/{os.getppid()}/environ"
    attempt("the server's environment by the JVM", lambda: str(files.readString(Path_of(parent)))[:50])
    attempt("keys of other runs in the JVM", lambda: other_keys(system) or False)


def Path_of(text):  # noqa: N802
    return jvm.java.nio.file.Paths.get(text, spark.sparkContext._gateway.new_array(jvm.java.lang.String, 0))


def other_keys(system):
    """Access keys in the JVM's properties and environment and in Hadoop's settings that are not this run's."""
    told = [str(system.getProperties()), str(system.getenv()), conf.get("fs.s3a.access.key", "")]
    words = {word.strip("{},=\"'") for text in told for word in text.replace("=", " ").split()}
    own = os.environ["AWS_ACCESS_KEY_ID"]
    return sorted(word for word in words if word.startswith(("ASIA", "LSIA", "AKIA", "LOCAL")) and word != own)


writes()
file_system()
awsglue()
machine()
boto3.client("s3").put_object(Bucket=BUCKET, Key=f"{TARGETS['own']}outcomes.json", Body=json.dumps(OUTCOMES).encode())
