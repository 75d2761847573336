"""What holds for every branch of every graph, isolation above all."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pypedream_dagster.branch.derive import derive_branch, derive_main
from pypedream_dagster.branch.model import Branch, BranchGraph
from pypedream_dagster.branch.naming import check_branch_name
from pypedream_dagster.branch.policy import MAX_POLICY_CHARACTERS, check_policies, session_policy
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.errors import BranchError, ProtectedError
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.model import PipelineGraph
from pypedream_dagster.graph.select import affected_nodes, running_order
from pypedream_dagster.graph.uri import S3Uri, parse_uri

from .strategies import branch_names, graphs_with_origins, plain_names

Case = tuple[PipelineGraph, tuple[str, ...]]


def _derive(case: Case, name: str) -> BranchGraph:
    """Derive, or give the example up where the tool refuses: that is tested by name elsewhere."""
    graph, origins = case
    try:
        return derive_branch(graph, name, origins)
    except ProtectedError:
        assume(False)
        raise
    except BranchError as error:
        assume("no place to write" not in str(error))
        raise


def _inside(inner: S3Uri, outer: S3Uri) -> bool:
    return f"{inner}/".replace("//", "/").startswith(f"{outer}/".replace("//", "/").rstrip("/") + "/")


@given(graphs_with_origins(), plain_names | branch_names)
def test_nothing_that_a_branch_writes_touches_main(case: Case, name: str) -> None:
    graph, _ = case
    derived = _derive(case, name)
    bases = [parse_uri(data.base_uri) for node in graph.nodes for data in node.outputs.values()]
    written = [output.head_uri for _, output in derived.datasets()]
    written += [node.script_uri for node in derived.nodes if node.script_uri]
    written += [node.arguments["--TempDir"] for node in derived.nodes if "--TempDir" in node.arguments]
    prefixes = [parse_uri(prefix) for prefix in derived.write_prefixes]
    for uri in map(parse_uri, written):
        assert not any(_inside(uri, base) or _inside(base, uri) for base in bases)
        assert any(_inside(uri, prefix) for prefix in prefixes)
    for prefix in prefixes:
        assert not any(_inside(prefix, base) or _inside(base, prefix) for base in bases)


@given(graphs_with_origins(), plain_names)
def test_every_input_comes_from_one_head_or_from_main(case: Case, name: str) -> None:
    graph, origins = case
    derived = _derive(case, name)
    affected = affected_nodes(graph, origins)
    assert {node.id for node in derived.nodes} == affected
    for node in derived.nodes:
        wanted = [(link.source, data) for link in graph.inbound(node.id) for data in link.data]
        assert [(item.producer, item.dataset) for item in node.inputs] == wanted
        for item in node.inputs:
            data = graph.by_id[item.producer].outputs[item.dataset]
            heads = [output for owner, output in derived.datasets() if output.head_uri == item.uri]
            assert item.side == ("head" if item.producer in affected else "base")
            assert len(heads) == (1 if item.side == "head" else 0)
            assert item.uri == (data.uri_on(name) if item.side == "head" else data.base_uri)
            assert node.arguments[item.argument] == item.uri
        for output in node.outputs:
            assert node.arguments[output.argument] == output.head_uri


@given(graphs_with_origins(), plain_names)
def test_deriving_twice_gives_the_same_whatever_the_order_in_the_file(case: Case, name: str) -> None:
    graph, origins = case
    derived = _derive(case, name)
    turned = PipelineGraph(nodes=graph.nodes[::-1], links=graph.links, metadata=graph.metadata)
    assert derive_branch(graph, name, origins) == derived
    assert derive_branch(turned, name, origins) == derived


@given(graphs_with_origins(), plain_names)
def test_nodes_stand_in_running_order_and_wait_for_earlier_ones_only(case: Case, name: str) -> None:
    graph, _ = case
    derived = _derive(case, name)
    ids = [node.id for node in derived.nodes]
    assert ids == [node for node in running_order(graph) if node in set(ids)]
    for index, node in enumerate(derived.nodes):
        assert set(node.upstream) <= set(ids[:index])
        assert {item.producer for item in node.inputs if item.side == "head"} <= set(node.upstream)


@given(graphs_with_origins(), plain_names)
def test_clones_are_the_branchs_own_and_all_else_is_productions(case: Case, name: str) -> None:
    graph, origins = case
    derived = _derive(case, name)
    production = {node.job_name("main") for node in graph.nodes if node.is_job}
    clones = [node.job for node in derived.clones]
    assert not set(clones) & production
    assert max(Counter(clones).values()) == 1
    assert all(name in job for job in clones)
    assert set(origins) <= {node.id for node in derived.clones}
    for node in derived.nodes:
        assert (node.job in production) == (node.action == "reuse")
        assert node.is_origin == (node.id in origins) == (node.script_uri is not None)
        if node.action == "reuse":
            locked = node.properties.get("NonOverridableArguments", {})
            assert not set(locked) & set(node.arguments)
    scripts = [node.script_uri for node in derived.nodes if node.script_uri]
    assert len(set(scripts)) == len(scripts)


@given(graphs_with_origins(), plain_names, plain_names)
def test_two_branches_side_by_side_never_overlap(case: Case, one: str, two: str) -> None:
    assume(one != two)
    left, right = _derive(case, one), _derive(case, two)
    for mine in map(parse_uri, left.write_prefixes):
        assert not any(mine.overlaps(parse_uri(other)) for other in right.write_prefixes)
    assert not {node.job for node in left.clones} & {node.job for node in right.clones}
    assert not set(left.databases) & set(right.databases)


@given(graphs_with_origins(), plain_names)
def test_the_session_policy_fits(case: Case, name: str) -> None:
    graph = _derive(case, name)
    longest = check_policies(graph)
    assert longest <= MAX_POLICY_CHARACTERS
    assert longest == max(len(session_policy(graph, node)) for node in graph.nodes)


@given(graphs_with_origins())
def test_main_runs_every_job_as_it_stands(case: Case) -> None:
    graph, _ = case
    main = derive_main(graph)
    assert {node.id for node in main.nodes} == {node.id for node in graph.nodes if node.is_job}
    assert all(node.action == "reuse" and node.job == node.production_job for node in main.nodes)
    assert all(output.head_uri == output.base_uri for _, output in main.datasets())


@settings(max_examples=15)
@given(graphs_with_origins(max_nodes=10), plain_names)
def test_a_branchs_folder_gives_back_what_was_stored(case: Case, name: str) -> None:
    _, origins = case
    derived = _derive(case, name)
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    branch = Branch(
        name=name,
        origins=origins,
        owner="someone",
        project="p",
        created_at=moment,
        expires_at=moment,
        graph_sha256="0",
    )
    with TemporaryDirectory() as folder:
        store = BranchStore(Path(folder))
        store.create(branch, derived, dict.fromkeys(origins, b"print()"))
        assert store.names() == (name,)
        assert store.branch(name) == branch
        assert store.graph(name) == derived
        assert store.script(name, derived.by_id[origins[0]]) == b"print()"
        # The branch's graph is of the original tool's format, too.
        stored = json.loads((Path(folder) / name / "graph.json").read_text(encoding="utf-8"))
        assert {node["id"] for node in stored["nodes"]} == {node.id for node in derived.nodes}
        assert parse_graph({"nodes": [], "links": []}).nodes == ()


@given(st.text(max_size=70))
def test_no_branch_name_leads_out_of_the_branches_folder(name: str) -> None:
    root = Path("/project/branches")
    try:
        folder = BranchStore(root).folder(name)
    except BranchError:
        return
    assert folder.parent == root
    assert folder.name == name
    assert name.isascii()
    assert name.strip() == name


@given(branch_names)
def test_allowed_names_stay_apart_from_main(name: str) -> None:
    check_branch_name(name)
    assert name != "main"
