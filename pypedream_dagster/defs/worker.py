"""Which process executes a Dagster run, so that a later one can tell whether it still does."""

from __future__ import annotations

from pypedream_dagster.branch.holder import current_worker, may_live

__all__ = ["WORKER_TAG", "current_worker", "may_live"]

WORKER_TAG = "pypedream/worker"
"""On runs: host, process id and the process's start, which tells it from a later process of the same id."""
