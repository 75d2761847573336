"""The last word of a destruction: nothing of the branch is left on AWS."""

from __future__ import annotations

from collections.abc import Iterator

from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.deploy.live import is_empty, live_tags
from pypedream_dagster.deploy.plan import Plan
from pypedream_dagster.deploy.steps import Delete
from pypedream_dagster.errors import StateError


def leftovers(aws: Aws, plan: Plan) -> Iterator[str]:
    """Give what is there still of what a plan deleted, each as a reader would name it."""
    for step in plan.steps:
        if not isinstance(step, Delete):
            continue
        if live_tags(aws, step.kind, step.identity) is not None:
            yield f"{step.kind} {step.identity}"
        elif step.kind == "prefix" and not is_empty(aws, step.identity):
            yield f"objects below {step.identity}"
        elif step.kind == "prefix" and not is_empty(aws, naming.waiting_prefix(step.identity)):
            yield f"objects beside {step.identity} that say what it waits for"


def check_nothing_left(aws: Aws, plan: Plan) -> None:
    """Refuse to call a branch destroyed of which something is left.

    Raises:
        StateError: names what is left.
    """
    if left := list(leftovers(aws, plan)):
        raise StateError(
            f"Branch {plan.branch!r} is not wholly destroyed; left are {', '.join(left)}.",
            hint="a run may have been under way: run 'pypedream destroy-branch' again",
        )
