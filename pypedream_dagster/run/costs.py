"""What runs took and will take, in seconds, DPU-hours and dollars: arithmetic over the runs that Glue remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.aws.prices import PriceList, Rate
from pypedream_dagster.branch.model import BranchGraph, BranchNode

_RUNS_USED = 5

Evidence = Literal["branch", "main"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one job run took.

    Attributes:
        execution_seconds: how long it held resources.
        dpu_seconds: what it used; None where Glue tells no capacity, and so for the two below.
        billed_dpu_seconds: what Glue bills: at least a minute's.
        usd: the price of that.
        rate: by which Glue bills it.
    """

    execution_seconds: float
    dpu_seconds: float | None = None
    billed_dpu_seconds: float | None = None
    usd: float | None = None
    rate: Rate = "spark"


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some past runs' figures, and how far they lie apart."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class NodeEstimate:
    """What one node's run is expected to take.

    Attributes:
        runs: how many past runs this stands on.
        evidence: whose runs they were: the branch's own, or production's.
        rate: by which Glue billed the newest of them.
        seconds, dpu_seconds, billed_dpu_seconds, usd: as in `Cost`.
    """

    runs: int
    evidence: Evidence
    rate: Rate
    seconds: Spread
    dpu_seconds: Spread | None
    billed_dpu_seconds: Spread | None
    usd: Spread | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over nodes.

    Attributes:
        dpu_seconds, billed_dpu_seconds, usd: None where no node tells them.
        uncounted: nodes that are missing in the sums.
    """

    dpu_seconds: float | None
    billed_dpu_seconds: float | None
    usd: float | None
    uncounted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a whole graph is expected to take.

    Attributes:
        nodes: by node, those that have run before.
        never_run: nodes without a past run: they count nothing, so that all sums are lower bounds.
        seconds: along the critical path, every node starting as soon as those before it have ended.
        critical_path: the nodes of it, in order.
        totals: over all nodes.
    """

    nodes: Mapping[str, NodeEstimate]
    never_run: tuple[str, ...]
    seconds: float
    critical_path: tuple[str, ...]
    totals: Totals


@dataclass(frozen=True, slots=True)
class Saving:
    """What running a branch saves against running the whole pipeline; negative where the branch takes more.

    Attributes:
        fraction attributes: of the whole pipeline's; None where that is nothing.
    """

    seconds: float
    seconds_fraction: float | None
    dpu_seconds: float | None
    dpu_fraction: float | None
    usd: float | None
    usd_fraction: float | None


def cost_of(run: JobRun, prices: PriceList) -> Cost:
    """Return what a run took, so far if it has not ended."""
    return Cost(float(run.execution_seconds), run.dpu_seconds, run.billed_dpu_seconds, run.usd(prices), run.rate)


def sum_up(costs: Iterable[Cost]) -> Cost:
    """Return what one or more runs of one node took together: it was tried again."""
    known = list(costs)
    return Cost(
        sum(cost.execution_seconds for cost in known),
        _sum(cost.dpu_seconds for cost in known),
        _sum(cost.billed_dpu_seconds for cost in known),
        _sum(cost.usd for cost in known),
        known[-1].rate,
    )


def production_runs(runs: Iterable[JobRun], node: BranchNode, arguments: Mapping[str, str]) -> list[JobRun]:
    """Return production's own successful runs of a node's job, newest first.

    A branch's run on production's job read other data. It shows by its session policy, or by where it wrote.

    Args:
        runs: of the job, newest first.
        node: as the branch, or main, has it.
        arguments: what production starts the node with: nodes that share a job are told apart by them.
    """
    own = [run for run in runs if run.succeeded and run.session_policy is None and _wrote_to_main(run, node)]
    same = [run for run in own if _started_with(run, arguments)]
    return same or own


def branch_runs(runs: Iterable[JobRun], arguments: Mapping[str, str]) -> list[JobRun]:
    """Return the successful runs that a branch's node has had before: those that got exactly its arguments."""
    return [run for run in runs if run.succeeded and arguments and _started_with(run, arguments)]


