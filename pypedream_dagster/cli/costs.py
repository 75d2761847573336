"""How commands show time, DPU-hours and dollars: as text, and under stable keys in JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from pypedream_dagster.aws.prices import Price, PriceList, Rate
from pypedream_dagster.run.costs import Cost, Estimate, NodeEstimate, Saving, Spread, Totals
from pypedream_dagster.run.forecast import Forecast

UNKNOWN = "?"


def duration(seconds: float) -> str:
    """Return ``18 s``, ``3 min 05 s``, ``2 h 07 min``."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def amount(number: float | None) -> str:
    """Return a number of DPU-hours or dollars: two decimals, and of a small one two digits that say something."""
    if number is None:
        return UNKNOWN
    if number == 0 or not math.isfinite(number):
        return "0.00"
    decimals = max(2, 1 - math.floor(math.log10(abs(number))))
    return f"{number:,.{decimals}f}"


def dpu_hours(dpu_seconds: float | None) -> float | None:
    """Return DPU-seconds as DPU-hours."""
    return None if dpu_seconds is None else dpu_seconds / 3600


def spread_words(seconds: Spread) -> str:
    """Return how far past runs lie apart, as ``17 s to 25 s``; empty where they do not."""
    low, high = duration(seconds.low), duration(seconds.high)
    return "" if low == high else f"{low} to {high}"


def estimate_rows(forecast: Forecast) -> list[tuple[str, str, str, str]]:
    """Return the branch, the whole pipeline and what is saved, each with time, DPU-hours and dollars."""
    rows = [_estimate_row("  this branch", forecast.branch)]
    if forecast.whole is not None:
        rows.append(_estimate_row("  the whole pipeline", forecast.whole))
    if (saved := forecast.saving) is not None:
        rows.append(_saving_row(saved))
    return rows


def _estimate_row(name: str, estimate: Estimate) -> tuple[str, str, str, str]:
    lower = "≥ " if estimate.never_run else ""
    money = "≥ " if estimate.totals.uncounted else ""
    billed = dpu_hours(estimate.totals.billed_dpu_seconds)
    return (name, lower + duration(estimate.seconds), money + amount(billed), money + amount(estimate.totals.usd))


def _saving_row(saved: Saving) -> tuple[str, str, str, str]:
    def cell(value: str, fraction: float | None) -> str:
        return value if fraction is None else f"{value} ({fraction:.0%})"

    sign = "-" if saved.seconds < 0 else ""
    return (
        "  saved",
        cell(sign + duration(abs(saved.seconds)), saved.seconds_fraction),
        cell(amount(dpu_hours(saved.dpu_seconds)), saved.dpu_fraction),
        cell(amount(saved.usd), saved.usd_fraction),
    )


def price_lines(prices: PriceList, rates: Iterable[Rate]) -> list[str]:
    """Return one line for each price in use: how much, whence, and as of when."""
    return [f"{rate}: {_price_words(prices.price(rate))}" for rate in sorted(set(rates))]


def _price_words(price: Price) -> str:
    read = f", read {price.read}" if price.read else ""
    guess = f"; {price.assumed}" if price.assumed else ""
    return f"{price.usd_per_dpu_hour:g} USD per DPU-hour ({price.source}{read}{guess})"


def forecast_document(forecast: Forecast, prices: PriceList) -> dict[str, Any]:
    """Return the JSON form of a forecast; its keys are stable."""
    whole, saved = forecast.whole, forecast.saving
    return {
        "branch": _estimate_document(forecast.branch),
        "whole_pipeline": _estimate_document(whole) if whole else None,
        "saving": _saving_document(saved) if saved else None,
        "prices": [
            {
                "rate": rate,
                "usd_per_dpu_hour": (price := prices.price(rate)).usd_per_dpu_hour,
                "source": price.source,
                "read": price.read,
                "assumed": price.assumed,
            }
            for rate in sorted(forecast.rates)
        ],
        "region": prices.region,
    }


def node_document(node: NodeEstimate | None) -> dict[str, Any] | None:
    """Return the JSON form of one node's estimate."""
    if node is None:
        return None
    return {
        "runs": node.runs,
        "evidence": node.evidence,
        "seconds": _spread_document(node.seconds),
        "dpu_hours": _spread_document(node.dpu_seconds, 3600),
        "billed_dpu_hours": _spread_document(node.billed_dpu_seconds, 3600),
        "usd": _spread_document(node.usd),
    }


def _spread_document(spread: Spread | None, divisor: float = 1) -> dict[str, float] | None:
    if spread is None:
        return None
    return {"median": spread.median / divisor, "min": spread.low / divisor, "max": spread.high / divisor}


def _estimate_document(estimate: Estimate) -> dict[str, Any]:
    known = bool(estimate.nodes)
    return {
        "seconds": estimate.seconds if known else None,
        "critical_path": list(estimate.critical_path) if known else [],
        "dpu_hours": dpu_hours(estimate.totals.dpu_seconds),
        "billed_dpu_hours": dpu_hours(estimate.totals.billed_dpu_seconds),
        "usd": estimate.totals.usd,
        "at_least": bool(estimate.totals.uncounted),
        "never_run": list(estimate.never_run),
        "without_price": [node for node in estimate.totals.uncounted if node not in estimate.never_run],
    }


def _saving_document(saved: Saving) -> dict[str, Any]:
    return {
        "seconds": saved.seconds,
        "seconds_fraction": saved.seconds_fraction,
        "billed_dpu_hours": dpu_hours(saved.dpu_seconds),
        "dpu_fraction": saved.dpu_fraction,
        "usd": saved.usd,
        "usd_fraction": saved.usd_fraction,
    }


def took_rows(
    costs: Mapping[str, Cost | None], expected: Estimate | None, seconds: float, totals: Totals
) -> list[tuple[str, ...]]:
    """Return what each node took beside what was expected of it, and the sums of both.

    Args:
        costs: by node, in order.
        expected: None where AWS could not tell.
        seconds: along the critical path.
        totals: of ``costs``.
    """
    rows = [_took_row(node, cost, expected.nodes.get(node) if expected else None) for node, cost in costs.items()]
    known = expected is not None and expected.nodes
    rows.append(
        (
            "in all",
            duration(seconds),
            duration(expected.seconds) if expected and known else UNKNOWN,
            amount(dpu_hours(totals.billed_dpu_seconds)),
            amount(dpu_hours(expected.totals.billed_dpu_seconds)) if expected else UNKNOWN,
            amount(totals.usd),
            amount(expected.totals.usd) if expected else UNKNOWN,
        )
    )
    return rows


def _took_row(node: str, cost: Cost | None, expected: NodeEstimate | None) -> tuple[str, ...]:
    billed = expected.billed_dpu_seconds if expected else None
    return (
        node,
        duration(cost.execution_seconds) if cost else "-",
        duration(expected.seconds.median) if expected else UNKNOWN,
        amount(dpu_hours(cost.billed_dpu_seconds)) if cost else "-",
        amount(dpu_hours(billed.median if billed else None)),
        amount(cost.usd) if cost else "-",
        amount(expected.usd.median if expected and expected.usd else None),
    )
