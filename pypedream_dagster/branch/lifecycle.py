"""Which S3 lifecycle rule may stand for a project's branches, by the templates of main's graph alone. Pure.

The prefixes of branches to come are not known, and what Glue jobs write carries no tags. So a static rule is sound
only where all that begins with one prefix is branches', and nothing of main's is there, lies above it, or could.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pypedream_dagster.branch import naming
from pypedream_dagster.branch.places import branch_templates
from pypedream_dagster.graph.model import MAIN, PipelineGraph, render
from pypedream_dagster.graph.uri import BRANCH_PLACEHOLDER, S3Uri, parse_uri

Rule = dict[str, Any]
"""A rule as boto3 takes and gives it."""

MAX_RULES = 1000
_ID = "pypedream-branches"
_UPLOAD_DAYS = 7


@dataclass(frozen=True, slots=True)
class Offer:
    """A prefix that branches share, and why a rule for it may not be.

    Attributes:
        bucket, prefix: as in the rule: a string that keys begin with, not a folder.
        templates: of which branches' prefixes these are.
        refusal: why there is no rule for it; None if there may be one.
    """

    bucket: str
    prefix: str
    templates: tuple[str, ...]
    refusal: str | None = None

    @property
    def uri(self) -> str:
        """The prefix as a reader knows it."""
        return f"s3://{self.bucket}/{self.prefix}"


def offers(graph: PipelineGraph, main_uris: tuple[str, ...]) -> tuple[Offer, ...]:
    """Return, for each prefix that branches share, whether a rule for it is sound.

    Args:
        graph: of main.
        main_uris: what main reads and writes.
    """
    shared: dict[tuple[str, str], list[str]] = {}
    for template in branch_templates(graph):
        bucket, _, key = template.removeprefix("s3://").partition("/")
        shared.setdefault((bucket, key.partition(BRANCH_PLACEHOLDER)[0]), []).append(template)
    mains = [parse_uri(uri) for uri in {*main_uris, *_bases(graph)}]
    found = []
    for (bucket, prefix), templates in sorted(shared.items()):
        refusal = None
        if BRANCH_PLACEHOLDER in bucket:
            refusal = "each branch has a bucket of its own"
        elif uri := next((uri for uri in mains if _meets(uri, bucket, prefix)), None):
            refusal = f"main's {uri} lies there"
        found.append(Offer(bucket, prefix, tuple(templates), refusal))
    return tuple(found)


def what_to_change(offer: Offer) -> str:
    """Return how templates would have to be for a rule to be sound."""
    template = offer.templates[0]
    parent = naming.template_parent(template)
    rest = template[len(parent) :]
    return (
        f"give main's places names outside of what branches share: such as 'uri': '{parent}branches/{rest}' with "
        f"'main_uri': '{render(template, MAIN)}'; a script's location likewise"
    )


def rule_of(project: str, offer: Offer, days: int, *, legacy: bool = False) -> Rule:
    """Return the rule that expires what lies below an offered prefix.

    Args:
        project: its name: the rule's id says whose it is.
        offer: without refusal.
        days: after which objects, and versions that are not current any more, go.
        legacy: with a ``Prefix`` in place of a ``Filter``: S3 takes no configuration that mixes the two.
    """
    where: Rule = {"Prefix": offer.prefix} if legacy else {"Filter": {"Prefix": offer.prefix}}
    return {
        "ID": f"{rule_id_start(project)}{offer.prefix}"[:255],
        "Status": "Enabled",
        **where,
        # With Days, S3 also removes delete markers that are left alone.
        "Expiration": {"Days": days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": min(days, _UPLOAD_DAYS)},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": min(days, _UPLOAD_DAYS)},
    }


def rule_id_start(project: str) -> str:
    """Return how the ids of a project's rules begin, and of no other's."""
    return f"{_ID}:{naming.tag_value(project)[:100]}:"


def merged(existing: list[Rule], ours: list[Rule], project: str) -> list[Rule]:
    """Return a bucket's rules with ours in them: every other rule stays, as it is and where it is.

    Args:
        existing: as S3 gives them.
        ours: those that shall be there of the project's; an empty list removes them.
        project: its name.
    """
    start, waiting = rule_id_start(project), {rule["ID"]: rule for rule in ours}
    kept: list[Rule] = []
    for rule in existing:
        if not str(rule.get("ID", "")).startswith(start):
            kept.append(rule)
        elif rule["ID"] in waiting:
            kept.append(waiting.pop(rule["ID"]))
    return [*kept, *waiting.values()]


def is_legacy(rules: list[Rule]) -> bool:
    """Tell whether a configuration has the form that names prefixes outside of filters."""
    return any("Prefix" in rule for rule in rules) and not any("Filter" in rule for rule in rules)


def _bases(graph: PipelineGraph) -> set[str]:
    return {data.base_uri for node in graph.nodes for data in node.outputs.values()}


def _meets(main: S3Uri, bucket: str, prefix: str) -> bool:
    """Tell whether what begins with a prefix could be main's, or lies in what is: when in doubt, yes."""
    if not main.is_known:
        start = f"{main.bucket}/{main.key}".partition("${")[0]
        return f"{bucket}/{prefix}".startswith(start) or start.startswith(f"{bucket}/{prefix}")
    if main.bucket != bucket:
        return False
    folder = main.folder.partition("/")[2]  # "" for a whole bucket
    return folder.startswith(prefix) or prefix.startswith(folder) or main.key.startswith(prefix)


def by_bucket(found: tuple[Offer, ...]) -> Mapping[str, tuple[Offer, ...]]:
    """Group offers by their bucket."""
    return {bucket: tuple(one for one in found if one.bucket == bucket) for bucket in {one.bucket for one in found}}
