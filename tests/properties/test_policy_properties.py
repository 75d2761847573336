"""What holds for the session policy of every node of every branch, as the embedded AWS's own IAM decides it."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.policy import MAX_POLICY_CHARACTERS, own_uris, session_policy
from pypedream_dagster.errors import BranchError, GraphError, ProtectedError
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.model import Json, PipelineGraph
from pypedream_dagster.graph.uri import parse_uri
from tests.iam_lint import iam_faults
from tests.session_policies import allows, object_arn

from .strategies import branch_names, graphs_with_origins, plain_names

_WRITES = ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:PutObjectTagging")
_SEGMENTS = st.text(st.characters(exclude_characters="/*?{}\x7f", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda text: text not in {".", ".."}
)
_DULL = st.from_regex(r"[a-z0-9=.-]{1,12}", fullmatch=True).filter(lambda text: text not in {".", ".."})
_BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True)


@given(graphs_with_origins(), plain_names | branch_names, st.data())
def test_ordinary_pipelines(case: tuple[PipelineGraph, tuple[str, ...]], name: str, data: st.DataObject) -> None:
    graph, origins = case
    try:
        branch = derive_branch(graph, name, origins)
    except (ProtectedError, BranchError):
        assume(False)
        raise
    _check(branch, data)


@settings(max_examples=60)
@given(st.data())
def test_adversarial_pipelines(data: st.DataObject) -> None:
    """Hundreds of datasets, production elsewhere, long and odd names; a refusal is an answer, a hole is none."""
    name = data.draw(plain_names | branch_names)
    try:
        branch = derive_branch(parse_graph(data.draw(_documents(), "document")), name, ["n0"])
    except (GraphError, BranchError, ProtectedError):
        assume(False)
        raise
    _check(branch, data)


@st.composite
def _documents(draw: st.DrawFn) -> Json:
    segments = draw(st.sampled_from([_SEGMENTS, _DULL]))
    buckets = draw(st.lists(_BUCKETS, min_size=1, max_size=4))
    shapes = st.sampled_from(["{b}/{{branch-name}}/{s}", "{b}/{s}/{{branch-name}}", "{b}/x/{s}/{{branch-name}}/y"])
    nodes: list[Json] = []
    for number, count in enumerate(draw(st.lists(st.sampled_from([1, 2, 5, 40, 150]), min_size=1, max_size=3))):
        outputs: dict[str, Any] = {}
        shape, bucket = draw(shapes), draw(st.sampled_from(buckets))
        parts = draw(st.lists(segments, min_size=1, max_size=3))
        elsewhere = draw(st.booleans())
        for index in range(count):
            segment = f"{parts[index % len(parts)]}{number}-{index}"
            uri = "s3://" + shape.format(b=f"{bucket}{index % 3 if draw(st.booleans()) else ''}"[:63], s=segment)
            outputs[f"d{number}_{index}"] = uri + draw(st.sampled_from(["", "/"]))
            if elsewhere:
                main = draw(st.sampled_from([f"s3://{bucket}/{segment}/", f"s3://production/{segment}", None]))
                outputs[f"d{number}_{index}"] = {"uri": uri, "main_uri": main}
        defaults = {"--RAW": f"s3://{bucket}/raw/{parts[0]}/", "--TempDir": f"s3://{bucket}/main/temporary/"}
        properties = {"Name": f"job-{number}", "DefaultArguments": defaults}
        metadata = {"operation": "glue", "properties": properties, "output_data": outputs}
        nodes.append({"id": f"n{number}", "metadata": metadata})
    carried = {"data": [next(iter(nodes[0]["metadata"]["output_data"]))]}
    links = [{"source": "n0", "target": f"n{number}", "metadata": carried} for number in range(1, len(nodes))]
    return {"nodes": nodes, "links": links}


def _check(branch: BranchGraph, data: st.DataObject) -> None:
    """Every write that a node needs is allowed, and none to main; and IAM takes the policy."""
    node = data.draw(st.sampled_from(branch.nodes))
    try:
        policy = session_policy(branch, node)
    except ProtectedError:
        # One prefix of ordinary length always has a policy.
        assert len(own := own_uris(branch, node)) > 1 or len(own[0].folder) > 300
        return
    assert len(policy) <= MAX_POLICY_CHARACTERS
    assert iam_faults(policy) == []
    below = data.draw(st.sampled_from(["part-0", "_temporary/0/x", "year=2024/part", "a/b/c/d", "${aws:userid}", "é"]))
    for uri in [output.head_uri for output in node.outputs] + [node.arguments.get("--TempDir")]:
        if uri is not None:
            key = f"{parse_uri(uri).folder}{below}"
            for action in _WRITES:
                assert allows(policy, action, object_arn(key)), key
    for uri in branch.protected_uris:
        main = parse_uri(uri).folder
        tail = data.draw(st.sampled_from([*(f"{own.key}/x" for own in own_uris(branch, node)), branch.branch, below]))
        for key in (main.rstrip("/"), main, f"{main}{below}", f"{main}{tail}", f"{main}{branch.branch}/{below}"):
            for action in _WRITES:
                assert not allows(policy, action, object_arn(key)), key
        assert allows(policy, "s3:GetObject", object_arn(f"{main}{below}"))
    for script in (other.script_uri for other in branch.nodes if other.script_uri):
        assert not allows(policy, "s3:PutObject", object_arn(script.removeprefix("s3://")))
