"""Deriving a branch: the original tool's behaviour, and every case that the design names."""

from __future__ import annotations

import pytest

from pypedream_dagster.branch.derive import derive_branch, derive_main
from pypedream_dagster.errors import BranchError, ProtectedError

from .pipelines import BUCKET, chain, graph, job, link, noop


def test_a_branch_at_transform_as_the_original_tool_makes_it() -> None:
    branch = derive_branch(chain(), "test", ["transform"])
    assert [node.id for node in branch.nodes] == ["transform", "load"]
    transform, load = branch.nodes
    assert transform.action == "clone"
    assert transform.job == "pypedream-transform-test"
    assert transform.properties["Name"] == "pypedream-transform-test"
    assert transform.script_uri == "s3://bucket/test/scripts/transform.py"
    assert transform.properties["Command"]["ScriptLocation"] == transform.script_uri
    assert transform.arguments == {
        "--BRONZE_DATA_SOURCE": "s3://bucket/main/data/bronze/",
        "--SILVER_DATA_SINK": "s3://bucket/test/data/silver/",
    }
    assert load.action == "reuse"
    assert load.job == load.production_job == "pypedream-load-main"
    assert load.script_uri is None
    assert load.arguments == {
        "--SILVER_DATA_SOURCE": "s3://bucket/test/data/silver/",
        "--GOLD_DATA_SINK": "s3://bucket/test/data/gold/",
    }
    assert load.upstream == ("transform",)
    assert branch.write_prefixes == ("s3://bucket/test/",)


def test_main_is_production_as_it_stands() -> None:
    main = derive_main(chain())
    assert [node.id for node in main.nodes] == ["extract", "transform", "load"]
    assert [node.job for node in main.nodes] == [
        "pypedream-extract-main",
        "pypedream-transform-main",
        "pypedream-load-main",
    ]
    assert all(not node.arguments for node in main.nodes)
    assert main.by_id["load"].inputs[0].uri == "s3://bucket/main/data/silver/"


def test_a_branch_never_moves_productions_bookmarks() -> None:
    pipeline = graph(
        [
            job("extract", {"bronze": f"{BUCKET}/bronze/"}),
            job(
                "load",
                {"gold": f"{BUCKET}/gold/"},
                properties={"DefaultArguments": {"--job-bookmark-option": "job-bookmark-enable"}},
            ),
            job("plain", {"list": f"{BUCKET}/list/"}),
        ],
        [link("extract", "load", "bronze"), link("extract", "plain", "bronze")],
    )
    branch = derive_branch(pipeline, "test", ["extract"])
    assert branch.by_id["load"].action == "reuse"
    assert branch.by_id["load"].arguments["--job-bookmark-option"] == "job-bookmark-disable"
    assert "--job-bookmark-option" not in branch.by_id["plain"].arguments
    assert "--job-bookmark-option" not in derive_main(pipeline).by_id["load"].arguments


def test_a_diamond_waits_for_both_sides() -> None:
    pipeline = graph(
        [
            job("a", {"one": f"{BUCKET}/one/", "two": f"{BUCKET}/two/"}),
            job("b", {"b": f"{BUCKET}/b/"}),
            job("c", {"c": f"{BUCKET}/c/"}),
            job("d", {"d": f"{BUCKET}/d/"}),
        ],
        [link("a", "b", "one"), link("a", "c", "two"), link("b", "d", "b"), link("c", "d", "c")],
    )
    whole = derive_branch(pipeline, "test", ["a"])
    assert whole.by_id["d"].upstream == ("b", "c")
    assert [item.side for item in whole.by_id["d"].inputs] == ["head", "head"]
    half = derive_branch(pipeline, "test", ["b"])
    assert {item.producer: item.side for item in half.by_id["d"].inputs} == {"b": "head", "c": "base"}


