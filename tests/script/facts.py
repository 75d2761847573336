"""Facts of a snippet as short lines, to compare and to read."""

from __future__ import annotations

from textwrap import dedent

from pypedream_dagster.script.model import Access, Bookmark, Clock, Fact, OtherIdentity, Process, Streaming
from pypedream_dagster.script.reading import read_script

SPARK = """
import sys
from awsglue.utils import getResolvedOptions
from awsglue.context import GlueContext
from awsglue.job import Job
from pyspark.context import SparkContext
from pyspark.sql import functions as F
args = getResolvedOptions(sys.argv, ["JOB_NAME", "SRC", "OUT", "DB"])
glueContext = GlueContext(SparkContext())
spark = glueContext.spark_session
df = spark.read.parquet(args["SRC"])
"""
HEAD = ["read s3 {--SRC}"]


def line(fact: Fact) -> str:
    match fact:
        case Access():
            mode = "" if fact.mode == "unknown" else f" {fact.mode}"
            service = f" [{fact.service}]" if fact.system == "aws" else ""
            return f"{fact.action} {fact.system} {fact.target}{mode}{service}"
        case Clock():
            return f"{fact.kind} {fact.what}" + (f" in {fact.column}" if fact.column else "")
        case Bookmark():
            return f"bookmark {fact.what}"
        case OtherIdentity():
            return f"identity {fact.what}"
        case Process():
            return f"process {fact.what}"
        case Streaming():
            return f"streaming {fact.what}"


def facts(code: str) -> list[str]:
    reading = read_script(dedent(code).encode())
    assert reading.unreadable is None, reading.unreadable
    return [line(fact) for fact in reading.facts]


def on_spark(code: str) -> list[str]:
    """Return the facts of a snippet after an ordinary Glue job's first lines, without theirs."""
    found = facts(SPARK + dedent(code))
    assert found[: len(HEAD)] == HEAD
    return found[len(HEAD) :]
