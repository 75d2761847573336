"""What loads into Dagster from a project's files: assets, links between them, checks, jobs. No AWS is near."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.remote_representation.external_data import RepositorySnap

from pypedream_dagster.branch.store import sha256
from pypedream_dagster.defs.keys import op_name, source_key, tag_value
from pypedream_dagster.defs.locations import BROKEN, branch_definitions, main_definitions
from pypedream_dagster.errors import GraphError
from pypedream_dagster.settings import Settings

from .offline import offline_project

SNAPSHOTS = Path(__file__).with_name("snapshots")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return offline_project(tmp_path)


def assets(definitions: dg.Definitions) -> AssetGraph:
    return definitions.resolve_asset_graph()


def parents(definitions: dg.Definitions, *key: str) -> set[str]:
    return {parent.to_user_string() for parent in assets(definitions).get(dg.AssetKey(key)).parent_keys}


def test_main_is_one_asset_per_dataset(settings: Settings) -> None:
    main = main_definitions(settings)

    keys = {key.to_user_string() for key in assets(main).get_all_asset_keys()}

    assert keys == {
        *("main/extract/bronze", "main/transform/good", "main/transform/bad", "main/load/gold", "main/audit"),
        *("main/report/summary", "sources/lake/raw/amounts"),
    }
    assert parents(main, "main", "extract", "bronze") == {"sources/lake/raw/amounts"}
    assert parents(main, "main", "transform", "bad") == {"main/extract/bronze"}
    assert parents(main, "main", "audit") == {"main/load/gold"}
    # The second only orders.
    assert parents(main, "main", "report", "summary") == {"main/transform/bad", "main/load/gold"}
    assert {job.name for job in main.resolve_all_job_defs()} >= {"main"}


def test_branch_reads_from_main_what_it_does_not_make(settings: Settings) -> None:
    branches = branch_definitions(settings)

    assert parents(branches, "test", "transform", "good") == {"main/extract/bronze"}
    assert parents(branches, "test", "load", "gold") == {"test/transform/good"}
    assert parents(branches, "test", "report", "summary") == {"test/transform/bad", "test/load/gold"}
    assert not assets(branches).get(dg.AssetKey(["main", "extract", "bronze"])).is_materializable


def test_outputs_of_a_job_are_made_together(settings: Settings) -> None:
    graph = assets(branch_definitions(settings))

    made = graph.get(dg.AssetKey(["test", "transform", "good"])).execution_set_asset_keys

    assert made == {dg.AssetKey(["test", "transform", name]) for name in ("good", "bad")}


def test_every_fact_of_an_asset(settings: Settings) -> None:
    graph = assets(branch_definitions(settings))
    script = (settings.branches_dir / "test" / "scripts" / "transform.py").read_bytes()

    good = graph.get(dg.AssetKey(["test", "transform", "good"]))
    gold = graph.get(dg.AssetKey(["test", "load", "gold"]))

    assert good.code_version == sha256(script)
    assert gold.code_version is None
    assert good.owners == ["ann@example.com"]
    assert good.group_name == "branches/test"
    assert good.kinds == {"aws", "s3", "python"}
    assert good.tags["pypedream/branch"] == "test"
    assert good.metadata["dagster/uri"] == "s3://lake/test/data/good/"
    assert good.metadata["base/asset"] == dg.AssetKey(["main", "transform", "good"])
    assert gold.metadata["dagster/table_name"] == "pypedream_test_shop.gold"
    assert "the branch's own script" in (good.description or "")
    assert "production's Glue job" in (gold.description or "")


def test_checks_per_asset(settings: Settings) -> None:
    graph = assets(branch_definitions(settings))

    names = {
        key.to_user_string(): sorted(check.name for check in graph.get_check_keys_for_assets({key}))
        for key in graph.materializable_asset_keys
        if key.path[0] == "test"
    }

    every = ["expectations", "isolation", "row_delta", "schema_delta"]
    assert names.pop("test/audit") == ["isolation"]
    assert names == dict.fromkeys(
        ["test/load/gold", "test/report/summary", "test/transform/bad", "test/transform/good"], every
    )


def test_specs_are_as_they_were(settings: Settings) -> None:
    found = {}
    for definitions in (main_definitions(settings), branch_definitions(settings)):
        for spec in definitions.resolve_all_asset_specs():
            if spec.key.path[0] != "branch_report":
                found[spec.key.to_user_string()] = {
                    "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
                    "group": spec.group_name,
                    "kinds": sorted(spec.kinds),
                    "owners": sorted(spec.owners),
                    "tags": {name: value for name, value in sorted(spec.tags.items()) if "kind" not in name},
                    "metadata": {name: str(value) for name, value in sorted(spec.metadata.items())},
                    "description": spec.description,
                }
    snapshot = SNAPSHOTS / "asset_specs.json"
    text = json.dumps(found, indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.parent.mkdir(exist_ok=True)
        snapshot.write_text(text)

    assert snapshot.read_text() == text, "run with UPDATE_SNAPSHOTS=1 if this is meant"


@pytest.mark.parametrize(
    ("file", "content"), [("graph.json", "{"), ("graph.json", '{"nodes": 3}'), ("branch.json", "[]")]
)
def test_broken_branch_says_so_and_the_others_load(settings: Settings, file: str, content: str) -> None:
    folder = settings.branches_dir
    shutil.copytree(folder / "test", folder / "broken-one")
    (folder / "broken-one" / file).write_text(content)

    graph = assets(branch_definitions(settings))

    placeholder = graph.get(dg.AssetKey(["broken-one", BROKEN]))
    assert "broken" in (placeholder.description or "")
    assert not placeholder.is_materializable
    assert placeholder.group_name == "branches/broken_one"
    assert dg.AssetKey(["test", "load", "gold"]) in graph.materializable_asset_keys


def test_faulty_main_graph_says_every_fault(settings: Settings) -> None:
    document = json.loads(settings.graph_path.read_text())
    document["links"].append({"source": "nobody", "target": "no-one", "metadata": {}})
    settings.graph_path.write_text(json.dumps(document))

    with pytest.raises(GraphError, match=r"(?s)nobody.*no-one"):
        main_definitions(settings)


def test_loading_is_light_and_calls_nobody(settings: Settings) -> None:
    code = (
        "import sys\n"
        "from pypedream_dagster import branch_definitions, definitions\n"
        "definitions.defs().get_repository_def(), branch_definitions.defs().get_repository_def()\n"
        "heavy = {'pandas', 'pyarrow', 'duckdb', 'great_expectations', 'pyspark', 'boto3', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    # An endpoint where no one listens: a call would fail.
    environment = {**os.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "PYTHONWARNINGS": "ignore"}

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.project_dir, env=environment, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_names() -> None:
    assert op_name("a-b", "node") == "a_b__node"
    assert op_name("x", "a-b") != op_name("x", "a.b")
    assert op_name("a", "b__c") != op_name("a__b", "c")
    assert op_name("branch", "test") != "branch__test"
    assert tag_value("Ann Müller") == "Ann_M_ller"
    assert source_key("s3://lake/raw/x/").path == ["sources", "lake", "raw", "x"]


# Dagster reads its own deprecated property of every schedule.
@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`:DeprecationWarning")
def test_locations_load_as_the_code_server_loads_them(settings: Settings) -> None:
    """It sees faults that definitions alone do not show: a job and an op of one name, for instance."""
    jobs = [
        {job.name for job in RepositorySnap.from_def(definitions.get_repository_def()).job_datas or []}
        for definitions in (main_definitions(settings), branch_definitions(settings))
    ]

    assert jobs[0] >= {"main"}
    assert jobs[1] >= {"branch__test", "make_branch_report", "remove_expired_branches"}


def test_nodes_and_sources_may_have_any_name_that_the_graph_takes(tmp_path: Path) -> None:
    settings = offline_project(tmp_path)
    document = json.loads(settings.graph_path.read_text())
    odd = {"extract": "ex tract", "load": "load é", "audit": "load ä (nightly)+1"}
    for node in document["nodes"]:
        node["id"] = odd.get(node["id"], node["id"])
    for link in document["links"]:
        link |= {end: odd.get(link[end], link[end]) for end in ("source", "target")}
    document["nodes"][0]["metadata"]["properties"]["DefaultArguments"]["--RAW"] = "s3://lake/raw data/year=2013/"
    settings.graph_path.write_text(json.dumps(document))

    main = main_definitions(settings)

    keys = {key.to_user_string() for key in assets(main).get_all_asset_keys()}
    assert len(keys) == 7
    assert {key.partition("_")[0] for key in keys} >= {"main/ex", "main/load", "sources/lake/raw"}
    assert main.resolve_job_def("main")
