"""What has changed on main since a branch was made: pure, and for all graphs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.branch.baseline import Baseline, JobAsSeen
from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.drift import compare_graphs, find_drift
from pypedream_dagster.branch.merge import Merge
from pypedream_dagster.branch.model import Branch
from pypedream_dagster.branch.rebase import plan_rebase
from pypedream_dagster.branch.store import sha256
from pypedream_dagster.errors import BranchError, PypedreamError
from pypedream_dagster.graph.files import graph_document
from pypedream_dagster.graph.model import PipelineGraph
from tests.properties.strategies import graphs_with_origins

from .pipelines import BUCKET, chain, graph, job, link

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SCRIPT = b"one\ntwo\nthree\nfour\nfive\n"


def body_of(pipeline: PipelineGraph) -> bytes:
    return json.dumps(graph_document(pipeline)).encode()


def main_of(pipeline: PipelineGraph, script: bytes = SCRIPT, **fields: Any) -> Baseline:
    """Main with this graph, each job with these fields and each node with this script."""
    jobs = {
        node.id: JobAsSeen(job=f"{node.id}-main", fields={"Role": "r", **fields}, script_sha256=sha256(script))
        for node in pipeline.nodes
        if node.is_job
    }
    return Baseline(body_of(pipeline), jobs, dict.fromkeys(jobs, script))


def record_of(main: Baseline, *origins: str) -> Branch:
    return Branch(
        name="test",
        origins=origins,
        owner="ann",
        project="p",
        created_at=NOW,
        expires_at=NOW,
        graph_sha256=sha256(main.main_json or b""),
        script_sha256={origin: sha256(main.scripts[origin]) for origin in origins},
    )


def effects(before: PipelineGraph, after: PipelineGraph) -> tuple[str, ...]:
    then, now = main_of(before), main_of(after)
    drift = find_drift(record_of(then, "transform"), derive_branch(before, "test", ["transform"]), then, now)
    return drift.graph.effects if drift.graph else ()


@given(graphs_with_origins(max_nodes=8))
def test_nothing_has_drifted_where_nothing_changed(case: tuple[PipelineGraph, tuple[str, ...]]) -> None:
    pipeline, origins = case
    try:
        derived = derive_branch(pipeline, "test", origins)
    except PypedreamError:
        return
    assert list(compare_graphs(derived, derived)) == []
    main = main_of(pipeline)
    record = record_of(main, *origins)
    assert not find_drift(record, derived, main, main)
    ours = dict.fromkeys(origins, b"edited")
    assert plan_rebase(record, derived, ours, main, main, at=NOW) is None


def test_another_layout_of_the_file_is_no_drift() -> None:
    then = main_of(chain())
    now = Baseline(json.dumps(json.loads(then.main_json or b""), indent=4).encode())
    assert not find_drift(record_of(then, "transform"), derive_branch(chain(), "test", ["transform"]), then, now)


def test_what_becomes_of_the_branch_is_told() -> None:
    old = chain()
    document = graph_document(old)
    nodes = {node["id"]: node for node in document["nodes"]}
    nodes["load"]["metadata"]["arguments"] = {"--MODE": "full"}
    nodes["load"]["metadata"]["properties"]["DefaultArguments"] = {"--API_TOKEN": "s3cr3t"}
    nodes["transform"]["metadata"]["properties"]["Timeout"] = 7
    new_nodes = [*document["nodes"], job("audit", {"log": f"{BUCKET}/data/log/"})]
    new = graph(new_nodes, [*document["links"], link("load", "audit", "gold")])
    found = effects(old, new)
    assert "audit is affected now, and was not" in found
    assert 'load is given --MODE "full", and was given (none)' in found
    assert "transform's Timeout is 7 in the graph, and was (none)" in found
    assert not any("s3cr3t" in effect for effect in found)
    assert "audit is not affected any more" in effects(new, old)


def test_a_branch_that_can_no_longer_be_made_says_why() -> None:
    document = graph_document(chain())
    kept = [node for node in document["nodes"] if node["id"] != "transform"]
    links = [item for item in document["links"] if "transform" not in (item["source"], item["target"])]
    (effect,) = effects(chain(), graph(kept, links))
    assert "There is no node 'transform'" in effect


def test_jobs_and_scripts() -> None:
    then = main_of(chain(), Timeout=10, GlueVersion="4.0")
    now = main_of(chain(), script=SCRIPT.replace(b"two", b"TWO"), Timeout=20, WorkerType="G.1X")
    derived = derive_branch(chain(), "test", ["transform"])
    drift = find_drift(record_of(then, "transform"), derived, then, now)
    assert drift.kinds == ("job", "script")
    assert [(change.field, change.before, change.after) for change in drift.jobs[0].changes] == [
        ("Timeout", "10", "20"),
        ("GlueVersion", '"4.0"', "(none)"),
        ("WorkerType", "(none)", '"G.1X"'),
    ]
    origin, downstream = drift.scripts
    assert ("-two" in origin.diff, "+TWO" in origin.diff, downstream.diff) == (True, True, ())
    (note,) = drift.notes("test")
    assert "production's job of transform (Timeout; GlueVersion; WorkerType)" in note
    assert "production's script of transform (+1 -1 lines) and load." in note
    gone = Baseline(then.main_json, {**then.jobs, "load": JobAsSeen(job="load-main")}, then.scripts)
    assert find_drift(record_of(then, "transform"), derived, then, gone).jobs[0].is_gone


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n"]), min_size=1, max_size=6).map(b"".join)


@given(ours=LINES, theirs=LINES)
def test_a_rebase_leaves_nothing_to_rebase(ours: bytes, theirs: bytes) -> None:
    then, now = main_of(chain(), b"a\nb\nc\n"), main_of(chain(), theirs)
    derived = derive_branch(chain(), "test", ["transform"])
    rebase = plan_rebase(record_of(then, "transform"), derived, {"transform": ours}, then, now, at=NOW)
    if rebase is None:
        assert theirs == b"a\nb\nc\n"
        return
    assert (rebase.changes_graph, rebase.graph) == (False, derived)
    merged = {"transform": rebase.merges["transform"].body}
    assert plan_rebase(rebase.record, rebase.graph, merged, rebase.base, now, at=NOW) is None
    if theirs == b"a\nb\nc\n":
        assert rebase.merges["transform"] == Merge(ours)


def test_a_script_in_another_language_is_refused() -> None:
    document = graph_document(chain())
    document["nodes"][2]["metadata"]["properties"]["Command"]["ScriptLocation"] = f"{BUCKET}/scripts/transform.scala"
    then, now = main_of(chain()), main_of(graph(document["nodes"], document["links"]))
    derived = derive_branch(chain(), "test", ["transform"])
    with pytest.raises(BranchError, match=r"transform\.scala now and was transform\.py"):
        plan_rebase(record_of(then, "transform"), derived, {"transform": SCRIPT}, then, now, at=NOW)


def test_what_is_seeded_stays_seeded() -> None:
    document = graph_document(chain())
    document["nodes"][3]["metadata"]["properties"]["Timeout"] = 9
    then, now = main_of(chain()), main_of(graph(document["nodes"], document["links"]))
    derived = derive_branch(chain(), "test", ["transform"])
    load = derived.by_id["load"]
    outputs = tuple(output.model_copy(update={"seeded": True}) for output in load.outputs)
    nodes = tuple(node.model_copy(update={"outputs": outputs}) if node is load else node for node in derived.nodes)
    seeded = derived.model_copy(update={"nodes": nodes})
    rebase = plan_rebase(record_of(then, "transform"), seeded, {"transform": SCRIPT}, then, now, at=NOW)
    assert rebase is not None
    assert rebase.changes_graph
    assert [(output.name, output.seeded) for _, output in rebase.graph.datasets()] == [
        ("silver", False),
        ("gold", True),
    ]
