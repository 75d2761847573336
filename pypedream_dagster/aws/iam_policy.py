"""From what an audience calls and what a pipeline reaches to IAM policies, split where one would be too long: pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from pypedream_dagster.aws.permissions import Audience, Target, calls_of
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.reach import Reach, holds

MAX_MANAGED_CHARACTERS = 6144
"""Of a managed policy, white space not counted; inline, a user's policies may have 2,048 in all, a role's 10,240.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

_MAIN = {Target.MAIN_OBJECTS: Target.BRANCH_OBJECTS, Target.MAIN_JOBS: Target.BRANCH_JOBS}
"""What is main's, and what of the branches' has names of the same shape."""

_KEPT = {
    "KeepMainObjects": (Target.BRANCH_OBJECTS,),
    "KeepMainJobs": (Target.BRANCH_JOBS, Target.NEW_JOBS, Target.OWN_JOBS),
    "KeepMainCatalog": (Target.CATALOG,),
}


@dataclass(frozen=True, slots=True)
class Account:
    """Where the policy is for; ``*`` where it is not said.

    Attributes:
        account: twelve digits.
        partition: ``aws``, ``aws-cn`` or ``aws-us-gov``.
    """

    account: str = "*"
    region: str = "*"
    partition: str = "aws"

    def s3(self, pattern: str) -> str:
        """Return the ARN of a bucket or of objects."""
        return f"arn:{self.partition}:s3:::{_literal(pattern)}"

    def glue(self, resource: str) -> str:
        """Return the ARN of a resource such as ``job/x-*``."""
        return f"arn:{self.partition}:glue:{self.region}:{self.account}:{_literal(resource)}"

    def role(self, role: str) -> str:
        """Return the ARN of a role that is given by name or by ARN already."""
        plain = _literal(role)
        return plain if role.startswith("arn:") else f"arn:{self.partition}:iam::{self.account}:role/{plain}"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: dict[str, dict[str, str]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as a policy holds it."""
        condition = {"Condition": self.conditions} if self.conditions else {}
        return {
            "Sid": self.sid,
            "Effect": self.effect,
            "Action": list(self.actions),
            "Resource": list(self.resources),
            **condition,
        }


def statements(audience: Audience, reach: Reach, account: Account) -> tuple[Statement, ...]:
    """Return what an audience is allowed, and before it what is kept from it: one statement for each kind of thing."""
    wanted: dict[Target, set[str]] = {target: set() for target in Target}
    for call in calls_of(audience):
        for target in call.targets:
            wanted[target].add(call.action)
    wanted[Target.CATALOG] -= wanted[Target.TABLES]  # on all tables, the branches' among them
    allowed = []
    for target, actions in wanted.items():
        resources = _resources(target, reach, account)
        if target in _MAIN and actions <= wanted[_MAIN[target]]:
            # Where branches may have any name, their patterns hold most of main's: it need not be said twice.
            wider = _resources(_MAIN[target], reach, account)
            resources = tuple(one for one in resources if not any(holds(pattern, one) for pattern in wider))
        if actions and resources:
            condition = _condition(target, reach)
            allowed.append(Statement(target.value, "Allow", tuple(sorted(actions)), resources, condition))
    return (*_kept(wanted, reach, account), *allowed)


def policies(audience: Audience, reach: Reach, account: Account) -> tuple[dict[str, Any], ...]:
    """Return the policy documents: as many as it takes for each to be short enough. All have to be attached."""
    packed: list[list[Statement]] = [[]]
    for statement in statements(audience, reach, account):
        for part in _parts(statement):
            if packed[-1] and length(_document([*packed[-1], part])) > MAX_MANAGED_CHARACTERS:
                packed.append([])
            packed[-1].append(part)
    return tuple(_document(part) for part in packed)


def length(document: dict[str, Any]) -> int:
    """Return a policy's size as IAM counts it: characters without white space."""
    return len(json.dumps(document, separators=(",", ":")))


def _document(parts: Sequence[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [part.document() for part in parts]}


def _parts(statement: Statement) -> Iterator[Statement]:
    """Give a statement in parts that fit, its resources shared out."""
    if length(_document([statement])) <= MAX_MANAGED_CHARACTERS or len(statement.resources) < 2:
        yield statement
        return
    middle = len(statement.resources) // 2
    for index, resources in enumerate((statement.resources[:middle], statement.resources[middle:]), start=1):
        part = Statement(
            f"{statement.sid}{index}", statement.effect, statement.actions, resources, statement.conditions
        )
        yield from _parts(part)


def _kept(wanted: dict[Target, set[str]], reach: Reach, account: Account) -> Iterator[Statement]:
    """Give the denials: on what the branches' patterns hold of main's, all that is allowed on branches only."""
    on_main = {action for target in _MAIN for action in wanted[target]}
    kept = {
        "KeepMainObjects": [account.s3(pattern) for pattern in reach.kept_objects],
        "KeepMainJobs": [account.glue(f"job/{name}") for name in reach.kept_jobs],
        "KeepMainCatalog": [
            account.glue(text) for name in reach.kept_databases for text in (f"database/{name}", f"table/{name}/*")
        ],
    }
    for sid, targets in _KEPT.items():
        denied = {action for target in targets for action in wanted[target]} - on_main
        if kept[sid] and denied:
            yield Statement(sid, "Deny", tuple(sorted(denied)), tuple(kept[sid]))


def _resources(target: Target, reach: Reach, account: Account) -> tuple[str, ...]:
    match target:
        case Target.ACCOUNT:
            return ("*",)
        case Target.BUCKETS:
            return tuple(account.s3(bucket) for bucket in reach.buckets)
        case Target.MAIN_OBJECTS:
            return tuple(account.s3(pattern) for pattern in reach.main_objects)
        case Target.BRANCH_OBJECTS:
            return tuple(account.s3(pattern) for pattern in reach.branch_objects)
        case Target.LEASES:
            return tuple(account.s3(pattern) for pattern in reach.leases)
        case Target.MAIN_JOBS:
            return tuple(account.glue(f"job/{name}") for name in reach.main_jobs)
        case Target.BRANCH_JOBS | Target.NEW_JOBS | Target.OWN_JOBS:
            return tuple(account.glue(f"job/{pattern}") for pattern in reach.branch_jobs)
        case Target.CATALOG:
            below = ("database/{}", "table/{}/*", "userDefinedFunction/{}/*")
            return tuple(account.glue(text) for text in ("catalog", *(one.format(reach.databases) for one in below)))
        case Target.DATABASES:
            return (account.glue("catalog"), account.glue("database/*"))
        case Target.TABLES:
            return tuple(account.glue(text) for text in ("catalog", "database/*", "table/*/*"))
        case Target.CONNECTIONS:
            names = [account.glue(f"connection/{name}") for name in reach.connections]
            return (account.glue("catalog"), *names) if names else ()
        case Target.ROLES:
            unknown = ["*"] if reach.roleless else []
            return tuple(account.role(role) for role in (*reach.roles, *unknown))
        case _:
            assert_never(target)


def _condition(target: Target, reach: Reach) -> dict[str, dict[str, str]]:
    match target:
        case Target.NEW_JOBS:
            return {"StringLike": {f"aws:RequestTag/{naming.TAG_BRANCH}": reach.branches}}
        case Target.OWN_JOBS:
            return {"StringLike": {f"aws:ResourceTag/{naming.TAG_BRANCH}": reach.branches}}
        case Target.ROLES:
            return {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
        case _:
            return {}


def resources_in_words(target: Target) -> str:
    """Return what a target is, for a reader."""
    match target:
        case Target.ACCOUNT:
            return "the whole account"
        case Target.BUCKETS:
            return "the buckets of main and the branches"
        case Target.MAIN_OBJECTS:
            return "main's datasets and scripts"
        case Target.BRANCH_OBJECTS:
            return "the branches' prefixes"
        case Target.LEASES:
            return "the claims and leases beside the branches' prefixes"
        case Target.MAIN_JOBS:
            return "main's jobs"
        case Target.BRANCH_JOBS:
            return "the branches' jobs"
        case Target.NEW_JOBS:
            return "the branches' jobs, where the request brings the branch's tag"
        case Target.OWN_JOBS:
            return "the branches' jobs that carry a branch's tag"
        case Target.CATALOG:
            return "the catalog, the branches' databases and their tables"
        case Target.DATABASES:
            return "the catalog and the names of all databases"
        case Target.TABLES:
            return "the catalog, all databases and their tables"
        case Target.CONNECTIONS:
            return "the connections of main's jobs"
        case Target.ROLES:
            return "the roles of main's jobs, passed to Glue only"
        case _:
            assert_never(target)


def _literal(text: str) -> str:
    # "${" starts a policy variable; "${$}" is a plain "$".
    return text.replace("${", "${$}{")