def test_several_origins_one_upstream_of_the_other() -> None:
    branch = derive_branch(chain(), "test", ["load", "extract", "load"])
    assert branch.origins == ("load", "extract")
    assert {node.id: node.action for node in branch.nodes} == {
        "extract": "clone",
        "transform": "reuse",
        "load": "clone",
    }
    assert branch.by_id["load"].arguments["--SILVER_DATA_SOURCE"] == "s3://bucket/test/data/silver/"


def test_a_link_without_data_orders_and_affects_nobody() -> None:
    pipeline = graph(
        [job("a", {"x": f"{BUCKET}/x/"}), job("b", {"y": f"{BUCKET}/y/"}), job("c", {"z": f"{BUCKET}/z/"})],
        [link("a", "b"), link("b", "c"), link("a", "c", "x")],
    )
    branch = derive_branch(pipeline, "test", ["a"])
    assert set(branch.by_id) == {"a", "c"}
    both = derive_branch(pipeline, "test", ["a", "b"])
    assert both.by_id["b"].upstream == ("a",)
    assert set(derive_branch(pipeline, "test", ["a"], follow_order=True).by_id) == {"a", "b", "c"}


def test_order_holds_across_nodes_that_do_not_run() -> None:
    pipeline = graph(
        [job("a", {"x": f"{BUCKET}/x/"}), noop("wait"), job("c", {"z": f"{BUCKET}/z/"})],
        [link("a", "wait"), link("wait", "c")],
    )
    assert derive_branch(pipeline, "test", ["a", "c"]).by_id["c"].upstream == ("a",)


def test_an_argument_that_may_not_be_overridden_makes_a_clone() -> None:
    locked = {"NonOverridableArguments": {"--SILVER_DATA_SOURCE": "s3://bucket/main/data/silver/"}}
    pipeline = graph(
        [job("transform", {"silver": f"{BUCKET}/data/silver/"}), job("load", properties=locked)],
        [link("transform", "load", "silver")],
    )
    load = derive_branch(pipeline, "test", ["transform"]).by_id["load"]
    assert load.action == "clone"
    assert not load.is_origin
    assert load.why_cloned is not None
    assert "--SILVER_DATA_SOURCE" in load.why_cloned
    silver = "s3://bucket/test/data/silver/"
    assert load.properties["NonOverridableArguments"]["--SILVER_DATA_SOURCE"] == silver
    # Its script is production's.
    assert load.properties["Command"]["ScriptLocation"] == "s3://bucket/main/scripts/load.py"


def test_own_argument_names() -> None:
    pipeline = graph(
        [
            job("a", {"out": f"{BUCKET}/a/"}),
            job("b", {"out": f"{BUCKET}/b/"}),
            job(
                "c",
                {"all": f"{BUCKET}/all/"},
                input_arguments={"a.out": "--left", "b.out": "--right"},
                output_arguments={"all": "--dest"},
            ),
        ],
        [link("a", "c", "out"), link("b", "c", "out")],
    )
    arguments = derive_branch(pipeline, "test", ["a"]).by_id["c"].arguments
    assert arguments == {
        "--left": "s3://bucket/test/a/",
        "--right": "s3://bucket/main/b/",
        "--dest": "s3://bucket/test/all/",
    }


def test_nodes_that_share_a_job_get_clones_and_scripts_of_their_own() -> None:
    shared = {
        "Name": "generic-{branch-name}",
        "Command": {"Name": "glueetl", "ScriptLocation": f"{BUCKET}/scripts/generic.py"},
    }
    pipeline = graph(
        [
            job("a", {"x": f"{BUCKET}/x/"}, properties=shared, arguments={"--TABLE": "x"}),
            job("b", {"y": f"{BUCKET}/y/"}, properties=shared, arguments={"--TABLE": "y"}),
        ]
    )
    branch = derive_branch(pipeline, "test", ["a", "b"])
    assert [node.job for node in branch.nodes] == ["generic-test-a", "generic-test-b"]
    assert len({node.script_uri for node in branch.nodes}) == 2
    assert branch.by_id["a"].arguments["--TABLE"] == "x"


