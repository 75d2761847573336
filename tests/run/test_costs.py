"""What past runs let expect, by hand-made runs: the arithmetic, and which runs count."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.aws.prices import RATES, PriceList
from pypedream_dagster.branch.derive import derive_branch, derive_main
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.run.costs import (
    Cost,
    branch_runs,
    critical_path,
    estimate_graph,
    estimate_node,
    production_runs,
    saving,
    sum_up,
    total,
)
from tests.properties.strategies import graphs_with_origins

HOME = PriceList("us-east-1")


def job_run(seconds: int = 100, state: str = "SUCCEEDED", **fields: Any) -> JobRun:
    sizing = {} if "MaxCapacity" in fields or "WorkerType" in fields else {"WorkerType": "G.1X", "NumberOfWorkers": 10}
    answer = {"Id": "jr", "JobRunState": state, "ExecutionTime": seconds, "GlueVersion": "5.0", **sizing, **fields}
    return JobRun.from_answer("sales", {key: value for key, value in answer.items() if value is not None})


@pytest.mark.parametrize(
    ("fields", "rate", "usd"),
    [
        ({}, "spark", 1000 / 3600 * 0.44),
        ({"GlueVersion": "6.0"}, "spark_6", 1000 / 3600 * 0.308),
        ({"ExecutionClass": "FLEX", "DPUSeconds": 700.5}, "flex", 700.5 / 3600 * 0.29),
        ({"WorkerType": "R.2X", "NumberOfWorkers": 5}, "memory_optimized", 1000 / 3600 * 0.52),
        ({"WorkerType": "G.12X", "NumberOfWorkers": 2}, "spark", 2400 / 3600 * 0.44),
        ({"MaxCapacity": 0.0625, "GlueVersion": "3.0"}, "python_shell", 6.25 / 3600 * 0.44),
        ({"MaxCapacity": 1, "GlueVersion": None}, "python_shell", 100 / 3600 * 0.44),
        ({"MaxCapacity": 10, "WorkerType": "Standard", "NumberOfWorkers": 9}, "spark", 1000 / 3600 * 0.44),
        ({"WorkerType": "Z.2X", "NumberOfWorkers": 5}, "ray", 1000 / 3600 * 0.44),
        ({"WorkerType": "X.99", "NumberOfWorkers": 5}, "spark", None),
    ],
)
def test_each_kind_of_run_has_its_price(fields: dict[str, Any], rate: str, usd: float | None) -> None:
    run = job_run(**fields)
    assert run.rate == rate
    assert run.usd(HOME) == (usd if usd is None else pytest.approx(usd))


@pytest.mark.parametrize(
    ("seconds", "fields", "billed"),
    [
        (60, {}, 600.0),
        (61, {}, 610.0),
        (59, {}, 600.0),
        (6, {"MaxCapacity": 0.0625}, 3.75),
        (0, {"MaxCapacity": 0.0625}, 3.75),  # Glue tells whole seconds
        (0, {"state": "FAILED"}, 0.0),  # it never held resources
        (30, {"DPUSeconds": 90.0, "ExecutionClass": "FLEX"}, 180.0),
        (100, {"GlueVersion": "1.0"}, 6000.0),
        (100, {"GlueVersion": "0.9"}, 6000.0),
        (100, {"GlueVersion": "2.0"}, 1000.0),
    ],
)
def test_short_runs_are_billed_as_long_ones(seconds: int, fields: dict[str, Any], billed: float) -> None:
    assert job_run(seconds, **fields).billed_dpu_seconds == pytest.approx(billed)


def test_prices_differ_by_region_and_say_where_they_come_from() -> None:
    known = PriceList("sa-east-1").price("spark")
    assert (known.usd_per_dpu_hour, known.read) == (0.69, "2026-11-24")
    assert known.source.startswith("https://")
    assert known.assumed is None
    assumed = PriceList("sa-east-1").price("flex")
    assert assumed.usd_per_dpu_hour == pytest.approx(0.29 * 0.69 / 0.44, abs=1e-4)
    assert "assumed" in (assumed.assumed or "")
    nowhere = PriceList("xx-west-9").price("spark")
    assert nowhere.usd_per_dpu_hour == 0.44
    assert "xx-west-9" in (nowhere.assumed or "")
    assert all(HOME.price(rate).usd_per_dpu_hour > 0 for rate in RATES)


def test_own_prices_come_first() -> None:
    prices = PriceList("us-east-1", {"all": 0.1, "flex": 0.05})
    assert [prices.price(rate).usd_per_dpu_hour for rate in ("spark", "flex", "ray")] == [0.1, 0.05, 0.1]
    assert prices.price("spark").source == "pypedream.toml"
    with pytest.raises(PypedreamError, match="sparkle"):
        PriceList("us-east-1", {"sparkle": 1.0})
    with pytest.raises(PypedreamError, match="dollars"):
        PriceList("us-east-1", {"all": -1.0})


def test_an_estimate_stands_on_the_last_good_runs() -> None:
    seconds = [100, 300, 200, 90, 110, 5000]
    found = estimate_node([job_run(one) for one in seconds], "main", HOME)
    assert found is not None
    assert (found.runs, found.seconds.median, found.seconds.low, found.seconds.high) == (5, 110, 90, 300)
    assert found.usd is not None
    assert found.usd.median == pytest.approx(1100 / 3600 * 0.44)
    assert estimate_node([], "main", HOME) is None


def chain() -> tuple[BranchGraph, BranchGraph]:
    """Return main and a branch at b of a → b → c, with d beside them after a, longer than both."""
    from pypedream_dagster.graph.files import parse_graph

    def node(name: str) -> dict[str, Any]:
        properties = {"Name": f"{name}-{{branch-name}}"}
        data = {f"d{name}": f"s3://lake/{{branch-name}}/{name}/"}
        return {"id": name, "metadata": {"operation": "glue", "properties": properties, "output_data": data}}

    links = [("a", "b"), ("b", "c"), ("a", "d")]
    document = {
        "nodes": [node(name) for name in "abcd"],
        "links": [{"source": s, "target": t, "metadata": {"data": [f"d{s}"]}} for s, t in links],
    }
    graph = parse_graph(document)
    return derive_main(graph), derive_branch(graph, "test", ["b"])


def test_failed_runs_and_those_of_branches_say_nothing_of_production() -> None:
    _, branch = chain()
    node = branch.by_id["c"]
    good = job_run()
    other_branch = job_run(Arguments={"--DC_DATA_SINK": "s3://lake/other/c/"})
    narrowed = job_run(ExecutionRoleSessionPolicy="{}")
    own = job_run(Arguments=dict(node.arguments))
    runs = [own, job_run(state="FAILED"), narrowed, other_branch, job_run(state="STOPPED"), good]
    assert production_runs(runs, node, {}) == [good]
    assert branch_runs(runs, node.arguments) == [own]


def test_nodes_that_share_a_job_are_told_apart_by_their_arguments() -> None:
    main, _ = chain()
    small, large = job_run(10, Arguments={"--SIZE": "s"}), job_run(900, Arguments={"--SIZE": "l"})
    assert production_runs([small, large], main.by_id["a"], {"--SIZE": "l"}) == [large]
    assert production_runs([small, large], main.by_id["a"], {"--SIZE": "unseen"}) == [small, large]


def test_what_a_branch_saves() -> None:
    main, branch = chain()
    nodes = {name: estimate_node([job_run(s)], "main", HOME) for name, s in (("a", 100), ("b", 200), ("c", 60))}
    known = {name: found for name, found in nodes.items() if found is not None}
    mine, whole = estimate_graph(branch, known), estimate_graph(main, known)
    assert (mine.seconds, mine.critical_path, mine.never_run) == (260, ("b", "c"), ())
    assert (whole.seconds, whole.critical_path, whole.never_run) == (360, ("a", "b", "c"), ("d",))
    assert whole.totals.uncounted == ("d",)
    saved = saving(mine, whole)
    assert saved.seconds == 100
    assert saved.usd == pytest.approx(1000 / 3600 * 0.44)
    assert saved.usd_fraction == pytest.approx(100 / 360)
    alone = estimate_graph(branch, known, only=["c"])
    assert (alone.seconds, alone.critical_path) == (60, ("c",))


def test_order_is_handed_on_by_nodes_that_do_not_run() -> None:
    main, _ = chain()
    assert critical_path(main, {"a": 5, "b": 7, "c": 11}, only=["a", "c"]) == (16, ("a", "c"))
    assert critical_path(main, {}, only=[]) == (0.0, ())


def test_a_node_tried_again_costs_both_runs() -> None:
    both = sum_up([Cost(10, 20.0, 60.0, 0.5), Cost(5, None, None, None)])
    assert (both.execution_seconds, both.dpu_seconds, both.usd) == (15, 20.0, 0.5)
    assert total({"a": both, "b": None, "c": Cost(1)}).uncounted == ("b", "c")


@given(graphs_with_origins(max_nodes=12), st.data())
@settings(max_examples=30)
def test_a_branch_never_takes_longer_than_the_pipeline_it_is_a_part_of(drawn: Any, data: st.DataObject) -> None:
    graph, origins = drawn
    main = derive_main(graph)
    try:
        branch = derive_branch(graph, "test", origins)
    except PypedreamError:
        return
    seconds = {node: data.draw(st.integers(0, 10_000)) for node in main.by_id}
    whole, path = critical_path(main, seconds)
    mine, own_path = critical_path(branch, seconds)
    assert 0 <= mine <= whole <= sum(seconds.values())
    assert mine == sum(seconds[node] for node in own_path)
    assert whole == sum(seconds[node] for node in path)
    assert max(seconds.values()) <= whole
    for earlier, later in pairwise(own_path):
        assert earlier in branch.by_id[later].upstream
