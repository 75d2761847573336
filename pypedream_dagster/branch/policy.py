"""The session policy of a branch's job runs: what the job's role allows, less every write that is not the branch's.

Given to StartJobRun as ``ExecutionRoleSessionPolicy``; a session policy can only narrow the role.
Its size depends on the branch's write prefixes, not on its datasets. Where each dataset has a prefix of its own
(``s3://lake/<dataset>/{branch-name}/``) the prefixes are widened to one pattern, and main is denied by another.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
"""

from __future__ import annotations

import json
from typing import Any

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import BranchGraph
from pypedream_dagster.branch.widening import widen
from pypedream_dagster.errors import ProtectedError

MAX_POLICY_CHARACTERS = 2048
"""Glue's limit for ExecutionRoleSessionPolicy."""

_S3_WRITES = ["s3:Put*", "s3:Delete*", "s3:Abort*", "s3:Restore*", "s3:Replicate*", "s3:Create*", "s3:Update*"]
_CATALOG_WRITES = ["glue:Create*", "glue:Update*", "glue:Delete*", "glue:BatchCreate*", "glue:BatchUpdate*"]
_CATALOG_WRITES += ["glue:BatchDelete*", "glue:Put*", "glue:Import*", "glue:Tag*", "glue:Untag*"]
_NEVER = ["glue:ResetJobBookmark", "glue:Start*", "glue:Stop*", "glue:BatchStop*", "glue:Run*", "sts:AssumeRole*"]
_NEVER += ["iam:*", "lakeformation:Grant*", "lakeformation:Revoke*"]


def session_policy(graph: BranchGraph) -> str:
    """Return the policy document of a branch's runs, without white space.

    Raises:
        ProtectedError: the policy would be longer than Glue takes, or ``graph`` is main's.
    """
    if graph.is_main:
        raise ProtectedError("Main's runs take no session policy.")
    text = _policy(graph, [arn for prefix in graph.write_prefixes for arn in naming.object_arns(prefix)], [])
    if len(text) > MAX_POLICY_CHARACTERS and (wider := widen(graph)):
        text = _policy(graph, *wider)
    if len(text) > MAX_POLICY_CHARACTERS:
        raise ProtectedError(
            f"Branch {graph.branch!r} writes to {len(graph.write_prefixes)} separate prefixes: a session policy that "
            f"allows them has {len(text)} characters, and Glue takes {MAX_POLICY_CHARACTERS}.",
            hint="put {branch-name} further to the front of the URI templates, so that they share a prefix",
        )
    return text


def results_policy(results_uri: str) -> str:
    """Return the policy document of a run that reads what its role may read, and writes below one prefix."""
    return _document((), list(naming.object_arns(results_uri)), [])


def _policy(graph: BranchGraph, own_objects: list[str], mains_objects: list[str]) -> str:
    return _document(graph.databases, own_objects, mains_objects)


def _document(databases: tuple[str, ...], own_objects: list[str], mains_objects: list[str]) -> str:
    own_catalog = ["arn:aws:glue:*:*:catalog"] if databases else []
    for database in databases:
        own_catalog += [f"arn:aws:glue:*:*:database/{database}", f"arn:aws:glue:*:*:table/{database}/*"]
    catalog: dict[str, Any] = {"Effect": "Deny", "Action": _CATALOG_WRITES}
    catalog |= {"NotResource": own_catalog} if own_catalog else {"Resource": "*"}
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": _S3_WRITES, "NotResource": own_objects},
        catalog,
        {"Effect": "Deny", "Action": _NEVER, "Resource": "*"},
    ]
    if mains_objects:
        statements.append({"Effect": "Deny", "Action": _S3_WRITES, "Resource": mains_objects})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
