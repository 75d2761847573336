"""What Glue charges: ``prices.json`` beside this file, the user's own prices before it, and how a run is billed.

Every price says where it comes from. Where the table has none for a region, us-east-1's is taken in proportion to
what Spark costs in both, and said to be assumed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from pypedream_dagster.errors import PypedreamError

Rate = Literal["spark", "flex", "memory_optimized", "python_shell", "ray", "spark_6", "flex_6", "memory_optimized_6"]
"""What is charged differently; ``_6`` is Glue 6.0 and later."""

RATES: tuple[Rate, ...] = get_args(Rate)
EVERY_RATE = "all"
"""In the user's prices: what stands for each rate that is not named."""

_HOME = "us-east-1"


@dataclass(frozen=True, slots=True)
class Price:
    """A price of one DPU (or M-DPU) for one hour.

    Attributes:
        source: a URL, or who set it.
        read: the day on which the source was read, ISO 8601; None for a price of the user's own.
        assumed: why it is a guess; None for a price that was found, or set.
    """

    usd_per_dpu_hour: float
    source: str
    read: str | None = None
    assumed: str | None = None


@dataclass(frozen=True, slots=True)
class PriceList:
    """The prices of one region.

    Attributes:
        region: AWS's name of it.
        own: the user's prices by rate, or under ``all``: they come before the table.
        own_source: where the user set those under ``all``.
    """

    region: str
    own: Mapping[str, float] = field(default_factory=dict)
    own_source: str = "pypedream.toml"

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.own) - {*RATES, EVERY_RATE}):
            raise PypedreamError(
                f"There is no price called {', '.join(unknown)}.",
                hint=f"[prices] may hold {EVERY_RATE}, {', '.join(RATES)}",
            )
        for name, usd in self.own.items():
            if not (math.isfinite(usd) and usd >= 0):
                raise PypedreamError(f"The price {name} = {usd} is no amount of dollars.", hint="give one of 0 or more")

    def price(self, rate: Rate) -> Price:
        """Return what a DPU costs for an hour."""
        if (usd := self.own.get(rate)) is not None:
            return Price(usd, "pypedream.toml")
        if (usd := self.own.get(EVERY_RATE)) is not None:
            return Price(usd, self.own_source)
        table = _table()
        here = table.get(self.region, {})
        if rate in here:
            return here[rate]
        known, home = here.get("spark"), table[_HOME]
        factor = known.usd_per_dpu_hour / home["spark"].usd_per_dpu_hour if known else 1.0
        found = home[rate]
        assumed = f"assumed: no price of {rate} in {self.region} was found, {_HOME}'s stands for it"
        return Price(round(found.usd_per_dpu_hour * factor, 4), found.source, found.read, assumed)


def rate_of(answer: Mapping[str, Any]) -> Rate:
    """Return by which rate Glue bills a run, told from a ``JobRun`` structure of its API."""
    worker = str(answer.get("WorkerType") or "")
    if worker.startswith("Z."):
        return "ray"
    capacity = answer.get("MaxCapacity")
    # Spark has two DPUs at least, or workers; the answer does not name the kind of job.
    if not worker and capacity is not None and float(capacity) <= 1:
        return "python_shell"
    newest = _major_version(answer) >= 6
    if worker.startswith("R."):
        return "memory_optimized_6" if newest else "memory_optimized"
    if answer.get("ExecutionClass") == "FLEX":
        return "flex_6" if newest else "flex"
    return "spark_6" if newest else "spark"


def minimum_seconds(answer: Mapping[str, Any]) -> int:
    """Return for how long a run is billed at least; above, Glue bills by the second.

    One minute, but ten for Spark of Glue 0.9 and 1.0: https://aws.amazon.com/glue/pricing/
    """
    old = rate_of(answer) == "spark" and 0 < _major_version(answer, unknown=2.0) < 2
    return 600 if old else 60


def _major_version(answer: Mapping[str, Any], *, unknown: float = 0.0) -> float:
    try:
        return float(answer.get("GlueVersion") or unknown)
    except ValueError:
        return unknown


@cache
def _table() -> Mapping[str, Mapping[str, Price]]:
    document = json.loads((files("pypedream_dagster.aws") / "prices.json").read_text(encoding="utf-8"))
    sources = document["sources"]

    def price(entry: Mapping[str, Any]) -> Price:
        source = sources[entry["source"]]
        return Price(float(entry["usd"]), source["url"], source["read"])

    return {
        region: {rate: price(entry) for rate, entry in rates.items()}
        for region, rates in document["usd_per_dpu_hour"].items()
    }
