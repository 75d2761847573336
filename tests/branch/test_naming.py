"""Names: which a branch may have, and that what is made of them stays apart."""

from __future__ import annotations

import pytest

from pypedream_dagster.branch import naming
from pypedream_dagster.errors import BranchError


@pytest.mark.parametrize("name", ["test", "new_branch", "0", "a" * 63, "main-x", "a-b_c", "2024-01"])
def test_allowed(name: str) -> None:
    naming.check_branch_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "main",
        "MAIN",
        "Main",
        "start",
        "stop",
        "a" * 64,
        "-a",
        "_a",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "a b",
        "test\n",
        "test\x00",
        "Test",
        "tést",
        "te\u017ft",
        "a.b",
        "{branch-name}",
        "a%2fb",
    ],
)
def test_forbidden(name: str) -> None:
    with pytest.raises(BranchError):
        naming.check_branch_name(name)


def test_names_in_dagster_and_the_catalog() -> None:
    assert naming.slug("new-branch") == "new_branch"
    assert naming.dagster_job_name("new-branch") == "branch__new_branch"
    assert naming.dagster_job_name("main") == "main"
    assert naming.catalog_table("new-branch", "Gold-Flights.v2", None) == "pypedream_new_branch.gold_flights_v2"
    assert naming.catalog_table("t", "gold", "sales.gold") == "pypedream_t_sales.gold"


def test_tags_hold_only_what_aws_takes() -> None:
    tags = naming.tags("test", owner="Jo <jo@x.org>" * 40, expires="2026-01-01T00:00:00Z", project="p?")
    assert len(tags["pypedream:owner"]) == 256
    assert "<" not in tags["pypedream:owner"]
    assert tags["pypedream:project"] == "p_"
    assert all(key.startswith("pypedream:") for key in tags)
