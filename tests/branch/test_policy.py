"""The session policy: what it lets through as the embedded AWS decides it, and that it fits whatever there is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pypedream_dagster.branch.derive import derive_branch, derive_main
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.policy import MAX_POLICY_CHARACTERS, check_policies, results_policy, session_policy
from pypedream_dagster.errors import BranchError, ProtectedError
from pypedream_dagster.graph.files import parse_graph
from tests.iam_lint import actions_of, iam_faults
from tests.session_policies import allows, object_arn

from .pipelines import BUCKET, chain, graph, job, link, noop


def _policy(branch: BranchGraph, node: str) -> str:
    policy = session_policy(branch, branch.by_id[node])
    assert iam_faults(policy) == []
    assert len(policy) <= MAX_POLICY_CHARACTERS
    return policy


def _wide(datasets: int, branch: str = "test", **first: Any) -> BranchGraph:
    """Return a branch whose one node has a prefix per dataset, each with the branch's name at its end."""
    outputs = {
        f"dataset_{index}": f"s3://company-data-lake/sales/dataset_{index}/{{branch-name}}/"
        for index in range(datasets)
    }
    return derive_branch(graph([job("n0", outputs, properties={"Command": {}, **first})]), branch, ["n0"])


@pytest.mark.parametrize(
    ("action", "key", "allowed"),
    [
        ("s3:PutObject", "bucket/test/data/silver/part-0.parquet", True),
        ("s3:DeleteObject", "bucket/test/data/silver/part-0.parquet", True),
        ("s3:PutObject", "bucket/test/data/new-dataset/part-0.parquet", True),
        ("s3:PutObject", "bucket/test_$folder$", True),
        ("s3:GetObject", "bucket/main/data/bronze/part-0.parquet", True),
        ("s3:PutObject", "bucket/test/scripts/transform.py", False),
        ("s3:PutObject", "bucket/main/data/gold/part-0.parquet", False),
        ("s3:DeleteObject", "bucket/main/data/gold/part-0.parquet", False),
        ("s3:DeleteObjectVersion", "bucket/main/data/gold/part-0.parquet", False),
        ("s3:PutObject", "bucket/test-2/data/gold/part-0.parquet", False),
        ("s3:PutObject", "bucket/testing", False),
        ("s3:PutObject", "bucket/test_$pypedream$", False),
        ("s3:PutObject", "other/test/x", False),
        ("s3:PutObjectRetention", "bucket/test/data/silver/part-0.parquet", False),
        ("s3:AbortMultipartUpload", "bucket/main/x", False),
        ("s3:PutBucketPolicy", "bucket", False),
        ("s3:DeleteBucket", "bucket", False),
        ("s3:ListBucket", "bucket", True),
    ],
)
def test_an_origin_writes_below_the_branchs_root(action: str, key: str, allowed: bool) -> None:
    policy = _policy(derive_branch(chain(), "test", ["transform"]), "transform")
    assert allows(policy, action, object_arn(key)) == allowed


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("bucket/test/data/gold/part-0.parquet", True),
        ("bucket/test/data/gold_$folder$", True),
        ("bucket/test/temporary/load/x", True),
        ("bucket/test/data/", True),
        ("bucket/test/data_$folder$", True),
        ("bucket/test_$folder$", True),
        ("bucket/test/data/silver/part-0.parquet", False),
        ("bucket/test/temporary/transform/x", False),
        ("bucket/test/scripts/transform.py", False),
        ("bucket/test/data/new-dataset/part-0.parquet", False),
        ("bucket/main/data/gold/part-0.parquet", False),
        ("bucket/main/data/", False),
    ],
)
def test_a_node_downstream_writes_its_outputs_and_marks_their_folders(key: str, allowed: bool) -> None:
    policy = _policy(derive_branch(chain(), "test", ["transform"]), "load")
    assert allows(policy, "s3:PutObject", object_arn(key)) == allowed


