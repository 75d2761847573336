"""The branches of a project as AWS knows them, by their tags: whether or not their folder is on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from pypedream_dagster.aws.s3 import S3Object
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.branch.model import Branch
from pypedream_dagster.deploy.search import Found, find_tagged
from pypedream_dagster.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class OnAws:
    """A branch as its tags tell it.

    Attributes:
        expires_on: the last day that it is kept, UTC; None where no tag says a day.
        found: its Glue jobs, catalog databases and claimed prefixes.
    """

    name: str
    owner: str
    project: str
    expires_on: date | None
    found: tuple[Found, ...]

    @property
    def expires_at(self) -> datetime | None:
        """The end of its last day: the tag says no hour, and in doubt a branch is kept."""
        if self.expires_on is None:
            return None
        return datetime.combine(self.expires_on + timedelta(days=1), time(), tzinfo=UTC)

    def identities(self, kind: str) -> tuple[str, ...]:
        """Return the names or URIs of one kind."""
        return tuple(item.identity for item in self.found if item.kind == kind)

    def is_of(self, branch: Branch) -> bool:
        """Tell whether this is the branch that a folder describes, not another of the same name."""
        return (self.name, self.owner, self.project) == (
            branch.name,
            naming.tag_value(branch.owner),
            naming.tag_value(branch.project),
        )


def branches_on_aws(aws: Aws, project: str, parents: Iterable[str]) -> tuple[OnAws, ...]:
    """Return the branches of a project that have something on AWS, by name.

    Args:
        aws: the clients.
        project: its name.
        parents: the prefixes below which branches have their folders: claims are looked for there.
    """
    wanted = {naming.TAG_PROJECT: naming.tag_value(project)}
    places = [root for parent in parents for root in claimed_roots(aws, parent)]
    groups: dict[tuple[str, str], list[Found]] = {}
    for item in find_tagged(aws, wanted, places=places, skips_denied=True):
        if naming.TAG_BRANCH in item.tags:
            groups.setdefault((item.tags[naming.TAG_BRANCH], item.tags.get(naming.TAG_OWNER, "")), []).append(item)
    return tuple(
        OnAws(name, owner, wanted[naming.TAG_PROJECT], _latest(found), tuple(found))
        for (name, owner), found in sorted(groups.items())
    )


def claimed_roots(aws: Aws, parent: str) -> Iterator[str]:
    """Give the prefixes directly below another that a claim lies beside, whoever's it is."""
    try:
        _, objects = aws.s3.list_level(parent)
    except NotFoundError:  # a bucket that is gone holds no branches
        return
    for item in objects:
        root = naming.root_beside(item.uri)
        if root is not None and item.uri == naming.claim_uri(root):
            yield root


def beside(aws: Aws, root: str) -> list[S3Object]:
    """Return what commands under way wrote beside a prefix: all that is ours there but the claim."""
    start = naming.claim_uri(root).removesuffix("$") + "_"
    try:
        return [item for item in aws.s3.list_objects(start) if naming.root_beside(item.uri) == root]
    except NotFoundError:
        return []


def _latest(found: Iterable[Found]) -> date | None:
    """Return the latest day that a resource's tags name: one that was prolonged in part is not expired."""
    days = []
    for item in found:
        try:
            days.append(date.fromisoformat(item.tags.get(naming.TAG_EXPIRES, "")))
        except ValueError:
            continue
    return max(days, default=None)
