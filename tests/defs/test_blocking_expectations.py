"""Regressed expectations in Dagster: they keep what is downstream from running only where the policy says so."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest

from pypedream_dagster.defs.launch import trigger

from .production import ROUND_AMOUNTS, Project
from .test_checks import _with_policy, evaluations

pytestmark = pytest.mark.slow

EXPECTATIONS = [
    {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 100}},
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount", "max_value": 10}},
]
SUITE = json.dumps({"name": "good", "expectations": EXPECTATIONS})


@pytest.mark.parametrize(
    ("suite", "policy", "succeeds", "severity"),
    [
        (SUITE, None, True, dg.AssetCheckSeverity.ERROR),
        (SUITE, {"blocking": True}, False, dg.AssetCheckSeverity.ERROR),
        (SUITE, {"blocking": True, "allow_expectation_regressions": True}, True, dg.AssetCheckSeverity.WARN),
        ("no JSON", {"blocking": True}, False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_a_regression_blocks_where_the_policy_says_so(
    project: Project, suite: str, policy: dict[str, Any] | None, succeeds: bool, severity: dg.AssetCheckSeverity
) -> None:
    folder = project.settings.expectations_dir
    folder.mkdir()
    (folder / "good.json").write_text(suite)
    if policy is not None:
        _with_policy(project, policy)
    project.fill_main()
    project.create_branch(change=ROUND_AMOUNTS)
    project.deploy()

    result = trigger(project.settings, "test")

    checks = evaluations(project, ["test", "transform", "good"])
    check = checks["expectations"]
    assert (check.passed, check.severity) == (False, severity)
    if suite == SUITE:
        assert check.description == "1 regression, 1 failed on main as well."
    assert checks["row_delta"].passed == (policy is not None)  # a policy without limits lets rows change
    assert result.success == succeeds, result
    assert {node.node: node.state for node in result.nodes}["load"] == ("succeeded" if succeeds else "skipped")
