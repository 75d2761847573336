"""A script's literal places turned into arguments: the least that has to change, and what cannot is said.

Rewritten is what certainly is one of the places (:mod:`script.rewrite.constants`), not what may be. On production,
where the arguments are not given, the rewritten script takes the literals that it had: it can be merged as it is. ::

    silver_data_sink = (
        sys.argv[sys.argv.index("--SILVER_DATA_SINK") + 1] if "--SILVER_DATA_SINK" in sys.argv else "s3://lake/silver/"
    )

A table of the catalog stays where the place is production's: there the script does what it did. Elsewhere the place
takes its part, for on a branch an output's table is registered only after the run that made it. ::

    (
        df.write.mode("overwrite").saveAsTable("shop.silver")
        if silver_data_sink.rstrip("/") == "s3://lake/silver"
        else df.write.mode("overwrite").save(silver_data_sink)
    )

``rewriting`` → ``literals`` (the walk, texts and boto3's buckets and keys) → ``tables`` (calls that name a table),
``statements`` (SQL) → ``names`` (what the script's head defines); ``source``, ``fstrings``, ``constants`` serve all.
"""

from pypedream_dagster.script.rewrite.model import Left, LiteralPlace, Replaced, Rewriting
from pypedream_dagster.script.rewrite.rewriting import rewrite_literals

__all__ = ["Left", "LiteralPlace", "Replaced", "Rewriting", "rewrite_literals"]