_GLUE = "arn:aws:glue:eu-west-1:1:"


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("glue:GetTable", f"{_GLUE}table/sales/gold", True),
        ("glue:GetConnection", f"{_GLUE}connection/warehouse", True),
        ("glue:UpdateTable", f"{_GLUE}table/pypedream_test/bronze", True),
        ("glue:UpdateTable", f"{_GLUE}table/pypedream_test2/bronze", False),
        ("glue:UpdateTable", f"{_GLUE}table/sales/gold", False),
        ("glue:BatchDeletePartition", f"{_GLUE}table/sales/gold", False),
        ("glue:DeleteDatabase", f"{_GLUE}database/sales", False),
        ("glue:DeleteCatalog", f"{_GLUE}catalog", False),
        ("glue:PutResourcePolicy", f"{_GLUE}catalog", False),
        ("glue:TagResource", f"{_GLUE}database/pypedream_test", False),
        ("glue:ResetJobBookmark", f"{_GLUE}job/x", False),
        ("glue:StartJobRun", f"{_GLUE}job/x", False),
        ("glue:UpdateJob", f"{_GLUE}job/x", False),
        ("glue:CreateTrigger", "*", False),
        ("glue:GetSessionEndpoint", f"{_GLUE}session/x", False),
        ("iam:PassRole", "arn:aws:iam::1:role/x", False),
        ("sts:AssumeRole", "arn:aws:iam::1:role/x", False),
        ("lakeformation:GetDataAccess", "*", False),
        ("s3:GetDataAccess", "arn:aws:s3:eu-west-1:1:access-grants/default", False),
        ("dynamodb:PutItem", "arn:aws:dynamodb:eu-west-1:1:table/x", False),
        ("dynamodb:Scan", "arn:aws:dynamodb:eu-west-1:1:table/x", True),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:1:x", False),
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:1:function:x", False),
        ("redshift-data:ExecuteStatement", "*", False),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:1:secret:x", True),
        ("kms:Decrypt", "arn:aws:kms:eu-west-1:1:key/x", True),
        ("kms:ScheduleKeyDeletion", "arn:aws:kms:eu-west-1:1:key/x", False),
        ("ec2:CreateNetworkInterface", "arn:aws:ec2:eu-west-1:1:subnet/x", True),
        ("ec2:CreateTags", "arn:aws:ec2:eu-west-1:1:network-interface/x", True),
        ("ec2:CreateTags", "arn:aws:ec2:eu-west-1:1:instance/x", False),
        ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:1:log-group:/aws-glue/jobs", True),
        ("logs:DeleteLogGroup", "arn:aws:logs:eu-west-1:1:log-group:/aws-glue/jobs", False),
        ("something:OfTomorrow", "*", False),
    ],
)
def test_catalog_and_all_else(action: str, resource: str, allowed: bool) -> None:
    pipeline = graph(
        [job("extract", {"bronze": f"{BUCKET}/bronze/"}), job("load")],
        [link("extract", "load", "bronze", crawl_data=True)],
    )
    policy = _policy(derive_branch(pipeline, "test", ["extract"]), "extract")
    assert allows(policy, action, resource) == allowed


def test_metrics_are_glues_own() -> None:
    policy = _policy(derive_branch(chain(), "test", ["load"]), "load")
    assert allows(policy, "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Glue"})
    assert not allows(policy, "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Sales"})


def test_whatever_is_no_reading_is_denied_outside_of_the_branch() -> None:
    """Over all that AWS lists for S3 and Glue, so that nothing hides behind a wildcard."""
    policy = _policy(derive_branch(chain(), "test", ["transform"]), "transform")
    reading = ("get", "list", "batchget", "search")
    for service, resource in (("s3", "arn:aws:s3:::bucket/main/data/gold/x"), ("glue", f"{_GLUE}table/sales/gold")):
        for action in actions_of(service):
            if not action.startswith(reading):
                assert not allows(policy, f"{service}:{action}", resource), action


