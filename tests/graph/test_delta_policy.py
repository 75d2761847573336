"""A policy in the graph file: a limit that is misspelt, or meant as per cent, would limit nothing."""

from __future__ import annotations

from typing import Any

import pytest

from pypedream_dagster.graph.model import Dataset, DeltaPolicy


def test_a_policy_as_the_file_has_it() -> None:
    policy: dict[str, Any] = {"max_removed_fraction": 0.01, "max_null_fraction_increase": 0, "blocking": True}
    dataset = Dataset.model_validate(
        {"uri": "s3://lake/{branch-name}/x/", "delta_policy": policy | {"max_added_fraction": None}}
    )
    assert dataset.delta_policy == DeltaPolicy(**policy)
    assert not DeltaPolicy().allow_expectation_regressions


@pytest.mark.parametrize(
    "policy",
    [
        {"max_remove_fraction": 0.1},
        {"max_removed_fraction": 5},
        {"max_changed_fraction": -0.1},
        {"max_null_fraction_increase": 1.1},
        {"allow_schema_change": "perhaps"},
    ],
)
def test_a_policy_that_would_not_hold(policy: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(policy))):
        Dataset.model_validate({"uri": "s3://lake/{branch-name}/x/", "delta_policy": policy})
