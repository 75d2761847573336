"""What a branch will take, and the whole pipeline beside it: asks Glue for past runs, one page for each job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from pypedream_dagster.aws.glue import GlueClient
from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.aws.prices import PriceList, Rate
from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.errors import NotFoundError
from pypedream_dagster.run.costs import (
    Estimate,
    NodeEstimate,
    Saving,
    branch_runs,
    estimate_graph,
    estimate_node,
    production_runs,
    saving,
)

_PAGE = 200  # Glue's largest
_AT_ONCE = 8

_Runs = Mapping[str, tuple[JobRun, ...]]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected.

    Attributes:
        branch: of what the branch runs.
        whole: of all that main runs; None where main's graph is not known.
    """

    branch: Estimate
    whole: Estimate | None = None

    @property
    def rates(self) -> frozenset[Rate]:
        """By which Glue bills the nodes that are known."""
        estimates = (self.branch, *((self.whole,) if self.whole else ()))
        return frozenset(node.rate for estimate in estimates for node in estimate.nodes.values())

    @property
    def saving(self) -> Saving | None:
        """What the branch saves; None where nothing is known to compare."""
        if self.whole is None or not self.branch.nodes:
            return None
        return saving(self.branch, self.whole)


def forecast(
    graph: BranchGraph,
    glue: GlueClient,
    prices: PriceList,
    *,
    main: BranchGraph | None = None,
    only: Iterable[str] | None = None,
) -> Forecast:
    """Return what a branch, or main, is expected to take.

    The branch's own earlier runs are the better evidence; where there are none, production's stand in.

    Args:
        graph: the branch's, or main's.
        glue: the client.
        prices: of the region.
        main: all that production runs, to compare with.
        only: the nodes that will run; all by default.

    Raises:
        AwsError: AWS could not be asked.
    """
    others = main.nodes if main is not None else ()
    names = [name for node in graph.nodes for name in (node.job, node.production_job)]
    runs = _past_runs(glue, dict.fromkeys([*names, *(node.production_job for node in others)]))
    started_by_main = {node.id: node.arguments for node in others}
    nodes = {node.id: _node(node, graph, runs, started_by_main.get(node.id, {}), prices) for node in graph.nodes}
    known = {node: found for node, found in nodes.items() if found is not None}
    branch = estimate_graph(graph, known, only)
    if main is None:
        return Forecast(branch)
    whole = {node.id: _of_production(node, runs, node.arguments, prices) or known.get(node.id) for node in main.nodes}
    return Forecast(branch, estimate_graph(main, {node: found for node, found in whole.items() if found is not None}))


def _node(
    node: BranchNode, graph: BranchGraph, runs: _Runs, started_by_main: Mapping[str, str], prices: PriceList
) -> NodeEstimate | None:
    if graph.is_main:
        return _of_production(node, runs, node.arguments, prices)
    own = [run for run in runs[node.job] if run.succeeded] if node.job != node.production_job else None
    before = branch_runs(runs[node.job], node.arguments) if own is None else own
    return estimate_node(before, "branch", prices) or _of_production(node, runs, started_by_main, prices)


def _of_production(
    node: BranchNode, runs: _Runs, arguments: Mapping[str, str], prices: PriceList
) -> NodeEstimate | None:
    return estimate_node(production_runs(runs[node.production_job], node, arguments), "main", prices)


def _past_runs(glue: GlueClient, jobs: Iterable[str]) -> _Runs:
    names = list(jobs)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="past-runs") as pool:
        return dict(zip(names, pool.map(lambda name: _last_page(glue, name), names), strict=True))


def _last_page(glue: GlueClient, job: str) -> tuple[JobRun, ...]:
    try:
        return tuple(islice(glue.job_runs(job), _PAGE))
    except NotFoundError:
        return ()
