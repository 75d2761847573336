"""The proof: what of main is looked at, what counts as a difference, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.report.proof import describe_proof
from pypedream_dagster.run.isolation import Isolation, Snapshot, Watched, compare_snapshots, look_at, watched
from tests.branch.pipelines import BUCKET, chain, graph, job, link

from .conftest import Lake

COMMAND: Any = {"Name": "pythonshell", "ScriptLocation": "s3://elsewhere/x.py"}


def test_all_of_main_that_the_graph_knows_is_watched() -> None:
    branch = derive_branch(chain(), "test", ["transform"])
    what = watched(branch, branch.by_id["transform"])
    assert what.near == ("s3://bucket/main/data/bronze/", "s3://bucket/main/data/silver/")
    assert "s3://bucket/main/data/gold/" in what.far  # another node's
    assert "s3://bucket/raw/" in what.far
    assert "s3://bucket/main/scripts/transform.py" in what.far
    assert what.jobs == ("pypedream-load-main", "pypedream-transform-main")


def test_nothing_is_listed_twice() -> None:
    nodes = [
        job(
            "a",
            {"x": f"{BUCKET}/x/"},
            properties={"DefaultArguments": {"--RAW": "s3://raw/a/", "--MORE": "s3://raw/a/b/"}},
        ),
        job("b", {"y": f"{BUCKET}/y/"}),
    ]
    branch = derive_branch(graph(nodes, [link("a", "b", "x")]), "test", ["a"])
    what = watched(branch, branch.by_id["a"])
    listed = [*what.near, *what.far]
    assert not [(one, other) for one in listed for other in listed if one != other and one.startswith(other)]
    assert "s3://raw/a/" in listed


def test_what_changes_anywhere_in_main_is_seen(lake: Lake) -> None:
    s3, glue, here = lake.aws.s3, lake.aws.glue, f"s3://{lake.bucket}"
    for key in ("near/a", "far/a", "far/b"):
        s3.write(f"{here}/{key}", "main's")
    what = Watched((f"{here}/near/",), (f"{here}/far/", "s3://no-such-bucket-of-ours/x/"), (lake.job, "gone"))
    before = look_at(s3, glue, what)
    unchanged = compare_snapshots(before, look_at(s3, glue, what), policy_confirmed=True)
    assert unchanged.holds
    assert unchanged.compared_objects == 3
    assert list(unchanged.skipped) == ["s3://no-such-bucket-of-ours/x/"]  # another bucket's trouble fails no run
    assert "no-such-bucket" in describe_proof(unchanged)

    s3.write(f"{here}/far/b", "another's")
    glue.boto.update_job(JobName=lake.job, JobUpdate={"Role": "other", "Command": COMMAND})
    changed = compare_snapshots(before, look_at(s3, glue, what), policy_confirmed=True)
    assert changed.changed == (f"{here}/far/b",)
    assert changed.changed_jobs == (lake.job,)
    assert not changed.holds
    assert f"1 changed ({here}/far/b), the definition of {lake.job}" in describe_proof(changed)


def test_a_prefix_of_which_one_listing_was_cut_short_proves_nothing() -> None:
    before = Snapshot(("s3://b/x/", "s3://b/y/"), {"s3://b/x/1": (1, "a"), "s3://b/y/1": (1, "a")})
    after = Snapshot(before.uris, {"s3://b/x/1": (1, "a")}, {"s3://b/y/": "it holds more than 5 objects"})
    found = compare_snapshots(before, after, policy_confirmed=True)
    assert found.holds
    assert (found.watched, found.compared_objects) == (("s3://b/x/",), 1)


@pytest.mark.parametrize(
    ("proof", "parts"),
    [
        (Isolation(watched=("a",), compared_objects=2, policy_confirmed=True), ["untouched", "2 objects at 1 prefix"]),
        (Isolation(enforced=False), ["untouched", "Not enforced"]),
        (Isolation(policy_confirmed=False), ["does not confirm"]),
        (Isolation(added=("s3://b/x",)), ["1 added (s3://b/x)", "no run of production's accounts"]),
        (Isolation(removed=("s3://b/x",), production_run_ids=("jr_1",)), ["1 removed", "production ran", "jr_1"]),
    ],
)
def test_the_finding_in_words(proof: Isolation, parts: list[str]) -> None:
    assert all(part in describe_proof(proof) for part in parts), describe_proof(proof)
    assert Isolation.model_validate(proof.model_dump(mode="json")) == proof


def test_what_is_not_enforced_never_holds() -> None:
    assert not Isolation(enforced=False).holds