def test_databases_are_the_nodes_own() -> None:
    tables = {"a": {"table": "sales.a"}, "b": {"table": "hr.b"}}
    nodes = [job(name, {name: {"uri": f"{BUCKET}/{name}/", **extra}}) for name, extra in tables.items()]
    branch = derive_branch(graph(nodes, [link("a", "b", "a")]), "test", ["a"])
    policy = _policy(branch, "b")
    assert allows(policy, "glue:CreateTable", f"{_GLUE}table/pypedream_test_hr/b")
    assert not allows(policy, "glue:CreateTable", f"{_GLUE}table/pypedream_test_sales/a")


def test_many_databases_are_held_by_one_pattern() -> None:
    outputs = {f"d{n}": {"uri": f"{BUCKET}/d{n}/", "table": f"database_number_{n}.t"} for n in range(80)}
    policy = _policy(derive_branch(graph([job("a", outputs)]), "test", ["a"]), "a")
    assert allows(policy, "glue:CreateTable", f"{_GLUE}table/pypedream_test_database_number_7/t")
    assert not allows(policy, "glue:CreateTable", f"{_GLUE}table/database_number_7/t")


def _with_actions(*actions: Any) -> BranchGraph:
    document = {"nodes": [job("a", {"x": f"{BUCKET}/x/"})], "graph": {"metadata": {"branch_actions": list(actions)}}}
    return derive_branch(parse_graph(document), "test", ["a"])


def test_a_project_may_let_its_branches_read_more() -> None:
    policy = _policy(_with_actions("athena:GetQueryResults", "timestream:Select"), "a")
    assert allows(policy, "athena:GetQueryResults", "*")
    assert allows(policy, "timestream:Select", "*")
    assert not allows(policy, "athena:StartQueryExecution", "*")


@pytest.mark.parametrize(
    "action",
    [
        "dynamodb:PutItem",
        "s3:*",
        "dynamodb:Get*",
        "*",
        "GetObject",
        "sts:GetSessionToken",
        "iam:GetRole",
        "redshift:GetClusterCredentials",
        "s3:GetDataAccess",
        "sqs:ReceiveMessage",
        7,
    ],
)
def test_but_nothing_that_could_write(action: Any) -> None:
    with pytest.raises(BranchError, match="branch_actions"):
        _with_actions("athena:GetQueryResults", action)


def test_more_actions_than_fit_are_refused_with_the_way_out() -> None:
    branch = _with_actions(*(f"athena:GetSomethingVeryLong{number:03}" for number in range(60)))
    with pytest.raises(ProtectedError, match="fewer branch_actions"):
        check_policies(branch)


def test_main_takes_none() -> None:
    main = derive_main(chain())
    with pytest.raises(ProtectedError, match="Main"):
        session_policy(main, main.nodes[0])


def test_the_comparison_on_spark_writes_its_results_and_nothing_else() -> None:
    policy = results_policy("s3://bucket/test/_pypedream_delta/results/")
    assert iam_faults(policy) == []
    assert allows(policy, "s3:PutObject", object_arn("bucket/test/_pypedream_delta/results/x.json"))
    assert allows(policy, "s3:GetObject", object_arn("bucket/main/x"))
    for key in ("bucket/test/_pypedream_delta/delta.py", "bucket/test/x", "bucket/main/x"):
        assert not allows(policy, "s3:PutObject", object_arn(key))
    assert not allows(policy, "glue:CreateTable", f"{_GLUE}table/sales/gold")


def test_the_size_does_not_grow_with_the_datasets_below_one_prefix() -> None:
    def size(count: int) -> int:
        outputs = {f"dataset_{index}": f"{BUCKET}/data/dataset_{index}/" for index in range(count)}
        return check_policies(derive_branch(graph([job("a", outputs)]), "test", ["a"]))

    assert size(1) == size(300) < MAX_POLICY_CHARACTERS


def test_the_longest_name_in_an_ordinary_pipeline_fits() -> None:
    assert check_policies(derive_branch(chain(), "a" * 63, ["extract"])) < MAX_POLICY_CHARACTERS


def test_a_prefix_per_dataset_fits_however_many_there_are() -> None:
    sizes = {check_policies(_wide(count)) for count in (40, 60, 200)}
    assert len(sizes) == 1
    assert max(sizes) <= MAX_POLICY_CHARACTERS


