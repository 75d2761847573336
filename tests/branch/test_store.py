"""The branch's folder: whole or not there, nothing outside it, broken files said in one line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import networkx as nx
import pytest

from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.model import Branch
from pypedream_dagster.branch.store import BranchStore, sha256
from pypedream_dagster.errors import BranchError, StateError
from pypedream_dagster.graph.model import PipelineGraph

from .pipelines import chain, graph, job


def _record(name: str, *origins: str) -> Branch:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    return Branch(
        name=name,
        origins=origins,
        owner="ann",
        project="p",
        created_at=moment,
        expires_at=moment,
        graph_sha256=sha256(b""),
    )


def _create(store: BranchStore, name: str, pipeline: PipelineGraph | None = None, origin: str = "transform") -> Path:
    derived = derive_branch(pipeline or chain(), name, [origin])
    return store.create(_record(name, origin), derived, {origin: b"print(1)\n"})


@pytest.fixture
def store(tmp_path: Path) -> BranchStore:
    return BranchStore(tmp_path / "branches")


def test_what_is_created_can_be_read(store: BranchStore) -> None:
    folder = _create(store, "test")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == [
        "branch.json",
        "graph.json",
        "scripts",
        "scripts/transform.py",
    ]
    derived = store.graph("test")
    assert derived == derive_branch(chain(), "test", ["transform"])
    assert store.branch("test") == _record("test", "transform")
    assert store.script("test", derived.by_id["transform"]) == b"print(1)\n"
    store.update_graph("test", derived)
    assert store.graph("test") == derived


def test_a_branchs_graph_is_a_graph_file_that_other_tools_read(store: BranchStore) -> None:
    folder = _create(store, "test")
    document = json.loads((folder / "graph.json").read_text())
    loaded = nx.node_link_graph(document, edges="links")
    assert list(loaded.edges) == [("transform", "load")]
    assert loaded.nodes["load"]["metadata"]["output_data"] == {"gold": "s3://bucket/test/data/gold/"}


def test_one_branch_of_a_name(store: BranchStore) -> None:
    _create(store, "new-branch")
    with pytest.raises(BranchError, match="exists already"):
        _create(store, "new-branch")
    with pytest.raises(BranchError, match="would collide with branch 'new-branch'"):
        _create(store, "new_branch")
    assert store.names() == ("new-branch",)


def test_branches_that_would_share_a_place_or_a_job_are_refused(store: BranchStore) -> None:
    pipeline = graph(
        [
            job("a", {"x": "s3://bucket/{branch-name}/x/"}, properties={"Command": {}}),
            job("b", {"y": "s3://bucket/raw-{branch-name}/y/"}, properties={"Command": {}}),
        ]
    )
    _create(store, "raw-test", pipeline, "a")
    with pytest.raises(BranchError, match=r"would share s3://bucket/raw-test/ with branch 'raw-test'"):
        _create(store, "test", pipeline, "b")
    names = graph(
        [
            job("a", {"x": "s3://one/{branch-name}/x/"}, properties={"Name": "sales", "Command": {}}),
            job("b", {"y": "s3://two/{branch-name}/y/"}, properties={"Name": "sales-eu", "Command": {}}),
        ]
    )
    _create(store, "eu-x", names, "a")
    with pytest.raises(BranchError, match="would share sales-eu-x with branch 'eu-x'"):
        _create(store, "x", names, "b")
    assert store.names() == ("eu-x", "raw-test")


def test_the_remains_of_a_crash_are_no_branch(store: BranchStore) -> None:
    folder = _create(store, "test")
    folder.rename(folder.with_name(".test.partial"))
    assert store.names() == ()
    _create(store, "test")
    assert store.names() == ("test",)
    store.delete("test")
    assert list(store.root.iterdir()) == []


def test_a_deletion_that_was_cut_short_is_finished_by_the_next_branch(store: BranchStore) -> None:
    folder = _create(store, "test")
    folder.rename(folder.with_name(".test.deleted"))
    assert store.names() == ()
    _create(store, "test")
    assert [path.name for path in store.root.iterdir()] == ["test"]


def test_a_branch_that_cannot_be_written_leaves_nothing(store: BranchStore) -> None:
    store.root.mkdir(parents=True)
    derived = derive_branch(chain(), "test", ["transform"])
    with pytest.raises(KeyError):
        store.create(_record("test", "transform"), derived, {"transform": b"print(1)\n", "nobody's": b""})
    assert list(store.root.iterdir()) == []


def test_a_folder_in_the_way(store: BranchStore) -> None:
    (store.root / "test").mkdir(parents=True)
    (store.root / "test" / "notes.txt").write_text("mine")
    with pytest.raises(BranchError, match="is in the way"):
        _create(store, "test")
    assert (store.root / "test" / "notes.txt").read_text() == "mine"
    assert [path.name for path in store.root.iterdir()] == ["test"]


def test_unknown_branches(store: BranchStore) -> None:
    assert store.names() == ()
    with pytest.raises(BranchError, match=r"no branch 'test'.*none yet"):
        store.branch("test")
    with pytest.raises(BranchError, match="no branch name"):
        store.delete("../test")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"graph": {}, "nodes": [], "links": []}', '{"graph": []}'])
def test_broken_files(store: BranchStore, content: str) -> None:
    folder = _create(store, "test")
    (folder / "graph.json").write_text(content)
    with pytest.raises(BranchError, match=r"graph\.json is broken"):
        store.graph("test")
    (folder / "branch.json").write_text(content)
    with pytest.raises(BranchError, match=r"branch\.json is broken"):
        store.branch("test")


def test_a_script_that_is_gone_or_empty(store: BranchStore) -> None:
    folder = _create(store, "test")
    node = store.graph("test").by_id["transform"]
    (folder / "scripts" / "transform.py").write_text(" \n")
    with pytest.raises(StateError, match="is empty"):
        store.script("test", node)
    (folder / "scripts" / "transform.py").unlink()
    with pytest.raises(StateError, match="is missing"):
        store.script("test", node)
