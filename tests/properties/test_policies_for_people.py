"""Whatever the pipeline and the branch's name: the policy lets a branch be made, and nothing of main's be written."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pypedream_dagster.aws.iam_policy import MAX_MANAGED_CHARACTERS, Account, length, policies
from pypedream_dagster.aws.permissions import AUDIENCES, Audience
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.derive import derive_branch
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.reach import reach_of
from pypedream_dagster.deploy.delta_job import delta_code_uris, delta_origin
from pypedream_dagster.errors import BranchError, ProtectedError
from pypedream_dagster.graph.model import MAIN, PipelineGraph
from pypedream_dagster.graph.uri import parse_uri
from pypedream_dagster.local_aws.access.policy import Decision, PolicyDocument, decide, parse_policy
from tests.iam_lint import iam_faults

from .strategies import branch_names, graphs, plain_names

GLUE = "arn:aws:glue:us-east-1:123456789012:"
TAGGED = {"aws:requesttag/pypedream:branch": "x", "aws:resourcetag/pypedream:branch": "x"}
OBJECT_WRITES = ("s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject", "s3:DeleteObjectVersion")
JOB_WRITES = ("glue:CreateJob", "glue:UpdateJob", "glue:DeleteJob", "glue:TagResource")


def printed(graph: PipelineGraph, audience: Audience = "developer", branches: str = "*") -> list[PolicyDocument]:
    documents = policies(audience, reach_of(graph, branches), Account())
    assert all(length(document) <= MAX_MANAGED_CHARACTERS for document in documents)
    return [parse_policy(json.dumps(document)) for document in documents]


def allows(documents: list[PolicyDocument], action: str, resource: str, branch: str = "x") -> bool:
    context = dict.fromkeys(TAGGED, branch)
    return decide(documents, action, resource, context) is Decision.ALLOW


def derived(graph: PipelineGraph, branch: str) -> BranchGraph:
    origins = [node.id for node in graph.nodes if node.is_job]
    assume(origins)
    try:
        return derive_branch(graph, branch, origins[:1])
    except (BranchError, ProtectedError):
        assume(False)
        raise


def place(graph: PipelineGraph) -> None:
    """Leave out pipelines in which no job has a place to write: no branch, and no policy."""
    try:
        reach_of(graph)
    except BranchError:
        assume(False)


@given(graph=graphs(), branch=plain_names | branch_names)
def test_a_branch_can_be_made_and_destroyed(graph: PipelineGraph, branch: str) -> None:
    one = derived(graph, branch)
    documents = printed(graph)
    objects = [f"{prefix}data/part-0" for prefix in one.write_prefixes]
    objects += [naming.claim_uri(prefix) for prefix in one.write_prefixes]
    objects += [f"{naming.claim_uri(prefix).rstrip('$')}_lease$" for prefix in one.write_prefixes]
    objects += [naming.folder_marker(prefix) for prefix in one.write_prefixes]
    objects += [output.head_uri for _, output in one.datasets()]
    objects += [node.script_uri for node in one.clones if node.script_uri]
    objects += delta_code_uris(one)
    for uri in objects:
        for action in ("s3:GetObject", *OBJECT_WRITES):
            assert allows(documents, action, f"arn:aws:s3:::{_at(uri)}"), (action, uri)
    jobs = [node.job for node in one.clones] + [naming.delta_job(delta_origin(one).job)]
    jobs += [f"{node.production_job}-{branch}" for node in one.nodes]  # jobs that forbid other arguments
    for job in jobs:
        for action in (*JOB_WRITES, "glue:GetJob", "glue:GetTags", "glue:StartJobRun"):
            assert allows(documents, action, f"{GLUE}job/{job}"), (action, job)
    for database in one.databases:
        for action in ("glue:CreateDatabase", "glue:DeleteDatabase", "glue:GetTags"):
            assert allows(documents, action, f"{GLUE}database/{database}")
        assert allows(documents, "glue:CreateTable", f"{GLUE}table/{database}/gold")
    for node in one.nodes:
        for action in ("glue:GetJob", "glue:StartJobRun"):
            assert allows(documents, action, f"{GLUE}job/{node.production_job}")
        for output in node.outputs:
            assert allows(documents, "s3:GetObject", f"arn:aws:s3:::{parse_uri(output.base_uri).folder}part-0")


@given(graph=graphs())
def test_nothing_of_mains_can_be_written(graph: PipelineGraph) -> None:
    place(graph)
    documents = printed(graph)
    for node in (node for node in graph.nodes if node.is_job):
        for action in JOB_WRITES:
            assert not allows(documents, action, f"{GLUE}job/{node.job_name(MAIN)}"), (action, node.id)
        uris = [f"{data.base_uri.rstrip('/')}/part-0" for data in node.outputs.values()]
        uris += [str(node.script_template).replace("{branch-name}", MAIN)] if node.script_template else []
        for uri in uris:
            for action in OBJECT_WRITES:
                assert not allows(documents, action, f"arn:aws:s3:::{_at(uri)}"), (action, uri)
        for data in node.outputs.values():
            if data.table:
                database, _, table = data.table.partition(".")
                assert not allows(documents, "glue:DeleteTable", f"{GLUE}table/{database}/{table}")
                assert not allows(documents, "glue:DeleteDatabase", f"{GLUE}database/{database}")


@settings(max_examples=12)  # the linter takes its time
@given(graph=graphs(max_nodes=6), audience=st.sampled_from(AUDIENCES))
def test_every_audiences_policy_is_one_that_iam_takes(graph: PipelineGraph, audience: Audience) -> None:
    place(graph)
    for document in policies(audience, reach_of(graph), Account("123456789012", "eu-west-1")):
        assert iam_faults(document) == []


@given(graph=graphs(), branch=plain_names)
def test_a_pattern_of_names_keeps_other_branches_out(graph: PipelineGraph, branch: str) -> None:
    one = derived(graph, branch)
    place(graph)
    documents = printed(graph, branches="dev-*")
    assert not fnmatchcase(branch, "dev-*")
    for node in one.clones:
        if "dev" not in node.job:
            assert not allows(documents, "glue:DeleteJob", f"{GLUE}job/{node.job}", branch)
    for prefix in one.write_prefixes:
        if "dev" not in prefix:
            assert not allows(documents, "s3:DeleteObject", f"arn:aws:s3:::{_at(prefix)}x")


@pytest.mark.parametrize("branches", ["m*", "ma*n", "Dev-*", "a b", "", "?x"])
def test_a_pattern_that_is_none_or_includes_main_is_refused(branches: str) -> None:
    graph = PipelineGraph(nodes=())
    with pytest.raises(BranchError):
        reach_of(graph, branches)


def _at(uri: str) -> str:
    return uri.partition("://")[2]
