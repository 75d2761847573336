"""What of several values a job's arguments choose."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pypedream_dagster.script.model import Access
from pypedream_dagster.script.reading import read_script

_HEAD = """
import sys
from awsglue.utils import getResolvedOptions
args = getResolvedOptions(sys.argv, ["ENV"])
"""


def _with(code: str, **arguments: str) -> list[tuple[str, str]]:
    """Return what a script does where a job has some arguments."""
    facts = [fact for fact in read_script((_HEAD + code).encode()).facts if isinstance(fact, Access)]
    return [
        (fact.action, str(fact.target))
        for fact in facts
        if all(condition.may_hold(arguments) for condition in fact.at.conditions)
    ]


@pytest.mark.parametrize(
    "code",
    [
        """
        if args["ENV"] == "prod":
            bucket = "prod"
        else:
            bucket = "dev"
        df.write.parquet(f"s3://{bucket}/x")
        """,
        """
        bucket = "dev"
        if args["ENV"] in ("prod", "production"):
            bucket = "prod"
        df.write.parquet("s3://" + bucket + "/x")
        """,
        """
        bucket = "prod" if args["ENV"] == "prod" else "dev"
        glueContext.write_dynamic_frame.from_options(
            frame=df, connection_type="s3", connection_options={"path": "s3://{}/x".format(bucket)}, format="parquet"
        )
        """,
        """
        config = {"prod": {"bucket": "prod"}, "dev": {"bucket": "dev"}}
        df.write.parquet("s3://%s/x" % config[args["ENV"]]["bucket"])
        """,
        """
        config = {"prod": {"bucket": "prod"}, "dev": {"bucket": "dev"}}
        bucket = config.get(args["ENV"], config["dev"])["bucket"]
        df.write.parquet(os.path.join(f"s3://{bucket}", "x"))
        """,
        """
        def bucket_of(env):
            if env == "prod":
                return "prod"
            return "dev"
        df.write.parquet(f"s3://{bucket_of(args['ENV'].lower())}/x")
        """,
        """
        class Settings:
            def __init__(self, env):
                if env == "prod":
                    self.bucket = "prod"
                else:
                    self.bucket = "dev"
        df.write.parquet(f"s3://{Settings(args['ENV']).bucket}/x")
        """,
        """
        def one():
            df.write.parquet("s3://prod/x")
        def two():
            df.write.parquet("s3://dev/x")
        {"prod": one, "dev": two}[args["ENV"]]()
        """,
    ],
)
def test_an_argument_chooses_among_the_values_that_depend_on_it(code: str) -> None:
    code = dedent(code)
    assert _with(code, ENV="prod") == [("write", "s3://prod/x")]
    assert _with(code, ENV="dev") == [("write", "s3://dev/x")]
    assert set(_with(code)) == {("write", "s3://prod/x"), ("write", "s3://dev/x")}


def test_values_of_different_ways_are_not_put_together() -> None:
    code = """
bucket = "prod-lake" if args["ENV"] == "prod" else "dev-lake"
folder = "live" if args["ENV"] == "prod" else "test"
df.write.parquet("s3://" + bucket + "/" + folder)
"""
    assert set(_with(code)) == {("write", "s3://prod-lake/live"), ("write", "s3://dev-lake/test")}


def test_what_is_the_same_on_all_ways_has_no_condition() -> None:
    code = """
bucket = {"dev": "test", "stage": "test", "prod": "live"}.get(args["ENV"], "test")
df.write.parquet(f"s3://{bucket}/x")
"""
    assert _with(code, ENV="local") == _with(code, ENV="stage") == [("write", "s3://test/x")]
    assert _with(code, ENV="prod") == [("write", "s3://live/x")]