def test_clones_whose_names_would_be_the_same_on_a_branch_are_told_apart() -> None:
    pipeline = graph(
        [
            job("a", {"x": f"{BUCKET}/x/"}, properties={"Name": "sales"}),
            job("b", {"y": f"{BUCKET}/y/"}, properties={"Name": "sales-{branch-name}"}),
        ]
    )
    branch = derive_branch(pipeline, "test", ["a", "b"])
    assert len({node.job for node in branch.nodes}) == 2


def test_catalogued_datasets_of_one_name_are_two_tables() -> None:
    pipeline = graph(
        [
            job("a", {"out": f"{BUCKET}/a/"}),
            job("b", {"out": f"{BUCKET}/b/"}),
            job("c", {"all": f"{BUCKET}/c/"}, input_arguments={"a.out": "--left", "b.out": "--right"}),
        ],
        [link("a", "c", "out", crawl_data=True), link("b", "c", "out", crawl_data=True)],
    )
    branch = derive_branch(pipeline, "test", ["a", "b"])
    tables = [output.head_table for _, output in branch.datasets() if output.head_table]
    assert len(tables) == 2
    assert len(set(tables)) == 2
    assert branch.databases == ("pypedream_test",)


@pytest.mark.parametrize("name", ["main-x", "mainx", "x-main", "main_", "maintain"])
def test_names_that_look_like_main_stay_apart_from_it(name: str) -> None:
    branch = derive_branch(chain(), name, ["extract"])
    assert branch.write_prefixes == (f"s3://bucket/{name}/",)


@pytest.mark.parametrize(
    ("template", "head", "prefix"),
    [
        ("s3://b-b-b/{branch-name}/x/", "s3://b-b-b/test/x/", "s3://b-b-b/test/"),
        ("s3://b-b-b/{branch-name}/x", "s3://b-b-b/test/x", "s3://b-b-b/test/"),
        ("s3://b-b-b/lake-{branch-name}-v2/x/", "s3://b-b-b/lake-test-v2/x/", "s3://b-b-b/lake-test-v2/"),
        ("s3://b-b-b/x-{branch-name}", "s3://b-b-b/x-test", "s3://b-b-b/x-test/"),
        ("s3a://b-b-b/deep/er/{branch-name}/x/", "s3a://b-b-b/deep/er/test/x/", "s3://b-b-b/deep/er/test/"),
        ("s3://b-b-b/größe/{branch-name}/naïve/", "s3://b-b-b/größe/test/naïve/", "s3://b-b-b/größe/test/"),
        ("s3://b-b-b/{branch-name}/{branch-name}/x/", "s3://b-b-b/test/test/x/", "s3://b-b-b/test/"),
    ],
)
def test_templates_of_many_forms(template: str, head: str, prefix: str) -> None:
    pipeline = graph([job("a", {"x": template}, properties={"Command": {"Name": "glueetl"}})])
    branch = derive_branch(pipeline, "test", ["a"])
    assert branch.nodes[0].outputs[0].head_uri == head
    assert branch.write_prefixes == (prefix,)
    assert branch.nodes[0].script_uri == f"{prefix}scripts/a.py"


def test_production_that_lies_elsewhere() -> None:
    pipeline = graph(
        [
            job("a", {"x": {"uri": "s3://dev/{branch-name}/x/", "main_uri": "s3://prod-lake/x/"}}),
            job("b", {"y": {"uri": "s3://dev/{branch-name}/y/", "main_uri": "s3://prod-lake/y/"}}),
        ],
        [link("a", "b", "x")],
    )
    branch = derive_branch(pipeline, "test", ["b"])
    assert branch.nodes[0].inputs[0].uri == "s3://prod-lake/x/"
    assert branch.nodes[0].outputs[0].base_uri == "s3://prod-lake/y/"
    assert "s3://prod-lake/y/" in branch.protected_uris


