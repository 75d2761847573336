"""What of a delta counts as a failure: by ``--fail-on any``, or by the dataset's ``delta_policy``.

One rule for exit codes, checks and what CI is shown. A dataset without a policy of its own has the default one:
its data may change, but it must be comparable and there, and what main meets of its expectations the branch must meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

from pypedream_dagster.delta.model import BranchDelta, DatasetDelta, ExpectationResult
from pypedream_dagster.graph.model import DeltaPolicy

FailOn = Literal["any", "policy"]
Aspect = Literal["data", "schema", "rows", "nulls", "expectations"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason why a dataset fails.

    Attributes:
        aspect: what is wrong: that it is not there or not readable; its columns; rows; missing values; its suite.
        text: what is wrong with it.
        result: the expectation that it is about, if it is about one.
    """

    aspect: Aspect
    text: str
    result: ExpectationResult | None = None


def failures(delta: DatasetDelta, fail_on: FailOn | None, policy: DeltaPolicy | None = None) -> tuple[Failure, ...]:
    """Why a dataset fails; nothing fails where nobody asks for it."""
    match fail_on:
        case None:
            return ()
        case "any":
            return tuple(_differences(delta))
        case "policy":
            return tuple(violations(delta, policy or DeltaPolicy()))
        case _:
            assert_never(fail_on)


def violations(delta: DatasetDelta, policy: DeltaPolicy) -> Iterator[Failure]:
    """In what a delta goes over a policy; a dataset that could not be compared, or is not there, goes over any."""
    missing = _missing(delta)
    if missing is not None:
        yield missing
        return
    if delta.status == "base_missing":
        yield from _new(policy)
    else:
        if delta.schema.is_changed and not policy.allow_schema_change:
            yield Failure("schema", f"{_columns(delta)}; the policy allows no change")
        for text in (*_over(delta, policy), *_maybe_changed(delta, policy)):
            yield Failure("rows", text)
    yield from _more_nulls(delta, policy)
    yield from _broken_suite(delta)
    if not policy.allow_expectation_regressions:
        yield from _regressions(delta)


def _new(policy: DeltaPolicy) -> Iterator[Failure]:
    limits = (policy.max_added_fraction, policy.max_removed_fraction, policy.max_changed_fraction)
    if not policy.allow_schema_change or any(limit is not None for limit in limits):
        # Where main's prefix is wrong, everything looks new: a limit must not be passed by that.
        yield Failure("data", "it is new: main has no such data to hold its limits to")


def _differences(delta: DatasetDelta) -> Iterator[Failure]:
    missing = _missing(delta)
    if missing is not None:
        yield missing
        return
    if delta.status == "base_missing":
        yield Failure("data", f"it is new: {'main' if delta.node else 'the base'} has no such data")
    elif delta.schema.is_changed:
        yield Failure("schema", _columns(delta))
    rows = delta.rows
    outcomes = (("added", rows.added), ("removed", rows.removed), ("changed", rows.changed or 0))
    if counted := [f"{count:,} {what}" for what, count in outcomes if count]:
        yield Failure("rows", f"rows differ: {', '.join(counted)}")
    yield from _broken_suite(delta)
    yield from _regressions(delta)


def _missing(delta: DatasetDelta) -> Failure | None:
    if delta.status == "head_missing":
        return Failure("data", f"the {'branch' if delta.node else 'head'} has no such data")
    if delta.verdict == "not_compared":
        return Failure("data", f"it could not be compared: {delta.error or delta.status.replace('_', ' ')}")
    return None


def _columns(delta: DatasetDelta) -> str:
    schema = delta.schema
    named = (
        ("added", schema.added),
        ("removed", schema.removed),
        ("retyped", schema.retyped),
        ("in another case", schema.recased),
    )
    parts = [f"{', '.join(list(names)[:5])}{' …' if len(names) > 5 else ''} {what}" for what, names in named if names]
    return f"its columns differ: {'; '.join(parts)}"


def _over(delta: DatasetDelta, policy: DeltaPolicy) -> Iterator[str]:
    rows = delta.rows
    bounds = (
        ("added", rows.added, policy.max_added_fraction),
        ("removed", rows.removed, policy.max_removed_fraction),
        ("changed", rows.changed or 0, policy.max_changed_fraction),
    )
    for outcome, count, limit in bounds:
        if limit is not None and _exceeds(count, rows.base, limit):
            yield f"{count:,} rows {outcome}, {_share(count, rows.base)}; the policy allows {limit:.2%}"


def _maybe_changed(delta: DatasetDelta, policy: DeltaPolicy) -> Iterator[str]:
    """Without a key a changed row is one removed and one added: as many as could be are held to the limit."""
    rows, limit = delta.rows, policy.max_changed_fraction
    count = min(rows.added, rows.removed)
    if rows.changed is None and limit is not None and _exceeds(count, rows.base, limit):
        yield (
            f"{count:,} rows may have changed, {_share(count, rows.base)}; the policy allows {limit:.2%}, "
            "and without a primary_key nothing tells them from rows removed and added"
        )


def _exceeds(count: int, base: int, limit: float) -> bool:
    return count > limit * base


def _share(count: int, base: int) -> str:
    return f"{count / base:.2%} of main's {base:,}" if base else "where main has none"


def _more_nulls(delta: DatasetDelta, policy: DeltaPolicy) -> Iterator[Failure]:
    limit = policy.max_null_fraction_increase
    for name, column in delta.columns.items() if limit is not None else ():
        if limit is None or column.base is None or column.head is None:
            continue
        base, head = column.base.null_fraction, column.head.null_fraction
        if head - base > limit:
            yield Failure(
                "nulls", f"{name} is NULL in {head:.2%} of the rows, {base:.2%} on main: over {limit:.2%} more"
            )


def _broken_suite(delta: DatasetDelta) -> Iterator[Failure]:
    if delta.expectations is not None and delta.expectations.error:
        yield Failure("expectations", f"its expectations could not run: {delta.expectations.error}")


def _regressions(delta: DatasetDelta) -> Iterator[Failure]:
    for result in delta.expectations.regressions if delta.expectations else ():
        of = f" of {result.column}" if result.column else ""
        seen = f": {result.head_observed}" if result.head_observed else ""
        yield Failure("expectations", f"{result.expectation}{of} no longer holds{seen}", result)


@dataclass(frozen=True, slots=True)
class Judged:
    """A dataset's delta, and why it fails."""

    delta: DatasetDelta
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """Deltas judged by one rule.

    Attributes:
        name: of the branch, or of the lone dataset.
        fail_on: the rule; None judges nothing.
        datasets: in the order of the branch.
        created_at: when they were compared.
        notes: what concerns all of them.
    """

    name: str
    fail_on: FailOn | None
    datasets: tuple[Judged, ...]
    created_at: datetime | None = None
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether any dataset fails."""
        return any(judged.failures for judged in self.datasets)


def judge(
    delta: BranchDelta | DatasetDelta, fail_on: FailOn | None, policies: Sequence[DeltaPolicy | None] = ()
) -> Judgement:
    """Judge a branch's delta by a rule and its datasets' policies, or a lone dataset's."""
    if isinstance(delta, DatasetDelta):
        return Judgement(delta.dataset, fail_on, (Judged(delta, failures(delta, fail_on)),))
    pairs = zip(delta.datasets, policies or [None] * len(delta.datasets), strict=True)
    judged = tuple(Judged(dataset, failures(dataset, fail_on, policy)) for dataset, policy in pairs)
    return Judgement(delta.branch, fail_on, judged, delta.created_at, delta.notes)
