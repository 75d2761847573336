"""Which nodes are of concern: jobs, and what runs or hands data before or after them.

A folder of DAGs often holds many that start no Glue job. They are in the graph, but no branch runs them, and no job
reads what they write: what is not known of their places is not worth a question.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pypedream_dagster.importers.inference.links import Pair
from pypedream_dagster.importers.inference.nodes import Steps


def of_concern(steps: Steps, pairs: Sequence[Pair]) -> frozenset[str]:
    """Return the ids of the jobs, and of all that order or data joins to one."""
    beside: defaultdict[str, set[str]] = defaultdict(set)
    links: Iterable[tuple[str, str]] = (*steps.order, *((pair.write.node, pair.read.node) for pair in pairs))
    for one, other in links:
        beside[one].add(other)
        beside[other].add(one)
    found: set[str] = set()
    left = [step.id for step in steps.steps if step.is_job]
    while left:
        if (node := left.pop()) not in found:
            found.add(node)
            left += beside[node]
    return frozenset(found)