@pytest.mark.parametrize(
    ("argument", "branch_name"),
    [
        ("s3://bucket/raw/", "raw"),
        ("s3://bucket/raw/2024/", "raw"),
        ("s3://bucket/raw/*.csv", "raw"),
        ("s3://bucket/raw//double/", "raw"),
        ("s3a://bucket/raw", "raw"),
        ("x=1,s3://bucket/raw/a/,s3://bucket/other/", "raw"),
    ],
)
def test_a_branch_called_as_a_place_that_main_reads_is_refused(argument: str, branch_name: str) -> None:
    pipeline = graph(
        [
            job(
                "a",
                {"x": f"{BUCKET}/2024/x/", "y": f"{BUCKET}/double/y/", "z": f"{BUCKET}/a/"},
                properties={"DefaultArguments": {"--SOURCE": argument}},
            )
        ]
    )
    with pytest.raises(ProtectedError, match="main's"):
        derive_branch(pipeline, branch_name, ["a"])
    assert derive_branch(pipeline, "row", ["a"]).write_prefixes == ("s3://bucket/row/",)


def test_an_argument_that_names_the_whole_lake_protects_nothing_by_itself() -> None:
    pipeline = graph(
        [
            job(
                "a",
                {"x": {"uri": "s3://dev/lake/{branch-name}/x/", "main_uri": "s3://prod-lake/x/"}},
                properties={"DefaultArguments": {"--LAKE": "s3://dev/lake/", "--BUCKET": "s3://dev/"}},
            )
        ]
    )
    assert derive_branch(pipeline, "test", ["a"]).write_prefixes == ("s3://dev/lake/test/", "s3://bucket/test/")[::-1]


def test_a_head_inside_a_base_is_refused() -> None:
    pipeline = graph(
        [
            job("a", {"x": {"uri": "s3://lake/all/dev/{branch-name}/x/", "main_uri": "s3://prod-lake/x/"}}),
            job("b", {"y": {"uri": "s3://other/{branch-name}/y/", "main_uri": "s3://lake/all/"}}),
        ]
    )
    with pytest.raises(ProtectedError, match="lies in main's s3://lake/all/"):
        derive_branch(pipeline, "test", ["a"])
    assert derive_branch(pipeline, "test", ["b"]).nodes


def test_a_clone_called_as_one_of_mains_jobs_is_refused() -> None:
    pipeline = graph(
        [
            job("a", {"x": f"{BUCKET}/x/"}, properties={"Name": "sales"}),
            job("b", {"y": f"{BUCKET}/y/"}, properties={"Name": "sales-test"}),
        ]
    )
    with pytest.raises(ProtectedError, match="one of main's jobs"):
        derive_branch(pipeline, "test", ["a"])


@pytest.mark.parametrize(
    ("origins", "message"),
    [
        (["nowhere"], "no node 'nowhere'.*extract, transform, load"),
        (["start"], "operation is NOOP"),
        ([], "no node to start at"),
    ],
)
def test_what_cannot_be_branched(origins: list[str], message: str) -> None:
    with pytest.raises(BranchError, match=message):
        derive_branch(chain(), "test", origins)


def test_a_node_that_reaches_what_cannot_run_is_refused() -> None:
    pipeline = graph(
        [job("a", {"x": f"{BUCKET}/x/"}), {"id": "query", "metadata": {"operation": "athena"}}],
        [link("a", "query", "x")],
    )
    with pytest.raises(BranchError, match="reaches query, which is no Glue job"):
        derive_branch(pipeline, "test", ["a"])


def test_a_node_with_nowhere_to_write_is_refused() -> None:
    with pytest.raises(BranchError, match="no place to write"):
        derive_branch(graph([job("a", properties={"Command": {"Name": "glueetl"}})]), "test", ["a"])
