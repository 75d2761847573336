"""The session policy of a branch's job run: it may read, and write what is the run's own; all else is denied.

Given to StartJobRun as ``ExecutionRoleSessionPolicy``; a session policy can only narrow the role. What is listed is
what may be done, so what nobody thought of (a queue, a table of another database, an action that AWS adds tomorrow)
is denied as well. It is denied explicitly: a resource policy that names the session itself overrules what a session
policy merely does not allow. https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session

A run's own are, on S3, the prefixes of :func:`own_uris` and, in the catalog, the databases of its node's outputs.
Why so, and what that costs: docs/decisions/0011-allow-list-per-node.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.isolation import PLACES
from pypedream_dagster.branch.model import BranchGraph, BranchNode
from pypedream_dagster.branch.widening import MARKER, Widened, narrowest
from pypedream_dagster.errors import ProtectedError
from pypedream_dagster.graph.uri import S3Uri, parse_uri

MAX_POLICY_CHARACTERS = 2048
"""Glue's limit for ExecutionRoleSessionPolicy."""

# What reading needs, on any resource that the role may read.
_READS = ["s3:GetObject*", "s3:GetBucket*", "s3:List*", "glue:Get*", "glue:BatchGet*", "glue:List*", "glue:Search*"]
_READS += ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
_READS += ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "ssm:GetParameter*"]
_READS += ["dynamodb:BatchGet*", "dynamodb:Describe*", "dynamodb:Get*", "dynamodb:Query", "dynamodb:Scan"]
_READS += ["kinesis:Describe*", "kinesis:Get*", "kinesis:List*", "ec2:Describe*"]
# What Glue itself does in the job's role: logs, metrics, and the network of a connection.
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSGlueServiceRole.html
_RUNTIME = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:AssociateKmsKey"]
_RUNTIME += ["cloudwatch:PutMetricData", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"]
_RUNTIME += ["ec2:CreateTags", "ec2:DeleteTags"]
# Not even on what is the run's own. Lake Formation and other people's Glue sessions act with further roles; tags say
# whose a resource is; who holds an object or writes a catalog's own settings would outlive the branch.
_NEVER = ["iam:*", "sts:*", "lakeformation:*", "glue:GetSession*", "glue:Start*", "glue:TagResource"]
# "*eCatalog" is Create, Update and Delete, but not Get.
_NEVER += ["glue:UntagResource", "glue:Put*", "glue:Import*", "glue:*eCatalog", "glue:DeleteResourcePolicy"]
_NEVER += ["s3:PutObjectLegalHold", "s3:PutObjectRetention"]
# Of what Glue itself does, no more than it does: production's alarms look at other metrics, other things have tags.
_OTHERWISE: list[dict[str, Any]] = [
    {
        "Effect": "Deny",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": {"StringNotEquals": {"cloudwatch:namespace": "Glue"}},
    },
    {
        "Effect": "Deny",
        "Action": ["ec2:CreateTags", "ec2:DeleteTags"],
        "NotResource": "arn:aws:ec2:*:*:network-interface/*",
    },
]
_CATALOG = "arn:aws:glue:*:*:catalog"


def session_policy(graph: BranchGraph, node: BranchNode) -> str:
    """Return the policy document of the runs of one of a branch's nodes, without white space.

    Raises:
        ProtectedError: no policy that Glue takes lets the node write what is its own and nothing of main's, or
            ``graph`` is main's.
    """
    if graph.is_main:
        raise ProtectedError("Main's runs take no session policy.")
    own = own_uris(graph, node)
    for databases in _databases(graph, node):

        def document(objects: Widened, databases: tuple[str, ...] = databases) -> str:
            return _document(objects, databases, graph.read_actions)

        found = narrowest(
            own,
            lambda objects, document=document: len(document(objects)) <= MAX_POLICY_CHARACTERS,  # type: ignore[misc]
            protected=[parse_uri(uri) for uri in graph.protected_uris],
            objects=[parse_uri(other.script_uri) for other in graph.nodes if other.script_uri],
            markers=_markers(graph, own),
            sign=graph.branch,
        )
        if found is not None:
            return document(found)
    raise ProtectedError(
        f"Node {node.id!r} of branch {graph.branch!r} writes to {len(own)} separate prefixes and no session policy of "
        f"{MAX_POLICY_CHARACTERS} characters, which is all that Glue takes, can hold it to them and keep main's URIs "
        "out of its reach.",
        hint="put {branch-name} further to the front of the URI templates, so that they share a prefix"
        + (", or name fewer branch_actions" if graph.read_actions else ""),
    )


def check_policies(graph: BranchGraph) -> int:
    """Return the length in characters of the longest session policy among a branch's nodes.

    Raises:
        ProtectedError: a node has none.
    """
    return max(len(session_policy(graph, node)) for node in graph.nodes)


def results_policy(results_uri: str) -> str:
    """Return the policy document of a run that reads what its role may read, and writes below one prefix."""
    found = narrowest([parse_uri(results_uri)], lambda _: True)
    assert found is not None
    return _document(found, (), ())


def own_uris(graph: BranchGraph, node: BranchNode) -> list[S3Uri]:
    """Return the prefixes that a node's runs may write, none inside another.

    An origin's script is being changed, and may write what the graph does not know yet: its own are the branch's
    prefixes that hold its outputs. A node downstream runs main's script: its own are its outputs. Either has the
    place of its temporary data.
    """
    wanted = [parse_uri(naming.temporary_uri(graph.write_prefixes[0], node.id))]
    wanted += [parse_uri(node.arguments[name]) for name in PLACES if name in node.arguments]
    outputs = [parse_uri(output.head_uri) for output in node.outputs]
    if node.is_origin:
        roots = [parse_uri(prefix) for prefix in graph.write_prefixes]
        outputs += [root for root in roots if any(root.contains(uri) for uri in outputs)] or roots[:1]
    outer: list[S3Uri] = []
    for uri in sorted({*wanted, *outputs}, key=lambda uri: uri.folder):
        if not outer or not outer[-1].contains(uri):
            outer.append(uri)
    return outer


def _markers(graph: BranchGraph, own: Iterable[S3Uri]) -> list[str]:
    """Return patterns of the empty objects that mark folders between the branch's prefixes and a run's own.

    S3A marks a folder by an object whose key ends in ``/``, EMR's and Glue's file systems by one beside it.
    """
    between = (root for root in map(parse_uri, graph.write_prefixes) for uri in own if root.contains(uri))
    roots = dict.fromkeys(root.folder for root in between if root not in own)
    return [pattern for root in roots for pattern in (f"{root}*/", f"{root}*{MARKER}", f"{root[:-1]}{MARKER}")]


def _databases(graph: BranchGraph, node: BranchNode) -> Iterator[tuple[str, ...]]:
    """Give the databases of a node's outputs; then, for a node with too many, the one pattern that holds them."""
    tables = [output.head_table for output in node.outputs if output.head_table]
    exact = tuple(sorted({table.partition(".")[0] for table in tables}))
    yield exact
    pattern = naming.databases_pattern(graph.branch)
    mains = {output.base_table for _, output in graph.datasets() if output.base_table}
    if len(exact) > 1 and not any(table.startswith(pattern.rstrip("*")) for table in mains):
        yield (pattern,)


def _document(objects: Widened, databases: Iterable[str], further_reads: Iterable[str]) -> str:
    own = [naming.arn(pattern) for pattern in objects.allowed]
    for database in databases:
        own += [f"arn:aws:glue:*:*:database/{database}", f"arn:aws:glue:*:*:table/{database}/*"]
        own += [_CATALOG] if _CATALOG not in own else []
    allowed = [*_READS, *_RUNTIME, *further_reads]
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "NotAction": allowed, "NotResource": own},
        {"Effect": "Deny", "Action": _NEVER, "Resource": "*"},
    ]
    statements += _OTHERWISE
    if objects.denied:
        mains = [naming.arn(pattern) for pattern in objects.denied]
        statements.append({"Effect": "Deny", "NotAction": ["s3:Get*", "s3:List*"], "Resource": mains})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
