"""The session policy: what it lets through by IAM's rules, and that it fits however many datasets there are."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from pypedream_dagster.branch.derive import derive_branch, derive_main
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.policy import MAX_POLICY_CHARACTERS, session_policy
from pypedream_dagster.errors import ProtectedError
from pypedream_dagster.graph.model import Json

from .pipelines import BUCKET, chain, graph, job, link


def _allows(policy: str, action: str, resource: str) -> bool:
    """Judge by IAM's rules for one statement list: a matching Deny wins, else some Allow must match."""
    verdicts: set[str] = set()
    for statement in json.loads(policy)["Statement"]:
        actions = statement["Action"]
        actions = actions if isinstance(actions, list) else [actions]
        if not any(fnmatchcase(action.lower(), pattern.lower()) for pattern in actions):
            continue
        inverse = "NotResource" in statement
        patterns = statement["NotResource" if inverse else "Resource"]
        patterns = patterns if isinstance(patterns, list) else [patterns]
        if any(fnmatchcase(resource, pattern) for pattern in patterns) != inverse:
            verdicts.add(statement["Effect"])
    return verdicts == {"Allow"}


def _s3(key: str) -> str:
    return f"arn:aws:s3:::{key}"


def _wide(datasets: int, branch: str = "test", **first: Any) -> BranchGraph:
    """Return a branch of a pipeline with a prefix per dataset, each with the branch's name at its end."""
    nodes: list[Json] = [
        job(
            f"n{index}",
            {f"dataset_{index}": f"s3://company-data-lake/sales/dataset_{index}/{{branch-name}}/"},
            properties={"Command": {"Name": "glueetl"}, **(first if index == 0 else {})},
        )
        for index in range(datasets)
    ]
    links = [link("n0", f"n{index}", "dataset_0") for index in range(1, datasets)]
    return derive_branch(graph(nodes, links), branch, ["n0"])


@pytest.mark.parametrize(
    ("action", "key", "allowed"),
    [
        ("s3:PutObject", "bucket/test/data/gold/part-0.parquet", True),
        ("s3:DeleteObject", "bucket/test/data/gold/part-0.parquet", True),
        ("s3:PutObject", "bucket/test_$folder$", True),
        ("s3:GetObject", "bucket/main/data/bronze/part-0.parquet", True),
        ("s3:PutObject", "bucket/main/data/gold/part-0.parquet", False),
        ("s3:DeleteObject", "bucket/main/data/gold/part-0.parquet", False),
        ("s3:DeleteObjectVersion", "bucket/main/data/gold/part-0.parquet", False),
        ("s3:PutObject", "bucket/test-2/data/gold/part-0.parquet", False),
        ("s3:PutObject", "bucket/testing", False),
        ("s3:PutObject", "other/test/x", False),
        ("s3:AbortMultipartUpload", "bucket/main/x", False),
        ("s3:PutBucketPolicy", "bucket", False),
        ("s3:DeleteBucket", "bucket", False),
    ],
)
def test_s3(action: str, key: str, allowed: bool) -> None:
    policy = session_policy(derive_branch(chain(), "test", ["transform"]))
    assert _allows(policy, action, _s3(key)) == allowed


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("glue:GetTable", "arn:aws:glue:eu-west-1:1:table/sales/gold", True),
        ("glue:UpdateTable", "arn:aws:glue:eu-west-1:1:table/pypedream_test/bronze", True),
        ("glue:UpdateTable", "arn:aws:glue:eu-west-1:1:table/pypedream_test2/bronze", False),
        ("glue:UpdateTable", "arn:aws:glue:eu-west-1:1:table/sales/gold", False),
        ("glue:BatchDeletePartition", "arn:aws:glue:eu-west-1:1:table/sales/gold", False),
        ("glue:DeleteDatabase", "arn:aws:glue:eu-west-1:1:database/sales", False),
        ("glue:ResetJobBookmark", "arn:aws:glue:eu-west-1:1:job/x", False),
        ("glue:StartJobRun", "arn:aws:glue:eu-west-1:1:job/x", False),
        ("iam:PassRole", "arn:aws:iam::1:role/x", False),
        ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:1:log-group:/aws-glue/jobs", True),
    ],
)
def test_catalog_and_all_else(action: str, resource: str, allowed: bool) -> None:
    pipeline = graph(
        [job("extract", {"bronze": f"{BUCKET}/bronze/"}), job("load")],
        [link("extract", "load", "bronze", crawl_data=True)],
    )
    assert _allows(session_policy(derive_branch(pipeline, "test", ["extract"])), action, resource) == allowed


def test_main_takes_none() -> None:
    with pytest.raises(ProtectedError, match="Main"):
        session_policy(derive_main(chain()))


def test_the_size_does_not_grow_with_the_datasets_below_one_prefix() -> None:
    def size(count: int) -> int:
        outputs = {f"dataset_{index}": f"{BUCKET}/data/dataset_{index}/" for index in range(count)}
        return len(session_policy(derive_branch(graph([job("a", outputs)]), "test", ["a"])))

    assert size(1) == size(300) < MAX_POLICY_CHARACTERS


def test_the_longest_name_in_an_ordinary_pipeline_fits() -> None:
    assert len(session_policy(derive_branch(chain(), "a" * 63, ["extract"]))) < MAX_POLICY_CHARACTERS


def test_a_prefix_per_dataset_fits_however_many_there_are() -> None:
    sizes = {len(session_policy(_wide(count))) for count in (40, 60, 200)}
    assert len(sizes) == 1
    assert max(sizes) < MAX_POLICY_CHARACTERS


def test_a_prefix_per_dataset_keeps_main_out_of_reach() -> None:
    branch = _wide(40, DefaultArguments={"--SOURCE": "s3://company-data-lake/sales/raw/2024/"})
    policy = session_policy(branch)
    for node, output in branch.datasets():
        own = output.head_uri.removeprefix("s3://")
        base = output.base_uri.removeprefix("s3://")
        assert _allows(policy, "s3:PutObject", _s3(f"{own}part-0.parquet")), node.id
        # Marker objects of Hadoop stand beside the folder.
        assert _allows(policy, "s3:PutObject", _s3(f"{own.rstrip('/')}_$folder$"))
        for key in (base, f"{base}part-0", f"{base}test/part-0", f"{base}x/test/y/test/z", f"{base}test_$folder$"):
            assert not _allows(policy, "s3:PutObject", _s3(key)), key
    for key in ("sales/raw/2024/test/x", "sales/raw/2024/x", "sales/dataset_0/other/x", "hr/dataset_0/test/x", "x"):
        assert not _allows(policy, "s3:PutObject", _s3(f"company-data-lake/{key}")), key


def test_what_cannot_be_widened_is_refused_with_the_way_out() -> None:
    nodes = [
        job(f"n{index}", {f"d{index}": f"s3://bucket-{index}/{{branch-name}}/"}, properties={"Command": {}})
        for index in range(60)
    ]
    links = [link("n0", f"n{index}", "d0") for index in range(1, 60)]
    branch = derive_branch(graph(nodes, links), "test", ["n0"])
    with pytest.raises(ProtectedError, match=r"60 separate prefixes.*Glue takes 2048.*\{branch-name\} further"):
        session_policy(branch)