def test_a_prefix_per_dataset_keeps_main_out_of_reach() -> None:
    branch = _wide(40, DefaultArguments={"--SOURCE": "s3://company-data-lake/sales/raw/2024/"})
    policy = _policy(branch, "n0")
    for node, output in branch.datasets():
        own = output.head_uri.removeprefix("s3://")
        base = output.base_uri.removeprefix("s3://")
        assert allows(policy, "s3:PutObject", object_arn(f"{own}part-0.parquet")), node.id
        # Marker objects of Hadoop stand beside the folder.
        assert allows(policy, "s3:PutObject", object_arn(f"{own.rstrip('/')}_$folder$"))
        for key in (base, f"{base}part-0", f"{base}test/part-0", f"{base}x/test/y/test/z", f"{base}test_$folder$"):
            assert not allows(policy, "s3:PutObject", object_arn(key)), key
    for key in ("sales/raw/2024/test/x", "sales/raw/2024/x", "sales/dataset_0/other/x", "hr/dataset_0/test/x", "x"):
        assert not allows(policy, "s3:PutObject", object_arn(f"company-data-lake/{key}")), key


def test_buckets_of_one_kind_are_held_together_and_mains_kept_out() -> None:
    outputs = {
        f"d{index}": {"uri": f"s3://dev-{index}/{{branch-name}}/", "main_uri": f"s3://prod-{index}/orders/"}
        for index in range(60)
    }
    branch = derive_branch(graph([job("n0", outputs, properties={"Command": {}})]), "test", ["n0"])
    policy = _policy(branch, "n0")
    for index in range(60):
        assert allows(policy, "s3:PutObject", object_arn(f"dev-{index}/test/x"))
        for key in (f"prod-{index}/orders/x", f"prod-{index}/orders/test/x", f"prod-{index}/test/x", f"dev-{index}/x"):
            assert not allows(policy, "s3:PutObject", object_arn(key)), key


def test_where_no_policy_is_sound_the_branch_is_refused_with_the_way_out() -> None:
    # Main's buckets have neither beginning nor end in common with each other, and lie among the branch's.
    outputs = {
        f"d{index}": {
            "uri": f"s3://{index:02}-{'abcdefghijklmnopqrstuvwxyz'[index % 26]}/{{branch-name}}/",
            "main_uri": f"s3://{index:02}-main/{index * 7919 % 61}-{index}/",
        }
        for index in range(60)
    }
    branch = derive_branch(graph([noop("start"), job("n0", outputs, properties={"Command": {}})]), "test", ["n0"])
    with pytest.raises(ProtectedError, match=r"separate prefixes.*2048.*\{branch-name\} further"):
        session_policy(branch, branch.by_id["n0"])


def test_keys_that_look_like_policy_variables_stay_plain() -> None:
    policy = results_policy("s3://bucket/${aws:userid}/results/")
    who = {"aws:userid": "main"}
    assert iam_faults(policy) == []
    assert allows(policy, "s3:PutObject", object_arn("bucket/${aws:userid}/results/k"), who)
    assert not allows(policy, "s3:PutObject", object_arn("bucket/main/results/k"), who)
    assert json.loads(policy)["Version"] == "2012-10-17"  # variables and their escapes need it


@pytest.mark.parametrize("folder", ["$ 'a b'", 'é"ü', "[a-z]", "(x|y)", "数据", "a+b=c&d", "$", "\\"])
def test_odd_keys_are_what_they_are(folder: str) -> None:
    branch = derive_branch(graph([job("a", {"x": f"s3://bucket/{folder}/{{branch-name}}/x/"})]), "test", ["a"])
    policy = _policy(branch, "a")
    assert policy.isascii()
    assert allows(policy, "s3:PutObject", object_arn(f"bucket/{folder}/test/x/k"))
    for other in ("a", "x", "b", "main", f"{folder}{folder}"):
        assert not allows(policy, "s3:PutObject", object_arn(f"bucket/{other}/test/x/k"))
