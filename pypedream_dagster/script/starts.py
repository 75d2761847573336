"""Runs of Glue jobs that a script starts by boto3."""

from __future__ import annotations

from collections.abc import Iterator

from pypedream_dagster.script.chain import Chain
from pypedream_dagster.script.choices import alternatives
from pypedream_dagster.script.model import Start
from pypedream_dagster.script.values import Table, as_text


def starts_of(chain: Chain) -> Iterator[Start]:
    """Give the runs that a call starts: one for each job that it may name."""
    job = chain.call.argument(None, "JobName") if chain.name == "start_job_run" else None
    if job is None:
        return
    given = chain.call.argument(None, "Arguments")
    table = next((one for one in alternatives(given) if isinstance(one, Table)), None) if given is not None else None
    arguments = {name: as_text(value) for name, value in table.items.items()} if table is not None else {}
    for one in alternatives(job):
        yield Start(chain.place, as_text(one), arguments)
