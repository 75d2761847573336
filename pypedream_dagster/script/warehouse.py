"""Files on S3 that a data warehouse copies or unloads, when a script has it execute a statement that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pypedream_dagster.script import sql
from pypedream_dagster.script.chain import Chain
from pypedream_dagster.script.choices import alternatives
from pypedream_dagster.script.model import Access
from pypedream_dagster.script.spark import SparkState, sql_accesses
from pypedream_dagster.script.values import as_text

_RUNS = re.compile(r"exec|run|query|sql|copy|unload", re.IGNORECASE)
_MOVES = re.compile(r"\b(?:unload\s*\(|copy\b|(?:read_\w+|\w+_scan)\s*\(\s*\[?\s*')", re.IGNORECASE)


def moved_files(chain: Chain) -> Iterator[Access]:
    """Give the places on S3 that a statement copies from or unloads to, whatever executes it.

    Which library does is often not to be seen: a connection is handed around, a helper of one's own wraps it.
    """
    told_elsewhere = chain.module in {"awswrangler", "wr"} or chain.name in {"execute_statement", "sql"}
    if told_elsewhere or not _RUNS.search(chain.name):
        return
    for given in (*chain.call.positional, *chain.call.keywords.values()):
        for option in alternatives(given):
            text = as_text(option)
            if sql.is_statement(str(text)) and _MOVES.search(str(text)):
                accesses = sql_accesses(text, chain.place, "warehouse", SparkState())
                yield from (access for access in accesses if access.system == "s3")
