"""The lifecycle rule for branches in a bucket's configuration: read, merged, written, read again.

S3 has no conditional write for it. So it is read once more just before it is written, and after: what somebody else
changed at the same time is noticed, and never lost unnoticed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.lifecycle import MAX_RULES, Offer, Rule, is_legacy, merged, rule_of
from pypedream_dagster.errors import NotFoundError, StateError
from pypedream_dagster.graph.uri import is_uri, parse_uri

Configuration = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a bucket's lifecycle configuration.

    Attributes:
        before, after: the configurations; None where there is none.
    """

    bucket: str
    before: Configuration | None
    after: Configuration | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to change."""
        return _same(self.before, self.after)


def checked(aws: Aws, offer: Offer, branches: frozenset[str]) -> Offer:
    """Return the offer, refused if there is something below its prefix now that is no branch's.

    Args:
        aws: the clients.
        offer: by the graph alone.
        branches: the folders, as URIs, that are known as branches'.
    """
    if offer.refusal is not None:
        return offer
    try:
        folders, objects = aws.s3.list_level(offer.uri)
    except NotFoundError:
        return Offer(offer.bucket, offer.prefix, offer.templates, "there is no such bucket")
    claimed = {naming.root_beside(item.uri) for item in objects} | set(branches)
    strange = [folder for folder in folders if not any(_touch(folder, root) for root in claimed if root)]
    ours = [item for item in objects if naming.root_beside(item.uri) or item.uri.endswith(("_$folder$", "/"))]
    strange += [item.uri for item in objects if item not in ours]
    if not strange:
        return offer
    more = f" and {len(strange) - 1:,} more" if len(strange) > 1 else ""
    reason = f"{strange[0]}{more} lies there, and is no branch's that is known: the rule would expire it"
    return Offer(offer.bucket, offer.prefix, offer.templates, reason)


def plan_rules(aws: Aws, bucket: str, offered: tuple[Offer, ...], project: str, days: int) -> Change:
    """Return what puts a project's rules into a bucket's configuration; without offers, what removes them.

    Raises:
        NotFoundError: no such bucket.
        StateError: the bucket has as many rules as it may.
    """
    before = aws.s3.lifecycle(bucket)
    existing: list[Rule] = list(before["Rules"]) if before else []
    others = merged(existing, [], project)
    ours = [rule_of(project, offer, days, legacy=is_legacy(others)) for offer in offered if offer.refusal is None]
    rules = merged(existing, ours, project)
    if len(rules) > MAX_RULES:
        raise StateError(
            f"Bucket {bucket} has {len(others):,} lifecycle rules; with ours it would have more than {MAX_RULES:,}.",
            hint="remove rules that are not needed, then run the command again",
        )
    after = {**(before or {}), "Rules": rules} if rules else None
    return Change(bucket, before, after)


def apply_change(aws: Aws, change: Change) -> None:
    """Write a bucket's configuration.

    Raises:
        StateError: somebody else changed it meanwhile.
    """
    if change.is_empty:
        return
    if not _same(aws.s3.lifecycle(change.bucket), change.before):
        raise _conflict(change.bucket, "nothing was written")
    aws.s3.put_lifecycle(change.bucket, change.after)
    if not _same(aws.s3.lifecycle(change.bucket), change.after):
        raise _conflict(change.bucket, "it was written, and reads otherwise now")


def canonical(configuration: Configuration | None) -> list[str]:
    """Return a configuration's parts as lines of JSON that compare."""
    if configuration is None:
        return []
    rest = {key: value for key, value in configuration.items() if key != "Rules"}
    rules = [json.dumps(rule, sort_keys=True, default=str) for rule in configuration["Rules"]]
    return [*rules, *([json.dumps(rest, sort_keys=True)] if rest else [])]


def _same(one: Configuration | None, other: Configuration | None) -> bool:
    # S3 promises no order in its answers.
    return sorted(canonical(one)) == sorted(canonical(other))


def _conflict(bucket: str, state: str) -> StateError:
    return StateError(
        f"The lifecycle configuration of bucket {bucket} was changed by somebody else meanwhile: {state}.",
        hint="look at it (aws s3api get-bucket-lifecycle-configuration), then run the command again",
    )


def _touch(folder: str, root: str) -> bool:
    return is_uri(folder) and parse_uri(folder).overlaps(parse_uri(root))