def estimate_node(runs: Sequence[JobRun], evidence: Evidence, prices: PriceList) -> NodeEstimate | None:
    """Return what the last runs say of the next; None if there are none."""
    costs = [cost_of(run, prices) for run in runs[:_RUNS_USED]]
    if not costs:
        return None
    seconds = _spread(cost.execution_seconds for cost in costs)
    assert seconds is not None
    return NodeEstimate(
        runs=len(costs),
        evidence=evidence,
        rate=runs[0].rate,
        seconds=seconds,
        dpu_seconds=_spread(cost.dpu_seconds for cost in costs),
        billed_dpu_seconds=_spread(cost.billed_dpu_seconds for cost in costs),
        usd=_spread(cost.usd for cost in costs),
    )


def estimate_graph(
    graph: BranchGraph, nodes: Mapping[str, NodeEstimate], only: Iterable[str] | None = None
) -> Estimate:
    """Return what a graph takes, its nodes being known.

    Args:
        graph: in running order.
        nodes: what is known of its nodes.
        only: run these nodes alone; all by default.
    """
    chosen = tuple(graph.by_id) if only is None else tuple(only)
    known = {node: nodes[node] for node in graph.by_id if node in chosen and node in nodes}
    seconds, path = critical_path(graph, {node: found.seconds.median for node, found in known.items()}, chosen)
    costs = {node: _medians(found) for node, found in known.items()}
    never = tuple(node for node in graph.by_id if node in chosen and node not in known)
    return Estimate(known, never, seconds, path, total({**costs, **dict.fromkeys(never)}))


def critical_path(
    graph: BranchGraph, seconds: Mapping[str, float], only: Iterable[str] | None = None
) -> tuple[float, tuple[str, ...]]:
    """Return the longest chain of nodes that wait for one another: how long it takes, and which nodes it is.

    Args:
        graph: in running order.
        seconds: of each node; what is missing takes none.
        only: the nodes that run; all by default.
    """
    chosen = frozenset(graph.by_id if only is None else only)
    ends: dict[str, tuple[float, tuple[str, ...]]] = {}
    for node in graph.nodes:
        before = max((ends[up] for up in node.upstream if up in ends), key=lambda end: end[0], default=(0.0, ()))
        # A node that does not run still hands on the order between those around it.
        ends[node.id] = (before[0] + seconds.get(node.id, 0.0), (*before[1], node.id)) if node.id in chosen else before
    return max(ends.values(), key=lambda end: end[0], default=(0.0, ()))


def total(costs: Mapping[str, Cost | None]) -> Totals:
    """Sum up what nodes took; None is a node of which nothing is known."""
    known = [cost for cost in costs.values() if cost is not None]
    return Totals(
        dpu_seconds=_sum(cost.dpu_seconds for cost in known),
        billed_dpu_seconds=_sum(cost.billed_dpu_seconds for cost in known),
        usd=_sum(cost.usd for cost in known),
        uncounted=tuple(node for node, cost in costs.items() if cost is None or cost.usd is None),
    )


def saving(branch: Estimate, whole: Estimate) -> Saving:
    """Return what the branch saves against the whole pipeline."""

    def less(of: Callable[[Estimate], float | None]) -> tuple[float | None, float | None]:
        mine, all_of_it = of(branch), of(whole)
        if mine is None or all_of_it is None:
            return None, None
        return all_of_it - mine, (all_of_it - mine) / all_of_it if all_of_it else None

    dpu, usd = less(lambda one: one.totals.billed_dpu_seconds), less(lambda one: one.totals.usd)
    seconds = whole.seconds - branch.seconds
    return Saving(seconds, seconds / whole.seconds if whole.seconds else None, *dpu, *usd)


def _started_with(run: JobRun, arguments: Mapping[str, str]) -> bool:
    return all(run.arguments.get(name) == value for name, value in arguments.items())


def _wrote_to_main(run: JobRun, node: BranchNode) -> bool:
    written = ((run.arguments.get(output.argument), output.base_uri) for output in node.outputs)
    return all(uri is None or uri.startswith(base.rstrip("/")) for uri, base in written)


def _medians(node: NodeEstimate) -> Cost:
    dpu, billed, usd = (f.median if f else None for f in (node.dpu_seconds, node.billed_dpu_seconds, node.usd))
    return Cost(node.seconds.median, dpu, billed, usd, node.rate)


def _spread(figures: Iterable[float | None]) -> Spread | None:
    known = [figure for figure in figures if figure is not None]
    return Spread(median(known), min(known), max(known)) if known else None


def _sum(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
