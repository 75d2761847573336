"""Of tasks that have nothing to do with a Glue job nothing is asked."""

from __future__ import annotations

import pytest

from pypedream_dagster.importers.survey import Flow, Task

from .surveys import HERE, flow, imported, job, run, script

_PLACE = "s3://${bucket}/orders"


def _copy(key: str, *, reads: str = "", writes: str = "") -> Task:
    return Task(key, "s3-copy", HERE, reads=(reads,) if reads else (), writes=(writes,) if writes else ())


def _query(key: str, statement: str) -> Task:
    return Task(key, "athena", HERE, resource=statement)


@pytest.mark.parametrize(
    "alone",
    [
        flow(_copy("bring", writes=_PLACE)),
        flow(_copy("bring", writes="s3://lake/orders"), _copy("fetch", writes="s3://lake/orders")),
        flow(_query("count", "SELECT * FROM sales.orders")),
    ],
)
def test_nothing_is_asked_of_a_flow_that_has_nothing_to_do_with_a_job(alone: Flow) -> None:
    assert not imported(alone).questions


@pytest.mark.parametrize(
    ("beside", "question"),
    [
        (_copy("bring", writes=_PLACE), "parameter"),
        (_query("count", "SELECT * FROM sales.orders"), "unknown-table"),
    ],
)
def test_it_is_asked_where_order_joins_the_task_to_a_job(beside: Task, question: str) -> None:
    load = job("load", {})
    found = imported(load, script("load", ""), flow(beside, run("load", "load"), order=((beside.key, "load"),)))
    assert [item.kind for item in found.questions] == [question]


def test_it_is_asked_where_data_joins_the_task_to_a_job() -> None:
    load = job("load", {"source_path": _PLACE})
    found = imported(load, script("load", ""), flow(run("load", "load")), flow(_copy("bring", writes=_PLACE), name="b"))
    (question,) = found.questions
    assert "bring" in question.text


def test_no_rewritten_script_is_proposed_for_a_task_that_has_none() -> None:
    assert not imported(flow(_copy("bring", writes="s3://lake/orders"))).notes
