"""How long a branch will take, and what it will cost, judged by production's past runs of the same jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.errors import NotFoundError

if TYPE_CHECKING:
    from pypedream_dagster.aws.glue import GlueClient
    from pypedream_dagster.aws.job_run import JobRun

USD_PER_DPU_HOUR = 0.44
"""https://aws.amazon.com/glue/pricing/, us-east-1; other regions differ a little."""

_RUNS_LOOKED_AT = 20
_RUNS_USED = 5


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one node's run is expected to take: the median of its job's last successful runs.

    Attributes:
        runs: how many past runs this stands on.
        dpu_seconds: None where Glue told no capacity.
    """

    runs: int
    execution_seconds: float
    dpu_seconds: float | None

    @property
    def cost_usd(self) -> float | None:
        """The price at `USD_PER_DPU_HOUR`."""
        return None if self.dpu_seconds is None else self.dpu_seconds / 3600 * USD_PER_DPU_HOUR


def forecast_nodes(graph: BranchGraph, glue: GlueClient) -> dict[str, Forecast]:
    """Return the forecast of each node whose production job has run before.

    Raises:
        AwsError: AWS could not be asked.
    """
    return {node.id: found for node in graph.nodes if (found := _forecast(_past_runs(node, glue))) is not None}


def critical_path_seconds(graph: BranchGraph, forecasts: Mapping[str, Forecast]) -> float:
    """Return how long the branch takes when each node starts as soon as those before it have ended."""
    ends: dict[str, float] = {}
    for node in graph.nodes:
        own = forecasts[node.id].execution_seconds if node.id in forecasts else 0.0
        ends[node.id] = max((ends[up] for up in node.upstream), default=0.0) + own
    return max(ends.values(), default=0.0)


def _past_runs(node: BranchNode, glue: GlueClient) -> list[JobRun]:
    try:
        recent = islice(glue.job_runs(node.production_job), _RUNS_LOOKED_AT)
        return list(islice((run for run in recent if run.succeeded), _RUNS_USED))
    except NotFoundError:
        return []


def _forecast(runs: Iterable[JobRun]) -> Forecast | None:
    known = list(runs)
    if not known:
        return None
    capacities = [run.dpu_seconds for run in known if run.dpu_seconds is not None]
    return Forecast(
        runs=len(known),
        execution_seconds=median(run.execution_seconds for run in known),
        dpu_seconds=median(capacities) if capacities else None,
    )
